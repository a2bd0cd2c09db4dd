"""A question before the run: the reader commits to an answer, then looks.

It is a form that needs no script and sends nothing. Choosing an answer shows whether it is the
one that the run gave and, if not, what it overlooks. It works on the page and in JupyterLab.

Book: 09-comparison-table
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from .picture import words
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
@media print { .predict-says { display: block; } }
"""


@dataclass(frozen=True, init=False)
class Predict:
    """A question with two to five choices, of which the run has given the ``answer``.

    ``choices`` maps each choice to a sentence: what a wrong one overlooks, or what the right
    one shows. ``answer`` is computed from the run, in the same cell. Raises ValueError for an
    answer that is not among the choices, for too few or too many of them, and for a question
    or a sentence that is empty.
    """

    question: str
    choices: Mapping[Scalar, str]
    answer: Scalar

    def __init__(
        self, question: str, choices: Mapping[Scalar, str], *, answer: Scalar
    ) -> None:  # fmt: skip
        if not question.strip():
            raise ValueError(f"question is {question!r}; allowed: a sentence")
        if not 2 <= len(choices) <= CHOICES_MAX:
            raise ValueError(f"choices are {len(choices)}; allowed: 2 to {CHOICES_MAX}")
        if answer not in choices:
            raise ValueError(f"answer is {answer!r}; allowed: one of {list(choices)!r}")
        for choice, says in choices.items():
            if not says.strip():
                raise ValueError(f"choices[{choice!r}] is {says!r}; allowed: a sentence")
        for field, value in (("question", question), ("choices", dict(choices))):
            object.__setattr__(self, field, value)
        object.__setattr__(self, "answer", answer)

    def __repr__(self) -> str:
        offered = ", ".join(plain(choice) for choice in self.choices)
        return f"Predict: {self.question} ({offered}) The run: {plain(self.answer)}"

    def _repr_html_(self) -> str:
        name = f"predict-{hashlib.sha256(repr(self).encode()).hexdigest()[:10]}"
        choices = [
            self._choice(f"{name}-{number}", name, choice, says)
            for number, (choice, says) in enumerate(self.choices.items())
        ]
        return "\n".join([
            f'<form class="predict"><style>{STYLE}</style>',
            f"<fieldset><legend>{words(self.question)}</legend>",
            *choices,
            "</fieldset></form>",
        ])  # fmt: skip

    def _choice(self, id: str, name: str, choice: Scalar, says: str) -> str:
        right = choice == self.answer
        kind, sign = ("predict-right", "✓ Yes.") if right else ("predict-wrong", "✗ No.")
        return (
            f'<div class="predict-choice"><input type="radio" name="{name}" id="{id}" '
            f'aria-describedby="{id}-says"><label for="{id}">{words(plain(choice))}</label>'
            f'<p class="predict-says {kind}" id="{id}-says"><strong>{sign}</strong> '
            f"{words(says)}</p></div>"
        )
