"""What the chapter on RabbitMQ shows, on a real broker, and that the model knew it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from delivery_semantics import AT_LEAST_ONCE, EXACTLY_ONCE, audit
from delivery_semantics.experiments.rabbitmq import kills, limits, numbers, publishing, restarts
from delivery_semantics.systems.rabbitmq.server import running

pytestmark = [pytest.mark.slow, pytest.mark.needs("rabbitmq")]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as found:
        yield found


@pytest.mark.parametrize("publisher", publishing.PUBLISHERS)
@pytest.mark.parametrize("consumer", publishing.CONSUMERS)
def test_what_the_broker_does_is_among_what_the_search_found(
    url: str, publisher: str, consumer: str
) -> None:
    found = publishing.search(publisher=publisher, consumer=consumer)
    outcomes = set()
    for lost in publishing.LOST:
        run = publishing.published(url, lost=lost, publisher=publisher, consumer=consumer)
        outcomes.add(run.trace.outcome())
    assert outcomes <= set(found.outcomes)
    twice = any(times > 1 for [(_, times, _)] in outcomes)
    assert twice == (not found.never_more_than_once.holds)


@pytest.mark.parametrize("receiver", kills.RECEIVERS)
def test_the_kills_end_as_the_search_says(url: str, receiver: str) -> None:
    found = kills.crash_search(receiver)
    endings = kills.killed(url, receiver, kills.PAYMENTS[:1])
    times = {ending.trace.processed()["1"] for ending in endings}
    assert times == {count for [(_, count, _)] in found.outcomes}
    verdicts = {
        audit(ending.trace).verdict(EXACTLY_ONCE).partition(":")[0] for ending in endings
    }
    assert ("broken" in verdicts) == (not found.holds)


def test_a_zombie_pays_twice_unless_the_database_knows_the_id(url: str) -> None:
    unsafe, safe = kills.paused(url, "process, ack"), kills.paused(url, "process once, ack")
    assert [ending.money for ending in unsafe] == [20, 20, 20, 10]
    assert {ending.money for ending in safe} == {10}
    slow = kills.crash_search("process, ack", fault="paused")
    assert not slow.never_more_than_once.holds
    assert kills.crash_search("process once, ack", fault="paused").holds
    assert {audit(ending.trace).verdict(AT_LEAST_ONCE) for ending in unsafe} == {"ok"}


def test_an_unroutable_payment_is_confirmed_and_lost(url: str) -> None:
    run = publishing.unroutable(url, confirms=True, mandatory=False)
    assert run.known == "confirmed"
    assert audit(run.trace).verdict(AT_LEAST_ONCE).startswith("broken: lost 1")
    run = publishing.unroutable(url, confirms=True, mandatory=True)
    assert run.known == "returned"
    assert [name for (name, _), _ in run.frames] == ["publish", "return", "confirm"]
    assert limits.returned_without_confirms(url) == ["1"]


@pytest.mark.parametrize(
    ("limit", "dead_letters", "deliveries", "where"),
    [
        ("not set", False, 21, limits.GONE),
        ("not set", True, 21, limits.ASIDE),
        ("2", False, 3, limits.GONE),
        ("none (-1)", True, 30, limits.THERE),
    ],
)
def test_a_payment_that_is_given_back(
    url: str, limit: str, dead_letters: bool, deliveries: int, where: str
) -> None:
    found = limits.given_back(url, limit=limit, dead_letters=dead_letters)
    assert found == limits.GivenBack(deliveries, where)


def test_redelivered_is_about_the_brokers_own_deliveries(url: str) -> None:
    assert limits.flags(url) == {
        "published twice": (1, [False, False]),
        "handed over, not looked at": (0, [True] * 5),
        "published once": (0, [False]),
    }


def test_the_reported_troubles_and_their_cures(url: str) -> None:
    assert limits.acked_twice(url, acks=2) == ["1", "2", "3", "2", "3"]
    assert limits.acked_twice(url, acks=1) == ["1", "2", "3"]
    assert limits.slow(url, serves=False) == ["second consumer", "first consumer"]
    assert limits.slow(url, serves=True) == ["first consumer"]


@pytest.mark.parametrize(
    ("plan", "stored"),
    [
        *zip(
            numbers.PLANS,
            [(1, 1, 1, 0, 0, 0), (1,) * 6, (1,) * 6, (1, 0, 1), (1, 1, 0)],
            strict=True,
        )
    ],
)
def test_a_stream_keeps_the_highest_number_of_a_name(
    url: str, plan: str, stored: tuple[int, ...]
) -> None:
    found = numbers.numbered(url, plan)
    assert set(found.known) == {"confirmed"}
    assert found.stored == tuple(map(bool, stored))


def test_what_is_there_after_the_broker_was_killed() -> None:
    assert restarts.killed_broker() == {
        restarts.QUORUM_QUEUE: 3,
        restarts.PERSISTENT: 3,
        restarts.TRANSIENT: 0,
        restarts.NEW: 0,
    }


def test_the_panels_tell_the_money_and_the_flags_of_their_runs(url: str) -> None:
    auto = kills.killed_view(url, receiver="auto-ack").numbers
    assert (auto["places"], auto["of them wrong"], auto["there, at worst"]) == (7, 5, 0)
    zombie = kills.paused_view(url, receiver="process, ack").numbers
    assert (zombie["of them wrong"], zombie["there, at worst"]) == (3, 20)
    seen = limits.flags_view(url, history="handed over, not looked at").numbers
    assert dict(seen) == {"copies": 0, "redelivered": 5}
    acked = [limits.acked_view(url, acks=acks).numbers["money there"] for acks in (1, 2)]
    assert acked == [30, 50]
    slow = [limits.slow_view(url, heartbeats=h).numbers["money there"]
            for h in ("answered", "not answered")]  # fmt: skip
    assert slow == [10, 20]


def test_the_panel_of_restarts_tells_what_each_queue_has_left() -> None:
    left = [restarts.restart_view(kind=kind).numbers["money there"] for kind in restarts.QUEUES]
    assert left == [30, 30, 0, 0]
    with pytest.raises(ValueError, match=r"kind is 'old'; allowed: "):
        restarts.restart_view(kind="old")
