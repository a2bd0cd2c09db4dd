"""The formulas that the book holds against its measurements.

One model of an attempt, and everything follows. A message is lost with probability `loss`; if
it arrives, the receiver crashes before it has processed it with probability `crash_before`;
otherwise it processes it, then crashes before acknowledging with probability `crash_after`;
otherwise the ack is lost with probability `ack_loss`. Attempts are independent. The sender
stops at the first ack, or when it has used up its attempts; its timer never fires early.

A crash before processing looks like a lost message, and a crash after it looks like a lost ack,
so four probabilities become two: `nothing_happened` and `no_ack`. The sender cannot tell those
two apart either; that is the subject of the book.

Every formula works on floats and, exactly, on `fractions.Fraction`. `attempts=None` means that
the sender never gives up. Probabilities outside 0 to 1 and attempts below 1 raise ValueError.

Book: 04-at-least-once
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, takewhile
from typing import NamedTuple, TypeAlias

from ..core.check import at_least, positive, probability

Number: TypeAlias = float | Fraction
_NEGLIGIBLE = 1e-18  # far below the last digit of a sum that starts with 1


@dataclass(frozen=True, kw_only=True)
class Model:
    """One attempt to deliver one message, as four independent probabilities.

    "Delivery" below means one processing by a receiver that does not look for duplicates.
    """

    loss: Number = 0
    crash_before: Number = 0
    crash_after: Number = 0
    ack_loss: Number = 0

    def __post_init__(self) -> None:
        """Raise ValueError for anything that is not a probability."""
        for name in ("loss", "crash_before", "crash_after", "ack_loss"):
            probability(name, getattr(self, name))

    @property
    def nothing_happened(self) -> Number:
        """The P of the formulas: lost, or the receiver crashed before processing it."""
        return self.loss + (1 - self.loss) * self.crash_before

    @property
    def no_ack(self) -> Number:
        """The Q of the formulas: it was processed, but the sender hears nothing."""
        return self.crash_after + (1 - self.crash_after) * self.ack_loss

    @property
    def attempt_fails(self) -> Number:
        """The f of the formulas, P + (1 - P) Q: the sender hears nothing, for any reason."""
        return self.nothing_happened + (1 - self.nothing_happened) * self.no_ack

    def attempts_mean(self, attempts: int | None = None) -> Number:
        """Expected number of sends: 1 + f + f² + …, as many terms as there are attempts."""
        return _powers(self.attempt_fails, attempts)

    def attempts_variance(self) -> Number:
        """Variance of the number of sends of a sender that never gives up: f / (1 - f)²."""
        fails = self.attempt_fails
        return math.inf if fails == 1 else fails / (1 - fails) ** 2

    def wasted_attempts_mean(self, attempts: int | None = None) -> Number:
        """Expected number of sends that cause nothing at all: P times the expected sends."""
        wasted = self.nothing_happened
        return wasted * self.attempts_mean(attempts) if wasted else wasted

    def undelivered(self, attempts: int | None = None) -> Number:
        """Probability that no attempt is processed: P to the power of the attempts.

        With `attempts=1` this is at-most-once: the message is lost with probability P.
        """
        return _power(self.nothing_happened, attempts)

    def delivered(self, attempts: int | None = None) -> Number:
        """Probability of at least one delivery: 1 - P^attempts."""
        return _at_least_one(1 - self.nothing_happened, self.nothing_happened, attempts)

    def in_doubt(self, attempts: int | None = None) -> Number:
        """Probability that the sender gives up and knows nothing: f^attempts."""
        return _power(self.attempt_fails, attempts)

    def delivered_in_doubt(self, attempts: int | None = None) -> Number:
        """Probability that the sender gives up although it was delivered: f^k - P^k."""
        return self.in_doubt(attempts) - self.undelivered(attempts)

    def deliveries_mean(self, attempts: int | None = None) -> Number:
        """Expected deliveries: (1 - P) times the expected sends; unbounded, 1 / (1 - Q)."""
        arrives = 1 - self.nothing_happened
        if attempts is None:
            return _powers(self.no_ack, None) if arrives else arrives
        return arrives * self.attempts_mean(attempts)

    def deliveries_variance(self) -> Number:
        """Variance of the deliveries of a sender that never gives up: Q / (1 - Q)²."""
        return Model(loss=self.no_ack if self.nothing_happened < 1 else 0).attempts_variance()

    def duplicates_mean(self, attempts: int | None = None) -> Number:
        """Expected deliveries beyond the first; unbounded, Q / (1 - Q), whatever is lost."""
        if attempts is None:
            return self.no_ack * self.deliveries_mean() if self.no_ack else self.no_ack
        return self.deliveries_mean(attempts) - self.delivered(attempts)

    def any_duplicate(self, attempts: int | None = None) -> Number:
        """Probability of two or more deliveries: Q times P(two or more attempts arrive)."""
        return self.no_ack * sum(self._arrival(2, attempts))

    def once_and_confirmed(self, attempts: int | None = None) -> Number:
        """Probability of one delivery and an ack for it: (1 - Q)(1 - P^attempts)."""
        return (1 - self.no_ack) * self.delivered(attempts)

    def deliveries_probability(self, deliveries: int, attempts: int | None = None) -> Number:
        """Probability of exactly this many deliveries.

        With B arrivals among all the attempts, d >= 1 deliveries happen in two ways: d - 1
        unheard and the d-th heard, Q^(d-1) (1 - Q) P(B >= d); or all d that there were unheard,
        Q^d P(B = d).  `deliveries` below 0 raises ValueError.
        """
        if at_least("deliveries", deliveries, 0) == 0:
            return self.undelivered(attempts)
        heard = self.no_ack ** (deliveries - 1) * (1 - self.no_ack)
        falls = self._arrival(deliveries, attempts)
        exactly = falls[-1] * attempts / deliveries if attempts and falls else 0
        return heard * sum(falls) + self.no_ack**deliveries * exactly

    def attempts_needed(
        self, *, undelivered: Number | None = None, in_doubt: Number | None = None
    ) -> int:
        """Return the smallest number of attempts that brings a probability down to a target.

        Give one target: `undelivered`, then P^k decides, or `in_doubt`, then f^k does.  Raises
        ValueError unless exactly one is given, or when no number of attempts reaches it.
        """
        if (undelivered is None) == (in_doubt is None):
            raise ValueError(
                f"undelivered is {undelivered!r}, in_doubt is {in_doubt!r}; allowed: one target"
            )
        if undelivered is not None:
            return _smallest_power(self.nothing_happened, "undelivered", undelivered)
        assert in_doubt is not None
        return _smallest_power(self.attempt_fails, "in_doubt", in_doubt)

    def _arrival(self, wanted: int, attempts: int | None) -> list[Number]:
        """Probability that arrival number `wanted` is attempt wanted, wanted + 1, … (Pascal).

        Without a limit the sum is all that is ever needed, so it is all that is returned.
        """
        arrives = 1 - self.nothing_happened
        if attempts is None:
            return [1 if arrives else 0]
        falls: list[Number] = [arrives**wanted]
        for attempt in range(wanted, at_least("attempts", attempts, 1)):
            falls.append(falls[-1] * attempt * self.nothing_happened / (attempt - wanted + 1))
        return falls[: max(0, attempts - wanted + 1)]


class Expected(NamedTuple):
    """What a receiver that remembers ids does for one message: mean, P(0) and P(2 or more)."""

    mean: Number
    none: Number
    several: Number


def process_then_mark(*, loss: Number, crash: Number, attempts: int | None = None) -> Expected:
    """Effects when a crash can fall after the effect and before the mark.

    The mark makes lost acks harmless, and leaves the crash in their place: `Model` with
    `crash_after`.  The ack loss does not appear.
    """
    model = Model(loss=loss, crash_after=crash)
    mean = model.deliveries_mean(attempts)
    return Expected(mean, model.undelivered(attempts), model.any_duplicate(attempts))


def mark_then_process(*, loss: Number, crash: Number, attempts: int | None = None) -> Expected:
    """Effects when a crash can fall after the mark and before the effect: a silent loss."""
    arrived = Model(loss=loss).delivered(attempts)
    effect = arrived * (1 - probability("crash", crash))
    return Expected(effect, 1 - effect, 0)


def process_once(*, loss: Number, crash: Number, attempts: int | None = None) -> Expected:
    """Effects when effect and mark are one transaction: a crash undoes both or neither."""
    model = Model(loss=loss, crash_before=crash)
    return Expected(model.delivered(attempts), model.undelivered(attempts), 0)


def count_mean_and_deviation(messages: int, chance: Number) -> tuple[Number, float]:
    """How many of `messages` independent messages meet a fate of this chance (binomial).

    The mean N·P, and the standard deviation √(N·P·(1 - P)), which is always a float.
    """
    at_least("messages", messages, 0)
    probability("chance", chance)
    return messages * chance, math.sqrt(messages * chance * (1 - chance))


def count_probability(count: int, *, messages: int, chance: Number) -> Number:
    """Probability that exactly this many of them do: C(N, n) P^n (1 - P)^(N - n) (binomial)."""
    at_least("count", count, 0)
    ways = math.comb(at_least("messages", messages, 0), count)
    return ways * probability("chance", chance) ** count * (1 - chance) ** (messages - count)


def share_error(share: Number, *, messages: int) -> float:
    """Half the 95 % interval of a share measured on N messages, 1.96 √(P(1 - P) / N) (Wald)."""
    probability("share", share)
    return 1.96 * math.sqrt(share * (1 - share) / at_least("messages", messages, 1))


def any_of(messages: int, chance: Number) -> Number:
    """Probability that a fate of this chance meets one of N messages or more: 1 - (1 - P)^N."""
    at_least("messages", messages, 0)
    return _at_least_one(probability("chance", chance), 1 - chance, messages) if messages else 0


def sends_mean_with_early_timer(*, timeout_s: float, round_trip_s_mean: float) -> float:
    """Expected sends when nothing is lost, but a slow answer meets an impatient timer.

    Sends leave every `timeout_s` until the first ack; round trips are exponential and
    independent.  The sum over j of exp(-(timeout / mean) j (j + 1) / 2), always more than 1.
    Raises ValueError for times that are not positive or a timer below a millionth of the mean.
    """
    ratio = _timeouts(timeout_s, round_trip_s_mean)
    if ratio < 1e-6:
        raise ValueError(
            f"timeout_s is {timeout_s!r}; allowed: {1e-6 * round_trip_s_mean!r} or more"
        )
    terms = (math.exp(-ratio * (j * (j + 1) // 2)) for j in count())
    noticeable: Iterator[float] = takewhile(lambda term: term > _NEGLIGIBLE, terms)
    return math.fsum(noticeable)


def sends_mean_in_order(*, timeout_s: float, round_trip_s_mean: float) -> float:
    """Expected sends when no packet can overtake: 1 / (1 - exp(-timeout / mean)).

    The first answer is that to the first send, however many retries queue behind it. So there
    are more than j sends when one exponential round trip lasts longer than j timeouts.
    """
    return -1 / math.expm1(-_timeouts(timeout_s, round_trip_s_mean))


def _timeouts(timeout_s: float, round_trip_s_mean: float) -> float:
    """How many mean round trips the timer is long."""
    return positive("timeout_s", timeout_s) / positive("round_trip_s_mean", round_trip_s_mean)


def amplification(*, attempts: int, layers: int) -> int:
    """Calls at the bottom for one at the top, when each layer retries: attempts^layers."""
    return int(at_least("attempts", attempts, 1) ** at_least("layers", layers, 0))


# Powers and their sums ---------------------------------------------------------------------
# Exact on fractions, every digit on floats; an exponent of None means without end. 1 - x**n is
# never computed by subtracting: for a tiny chance that difference is mostly rounding, and for
# x = 1 its quotient is no number at all.


def _powers(ratio: Number, terms: int | None) -> Number:
    """1 + ratio + ratio² + …, by doubling: exact at ratio 1, and never a small difference."""
    if terms is None:
        return math.inf if ratio == 1 else 1 / (1 - ratio)
    if at_least("attempts", terms, 1) == 1:
        return 1
    if terms % 2:
        return 1 + ratio * _powers(ratio, terms - 1)
    half = terms // 2
    return _powers(ratio, half) * (1 + ratio**half)


def _power(base: Number, exponent: int | None) -> Number:
    """base^exponent; without a limit 0, or 1 when the base is 1."""
    if exponent is None:
        return 1 if base == 1 else 0
    return base ** at_least("attempts", exponent, 1)


def _at_least_one(chance: Number, miss: Number, attempts: int | None) -> Number:
    """1 - miss^attempts, where miss = 1 - chance, keeping every digit of a tiny chance."""
    if attempts is None:
        return 1 if chance else 0
    return chance * _powers(miss, attempts)


def _smallest_power(base: Number, name: str, target: Number) -> int:
    """Return the smallest k >= 1 with base^k <= target: two logarithms, then made exact.

    0.1**3 is a little more than 0.001. So a float that differs from the target by less than
    a billionth of it counts as equal; fractions are compared as they are.
    """
    probability(name, target)
    exact = isinstance(base * target, Fraction | int)
    reached = target if exact else float(target) * (1 + 1e-9)
    if base <= reached:
        return 1
    if base == 1 or target == 0:
        raise ValueError(f"{name} is {target!r}; allowed: what more attempts can reach")
    needed = max(1, math.ceil(math.log(reached) / math.log(base)))
    while base**needed > reached:
        needed += 1
    while base ** (needed - 1) <= reached:
        needed -= 1
    return needed
