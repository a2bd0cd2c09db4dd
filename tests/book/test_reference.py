"""The reference has every public name, its docstring, and the way to its chapter."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import book_reference
import pytest
import shown
from book_reference import Entry
from house import ROOMS, House, Module
from playwright.sync_api import Browser
from sphinx.errors import ExtensionError

import delivery_semantics

ENTRIES = [entry for room in book_reference.entries().values() for entry in room]
PAGE = book_reference.PAGE


def test_every_public_name_has_one_entry() -> None:
    paths = [entry.path for entry in ENTRIES]
    assert len(paths) == len(set(paths))
    assert {f"delivery_semantics.{name}" for name in delivery_semantics.__all__} <= set(paths)


def test_every_room_with_public_names_has_a_heading() -> None:
    text = (shown.ROOT / f"{PAGE}.md").read_text(encoding="utf-8")
    headed = re.findall(r"^## `(\w+)`: .*\n\n```\{reference\} (\w+)$", text, re.MULTILINE)
    assert [name for name, _ in headed] == [room for _, room in headed]
    assert (
        {room for _, room in headed}
        == set(book_reference.entries())
        == {*ROOMS} - {"experiments"}
    )


def test_every_entry_has_a_docstring_and_leads_to_its_chapter(site: Path) -> None:
    html = (site / f"{PAGE}.html").read_text(encoding="utf-8")
    for entry in ENTRIES:
        (after,) = html.split(f' id="{entry.path}"')[1:]
        text, _, explained = after.partition('<div class="explained ')
        assert "<dd><p>" in text, entry.path
        there = posixpath.relpath(entry.chapter, f"/{posixpath.dirname(PAGE)}")
        assert f'href="{there}.html"' in explained.split("</div>")[0], entry.path


@pytest.mark.parametrize("docstring", ["", "Silent(id: str)"])
def test_a_public_name_without_a_docstring_stops_the_build(
    tmp_path: Path, docstring: str
) -> None:
    home = Module("pkg", "core.silent", tmp_path / "silent.py")
    with pytest.raises(ExtensionError, match=r"silent\.py: Silent is public: it needs a doc"):
        book_reference.complete(
            Entry("pkg.Silent", "Silent", home), [*filter(None, [docstring])]
        )


def test_a_docstring_is_completed() -> None:
    home = House().modules["core.effects"]
    lines = ["See `Ack`, ``id`` and :ref:`there`."]
    book_reference.complete(Entry("delivery_semantics.Message", "Message", home), lines)
    assert lines[0] == "See ``Ack``, ``id`` and :ref:`there`."
    assert "explained in :doc:`/chapters/02-delivery-semantics`." in lines[-2]


@pytest.mark.browser
@pytest.mark.slow
def test_the_search_finds_a_public_name(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}search.html?q=AlternatingBitSender")
    entry = page.locator(f"#search-results a[href*='{PAGE}.html']")
    entry.first.wait_for()
    entry.first.click()
    page.wait_for_url(f"**/{PAGE}.html*")
    # The text of sections that are not laid out yet counts as well.
    assert "AlternatingBitSender" in str(page.locator("main").text_content())
    page.close()
