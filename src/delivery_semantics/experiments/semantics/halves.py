"""Two halves make a guarantee: every sender with every receiver, searched under growing faults.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from ... import (
    AckThenProcess, Bounds, Broker, MarkThenProcess, Participant, ProcessOnce, ProcessThenAck,
    ProcessThenMark, explore, payments,
)  # fmt: skip
from ...core.check import one_of
from ...show.picture import Picture, draw, number, path, rect, text
from ...show.view import View
from .pairs import Times, retry, searched, send_once

SENDERS: Mapping[str, Callable[..., Participant]] = {
    "send once": send_once,
    "retry until acked": retry,
}

RECEIVING: Mapping[str, Callable[[], Participant]] = {
    "ack, then process": AckThenProcess,
    "process, then ack": ProcessThenAck,
    "mark, then process": MarkThenProcess,
    "process, then mark": ProcessThenMark,
    "process and mark once": ProcessOnce,
}

FAULTS: Mapping[str, Bounds] = {
    "nothing": Bounds(losses=0, duplicates=0, crashes=0),
    "a packet lost": Bounds(losses=1, duplicates=0, crashes=0),
    "… or the receiver crashed": Bounds(
        losses=1, duplicates=0, crashes=1, crashable=("receiver",)
    ),
    "… or a packet copied": Bounds(losses=1, duplicates=1, crashes=1, crashable=("receiver",)),
    "… or the sender crashed": Bounds(losses=1, duplicates=1, crashes=1),
}
"""What may go wrong in one run, from one step to the next one more thing."""

Matrix = Mapping[str, Mapping[str, Times]]


@cache
def times(sender: str, receiver: str, bounds: Bounds) -> tuple[Times, int]:
    """Search every run of this pair with one payment; return the range and the worlds seen."""
    pair = {
        "sender": SENDERS[sender]("receiver", payments(1)),
        "receiver": RECEIVING[receiver](),
    }
    found = explore(pair, bounds)
    return searched(found), found.worlds


def halves(*, faults: str, seed: int) -> View:
    """Show what each sender and each receiver make together; ``faults`` is one of ``FAULTS``.

    A search leaves nothing to chance, so the seed changes nothing.
    """
    one_of("faults", faults, FAULTS)
    bounds = FAULTS[faults]
    results = {r: {s: times(s, r, bounds) for s in SENDERS} for r in RECEIVING}
    matrix = {r: {s: found[0] for s, found in row.items()} for r, row in results.items()}
    worlds = sum(found[1] for row in results.values() for found in row.values())
    promises = [cell.promise for row in matrix.values() for cell in row.values()]
    counts = {name: promises.count(name) for name in HUES}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return View(
        picture=picture(matrix, title=f"May go wrong: {faults}"),
        numbers={**counts, "worlds searched": worlds},
        sentence=f"Of the ten pairs: {said}. Bounds: 1 payment, {bounds}.",
    )


# A queue in between -----------------------------------------------------------------------


CONSUMERS: Mapping[str, tuple[float | None, Callable[[], Participant]]] = {
    "acked when handed over": (None, AckThenProcess),
    "acked after processing": (1.0, ProcessThenAck),
}
"""The receiving half: after how many seconds the queue hands over again, and the consumer."""

QUEUE_BOUNDS = Bounds(losses=1, duplicates=0, crashes=1, crashable=("consumer",))
QUEUE_FAULTS: Mapping[str, Bounds] = {
    "nothing": Bounds(losses=0, duplicates=0, crashes=0),
    "a packet lost": Bounds(losses=1, duplicates=0, crashes=0),
    "… or the consumer crashed": QUEUE_BOUNDS,
    "… or a packet copied": Bounds(losses=1, duplicates=1, crashes=1, crashable=("consumer",)),
}
"""What may go wrong in one run; the queue itself never crashes."""


@cache
def with_queue(bounds: Bounds = QUEUE_BOUNDS) -> Matrix:
    """Search every run of producer, queue and consumer, for both halves of both."""
    return {
        sender: {
            consumer: searched(explore(_through_queue(sender, consumer), bounds))
            for consumer in CONSUMERS
        }
        for sender in SENDERS
    }


def corners(*, faults: str, seed: int) -> View:
    """Show what two hops make together; ``faults`` is one of ``QUEUE_FAULTS``.

    A search leaves nothing to chance, so the seed changes nothing.
    """
    matrix = with_queue(QUEUE_FAULTS[one_of("faults", faults, QUEUE_FAULTS)])
    promises = [cell.promise for row in matrix.values() for cell in row.values()]
    counts = {name: promises.count(name) for name in HUES}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return View(
        picture=picture(matrix, title=f"Producer, queue and consumer; may go wrong: {faults}"),
        numbers=counts,
        sentence=f"Of the four: {said}. Bounds: 1 payment, {QUEUE_FAULTS[faults]}.",
    )


def _through_queue(sender: str, consumer: str) -> dict[str, Participant]:
    visibility_s, receiver = CONSUMERS[consumer]
    return {
        "producer": SENDERS[sender]("queue", payments(1)),
        "queue": Broker("consumer", visibility_s=visibility_s),
        "consumer": receiver(),
    }


# Drawing a matrix -------------------------------------------------------------------------

HUES = {
    "exactly once": "good",
    "at least once": "accent",
    "at most once": "message",
    "no promise": "fault",
}
_WIDTH, _NAME, _LINE, _ROW = 456, 172, 18, 46


def picture(matrix: Matrix, *, title: str) -> Picture:
    """Draw a matrix: in each cell the range of times processed, and what it would promise."""
    heads = [_two_lines(name) for name in next(iter(matrix.values()))]
    wide = (_WIDTH - _NAME) / len(heads)
    head = _LINE * max(map(len, heads)) + 8
    parts = [
        text(line, _NAME + wide * (i + 0.5), _LINE * (j + 1) - 4, anchor="middle", bold=True)
        for i, name in enumerate(heads)
        for j, line in enumerate(name)
    ]
    for index, (row, cells) in enumerate(matrix.items()):
        top = head + _ROW * index
        parts.append(text(row, 0, top + _ROW / 2 + 5, bold=True))
        for i, cell in enumerate(cells.values()):
            parts += _cell(cell, _NAME + wide * i, top, wide)
    height = head + _ROW * len(matrix)
    says = " ".join(_in_words(row, cells) for row, cells in matrix.items())
    return draw(*parts, width=_WIDTH, height=height, title=title, description=says)


def _in_words(row: str, cells: Mapping[str, Times]) -> str:
    says = (f"{name} {cell}, {cell.promise}" for name, cell in cells.items())
    return f"{row}: {'; '.join(says)}."


def _two_lines(name: str, width: int = 17) -> list[str]:
    """Break a long name at a space, as near to its middle as there is one."""
    spaces = [at for at, letter in enumerate(name) if letter == " "]
    if len(name) <= width or not spaces:
        return [name]
    at = min(spaces, key=lambda space: abs(2 * space - len(name)))
    return [name[:at], name[at + 1 :]]


def _cell(cell: Times, left: float, top: float, wide: float) -> list[str]:
    hue, middle = HUES[cell.promise], left + wide / 2
    return [
        rect(left + 3, top + 2, wide - 6, _ROW - 4, stroke=hue),
        path(f"M{number(left + 6)} {number(top + 2)}v{_ROW - 4}", stroke=hue, width=6),
        text(str(cell), middle, top + 19, anchor="middle", bold=True),
        text(cell.promise, middle, top + 36, anchor="middle"),
    ]
