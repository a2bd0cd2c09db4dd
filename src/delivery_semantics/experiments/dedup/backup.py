"""A receiver on a real SQLite file, its crashes within a transaction, and its backup.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from ...core.check import one_of
from ...databases import Database, Locked, Schema, connect
from ...dedup import DedupStore, InDatabase, InMemory
from ...show.plots import money
from ...show.tables import Table, table
from ...show.view import View

ACCOUNT = Schema("account", 1, ("CREATE TABLE account (balance BIGINT NOT NULL)",
                                "INSERT INTO account VALUES (0)"))  # fmt: skip
AMOUNT = 10


class Stopped(Exception):
    """Stands for a crash: nothing of the block after it happens."""


@dataclass
class Teller:
    """Pays into an account, once for each id; ``charged`` are calls to another company.

    The ids and the account may live in one database, or in one each.
    """

    ids: Database
    account: Database
    charged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        ACCOUNT.ensure(self.account)
        self.store = InDatabase(self.ids)

    def pay(self, id: str, now_s: float = 0.0, *, stop: bool = False) -> None:
        """Pay in and remember the id, in one transaction if there is one database.

        ``stop`` crashes after the id is remembered and before the money is there.
        """
        with self.ids.transaction():
            if self.store.first_time(id, now_s):
                if stop:
                    raise Stopped
                self.charged.append(id)
                self.account.change("UPDATE account SET balance = balance + ?", (AMOUNT,))

    def pay_divided(self, id: str, now_s: float = 0.0, *, stop: bool = False) -> None:
        """Do the same without a transaction: the id is remembered at once."""
        if self.store.first_time(id, now_s):
            if stop:
                raise Stopped
            self.charged.append(id)
            self.account.change("UPDATE account SET balance = balance + ?", (AMOUNT,))

    @property
    def balance(self) -> int:
        """The money that is there."""
        return int(self.account.rows("SELECT balance FROM account")[0][0])


@contextmanager
def teller(folder: Path, *, separate: bool = False) -> Iterator[Teller]:
    """Open the files of a teller in a folder, and close them at the end."""
    ids = connect(f"sqlite:///{folder / 'ids.db'}")
    account = connect(f"sqlite:///{folder / 'account.db'}") if separate else ids
    try:
        yield Teller(ids, account)
    finally:
        ids.close()
        account.close()


def stopped_in_between() -> Table:
    """Stop a payment between its id and its money, then let the sender retry."""
    there = {}
    for name, divided in (("in one transaction", False), ("one after the other", True)):
        with TemporaryDirectory() as folder, teller(Path(folder)) as made:
            pay = made.pay_divided if divided else made.pay
            with suppress(Stopped):
                pay("abc123", stop=True)
            pay("abc123")
            there[name] = made.balance
    return table(
        {"money expected": [AMOUNT] * len(there), "money there": list(there.values())},
        rows=there,
        rows_name="id and money",
        caption="Stopped between the two, then retried",
    )


def asked_in_between() -> Table:
    """Let a copy arrive while the first is in progress, which then fails; let the sender retry.

    Answers are those of the stores: in memory, and a second connection to a SQLite file.
    """
    memory = InMemory()
    memory.first_time("abc123", 0.0)
    answers = {"in memory": [_said(memory), _said(memory)]}
    with TemporaryDirectory() as folder, teller(Path(folder)) as first:
        second = connect(f"sqlite:///{Path(folder) / 'ids.db'}", lock_timeout_s=0)
        with closing(second):
            store = InDatabase(second)
            with suppress(Stopped), first.ids.transaction():
                first.store.first_time("abc123", 0.0)
                meanwhile = _said(store)
                raise Stopped
            answers["in the database"] = [meanwhile, _said(store)]
    during, later = zip(*answers.values(), strict=True)
    return table(
        {"a copy, meanwhile": list(during), "a copy, after it failed": list(later)},
        rows=answers,
        rows_name="ids are kept",
        caption="The first copy is in progress, and then it fails",
    )


def _said(store: DedupStore) -> str:
    try:
        return "new: process it" if store.first_time("abc123", 1.0) else "a copy: only ack it"
    except Locked:
        return "not known yet: no ack"


# Restored from a backup -------------------------------------------------------------------

RESTORED = {
    "both, from one backup": ("ids.db", "account.db"),
    "only the ids": ("ids.db",),
    "only the account": ("account.db",),
}
"""Which files are replaced by their copies of some time ago."""

BEFORE, AFTER = ("1", "2", "3", "4", "5"), ("6", "7", "8")


def restore(files: tuple[str, ...], *, replay: bool = True) -> tuple[int, int, int]:
    """Pay five, back up, pay three, lose these files and restore them, replay the three.

    Return the money expected, the money there, and how often the other company was called.
    Ids and account are separate files, so that either can be restored without the other.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        with teller(folder, separate=True) as made:
            charged = made.charged
            for id in BEFORE:
                made.pay(id)
            for database, file in ((made.ids, "ids.db"), (made.account, "account.db")):
                database.rows("VACUUM INTO ?", (str(folder / f"{file}.backup"),))
            for id in AFTER:
                made.pay(id)
        for file in files:
            for suffix in ("-wal", "-shm"):
                (folder / f"{file}{suffix}").unlink(missing_ok=True)
            (folder / f"{file}.backup").replace(folder / file)
        with teller(folder, separate=True) as again:
            for id in AFTER if replay else ():
                again.pay(id)
            expected = AMOUNT * (len(BEFORE) + len(AFTER))
            return expected, again.balance, len(charged) + len(again.charged)


NOBODY_REPLAYS = "both, but nobody replays"
WAYS = (*RESTORED, NOBODY_REPLAYS)
"""The ways to restore, with and without senders that replay."""


@cache
def restored(way: str) -> tuple[int, int, int]:
    """Restore in one of ``WAYS``, as ``restore`` does. Raises ValueError for another."""
    one_of("way", way, WAYS)
    replay = way != NOBODY_REPLAYS
    return restore(RESTORED[way] if replay else ("ids.db", "account.db"), replay=replay)


def restored_view(*, way: str, seed: int = 1) -> View:
    """Show the account and the cards after a disk was lost and restored."""
    expected, there, calls = restored(way)
    cards = AMOUNT * calls
    rows = {"in the account": (expected, there), "taken from cards": (expected, cards)}
    return View(
        money(rows, title=f"Restored: {way}", x="money, after eight payments of 10",
              x_max=120.0),
        {"money expected": expected, "money there": there, "from cards": cards},
        f"Restored: {way}. In the account are {there} of {expected}; the other company was "
        f"called {calls} times.",
    )  # fmt: skip
