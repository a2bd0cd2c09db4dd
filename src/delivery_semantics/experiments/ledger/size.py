"""How much code it is: the lines that are neither empty nor words for a reader.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import ast
from pathlib import Path

from ...systems import ledger


def code_lines() -> dict[str, int]:
    """Return the lines of code of each module of the system, its command line left out."""
    [folder] = map(Path, ledger.__path__)
    files = sorted(path for path in folder.glob("*.py") if not path.stem.startswith("__"))
    return {path.stem: _count(path.read_text(encoding="utf-8")) for path in files}


def _count(source: str) -> int:
    lines = enumerate(source.splitlines(), 1)
    said = {
        number
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") and number not in said
        for number, line in lines
    )
