"""What survives a crash: a disk in memory, for runs in which nothing real crashes.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from .effects import Kept, Message
from .frames import value_of

_UNDIVIDED = nullcontext()


class Disk(Protocol):
    """What the effects need of a store; ``Store`` and ``DatabaseStore`` are two."""

    def process(self, message: Message) -> None:
        """Apply the message once more."""

    def mark(self, message_id: str) -> None:
        """Remember that the message was seen."""

    def is_marked(self, message_id: str) -> bool:
        """Tell whether the message was seen."""

    def save(self, key: str, value: Kept) -> None:
        """Keep a value."""

    def load(self, key: str, default: Kept) -> Kept:
        """Return the value that was kept, or ``default``."""

    def settle(self, message_id: str, outcome: str) -> None:
        """Remember what the sender knows; an ack once heard is not put in doubt later."""

    def transaction(self) -> AbstractContextManager[None]:
        """Make of what is done in the block one step that a crash cannot divide."""


class Store:
    """A disk: the marks, the effects on state, the saved values, and what a sender settled.

    ``processed`` counts effects per message id; ``settled`` maps an id to "confirmed" or
    "in doubt". Change it only through the methods, which keep ``key`` honest.
    """

    __slots__ = ("_key", "marked", "processed", "saved", "settled")

    def __init__(self) -> None:
        self.marked: dict[str, None] = {}
        self.processed: dict[str, int] = {}
        self.saved: dict[str, Kept] = {}
        self.settled: dict[str, str] = {}
        self._key: Hashable = None

    def copy(self) -> Store:
        """Return an equal store."""
        twin = Store.__new__(Store)
        twin.marked = self.marked.copy()
        twin.processed = self.processed.copy()
        twin.saved = self.saved.copy()
        twin.settled = self.settled.copy()
        twin._key = self._key
        return twin

    def process(self, message: Message) -> None:
        """Apply the message once more."""
        self.processed[message.id] = self.processed.get(message.id, 0) + 1
        self._key = None

    def mark(self, message_id: str) -> None:
        """Remember that the message was seen."""
        self.marked[message_id] = None
        self._key = None

    def is_marked(self, message_id: str) -> bool:
        """Tell whether the message was seen."""
        return message_id in self.marked

    def save(self, key: str, value: Kept) -> None:
        """Keep a value."""
        self.saved[key] = value
        self._key = None

    def load(self, key: str, default: Kept) -> Kept:
        """Return the value that was kept, or ``default``."""
        return self.saved.get(key, default)

    def settle(self, message_id: str, outcome: str) -> None:
        """Remember what the sender knows; an ack once heard is not put in doubt later."""
        if self.settled.get(message_id) != "confirmed":
            self.settled[message_id] = outcome
            self._key = None

    def transaction(self) -> AbstractContextManager[None]:
        """Do nothing: in a run, nothing can fall between two lines of one effect."""
        return _UNDIVIDED

    def key(self) -> Hashable:
        """Return a value that is equal for equal stores, in whatever order they were filled."""
        if self._key is None:
            self._key = (
                frozenset(self.marked),
                frozenset(self.processed.items()),
                frozenset((key, value_of(value)) for key, value in self.saved.items()),
                frozenset(self.settled.items()),
            )
        return self._key


class ShortStore(Store):
    """A disk without what no effect can read: of what was processed and settled, nothing.

    For runs whose record tells it, and that may be long.
    """

    __slots__ = ()

    def process(self, message: Message) -> None:
        """Do nothing."""

    def settle(self, message_id: str, outcome: str) -> None:
        """Do nothing."""
