"""Follow the page of reference in a new environment, and kill its service under load.

    python tools/adopt.py [SECONDS]

The page's commands say what is installed and how the service is served, and the service is its
own. Ends with 1 if an order was lost or made twice.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from delivery_semantics.experiments.adopting.campaign import under_kills
from delivery_semantics.experiments.adopting.workers import Workers

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "appendix" / "idempotency-layer.ipynb"
LEASE_S = 2
WITHOUT_END = 10**9


def cells() -> dict[str, str]:
    """Return the page's cells, by their ids."""
    found = json.loads(PAGE.read_text(encoding="utf-8"))["cells"]
    return {cell["id"]: "".join(cell["source"]) for cell in found}


def service() -> str:
    """Return the page's service, the whole of its file."""
    return cells()["service"]


def commands() -> list[list[str]]:
    """Return what the page has one type, in its order, each as words."""
    text = "\n".join(cells().values()).replace("\\\n", "")
    return [shlex.split(line) for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE)]


def new_environment(folder: Path) -> str:
    """Make one, install in it what the page names, from these files; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(folder / "bin" / "python")
    for words in commands():
        if words[:2] == ["pip", "install"]:
            wanted = [re.sub(r"git\+http.*", ROOT.as_uri(), word) for word in words]
            subprocess.run([python, "-m", *wanted, "--quiet"], check=True)
    return python


def environment() -> dict[str, str]:
    """Return the variables that the page sets where it serves its service."""
    serve = ["uvicorn", "shop:app", "--workers", "2"]
    [variables] = [words[:-4] for words in commands() if words[-4:] == serve]
    return dict(word.split("=", 1) for word in variables)


def main() -> int:
    """Run it and print the numbers; return the exit status."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    with TemporaryDirectory() as name:
        folder = Path(name)
        python = new_environment(folder / "environment")
        shop = environment() | {"SHOP_LEASE_S": str(LEASE_S)}
        with Workers(service(), folder, python=python, environment=shop) as workers:
            found = under_kills(
                workers, seed=1, orders_max=WITHOUT_END, kills_max=WITHOUT_END,
                between=(1, 200), seconds=seconds,
            )  # fmt: skip
    numbers = {
        "seconds": seconds, "orders": len(found.answered), "requests": found.requests,
        "kills": found.kills, "lost": found.lost, "made twice": found.twice,
    }  # fmt: skip
    print(", ".join(f"{name} {number:,.0f}" for name, number in numbers.items()))
    return int(bool(found.lost or found.twice))


if __name__ == "__main__":
    sys.exit(main())
