"""Where a run stands: the money, the promises, and whether anything can still happen.

What somebody needs who chooses the next step by hand, one after the other.

Book: 01-the-problem
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..core.world import World
from .exploration import Verdict


@dataclass(frozen=True)
class Position:
    """The messages that were processed twice or not at all, the money, and if it has ended.

    It has ended where nothing can happen without a fault. ``broken`` names the promises that
    are broken here, in the words of a search's verdicts.
    """

    money_expected: int
    money_there: int
    repeated: tuple[str, ...]
    missing: tuple[str, ...]
    ended: bool

    @property
    def broken(self) -> tuple[str, ...]:
        """The promises that are broken: a missing message only breaks one at the end."""
        twice = (Verdict.NEVER_TWICE,) if self.repeated else ()
        return (*twice, *((Verdict.EVENTUALLY,) if self.ended and self.missing else ()))


def position(world: World) -> Position:
    """Return where this world stands; with local effects still to run it has not ended."""
    times, messages = Counter[str](), world.messages()
    for store in world.stores.values():
        times.update(store.processed)
    amounts = {message.id: message.amount for message in messages}
    ended = not (world.packets or any(map(world.is_down, world.participants))) and not any(
        world.local_effect(who) or world.timer_s(who) is not None or world.timers[who]
        for who in world.participants
    )
    return Position(
        sum(amounts.values()),
        sum(amounts.get(message_id, 0) * n for message_id, n in times.items()),
        tuple(message_id for message_id, n in times.items() if n > 1),
        tuple(message.id for message in messages if not times[message.id]),
        ended,
    )
