"""The page of the book: a theme of one layout, and what a browser needs done to the text.

Each page loads the project's own files, from ``_static`` and from the package, and nothing
else: whatever another extension would add is left out. Solutions and code fold without a
script, what a cell shows stands before how it was run, wide tables scroll within themselves,
and each page says in one sentence what it is about.
"""

from __future__ import annotations

import re
import textwrap
from importlib import resources
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

SHOW = Path(str(resources.files("delivery_semantics.show")))
PANEL = [SHOW / "panel.css", SHOW / "panel.js"]
EVERY_PAGE = ("book.css", "site.js")  # the rest of _static is for the pages that ask for it
# What Pygments and docutils mark and no rule colours: words, names, signs and blanks of code.
COLOURLESS = [re.compile(rf'<span class="{kind}">([^<]*)</span>') for kind in ("pre", "[nopw]")]
PERMALINK = re.compile(
    r'(?:(?<=<h[1-6]>)(?P<heading>.*?))?<a class="headerlink" href="(?P<to>[^"]*)" '
    r'title="Link to this (?:heading|definition)"'
)
LINES_MAX = 12
"""How many lines of code a phone shows without being asked."""
SWITCH = '<label class="unfold"><input type="checkbox" autocomplete="off"> All %d lines</label>'
DESCRIPTION_LENGTH_MAX = 160  # characters; search engines cut what is longer
MENDED = {
    '<th class="head"><p></p></th>': "<td></td>",  # the empty corner of a table is no heading
    "<th></th>": "<td></td>",
}


class Details(nodes.Element):
    """An HTML ``<details>`` element."""


class Summary(nodes.TextElement):
    """The line of a ``<details>`` element that stays in sight."""


def visit_details(self: HTML5Translator, node: Details) -> None:
    """Write the opening tag."""
    self.body.append(self.starttag(node, "details"))


def depart_details(self: HTML5Translator, node: Details) -> None:
    """Write the closing tag."""
    self.body.append("</details>\n")


def visit_summary(self: HTML5Translator, node: Summary) -> None:
    """Write the opening tag."""
    self.body.append(self.starttag(node, "summary", suffix=""))


def depart_summary(self: HTML5Translator, node: Summary) -> None:
    """Write the closing tag."""
    self.body.append("</summary>\n")


class FoldDropdowns(SphinxPostTransform):
    """Turn each admonition of class ``dropdown`` into ``<details>``."""

    default_priority = 700
    formats = ("html",)

    def run(self, **_: object) -> None:
        """Replace the admonitions of one document."""
        for admonition in list(self.document.findall(nodes.admonition)):
            if "dropdown" not in admonition["classes"]:
                continue
            title, *body = admonition.children
            details = Details("", Summary("", "", *title.children), *body)
            details["classes"] = ["admonition", *admonition["classes"]]
            details["ids"] = admonition["ids"]
            admonition.replace_self(details)


class FoldCode(SphinxPostTransform):
    """Turn what MyST-NB hides into ``<details>``, and put folded code below what it shows."""

    default_priority = 700  # MyST-NB has hidden it by then
    formats = ("html",)

    def run(self, **_: object) -> None:
        """Replace the folds of one document."""
        for cell in list(self.document.findall(nodes.container)):
            folds = [child for child in cell if isinstance(child, HideCodeCellNode)]
            cell.children = [child for child in cell if child not in folds]
            for fold in folds:
                summary = Summary("", "", nodes.Text(fold["prompt_show"]))
                cell.append(Details("", summary, *fold.children, classes=["hide"]))


class FoldLongCode(SphinxPostTransform):
    """Give each long piece of code a switch, by which a phone folds it and its reader opens it.

    It is a checkbox, so that it needs no script; the style sheet cuts what is not switched on.
    The code stays whole in the page: on paper, where there is room, and for a screen reader.
    """

    default_priority = 710  # what is folded has its place by then
    formats = ("html",)

    def run(self, **_: object) -> None:
        """Put a switch behind the long code of one document."""
        for code in list(self.document.findall(nodes.literal_block)):
            lines = len(code.astext().splitlines())
            if lines > LINES_MAX and not _stands_in(code, Details, "cell_output"):
                code.replace_self(
                    [code.deepcopy(), nodes.raw("", SWITCH % lines, format="html")]
                )


def _stands_in(node: nodes.Node, kind: type[nodes.Element], named: str) -> bool:
    """Whether an element of this kind, or with this class, is around a node."""
    above = node.parent
    while above is not None:
        if isinstance(above, kind) or named in above.get("classes", ()):
            return True
        above = above.parent
    return False


class MakeTablesScroll(SphinxPostTransform):
    """Put each table into a container of its own, which scrolls where the page is narrower."""

    default_priority = 700
    formats = ("html",)

    def run(self, **_: object) -> None:
        """Wrap the tables of one document."""
        for table in list(self.document.findall(nodes.table)):
            table.replace_self(nodes.container("", table.deepcopy(), classes=["scroll"]))


def description_of(document: nodes.document | None, default: str) -> str:
    """Return the first paragraph of a page, cut after a word."""
    paragraphs = document.findall(nodes.paragraph) if document else iter(())
    text = next((paragraph.astext() for paragraph in paragraphs), default)
    return textwrap.shorten(text, DESCRIPTION_LENGTH_MAX, placeholder=" …")


def name_permalink(found: re.Match[str]) -> str:
    """Return a permalink that says by name to what it leads; by ear all of them were one."""
    heading, to = found["heading"] or "", found["to"]
    name = re.sub(r"<[^>]*>", "", heading) or to.rpartition(".")[2]
    title = f"Link to: {name}".replace('"', "&quot;")
    return f'{heading}<a class="headerlink" href="{to}" title="{title}"'


def add_panel_files(app: Sphinx, config: Config) -> None:
    """Take the style and the script of panels from the package, where each stands once."""
    config.html_static_path += [str(path) for path in PANEL]
    app.add_css_file("panel.css")
    app.add_js_file("panel.js")


def complete_context(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Give the layout its text, its description, and only the project's own files.

    Code has no element without a colour: those were many of the elements of a page.
    """
    context["description"] = description_of(doctree, app.config.html_title)
    body = context.get("body", "")
    for written, meant in MENDED.items():
        body = body.replace(written, meant)
    body = PERMALINK.sub(name_permalink, body)
    for colourless in COLOURLESS:
        body = colourless.sub(r"\1", body)
    context["body"] = body
    own = {f"_static/{name}" for name in (*(path.name for path in PANEL), *EVERY_PAGE)}
    for kind in ("css_files", "script_files"):
        context[kind] = [asset for asset in context[kind] if asset.filename in own]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the theme ``book`` and its transforms."""
    app.add_html_theme("book", str(Path(__file__).parent / "theme"))
    app.add_node(Details, html=(visit_details, depart_details))
    app.add_node(Summary, html=(visit_summary, depart_summary))
    for transform in (FoldCode, FoldDropdowns, FoldLongCode, MakeTablesScroll):
        app.add_post_transform(transform)
    app.add_config_value("comments_config", {}, "")  # Jupyter Book always sets it
    app.connect("config-inited", add_panel_files)
    app.connect("html-page-context", complete_context, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
