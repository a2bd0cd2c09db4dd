"""The faulty network: what happens to each packet, decided by a seed or by the reader's hand.

Loss, duplication, delay and reordering are four different faults, set separately for messages
and for acks. Delay alone never reorders: a link is a queue, and only a packet that is drawn
for ``reordering`` leaves it.

Book: 01-the-problem
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf, nextafter

from .check import not_negative, of_type, probability
from .dice import Ordinals, dice, exponential
from .effects import Payload

Fate = tuple[float, ...]
"""Seconds until each copy of a packet arrives: () lost, (a,) once, (a, b) duplicated."""

LOST: Fate = ()
"""The fate of a packet of which no copy arrives."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """How one kind of packet fares; every rate is a probability per packet.

    ``loss``: no copy arrives. ``duplication``: two copies arrive. A copy takes ``delay_s``
    seconds plus an exponential extra of mean ``delay_s_mean``, and queues behind the earlier
    packets of its link unless drawn for ``reordering``. Raises ValueError out of range.
    """

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    delay_s: float = 0.1
    delay_s_mean: float = 0.0

    def __post_init__(self) -> None:
        for name in ("loss", "duplication", "reordering"):
            probability(name, getattr(self, name))
        for name in ("delay_s", "delay_s_mean"):
            not_negative(name, getattr(self, name))

    @cached_property
    def by_chance(self) -> bool:
        """Whether any packet needs dice."""
        return any((self.loss, self.duplication, self.reordering, self.delay_s_mean))


@dataclass(frozen=True, kw_only=True)
class Network:
    """Faults for acks and for all else, the messages; and fates placed by hand.

    ``placed`` maps (kind, number) to a fate: ``{("ack", 1): LOST, ("message", 2): (0.1, 3.0)}``
    loses the first ack sent and duplicates the second message. A placed packet joins no queue.
    Raises ValueError for an unknown kind, a number below 1 or a delay that is no time.
    """

    messages: Faults = field(default_factory=Faults)
    acks: Faults = field(default_factory=Faults)
    placed: Mapping[tuple[str, int], Fate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        of_type("network: messages", self.messages, Faults)
        of_type("network: acks", self.acks, Faults)
        of_type("placed", self.placed, Mapping, allowed="a mapping of packets to fates")
        for packet, fate in self.placed.items():
            _check_placed(packet, fate)


def _check_placed(packet: object, fate: object) -> None:
    match packet:
        case ("message" | "ack", int(number)) if number >= 1 and number is not True:
            pass
        case _:
            raise ValueError(
                f"placed: {packet!r} names no packet; "
                "allowed: ('message', n) or ('ack', n) with n counted from 1"
            )
    if not isinstance(fate, tuple):
        raise ValueError(f"placed: {fate!r} is no fate; allowed: a tuple of delays, or LOST")
    for delay_s in fate:
        not_negative("placed delay", delay_s)


class Links:
    """A network's links in one run: they decide each packet's fate when the packet is sent.

    They count how often each content was sent on each link, so that every packet has dice of
    its own, and remember when each link's queue is empty. ``certain`` is the fate of all
    packets if there is one only, or else None.
    """

    def __init__(self, network: Network, *, seed: int) -> None:
        self._network, self._seed = network, seed
        self._kinds: Counter[str] = Counter()
        self._sent = Ordinals()
        self._queue_empty_s: dict[tuple[str, str], float] = {}
        messages, acks = network.messages, network.acks
        alike = messages.delay_s == acks.delay_s  # then no packet can come up with another
        chance = messages.by_chance or acks.by_chance or network.placed
        self.certain = (messages.delay_s,) if alike and not chance else None

    def fate(self, source: str, target: str, payload: Payload, now_s: float) -> Fate:
        """Return the delays of the copies of this packet, sent at ``now_s``."""
        faults = self._network.acks if payload.kind == "ack" else self._network.messages
        link = (source, target)
        name = ""
        if faults.by_chance:
            content = f"{source}\x1f{target}\x1f{payload!r}"
            name = f"{content}\x1f{self._sent.next(content)}"
        if placed := self._network.placed:
            self._kinds[payload.kind] += 1
            packet = (payload.kind, self._kinds[payload.kind])
            if packet in placed:
                return placed[packet]
        if faults.loss and dice(self._seed, "loss", name) < faults.loss:
            return LOST
        first_s = self._delay_s(faults, link, name, 0, now_s)
        if faults.duplication and dice(self._seed, "duplication", name) < faults.duplication:
            return first_s, self._delay_s(faults, link, name, 1, now_s)
        return (first_s,)

    def _delay_s(
        self, faults: Faults, link: tuple[str, str], name: str, copy: int, now_s: float
    ) -> float:
        delay_s = faults.delay_s
        if mean_s := faults.delay_s_mean:
            delay_s += exponential(mean_s, dice(self._seed, "delay", name, copy))
        overtaking = faults.reordering
        if overtaking and dice(self._seed, "reordering", name, copy) < overtaking:
            return delay_s
        queue_empty_s = self._queue_empty_s.get(link, 0.0)
        if now_s + delay_s < queue_empty_s:
            delay_s = queue_empty_s - now_s
            while now_s + delay_s < queue_empty_s:  # rounding must not let it overtake
                delay_s = nextafter(delay_s, inf)
        self._queue_empty_s[link] = now_s + delay_s
        return delay_s
