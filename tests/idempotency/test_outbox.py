"""Relays of one outbox: one at a time, and the next one at once when it ends or is killed."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from delivery_semantics.databases import Connections
from delivery_semantics.idempotency import deliver_outbox, leave_in_outbox
from delivery_semantics.idempotency.table import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MESSAGES = 30


@pytest.fixture(params=["sqlite", "postgresql", "in memory"])
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connections]:
    """An outbox with messages m0 to m29."""
    places = {"sqlite": f"sqlite:///{tmp_path}/keys.db", "in memory": "sqlite:///:memory:"}
    url = places.get(request.param) or request.getfixturevalue("postgresql_url")
    with closing(Connections(url)) as connections:
        SCHEMA.ensure(connections.here())
        for number in range(MESSAGES):
            leave_in_outbox(connections.here(), f"m{number}", "mail", {"n": number})
        yield connections


@contextmanager
def others(outbox: Connections) -> Iterator[Connections]:
    """Yield them as another worker has them."""
    if ":memory:" in outbox.url:
        yield outbox
        return
    with closing(Connections(outbox.url)) as own:
        yield own


def test_while_one_relay_sends_another_sends_nothing(outbox: Connections) -> None:
    sent: list[str] = []

    def send(message_id: str, *_: object) -> None:
        sent.append(message_id)
        assert deliver_outbox(other, send) == 0
        leave_in_outbox(other.here(), f"again {message_id}", "mail", {})  # nobody waits

    with others(outbox) as other:
        assert deliver_outbox(outbox, send) == MESSAGES
        assert sent == [f"m{number}" for number in range(MESSAGES)]
        assert deliver_outbox(other, lambda *_: None) == MESSAGES


def test_relays_that_work_until_it_is_empty_send_each_message_once(
    outbox: Connections,
) -> None:
    sent, lock, at_once = Counter[str](), threading.Lock(), threading.Barrier(4)

    def send(message_id: str, *_: object) -> None:
        with lock:
            sent[message_id] += 1

    def relay() -> None:
        at_once.wait()
        with others(outbox) as own:
            while own.here().rows("SELECT 1 FROM idempotency_outbox LIMIT 1"):
                deliver_outbox(own, send, messages_max=3)

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(relay) for _ in range(4)]:
            done.result()
    assert set(sent.values()) == {1}
    assert len(sent) == MESSAGES


def test_a_relay_that_raises_lets_the_next_one_go_on(outbox: Connections) -> None:
    def fail(*_: object) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        deliver_outbox(outbox, fail)
    with others(outbox) as other:
        assert deliver_outbox(other, lambda *_: None) == MESSAGES


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("outbox", ["sqlite", "postgresql"], indirect=True)
def test_a_relay_that_is_killed_lets_the_next_one_go_on(outbox: Connections) -> None:
    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if not (pid := os.fork()):
        try:
            deliver_outbox(outbox, die)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    sent = 0
    while not sent:  # until PostgreSQL has noticed that its client is gone
        sent = deliver_outbox(outbox, lambda *_: None)
    assert sent == MESSAGES


def test_a_sender_that_nobody_would_wait_for_is_refused_and_loses_nothing(
    outbox: Connections,
) -> None:
    async def send(*_: object) -> None:
        raise AssertionError

    for sender in (send, partial(send), None):
        with pytest.raises(TypeError, match=r"send is .*; allowed"):
            deliver_outbox(outbox, sender)  # type: ignore[arg-type]
    assert deliver_outbox(outbox, lambda *_: None) == MESSAGES
