"""What the stored pages say in words: numbers, descriptions, and where a chapter leads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
FILES = [CONTENTS["root"], *(entry["file"] for entry in CONTENTS["chapters"])]
NOTEBOOKS = [ROOT / f"{name}.ipynb" for name in FILES if (ROOT / f"{name}.ipynb").exists()]
CHAPTERS = [name for name in FILES if name.startswith("chapters/0")]
EXPONENT = re.compile(r"(?<![\w.])\d+(?:\.\d+)?e[+-]?\d+")
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def shown(path: Path) -> Iterator[str]:
    """What a page shows of each output: its HTML, or else its text."""
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            yield data.get("text/html") or data.get("text/plain") or output.get("text", "")


@each_notebook
def test_numbers_are_written_as_people_write_them(path: Path) -> None:
    for output in shown(path):
        read = re.sub(r"<svg.*?</svg>|<[^>]*>", " ", output, flags=re.DOTALL)
        assert EXPONENT.findall(read) == []


@each_notebook
def test_a_description_counts_money_only_where_the_picture_does(path: Path) -> None:
    for picture in re.findall(r"<svg.*?</svg>", "".join(shown(path)), re.DOTALL):
        described = re.findall(r"<desc[^>]*>(.*?)</desc>", picture, re.DOTALL)
        drawn = unescape(" ".join(re.findall(r"<text[^>]*>(.*?)</text>", picture, re.DOTALL)))
        for total in re.findall(r"Money expected \d+, there \d+", unescape(described[0])):
            assert total.lower() in drawn, described


def section(name: str, heading: str) -> str:
    cells = nbformat.read(ROOT / f"{name}.ipynb", as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", CHAPTERS)
def test_what_is_next_links_to_the_file_that_follows(name: str) -> None:
    following = FILES[FILES.index(name) + 1]
    links = re.findall(r"\]\(([^)#]+)\)", section(name, "What is next"))
    places = [(ROOT / name).parent / link for link in links]
    assert [place.resolve() for place in places] == [ROOT / following]
