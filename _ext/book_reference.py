"""The reference: every public name with its docstring, under its room, linked to its chapter.

A name is public if a room's own module exports it, or the package's, or if a page of the book
imports it. Sphinx's autodoc writes the signatures; a name without a docstring stops the build.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import shown
from docutils import nodes
from docutils.statemachine import StringList
from house import FACE, READING_ORDER, House, Import, Module, exported, read_imports
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

PAGE = "appendix/reference"
SIGNATURE = re.compile(r"<dt class=\"sig .*?</dt>", re.DOTALL)
UNSTYLED = re.compile(r"<span class=\"(?:pre|n|p|o|w|default_value)\">([^<]*)</span>")
CODE = re.compile(r"(?<![`:\w])`([^`\n]+)`(?![`_])")


@dataclass(frozen=True)
class Entry:
    """A public name: where a reader imports it from, and the module that defines it."""

    path: str
    name: str
    home: Module

    @property
    def value(self) -> object:
        """What the name stands for."""
        value: object = getattr(
            importlib.import_module(self.path.rpartition(".")[0]), self.name
        )
        return value

    @property
    def chapter(self) -> str:
        """The page that explains it, as Sphinx names it: the last word of the docstring."""
        stem = (ast.get_docstring(self.home.tree) or "").rpartition("Book: ")[2]
        (page,) = [page for page in shown.pages() if page.stem == stem]
        return "/" + page.relative_to(shown.ROOT).with_suffix("").as_posix()


@cache
def entries() -> dict[str, tuple[Entry, ...]]:
    """Return the public names of each room, in the order of its modules and their lines."""
    house = House()
    found: dict[tuple[str, str], Entry] = {}
    for module, name in sorted(public(house), key=lambda pair: pair[0].count(".")):
        home = definer(house, module, name)
        found.setdefault((home.name, name), Entry(f"{module}.{name}", name, home))
    rooms: dict[str, tuple[Entry, ...]] = {}
    for entry in sorted(found.values(), key=place):
        rooms[entry.home.room] = (*rooms.get(entry.home.room, ()), entry)
    return rooms


def public(house: House) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of each public name, some more than once."""
    for module in house.modules.values():
        if module.path.name == "__init__.py" and module.room != "experiments":
            path = f"{house.package}.{module.name}".removesuffix(f".{FACE}")
            yield from ((path, name) for name in sorted(exported(module)))
    for page in shown.pages():
        for kind, text in shown.cells(page):
            if kind == "code":
                for found in read_imports(ast.parse(text)):
                    target = house.target(found)
                    if target and found.name and target.room != "experiments":
                        yield found.module, found.name


def definer(house: House, module: str, name: str) -> Module:
    """Return the module that defines a name which another may have imported from it."""
    target = house.target(Import(0, module))
    assert target is not None, module
    for found in target.imports:
        if found.name == name and (nearer := house.target(found)):
            return definer(house, found.module, name) if nearer != target else target
    return target


def place(entry: Entry) -> tuple[int, str, int]:
    """Return what entries are sorted by: the order of reading, then the line."""
    room, _, short = entry.home.name.partition(".")
    order = READING_ORDER[room].index(short) if room in READING_ORDER else -1
    lines = shown.definitions(entry.home.path)
    return order, entry.home.name, lines[entry.name].start if entry.name in lines else 0


def directive(entry: Entry) -> Iterator[str]:
    """Yield the reStructuredText of one entry."""
    value = entry.value
    if inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        yield from (f".. auto{kind}:: {entry.path}", "   :members:", "")
    elif inspect.isfunction(value):
        yield from (f".. autofunction:: {entry.path}", "")
    else:
        lines = constant(entry)
        complete(entry, lines)
        yield from (f".. py:data:: {entry.path}", "")
        yield from (f"   {line}" for line in lines)


def constant(entry: Entry) -> list[str]:
    """Return the docstring of a constant, which stands below it in the source."""
    analyzer = ModuleAnalyzer.for_file(str(entry.home.path), entry.home.name)
    return [*analyzer.find_attr_docs().get(("", entry.name), ())]


def complete(entry: Entry, lines: list[str]) -> None:
    """Add to a docstring the chapter that explains it. Raises ExtensionError without one."""
    made = f"{entry.name}("  # a dataclass without a docstring is given its signature
    if not lines or lines[0].startswith(made):
        raise ExtensionError(f"{entry.home.path}: {entry.name} is public: it needs a docstring")
    lines[:] = [CODE.sub(r"``\1``", line) for line in lines]
    module = entry.path.rpartition(".")[0]
    explained = f"From ``{module}``; explained in :doc:`{entry.chapter}`."
    lines += ["", ".. container:: explained", "", f"   {explained}", ""]


def process(
    app: Sphinx, what: str, path: str, value: object, _: object, lines: list[str]
) -> None:
    """Make a docstring reStructuredText, and link it to its chapter."""
    found = {entry.path: entry for room in entries().values() for entry in room}
    if path in found:
        complete(found[path], lines)
    else:
        lines[:] = [CODE.sub(r"``\1``", line) for line in lines]


def mend(app: Sphinx, page: str, template: str, context: dict[str, Any], _: object) -> None:
    """Make the lines of a long signature lines, and leave out spans that nothing styles."""
    if page == PAGE:
        for _ in range(2):  # they stand within each other
            context["body"] = UNSTYLED.sub(r"\1", context["body"])
        lines = {"<dl>": "", "</dl>": "", "<dd>": '<span class="line">', "</dd>": "</span>"}
        tags = re.compile("|".join(lines))
        context["body"] = SIGNATURE.sub(
            lambda found: tags.sub(lambda tag: lines[tag[0]], found[0]), context["body"]
        )


class Reference(SphinxDirective):
    """The public names of the room that is its argument."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the entries of one room."""
        text = [line for one in entries()[self.arguments[0]] for line in directive(one)]
        found = nodes.Element()
        wrapped = StringList(["````{eval-rst}", *text, "````"], "reference")
        self.state.nested_parse(wrapped, self.content_offset, found)
        return found.children


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive ``reference``."""
    app.setup_extension("sphinx.ext.autodoc")
    app.add_directive("reference", Reference)
    app.connect("autodoc-process-docstring", process)
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
