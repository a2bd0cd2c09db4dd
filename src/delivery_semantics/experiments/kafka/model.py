"""The model of what is run on the real Kafka: every run of it, within bounds.

The broker is `participants.broker` with Kafka's options; the log and its consumer are those of
the page of protocols.

Book: 11-kafka
"""

from __future__ import annotations

from dataclasses import replace

from ... import (
    Bounds,
    Broker,
    Exploration,
    ProcessOnly,
    RetryUntilAcked,
    explore,
    payments,
)
from ...protocols.queues import Parser

BATCHES_KEPT = 5
"""How many of a producer's last batches a broker knows again: Kafka's NUM_BATCHES_TO_RETAIN."""

ACK_LOST = Bounds(losses=1, duplicates=0, crashes=0, links=(("broker", "producer"),))


def producing(*, idempotent: bool) -> Exploration:
    """Search a producer that retries, and a broker that tells copies by their ids, or not."""
    parts = {
        "producer": RetryUntilAcked("broker", payments(1)),
        "broker": Broker(
            "reader", visibility_s=None, ids_max=BATCHES_KEPT if idempotent else 0
        ),
        "reader": ProcessOnly(),
    }
    return explore(parts, ACK_LOST)


def sharing_model(limit: int) -> Exploration:
    """Search a share group's consumer that can never do the work on payment 1."""
    parts = {
        "producer": RetryUntilAcked("broker", payments(1)),
        "broker": Broker("consumer", deliveries_max=limit),
        "consumer": Parser(unreadable=("1",)),
    }
    return explore(parts, replace(ACK_LOST, losses=0))
