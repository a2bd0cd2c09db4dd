"""The rules of CONTRIBUTING.md that a program can hold, over code and notebooks."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import shown

import delivery_semantics

PAGES = shown.pages()
NOTEBOOKS = [page for page in PAGES if page.suffix == ".ipynb"]

FILE_LINES = 350
FUNCTION_LINES = 35
# Time, chance and the outside world come to the core through whoever drives it.
DRIVEN = {"asyncio", "datetime", "multiprocessing", "os", "random", "secrets", "signal"}
DRIVEN |= {"socket", "subprocess", "threading", "time", "uuid"}
# Real sockets, a reader's hand, real databases and processes.
DRIVERS: tuple[str, ...] = (
    "live/sockets.py",
    "show/panel.py",
    "databases/connect.py",
    "idempotency/",
    "systems/",
)
DRIVERS += ("experiments/stripe/", "experiments/idempotent/")
DRIVERS += ("live/", "live/receiver.py")
THIRD_PARTY = {
    "show/panel.py": {"ipywidgets", "pandas"},
    "show/plots/": {"matplotlib", "numpy"},
    "show/tables.py": {"pandas"},
    "databases/postgres.py": {"psycopg"},
    "idempotency/": {"starlette"},
    "systems/http/killable.py": {"starlette", "uvicorn"},
    "systems/payments/": {"starlette", "uvicorn"},
    "systems/http/serving.py": {"starlette", "uvicorn"},
    "experiments/stripe/": {"httpx", "starlette"},
    "experiments/idempotent/systems.py": {"httpx"},
    "systems/shop.py": {"starlette"},
}
MACHINE_PATH = r"(?<![\w.~])/(home|root|Users|opt|tmp|usr|work)/"
BANNED = {
    r"\b(TODO|FIXME|XXX)\b": "what is unfinished is an issue",
    MACHINE_PATH: "one machine's path",
    r"\b([Ss]imply|[Oo]bviously|[Tt]rivially)\b": "a reader who has to think feels a fool",
}

each_module = pytest.mark.parametrize(
    "path",
    shown.MODULES,
    ids=[path.relative_to(shown.SOURCE).as_posix() for path in shown.MODULES],
)
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def written(page: Path) -> str:
    """What somebody wrote on a page: its prose and its code, without what the code printed."""
    return "\n\n".join(text for _, text in shown.cells(page))


def outputs(notebook: Path) -> list[dict[str, Any]]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


# The code


@each_module
def test_a_file_is_not_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LINES


@each_module
def test_a_function_fits_on_a_screen(path: Path) -> None:
    lengths = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions(path)}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


@each_module
def test_imports_are_the_standard_librarys_and_neither_clock_nor_chance(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add(str(node.module).split(".")[0])
    name = path.relative_to(shown.SOURCE).as_posix()
    allowed = [packages for place, packages in THIRD_PARTY.items() if name.startswith(place)]
    assert imported - sys.stdlib_module_names <= set().union(*allowed)
    assert name.startswith(DRIVERS) or imported & DRIVEN == set()


@each_module
def test_imports_stand_at_the_top(path: Path) -> None:
    within = [node for function in functions(path) for node in ast.walk(function)]
    assert [n.lineno for n in within if isinstance(n, ast.Import | ast.ImportFrom)] == []


@each_module
def test_a_modules_docstring_ends_with_the_chapter_that_explains_it(path: Path) -> None:
    last = (ast.get_docstring(tree(path)) or "").rsplit("\n", 1)[-1]
    assert last in {f"Book: {page.stem}" for page in PAGES}


def test_every_public_name_is_documented() -> None:
    values = {name: getattr(delivery_semantics, name) for name in delivery_semantics.__all__}
    documents = {
        name: str(value.__doc__)
        for name, value in values.items()
        if inspect.isclass(value) or inspect.isfunction(value)
    }
    # A class without a docstring has none, or one that Python made of its fields.
    silent = [name for name, text in documents.items() if text.startswith(("None", f"{name}("))]
    assert silent == []


@pytest.mark.parametrize("pattern", BANNED, ids=list(BANNED.values()))
def test_banned_words(pattern: str) -> None:
    texts = {page.name: written(page) for page in PAGES}
    for path in [*shown.MODULES, shown.ROOT / "README.md", shown.ROOT / "CONTRIBUTING.md"]:
        texts[path.name] = path.read_text(encoding="utf-8")
    found = {name: re.search(pattern, text) for name, text in texts.items()}
    assert {name: match.group() for name, match in found.items() if match} == {}


# The notebooks


@each_notebook
def test_a_notebook_holds_one_run_from_top_to_bottom_and_nothing_else(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


@each_notebook
def test_outputs_hold_no_error_no_warning_and_nothing_of_the_machine(path: Path) -> None:
    found = outputs(path)
    kinds = {(output["output_type"], output.get("name", "")) for output in found}
    assert kinds <= {("display_data", ""), ("execute_result", ""), ("stream", "stdout")}
    text = json.dumps(found)
    assert not re.search(MACHINE_PATH, text)
    assert not re.search(r"\b0x[0-9a-f]{6,}\b", text), "the address of an object"


@each_notebook
def test_nbval_compares_every_output(path: Path) -> None:
    kinds = {kind for output in outputs(path) for kind in output.get("data", {})}
    passed_over = {"application/vnd.jupyter.widget-view+json", "image/jpeg", "image/png"}
    assert kinds & passed_over == set()
