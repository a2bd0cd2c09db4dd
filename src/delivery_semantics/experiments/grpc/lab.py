"""The payments service on loopback, a client of it, and a proxy between them.

Book: 14-grpc
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial

import grpc

from ... import Message, Trace
from ...databases import Connections, empty_place
from ...systems.cut import Cut
from ...systems.frames import FrameName
from ...systems.gate import Gate
from ...systems.grpc.client import Metadata, PaymentsClient, connected, retry_policy
from ...systems.grpc.frames import HTTP2Frame, HTTP2Framing, numbering
from ...systems.grpc.interceptor import OncePerRequest
from ...systems.grpc.killable import AnnouncingInterceptor
from ...systems.grpc.request_id import WithRequestId
from ...systems.grpc.service import Continuation, Payments, listening
from .log import CallLog

PAYMENT = Message("1", amount=10)


class AttemptsSeen(grpc.ServerInterceptor):  # type: ignore[misc]
    """Keeps the metadata of each attempt to pay that reaches the server."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, str]] = []

    def intercept_service(
        self, continuation: Continuation, details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler:
        """Keep it, and go on."""
        if details.method.endswith("/Pay"):
            self.metadata.append(dict(details.invocation_metadata))
        return continuation(details)


@dataclass
class CallLab:
    """A service that runs. ``now_s`` is the clock of its interceptor, if it has one.

    A handler that is to be held at a step is ``held``, at ``gate``, and then ``finished``.
    """

    client: PaymentsClient
    proxy: Cut[HTTP2Frame]
    log: CallLog
    gate: Gate
    seen: AttemptsSeen
    target: str
    held: threading.Event
    finished: threading.Event
    now_s: float = 0.0

    def call(
        self, payment: Message = PAYMENT, *, timeout_s: float | None = 30.0,
        metadata: Metadata = (),
    ) -> str:  # fmt: skip
        """Pay once, and return the name of the status."""
        call = self.client.begin(payment, timeout_s=timeout_s, metadata=metadata)
        status = str(call.code().name)
        self.log.ended(status)
        return status

    def paid(self) -> list[Message]:
        """Return the payments that the service has, each as often as it was carried out."""
        with connected(self.target, account=self.client.account) as direct:
            return [payment for _, payment in direct.history()]

    def money(self) -> int:
        """Return the money that has moved."""
        return sum(payment.amount for payment in self.paid())

    def trace(self) -> Trace:
        """Return what has happened so far."""
        return self.log.trace()


def config(attempts_max: int, codes: Iterable[str] = ("UNAVAILABLE",)) -> str:
    """Return a service config; one attempt is what gRPC makes without any."""
    return retry_policy(attempts_max, codes=tuple(codes)) if attempts_max > 1 else ""


@contextmanager
def call_lab(
    *,
    cut: Iterable[FrameName] = (),
    refuse: tuple[int, ...] = (),
    attempts_max: int = 1,
    codes: Iterable[str] = ("UNAVAILABLE",),
    once: bool = False,
    window_s: float | None = None,
    ids: bool = True,
    hold_at: str = "",
) -> Iterator[CallLab]:
    """Run the service, with ``once`` behind its interceptor, and a client of it.

    ``cut`` and ``refuse`` are the proxy's; handlers are held at the step ``hold_at``. The
    client makes up to ``attempts_max`` attempts, by gRPC's own policy, on these ``codes``, and
    gives each call a request id, if ``ids``.
    """
    log, gate, seen = CallLog(PAYMENT, once=once), Gate(hold_at), AttemptsSeen()
    number, held, finished = numbering(), threading.Event(), threading.Event()

    def tell(step: str) -> None:
        if step == hold_at:
            held.set()
            gate.enter()
        log.step(step)
        if step == "done":
            finished.set()

    def numbered() -> int:
        call = number()
        if call in refuse:
            log.refused()
        return call

    with empty_place() as url, closing(Connections(url, synchronous="OFF")) as connections:
        deduplicating = OncePerRequest(connections, clock=lambda: made.now_s, window_s=window_s)
        around = [seen, AnnouncingInterceptor(tell), *([deduplicating] if once else [])]
        with (
            listening(Payments(connections, announce=tell), around) as target,
            Cut(
                target, partial(HTTP2Framing, numbered, refuse=refuse),
                cut=dict.fromkeys(cut, 0), tell=log.frame,
            ) as proxy,
            connected(
                proxy.address, [WithRequestId()] if ids else [],
                config=config(attempts_max, codes),
            ) as client,
        ):  # fmt: skip
            made = CallLab(client, proxy, log, gate, seen, target, held, finished)
            try:
                yield made
            finally:
                gate.open()
