"""One sentence that points at the next thing to try.

Book: playground
"""

from __future__ import annotations

from .. import Ack, Crash, Deliver, Duplicate, Lose, Message
from ..search.position import Position
from .game import Goal
from .turn import Turn
from .words import capital, packet_names, the

VERBS = {Deliver: "deliver", Lose: "lose", Duplicate: "copy"}
"""What can be done to a packet, in the reader's words."""


def hint(turn: Turn, here: Position, goal: Goal) -> str:
    """Return the sentence for this turn; "" where the picture says enough."""
    world = turn.world
    if goal.reached(world):
        return ""
    down = [who for who in world.participants if world.is_down(who)]
    if down:
        stays = "What is on its disk stays; what it had in hand is gone."
        return f"{capital(the(down[0]))} is down. {stays}"
    if here.ended:
        return "Nothing more can happen. Go back, and do it differently."
    if not turn.steps and world.packets:
        name = capital(packet_names(turn.trace)[next(iter(world.packets))])
        verbs = [word for kind, word in VERBS.items() if kind in set(map(type, turn.choices))]
        *others, last = [f"{verb} it" for verb in verbs]
        asked = f"{', '.join(others)} or {last}" if others else last
        return f"{name} is on its way. {capital(asked)}."
    if not world.packets:
        waiting = [who for who in world.participants if world.timer_s(who) is not None]
        has = "Nothing is on its way. {} has a timer."
        return has.format(capital(the(waiting[0]))) if waiting else ""
    return _about_money(turn, here)


def _about_money(turn: Turn, here: Position) -> str:
    sent = turn.world.packets.values()
    messages = [packet.payload for packet in sent if isinstance(packet.payload, Message)]
    acks = [packet for packet in sent if isinstance(packet.payload, Ack)]
    if here.repeated:
        return ""
    if any(message.id not in here.missing for message in messages):
        return "Paid once, and the same payment is on its way again."
    if any(ack.payload.id in here.missing for ack in acks):
        return "" if messages else "The ack is on its way, and nothing is paid."
    faults = any(isinstance(step, Lose | Crash) for step in turn.choices)
    asked = acks and faults
    return f"Paid once. What if {the(acks[0].target)} never hears of it?" if asked else ""
