"""A share group: Kafka as a queue, which hands a record over again, and at last lets it go.

Source: KIP-932, "Queues for Kafka".

Book: 11-kafka
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

from confluent_kafka import AcknowledgeType, ShareConsumer
from confluent_kafka import Message as Delivered

from ... import Message, Trace, audit, payments
from ...live.run_log import RunLog
from ...show.plots import timeline
from ...show.view import View
from ...systems.kafka.client import TIMEOUT_S, fill, record, sharing, topic
from .journal import BROKER, PRODUCER

CONSUMER = "consumer"
ACCEPT, RELEASE = AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE
END = "end"
"""The id of what is put behind all others: whoever is handed nothing before it has seen all."""


@dataclass(frozen=True)
class HandedOver:
    """What a share group handed over: each record with its delivery, from 1, and the run."""

    handed: tuple[tuple[str, int], ...]
    trace: Trace


def shared(
    address: str, sent: tuple[Message, ...], *, fails: dict[str, int],
    deliveries_max: int | None = None,
) -> HandedOver:  # fmt: skip
    """Process what a share group hands over; the work on some payments fails so many times.

    A record whose work fails is released, which asks for it to be handed over again.
    """
    log = RunLog((PRODUCER, BROKER, CONSUMER), sent)
    for payment in sent:
        log.note("confirmed", PRODUCER, payment)
    handed: list[tuple[str, int]] = []
    failed = Counter[str]()
    with (
        topic(address) as there,
        sharing(fill(there, *sent), deliveries_max=deliveries_max) as group,
    ):
        for end in itertools.count(len(sent)):  # its offset
            fill(there, Message(END, 0))
            batch = _before(end, group)
            if not batch:
                break
            for one in batch:
                got = record(one, one.delivery_count() or 0)
                again = failed[got.id] < fails.get(got.id, 0)
                failed[got.id] += again
                handed.append((got.id, got.delivery))
                became = "timed_out" if again else "processed"
                for what in ("delivered", became):
                    log.note(what, CONSUMER, got)
                group.acknowledge(one, RELEASE if again else ACCEPT)
            group.commit_sync()
    log.note("drained", CONSUMER)
    return HandedOver(tuple(handed), log.trace())


def _before(end: int, group: ShareConsumer) -> list[Delivered]:
    """Return what is handed over next; nothing, once that is only the `END` at this offset.

    It is the last, put there when all before had been answered: what was released by then is
    handed over again before it. Raises TimeoutError if nothing comes.
    """
    while batch := list(group.poll(TIMEOUT_S)):
        ends = [one for one in batch if record(one).id == END]
        for one in ends:
            group.acknowledge(one, ACCEPT)
        others = [one for one in batch if one not in ends]
        if others or any(one.offset() == end for one in ends):
            return others
    raise TimeoutError(f"Kafka handed over nothing for {TIMEOUT_S} s")


_DONE, _RELEASED = "done", "failed, released"


def share_view(address: str, *, limit: int, fails: int, seed: int = 1) -> View:
    """Show three payments of which the work on the second one fails some times."""
    run = shared(address, payments(3), fails={"2": fails}, deliveries_max=limit)
    found, deliveries = audit(run.trace), [n for id, n in run.handed if id == "2"]
    there = found.money_there
    rows = {
        f"payment {id}": [
            (float(at), _RELEASED if id == "2" and n <= fails else _DONE)
            for at, (other, n) in enumerate(run.handed, 1)
            if other == id
        ]
        for id in ("1", "2", "3")
    }
    failed = "once" if fails == 1 else f"{fails} times"
    said = "All are done." if there == 30 else "Payment 2 is gone, and nobody was told."
    return View(
        timeline(rows, title=f"Limit {limit}; the work fails {failed}",
                 x="handed over, in this order", x_range=(0.0, 8.0),
                 hues={_DONE: "good", _RELEASED: "fault"}),
        {"deliveries": len(deliveries), "money expected": 30, "money there": there},
        f"The limit is {limit} deliveries, and the work on payment 2 fails {failed}. "
        f"It was handed over {len(deliveries)} times. {said}",
    )  # fmt: skip
