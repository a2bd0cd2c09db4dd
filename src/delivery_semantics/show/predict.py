"""A question before the run: the reader commits to an answer, then looks.

It is a form that needs no script and sends nothing. Choosing an answer shows whether it is the
one that the run gave and, if not, what it overlooks. It works on the page and in JupyterLab.
A quiz is several of them; the page itself counts the answers that are right.

Book: 09-comparison-table
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass

from .picture import Picture, words
from .view import Scalar, plain

CHOICES_MAX = 5

STYLE = """
.predict { margin: 1.75rem 0; padding: 0.75rem 1.25rem; border: 1px solid var(--eo-line, #ccd);
  border-left: 0.375rem solid var(--eo-message, #1c5fb4); border-radius: 8px; }
.predict fieldset { margin: 0; padding: 0; border: 0; min-width: 0; }
.predict legend { margin: 0 0 0.5rem; padding: 0; font-size: 1rem; font-weight: 680; }
.predict-choice { display: grid; grid-template-columns: 1.5rem 1fr; margin: 0.25rem 0; }
.predict-choice input { margin: 0.3rem 0 0; width: 1.1rem; height: 1.1rem; }
.predict-choice label { margin: 0; padding: 0.1rem 0; line-height: 1.5; }
.predict-says { display: none; grid-column: 2; margin: 0; max-width: 65ch; line-height: 1.5; }
.predict input:checked ~ .predict-says { display: block; }
.predict-says strong { color: var(--eo-fault, #b3302c); }
.predict-right strong { color: var(--eo-good, #22764a); }
.predict-picture { margin: 0 0 0.75rem; max-width: 36rem; }
.quiz { counter-reset: asked right; }
.quiz .predict { counter-increment: asked; }
.quiz legend::before { content: counter(asked) ". "; }
.quiz input[value="right"]:checked { counter-increment: right; }
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
        if not self.question.strip():
            raise ValueError(f"question is {self.question!r}; allowed: a sentence")
        if not 2 <= count <= CHOICES_MAX:
            raise ValueError(f"choices are {count}; allowed: 2 to {CHOICES_MAX}")
        if self.answer not in self.choices:
            raise ValueError(f"answer is {self.answer!r}; allowed: one of {offered!r}")
        for choice, says in self.choices.items():
            if not says.strip():
                raise ValueError(f"choices[{choice!r}] is {says!r}; allowed: a sentence")

    def __repr__(self) -> str:
        offered = ", ".join(plain(choice) for choice in self.choices)
        return f"Predict: {self.question} ({offered}) The run: {plain(self.answer)}"

    def _repr_html_(self) -> str:
        return f"<style>{STYLE}</style>\n{self.form()}"

    def form(self) -> str:
        """Return the question as a form, without the style that it needs."""
        name = f"predict-{hashlib.sha256(repr(self).encode()).hexdigest()[:10]}"
        choices = [
            self._choice(f"{name}-{number}", name, choice, says)
            for number, (choice, says) in enumerate(self.choices.items())
        ]
        drawn = (
            self.picture.inline("predict-picture", f"{name}-picture") if self.picture else ""
        )
        return "\n".join([
            '<form class="predict">',
            f"<fieldset><legend>{words(self.question)}</legend>",
            *filter(None, [drawn]),
            *choices,
            "</fieldset></form>",
        ])  # fmt: skip

    def _choice(self, id: str, name: str, choice: Scalar, says: str) -> str:
        right = choice == self.answer
        value, sign = ("right", "✓ Yes.") if right else ("wrong", "✗ No.")
        return (
            f'<div class="predict-choice"><input type="radio" name="{name}" id="{id}" '
            f'value="{value}" autocomplete="off" aria-describedby="{id}-says">'
            f'<label for="{id}">{words(plain(choice))}</label>'
            f'<p class="predict-says predict-{value}" id="{id}-says"><strong>{sign}</strong> '
            f"{words(says)}</p></div>"
        )


@dataclass(frozen=True, init=False)
class Quiz:
    """Several questions in a row: ``Quiz(Predict(…), Predict(…), …)``.

    Raises ValueError for fewer than two questions, and for one that is asked twice.
    """

    questions: tuple[Predict, ...]

    def __init__(self, *questions: Predict) -> None:
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
