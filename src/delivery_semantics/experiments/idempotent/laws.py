"""The document's six operations, their late copies, and the ways to mend them, all tried.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...show.tables import Table, table
from .operations import Finding, Operation, idempotent, overtaken
from .systems import TriedSystem, systems

Findings = dict[str, Finding[Any]]
IF_MATCH = '"1"'  # the ETag that user 123 has at the beginning


def six() -> Findings:
    """Try f(f(x)) = f(x) for each of the document's six operations, in many states."""
    with systems() as on:
        x, users, orders, rows = on.variable, on.users, on.orders, on.rows
        tried: dict[str, tuple[TriedSystem, Operation]] = {
            "SET x = 5": (x, lambda: x.set(5)),
            "DELETE /users/123": (users, users.delete),
            "PUT /users/123": (users, lambda: users.put("Ada")),
            "x = x + 1": (x, x.increment),
            "INSERT row": (rows, lambda: rows.insert("salt")),
            "POST /orders": (orders, lambda: orders.post("salt")),
        }
        return {name: idempotent(*each, each[0].STATES) for name, each in tried.items()}


def late_copies() -> Findings:
    """Try f(g(f(x))) = g(f(x)) for the three that are idempotent: the copy comes late."""
    with systems() as on:
        x, users = on.variable, on.users
        return _overtaken({
            "SET x = 5, then SET x = 7": (x, lambda: x.set(5), lambda: x.set(7)),
            "PUT Ada, then PUT Bob": (
                users, lambda: users.put("Ada"), lambda: users.put("Bob"),
            ),
            "DELETE, then PUT Bob": (users, users.delete, lambda: users.put("Bob")),
        })  # fmt: skip


def late_copies_mended() -> Findings:
    """Try the same with a version in each: the number of the change, or an If-Match."""
    with systems() as on:
        x, users = on.variable, on.users
        return _overtaken({
            "SET x = 5 (version 1), then SET x = 7 (version 2)": (
                x, lambda: x.set_if_newer(5, 1), lambda: x.set_if_newer(7, 2),
            ),
            "PUT Ada with If-Match, then PUT Bob": (
                users, lambda: users.put("Ada", if_match=IF_MATCH), lambda: users.put("Bob"),
            ),
            "DELETE with If-Match, then PUT Bob": (
                users, lambda: users.delete(if_match=IF_MATCH), lambda: users.put("Bob"),
            ),
        })  # fmt: skip


def _overtaken(tried: Mapping[str, tuple[TriedSystem, Operation, Operation]]) -> Findings:
    return {name: overtaken(*each, each[0].STATES) for name, each in tried.items()}


UPSERT = "ON CONFLICT (id) DO UPDATE SET name = excluded.name"
IGNORE = "ON CONFLICT (id) DO NOTHING"


class Mended(NamedTuple):
    """What became of both laws; ``deleted`` is None where nothing can be deleted."""

    at_once: Finding[Any]
    changed: Finding[Any]
    deleted: Finding[Any] | None


def mended() -> dict[str, Mended]:
    """Try both laws for operations that were not idempotent, each mended in its way.

    The late copy comes after somebody else has changed the same thing, or deleted it.
    """
    with systems() as on:
        rows, variable, orders = on.keyed, on.variable, on.orders
        ways: dict[str, tuple[TriedSystem, Operation, Operation, Operation | None]] = {
            "INSERT with a natural key": (
                rows, lambda: rows.insert("salt"), rows.rename, rows.delete,
            ),
            "the same, ON CONFLICT DO NOTHING": (
                rows, lambda: rows.insert("salt", IGNORE), rows.rename, rows.delete,
            ),
            "upsert: ON CONFLICT DO UPDATE": (
                rows, lambda: rows.insert("salt", UPSERT), rows.rename, rows.delete,
            ),
            "x = x + 1 with an operation id": (
                variable, lambda: variable.increment_once("a"), variable.increment, None,
            ),
            "POST /orders with an operation id": (
                orders, lambda: orders.post("salt", id="a"), lambda: orders.post("tea"), None,
            ),
        }  # fmt: skip
        return {name: _both_laws(*way) for name, way in ways.items()}


def _both_laws(
    system: TriedSystem, operation: Operation, change: Operation, delete: Operation | None
) -> Mended:
    return Mended(
        idempotent(system, operation, system.STATES),
        overtaken(system, operation, change, system.STATES),
        overtaken(system, operation, delete, system.STATES) if delete else None,
    )


# Tables -----------------------------------------------------------------------------------


def law_table(found: Mapping[str, Finding[Any]], *, law: str, caption: str) -> Table:
    """Show one row for each law that was tried; where it broke, the first state that broke it.

    Columns in which nothing would stand are left out.
    """
    results = list(found.values())
    broken = [not one.holds for one in results]
    columns: dict[str, list[Any]] = {
        "states tried": [one.states for one in results],
        law: ["broken" if broke else "holds" for broke in broken],
        "replies": [_replies(one) for one in results],
        "from": [_text(one.state) for one in results],
        "without the copy": [_text(one.expected) for one in results],
        "with it": [_text(one.found) for one in results],
    }
    for name in ("from", "without the copy", "with it"):
        columns[name] = [t if b else "" for t, b in zip(columns[name], broken, strict=True)]
    kept = {name: column for name, column in columns.items() if any(column)}
    return table(kept, rows=found, rows_name="operation", caption=caption)


def mended_table(found: Mapping[str, Mended], *, caption: str) -> Table:
    """Show for each operation what copies do: one at once, and late ones."""
    results = list(found.values())
    columns: dict[str, list[str]] = {
        "copy at once": [_does(one.at_once) for one in results],
        "late copy, after a change": [_does(one.changed) for one in results],
        "late copy, after a deletion": [
            _does(one.deleted) if one.deleted else "–" for one in results
        ],
        "replies": [_replies(one.at_once) for one in results],
    }
    return table(columns, rows=found, rows_name="operation", caption=caption)


def _does(one: Finding[Any]) -> str:
    return "does nothing" if one.holds else "does harm"


def _replies(one: Finding[Any]) -> str:
    first, second = one.replies
    return "" if first is None else f"{first}, then {second}"


def _text(state: object) -> str:
    match state:
        case ():
            return "nothing"
        case (first, *rest) if rest and all(one == first for one in rest):
            each = f"({_text(first)})" if isinstance(first, tuple) else _text(first)
            return f"{len(rest) + 1} × {each}"
        case tuple():
            return ", ".join(_text(part) for part in state)
        case "":
            return "no user"
    return str(state)
