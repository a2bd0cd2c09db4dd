"""Stores that keep less than every id, or trust a clock: what each of them costs.

Book: stores-of-ids
"""

from __future__ import annotations

import math
from functools import cache

from ... import audit
from ...dedup import Highest, InMemory
from ...show.diagram import sequence
from ...show.plots import curve, lines, money, points
from ...show.view import View
from ...theory.windows import collisions_mean
from ..runs import of_run
from .bloom import HASHED, hashed, lost_so_far
from .ids import clock_moved, forgotten_after_min, overtaken, retried_after_all

PAYMENTS, AMOUNT, WINDOW_S = 120, 10, 300.0
GAP_CHECK = {"the highest number": False, "the highest, and no gaps": True}
"""What a store of one number keeps."""
LOST_MAX = 20
TENTHS = range(10, 101, 10)
"""Percent of the messages, at which the lost ones are counted."""


def full_view(*, capacity: int, when_full: str, seed: int = 1) -> View:
    """Send 120 payments, lose their acks, and send them again to a store with so much room."""
    store = InMemory(capacity=capacity, when_full=when_full)
    found = audit(retried_after_all(store, payments=PAYMENTS))
    says = f"Room for {capacity} ids, and when it is full it will {when_full}"
    expected, there = found.money_expected, found.money_there
    return View(
        money(
            {f"{when_full} when full": (expected, there)},
            title=says, x=f"{PAYMENTS} payments of {AMOUNT}, each sent twice",
            x_max=2.0 * PAYMENTS * AMOUNT,
        ),
        {
            "repeated": len(found.duplicated),
            "lost": len(found.lost),
            "money expected": expected,
            "money there": there,
        },
        f"{says}. Of {PAYMENTS} payments, repeated: {len(found.duplicated)}, "
        f"lost: {len(found.lost)}.",
    )  # fmt: skip


def clock_view(*, moved_min: int, seed: int = 1) -> View:
    """Send a payment again after a minute; meanwhile the receiver's clock is set."""
    by_s = 60.0 * moved_min
    kept_min = forgotten_after_min(WINDOW_S, by_s)
    minutes = "minute" if kept_min == 1 else "minutes"
    when = f"after {kept_min} true {minutes}" if kept_min else "at once"
    ways = {
        0: "right",
        1: f"set forward by {moved_min} min",
        -1: f"set back by {-moved_min} min",
    }
    clock = ways[(moved_min > 0) - (moved_min < 0)]
    return of_run(
        clock_moved(InMemory(window_s=WINDOW_S), by_s),
        title=f"A clock that is {clock}, and a window of {WINDOW_S / 60:g} min",
        says=f"The clock is {clock}. The id is new again {when}.",
        numbers={"id kept": f"{kept_min} min"},
    )


def highest_view(*, kept: str, seed: int = 1) -> View:
    """Let payments 1, 3 and 2 arrive at a store that keeps one number."""
    run = overtaken(Highest(gap_check=GAP_CHECK[kept]))
    found = audit(run)
    return View(
        sequence(run, title=f"What is kept: {kept}"),
        {
            "lost": len(found.lost),
            "acked, and lost": len(found.lost_though_acked),
            "money expected": found.money_expected,
            "money there": found.money_there,
        },
        f"What is kept: {kept}. Payments 1, 3 and 2 arrive; taken for a copy: "
        f"{', '.join(found.lost)}." if found.lost else
        f"What is kept: {kept}. Payment 3 waits until 2 is there, and nothing is lost.",
    )  # fmt: skip


@cache
def lost_to_hashes(bits: str) -> tuple[int, ...]:
    """Give an exact store hashes of ``HASHED``; return a running count of what it loses."""
    count, ids = HASHED[bits]
    store = InMemory()
    return tuple(lost_so_far(lambda id: not store.first_time(hashed(id, count), 0.0), ids))


def hashes_view(*, bits: str, sent_percent: int, seed: int = 1) -> View:
    """Show how many of all different messages are lost to equal hashes, and the formula."""
    count, ids = HASHED[bits]
    lost = lost_to_hashes(bits)
    sent = ids * sent_percent // 100
    mean = float(collisions_mean(ids=sent, bits=count))
    fine = [float(collisions_mean(ids=ids * part // 100, bits=count)) for part in TENTHS]
    return View(
        lines(
            points("lost", TENTHS, [lost[ids * part // 100] for part in TENTHS], hue="fault"),
            curve("by formula", TENTHS, fine),
            title=f"Different messages that are lost, a hash of {bits}",
            x=f"messages sent (% of {ids:,})",
            y="messages lost",
            x_range=(0, 100), y_range=(0, LOST_MAX), here=sent_percent,
        ),
        {
            "messages": sent,
            "lost": lost[sent],
            "by formula": f"{mean:.1f} ± {2 * math.sqrt(mean):.1f}",
            "money expected": AMOUNT * sent,
            "money there": AMOUNT * (sent - lost[sent]),
        },
        f"{sent:,} different messages, known by {bits} of a hash: {lost[sent]} lost, "
        f"{mean:.1f} by formula.",
    )  # fmt: skip
