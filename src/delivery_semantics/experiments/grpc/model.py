"""The model of a gRPC call: who retries it, what the server remembers, and every run of both.

In the first model a client retries until it hears an ack. The second one knows that gRPC's
reply is headers first and a status later, and that gRPC makes no further attempt once the
headers are there (gRFC A6: the call is committed).

Book: 14-grpc
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ... import (
    Ack,
    Bounds,
    Confirm,
    Exploration,
    GiveUp,
    Message,
    Once,
    Participant,
    Passive,
    Process,
    ProcessOnce,
    ProcessThenAck,
    ReceiveAny,
    RetryUntilAcked,
    Send,
    explore,
)
from ...core.effects import Handler, Payload
from .lab import PAYMENT
from .log import CLIENT, SERVER

CUT_ONCE = Bounds(losses=1, duplicates=0, crashes=0, reordering=False)
"""One connection is cut: a request is lost, or a reply."""

EARLY = Bounds(losses=0, duplicates=0, crashes=0, early_timeouts=1, reordering=False)
"""A deadline that ends while a request, or its reply, is under way."""

ATTEMPTS_ALLOWED = 5
"""What gRPC makes of more, in its language cores; gRFC A6."""


def call(*, attempts_max: int, once: bool) -> dict[str, Participant]:
    """Return a client that makes up to so many attempts, and a server.

    With ``once`` the server remembers request ids, together with the effect.
    """
    allowed = min(attempts_max, ATTEMPTS_ALLOWED)
    client = RetryUntilAcked(SERVER, (PAYMENT,), attempts_max=allowed)
    return {CLIENT: client, SERVER: ProcessOnce() if once else ProcessThenAck()}


def searched(*, attempts_max: int, once: bool, bounds: Bounds = CUT_ONCE) -> Exploration:
    """Search every run of one call."""
    return explore(call(attempts_max=attempts_max, once=once), bounds)


# With headers and status -------------------------------------------------------------------


@dataclass(frozen=True)
class ReplyHeaders:
    """The first frame of a reply: the handler has begun to answer."""

    kind: ClassVar[str] = "ack"
    id: str

    @property
    def label(self) -> str:
        """Its name in a diagram."""
        return f"Headers {self.id}"


@dataclass(frozen=True)
class GrpcClient(Passive):
    """Makes up to ``attempts_max`` attempts, and none after the headers of a reply."""

    attempts_max: int
    messages: tuple[Message, ...] = (PAYMENT,)

    def start(self) -> Handler:
        """Pay."""
        headers, status = ReplyHeaders(PAYMENT.id), Ack(PAYMENT.id)
        for _ in range(min(self.attempts_max, ATTEMPTS_ALLOWED)):
            yield Send(SERVER, PAYMENT)
            if (yield ReceiveAny(headers, timeout_s=1.0)):
                known = yield ReceiveAny(status, timeout_s=1.0)
                yield Confirm(PAYMENT.id) if known else GiveUp(PAYMENT.id)
                return
        yield GiveUp(PAYMENT.id)


@dataclass(frozen=True)
class GrpcServer(Passive):
    """Carries out a request, with ``once`` only if its id is new, and replies in two parts."""

    once: bool

    def receive(self, source: str, payload: Payload) -> Handler:
        """Pay and reply."""
        assert isinstance(payload, Message)
        paid = Process(payload)
        yield Once(payload.id, paid) if self.once else paid
        yield Send(source, ReplyHeaders(payload.id))
        yield Send(source, Ack(payload.id))


def searched_in_two_parts(
    *, attempts_max: int, once: bool, bounds: Bounds = CUT_ONCE
) -> Exploration:
    """Search every run of one call whose reply is headers and a status."""
    parts = {CLIENT: GrpcClient(attempts_max), SERVER: GrpcServer(once)}
    return explore(parts, bounds)
