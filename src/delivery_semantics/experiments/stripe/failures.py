"""A card processor that gives no answer, and a client that asks three times.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from ...show.plots import money
from ...show.view import View
from ...systems.http.client import ask
from .kills import moved
from .lab import lab, processor
from .live import PAYMENT, charge
from .profiles import PROFILES

LOST = ("request", "reply")
"""What is lost between the service and the processor."""
KEYS = {"key k": "k", "key k again": "k", "a new key": "new"}
"""The three attempts, and the key of each."""


TIMES = ("never", "once", "twice")


class ToldAttempt(NamedTuple):
    """What an attempt was told, and how often the processor had moved the money then."""

    status: int
    replayed: bool
    moved: int


@cache
def three_attempts(profile: str, lost: str) -> tuple[ToldAttempt, ...]:
    """Charge with a key, with it again, and with a new one; the processor answers but once."""
    made = []
    with (
        processor(lose={(lost, 1)}) as card,
        lab(card=card, profile=PROFILES[profile]) as service,
    ):
        for key in KEYS.values():
            answer = ask(service.url, charge(key))
            replayed = bool(answer.header("Idempotent-Replayed"))
            made.append(ToldAttempt(answer.status, replayed, moved(card)))
    return tuple(made)


def failure_view(*, profile: str, lost: str, seed: int = 1) -> View:
    """Show what each attempt is told, and what the processor has moved by then."""
    made = three_attempts(profile, lost)
    rows, says = {}, []
    for name, one in zip(KEYS, made, strict=True):
        said = f"{name}: {one.status}{', replayed' if one.replayed else ''}"
        rows[said] = (PAYMENT.amount, PAYMENT.amount * one.moved)
        says.append(f"{said}, moved {TIMES[one.moved]}")
    return View(
        money(
            rows, title=f"{profile}: the processor's {lost} is lost",
            x="moved at the processor, after each attempt", x_max=2.0 * PAYMENT.amount,
        ),
        {
            "money expected": PAYMENT.amount,
            "money there": PAYMENT.amount * made[-1].moved,
        },
        f"{profile}, the processor's {lost} lost. {'; '.join(says)}.",
    )  # fmt: skip
