"""A payments service on gRPC, which knows nothing of retries.

    Pay      one payment, one reply with its number
    PayAll   a stream of payments, one reply with how many
    History  the payments after a number, as a stream

Each is for an ``account``; who asks for an account of its own meets nobody else's payments.

Book: 14-grpc
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import grpc

from ...databases import Connections, Schema, connect
from ..server import HOST

SERVICE = "payments.Payments"
THREADS = 8
GRACE_S = 5.0

PAID = Schema(
    "grpc_payments",
    1,
    (
        "CREATE TABLE paid (number INTEGER PRIMARY KEY, account TEXT NOT NULL,"
        " id TEXT NOT NULL, amount BIGINT NOT NULL)",
        "CREATE INDEX paid_by_account ON paid (account, number)",
    ),
)

JSON = dict[str, Any]
Continuation = Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler]
"""What an interceptor of a server asks for the handler that it surrounds."""


def written(value: JSON) -> bytes:
    """Return a message as it travels."""
    return json.dumps(value, sort_keys=True).encode()


def read(raw: bytes) -> JSON:
    """Return a message that came. Raises ValueError for what is none."""
    value = json.loads(raw)
    if not isinstance(value, dict):
        raise ValueError(f"the message is {value!r}; allowed: a JSON object")
    return value


class Payments:
    """The handlers of the service over ``connections``. ``announce`` hears of each step.

    A payment is one statement. Within a transaction that somebody else has opened on this
    thread's connection it is a part of that; otherwise it is committed at once.
    """

    def __init__(
        self, connections: Connections, *, announce: Callable[[str], object] = lambda step: None
    ) -> None:
        self._connections, self._announce = connections, announce
        PAID.ensure(connections.here())

    def pay(self, request: JSON, context: grpc.ServicerContext) -> JSON:
        """Move the money, and return the payment's number."""
        self._announce("received")
        [(number,)] = self._connections.here().rows(
            "INSERT INTO paid (account, id, amount) VALUES (?, ?, ?) RETURNING number",
            (request["account"], request["id"], request["amount"]),
        )
        self._announce("processed")
        return {"number": number}

    def pay_all(self, requests: Iterator[JSON], context: grpc.ServicerContext) -> JSON:
        """Carry out each payment as it comes, and return how many came."""
        return {"payments": sum(1 for each in requests if self.pay(each, context))}

    def history(self, request: JSON, context: grpc.ServicerContext) -> Iterator[JSON]:
        """Yield the account's payments after the number ``after``, oldest first."""
        rows = self._connections.here().rows(
            "SELECT number, id, amount FROM paid WHERE account = ? AND number > ?"
            " ORDER BY number",
            (request["account"], request.get("after", 0)),
        )
        for number, id, amount in rows:
            yield {"number": number, "id": id, "amount": amount}

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what a gRPC server is given."""
        coding = {"request_deserializer": read, "response_serializer": written}
        methods = {
            "Pay": grpc.unary_unary_rpc_method_handler(self.pay, **coding),
            "PayAll": grpc.stream_unary_rpc_method_handler(self.pay_all, **coding),
            "History": grpc.unary_stream_rpc_method_handler(self.history, **coding),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)


def money_paid(store: str) -> int:
    """Return the money of all payments, by the word of the service's database."""
    with closing(connect(store)) as database:
        [(money,)] = database.rows("SELECT COALESCE(SUM(amount), 0) FROM paid")
    return int(money)


@contextmanager
def listening(
    payments: Payments, interceptors: Sequence[grpc.ServerInterceptor] = (), *, port: int = 0
) -> Iterator[str]:
    """Serve on loopback, in threads of this process, until the block ends; yield HOST:PORT.

    ``port`` 0 takes a free one. Raises RuntimeError if it is taken.
    """
    options = [("grpc.so_reuseport", 0)]  # else two servers share a port, and nobody says so
    with ThreadPoolExecutor(THREADS, "grpc") as threads:
        server = grpc.server(threads, interceptors=interceptors, options=options)
        server.add_generic_rpc_handlers((payments.handlers(),))
        bound = server.add_insecure_port(f"{HOST}:{port}")
        server.start()
        try:
            yield f"{HOST}:{bound}"
        finally:
            server.stop(GRACE_S).wait()
