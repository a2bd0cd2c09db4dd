"""The search: every section of the book with its words, for the script of the search page.

Sphinx finds pages. A page of this book is long, so what is found here is a section, or a public
name of the package, and the link says to the browser which words to mark.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

FILE = "_static/sections.js"
LEFT_OUT = (nodes.title, nodes.raw, nodes.literal_block, nodes.comment, nodes.math_block)
"""What is no text of a section: its title, pictures, code in blocks, formulas."""


class Section(NamedTuple):
    """A section: its page, its target there, the page's title, its own, and its text."""

    page: str
    id: str
    chapter: str
    title: str
    text: str


class Sections:
    """The sections of all pages, gathered as the pages are written."""

    def __init__(self) -> None:
        self.found: list[Section] = []

    def gather(self, app: Sphinx, doctree: nodes.document, page: str) -> None:
        """Add the sections of a page."""
        chapter = app.env.titles[page].astext()
        for node in doctree.findall(starts_section):
            assert isinstance(node, nodes.Element)
            title, ids = title_of(node)
            if isinstance(node, addnodes.desc):  # of a name, what stands first
                node = next(node.findall(nodes.paragraph), node)
            text = " ".join(" ".join(words(node)).split())
            self.found.append(Section(page, ids[0] if ids else "", chapter, title, text))

    def write(self, app: Sphinx, error: Exception | None) -> None:
        """Write the script that holds them; a page opened from a file can load one too."""
        if error is None:
            said = json.dumps(sorted(self.found), ensure_ascii=False, separators=(",", ":"))
            (Path(app.outdir) / FILE).write_text(f"const sections = {said};\n", "utf-8")


def starts_section(node: nodes.Node) -> bool:
    """Tell whether a node is found by itself: a section, or a name of the reference."""
    return isinstance(node, nodes.section | addnodes.desc)


def title_of(node: nodes.Element) -> tuple[str, list[str]]:
    """Return the title of a section, and the ids of its place."""
    if isinstance(node, nodes.section):
        return node[0].astext(), node["ids"]
    signature = next(node.findall(addnodes.desc_signature))
    return signature["fullname"], signature["ids"]


def words(node: nodes.Element) -> Iterator[str]:
    """Yield the text of a section without its title and the sections within it."""
    for child in node.children:
        if isinstance(child, LEFT_OUT) or starts_section(child):
            continue
        if isinstance(child, nodes.Text | nodes.TextElement):
            yield child.astext()
        elif isinstance(child, nodes.Element):
            yield from words(child)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Gather the sections in place of Sphinx's own index."""
    sections = Sections()
    app.connect("builder-inited", lambda app: setattr(app.builder, "search", False))
    app.connect("html-collect-pages", lambda app: [("search", {}, "search.html")])
    app.connect("doctree-resolved", sections.gather)
    app.connect("build-finished", sections.write)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
