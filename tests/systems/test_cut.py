"""Frames of a small protocol, lost, held and cut on their way between real sockets."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics.systems.cut import Cut
from delivery_semantics.systems.frames import DOWN, UP, FrameName, SizedFrames
from delivery_semantics.systems.server import free_ports

HOST = "127.0.0.1"


class Frame(NamedTuple):
    name: FrameName


def framed(*bodies: bytes) -> bytes:
    """Four bytes of length before each, as Kafka has it."""
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


def size(data: bytes) -> int:
    return 4 + int.from_bytes(data[:4], "big") if len(data) >= 4 else 0


def framing() -> SizedFrames[Frame]:
    counts = {UP: itertools.count(1), DOWN: itertools.count(1)}
    return SizedFrames(size, lambda way, frame: Frame((way, next(counts[way]))))


# The framing ------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=20), max_size=5), st.data())
def test_however_a_stream_is_split_its_frames_are_the_same(
    bodies: list[bytes], data: st.DataObject
) -> None:
    stream, made = framed(*bodies), framing()
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10).map(sorted))
    parts = [stream[a:b] for a, b in itertools.pairwise([0, *cuts, len(stream)])]
    pieces = [piece for part in parts if part for piece in made.split(UP, part)]
    assert [piece.data for piece in pieces] == [framed(body) for body in bodies]
    assert [piece.frame for piece in pieces] == [
        Frame((UP, number)) for number in range(1, len(bodies) + 1)
    ]
    assert all(piece.ends for piece in pieces)


# Over sockets -----------------------------------------------------------------------------


class Target:
    """Answers each frame with one that has its body twice; ``got`` is all that came."""

    def __init__(self) -> None:
        self.got = b""
        self._listening = socket.create_server((HOST, 0))
        self.place = f"{HOST}:{self._listening.getsockname()[1]}"

    def serve(self) -> None:
        """Serve one connection, until the other side has ended its half."""
        connection, _ = self._listening.accept()
        with connection, suppress(ConnectionError):
            rest = b""
            while data := connection.recv(2**16):
                self.got += data
                rest += data
                while 0 < size(rest) <= len(rest):
                    frame, rest = rest[: size(rest)], rest[size(rest) :]
                    connection.sendall(framed(frame[4:] * 2))

    @contextmanager
    def running(self) -> Iterator[Target]:
        with self._listening, ThreadPoolExecutor(1) as thread:
            served = thread.submit(self.serve)
            try:
                yield self
            finally:  # who still waits for a connection gets one that says nothing
                socket.create_connection(self._listening.getsockname()).close()
            served.result(30)


class Bench(NamedTuple):
    """A client connected to a target, and what the proxy between them tells."""

    cut: Cut[Frame]
    target: Target
    client: socket.socket
    told: list[tuple[str, int, str]]


Cuts = Mapping[FrameName, int]


@contextmanager
def cutting(
    *, lose: Iterable[FrameName] = (), cut: Cuts | None = None, hold: Iterable[FrameName] = ()
) -> Iterator[Bench]:
    told: list[tuple[str, int, str]] = []

    def tell(frame: Frame, fate: str) -> None:
        told.append((*frame.name, fate))

    with Target().running() as target:
        proxy = Cut(target.place, framing, lose=lose, cut=cut, hold=hold, tell=tell)
        with proxy, connected(proxy) as client:
            yield Bench(proxy, target, client, told)


def connected(cut: Cut[Frame]) -> socket.socket:
    client = socket.create_connection((HOST, int(cut.address.rpartition(":")[2])))
    client.settimeout(30)
    return client


def all_of(client: socket.socket) -> bytes:
    """What comes until the other side ends it."""
    return b"".join(iter(lambda: client.recv(2**16), b""))


def asked(client: socket.socket, *bodies: bytes) -> bytes:
    """Send frames, end this half of the connection, and return all that comes."""
    client.sendall(framed(*bodies))
    client.shutdown(socket.SHUT_WR)
    return all_of(client)


@pytest.mark.parametrize(
    ("lose", "got", "back"),
    [
        ((), (b"a", b"b", b"c"), (b"aa", b"bb", b"cc")),
        (((UP, 2),), (b"a", b"c"), (b"aa", b"cc")),
        (((DOWN, 1), (DOWN, 3)), (b"a", b"b", b"c"), (b"bb",)),
    ],
    ids=["nothing", "request", "replies"],
)
def test_a_frame_is_lost_and_its_connection_goes_on(
    lose: tuple[FrameName, ...], got: tuple[bytes, ...], back: tuple[bytes, ...]
) -> None:
    with cutting(lose=lose) as bench:
        assert asked(bench.client, b"a", b"b", b"c") == framed(*back)
        assert bench.target.got == framed(*got)
    lost = {(way, number) for way, number, fate in bench.told if fate == "lost"}
    assert lost == set(lose)
    assert {fate for *name, fate in bench.told if tuple(name) not in lost} == {"forwarded"}


@pytest.mark.parametrize("count", [0, 1, 5, 6])
def test_a_connection_is_cut_within_a_reply(count: int) -> None:
    with cutting(cut={(DOWN, 2): count}) as bench:
        bench.client.sendall(framed(b"a", b"b", b"c"))
        assert all_of(bench.client) == framed(b"aa") + framed(b"bb")[:count]
    assert (DOWN, 2, "cut" if count else "lost") in bench.told


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_connection_is_cut_within_a_request(count: int) -> None:
    with cutting(cut={(UP, 2): count}) as bench:
        bench.client.sendall(framed(b"a"))
        assert bench.client.recv(6, socket.MSG_WAITALL) == framed(b"aa")
        bench.client.sendall(framed(b"b"))
        assert all_of(bench.client) == b""
    assert bench.target.got == framed(b"a") + framed(b"b")[:count]


def test_what_is_held_waits_and_what_becomes_of_it_is_asked_afterwards() -> None:
    with cutting(hold=[(UP, 1), (DOWN, 2)]) as bench:
        bench.client.sendall(framed(b"a", b"b"))
        bench.cut.wait_for((UP, 1))
        assert (bench.target.got, bench.told) == (b"", [])
        bench.cut.release((UP, 1))
        bench.cut.wait_for((DOWN, 2))
        bench.cut.cut((DOWN, 2))
        bench.cut.release((DOWN, 2))
        assert all_of(bench.client) == framed(b"aa")
        with pytest.raises(KeyError):
            bench.cut.release((UP, 7))


def test_what_is_held_at_the_end_of_the_block_is_let_go() -> None:
    before = set(threading.enumerate())
    with Target().running() as target:
        with Cut(target.place, framing, hold=[(DOWN, 1)]) as cut:
            client = connected(cut)
            client.sendall(framed(b"a"))
            cut.wait_for((DOWN, 1))
        with client:
            assert all_of(client) == framed(b"aa")
    assert set(threading.enumerate()) <= before  # others' may have ended meanwhile


def test_a_connection_that_says_nothing_costs_the_target_none_and_ends_with_the_block() -> None:
    before = set(threading.enumerate())
    with Cut("127.0.0.1:1", framing) as cut:
        client = connected(cut)
        client.sendall(b"\0\0")  # half of a length
    with client, suppress(ConnectionResetError):
        assert all_of(client) == b""
    assert set(threading.enumerate()) <= before  # others' may have ended meanwhile


def test_where_nobody_listens_a_frame_is_refused_and_its_connection_cut() -> None:
    told: list[str] = []
    nobody = f"{HOST}:{free_ports(1)[0]}"
    with (
        Cut(nobody, framing, tell=lambda frame, fate: told.append(fate)) as cut,
        connected(cut) as client,
    ):
        client.sendall(framed(b"a"))
        assert all_of(client) == b""
    assert told == ["forwarded", "refused"]


def test_a_client_that_reads_nothing_and_goes_away_does_no_harm() -> None:
    with cutting() as bench:
        bench.client.sendall(framed(*[b"x" * 2**16] * 40))
        bench.client.close()
    assert {fate for _, _, fate in bench.told} <= {"forwarded"}
