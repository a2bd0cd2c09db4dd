"""Which timers can run out first: what is known of the times at which they were armed.

A state of a search has no times, but not every order of its timers is possible: of two that
were armed together, the shorter runs out first, and whoever waited a second has waited at least
as long as what it outlasted. All that is known is a set of bounds on differences of times, and
it is possible exactly if no cycle of bounds is negative.
Source: D. Dill, "Timing assumptions and verification of finite-state concurrent systems", 1989.

Times are nanoseconds, whole where they can be: a third of a second is a fraction of them, since
three of it are exactly as long as a second. An effect takes no time: it passes where everybody
waits, and as far as no timer has to run out. A timer whose participant is in the middle of a
handler holds up nobody: it may run out meanwhile, and is then *due* as soon as the handler
ends. Whether it did is two cases, so what is known is a few zones of which one is true.
How long ago a timer is due makes no difference, and is forgotten, else there were no end of
zones. Source: C. Daws, S. Tripakis, "Model checking of real-time reachability properties using
abstractions", 1998.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import NamedTuple

NEVER = 1 << 1200
"""No bound: above every sum of times that can come about, each of them a float of seconds."""

Nanoseconds = int | Fraction


class Timer(NamedTuple):
    """One that is armed: whose, its name ("" for a wait), how long; late in a handler."""

    who: int
    name: str
    length_ns: Nanoseconds
    late: bool = False


class Zone(NamedTuple):
    """``bounds[x][y]`` is at most the time of x less that of y; 0 is now, then each timer's."""

    timers: tuple[Timer, ...] = ()
    bounds: tuple[tuple[Nanoseconds, ...], ...] = ((0,),)


def nanoseconds(delay_s: float) -> Nanoseconds:
    """Return the simplest number of nanoseconds for which, but for rounding, this may stand."""
    exact, denominator_max = Fraction(delay_s) * 10**9, 1
    while abs((simple := exact.limit_denominator(denominator_max)) - exact) > exact * CLOSE:
        denominator_max *= 10
    return simple.numerator if simple.denominator == 1 else simple


CLOSE = Fraction(1, 10**12)
"""Sums and differences of floats that are to be equal differ by less than this part of them."""


def can_run_out(zone: Zone, number: int) -> bool:
    """Tell whether the timer of this number can run out before all others have to."""
    return zone.bounds[0][1 + number] >= zone.timers[number].length_ns


def run_out(zone: Zone, number: int) -> Zone:
    """Return what is known when this timer has run out, in its time, at this moment."""
    return _bounded(zone, 1 + number, 0, -zone.timers[number].length_ns)


def rearm(
    zone: Zone, who: int, gone: frozenset[str], timers: tuple[Timer, ...]
) -> Iterator[Zone]:
    """Yield what can be known when timers of ``who`` are gone and these were armed, now.

    ``timers`` are all that ``who`` has; those that are not in ``gone`` stay as they were.
    """
    after = {timer.name: timer for timer in timers}
    kept = [
        (1 + n, timer if timer.who != who else after[timer.name])
        for n, timer in enumerate(zone.timers)
        if timer.who != who or (timer.name in after and timer.name not in gone)
    ]
    staying = {timer.name for _, timer in kept if timer.who == who}
    new = [timer for timer in timers if timer.name not in staying]
    # What was armed now has the time of now: its row is that of now.
    rows = [0, *(n for n, _ in kept), *(0 for _ in new)]
    all_timers = [*(timer for _, timer in kept), *new]
    order = sorted(range(len(all_timers)), key=lambda n: all_timers[n][:2])
    places = [0, *(rows[1 + n] for n in order)]
    ordered = tuple(all_timers[n] for n in order)
    yield from _due_or_not(
        Zone(ordered, tuple(tuple(zone.bounds[x][y] for y in places) for x in places))
    )


def _due_or_not(zone: Zone) -> Iterator[Zone]:
    """Yield both cases of a timer that may have run out in a handler that has ended."""
    for number, timer in enumerate(zone.timers, start=1):
        longest_ns, shortest_ns = zone.bounds[0][number], -zone.bounds[number][0]
        if not timer.late and shortest_ns < timer.length_ns < longest_ns:
            yield from _due_or_not(_bounded(zone, number, 0, -timer.length_ns))
            yield from _due_or_not(_bounded(zone, 0, number, timer.length_ns))
            return
    yield zone


def time_passes(zone: Zone) -> Zone:
    """Return what is known later on, as far as the timers allow."""
    timers = [*enumerate(zone.timers, start=1)]
    if any(not t.late and -zone.bounds[n][0] >= t.length_ns for n, t in timers):
        return zone
    bounds = [list(row) for row in zone.bounds]
    for number, timer in timers:
        bounds[0][number] = NEVER if timer.late else timer.length_ns
        bounds[number][0] = min(bounds[number][0], 0)
    return _forgetful(Zone(zone.timers, _closed(bounds)))


def _forgetful(zone: Zone) -> Zone:
    """Forget how long ago a timer has run out: beyond its length no time makes a difference."""
    most: list[Nanoseconds] = [0, *(timer.length_ns for timer in zone.timers)]
    bounds: list[list[Nanoseconds]] = [
        [NEVER if bound > most[y] else max(bound, -most[x]) for y, bound in enumerate(row)]
        for x, row in enumerate(zone.bounds)
    ]
    return Zone(zone.timers, _closed(bounds))


def _bounded(zone: Zone, x: int, y: int, bound: Nanoseconds) -> Zone:
    bounds = [list(row) for row in zone.bounds]
    bounds[x][y] = min(bounds[x][y], bound)
    return Zone(zone.timers, _closed(bounds))


def _closed(bounds: list[list[Nanoseconds]]) -> tuple[tuple[Nanoseconds, ...], ...]:
    """Draw every conclusion (Floyd and Warshall)."""
    numbers = range(len(bounds))
    for via, x, y in product(numbers, repeat=3):
        bounds[x][y] = min(bounds[x][y], bounds[x][via] + bounds[via][y], NEVER)
    return tuple(map(tuple, bounds))
