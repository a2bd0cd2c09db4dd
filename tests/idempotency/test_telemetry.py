"""The hook for OpenTelemetry, with its own SDK that keeps in memory what it is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from delivery_semantics.idempotency import STRIPE, KeyName, KeyOutcome, OncePerKey
from delivery_semantics.idempotency.outcomes import LEVELS
from delivery_semantics.idempotency.telemetry import opentelemetry_hook

if TYPE_CHECKING:
    from starlette.requests import Request

    from tests.idempotency.conftest import Bed

NAME = KeyName("alice", "POST /charges", "k1")


class Observed:
    """Spans and counts in memory, and the hook that makes them."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.hook = opentelemetry_hook(self.tracers, MeterProvider([self.reader]))

    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def counts(self) -> dict[tuple[tuple[str, object], ...], float]:
        data = self.reader.get_metrics_data()
        assert data is not None
        [metric] = data.resource_metrics[0].scope_metrics[0].metrics
        assert metric.name == "idempotency.outcomes"
        points = metric.data.data_points
        return {tuple((one.attributes or {}).items()): one.value for one in points}  # type: ignore[union-attr]


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest.mark.anyio
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("profile", [STRIPE], indirect=True)
async def test_each_outcome_is_a_span_within_the_servers_and_is_counted(
    new_bed: Callable[..., Bed], observed: Observed
) -> None:
    bed = new_bed(hook=observed.hook)
    with observed.tracers.get_tracer("server").start_as_current_span("POST /charges"):
        for _ in range(3):
            await bed.post()
        bed.handler = failing
        await bed.post("k2")
    *told, server = observed.spans()
    names = ["claimed", "replayed", "replayed", "claimed", "in doubt"]
    assert [span.name for span in told] == [f"idempotency {name}" for name in names]
    assert all(span.parent == server.context for span in told)
    assert observed.counts() == {
        (("idempotency.outcome", name),): names.count(name) for name in names
    }
    doubt = told[-1]
    assert (doubt.attributes or {})["idempotency.key"] == "k2"
    assert doubt.status.status_code is StatusCode.ERROR
    [event] = doubt.events
    assert (event.attributes or {})["exception.message"] == "after the effect"


async def failing(request: Request) -> NoReturn:
    raise RuntimeError("after the effect")


def test_a_span_is_as_long_as_the_outcome_took_and_names_no_account(
    observed: Observed,
) -> None:
    observed.hook(KeyOutcome("in use", NAME, 1.5))
    [span] = observed.spans()
    assert span.end_time is not None
    assert span.start_time is not None
    assert span.end_time - span.start_time == 1_500_000_000
    assert dict(span.attributes or {}) == {
        "idempotency.outcome": "in use", "idempotency.key": "k1",
        "idempotency.endpoint": "POST /charges",
    }  # fmt: skip


@pytest.mark.parametrize("what", LEVELS)
def test_an_error_is_what_is_logged_as_one(what: str, observed: Observed) -> None:
    observed.hook(KeyOutcome(what, NAME, 0.0))
    [span] = observed.spans()
    failed = span.status.status_code is StatusCode.ERROR
    assert failed == (what in ("in doubt", "store away"))


def test_functions_are_told_of_as_requests_are(
    new_bed: Callable[..., Bed], observed: Observed
) -> None:
    bed = new_bed(hook=observed.hook)
    booked = OncePerKey(bed.keys, "book")(key=str)(lambda id, claim: id)
    assert [booked("m1") for _ in range(2)] == ["m1", "m1"]
    assert [span.name for span in observed.spans()] == [
        "idempotency claimed", "idempotency replayed",
    ]  # fmt: skip


def test_without_its_extra_it_says_which_one_it_needs() -> None:
    code = (
        "import sys; sys.modules['opentelemetry.metrics'] = None; "
        "import delivery_semantics.idempotency.telemetry"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    said = "telemetry needs opentelemetry-api: the extra 'opentelemetry' brings it"
    assert done.stderr.splitlines()[-1].endswith(said)
