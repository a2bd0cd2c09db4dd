"""One transfer in a process of its own, which stands still before each of its steps.

    python -m delivery_semantics.experiments.idempotent.process second --store sqlite:///bank.sqlite

It prints the step that comes next and waits for a line on its standard input. Whoever started
it may answer, or kill it exactly there. Its last line is the reply, and where that is still
unsaid it stands before the step "reply".

Book: 06-idempotent-operations
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from ...databases import Database, connect
from . import bank
from . import first as idempotent_first
from . import second as idempotent_second
from .announced import Announced
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


def mended(database: Database, stand: Before, _: Path) -> str:
    """Transfer with the mended code."""
    return bank.transfer_money(Announced(database, stand), TRANSACTION, A, B, AMOUNT)


def receipt_after(database: Database, stand: Before, receipts: Path) -> str:
    """Transfer with the mended code, then print a receipt.

    It stands for what takes no key and cannot be undone: a line on paper.
    """
    reply = mended(database, stand, receipts)
    stand("receipt")
    with receipts.open("a", encoding="utf-8") as paper:
        paper.write(f"{TRANSACTION}: {AMOUNT} from {A} to {B}\n")
    return reply


CODE: dict[str, Callable[[Database, Before, Path], str]] = {
    "first": first,
    "second": second,
    "mended": mended,
    "receipt after": receipt_after,
}


def run(code: str, store: str, receipts: Path, stand: Before) -> str:
    """Make one transfer and return its reply; ``stand`` is called before each step."""
    database = connect(store)
    reply = CODE[code](database, stand, receipts)
    stand(REPLY)
    database.close()
    return reply


def stand_on_pipe(code: str, store: str, receipts: Path, pipe: Connection) -> None:
    """Make one transfer in a process that somebody has forked, who holds the other end."""

    def stand(step: str) -> None:
        pipe.send(step)
        try:
            pipe.recv()
        except EOFError:  # nobody is there any more to let it go on
            os._exit(1)

    pipe.send(run(code, store, receipts, stand))


def stand_on_input(step: str) -> None:
    """Print a step and wait for a line; end where nobody is there any more to write one."""
    print(step, flush=True)
    if not sys.stdin.readline():
        os._exit(1)


def main() -> None:
    """Make one transfer."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("code", choices=CODE)
    parser.add_argument("--store", required=True, help="sqlite:///FILE or postgresql://…")
    parser.add_argument("--receipts", type=Path, default=Path(os.devnull), help="a file")
    asked = parser.parse_args()
    print(run(asked.code, asked.store, asked.receipts, stand_on_input), flush=True)


if __name__ == "__main__":
    main()
