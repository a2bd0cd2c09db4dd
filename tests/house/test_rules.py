"""Each rule of the house fails where it is broken, and names file, line and rule."""

from __future__ import annotations

from pathlib import Path

import pytest
import rules
from house import House, floors

HEAD = '"""A module.\n\nBook: index\n"""\n\n'
LONG = "def long() -> None:\n" + "    pass\n" * rules.FUNCTION_LINES


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A package that keeps every rule: one module in some rooms."""
    files = {
        "__init__.py": 'from .core.effects import Send\n\n__all__ = ["Send"]\n',
        "core/__init__.py": "",
        "core/effects.py": "from math import inf as Send\n",
        "participants/senders.py": "from ..core.effects import Send\n",
        "live/sockets.py": "import socket\n",
        "systems/shop.py": "import starlette\n",
        "experiments/problem/faults.py": "from ... import Send\n",
    }
    for name, text in files.items():
        put(tmp_path / "pkg" / name, HEAD + text)
    return tmp_path / "pkg"


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_small_house_keeps_every_rule(small: Path) -> None:
    kept = {*rules.RULES, rules.imports_in_no_circle} - {rules.has_every_arrow_of_the_plan}
    assert [found for rule in kept for found in rule(House(small))] == []


@pytest.mark.parametrize(
    ("rule", "name", "text", "found"),
    [
        (rules.stands_in_a_room, "utils.py", "", "1: utils is no room"),
        (
            rules.imports_the_rooms_below,
            "core/effects.py",
            "from ..participants import senders\n",
            "6: core imports participants",
        ),
        (
            rules.imports_the_rooms_below,
            "show/panel.py",
            "from ..live import sockets\n",
            "6: show imports live",
        ),
        (
            rules.imports_the_rooms_below,
            "systems/shop.py",
            "import pkg.experiments.problem.faults\n",
            "6: systems imports experiments",
        ),
        (
            rules.imports_the_rooms_below,
            "live/sockets.py",
            "from .. import Send\n",
            "6: live imports __init__",
        ),
        (
            rules.imports_in_no_circle,
            "core/effects.py",
            "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from .steps import b\n",
            "9: modules import in a circle: core.effects → core.steps → core.effects",
        ),
        (rules.computes_only, "theory/race.py", "import random\n", "6: theory imports random"),
        (
            rules.computes_only,
            "core/effects.py",
            "from time import time\n",
            "6: core imports time",
        ),
        (
            rules.computes_only,
            "participants/senders.py",
            "import numpy\n",
            "6: participants imports numpy",
        ),
        (
            rules.computes_only,
            "core/effects.py",
            "from pathlib import Path\n",
            "6: core imports pathlib",
        ),
        (rules.computes_only, "core/effects.py", "\n\nprint()\n", "8: core uses print"),
        (rules.computes_only, "core/effects.py", "text = open('x')\n", "6: core uses open"),
        (
            rules.imports_its_packages,
            "live/sockets.py",
            "import httpx\n",
            "6: live imports httpx",
        ),
        (
            rules.imports_its_packages,
            "experiments/problem/faults.py",
            "from starlette.applications import Starlette\n",
            "6: experiments imports starlette",
        ),
        (
            rules.is_driven,
            "dedup/in_memory.py",
            "import time\n",
            "6: time is the outside world",
        ),
        (
            rules.goes_through_the_face,
            "experiments/problem/faults.py",
            "from ...core.effects import Send\n",
            "6: Send comes from pkg.core.effects; allowed: from pkg",
        ),
        (
            rules.is_not_long,
            "core/effects.py",
            "\n" * rules.FILE_LINES,
            "355: the file has 355 lines",
        ),
        (rules.has_short_functions, "core/effects.py", LONG, "6: long has 36 lines"),
        (
            rules.imports_at_the_top,
            "core/effects.py",
            "def f() -> None:\n    import math\n",
            "7: f imports",
        ),
    ],
)
def test_a_broken_rule_is_named_with_its_file_and_line(
    small: Path, rule: rules.Rule, name: str, text: str, found: str
) -> None:
    put(small / "core" / "steps.py", HEAD + "from .effects import a\n")
    put(small / name, HEAD + text)
    assert [line[: len(f"{name}:{found}")] for line in rule(House(small))] == [
        f"{name}:{found}"
    ]


def test_a_name_stands_for_one_thing(small: Path) -> None:
    put(small / "core" / "steps.py", HEAD + "class Row: ...\n\n\ndef walk() -> None: ...\n")
    put(small / "core" / "world.py", HEAD + "MANY = (1, 2)\n\n\ndef main() -> None: ...\n")
    put(small / "live" / "sockets.py", HEAD + "Row = tuple[int, str]\nMANY = 2\n")
    put(
        small / "systems" / "shop.py",
        HEAD + "def walk() -> None: ...\ndef main() -> None: ...\n",
    )
    put(small / "core" / "effects.py", HEAD + "def main(): ...\n\n\nasync def walk(): ...\n")
    assert list(rules.names_one_thing(House(small))) == [
        "core/steps.py:9: walk is also in core/effects.py; allowed: one thing for a name",
        "live/sockets.py:6: Row is also in core/steps.py; allowed: one thing for a name",
    ]


def test_a_module_names_a_page_of_the_book(small: Path) -> None:
    put(small / "core" / "effects.py", '"""A module.\n\nBook: 99-nowhere\n"""\n')
    (line,) = rules.names_its_chapter(House(small))
    assert line.startswith("core/effects.py:1: the docstring ends with 'Book: 99-nowhere'")


def test_an_arrow_that_the_code_no_longer_has_is_taken_out_of_the_plan(small: Path) -> None:
    found = list(rules.has_every_arrow_of_the_plan(House(small)))
    assert "theory/:0: theory no longer imports core; take it out of house.ROOMS" in found
    assert not [line for line in found if line.startswith("participants/")]


def test_a_cell_goes_through_the_face(small: Path) -> None:
    cell = "import json\nfrom pkg.core.effects import Send\nfrom pkg import Send\n"
    assert list(rules.around_in_cell(House(small), cell)) == [
        "line 2: Send comes from pkg.core.effects; allowed: from pkg"
    ]


def test_a_plan_has_no_circle() -> None:
    with pytest.raises(ValueError, match=r"one imports \['two'\]; allowed: the rooms named"):
        floors({"one": ("two",), "two": ("one",)})
