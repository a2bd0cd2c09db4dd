"""Pictures: an SVG and the words that stand in for it.

Every diagram and plot of the book is a `Picture`: drawn inline, so that it follows the colours
of the page, and never without a title and a description, so that nobody needs eyes to read it.
The same content always gives the same bytes; even the ids are a hash of what is drawn.

Book: index
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from ..core.check import positive

# Each colour has a literal fallback that reads on white and on near-black alike, for pages
# that do not load the book's style sheet (JupyterLab, a notebook on a code host).
COLOURS = {
    "ink": "var(--eo-ink, currentColor)",
    "muted": "var(--eo-muted, #7d8590)",
    "message": "var(--eo-message, #2f80d8)",
    "ack": "var(--eo-ack, #128f87)",
    "fault": "var(--eo-fault, #d5562b)",
    "good": "var(--eo-good, #3a9140)",
    "accent": "var(--eo-accent, #8f63d6)",
    "paper": "var(--eo-paper, transparent)",
}

FONT_SIZE = 14
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FONTS = "var(--eo-font, system-ui, sans-serif)"
_REM = 0.9 / FONT_SIZE  # with room, letters are a little smaller than the text around them
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WORDS = re.compile(r"<title .*?</desc>\n", re.DOTALL)
_OWN_ID = re.compile(r' aria-labelledby="(eo-[0-9a-f]+)-title ')


class Link(NamedTuple):
    """What a letter in a picture stands for, and where to read on; "" for nowhere."""

    words: str
    to: str = ""


@dataclass(frozen=True)
class Picture:
    """An inline SVG with its title and description.

    `svg` is one `<svg role="img">` element that carries both texts itself; make it with `draw`.
    `description` says in words what the picture shows. `links` say below the picture what its
    letters A, B, … stand for. `narrow` is the same picture where the page is narrow, if it is
    drawn otherwise there; the words of `svg` stand in for it too. Raises ValueError when a text
    is missing.
    """

    svg: str
    title: str
    description: str
    links: tuple[Link, ...] = ()
    narrow: str = ""

    def __post_init__(self) -> None:
        for name in ("title", "description"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} is empty: a picture needs words that stand in for it")
        if not (self.svg.startswith("<svg ") and self.svg.rstrip().endswith("</svg>")):
            raise ValueError(f"svg must be one <svg> element, got {self.svg[:40]!r}")
        if 'role="img"' not in self.svg or "<title" not in self.svg:
            raise ValueError('svg needs role="img" and a <title>: make it with draw()')

    def __repr__(self) -> str:
        """One line, so that a notebook does not store the drawing twice."""
        return f"Picture: {self.title}. {self.description}"

    def _repr_html_(self) -> str:
        # JupyterLab drops <svg> from a notebook it does not trust but keeps the words inside;
        # a font size of zero around the drawing keeps those loose words from piling up.
        return (
            f'<figure class="picture">\n{self.inline()}\n'
            f"<figcaption>{words(self.title)}{self.list_of_links()}</figcaption>\n</figure>"
        )

    def inline(self, kind: str = "", id: str = "") -> str:
        """Return the drawing in a `<div>` of class `kind`; in two where narrow pages have one.

        With `id` the ids in it begin with that, for a second place on one page.
        """
        if not self.narrow:
            return _div(kind, _with_id(self.svg, id))
        narrow = _with_id(_WORDS.sub("", self.narrow, count=1), id or _id_of(self.svg))
        return "\n".join((
            _div(f"{kind} picture-wide".strip(), _with_id(self.svg, id)),
            _div(f"{kind} picture-narrow".strip(), narrow, "; display: none"),
        ))  # fmt: skip

    def list_of_links(self) -> str:
        """Return what the picture's letters stand for, as a list; "" if there are none."""
        items = [
            f'<li><a href="{words(link.to)}">{words(link.words)}</a></li>'
            if link.to
            else f"<li>{words(link.words)}</li>"
            for link in self.links
        ]
        return f'\n<ol type="A" class="picture-links">{"".join(items)}</ol>' if items else ""


def _div(kind: str, svg: str, style: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<div{named} style="font-size: 0px{style}">{svg}</div>'


def _with_id(svg: str, id: str) -> str:
    own = _id_of(svg)
    return svg.replace(own, id) if own and id else svg


def _id_of(svg: str) -> str:
    own = _OWN_ID.search(svg)
    return own.group(1) if own else ""


def draw(
    *parts: str,
    width: float,
    height: float,
    title: str,
    description: str,
    links: tuple[Link, ...] = (),
) -> Picture:
    """Put SVG elements together into a `Picture` of `width` by `height` units.

    `parts` are finished SVG elements without ids; `text`, `path` and `rect` make them. Where
    there is room, every picture has letters of one size; else it is as wide as its place.
    Raises ValueError for a size that is not positive and for an element that has an id.
    """
    positive("width", width)
    positive("height", height)
    extent, body = f"{number(width)} {number(height)}", "\n".join(parts)
    if re.search(r"\sid=", re.sub(r">[^<]*<", "><", body)):
        raise ValueError("parts must not have ids: they would not be unique on a page")
    content = "\0".join((title, description, extent, body))
    id = f"eo-{hashlib.sha256(content.encode()).hexdigest()[:10]}"
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-labelledby="{id}-title {id}-desc" '
        f'viewBox="0 0 {extent}" font-size="{FONT_SIZE}" style="width: '
        f'{number(width * _REM)}rem; max-width: 100%; height: auto; font-family: {FONTS}">\n'
        f'<title id="{id}-title">{words(title)}</title>\n'
        f'<desc id="{id}-desc">{words(description)}</desc>\n{body}\n</svg>'
    )
    return Picture(svg, title, description, links)


def words(plain: str) -> str:
    """Escape plain text for XML and HTML, in text and in attributes alike.

    Characters that XML 1.0 cannot hold become U+FFFD.
    """
    return escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", plain))


def number(value: float) -> str:
    """Format a coordinate with at most one decimal: 12, 12.5, and never -0."""
    if not math.isfinite(value):
        raise ValueError(f"a coordinate must be finite, got {value!r}")
    rounded = round(value, 1)
    return str(int(rounded)) if rounded == int(rounded) else str(rounded)


def readable(value: float) -> str:
    """Format a value for a tick or a sentence: 0.25, 1,000, 10⁻⁶."""
    if value and not 1e-4 <= abs(value) < 1e7:
        mantissa, exponent = f"{value:.3g}".split("e") if "e" in f"{value:.3g}" else ("", "")
        if exponent:
            power = "10" + str(int(exponent)).translate(_SUPERSCRIPT)
            return power if mantissa == "1" else f"{mantissa}×{power}"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def how_many(count: int, one: str, more: str = "") -> str:
    """Return a count with its word: 1 call, 2 calls; `more` if that is not `one` with an s."""
    return f"{count:,} {one if count == 1 else more or f'{one}s'}"


def colour(name: str) -> str:
    """Return the CSS colour for a name in `COLOURS`. Raises ValueError for another name."""
    if name not in COLOURS:
        raise ValueError(f"colour must be one of {', '.join(COLOURS)}, got {name!r}")
    return COLOURS[name]


def text(
    plain: str,
    x: float,
    y: float,
    *,
    anchor: str = "start",
    fill: str = "ink",
    size: float = FONT_SIZE,
    bold: bool = False,
) -> str:
    """Return a `<text>` with its baseline at (x, y); `anchor` is start, middle or end."""
    more = "" if anchor == "start" else f' text-anchor="{anchor}"'
    more += "" if size == FONT_SIZE else f' font-size="{number(size)}"'
    more += ' font-weight="600"' if bold else ""
    at = f'x="{number(x)}" y="{number(y)}"'
    return f'<text {at} fill="{colour(fill)}"{more}>{words(plain)}</text>'


def path(
    d: str,
    *,
    stroke: str = "",
    fill: str = "",
    width: float = 1.5,
    dash: str = "",
    round_ends: bool = False,
    opacity: float = 1,
) -> str:
    """Return a `<path>` for the path data `d`, stroked, filled or both in named colours."""
    more = f' fill="{colour(fill)}"' if fill else ' fill="none"'
    if stroke:
        more += f' stroke="{colour(stroke)}" stroke-width="{number(width)}"'
    more += f' stroke-dasharray="{dash}"' if dash else ""
    more += ' stroke-linecap="round"' if round_ends else ""
    more += f' opacity="{opacity:g}"' if opacity != 1 else ""
    return f'<path d="{d}"{more}/>'


def rect(
    x: float, y: float, width: float, height: float, *, fill: str = "", stroke: str = ""
) -> str:
    """Return a `<rect>`, filled, outlined or both in named colours."""
    more = f' fill="{colour(fill)}"' if fill else ' fill="none"'
    more += f' stroke="{colour(stroke)}" stroke-width="1.5"' if stroke else ""
    at = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return f"<rect {at}{more}/>"


def polyline(points: Sequence[tuple[float, float]]) -> str:
    """Return path data through `points`, in absolute coordinates of one decimal."""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)


def disc(x: float, y: float, radius: float = 6) -> str:
    """Return path data of a circle."""
    r, across = number(radius), number(2 * radius)
    return (
        f"M{number(x - radius)} {number(y)}a{r} {r} 0 1 0 {across} 0a{r} {r} 0 1 0 -{across} 0Z"
    )


def cross(x: float, y: float) -> str:
    """Return path data of two lines that cross at (x, y)."""
    rising, falling = ((x - 5, y + 5), (x + 5, y - 5)), ((x - 5, y - 5), (x + 5, y + 5))
    return polyline(rising) + polyline(falling)
