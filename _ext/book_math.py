"""Formulas as MathML, which every browser draws itself: no script, no font, no other host.

A formula that the converter does not know stops the build instead of reaching a page half read.
"""

from __future__ import annotations

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util.math import get_node_equation_number
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator


def to_mathml(formula: str, *, display: str) -> str:
    """Return ``formula`` (LaTeX) as one ``<math>`` element; ``display`` is inline or block.

    Raises ValueError for LaTeX that the converter passes over instead of converting.
    """
    mathml = convert(formula, display=display)
    if "\\" in mathml or "<mi>&</mi>" in mathml:
        raise ValueError(f"formula is {formula!r}: it must be LaTeX that latex2mathml knows")
    return mathml


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a sentence."""
    self.body.append(to_mathml(node.astext(), display="inline"))
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula of its own line, with its number if it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(to_mathml(node.astext(), display="block"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the renderer ``mathml`` for Sphinx's ``html_math_renderer``."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
