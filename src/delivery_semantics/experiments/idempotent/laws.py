"""The document's six operations, their late copies, and the ways to mend them, all tried.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

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
