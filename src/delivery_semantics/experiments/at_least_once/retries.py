"""Retrying until acked: attempts, duplicates and doubt, measured beside the closed forms.

The same ``Model`` that answers with a formula also says what to run, so a measurement and its
closed form cannot be about different things. Rates on sliders are percentages.

Book: 04-at-least-once
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ... import (
    CrashPoint, Event, Faults, Network, Participant, Process, ProcessThenAck, RetryUntilAcked,
    Send, Trace, audit, payments, simulate,
)  # fmt: skip
from ...show.picture import Picture, how_many
from ...show.plots import bars, curve, lines, money, points
from ...show.view import View
from ...theory.retries import Model, Number

PAYMENTS = 200
ATTEMPTS_SHOWN = 5.5  # a payment: the length of the axis, so that they are seen to grow
LIMITED = 300
ACK_LOSS_PERCENT = 20
MEASURED_PERCENT = (0, 10, 20, 30, 40, 50)
CAUSES: Mapping[str, str] = {
    "message lost": "loss",
    "crash before processing": "crash_before",
    "crash after processing": "crash_after",
    "ack lost": "ack_loss",
}
"""What can go wrong with one attempt, and the parameter of ``Model`` that says how often."""


@dataclass(frozen=True)
class Faulty:
    """A sender that retries, a receiver that processes and then acks, and a model's faults."""

    model: Model
    messages: int
    attempts_max: int | None = None
    seed: int = 1

    def pair(self) -> dict[str, Participant]:
        """Return the two participants."""
        sent = payments(self.messages)
        sender = RetryUntilAcked("receiver", sent, attempts_max=self.attempts_max)
        return {"sender": sender, "receiver": ProcessThenAck()}

    def network(self) -> Network:
        """Return the network: the model's two losses."""
        loss, ack_loss = float(self.model.loss), float(self.model.ack_loss)
        return Network(messages=Faults(loss=loss), acks=Faults(loss=ack_loss))

    def crashes(self) -> tuple[CrashPoint, ...]:
        """Return the model's two crashes: before the effect, and between effect and ack."""
        before, after = float(self.model.crash_before), float(self.model.crash_after)
        return CrashPoint("receiver", Process, before), CrashPoint("receiver", Send, after)

    def run(self, *, record: Callable[[Event], None] | None = None) -> Trace:
        """Run to the end; with ``record``, events go there and the trace has none."""
        pair, network, crashes = self.pair(), self.network(), self.crashes()
        return simulate(pair, network, seed=self.seed, crashes=crashes, record=record)

    def never_processed(self) -> int:
        """Count the messages of which no attempt was processed, without keeping a trace."""
        seen: set[str] = set()

        def listen(event: Event) -> None:
            if event.what == "processed" and event.payload:
                seen.add(event.payload.id)

        self.run(record=listen)
        return self.messages - len(seen)


# Without a limit --------------------------------------------------------------------------


@dataclass(frozen=True)
class Totals:
    """Attempts and repeated effects of a run; beside each its mean and standard deviation."""

    attempts: int
    again: int
    attempts_expected: tuple[float, float]
    again_expected: tuple[float, float]


def measured(model: Model, *, messages: int, seed: int = 1) -> Totals:
    """Run ``messages`` payments through this model's faults, with no limit to the attempts."""
    return totals(Faulty(model, messages, seed=seed).run(), model)


def totals(trace: Trace, model: Model) -> Totals:
    """Return what a run of this model amounted to, and what should be expected of it."""
    counted = trace.metrics()
    messages = len(trace.messages)

    def expected(mean: Number, variance: Number) -> tuple[float, float]:
        return messages * float(mean), math.sqrt(messages * float(variance))

    return Totals(
        int(counted["attempts"]),
        int(counted["processed again"]),
        expected(model.attempts_mean(), model.attempts_variance()),
        expected(model.duplicates_mean(), model.deliveries_variance()),
    )


def retried(
    *,
    loss_percent: int = 0,
    ack_loss_percent: int = 0,
    crash_before_percent: int = 0,
    crash_after_percent: int = 0,
    seed: int,
) -> View:
    """Send 200 payments of 10, each until it is acked, through any mixture of four faults."""
    model = Model(
        loss=loss_percent / 100,
        crash_before=crash_before_percent / 100,
        crash_after=crash_after_percent / 100,
        ack_loss=ack_loss_percent / 100,
    )
    trace = Faulty(model, PAYMENTS, seed=seed).run()
    found = totals(trace, model)
    expected, there = 10 * PAYMENTS, 10 * (PAYMENTS + found.again)
    return View(
        picture=_effects(trace, found),
        numbers={
            "attempts": found.attempts,
            "attempts, by formula": "{:.0f} ± {:.0f}".format(*found.attempts_expected),
            "processed again": found.again,
            "again, by formula": "{:.0f} ± {:.0f}".format(*found.again_expected),
            "money expected": expected,
            "money there": there,
        },
        sentence=f"{PAYMENTS} payments took {found.attempts} attempts; {found.again} times a "
        f"payment was processed again. {expected:,} was expected and {there:,} is there.",
    )


def _effects(trace: Trace, found: Totals) -> tuple[Picture, Picture]:
    found_there, sent = audit(trace), len(trace.messages)
    parts = {
        "needed": sent,
        "for nothing": found.attempts - sent - found.again,
        "processed again": found.again,
    }
    attempts = bars(
        {"attempts": parts},
        title="What became of the attempts",
        x=f"attempts for {sent:,} payments",
        stacked=True,
        x_max=ATTEMPTS_SHOWN * sent,
        hues={"needed": "good", "for nothing": "message", "processed again": "fault"},
    )
    there = money(
        {"money": (found_there.money_expected, found_there.money_there)},
        title="Money",
        x=f"{sent:,} payments of 10",
        x_max=26 * sent,
    )
    return attempts, there


def moving(name: str, others: Model, *, messages: int = 1500, seed: int = 1) -> Picture:
    """Plot attempts and duplicates per message while one fault goes from 0 to 50 %.

    ``name`` is one of ``CAUSES``; the other three faults are as in ``others``.
    """

    def at(percent: float) -> Model:
        return replace(others, **{CAUSES[name]: percent / 100})

    found = [measured(at(rate), messages=messages, seed=seed) for rate in MEASURED_PERCENT]
    models = [at(percent) for percent in range(51)]

    def each(values: list[float]) -> list[float]:
        return [value / messages for value in values]

    return lines(
        points("attempts", MEASURED_PERCENT, each([one.attempts for one in found]),
               errors=each([2 * one.attempts_expected[1] for one in found])),
        points("duplicates", MEASURED_PERCENT, each([one.again for one in found]),
               errors=each([2 * one.again_expected[1] for one in found])),
        curve("1/(1-f)", range(51), [float(model.attempts_mean()) for model in models]),
        curve("Q/(1-Q)", range(51), [float(model.duplicates_mean()) for model in models]),
        title=f"Attempts and duplicates as the rate of “{name}” moves; "
        f"{messages:,} messages a point, bars are two standard deviations",
        x=f"{name} (%)",
        y="per message",
    )  # fmt: skip


def moving_view(*, cause: str, seed: int = 1) -> View:
    """Show ``moving`` for one of ``CAUSES``; 20 % of the other kind of packets are lost."""
    before = cause in list(CAUSES)[:2]
    others = Model(ack_loss=0.2) if before else Model(loss=0.2)
    run = measured(replace(others, **{CAUSES[cause]: 0.5}), messages=1500, seed=seed)
    return View(
        moving(cause, others, seed=seed),
        {
            "attempts, at 50 %": run.attempts / 1500,
            "duplicates, at 50 %": run.again / 1500,
        },
        f"As “{cause}” becomes more frequent, attempts grow, and duplicates "
        f"{'stay where they are' if before else 'grow as well'}.",
    )


def cause_view(*, cause: str, seed: int = 1) -> View:
    """Show 2,000 payments when one of ``CAUSES`` befalls 20 % of the attempts, alone."""
    model, messages = Model(**{CAUSES[cause]: 0.2}), 2000
    trace = Faulty(model, messages, seed=seed).run()
    found = totals(trace, model)
    return View(
        _effects(trace, found),
        {
            "attempts": found.attempts,
            "attempts, by formula": "{:.0f} ± {:.0f}".format(*found.attempts_expected),
            "processed again": found.again,
            "again, by formula": "{:.0f} ± {:.0f}".format(*found.again_expected),
            "money expected": 10 * messages,
            "money there": 10 * (messages + found.again),
        },
        f"{cause}, 20 %: {messages:,} payments take {found.attempts:,} attempts; {found.again} "
        "times a payment is processed again.",
    )


# With a limit -----------------------------------------------------------------------------


def fates(trace: Trace) -> Counter[str]:
    """Count the messages by what became of them and what their sender knows."""
    return Counter(
        f"{'again' if times > 1 else 'once'}, confirmed"
        if knows == "confirmed"
        else f"in doubt, {'processed' if times else 'never'}"
        for _, times, knows in trace.outcome()
    )


def fates_expected(model: Model, attempts_max: int) -> dict[str, float]:
    """Return the probabilities of the four fates; they add up to 1."""
    once = float(model.once_and_confirmed(attempts_max))
    doubt = float(model.in_doubt(attempts_max))
    return {
        "once, confirmed": once,
        "again, confirmed": 1 - doubt - once,
        "in doubt, processed": float(model.delivered_in_doubt(attempts_max)),
        "in doubt, never": float(model.undelivered(attempts_max)),
    }


def limited(*, attempts_max: int, loss_percent: int, seed: int) -> View:
    """Send 300 payments with a limit to the attempts; 20 % of the acks are lost as well."""
    model = Model(loss=loss_percent / 100, ack_loss=ACK_LOSS_PERCENT / 100)
    trace = Faulty(model, LIMITED, attempts_max, seed).run()
    counted, found = fates(trace), audit(trace)
    formula = fates_expected(model, attempts_max)
    names = list(formula)
    rounded = {name: round(LIMITED * formula[name], 1) for name in names[1:]}
    rounded = {names[0]: round(LIMITED - sum(rounded.values()), 1)} | rounded
    never, unsure = counted["in doubt, never"], counted["in doubt, processed"]
    return View(
        picture=bars(
            {"measured": {name: counted[name] for name in names}, "by formula": rounded},
            title=f"{LIMITED} payments, {how_many(attempts_max, 'attempt')} at most for each",
            x="payments",
            stacked=True,
            hues=dict(zip(names, ("good", "message", "accent", "fault"), strict=True)),
        ),
        numbers={name: counted[name] for name in names}
        | {
            "never, by formula": round(LIMITED * formula["in doubt, never"], 2),
            "money expected": found.money_expected,
            "money there": found.money_there,
        },
        sentence=f"The sender gave up {never + unsure} of {LIMITED} payments: {unsure} of them "
        f"had been processed and {never} had not. It cannot tell which are which.",
    )
