"""List the lines of the package that the book never shows.

A chapter shows code by including it, so that what is read is what runs. This finds what is
included; tests/book/test_shown.py asks that the participants are, and that nothing is retyped.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "delivery_semantics"
MODULES = sorted(SOURCE.rglob("*.py"))

INCLUDE = re.compile(r"^(`{3,})\{literalinclude\} (\S+)\n(.*?)^\1", re.DOTALL | re.MULTILINE)
FENCED = re.compile(r"^(`{3,})(?:\{code-block\} *)?python\n(.*?)^\1", re.DOTALL | re.MULTILINE)
OPTION = re.compile(r"^:([\w-]+): *(.*)$", re.MULTILINE)
CHOICES = {"lines", "pyobject", "start-after", "start-at", "end-before", "end-at"}


def pages() -> list[Path]:
    """The files of the book's pages, in their order."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [entry for part in contents["parts"] for entry in part["chapters"]]
    names = [contents["root"], *(entry["file"] for entry in chapters)]
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


def objects(module: Path) -> dict[str, range]:
    """The lines, counted from 1, of each class, function and method: Name or Name.method."""
    found = {}
    waiting: list[tuple[str, ast.AST]] = [("", ast.parse(module.read_text(encoding="utf-8")))]
    for prefix, parent in waiting:
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([node.lineno, *(above.lineno for above in node.decorator_list)])
                found[prefix + node.name] = range(first, (node.end_lineno or first) + 1)
                waiting.append((f"{prefix}{node.name}.", node))
    return found


def definitions(module: Path) -> dict[str, range]:
    """The lines of each class and function at the top of a module."""
    return {name: lines for name, lines in objects(module).items() if "." not in name}


def inclusion_marks(page: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Each file that a page includes, and the options that select its lines."""
    for _, text in (cell for cell in cells(page) if cell[0] == "markdown"):
        for _, target, options in INCLUDE.findall(text):
            yield (page.parent / target).resolve(), dict(OPTION.findall(options))


def included(page: Path) -> Iterator[tuple[Path, range]]:
    """Each file that a page includes, and which of its lines."""
    for module, options in inclusion_marks(page):
        yield module, selected(module, options)


def selected(module: Path, options: dict[str, str]) -> range:
    """The lines that the options of an inclusion select.

    Raises ValueError for a choice by line number, which moves, or by what is left out.
    """
    text = module.read_text(encoding="utf-8").splitlines()
    chosen = {name: options[name] for name in sorted(CHOICES & set(options))}
    if not chosen:
        return range(1, len(text) + 1)
    if set(chosen) == {"pyobject"}:
        return objects(module)[chosen["pyobject"]]
    if set(chosen) == {"start-at", "end-at"}:
        start = next(i for i, line in enumerate(text) if chosen["start-at"] in line)
        end = next(i for i in range(start, len(text)) if chosen["end-at"] in text[i])
        return range(start + 1, end + 2)
    allowed = "allowed: pyobject, or start-at with end-at, or the whole file"
    raise ValueError(f"{module.name} is included by {chosen}; {allowed}")


@cache
def inclusions() -> tuple[tuple[Path, range], ...]:
    """What all pages together include."""
    return tuple(found for page in pages() for found in included(page))


def hidden(module: Path) -> dict[str, range]:
    """The definitions of a module of which the book does not show every line."""
    shown = {line for target, lines in inclusions() if target == module for line in lines}
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
