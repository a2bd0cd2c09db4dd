"""The page about the house: rooms, arrows and lines, counted when the book is built.

Three directives for an appendix: ``house-drawing`` draws the rooms and their arrows,
``house-rooms`` lists the rooms, and ``house-reading`` the modules in the order of reading.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import accumulate, combinations, permutations, product, starmap

from docutils import nodes
from docutils.statemachine import StringList
from house import FACE, READING_ORDER, ROOMS, House, floors
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from delivery_semantics.show.diagram.paper import Box, Point, Segment, crosses, text_width
from delivery_semantics.show.picture import Picture, draw, path, polyline, rect, text

WIDTH, BOX_HEIGHT, FLOOR_HEIGHT = 460, 42, 88
TITLE = "The rooms of the package, and how many lines each has"
STARTS = 8
"""From so many ways to place the rooms the tidiest is looked for."""
Arrow = tuple[str, str]
Row = list[tuple[str, float]]
"""The rooms of a floor, each with its left edge."""


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
    drawn = without_detours(arrows(house))
    boxes = tidiest(drawn)
    lines = [line(boxes, *pair) for pair in sorted(drawn)]
    parts = [
        path("".join(map(polyline, lines)), stroke="muted"),
        path("".join(head(*each) for each in lines), fill="muted"),
    ]
    for room, (left, top, right, bottom) in boxes.items():
        x = (left + right) / 2
        parts += [
            rect(left, top, right - left, bottom - top, fill="paper", stroke="message"),
            text(room, x, top + 18, anchor="middle", bold=True),
            text(f"{house.lines(room):,}", x, top + 34, anchor="middle", fill="muted"),
        ]
    height = max(bottom for *_, bottom in boxes.values()) + 1
    said = in_words(house, arrows(house))
    return draw(*parts, width=WIDTH, height=height, title=TITLE, description=said)


def tidiest(drawn: set[Arrow]) -> dict[str, Box]:
    """Return the tidiest way to place the rooms that turning one floor at a time comes to."""
    return min(settled(drawn), key=lambda boxes: untidiness(boxes, drawn))


def settled(drawn: set[Arrow]) -> Iterator[dict[str, Box]]:
    """Yield, from several beginnings, the placing that no other way of one floor betters."""
    ways = list(ways_by_floor())
    for start in range(STARTS):
        rows = [way[start * len(way) // STARTS] for way in ways]
        least = untidiness(placed(rows), drawn)
        while True:
            before = least
            for floor, way in enumerate(ways):
                others = [[*rows[:floor], row, *rows[floor + 1 :]] for row in way]
                found = [(untidiness(placed(o), drawn), n) for n, o in enumerate(others)]
                best, n = min(found)
                if best < least:
                    least, rows[floor] = best, way[n]
            if least == before:
                break
        yield placed(rows)


def ways_by_floor() -> Iterator[list[Row]]:
    """Yield for each floor, the ground first, the ways to put its rooms in a row."""
    by_floor: dict[int, list[str]] = {}
    for room, floor in floors().items():
        by_floor.setdefault(floor, []).append(room)
    for _, rooms in sorted(by_floor.items()):
        yield list(rows(rooms))


def placed(floor_rows: list[Row]) -> dict[str, Box]:
    """Return the boxes of the rooms in these rows, the ground first."""
    boxes = {}
    for floor, row in enumerate(floor_rows):
        top = 1.0 + FLOOR_HEIGHT * (len(floor_rows) - 1 - floor)
        for room, left in row:
            boxes[room] = (left, top, left + box_width(room), top + BOX_HEIGHT)
    return boxes


def rows(rooms: list[str]) -> Iterator[Row]:
    """Yield ways to put a floor's rooms next to each other, with each one's left edge."""
    free = WIDTH - 2 - sum(map(box_width, rooms))
    if len(rooms) == 1:
        parts = (2, 1, 3, 0, 4) if ROOMS[rooms[0]] else (2,)  # the ground stays in the middle
        yield from ([(rooms[0], 1 + free * part / 4)] for part in parts)
        return
    ends = ((0, 4), (1, 4), (0, 3)) if len(rooms) == 2 else ((0, 4),)
    for order, (first, last), gaps in product(
        permutations(rooms), ends, shares(len(rooms) - 1)
    ):
        room_px = free * (last - first) / 4
        widths = [
            box_width(room) + room_px * share for room, share in zip(order, gaps, strict=False)
        ]
        yield list(zip(order, accumulate(widths, initial=1 + free * first / 4), strict=True))


def shares(gaps: int) -> list[list[float]]:
    """Return shares of the free room: all gaps alike, or one twice as wide, for an arrow."""
    alike = [[1 / gaps] * gaps]
    return alike + [
        [(2 if gap == wide else 1) / (gaps + 1) for gap in range(gaps)]
        for wide in range(gaps if gaps > 1 else 0)
    ]


def untidiness(boxes: dict[str, Box], drawn: set[Arrow]) -> tuple[int, int, float]:
    """Return how many rooms arrows run through, how many arrows cross, how far they slant."""
    lines = [line(boxes, *pair) for pair in sorted(drawn)]
    hits = sum(
        crosses((start, tip), (left - 8, top, right + 8, foot))
        for start, tip in lines
        for left, top, right, foot in boxes.values()
        if start[1] < top < foot < tip[1]
    )
    crossings = sum(starmap(cross, combinations(lines, 2)))
    return hits, crossings, sum(abs(start[0] - tip[0]) for start, tip in lines)


def cross(one: Segment, other: Segment) -> bool:
    """Tell whether two lines that lead down change sides."""
    top, foot = max(one[0][1], other[0][1]), min(one[1][1], other[1][1])
    return (
        top < foot
        and (across(one, top) - across(other, top)) * (across(one, foot) - across(other, foot))
        < 0
    )


def across(segment: Segment, height: float) -> float:
    """Return where a line is at a height."""
    (x, y), (end_x, end_y) = segment
    return x + (end_x - x) * (height - y) / (end_y - y)


@cache
def box_width(room: str) -> float:
    """Return how wide the box with a name is."""
    return round(text_width(room, bold=True) + 10)


def line(boxes: dict[str, Box], one: str, other: str) -> Segment:
    """Return an arrow's line, from the foot of a box to the top of another."""
    above, below = boxes[one], boxes[other]
    apart = (below[0] + below[2] - above[0] - above[2]) / 2
    return (
        (side(above, apart), above[3]),
        (side(below, -apart), below[1]),
    )


def side(box: Box, towards: float) -> float:
    """Return where on its edge a box has the end of an arrow that leads ``towards`` a side."""
    most = (box[2] - box[0]) / 2 - 12
    return (box[0] + box[2]) / 2 + min(most, max(-most, towards / 3))


def head(start: Point, tip: Point) -> str:
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
    """Yield the modules of each room in the order in which to read them, in Markdown."""
    for room, names in READING_ORDER.items():
        yield from (f"`{room}`, **{house.lines(room):,} lines**:", "")
        for place, name in enumerate(names, start=1):
            module = house.modules[f"{room}.{name}"]
            says = (ast.get_docstring(module.tree) or "").partition("\n")[0]
            yield f"{place}. `{name}`, {house.lines(module.name)} lines. {says}"
        yield ""


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
