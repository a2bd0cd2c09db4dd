"""The keys whose outcome somebody has to look into: to list, to read, and to settle.

A settled key answers as it was settled. The line that says by whom, when and why is written in
the transaction that settles it, so that there is neither without the other.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from ..databases import Database, Schema, connect, file_of
from . import table
from .kept import KeptAnswer
from .table import KeyName, KeyRow

AUDIT = Schema(
    "idempotency_audit",
    1,
    (
        """
        CREATE TABLE idempotency_audit (
            id       INTEGER PRIMARY KEY,
            account  TEXT NOT NULL,
            endpoint TEXT NOT NULL,
            key      TEXT NOT NULL,
            line     TEXT NOT NULL               -- in JSON
        )
        """,
    ),
)
LINES = "SELECT line FROM idempotency_audit"
WRITE = "INSERT INTO idempotency_audit (account, endpoint, key, line) VALUES (?, ?, ?, ?)"
OPEN = ("in doubt", "broke off")
"""The states that can be settled: no attempt will end them by itself, or perhaps none."""
AT_ONCE_MAX = 1_000
EMPTY = (204, 205, 304)
"""No answer with one of these statuses has a body (RFC 9110, 15)."""
FIELD = re.compile(r"[\t -~\x80-\xff]*")
"""What the value of a header may hold."""
CONTENT_TYPE = "application/json"
BEYOND_S = 253_402_300_800.0
"""The end of the last year that a date has."""

Options = tuple[tuple[str, dict[str, Any]], ...]
"""Arguments of a command, as argparse takes them."""


class NotOpen(ValueError):
    """The key has nothing to settle."""


def settle(
    database: Database, name: KeyName, answer: KeptAnswer | None, *, by: str, why: str,
    now_s: float,
) -> dict[str, Any]:  # fmt: skip
    """Let a key answer so from now on, or let None's next attempt go on where it broke off.

    Returns the audit line. Raises NotOpen for a key that is not there or not open, ValueError
    for an answer that cannot be sent and for a blank ``by`` or ``why``, and DatabaseRefused.
    """
    _check(answer, by=by, why=why)
    AUDIT.ensure(database)
    with database.transaction():
        seen = table.find(database, name)
        was = seen.state(now_s) if seen else "not there"
        if seen is None or was not in OPEN:
            raise NotOpen(f"the key {name.key!r} is {was}; allowed: {', '.join(OPEN)}")
        row = seen.undecided()._replace(token=seen.token + 1, lease_until_s=0.0)
        settled = table.take_over(database, name, seen, row) and (
            answer is None or table.advance(database, name, row, row.finished(answer))
        )
        if not settled:
            raise NotOpen(f"the key {name.key!r} was taken by another attempt just now")
        became = f"answers {answer.status}" if answer else f"goes on at {row.recovery_point!r}"
        line = {"at": _when(now_s), "by": by, "was": was, "became": became, "why": why}
        database.change(WRITE, (*name, json.dumps(line)))
    return {**name._asdict(), **line}


def _check(answer: KeptAnswer | None, **said: str) -> None:
    for name, words in said.items():
        if not words.strip():
            raise ValueError(f"{name} is {words!r}; allowed: words")
    if answer and answer.body and answer.status in EMPTY:
        raise ValueError(f"status is {answer.status}, with a body; allowed: one without")
    for name, value in answer.headers if answer else ():
        if not FIELD.fullmatch(value):
            raise ValueError(f"{name} is {value!r}; allowed: one line in Latin-1")


# As commands ------------------------------------------------------------------------------


def add_commands(commands: Any) -> None:  # noqa: ANN401  # argparse does not name its type
    """Add list, show, settle and sweep."""
    add = _adder(commands)
    add("list", _list, "the keys in doubt, and those whose attempt broke off", (
        ("--all", {"action": "store_true", "help": "the other keys too"}),
    ))  # fmt: skip
    key: Options = (
        ("account", {}), ("key", {}), ("--endpoint", {"help": "if there are several"}),
    )  # fmt: skip
    add("show", _show, "a key: what is kept, and its audit lines", key)
    add("settle", _settle, "say what became of a key in doubt", (
        *key,
        ("--status", {"type": int, "help": "the answer from now on; without it and --body the "
                      "next attempt carries the request out"}),
        ("--body", {"help": "of the answer"}),
        ("--content-type", {"help": f"of the body; {CONTENT_TYPE} if it is not given"}),
        ("--by", {"required": True, "help": "who settles it"}),
        ("--why", {"required": True, "help": "what was found"}),
        ("--dry-run", {"action": "store_true", "help": "change nothing"}),
    ))  # fmt: skip
    add("sweep", _sweep, "delete the keys that have expired", (
        ("--dry-run", {"action": "store_true", "help": "only count them"}),
    ))  # fmt: skip


def _adder(commands: Any) -> Any:  # noqa: ANN401
    def add(name: str, run: object, words: str, options: Options) -> None:
        parser = commands.add_parser(name, help=words, description=words, allow_abbrev=False)
        parser.set_defaults(run=run)
        parser.add_argument("url", metavar="URL", help="sqlite:///FILE or postgresql://…")
        for option, how in options:
            parser.add_argument(option, **how)
        parser.add_argument("--json", action="store_true", help="print JSON")

    return add


def _list(given: argparse.Namespace) -> int:
    now_s = time.time()
    with _keys_at(given.url) as database:
        found = table.search(database, AT_ONCE_MAX, open_at_s=None if given.all else now_s)
    _print([_told(name, row, now_s) for name, row in found], as_json=given.json)
    if len(found) == AT_ONCE_MAX:
        print(f"the first {AT_ONCE_MAX:,}; there may be more", file=sys.stderr)
    return 0


def _show(given: argparse.Namespace) -> int:
    with _keys_at(given.url) as database:
        name, row = _the_key(database, given)
        AUDIT.ensure(database)
        lines = database.rows(f"{LINES} {table.THE_KEY} ORDER BY id", name)
    told = _told(name, row, time.time())
    told["headers"] = row.answer.headers if row.answer else None
    told["body"] = row.body.decode(errors="replace") if row.body is not None else None
    told["data"] = json.loads(row.data)
    told["audit"] = [json.loads(line) for (line,) in lines]
    for each, value in told.items() if not given.json else ():
        print(f"{each:15}{printable(value)}")
    if given.json:
        print(json.dumps(told, indent=2))
    return 0


def _settle(given: argparse.Namespace) -> int:
    if given.body is not None and given.status is None:
        raise ValueError("--body without --status; allowed: both, --status alone or neither")
    if given.content_type is not None and given.body is None:
        raise ValueError(
            "--content-type without --body; allowed: both, --body alone or neither"
        )
    if given.content_type is not None and not given.content_type.strip():
        raise ValueError(f"--content-type is {given.content_type!r}; allowed: one such as a/b")
    if given.status is not None and not 200 <= given.status <= 599:
        raise ValueError(f"--status is {given.status}; allowed: 200 to 599")
    answer = None
    if given.status is not None:
        kind = CONTENT_TYPE if given.content_type is None else given.content_type
        headers = (("content-type", kind),) if given.body is not None else ()
        answer = KeptAnswer(given.status, headers, (given.body or "").encode())
    _check(answer, by=given.by, why=given.why)
    with _keys_at(given.url) as database:
        name, row = _the_key(database, given)
        if given.dry_run:
            _print([_told(name, row, time.time())], as_json=given.json)
            return 0 if row.state(time.time()) in OPEN else 1
        line = settle(
            database, name, answer, by=given.by, why=given.why, now_s=time.time()
        )  # fmt: skip
    print(json.dumps(line))
    return 0


def _sweep(given: argparse.Namespace) -> int:
    now_s, swept = time.time(), 0
    with _keys_at(given.url) as database:
        expired = table.expired(database, now_s)
        while not given.dry_run and (more := table.sweep(database, now_s, AT_ONCE_MAX)):
            swept += more
    told = {"expired": expired, "swept": swept}
    _print([told], as_json=given.json)
    return 0


def _keys_at(url: str) -> closing[Database]:
    """Open a database that is there: SQLite would make one of a name that is mistyped."""
    file = file_of(url)
    if file is not None and not file.exists():
        raise ValueError(f"url is {url!r}: there is no file {file}")
    return closing(connect(url))


def _the_key(database: Database, given: argparse.Namespace) -> tuple[KeyName, KeyRow]:
    found = table.search(database, AT_ONCE_MAX, account=given.account, key=given.key)
    found = [each for each in found if given.endpoint in (None, each[0].endpoint)]
    if len(found) != 1:
        places = ", ".join(repr(name.endpoint) for name, _ in found)
        raise ValueError(
            f"key is {given.key!r}, of which there are {len(found)}; "
            f"allowed: one, by --endpoint if there are several ({places})"
        )
    return found[0]


def _told(name: KeyName, row: KeyRow, now_s: float) -> dict[str, Any]:
    return {
        **name._asdict(), "state": row.state(now_s), "attempts": row.token,
        "recovery point": row.undecided().recovery_point, "status": row.status,
        "expires": _when(row.expires_s),
    }  # fmt: skip


def _when(time_s: float) -> str:
    if time_s >= BEYOND_S:
        return "after the year 9999"
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="seconds")


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    head = dict(zip(rows[0], rows[0], strict=True)) if rows else {"none": "none"}
    words: list[Mapping[str, str]] = [
        {each: printable(value) for each, value in row.items()} for row in (head, *rows)
    ]
    widths = {each: max(len(row[each]) for row in words) for each in head}
    for row in words:
        print("  ".join(row[each].ljust(width) for each, width in widths.items()).rstrip())


def printable(value: object) -> str:
    """Return what a terminal may be given: a key, or what a service says, may be anything."""
    text = "" if value is None else str(value)
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
