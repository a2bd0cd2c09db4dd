"""A service in the middle: it receives, asks the next service, and retries on its own account.

Layers that each retry multiply: k attempts in L layers are up to k to the power L attempts at
the bottom. Source of the arithmetic: B. Beyer et al., "Site Reliability Engineering", ch. 22.

Book: 04-at-least-once
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from ..core.check import at_least, of_type, positive
from ..core.effects import Ack, Handler, Passive, Payload, Receive, Send


@dataclass(frozen=True)
class Relay(Passive):
    """For each message: up to ``attempts_max`` attempts at the next service, then the ack.

    If no attempt is acked it stays silent, so the layer above times out and retries as well.
    It works on one message at a time, and ignores what arrives meanwhile.
    """

    next: str
    _: KW_ONLY
    timeout_s: float
    attempts_max: int

    def __post_init__(self) -> None:
        of_type("next", self.next, str)
        positive("timeout_s", self.timeout_s)
        at_least("attempts_max", self.attempts_max, 1)

    def receive(self, source: str, payload: Payload) -> Handler:
        """Pass the message on until it is acked; ack it to the layer above."""
        if isinstance(payload, Ack):  # one that nobody waits for any more
            return
        for _ in range(self.attempts_max):
            yield Send(self.next, payload)
            if (yield Receive(Ack(payload.id), self.timeout_s)):
                yield Send(source, Ack(payload.id))
                return
