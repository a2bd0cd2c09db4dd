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
from ...systems.grpc.frames import HTTP2Framing, numbering
from ...systems.grpc.interceptor import OncePerRequest
from ...systems.grpc.killable import AnnouncingInterceptor
from ...systems.grpc.request_id import WithRequestId
from ...systems.grpc.service import Continuation, Payments, listening
from .log import CallLog

PAYMENT = Message("1", amount=10)


class AttemptsSeen(grpc.ServerInterceptor):  # type: ignore[misc]
    """Keeps the metadata of each attempt to pay that reaches the server.

    With ``skip_retries`` it sends back what says that it is not the first attempt: a cure that
    suggests itself, and is none.
    """

    def __init__(self, *, skip_retries: bool = False) -> None:
        self.metadata: list[dict[str, str]] = []
        self._skip_retries = skip_retries

    def intercept_service(
        self, continuation: Continuation, details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler:
        """Keep it, and go on."""
        if not details.method.endswith("/Pay"):
            return continuation(details)
        self.metadata.append(dict(details.invocation_metadata))
        if self._skip_retries and ATTEMPTS in self.metadata[-1]:
            return grpc.unary_unary_rpc_method_handler(lambda raw, context: b'{"number": 0}')
        return continuation(details)


ATTEMPTS = "grpc-previous-rpc-attempts"
"""The metadata in which gRPC says how many attempts of this call there were before."""


@dataclass(frozen=True)
class Setting:
    """What an experiment can choose.

    ``cut`` and ``refuse`` are the proxy's; handlers are held at the step ``hold_at``. The
    client makes up to ``attempts_max`` attempts, by gRPC's own policy, on these ``codes``, and
    gives each call a request id, if ``ids``. The server carries each id out ``once``, and
    remembers it for ``window_s`` seconds; or it ``skip_retries``. Interceptors that stand
    ``inside`` are the nearest to the handler.
    """

    cut: Iterable[FrameName] = ()
    refuse: tuple[int, ...] = ()
    attempts_max: int = 1
    codes: tuple[str, ...] = ("UNAVAILABLE",)
    ids: bool = True
    once: bool = False
    window_s: float | None = None
    skip_retries: bool = False
    hold_at: str = ""
    inside: tuple[grpc.ServerInterceptor, ...] = ()


class CallLab:
    """A service that runs. ``now_s`` is the clock of its interceptor, if it has one.

    A handler that is to be held at a step is ``held``, at ``gate``, and then ``finished``; it
    was ``held_in_time`` if the client's last call had not ended before.
    """

    client: PaymentsClient
    target: str
    address: str

    def __init__(self, setting: Setting) -> None:
        self.log = CallLog(PAYMENT, once=setting.once)
        self.gate, self.seen = (
            Gate("the handler"),
            AttemptsSeen(skip_retries=setting.skip_retries),
        )
        self.held, self.finished = threading.Event(), threading.Event()
        self.held_in_time = False
        self.now_s = 0.0
        self._setting, self._next = setting, numbering()

    def call(
        self, payment: Message = PAYMENT, *, timeout_s: float = 30.0, metadata: Metadata = ()
    ) -> str:
        """Pay once, and return the name of the status."""
        call = self.client.begin(payment, timeout_s=timeout_s, metadata=metadata)
        status = str(call.code().name)
        self.held_in_time = self.held.is_set()  # asked first: what comes later is told later
        self.log.ended(status)
        return status

    def call_anew(self, *, metadata: Metadata = ()) -> str:
        """Pay once more, on a connection of its own, and return the name of the status.

        One that has just been cut may not know yet that it has ended, and takes a call with it.
        """
        account = self.client.account
        with connected(self.address, [WithRequestId()], account=account) as self.client:
            return self.call(metadata=metadata)

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

    def tell(self, step: str) -> None:
        """Hear of a step of the handler."""
        if step == self._setting.hold_at:
            self.held.set()
            self.gate.enter()
        self.log.step(step)
        if step == "done":
            self.finished.set()

    def number(self) -> int:
        """Number the next attempt."""
        number = self._next()
        if number in self._setting.refuse:
            self.log.refused()
        return number

    def interceptors(self, connections: Connections) -> list[grpc.ServerInterceptor]:
        """Return those of the server, outermost first."""
        found = [self.seen, AnnouncingInterceptor(self.tell)]
        if self._setting.once:
            window_s = self._setting.window_s
            found.append(
                OncePerRequest(connections, clock=lambda: self.now_s, window_s=window_s)
            )
        return [*found, *self._setting.inside]


@contextmanager
def call_lab(setting: Setting) -> Iterator[CallLab]:
    """Run the service, a proxy, and a client that has not yet called."""
    lab = CallLab(setting)
    with empty_place() as url, closing(Connections(url, synchronous="OFF")) as connections:
        payments = Payments(connections, announce=lab.tell)
        framing = partial(HTTP2Framing, lab.number, refuse=setting.refuse)
        cut = dict.fromkeys(setting.cut, 0)
        policy = config(setting.attempts_max, setting.codes)
        ids = [WithRequestId()] if setting.ids else []
        with (
            listening(payments, lab.interceptors(connections)) as lab.target,
            Cut(lab.target, framing, cut=cut, tell=lab.log.frame) as proxy,
            connected(proxy.address, ids, config=policy) as lab.client,
        ):
            lab.address = proxy.address
            try:
                yield lab
            finally:
                lab.gate.open()


def config(attempts_max: int, codes: Iterable[str] = ("UNAVAILABLE",)) -> str:
    """Return a service config; one attempt is what gRPC makes without any."""
    return retry_policy(attempts_max, codes=tuple(codes)) if attempts_max > 1 else ""
