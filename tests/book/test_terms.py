"""The glossary: read once, linked where a page first uses a word, and leading back there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from book_terms import PLACES_MAX, read_terms
from playwright.sync_api import Browser, Page

PAGE = "appendix/glossary"
TEXT = Path(__file__).resolve().parents[2] / f"{PAGE}.md"


def test_the_glossary_explains_each_form_of_a_word_once() -> None:
    assert len(read_terms(TEXT.read_text(encoding="utf-8"), PAGE)) > 50
    with pytest.raises(ValueError, match="glossary explains twice: acks"):
        read_terms("ack | acks\n: An answer.\nAcks\n: Answers.\n", PAGE)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The glossary."""
    page = browser.new_page()
    page.goto(f"{address}appendix/glossary.html")
    yield page
    page.close()


@pytest.mark.browser
@pytest.mark.slow
def test_each_word_leads_to_pages_that_use_it_and_explain_it_in_a_tip(page: Page) -> None:
    entries = page.locator(".glossary dd").all()
    places = [
        [str(link.get_attribute("href")) for link in entry.locator(".used-in a").all()]
        for entry in entries
    ]
    assert len(places) == len(read_terms(TEXT.read_text(encoding="utf-8"), PAGE))
    assert {len(links) for links in places} <= set(range(1, PLACES_MAX + 1))
    means = entries[0].locator("p").first.inner_text()
    page.goto(f"{page.url.rpartition('/')[0]}/{places[0][0]}")
    word = page.locator(f"#{places[0][0].partition('#')[2]}")
    word.hover()
    tip = "e => getComputedStyle(e, '::after').content"
    assert word.evaluate(tip) == f'"{means}"'
    word.click()
    page.wait_for_url("**/appendix/glossary.html#term-ack")
