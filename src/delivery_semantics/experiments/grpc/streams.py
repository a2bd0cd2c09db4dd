"""A stream of payments that breaks off, and a reader that says where it goes on.

Book: 14-grpc
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache, partial

import grpc

from ... import AckThenProcess, Message, Participant, ProcessOnce, ProcessThenAck, payments
from ...databases import Connections, empty_place
from ...live.run_log import RunLog
from ...show.diagram import sequence
from ...show.strips import kill_strip
from ...show.view import View
from ...systems.consumer import Open
from ...systems.cut import Cut
from ...systems.grpc.client import HistorySource, connected
from ...systems.grpc.frames import HTTP2Framing, numbering, reply
from ...systems.grpc.service import Payments, listening
from ...systems.lab import Ending, at_a_message, kill_at_each_step

PAYMENTS = payments(2)
READERS: dict[str, type[Participant]] = {
    "save the position, pay": AckThenProcess,
    "pay, save the position": ProcessThenAck,
    "pay once, save the position": ProcessOnce,
}


STREAMED = 4
CUTS = (1, 3, 4)
RESUMES = "resumes"
WAYS = ("begins again", RESUMES)
SERVICE, READER = "service", "reader"


@contextmanager
def _paid(count: int) -> Iterator[tuple[str, str]]:
    """Make an account with so many payments, and yield the service's address and its name."""
    with (
        empty_place() as url,
        closing(Connections(url, synchronous="OFF")) as connections,
        listening(Payments(connections)) as target,
    ):
        with connected(target) as client:
            client.pay_all(payments(count))
        yield target, client.account


@contextmanager
def filled() -> Iterator[Open]:
    """Make an account with the payments in it, and yield how to open its history."""
    with _paid(len(PAYMENTS)) as (target, account), empty_place() as place:
        yield partial(HistorySource, target, account, place)


@cache
def reader_killed(reader: str) -> list[Ending]:
    """Kill a reader of the stream at each of its steps; another one goes on where it stood."""
    ends = kill_at_each_step(filled, READERS[reader](), PAYMENTS)
    return at_a_message(ends, ack="Save position")


def reader_view(*, reader: str, seed: int = 1) -> View:
    """Show what a kill at each step came to, for one reader."""
    ends = reader_killed(reader)
    wrong = sum(end.money != end.expected for end in ends)
    return View(
        kill_strip({reader: ends}, title=f"Two payments of 10 from a stream: {reader}"),
        {
            "runs": len(ends), "wrong": wrong, "least money": min(e.money for e in ends),
            "most money": max(e.money for e in ends),
        },
        f"The reader ({reader}) is killed at each of {len(ends)} steps, once in each run. The "
        f"money is wrong in {wrong} of them.",
    )  # fmt: skip


@dataclass(frozen=True)
class Broken:
    """A history whose first stream breaks off, when ``break_off`` is called."""

    address: str
    account: str
    break_off: Callable[[], None]


@contextmanager
def broken_stream(count: int, *, cut_at: int) -> Iterator[Broken]:
    """Make an account with so many payments; its first stream stops before this one.

    It is held there and not cut at once: what has come before may be thrown away by gRPC if
    nobody has taken it when the connection ends, and how much that is would be chance.
    """
    frame, number = reply(1, "data", cut_at), numbering()
    framing = partial(HTTP2Framing, number)
    with (
        _paid(count) as (target, account),
        Cut(target, framing, cut={frame: 0}, hold=[frame]) as proxy,
    ):
        yield Broken(proxy.address, account, partial(proxy.release, frame))


def read(broken: Broken, *, cut_at: int, resumes: bool) -> list[Message]:
    """Read a history to its end.

    After the break it begins again, or with ``resumes`` behind the last payment that came.
    """
    got: list[Message] = []
    after = 0
    with connected(broken.address, account=broken.account) as client:
        while True:
            try:
                if cut_at == 1:
                    broken.break_off()
                for number, payment in client.history(after=after):
                    got.append(payment)
                    after = number if resumes else 0
                    if len(got) == cut_at - 1:
                        broken.break_off()
            except grpc.RpcError:
                continue
            return got


@cache
def streamed(cut_at: int, reader: str) -> tuple[Message, ...]:
    """Return what came of a stream that is cut before this payment, to one of ``WAYS``."""
    with broken_stream(STREAMED, cut_at=cut_at) as broken:
        return tuple(read(broken, cut_at=cut_at, resumes=reader == RESUMES))


def cut_view(*, cut_at: int, reader: str, seed: int = 1) -> View:
    """Show what came of a stream that is cut, and the money of a reader that pays it all."""
    got, log = streamed(cut_at, reader), RunLog((SERVICE, READER), payments(STREAMED))
    for number, payment in enumerate(got, 1):
        if number == cut_at:
            log.note("timed_out", READER, note="the stream is cut")
        log.packet(SERVICE, READER, payment)
        log.note("processed", READER, payment)
    twice = len(got) - STREAMED
    return View(
        sequence(log.trace(), title=f"Cut before payment {cut_at}; the reader {reader}",
                 totals=False),
        {
            "payments came": len(got),
            "money expected": sum(payment.amount for payment in payments(STREAMED)),
            "money there": sum(payment.amount for payment in got),
        },
        f"A stream of {STREAMED} payments is cut before payment {cut_at}, and the reader "
        f"{reader}. {len(got)} payments come, {twice or 'none'} of them twice.",
    )  # fmt: skip
