"""What a search found, for a test that fails on it: in words, and as pictures in files.

Book: bring-your-own
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from ..search.exploration import Exploration
from .diagram import sequence
from .diagram.story import tell

WIDTH = 80


def picture_of(exploration: Exploration, folder: str | Path) -> str:
    """Draw each counterexample into ``folder`` as an SVG, and return what was found, in words.

    It is for the message of an assertion, which Python makes only if that fails:
    ``assert found, picture_of(found, "pictures")``. A file is named after its claim; one of
    an earlier run is written over. Raises OSError where the folder cannot be written to.
    """
    told = [_wrapped(str(exploration))]
    for verdict in exploration.verdicts:
        if not verdict.holds:
            name = re.sub(r"\W+", "-", verdict.claim).strip("-")
            file = Path(folder, f"{name}.svg")
            picture = sequence(verdict, title=f"{verdict.claim}: broken", totals=False)
            file.parent.mkdir(parents=True, exist_ok=True)
            svg = picture.narrow or picture.svg  # so that a phone shows it too
            file.write_text(f"{svg}\n", encoding="utf-8", newline="\n")
            told.append(_wrapped(str(verdict)))
            told += tell(verdict, totals=False).sentences()
            told.append(f"Drawn in {file.as_posix()}")
    return "\n".join(told)


def _wrapped(line: str) -> str:
    return textwrap.fill(
        line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
