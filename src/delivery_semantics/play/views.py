"""What a front end shows of a game, as JSON: a view after some steps, a search from there.

All that a page knows of the network, of what is possible and of money it has from here. Steps
are short texts, so that a list of them is a link as well as a script.

Book: playground
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from .. import (
    Crash, Deliver, Duplicate, Exploration, Lose, Restart, Step, Tick, Timeout, explore,
)  # fmt: skip
from ..core.steps import from_text, to_text
from ..search.position import Position, position
from ..show.picture import how_many
from .board import Board, drawn, kind, retold
from .code import beside
from .game import Chosen, Game, Goal
from .games import find
from .hints import hint
from .turn import Turn, reached
from .words import capital, full, packet_names, paid, short, state, the

STEPS_MAX = 40
WORLDS_MAX = 400_000

Json = dict[str, Any]


def view(
    game: str, settings: Chosen, goal: str, steps: Sequence[str], width: str = "wide"
) -> Json:
    """Return all that is shown after these steps of the game of this name.

    Where a step is none, or is not possible, the view stops before it, and ``trouble`` says so.
    Raises ValueError for a game, a setting, a goal or a width that there is not.
    """
    return shown(find(game), settings, goal, steps, width)


def shown(game: Game, settings: Chosen, goal: str, steps: Sequence[str], width: str) -> Json:
    """Return the same of a game that is at hand."""
    values, aim = game.values(settings), game.goal(goal)
    turn, names, trouble = _as_far_as_possible(game, values, steps)
    board, here = drawn(game, turn, width), position(turn.world)
    goes_on = len(turn.steps) < STEPS_MAX
    offered, points = (turn.choices, turn.crash_points) if goes_on else ((), ())
    crashes = [crash for crash, _ in points]
    known = packet_names(turn.trace)
    buttons = {
        step: _button(step, full(step, turn, known, game.does)) for step in (*offered, *crashes)
    }
    return {
        "settings": values,
        "goal": _goal(game, aim, turn, here),
        "next": _next_level(game, values),
        "steps": [to_text(step) for step in turn.steps],
        "names": names,
        "trouble": trouble,
        "svg": board.picture.svg,
        "chips": _chips(board, buttons, known),
        "feet": _feet(board, buttons),
        "points": [
            {**buttons[crash], "at": at, "line": ran.line}
            for (crash, ran), at in zip(points, board.points(r for _, r in points), strict=True)
        ],
        "moved": board.moved(),
        "groups": _groups(turn, buttons, known),
        "said": _said(game, values, turn, here, aim),
        "hint": hint(turn, here, aim) if goes_on else f"That is {STEPS_MAX} steps. Go back.",
        "money": _money(game, turn, here),
        "code": beside(game, values, turn),
        "ended": here.ended,
    }


def finish(game: str, settings: Chosen, goal: str, steps: Sequence[str]) -> Json:
    """Search a shortest way from here to the goal, in steps that the reader can take.

    Returns ``steps`` from the beginning, or None where there is no way within the bounds, the
    number of ``worlds`` that were tried, and what to say of it in ``words``.
    """
    return finished(find(game), settings, goal, steps)


def finished(game: Game, settings: Chosen, goal: str, steps: Sequence[str]) -> Json:
    """Return the same of a game that is at hand."""
    values, aim = game.values(settings), game.goal(goal)
    begun = tuple(map(from_text, steps))
    found = _searched(game, values, aim, begun)
    verdict = found.claims[f"{aim.id}"]
    tried = f"{found.worlds:,} worlds"
    if verdict.holds:
        words = (
            f"No way from here. The search tried everything: {tried}, with {_at_most(game)}."
        )
        return {"steps": None, "worlds": found.worlds, "words": words}
    whole = (*begun, *map(_by_hand, verdict.steps))
    steps = how_many(len(whole), "step")
    said = f"The search finished it: {steps}. Nothing shorter among {tried}."
    return {"steps": [to_text(step) for step in whole], "worlds": found.worlds, "words": said}


def score(game: str, settings: Chosen, goal: str) -> Json:
    """Return how many steps a goal takes at least, None where it cannot be done, and words."""
    return scored(find(game), settings, goal)


def scored(game: Game, settings: Chosen, goal: str) -> Json:
    """Return the same of a game that is at hand."""
    found = finished(game, settings, goal, ())
    if found["steps"] is None:
        return {"shortest": None, "ask": "Can it be done at all?", "best": "", "longer": ""}
    least = len(found["steps"])
    return {
        "shortest": least,
        "ask": f"Can you do it in {how_many(least, 'step')}?",
        "best": "Nobody can do it in fewer.",
        "longer": f"The shortest way has {least}.",
    }


def _searched(game: Game, values: Chosen, goal: Goal, begun: Sequence[Step]) -> Exploration:
    found = explore(
        game.built(values),
        game.bounds,
        worlds_max=WORLDS_MAX,
        stores=game.stores,
        never={goal.id: goal.reached},
        after=begun,
        automatic=True,
    )
    claims = {goal.id: found.claims[goal.id]}
    return dataclasses.replace(found, claims=claims)


def _by_hand(step: Step) -> Step:
    """Return the step as the reader takes it, who does not ask whether a timer was early."""
    return dataclasses.replace(step, early=False) if isinstance(step, Timeout) else step


def _as_far_as_possible(
    game: Game, values: Chosen, steps: Sequence[str]
) -> tuple[Turn, list[str], str]:
    """Take the steps one by one; return where that led, their names, and what stopped it."""
    turn, names = reached(game, values, ()), list[str]()
    for number, text in enumerate(steps[:STEPS_MAX], start=1):
        try:
            step = from_text(text)
        except ValueError:
            step = None
        possible = (*turn.choices, *(crash for crash, _ in turn.crash_points))
        if step not in possible:
            trouble = f"Step {number} of this link, “{text}”, is not possible here; "
            return turn, names, f"{trouble}it stops before it."
        assert step is not None
        names.append(full(step, turn, packet_names(turn.trace), game.does))
        turn = reached(game, values, (*turn.steps, step))
    return turn, names, ""


# What can be pressed ----------------------------------------------------------------------


def _button(step: Step, name: str) -> Json:
    fault = isinstance(step, Lose | Crash)
    return {"step": to_text(step), "word": short(step), "name": name, "fault": fault}


def _chips(board: Board, buttons: dict[Step, Json], known: dict[int, str]) -> list[Json]:
    found = []
    for packet, (at, side) in board.chips().items():
        flight = board.story.flights[packet]
        steps = (Duplicate(packet), Lose(packet), Deliver(packet))
        found.append({
            "at": at, "side": side, "kind": kind(flight.kind), "copy": flight.copy,
            "down": board.turn.world.is_down(flight.target), "name": capital(known[packet]),
            "buttons": [buttons[step] for step in steps if step in buttons],
        })  # fmt: skip
    return found


def _feet(board: Board, buttons: dict[Step, Json]) -> list[Json]:
    return [
        {"who": who, "x": x, "state": state(board.turn, who), "buttons": _of(who, buttons)}
        for who, x in board.feet().items()
    ]


def _of(who: str, buttons: dict[Step, Json], *, between: bool = False) -> list[Json]:
    """Return what a participant can do now; or where it could have crashed in between."""
    kinds = (Timeout, Restart, Crash)
    return [
        button
        for step, button in buttons.items()
        if isinstance(step, kinds)
        and step.who == who
        and (isinstance(step, Crash) and step.before is not None) is between
    ]


def _groups(turn: Turn, buttons: dict[Step, Json], known: dict[int, str]) -> list[Json]:
    """Return all that can happen next as a list: packets, participants, crashes, the clock."""
    groups = []
    for number, packet in turn.world.packets.items():
        mine = [buttons[s] for s in buttons if getattr(s, "packet", 0) == number]
        says = f"{capital(known[number])} is on its way to {the(packet.target)}"
        groups.append({"says": says, "buttons": mine})
    for who in turn.participants:
        says = f"{capital(the(who))} {state(turn, who)}"
        groups.append({"says": says, "buttons": _named(_of(who, buttons))})
        if between := _named(_of(who, buttons, between=True)):
            groups.append({"says": f"Between what {the(who)} just did", "buttons": between})
    clock = [button for step, button in buttons.items() if isinstance(step, Tick)]
    now = turn.world.clock_s or 0.0
    groups += [{"says": f"The clock shows {now:g} s", "buttons": _named(clock)}]
    return [group for group in groups if group["buttons"]]


def _named(buttons: list[Json]) -> list[Json]:
    return [{**button, "word": button["name"]} for button in buttons]


# What is said -----------------------------------------------------------------------------


def _goal(game: Game, goal: Goal, turn: Turn, here: Position) -> Json:
    done, words = goal.said(turn.world), ""
    others = [other for other in game.goals if other is not goal and not other.good]
    if done:
        words = f"{done} You: {how_many(len(turn.steps), 'step')}."
    elif any(other.reached(turn.world) for other in others):
        words = "You broke another promise instead."
    return {"id": goal.id, "reached": bool(done), "words": words}


def _next_level(game: Game, values: Chosen) -> Json | None:
    for setting in game.settings[:1]:
        after = list(setting.values)
        place = after.index(values[setting.name]) + 1
        if place < len(after):
            words = setting.then.format(value=after[place])
            return {"setting": setting.name, "value": after[place], "words": words}
    return None


def _money(game: Game, turn: Turn, here: Position) -> Json:
    several = len(turn.trace.messages) > 1
    told = (who for who in turn.participants if _is_told(turn, who))
    sure = next(told, "")
    lost = here.ended and bool(here.missing)
    breaks = (goal.said(turn.world) for goal in game.goals if not goal.good)
    done = next(filter(None, breaks), "")
    if here.repeated:
        words = "paid twice" if here.money_there <= 2 * here.money_expected else "paid again"
    elif lost:
        words = f"never paid, and {the(sure)} believes it is" if sure else "never paid"
    elif done:  # a promise of this game's own, which the sums do not show
        words = (done[:1].lower() + done[1:]).removesuffix(".")
    elif here.missing:
        words = "not all paid yet" if several else "not yet paid"
    else:
        words = "paid once" if here.ended else "paid once, so far"
    return {
        "owed": here.money_expected, "paid": here.money_there, "words": words,
        "broken": bool(here.repeated or lost or done),
        "good": not (here.missing or here.repeated or done),
    }  # fmt: skip


def _is_told(turn: Turn, who: str) -> bool:
    world = turn.world
    return "confirmed" in world.stores[world.store_names[who]].settled.values()


def _said(game: Game, values: Chosen, turn: Turn, here: Position, goal: Goal) -> str:
    """Return what the last step brought about, in sentences, for those who listen."""
    now = _sentences(game, turn)
    if turn.steps:
        earlier = _sentences(game, reached(game, values, turn.steps[:-1]))
        pairs = zip(earlier, now, strict=False)
        same = next((n for n, (a, b) in enumerate(pairs) if a != b), len(earlier))
        now = now[same:]
    last = turn.steps[-1] if turn.steps else None
    if isinstance(last, Crash) and last.before is not None:
        now.append("What came after that has not happened.")
    if isinstance(last, Duplicate):
        now.append("The network made a copy.")
    done = goal.said(turn.world)
    return " ".join([*now, done or paid(here.money_there, here.money_expected)])


def _sentences(game: Game, turn: Turn) -> list[str]:
    return [row.sentence for row in retold(game, turn).rows if row.what != "in flight"]


def _at_most(game: Game) -> str:
    """Say the bounds as they count from here."""
    bounds = game.bounds
    who = "" if bounds.crashable is None else f" of {' or '.join(map(the, bounds.crashable))}"
    faults = (
        (bounds.losses, "loss", "losses"), (bounds.duplicates, "copy", "copies"),
        (bounds.crashes, f"crash{who}", f"crashes{who}"),
        (bounds.early_timeouts, "early timeout", "early timeouts"),
    )  # fmt: skip
    given = [(n, one if n == 1 else more) for n, one, more in faults if n]
    if not given:
        return "no fault at all"
    alike = all(n == 1 for n, _ in given)
    said = [words if alike else f"{n} {words}" for n, words in given]
    listed = " and ".join(filter(None, [", ".join(said[:-1]), said[-1]]))
    return f"at most one more {listed}" if alike else f"at most {listed} more"
