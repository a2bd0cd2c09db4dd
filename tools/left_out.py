"""Say in one line what this Python's environment is without; nothing where it has everything.

    python tools/left_out.py

What has no wheel for a Python yet is asked for in pyproject.toml under a marker.
"""

from __future__ import annotations

import platform
import tomllib
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent


def left_out(environment: dict[str, str] | None = None) -> list[str]:
    """Return what the extras and pages ask for elsewhere only, in Marker.evaluate's terms."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = asked["project"]["optional-dependencies"].values()
    wanted = map(Requirement, chain(*extras, asked["dependency-groups"]["pages"]))
    return [one.name for one in wanted if one.marker and not one.marker.evaluate(environment)]


if __name__ == "__main__":
    if names := left_out():
        version = platform.python_version()
        print(
            f"Left out on Python {version}, for which it has no wheel yet: {', '.join(names)}."
        )
