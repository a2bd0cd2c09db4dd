"""Texts that runs must reproduce to the letter, stored under tests/golden.

A change that is meant is stored deliberately, read as a diff, and committed:

    STORE_GOLDEN=1 make check ARGS="tests/search/test_explore.py tests/core/test_determinism.py"
"""

from __future__ import annotations

import os
from pathlib import Path

STORED = Path(__file__).resolve().parent.parent / "tests" / "golden"


def check(name: str, found: str) -> None:
    """Compare a text with the one stored under this name, or store it if that was asked for."""
    path = STORED / name
    if os.environ.get("STORE_GOLDEN"):
        path.write_text(found, encoding="utf-8", newline="\n")
    stored = path.read_text(encoding="utf-8") if path.exists() else "nothing"
    assert found == stored, f"differs from {path.name}; if the change is meant, see {__file__}"
