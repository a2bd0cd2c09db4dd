"""PostgreSQL's messages: where each ends, and which tells of a change."""

from __future__ import annotations

import itertools
import struct
from functools import partial

import pytest

from delivery_semantics.systems.frames import DOWN, UP
from delivery_semantics.systems.postgresql_frames import postgres_frames


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", 4 + len(body)) + body


STARTUP = message(b"", b"\0\3\0\0user\0postgres\0\0")
QUERY = message(b"Q", b"COMMIT\0")
TAGS = (
    "BEGIN",
    "SELECT 1",
    "INSERT 0 1",
    "INSERT 0 0",
    "UPDATE 1",
    "DELETE 0",
    "COMMIT",
    "SET",
)
REPLIES = [message(b"C", tag.encode() + b"\0") for tag in TAGS]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_messages_come_whole_however_they_were_cut(size: int) -> None:
    framing = postgres_frames(partial(next, itertools.count(1)))
    found = {UP: b"", DOWN: b""}
    names = []
    for way, stream in ((UP, STARTUP + QUERY), (DOWN, b"".join(REPLIES))):
        for begin in range(0, len(stream), size):
            for piece in framing.split(way, stream[begin : begin + size]):
                found[way] += piece.data
                assert piece.frame is not None
                names.append(piece.frame.name)
    assert found == {UP: STARTUP + QUERY, DOWN: b"".join(REPLIES)}
    changes = [name for name in names if name[0] == "reply"]
    assert changes == [("reply", 1), ("reply", 2), ("reply", 3)]
    assert [names.index(each) - 2 for each in changes] == [2, 4, 6]
