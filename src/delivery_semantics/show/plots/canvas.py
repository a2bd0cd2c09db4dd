"""From a matplotlib figure to a `Picture`.

Matplotlib lays a figure out and asks a renderer to draw it. Ours, `Shapes`, keeps bare shapes:
no ids, since many frames share a page; colours by name, since the reader chooses light or dark;
and one path for all that is painted alike, since a slider sends a frame for every position.
Letters are left to the reader's fonts and their width is estimated, so that no font of the
machine decides what a picture's bytes are.

Book: 03-at-most-once
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from matplotlib.transforms import Affine2D, Transform

from ..picture import COLOURS, FONT_SIZE, Picture, draw, number, path, readable, text

WIDTH = 440
"""Units across: shown about 320 pixels wide on a telephone, the letters are still legible."""

HUES = ("message", "fault", "good", "accent", "ack")
"""Colours of the first, second, … series."""

MARKERS = ("o", "x", "s", "^", "D")
Dash = Literal["-"] | tuple[int, tuple[int, ...]]
DASHES: tuple[Dash, ...] = ("-", (0, (7, 4)), (0, (2, 3)), (0, (10, 3, 2, 3)), (0, (5, 2)))
TEXTURES: tuple[Dash, ...] = ("-", (0, (6, 2)), (0, (2, 2)), (0, (1, 3)), (0, (9, 2, 2, 2)))
"""Marks, dashes and the stripes of bars differ too: nothing hangs on colour alone."""

LETTER = 0.62
"""Width of a letter, as a share of its size, in the widest of the usual fonts."""

_HEX = {name: f"#0000{index:02x}" for index, name in enumerate(COLOURS, start=0xA0)}
_NAMES = {hex: name for name, hex in _HEX.items()}
_STYLE: dict[Any, Any] = {
    "font.size": FONT_SIZE,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.edgecolor": _HEX["muted"],
    "axes.labelcolor": _HEX["ink"],
    "axes.axisbelow": True,
    "axes.titley": 1.0,
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
    "lines.scale_dashes": False,
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
    return Figure(figsize=(WIDTH / 72, height / 72), dpi=72, frameon=False)


def to_picture(made: Figure, *, title: str, description: str) -> Picture:
    """Draw a figure and keep its bare shapes. Call it within `style()`."""
    width, height = (72 * float(inches) for inches in made.get_size_inches())
    shapes = Shapes(width, height)
    made.draw(shapes)
    parts = shapes.parts()
    return draw(*parts, width=width, height=height, title=title, description=description)


class Paint(NamedTuple):
    """How a shape is painted: the options of `picture.path`."""

    stroke: str
    fill: str
    width: float
    dash: str = ""
    round_ends: bool = False
    opacity: float = 1


class Shapes(RendererBase):
    """A renderer that collects path data, in units from the upper left corner."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__()
        self._size = width, height
        self._upright = Affine2D().scale(1, -1).translate(0, height)
        self._paths: dict[Paint, list[str]] = {}
        self._texts: list[str] = []

    def parts(self) -> list[str]:
        """Return what was drawn: one path for each way of painting, then the words."""
        paths = [path("".join(found), **how._asdict()) for how, found in self._paths.items()]
        return paths + self._texts

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Return the size of the drawing, in units."""
        return self._size

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: object
    ) -> tuple[float, float, float]:
        """Estimate how much room some words take, in units."""
        size = prop.get_size_in_points()
        return LETTER * size * len(s), 0.75 * size, 0.2 * size

    def draw_path(
        self,
        gc: GraphicsContextBase,
        path: Path,
        transform: Transform,
        rgbFace: Any = None,  # noqa: ANN401
    ) -> None:
        """Keep the path, with all others that are painted alike."""
        if how := _paint(gc, rgbFace):
            self._paths.setdefault(how, []).append(_data(path, transform + self._upright))

    def draw_markers(
        self,
        gc: GraphicsContextBase,
        marker_path: Path,
        marker_trans: Transform,
        path: Path,
        trans: Transform,
        rgbFace: Any = None,  # noqa: ANN401
    ) -> None:
        """Keep a mark at each point of the path; a disc as a point with round ends."""
        how = _paint(gc, rgbFace)
        if how is None:
            return
        codes: Any = marker_path.codes
        disc = how.fill and codes is not None and Path.CURVE4 in codes
        if disc:
            across = 2 * float(marker_trans.transform(marker_path.vertices)[:, 0].max())
            how = Paint(how.fill, "", across + how.width, round_ends=True)
        found = self._paths.setdefault(how, [])
        for x, y in (trans + self._upright).transform(path.vertices):
            there = marker_trans + Affine2D().scale(1, -1).translate(x, y)
            mark = f"M{number(x)} {number(y)}h0" if disc else _data(marker_path, there)
            found.append(mark)

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: object = False,
        mtext: Text | None = None,
    ) -> None:
        """Keep the words, held where they are aligned, so that any font may set them."""
        anchor = "start"
        if mtext is not None:
            x = float(mtext.get_transform().transform(mtext.get_unitless_position())[0])
            anchor = {"left": "start", "center": "middle", "right": "end"}[
                mtext.get_horizontalalignment()
            ]
        bold = prop.get_weight() == "bold"
        colour = _NAMES[to_hex(gc.get_rgb())]
        self._texts.append(text(s, x, y, anchor=anchor, fill=colour, bold=bold))


def _paint(gc: GraphicsContextBase, face: Any) -> Paint | None:  # noqa: ANN401
    """Return how a shape is painted, or None if nobody sees it."""
    line, width = gc.get_rgb(), float(gc.get_linewidth())
    stroke = _NAMES.get(to_hex(line), "") if width and line[3] else ""
    fill = _NAMES.get(to_hex(face), "") if face is not None else ""
    dashes: Any = gc.get_dashes()[1]
    dash = " ".join(number(length) for length in dashes or ())
    opacity = float(line[3]) if stroke else 1.0
    return Paint(stroke, fill, width, dash, opacity=opacity) if stroke or fill else None


def _data(shape: Path, transform: Transform) -> str:
    """Return SVG path data with coordinates of one decimal."""
    letters = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
    data = ""
    for places, code in shape.iter_segments(transform, simplify=False):
        if code == Path.CLOSEPOLY:
            data += "z"
        else:
            data += letters[code] + " ".join(number(float(place)) for place in places)
    return data


# Axes -------------------------------------------------------------------------------------


def dress(axes: Axes, *, x: str, y: str = "", grid: bool = True, whole: bool = False) -> None:
    """Give axes few and round ticks and level names; y has a grid, and its name above it.

    `whole` keeps the ticks of y to whole numbers, for what is counted.
    """
    both = [(axes.xaxis, axes.get_xscale(), False), (axes.yaxis, axes.get_yscale(), whole)]
    for axis, scale, integer in both if grid else both[:1]:
        if scale == "linear":
            axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=integer))
        axis.set_major_formatter(FuncFormatter(lambda value, _: readable(value)))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(x)
    if grid:
        axes.grid(axis="y")
        axes.set_title(y, loc="left", fontsize=FONT_SIZE, pad=8)


def check_words(name: str, said: str) -> str:
    """Return `said` if it fits on one line across the plot; raise ValueError if not."""
    room = WIDTH // 8
    if not 0 < len(said) <= room:
        raise ValueError(f"{name} is {said!r}; allowed: 1 to {room} characters")
    return said


def legend_rows(names: Sequence[str]) -> tuple[int, int]:
    """Return how many columns and rows a legend of these names takes; columns fill first."""
    lengths = [len(name) for name in names]
    for columns in range(len(names), 1, -1):
        widest = [max(column) for column in np.array_split(lengths, columns)]
        swatches, gaps = 38 * columns, 17 * (columns - 1)  # as the style spaces them
        if swatches + gaps + LETTER * FONT_SIZE * sum(widest) <= WIDTH:
            return columns, math.ceil(len(names) / columns)
    return 1, len(names)
