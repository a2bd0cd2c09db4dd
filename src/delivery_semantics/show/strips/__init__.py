"""Strips: the steps of a process from left to right, made from runs and never by hand.

`kill_strip` shows what a fault at each place came to, in money. `boundary` shows which steps
one commit holds together, and at its edges the experiments that break the rest.

A run's steps are read (`track`), get their places (`flow`), and are drawn (`rail`). Both are
laid out twice, for a wide page and for a telephone.

Book: 07-deduplication
"""

from __future__ import annotations

from .boundary import Break, boundary, breaks_of
from .kill_strip import End, RunEnd, kill_strip
from .track import Commit, track

__all__ = ["Break", "Commit", "End", "RunEnd", "boundary", "breaks_of", "kill_strip", "track"]
