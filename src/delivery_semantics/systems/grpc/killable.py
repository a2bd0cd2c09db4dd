"""The payments service in a process that stands still at each step of a call.

It is a process of ``live.standing``, which can be killed or paused exactly there. A call's
steps are "arrived", then "received" and "processed" in the handler, and "done": it has returned
and whatever surrounds it has committed, but nothing of the reply has left.

Book: 14-grpc
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import grpc

from ...databases import Connections
from ...live.standing import Announcer, Standing
from .interceptor import OncePerRequest
from .service import Continuation, Payments, listening


class KillablePayments(Standing):
    """The service over the database ``store``, at ``address``, until it is killed.

    ``once``: with the interceptor that carries each request id out once.
    """

    def __init__(self, store: str, *, once: bool, port: int = 0) -> None:
        super().__init__(_serve, store, once, port, load=(__name__,))
        self.address = str(self.next())


class AnnouncingInterceptor(grpc.ServerInterceptor):  # type: ignore[misc]
    """Tells when a call with one request and one reply arrives, and when its reply is ready."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell

    def intercept_service(
        self, continuation: Continuation, details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler:
        """Wrap the handler."""
        handler = continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler

        def told(request: object, context: grpc.ServicerContext) -> object:
            self._tell("arrived")
            reply = handler.unary_unary(request, context)
            self._tell("done")
            return reply

        return grpc.unary_unary_rpc_method_handler(
            told, handler.request_deserializer, handler.response_serializer
        )


def _serve(store: str, once: bool, port: int, announcer: Announcer) -> None:
    # What a process has written survives its SIGKILL; a loss of power is not tried here.
    connections = Connections(store, synchronous="OFF")
    payments = Payments(connections, announce=announcer.stand)
    interceptors: list[grpc.ServerInterceptor] = [AnnouncingInterceptor(announcer.stand)]
    interceptors += [OncePerRequest(connections, clock=time.time)] if once else []
    with listening(payments, interceptors, port=port) as address:
        announcer.say(address)
        threading.Event().wait()
