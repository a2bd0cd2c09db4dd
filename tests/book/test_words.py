"""What the stored pages say in words: numbers, descriptions, and where a chapter leads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import nbformat
import pytest
import shown

ROOT = Path(__file__).resolve().parents[2]
PAGES = shown.pages()
NOTEBOOKS = [page for page in PAGES if page.suffix == ".ipynb"]
CHAPTERS = [page for page in NOTEBOOKS if page.parent.name == "chapters"]
EXPONENT = re.compile(r"(?<![\w.])\d+(?:\.\d+)?e[+-]?\d+")
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def outputs(path: Path) -> Iterator[str]:
    """What a page shows of each output: its HTML, or else its text."""
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            yield data.get("text/html") or data.get("text/plain") or output.get("text", "")


@each_notebook
def test_numbers_are_written_as_people_write_them(path: Path) -> None:
    for output in outputs(path):
        read = re.sub(r"<svg.*?</svg>|<[^>]*>", " ", output, flags=re.DOTALL)
        assert EXPONENT.findall(read) == []


@each_notebook
def test_a_description_counts_money_only_where_the_picture_does(path: Path) -> None:
    for picture in re.findall(r"<svg.*?</svg>", "".join(outputs(path)), re.DOTALL):
        # A narrow drawing has no words of its own: the wide one beside it describes both.
        described = unescape(
            " ".join(re.findall(r"<desc[^>]*>(.*?)</desc>", picture, re.DOTALL))
        )
        drawn = unescape(" ".join(re.findall(r"<text[^>]*>(.*?)</text>", picture, re.DOTALL)))
        for total in re.findall(r"Money expected \d+, there \d+", described):
            assert total.lower() in drawn, described


@each_notebook
def test_no_page_says_a_thing_twice(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    said = [part for part in text.split("\n\n") if len(part) > 60]
    assert sorted({part for part in said if said.count(part) > 1}) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_what_is_next_links_to_the_page_that_follows(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    section = text.partition("\n## What is next\n")[2].partition("\n## ")[0]
    links = re.findall(r"\]\(([^)#]+)\)", section)
    following = PAGES[PAGES.index(path) + 1]
    assert [(path.parent / link).resolve() for link in links] == [following.with_suffix("")]
