"""The judges of exercises: a search, a run, a number, a function called again and again.

Each is made for one exercise and returns what it found, with the money and a picture where
there is a run to show.

Book: 01-the-problem
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from math import isclose
from typing import Any

from .. import Bounds, Participant, Step, Trace, Verdict, audit, explore
from ..core.steps import describe
from ..show.diagram import sequence
from ..show.picture import Picture, how_many
from ..show.view import plain
from .exercise import Judge, Judgement
from .reader import Defined
from .words import paid

WORLDS_MAX = 3_000
SHORT = {Verdict.NEVER_TWICE: "twice", Verdict.EVENTUALLY: "lost"}
"""What a broken property is called where a hint stands for it."""


def searched(
    build: Callable[[Defined], Mapping[str, Participant]],
    bounds: Bounds,
    *,
    allows: Collection[str] = (),
    **options: Any,  # noqa: ANN401  # those of ``explore``
) -> Judge:
    """Judge by every run within ``bounds``: nothing may break but what ``allows`` names.

    Kinds of wrong answers: the names of claims, "twice" and "lost".
    """

    def judge(names: Defined) -> Judgement:
        found = explore(build(names), bounds, worlds_max=WORLDS_MAX, **options)
        verdicts = (*found.claims.values(), *found.verdicts[:2])
        broken = {SHORT.get(v.claim, v.claim.removeprefix("never ")): v for v in verdicts}
        wrong = tuple(k for k, v in broken.items() if not v.holds and k not in allows)
        if wrong:
            return _against(broken[wrong[0]], wrong)
        return Judgement(True, f"Every run was searched: {found.worlds:,} worlds.")

    return judge


def _against(verdict: Verdict, kinds: tuple[str, ...]) -> Judgement:
    assert verdict.counterexample is not None
    steps = f"broken in {len(verdict.steps)} steps"
    text = f"{verdict.claim.capitalize()}: {steps}. {money(verdict.counterexample)}"
    return Judgement(False, text, kinds, _drawn(verdict))


def _drawn(verdict: Verdict) -> Picture:
    return sequence(verdict, title=f"A shortest run that breaks “{verdict.claim}”")


def money(run: Trace) -> str:
    """Say how much is paid at the end of a run, of what was to be."""
    return paid(audit(run).money_there, sum(message.amount for message in run.messages))


def ran(run: Callable[[Defined], Trace], *wanted: str) -> Judge:
    """Judge by how a run ends for its first message: as one of ``wanted``, "2 confirmed".

    The kind of a wrong answer is how it ended: how often it was processed, and what the sender
    knows, "confirmed", "in doubt" or nothing.
    """

    def judge(names: Defined) -> Judgement:
        trace = run(names)
        _, times, knows = trace.outcome()[0]
        ended = f"{times} {knows}".strip()
        said = f"Processed {how_many(times, 'time')}"
        said += f", and the sender knows: {knows or 'nothing yet'}. {money(trace)}"
        picture = sequence(trace, title="Your run")
        return Judgement(ended in wanted, said, () if ended in wanted else (ended,), picture)

    return judge


def steps_of(names: Defined, *kinds: type) -> Sequence[Step]:
    """Return the reader's ``steps``, of these kinds only. Raises ValueError for others."""
    steps: Sequence[Step] = names["steps"]
    if not isinstance(steps, list | tuple):
        raise TypeError(f"steps is {steps!r}; allowed: a list of steps, [Deliver(1)]")
    for step in steps:
        if not isinstance(step, kinds):
            allowed = ", ".join(kind.__name__ for kind in kinds)
            raise ValueError(f"steps has {describe(step)}; allowed here: {allowed}")
    return steps


def number(run: Callable[[], float], *, name: str = "answer", within: float = 1e-3) -> Judge:
    """Judge a number that the reader's code names, by that of a run, ``within`` a share of it.

    Kinds of wrong answers: the number as it is written, and "less" or "more".
    """

    def judge(names: Defined) -> Judgement:
        said, right = names[name], run()
        if isinstance(said, bool) or not isinstance(said, int | float):
            raise TypeError(f"{name} is {said!r}; allowed: a number")
        if isclose(said, right, rel_tol=within):
            return Judgement(True, f"The run gives {plain(right)}.")
        more = said > right
        text = f"The run gives {'less' if more else 'more'} than {plain(said)}."
        return Judgement(False, text, (plain(said), "more" if more else "less"))

    return judge


def called(name: str, right: Callable[..., Any], cases: Mapping[str, Sequence[Any]]) -> Judge:
    """Judge a function of the reader's by calling it: it has to return what ``right`` does.

    The kind of a wrong answer is the name of the first case in which it does not.
    """

    def judge(names: Defined) -> Judgement:
        asked = names[name]
        for case, arguments in cases.items():
            found, expected = asked(*arguments), right(*arguments)
            if found != expected and not _close(found, expected):
                call = f"{name}({', '.join(map(repr, arguments))})"
                text = f"{call} is {found!r}; the package's own is {expected!r}."
                return Judgement(False, text, (case,))
        return Judgement(True, f"Right in each of {len(cases)} cases.")

    return judge


def tried(look: Callable[[Defined], tuple[str, str]]) -> Judge:
    """Judge by a function of the exercise's own: the kind, "" for the right one, and words."""

    def judge(names: Defined) -> Judgement:
        kind, said = look(names)
        return Judgement(not kind, said, (kind,) if kind else ())

    return judge


def _close(found: Any, expected: Any) -> bool:  # noqa: ANN401  # whatever a function returned
    kinds = float | int
    return isinstance(found, kinds) and isinstance(expected, kinds) and isclose(
        found, expected, rel_tol=1e-6
    )  # fmt: skip
