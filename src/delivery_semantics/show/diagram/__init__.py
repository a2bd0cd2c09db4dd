"""Sequence diagrams, drawn from a trace and never by hand.

Time runs down. Every event has a height of its own, in the order in which things happened, so a
message that was overtaken crosses the one that overtook it. What can be told by colour can also
be told by shape and by words.

A trace is retold (`story`, in `words`), rows and life lines get their places (`grid`), every
line and word is put on paper (`layout`; where the page is narrow, `narrow`), and written down
(`svg`).

Book: 01-the-problem
"""

from __future__ import annotations

from dataclasses import replace

from ...core.trace import Trace
from ...search.exploration import Verdict
from ..picture import Picture, draw
from .layout import Drawing, lay_out
from .narrow import NARROW, lay_out_narrow
from .story import tell
from .svg import parts

ROWS_MAX = 60
WIDE = 840
"""Units across that the book's column shows with letters of 14 px."""


def sequence(
    run: Trace | Verdict,
    *,
    title: str,
    description: str | None = None,
    time_axis: bool = False,
    saves: bool = False,
    totals: bool = True,
    like: Trace | Verdict | None = None,
) -> Picture:
    """Draw a run as a sequence diagram: a trace, or the run that breaks a promise.

    Where that run goes round for ever, the turn that repeats stands in a frame.
    ``description`` is by default what is drawn, sentence by sentence. ``time_axis`` shows the
    seconds at the left and spreads the rows by them, between a least and a greatest distance.
    ``saves`` draws what participants note for themselves, ``totals`` the line at the foot: how
    often each message was processed, and the money. Of a longer trace the first ``ROWS_MAX``
    rows are drawn and the rest is counted. What a narrow page cannot hold is drawn once more
    for it, with all words beside the life lines; what no page can hold, only so. Of a run that
    is the beginning of ``like``, the life lines stand where they stand in that, as long.
    Raises ValueError for a verdict that holds, for a trace without participants, or with an
    event of a stranger.
    """
    story = tell(run, saves=saves, totals=totals).cut(ROWS_MAX)
    says = description or " ".join(story.sentences())
    whole = tell(like, saves=saves).cut(ROWS_MAX) if like else None
    wide = lay_out(story, time_axis=time_axis, like=whole)
    if wide.width <= NARROW:
        return _picture(wide, title, says)
    narrow = _picture(lay_out_narrow(story, time_axis=time_axis, like=whole), title, says)
    if wide.width > WIDE:
        return narrow
    return replace(_picture(wide, title, says), narrow=narrow.svg)


def _picture(drawing: Drawing, title: str, says: str) -> Picture:
    return draw(
        *parts(drawing), width=drawing.width, height=drawing.height, title=title,
        description=says,
    )  # fmt: skip
