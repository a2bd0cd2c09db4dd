"""Each request id is carried out once, and the same reply is given to each attempt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from delivery_semantics import Message
from delivery_semantics.databases import connect, empty_place
from delivery_semantics.systems.frames import FrameName
from delivery_semantics.systems.gate import Gate
from delivery_semantics.systems.grpc.client import (
    Metadata,
    PaymentsClient,
    connected,
    retry_policy,
)
from delivery_semantics.systems.grpc.frames import reply, request
from delivery_semantics.systems.grpc.request_id import REQUEST_ID, WithRequestId
from delivery_semantics.systems.grpc.service import Continuation
from delivery_semantics.systems.postgresql import postgresql
from tests.systems.grpc.conftest import ONE, service


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    place = "" if request.param == "sqlite" else request.getfixturevalue("server")
    with empty_place(place) as url:
        yield url


SAME = ((REQUEST_ID, "the same"),)


def code(
    client: PaymentsClient, payment: Message = ONE, *, metadata: Metadata = ()
) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as error:
        client.pay(payment, metadata=metadata)
    return error.value.code()


@pytest.mark.parametrize("lost", [request, reply])
def test_one_effect_and_one_answer_however_many_attempts(
    store: str, lost: Callable[[int], FrameName]
) -> None:
    cut = [lost(number) for number in range(1, 5)]
    with (
        service(store, once=True, cut=cut) as at,
        connected(at.proxy.address, [WithRequestId()], config=retry_policy(5)) as client,
    ):
        assert client.pay(ONE) == 1
        assert at.effects(client.account) == ["1"]


def test_without_an_id_the_service_is_as_it_was(store: str) -> None:
    with (
        service(store, once=True, cut=[reply(1)]) as at,
        connected(at.proxy.address, config=retry_policy(2)) as client,
    ):
        assert client.pay(ONE) == 2
        assert at.effects(client.account) == ["1", "1"]


def test_a_new_call_has_a_new_id_unless_it_says_the_same(store: str) -> None:
    with (
        service(store, once=True) as at,
        connected(at.target, [WithRequestId()]) as client,
    ):
        assert [client.pay(ONE), client.pay(ONE)] == [1, 2]
        assert [client.pay(ONE, metadata=SAME) for _ in range(2)] == [3, 3]


def test_another_request_with_the_same_id_is_refused(store: str) -> None:
    with service(store, once=True) as at, connected(at.target) as client:
        client.pay(ONE, metadata=SAME)
        assert code(client, Message("2"), metadata=SAME) == grpc.StatusCode.INVALID_ARGUMENT
        assert at.effects(client.account) == ["1"]


@pytest.mark.parametrize("how", ["raises", "aborts", "sets a status"])
def test_a_handler_that_fails_leaves_nothing_and_may_be_tried_again(
    store: str, how: str
) -> None:
    fails = [True]

    class Failing(grpc.ServerInterceptor):  # type: ignore[misc]
        """Stands within, around the handler: it has its effect, and then it fails."""

        def intercept_service(
            self, continuation: Continuation, details: grpc.HandlerCallDetails
        ) -> grpc.RpcMethodHandler:
            handler = continuation(details)

            def fail(request: object, context: grpc.ServicerContext) -> object:
                answer = handler.unary_unary(request, context)
                if fails and fails.pop():
                    if how == "raises":
                        raise KeyError("by the handler")
                    if how == "aborts":
                        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no more")
                    context.set_code(grpc.StatusCode.RESOURCE_EXHAUSTED)
                return answer

            if handler.unary_unary is None:
                return handler
            return grpc.unary_unary_rpc_method_handler(
                fail, handler.request_deserializer, handler.response_serializer
            )

    with (
        service(store, once=True, inside=[Failing()]) as at,
        connected(at.target) as client,
    ):
        code(client, metadata=SAME)
        assert at.effects(client.account) == []
        assert client.pay(ONE, metadata=SAME) == client.pay(ONE, metadata=SAME)
        assert at.effects(client.account) == ["1"]


def test_a_copy_waits_for_the_first_and_gets_its_answer(store: str) -> None:
    gate = Gate("the first copy")

    def announce(step: str) -> None:
        if step == "received":
            gate.enter()

    with (
        service(store, once=True, announce=announce) as at,
        connected(at.target) as client,
        ThreadPoolExecutor(4) as threads,
    ):
        copies = [threads.submit(client.pay, ONE, metadata=SAME) for _ in range(4)]
        gate.wait()
        assert not any(copy.done() for copy in copies)
        gate.open()
        assert {copy.result(30) for copy in copies} == {1}
        assert at.effects(client.account) == ["1"]


def test_a_database_that_cannot_decide_now_is_unavailable_and_has_done_nothing(
    tmp_path: Path,
) -> None:
    store = f"sqlite:///{tmp_path / 'payments.db'}"
    with (
        service(store, once=True, lock_timeout_s=0.5) as at,
        connected(at.target) as client,
    ):
        other = connect(store)
        with other.transaction():
            assert code(client, metadata=SAME) == grpc.StatusCode.UNAVAILABLE
        other.close()
        assert client.pay(ONE, metadata=SAME) == 1


def test_an_id_is_forgotten_after_its_window(store: str) -> None:
    with service(store, once=True, window_s=60) as at, connected(at.target) as client:
        assert client.pay(ONE, metadata=SAME) == 1
        at.clock[0] = 59.9
        assert client.pay(ONE, metadata=SAME) == 1
        at.clock[0] = 60.0
        assert client.pay(ONE, metadata=SAME) == 2
        assert client.pay(ONE, metadata=SAME) == 2
        at.clock[0] = 119.0
        assert at.interceptor.forget() == 0
        at.clock[0] = 120.0
        assert at.interceptor.forget() == 1
    database = connect(store)
    assert database.rows("SELECT * FROM grpc_replies") == []
    database.close()


def test_ids_are_scoped_by_method(store: str) -> None:
    with service(store, once=True) as at, connected(at.target) as client:
        client.pay(ONE, metadata=SAME)
        assert client.pay_all([ONE], metadata=SAME) == 1  # a stream is not covered
        assert at.effects(client.account) == ["1", "1"]


def test_each_attempt_says_its_number_and_the_same_id(store: str) -> None:
    seen: list[dict[str, str]] = []
    lock = threading.Lock()

    class Seeing(grpc.ServerInterceptor):  # type: ignore[misc]
        def intercept_service(
            self, continuation: Continuation, details: grpc.HandlerCallDetails
        ) -> grpc.RpcMethodHandler:
            with lock:
                seen.append(dict(details.invocation_metadata))
            return continuation(details)

    with (
        service(store, cut=[reply(1), reply(2)], around=[Seeing()]) as at,
        connected(at.proxy.address, [WithRequestId()], config=retry_policy(3)) as client,
    ):
        client.pay(ONE)
    assert [each.get("grpc-previous-rpc-attempts") for each in seen] == [None, "1", "2"]
    assert len({each[REQUEST_ID] for each in seen}) == 1
