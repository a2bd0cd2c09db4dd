"""Run notebooks from their first cell to their last, and store what they show.

    python tools/store_notebooks.py index.ipynb chapters/*.ipynb

What is stored is what a reader sees and pytest --nbval compares; nothing of the machine or the
moment. A notebook that shows what it showed before keeps its bytes. Ends with 1, and stores
nothing of that notebook, if a cell raises an error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

WIDGET = "application/vnd.jupyter.widget-view+json"  # points at a model of the ended kernel
CELL_METADATA = ("tags", "mystnb", "jupyter", "slideshow", "editable", "deletable")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}


def execute(notebook: NotebookNode, folder: Path) -> None:
    """Run all cells in a new kernel that works in ``folder``. Raises CellExecutionError."""
    NotebookClient(
        notebook,
        timeout=600,  # of one cell, in seconds
        iopub_timeout=60,  # of what it showed, after its end: else it is left out
        coalesce_streams=True,  # how a stream is cut into packets is chance
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute()


def tidy(notebook: NotebookNode) -> None:
    """Remove what another run, another machine or another Python would store differently."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = NotebookNode(
            {key: cell.metadata[key] for key in CELL_METADATA if key in cell.metadata}
        )
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)


def store(path: Path) -> bool:
    """Run one notebook and write it if its bytes changed; True if they did."""
    before = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(before, as_version=4)
    execute(notebook, path.parent.resolve())
    tidy(notebook)
    after: str = nbformat.writes(notebook) + "\n"
    if after != before:
        path.write_text(after, encoding="utf-8", newline="\n")
    return after != before


def main() -> int:
    """Store each notebook that is named; return the exit status."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    status = 0
    for path in parser.parse_args().notebooks:
        try:
            changed = store(path)
        except CellExecutionError as error:
            print(f"{path}: a cell failed; nothing stored\n{error}", file=sys.stderr)
            status = 1
        else:
            print(f"{path}: {'stored anew' if changed else 'unchanged'}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
