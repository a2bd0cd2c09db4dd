"""Plots: `lines`, `bars` and `timeline`, each returning a `Picture`.

A plot is drawn in about a millisecond and is a few kilobytes, so that a slider can redraw it as
it moves and a page can hold a frame for every position. No fonts are measured and nothing but
the data decides the bytes, on every machine. That is why no plotting library draws them.

Book: 03-at-most-once
"""

from __future__ import annotations

from .plot_bars import bars
from .plot_lines import Series, curve, lines, points
from .plot_timeline import timeline

__all__ = ["Series", "bars", "curve", "lines", "points", "timeline"]
