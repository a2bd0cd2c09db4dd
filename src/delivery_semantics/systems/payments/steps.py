"""The steps of a charge, as points at which somebody may look on, or pull the plug.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Callable

STEPS = (
    "received", "claimed", "charge written", "charge committed", "card asked", "card answered",
    "result written", "result committed", "replying", "replied",
)  # fmt: skip
"""In their order. A service without a card processor has one transaction, and passes neither
"charge committed" nor the two about the card."""

Announce = Callable[[str], object]
"""Called at each step, with its name; the service goes on when it returns."""


def unobserved(step: str) -> None:
    """Tell nobody."""
