"""The consumer's half: it is slow, its time runs out, and another one gets the same payment.

Sources: Amazon SQS Developer Guide, "Amazon SQS visibility timeout"; API references of
ReceiveMessage, ChangeMessageVisibility and DeleteMessage.

Book: 13-aws-sqs
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ... import (
    Bounds, Broker, Exploration, ProcessThenAck, RetryUntilAcked, Trace, audit, explore,
    payments,
)  # fmt: skip
from ...show.diagram import sequence
from ...show.view import View
from ...systems.sqs.client import VISIBILITY_S
from ...systems.sqs.server import running
from .lab import CONSUMER, QUEUE, SECOND, Handed, SQSLab, lab
from .window import consume

WORK_S = (10, 29, 31, 70)
NEVER, HEARTBEAT = "never", "every 20 s"
EXTENDS = (NEVER, HEARTBEAT)
HEARTBEAT_S = 20
QUEUES = {"standard": False, "FIFO": True}


@dataclass(frozen=True)
class Slow:
    """What came of a slow consumer: the run, the money, and SQS's word on its late delete."""

    trace: Trace
    money: int
    late_delete: str


@cache
def slow_runs() -> dict[tuple[str, int, str], Slow]:
    """Run each duration of the work with and without a heartbeat, on both kinds of queue."""
    with running() as url:
        return {
            (queue, work_s, extends): _slow(url, fifo, work_s, extends)
            for queue, fifo in QUEUES.items()
            for work_s in WORK_S
            for extends in EXTENDS
        }


def _slow(url: str, fifo: bool, work_s: int, extends: str) -> Slow:
    """Let the work take so long; meanwhile another consumer asks for messages."""
    with lab(url, fifo=fifo) as run:
        run.send(*payments(1))
        [mine] = run.receive()
        _work(run, mine, work_s, extends)
        others = run.receive(SECOND)
        for one in others:
            run.process(one, SECOND)
        run.process(mine)
        late = run.delete(mine) or ""
        for one in others:
            run.delete(one, SECOND)
        run.wait(VISIBILITY_S, QUEUE)
        consume(run)
        trace = run.trace()
    return Slow(trace, audit(trace).money_there, late)


def _work(run: SQSLab, mine: Handed, work_s: int, extends: str) -> None:
    left_s = work_s
    while extends == HEARTBEAT and left_s > HEARTBEAT_S:
        run.wait(HEARTBEAT_S, CONSUMER)
        run.extend(mine, VISIBILITY_S)
        left_s -= HEARTBEAT_S
    run.wait(left_s, QUEUE if left_s > VISIBILITY_S else CONSUMER)


def slow_view(*, queue: str, work_s: int, extends: str, seed: int = 1) -> View:
    """Show what came of a slow consumer."""
    ended = slow_runs()[queue, work_s, extends]
    given = "is handed to two consumers" if ended.money > 10 else "stays with its consumer"
    return View(
        sequence(ended.trace, title=f"{queue} queue, work of {work_s} s, extended {extends}"),
        {
            "money expected": 10,
            "money there": ended.money,
            "its delete": "refused" if ended.late_delete else "taken",
        },
        f"A {queue} queue with a visibility timeout of {VISIBILITY_S} s; the work takes "
        f"{work_s} s and extends it {extends}. The payment {given}: {ended.money} arrive.",
    )


def visibility_search() -> Exploration:
    """Search one payment whose visibility timeout may end while the consumer is at work."""
    parts = {
        "producer": RetryUntilAcked("broker", payments(1)),
        "broker": Broker("consumer", visibility_s=float(VISIBILITY_S)),
        "consumer": ProcessThenAck(),
    }
    return explore(parts, Bounds(losses=0, duplicates=0, crashes=0, early_timeouts=1))
