"""List the lines of the package that the book never shows.

A chapter shows code by including it, so that what is read is what runs. This finds what is
included; tests/test_shown.py asks that the participants are, and that nothing is retyped.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "exactly_once"
MODULES = sorted(SOURCE.rglob("*.py"))

INCLUDE = re.compile(r"^(`{3,})\{literalinclude\} (\S+)\n(.*?)^\1", re.DOTALL | re.MULTILINE)
FENCED = re.compile(r"^(`{3,})(?:\{code-block\} *)?python\n(.*?)^\1", re.DOTALL | re.MULTILINE)
BY_PLACE = {"lines", "start-after", "start-at", "end-before", "end-at"}


def pages() -> list[Path]:
    """The files of the book's pages, in their order."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [contents["root"], *(entry["file"] for entry in contents["chapters"])]
    files = (ROOT / f"{name}{suffix}" for name in names for suffix in (".ipynb", ".md"))
    return [path for path in files if path.exists()]


def cells(page: Path) -> Iterator[tuple[str, str]]:
    """The kind, markdown or code, and the text of each cell; a page of prose is one cell."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".md":
        yield "markdown", text
    else:
        for cell in json.loads(text)["cells"]:
            yield cell["cell_type"], "".join(cell["source"])


def typed(page: Path) -> Iterator[str]:
    """Each piece of Python that somebody typed on a page."""
    for kind, text in cells(page):
        if kind == "code":
            yield text
        else:
            yield from (code for _, code in FENCED.findall(text))


def definitions(module: Path) -> dict[str, range]:
    """The lines, counted from 1, of each class and function at the top of a module."""
    found = {}
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found[node.name] = range(first, (node.end_lineno or first) + 1)
    return found


def included(page: Path) -> Iterator[tuple[Path, range]]:
    """Each file that a page includes, and which of its lines.

    Raises ValueError for an inclusion by place: a line moves, a name does not.
    """
    for _, text in (cell for cell in cells(page) if cell[0] == "markdown"):
        for _, target, options in INCLUDE.findall(text):
            module = (page.parent / target).resolve()
            chosen = dict(re.findall(r"^:([\w-]+): *(.*)$", options, re.MULTILINE))
            if BY_PLACE & set(chosen):
                raise ValueError(f"{page.name}: {target} by {chosen}; allowed: :pyobject:")
            if name := chosen.get("pyobject"):
                yield module, definitions(module)[name]
            else:
                yield module, range(1, len(module.read_text(encoding="utf-8").splitlines()) + 1)


def hidden(module: Path) -> dict[str, range]:
    """The definitions of a module of which the book does not show every line."""
    chosen = [lines for page in pages() for target, lines in included(page) if target == module]
    shown = {line for lines in chosen for line in lines}
    return {n: lines for n, lines in definitions(module).items() if not set(lines) <= shown}


def main() -> None:
    """Print each module's definitions that the book does not show."""
    for module in MODULES:
        found = hidden(module)
        if found:
            print(f"{module.relative_to(SOURCE)}: {sum(map(len, found.values()))} lines")
        for name, lines in found.items():
            print(f"    {lines[0]}-{lines[-1]} {name}")


if __name__ == "__main__":
    main()
