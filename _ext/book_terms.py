"""The book's words: a glossary, a tip where a page first uses a word, and an index.

The glossary is written once, on its page. Every other page links the first use of each word to
it, with the definition as a tip; and the glossary links back to the pages that use it most.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

PAGE = "appendix/glossary"
PLAIN = (PAGE, "appendix/reference", "appendix/house")
"""Pages whose words are left as they are: their own, and those made from the code."""

PLACES_MAX = 4
"""The index names so many pages for a word: those that use it most."""

ENTRY = re.compile(r"^(?P<forms>\S.*)\n: (?P<means>.+)$", re.MULTILINE)
NOT_IN = (nodes.reference, addnodes.pending_xref, nodes.literal, nodes.table)
"""Where a word is left as it is: a link has its own target, and a title is no place for one."""


class Term(NamedTuple):
    """A word of the book, the other forms in which it is used, and what it means."""

    forms: tuple[str, ...]
    means: str

    @property
    def id(self) -> str:
        """Where it stands, on any page."""
        return "term-" + re.sub(r"\W+", "-", self.forms[0].lower())


def read_terms(text: str) -> list[Term]:
    """Read a glossary: the forms of a word in a line, and in the next a colon and its meaning.

    Raises ValueError for a word that is explained twice.
    """
    terms = [
        Term(tuple(match["forms"].split(", ")), match["means"])
        for match in ENTRY.finditer(text)
    ]
    forms = [form.lower() for term in terms for form in term.forms]
    if twice := {form for form in forms if forms.count(form) > 1}:
        raise ValueError(f"the glossary explains twice: {', '.join(sorted(twice))}")
    return terms


class Glossary(SphinxDirective):
    """``{words}``: the words of the book, each followed by the pages that use it most."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Make a definition list, in the order of the alphabet."""
        terms = read_terms("\n".join(self.content))
        made = nodes.definition_list(classes=["glossary"])
        for term in sorted(terms, key=lambda term: term.forms[0].lower()):
            word = nodes.term("", term.forms[0], ids=[term.id])
            inline, messages = self.state.inline_text(term.means, self.lineno)
            means = nodes.definition("", nodes.paragraph("", "", *inline), *messages)
            made.append(nodes.definition_list_item("", word, means))
        return [made]


class Uses:
    """How often each page uses each word, gathered while the pages are read."""

    def __init__(self, app: Sphinx) -> None:
        text = (Path(app.srcdir) / f"{PAGE}.md").read_text(encoding="utf-8")
        self.forms = {form.lower(): term for term in read_terms(text) for form in term.forms}
        self.on: dict[str, Counter[str]] = {}


def mark_first_uses(uses: Uses, app: Sphinx, doctree: nodes.document) -> None:
    """Link the first use of each word on a page, and remember the page."""
    forms, page = uses.forms, app.env.docname
    if page in PLAIN:
        return
    longest_first = sorted(map(re.escape, forms), key=len, reverse=True)
    word = re.compile(rf"\b({'|'.join(longest_first)})\b", re.IGNORECASE)
    seen = uses.on[page] = Counter()
    for text in list(prose(doctree)):
        parts = list(split(text, word, forms, seen))
        text.parent.replace(text, parts)


def prose(doctree: nodes.document) -> Iterator[nodes.Text]:
    """Yield the text of paragraphs that is neither a link nor code."""
    for paragraph in doctree.findall(nodes.paragraph):
        for text in paragraph.findall(nodes.Text):
            above: nodes.Node | None = text.parent
            while above is not None and not isinstance(above, NOT_IN):
                above = above.parent
            if above is None:
                yield text


def split(
    text: nodes.Text, word: re.Pattern[str], forms: dict[str, Term], seen: Counter[str]
) -> Iterator[nodes.Node]:
    """Yield a text in parts, of which those that use a word for the first time are links."""
    begin = 0
    for match in word.finditer(text):
        term = forms[match[0].lower()]
        seen[term.id] += 1
        if seen[term.id] == 1:
            if match.start() > begin:
                yield nodes.Text(text[begin : match.start()])
            yield UsedTerm("", match[0], term=term, ids=[term.id])
            begin = match.end()
    if begin < len(text):
        yield nodes.Text(text[begin:])


class UsedTerm(nodes.TextElement):
    """The first use of a word on a page."""


def visit_used(self: HTML5Translator, node: UsedTerm) -> None:
    """Write the link; the style shows its tip."""
    to = {"href": node["target"], "data-tip": node["term"].means}
    self.body.append(self.starttag(node, "a", "", CLASS="term", **to))


def depart_used(self: HTML5Translator, node: UsedTerm) -> None:
    """End the link."""
    self.body.append("</a>")


def link_both_ways(uses: Uses, app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link the words of a page to the glossary, and the glossary to the uses of each word."""
    for used in doctree.findall(UsedTerm):
        used["target"] = app.builder.get_relative_uri(page, PAGE) + f"#{used['term'].id}"
    if page == PAGE:
        for item in doctree.findall(nodes.definition_list_item):
            [term_id] = cast(nodes.term, item[0])["ids"]
            cast(nodes.definition, item[1]).append(used_in(uses, app, term_id))


def used_in(uses: Uses, app: Sphinx, term_id: str) -> nodes.paragraph:
    """Return where a word is first used on the pages that use it most, in their order."""
    made = nodes.paragraph(classes=["used-in"])
    counts = Counter({page: words[term_id] for page, words in uses.on.items()})
    most = {page for page, count in counts.most_common(PLACES_MAX) if count}
    for page in filter(most.__contains__, reading_order(app.env)):
        target = app.builder.get_relative_uri(PAGE, page) + f"#{term_id}"
        title = app.env.titles[page].astext()
        made += nodes.Text(" · " if len(made) else "")
        made += nodes.reference("", "", nodes.Text(title), refuri=target, internal=True)
    return made


def reading_order(env: BuildEnvironment) -> list[str]:
    """Return the pages in the order of the table of contents."""
    found: dict[str, None] = {}

    def visit(page: str) -> None:
        found[page] = None
        for below in env.toctree_includes.get(page, ()):
            visit(below)

    visit(env.config.root_doc)
    return list(found)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive ``words``, and what links the words."""
    app.add_node(UsedTerm, html=(visit_used, depart_used))
    app.add_directive("words", Glossary)
    uses = Uses(app)
    app.connect("doctree-read", partial(mark_first_uses, uses))
    app.connect("doctree-resolved", partial(link_both_ways, uses))
    return {"parallel_read_safe": False, "parallel_write_safe": True}
