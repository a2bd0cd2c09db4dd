"""The door between a page and the package: names and JSON go in, JSON comes out.

A page calls the functions of this room by name, and nothing else. Python in the page and a
kernel of Jupyter answer through the same function, so that a page cannot tell them apart.

Book: index
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

ROOM = __name__.rpartition(".")[0]
READERS = "<your code>"
"""The file name under which the code that a reader wrote is compiled."""


def answer(name: str, arguments: str) -> str:
    """Return what a function says, or the error that it raised, as JSON.

    Args:
        name: "MODULE:FUNCTION", of a module in this room.
        arguments: A JSON object of keyword arguments.

    Returns ``{"value": …}`` or ``{"error": {"kind", "message", "line"}}``: the exception's
    class, its text, and the line of the reader's own code, or null where none had a part in it.
    A KeyboardInterrupt goes through: it is the kernel's.
    """
    try:
        value = _function(name)(**json.loads(arguments))
        return json.dumps({"value": value}, ensure_ascii=False, allow_nan=False)
    except (Exception, SystemExit) as error:
        return json.dumps({"error": described(error)}, ensure_ascii=False)


def described(error: BaseException) -> dict[str, Any]:
    """Return an exception as ``{"kind", "message", "line"}``."""
    kind, message = type(error).__name__, str(error)
    if isinstance(error, SyntaxError):
        return {"kind": kind, "message": error.msg, "line": _own(error.filename, error.lineno)}
    return {"kind": kind, "message": message, "line": _line(error)}


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    if not module.startswith(f"{ROOM}.") or not function.isidentifier() or function[0] == "_":
        raise ValueError(f"name is {name!r}; allowed: {ROOM}.MODULE:FUNCTION")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


def _own(filename: str | None, line: int | None) -> int | None:
    return line if filename == READERS else None


def _line(error: BaseException) -> int | None:
    """Return the last line of the reader's code that an exception came through."""
    found, traceback = None, error.__traceback__
    while traceback:
        filename = traceback.tb_frame.f_code.co_filename
        found = _own(filename, traceback.tb_lineno) or found
        traceback = traceback.tb_next
    return found
