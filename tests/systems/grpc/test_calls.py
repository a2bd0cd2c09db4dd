"""What gRPC does with a call that meets a fault; nothing here has an interceptor."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import grpc
import pytest

from delivery_semantics import Message, payments
from delivery_semantics.databases import (
    Connections,
    Database,
    DatabaseRefused,
    Schema,
    SchemaMismatch,
    connect,
)
from delivery_semantics.systems.frames import FrameName
from delivery_semantics.systems.gate import Gate
from delivery_semantics.systems.grpc.client import HistorySource, connected, retry_policy
from delivery_semantics.systems.grpc.frames import reply, request
from delivery_semantics.systems.grpc.service import Payments, listening
from delivery_semantics.systems.server import HOST, free_ports
from tests.systems.grpc.conftest import ONE, service

UNAVAILABLE, DEADLINE = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_call_that_meets_no_fault_has_one_effect(store: str) -> None:
    with service(store) as at, connected(at.proxy.address) as client:
        assert client.pay(ONE) == 1
        assert at.effects(client.account) == ["1"]
    passed = [name for name, fate in at.told if name[0].startswith("reply 1 ")]
    assert passed[:3] == [reply(1), reply(1, "data"), reply(1, "trailers")]


@pytest.mark.parametrize("frame", [reply(1), reply(1, "data"), reply(1, "trailers")])
def test_unavailable_although_the_handler_ran(store: str, frame: FrameName) -> None:
    with service(store, cut=[frame]) as at, connected(at.proxy.address) as client:
        with pytest.raises(grpc.RpcError) as error:
            client.pay(ONE)
        assert error.value.code() == UNAVAILABLE
        assert at.effects(client.account) == ["1"]


def test_what_is_behind_a_cut_does_not_pass_and_is_not_told(store: str) -> None:
    with (
        service(store, cut=[reply(1)]) as at,
        connected(at.proxy.address) as client,
        pytest.raises(grpc.RpcError),
    ):
        client.pay(ONE)
    assert [told for told in at.told if told[0][0].startswith("reply 1 ")] == [
        (reply(1), "lost")
    ]


def test_unavailable_although_nothing_arrived(store: str) -> None:
    with service(store, cut=[request(1)]) as at, connected(at.proxy.address) as client:
        with pytest.raises(grpc.RpcError) as error:
            client.pay(ONE)
        assert error.value.code() == UNAVAILABLE
        assert at.effects(client.account) == []


@pytest.mark.parametrize(("attempts_max", "effects"), [(2, 2), (4, 4), (5, 5), (9, 5)])
def test_one_call_has_as_many_effects_as_attempts_and_never_more_than_five(
    store: str, attempts_max: int, effects: int
) -> None:
    cut, config = [reply(n) for n in range(1, 10)], retry_policy(attempts_max)
    with service(store, cut=cut) as at, connected(at.proxy.address, config=config) as client:
        with pytest.raises(grpc.RpcError):
            client.pay(ONE)
        assert at.effects(client.account) == ["1"] * effects


def test_once_the_reply_has_begun_nothing_is_retried(store: str) -> None:
    config = retry_policy(4)
    with (
        service(store, cut=[reply(1, "trailers")]) as at,
        connected(at.proxy.address, config=config) as client,
    ):
        with pytest.raises(grpc.RpcError):
            client.pay(ONE)
        assert at.effects(client.account) == ["1"]


@pytest.mark.parametrize("codes", [("UNAVAILABLE",), ("UNAVAILABLE", "DEADLINE_EXCEEDED")])
def test_a_deadline_ends_the_call_and_not_the_handler(
    store: str, codes: tuple[str, ...]
) -> None:
    gate, done, held = Gate("the handler"), threading.Event(), threading.Event()

    def announce(step: str) -> None:
        if step == "received":
            held.set()
            gate.enter()
        else:
            done.set()

    config, deadlines_s = retry_policy(4, codes=codes), iter((2.0, 60.0))
    with (
        service(store, announce=announce) as at,
        connected(at.proxy.address, config=config) as client,
    ):
        while not held.is_set():  # one that is over before the handler has begun is too short
            with pytest.raises(grpc.RpcError) as error:
                client.pay(ONE, timeout_s=next(deadlines_s))
            assert error.value.code() == DEADLINE
        assert at.effects(client.account) == []
        gate.open()
        assert done.wait(30)
        assert at.effects(client.account) == ["1"]


def test_a_call_refused_before_it_began_is_made_again_without_any_policy_once(
    store: str,
) -> None:
    with service(store, refuse=(1,)) as at, connected(at.proxy.address) as client:
        client.pay(ONE)
        assert at.effects(client.account) == ["1"]
    with service(store, refuse=(1, 2)) as at, connected(at.proxy.address) as client:
        with pytest.raises(grpc.RpcError):
            client.pay(ONE)
        assert at.effects(client.account) == []


def test_who_waits_for_ready_waits_for_a_server_that_is_not_there_yet(store: str) -> None:
    [port] = free_ports(1)
    with (
        closing(Connections(store)) as connections,
        connected(f"{HOST}:{port}") as client,
        ThreadPoolExecutor(1) as thread,
    ):
        with pytest.raises(grpc.RpcError) as error:
            client.pay(ONE, wait_for_ready=False)
        assert error.value.code() == UNAVAILABLE
        waiting = thread.submit(client.pay, ONE, wait_for_ready=True)
        with listening(Payments(connections), port=port):
            assert waiting.result(30) == 1


def test_a_stream_of_requests_is_replayed_from_its_beginning(store: str) -> None:
    config = retry_policy(2)
    with (
        service(store, cut=[reply(1)]) as at,
        connected(at.proxy.address, config=config) as client,
    ):
        assert client.pay_all(payments(3)) == 3
        assert at.effects(client.account) == ["1", "2", "3", "1", "2", "3"]


def test_a_stream_of_replies_goes_on_after_the_number_that_is_said(store: str) -> None:
    with service(store) as at, connected(at.proxy.address) as client:
        client.pay_all(payments(4))
        assert [(n, p.id) for n, p in client.history(after=2)] == [(3, "3"), (4, "4")]


def test_two_runs_on_one_service_do_not_meet(store: str) -> None:
    with (
        service(store) as at,
        connected(at.proxy.address) as one,
        connected(at.proxy.address) as other,
    ):
        one.pay(Message("1"))
        other.pay(Message("2"))
        assert (at.effects(one.account), at.effects(other.account)) == (["1"], ["2"])


def test_fewer_than_two_attempts_are_no_policy() -> None:
    with pytest.raises(
        ValueError, match="attempts_max is 1; allowed: a whole number, 2 or more"
    ):
        retry_policy(1)


def test_a_source_that_cannot_begin_closes_its_place(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Database] = []

    def connected_to(place: str) -> Database:
        opened.append(connect(place))
        return opened[-1]

    monkeypatch.setattr("delivery_semantics.systems.grpc.client.connect", connected_to)
    with closing(connect(store)) as database:
        Schema("grpc_positions", 2, ("CREATE TABLE grpc_positions (n BIGINT)",)).ensure(
            database
        )
    with pytest.raises(SchemaMismatch):
        HistorySource("localhost:1", "anna", store)
    with pytest.raises(DatabaseRefused, match="closed"):
        opened[0].rows("SELECT 1")
