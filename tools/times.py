"""Measure how long each chapter takes by one rule, and print it in minutes.

    python tools/times.py [FOLDER]

Read are the words of the built page that are not folded, looked at are its pictures, moved its
panels, answered its questions; code in sight and what a cell printed take as long as a picture.
Exercises are counted apart. The sum is rounded up to five minutes, which is what the chapter
states in its beginning; the front page tells this rule.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import shown
from bs4 import BeautifulSoup, Tag

WORDS_PER_MINUTE = 200
SECONDS = {
    "figure.panel": 75,
    ".playground": 120,
    "form.predict": 25,
    "div.highlight": 20,
    "figure, table, svg": 20,
}
"""What one of each takes; what stands in another one is a part of it."""

EXERCISE_S = 300
UNREAD = "details, script, style, .exercise, [data-exercise], .headerlink, .footnote, nav"
ROUND_MIN = 5


def times(html: str) -> tuple[int, int]:
    """Return the minutes that a built page takes to read, and those of its exercises."""
    article = BeautifulSoup(html, "html.parser").select_one("main article")
    assert article
    exercises_s = EXERCISE_S * len(article.select("[data-exercise]"))
    _drop(article, UNREAD)
    seconds = 0.0
    for kind, takes_s in SECONDS.items():
        seconds += takes_s * _drop(article, kind)
    seconds += 60 * len(article.get_text(" ").split()) / WORDS_PER_MINUTE
    return _rounded(seconds), _rounded(exercises_s)


def _drop(article: Tag, kind: str) -> int:
    """Take all of a kind out of the article; return how many there were, with their parts."""
    count = 0
    for element in article.select(kind):
        if not element.decomposed:
            element.decompose()
            count += 1
    return count


def _rounded(seconds: float) -> int:
    return ROUND_MIN * math.ceil(seconds / 60 / ROUND_MIN)


def main() -> None:
    """Measure all chapters of the book."""
    parser = argparse.ArgumentParser(description="Measure how long each chapter takes.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("_build/html"))
    folder = parser.parse_args().folder
    print(f"{'minutes':44}{'reading':>10}{'exercises':>10}")
    for page in shown.pages():
        name = page.relative_to(shown.ROOT).with_suffix(".html")
        reading, exercises = times((folder / name).read_text(encoding="utf-8"))
        print(f"{name.with_suffix('').as_posix():44}{reading:10}{exercises:10}")


if __name__ == "__main__":
    main()
