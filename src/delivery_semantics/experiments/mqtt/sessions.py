"""What is left of a level when a session is lost: the publisher's, the broker's, a consumer's.

QoS 2 is a memory at both ends of a hop. Whoever loses theirs in between starts anew.

Book: 09-comparison-table
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial

from ... import Message, Participant, ProcessOnce, ProcessOnly, ProcessThenAck
from ...core.check import one_of
from ...show.view import View
from ...systems.consumer import Open
from ...systems.frames import FrameName
from ...systems.lab import Ending, at_a_message, kill_at_each_step
from ...systems.mqtt.client import END, Peer, SubscriberSource, names, payment
from ...systems.mqtt.frames import on_hop
from ...systems.mqtt.server import restartable, running
from ..strips import money_view, run_of, strip_view
from .hops import PAYMENT, PUBLISHER, SUBSCRIBER

REPLIES: dict[str, tuple[int, FrameName]] = {
    "QoS 1: PUBACK": (1, ("PUBACK", 1)),
    "QoS 2: PUBREC": (2, ("PUBREC", 1)),
    "QoS 2: PUBCOMP": (2, ("PUBCOMP", 1)),
}
"""Each answer that a publisher waits for, and with which level."""


def publisher_lost(url: str, reply: str, *, kept: bool) -> int:
    """Lose an answer to the publisher; return how much money a subscriber gets.

    If its session is not ``kept`` the publisher begins with a new one, and sends again what it
    has heard nothing of.
    """
    quality, lost = REPLIES[reply]
    with ExitStack() as stack:
        topic, *ids = stack.enter_context(names(url, PUBLISHER, SUBSCRIBER, END))
        hop = stack.enter_context(on_hop(url, lose=[lost]))
        subscriber = stack.enter_context(Peer(url, ids[1]))
        subscriber.subscribe(topic, quality)
        through = f"mqtt://{hop.address}"
        publisher = stack.enter_context(Peer(through, ids[0]))
        try:
            publisher.publish(topic, PAYMENT, quality, again=kept)
        except ConnectionError:
            publisher = stack.enter_context(Peer(through, ids[0], keeps=False))
            publisher.publish(topic, PAYMENT, quality)
        return _read(url, ids[2], topic, subscriber)


def broker_ended(number: signal.Signals, quality: int) -> tuple[bool, int]:
    """End the broker while a subscriber is away, start it again, let the subscriber come back.

    Returns whether the publisher was told that the broker has it, and the money in the end.
    """
    with restartable() as server, names(server.address, PUBLISHER, SUBSCRIBER, END) as found:
        topic, *ids = found
        with Peer(server.address, ids[1]) as subscriber:
            subscriber.subscribe(topic, quality)
        with Peer(server.address, ids[0]) as publisher:
            told = publisher.publish(topic, PAYMENT, quality)
        server.restart(number)
        with Peer(server.address, ids[1]) as subscriber:
            subscriber.subscribe(topic, quality)
            return told, _read(server.address, ids[2], topic, subscriber)


def _read(url: str, id: str, topic: str, subscriber: Peer) -> int:
    """Read to what is published now; return the money."""
    with Peer(url, id) as teller:
        teller.publish(topic, Message(END, 0), 1)
    seen: list[Message] = []
    while not seen or seen[-1].id != END:
        subscriber.wait(lambda: subscriber.received)
        seen.append(payment(subscriber.received.popleft()))
    return sum(one.amount for one in seen)


# A consumer that is killed -----------------------------------------------------------------

CONSUMERS: dict[str, tuple[int, type[Participant]]] = {
    "QoS 1: process, ack": (1, ProcessThenAck),
    "QoS 1: process once, ack": (1, ProcessOnce),
    "QoS 2: process": (2, ProcessOnly),
}
"""With QoS 2 it is paho that answers, before the consumer has the message and after."""


@contextmanager
def waiting(url: str, quality: int) -> Iterator[Open]:
    """Have a payment wait in a subscriber's session; yield how to take it up."""
    with names(url, PUBLISHER, SUBSCRIBER) as (topic, publisher, subscriber):
        with Peer(url, subscriber) as leaves:
            leaves.subscribe(topic, quality)
        with Peer(url, publisher) as peer:
            for one in (PAYMENT, Message(END, 0)):
                peer.publish(topic, one, quality)
        yield partial(SubscriberSource, url, subscriber, quality)


@cache
def killed() -> dict[str, list[Ending]]:
    """Kill each of ``CONSUMERS`` at each of its steps; what it sends is its ack."""
    with running() as url:
        return {
            name: at_a_message(
                kill_at_each_step(partial(waiting, url, quality), consumer(), (PAYMENT,)),
                ack="Ack",
            )
            for name, (quality, consumer) in CONSUMERS.items()
        }


@dataclass(frozen=True)
class Sessions:
    """The money with the publisher's session kept and lost, and with the broker ended."""

    kept: list[int]
    lost: list[int]
    ended: dict[tuple[str, int], tuple[bool, int]]


@cache
def sessions() -> Sessions:
    """Run all of them."""
    with running() as url:
        kept, lost = (
            [publisher_lost(url, reply, kept=kept) for reply in REPLIES]
            for kept in (True, False)
        )
    ended = {
        (number.name, quality): broker_ended(number, quality)
        for number in (signal.SIGTERM, signal.SIGKILL)
        for quality in (1, 2)
    }
    return Sessions(kept, lost, ended)


# In panels ---------------------------------------------------------------------------------


def session_view(*, reply: str, session: str, seed: int = 1) -> View:
    """Show the money where an answer to the publisher is lost; its session is kept, or lost.

    Raises ValueError for another ``reply`` than in ``REPLIES``, and for another ``session``.
    """
    one_of("reply", reply, REPLIES)
    one_of("session", session, ("kept", "lost"))
    sums = sessions().kept if session == "kept" else sessions().lost
    there = sums[list(REPLIES).index(reply)]
    return money_view(
        "the payment", expected=10, there=there, title=f"{reply} is lost",
        said=f"{reply} is lost, and the publisher's session is {session}. "
        f"The subscriber gets {there} of 10.",
    )  # fmt: skip


def consumer_view(*, name: str, seed: int = 1) -> View:
    """Show a kill at each step of one of ``CONSUMERS``, and the worst of these runs.

    Raises ValueError for another name.
    """
    one_of("name", name, CONSUMERS)
    ends = killed()[name]
    return strip_view(name, ends, beside=[run_of(ends)])


def ended_view(*, number: str, quality: str, seed: int = 1) -> View:
    """Show what is left of a payment that the broker has acked, when it is ended and started.

    Raises ValueError for another signal than SIGTERM and SIGKILL, and for a level 0.
    """
    one_of("number", number, ("SIGTERM", "SIGKILL"))
    one_of("quality", quality, ("1", "2"))
    told, there = sessions().ended[number, int(quality)]
    return money_view(
        "the payment", expected=10, there=there, title=f"{number}, QoS {quality}",
        said=f"QoS {quality}: the publisher was {'' if told else 'not '}told that the broker "
        f"has it. The broker is ended by {number}. Money there: {there} of 10.",
    )  # fmt: skip
