"""What pytest says of a file of tests.

Book: bring-your-own
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

WIDTH = 88


@dataclass(frozen=True)
class PytestOutput:
    """What pytest printed, without the time it took, and the SVGs that the tests drew."""

    text: str
    pictures: dict[str, str]

    def __repr__(self) -> str:
        return self.text


def pytest_says(test: Path) -> PytestOutput:
    """Run this file of tests by pytest, alone in an empty folder."""
    plain = {"COLUMNS": str(WIDTH), "NO_COLOR": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    # CI and BUILD_NUMBER have pytest print every line, where a reader's machine cuts.
    ours = ("PYTEST_", "CI", "BUILD_NUMBER")
    others = {name: it for name, it in os.environ.items() if not name.startswith(ours)}
    options = ["-q", "--tb=short", "-p", "no:cacheprovider", "--rootdir=.", "-o", "addopts="]
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(test, folder)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, test.name],
            cwd=folder, env=others | plain, capture_output=True, text=True, check=False,
        )  # fmt: skip
        drawn = sorted(folder.rglob("*.svg"))
        pictures = {each.relative_to(folder).as_posix(): each.read_text() for each in drawn}
    return PytestOutput(
        re.sub(r" in [\d.]+s", "", done.stdout + done.stderr).rstrip(), pictures
    )
