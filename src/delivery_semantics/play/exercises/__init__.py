"""The exercises of the book, a module for each chapter.

Book: 01-the-problem
"""

from __future__ import annotations

from ..exercise import Exercise
from . import problem

CHAPTERS: dict[str, tuple[Exercise, ...]] = {
    "01-the-problem": problem.EXERCISES,
}
"""The exercises of each chapter, in their order."""

EXERCISES: dict[str, Exercise] = {each.name: each for all in CHAPTERS.values() for each in all}
"""All of them, by name."""
