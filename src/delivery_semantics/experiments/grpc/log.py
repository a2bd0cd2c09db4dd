"""What a proxy, a server and a client tell about one call, written down in order as a trace.

Book: 14-grpc
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import ClassVar

from ... import Event, Message, Trace
from ...core.effects import Payload
from ...systems.grpc.frames import HTTP2Frame

CLIENT, SERVER = "client", "server"
REPLY = ("headers", "data", "trailers")


@dataclass(frozen=True)
class Pay:
    """The request of an attempt."""

    kind: ClassVar[str] = "message"
    id: str
    amount: int

    @property
    def label(self) -> str:
        """Its name in a diagram."""
        return f"Pay {self.id}"


@dataclass(frozen=True)
class CallReply:
    """What the server sends back: the status of an attempt."""

    kind: ClassVar[str] = "ack"
    id: str
    label: str = "OK"


class CallLog:
    """Writes down what happens to one payment, told from any thread.

    The request of an attempt is its HEADERS, and so is the reply; a frame of the reply that
    is cut loses all of it. What a server sends before its handler has returned, or when the
    client is no longer there, is no reply: gRPC ends a call at its deadline at both ends.

    With ``once`` an effect counts when the handler's transaction has committed, and an attempt
    whose handler did not run is a message that was skipped.
    """

    def __init__(self, payment: Message, *, once: bool) -> None:
        self._payment, self._once = payment, once
        self._pay = Pay(payment.id, payment.amount)
        self._events: list[Event] = []
        self._under_way = self._request = Event(0, "sent", CLIENT, self._pay, SERVER)
        self._packets = self._attempts = self._replies = self._over = 0
        self._ran = self._returned = False
        self._lock = threading.Lock()

    def trace(self) -> Trace:
        """Return everything so far; the time of an event is its place in the order."""
        with self._lock:
            events = [e._replace(time_s=n) for n, e in enumerate(self._events, start=1)]
        return Trace((CLIENT, SERVER), (self._payment,), tuple(events))

    def frame(self, frame: HTTP2Frame, fate: str) -> None:
        """Write down what became of a frame; what a proxy tells."""
        side, _, what = frame.what.partition(f" {frame.call} ")
        with self._lock:
            if frame.call <= self._over:
                return
            if side == "request" and what == "headers":
                self._attempts = frame.call
                self._request = self._send(CLIENT, SERVER, self._pay)
                self._under_way = self._request
            elif side == "reply" and self._returned and what in REPLY:
                if self._replies < frame.call:
                    self._replies = frame.call
                    self._under_way = self._send(SERVER, CLIENT, CallReply(self._pay.id))
                if what == "trailers" and fate == "forwarded":
                    self._arrive(self._under_way)
            else:
                return
            if fate != "forwarded":
                self._events.append(self._under_way._replace(what="lost"))
                self._events.append(Event(0, "timed_out", CLIENT, note="cut"))

    def refused(self) -> None:
        """Write down an attempt that the server's library sends back, before any handler."""
        with self._lock:
            sent = self._send(CLIENT, SERVER, self._pay)
            self._events.append(sent._replace(what="refused", who=SERVER, peer=CLIENT))

    def step(self, step: str) -> None:
        """Write down a step that the server announces."""
        with self._lock:
            match step:
                case "arrived":
                    self._ran = self._returned = False
                    self._arrive(self._request)
                case "received":
                    self._ran = True
                case "processed" if not self._once:
                    self._at_server("processed")
                case "done":
                    self._returned = True
                    if self._once:
                        self._at_server("processed" if self._ran else "skipped")
                    self._ran = False

    def fault(self, what: str, who: str = SERVER, note: str = "") -> None:
        """Write down a fault, or its end."""
        with self._lock:
            self._events.append(Event(0, what, who, note=note))

    def ended(self, status: str) -> None:
        """Write down what the client knows in the end."""
        with self._lock:
            if status == "DEADLINE_EXCEEDED":
                self._events.append(Event(0, "timed_out", CLIENT))
            self._over = self._attempts
            what = "confirmed" if status == "OK" else "gave_up"
            self._events.append(Event(0, what, CLIENT, self._payment))

    def _at_server(self, what: str) -> None:
        self._events.append(Event(0, what, SERVER, self._pay))

    def _send(self, source: str, target: str, payload: Payload) -> Event:
        self._packets += 1
        sent = Event(0, "sent", source, payload, target, self._packets)
        self._events.append(sent)
        return sent

    def _arrive(self, sent: Event) -> None:
        arrived = sent._replace(what="delivered", who=sent.peer, peer=sent.who)
        self._events.append(arrived)
