"""Frames are found and named however the stream is cut into pieces, and addresses replaced."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics import payments
from delivery_semantics.systems.frames import DOWN, UP
from delivery_semantics.systems.kafka.client import fill, producer, read, send_payments, topic
from delivery_semantics.systems.kafka.frames import KafkaFrames, proxy


def framing() -> KafkaFrames:
    counts = itertools.count(1)
    return KafkaFrames(lambda kind: next(counts), port=9092, own=50_000)


def sized(body: bytes) -> bytes:
    return len(body).to_bytes(4) + body


def request(key: int, correlation: int, rest: bytes = b"") -> bytes:
    return sized(key.to_bytes(2) + b"\0\7" + correlation.to_bytes(4) + rest)


def reply(correlation: int, rest: bytes = b"") -> bytes:
    return sized(correlation.to_bytes(4) + rest)


def names(split: KafkaFrames, way: str, *pieces: bytes) -> list[tuple[str, int]]:
    found = (piece for data in pieces for piece in split.split(way, data))
    return [piece.frame.name for piece in found if piece.frame]


def test_a_reply_is_named_by_the_request_that_it_answers() -> None:
    one = framing()
    assert names(one, UP, request(0, 7) + request(3, 8)) == [("produce", 1), ("metadata", 2)]
    assert names(one, DOWN, reply(8) + reply(7)) == [
        ("metadata reply", 2),
        ("produce reply", 1),
    ]


def test_a_kind_without_a_name_has_its_number() -> None:
    assert names(framing(), UP, request(999, 1)) == [("api 999", 1)]


@given(st.lists(st.binary(max_size=30), max_size=4), st.integers(1, 20))
def test_in_whatever_pieces_it_comes_the_stream_is_the_same(
    bodies: list[bytes], size: int
) -> None:
    stream = b"".join(request(0, n, body) for n, body in enumerate(bodies))
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    split = framing()
    passed = [piece for data in pieces for piece in split.split(UP, data)]
    assert b"".join(piece.data for piece in passed) == stream
    assert len(passed) == len(bodies)


@pytest.mark.parametrize("host", [b"127.0.0.1", b"localhost"])
def test_where_a_reply_names_the_broker_it_names_the_proxy(host: bytes) -> None:
    split = framing()
    names(split, UP, request(3, 1))
    [piece] = split.split(DOWN, reply(1, b"\x0a" + host + (9092).to_bytes(4) + b"rest"))
    assert piece.data == reply(1, b"\x0a127.0.0.1" + (50_000).to_bytes(4) + b"rest")


def test_a_broker_that_is_not_on_loopback_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^target is 'kafka:9092'; allowed: 127\.0\.0\.1:PORT"
    ):
        proxy("kafka:9092")


@pytest.mark.slow
@pytest.mark.needs("kafka")
@pytest.mark.parametrize(("idempotent", "copies"), [(False, 1), (True, 0)])
def test_a_reply_that_is_cut_costs_a_plain_producer_a_copy(
    broker: str, *, idempotent: bool, copies: int
) -> None:
    told: list[tuple[tuple[str, int], str]] = []
    cutting = proxy(
        broker, cut={("produce reply", 2): 0}, tell=lambda f, fate: told.append((f.name, fate))
    )
    with topic(broker) as there, cutting as between:
        through = there.at(between.address)
        made = producer(through, enable_idempotence=idempotent)
        assert send_payments(made, through, *payments(3)) == ("1", "2", "3")
        ids = [record.id for record in read(there)]
    assert ids == ["1", *["2"] * (1 + copies), "3"]
    assert [name for name, fate in told if fate == "lost"] == [("produce reply", 2)]


@pytest.mark.slow
@pytest.mark.needs("kafka")
def test_who_reads_through_the_proxy_does_not_go_around_it(broker: str) -> None:
    told: list[str] = []
    with (
        topic(broker) as there,
        proxy(broker, tell=lambda frame, fate: told.append(frame.name[0])) as between,
    ):
        fill(there, *payments(1))
        assert len(read(there.at(between.address))) == 1
    assert "fetch reply" in told
