"""Outcomes as spans and counts of OpenTelemetry, for those who have it.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import logging
import time

try:
    from opentelemetry.metrics import MeterProvider, get_meter
    from opentelemetry.trace import StatusCode, TracerProvider, get_tracer
except ModuleNotFoundError as error:
    needs = "needs opentelemetry-api: the extra 'opentelemetry' brings it"
    raise ModuleNotFoundError(f"{__name__} {needs}", name=error.name) from error

from .outcomes import LEVELS, Hook, KeyOutcome

SCOPE = __package__
OUTCOME = "idempotency.outcome"


def opentelemetry_hook(
    tracers: TracerProvider | None = None, meters: MeterProvider | None = None
) -> Hook:
    """Return a hook that makes a span of each outcome, and counts it.

    The span is the child of the current one, which is the server's, begins when the request
    came, and has the key and its endpoint. What is logged as an error is one there. The counter
    ``idempotency.outcomes`` has the outcome alone: keys are too many, and accounts are nobody's
    business. Without providers those are used that the process has set.
    """
    tracer = get_tracer(SCOPE, tracer_provider=tracers)
    counter = get_meter(SCOPE, meter_provider=meters).create_counter(
        "idempotency.outcomes", "{request}", "What became of requests with a key"
    )

    def hook(outcome: KeyOutcome) -> None:
        what, name, took_s, error = outcome
        counter.add(1, {OUTCOME: what})
        end_ns = time.time_ns()
        attributes = {
            OUTCOME: what, "idempotency.key": name.key, "idempotency.endpoint": name.endpoint
        }  # fmt: skip
        span = tracer.start_span(
            f"idempotency {what}", attributes=attributes, start_time=end_ns - int(took_s * 1e9)
        )
        if error is not None:
            span.record_exception(error, timestamp=end_ns)
        if LEVELS[what] >= logging.ERROR:
            span.set_status(StatusCode.ERROR, what)
        span.end(end_ns)

    return hook
