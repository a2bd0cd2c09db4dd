"""What a panel shows, without a widget in sight: views, sliders, and the sweep over both.

An experiment is a plain function from its parameters and a seed to a `View`. It is a pure one:
the same arguments give the same view, so that a view that was printed can be verified, and one
that was computed need not be computed again. An experiment that may need more than a second is
a generator instead: it yields the share that is done, 0 to 1, and returns the view.

Book: index
"""

from __future__ import annotations

import inspect
import itertools
import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .picture import Picture, readable

POSITIONS_MAX = 80  # a page holds a frame for each; more would make it heavy and its table long

_WORD = re.compile(r"[^\W\d_]+")
_EXPONENT = re.compile(r"\d(\.\d+)?e[+-]?\d+")

Scalar = str | int | float
Progress = Generator[float, None, "View"]
Experiment = Callable[..., "View | Progress"]


@dataclass(frozen=True)
class View:
    """The result of one run: one picture or several, the numbers in it, and what they say.

    `numbers` maps a name to a count, a share or a finished text: digits, with a unit, or two
    words at most; `sentence` says the result in words and stands in for the picture. Raises
    ValueError for no picture, no sentence, a number that is not finite, a longer text, or a
    text with a number like 1e+03, and TypeError for a picture that is none.
    """

    picture: Picture | Sequence[Picture]
    numbers: Mapping[str, Scalar]
    sentence: str

    def __post_init__(self) -> None:
        if not self.pictures:
            raise ValueError("picture is empty; allowed: one Picture or several")
        for picture in self.pictures:
            if not isinstance(picture, Picture):
                raise TypeError(f"picture is {picture!r}; allowed: one Picture or several")
        for name, value in self.numbers.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"numbers[{name!r}] is {value!r}; allowed: finite numbers")
            if len(_WORD.findall(plain(value))) > 2:
                allowed = "allowed: digits, with a unit, or two words at most"
                raise ValueError(f"numbers[{name!r}] is {value!r}; {allowed}")
        for text in (*map(plain, self.numbers.values()), self.sentence):
            if found := _EXPONENT.search(text):
                allowed = "allowed: numbers as people write them, see readable()"
                raise ValueError(f"a text of the view holds {found[0]!r}; {allowed}")
        if not self.sentence.strip():
            raise ValueError("sentence is empty; it must say in words what the picture shows")

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures as a tuple, also when there is only one."""
        return (self.picture,) if isinstance(self.picture, Picture) else tuple(self.picture)


@dataclass(frozen=True, init=False)
class Slider:
    """A parameter of an experiment and the values that it can take.

    `name` is the experiment's parameter, `label` what the reader calls it, `unit` stands behind
    each value, and `start` is the value to begin with, the first where None is given. Raises
    ValueError for a label or values that are empty, values given twice, and a `start` that is
    not among them.
    """

    name: str
    label: str
    values: tuple[Scalar, ...]
    unit: str
    start: Scalar

    def __init__(
        self,
        name: str,
        label: str,
        values: Sequence[Scalar],
        *,
        unit: str = "",
        start: Scalar | None = None,
    ) -> None:
        if not label.strip():
            raise ValueError(f"label of slider {name!r} is empty; it names the slider")
        if len(values) < 2:
            raise ValueError(f"values of {name!r} are {list(values)!r}; allowed: two or more")
        twice = [value for i, value in enumerate(values) if value in values[:i]]
        if twice:
            raise ValueError(f"values of slider {name!r} hold {twice[0]!r} twice")
        begin = values[0] if start is None else start
        if begin not in values:
            allowed = f"allowed: one of {list(values)!r}"
            raise ValueError(f"start of {name!r} is {start!r}; {allowed}")
        fields = {"name": name, "label": label, "values": tuple(values), "unit": unit}
        for field, value in (fields | {"start": begin}).items():
            object.__setattr__(self, field, value)

    def text(self, value: Scalar) -> str:
        """Return a value as the reader sees it: 20 %, 1,000 messages."""
        return f"{plain(value)}\N{NO-BREAK SPACE}{self.unit}" if self.unit else plain(value)


def plain(value: Scalar) -> str:
    """Format a number of a view: whole numbers in full, others with four digits."""
    return readable(value) if isinstance(value, int | float) else value


def check(experiment: Experiment, sliders: Sequence[Slider]) -> None:
    """Raise ValueError unless each slider has a parameter of its own and the grid is small."""
    if not sliders:
        raise ValueError("sliders is empty; allowed: at least one Slider")
    names = [slider.name for slider in sliders]
    accepted = inspect.signature(experiment).parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    for name in (*names, "seed"):
        if names.count(name) > 1 or (name == "seed" and name in names):
            raise ValueError(f"{name!r} has a slider already, or is the panel's own")
        if name not in accepted and not anything:
            raise ValueError(f"experiment has no parameter {name!r}; it has {list(accepted)!r}")
    count = math.prod(len(slider.values) for slider in sliders)
    if count > POSITIONS_MAX:
        allowed = f"allowed: at most {POSITIONS_MAX}"
        raise ValueError(f"the sliders have {count} positions together; {allowed}")


def positions(sliders: Sequence[Slider]) -> list[dict[str, Scalar]]:
    """Return every position of the sliders as arguments; the last slider moves fastest."""
    grid = itertools.product(*(slider.values for slider in sliders))
    names = [slider.name for slider in sliders]
    return [dict(zip(names, values, strict=True)) for values in grid]


def begun(experiment: Experiment, values: Mapping[str, Any], *, seed: int) -> Progress:
    """Begin a run; it yields the share that is done and returns the view.

    Raises TypeError when the experiment returns anything but a `View`.
    """
    result = experiment(**values, seed=seed)
    view = (yield from result) if isinstance(result, Generator) else result
    if not isinstance(view, View):
        raise TypeError(f"experiment returned {type(view).__name__}; allowed: a View")
    return view


def finish(run: Progress) -> View:
    """Carry a run through to its view."""
    while True:
        try:
            next(run)
        except StopIteration as end:
            view: View = end.value
            return view
