"""From a matplotlib figure to a `Picture`.

Matplotlib writes an SVG for itself: dated, with ids, and with colours that suit one background.
The page needs bare shapes: no ids, since many frames share a page, and colours by name, since
the reader chooses light or dark. So each named colour is drawn as a hex value that stands for
it, and is put back by name afterwards.

Book: 03-at-most-once
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from ..picture import COLOURS, FONT_SIZE, Picture, draw, number, readable, words

WIDTH = 440
"""Units across: shown about 320 pixels wide on a telephone, the letters are still legible."""

HUES = ("message", "fault", "good", "accent", "ack")
"""Colours of the first, second, … series."""

MARKERS = ("o", "x", "s", "^", "D")
DASHES = ("-", (0, (7, 4)), (0, (2, 3)), (0, (10, 3, 2, 3)), (0, (5, 2)))
"""Marks and dashes differ too, so that nothing hangs on colour alone."""

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_HEX = {name: f"#0000{index:02x}" for index, name in enumerate(COLOURS, start=0xA0)}
_NAMES = {hex: COLOURS[name] for name, hex in _HEX.items()}
_STYLE_RULE = re.compile(r"([\w-]+):\s*([^;]+)")
_KEPT = ("fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "opacity",
         "text-anchor", "font-weight")  # fmt: skip
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "exactly-once",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the layout is the same everywhere
    "font.size": FONT_SIZE,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.edgecolor": _HEX["muted"],
    "axes.labelcolor": _HEX["ink"],
    "axes.axisbelow": True,
    "grid.color": _HEX["muted"],
    "grid.alpha": 0.35,
    "text.color": _HEX["ink"],
    "xtick.color": _HEX["muted"],
    "xtick.labelcolor": _HEX["ink"],
    "ytick.color": "none",
    "ytick.labelcolor": _HEX["ink"],
    "legend.borderaxespad": 0,
    "legend.borderpad": 0.1,
    "legend.columnspacing": 1.2,
    "legend.frameon": False,
    "legend.handlelength": 1.9,
    "legend.labelspacing": 0.3,
    "path.simplify": False,
}


def hue(name: str) -> str:
    """Return what stands for a colour of `picture.COLOURS`. Raises ValueError for others."""
    if name not in _HEX:
        raise ValueError(f"hue is {name!r}; allowed: {', '.join(_HEX)}")
    return _HEX[name]


@contextmanager
def style() -> Iterator[None]:
    """Make and draw figures of the book's looks within this context."""
    with rc_context(_STYLE):
        yield


def figure(height: float) -> Figure:
    """Return an empty figure of `WIDTH` by `height` units."""
    made = Figure(figsize=(WIDTH / 72, height / 72))
    FigureCanvasSVG(made)
    return made


def to_picture(made: Figure, *, title: str, description: str) -> Picture:
    """Draw a figure and keep its bare shapes. Call it within `style()`."""
    drawn = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    made.savefig(drawn, format="svg", transparent=True, metadata=nothing)
    root = ElementTree.fromstring(drawn.getvalue())
    shapes = {e.get("id"): e for e in root.iter() if e.get("id")}
    parts = _joined(part for child in root for part in _parts(child, shapes))
    width, height = (72 * inches for inches in made.get_size_inches())
    return draw(*parts, width=width, height=height, title=title, description=description)


def _parts(
    element: ElementTree.Element, shapes: dict[str | None, ElementTree.Element]
) -> Iterator[tuple[str, str]]:
    """Yield the shapes in order, without groups: path data and paint, or a text and "text"."""
    kind = element.tag.removeprefix(_SVG)
    if kind == "defs":
        return
    if kind == "use":
        yield _used(shapes[element.get(_HREF, "").removeprefix("#")], element)
    elif kind == "path":
        yield _moved(element.get("d", "")), _paint(element)
    elif kind == "text":
        x, y = (number(float(element.get(axis, 0))) for axis in "xy")
        said = words(element.text or "")
        yield f'<text x="{x}" y="{y}"{_paint(element)}>{said}</text>', "text"
    for child in element:
        yield from _parts(child, shapes)


def _used(shape: ElementTree.Element, use: ElementTree.Element) -> tuple[str, str]:
    """Return a mark at its place. A dot is a line of no length with round ends: few bytes."""
    d, paint = shape.get("d", ""), _paint(shape, use)
    x, y = float(use.get("x", 0)), float(use.get("y", 0))
    filled = re.match(r' fill="(var[^"]*)"', paint)
    if "C" not in d or not filled:
        return _moved(d, x, y), paint
    across = number(2 * float(d.split()[2]) + 1)  # the circle starts at (0, radius)
    dot = f' stroke="{filled[1]}" stroke-width="{across}" stroke-linecap="round" fill="none"'
    return f"M{number(x)} {number(y)}h0", dot


def _joined(parts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Make one path of neighbours that are painted alike; leave out what nobody can see."""
    for paint, group in groupby((part for part in parts if part[1]), key=itemgetter(1)):
        drawn = "".join(d for d, _ in group)
        yield drawn if paint == "text" else f'<path d="{drawn}"{paint}/>'


def _paint(*elements: ElementTree.Element) -> str:
    """Return the attributes that colour a shape, the last word counts; "" if nobody sees it."""
    rules = ";".join(element.get("style", "") for element in elements)
    style = dict(_STYLE_RULE.findall(rules))
    if style.get("fill-opacity") == "0" or style.get("fill") not in _NAMES:
        style["fill"] = "none"
    if style["fill"] == "none" and style.get("stroke") not in _NAMES:
        return ""
    return "".join(
        f' {key}="{_NAMES.get(style[key], style[key])}"' for key in _KEPT if key in style
    )


def _moved(d: str, x: float = 0.0, y: float = 0.0) -> str:
    """Return matplotlib's path data, moved by (x, y), in coordinates of one decimal."""
    result = ""
    for command, coordinates in re.findall(r"([MLCz])([^MLCz]*)", d):
        values = [float(value) for value in coordinates.split()]
        moved = [number(v + (y if odd % 2 else x)) for odd, v in enumerate(values)]
        result += command + " ".join(moved)
    return result


# Axes -------------------------------------------------------------------------------------


def dress(axes: Axes, *, x: str = "", y: str = "") -> None:
    """Give axes a grid, few and round ticks, and level names: y's stands above it."""
    axes.grid(axis="y")
    for axis, scale in ((axes.xaxis, axes.get_xscale()), (axes.yaxis, axes.get_yscale())):
        if scale == "linear":
            axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: readable(value)))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(x)
    if y:
        axes.set_title(y, loc="left", fontsize=FONT_SIZE, pad=8)


def check_words(name: str, said: str) -> str:
    """Return `said` if it fits on one line across the plot; raise ValueError if not."""
    room = WIDTH // 8
    if not 0 < len(said) <= room:
        raise ValueError(f"{name} is {said!r}; allowed: 1 to {room} characters")
    return said


def legend_rows(names: list[str]) -> tuple[int, int]:
    """Return how many columns and rows a legend of these names takes."""
    columns = 2 if max(map(len, names)) <= 20 else 1
    return columns, math.ceil(len(names) / columns)
