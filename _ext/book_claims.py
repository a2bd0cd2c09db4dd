"""The document's page: each claim with its verdict in colour and a sign, counted and filtered.

The text of the page is all that is written by hand. The counts are made from it, the filter
is radio buttons that the style alone obeys, and a run is the picture that a chapter shows.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.transforms import Transform
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

CLAIM = re.compile(r"C\d+\. ")
PICTURE = re.compile(
    r'(?P<alone><figure class="picture">.*?</figure>)'
    r'|<div class="panel-frame">.*?(?P<drawn><div class="panel-picture[ "].*?</svg></div>'
    r'(?:\n<div class="panel-picture picture-narrow".*?</svg></div>)?)',
    re.DOTALL,
)
"""A picture that stands alone, or the first of the frame with which a panel begins."""
TITLE = re.compile(r"<title [^>]*>(.*?)</title>", re.DOTALL)
VERDICTS = {
    "Holds": ("holds", "✓", "hold"),
    "Holds if": ("if", "◐", "hold under a condition that the document does not name"),
    "Does not hold": ("not", "✗", "do not hold"),
}
"""Each verdict: its class, its sign, and what is said of a number of claims."""


class Verdicts(nodes.General, nodes.Element):
    """Stands where the counts of all verdicts go."""


class CountVerdicts(SphinxDirective):
    """``{verdicts}``: how many claims of this page hold, and buttons that choose among them."""

    def run(self) -> list[nodes.Node]:
        """Leave a place for it: the claims have not been read yet."""
        return [Verdicts()]


class ShowRun(SphinxDirective):
    """``{run} TARGET``: the first picture that a chapter shows below a target.

    Of a panel it is the one with which the panel begins.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Take it from the notebook, which the page is made again with."""
        for path in sorted(Path(self.env.srcdir).glob("chapters/*.ipynb")):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            if found := first_picture(cells, self.arguments[0]):
                self.env.note_dependency(str(path))
                return [nodes.raw("", found, format="html")]
        raise self.error(f"run: no chapter shows a picture below ({self.arguments[0]})=")


def first_picture(cells: list[dict[str, Any]], target: str) -> str:
    """Return the first picture that the cells show below a target, or ""."""
    below = False
    for cell in cells:
        below = below or f"({target})=" in "".join(cell["source"])
        for output in cell.get("outputs", ()) if below else ():
            if found := PICTURE.search("".join(output.get("data", {}).get("text/html", ""))):
                return found["alone"] or _alone(found["drawn"])
    return ""


def _alone(drawn: str) -> str:
    """Return the drawing of a panel as a picture that stands alone, under its title."""
    title = TITLE.search(drawn)
    caption = f"<figcaption>{title[1]}</figcaption>" if title else ""
    return f'<figure class="picture">\n{drawn}\n{caption}\n</figure>'


class MarkVerdicts(Transform):
    """Give each claim the class and the sign of its verdict, and count them."""

    default_priority = 500

    def apply(self, **_: object) -> None:
        """Change the claims of one page; any other page has none of them."""
        counts = dict.fromkeys(VERDICTS, 0)
        for item in self.document.findall(nodes.definition_list_item):
            if CLAIM.match(item.astext()):
                counts[self._mark(item)] += 1
        for place in list(self.document.findall(Verdicts)):
            place.replace_self(nodes.raw("", summary(counts), format="html"))

    def _mark(self, item: nodes.definition_list_item) -> str:
        strong = next(item.findall(nodes.strong))
        verdict = strong.astext()
        kind, sign, _ = VERDICTS[verdict]
        for part in item.children:
            assert isinstance(part, nodes.Element)
            part["classes"] += ["claim", f"claim-{kind}"]
        strong["classes"] += ["verdict"]
        strong.insert(0, nodes.Text(f"{sign} "))
        return verdict


def summary(counts: dict[str, int]) -> str:
    """Return the counts as a sentence, a bar and buttons, in HTML."""
    total = sum(counts.values())
    said = [f"{count} {VERDICTS[name][2]}" for name, count in counts.items()]
    parts = "".join(
        f'<span class="claim-{VERDICTS[name][0]}" style="flex-grow:{count}">'
        f"{VERDICTS[name][1]} {count}</span>"
        for name, count in counts.items()
    )
    choices = [("all", f"all {total}")]
    choices += [
        (kind, f"{sign} {name} ({counts[name]})") for name, (kind, sign, _) in VERDICTS.items()
    ]
    buttons = "".join(
        f'<label><input type="radio" name="verdict" value="{kind}"'
        f"{' checked' if kind == 'all' else ''}> {label}</label>"
        for kind, label in choices
    )
    return (
        f"<p>Of its {total} claims, {said[0]}, {said[1]}, and {said[2]}.</p>"
        f'<div class="verdict-bar" aria-hidden="true">{parts}</div>'
        f'<fieldset class="verdict-filter"><legend>Show</legend>{buttons}</fieldset>'
    )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives ``verdicts`` and ``run``, and what marks the claims."""
    app.add_directive("verdicts", CountVerdicts)
    app.add_directive("run", ShowRun)
    app.add_transform(MarkVerdicts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
