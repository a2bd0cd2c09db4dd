"""Numbers to choose by: each from a formula of ``theory``, with runs beside it.

Book: 16-which-guarantee
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ... import (
    Exponential,
    Faults,
    Fixed,
    Message,
    Network,
    ProcessThenAck,
    RetryUntilAcked,
    simulate,
)
from ...dedup import InMemory
from ...participants.senders import Backoff
from ...show.plots import curve, lines, points
from ...show.view import View
from ...theory.retries import Model
from ...theory.windows import last_attempt_s
from ..at_least_once.retries import Faulty, measured
from ..dedup.copies import received, repeated

# Attempts ---------------------------------------------------------------------------------

WANTED: Mapping[str, float] = {
    "1 in 1,000": 1e-3, "1 in a million": 1e-6, "1 in a billion": 1e-9,
}  # fmt: skip
MESSAGES = 2_000
TRIED = (1, 2, 3)


@cache
def never_processed(loss_percent: int, attempts: int) -> int:
    """Send ``MESSAGES`` with so many attempts each, and count those that never came."""
    return Faulty(_lossy(loss_percent), MESSAGES, attempts).never_processed()


def _lossy(percent: int) -> Model:
    return Model(loss=percent / 100, ack_loss=percent / 100)


def attempts_view(*, loss: int, wanted: str, seed: int = 1) -> View:
    """Show how many attempts bring the chance that a message is lost down to a wish."""
    model, target = _lossy(loss), WANTED[wanted]
    lost = model.attempts_needed(undelivered=target)
    doubt = model.attempts_needed(in_doubt=target)
    counts = range(1, doubt + 1)
    shares = [never_processed(loss, attempts) / MESSAGES for attempts in TRIED]
    return View(
        lines(
            points(f"lost, of {MESSAGES:,} in a run", TRIED, shares),
            curve("lost, by formula", counts, [float(model.undelivered(k)) for k in counts]),
            curve("in doubt, by formula", counts, [float(model.in_doubt(k)) for k in counts]),
            title=f"{loss} % of packets lost, each way", x="attempts", y="share of messages",
            log_y=True, here=lost,
        ),
        {
            "attempts, not to lose": lost, "attempts, not to doubt": doubt,
            "lost in a run of 2,000, one attempt": never_processed(loss, 1),
        },
        f"With {loss} % of the packets lost each way, {lost} attempts lose fewer than "
        f"{wanted}; after {doubt}, fewer than that are in doubt.",
    )  # fmt: skip


# The window -------------------------------------------------------------------------------

PAYMENT = Message("abc123")
TIMEOUT_S = 10.0
SCHEDULES: Mapping[str, Backoff] = {
    "every 20 s": Fixed(10.0),
    "doubling, up to 1 h": Exponential(10.0, 3600.0),
    "doubling, up to 12 h": Exponential(10.0, 43_200.0),
}
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0, 1.1)


def sent_at_s(schedule: str, attempts: int) -> list[float]:
    """Run a sender that never hears an ack, and return when each attempt left."""
    sender = RetryUntilAcked(
        "receiver", (PAYMENT,), timeout_s=TIMEOUT_S, attempts_max=attempts,
        backoff=SCHEDULES[schedule],
    )  # fmt: skip
    parts = {"sender": sender, "receiver": ProcessThenAck()}
    trace = simulate(parts, Network(messages=Faults(loss=1.0)))
    return [event.time_s for event in trace.of("sent")]


def effects_of(schedule: str, attempts: int, window_s: float) -> int:
    """Let each attempt arrive at a store with a window, and count the effects."""
    copies = repeated(PAYMENT, sent_at_s(schedule, attempts))
    trace = received(copies, InMemory(window_s=window_s))
    return trace.processed()[PAYMENT.id]


def window_view(*, schedule: str, attempts: int, seed: int = 1) -> View:
    """Show how long ids must be kept for a schedule of retries."""
    backoff = SCHEDULES[schedule]
    last_s = last_attempt_s(
        attempts=attempts, timeout_s=TIMEOUT_S, pause_s=lambda n: backoff(PAYMENT.id, n)
    )
    unit, scale = ("h", 3600.0) if last_s > 7200 else ("min", 60.0)
    windows = [share * last_s for share in SHARES]
    effects = [effects_of(schedule, attempts, window_s) for window_s in windows]
    return View(
        lines(
            points("effects of one payment", [w / scale for w in windows], effects),
            title=f"{attempts} attempts, {schedule}", x=f"ids are kept for ({unit})",
            y="effects", here=last_s / scale,
        ),
        {
            "last attempt after": f"{last_s / scale:,.1f} {unit}",
            "effects, half the window": effects[SHARES.index(0.5)],
            "effects, a tenth more": effects[-1],
        },
        f"{attempts} attempts, {schedule}: the last one leaves {last_s / scale:,.1f} {unit} "
        f"after the first. Ids that are kept for longer than that make one effect; kept for "
        f"half of it, {effects[SHARES.index(0.5)]}.",
    )  # fmt: skip


# Duplicates -------------------------------------------------------------------------------

ACK_LOSS = (1, 2, 5, 10, 20)
PER_DAY = (1_000, 100_000, 10_000_000)


@cache
def repeated_in_a_run(ack_loss_percent: int) -> float:
    """Send ``MESSAGES`` until acked, and return the effects beyond the first, for each."""
    return measured(Model(ack_loss=ack_loss_percent / 100), messages=MESSAGES).again / MESSAGES


def duplicates_view(*, ack_loss: int, per_day: int, seed: int = 1) -> View:
    """Show how many messages a day are processed again where nobody looks for copies."""
    mean = float(Model(ack_loss=ack_loss / 100).duplicates_mean())
    again = round(per_day * mean)
    curve_at = range(ACK_LOSS[-1] + 1)
    return View(
        lines(
            points(f"{MESSAGES:,} messages in a run", ACK_LOSS,
                   [repeated_in_a_run(percent) for percent in ACK_LOSS]),
            curve("by formula", curve_at,
                  [float(Model(ack_loss=p / 100).duplicates_mean()) for p in curve_at]),
            title="Effects beyond the first, for each message", x="replies lost (%)",
            y="further effects", here=ack_loss,
        ),
        {
            "again each day": again, "money expected": f"{10 * per_day:,}",
            "money there": f"{10 * (per_day + again):,}",
        },
        f"{per_day:,} payments of 10 a day, {ack_loss} % of the replies lost: {again:,} are "
        "made again each day.",
    )  # fmt: skip
