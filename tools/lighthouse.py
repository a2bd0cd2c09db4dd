"""Measure every page of the built book as a phone on a slow network sees it.

    python tools/lighthouse.py [--rounds 5] [FOLDER]

Prints a table, then each page that is below a bar or asks another host; ends with 1 if there is
one. A busy machine only ever makes a page slower, and stays busy for a while: a page is wrong
if each round finds it so, and the next round begins when all pages were seen.
Lighthouse makes this machine four times slower, to be a phone; one that is slow itself becomes
that phone by less, so the rounds after the first go by what Lighthouse's own benchmark says of
the machine. Needs npm and a Chromium (on the PATH, or named by $CHROMIUM), and says in one line
which is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from serve import serving

HERE = Path(__file__).resolve().parent / "lighthouse"
BARS = {"performance": 0.98, "accessibility": 1.0}
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-background-networking --no-first-run"
    " --disable-component-update --disable-sync"
)
COLUMNS = {
    "first paint s": ("first-contentful-paint", 1000),
    "largest paint s": ("largest-contentful-paint", 1000),
    "blocked ms": ("total-blocking-time", 1),
    "layout shift": ("cumulative-layout-shift", 1),
    "KiB": ("total-byte-weight", 1024),
}


def browser() -> str:
    """Return the Chromium to measure with. Raises SystemExit if there is none."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise SystemExit("no Chromium found (Debian, Ubuntu: apt-get install chromium)")
    return found


def install() -> None:
    """Install what package-lock.json names. Raises SystemExit if npm is missing."""
    if shutil.which("npm") is None:
        raise SystemExit("no npm found (Debian, Ubuntu: apt-get install nodejs npm)")
    done = HERE / "node_modules" / ".package-lock.json"
    if not done.exists() or done.stat().st_mtime < (HERE / "package-lock.json").stat().st_mtime:
        subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=HERE, check=True)


SLOWER, INDEX = 4.0, 1750
"""Lighthouse's phone is so much slower than a machine whose benchmark has this index."""


class BrokenOff(RuntimeError):
    """A run that measured nothing; the message says why."""


def measure(url: str, chromium: str, slower: float = SLOWER) -> dict[str, Any]:
    """Return Lighthouse's report on one page, on a machine made so many times slower.

    Raises BrokenOff without one.
    """
    command = [
        *("node_modules/.bin/lighthouse", url, "--output=json", "--quiet"),
        *("--no-enable-error-reporting", f"--only-categories={','.join(BARS)}"),
        f"--chrome-flags={FLAGS}",
        f"--throttling.cpuSlowdownMultiplier={slower:.2f}",
    ]
    run = subprocess.run(
        command,
        cwd=HERE,
        env=os.environ | {"CHROME_PATH": chromium},
        stdout=subprocess.PIPE,
    )
    if run.returncode:
        raise BrokenOff(f"{url}: Lighthouse ended with {run.returncode}")
    report: dict[str, Any] = json.loads(run.stdout)
    if "runtimeError" in report:
        raise BrokenOff(f"{url}: {report['runtimeError']['message']}")
    return report


def scores(report: dict[str, Any]) -> dict[str, float]:
    """Return the score of each category, from 0 to 1; one that failed to run has 0."""
    return {name: report["categories"][name]["score"] or 0.0 for name in BARS}


def faults(report: dict[str, Any], address: str) -> list[str]:
    """Return what is wrong with a page: scores below their bar, requests to other hosts."""
    low = [f"{name} {score}" for name, score in scores(report).items() if score < BARS[name]]
    asked = report["audits"]["network-requests"]["details"]["items"]
    inside = (address, "data:")
    return low + [item["url"] for item in asked if not item["url"].startswith(inside)]


def slowed(report: dict[str, Any]) -> float:
    """Return how many times slower the machine of a report must become to be the phone."""
    index: float = report["environment"]["benchmarkIndex"]
    return SLOWER * min(1.0, max(0.25, index / INDEX))


def row(page: str, report: dict[str, Any]) -> str:
    """Return a page's line of the table."""
    audits = report["audits"]
    values = [audits[name]["numericValue"] / unit for name, unit in COLUMNS.values()]
    numbers = [f"{score:.2f}" for score in scores(report).values()]
    numbers += [f"{value:.2f}" if value < 10 else f"{value:.0f}" for value in values]
    return f"{page:42}" + "".join(f"{number:>16}" for number in numbers)


def rounds(pages: list[str], chromium: str, *, address: str, most: int) -> dict[str, list[str]]:
    """Measure the pages, again those with faults, at most so often; return what is left."""
    left: dict[str, list[str]] = {page: [] for page in pages}
    latest = SLOWER
    for again in range(most):
        for page in list(left):
            try:
                report = measure(address + page, chromium, latest if again else SLOWER)
            except BrokenOff as why:
                left[page] = [str(why)]
                continue
            print(row(page, report), flush=True)
            latest = slowed(report)
            left[page] = faults(report, address)
            if not left[page]:
                del left[page]
    return left


def main() -> int:
    """Measure all pages; return the exit status."""
    parser = argparse.ArgumentParser(description="Measure the built book with Lighthouse.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("_build/html"))
    parser.add_argument("--rounds", type=int, default=5, help="at most so many for each page")
    arguments = parser.parse_args()
    found = arguments.folder.rglob("*.html")
    pages = sorted(path.relative_to(arguments.folder).as_posix() for path in found)
    if not pages:
        raise SystemExit(f"no page in {arguments.folder}: run make book")
    chromium = browser()
    install()
    print(f"{'page':42}" + "".join(f"{name:>16}" for name in [*BARS, *COLUMNS]))
    with serving(arguments.folder) as address:
        left = rounds(pages, chromium, address=address, most=arguments.rounds)
    for page, wrong in left.items():
        print(f"{page}: {', '.join(wrong)}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
