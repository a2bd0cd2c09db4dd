"""Random systems: the search, a naive search, seeds and scripts agree on every one of them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from random_systems import Maker, System, TooLarge, a_second_later, after, begin, naive, ways

from delivery_semantics import (
    Bounds,
    CrashPoint,
    Exploration,
    Faults,
    Network,
    Outage,
    Process,
    Run,
    Save,
    Send,
    Step,
    Trace,
    UnboundedRun,
    explore,
    script,
    simulate,
)

WORLDS_MAX = 400
MOMENTS_MAX = 4_000
SEEDS, CHUNK = 300, 50


def found_by(
    system: System, worlds_max: int = WORLDS_MAX, *, automatic: bool = False
) -> Exploration | None:
    """What the search says; None where it is too large."""
    try:
        return explore(
            system.parts, system.bounds, stores=system.stores, worlds_max=worlds_max,
            automatic=automatic,
        )  # fmt: skip
    except UnboundedRun:
        return None


def against_the_naive_search(
    system: System, found: Exploration, moments_max: int = MOMENTS_MAX, *,
    automatic: bool = False,
) -> None:  # fmt: skip
    """Assert that both find the same, and nothing shorter."""
    slow = naive(system, moments_max, automatic=automatic)
    assert slow.stable() == set(found.outcomes)
    choices, steps = slow.nearest(1), slow.nearest(2)
    ends = [number for number in slow.ends() if number in slow.doomed()]
    once, eventually = found.never_more_than_once, found.at_least_once_eventually
    assert once.holds == (not slow.repeated())
    assert eventually.holds == (not slow.doomed())
    assert bool(eventually.loop) == (not ends and not eventually.holds)
    for verdict, breaks in ((once, slow.repeated()), (eventually, ends)):
        if verdict.holds or verdict.loop:
            continue
        if not system.bounds.crash_together:  # a crash of many is one choice
            assert choices_of(verdict.steps) == min(choices[n] for n in breaks)
        shortest = min(steps[n] for n in breaks)
        assert shortest <= len(verdict.steps) <= shortest + verdict.longer_by_at_most


def choices_of(steps: tuple[Step, ...]) -> int:
    """How many of these somebody chooses."""
    return sum(not isinstance(step, Run) for step in steps)


def replayed(system: System, found: Exploration, *, automatic: bool = False) -> None:
    """Assert that every counterexample is a run that breaks its claim."""
    ids = [message.id for p in system.parts.values() for message in getattr(p, "messages", ())]
    for verdict in (found.never_more_than_once, found.at_least_once_eventually):
        if verdict.counterexample is None:
            continue
        run = script(system.parts, *verdict.steps, automatic=automatic, stores=system.stores)
        assert run == verdict.counterexample
        assert within(run, system.bounds)
        if verdict is found.never_more_than_once:
            assert max(run.processed().values()) > 1
        else:
            assert any(not run.processed()[each] for each in ids)
    for outcome in found.outcomes:
        assert found.run(outcome).outcome() == outcome


# Seeds and scripts ------------------------------------------------------------------------


def faults_of(run: Trace) -> Iterator[tuple[str, str, str]]:
    """Yield the faults of a run: a kind, and where; a timer is early if packets are about."""
    in_flight = 0
    for event in run.events:
        in_flight += event.what in ("sent", "duplicated")
        in_flight -= event.what in ("lost", "delivered", "refused")
        early = in_flight or "early" in event.note
        if event.what in ("lost", "duplicated", "crashed", "raised"):
            yield event.what, event.who, event.peer
        elif event.what in ("timed_out", "waited") and early:
            yield "early", event.who, ""


def within(run: Trace, bounds: Bounds) -> bool:
    """Whether the faults of a run are within these bounds."""
    faults = list(faults_of(run))
    most = {
        "lost": bounds.losses, "duplicated": bounds.duplicates, "early": bounds.early_timeouts,
        "raised": bounds.failures, "crashed": bounds.crashes,
    }  # fmt: skip
    if bounds.crash_together:
        most["crashed"] *= 2
    return (
        all(sum(fault[0] == kind for fault in faults) <= most[kind] for kind in most)
        and all(
            bounds.links is None or (who, peer) in bounds.links
            for kind, who, peer in faults if kind in ("lost", "duplicated")
        )
        and all(
            bounds.crashable is None or who in bounds.crashable
            for kind, who, _ in faults if kind == "crashed"
        )
    )  # fmt: skip


def is_among(system: System, found: Exploration, run: Trace, *, ended: bool) -> bool:
    """Assert that a run is among the searched ones, if it is within the bounds."""
    if not within(run, system.bounds) or system.bounds.crash_together:
        return False
    if found.never_more_than_once.holds:
        assert max(run.processed().values(), default=0) <= 1
    if ended:
        assert run.outcome() in found.outcomes
        if found.at_least_once_eventually.holds:
            assert all(times for _, times, _ in run.outcome())
    return ended


def seeded(system: System, seed: int) -> tuple[Trace, bool]:
    """Return a simulated run with a random network and random crashes, and if it ended."""
    draw = Random(seed)
    names = list(system.parts)
    order = 0.0 if not system.bounds.reordering else draw.choice((0.0, 0.4))
    kinds = [
        Faults(
            loss=draw.choice((0.0, 0.1, 0.3)), duplication=draw.choice((0.0, 0.0, 0.2)),
            reordering=order, delay_s=draw.choice((0.0, 0.01, 0.1, 0.7)),
            delay_s_mean=draw.choice((0.0, 0.0, 0.05, 1.5)),
        )
        for _ in range(2)
    ]  # fmt: skip
    crashes: list[CrashPoint | Outage] = []
    for _ in range(draw.choice((0, 0, 1, 1, 2)) if system.bounds.crashes else 0):
        who = draw.choice(names)
        if draw.random() < 0.5:
            kind = draw.choice((Process, Send, Save))
            crashes.append(CrashPoint(who, kind, 0.3, down_s=draw.choice((0.1, 2.5))))
        else:
            at_s, down_s = draw.random() * 6, draw.choice((0.1, 1.0, 4.0, 60.0))
            crashes.append(Outage(who, at_s=at_s, down_s=down_s))
    events = []  # type: ignore[var-annotated]
    ended = True
    try:
        simulate(
            system.parts, Network(messages=kinds[0], acks=kinds[1]), seed=seed,
            crashes=tuple(crashes), early_timeouts=draw.choice((0.0, 0.0, 0.2)),
            steps_max=300, stores=system.stores, record=events.append,
        )  # fmt: skip
    except UnboundedRun:
        ended = False
    messages = tuple(m for p in system.parts.values() for m in getattr(p, "messages", ()))
    return Trace(tuple(names), messages, tuple(events)), ended


def scripted(system: System, seed: int, steps_max: int = 80) -> tuple[Trace, bool]:
    """Return a run of random steps within the bounds, and if it ended."""
    draw = Random(seed)
    moment, steps, ended = begin(system), list[Step](), False
    while len(steps) < steps_max:
        on = list(ways(moment, system.bounds))
        later = a_second_later(moment)
        if not on and later is None:
            ended = True
            break
        if later is not None and (not on or draw.random() < 0.3):
            moment = later
            continue
        taken, left = draw.choice(on)
        moment = after(moment, taken, left)
        steps += taken
    ended = ended or not any(left == moment[1] for _, left in ways(moment, system.bounds))
    run = script(system.parts, *steps, automatic=False, stores=system.stores)
    return run, ended and a_second_later(moment) is None


def agree(seed: int, *, seeds: int, scripts: int, larger: int = 1) -> str:
    """Hold one random system against everything; say how far that went."""
    system = Maker(seed).system()
    found = found_by(system, WORLDS_MAX * larger)
    if found is None:
        return "too many worlds"
    replayed(system, found)
    reached = 0
    for number in range(seeds):
        run, ended = seeded(system, seed * 1_000 + number)
        reached += is_among(system, found, run, ended=ended)
    for number in range(scripts):
        run, ended = scripted(system, seed * 1_000 + number)
        reached += is_among(system, found, run, ended=ended)
    try:
        against_the_naive_search(system, found, MOMENTS_MAX * larger)
        of_choices(system, larger)
    except TooLarge:
        return "too many moments"
    return f"compared, {reached} runs"


def of_choices(system: System, larger: int) -> None:
    """Hold the search whose steps are a script's choices against the naive one."""
    found = found_by(system, WORLDS_MAX * larger, automatic=True)
    if found is not None:
        replayed(system, found, automatic=True)
        against_the_naive_search(system, found, MOMENTS_MAX * larger, automatic=True)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_search_seed_and_script_agree_on_random_systems(first: int) -> None:
    said = [agree(seed, seeds=4, scripts=4) for seed in range(first, first + CHUNK)]
    compared = [each for each in said if each.startswith("compared")]
    assert len(compared) > CHUNK / 2, said
    assert sum(int(each.split()[1]) for each in compared) > CHUNK / 2, said


FOUND = {
    1: "an effect that fails, where effects run by themselves",
    36: "two moments of the clock for effects that run by themselves",
    348: "two that crash together, one of them at an effect",
    41063: "a timer that ran out in a handler was late without limit",
    101003: "two that crash together, the second of them at an effect: so was the naive search",
    302261: "a crash of two is one choice and two steps, which the length did not tell",
}
"""Seeds at which a search was wrong once, and in what."""


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once(seed: int) -> None:
    assert agree(seed, seeds=4, scripts=4).startswith("compared")
