"""The comparison that guards the book compares: a changed frame, number or plot is found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import store_notebooks
from nbformat.v4 import new_code_cell, new_notebook

FRAME = """\
from exactly_once.experiments.welcome import LOSSES, payment
from exactly_once.panel import Panel, Slider

Panel(payment, Slider("lost", "the network loses", list(LOSSES)), title="One payment")"""
NUMBER = """\
from exactly_once.experiments.welcome import run

print("attempts:", run("every ack").metrics()["attempts"])"""
PLOT = """\
from exactly_once.plots import lines, points

lines(points("seen", [0, 1], [0, 1]), title="A plot", x="this", y="that")"""


def compare(notebook: Path) -> list[str]:
    """Run a notebook under nbval; the letters of its cells, P passed and F failed."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "-q",
        "-rA",
        "--color=no",
        notebook.name,
    ]
    done = subprocess.run(command, cwd=notebook.parent, capture_output=True, text=True)
    found = re.findall(r"^(PASSED|FAILED) \S+::Cell (\d)", done.stdout, flags=re.MULTILINE)
    return [result for result, _ in sorted(found, key=lambda pair: pair[1])]


def next_digit(text: str, mark: str) -> str:
    """The text with another digit after the last place of a mark."""
    place = text.rindex(mark) + len(mark)
    return text[:place] + re.sub(
        r"\d", lambda digit: str((int(digit.group()) + 1) % 10), text[place:], count=1
    )


@pytest.mark.slow  # twice nbval with a kernel
def test_a_changed_frame_number_or_plot_is_found(tmp_path: Path) -> None:
    path = tmp_path / "page.ipynb"
    cells = [new_code_cell(source) for source in (FRAME, NUMBER, PLOT)]
    nbformat.write(new_notebook(cells=cells), path)
    store_notebooks.store(path)
    assert compare(path) == ["PASSED", "PASSED", "PASSED"]

    notebook = json.loads(path.read_text(encoding="utf-8"))
    panel, number, plot = (cell["outputs"][0] for cell in notebook["cells"])
    for output, mark in ((panel["data"], 'd="M'), (plot["data"], 'd="M')):
        output["text/html"] = next_digit("".join(output["text/html"]), mark)
    number["text"] = next_digit("".join(number["text"]), "attempts: ")
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert compare(path) == ["FAILED", "FAILED", "FAILED"]
