"""What a page's height is given to: little of it is code, and much of it is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
import shown
from playwright.sync_api import Browser
from shares import WIDTH_PX, shares

CHAPTER = (0.15, 0.25, 0.40)
"""How much of a chapter may be code, and how much are panels, and panels and questions."""

pytestmark = [pytest.mark.browser, pytest.mark.slow]
APPENDIX = {
    "a-million-runs": (0.08, 0.25, 0.30),
    "bring-your-own": (0.12, 0.25, 0.28),
    "how-the-runs-are-made": (0.10, 0.28, 0.32),
    "idempotency-layer": (0.16, 0.27, 0.31),  # a reference: some code is there to be copied
    "incidents": (0.12, 0.36, 0.38),
    "playground": (0.05, 0.60, 0.60),
    "protocols": (0.13, 0.33, 0.40),
    "stores-of-ids": (0.10, 0.35, 0.40),
    "summary": (0.10, 0.00, 0.00),  # one sheet of paper
}
"""The same for each page of the appendix."""
NOTEBOOKS = [page for page in shown.pages() if page.suffix == ".ipynb" and page.stem != "index"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_a_page_shows_little_code_and_has_its_reader_act(
    browser: Browser, address: str, notebook: Path
) -> None:
    limits = CHAPTER if notebook.parent.name == "chapters" else APPENDIX[notebook.stem]
    code_max, panels_min, touched_min = limits
    page = browser.new_page(viewport={"width": WIDTH_PX, "height": 900})
    page.goto(f"{address}{notebook.parent.name}/{notebook.stem}.html")
    found = shares(page)
    page.close()
    said = {kind: f"{share:.0%}" for kind, share in found.items()}
    assert found["code"] <= code_max, said
    assert found["panels"] >= panels_min, said
    assert found["panels"] + found["asked"] >= touched_min, said


def test_each_kind_counts_once_and_what_is_folded_is_as_high_as_its_fold(
    browser: Browser,
) -> None:
    page = browser.new_page(viewport={"width": WIDTH_PX, "height": 900})
    page.set_content(
        """<style>* { margin: 0; padding: 0; border: 0; } div, summary { height: 100px; }
        td { height: 200px; } table { border-spacing: 0; } p { height: 300px; }</style>
        <main><article>
        <p>prose</p>
        <div class="highlight">code</div>
        <details class="hide"><summary>fold</summary><div class="highlight"></div></details>
        <figure class="panel"><div></div><table><tr><td></td></tr></table></figure>
        <div class="playground"><div></div></div>
        <form class="predict"><figure class="picture"><div></div></figure></form>
        <div class="quiz"><form class="predict"><div></div></form></div>
        <div data-exercise="one"><div></div></div>
        <figure class="picture"><div></div></figure>
        <table><tr><td></td></tr></table>
        <div class="cell_output"><div class="highlight">printed</div></div>
        </article></main>"""
    )
    found = shares(page)
    page.close()
    heights = {kind: round(1600 * share) for kind, share in found.items()}
    assert heights.pop("prose") == 300
    assert heights == {
        "code": 200,
        "panels": 400,
        "asked": 300,
        "pictures": 100,
        "tables": 200,
        "printed": 100,
    }
