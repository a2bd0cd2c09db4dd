"""The frames of PostgreSQL's protocol: what tells a client that a statement was carried out.

A message has a type, one byte, and a length; the first one of a client has no type. Source:
postgresql.org/docs/16/protocol-message-formats.html. Without TLS, which hides them.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from .frames import UP, FrameName, SizedFrames

COMMAND_COMPLETE = b"C"
CHANGES = ("INSERT", "UPDATE", "DELETE", "COMMIT")
"""What a client does not know of when the reply is lost. A question is asked again."""


class PostgresFrame(NamedTuple):
    """A message; ``reply`` is the number of a reply that tells of a change, else 0."""

    reply: int

    @property
    def name(self) -> FrameName:
        """("reply", 2) says that the second change was made."""
        return ("reply" if self.reply else "", self.reply)


def postgres_frames(number: Callable[[], int]) -> SizedFrames[PostgresFrame]:
    """Return the framing of one connection; ``number`` gives each reply its number."""
    begun = False

    def size(data: bytes) -> int:
        typed = 0 if not begun and data[:1] == b"\0" else 1
        if len(data) < typed + 4:
            return 0
        length: int = struct.unpack_from("!i", data, typed)[0]
        return typed + length

    def name(way: str, frame: bytes) -> PostgresFrame:
        nonlocal begun
        begun = True
        tag = frame[5:-1].decode() if way != UP and frame[:1] == COMMAND_COMPLETE else ""
        changed = tag.startswith(CHANGES) and not tag.endswith(" 0")
        return PostgresFrame(number() if changed else 0)

    return SizedFrames(size, name)
