"""Every claim has a verdict and a link, and every link lands on a cell that shows something."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
CLAIM = re.compile(r"^(C\d+)\. (.+)\n: \*\*(.+?)\*\*.* Shown: (.+)\.$", re.MULTILINE)
CLAIMS = CLAIM.findall((ROOT / "claims.md").read_text(encoding="utf-8"))
VERDICTS = ("Holds", "Holds if", "Does not hold")
IN_WORDS = {"claim-c13", "claim-c19", "claim-c20", "claim-c21"}
"""Targets whose claim is about vendors or transports: cited with their sources, not run."""


def shown() -> dict[str, bool]:
    """Return each target of the chapters, and whether its section shows a run or the code."""
    found: dict[str, bool] = {}
    for path in [ROOT / "index.ipynb", *sorted((ROOT / "chapters").glob("*.ipynb"))]:
        section: list[str] = []
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                if re.search(r"^#{1,3} ", cell.source, re.MULTILINE):
                    section = []
                targets = re.findall(r"^\(([\w-]+)\)=$", cell.source, re.MULTILINE)
                section += targets
                found |= dict.fromkeys(targets, False)
            shows = cell.get("outputs") or "{literalinclude}" in cell.source
            if shows or any(found[target] for target in section):
                found |= dict.fromkeys(section, True)
    return found


def test_the_claims_are_the_documents_in_its_order() -> None:
    assert [claim for claim, *_ in CLAIMS] == [f"C{n}" for n in range(1, 62)]


@pytest.mark.parametrize(("claim", "says", "verdict", "where"), CLAIMS)
def test_a_claim_has_a_verdict_and_lands_where_it_is_shown(
    claim: str, says: str, verdict: str, where: str
) -> None:
    assert verdict in VERDICTS, claim
    assert says.endswith(".")
    targets = re.findall(r"\{ref\}`[^`<]+<([\w-]+)>`", where)
    assert targets, claim
    sections = shown()
    for target in targets:
        assert target in sections, f"{claim} links to {target}, which no chapter has"
        assert sections[target] or target in IN_WORDS, f"{target} shows no output"


COUNTS = Counter(verdict for _, _, verdict, _ in CLAIMS)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The document's page."""
    page = browser.new_page()
    page.goto(f"{address}claims.html")
    yield page
    page.close()


@pytest.mark.browser
def test_the_page_counts_the_verdicts_and_shows_those_of_one_kind(page: Page) -> None:
    kinds = {"all": len(CLAIMS), "holds": COUNTS["Holds"], "if": COUNTS["Holds if"]}
    for kind, count in {**kinds, "not": COUNTS["Does not hold"]}.items():
        choice = page.locator(f".verdict-filter [value={kind}]")
        choice.check()
        assert str(count) in choice.locator("..").inner_text()
        shown = "all => all.filter(e => getComputedStyle(e).display != 'none').length"
        assert page.locator("dd.claim").evaluate_all(shown) == count


@pytest.mark.browser
def test_a_run_on_the_page_is_the_picture_of_its_chapter(page: Page, site: Path) -> None:
    drawn = page.locator("main figure.picture").evaluate_all("all => all.map(e => e.outerHTML)")
    chapters = [path.read_text(encoding="utf-8") for path in site.glob("chapters/*.html")]
    assert len(drawn) == (ROOT / "claims.md").read_text(encoding="utf-8").count("```{run}")
    titles = page.locator("main figure.picture svg title").all_text_contents()
    assert titles
    for title in titles:
        assert any(title in html.unescape(chapter) for chapter in chapters), title
