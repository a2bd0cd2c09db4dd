"""Transfers in processes, killed with SIGKILL before each of their steps in turn.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ...databases import empty_place
from ...live.standing import Standing
from ...show.strips import End
from . import bank
from .banks import AMOUNT, OPENING, A, B, balances, open_accounts
from .banks import schema as document_schema
from .process import REPLY, make_transfer

LOADED_BEFORE = ("delivery_semantics.databases.postgres",)

DOCUMENTS = ("first", "second")
"""The codes that need the document's tables."""


class Transfer(Standing):
    """One transfer in a process, which stands before its next ``step``."""

    def __init__(self, code: str, store: str, receipts: Path) -> None:
        super().__init__(make_transfer, code, store, receipts, load=LOADED_BEFORE)
        self.step = self.go_on()

    def go_on(self) -> str:
        """Let it do its step, and return what it says then: the next step, or its reply."""
        self.step = str(self.next())
        return self.step

    def finish(self) -> str:
        """Let it do all that is left, and return its reply."""
        while self.step != REPLY:
            self.go_on()
        return self.go_on()


@dataclass(frozen=True)
class KilledTransfer:
    """A transfer killed before ``step``, what it left, and what a retry made of it."""

    code: str
    step: str
    left: dict[str, int]
    after_retry: dict[str, int]
    reply: str
    receipts: int

    @property
    def transfers(self) -> int:
        """How often the money arrived."""
        return self.after_retry[B] // AMOUNT

    @property
    def money(self) -> int:
        """All the money there is, after the retry."""
        return sum(self.after_retry.values())


@contextmanager
def place(code: str, server: str) -> Iterator[tuple[str, Path]]:
    """Yield a database with both accounts, and a file for receipts, for one run."""
    with empty_place(server) as url, TemporaryDirectory() as folder:
        receipts = Path(folder) / "receipts.txt"
        receipts.touch()
        tables = document_schema(unique=True) if code in DOCUMENTS else bank.SCHEMA
        open_accounts(url, tables)
        yield url, receipts


def killed_before(number: int, code: str, *, server: str = "") -> KilledTransfer:
    """Kill a transfer before its step ``number``, from 0; restart it, and count.

    Raises IndexError if it has fewer steps: then it was not killed.
    """
    with place(code, server) as (url, receipts):
        with Transfer(code, url, receipts) as killed:
            for _ in range(number):
                if killed.step == REPLY:
                    raise IndexError(f"number is {number}; {code!r} has fewer steps")
                killed.go_on()
            step = killed.step
        left = balances(url)
        with Transfer(code, url, receipts) as retried:
            reply = retried.finish()
        printed = len(receipts.read_text(encoding="utf-8").splitlines())
        return KilledTransfer(code, step, left, balances(url), reply, printed)


def killed_everywhere(code: str, *, server: str = "", since: str = "") -> list[KilledTransfer]:
    """Kill a transfer before each of its steps in turn, each on a database of its own.

    With ``since``, only those from that step on are returned. Raises ValueError for a step
    that the code does not have.
    """
    steps = steps_of(code, server=server)
    if since and since not in steps:
        raise ValueError(f"since is {since!r}; allowed: {', '.join(steps)}")
    numbers = range(steps.index(since) if since else 0, len(steps))
    return [killed_before(number, code, server=server) for number in numbers]


def steps_of(code: str, *, server: str = "") -> list[str]:
    """Let a transfer go on to its end, and return all its steps."""
    with place(code, server) as (url, receipts), Transfer(code, url, receipts) as watched:
        steps = [watched.step]
        while watched.step != REPLY:
            steps.append(watched.go_on())
    return steps


def paid_and_got(found: list[KilledTransfer]) -> dict[str, list[End]]:
    """Return what a has paid and what b has got in the end, for each place of a kill."""

    def row(moved: Callable[[KilledTransfer], int]) -> list[End]:
        return [End("killed", f"before {one.step}", moved(one), AMOUNT) for one in found]

    return {
        "a has paid": row(lambda one: OPENING[A] - one.after_retry[A]),
        "b has got": row(lambda one: one.after_retry[B] - OPENING[B]),
    }
