"""The document's table of real systems, each cell from runs of that system.

Book: 10-real-world-systems
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache, partial

from ... import ProcessOnce
from ...core.check import one_of
from ...show.strips import End, boundary, breaks_of, kill_strip, track
from ...show.tables import Table, table
from ...show.view import View
from ...systems.kafka import server as kafka
from ...systems.rabbitmq import server as rabbitmq
from ...systems.sqs import server as sqs
from .brokers import kafka_ends, rabbitmq_ends, sqs_ends
from .calls import grpc_ends
from .model import Mix, mixed, mixed_run, there
from .path import guarantee

DEFAULT, ASKED, MARKED = SETTINGS = ("as it comes", "when asked", "with a mark")
"""As its client comes; with what it has against copies; and with a receiver that marks."""


@dataclass(frozen=True)
class Choice:
    """What is set in one column, the runs with that, and the same as a mix of the model."""

    said: str
    run: Callable[[str], list[End]]
    mix: Mix


@dataclass(frozen=True)
class RealSystem:
    """A system of the document's table: what the document says of it, and how it is run.

    ``running`` yields where it answers; ``choices`` are those for ``SETTINGS``, in that order.
    """

    default: str
    exactly_once: str
    running: Callable[[], AbstractContextManager[str]]
    choices: tuple[Choice, Choice, Choice]

    def choice(self, setting: str) -> Choice:
        """Return the one of a setting. Raises ValueError."""
        one_of("setting", setting, SETTINGS)
        return self.choices[SETTINGS.index(setting)]


_NO_IDS, _IDS = ("asks again", "keeps no ids"), ("asks again", "drops copies")
_ACKS_LAST, _MARKS = "works, then acks", "works once, then acks"
_MARKED = "the same, and a mark in the transaction of the effect"

SYSTEMS: Mapping[str, RealSystem] = {
    "Kafka": RealSystem("At-least-once", "Yes (EOS transactions)", kafka.running, (
        Choice("librdkafka: no idempotence, commits in the background",
               partial(kafka_ends, commits="automatic", idempotent=False),
               (*_NO_IDS, "acks, then works")),
        Choice("idempotent producer, commit after the work", kafka_ends, (*_IDS, _ACKS_LAST)),
        Choice(_MARKED, partial(kafka_ends, receiver=ProcessOnce()), (*_IDS, _MARKS)),
    )),
    "RabbitMQ": RealSystem("At-least-once", "Via message dedup", rabbitmq.running, (
        Choice("pika: no confirms, ack after the work", partial(rabbitmq_ends, confirms=False),
               ("sends once", "keeps no ids", _ACKS_LAST)),
        Choice("confirms, message ids, ack after the work", rabbitmq_ends,
               (*_NO_IDS, _ACKS_LAST)),
        Choice(_MARKED, partial(rabbitmq_ends, receiver=ProcessOnce()), (*_NO_IDS, _MARKS)),
    )),
    "AWS SQS": RealSystem("At-least-once", "Yes (with FIFO queues)", sqs.running, (
        Choice("boto3, a standard queue, delete after the work", partial(sqs_ends, fifo=False),
               (*_NO_IDS, _ACKS_LAST)),
        Choice("a FIFO queue, delete after the work", sqs_ends, (*_IDS, _ACKS_LAST)),
        Choice(_MARKED, partial(sqs_ends, receiver=ProcessOnce()), (*_IDS, _MARKS)),
    )),
    "gRPC": RealSystem("At-most-once", "Via client retries + idempotency",
                       lambda: nullcontext(""), (
        Choice("grpcio, no retryPolicy", lambda _: grpc_ends(),
               ("sends once", "none", _ACKS_LAST)),
        Choice("retryPolicy on UNAVAILABLE", lambda _: grpc_ends(retries=True),
               ("asks again", "none", _ACKS_LAST)),
        Choice("the same, and request ids in the transaction of the effect",
               lambda _: grpc_ends(retries=True, ids=True), ("asks again", "none", _MARKS)),
    )),
}  # fmt: skip


@cache
def measured() -> Mapping[tuple[str, str], list[End]]:
    """Run every system with each of its settings; each server is started once.

    Raises ServerMissing for what cannot be started here, and says how to get it.
    """
    found = {}
    for name, system in SYSTEMS.items():
        with system.running() as address:
            for setting in SETTINGS:
                found[name, setting] = system.choice(setting).run(address)
    return found


def words(setting: str) -> list[str]:
    """Return, for each system, the row of the comparison table that its runs allow."""
    return [guarantee(measured()[name, setting]) for name in SYSTEMS]


def real_world_table() -> Table:
    """Return the document's table with what was measured beside what it says."""
    return table(
        {
            "default (told)": [each.default for each in SYSTEMS.values()],
            DEFAULT: words(DEFAULT),
            "exactly-once (told)": [each.exactly_once for each in SYSTEMS.values()],
            ASKED: words(ASKED),
            MARKED: words(MARKED),
        },
        rows=SYSTEMS,
        rows_name="system",
        caption="Told by the document, and what one payment and one fault in each run came to",
    )


def cell_view(*, system: str, setting: str, seed: int = 1) -> View:
    """Show one cell: the payment's way, and what one fault at each place came to.

    Raises ValueError for a system or a setting that is not there.
    """
    one_of("system", system, SYSTEMS)
    ends = measured()[system, setting]
    said = SYSTEMS[system].choice(setting).said
    lost, again = _wrong(ends)
    return View(
        kill_strip({system: ends}, title=f"{system}, {setting}: {said}"),
        {"runs": len(ends), "lost": lost, "paid again": again},
        f"{said}. In {lost} of {len(ends)} runs the payment is lost, in {again} it is made "
        f"again: {guarantee(ends)}.",
    )


def beside_view(*, system: str, setting: str, seed: int = 1) -> View:
    """Show what the search finds for a cell's mix, and below it what the system did.

    Raises ValueError for a system or a setting that is not there.
    """
    one_of("system", system, SYSTEMS)
    choice, ends = SYSTEMS[system].choice(setting), measured()[system, setting]
    found = mixed(*choice.mix)
    lost, again = _wrong(ends)
    return View(
        [mixed_run(choice.mix), kill_strip({system: ends}, title=f"{system}, {setting}")],
        {
            "twice, searched": there(found.never_more_than_once.holds),
            "twice, of the runs": again,
            "never, searched": there(found.at_least_once_eventually.holds),
            "never, of the runs": lost,
        },
        f"As a mix: {'; '.join(choice.mix)}. Searched and measured: {guarantee(ends)}.",
    )


def _wrong(ends: Sequence[End]) -> tuple[int, int]:
    """Count the runs in which money is missing, and those in which there is too much."""
    lost = sum(end.money < end.expected for end in ends)
    return lost, sum(end.money > end.expected for end in ends)


def commit_view(*, system: str, seed: int = 1) -> View:
    """Show what one commit holds, without a mark of your own and with it.

    Raises ValueError for a system that is not there.
    """
    one_of("system", system, SYSTEMS)
    ends = {setting: measured()[system, setting] for setting in (ASKED, MARKED)}
    count = sum(map(len, map(breaks_of, ends.values())))
    return View(
        boundary(
            {setting: track(end.step for end in each) for setting, each in ends.items()},
            breaks={setting: breaks_of(each) for setting, each in ends.items()},
            title=f"{system}: what one commit holds",
        ),
        {"places": sum(map(len, ends.values())), "of them wrong": count},
        f"{system}: at {count} of the places it breaks, all without a mark.",
    )
