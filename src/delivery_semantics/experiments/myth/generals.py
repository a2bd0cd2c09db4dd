"""Two Generals: packets that answer each other, and the last of them.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from dataclasses import dataclass

from ... import Deliver, Lose, Message, Passive, Send, Trace, script
from ...core.check import at_least
from ...core.effects import Handler, Payload
from ...show.diagram import sequence
from ...show.picture import how_many
from ...show.view import View

ENDS = ("sender", "receiver")


@dataclass(frozen=True)
class Answering(Passive):
    """One of two ends that answer each packet with the next, until there are ``packets``."""

    packets: int
    begins_with: str = ""

    def start(self) -> Handler:
        """Send the first packet to the other end, if it is this one that begins."""
        if self.begins_with:
            yield Send(self.begins_with, Message("1", amount=0))

    def receive(self, source: str, payload: Payload) -> Handler:
        """Answer, unless this was the last one."""
        if int(payload.id) < self.packets:
            yield Send(source, Message(str(int(payload.id) + 1), amount=0))


def exchange(packets: int, *, arrives: bool) -> Trace:
    """Let two ends exchange so many packets; the last one ``arrives`` or is lost.

    Raises ValueError for no packets.
    """
    at_least("packets", packets, 1)
    sender, receiver = ENDS
    pair = {sender: Answering(packets, begins_with=receiver), receiver: Answering(packets)}
    last = Deliver(packets) if arrives else Lose(packets)
    return script(pair, *(Deliver(number) for number in range(1, packets)), last)


def exchange_view(*, packets: int, last: str, seed: int = 0) -> View:
    """Show an exchange whose ``last`` packet "arrives" or "is lost"."""
    arrived, lost = (exchange(packets, arrives=arrives) for arrives in (True, False))
    spoke, heard = ENDS[(packets - 1) % 2], ENDS[packets % 2]
    same = {who: arrived.seen_by(who) == lost.seen_by(who) for who in ENDS}
    words = {True: "the same", False: "a difference"}
    return View(
        sequence(
            arrived if last == "arrives" else lost,
            title=f"{how_many(packets, 'packet')}, and the last {last}",
            totals=False,
        ),
        {f"{who} sees": words[same[who]] for who in ENDS},
        f"Packet {packets}, the last, {last}. The {spoke}, who sent it, sees "
        f"{words[same[spoke]]} either way; the {heard} sees {words[same[heard]]}.",
    )
