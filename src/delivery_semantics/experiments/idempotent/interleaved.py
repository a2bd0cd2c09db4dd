"""Two copies of one transfer, statement by statement, on two connections to one database.

One statement is let go at a time, in turn, each when all others have come back or wait for a
lock: the order is the same in every run, and who waits and who is refused is the database's
doing. So what is drawn of it is a recording.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass

from ...databases import Database, DatabaseRefused, Row, Value, connect, empty_place
from ...show.lanes import lanes
from ...show.picture import Picture
from ...show.strips import End
from ...show.view import View
from ...systems.gate import TIMEOUT_S
from . import bank
from .banks import AMOUNT, TRANSACTION, A, B, go_on, open_accounts, schema, step_of
from .race import LEVELS, Variant, document, money_at

LOOK_AGAIN_S = 0.005
BLOCKED = "SELECT cardinality(pg_blocking_pids(?))"

WORDS = {
    bank.CLAIM: "claim", bank.KNOWN: "accounts", bank.DEBIT: "debit",
    bank.KEEP: "keep result", bank.STORED: "read result",
}  # fmt: skip
"""What the statements of the mended code are called on paper."""

TABLES = {"balances": (False, False), "balances, unique mark": (True, False),
          "ledger": (False, True)}  # fmt: skip
"""Whether a mark is unique, and whether a change of balance is an inserted row."""
ISOLATION_LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


@dataclass(frozen=True)
class LoggedStatement:
    """A statement of copy 0 or 1: let go at turn ``sent``, and back at turn ``back``.

    ``found`` is what it found or why it was refused.
    """

    copy: int
    words: str
    sent: int
    back: int
    found: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Interleaved:
    """What the copies did, what each caller heard, and how much is in b in the end."""

    statements: tuple[LoggedStatement, ...]
    replies: tuple[str, ...]
    b: int

    @property
    def transfers(self) -> int:
        """How often the money moved."""
        return self.b // AMOUNT

    @property
    def waits(self) -> int:
        """How many statements waited for the other copy."""
        return sum(one.back > one.sent for one in self.statements)


class OneAtATime:
    """Lets one statement go at a time. ``database`` is asked who waits for a lock."""

    def __init__(self, database: Database, pids: Sequence[int]) -> None:
        self._database, self._pids = database, pids
        self._changed = threading.Condition()
        self._where = ["runs"] * len(pids)
        self.now = 0

    @contextmanager
    def statement(self, copy: int) -> Iterator[int]:
        """Wait for a turn, and yield its number."""
        with self._changed:
            self._stand(copy, "stands")
            if not self._changed.wait_for(lambda: self._where[copy] == "runs", TIMEOUT_S):
                raise TimeoutError(f"copy {copy} was not let go within {TIMEOUT_S} s")
            turn = self.now
        yield turn

    def end(self, copy: int) -> None:
        """Say that a copy is done."""
        with self._changed:
            self._stand(copy, "has ended")

    def _stand(self, copy: int, where: str) -> None:
        self._where[copy] = where
        self._changed.notify_all()

    def conduct(self) -> None:
        """Let the copies go in turn, until all have ended."""
        self._settle(*range(len(self._pids)))
        while set(self._where) != {"has ended"}:
            for copy, where in enumerate(self._where):
                if where == "stands":
                    with self._changed:
                        self.now += 1
                        self._stand(copy, "runs")
                    # This one first: what it commits may let others go that waited for it.
                    self._settle(copy, *range(len(self._pids)))

    def _settle(self, *copies: int) -> None:
        """Wait until each of these stands, has ended, or waits for a lock."""
        for copy in copies:
            while not self._rests(copy):
                [(blockers,)] = self._database.rows(BLOCKED, (self._pids[copy],))
                if blockers:
                    break

    def _rests(self, copy: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._where[copy] != "runs", LOOK_AGAIN_S)


class InTurn(Database):
    """A copy's connection: each statement waits for its turn, and is written down."""

    def __init__(self, database: Database, turns: OneAtATime, copy: int) -> None:
        self._database, self._turns, self.number = database, turns, copy
        self.dialect, self.begin = database.dialect, database.begin
        self.statements: list[LoggedStatement] = []

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._database.in_transaction

    def _carry_out(self, statement: str, values: Sequence[Value]) -> tuple[list[Row], int]:
        words = on_paper(statement, values)
        with self._turns.statement(self.number) as sent:
            try:
                rows, changed = self._database._carry_out(statement, values)
            except DatabaseRefused as refusal:
                self._write(words, sent, type(refusal).__name__, refused=True)
                raise
        count = len(rows) if statement.startswith("SELECT") else changed
        said = statement.startswith("SELECT") or count == 0
        self._write(words, sent, f"{count} row{'s' * (count != 1)}" if said else "")
        return rows, changed

    def _write(self, words: str, sent: int, found: str, *, refused: bool = False) -> None:
        made = LoggedStatement(self.number, words, sent, self._turns.now, found, refused)
        self.statements.append(made)

    def wait_at_most(self, seconds: float) -> None:
        """From now on wait so long for a lock."""
        self._database.wait_at_most(seconds)

    def close(self) -> None:
        """Give the connection back."""
        self._database.close()


def on_paper(statement: str, values: Sequence[Value]) -> str:
    """Return a word for a statement of the transfer, as the document's code calls it."""
    verb, _, rest = statement.partition(" ")
    if verb in ("BEGIN", "COMMIT", "ROLLBACK"):
        return verb
    if statement in WORDS:
        return WORDS[statement]
    if "processed" in rest:
        return "check" if verb == "SELECT" else "mark"
    return step_of(next(value for value in values if isinstance(value, int)))


def interleaved(variant: Variant, *, server: str) -> Interleaved:
    """Run two copies of the document's code at ``server``, a PostgreSQL's URL."""
    with empty_place(server) as url:
        open_accounts(url, schema(unique=variant.unique))
        replies, statements = _in_turn(url, document(variant, go_on))
        return Interleaved(statements, replies, money_at(url, ledger=variant.ledger)[B])


def interleaved_mended(*, server: str) -> Interleaved:
    """Run two copies of the mended code."""

    def ask(database: Database) -> str:
        return bank.transfer_money(database, TRANSACTION, A, B, AMOUNT)

    with empty_place(server) as url:
        open_accounts(url, bank.SCHEMA)
        replies, statements = _in_turn(url, ask)
        return Interleaved(statements, replies, money_at(url)[B])


def _in_turn(
    url: str, ask: Callable[[Database], str]
) -> tuple[tuple[str, ...], tuple[LoggedStatement, ...]]:
    with (
        closing(connect(url)) as watch,
        closing(connect(url, lock_timeout_s=TIMEOUT_S)) as one,
        closing(connect(url, lock_timeout_s=TIMEOUT_S)) as other,
    ):
        pids = [database.rows("SELECT pg_backend_pid()")[0][0] for database in (one, other)]
        turns = OneAtATime(watch, pids)
        copies = [InTurn(database, turns, copy) for copy, database in enumerate((one, other))]

        def reply(copy: InTurn) -> str:
            try:
                return ask(copy)
            except DatabaseRefused as refusal:
                return type(refusal).__name__
            finally:
                turns.end(copy.number)

        with ThreadPoolExecutor(len(copies)) as threads:
            replies = threads.map(reply, copies)
            turns.conduct()
            made = [one for copy in copies for one in copy.statements]
            return tuple(replies), tuple(sorted(made, key=lambda one: one.sent))


def interleavings(*, server: str) -> dict[tuple[str, str], Interleaved]:
    """Run every level over each of ``TABLES``."""
    return {
        (level, tables): interleaved(
            Variant(f"{level}, {tables}", f"{LEVELS} {level}", unique, ledger), server=server
        )
        for level in ISOLATION_LEVELS
        for tables, (unique, ledger) in TABLES.items()
    }


def lanes_picture(run: Interleaved, *, title: str) -> Picture:
    """Draw two copies."""
    return lanes(run.statements, run.replies, End("none", "", run.b, AMOUNT), title=title)


def lanes_view(
    runs: Mapping[tuple[str, str], Interleaved], *, level: str, tables: str, seed: int = 0
) -> View:
    """Show what became of two copies at an isolation level, over tables of ``TABLES``."""
    return _view(runs[level, tables], f"At {level}, with {tables}")


def codes_view(runs: Mapping[str, Interleaved], *, code: str, seed: int = 0) -> View:
    """Show what became of two copies of one of several codes."""
    return _view(runs[code], f"Code that {code}")


def _view(run: Interleaved, where: str) -> View:
    refused = sum(one.refused for one in run.statements)
    times = "once" if run.transfers == 1 else f"{run.transfers} times"
    return View(
        lanes_picture(run, title=f"{where}: two copies"),
        {
            "waits": run.waits,
            "refused": refused,
            "money expected": AMOUNT,
            "money there": run.b,
        },
        f"{where}: the money moved {times}. Copies that had to wait: {run.waits}. "
        f"Copies that were refused: {refused}.",
    )
