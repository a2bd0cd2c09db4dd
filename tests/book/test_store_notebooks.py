"""Storing a notebook: the same bytes for the same results, and never a failed run."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
import store_notebooks
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

pytestmark = pytest.mark.slow  # each starts a kernel


def write(path: Path, *code: str) -> Path:
    cells = [new_markdown_cell("Text.", id="text")]
    for number, source in enumerate(code, start=1):
        metadata = {"tags": ["hide-input"], "execution": {"iopub.status.busy": "2026-01-01"}}
        cells.append(new_code_cell(source, id=f"code-{number}", metadata=metadata))
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_a_second_run_keeps_the_bytes_and_the_first_leaves_no_trace_of_itself(
    tmp_path: Path,
) -> None:
    path = write(
        tmp_path / "a.ipynb", "import ipywidgets\nipywidgets.IntSlider()", "print(1)\n2"
    )
    assert store_notebooks.store(path)
    first = path.read_bytes()
    assert not store_notebooks.store(path)
    assert path.read_bytes() == first
    notebook = json.loads(first)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["cells"][1]["metadata"] == {"tags": ["hide-input"]}
    assert notebook["cells"][1]["outputs"][0]["data"] == {"text/plain": ["IntSlider(value=0)"]}
    assert notebook["cells"][2]["outputs"][0]["text"] == ["1\n"]
    assert first.endswith(b"}\n")


def test_cells_run_where_the_notebook_is(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("beside")
    path = write(tmp_path / "a.ipynb", "print(open('data.txt').read())")
    store_notebooks.store(path)
    assert b"beside" in path.read_bytes()


def test_a_notebook_with_a_failing_cell_is_left_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", "print(1)", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        store_notebooks.store(path)
    assert path.read_bytes() == before
