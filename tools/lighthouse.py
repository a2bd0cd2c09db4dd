"""Measure every page of the built book as a phone on a slow network sees it.

    python tools/lighthouse.py [--runs 3] [FOLDER]

Prints a table; ends with 1 if a page is below a bar or asks another host. A busy machine only
ever makes a page slower, so the best of up to three runs counts. Lighthouse makes this machine
four times slower, to be a phone; one that is slow itself becomes that phone by less, so a page
below a bar is measured again with what Lighthouse's own benchmark of the machine says. Needs
npm and a Chromium (on the PATH, or named by $CHROMIUM), and says in one line which is missing.
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


def best(url: str, chromium: str, *, runs: int, address: str) -> dict[str, Any]:
    """Measure until a run has no fault, at most ``runs`` times; return the fastest report.

    Raises SystemExit if each run broke off.
    """
    reports: list[dict[str, Any]] = []
    slower = SLOWER
    for _ in range(runs):
        try:
            reports.append(measure(url, chromium, slower))
        except BrokenOff as why:
            print(why, file=sys.stderr)
            continue
        index = reports[-1]["environment"]["benchmarkIndex"]
        slower = SLOWER * min(1.0, max(0.25, index / INDEX))
        if not faults(reports[-1], address):
            break
    if not reports:
        raise SystemExit(f"{url}: no run of {runs} came to its end")
    return max(reports, key=lambda report: scores(report)["performance"])


def row(page: str, report: dict[str, Any]) -> str:
    """Return a page's line of the table."""
    audits = report["audits"]
    values = [audits[name]["numericValue"] / unit for name, unit in COLUMNS.values()]
    numbers = [f"{score:.2f}" for score in scores(report).values()]
    numbers += [f"{value:.2f}" if value < 10 else f"{value:.0f}" for value in values]
    return f"{page:42}" + "".join(f"{number:>16}" for number in numbers)


def main() -> int:
    """Measure all pages; return the exit status."""
    parser = argparse.ArgumentParser(description="Measure the built book with Lighthouse.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("_build/html"))
    parser.add_argument("--runs", type=int, default=3, help="at most so many for each page")
    arguments = parser.parse_args()
    pages = sorted(
        path.relative_to(arguments.folder) for path in arguments.folder.rglob("*.html")
    )
    if not pages:
        raise SystemExit(f"no page in {arguments.folder}: run make book")
    chromium = browser()
    install()
    print(f"{'page':42}" + "".join(f"{name:>16}" for name in [*BARS, *COLUMNS]))
    failed = 0
    with serving(arguments.folder) as address:
        for page in pages:
            url = address + page.as_posix()
            report = best(url, chromium, runs=arguments.runs, address=address)
            wrong = faults(report, address)
            failed += bool(wrong)
            print(row(page.as_posix(), report), *wrong, sep="  ", flush=True)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
