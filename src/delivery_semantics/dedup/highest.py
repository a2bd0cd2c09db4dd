"""One number instead of all ids: what streams remember of a producer, and the order they need.

Book: 07-deduplication
"""

from __future__ import annotations

from ..core.check import truth
from .in_memory import moment
from .question import Id, NotRemembered, stored_bytes


class Gap(NotRemembered):
    """A number is missing before this one; the sender has to send that first."""


class Highest:
    """Remembers the highest number of one sender, who counts its messages from 1.

    Whatever is not above it counts as a copy. Without ``gap_check``, a message that was
    overtaken is taken for a copy and is lost. With it, a message that has overtaken another is
    refused with Gap, and nothing is lost as long as the sender repeats what is not acked.
    Raises ValueError for a word instead of ``gap_check``.
    """

    def __init__(self, *, gap_check: bool = True) -> None:
        self.gap_check = truth("gap_check", gap_check)
        self.state = 0  # the highest number

    def first_time(self, id: Id, now_s: float) -> bool:
        """Return whether the number is above the highest, and remember it."""
        number = _number(id)
        moment(now_s)  # for its check: numbers do not grow old
        if number <= self.state:
            return False
        if self.gap_check and number > self.state + 1:
            raise Gap(f"id is {number}; allowed: {self.state + 1} or one that was seen")
        self.state = number
        return True


def _number(id: Id) -> int:
    raw = stored_bytes(id)
    if not raw.isdigit() or raw.startswith(b"0"):
        raise ValueError(f"id is {id!r}; allowed: a whole number from 1, as its digits")
    return int(raw)
