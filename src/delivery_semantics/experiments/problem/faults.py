"""Lost, duplicated, delayed: each fault by itself, and the document's trace among many runs.

Book: 01-the-problem
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from ... import (
    LOST, Faults, FireAndForget, Network, Participant, ProcessOnly, ProcessThenAck,
    RetryUntilAcked, Trace, audit, payments, simulate,
)  # fmt: skip
from ...core.check import at_least, one_of, probability
from ...core.network import Fate
from ...show import plots
from ...show.diagram import sequence
from ...show.view import View
from ...theory.retries import Model, count_mean_and_deviation

# The reader is the network ----------------------------------------------------------------

FATES: Mapping[str, Fate] = {
    "arrives": (0.1,),
    "is lost": LOST,
    "is late": (1.5,),
    "arrives twice": (0.1, 0.4),
}
"""What can become of a packet: the seconds after which its copies arrive."""


def placed(*, message: str, ack: str, seed: int) -> View:
    """Run one payment whose first message and first ack fare as the reader says.

    Everything after them arrives. The sender waits 1 s, so a late packet comes after its timer.
    Nothing is left to chance. Raises ValueError for a fate that is not in ``FATES``.
    """
    for name, fate in (("message", message), ("ack", ack)):
        one_of(name, fate, FATES)
    network = Network(placed={("message", 1): FATES[message], ("ack", 1): FATES[ack]})
    sender = RetryUntilAcked("receiver", payments(1), timeout_s=1.0)
    trace = simulate({"sender": sender, "receiver": ProcessThenAck()}, network, seed=seed)
    found, counted = audit(trace), trace.metrics()
    times = int(counted["processed"])
    return View(
        picture=sequence(trace, title=f"The first message {message}, the first ack {ack}"),
        numbers={
            "attempts": counted["attempts"],
            "packets lost": counted["packets lost"],
            "processed": times,
            "money expected": found.money_expected,
            "money there": found.money_there,
        },
        sentence=f"The first message {message}; the first ack {ack}. The payment was processed "
        f"{_times(times)}: {found.money_expected} expected, {found.money_there} there.",
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


# The document's trace ---------------------------------------------------------------------

DOCUMENT = ("message lost", "message delivered", "ack lost", "message delivered")
"""The fates of the packets in the document's diagram, in order."""


@dataclass(frozen=True)
class Share:
    """How many of ``messages`` met a fate, and how many should by the closed form."""

    count: int
    messages: int
    expected: float
    deviation: float

    @property
    def deviations(self) -> float:
        """The distance from the closed form, in standard deviations."""
        return (self.count - self.expected) / self.deviation


def packet_fates(trace: Trace) -> dict[str, tuple[str, ...]]:
    """Return for each message id what became of its packets, in order.

    Only for one message at a time over a queue, where the order of fates is that of packets.
    """
    fates: dict[str, list[str]] = defaultdict(list)
    for event in trace.of("lost", "delivered"):
        if event.payload is not None:
            fates[event.payload.id].append(f"{event.payload.kind} {event.what}")
    return {id: tuple(found) for id, found in fates.items()}


def document_probability(*, loss: float, ack_loss: float) -> float:
    """Return the probability that a payment begins as the document's diagram does.

    Four independent packets: lost, delivered, its ack lost, delivered: p (1 - p) q (1 - p).
    """
    p, q = probability("loss", loss), probability("ack_loss", ack_loss)
    return p * (1 - p) * q * (1 - p)


def document_share(*, loss: float, ack_loss: float, messages: int, seed: int) -> Share:
    """Count the payments, of ``messages``, that begin as the document's diagram does."""
    at_least("messages", messages, 1)
    network = Network(messages=Faults(loss=loss), acks=Faults(loss=ack_loss))
    sender = RetryUntilAcked("receiver", payments(messages))
    trace = simulate({"sender": sender, "receiver": ProcessThenAck()}, network, seed=seed)
    count = sum(f[: len(DOCUMENT)] == DOCUMENT for f in packet_fates(trace).values())
    chance = document_probability(loss=loss, ack_loss=ack_loss)
    mean, deviation = count_mean_and_deviation(messages, chance)
    return Share(count, messages, float(mean), deviation)


# Money, as loss moves ---------------------------------------------------------------------

PAYMENTS = 200
EXPECTED = 10 * PAYMENTS


def money(*, loss: int, seed: int) -> View:
    """Send 200 payments of 10 once each, and again with retries.

    ``loss`` is the percentage lost, of messages and of acks. Raises ValueError for 100 percent
    or more, with which the retries would never end.
    """
    if not 0 <= loss < 100:
        raise ValueError(f"loss is {loss!r}; allowed: 0 or more and below 100 percent")
    once = _money_there(FireAndForget("receiver", payments(PAYMENTS)), loss, seed)
    again = _money_there(RetryUntilAcked("receiver", payments(PAYMENTS)), loss, seed)
    model = Model(loss=loss / 100, ack_loss=loss / 100)
    return View(
        picture=plots.money(
            {"sent once": (EXPECTED, once), "sent until acked": (EXPECTED, again)},
            title=f"Money expected and money there, {loss} % of packets lost",
            x="money received for 200 payments of 10",
            x_max=4500,
        ),
        numbers={
            "sent once: there": once,
            "sent once: by formula": round(EXPECTED * float(model.deliveries_mean(1))),
            "until acked: there": again,
            "until acked: by formula": round(EXPECTED * float(model.deliveries_mean())),
        },
        sentence=_money_sentence(loss, once, again),
    )


def _money_there(sender: Participant, loss: int, seed: int) -> int:
    faults = Faults(loss=loss / 100)
    pair = {"sender": sender, "receiver": ProcessThenAck()}
    return audit(simulate(pair, Network(messages=faults, acks=faults), seed=seed)).money_there


def _money_sentence(loss: int, once: int, again: int) -> str:
    if once == again == EXPECTED:
        return f"With {loss} % lost, both senders bring the {EXPECTED:,} that are expected."
    return (
        f"With {loss} % lost, sending once brings {once:,} of {EXPECTED:,}: "
        f"{EXPECTED - once:,} too little. Sending until acked brings {again:,}: "
        f"{again - EXPECTED:,} too much."
    )


# Delay is not reordering ------------------------------------------------------------------


def order(*, delay: float, link: str, seed: int) -> View:
    """Send four payments 0.5 s apart; each takes 0.1 s and an extra of mean ``delay`` seconds.

    ``link`` is "a queue", or "free for all", where every packet goes at its own pace.
    """
    links = {"a queue": 0.0, "free for all": 1.0}
    one_of("link", link, links)
    faults = Faults(delay_s=0.1, delay_s_mean=delay, reordering=links[link])
    sender = FireAndForget("receiver", payments(4), interval_s=0.5)
    pair = {"sender": sender, "receiver": ProcessOnly()}
    trace = simulate(pair, Network(messages=faults), seed=seed)
    processed = [e.payload.id for e in trace.of("processed") if e.payload]
    last_s = max(event.time_s for event in trace.of("delivered"))
    late = overtaken(trace)
    said = f"{late} came after a later one" if late else "none was overtaken"
    setting = f"Mean extra delay {delay:g} s, the link is {link}"
    return View(
        picture=sequence(trace, title=setting),
        numbers={
            "sent": "1 2 3 4",
            "processed": " ".join(processed),
            "overtaken": late,
            "last one after": f"{last_s:.1f} s",
        },
        sentence=f"{setting}: the payments were processed in the order "
        f"{', '.join(processed)}; {said}.",
    )


def overtaken(trace: Trace) -> int:
    """Return how many messages arrived after one that was sent later."""
    newest, late = 0, 0
    for event in trace.of("delivered"):
        late += event.packet < newest
        newest = max(newest, event.packet)
    return late
