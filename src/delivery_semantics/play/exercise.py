"""An exercise: a question, code to change, a judge, and a word for each wrong answer.

On the page it is a form that answers; without a script, or in a notebook that is only read, it
is its question, its code and its solution, which stays folded.

Book: 01-the-problem
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..show.picture import Picture, words
from .reader import Defined

CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Judgement:
    """What a judge found: whether it is right, in words; which answer it is; a picture of it.

    ``kinds`` are the names under which a hint for a wrong answer may stand, the most
    particular first.
    """

    passed: bool
    words: str
    kinds: tuple[str, ...] = ()
    picture: Picture | None = None


Judge = Callable[[Defined], Judgement]
"""From what a reader's code defines to what was found."""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """A question with code to begin with, judged by the package's own functions.

    ``hints`` says for each kind of wrong answer what it overlooks; ``steps`` are the hints
    that follow, one for each further try. ``why`` explains the ``solution``. In texts a single
    line break is a blank, two begin a paragraph. Raises ValueError for a name that is no word
    of an address, and for a text that is empty.
    """

    name: str
    title: str
    question: str
    start: str
    judge: Judge = field(repr=False)
    hints: Mapping[str, str]
    steps: tuple[str, ...] = ()
    solution: str
    why: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name):
            raise ValueError(f"name is {self.name!r}; allowed: words in small letters, a-b-c")
        for name in ("title", "question", "start", "solution", "why"):
            text = getattr(self, name)
            if not text.strip():
                raise ValueError(f"{name} is {text!r}; allowed: a text")
            code = name in ("start", "solution")
            object.__setattr__(self, name, f"{text.strip()}\n" if code else flowing(text))
        hints = {kind: flowing(text) for kind, text in self.hints.items()}
        object.__setattr__(self, "hints", hints)
        object.__setattr__(self, "steps", tuple(map(flowing, self.steps)))

    def __repr__(self) -> str:
        return f"Exercise: {self.title}. {self.question}"

    def _repr_html_(self) -> str:
        id = f"exercise-{self.name}"
        return "\n".join((
            f'<section class="exercise" id="{id}" data-exercise="{self.name}" '
            f'aria-labelledby="{id}-title">',
            f'<p class="exercise-title" id="{id}-title">Exercise: {words(self.title)}</p>',
            *paragraphs(self.question),
            f'<pre class="exercise-start"><code>{words(self.start)}</code></pre>',
            '<p class="exercise-lab">In a cell: <code>from delivery_semantics.play.check '
            f'import check</code>, then <code>check("{self.name}", "your code")</code>.</p>',
            '<details class="exercise-solution"><summary>Solution</summary>',
            *paragraphs(self.why),
            f"<pre><code>{words(self.solution)}</code></pre>",
            "</details></section>",
        ))  # fmt: skip


def flowing(text: str) -> str:
    """Return a text with its lines joined, and an empty line between its paragraphs."""
    return "\n\n".join(" ".join(each.split()) for each in text.strip().split("\n\n"))


def paragraphs(text: str) -> list[str]:
    """Return a text as HTML: a paragraph for each of its own, with its `code` set as code."""
    marked = CODE.sub(r"<code>\1</code>", words(text))
    return [f"<p>{each}</p>" for each in marked.split("\n\n")]
