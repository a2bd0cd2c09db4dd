"""Eight copies of one transfer at once: real threads, held at the worst moment.

A race that depends on luck hides in a test and shows in production. So the copies meet at a
barrier: each has looked for the mark, none has written yet. From there on they run freely, and
what becomes of them is the database's doing, the same on every machine.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass

from ...databases import Connections, Database, DatabaseRefused, connect, empty_place
from ...show.picture import how_many
from ...show.plots import bars, money
from ...show.view import View
from ...systems.gate import TIMEOUT_S, Gate
from . import bank
from .banks import (
    AMOUNT, OPENING, TRANSACTION, A, B, Before, DatabaseBank, LedgerBank, MemoryBank,
    balances, go_on, open_accounts, schema,
)  # fmt: skip
from .first import Account
from .second import at, transfer_money

COPIES = 8


@dataclass(frozen=True)
class Race:
    """What became of the copies; ``replies`` holds for each what its caller heard."""

    a: int
    b: int
    marks: int
    replies: tuple[str, ...]

    @property
    def transfers(self) -> int:
        """How often the money moved."""
        return self.b // AMOUNT

    @property
    def refused(self) -> str:
        """The errors by their names."""
        errors = Counter(reply for reply in self.replies if reply not in ANSWERS)
        return ", ".join(f"{times} {name}" for name, times in sorted(errors.items())) or "none"

    @property
    def equal_replies(self) -> int:
        """How many callers heard the same answer; an error is none."""
        answers = Counter(reply for reply in self.replies if reply in ANSWERS)
        return max(answers.values(), default=0)


DONE = "returned"
"""What a caller of the document's code hears: it returns, and returns nothing."""
ANSWERS = (DONE, bank.TRANSFERRED, bank.NO_FUNDS)


def meet_before(wanted: str, copies: int) -> Before:
    """Return what holds each copy before this step until all ``copies`` are there."""
    gate = Gate(f"“{wanted}”", opens_at=copies)

    def before(step: str) -> None:
        if step == wanted:
            gate.enter()

    return before


def at_once(copies: int, ask: Callable[[], str]) -> tuple[str, ...]:
    """Call ``ask`` in as many threads at once; an error raised by one is raised here.

    A refusal by the database is a reply as well: its name.
    """

    def reply(_: int) -> str:
        try:
            return ask()
        except DatabaseRefused as refusal:
            return type(refusal).__name__

    with ThreadPoolExecutor(copies) as threads:
        return tuple(threads.map(reply, range(copies)))


def in_memory(*, copies: int = COPIES, together: bool = True) -> Race:
    """Run the document's code in memory; not ``together``, one copy follows the other."""
    before = meet_before("debit", copies) if together else go_on
    shared = MemoryBank(before)

    def ask() -> str:
        with at(shared):
            transfer_money(TRANSACTION, Account(shared, A), Account(shared, B), AMOUNT)
        return DONE

    replies = at_once(copies, ask) if together else tuple(ask() for _ in range(copies))
    return Race(shared.balances[A], shared.balances[B], len(shared.marks), replies)


# In a database ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Variant:
    """The document's code in a database; ``begin`` is empty for one statement at a time.

    With ``ledger`` a change of balance is an inserted row, and no row is written twice.
    """

    name: str
    begin: str
    unique: bool
    ledger: bool = False


LEVELS = "BEGIN ISOLATION LEVEL"
ON_SQLITE = (
    Variant("each statement by itself", "", unique=False),
    Variant("each statement by itself, unique mark", "", unique=True),
    Variant("BEGIN", "BEGIN DEFERRED", unique=False),
)
ON_POSTGRESQL = (
    Variant("READ COMMITTED", f"{LEVELS} READ COMMITTED", unique=False),
    Variant("READ COMMITTED, unique mark", f"{LEVELS} READ COMMITTED", unique=True),
    Variant("REPEATABLE READ", f"{LEVELS} REPEATABLE READ", unique=False),
    Variant("SERIALIZABLE", f"{LEVELS} SERIALIZABLE", unique=False),
)


def document(variant: Variant, before: Before) -> Callable[[Database], str]:
    """Return what makes one copy's transfer on a connection, and says what its caller hears."""
    kind = LedgerBank if variant.ledger else DatabaseBank

    def ask(database: Database) -> str:
        here = kind(database, before)
        transaction: AbstractContextManager[None] = (
            database.transaction(variant.begin) if variant.begin else nullcontext()
        )
        with at(here), transaction:
            transfer_money(TRANSACTION, Account(here, A), Account(here, B), AMOUNT)
        return DONE

    return ask


def document_race(variant: Variant, *, server: str = "", copies: int = COPIES) -> Race:
    """Run the document's code, every copy on its own connection; see ``empty_place``."""
    ask = document(variant, meet_before("debit", copies))
    with empty_place(server) as url:
        open_accounts(url, schema(unique=variant.unique))
        return _race(url, copies, ask, "processed", ledger=variant.ledger)


def mended_race(
    *, server: str = "", copies: int = COPIES, amounts: Sequence[int] = (AMOUNT,)
) -> Race:
    """Run the mended code, all copies from one start; copy n asks for amount n, in turn."""
    start = Gate("the start", opens_at=copies)
    turn = iter([amounts[n % len(amounts)] for n in range(copies)])

    def ask(database: Database) -> str:
        amount = next(turn)
        start.enter()
        try:
            return bank.transfer_money(database, TRANSACTION, A, B, amount)
        except bank.IdInUse as error:
            return type(error).__name__

    with empty_place(server) as url:
        open_accounts(url, bank.SCHEMA)
        return _race(url, copies, ask, "transfers")


def _race(
    url: str, copies: int, ask: Callable[[Database], str], marked_in: str, *,
    ledger: bool = False,
) -> Race:  # fmt: skip
    with closing(Connections(url, lock_timeout_s=TIMEOUT_S)) as connections:
        replies = at_once(copies, lambda: ask(connections.here()))
        [(marks,)] = connections.here().rows(f"SELECT count(*) FROM {marked_in}")
    left = money_at(url, ledger=ledger)
    return Race(left[A], left[B], marks, replies)


def money_at(url: str, *, ledger: bool = False) -> Counter[str]:
    """Count what each account has, with the entries of a ledger."""
    left: Counter[str] = Counter(balances(url))
    if ledger:
        with closing(connect(url)) as database:
            for name, amount in database.rows("SELECT name, amount FROM entries"):
                left[name] += amount
    return left


def races(*, server: str, copies: int = COPIES) -> dict[str, Race]:
    """Run every variant on both databases; ``server`` is a PostgreSQL's URL."""
    found: dict[str, Race] = {}
    places = (("SQLite", "", ON_SQLITE), ("PostgreSQL", server, ON_POSTGRESQL))
    for name, place, variants in places:
        for variant in variants:
            found[f"{name}, {variant.name}"] = document_race(
                variant, server=place, copies=copies
            )
        found[f"{name}, mended"] = mended_race(server=place, copies=copies)
    return found


def race_view(found: Mapping[str, Race], *, code: str, seed: int = 0) -> View:
    """Show the money of one race, and what its callers heard."""
    race = found[code]
    copies = len(race.replies)
    refused = sum(reply not in ANSWERS for reply in race.replies)
    heard = {"the same answer": race.equal_replies, "an error": refused}
    return View(
        (
            money(
                {"arrived in b": (AMOUNT, race.b)},
                title=f"{copies} copies of one transfer of {AMOUNT}",
                x=f"money; a began with {OPENING[A]}, b with {OPENING[B]}",
                x_max=float(AMOUNT * copies),
            ),
            bars(
                {"callers": heard},
                title=f"What the {copies} callers heard",
                x="callers",
                stacked=True,
                x_max=float(copies),
                hues={"the same answer": "good", "an error": "fault"},
            ),
        ),
        {
            "transfers": race.transfers,
            "marks": race.marks,
            "refused": refused,
            "money expected": AMOUNT,
            "money there": race.b,
        },
        f"{code}: {copies} copies at once made "
        f"{how_many(race.transfers, 'transfer')}. Errors that callers heard: {race.refused}.",
    )
