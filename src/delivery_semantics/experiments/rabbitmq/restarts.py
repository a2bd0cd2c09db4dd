"""The broker itself is killed with SIGKILL and started again: what of the confirmed is there?

Book: 12-rabbitmq
"""

from __future__ import annotations

import signal
from contextlib import ExitStack
from functools import cache

from ... import payments
from ...core.check import one_of
from ...show.view import View
from ...systems.rabbitmq.client import CLASSIC, drain, publish, queue
from ...systems.rabbitmq.server import restartable
from ..strips import money_view

PAYMENTS = payments(3)
NOT_FOUND = "was not found on this node"
"""What the broker logs of a quorum queue that it knows by name only."""
KILLS_MAX = 5
"""A slow machine may kill it when the new queue is older than a second, and is on the disk."""

QUORUM_QUEUE, PERSISTENT, TRANSIENT, NEW = (
    "quorum queue", "classic queue, persistent messages", "classic queue, transient messages",
    "quorum queue, made a moment before",
)  # fmt: skip


@cache
def killed_broker() -> dict[str, int]:
    """Confirm three payments in each of four queues, kill the broker, count what is there.

    The last queue is not read: it has no leader, and answers nobody for a minute. Where the
    kill comes too late for it, there is another such queue, and another kill.
    Raises what ``restartable`` does.
    """
    with restartable() as server, ExitStack() as stack:
        url = server.address
        names = {
            what: stack.enter_context(queue(url, kind=kind) if kind else queue(url))
            for what, kind in ((QUORUM_QUEUE, ""), (PERSISTENT, CLASSIC), (TRANSIENT, CLASSIC))
        }
        server.restart(signal.SIGTERM)  # whatever is written late is written now
        for what, name in names.items():
            publish(url, name, PAYMENTS, persistent=what != TRANSIENT)
        for _ in range(KILLS_MAX):
            new = stack.enter_context(queue(url))
            publish(url, new, PAYMENTS)
            server.restart(signal.SIGKILL)
            if gone := NOT_FOUND in server.log:
                break
        there = {what: len(drain(url, name)) for what, name in names.items()}
        return there | {NEW: 0 if gone else len(drain(url, new))}


QUEUES = (QUORUM_QUEUE, PERSISTENT, TRANSIENT, NEW)


def restart_view(*, kind: str, seed: int = 1) -> View:
    """Show what is left of three payments in one of ``QUEUES``.

    Raises ValueError for another queue.
    """
    one_of("kind", kind, QUEUES)
    left = killed_broker()[kind]
    return money_view(
        "three payments",
        expected=30,
        there=10 * left,
        title=f"A {kind}",
        said=f"A {kind}: 3 payments are confirmed, and {left} are there after the restart.",
    )
