"""Two-phase commit, with presumed abort: a coordinator asks, decides, and tells.

Source: J. Gray, "Notes on Data Base Operating Systems", 1978; presumed abort: C. Mohan and
B. Lindsay, PODC 1983. The decision must be on disk before anybody is told.

Book: protocols
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from .. import (
    Ack, Atomic, Bounds, Exploration, Load, Mark, Message, Passive, Process, Receive, Save,
    Send, explore, payments,
)  # fmt: skip
from ..core.effects import CarriesMessage, Effect, Handler, Payload
from ..core.trace import Outcome


@dataclass(frozen=True, slots=True)
class Ask(CarriesMessage):
    """May this message be committed? An Ack says yes."""

    kind: ClassVar[str] = "ask"
    message: Message


@dataclass(frozen=True, slots=True)
class Decision:
    """Commit this message, or abort it."""

    kind: ClassVar[str] = "decision"
    word: str
    message: Message

    @property
    def id(self) -> str:
        """The message's id, and that it is the decision which is acked."""
        return f"{self.word} {self.message.id}"

    @property
    def label(self) -> str:
        """Its name in pictures and tables."""
        return self.id.capitalize()


@dataclass(frozen=True)
class Coordinator(Passive):
    """Commit each message at its bank, or none; with ``logs`` the decision is on disk first."""

    messages: tuple[Message, ...]
    logs: bool = True

    def start(self) -> Handler:
        """Ask, decide and tell; after a restart tell what was decided."""
        decision = yield Load("decision", None)
        if decision is None:
            yield Save("decision", "abort")  # what a restart finds if nobody has decided
            decision = yield from self._ask()
            if self.logs:
                yield Save("decision", decision)
        for message in self.messages:
            told = False
            while not told:
                tell = Decision(decision, message)
                yield Send(f"bank {message.id}", tell)
                told = yield Receive(Ack(tell.id), timeout_s=1.0)

    def _ask(self) -> Generator[Effect, Any, str]:
        for message in self.messages:
            yield Send(f"bank {message.id}", Ask(message))
            if not (yield Receive(Ack(message.id), timeout_s=1.0)):
                return "abort"
        return "commit"


class Voter(Passive):
    """Say yes, and keep what was promised until the decision comes."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Answer a question with yes; carry out a decision once."""
        if isinstance(payload, Ask):
            yield Save(f"promised {payload.id}", 1)
        elif isinstance(payload, Decision):
            effects = [Process(payload.message)] if payload.word == "commit" else []
            decided = payload.message.id
            yield Atomic(*effects, Mark(decided), unless_marked=decided)
        yield Send(source, Ack(payload.id))


def all_or_none(outcome: Outcome) -> bool:
    """Whether both payments were made or neither was, each at most once."""
    return [times for _, times, _ in outcome] in ([0, 0], [1, 1])


def both_or_neither(*, logs: bool) -> Exploration:
    """Search every run of two payments with one loss and one crash of anybody."""
    messages = payments(2)
    banks = {f"bank {message.id}": Voter() for message in messages}
    return explore(
        {"coordinator": Coordinator(messages, logs), **banks},
        Bounds(losses=1, duplicates=0, crashes=1),
        at_the_end={"all or none": all_or_none},
    )
