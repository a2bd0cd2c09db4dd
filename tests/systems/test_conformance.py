"""One expectation for each receiver, whoever makes the run.

That is a script, chance, a search, sockets, a process that is killed, and each real system.

A producer gives two payments to a broker, and the broker hands them to a consumer, which goes
down once, at each of its steps. What the order of the consumer's steps allows is the same in
each of these ways, and each way meets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from delivery_semantics import (
    AT_LEAST_ONCE,
    AT_MOST_ONCE,
    EXACTLY_ONCE,
    AckThenProcess,
    Bounds,
    Broker,
    CrashPoint,
    Once,
    Participant,
    Process,
    ProcessOnce,
    ProcessThenAck,
    RetryUntilAcked,
    Semantic,
    Send,
    Trace,
    audit,
    explore,
    payments,
    simulate,
)
from delivery_semantics.core.effects import Effect
from delivery_semantics.live.campaign import campaign, kill_campaign
from delivery_semantics.live.sockets import run_live
from delivery_semantics.systems.consumer import Open
from delivery_semantics.systems.lab import kill_at_each_step

pytestmark = pytest.mark.slow

PAYMENTS = payments(2)
EXPECTED: Mapping[str, tuple[type[Participant], Semantic, str]] = {
    "acks, then processes": (AckThenProcess, AT_MOST_ONCE, "lost though acked"),
    "processes, then acks": (ProcessThenAck, AT_LEAST_ONCE, "duplicated"),
    "processes once": (ProcessOnce, EXACTLY_ONCE, ""),
}
"""For each receiver the guarantee that every run keeps, and what at least one run shows."""

STEPS: tuple[type[Effect], ...] = (Process, Once, Send)


def system(receiver: Participant) -> dict[str, Participant]:
    """The model: its broker hands over again after a second."""
    return {
        "producer": RetryUntilAcked("broker", PAYMENTS, timeout_s=30.0),
        "broker": Broker("consumer", visibility_s=1.0),
        "consumer": receiver,
    }


def by_script(receiver: Participant) -> list[Trace]:
    return [run.trace for run in campaign(system(receiver), who="consumer")]


def by_chance(receiver: Participant) -> list[Trace]:
    points = tuple(CrashPoint("consumer", step, 0.2) for step in STEPS)
    return [simulate(system(receiver), seed=seed, crashes=points) for seed in range(1, 41)]


def by_search(receiver: Participant) -> list[Trace]:
    one_crash = Bounds(losses=0, duplicates=0, crashes=1, crashable=("consumer",))
    found = explore(system(receiver), one_crash)
    return [found.run(outcome) for outcome in found.outcomes]


def by_sockets(receiver: Participant) -> list[Trace]:
    points = tuple(CrashPoint("consumer", step, 0.3) for step in STEPS)
    with ThreadPoolExecutor(8) as threads:  # at once: a redelivery comes after four seconds

        def run(seed: int) -> Trace:
            return run_live(
                system(receiver), seed=seed, crashes=points, time_scale=4.0, wall_s_max=300.0
            )

        return list(threads.map(run, range(1, 9)))


def by_kill(receiver: Participant) -> list[Trace]:
    with TemporaryDirectory() as folder:
        stores = (f"sqlite:///{Path(folder).as_posix()}/{number}.db" for number in count())
        return [run.trace for run in kill_campaign(system(receiver), stores, who="consumer")]


# Real systems -----------------------------------------------------------------------------

Fill = Callable[[], AbstractContextManager[Open]]


@contextmanager
def sqs() -> Iterator[tuple[Fill, Callable[[], object]]]:
    """A queue, and how to wait until SQS hands over again what a dead consumer had."""
    from delivery_semantics.experiments.sqs.kills import filled
    from delivery_semantics.systems.sqs.client import VISIBILITY_S
    from delivery_semantics.systems.sqs.server import pass_time, running

    with running() as url:
        fill = partial(filled, url, fifo=True, messages=PAYMENTS)
        yield fill, partial(pass_time, url, VISIBILITY_S)


@contextmanager
def kafka() -> Iterator[tuple[Fill, Callable[[], object]]]:
    """A topic; it is a consumer's by assignment, so that nobody needs to be given up."""
    from delivery_semantics.systems.kafka import client
    from delivery_semantics.systems.kafka.server import running
    from delivery_semantics.systems.kafka.source import Reading

    with running() as address:

        @contextmanager
        def filled() -> Iterator[Open]:
            with client.topic(address) as own:
                client.fill(own, *PAYMENTS)
                yield Reading(own)

        yield filled, list


@contextmanager
def grpc() -> Iterator[tuple[Fill, Callable[[], object]]]:
    """A stream, whose acks are a resume point: whoever comes next goes on behind it."""
    from delivery_semantics.experiments.grpc.streams import filled

    yield filled, list


@contextmanager
def rabbitmq() -> Iterator[tuple[Fill, Callable[[], object]]]:
    """A quorum queue; the broker gives up a killed consumer when its connection ends."""
    from delivery_semantics.systems.rabbitmq import client
    from delivery_semantics.systems.rabbitmq.server import running

    with running() as url:

        @contextmanager
        def filled() -> Iterator[Open]:
            with client.queue(url) as queue:
                client.publish(url, queue, PAYMENTS)
                yield partial(client.Deliveries, url, queue)

        yield filled, list


SYSTEMS = {"sqs": sqs, "kafka": kafka, "grpc": grpc, "rabbitmq": rabbitmq}


@cache
def killed_on(name: str) -> dict[str, list[Trace]]:
    """Kill each receiver at each of its steps, on one server."""
    with SYSTEMS[name]() as (fill, until_given_up):
        return {
            receiver: [
                ending.trace
                for ending in kill_at_each_step(
                    fill, make(), PAYMENTS, until_given_up=until_given_up
                )
            ]
            for receiver, (make, _, _) in EXPECTED.items()
        }


def runs(way: str, receiver: str) -> list[Trace]:
    """Return the runs of a receiver that one of the ways makes."""
    return killed_on(way)[receiver] if way in SYSTEMS else WAYS[way](EXPECTED[receiver][0]())


WAYS: Mapping[str, Callable[[Participant], list[Trace]]] = {
    "script": by_script,
    "chance": by_chance,
    "search": by_search,
    "sockets": by_sockets,
    "kill": by_kill,
}
NEEDS = ("kafka", "rabbitmq")
ways = [
    pytest.param(name, marks=pytest.mark.needs(name) if name in NEEDS else ())
    for name in (*WAYS, *SYSTEMS)
]


@pytest.mark.parametrize("receiver", EXPECTED)
@pytest.mark.parametrize("way", ways)
def test_a_consumer_that_goes_down_once(way: str, receiver: str) -> None:
    _, semantic, shown = EXPECTED[receiver]
    audits = [audit(trace) for trace in runs(way, receiver)]
    verdicts = {found.verdict(semantic) for found in audits}
    assert not [verdict for verdict in verdicts if verdict.startswith("broken")]
    assert "ok" in verdicts or way == "search"  # a shortest run to an end has no needless fault
    found = {name for one in audits for name, ids in one.findings().items() if ids}
    wrong = found - {"lost", "skipped", "redelivered", "out of order"}
    assert wrong == ({shown} if shown else set())
