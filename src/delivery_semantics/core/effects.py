"""What travels, and what a handler may ask for.

A handler is a generator: it yields effects and is sent their answers. It has no clock, no
chance and no I/O of its own, so the same handler runs under a script, a seed, a search and
real sockets. The surprising thing is how little else there is: the order of the ``yield``
lines *is* the delivery semantics, because a crash can fall between any two of them.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar, dataclass_transform

from .check import not_negative

Kind = TypeVar("Kind")


@dataclass_transform(frozen_default=True)
def value(*, init: bool = True) -> Callable[[type[Kind]], type[Kind]]:
    """Make a dataclass that is compared by its content, and frozen for the type checker.

    To freeze it for a run as well takes three times as long to make one, and a run makes many.
    """
    return dataclass(slots=True, unsafe_hash=True, init=init)


class Payload(Protocol):
    """What a packet carries: ``kind`` tells messages from acks, ``id`` names the content.

    Any other kind than "ack" fares as a message does. A ``label`` names it for a reader.
    """

    kind: ClassVar[str]

    @property
    def id(self) -> str:
        """The id of the message that this payload carries or acknowledges."""


@value()
class Message:
    """A payment of ``amount``; ``id`` is chosen by the sender before the first attempt."""

    kind: ClassVar[str] = "message"
    id: str
    amount: int = 10


@value()
class Ack:
    """The receiver's word that it has message ``id``, which need not mean processed."""

    kind: ClassVar[str] = "ack"
    id: str


class CarriesMessage:
    """What a payload inherits that carries a ``message`` and goes by its id."""

    __slots__ = ()
    kind: ClassVar[str] = "message"
    message: Message

    @property
    def id(self) -> str:
        """The message's id."""
        return self.message.id


def label(payload: Payload) -> str:
    """Name a payload for a reader: by its own ``label``, or else by its kind and id."""
    return str(getattr(payload, "label", f"{payload.kind.capitalize()} {payload.id}"))


Kept = None | bool | int | float | str | Payload | tuple["Kept", ...]
"""What can be kept: it is compared by its content, and its text is its content."""


# What the outside sees --------------------------------------------------------------------


@value()
class Send:
    """Put one packet on the network. Answer: None; nobody knows yet whether it arrives."""

    to: str
    payload: Payload


@value()
class Process:
    """Apply the message to the state, for example move the money. Answer: None."""

    message: Message


@value()
class Confirm:
    """The sender now knows that message ``id`` was acknowledged. Answer: None."""

    id: str


@value()
class GiveUp:
    """The sender stops trying; message ``id`` is in doubt, not failed. Answer: None."""

    id: str


# What is remembered -----------------------------------------------------------------------


@value()
class Mark:
    """Write on disk that message ``id`` was seen. Answer: None."""

    id: str


@value()
class IsMarked:
    """Ask the disk whether message ``id`` was seen. Answer: bool."""

    id: str


@value()
class Save:
    """Keep ``value`` under ``key``: on disk, or in memory that a crash clears. Answer: None.

    A value is a number, a text, a payload, None, or a tuple of them. ``store`` names another
    disk than the participant's, by default its own or the one that it shares.
    """

    key: str
    value: Kept
    durable: bool = True
    store: str = ""


@value()
class Load:
    """Read what ``Save`` kept under ``key``; ``default`` if nothing. Answer: the value."""

    key: str
    default: Kept = 0
    store: str = ""


@value(init=False)
class Atomic:
    """One transaction: all of ``effects`` or none, in one step that a crash cannot divide.

    Nothing is done where the id ``unless_marked`` is marked, or where what was saved under a
    key is not what ``only_if`` says, (key, value); 0 is what nobody has saved.
    Answer: bool, did it. Allowed in it: Process, Mark, Save on the same disk, Confirm, GiveUp.
    """

    effects: tuple[Process | Mark | Save | Confirm | GiveUp, ...]
    unless_marked: str | None = None
    only_if: tuple[str, Kept] | None = None

    def __init__(
        self, *effects: Process | Mark | Save | Confirm | GiveUp,
        unless_marked: str | None = None, only_if: tuple[str, Kept] | None = None,
    ) -> None:  # fmt: skip
        object.__setattr__(self, "effects", effects)
        object.__setattr__(self, "unless_marked", unless_marked)
        object.__setattr__(self, "only_if", only_if)


@value()
class Once:
    """``Atomic(process, Mark(id), unless_marked=id)``: process unless marked, and mark."""

    id: str
    process: Process


# Waiting ----------------------------------------------------------------------------------


@value()
class Receive:
    """Wait for ``payload``; anything else that arrives meanwhile is ignored.

    Answer: bool, True if it came and False if ``timeout_s`` ran out first.
    Raises ValueError for a time that is negative or not finite.
    """

    payload: Payload
    timeout_s: float

    def __post_init__(self) -> None:
        not_negative("timeout_s", self.timeout_s)


@value()
class Wait:
    """Let ``delay_s`` seconds pass; what arrives meanwhile is ignored. Answer: False.

    Raises ValueError for a time that is negative or not finite.
    """

    delay_s: float

    def __post_init__(self) -> None:
        not_negative("delay_s", self.delay_s)


@value(init=False)
class ReceiveAny:
    """Wait for a payload that is, or is of a type that is, among ``match``; any if it is empty.

    Anything else that arrives meanwhile is ignored. Answer: (source, payload), or None if
    ``timeout_s`` ran out first. Raises ValueError for a time that is negative or not finite.
    """

    match: tuple[Payload | type, ...]
    timeout_s: float

    def __init__(self, *match: Payload | type, timeout_s: float) -> None:
        object.__setattr__(self, "match", match)
        object.__setattr__(self, "timeout_s", not_negative("timeout_s", timeout_s))

    def accepts(self, payload: Payload) -> bool:
        """Whether this payload is waited for."""
        return not self.match or any(
            isinstance(payload, each) if isinstance(each, type) else payload == each
            for each in self.match
        )


# Time ---------------------------------------------------------------------------------------


@value()
class Arm:
    """Have ``timer(name)`` run in ``delay_s`` seconds; a timer of that name begins anew.

    It runs as soon as no other handler does. A crash disarms. Answer: None.
    Raises ValueError for a time that is negative or not finite.
    """

    name: str
    delay_s: float

    def __post_init__(self) -> None:
        not_negative("delay_s", self.delay_s)


@value()
class Disarm:
    """Stop the timer of that name, if it is armed. Answer: None."""

    name: str


@value()
class Now:
    """Ask the clock. Answer: float, seconds since the run began.

    A search is asked by ``Bounds(clock_s=…)`` which moments there are, a script by ``Tick``.
    """


class EffectFailed(Exception):
    """Raised at the ``yield`` of an effect that failed: nothing of it was done."""


Effect = (
    Send | Process | Confirm | GiveUp | Mark | IsMarked | Save | Load | Atomic | Once | Arm
    | Disarm | Now | Receive | ReceiveAny | Wait
)  # fmt: skip
Answer = None | bool | float | Kept | tuple[str, Payload] | EffectFailed
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

    def timer(self, name: str) -> Handler:
        """Run for each timer of ``Arm`` that has run out, while no handler is running."""


class Passive:
    """A participant that does nothing at boot and ignores whatever arrives."""

    def start(self) -> Handler:
        """Yield nothing."""
        yield from ()

    def receive(self, source: str, payload: Payload) -> Handler:
        """Yield nothing, whatever arrives."""
        yield from ()

    def timer(self, name: str) -> Handler:
        """Yield nothing, whatever timer has run out."""
        yield from ()
