"""What survives a crash.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections.abc import Hashable


class Store:
    """A disk: the marks, the effects on state, the saved values, and what a sender settled.

    ``processed`` counts effects per message id; ``settled`` maps an id to "confirmed" or
    "in doubt". Change it only through the methods, which keep ``key`` honest.
    """

    __slots__ = ("_key", "marked", "processed", "saved", "settled")

    def __init__(self) -> None:
        self.marked: dict[str, None] = {}
        self.processed: dict[str, int] = {}
        self.saved: dict[str, int] = {}
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

    def process(self, message_id: str) -> None:
        """Apply the message once more."""
        self.processed[message_id] = self.processed.get(message_id, 0) + 1
        self._key = None

    def mark(self, message_id: str) -> None:
        """Remember that the message was seen."""
        self.marked[message_id] = None
        self._key = None

    def save(self, key: str, value: int) -> None:
        """Keep a value."""
        self.saved[key] = value
        self._key = None

    def settle(self, message_id: str, outcome: str) -> None:
        """Remember what the sender knows; an ack once heard is not put in doubt later."""
        if self.settled.get(message_id) != "confirmed":
            self.settled[message_id] = outcome
            self._key = None

    def key(self) -> Hashable:
        """Return a value that is equal for equal stores, in whatever order they were filled."""
        if self._key is None:
            self._key = (
                frozenset(self.marked),
                frozenset(self.processed.items()),
                frozenset(self.saved.items()),
                frozenset(self.settled.items()),
            )
        return self._key
