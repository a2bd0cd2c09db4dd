"""One transfer in a process of its own, which stands still before each of its steps.

Whoever started it lets it go on, or kills it exactly there. Its last word is the reply, and
where that is still unsaid it stands before the step "reply".

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...databases import Database, connect
from ...databases.announced import Announced
from ...live.standing import Announcer
from . import bank
from . import first as idempotent_first
from . import second as idempotent_second
from .banks import AMOUNT, TRANSACTION, A, B, Before, DatabaseBank
from .first import Account

REPLY = "reply"


def first(database: Database, stand: Before, _: Path) -> str:
    """Transfer with the document's first code."""
    here = DatabaseBank(database, stand)
    idempotent_first.transfer_money(Account(here, A), Account(here, B), AMOUNT)
    return "returned"


def second(database: Database, stand: Before, _: Path) -> str:
    """Transfer with the document's second code."""
    here = DatabaseBank(database, stand)
    with idempotent_second.at(here):
        idempotent_second.transfer_money(
            TRANSACTION, Account(here, A), Account(here, B), AMOUNT
        )
    return "returned"


def claim_first(database: Database, stand: Before, _: Path) -> str:
    """Transfer with the mended code."""
    return bank.transfer_money(Announced(database, stand), TRANSACTION, A, B, AMOUNT)


def receipt_after(database: Database, stand: Before, receipts: Path) -> str:
    """Transfer with the mended code, then print a receipt.

    It stands for what takes no key and cannot be undone: a line on paper.
    """
    reply = claim_first(database, stand, receipts)
    stand("receipt")
    with receipts.open("a", encoding="utf-8") as paper:
        paper.write(f"{TRANSACTION}: {AMOUNT} from {A} to {B}\n")
    return reply


CODE: dict[str, Callable[[Database, Before, Path], str]] = {
    "first": first,
    "second": second,
    "mended": claim_first,
    "receipt after": receipt_after,
}


def make_transfer(code: str, store: str, receipts: Path, announcer: Announcer) -> None:
    """Make one transfer, stand before each of its steps, and say its reply."""
    database = connect(store)
    reply = CODE[code](database, announcer.stand, receipts)
    announcer.stand(REPLY)
    database.close()
    announcer.say(reply)
