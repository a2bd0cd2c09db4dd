"""A page's calls reach the room's functions and nothing else, and errors come back as JSON."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from delivery_semantics.play.calls import READERS, answer

MADE = "delivery_semantics.play.made"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Answers a call of a function that a test wrote, as a module of the room."""

    def tell(function: Callable[..., object], **arguments: object) -> dict[str, Any]:
        module = types.ModuleType("made")
        module.__dict__["function"] = function
        monkeypatch.setitem(sys.modules, MADE, module)
        found: dict[str, Any] = json.loads(answer(f"{MADE}:function", json.dumps(arguments)))
        return found

    return tell


def run(code: str) -> None:
    """Run what a reader wrote."""
    exec(compile(code, READERS, "exec"), {})


def test_a_value_comes_back(told: Callable[..., dict[str, Any]]) -> None:
    assert told(lambda steps: {"steps": steps}, steps=["é", 1, None]) == {
        "value": {"steps": ["é", 1, None]}
    }


def test_an_exception_says_its_kind_its_text_and_the_reader_s_line(
    told: Callable[..., dict[str, Any]],
) -> None:
    assert told(run, code="x = 1\n\nx / 0\n") == {
        "error": {"kind": "ZeroDivisionError", "message": "division by zero", "line": 3}
    }
    # The reader's line counts, not the package's that it called.
    assert told(run, code="def f():\n    return int('a')\n\nf()")["error"]["line"] == 2
    assert told(run, code="x = 1\nif x\n")["error"] == {
        "kind": "SyntaxError", "message": "expected ':'", "line": 2,
    }  # fmt: skip


def test_an_error_of_the_package_has_no_line(told: Callable[..., dict[str, Any]]) -> None:
    assert told(lambda: json.loads("{"))["error"]["line"] is None
    assert told(lambda: 1, more=1)["error"]["kind"] == "TypeError"


def test_what_json_cannot_say_is_an_error(told: Callable[..., dict[str, Any]]) -> None:
    assert told(lambda: {1, 2})["error"]["kind"] == "TypeError"
    assert told(lambda: float("nan"))["error"]["kind"] == "ValueError"


@pytest.mark.parametrize(
    "name",
    ["os:system", "delivery_semantics.core.audit:audit", "delivery_semantics.play.calls",
     "delivery_semantics.play.calls:_line", "delivery_semantics.playground.a:b",
     "delivery_semantics.play.calls:json.loads"],
)  # fmt: skip
def test_only_the_functions_of_the_room_are_called(name: str) -> None:
    assert json.loads(answer(name, "{}"))["error"] == {
        "kind": "ValueError",
        "message": f"name is {name!r}; allowed: delivery_semantics.play.MODULE:FUNCTION",
        "line": None,
    }


def test_an_interruption_goes_through(told: Callable[..., dict[str, Any]]) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        told(stop)
