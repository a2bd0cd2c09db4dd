"""What a proxy and a service tell, written down in order and retold as a trace.

The client, the proxy and the service are real, and each tells what it does when it does it. A
`Journal` writes that down; nothing is added to it, and nothing is put in another order.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Iterable

from ... import Event, Message
from ...live.run_log import LabelledAck, LabelledMessage, RunLog
from ...systems.http.framing import Passed

CLIENT, SERVICE, DATABASE = "client", "service", "database"


class Journal(RunLog):
    """Writes down what happens to one ``payment``, told from any thread."""

    def __init__(self, payment: Message, *, names: Iterable[str] = (CLIENT, SERVICE)) -> None:
        super().__init__(names, (payment,), outside=False)
        self.payment = payment
        self._under_way = Event(0.0, "sent", CLIENT)

    def passed(self, passed: Passed) -> None:
        """Write down what became of a request or a reply; what a `Proxy` tells."""
        with self.lock:
            if passed.way == "request" and passed.fate != "refused":
                self._under_way = self.leave(CLIENT, SERVICE, self._asked(passed.key))
            if passed.way == "reply" and passed.fate != "missing":
                again = ", replayed" if passed.replayed else ""
                said = LabelledAck(self.payment.id, f"{passed.status}{again}")
                self._under_way = self.leave(SERVICE, CLIENT, said)
            if passed == passed._replace(way="reply", fate="forwarded"):
                self.arrive(self._under_way)
            if passed.fate == "lost":
                self.lose(self._under_way)
            if passed.fate == "refused":
                self.arrive(self._under_way, "refused")
            if passed.fate != "forwarded":
                self.note("timed_out", CLIENT, note="cut")

    def step(self, step: str) -> None:
        """Write down a step that the service announces."""
        with self.lock:
            match step:
                case "received":
                    self.arrive(self._under_way)
                case "claimed":
                    self.note("saved", SERVICE, self._asked(), "claim")
                case "processed" | "result committed":
                    self.note("processed", SERVICE, self._asked())

    def between(self, source: str, target: str, label: str) -> None:
        """Write down something that is asked or answered within this machine, and arrives."""
        self.packet(source, target, LabelledAck(self.payment.id, label))

    def known(self) -> None:
        """Write down that the client has the answer that it wanted."""
        self.note("confirmed", CLIENT, self.payment)

    def _asked(self, key: str = "") -> LabelledMessage:
        label = f"charge, {key}" if key else "charge"
        return LabelledMessage(self.payment.id, self.payment.amount, label)
