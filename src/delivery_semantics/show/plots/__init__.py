"""Plots, each a function that returns a `Picture`; most are drawn by matplotlib.

The same data gives the same bytes on every machine: nothing is dated, nothing is random, and
letters stay letters, so no font of the machine is drawn or measured.

Book: 03-at-most-once
"""

from __future__ import annotations

import logging

# On its first import matplotlib lists the machine's fonts, and says so in a reader's cell.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

from .bars import bars  # noqa: E402
from .lines import lines  # noqa: E402
from .money import money  # noqa: E402
from .scale import scale  # noqa: E402
from .series import Series, curve, points  # noqa: E402
from .timeline import timeline  # noqa: E402

__all__ = ["Series", "bars", "curve", "lines", "money", "points", "scale", "timeline"]
