"""A client of the payments service, over grpcio as it is.

Book: 14-grpc
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import grpc

from ...core.check import at_least
from ...core.effects import Message
from ...core.trace import Record
from ...databases import Schema, connect
from .service import SERVICE, read, written

BACKOFF_S = 0.03
Metadata = Sequence[tuple[str, str]]


def retry_policy(
    attempts_max: int, *, codes: Sequence[str] = ("UNAVAILABLE",), backoff_s: float = BACKOFF_S
) -> str:
    """Return a service config that has gRPC itself retry, as JSON; see gRFC A6.

    ``attempts_max`` counts the first attempt too; gRPC allows 2 or more and makes 5 of more.
    Raises ValueError for fewer.
    """
    at_least("attempts_max", attempts_max, 2)
    policy = {
        "maxAttempts": attempts_max, "initialBackoff": f"{backoff_s}s",
        "maxBackoff": f"{backoff_s}s", "backoffMultiplier": 1,
        "retryableStatusCodes": list(codes),
    }  # fmt: skip
    return json.dumps(
        {"methodConfig": [{"name": [{"service": SERVICE}], "retryPolicy": policy}]}
    )


class PaymentsClient:
    """Sends payments over ``channel``, on an account of its own unless one is given.

    A call raises grpc.RpcError unless it ends well. ``timeout_s`` is gRPC's deadline, for all
    attempts of a call together; None: no limit.
    """

    def __init__(self, channel: grpc.Channel, *, account: str = "") -> None:
        self.account = account or uuid.uuid4().hex
        coding = {"request_serializer": written, "response_deserializer": read}
        self._pay = channel.unary_unary(f"/{SERVICE}/Pay", **coding)
        self._pay_all = channel.stream_unary(f"/{SERVICE}/PayAll", **coding)
        self._history = channel.unary_stream(f"/{SERVICE}/History", **coding)

    def pay(
        self, payment: Message, *, metadata: Metadata = (), timeout_s: float | None = 30.0,
        wait_for_ready: bool | None = None,
    ) -> int:  # fmt: skip
        """Pay, and return the number of the payment."""
        call = self.begin(
            payment, metadata=metadata, timeout_s=timeout_s, wait_for_ready=wait_for_ready
        )
        return int(call.result()["number"])

    def begin(
        self, payment: Message, *, metadata: Metadata = (), timeout_s: float | None = 30.0,
        wait_for_ready: bool | None = None,
    ) -> grpc.Call:  # fmt: skip
        """Begin to pay; ``code()`` of the call waits for its end, and ``cancel()`` ends it."""
        return self._pay.future(
            self._written(payment), metadata=tuple(metadata), timeout=timeout_s,
            wait_for_ready=wait_for_ready,
        )  # fmt: skip

    def pay_all(
        self, payments: Iterable[Message], *, metadata: Metadata = (), timeout_s: float = 30.0
    ) -> int:
        """Send payments as one stream, and return how many the service says have come."""
        requests = map(self._written, payments)
        reply = self._pay_all(requests, metadata=tuple(metadata), timeout=timeout_s)
        return int(reply["payments"])

    def history(
        self, *, after: int = 0, timeout_s: float = 30.0
    ) -> Iterator[tuple[int, Message]]:
        """Yield the payments after a number, each with its own."""
        for one in self._history({"account": self.account, "after": after}, timeout=timeout_s):
            yield one["number"], Message(one["id"], one["amount"])

    def _written(self, payment: Message) -> dict[str, Any]:
        return {"account": self.account, "id": payment.id, "amount": payment.amount}


@contextmanager
def connected(
    address: str,
    interceptors: Sequence[grpc.UnaryUnaryClientInterceptor] = (),
    *,
    config: str = "",
    account: str = "",
) -> Iterator[PaymentsClient]:
    """Yield a client of the service at ``address``, with a service config if it is given."""
    options: list[tuple[str, Any]] = [
        ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1),  # a connection of its own
        ("grpc.service_config_disable_resolution", 1),  # asks no name server for a config
    ]
    options += [
        ("grpc.initial_reconnect_backoff_ms", 50),
        ("grpc.max_reconnect_backoff_ms", 200),
    ]
    options += [("grpc.service_config", config)] if config else []
    with grpc.insecure_channel(address, options) as channel:
        yield PaymentsClient(grpc.intercept_channel(channel, *interceptors), account=account)


# A stream of replies as a source ----------------------------------------------------------

POSITIONS = Schema(
    "grpc_positions",
    1,
    ("CREATE TABLE grpc_positions (account TEXT PRIMARY KEY, number BIGINT NOT NULL)",),
)
SAVE = """
INSERT INTO grpc_positions VALUES (?, ?)
ON CONFLICT (account) DO UPDATE SET number = excluded.number
"""


class HistorySource:
    """An account's payments as a `Source`: an ack is the resume point, saved at ``place``.

    gRPC remembers nothing about a stream that has ended; where to go on is the reader's to say.
    """

    def __init__(self, address: str, account: str, place: str) -> None:
        self._account = account
        with ExitStack() as opened:
            self._place = opened.enter_context(closing(connect(place)))
            POSITIONS.ensure(self._place)
            client = opened.enter_context(connected(address, account=account))
            self._stream = client.history(after=self._resume_point())
            self._stack = opened.pop_all()  # an error before this closes what is open

    def take(self) -> Record | None:
        """Return the next payment; its position is its number."""
        for number, payment in self._stream:
            return Record(payment.id, payment.amount, self._account, number)
        return None

    def ack(self, record: Record) -> None:
        """Save the resume point."""
        assert record.position is not None
        self._place.change(SAVE, (self._account, record.position))

    def close(self) -> None:
        """End the stream."""
        self._stack.close()

    def _resume_point(self) -> int:
        found = self._place.rows(
            "SELECT number FROM grpc_positions WHERE account = ?", (self._account,)
        )
        return int(found[0][0]) if found else 0
