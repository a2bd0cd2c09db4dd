"""Where the promise of at-most-once ends: consumers, proxies and senders that crash.

Book: 03-at-most-once
"""

from __future__ import annotations

from dataclasses import dataclass

from ... import (
    AckThenProcess, Bounds, Exploration, FireAndForget, Load, MarkThenProcess, Message,
    Participant, Passive, ProcessOnly, ProcessThenAck, Relay, RetryUntilAcked, Save, Send,
    explore, payments,
)  # fmt: skip
from ...core.effects import Handler


@dataclass(frozen=True)
class SendThenNote(Passive):
    """FireAndForget with two lines swapped: it sends first, and then notes that it did."""

    receiver: str
    messages: tuple[Message, ...]

    def start(self) -> Handler:
        """Send what no earlier life of this sender has noted as sent."""
        first = yield Load("sent")
        for sent in range(first, len(self.messages)):
            yield Send(self.receiver, self.messages[sent])
            yield Save("sent", sent + 1)


def consumers(bounds: Bounds) -> dict[str, Exploration]:
    """Search a broker that redelivers until acked, with consumers that answer late or early."""
    broker = RetryUntilAcked("consumer", payments(1))
    return {
        consumer.__name__: explore({"broker": broker, "consumer": consumer()}, bounds)
        for consumer in (ProcessThenAck, AckThenProcess, MarkThenProcess)
    }


def behind_a_proxy(receiver: Participant) -> Exploration:
    """Search a sender that sends once, through a proxy that tries twice; one packet is lost."""
    sender = FireAndForget("proxy", payments(1))
    proxy = Relay("receiver", timeout_s=1.0, attempts_max=2)
    three = {"sender": sender, "proxy": proxy, "receiver": receiver}
    return explore(three, Bounds(losses=1, duplicates=0, crashes=0))


def sender_crashes(sender: Participant) -> Exploration:
    """Search this sender with one crash of its own, on a network without faults."""
    pair = {"sender": sender, "receiver": ProcessOnly()}
    return explore(pair, Bounds(losses=0, duplicates=0, crashes=1, crashable=("sender",)))
