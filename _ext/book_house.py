"""The page about the house: rooms, arrows and lines, counted when the book is built.

Three directives for an appendix: ``house-drawing`` draws the rooms and their arrows,
``house-rooms`` lists the rooms, and ``house-reading`` the core's modules in their order.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from statistics import fmean

from docutils import nodes
from docutils.statemachine import StringList
from house import FACE, READING_ORDER, House, floors
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from delivery_semantics.show.diagram.paper import text_width
from delivery_semantics.show.picture import Picture, draw, path, polyline, rect, text

WIDTH, BOX_HEIGHT, FLOOR_HEIGHT = 400, 42, 88
TITLE = "The rooms of the package, and how many lines each has"
Arrow = tuple[str, str]


def arrows(house: House) -> set[Arrow]:
    """Return each pair of rooms of which the first imports the second."""
    return {pair for pair in house.arrows() if FACE not in pair}


def without_detours(pairs: set[Arrow]) -> set[Arrow]:
    """Return the arrows to which there is no way round through another room."""
    reach = {room: {other for one, other in pairs if one == room} for room, _ in pairs}
    level = floors()
    for room in sorted(reach, key=level.__getitem__):
        reach[room] |= {far for near in reach[room] for far in reach.get(near, ())}
    return {
        (room, other)
        for room, other in pairs
        if not any(one == room and other in reach.get(near, ()) for one, near in pairs)
    }


def drawing(house: House) -> Picture:
    """Draw the rooms by floor, each with an arrow to those that it imports."""
    all_arrows = arrows(house)
    drawn = without_detours(all_arrows)
    level = floors()
    highest = max(level.values())
    middle: dict[str, float] = {}
    for floor in range(highest + 1):
        place([room for room in level if level[room] == floor], drawn, middle)
    top = {room: 1 + FLOOR_HEIGHT * (highest - level[room]) for room in level}
    ends = [
        (
            (side(one, middle, middle[other]), float(top[one] + BOX_HEIGHT)),
            (side(other, middle, middle[one]), float(top[other])),
        )
        for one, other in sorted(drawn)
    ]
    parts = [
        path("".join(map(polyline, ends)), stroke="muted"),
        path("".join(head(*end) for end in ends), fill="muted"),
    ]
    for room in level:
        wide = box_width(room)
        x, y = middle[room], top[room]
        parts += [
            rect(x - wide / 2, y, wide, BOX_HEIGHT, fill="paper", stroke="message"),
            text(room, x, y + 18, anchor="middle", bold=True),
            text(f"{house.lines(room):,}", x, y + 34, anchor="middle", fill="muted", size=12),
        ]
    height = FLOOR_HEIGHT * highest + BOX_HEIGHT + 2
    return draw(
        *parts, width=WIDTH, height=height, title=TITLE, description=in_words(house, all_arrows)
    )


def box_width(room: str) -> float:
    """Return how wide the box with a name is."""
    return round(text_width(room, bold=True) + 14)


def place(rooms: list[str], drawn: set[Arrow], middle: dict[str, float]) -> None:
    """Put the rooms of one floor next to each other, each above those that it imports."""

    def over(room: str) -> float:
        return fmean([middle[other] for one, other in drawn if one == room] or [WIDTH / 2])

    wides = {room: box_width(room) for room in sorted(rooms, key=over)}
    if len(rooms) == 1:
        middle[rooms[0]] = over(rooms[0])
        return
    gap = (WIDTH - 2 - sum(wides.values())) / (len(rooms) - 1)
    left = 1.0
    for room, wide in wides.items():
        middle[room] = left + wide / 2
        left += wide + gap


def side(room: str, middle: dict[str, float], towards: float) -> float:
    """Return where on its edge a box has the end of an arrow that goes to ``towards``."""
    most = box_width(room) / 2 - 12
    return middle[room] + min(most, max(-most, (towards - middle[room]) / 3))


def head(start: tuple[float, float], tip: tuple[float, float]) -> str:
    """Return the path data of an arrow's head."""
    (x, y), (tip_x, tip_y) = start, tip
    length = ((tip_x - x) ** 2 + (tip_y - y) ** 2) ** 0.5
    along_x, along_y = (tip_x - x) / length, (tip_y - y) / length
    back_x, back_y = tip_x - 9 * along_x, tip_y - 9 * along_y
    sides = [(back_x + k * along_y, back_y - k * along_x) for k in (4, -4)]
    return polyline([sides[0], tip, sides[1]]) + "Z"


def in_words(house: House, pairs: set[Arrow]) -> str:
    """Say what the drawing shows, and the arrows that it leaves out."""
    sentences = []
    for room in reversed(floors()):
        below = sorted(other for one, other in pairs if one == room)
        what = f"imports {listed(below)}" if below else "imports no room"
        sentences.append(f"{room}, {house.lines(room):,} lines, {what}.")
    return " ".join(sentences)


def listed(names: list[str]) -> str:
    """Return names as a sentence has them: a, b and c."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def rooms(house: House) -> Iterable[str]:
    """Yield the rooms and what they import, the highest floor first, in Markdown."""
    pairs = arrows(house)
    for room in reversed(floors()):
        below = [f"`{other}`" for one, other in sorted(pairs) if one == room]
        imports = f"Imports {listed(below)}." if below else "Imports no other room."
        yield from (f"`{room}`", f": {house.says(room)} {imports}", "")


def reading(house: House) -> Iterable[str]:
    """Yield the core's modules in the order in which to read them, in Markdown."""
    for place, name in enumerate(READING_ORDER, start=1):
        module = house.modules[f"core.{name}"]
        says = (ast.get_docstring(module.tree) or "").partition("\n")[0]
        yield f"{place}. `{name}`, {house.lines(module.name)} lines. {says}"
    yield from ("", f"Together they have **{house.lines('core'):,} lines**.")


class Drawing(SphinxDirective):
    """The drawing of the house, inline."""

    def run(self) -> list[nodes.Node]:
        """Return the figure as HTML."""
        return [nodes.raw("", drawing(House())._repr_html_(), format="html")]


def written(lines: Callable[[House], Iterable[str]]) -> type[SphinxDirective]:
    """Return a directive that puts Markdown on the page."""

    class Written(SphinxDirective):
        def run(self) -> list[nodes.Node]:
            found = nodes.Element()
            text = StringList(list(lines(House())), "house")
            self.state.nested_parse(text, self.content_offset, found)
            return found.children

    return Written


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the three directives."""
    app.add_directive("house-drawing", Drawing)
    app.add_directive("house-rooms", written(rooms))
    app.add_directive("house-reading", written(reading))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
