"""The model of all four: a producer's half, a broker's or none, and a consumer's, in any mix.

Book: 10-real-world-systems
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from ... import (
    AckThenProcess,
    Bounds,
    Broker,
    Exploration,
    FireAndForget,
    Participant,
    ProcessOnce,
    ProcessThenAck,
    RetryUntilAcked,
    explore,
)
from ...core.check import one_of
from ...show.diagram import sequence
from ...show.picture import Picture
from ...show.view import View
from .path import PAYMENTS, guarantee_of

PRODUCERS: Mapping[str, Callable[[str], Participant]] = {
    "sends once": lambda to: FireAndForget(to, PAYMENTS),
    "asks again": lambda to: RetryUntilAcked(to, PAYMENTS),
}
BROKERS: Mapping[str, Broker | None] = {
    "none": None,
    "keeps no ids": Broker("consumer"),
    "drops copies": Broker("consumer", ids_max=None),
}
CONSUMERS: Mapping[str, Callable[[], Participant]] = {
    "acks, then works": AckThenProcess,
    "works, then acks": ProcessThenAck,
    "works once, then acks": ProcessOnce,
}
Mix = tuple[str, str, str]
"""One of each."""

BOUNDS = Bounds(losses=1, duplicates=0, crashes=1, crashable=("consumer",))
"""One packet is lost, and the consumer is killed once."""


@cache
def mixed(producer: str, broker: str, consumer: str) -> Exploration:
    """Search every run of three parts. Raises ValueError for one that is not there."""
    one_of("producer", producer, PRODUCERS)
    one_of("broker", broker, BROKERS)
    one_of("consumer", consumer, CONSUMERS)
    between = BROKERS[broker]
    parts: dict[str, Participant] = {
        "producer": PRODUCERS[producer]("broker" if between else "consumer"),
        **({"broker": between} if between else {}),
        "consumer": CONSUMERS[consumer](),
    }
    return explore(parts, BOUNDS)


def model_word(mix: Mix) -> str:
    """Return the row of the comparison table that the search finds for a mix."""
    found = mixed(*mix)
    return guarantee_of(
        lost=not found.at_least_once_eventually.holds,
        again=not found.never_more_than_once.holds,
    )


def mixed_view(*, producer: str, broker: str, consumer: str, seed: int = 1) -> View:
    """Show a shortest run that pays twice, else one that pays never, else one that is right."""
    mix = producer, broker, consumer
    found = mixed(*mix)
    return View(
        mixed_run(mix),
        {
            "worlds": found.worlds,
            "paid twice": there(found.never_more_than_once.holds),
            "never paid": there(found.at_least_once_eventually.holds),
        },
        f"{model_word(mix).capitalize()}: {found.worlds:,} worlds; 1 payment, {found.bounds}.",
    )


def mixed_run(mix: Mix) -> Picture:
    """Draw a shortest run that pays twice, else one that pays never, else one that is right."""
    found = mixed(*mix)
    wrong = [each for each in found.verdicts if not each.holds]
    run = wrong[0] if wrong else found.run(found.outcomes[0])
    producer, broker, consumer = mix
    title = f"Producer {producer}; broker: {broker}; consumer {consumer}"
    return sequence(run, title=title)


def there(holds: bool) -> str:
    """Say whether a promise has a run that breaks it."""
    return "no run" if holds else "possible"
