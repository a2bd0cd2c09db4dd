"""What a proxy, a server and a client tell about one call, written down in order as a trace.

Book: 14-grpc
"""

from __future__ import annotations

from ... import Event, Message
from ...live.run_log import LabelledAck, LabelledMessage, RunLog
from ...systems.grpc.frames import HTTP2Frame

CLIENT, SERVER = "client", "server"
REPLY = ("headers", "data", "trailers")


class CallLog(RunLog):
    """Writes down what happens to one payment, told from any thread.

    The request of an attempt is its HEADERS, and so is the reply; a frame of the reply that
    is cut loses all of it. What a server sends before its handler has returned, or when the
    client is no longer there, is no reply: gRPC ends a call at its deadline at both ends.

    With ``once`` an effect counts when the handler's transaction has committed, and an attempt
    whose handler did not run is a message that was skipped.
    """

    def __init__(self, payment: Message, *, once: bool) -> None:
        super().__init__((CLIENT, SERVER), (payment,), outside=False)
        self._payment, self._once = payment, once
        self._pay = LabelledMessage(payment.id, payment.amount, f"Pay {payment.id}")
        self._under_way = self._request = Event(0.0, "sent", CLIENT, self._pay, SERVER)
        self._attempts = self._replies = self._over = 0
        self._ran = self._returned = False

    def frame(self, frame: HTTP2Frame, fate: str) -> None:
        """Write down what became of a frame; what a proxy tells."""
        side, _, what = frame.what.partition(f" {frame.call} ")
        with self.lock:
            if frame.call <= self._over:
                return
            if side == "request" and what == "headers":
                self._attempts = frame.call
                self._request = self.leave(CLIENT, SERVER, self._pay)
                self._under_way = self._request
            elif side == "reply" and self._returned and what in REPLY:
                if self._replies < frame.call:
                    self._replies = frame.call
                    self._under_way = self.leave(
                        SERVER, CLIENT, LabelledAck(self._pay.id, "OK")
                    )
                if what == "trailers" and fate == "forwarded":
                    self.arrive(self._under_way)
            else:
                return
            if fate != "forwarded":
                self.lose(self._under_way)
                self.note("timed_out", CLIENT, note="cut")

    def refused(self) -> None:
        """Write down an attempt that the server's library sends back, before any handler."""
        with self.lock:
            self.arrive(self.leave(CLIENT, SERVER, self._pay), "refused")

    def step(self, step: str) -> None:
        """Write down a step that the server announces."""
        with self.lock:
            match step:
                case "arrived":
                    self._ran = self._returned = False
                    self.arrive(self._request)
                case "received":
                    self._ran = True
                case "processed" if not self._once:
                    self.note("processed", SERVER, self._pay)
                case "done":
                    self._returned = True
                    if self._once:
                        what = "processed" if self._ran else "skipped"
                        self.note(what, SERVER, self._pay)
                    self._ran = False

    def ended(self, status: str) -> None:
        """Write down what the client knows in the end."""
        with self.lock:
            if status == "DEADLINE_EXCEEDED":
                self.note("timed_out", CLIENT)
            self._over = self._attempts
            self.note("confirmed" if status == "OK" else "gave_up", CLIENT, self._payment)
