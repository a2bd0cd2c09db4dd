"""Ask the package index whether the lock installs from wheels alone, wherever it should.

    python tools/wheels.py

Prints how many wheels each Python of pyproject.toml gets on each system. Nothing is installed,
and no other Python is needed: uv answers for all. Ends with 1 where a wheel is missing.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).with_name("uv")
SYSTEMS = (
    "x86_64-manylinux_2_28",
    "aarch64-manylinux_2_28",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
TIMEOUT_S = 120  # of one question; with nothing in uv's cache the first takes some seconds


def pythons() -> list[str]:
    """Return the Pythons that pyproject.toml claims, such as "3.11", the oldest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [line.rpartition(" :: ")[2] for line in project["classifiers"]]
    return sorted(
        (one for one in named if re.fullmatch(r"3\.\d+", one)), key=lambda v: int(v[2:])
    )


def wheels(lock: Path, python: str, system: str) -> tuple[int, str]:
    """Return how many wheels the lock brings there, and what uv says is missing, or "".

    Raises subprocess.TimeoutExpired if the index does not answer.
    """
    done = subprocess.run(
        [UV, "pip", "install", "--dry-run", "--no-deps", "--no-build", "--require-hashes",
         "--python", sys.executable, "--python-version", python, "--python-platform", system,
         "--target", ROOT / "_build" / "wheels", "--requirement", lock],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    count = re.search(r"^Resolved (\d+) package", done.stdout, flags=re.MULTILINE)
    if done.returncode == 0 and count:
        return int(count[1]), ""
    said = " ".join(done.stdout.split())
    return 0, said.partition("error: ")[2] or said


def main() -> int:
    """Print the table, then what is missing; return the exit status."""
    lock = ROOT / "requirements.lock"
    row = ("{:8}" + "{:25}" * len(SYSTEMS)).format
    faults = []
    print(row("Python", *SYSTEMS).rstrip())
    for python in pythons():
        found = {system: wheels(lock, python, system) for system in SYSTEMS}
        cells = (
            f"{count} wheels" if not fault else "missing" for count, fault in found.values()
        )
        print(row(python, *cells).rstrip(), flush=True)
        faults += [f"{python}, {at}: {fault}" for at, (_, fault) in found.items() if fault]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
