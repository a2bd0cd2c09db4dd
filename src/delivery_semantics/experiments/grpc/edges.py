"""What gRPC's retries, and a server that remembers ids, do not do.

Book: 14-grpc
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import cache

import grpc

from ... import Audit, audit, payments
from ...databases import Connections, empty_place
from ...show.view import View
from ...systems.grpc.client import connected
from ...systems.grpc.frames import reply, request
from ...systems.grpc.request_id import REQUEST_ID
from ...systems.grpc.service import Continuation, Payments, listening
from ...systems.server import HOST, free_ports
from .faults import CallEnded, call_ended, call_view
from .lab import PAYMENT, Setting, call_lab

KNOWN_BY = ("the number of the attempt", "the request id")
IDS = ("a new one for each call", "one for the payment")
FOR_THE_PAYMENT = IDS[1]
KEPT_S = 60
AGAIN_S = (1, 59, 61)


@dataclass(frozen=True)
class Came:
    """What the client was told, and how often the payment was made."""

    status: str
    effects: int


def before_the_server(*, waits: bool) -> Came:
    """Call where nobody listens; where the client waits, a server is started then."""
    with empty_place() as url, closing(Connections(url, synchronous="OFF")) as connections:
        service, [port] = Payments(connections), free_ports(1)
        with connected(address := f"{HOST}:{port}") as client:
            call = client.begin(PAYMENT, wait_for_ready=waits)
            status = "" if waits else str(call.code().name)
            with listening(service, port=port), connected(address) as direct:
                status = status or str(call.code().name)
                direct.account = client.account
                return Came(status, len(list(direct.history())))


@cache
def called_again(id: str, after_s: int) -> CallEnded:
    """Lose the reply; call again after so long, on a server that keeps ids for a minute."""
    metadata = ((REQUEST_ID, "payment 1"),) if id == FOR_THE_PAYMENT else ()
    setting = Setting(cut=[reply(1)], once=True, window_s=float(KEPT_S))
    with call_lab(setting) as lab:
        lab.call(metadata=metadata)
        lab.now_s = float(after_s)
        return call_ended(lab, lab.call_anew(metadata=metadata))


def again_view(*, id: str, after_s: int, seed: int = 1) -> View:
    """Show a second call of the application."""
    return call_view(
        called_again(id, after_s), f"Called again after {after_s} s; the id: {id}",
        f"The reply is lost, and the application calls again after {after_s} s. The id: {id}.",
    )  # fmt: skip


def stream_replayed(count: int = 3) -> Came:
    """Lose the reply to a stream of payments; gRPC repeats the stream."""
    with call_lab(Setting(cut=[reply(1)], attempts_max=2, once=True)) as lab:
        said = lab.client.pay_all(payments(count))
        return Came(f"{said} payments", len(lab.paid()))


@cache
def sent_back(knows_by: str, lost: str) -> CallEnded:
    """Lose a request or a reply, on a server that knows a copy by one of ``KNOWN_BY``."""
    cut = {"request": request(1), "reply": reply(1)}[lost]
    by_number, by_id = (knows_by == one for one in KNOWN_BY)
    setting = Setting(cut=[cut], attempts_max=2, once=by_id, skip_retries=by_number)
    with call_lab(setting) as lab:
        return call_ended(lab, lab.call())


def retries_skipped() -> Audit:
    """Lose a request, on a server that carries out no attempt but a first one."""
    return audit(sent_back(KNOWN_BY[0], "request").trace)


def sent_back_view(*, knows_by: str, lost: str, seed: int = 1) -> View:
    """Show what becomes of a call whose copies a server sends back."""
    return call_view(
        sent_back(knows_by, lost), f"The {lost} is lost; a copy is known by {knows_by}",
        f"The {lost} of the first attempt is lost, and the server knows a copy by {knows_by}.",
    )  # fmt: skip


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
