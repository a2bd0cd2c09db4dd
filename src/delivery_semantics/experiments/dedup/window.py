"""How long to remember: a window of deduplication against a sender's schedule of retries.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Sequence

from ... import (
    Bounds, Exponential, Fixed, FullJitter, Message, RetryUntilAcked, audit, explore,
)  # fmt: skip
from ...core.check import one_of
from ...dedup import InMemory, ProcessIfNew
from ...participants.senders import Backoff
from ...show.diagram import sequence
from ...show.picture import Picture, cross, disc, draw, number, path, polyline, text
from ...show.view import View
from ...theory.windows import effects_in_window
from .copies import received, repeated

ATTEMPTS = 10
TIMEOUT_S = 10.0
AXIS_S = 6000.0
PAYMENT = Message("abc123")


def schedule(name: str, *, seed: int = 1) -> Backoff:
    """Return one of three policies; the first two reach about as far. Raises ValueError."""
    policies: dict[str, Backoff] = {
        "every 10 min": Fixed(590.0),
        "exponential": Exponential(30.0, 1200.0),
        "full jitter": FullJitter(30.0, 1200.0, seed=seed),
    }
    return policies[one_of("name", name, policies)]


def attempt_times_s(backoff: Backoff, *, attempts: int = ATTEMPTS) -> list[float]:
    """Return when each attempt leaves, if no ack is ever heard: a timeout and a pause apart."""
    times_s = [0.0]
    for attempt in range(1, attempts):
        times_s.append(times_s[-1] + TIMEOUT_S + backoff(PAYMENT.id, attempt))
    return times_s


def window_view(*, backoff: str, window_min: int, kind: str, seed: int = 1) -> View:
    """Send one payment ten times, to a store with a window; only the last ack is heard."""
    times_s = attempt_times_s(schedule(backoff, seed=seed))
    window_s, sliding = 60.0 * window_min, kind == "sliding"
    trace = received(repeated(PAYMENT, times_s), InMemory(window_s=window_s, sliding=sliding))
    found = audit(trace)
    accepted_s = [event.time_s for event in trace.of("processed")]
    regular = isinstance(schedule(backoff), Fixed)
    formula = effects_in_window(
        retries=ATTEMPTS - 1, every_s=600, window_s=60 * window_min, sliding=sliding
    )
    horizon_min = times_s[-1] / 60
    times = "once" if len(accepted_s) == 1 else f"{len(accepted_s)} times"
    return View(
        _draw(times_s, accepted_s, window_s, sliding=sliding),
        {
            "copies": len(times_s),
            "processed": len(accepted_s),
            "by formula": formula if regular else "—",  # it is one for regular retries
            "retry horizon": f"{horizon_min:.0f} min",
            "money expected": found.money_expected,
            "money there": found.money_there,
        },
        f"Ten copies over {horizon_min:.0f} minutes ({backoff}), a {kind} window of "
        f"{window_min} minutes: the payment is processed {times}.",
    )


# Drawing ----------------------------------------------------------------------------------

_WIDTH, _LEFT, _RIGHT = 440.0, 10.0, 430.0
_TOP, _BOTTOM = 56.0, 96.0
_LINE = (_TOP + _BOTTOM) / 2


def _x(at_s: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * min(at_s, AXIS_S) / AXIS_S


def _draw(
    times_s: Sequence[float], accepted_s: Sequence[float], window_s: float, *, sliding: bool
) -> Picture:
    """Draw each copy on an axis of time, over the windows in which copies are skipped."""
    skipped = [at_s for at_s in times_s if at_s not in accepted_s]
    bands = _bands(times_s, accepted_s, window_s, sliding=sliding)
    boxes = "".join(
        f"M{number(_x(begin))} {number(_TOP)}H{number(_x(end))}V{number(_BOTTOM)}"
        f"H{number(_x(begin))}Z"
        for begin, end in bands
    )
    parts = [
        path(boxes, fill="message", opacity=0.22),
        path(boxes, stroke="message"),
        path("".join(disc(_x(at_s), _LINE, 5) for at_s in skipped), stroke="ink", width=2),
        path(disc(_x(accepted_s[0]), _LINE), fill="good"),
        path("".join(cross(_x(at_s), _LINE) for at_s in accepted_s[1:]), stroke="fault",
             width=3, round_ends=True),
        *_axis(),
        *_legend(),
    ]  # fmt: skip
    minutes = ", ".join(f"{at_s / 60:.0f}" for at_s in times_s)
    again = ", ".join(f"{at_s / 60:.0f}" for at_s in accepted_s)
    return draw(
        *(part for part in parts if 'd=""' not in part),
        width=_WIDTH,
        height=146,
        title="Copies of one payment, and the windows in which they are skipped",
        description=f"Copies arrive after {minutes} minutes. Processed are those after {again} "
        f"minutes. Each window lasts {window_s / 60:.0f} minutes.",
    )


def _bands(
    times_s: Sequence[float], accepted_s: Sequence[float], window_s: float, *, sliding: bool
) -> list[tuple[float, float]]:
    """Return from when to when copies are skipped, one band for each accepted copy."""
    bands = []
    for number_, begin in enumerate(accepted_s):
        following = [*accepted_s[number_ + 1 :], float("inf")][0]
        last = max(at_s for at_s in times_s if at_s < following) if sliding else begin
        bands.append((begin, last + window_s))
    return bands


def _axis() -> list[str]:
    line = polyline([(_LEFT, _BOTTOM + 10), (_RIGHT, _BOTTOM + 10)])
    labels = [
        text(str(minute), _x(60 * minute), _BOTTOM + 26, anchor="middle")
        for minute in range(0, 101, 20)
    ]
    name = text("minutes since the first attempt", _WIDTH / 2, _BOTTOM + 46, anchor="middle")
    ticks = "".join(
        polyline([(_x(60 * minute), _BOTTOM + 10), (_x(60 * minute), _BOTTOM + 14)])
        for minute in range(0, 101, 20)
    )
    return [path(line + ticks, stroke="muted"), *labels, name]


def _legend() -> list[str]:
    box = f"M232 {number(26.0)}h16v14h-16Z"
    return [
        path(disc(14, 12), fill="good"), text("processed", 28, 17),
        path(cross(238, 12), stroke="fault", width=3, round_ends=True),
        text("processed again", 252, 17),
        path(disc(14, 33, 5), stroke="ink", width=2), text("skipped", 28, 38),
        path(box, fill="message", opacity=0.22), path(box, stroke="message"),
        text("window", 254, 38),
    ]  # fmt: skip


WINDOW_S = 300


def beyond_view(*, last_s: int, seed: int = 1) -> View:
    """Search every run in which a copy may come up to this second of a clock.

    The receiver keeps its ids in a window of ``WINDOW_S``, on its own disk.
    """
    receiver = ProcessIfNew(lambda: InMemory(window_s=WINDOW_S))
    parts = {"sender": RetryUntilAcked("receiver", (PAYMENT,)), "receiver": receiver}
    found = explore(parts, Bounds(clock_s=(0, last_s)))
    twice = found.never_more_than_once
    trace = twice.counterexample or found.run(found.outcomes[0])
    times = trace.processed()[PAYMENT.id]
    pays = "no run pays twice" if twice.holds else "a shortest run pays twice"
    return View(
        sequence(trace if twice.holds else twice, title=f"A copy may come at second {last_s}"),
        {
            "worlds": found.worlds,
            "money expected": PAYMENT.amount,
            "money there": PAYMENT.amount * times,
        },
        f"Ids are kept for {WINDOW_S} s, and the clock goes from 0 to {last_s} s: {pays}.",
    )
