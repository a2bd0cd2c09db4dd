"""Steps as short texts, and back."""

from __future__ import annotations

import pytest

from delivery_semantics import (
    Crash,
    Deliver,
    Duplicate,
    Fail,
    Lose,
    Mark,
    Process,
    Restart,
    Run,
    Step,
    Tick,
    Timeout,
)
from delivery_semantics.core.steps import from_text, to_text

STEPS: dict[str, Step] = {
    "deliver-1": Deliver(1), "lose-2": Lose(2), "duplicate-30": Duplicate(30),
    "run-bank": Run("bank"), "restart-the-bank": Restart("the-bank"),
    "crash-bank": Crash("bank"), "crash-the-bank-before-Mark": Crash("the-bank", before=Mark),
    "fail-bank": Fail("bank"), "fail-bank-at-Process": Fail("bank", Process),
    "timeout-shop": Timeout("shop"), "timeout-shop-early": Timeout("shop", early=True),
    "timeout-shop-of-retry": Timeout("shop", name="retry"),
    "timeout-shop-early-of-retry": Timeout("shop", early=True, name="retry"),
    "tick-299.5": Tick(299.5),
}  # fmt: skip


@pytest.mark.parametrize("text", STEPS)
def test_a_step_is_a_short_text_and_back(text: str) -> None:
    assert to_text(STEPS[text]) == text
    assert from_text(text) == STEPS[text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "deliver",
        "deliver-x",
        "deliver-",
        "jump-1",
        "crash-",
        "crash-a-before-Nap",
        "tick-x",
    ],
)
def test_a_text_that_is_no_step_is_named_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: run, deliver, lose, ") as error:
        from_text(text)
    assert str(error.value).startswith(f"step is {text!r}; ")
