"""Runs of this chapter that are drawn: a late copy, two copies at once, and many.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ... import (
    Confirm, Deliver, Duplicate, FireAndForget, Lose, Message, Passive, ProcessOnly,
    ProcessThenMark, Run, Send, Step, Trace, audit, script,
)  # fmt: skip
from ...core.effects import Handler, Payload
from ...show.diagram import sequence
from ...show.plots import bars
from ...show.view import View
from .banks import AMOUNT, OPENING, TRANSACTION
from .race import in_memory
from .systems import Variable
from .window import run, steps_picture

SETS = (Message("SET 5", 5), Message("SET 7", 7))


ARRIVES: Mapping[str, tuple[Step, ...]] = {
    "before SET 7": (Deliver(1), Deliver(3), Deliver(2)),
    "after SET 7": (Deliver(1), Deliver(2), Deliver(3)),
    "never": (Deliver(1), Deliver(2), Lose(3)),
}
"""When the copy of the first request arrives, and the steps that make it so."""


def late_set(arrives: str = "after SET 7") -> Trace:
    """Set a variable to 5, then to 7; a copy of the first request ``arrives`` as it says."""
    pair = {"client": FireAndForget("variable", SETS), "variable": ProcessOnly()}
    return script(pair, Duplicate(1), *ARRIVES[arrives])


def late_set_view(*, arrives: str, seed: int = 0) -> View:
    """Show the two requests and the copy."""
    trace = late_set(arrives)
    x, applied = value_after(trace), len(trace.of("processed"))
    return View(
        sequence(trace, title=f"SET 5, SET 7, and a copy of SET 5: {arrives}", totals=False),
        {"expected": SETS[-1].amount, "there": x, "applied": applied},
        f"The copy of SET 5 arrives {arrives}. In the end x is {x}; the last request said 7.",
    )


def value_after(trace: Trace) -> int:
    """Carry out the requests on a variable in the order in which they were processed."""
    variable = Variable()
    for event in trace.of("processed"):
        assert isinstance(event.payload, Message)
        variable.set(event.payload.amount)
    return variable.look()


@dataclass(frozen=True)
class AsksBoth(Passive):
    """A client whose one request reaches two servers: a retry, a load balancer, a hedge."""

    messages: tuple[Message] = (Message(TRANSACTION, AMOUNT),)

    def start(self) -> Handler:
        """Send the same message to both."""
        for server in ("server a", "server b"):
            yield Send(server, self.messages[0])

    def receive(self, source: str, payload: Payload) -> Handler:
        """Take any ack for the confirmation."""
        yield Confirm(payload.id)


_A, _B, _CLIENT = Run("server a"), Run("server b"), Run("client")
LOOKS: Mapping[str, tuple[Step, ...]] = {
    "before a has moved the money": (_A, Deliver(2), _B, _A, _A, _B, _B),
    "after that, before a's mark": (_A, _A, Deliver(2), _B, _A, _B, _B),
    "after a's mark": (_A, _A, _A, Deliver(2), _B),
}
"""When server b looks for the mark, and the steps of both from a's look on."""


def two_servers(looks: str = "before a has moved the money") -> Trace:
    """Let one request reach two servers with one database; b ``looks`` as it says."""
    server = ProcessThenMark()
    three = {"server a": server, "client": AsksBoth(), "server b": server}
    acked = (_B, _A, Deliver(3), _CLIENT, Deliver(4), _CLIENT)
    return script(
        three, _CLIENT, _CLIENT, Deliver(1), *LOOKS[looks], *acked,
        automatic=False, stores={"server b": "server a"},
    )  # fmt: skip


def looks_view(*, looks: str, seed: int = 0) -> View:
    """Show both servers."""
    trace = two_servers(looks)
    found = audit(trace)
    times = trace.processed()[TRANSACTION]
    return View(
        sequence(trace, title=f"One transfer at two servers; b looks {looks}"),
        {
            "transfers": times,
            "money expected": found.money_expected,
            "money there": found.money_there,
        },
        f"Server b looks {looks}: the money moves {'once' if times == 1 else 'twice'}.",
    )


def copies_view(*, copies: int, how: str, seed: int = 0) -> View:
    """Run real threads through the document's second code, ``how`` of ``HOW``."""
    race = in_memory(copies=copies, together=how == HOW[1])
    start = sum(OPENING.values())
    expected = {"still in a": OPENING["a"] - AMOUNT, "arrived in b": AMOUNT}
    there = {"still in a": race.a, "arrived in b": race.b}
    times = "once" if race.transfers == 1 else f"{race.transfers} times"
    return View(
        bars(
            {"money expected": expected, "money there": there},
            title=f"{copies} copies of one transfer of {AMOUNT}, {how}",
            x=f"money; a began with {OPENING['a']}, b with {OPENING['b']}",
            x_max=float(start),
            stacked=True,
            hues={"still in a": "message", "arrived in b": "good"},
        ),
        {
            "transfers": race.transfers,
            "marks": race.marks,
            "money expected in b": AMOUNT,
            "money there in b": race.b,
        },
        f"{copies} copies of one transfer, {how}: the money moved {times}. "
        f"b should hold {AMOUNT} and holds {race.b}.",
    )


HOW = ("one after another", "all at once")
"""In the first the code is as the document means it; in the second all look, then all move."""


def gap_view(*, gap_ms: int, window_ms: int, seed: int = 0) -> View:
    """Run two copies of the second code in virtual time, ``gap_ms`` apart."""
    made = run((0.0, gap_ms / 1000), window_s=window_ms / 1000)
    there = made.bank.balances["b"]
    transfers = there // AMOUNT
    found = "no mark" if transfers > 1 else "the mark"
    return View(
        steps_picture(gap_ms=gap_ms, window_ms=window_ms),
        {"transfers": transfers, "money expected": AMOUNT, "money there": there},
        f"The second copy comes {gap_ms} ms after the first, which needs {window_ms} ms from "
        f"check to mark. It finds {found}: {there} moved, {AMOUNT} expected.",
    )
