"""Plots: what is drawn is where the data say, and what is said is what the data are."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from delivery_semantics.show.picture import Picture, how_many, readable
from delivery_semantics.show.plots import bars, curve, lines, points, timeline

LOSS = [0, 10, 20, 30, 40, 50]
LOST = [0, 97, 205, 301, 396, 505]
LEGEND = 16  # marks above this height are those of the legend
LETTER = 8.6  # mean width of a letter of 14 units
SVG = "{http://www.w3.org/2000/svg}"


def measured(**options: Any) -> Picture:  # noqa: ANN401
    return lines(
        points("measured", LOSS, LOST, errors=[5, 6, 7, 8, 9, 10]),
        curve("closed form", [0, 50], lambda p: 10 * p),
        title="Lost messages",
        x="loss (%)",
        y="lost, of 1,000",
        **options,
    )


def texts(picture: Picture) -> list[tuple[str, float, float, str]]:
    """Words, place and anchor of each text of a picture."""
    return [
        (
            t.text or "",
            float(t.attrib["x"]),
            float(t.attrib["y"]),
            t.get("text-anchor", "start"),
        )
        for t in ElementTree.fromstring(picture.svg).iter(f"{SVG}text")
    ]


def shapes(picture: Picture, colour: str) -> list[ElementTree.Element]:
    """What is drawn in a colour, in the order drawn."""
    return [
        p
        for p in ElementTree.fromstring(picture.svg).iter(f"{SVG}path")
        if f"--eo-{colour}" in p.get("stroke", "") + p.get("fill", "")
    ]


def corners(shape: ElementTree.Element) -> list[list[tuple[float, float]]]:
    """The places that each stroke of a path of straight lines goes through."""
    return [
        [(float(x), float(y)) for x, y in re.findall(r"([-\d.]+) ([-\d.]+)", stroke)]
        for stroke in shape.attrib["d"].split("M")[1:]
    ]


def strokes(picture: Picture, colour: str, width: str) -> list[list[tuple[float, float]]]:
    """The strokes of a colour and a width that stand on the axes, not in the legend."""
    return [
        stroke
        for p in shapes(picture, colour)
        if p.get("stroke-width") == width and p.get("stroke-linecap") is None
        for stroke in corners(p)
        if stroke[0][1] > LEGEND
    ]


def marks(picture: Picture, colour: str = "message") -> list[tuple[float, float]]:
    """Places of the dots of a colour that stand on the axes, not in the legend."""
    found = [
        place
        for p in shapes(picture, colour)
        if p.get("stroke-linecap") == "round"
        for place in re.findall(r"M(\S+) (\S+?)h0", p.attrib["d"])
    ]
    return [(float(x), float(y)) for x, y in found if float(y) > LEGEND]


def along(picture: Picture, axis: str) -> Callable[[float], float]:
    """Read an axis as a reader does: from the places of two of its labels."""
    anchor = "middle" if axis == "x" else "end"
    ticks = [
        (float(plain.replace(",", "")), x if axis == "x" else y - 5.3)
        for plain, x, y, side in texts(picture)
        if side == anchor and re.fullmatch(r"[\d.,]+", plain)
    ]
    (v0, at0), (v1, at1) = ticks[0], ticks[-1]
    return lambda value: at0 + (value - v0) / (v1 - v0) * (at1 - at0)


# Lines


def test_points_stand_where_their_values_are_on_the_axes() -> None:
    picture = measured()
    x, y = along(picture, "x"), along(picture, "y")
    drawn = marks(picture)
    assert len(drawn) == len(LOSS)
    (dots,) = [p for p in shapes(picture, "message") if p.get("stroke-linecap")]
    assert 6 <= float(dots.attrib["stroke-width"]) <= 12
    for (at_x, at_y), loss, lost in zip(drawn, LOSS, LOST, strict=True):
        assert at_x == pytest.approx(x(loss), abs=0.2)
        assert at_y == pytest.approx(y(lost), abs=0.2)


def test_a_curve_goes_through_its_values_in_the_colour_of_its_measurement() -> None:
    picture = measured()
    x, y = along(picture, "x"), along(picture, "y")
    (line,) = strokes(picture, "message", "2")
    assert line[0] == pytest.approx((x(0), y(0)), abs=0.2)
    assert line[-1] == pytest.approx((x(50), y(500)), abs=0.2)


def test_error_bars_span_value_plus_and_minus_error() -> None:
    picture = measured()
    y = along(picture, "y")
    (_, foot), (_, head) = strokes(picture, "message", "1.5")[-1]
    assert (foot, head) == pytest.approx((y(495), y(515)), abs=0.2)


def test_the_upright_stands_at_the_sliders_value() -> None:
    picture = measured(here=20)
    (upright,) = shapes(picture, "ink")
    at = [x for x, _ in corners(upright)[0]]
    assert at == pytest.approx([along(picture, "x")(20)] * 2, abs=0.2)


def test_a_logarithmic_axis_spaces_decades_evenly_and_shows_zero_hollow() -> None:
    attempts = [1, 2, 3, 4]
    picture = lines(
        points("measured", attempts, [0.1, 0.01, 0.001, 0]),
        curve("p^k", attempts, lambda k: 0.1**k),
        title="t", x="attempts", y="share", log_y=True,
    )  # fmt: skip
    drawn = marks(picture)
    steps = [after[1] - before[1] for before, after in pairwise(drawn)]
    assert steps == pytest.approx([steps[0]] * 2, abs=0.2)
    rings = [p for p in shapes(picture, "message") if "C" in p.attrib["d"]]
    assert [p.get("fill") for p in rings] == ["none"]


def test_a_plot_says_ranges_and_the_worst_disagreement() -> None:
    worst, at = max((abs(y - 10 * x), x) for x, y in zip(LOSS, LOST, strict=True))
    says = measured().description
    assert "from 0 to 50" in says
    assert "measured: lowest 0 at 0, highest 505 at 50." in says
    assert f"measured is at most {worst} from closed form, at {at}." in says
    assert measured(description="Mine.").description == "Mine."


def test_series_differ_in_shape_and_dash_not_in_colour_alone() -> None:
    picture = lines(
        *(points(f"m{i}", [1, 2], [i, i]) for i in range(5)),
        *(curve(f"c{i}", [1, 2], [i, i]) for i in range(5)),
        title="t", x="x", y="y",
    )  # fmt: skip
    root = ElementTree.fromstring(picture.svg)
    drawn = [p for p in root.iter(f"{SVG}path") if "muted" not in p.get("stroke", "")]
    dashes = {p.get("stroke-dasharray") for p in drawn if p.get("stroke-width") == "2"}
    kinds = [p.attrib["d"].split("M")[1:] for p in drawn if p.get("stroke-width") != "2"]
    outlines = {tuple(re.sub(r"[-\d. ]+", "", d) for d in kind[:2]) for kind in kinds}
    assert len(dashes) == 5
    assert {("h", "h"), ("L", "L"), ("LLLz", "LLLz"), ("LLz", "LLz")} <= outlines


# Bars


def lengths(picture: Picture, colour: str) -> list[float]:
    """Lengths of the bars of a colour."""
    boxes = [box for p in shapes(picture, colour) for box in corners(p)]
    return [max(x for x, _ in box) - min(x for x, _ in box) for box in boxes]


def test_bars_are_as_long_as_their_amounts_and_say_them() -> None:
    rows = {"once": {"expected": 1000, "there": 750}, "more": {"expected": 500, "there": 250}}
    picture = bars(rows, title="t", x="money")
    full, half = lengths(picture, "message")
    assert half == pytest.approx(full / 2, abs=0.2)
    assert lengths(picture, "good") == pytest.approx([full * 0.75, full / 4], abs=0.2)
    assert shapes(picture, "message")[0].get("fill") == "none"
    said = [t[0] for t in texts(picture)]
    assert [s for s in said if s[0].isdigit()] == [
        "1,000 expected", "750 there", "500 expected", "250 there",
    ]  # fmt: skip
    assert "once: expected 1,000, there 750." in picture.description


def test_a_bar_that_stands_alone_says_its_amount_only() -> None:
    picture = bars({"a": {"calls": 1}, "b": {"calls": 64}}, title="t", x="calls that arrive")
    assert [t[0] for t in texts(picture) if t[0][0].isdigit()] == ["1", "64"]


def test_frames_with_one_x_max_have_one_scale() -> None:
    small, large = (
        lengths(bars({"a": {"n": amount}}, title="t", x="money", x_max=1000), "message")[0]
        for amount in (100, 1000)
    )
    assert large / small == pytest.approx(10, rel=0.01)


def test_stacked_parts_lie_end_to_end_and_differ_in_texture() -> None:
    rows = {"all": {"once": 700, "never": 200, "twice": 100}}
    picture = bars(rows, title="t", x="messages", stacked=True)
    parts = [corners(shapes(picture, hue)[0])[0] for hue in ("message", "good", "fault")]
    starts = [min(x for x, _ in part) for part in parts]
    ends = [max(x for x, _ in part) for part in parts]
    assert starts[1:] == pytest.approx(ends[:-1], abs=0.2)
    assert (ends[0] - starts[0]) / (ends[-1] - starts[0]) == pytest.approx(0.7, abs=0.01)
    assert {"700", "200", "100", "once", "never", "twice"} <= {t[0] for t in texts(picture)}
    dashes = [shapes(picture, hue)[0].get("stroke-dasharray") for hue in ("message", "good")]
    assert len(set(dashes)) == 2


# Timelines


def test_attempts_stand_at_their_times_each_client_in_its_lane() -> None:
    lanes = {"client 1": [0.0, 1.0, 3.0], "client 2": [0.5]}
    picture = timeline(lanes, title="t", x_range=(0, 4))
    x = along(picture, "x")
    drawn = marks(picture)
    assert [at for at, _ in drawn] == pytest.approx([x(0), x(1), x(3), x(0.5)], abs=0.2)
    assert len({y for _, y in drawn}) == 2


def test_what_happened_gives_a_mark_its_shape() -> None:
    lanes = {"client 1": [(0.0, "refused"), (0.5, "refused"), (1.5, "served")]}
    picture = timeline(lanes, title="t")
    assert len(marks(picture)) == 2
    assert {"refused", "served"} <= {t[0] for t in texts(picture)}
    assert "2 refused, 1 served." in picture.description


def test_the_load_counts_every_mark_once() -> None:
    lanes = {"a": [0.0, 0.05, 0.1, 0.25], "b": [0.0, 0.3]}
    picture = timeline(lanes, title="t", x_range=(0, 0.4), bin_s=0.1, load_max=4)
    boxes = corners(shapes(picture, "message")[-1])
    tall = [max(y for _, y in box) - min(y for _, y in box) for box in boxes]
    assert tall == pytest.approx([23 * count for count in (3, 1, 1, 1)], abs=0.2)
    assert "At most 3 within 0.1 s, from 0 on." in picture.description


def test_capacity_is_drawn_at_its_height() -> None:
    picture = timeline({"a": [0.0, 0.0, 1.0]}, title="t", bin_s=1.0, load_max=4, capacity=2)
    (line,) = shapes(picture, "fault")
    heights = [y for _, y in corners(line)[0]]
    places = {t[0]: t[2] for t in texts(picture) if t[3] == "end"}
    middle = (places["0"] + places["4"]) / 2 - 5.3  # a label's foot is below its tick
    assert heights == pytest.approx([middle] * 2, abs=0.3)


# All of them

SAMPLES: dict[str, Callable[[], Picture]] = {
    "lines": lambda: measured(here=20),
    "bars": lambda: bars({"a": {"expected": 10, "there": 9}}, title="t", x="money"),
    "stacked": lambda: bars({"a": {"one": 10, "two": 9}}, title="t", x="n", stacked=True),
    "timeline": lambda: timeline(
        {f"client {i}": [0.1 * i * k for k in range(6)] for i in range(30)}, title="t", bin_s=1
    ),
    "few wide bins": lambda: timeline({"a": [0.0, 3.9]}, title="t", x_range=(0, 4), bin_s=3),
    "a last bin": lambda: timeline({"a": [0, (1, "b")]}, title="t", x_range=(0, 1), bin_s=1),
    "large numbers": lambda: lines(points("m", [0, 1], [0, 9e6]), title="t", x="x", y="y"),
    "one point": lambda: lines(points("m", [1], [0]), title="t", x="x", y="y"),
    "one time": lambda: timeline({"a": [0]}, title="t"),
}
each_sample = pytest.mark.parametrize("name", SAMPLES)


@each_sample
def test_a_plot_is_small(name: str) -> None:
    assert len(SAMPLES[name]().svg.encode()) <= 6 * 1024


@each_sample
def test_no_word_leaves_the_picture(name: str) -> None:
    picture = SAMPLES[name]()
    height = float(re.findall(r'viewBox="0 0 \S+ (\S+)"', picture.svg)[0])
    for plain, x, y, anchor in texts(picture):
        wide = LETTER * len(plain)
        left = x - wide * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        assert left >= -1, plain
        assert left + wide <= 440 + 8, plain
        assert 10 <= y <= height - 3, plain


@each_sample
def test_no_shape_leaves_the_picture(name: str) -> None:
    picture = SAMPLES[name]()
    height = float(re.findall(r'viewBox="0 0 440 (\S+)"', picture.svg)[0])
    for shape in ElementTree.fromstring(picture.svg).iter(f"{SVG}path"):
        for x, y in (place for stroke in corners(shape) for place in stroke):
            assert -1 <= x <= 441, shape.attrib
            assert -1 <= y <= height + 1, shape.attrib


@pytest.mark.slow
def test_the_bytes_are_the_same_in_every_process() -> None:
    source = (
        "from delivery_semantics.show.plots import *\n"
        "print(lines(points('m', [0, 1], [0.1, 0.3]), title='t', x='x', y='y').svg)\n"
        "print(timeline({'a': [(0, 'lost'), (1, 'sent')]}, title='t', bin_s=0.5).svg)\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", source], env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True, check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }  # fmt: skip
    assert len(said) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lines(title="t", x="x", y="y"), "series is empty"),
        (lambda: points("m", [1, 2], [1]), "m has 2 xs and 1 ys"),
        (lambda: points("m", [], []), "m has 0 xs and 0 ys"),
        (lambda: points("m", [1], [1], errors=[1, 2]), "m has 2 errors for 1 xs"),
        (lambda: points("m", [1], [math.nan]), "m holds nan; allowed: finite"),
        (lambda: curve("c", [2, 1], [1, 1]), r"xs of c is \[2, 1\]; allowed: ascending"),
        (lambda: measured(y_range=(0, 100)), r"measured has y = 205; allowed: 0 to 100"),
        (lambda: measured(x_range=(0, 40)), r"measured has x = 50; allowed: 0 to 40"),
        (lambda: measured(here=60), "here is 60; allowed: 0 to 50"),
        (lambda: measured(y_range=(0, 600), log_y=True), r"y_range is \(0, 600\); allowed"),
        (lambda: measured(x_range=(50, 0)), r"x_range is \(50, 0\); allowed: two numbers"),
        (lambda: lines(curve("c", [1, 2], [0, 1]), title="t", x="x", y="y", log_y=True),
         "c has y = 0; allowed: above 0"),
        (lambda: lines(points("m", [1], [-1]), title="t", x="x", y="y", log_y=True),
         "m has y = -1; allowed: above 0"),
        (lambda: lines(points("m", [1], [1]), title="t", x="", y="y"), "x is ''; allowed"),
        (lambda: lines(*[points("m", [1], [1])] * 6, title="t", x="x", y="y"), "series are 6"),
        (lambda: bars({}, title="t", x="x"), "rows is empty"),
        (lambda: bars({"a": {}}, title="t", x="x"), "a row has 0 series"),
        (lambda: bars({"a": {"n": -1}}, title="t", x="x"), "'a', 'n' is -1; allowed: 0"),
        (lambda: bars({"a": {"n": 1}, "b": {"m": 1}}, title="t", x="x"), "row 'b' has series"),
        (lambda: bars({"a": {"n": 5}}, title="t", x="x", x_max=4), "x_max is 4"),
        (lambda: bars({"a": {"n" * 60: 5, "m": 1}}, title="t", x="x"), "names that fit"),
        (lambda: timeline({}, title="t"), "there are 0 lanes"),
        (lambda: timeline({"a": []}, title="t"), "there are 0 kinds of marks"),
        (lambda: timeline({"a": [math.inf]}, title="t"), "a has a mark at inf"),
        (lambda: timeline({"a": [2]}, title="t", x_range=(0, 1)), "a mark is at 2; allowed"),
        (lambda: timeline({"a": [1]}, title="t", bin_s=0), "bin_s is 0; allowed"),
        (lambda: timeline({"a": [0, 9]}, title="t", bin_s=1e-3), "bin_s is 0.001; allowed"),
        (lambda: timeline({"a": [1, 1]}, title="t", bin_s=1, load_max=1), "load_max is 1"),
    ],
)  # fmt: skip
def test_bad_data_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (0.25, "0.25"), (1000, "1,000"), (1234567, "1,234,567"), (1e-6, "10⁻⁶"),
     (3.13e-6, "3.13×10⁻⁶"), (0.1 + 0.2, "0.3"), (-2.5, "-2.5"), (1e9, "10⁹"),
     (1234.5, "1,234")],
)  # fmt: skip
def test_values_are_said_as_people_write_them(value: float, said: str) -> None:
    assert readable(value) == said


def test_a_count_has_its_word_in_the_right_number() -> None:
    assert [how_many(count, "call") for count in (0, 1, 1000)] == [
        "0 calls", "1 call", "1,000 calls"
    ]  # fmt: skip
    assert [how_many(count, "reply", "replies") for count in (1, 2)] == ["1 reply", "2 replies"]
