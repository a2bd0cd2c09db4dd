"""Requests and their answers as they came, one below the other: what each says, and the money.

Book: idempotency-layer
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

from ...show.diagram.paper import wrapped
from ...show.picture import Picture, draw, path, polyline, text
from ...show.strips.rail import responsive
from ...systems.http.client import Reply

LEFT, LINE, APART = 30.0, 19.0, 14.0
TOLD = ("Idempotent-Replayed", "Retry-After", "Content-Encoding", "X-Request-Id")
"""The headers that are shown, where an answer has them."""


class Exchange(NamedTuple):
    """What was asked, in words, and what was answered; or a thing that happened, and None.

    A ``late`` answer is one to what was asked further up: no second request is drawn for it.
    """

    asked: str
    reply: Reply | None = None
    late: bool = False


def said(reply: Reply) -> str:
    """Return an answer's status in words: 409 Conflict."""
    return f"{reply.status} {HTTPStatus(reply.status).phrase}"


def lines_of(reply: Reply) -> list[str]:
    """Return the headers of an answer that are shown, and what its body says."""
    found = [f"{name}: {value}" for name in TOLD if (value := reply.header(name))]
    return [*found, body_of(reply)]


def body_of(reply: Reply) -> str:
    """Return a body as text: of an error its sentence, and whether it is none."""
    try:
        content = reply.json()
    except ValueError:
        return "(bytes that are no text)"
    error = content.get("error", content)
    return str(error.get("detail") or error.get("message") or reply.body.decode())


def exchanges(log: Sequence[Exchange], *, title: str) -> Picture:
    """Draw exchanges in the order in which they ended, from the top down.

    Raises ValueError for none.
    """
    if not log:
        raise ValueError("log is empty; allowed: one exchange or more")
    return responsive(partial(_drawn, log, title))


def _drawn(log: Sequence[Exchange], title: str, limit: float) -> Picture:
    parts: list[str] = []
    y = LINE
    for one in log:
        asks = one.reply is not None and not one.late
        for line in wrapped(one.asked, limit - LEFT):
            parts.append(text(line, LEFT, y, bold=asks, fill="ink" if asks else "muted"))
            y += LINE
        if asks:
            parts += _arrow(y - LINE - 5, right=True)
        if one.reply:
            more, y = _answer(one.reply, y, limit)
            parts += more
        y += APART
    says = " ".join(_sentence(one) for one in log)
    return draw(*parts, width=limit, height=y - LINE, title=title, description=says)


def _answer(reply: Reply, y: float, limit: float) -> tuple[list[str], float]:
    hue = "good" if reply.status < 300 else "fault"
    parts = [*_arrow(y - 5, right=False), text(said(reply), LEFT, y, fill=hue, bold=True)]
    for words in lines_of(reply):
        for line in wrapped(words, limit - LEFT):
            y += LINE
            parts.append(text(line, LEFT, y))
    return parts, y + LINE


def _arrow(y: float, *, right: bool) -> list[str]:
    tip, tail = (22.0, 2.0) if right else (2.0, 22.0)
    back = tip - 6 if right else tip + 6
    hue = "message" if right else "ack"
    line = polyline(((tail, y), (tip, y))) + polyline(((back, y - 4), (tip, y), (back, y + 4)))
    return [path(line, stroke=hue, width=2)]


def _sentence(one: Exchange) -> str:
    if one.reply is None:
        return one.asked
    lines = " ".join(f"{line.rstrip('.')}." for line in lines_of(one.reply))
    return f"{one.asked}: {said(one.reply)}. {lines}"
