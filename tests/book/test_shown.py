"""The book shows the package's real code: included, never retyped, the participants in full."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import shown

import delivery_semantics
from delivery_semantics import Passive

INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def words(page: Path) -> set[str]:
    """The words of a page that are set as code, or typed or included as code."""
    texts = list(shown.typed(page))
    for _, text in shown.cells(page):
        texts += INLINE.findall(text)
    for module, lines in shown.included(page):
        source = module.read_text(encoding="utf-8").splitlines()
        texts += [source[line - 1] for line in lines]
    return {word for text in texts for word in re.findall(r"\w+", text)}


def test_every_public_name_appears_as_code_in_the_book() -> None:
    book = set().union(*map(words, shown.pages()))
    assert [name for name in delivery_semantics.__all__ if name not in book] == []


def test_no_definition_of_the_package_is_retyped() -> None:
    names = {name for module in shown.MODULES for name in shown.definitions(module)}
    pattern = re.compile(r"^\s*(?:class|def|async def) (\w+)", re.MULTILINE)
    for page in shown.pages():
        for code in shown.typed(page):
            assert names & set(pattern.findall(code)) == set(), f"{page.name}: include it"


def test_the_participants_are_shown_in_full() -> None:
    public = (getattr(delivery_semantics, name) for name in delivery_semantics.__all__)
    participants = {
        value.__name__: Path(inspect.getfile(value))
        for value in public
        if inspect.isclass(value) and issubclass(value, Passive) and value is not Passive
    }
    assert {"FireAndForget", "ProcessOnce"} <= set(participants)
    assert [n for n, module in participants.items() if n in shown.hidden(module)] == []
