"""One payment, one choice at a time: worlds that look alike, sources of copies, a boundary.

Book: 01-the-problem
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ... import (
    LOST, Bounds, Broker, Crash, Deliver, Duplicate, Exploration, Faults, FireAndForget, Lose,
    Message, Network, Participant, ProcessThenAck, Restart, RetryUntilAcked, Send, Step,
    Timeout, Trace, explore, payments, script, simulate,
)  # fmt: skip
from ...core.check import one_of, positive
from ...core.network import Fate
from ...show.view import View
from ..runs import of_run, of_search
from .faults import FATES


def pair(*, timeout_s: float = 1.0, attempts_max: int | None = None) -> dict[str, Participant]:
    """Return the two ends of the chapter, with one payment between them."""
    sender = RetryUntilAcked(
        "receiver", payments(1), timeout_s=timeout_s, attempts_max=attempts_max
    )
    return {"sender": sender, "receiver": ProcessThenAck()}


def second_packet(*, second: str, seed: int) -> View:
    """Lose the first ack, and let the second packet of the message fare as the reader says.

    Nothing is left to chance. Raises ValueError for a fate that is not in ``FATES``.
    """
    one_of("second", second, FATES)
    network = Network(placed={("ack", 1): LOST, ("message", 2): FATES[second]})
    trace = simulate(pair(), network, seed=seed)
    counted = trace.metrics()
    return of_run(
        trace,
        title=f"The first ack is lost, and the second packet of the message {second}",
        says=f"The second packet of the message {second}.",
        numbers={"attempts": counted["attempts"], "processed": int(counted["processed"])},
    )


# The document's run -----------------------------------------------------------------------

DIAGRAM = (Lose(1), Timeout("sender"), Deliver(2), Lose(3), Timeout("sender"), Deliver(4))
"""The steps of the document's diagram: two losses, two retries, one duplicate."""

PACKET_5: Mapping[str, tuple[Step, ...]] = {
    "is still on its way": (),
    "arrives": (Deliver(5),),
    "is lost": (Lose(5), Timeout("sender")),
}
"""How the run can go on after the diagram."""


def diagram(*, fifth: str, seed: int) -> View:
    """Carry out the document's diagram, and let packet 5 fare as the reader says.

    A script leaves nothing to chance, so the seed changes nothing. Raises ValueError for a
    fate that is not in ``PACKET_5``.
    """
    one_of("fifth", fifth, PACKET_5)
    trace = script(pair(), *DIAGRAM, *PACKET_5[fifth])
    knows = "is content" if trace.of("confirmed") else "waits"
    return of_run(
        trace,
        title=f"One payment, two losses; packet 5 {fifth}",
        says=f"Packet 5 {fifth}: the sender {knows}.",
        numbers={"attempts": trace.metrics()["attempts"], "the sender": knows},
    )


# Two worlds that look alike ---------------------------------------------------------------

SILENCE: Mapping[str, tuple[Step, ...]] = {
    "its message": (Lose(1), Timeout("sender")),
    "the ack": (Deliver(1), Lose(2), Timeout("sender")),
}
"""What was lost, and the steps until the sender has waited in vain."""

RULES: Mapping[str, int | None] = {"sends again": None, "gives up": 1}
"""What the sender does then, as the greatest number of attempts."""


def silent(*, lost: str, rule: str = "sends again") -> Trace:
    """Return what has happened when this sender has waited in vain.

    Raises ValueError for what is not in ``SILENCE`` and ``RULES``.
    """
    one_of("lost", lost, SILENCE)
    one_of("rule", rule, RULES)
    return script(pair(attempts_max=RULES[rule]), *SILENCE[lost])


def two_worlds(*, lost: str, rule: str, seed: int) -> View:
    """Show what a rule comes to in each of the two worlds that look alike to the sender."""
    heard = [what for what, _ in silent(lost=lost, rule=rule).seen_by("sender")]
    steps = SILENCE[lost]
    if rule == "sends again":
        first = 2 if lost == "its message" else 3
        steps = (*steps, Deliver(first), Deliver(first + 1))
    trace = script(pair(attempts_max=RULES[rule]), *steps)
    return of_run(
        trace,
        title=f"Lost: {lost}; then the sender {rule}",
        says=f"{lost.capitalize()} was lost; the sender {rule}.",
        numbers={"heard in time": "nothing" if "delivered" not in heard else "an ack"},
    )


# Where copies come from -------------------------------------------------------------------

_CRASH = Crash("consumer", before=Send)


def _behind_a_broker() -> dict[str, Participant]:
    return {
        "sender": FireAndForget("broker", payments(1)),
        "broker": Broker("consumer", visibility_s=1.0, confirm="never"),
        "consumer": ProcessThenAck(),
    }


def _two_clicks() -> dict[str, Participant]:
    clicks = (Message("click 1"), Message("click 2"))
    return pair() | {"sender": RetryUntilAcked("receiver", clicks)}


def _sent_once() -> dict[str, Participant]:
    return pair() | {"sender": FireAndForget("receiver", payments(1))}


def copies() -> dict[str, Trace]:
    """Run one payment that is processed twice, for each source of the second time."""
    lost_ack = (Deliver(1), Lose(2), Timeout("sender"), Deliver(3), Deliver(4))
    handed_over = (Deliver(1), Deliver(2), _CRASH, Restart("consumer"))
    handed_again = (Timeout("broker", name="1"), Deliver(3), Deliver(4))
    return {
        "the sender": script(pair(), *lost_ack),
        "a broker behind it": script(_behind_a_broker(), *handed_over, *handed_again),
        "the network": script(_sent_once(), Duplicate(1), *map(Deliver, (1, 2, 3, 4))),
        "somebody above": script(_two_clicks(), *map(Deliver, (1, 2, 3, 4))),
    }


SOURCES = ("the sender", "a broker behind it", "the network", "somebody above")


def source(*, who: str, seed: int) -> View:
    """Show a payment of 10 that is made twice, by whoever made the second of it.

    Nothing is left to chance. Raises ValueError for who is not in ``SOURCES``.
    """
    one_of("who", who, SOURCES)
    trace = copies()[who]
    counted = trace.metrics()
    sent = sum(event.who == "sender" for event in trace.of("sent"))
    return of_run(
        trace,
        title=f"A second payment, made by {who}",
        says=f"The second payment was made by {who}.",
        numbers={
            "ids": len(trace.messages),
            "sent by the sender": sent,
            "copied by the network": counted["packets duplicated"],
            "packets lost": counted["packets lost"],
        },
    )


# Patience ---------------------------------------------------------------------------------

TIMERS_S = (0.8, 1.5, 2.5)
ROUND_TRIP_S = 2.0
FIRST: Mapping[str, dict[tuple[str, int], Fate]] = {
    "arrives": {}, "is lost": {("message", 1): LOST},
}  # fmt: skip
"""What becomes of the first packet."""


def patience(*, timer_s: float, first: str, seed: int) -> View:
    """Send one payment over a link on which each way takes 1 s, with a timer of ``timer_s``.

    Nothing is left to chance. Raises ValueError for a timer that is not positive, and for a
    fate that is not in ``FIRST``.
    """
    positive("timer_s", timer_s)
    one_of("first", first, FIRST)
    way = Faults(delay_s=ROUND_TRIP_S / 2)
    network = Network(messages=way, acks=way, placed=FIRST[first])
    trace = simulate(pair(timeout_s=timer_s), network, seed=seed)
    counted = trace.metrics()
    confirmed_s = trace.of("confirmed")[0].time_s
    return of_run(
        trace,
        title=f"A round trip of 2 s, a timer of {timer_s:g} s, and the first packet {first}",
        says=f"The timer is {timer_s:g} s, and the first packet {first}.",
        numbers={
            "attempts": counted["attempts"],
            "packets lost": counted["packets lost"],
            "confirmed after": f"{confirmed_s:.1f} s",
        },
    )


# Just outside of a perfect link -----------------------------------------------------------

_PERFECT = Bounds(losses=0, duplicates=0, crashes=0, reordering=False)
OUTSIDE: Mapping[str, Bounds] = {
    "nothing": _PERFECT,
    "a timer that fires early": replace(_PERFECT, early_timeouts=1),
    "a receiver that crashes": replace(_PERFECT, crashes=1, crashable=("receiver",)),
}
"""What else may happen on a link that loses, copies and reorders nothing."""


def perfect_link(beyond: str) -> Exploration:
    """Search every run over a perfect link. Raises ValueError for what is not ``OUTSIDE``."""
    return explore(pair(), OUTSIDE[one_of("beyond", beyond, OUTSIDE)])


def outside(*, beyond: str, seed: int) -> View:
    """Show what a search over a perfect link finds; it leaves nothing to chance."""
    return of_search(perfect_link(beyond), title=f"A perfect link, and beyond it {beyond}")
