"""From the publisher to the broker, and from there to the subscriber: each hop has its level.

A proxy stands on either hop. The second hop is held back until the first is done, so that the
log of a run is the same each time.
Source: OASIS, "MQTT Version 5.0", 2019, sections 3.8.4 and 4.3.

Book: 09-comparison-table
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial

from paho.mqtt.client import MQTTMessage

from ... import Message, Trace, payments
from ...core.effects import Payload
from ...live.run_log import LabelledAck, LabelledMessage, RunLog
from ...show.diagram import sequence
from ...show.view import View
from ...systems.cut import Cut
from ...systems.frames import UP, FrameName
from ...systems.mqtt.client import END, Peer, names, payment
from ...systems.mqtt.frames import ControlPacket, on_hop
from ...systems.mqtt.server import running

PUBLISHER, BROKER, SUBSCRIBER = "publisher", "broker", "subscriber"
QUALITIES = (0, 1, 2)
NOTHING, MESSAGE, ACK = "nothing", "the message", "its first ack"
LOST: dict[str, tuple[FrameName, ...]] = {
    NOTHING: (),
    MESSAGE: (("PUBLISH", 1),),
    ACK: (("PUBACK", 1), ("PUBREC", 1)),
}
"""What is lost once, on both hops."""
[PAYMENT] = payments(1)
FIRST, SECOND = ("PUBLISH", 1), ("PUBLISH", 2)


class HopLog(RunLog):
    """What the proxies and the subscriber tell of `PAYMENT`, in their order."""

    def __init__(self) -> None:
        super().__init__((PUBLISHER, BROKER, SUBSCRIBER), (PAYMENT,))
        self._other: set[str] = set()  # the hops on which something else is under way

    def passed(self, client: str, packet: ControlPacket) -> None:
        """Write down a packet of the hop of ``client``, unless it is about something else."""
        if not packet.kind.startswith("PUB"):
            return
        if packet.kind == "PUBLISH":
            ours = f'"{END}"'.encode() not in packet.raw
            (self._other.discard if ours else self._other.add)(client)
        if client in self._other:
            return
        ends = (client, BROKER) if packet.way == UP else (BROKER, client)
        lost = packet.fate != "forwarded"
        with self.lock:
            self.packet(*ends, _payload(packet), lost=lost)
            if lost:
                self.note("timed_out", client, note="cut")


def _payload(packet: ControlPacket) -> Payload:
    if packet.kind != "PUBLISH":
        return LabelledAck(PAYMENT.id, packet.kind)
    again = ", DUP" if packet.again else ""
    return LabelledMessage(PAYMENT.id, PAYMENT.amount, f"PUBLISH, QoS {packet.quality}{again}")


@cache
def hop_runs() -> dict[tuple[str, int, int], Trace]:
    """Run each loss with each pair of levels: what is published with, and subscribed to."""
    with running() as url:
        return {
            (lost, published, subscribed): hop_run(url, lost, published, subscribed)
            for lost in LOST
            for published in QUALITIES
            for subscribed in QUALITIES
        }


def hop_run(url: str, lost: str, published: int, subscribed: int) -> Trace:
    """Publish one payment, lose the same on either hop, and read until nothing more comes."""
    log, heard = HopLog(), list[str]()

    def hear(message: MQTTMessage) -> None:
        found = payment(message)
        heard.append(found.id)
        if found.id != END:
            log.note("processed", SUBSCRIBER, found)

    with ExitStack() as stack:
        topic, *ids = stack.enter_context(names(url, PUBLISHER, SUBSCRIBER, END))
        hops = [
            stack.enter_context(
                on_hop(url, lose=LOST[lost], hold=hold, tell=partial(log.passed, client))
            )
            for client, hold in ((PUBLISHER, []), (SUBSCRIBER, [FIRST, SECOND]))
        ]
        subscriber = stack.enter_context(Peer(f"mqtt://{hops[1].address}", ids[1], hear=hear))
        subscriber.subscribe(topic, subscribed)
        publisher = stack.enter_context(Peer(f"mqtt://{hops[0].address}", ids[0]))
        if publisher.publish(topic, PAYMENT, published):
            log.note("confirmed", PUBLISHER, PAYMENT)
        publisher.subscribe(f"{topic}/else", 0)
        teller = stack.enter_context(Peer(url, ids[2]))
        _read_to_the_end(
            subscriber, hops[1], lambda: teller.publish(topic, Message(END, 0), 1), heard
        )
        log.note("drained", SUBSCRIBER)
    return log.trace()


def _read_to_the_end(
    subscriber: Peer, hop: Cut[ControlPacket], tell: Callable[[], object], heard: list[str]
) -> None:
    """Let the subscriber hear one thing after the other, and the end, which can be lost too."""
    hop.release(FIRST)
    while END not in heard:
        before = subscriber.connections
        tell()
        subscriber.wait(lambda: heard or subscriber.connections > before)  # noqa: B023
        hop.release(SECOND)
        subscriber.wait(lambda: END in heard or subscriber.connections > before)  # noqa: B023


def hop_view(*, lost: str, published: int, subscribed: int, seed: int = 1) -> View:
    """Show one loss on both hops, with two levels."""
    trace = hop_runs()[lost, published, subscribed]
    times = trace.processed()[PAYMENT.id]
    words = {0: "is lost", 1: "arrives once", 2: "arrives twice"}.get(times, "arrives often")
    on_second = min(published, subscribed)
    return View(
        sequence(trace, title=f"Published with QoS {published}, subscribed with {subscribed}"),
        {
            "level of the second hop": on_second,
            "money expected": PAYMENT.amount,
            "money there": times * PAYMENT.amount,
        },
        f"Lost once on each hop: {lost}. Published with QoS {published}, subscribed with "
        f"{subscribed}, so the second hop has {on_second}. The payment {words}.",
    )
