"""Draw the README's picture: one payment, one lost ack, and what the retry does.

    python tools/draw_readme.py

A code host shows the file as an image, out of reach of the book's style sheet; so it carries
the colours of _static/panel.css, light and dark.
"""

from __future__ import annotations

import re
from pathlib import Path

from exactly_once import (
    Deliver,
    Lose,
    ProcessThenAck,
    RetryUntilAcked,
    Timeout,
    payments,
    script,
)
from exactly_once.diagram import sequence

ROOT = Path(__file__).resolve().parent.parent
PATH = ROOT / ".github" / "lost-ack.svg"


def picture() -> str:
    """Return the SVG file's text."""
    trace = script(
        {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessThenAck()},
        Deliver(1),
        Lose(2),
        Timeout("sender"),
        Deliver(3),
        Deliver(4),
    )
    drawing = sequence(trace, title="A lost ack, a retry, and 10 is paid twice")
    styles = (ROOT / "_static" / "panel.css").read_text(encoding="utf-8")
    colours = re.findall(r"^  (--eo-[a-z]+: .*;)$", styles, flags=re.MULTILINE)
    rules = f"color-scheme: light dark; background: var(--eo-paper); {' '.join(colours)}"
    head, rest = drawing.svg.split(">", 1)
    return f"{head}><style>:root {{ {rules} }}</style>{rest}\n"


if __name__ == "__main__":
    PATH.write_text(picture(), encoding="utf-8", newline="\n")
    print(f"{PATH.relative_to(ROOT)}: drawn")
