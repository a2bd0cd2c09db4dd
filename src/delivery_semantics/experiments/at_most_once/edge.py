"""Where the promise of at-most-once ends: consumers, proxies and senders that crash.

Book: 03-at-most-once
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from ... import (
    AckThenProcess, Bounds, Deliver, Duplicate, Exploration, FireAndForget, Load, Lose,
    MarkThenProcess, Message, Participant, Passive, ProcessOnly, ProcessThenAck, Relay,
    RetryUntilAcked, Save, Send, Step, Timeout, Verdict, explore, payments, script,
)  # fmt: skip
from ...core.check import at_least, one_of
from ...core.effects import Handler
from ...show.view import View
from ..runs import of_run, of_search
from .loss import MEMORIES

# One packet -------------------------------------------------------------------------------

PACKET: Mapping[str, tuple[Step, ...]] = {
    "arrives": (Deliver(1),),
    "is lost": (Lose(1),),
    "is copied": (Duplicate(1), Deliver(1), Deliver(2)),
}
"""What can become of the only packet that is sent."""


def one_packet(*, fate: str, memory: str, seed: int) -> View:
    """Send one payment once to a receiver with this memory; nothing is left to chance.

    Raises ValueError for what is not in ``PACKET`` and ``MEMORIES``.
    """
    one_of("fate", fate, PACKET)
    one_of("memory", memory, MEMORIES)
    pair = {"sender": FireAndForget("receiver", payments(1)), "receiver": MEMORIES[memory]}
    trace = script(pair, *PACKET[fate])
    return of_run(
        trace,
        title=f"Sent once; the packet {fate}; the receiver keeps: {memory}",
        says=f"The packet {fate}; the receiver keeps: {memory}.",
        numbers={
            "sent by the sender": sum(event.who == "sender" for event in trace.of("sent")),
            "processed": len(trace.of("processed")),
        },
    )


# Consumers, proxies and senders -----------------------------------------------------------


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


CONSUMERS: Mapping[str, Callable[[], Participant]] = {
    made.__name__: made for made in (ProcessThenAck, AckThenProcess, MarkThenProcess)
}
CONSUMER_FAULTS: Mapping[str, Bounds] = {
    "the consumer crashes": Bounds(losses=0, duplicates=0, crashes=1, crashable=("consumer",)),
    "a packet is lost": Bounds(losses=1, duplicates=0, crashes=0),
}


@cache
def consumers(bounds: Bounds) -> dict[str, Exploration]:
    """Search a broker that redelivers until acked, with consumers that answer late or early."""
    return {name: explore(_consuming(made()), bounds) for name, made in CONSUMERS.items()}


def _consuming(consumer: Participant) -> dict[str, Participant]:
    return {"broker": RetryUntilAcked("consumer", payments(1)), "consumer": consumer}


def consumer_view(*, consumer: str, fault: str, seed: int) -> View:
    """Show what a search finds of one of ``CONSUMERS`` under one of ``CONSUMER_FAULTS``."""
    one_of("consumer", consumer, CONSUMERS)
    found = consumers(CONSUMER_FAULTS[one_of("fault", fault, CONSUMER_FAULTS)])[consumer]
    asked_again = Deliver(1), Lose(2), Timeout("broker"), Deliver(3), Deliver(4)
    return of_search(
        found,
        title=f"A broker that redelivers to {consumer}; {fault}",
        survived=script(_consuming(CONSUMERS[consumer]()), *asked_again)
        if found.holds
        else None,
    )


def _proxied(receiver: Participant, attempts: int) -> dict[str, Participant]:
    sender = FireAndForget("proxy", payments(1))
    proxy = Relay("receiver", timeout_s=1.0, attempts_max=at_least("attempts", attempts, 1))
    return {"sender": sender, "proxy": proxy, "receiver": receiver}


def behind_a_proxy(receiver: Participant, attempts: int = 2) -> Exploration:
    """Search a sender that sends once, through a proxy that retries; one packet is lost."""
    return explore(_proxied(receiver, attempts), Bounds(losses=1, duplicates=0, crashes=0))


RECEIVERS: Mapping[str, Participant] = {
    "processes, then acks": ProcessThenAck(), "marks, then processes": MarkThenProcess(),
}  # fmt: skip


def proxy_view(*, attempts: int, receiver: str, seed: int) -> View:
    """Show what a proxy with so many attempts makes of a sender that sends once."""
    one_of("receiver", receiver, RECEIVERS)
    made = RECEIVERS[receiver]
    found = behind_a_proxy(made, attempts)
    steps: tuple[Step, ...] = (Deliver(1), Deliver(2), Lose(3), Timeout("proxy"))
    if attempts > 1:
        steps = (*steps, Deliver(4), Deliver(5), Deliver(6))
    survives = found.never_more_than_once.holds
    return of_search(
        found,
        title=f"A proxy that tries {attempts} ×; the receiver {receiver}",
        claim=Verdict.NEVER_TWICE,
        survived=script(_proxied(made, attempts), *steps) if survives else None,
    )


def sender_crashes(sender: Participant) -> Exploration:
    """Search this sender with one crash of its own, on a network without faults."""
    pair = {"sender": sender, "receiver": ProcessOnly()}
    return explore(pair, Bounds(losses=0, duplicates=0, crashes=1, crashable=("sender",)))


NOTING: Mapping[str, Participant] = {
    "notes, then sends": FireAndForget("receiver", payments(1)),
    "sends, then notes": SendThenNote("receiver", payments(1)),
}


def sender_view(*, sender: str, seed: int) -> View:
    """Show what one crash makes of a sender; a search leaves nothing to chance."""
    found = sender_crashes(NOTING[one_of("sender", sender, NOTING)])
    return of_search(found, title=f"The sender {sender}, and crashes once", saves=True)
