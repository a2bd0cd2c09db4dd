"""Follow the page of reference in a new environment, and kill its service under load.

    python tools/adopt.py [SECONDS]

The environment has this package with the extra `idempotency`, FastAPI and uvicorn, and what
these bring; the service is the page's own. Ends with 1 if an order was lost or made twice.
"""

from __future__ import annotations

import json
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


def service() -> str:
    """Return the page's service, the whole of its file."""
    cells = json.loads(PAGE.read_text(encoding="utf-8"))["cells"]
    [source] = ["".join(cell["source"]) for cell in cells if cell["id"] == "service"]
    return source


def new_environment(folder: Path) -> str:
    """Make one with the extra, FastAPI and uvicorn; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(folder / "bin" / "python")
    wanted = [f"{ROOT}[idempotency]", "fastapi", "uvicorn"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    return python


def main() -> int:
    """Run it and print the numbers; return the exit status."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    with TemporaryDirectory() as name:
        folder = Path(name)
        python = new_environment(folder / "environment")
        shop = {"SHOP_DATABASE": f"sqlite:///{folder}/shop.db", "SHOP_LEASE_S": str(LEASE_S)}
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
