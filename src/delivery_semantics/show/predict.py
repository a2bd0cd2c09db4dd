"""A question before the run: the reader commits to an answer, then looks.

It is a form that needs no script and sends nothing. Choosing an answer, or typing a number,
shows whether it is the one that the run gave and, if not, what it overlooks. It works on the
page and in JupyterLab. A quiz is several of them; the page itself counts the right answers.

Book: 09-comparison-table
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass

from ..core.check import at_least
from .picture import Picture, how_many, words
from .view import Scalar, plain

CHOICES_MAX = 5

STYLE = """
.predict { margin: 1.75rem 0; padding: 0.75rem 1.25rem; border: 1px solid var(--eo-line, #ccd);
  border-left: 0.375rem solid var(--eo-message, #1c5fb4); border-radius: 8px; }
.predict fieldset { margin: 0; padding: 0; border: 0; min-width: 0; }
.predict legend { margin: 0 0 0.5rem; padding: 0; font-size: 1rem; font-weight: 680; }
.predict-choice { display: grid; grid-template-columns: 1.9rem 1fr; margin: 0.25rem 0; }
.predict-choice input { margin: 0.2rem 0 0; width: 1.35rem; height: 1.35rem; }
.predict-number input { width: 6rem; min-height: 2.25rem; margin-right: 0.5rem;
  padding: 0.25rem 0.5rem; border: 1px solid currentColor; border-radius: 4px;
  background: transparent; color: inherit; font: inherit; }
.predict-line { display: block; margin-top: 0.25rem; }
.predict-number button { min-height: 2.25rem; margin-left: 0.5rem; padding: 0.25rem 0.75rem;
  border: 1px solid currentColor; border-radius: 4px; background: transparent; color: inherit;
  font: inherit; cursor: pointer; }
.predict-number input:user-valid ~ output .predict-right,
.predict-number input:user-invalid ~ output .predict-wrong { display: block; }
.predict-choice label { margin: 0; padding: 0.1rem 0; line-height: 1.5; }
.predict output { display: block; grid-column: 2; max-width: 65ch; line-height: 1.5; }
.predict-says { display: none; }
.predict input:checked ~ output .predict-says { display: block; }
.predict-says strong { color: var(--eo-fault, #b3302c); }
.predict-right strong { color: var(--eo-good, #22764a); }
.predict-picture { margin: 0 0 0.75rem; max-width: 36rem; }
.quiz { counter-reset: asked right; }
.quiz .predict { counter-increment: asked; }
.quiz legend::before { content: counter(asked) ". "; }
.quiz :is([value="right"]:checked, [pattern]:user-valid) { counter-increment: right; }
.quiz-right::after { content: counter(right); font-weight: 680; }
@media (max-width: 40em) {
  .predict { padding-inline: 0; border-inline: 0; border-radius: 0; }
}
@media print { .predict-says { display: block; } .quiz-right { display: none; } }
"""


@dataclass(frozen=True)
class Predict:
    """A question with two to five choices, of which the run has given the ``answer``.

    ``choices`` maps each choice to a sentence: what a wrong one overlooks, or what the right
    one shows. ``answer`` is computed from the run, in the same cell. ``picture`` is what the
    question is about, if it is about one. Raises ValueError for an answer that is not among
    the choices, for too few or too many of them, and for a question or a sentence that is
    empty.
    """

    question: str
    choices: Mapping[Scalar, str]
    _: KW_ONLY
    answer: Scalar
    picture: Picture | None = None

    def __post_init__(self) -> None:
        count, offered = len(self.choices), list(self.choices)
        _sentence("question", self.question)
        if not 2 <= count <= CHOICES_MAX:
            raise ValueError(f"choices are {count}; allowed: 2 to {CHOICES_MAX}")
        if self.answer not in self.choices:
            raise ValueError(f"answer is {self.answer!r}; allowed: one of {offered!r}")
        for choice, says in self.choices.items():
            _sentence(f"choices[{choice!r}]", says)

    def __repr__(self) -> str:
        offered = ", ".join(plain(choice) for choice in self.choices)
        return f"Predict: {self.question} ({offered}) The run: {plain(self.answer)}"

    def _repr_html_(self) -> str:
        return f"<style>{STYLE}</style>\n{self.form()}"

    def form(self) -> str:
        """Return the question as a form, without the style that it needs."""
        name = _name(self)
        choices = [
            self._choice(f"{name}-{number}", name, choice, says)
            for number, (choice, says) in enumerate(self.choices.items())
        ]
        return _form(name, self.question, self.picture, *choices)

    def _choice(self, id: str, name: str, choice: Scalar, says: str) -> str:
        value = "right" if choice == self.answer else "wrong"
        return (
            f'<div class="predict-choice"><input type="radio" name="{name}" id="{id}" '
            f'value="{value}" autocomplete="off"><label for="{id}">{words(plain(choice))}'
            f'</label><output for="{id}">{_says(value, says)}</output></div>'
        )


@dataclass(frozen=True)
class PredictNumber:
    """A question that the reader answers with a whole number, which the run has given.

    ``answer`` is computed from the run, in the same cell, and is what may be typed, or what
    lies no further than ``within`` from it. ``right`` says what it shows. ``overlooks`` maps
    the numbers that come to mind to what each overlooks; a wrong answer shows them all, because
    a form without a script cannot tell one wrong number from another. ``unit`` is what is
    counted; one of it has no s at its end. Raises ValueError for a negative number, for a
    sentence that is empty, and for a number of ``overlooks`` that is right.
    """

    question: str
    _: KW_ONLY
    answer: int
    right: str
    overlooks: Mapping[int, str]
    unit: str
    within: int = 0
    picture: Picture | None = None

    def __post_init__(self) -> None:
        at_least("answer", self.answer, 0)
        at_least("within", self.within, 0)
        if not self.overlooks:
            raise ValueError("overlooks is empty; allowed: one wrong number or more")
        for name in ("question", "right", "unit"):
            _sentence(name, getattr(self, name))
        for number, says in self.overlooks.items():
            at_least("a number of overlooks", number, 0)
            _sentence(f"overlooks[{number}]", says)
            if abs(number - self.answer) <= self.within:
                raise ValueError(f"overlooks has {number}, which is right; allowed: wrong ones")

    def __repr__(self) -> str:
        return f"Predict: {self.question} (how many {self.unit}?) The run: {self.answer:,}"

    def _repr_html_(self) -> str:
        return f"<style>{STYLE}</style>\n{self.form()}"

    def form(self) -> str:
        """Return the question as a form, without the style that it needs."""
        name = _name(self)
        answer = how_many(self.answer, self.unit.removesuffix("s"), self.unit)
        right = _says("right", f"The run: {answer}. {self.right}")
        wrong = _says("wrong", "Numbers that come to mind:", *self._thoughts())
        typed = (
            f'<div class="predict-number"><label for="{name}-number">Your number:</label> '
            f'<input id="{name}-number" inputmode="numeric" pattern="{self._pattern()}" '
            f'required autocomplete="off"> {words(self.unit)} <button>Look</button>'
            f'<output for="{name}-number">{right}{wrong}</output></div>'
        )
        return _form(name, self.question, self.picture, typed)

    def _thoughts(self) -> list[str]:
        return [f"{number:,}: {says}" for number, says in self.overlooks.items()]

    def _pattern(self) -> str:
        """Return what may be typed: the digits, in groups of three or not."""
        least = max(0, self.answer - self.within)
        accepted = range(least, self.answer + self.within + 1)
        return rf"\s*0*({'|'.join(f'{number:,}' for number in accepted)})\s*".replace(",", ",?")


Asked = Predict | PredictNumber


def _name(question: Asked) -> str:
    return f"predict-{hashlib.sha256(repr(question).encode()).hexdigest()[:10]}"


def _form(name: str, question: str, picture: Picture | None, *answers: str) -> str:
    """Return a form that goes nowhere, not even when Enter is pressed."""
    drawn = picture.inline("predict-picture", f"{name}-picture") if picture else ""
    return "\n".join([
        '<form class="predict" method="dialog" novalidate>',
        f"<fieldset><legend>{words(question)}</legend>",
        *filter(None, [drawn]),
        *answers,
        "</fieldset></form>",
    ])  # fmt: skip


def _says(value: str, says: str, *lines: str) -> str:
    sign = "✓ Yes." if value == "right" else "✗ No."
    below = "".join(f'<span class="predict-line">{words(line)}</span>' for line in lines)
    return (
        f'<span class="predict-says predict-{value}"><strong>{sign}</strong> '
        f"{words(says)}{below}</span>"
    )


def _sentence(name: str, text: str) -> None:
    if not text.strip():
        raise ValueError(f"{name} is {text!r}; allowed: a sentence")


@dataclass(frozen=True, init=False)
class Quiz:
    """Several questions in a row: ``Quiz(Predict(…), PredictNumber(…), …)``.

    Raises ValueError for fewer than two questions, and for one that is asked twice.
    """

    questions: tuple[Asked, ...]

    def __init__(self, *questions: Asked) -> None:
        if len(questions) < 2:
            raise ValueError(f"questions are {len(questions)}; allowed: two or more")
        asked = [question.question for question in questions]
        if twice := [one for i, one in enumerate(asked) if one in asked[:i]]:
            raise ValueError(f"questions hold {twice[0]!r} twice; allowed: each once")
        object.__setattr__(self, "questions", questions)

    def __repr__(self) -> str:
        return "\n".join(["Quiz:", *map(repr, self.questions)])

    def _repr_html_(self) -> str:
        forms = [question.form() for question in self.questions]
        right = f'<p class="quiz-right">Right so far, of {len(forms)}: </p>'
        return "\n".join([
            f"<style>{STYLE}</style>", '<div class="quiz">', *forms, right, "</div>"
        ])  # fmt: skip


def nearest(value: float, choices: Iterable[float]) -> float:
    """Return the choice that comes nearest to a number of the run; the first of two.

    Raises ValueError for no choices.
    """
    offered = list(choices)
    if not offered:
        raise ValueError("choices are empty; allowed: one number or more")
    return min(offered, key=lambda choice: abs(choice - value))
