"""Store what the README shows of a run: its picture, and what its example prints.

    python tools/store_readme.py

A code host shows the picture as an image, out of reach of the book's style sheet; so it carries
the colours of show/panel.css, light and dark.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from delivery_semantics import (
    Deliver,
    Lose,
    ProcessThenAck,
    RetryUntilAcked,
    Timeout,
    payments,
    script,
)
from delivery_semantics.show.diagram import sequence

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PICTURE = ROOT / ".github" / "lost-ack.svg"
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n?```text\n(.*?)```\n", re.DOTALL)


def picture() -> str:
    """Draw one payment, one lost ack, and what the retry does, as the text of an SVG file."""
    trace = script(
        {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessThenAck()},
        Deliver(1),
        Lose(2),
        Timeout("sender"),
        Deliver(3),
        Deliver(4),
    )
    drawing = sequence(trace, title="A lost ack, a retry, and 10 is paid twice")
    styles = (ROOT / "src/delivery_semantics/show/panel.css").read_text(encoding="utf-8")
    colours = re.findall(r"^  (--eo-[a-z]+: .*;)$", styles, flags=re.MULTILINE)
    rules = f"color-scheme: light dark; background: var(--eo-paper); {' '.join(colours)}"
    head, rest = drawing.svg.split(">", 1)
    return f"{head}><style>:root {{ {rules} }}</style>{rest}\n"


def readme() -> str:
    """Return the README's text, with what its one example prints now."""
    text = README.read_text(encoding="utf-8")
    (example,) = EXAMPLE.finditer(text)
    command = [sys.executable, "-c", example[1]]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return text[: example.start(2)] + printed + text[example.end(2) :]


def main() -> None:
    """Store both."""
    for path, text in ((PICTURE, picture()), (README, readme())):
        changed = path.read_text(encoding="utf-8") != text
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"{path.relative_to(ROOT)}: {'stored anew' if changed else 'unchanged'}")


if __name__ == "__main__":
    main()
