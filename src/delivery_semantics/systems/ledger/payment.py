"""A payment, as it travels from the button to the card.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ..payments.parameters import AMOUNT_MAX, SOURCE

ORDER = r"[A-Za-z0-9_ -]{1,64}"


@dataclass(frozen=True)
class Payment:
    """``amount`` cents for the order ``order``, from the card whose token is ``card``.

    ``card_key`` is the idempotency key for the card processor, once it was derived.
    Raises ValueError for a field that is not as it must be.
    """

    order: str
    amount: int
    card: str
    card_key: str = ""

    def __post_init__(self) -> None:
        if not (isinstance(self.order, str) and re.fullmatch(ORDER, self.order)):
            raise ValueError(f"order is {self.order!r}; allowed: 1 to 64 letters and digits")
        if type(self.amount) is not int or not 0 < self.amount <= AMOUNT_MAX:
            raise ValueError(f"amount is {self.amount!r}; allowed: 1 to {AMOUNT_MAX}")
        if not (isinstance(self.card, str) and re.fullmatch(SOURCE, self.card)):
            raise ValueError(f"card is {self.card!r}; allowed: a token, such as tok_visa")

    @classmethod
    def read(cls, text: str | bytes) -> Payment:
        """Read a payment from JSON. Raises ValueError."""
        try:
            return cls(**json.loads(text))
        except (TypeError, RecursionError) as error:
            raise ValueError("allowed: an object with order, amount and card") from error
