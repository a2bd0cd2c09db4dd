"""What gRPC's retries, and a server that remembers ids, do not do.

Book: 14-grpc
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import grpc

from ... import Audit, audit, payments
from ...databases import Connections, empty_place
from ...systems.grpc.client import connected
from ...systems.grpc.frames import reply, request
from ...systems.grpc.request_id import REQUEST_ID
from ...systems.grpc.service import Continuation, Payments, listening
from .lab import PAYMENT, Setting, call_lab


@dataclass(frozen=True)
class Came:
    """What the client was told, and how often the payment was made."""

    status: str
    effects: int


def before_the_server(*, waits: bool) -> Came:
    """Call where nobody listens; where the client waits, a server is started then."""
    with empty_place() as url, closing(Connections(url, synchronous="OFF")) as connections:
        service = Payments(connections)
        with listening(service) as address:
            port = int(address.rpartition(":")[2])
        with connected(address) as client:
            call = client.begin(PAYMENT, wait_for_ready=waits)
            status = "" if waits else str(call.code().name)
            with listening(service, port=port), connected(address) as direct:
                status = status or str(call.code().name)
                direct.account = client.account
                return Came(status, len(list(direct.history())))


def called_again(*, same_id: bool, after_s: float = 0.0, window_s: float | None = None) -> Came:
    """Lose the reply; the application makes a second call, on a server that remembers ids."""
    metadata = ((REQUEST_ID, "payment 1"),) if same_id else ()
    with call_lab(Setting(cut=[reply(1)], once=True, window_s=window_s)) as lab:
        lab.call(metadata=metadata)
        lab.now_s = after_s
        return Came(lab.call_anew(metadata=metadata), len(lab.paid()))


def stream_replayed(count: int = 3) -> Came:
    """Lose the reply to a stream of payments; gRPC repeats the stream."""
    with call_lab(Setting(cut=[reply(1)], attempts_max=2, once=True)) as lab:
        said = lab.client.pay_all(payments(count))
        return Came(f"{said} payments", len(lab.paid()))


def retries_skipped() -> Audit:
    """Lose a request, on a server that carries out no attempt but a first one."""
    with call_lab(Setting(cut=[request(1)], attempts_max=2, skip_retries=True)) as lab:
        lab.call()
        return audit(lab.trace())


def attempts_told() -> list[str]:
    """Lose two replies, and return what each attempt said of those before it."""
    with call_lab(Setting(cut=[reply(1), reply(2)], attempts_max=3)) as lab:
        lab.call()
        return [seen.get("grpc-previous-rpc-attempts", "–") for seen in lab.seen.metadata]


def ids_told() -> int:
    """Lose two replies, and return how many request ids the attempts had."""
    with call_lab(Setting(cut=[reply(1), reply(2)], attempts_max=3)) as lab:
        lab.call()
        return len({seen[REQUEST_ID] for seen in lab.seen.metadata})


class Mailing(grpc.ServerInterceptor):  # type: ignore[misc]
    """A handler that mails a receipt; after the first mail it cannot go on."""

    def __init__(self) -> None:
        self.mails = 0

    def intercept_service(
        self, continuation: Continuation, details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler:
        """Wrap the handler."""
        handler = continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler

        def mail(request: object, context: grpc.ServicerContext) -> object:
            answer = handler.unary_unary(request, context)
            self.mails += 1
            if self.mails == 1:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the disk is full")
            return answer

        return grpc.unary_unary_rpc_method_handler(
            mail, handler.request_deserializer, handler.response_serializer
        )


def mailed() -> tuple[Came, int]:
    """Have the handler mail a receipt and then fail; return also how many mails went out."""
    mailing = Mailing()
    with call_lab(Setting(attempts_max=2, once=True, inside=(mailing,))) as lab:
        return Came(lab.call(), len(lab.paid())), mailing.mails


def several(statuses: dict[str, Came]) -> dict[str, list[object]]:
    """Return columns for a table: what was told, how often it was made, and the money."""
    return {
        "the client is told": [came.status for came in statuses.values()],
        "payments made": [came.effects for came in statuses.values()],
        "money there": [came.effects * PAYMENT.amount for came in statuses.values()],
    }
