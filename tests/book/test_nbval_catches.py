"""What pytest --nbval compares: a notebook with a changed frame, plot or number must fail."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

EXPERIMENT = """
from delivery_semantics.show.panel import Panel, Slider, View
from delivery_semantics.show.plots import bars, curve, lines, points

def lost(*, loss, seed):
    count = 17 * loss + seed
    picture = bars({"all": {"lost": count}}, title="Lost", x="messages", x_max=999)
    return View(picture, {"lost": count}, f"{count} messages are lost.")
"""
PANEL = 'Panel(lost, Slider("loss", "messages lost", [0, 10, 20], unit="%"), title="Lost")'
PLOT = """
xs = [1, 2, 3]
measured, squares = points("measured", xs, [1, 4, 9]), curve("squares", xs, lambda x: x * x)
lines(measured, squares, title="Squares", x="x", y="y")
"""
NUMBER = 'print("there are", lost(loss=20, seed=1).numbers["lost"], "lost messages")'

# Each cell, and the number that is changed in what it stored: the last group grows by one.
CELLS = {
    "experiment": (EXPERIMENT, None),
    "panel": (PANEL, None),
    "hidden frame's number": (PANEL, r"(<dd>)(341)\b"),
    "hidden frame's sentence": (PANEL, r'(sentence">)(171)\b'),
    "hidden frame's drawing": (PANEL, r'(171</dd>[^$]*?<path d="M)(\d+)'),
    "table": (PANEL, r"(<td>)(171)\b"),
    "plot": (PLOT, None),
    "plot's point": (PLOT, r'(<path d="M)(\d+)'),
    "number": (NUMBER, None),
    "printed number": (NUMBER, r"(are )(\d+)"),
}
CHANGED = [name for name, (_, number) in CELLS.items() if number]


def write(path: Path) -> None:
    notebook = nbformat.v4.new_notebook()
    for position, (source, _) in enumerate(CELLS.values()):
        cell = nbformat.v4.new_code_cell(source.strip(), id=f"cell-{position}")
        notebook.cells.append(cell)
    nbformat.write(notebook, path)


def store(path: Path, root: Path) -> None:
    """Store the outputs as the book's notebooks are stored."""
    tool = root / "tools" / "store_notebooks.py"
    spec = importlib.util.spec_from_file_location("store_notebooks", tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.store(path)


def change(path: Path) -> None:
    """Change one number in the output of some cells, as a slip or a regression would."""
    notebook = nbformat.read(path, as_version=4)
    for cell, (_, number) in zip(notebook.cells, CELLS.values(), strict=True):
        if number:
            (output,) = cell.outputs
            holder, key = (output, "text") if "text" in output else (output.data, "text/html")
            before = holder[key]
            holder[key] = re.sub(number, lambda m: m[1] + str(int(m[2]) + 1), before, count=1)
            assert holder[key] != before
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory, root: Path) -> dict[str, bool]:
    """What nbval says of each cell: True where the output is what the code gives."""
    folder = tmp_path_factory.mktemp("notebooks")
    path, report = folder / "notebook.ipynb", folder / "report.xml"
    write(path)
    store(path, root)
    change(path)
    alone = [
        "-c",
        os.devnull,
        "--rootdir",
        str(folder),
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
    ]
    command = [sys.executable, "-m", "pytest", "--nbval", f"--junitxml={report}", *alone]
    subprocess.run([*command, str(path)], cwd=folder, check=False, capture_output=True)
    cases = ElementTree.parse(report).iter("testcase")
    return dict(zip(CELLS, [case.find("failure") is None for case in cases], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CELLS if name not in CHANGED])
def test_an_output_as_it_was_stored_passes(name: str, verdicts: dict[str, bool]) -> None:
    assert verdicts[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGED)
def test_an_output_with_one_number_changed_fails(name: str, verdicts: dict[str, bool]) -> None:
    assert not verdicts[name]
