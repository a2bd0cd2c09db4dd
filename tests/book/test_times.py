"""How long a page takes is told by one rule, and every chapter tells it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import shown
from times import times

STATED = re.compile(r"takes about (\d+) minutes(?:, the exercises another (\d+))?")
STATING = [page for page in shown.pages() if STATED.search(page.read_text(encoding="utf-8"))]


def test_every_chapter_states_its_time() -> None:
    chapters = [page for page in shown.pages() if page.parent.name == "chapters"]
    assert [page.name for page in chapters if page not in STATING] == []


@pytest.mark.parametrize("page", STATING, ids=lambda page: page.stem)
def test_a_page_takes_as_long_as_it_states(page: Path, site: Path) -> None:
    stated = STATED.search(page.read_text(encoding="utf-8"))
    assert stated
    built = (site / page.relative_to(shown.ROOT)).with_suffix(".html")
    reading, exercises = times(built.read_text(encoding="utf-8"))
    assert (int(stated[1]), int(stated[2] or 0)) == (reading, exercises)


def test_each_kind_takes_its_time_and_what_is_folded_none() -> None:
    words = "word " * 200
    panel = "<figure class='panel'><svg></svg><table><tr><td>1</td></tr></table></figure>"
    html = f"""<main><article><p>{words}</p><details>{words}</details>{panel}
        <form class='predict'>{words}</form><div data-exercise='one'>{words}</div>
        <table><tr><td>{words}</td></tr></table></article></main>"""
    assert times(html) == (5, 5)  # 60 + 75 + 25 + 20 seconds, and an exercise
    assert times(html.replace(panel, 3 * panel)) == (10, 5)
