"""The rules of CONTRIBUTING.md that a program can hold, over code and notebooks."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import rules
import shown
from house import FACE, READING_ORDER, ROOMS, SOURCE, House, floors

import delivery_semantics

PAGES = shown.pages()
NOTEBOOKS = [page for page in PAGES if page.suffix == ".ipynb"]
HOUSE = House()

MACHINE_PATH = r"(?<![\w.~])/(home|root|Users|opt|tmp|usr|work)/"
BANNED = {
    r"\b(TODO|FIXME|XXX)\b": "what is unfinished is an issue",
    MACHINE_PATH: "one machine's path",
    r"\b([Ss]imply|[Oo]bviously|[Tt]rivially)\b": "a reader who has to think feels a fool",
}

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def written(page: Path) -> str:
    """What somebody wrote on a page: its prose and its code, without what the code printed."""
    return "\n\n".join(text for _, text in shown.cells(page))


def outputs(notebook: Path) -> list[dict[str, Any]]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


# The code


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_a_module(rule: rules.Rule) -> None:
    assert list(rule(HOUSE)) == []


def test_imports_are_sorted_also_those_whose_names_stand_in_rows(tmp_path: Path) -> None:
    """Ruff wants a long list one name a line, so it is asked about a copy in which it is so."""
    for path in SOURCE.rglob("*.py"):
        copy = tmp_path / path.relative_to(SOURCE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text("utf-8").replace(")  # fmt: skip", ")"), "utf-8")
    ruff = (str(Path(sys.executable).with_name("ruff")), "--isolated")
    subprocess.run([*ruff, "format", "-q", "--line-length=96", tmp_path], check=True)
    asked = [*ruff, "check", "-q", "--line-length=96", "--select=I", "--diff", str(tmp_path)]
    assert subprocess.run(asked, capture_output=True, text=True).stdout == ""


def test_a_room_says_what_it_is_and_stands_above_those_that_it_imports() -> None:
    level = floors()
    arrows = {pair for pair in HOUSE.arrows() if FACE not in pair}
    assert [pair for pair in arrows if level[pair[0]] <= level[pair[1]]] == []
    assert [room for room in ROOMS if HOUSE.says(room)[-1] not in ".?"] == []
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == set(ROOMS)


def test_the_readme_shows_the_rooms_and_the_way_through_the_code() -> None:
    readme = (shown.ROOT / "README.md").read_text(encoding="utf-8")
    rows = [f"| `{room}` | {HOUSE.says(room)} |" for room in ROOMS]
    assert re.findall(r"^\| `.*", readme, re.MULTILINE) == rows, "say it in the docstring too"
    said = dict(re.findall(r"the (\w+), some ([\d,]+) lines", readme))
    assert set(said) == set(READING_ORDER)
    for room, names in READING_ORDER.items():
        assert {f"{room}.{name}" for name in names} | {room} == {
            name for name in HOUSE.modules if name.partition(".")[0] == room
        }
        assert ", ".join(f"`{name}`" for name in names) in readme
        assert abs(HOUSE.lines(room) - int(said[room].replace(",", ""))) <= 100


def test_the_tests_stand_in_the_same_rooms() -> None:
    found = {path.name for path in (shown.ROOT / "tests").iterdir() if path.is_dir()}
    assert found - {"__pycache__"} == {*ROOMS, "house", "book", "benchmarks", "golden"}


@each_notebook
def test_a_cell_imports_a_public_name_from_the_package(path: Path) -> None:
    cells = [text for kind, text in shown.cells(path) if kind == "code"]
    assert [found for text in cells for found in rules.around_in_cell(HOUSE, text)] == []


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


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_a_page_includes_is_there(path: Path) -> None:
    missing = []
    for module, options in shown.inclusion_marks(path):
        try:
            shown.selected(module, options)
        except (KeyError, OSError, StopIteration) as error:
            missing.append(f"{module.name}: {error!r}")
    assert missing == []


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
