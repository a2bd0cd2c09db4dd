"""The book's words and works: a glossary, an index, and a bibliography.

Each is written once, on its page: the words of the book, and the papers and standards that it
rests on. Every other page links the first use of each to it, with what it means as a tip; and
these two pages link back to those that use it most. What else the pages link to is listed too.
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

PAGES = {"appendix/glossary": "term", "appendix/sources": "work"}
"""Where words and works are explained, and what the targets of each begin with."""

PLAIN = (*PAGES, "appendix/reference", "appendix/house")
"""Pages whose words are left as they are: these, and those made from the code."""

PLACES_MAX = 4
"""The index names so many pages for a word: those that use it most."""

ENTRY = re.compile(r"^(?P<forms>\S.*)\n: (?P<means>.+)$", re.MULTILINE)
LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
TRACKER = re.compile(r"https://github\.com/([^/]+/[^/]+)/(issues|pull|discussions)/(\d+)")
KINDS = {"issues": "issue", "pull": "pull request", "discussions": "discussion"}
NOT_IN = (nodes.reference, addnodes.pending_xref, nodes.literal, nodes.table)
"""Where a word is left as it is: a link has its own target, and a title is no place for one."""


class Term(NamedTuple):
    """A word of the book, the other forms in which it is used, and what it means."""

    page: str
    forms: tuple[str, ...]
    means: str

    @property
    def id(self) -> str:
        """Where it stands, on any page."""
        return f"{PAGES[self.page]}-" + re.sub(r"\W+", "-", self.forms[0].lower()).strip("-")

    @property
    def tip(self) -> str:
        """What it means, as plain text."""
        return LINK.sub(r"\1", self.means).replace("*", "")


def read_terms(text: str, page: str) -> list[Term]:
    """Read a page: the forms of a word in a line, and in the next a colon and its meaning.

    Raises ValueError for a word that is explained twice.
    """
    terms = [
        Term(page, tuple(match["forms"].split(" | ")), match["means"])
        for match in ENTRY.finditer(text)
    ]
    forms = [form.lower() for term in terms for form in term.forms]
    if twice := {form for form in forms if forms.count(form) > 1}:
        raise ValueError(f"{page} explains twice: {', '.join(sorted(twice))}")
    return terms


class Glossary(SphinxDirective):
    """``{words}``: words or works, each followed by the pages that use it most."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Make a definition list, in the order of the alphabet."""
        terms = read_terms("\n".join(self.content), self.env.docname)
        made = nodes.definition_list(classes=["glossary"])
        for term in sorted(terms, key=lambda term: term.forms[0].lower()):
            word = nodes.term("", term.forms[0], ids=[term.id])
            inline, messages = self.state.inline_text(term.means, self.lineno)
            means = nodes.definition("", nodes.paragraph("", "", *inline), *messages)
            made.append(nodes.definition_list_item("", word, means))
        return [made]


class Cited(SphinxDirective):
    """``{cited}``: every other page outside that the book links to, and from where.

    Its lines say, as those of works do, who published what at an address, and when.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Leave a place for them: the other pages have not been read yet."""
        return [nodes.definition_list(classes=["cited"])]


class Uses:
    """How often each page uses each word, and where it links to, gathered as pages are read."""

    def __init__(self, app: Sphinx) -> None:
        self.forms: dict[str, Term] = {}
        for page in PAGES:
            text = (Path(app.srcdir) / f"{page}.md").read_text(encoding="utf-8")
            self.forms |= {
                f.lower(): term for term in read_terms(text, page) for f in term.forms
            }
        self.on: dict[str, Counter[str]] = {}
        self.links: dict[str, dict[str, str]] = {}  # url -> page -> the link's words


def mark_first_uses(uses: Uses, app: Sphinx, doctree: nodes.document) -> None:
    """Link the first use of each word on a page, and remember the page."""
    forms, page = uses.forms, app.env.docname
    if page in PLAIN:
        return
    longest_first = sorted(map(re.escape, forms), key=len, reverse=True)
    word = re.compile(rf"(?<!\w)({'|'.join(longest_first)})(?!\w)", re.IGNORECASE)
    for link in doctree.findall(nodes.reference):
        if (url := link.get("refuri", "")).startswith("https://"):
            on = uses.links.setdefault(url, {})
            if on.setdefault(page, link.astext()) == link.astext():
                link["ids"] += [target_of(url)] * (target_of(url) not in doctree.ids)
                doctree.ids.setdefault(target_of(url), link)
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
    to = {"href": node["target"], "data-tip": node["term"].tip}
    self.body.append(self.starttag(node, "a", "", CLASS="term", **to))


def depart_used(self: HTML5Translator, node: UsedTerm) -> None:
    """End the link."""
    self.body.append("</a>")


def link_both_ways(uses: Uses, app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link the words of a page to the glossary, and the glossary to the uses of each word."""
    for used in doctree.findall(UsedTerm):
        term = used["term"]
        used["target"] = f"{app.builder.get_relative_uri(page, term.page)}#{term.id}"
    if page not in PAGES:
        return
    for item in list(doctree.findall(nodes.definition_list_item)):
        [term_id] = cast(nodes.term, item[0])["ids"]
        counts = Counter({on: words[term_id] for on, words in uses.on.items()})
        most = {on for on, count in counts.most_common(PLACES_MAX) if count}
        cast(nodes.definition, item[1]).append(used_in(app, page, most, term_id))
    for place in doctree.findall(nodes.definition_list):
        if "cited" in place["classes"]:
            place += [
                cited(app, page, *entry)
                for entry in sorted(titled(uses), key=lambda entry: entry[0].lower())
            ]


def titled(uses: Uses) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the title of each address outside, the address, and the pages that link to it.

    Raises KeyError for an address of which the page of sources does not say what it is.
    """
    for url, on in uses.links.items():
        if found := TRACKER.match(url):
            yield f"{found[1]}, {KINDS[found[2]]} {found[3]}", url, on
        else:
            yield uses.forms[url.lower()].tip, url, on


def cited(
    app: Sphinx, page: str, title: str, url: str, on: dict[str, str]
) -> nodes.definition_list_item:
    """Return an entry of the pages outside."""
    link = nodes.reference("", "", nodes.Text(title), refuri=url)
    places = used_in(app, page, set(on), target_of(url))
    return nodes.definition_list_item(
        "", nodes.term("", "", link), nodes.definition("", places)
    )


def target_of(url: str) -> str:
    """Return the target, on any page, of its first link to an address outside."""
    return "cited-" + re.sub(r"\W+", "-", url.removeprefix("https://")).strip("-").lower()


def used_in(app: Sphinx, here: str, pages: set[str], target: str) -> nodes.paragraph:
    """Return links to a target on pages, in the order in which these are read."""
    made = nodes.paragraph(classes=["used-in"])
    for page in filter(pages.__contains__, reading_order(app.env)):
        uri = f"{app.builder.get_relative_uri(here, page)}#{target}"
        title = app.env.titles[page].astext()
        made += nodes.Text(" · " if len(made) else "")
        made += nodes.reference("", "", nodes.Text(title), refuri=uri, internal=True)
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
    """Register the directives ``words`` and ``cited``, and what links the words."""
    app.add_node(UsedTerm, html=(visit_used, depart_used))
    app.add_directive("words", Glossary)
    app.add_directive("cited", Cited)
    uses = Uses(app)
    app.connect("doctree-read", partial(mark_first_uses, uses))
    app.connect("doctree-resolved", partial(link_both_ways, uses))
    return {"parallel_read_safe": False, "parallel_write_safe": True}
