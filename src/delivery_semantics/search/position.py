"""Where a run stands: the money, the promises, and whether anything can still happen.

What somebody needs who chooses the next step by hand, one after the other.

Book: 01-the-problem
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..core.store import Store
from ..core.trace import Outcome
from ..core.world import World
from .exploration import Verdict


def outcome_on(ids: Iterable[str], stores: Collection[Store]) -> Outcome:
    """Return what these disks tell of each message; see ``Outcome``."""
    times = times_on(stores)
    settled = {each for store in stores for each in store.settled.items()}
    knows = dict(sorted(settled, reverse=True))  # "confirmed" after "in doubt": it counts
    return tuple((each, times[each], knows.get(each, "")) for each in ids)


def times_on(stores: Iterable[Store]) -> Counter[str]:
    """Return how often each message was processed, by these disks."""
    times = Counter[str]()
    for store in stores:
        times.update(store.processed)
    return times


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
    times, messages = times_on(world.stores.values()), world.messages()
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
