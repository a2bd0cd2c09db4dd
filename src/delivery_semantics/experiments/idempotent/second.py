"""The document's second ``transfer_money``, which it calls idempotent.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .first import Account, Bank

_BANK: ContextVar[Bank] = ContextVar("bank")  # each thread has its own


@contextmanager
def at(bank: Bank) -> Iterator[None]:
    """Within the block and this thread, the document's two helpers ask this bank."""
    token = _BANK.set(bank)
    try:
        yield
    finally:
        _BANK.reset(token)


def already_processed(transaction_id: str) -> bool:
    """Look for the mark, at the bank of ``at``."""
    return _BANK.get().already_processed(transaction_id)


def mark_processed(transaction_id: str) -> None:
    """Make the mark, at the bank of ``at``."""
    _BANK.get().mark_processed(transaction_id)


def transfer_money(
    transaction_id: str, from_acc: Account, to_acc: Account, amount: int
) -> None:
    """As in the document, line by line."""
    if already_processed(transaction_id):
        return  # Skip duplicate
    from_acc.balance -= amount
    to_acc.balance += amount
    mark_processed(transaction_id)


def in_steps(
    transaction_id: str, from_acc: Account, to_acc: Account, amount: int
) -> Generator[None, None, None]:
    """The same lines with a ``yield`` wherever time may pass."""
    if already_processed(transaction_id):
        return
    yield
    from_acc.balance -= amount
    yield
    to_acc.balance += amount
    yield
    mark_processed(transaction_id)
