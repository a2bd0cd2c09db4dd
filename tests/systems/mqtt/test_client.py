"""Sessions, and that two runs on one broker never meet."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from delivery_semantics import Message, Record, payments
from delivery_semantics.systems.mqtt.client import END, Peer, SubscriberSource, names, payment
from delivery_semantics.systems.mqtt.frames import on_hop

pytestmark = [pytest.mark.slow, pytest.mark.needs("mqtt")]


def waiting(url: str, topic: str, publisher: str, subscriber: str, first: int) -> None:
    """Have three payments wait in a session."""
    with Peer(url, subscriber) as leaves:
        leaves.subscribe(topic, 1)
    with Peer(url, publisher) as peer:
        for one in (*payments(3, first=first), Message(END, 0)):
            assert peer.publish(topic, one, 1)


def read(url: str, subscriber: str) -> list[Record]:
    """Take and ack all that waits in a session."""
    found = []
    with closing(SubscriberSource(url, subscriber, 1)) as source:
        while record := source.take():
            found.append(record)
            source.ack(record)
    return found


def test_what_was_published_meanwhile_waits_in_the_session(url: str) -> None:
    with names(url, "publisher", "subscriber") as (topic, publisher, subscriber):
        waiting(url, topic, publisher, subscriber, 1)
        assert read(url, subscriber) == [Record(str(n), 10, delivery=1) for n in (1, 2, 3)]


def test_what_was_not_acked_comes_again_and_says_so(url: str) -> None:
    with names(url, "publisher", "subscriber") as (topic, publisher, subscriber):
        waiting(url, topic, publisher, subscriber, 1)
        with closing(SubscriberSource(url, subscriber, 1)) as source:
            assert source.take() == Record("1", 10, delivery=1)
        assert [record.delivery for record in read(url, subscriber)] == [2, 1, 1]


def test_a_session_ends_with_its_names(url: str) -> None:
    with names(url, "publisher", "subscriber") as (topic, publisher, subscriber):
        waiting(url, topic, publisher, subscriber, 1)
    with (
        names(url, "later") as (_, later),
        Peer(url, subscriber) as peer,
        Peer(url, later) as b,
    ):
        peer.subscribe(later, 1)
        b.publish(later, Message("new"), 1)
        peer.wait(lambda: peer.received)
        assert [payment(message).id for message in peer.received] == ["new"]
    Peer(url, subscriber, keeps=False).close()


def test_two_runs_at_once_do_not_meet(url: str) -> None:
    def run(first: int) -> list[str]:
        with names(url, "publisher", "subscriber") as (topic, publisher, subscriber):
            waiting(url, topic, publisher, subscriber, first)
            return [record.id for record in read(url, subscriber)]

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(run, (1, 11))) == [["1", "2", "3"], ["11", "12", "13"]]


def test_a_publisher_that_is_not_to_connect_again_is_told_so(url: str) -> None:
    with (
        names(url, "publisher") as (topic, publisher),
        on_hop(url, lose=[("PUBACK", 1)]) as hop,
    ):
        peer = Peer(f"mqtt://{hop.address}", publisher)
        with pytest.raises(ConnectionError, match="has ended"):
            peer.publish(topic, Message("1"), 1, again=False)
        peer.close()


def test_one_that_has_left_holds_no_socket(url: str) -> None:
    with names(url, "publisher") as (_, publisher):
        before = len(os.listdir("/dev/fd"))
        Peer(url, publisher).close()
        assert len(os.listdir("/dev/fd")) <= before


def test_who_is_never_answered_leaves_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery_semantics.systems.mqtt.client.TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(TimeoutError):
            Peer(f"mqtt://127.0.0.1:{silent.getsockname()[1]}", "nobody")
        asking, _ = silent.accept()
        asking.settimeout(10.0)
        with asking, asking.makefile("rb") as heard:
            assert heard.read().startswith(b"\x10")  # its CONNECT, and then the end
