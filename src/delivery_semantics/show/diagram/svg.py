"""A laid-out diagram as SVG: few elements, grouped by what they look like.

Book: 01-the-problem
"""

from __future__ import annotations

from math import hypot

from ..picture import colour, cross, disc, number, path, polyline, words
from .layout import Arrow, Drawing, Sign
from .paper import Box, Point, Text
from .story import IN_FLIGHT

STYLES = {
    "ink": f'fill="{colour("ink")}"',
    "strong": f'fill="{colour("ink")}" font-weight="600"',
    "muted": f'fill="{colour("muted")}"',
    "alarm": f'fill="{colour("fault")}" font-weight="600"',
}


def parts(drawing: Drawing) -> list[str]:
    """Return the drawing's SVG elements, lines below words."""
    lives = "".join([*map(polyline, drawing.lines), *map(_box, drawing.names)])
    found = [
        path("".join(map(_box, drawing.frames)), stroke="accent"),
        path(lives, stroke="muted"),
        path("".join(map(polyline, drawing.down)), stroke="muted", dash="1 5"),
        *_arrows(drawing.arrows),
        *_signs(drawing.signs),
        *(_texts(style, drawing.texts) for style in STYLES),
    ]
    return [part for part in found if part and 'd=""' not in part]


def _box(box: Box) -> str:
    x, y, right, bottom = map(number, box)
    return f"M{x} {y}H{right}V{bottom}H{x}Z"


def _texts(style: str, texts: tuple[Text, ...]) -> str:
    lines = "".join(_text(text) for text in texts if text.style == style)
    return f"<g {STYLES[style]}>{lines}</g>" if lines else ""


def _text(text: Text) -> str:
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    return f'<text x="{number(text.x)}" y="{number(text.y)}"{anchor}>{words(text.words)}</text>'


# Arrows -----------------------------------------------------------------------------------


def _arrows(arrows: tuple[Arrow, ...]) -> list[str]:
    found = []
    for kind in ("message", "ack"):
        mine = [arrow for arrow in arrows if (arrow.flight.kind == "ack") == (kind == "ack")]
        for copy, dash in ((False, ""), (True, "6 4")):
            lines = "".join(_line(arrow) for arrow in mine if arrow.flight.copy is copy)
            found.append(path(lines, stroke=kind, width=2, dash=dash))
        heads = "".join(_head(arrow, closed=kind == "message") for arrow in mine)
        found.append(path(heads, stroke=kind, fill=kind if kind == "message" else "", width=2))
    lost = "".join(cross(*arrow.end) for arrow in arrows if arrow.flight.fate == "lost")
    found.append(path(lost, stroke="fault", width=2.5, round_ends=True))
    return found


def _line(arrow: Arrow) -> str:
    return "".join(map(polyline, arrow.pieces))


def _head(arrow: Arrow, *, closed: bool) -> str:
    """An arrowhead, or a bar where the packet met nobody; nothing if it did not get there."""
    fate = arrow.flight.fate
    if fate in ("lost", IN_FLIGHT) or not arrow.pieces:
        return ""
    (x, y), (tip_x, tip_y) = arrow.pieces[-1]
    length = hypot(tip_x - x, tip_y - y) or 1.0
    along = ((tip_x - x) / length, (tip_y - y) / length)

    def point(back: float, aside: float) -> Point:
        return (
            tip_x - back * along[0] - aside * along[1],
            tip_y - back * along[1] + aside * along[0],
        )

    if fate == "refused":
        return polyline((point(5, -7), point(5, 7)))
    return polyline((point(10, -4.5), point(1, 0), point(10, 4.5))) + ("Z" if closed else "")


# Signs on life lines ----------------------------------------------------------------------


def _signs(signs: tuple[Sign, ...]) -> list[str]:
    def drawn(*kinds: str) -> str:
        return "".join(_SIGNS[sign.what](sign) for sign in signs if sign.what in kinds)

    return [
        path(drawn("timed_out"), stroke="muted", dash="3 3"),
        path(drawn("marked", "skipped", "restarted"), stroke="ink"),
        path(drawn("confirmed"), stroke="good", width=2.5, round_ends=True),
        path(drawn("processed"), fill="good"),
        path(drawn("processed again"), fill="fault"),
        path(drawn("crashed"), stroke="fault", width=2.5),
    ]


def _disc(sign: Sign) -> str:
    return disc(sign.x, sign.y)


def _diamond(sign: Sign) -> str:
    x, y = sign.x, sign.y
    return polyline(((x - 8, y), (x, y - 8), (x + 8, y), (x, y + 8))) + "Z"


def _square(sign: Sign) -> str:
    return f"M{number(sign.x - 5)} {number(sign.y - 5)}h10v10h-10Z"


def _timer(sign: Sign) -> str:
    """An arc from where the timer was set to where it ran out."""
    if not sign.since:
        return f"M{number(sign.x)} {number(sign.y)}h{number(9 * sign.side)}"
    begin, end = number(sign.since), number(sign.y)
    out = number(sign.x + 18 * sign.side)
    x = number(sign.x)
    return f"M{x} {begin}C{out} {begin} {out} {end} {x} {end}"


def _break(sign: Sign) -> str:
    x, y = sign.x, sign.y
    return polyline(((x - 10, y + 3), (x - 4, y - 4), (x + 3, y + 4), (x + 10, y - 3)))


def _bar(sign: Sign) -> str:
    return f"M{number(sign.x - 7)} {number(sign.y)}h14"


def _tick(sign: Sign) -> str:
    x, y = sign.x, sign.y
    return polyline(((x - 6, y), (x - 2, y + 5), (x + 7, y - 6)))


_SIGNS = {
    "processed": _disc,
    "processed again": _diamond,
    "marked": _square,
    "skipped": _disc,
    "timed_out": _timer,
    "crashed": _break,
    "restarted": _bar,
    "confirmed": _tick,
}
