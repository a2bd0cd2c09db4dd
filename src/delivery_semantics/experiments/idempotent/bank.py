"""A transfer that may be asked for any number of times and happens once.

Four decisions make it so. The claim of the id is an insert into a unique column, not a question
before an answer: of two copies, the database lets one pass. The claim, both changes of balance
and the result are one transaction, so no crash falls between them. The result is stored, and
every later copy is told the same. And an id belongs to one transfer: with another amount or
other accounts it is an error.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from ...core.check import at_least
from ...databases import Database, Schema

SCHEMA = Schema(
    "bank",
    1,
    (
        "CREATE TABLE accounts (name TEXT PRIMARY KEY, balance BIGINT NOT NULL)",
        "CREATE TABLE transfers (id TEXT PRIMARY KEY, from_account TEXT NOT NULL, "
        "to_account TEXT NOT NULL, amount BIGINT NOT NULL, result TEXT)",
    ),
)

CLAIM = "INSERT INTO transfers VALUES (?, ?, ?, ?, NULL) ON CONFLICT (id) DO NOTHING"
DEBIT = "UPDATE accounts SET balance = balance - ? WHERE name = ? AND balance >= ?"
CREDIT = "UPDATE accounts SET balance = balance + ? WHERE name = ?"
KEEP = "UPDATE transfers SET result = ? WHERE id = ?"
KNOWN = "SELECT name FROM accounts WHERE name IN (?, ?)"
STORED = "SELECT from_account, to_account, amount, result FROM transfers WHERE id = ?"

TRANSFERRED = "transferred"
NO_FUNDS = "refused: insufficient funds"
ID_LENGTH_MAX = 255


class IdInUse(ValueError):
    """The transaction id belongs to a transfer with other parameters."""


def transfer_money(
    database: Database, transaction_id: str, from_account: str, to_account: str, amount: int
) -> str:
    """Move ``amount`` once for this id; return TRANSFERRED or NO_FUNDS, each time the same.

    Raises IdInUse, and ValueError for other bad input; neither leaves a trace. After a
    DatabaseRefused, or without an answer, ask again with the same id: also if the connection
    was lost at the commit, and nobody knows whether it took place.
    """
    _check(transaction_id, from_account, to_account, amount)
    with database.transaction():
        asked = (from_account, to_account, amount)
        if not database.change(CLAIM, (transaction_id, *asked)):
            return _stored(database, transaction_id, asked)
        result = _move(database, *asked)
        database.change(KEEP, (result, transaction_id))
        return result


def _move(database: Database, from_account: str, to_account: str, amount: int) -> str:
    known = {name for (name,) in database.rows(KNOWN, (from_account, to_account))}
    for name in (from_account, to_account):
        if name not in known:  # the claim is rolled back: the id is free to be used again
            raise ValueError(f"account is {name!r}; allowed: the name of an account")
    if not database.change(DEBIT, (amount, from_account, amount)):
        return NO_FUNDS
    database.change(CREDIT, (amount, to_account))
    return TRANSFERRED


def _stored(database: Database, transaction_id: str, asked: tuple[str, str, int]) -> str:
    [(*before, result)] = database.rows(STORED, (transaction_id,))
    if tuple(before) != asked:
        raise IdInUse(
            f"transaction_id is {transaction_id!r}, which was {before[2]} from {before[0]} "
            f"to {before[1]}; allowed: the same transfer again, or an id of its own"
        )
    return str(result)


def _check(transaction_id: str, from_account: str, to_account: str, amount: int) -> None:
    at_least("amount", amount, 1)
    if not 0 < len(transaction_id) <= ID_LENGTH_MAX:
        raise ValueError(
            f"transaction_id is {transaction_id!r}; allowed: 1 to {ID_LENGTH_MAX} characters"
        )
    if from_account == to_account:
        raise ValueError(f"to_account is {to_account!r}; allowed: another than from_account")
