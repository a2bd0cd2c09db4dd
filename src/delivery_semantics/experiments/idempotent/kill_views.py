"""Transfers that were killed, one place at a time, and several versions side by side.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...show.diagram.paper import text_width
from ...show.picture import Picture, draw, path, polyline, rect, text
from ...show.plots import money
from ...show.strips import kill_strip
from ...show.strips.signs import fault_sign
from ...show.view import View
from .banks import AMOUNT, OPENING, A, B
from .kills import KilledTransfer, paid_and_got

Killed = list[KilledTransfer]

_PAD, _BOLT, _HIGH = 8, 24, 26


def killed_view(killed: Killed, *, before: str, seed: int = 0) -> View:
    """Show where a transfer was killed, and the money after a retry."""
    one = _at(killed, before)
    (paid, got), (paid_then, got_then) = _moved(one.after_retry), _moved(one.left)
    return View(
        (
            struck_picture([each.step for each in killed], before),
            money(
                {"a has paid": (AMOUNT, paid), "b has got": (AMOUNT, got)},
                title="After the retry",
                x="money",
                x_max=2.0 * AMOUNT,
            ),
        ),
        {"money expected": AMOUNT, "paid by a": paid, "there in b": got},
        f"Killed before {before}, a has paid {paid_then} and b has got {got_then}. After the "
        f"retry a has paid {paid} and b has got {got}.",
    )


def receipts_view(killed: Killed, *, before: str, seed: int = 0) -> View:
    """Show the money and the receipts on paper after a kill and a retry."""
    one = _at(killed, before)
    return View(
        (
            struck_picture([each.step for each in killed], before),
            money(
                {"money in b": (AMOUNT, one.after_retry[B])},
                title="The transfer", x="money, after the retry", x_max=2.0 * AMOUNT,
            ),
            money(
                {"receipts": (1, one.receipts)},
                title="The paper", x="receipts, after the retry", x_max=2.0,
            ),
        ),
        {"money expected": AMOUNT, "money there": one.after_retry[B], "receipts": one.receipts},
        f"Killed before {before}: one transfer of {one.after_retry[B]}, and receipts printed: "
        f"{one.receipts}.",
    )  # fmt: skip


def versions_view(
    versions: Mapping[str, Killed], *, version: str, side: str, seed: int = 0
) -> View:
    """Show a version, killed before each of its steps, and one ``side`` of its transfer."""
    killed = versions[version]
    ends = paid_and_got(killed)[side]
    wrong = sum(end.money != end.expected for end in ends)
    return View(
        kill_strip({side: ends}, title=f"{version}: killed before each step"),
        {"killed before": f"{len(killed)} steps", "wrong in the end": wrong},
        f"{version}: killed before each of its {len(killed)} steps and asked again. "
        f"“{side}” is wrong after {wrong} of the {len(killed)} kills.",
    )


def struck_picture(steps: Sequence[str], before: str) -> Picture:
    """Draw the steps from left to right, those that were done filled, and a bolt ``before``."""
    parts, x = [], 1.0
    done = True
    for step in steps:
        if step == before:
            parts += fault_sign("killed")(x + _BOLT / 2 - 4, _HIGH / 2 + 2)
            done = False
        x += _BOLT
        wide = round(text_width(step)) + 2 * _PAD
        hue = "good" if done else "muted"
        parts.append(rect(x, 2, wide, _HIGH, stroke=hue))
        parts.append(text(step, x + wide / 2, 20, anchor="middle", fill=hue, bold=done))
        if done:
            parts.append(path(polyline(((x, _HIGH + 5), (x + wide, _HIGH + 5))), stroke="good"))
        x += wide - 12
    width = max(x + 14, 380.0)
    did = ", ".join(steps[: list(steps).index(before)]) or "nothing"
    return draw(
        *parts, width=width, height=_HIGH + 8, title=f"Killed before {before}",
        description=f"Done before the kill: {did}. Not done: "
        f"{', '.join(steps[list(steps).index(before) :])}.",
    )  # fmt: skip


def _moved(left: Mapping[str, int]) -> tuple[int, int]:
    """Return what a has paid and b has got."""
    return OPENING[A] - left[A], left[B] - OPENING[B]


def _at(killed: Killed, before: str) -> KilledTransfer:
    return next(one for one in killed if one.step == before)
