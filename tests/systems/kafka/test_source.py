"""Kafka under the receivers of every other run: where a kill or a pause costs money.

One conformance test of all settings: the audit convicts those that are unsafe, and no others.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from delivery_semantics import (
    AckThenProcess,
    Participant,
    ProcessOnce,
    ProcessThenAck,
    audit,
    payments,
)
from delivery_semantics.core.audit import EXACTLY_ONCE
from delivery_semantics.systems.kafka.client import OwnTopic, committed, fill, session_ms, topic
from delivery_semantics.systems.kafka.source import Reading
from delivery_semantics.systems.lab import (
    PAUSED,
    Ending,
    fault_at_each_step,
    kill_at_each_step,
    undisturbed,
)

pytestmark = [pytest.mark.slow, pytest.mark.needs("kafka")]
PAYMENTS = payments(1)
groups = (str(number) for number in itertools.count(1))


@pytest.fixture(scope="module")
def there(broker: str) -> Iterator[OwnTopic]:
    with topic(broker) as made:
        yield fill(made, *PAYMENTS)


def opened(there: OwnTopic, **how: object) -> AbstractContextManager[Reading]:
    return nullcontext(Reading(there, next(groups), **how))  # type: ignore[arg-type]


def wrong(endings: list[Ending]) -> dict[str, int]:
    """Return the steps at which the money is wrong, and what it is."""
    found = {}
    for ending in endings:
        verdict = audit(ending.trace).verdict(EXACTLY_ONCE)
        assert (verdict == "ok") == (ending.money == ending.expected), (ending.step, verdict)
        if ending.money != ending.expected:
            found[ending.step] = ending.money
    return found


@pytest.mark.parametrize(
    ("commits", "receiver", "expected"),
    [
        ("by hand", AckThenProcess(), {"before Process": 0}),
        ("by hand", ProcessThenAck(), {"before Send": 20}),
        ("by hand", ProcessOnce(), {}),
        ("automatic", ProcessThenAck(), {"before Process": 0}),
        ("stored", ProcessThenAck(), {"before Send": 20}),
        ("stored", ProcessOnce(), {}),
    ],
)
def test_a_kill_costs_what_the_order_of_commit_and_work_says(
    there: OwnTopic, commits: str, receiver: Participant, expected: dict[str, int]
) -> None:
    endings = kill_at_each_step(lambda: opened(there, commits=commits), receiver, PAYMENTS)
    assert wrong(endings) == expected


@pytest.mark.parametrize(
    ("receiver", "expected"),
    [
        (ProcessThenAck(), {"before Process": 20, "before Send": 20}),
        (ProcessOnce(), {}),
    ],
)
def test_a_zombie_is_refused_its_commit_and_not_its_work(
    there: OwnTopic, receiver: Participant, expected: dict[str, int]
) -> None:
    given_up = session_ms(there.address)
    endings = fault_at_each_step(
        PAUSED, lambda: opened(there, session_ms=given_up), receiver, PAYMENTS
    )
    assert wrong(endings) == expected
    refused = {e.note for ending in endings for e in ending.trace.of("ignored")}
    assert refused == {"UNKNOWN_MEMBER_ID"}


def test_where_nothing_happens_the_offset_is_behind_the_last_record(there: OwnTopic) -> None:
    reading = Reading(there, next(groups))
    ending = undisturbed(lambda: nullcontext(reading), ProcessThenAck(), PAYMENTS)
    assert (ending.money, committed(there, reading.group)) == (10, 1)


def test_a_way_to_commit_that_there_is_not_is_named(there: OwnTopic) -> None:
    with pytest.raises(ValueError, match=r"^commits is 'never'; allowed: by hand, "):
        Reading(there, commits="never")
