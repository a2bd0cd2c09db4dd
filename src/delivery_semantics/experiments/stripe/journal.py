"""What a proxy and a service tell, written down in order and retold as a trace.

The client, the proxy and the service are real, and each tells what it does when it does it. A
`Journal` writes that down; nothing is added to it, and nothing is put in another order.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import ClassVar

from ... import Event, Message, Trace
from ...core.effects import Payload
from ...systems.http.framing import Passed

CLIENT, SERVICE, DATABASE = "client", "service", "database"


@dataclass(frozen=True)
class Asked:
    """A request to charge ``amount`` for the payment ``id``."""

    kind: ClassVar[str] = "message"
    id: str
    amount: int
    key: str

    @property
    def label(self) -> str:
        """Its name in a diagram."""
        return f"charge, {self.key}" if self.key else "charge"


@dataclass(frozen=True)
class Said:
    """Anything that is said about the payment ``id`` in between, as a question or an answer."""

    kind: ClassVar[str] = "ack"
    id: str
    label: str


class Journal:
    """Writes down what happens to one ``payment``, told from any thread."""

    def __init__(self, payment: Message, *, names: tuple[str, ...] = (CLIENT, SERVICE)) -> None:
        self.payment, self.names = payment, names
        self._events: list[Event] = []
        self._packets = 0
        self._under_way = Event(0, "sent", CLIENT)
        self._lock = threading.Lock()

    def trace(self) -> Trace:
        """Return everything so far; the time of an event is its place in the order."""
        with self._lock:
            events = [e._replace(time_s=n) for n, e in enumerate(self._events, start=1)]
        return Trace(self.names, (self.payment,), tuple(events))

    def passed(self, passed: Passed) -> None:
        """Write down what became of a request or a reply; what a `Proxy` tells."""
        with self._lock:
            if passed.way == "request" and passed.fate != "refused":
                asked = Asked(self.payment.id, self.payment.amount, passed.key)
                self._under_way = self._send(CLIENT, SERVICE, asked)
            if passed.way == "reply" and passed.fate != "missing":
                again = ", replayed" if passed.replayed else ""
                said = Said(self.payment.id, f"{passed.status}{again}")
                self._under_way = self._send(SERVICE, CLIENT, said)
            if passed == passed._replace(way="reply", fate="forwarded"):
                self._arrive(self._under_way)
            if passed.fate in ("lost", "refused"):
                self._add(self._under_way, what=passed.fate)
            if passed.fate != "forwarded":
                self._events.append(Event(0, "timed_out", CLIENT, note="cut"))

    def step(self, step: str) -> None:
        """Write down a step that the service announces."""
        with self._lock:
            mine = Event(0, "", SERVICE, Asked(self.payment.id, self.payment.amount, ""))
            match step:
                case "received":
                    self._arrive(self._under_way)
                case "claimed":
                    self._events.append(mine._replace(what="saved", note="claim"))
                case "processed" | "result committed":
                    self._events.append(mine._replace(what="processed"))

    def between(self, source: str, target: str, label: str) -> None:
        """Write down something that is asked or answered within this machine, and arrives."""
        with self._lock:
            self._arrive(self._send(source, target, Said(self.payment.id, label)))

    def killed(self, step: str) -> None:
        """Write down that the service is killed at this step."""
        with self._lock:
            self._events.append(Event(0, "crashed", SERVICE, note=f"at “{step}”"))

    def restarted(self) -> None:
        """Write down that it runs again."""
        with self._lock:
            self._events.append(Event(0, "restarted", SERVICE))

    def known(self) -> None:
        """Write down that the client has the answer that it wanted."""
        with self._lock:
            self._events.append(Event(0, "confirmed", CLIENT, self.payment))

    def given_up(self) -> None:
        """Write down that the client stops, and does not know."""
        with self._lock:
            self._events.append(Event(0, "gave_up", CLIENT, self.payment))

    def _send(self, source: str, target: str, payload: Payload) -> Event:
        self._packets += 1
        sent = Event(0, "sent", source, payload, target, self._packets)
        self._events.append(sent)
        return sent

    def _arrive(self, sent: Event) -> None:
        arrived = sent._replace(what="delivered", who=sent.peer, peer=sent.who)
        self._events.append(arrived)

    def _add(self, sent: Event, *, what: str) -> None:
        at_target = what == "refused"
        who, peer = (sent.peer, sent.who) if at_target else (sent.who, sent.peer)
        self._events.append(sent._replace(what=what, who=who, peer=peer))
