"""One crash, at each place where it can fall, for the three orders of process and mark.

Book: 07-deduplication
"""

from __future__ import annotations

from ... import (
    EXACTLY_ONCE, Crash, Deliver, Mark, MarkThenProcess, Message, Once, Participant, Process,
    ProcessOnce, ProcessThenMark, Restart, RetryUntilAcked, Send, Timeout, Trace, audit, script,
)  # fmt: skip
from ...core.effects import Effect
from ...show.view import View
from ..runs import of_run

ORDERS: dict[str, tuple[Participant, tuple[type[Effect], ...]]] = {
    "process, then mark": (ProcessThenMark(), (Process, Mark, Send)),
    "mark, then process": (MarkThenProcess(), (Mark, Process, Send)),
    "one transaction": (ProcessOnce(), (Once, Once, Send)),
}
"""For each order its receiver, and the effect before which it stands at each of ``POINTS``."""

POINTS = ("before both", "between the two", "before the ack")


def crashed(order: str, point: str) -> Trace:
    """Crash the receiver at a point, restart it, and let the sender retry."""
    receiver, stands_at = ORDERS[order]
    pair = {"sender": RetryUntilAcked("receiver", (Message("abc123"),)), "receiver": receiver}
    falls = Crash("receiver", before=stands_at[POINTS.index(point)])
    restarted = (Restart("receiver"), Timeout("sender"))
    return script(pair, Deliver(1), falls, *restarted, Deliver(2), Deliver(3))


def crash_view(*, order: str, point: str, seed: int = 1) -> View:
    """Show the run in which the receiver crashes at this point."""
    trace = crashed(order, point)
    times = trace.processed()["abc123"]
    said = ("never processed, and acked", "processed once", "processed twice")[times]
    undone = order == "one transaction" and point == "between the two"
    why = " A transaction that did not end has done nothing." if undone else ""
    return of_run(
        trace,
        title=f"{order}; the crash falls {point}",
        says=f"Order: {order}. The crash falls {point}. The payment is {said}. For "
        f"exactly-once, the audit says “{audit(trace).verdict(EXACTLY_ONCE)}”.{why}",
        numbers={"processed": times},
    )
