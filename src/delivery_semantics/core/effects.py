"""What travels, and what a handler may ask for.

A handler is a generator: it yields effects and is sent their answers. It has no clock, no
chance and no I/O of its own, so the same handler runs under a script, a seed, a search and
real sockets. The surprising thing is how little else there is: the order of the ``yield``
lines *is* the delivery semantics, because a crash can fall between any two of them.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from .check import not_negative


class Payload(Protocol):
    """What a packet carries: ``kind`` tells messages from acks, ``id`` names the content.

    Any other kind than "ack" fares as a message does. A ``label`` names it for a reader.
    """

    kind: ClassVar[str]

    @property
    def id(self) -> str:
        """The id of the message that this payload carries or acknowledges."""


@dataclass(frozen=True, slots=True)
class Message:
    """A payment of ``amount``; ``id`` is chosen by the sender before the first attempt."""

    kind: ClassVar[str] = "message"
    id: str
    amount: int = 10


@dataclass(frozen=True, slots=True)
class Ack:
    """The receiver's word that it has message ``id``, which need not mean processed."""

    kind: ClassVar[str] = "ack"
    id: str


def label(payload: Payload) -> str:
    """Name a payload for a reader: by its own ``label``, or else by its kind and id."""
    return str(getattr(payload, "label", f"{payload.kind.capitalize()} {payload.id}"))


# What the outside sees --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """Put one packet on the network. Answer: None; nobody knows yet whether it arrives."""

    to: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class Process:
    """Apply the message to the state, for example move the money. Answer: None."""

    message: Message


@dataclass(frozen=True, slots=True)
class Confirm:
    """The sender now knows that message ``id`` was acknowledged. Answer: None."""

    id: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The sender stops trying; message ``id`` is in doubt, not failed. Answer: None."""

    id: str


# What is remembered -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """Write on disk that message ``id`` was seen. Answer: None."""

    id: str


@dataclass(frozen=True, slots=True)
class IsMarked:
    """Ask the disk whether message ``id`` was seen. Answer: bool."""

    id: str


@dataclass(frozen=True, slots=True)
class Save:
    """Keep ``value`` under ``key``: on disk, or in memory that a crash clears. Answer: None."""

    key: str
    value: int
    durable: bool = True


@dataclass(frozen=True, slots=True)
class Load:
    """Read what ``Save`` kept under ``key``; ``default`` if nothing. Answer: int."""

    key: str
    default: int = 0


@dataclass(frozen=True, slots=True)
class Once:
    """One transaction: unless ``id`` is marked, process and mark. Answer: bool, did it."""

    id: str
    process: Process


@dataclass(frozen=True, slots=True)
class Transaction:
    """Process and save in one step that a crash cannot divide. Answer: None."""

    process: Process
    save: Save


# Waiting ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for ``payload``; anything else that arrives meanwhile is ignored.

    Answer: bool, True if it came and False if ``timeout_s`` ran out first.
    Raises ValueError for a time that is negative or not finite.
    """

    payload: Payload
    timeout_s: float

    def __post_init__(self) -> None:
        not_negative("timeout_s", self.timeout_s)


@dataclass(frozen=True, slots=True)
class Wait:
    """Let ``delay_s`` seconds pass; what arrives meanwhile is ignored. Answer: False.

    Raises ValueError for a time that is negative or not finite.
    """

    delay_s: float

    def __post_init__(self) -> None:
        not_negative("delay_s", self.delay_s)


Effect = (
    Send | Process | Confirm | GiveUp | Mark | IsMarked | Save | Load | Once | Transaction
    | Receive | Wait
)  # fmt: skip
Answer = None | bool | int
# What an effect answers depends on the effect, so a handler reads it as Any.
Handler = Generator[Effect, Any, None]


class Participant(Protocol):
    """Anything that lives at one end of the network.

    What must survive a crash is saved through effects; a handler's own variables do not.
    """

    def start(self) -> Handler:
        """Run at boot and after each restart."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Run for each packet that arrives while no handler is running."""


class Passive:
    """A participant that does nothing at boot and ignores whatever arrives."""

    def start(self) -> Handler:
        """Yield nothing."""
        yield from ()

    def receive(self, source: str, payload: Payload) -> Handler:
        """Yield nothing, whatever arrives."""
        yield from ()
