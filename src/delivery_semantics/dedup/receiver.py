"""A store of ids in a handler: made anew from the disk for each message, and saved with it.

A handler keeps nothing and has no clock. So the store's state is loaded, its clock is the
answer of ``Now``, and what it has become is saved in one transaction with the effect.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..core.effects import (
    Ack, Atomic, Handler, Kept, Load, Message, Now, Passive, Payload, Process, Save, Send,
)  # fmt: skip
from .question import DedupStore, NotRemembered


class StatefulStore(DedupStore, Protocol):
    """A store all of whose memory is a value, which can be kept on a disk and set again."""

    state: Any


@dataclass(frozen=True)
class ProcessIfNew(Passive):
    """Process what the store calls new, ack that and copies; what it refuses gets no ack.

    ``make`` returns an empty store: InMemory, Highest, Bloom, Generations. Its state is kept
    under the key "ids" of the receiver's disk.
    """

    make: Callable[[], StatefulStore]

    def receive(self, source: str, payload: Payload) -> Handler:
        """Ask the store; process and remember at once; then ack."""
        if not isinstance(payload, Message):
            raise TypeError(f"payload: a receiver was sent {payload!r}; allowed: a Message")
        before, now_s = (yield Load("ids", None)), (yield Now())
        try:
            new, after = self._asked(before, payload.id, now_s)
        except NotRemembered:
            return
        yield Atomic(*([Process(payload)] if new else []), Save("ids", after))
        yield Send(source, Ack(payload.id))

    def _asked(self, state: Kept, id: str, now_s: float) -> tuple[bool, Kept]:
        store = self.make()
        if state is not None:
            store.state = state
        return store.first_time(id, now_s), store.state
