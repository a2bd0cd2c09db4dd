"""Plots: `lines`, `bars` and `timeline`, drawn by matplotlib, each returning a `Picture`.

The same data gives the same bytes on every machine: nothing is dated, nothing is random, and
the letters stay letters, so no font of the machine is drawn.

Book: 03-at-most-once
"""

from __future__ import annotations

from .bars import bars
from .lines import Series, curve, lines, points
from .timeline import timeline

__all__ = ["Series", "bars", "curve", "lines", "points", "timeline"]
