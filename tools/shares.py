"""Measure what each page of the built book gives its height to: code, panels, what it asks.

    python tools/shares.py [--width 1280] [FOLDER]

Prints one row for each page, in percent of the height of its text. "Panels" are panels and
playgrounds, "asked" is what waits for an answer: predictions, quizzes and exercises; "prose" is
all the rest, with the space between. What is folded counts as high as its fold. Needs a
Chromium (on the PATH, or named by $CHROMIUM), and says so in one line where there is none.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import shown
from lighthouse import browser
from playwright.sync_api import Page, sync_playwright
from serve import serving

KINDS = {
    "printed": ".cell_output .highlight",
    "code": "details.hide, .cell_input, .highlight",
    "panels": "figure.panel, .playground",
    "asked": "form.predict, .quiz, [data-exercise]",
    "pictures": "figure, svg:not(.icon)",
    "tables": "table",
}
"""What counts as what: an element counts as the first kind that it is, with all it holds."""

WIDTH_PX = 1280
MEASURE = """async kinds => {
  const sections = document.querySelectorAll("section");
  sections.forEach(e => { e.style.contentVisibility = "visible"; });
  await new Promise(requestAnimationFrame);
  const article = document.querySelector("main article");
  const all = Object.values(kinds).join(", ");
  const heights = Object.fromEntries(Object.keys(kinds).map(kind => [kind, 0]));
  for (const element of article.querySelectorAll(all)) {
    if (element.parentElement.closest(all) || !element.checkVisibility()) continue;
    const kind = Object.keys(kinds).find(kind => element.matches(kinds[kind]));
    heights[kind] += element.getBoundingClientRect().height;
  }
  return [article.getBoundingClientRect().height, heights];
}"""


def shares(page: Page) -> dict[str, float]:
    """Return the share of each kind in the height of an open page, and of the prose."""
    whole, heights = page.evaluate(MEASURE, KINDS)
    found = {kind: height / whole for kind, height in heights.items()}
    return found | {"prose": 1 - sum(found.values())}


def main() -> None:
    """Measure all pages of the book."""
    parser = argparse.ArgumentParser(description="Measure what a page's height is given to.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("_build/html"))
    parser.add_argument("--width", type=int, default=WIDTH_PX, help="of the window, in pixels")
    asked = parser.parse_args()
    pages = [page.relative_to(shown.ROOT).with_suffix(".html") for page in shown.pages()]
    columns = [*KINDS, "prose"]
    print(f"{'page, % of height':36}" + "".join(f"{name:>10}" for name in columns))
    with serving(asked.folder) as address, sync_playwright() as play:
        launched = play.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        page = launched.new_page(viewport={"width": asked.width, "height": 900})
        for name in pages:
            page.goto(address + name.as_posix())
            found = shares(page)
            numbers = "".join(f"{100 * found[kind]:10.0f}" for kind in columns)
            print(f"{name.with_suffix('').as_posix():36}{numbers}", flush=True)
        launched.close()


if __name__ == "__main__":
    main()
