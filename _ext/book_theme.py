"""The page of the book: a theme of one layout, and what a browser needs done to the text.

Each page loads the project's own files from ``_static`` and nothing else: whatever another
extension would add is left out. Solutions fold without a script, wide tables scroll within
themselves, and each page says in one sentence what it is about.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

DESCRIPTION_LENGTH_MAX = 160  # characters; search engines cut what is longer


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


class MakeTablesScroll(SphinxPostTransform):
    """Put each table into a container of its own, which scrolls where the page is narrower."""

    default_priority = 700
    formats = ("html",)

    def run(self, **_: object) -> None:
        """Wrap the tables of one document."""
        for table in list(self.document.findall(nodes.table)):
            table.replace_self(nodes.container("", table.deepcopy(), classes=["scroll"]))


class CleanOutputs(SphinxPostTransform):
    """Mend the tables that pandas writes: an empty corner is no heading, a style no content."""

    default_priority = 700
    formats = ("html",)

    def run(self, **_: object) -> None:
        """Rewrite the HTML outputs of one document."""
        for raw in self.document.findall(nodes.raw):
            if 'class="dataframe"' in raw.astext():
                html = re.sub(
                    r"<style scoped>.*?</style>\n?", "", raw.astext(), flags=re.DOTALL
                )
                html = html.replace("<th></th>", "<td></td>")
                raw.children = [nodes.Text(html)]


def description_of(document: nodes.document | None, default: str) -> str:
    """Return the first paragraph of a page, cut after a word."""
    paragraphs = document.findall(nodes.paragraph) if document else iter(())
    text = next((paragraph.astext() for paragraph in paragraphs), default)
    return textwrap.shorten(text, DESCRIPTION_LENGTH_MAX, placeholder=" …")


def complete_context(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Give the layout its description, and only the project's own styles and scripts."""
    context["description"] = description_of(doctree, app.config.html_title)
    body = context.get(
        "body", ""
    )  # myst-nb's name for a folded cell hides the words that one reads
    context["body"] = body.replace(' aria-label="Toggle hidden content"', "")
    for kind in ("css_files", "script_files"):
        context[kind] = [
            asset
            for asset in context[kind]
            if asset.filename and (Path(app.srcdir) / asset.filename).is_file()
        ]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the theme ``book`` and its transforms."""
    app.add_html_theme("book", str(Path(__file__).parent / "theme"))
    app.add_node(Details, html=(visit_details, depart_details))
    app.add_node(Summary, html=(visit_summary, depart_summary))
    for transform in (FoldDropdowns, MakeTablesScroll, CleanOutputs):
        app.add_post_transform(transform)
    app.add_config_value("comments_config", {}, "")  # Jupyter Book always sets it
    app.connect("html-page-context", complete_context, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
