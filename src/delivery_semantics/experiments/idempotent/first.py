"""The document's first ``transfer_money``, on accounts that a bank keeps.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Bank(Protocol):
    """Where balances are, and the ids that were processed."""

    def add(self, name: str, amount: int) -> None:
        """Change one account's balance, in one indivisible step."""

    def already_processed(self, transaction_id: str) -> bool:
        """Look for the mark."""

    def mark_processed(self, transaction_id: str) -> None:
        """Make the mark."""


@dataclass(frozen=True)
class Balance:
    """What ``balance -= 10`` would change, until it is assigned."""

    change: int = 0

    def __add__(self, amount: int) -> Balance:
        """Return the change of ``+ amount``."""
        return Balance(self.change + amount)

    def __sub__(self, amount: int) -> Balance:
        """Return the change of ``- amount``."""
        return Balance(self.change - amount)


class Account:
    """An account whose ``balance -= 10`` is one statement of its bank.

    Kinder than Python's own attribute would be, which is read first and written later, so that
    two copies at once could lose one of the changes.
    """

    def __init__(self, bank: Bank, name: str) -> None:
        self._bank, self._name = bank, name

    @property
    def balance(self) -> Balance:
        """The balance, to be changed."""
        return Balance()

    @balance.setter
    def balance(self, changed: Balance) -> None:
        self._bank.add(self._name, changed.change)


def transfer_money(from_acc: Account, to_acc: Account, amount: int) -> None:
    """As in the document, line by line."""
    from_acc.balance -= amount
    to_acc.balance += amount
