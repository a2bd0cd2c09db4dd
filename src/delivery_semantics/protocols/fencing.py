"""A lock with a lease, and a token that fences off whoever has lost it without knowing.

Source: M. Kleppmann, "How to do distributed locking", 2016.

Book: protocols
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .. import (
    Ack, Arm, Atomic, Bounds, Exploration, Load, Message, Passive, Process, ReceiveAny, Save,
    Send, explore, payments,
)  # fmt: skip
from ..core.effects import CarriesMessage, Handler, Payload
from ..core.world import World


@dataclass(frozen=True, slots=True)
class Acquire:
    """A client wants the lock."""

    kind: ClassVar[str] = "acquire"
    id: str = "the lock"


@dataclass(frozen=True, slots=True)
class Grant:
    """The lock is yours for the length of a lease; tokens only grow."""

    kind: ClassVar[str] = "grant"
    token: int

    @property
    def id(self) -> str:
        """The token, as text."""
        return str(self.token)


@dataclass(frozen=True, slots=True)
class Write(CarriesMessage):
    """A message to the storage, by whoever holds this token."""

    token: int
    message: Message

    @property
    def label(self) -> str:
        """Its name in pictures and tables."""
        return f"Write {self.id}, token {self.token}"


class Lock(Passive):
    """Grant the lock to one client at a time, each time with the next token."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Grant a free lock; say nothing while it is held."""
        if (yield Load("held")) == 0:
            token = (yield Load("token")) + 1
            yield Atomic(Save("held", 1), Save("token", token))
            yield Arm("lease", 10.0)
            yield Send(source, Grant(token))

    def timer(self, name: str) -> Handler:
        """Take the lock back; its holder is not told."""
        yield Save("held", 0)


@dataclass(frozen=True)
class Client(Passive):
    """Ask for the lock until it is granted, then write once."""

    messages: tuple[Message, ...]

    def start(self) -> Handler:
        """Write under the token of the grant."""
        granted = None
        while granted is None:
            yield Send("lock", Acquire())
            granted = yield ReceiveAny(Grant, timeout_s=1.0)
        _, grant = granted
        yield Send("storage", Write(grant.token, self.messages[0]))


@dataclass(frozen=True)
class Storage(Passive):
    """Write what comes; with ``fenced`` not under a token below one that was seen."""

    fenced: bool = True

    def receive(self, source: str, payload: Payload) -> Handler:
        """Keep the tokens in the order of the writes."""
        tokens = yield Load("tokens", ())
        if isinstance(payload, Write) and not (self.fenced and stale((*tokens, payload.token))):
            yield Atomic(Process(payload.message), Save("tokens", (*tokens, payload.token)))
            yield Send(source, Ack(payload.id))


def stale(tokens: tuple[int, ...]) -> bool:
    """Whether the last write was under an older token than one before it."""
    return max(tokens, default=0) != (tokens or (0,))[-1]


def stale_write(world: World) -> bool:
    """Whether the storage's last write is stale."""
    return stale(world.stores["storage"].saved.get("tokens", ()))  # type: ignore[arg-type]


def two_clients(*, fenced: bool) -> Exploration:
    """Search every run of two clients with one early timeout and no other fault."""
    parts = {
        "client 1": Client(payments(1)), "lock": Lock(),
        "client 2": Client(payments(1, first=2)), "storage": Storage(fenced),
    }  # fmt: skip
    bounds = Bounds(losses=0, duplicates=0, crashes=0, early_timeouts=1)
    return explore(parts, bounds, never={"stale write": stale_write})
