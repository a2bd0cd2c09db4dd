"""Pictures: safe, the same everywhere, and never without the words that stand in for them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics.show.picture import (
    COLOURS,
    Picture,
    colour,
    draw,
    number,
    path,
    polyline,
    rect,
    text,
    words,
)

SVG = "{http://www.w3.org/2000/svg}"
DANGEROUS = '</title><script>alert("1")</script> & \x00\x1b <b>'


def sample(title: str = "A title", description: str = "What it shows.") -> Picture:
    parts = [text("hello", 10, 20), rect(0, 0, 5, 5, fill="good"), path("M0 0H9", stroke="ink")]
    return draw(*parts, width=100, height=50, title=title, description=description)


def test_the_title_and_the_description_name_the_drawing() -> None:
    root = ElementTree.fromstring(sample().svg)
    named_by = [
        next(child.text for child in root if child.get("id") == id)
        for id in root.attrib["aria-labelledby"].split()
    ]
    assert root.attrib["role"] == "img"
    assert named_by == ["A title", "What it shows."]


def test_words_come_back_as_they_were_and_cannot_become_markup() -> None:
    dangerous = draw(
        text(DANGEROUS, 0, 0), width=9, height=9, title=DANGEROUS, description=DANGEROUS
    )
    root = ElementTree.fromstring(dangerous.svg)
    shown = DANGEROUS.replace("\x00", "\ufffd").replace("\x1b", "\ufffd")
    assert [child.text for child in root] == [shown] * 3
    html = dangerous._repr_html_()
    assert "<script" not in html
    assert "<b>" not in html


@given(st.text())
def test_any_text_is_well_formed_xml(plain: str) -> None:
    element = ElementTree.fromstring(f'<a b="{words(plain)}">{words(plain)}</a>')
    assert len(element) == 0


def test_the_same_content_has_the_same_bytes_and_another_has_other_ids() -> None:
    others = [sample("Another title"), sample(description="Another."), draw(
        text("goodbye", 10, 20), width=100, height=50, title="A title",
        description="What it shows.",
    )]  # fmt: skip
    ids = [re.findall(r'id="([^"]+)"', picture.svg) for picture in (sample(), *others)]
    assert sample().svg == sample().svg
    assert len({id for pair in ids for id in pair}) == 2 * len(ids)


def test_a_second_place_on_a_page_gets_ids_of_its_own() -> None:
    picture = sample()
    renamed = picture.inline(id="eo-elsewhere-3")
    (root,) = ElementTree.fromstring(renamed)
    found = {child.get("id") for child in root} - {None}
    assert found == set(root.attrib["aria-labelledby"].split())
    assert found == {"eo-elsewhere-3-title", "eo-elsewhere-3-desc"}


def test_a_picture_is_drawn_inline_with_its_title_below() -> None:
    html = sample("Less < more")._repr_html_()
    assert html.startswith('<figure class="picture">')
    assert "<figcaption>Less &lt; more</figcaption>" in html
    assert "<img" not in html
    assert "\n\n" not in html  # Markdown would end the HTML there


def test_a_notebook_stores_the_drawing_once() -> None:
    assert repr(sample()) == "Picture: A title. What it shows."


def test_every_picture_has_letters_of_one_size() -> None:
    wide = draw(width=880, height=50, title="t", description="d")
    widths = [re.findall(r"width: ([\d.]+)rem", p.svg)[0] for p in (sample(), wide)]
    assert float(widths[1]) / float(widths[0]) == pytest.approx(8.8, rel=0.01)


@given(st.floats(min_value=-1e6, max_value=1e6))
def test_a_coordinate_is_short_and_near(value: float) -> None:
    written = number(value)
    assert abs(float(written) - value) <= 0.05 + 1e-9
    assert re.fullmatch(r"-?\d+(\.[1-9])?", written)
    assert written != "-0"


def test_a_polyline_goes_through_its_points() -> None:
    assert polyline([(0, 1.25), (2, 3), (4.06, -0.01)]) == "M0 1.2L2 3L4.1 0"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title": " "}, "title is empty"),
        ({"description": ""}, "description is empty"),
        ({"svg": "<p>no</p>"}, "svg must be one <svg> element"),
        ({"svg": "<svg ></svg>"}, 'svg needs role="img"'),
    ],
)
def test_a_picture_without_words_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(sample(), **change)


def test_sizes_ids_and_colours_are_checked() -> None:
    with pytest.raises(ValueError, match="width is 0; allowed"):
        draw(width=0, height=5, title="t", description="d")
    with pytest.raises(ValueError, match="height is nan; allowed"):
        draw(width=5, height=float("nan"), title="t", description="d")
    with pytest.raises(ValueError, match="must not have ids"):
        draw('<g id="mine"/>', width=5, height=5, title="t", description="d")
    with pytest.raises(ValueError, match="coordinate must be finite, got inf"):
        number(float("inf"))
    with pytest.raises(ValueError, match=r"colour must be one of ink, .*, got 'red'"):
        colour("red")
    draw(text("an id=1 in words", 0, 0), width=5, height=5, title="t", description="d")


# Colours


def luminance(hexadecimal: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(hexadecimal[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio as WCAG 2 defines it, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


FALLBACKS = {
    name: found[0]
    for name, css in COLOURS.items()
    if (found := re.findall("#[0-9a-f]{6}", css))
}


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
@pytest.mark.parametrize("name", FALLBACKS)
def test_a_fallback_colour_reads_on_light_and_on_dark(name: str, ground: str) -> None:
    assert contrast(FALLBACKS[name], ground) >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [name for name in COLOURS if name != "paper"])
def test_a_colour_of_the_page_reads_in_both_schemes(name: str, scheme: str, root: Path) -> None:
    css = (root / "src/delivery_semantics/show/panel.css").read_text(encoding="utf-8")
    pairs = dict(re.findall(r"--eo-(\w+): light-dark\((#\w{6}, #\w{6})\)", css))
    shade, paper = (pairs[key].split(", ")[scheme == "dark"] for key in (name, "paper"))
    assert contrast(shade, paper) >= 4.5
