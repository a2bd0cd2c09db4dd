"""A crash at every place in turn: none is left out, and each ends as the search says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from delivery_semantics import (
    EXACTLY_ONCE,
    AckThenProcess,
    AlternatingBitReceiver,
    AlternatingBitSender,
    Bounds,
    Broker,
    FireAndForget,
    MarkThenProcess,
    Participant,
    Passive,
    ProcessOnce,
    ProcessThenAck,
    ProcessThenMark,
    RetryUntilAcked,
    audit,
    explore,
    payments,
)  # fmt: skip
from delivery_semantics.live.campaign import (
    CrashedRun,
    campaign,
    kill_at_each_place,
    kill_campaign,
)

EXPECTED: dict[Callable[[], Participant], dict[str, int]] = {
    AckThenProcess: {
        "before Send": 1,
        "before Process": 0,
        "after Process": 1,
    },
    ProcessThenAck: {
        "before Process": 1,
        "before Send": 2,
        "after Send": 1,
    },
    MarkThenProcess: {
        "before Mark": 1,
        "before Process": 0,
        "before Send": 1,
        "after Send": 1,
    },
    ProcessThenMark: {
        "before Process": 1,
        "before Mark": 2,
        "before Send": 1,
        "after Send": 1,
    },
    ProcessOnce: {
        "before Once": 1,
        "before Send": 1,
        "after Send": 1,
    },
}  # fmt: skip
"""How often the message is processed when the crash falls there."""

WITHIN_ONCE = ("process", "mark", "commit")
RECEIVERS: list[Callable[[], Participant]] = list(EXPECTED)
each_receiver = pytest.mark.parametrize("receiver", RECEIVERS)


def pair(receiver: Participant, messages: int = 1) -> dict[str, Participant]:
    return {"sender": RetryUntilAcked("receiver", payments(messages)), "receiver": receiver}


@pytest.fixture
def urls(tmp_path: Path) -> Iterator[str]:
    return (f"sqlite:///{tmp_path}/{number}.db" for number in count())


def times(runs: list[CrashedRun]) -> dict[str, int]:
    return {run.step: run.trace.processed()["1"] for run in runs}


@each_receiver
def test_in_memory_it_falls_before_each_effect_and_after_the_last(
    receiver: Callable[[], Participant],
) -> None:
    runs = campaign(pair(receiver()))
    assert times(runs) == EXPECTED[receiver]
    assert [run.place for run in runs] == [(n, 0) for n in range(1, len(runs) + 1)]
    assert all(len(list(run.trace.of("crashed"))) == 1 for run in runs)


@each_receiver
def test_processes_that_are_killed_end_the_same_way(
    receiver: Callable[[], Participant], urls: Iterator[str]
) -> None:
    killed = kill_campaign(pair(receiver()), urls)
    for run in killed:
        assert run.money == audit(run.trace).money_there
    at_an_effect = {run.place: run.trace for run in killed if run.place[1] == 0}
    assert at_an_effect == {run.place: run.trace for run in campaign(pair(receiver()))}


def test_processes_are_also_killed_at_every_statement_of_a_transaction(
    urls: Iterator[str],
) -> None:
    found = times(kill_campaign(pair(ProcessOnce()), urls))
    inside = {f"inside Once, before {what}": 1 for what in WITHIN_ONCE}
    assert found == inside | EXPECTED[ProcessOnce]
    assert list(found)[:5] == ["before Once", *inside, "before Send"]


@each_receiver
def test_the_search_and_the_campaign_convict_the_same_receivers(
    receiver: Callable[[], Participant],
) -> None:
    both = {**pair(receiver()), "sender": RetryUntilAcked("receiver", payments(1))}
    within = Bounds(losses=0, duplicates=0, crashes=1, crashable=("receiver",))
    found = explore(both, within)
    counts = EXPECTED[receiver].values()
    assert found.never_more_than_once.holds == (max(counts) <= 1)
    assert found.at_least_once_eventually.holds == (min(counts) >= 1)


def test_with_several_messages_each_has_its_places() -> None:
    runs = campaign(pair(ProcessThenMark(), messages=3))
    assert [run.step for run in runs] == list(EXPECTED[ProcessThenMark]) * 3
    assert sum(audit(run.trace).verdict(EXACTLY_ONCE) != "ok" for run in runs) == 3


def test_what_is_not_sent_again_is_lost_with_the_receiver_that_had_it() -> None:
    both: dict[str, Participant] = {
        "sender": FireAndForget("receiver", payments(1)),
        "receiver": ProcessOnce(),
    }
    assert times(campaign(both)) == {"before Once": 0, "before Send": 1, "after Send": 1}


def test_another_transaction_has_its_own_statements(urls: Iterator[str]) -> None:
    both: dict[str, Participant] = {
        "sender": AlternatingBitSender("receiver", payments(1)),
        "receiver": AlternatingBitReceiver(),
    }
    points = [run.step for run in kill_campaign(both, urls)]
    inside = [f"inside Atomic, before {what}" for what in ("process", "save", "commit")]
    assert points == ["before Atomic", *inside, "before Send", "after Send"]


# One run with a kill at each place of each message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("receiver", "kills_each", "times_each"),
    [(ProcessThenMark, 3, 2), (MarkThenProcess, 2, 0), (ProcessOnce, 6, 1)],
)
def test_each_message_meets_a_kill_at_each_place(
    receiver: Callable[[], Participant], kills_each: int, times_each: int, urls: Iterator[str]
) -> None:
    places = [run.place for run in kill_campaign(pair(receiver()), urls)]
    killed = kill_at_each_place(pair(receiver(), messages=10), next(urls), places)
    assert killed.fell.total() == len(list(killed.trace.of("crashed"))) == 10 * kills_each
    assert set(killed.fell.values()) == {10}
    assert all(killed.trace.processed()[str(n)] == times_each for n in range(1, 11))
    assert killed.money_there == 10 * 10 * times_each


# What it cannot work with


def test_an_unknown_name_is_refused(urls: Iterator[str]) -> None:
    with pytest.raises(ValueError, match="who: 'nobody' is no participant; allowed: sender"):
        campaign(pair(ProcessOnce()), who="nobody")
    with pytest.raises(ValueError, match="'nobody' is no participant; allowed: sender"):
        kill_campaign(pair(ProcessOnce()), urls, who="nobody")


def test_a_place_that_a_transaction_does_not_have_is_refused(urls: Iterator[str]) -> None:
    with pytest.raises(ValueError, match=r"places are \[\(1, 4\)\]; allowed: those of a"):
        kill_at_each_place(pair(ProcessOnce()), next(urls), [(1, 4)])


@pytest.mark.slow
def test_a_run_without_an_end_is_refused() -> None:
    with pytest.raises(RuntimeError, match="goes on after 100,000 steps; allowed: one that"):
        campaign(pair(Passive()))


def test_a_brokers_timer_fires_when_nothing_else_can_happen() -> None:
    participants: dict[str, Participant] = {
        "producer": RetryUntilAcked("broker", payments(1), timeout_s=30.0),
        "broker": Broker("consumer", visibility_s=1.0),
        "consumer": ProcessThenAck(),
    }
    runs = campaign(participants, who="consumer")
    assert {run.step: run.trace.processed()["1"] for run in runs} == {
        "before Process": 1, "before Send": 2, "after Send": 1,
    }  # fmt: skip
