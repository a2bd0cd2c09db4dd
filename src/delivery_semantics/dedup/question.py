"""The one question of deduplication, and what every store shares.

Book: 07-deduplication
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

Id = str | bytes
"""What names a message; "a" and b"a" are one id."""

ID_BYTES_MAX = 255
"""So that a sender cannot fill the store with one message."""


class NotRemembered(RuntimeError):
    """The store cannot take this id now. Neither process the message nor ack it."""


class StoreFull(NotRemembered):
    """There is no room for another id, and the store was told to forget none."""


class DedupStore(Protocol):
    """Remembers ids, each for as long and as well as the store says."""

    def first_time(self, id: Id, now_s: float) -> bool:
        """Return whether ``id`` is new, and remember it: one step, which nothing divides.

        ``now_s`` is the caller's clock. False means: skip the message, and ack it. Raises
        ValueError for an id or a time that is none, and NotRemembered if it cannot decide.
        """


def stored_bytes(id: Id) -> bytes:
    """Return an id as it is stored. Raises ValueError unless it has 1 to 255 bytes."""
    raw = id.encode("utf-8", "surrogatepass") if isinstance(id, str) else id
    if not isinstance(raw, bytes):
        raise ValueError(f"id is {id!r}; allowed: text or bytes")
    if not 1 <= len(raw) <= ID_BYTES_MAX:
        raise ValueError(f"id has {len(raw)} bytes; allowed: 1 to {ID_BYTES_MAX}")
    return raw


def scoped(scope: Id, id: Id) -> bytes:
    """Return an id that is unique if ``id`` is unique within ``scope``, such as a sender.

    The scope's length stands before it: ("a", "bc") and ("ab", "c") must not become one id.
    """
    first, second = stored_bytes(scope), stored_bytes(id)
    return stored_bytes(bytes([len(first)]) + first + second)


@dataclass(frozen=True)
class Shared:
    """Lets threads share a store that is made for one: each decision holds ``lock``."""

    store: DedupStore
    lock: AbstractContextManager[object]

    def first_time(self, id: Id, now_s: float) -> bool:
        """Ask the store while no other thread does."""
        with self.lock:
            return self.store.first_time(id, now_s)
