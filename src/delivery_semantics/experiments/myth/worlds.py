"""Five things that can have happened to a message, and the one thing that its sender sees.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from dataclasses import dataclass

from ... import (
    Crash, Deliver, Lose, Process, ProcessThenAck, Restart, RetryUntilAcked, Send,
    Step, Timeout, Trace, audit, payments, script,
)  # fmt: skip
from ...show.diagram import sequence
from ...show.plots import money
from ...show.view import View


@dataclass(frozen=True)
class Story:
    """One thing that can have happened to a message: the steps up to the sender's timeout.

    ``after_retry`` and ``after_stop`` are what follows if the sender sends again or does not.
    """

    until_timeout: tuple[Step, ...]
    after_retry: tuple[Step, ...]
    after_stop: tuple[Step, ...] = ()


_TIMEOUT = Timeout("sender")
_UP = Restart("receiver")

STORIES = {
    "message lost": Story((Lose(1), _TIMEOUT), (Deliver(2), Deliver(3))),
    "ack lost": Story((Deliver(1), Lose(2), _TIMEOUT), (Deliver(3), Deliver(4))),
    "crashed after processing": Story(
        (Deliver(1), Crash("receiver", before=Send), _TIMEOUT),
        (_UP, Deliver(2), Deliver(3)),
        (_UP,),
    ),
    "crashed before processing": Story(
        (Deliver(1), Crash("receiver", before=Process), _TIMEOUT),
        (_UP, Deliver(2), Deliver(3)),
        (_UP,),
    ),
    "slow": Story((_TIMEOUT,), (Deliver(1), Deliver(2), Deliver(3)), (Deliver(1),)),
}
"""The document's three reasons, and two more."""


def five_worlds(*, attempts: int = 1) -> dict[str, Trace]:
    """Run the five stories to their ends, with a sender that makes 1 or 2 attempts.

    One attempt is the rule "after a timeout, stop"; two are the rule "after a timeout, retry".
    """
    sender = RetryUntilAcked("receiver", payments(1), attempts_max=attempts)
    pair = {"sender": sender, "receiver": ProcessThenAck()}
    traces = {}
    for name, story in STORIES.items():
        after = story.after_retry if attempts > 1 else story.after_stop
        traces[name] = script(pair, *story.until_timeout, *after)
    return traces


def what_the_sender_saw(trace: Trace) -> tuple[tuple[str, str], ...]:
    """Return all that the sender can know at its first timeout."""
    seen = trace.seen_by("sender")
    return seen[: [what for what, _ in seen].index("timed_out") + 1]


def world_view(*, world: str, rule: str, seed: int = 1) -> View:
    """Show one of the five worlds under one rule ("stop" or "retry")."""
    trace = five_worlds(attempts=2 if rule == "retry" else 1)[world]
    found = audit(trace)
    times = trace.processed()["1"]
    said = {0: "was never processed", 1: "was processed once"}.get(times, "was processed twice")
    return View(
        sequence(trace, title=f"{world}, and the sender's rule is: {rule}"),
        {
            "money expected": found.money_expected,
            "money there": found.money_there,
            "processed": times,
        },
        f"World: {world}. Rule: {rule}. The payment {said}.",
    )


def rule_view(*, rule: str, seed: int = 1) -> View:
    """Show the money of all five worlds under one rule ("stop" or "retry")."""
    found = {
        world: audit(trace)
        for world, trace in five_worlds(attempts=2 if rule == "retry" else 1).items()
    }
    amounts = {world: (one.money_expected, one.money_there) for world, one in found.items()}
    lost = sum(there < expected for expected, there in amounts.values())
    again = sum(there > expected for expected, there in amounts.values())
    return View(
        money(amounts, title=f"After a timeout: {rule}", x="money, 10 expected", x_max=20),
        {
            "worlds right": len(amounts) - lost - again,
            "paid nothing": lost,
            "paid twice": again,
        },
        f"After a timeout: {rule}. Of {len(amounts)} worlds, {lost} lose the payment and "
        f"{again} make it twice.",
    )
