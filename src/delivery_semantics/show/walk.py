"""A run to walk through: a slider that draws it step by step, with the money at each.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from dataclasses import replace

from ..core.audit import audit
from ..core.trace import Trace
from ..search.exploration import Verdict
from .diagram import sequence
from .diagram.story import HIDDEN, tell
from .panel import Panel, Slider
from .view import View


def walk(run: Trace | Verdict, *, title: str, made: str = "placed", start: int = 1) -> Panel:
    """Return a panel that shows the first steps of a run, as many as the reader asks for.

    Of a verdict it is the run that breaks it, in the end with the frame round what repeats for
    ever. ``made`` is the panel's, ``start`` the number of steps it begins with. A step is an
    event that has a row in the diagram.
    Raises ValueError for a verdict that holds, a run without a step or with more than 79, and a
    ``start`` that is no step.
    """
    trace = run if isinstance(run, Trace) else run.counterexample
    if trace is None:
        raise ValueError(f"“{run}”: no run breaks it; allowed: a verdict that is broken")
    seen = [number for number, event in enumerate(trace.events, 1) if event.what not in HIDDEN]
    expected = audit(trace).money_expected
    sentences = ["Nothing has happened yet.", *(row.sentence for row in tell(trace).rows)]

    def after(step: int, seed: int) -> View:
        events = trace.events[: seen[step - 1]] if step else ()
        so_far = replace(trace, events=events)
        ended = step == len(seen)  # what a run came to is told at its end
        name = f"{title}: step {step} of {len(seen)}"
        picture = sequence(run if ended else so_far, title=name, totals=ended, like=run)
        sentence = f"Step {step} of {len(seen)}: {sentences[step]}"
        if ended and isinstance(run, Verdict) and run.loop_event is not None:
            sentence += " What stands in the frame repeats for ever."
        numbers = {"money expected": expected, "money so far": audit(so_far).money_there}
        return View(picture, numbers, sentence)

    slider = Slider("step", "steps", range(len(seen) + 1), start=start)
    return Panel(after, slider, title=title, made=made)
