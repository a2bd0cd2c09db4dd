"""One payment that is asked for again: what is lost, in which order, and who looks at the id.

Book: 04-at-least-once
"""

from __future__ import annotations

from collections.abc import Mapping

from ... import (
    AckThenProcess, Bounds, Deliver, Exploration, Lose, Passive, ProcessThenAck,
    ProcessThenMark, RetryUntilAcked, Step, Timeout, Trace, explore, payments, script,
)  # fmt: skip
from ...show.diagram import sequence
from ...show.picture import how_many
from ...show.view import View
from ..runs import of_run

_T = Timeout("sender")
WHAT: Mapping[str, tuple[Step, ...]] = {
    "nothing": (Deliver(1), Deliver(2)),
    "the message": (Lose(1), _T, Deliver(2), Deliver(3)),
    "the ack": (Deliver(1), Lose(2), _T, Deliver(3), Deliver(4)),
    "nothing, but the ack is slow": (Deliver(1), _T, Deliver(2), Deliver(3), Deliver(4)),
}
"""What of one payment is lost, and the steps of its run."""

SERVERS: Mapping[str, Passive] = {"no": ProcessThenAck(), "yes": ProcessThenMark()}
"""Whether a server looks at the id of a request."""

ONE_CRASH = Bounds(losses=0, duplicates=0, crashes=1, crashable=("receiver",))
"""No packet is lost; the receiver may crash once, anywhere."""


def asked_again(lost: str, *, looks: str = "no") -> Trace:
    """Run one payment of which ``lost`` is lost, to a receiver that ``looks`` at its id."""
    pair = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": SERVERS[looks]}
    return script(pair, *WHAT[lost])


def asked_again_view(*, lost: str, looks: str = "no", seed: int = 1) -> View:
    """Show it."""
    trace = asked_again(lost, looks=looks)
    attempts = sum(event.who == "sender" for event in trace.of("sent"))
    return of_run(
        trace,
        title=f"Lost: {lost}; the receiver looks at the id: {looks}",
        says=f"Lost: {lost}. The payment takes {how_many(attempts, 'attempt')}.",
        numbers={"attempts": attempts},
    )


def both_orders() -> dict[str, Exploration]:
    """Search both orders of two lines, within ``ONE_CRASH``."""
    sender = RetryUntilAcked("receiver", payments(1))
    return {
        type(receiver).__name__: explore({"sender": sender, "receiver": receiver}, ONE_CRASH)
        for receiver in (AckThenProcess(), ProcessThenAck())
    }


def limits() -> dict[str, Exploration]:
    """Search a sender with a limit and one without, within ``ONE_CRASH``."""
    return {
        name: explore(
            {
                "sender": RetryUntilAcked("receiver", payments(1), attempts_max=most),
                "receiver": ProcessThenAck(),
            },
            ONE_CRASH,
        )
        for name, most in {"3 attempts": 3, "no limit": None}.items()
    }


def searched_view(searched: Mapping[str, Exploration], *, name: str, seed: int = 1) -> View:
    """Show both verdicts of a search, and the shortest run that does most harm.

    That is one that loses the payment, or else one that makes it twice: each breaks something.
    """
    found = searched[name]
    worst = next(verdict for verdict in reversed(found.verdicts) if not verdict.holds)
    said = f"A shortest run that breaks “{worst.claim}”"
    return View(
        sequence(worst, title=f"{name}: {said[0].lower()}{said[1:]}"),
        {verdict.claim: "holds" if verdict.holds else "broken" for verdict in found.verdicts}
        | {"worlds searched": found.worlds},
        f"{name}. {said}, in {len(worst.steps)} steps. Bounds: {found.scope()}.",
    )
