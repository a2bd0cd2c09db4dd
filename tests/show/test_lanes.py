"""Two lanes have every step where it happened, and the money in the end."""

from __future__ import annotations

from dataclasses import dataclass

import golden
import pytest

from delivery_semantics.show.lanes import lanes
from delivery_semantics.show.picture import COLOURS, Picture
from delivery_semantics.show.strips import End


@dataclass(frozen=True)
class Step:
    copy: int
    words: str
    sent: int
    back: int
    found: str = ""
    refused: bool = False


WAITED = (
    Step(0, "BEGIN", 1, 1),
    Step(1, "BEGIN", 2, 2),
    Step(0, "look", 3, 3, "0 rows"),
    Step(1, "write", 4, 5, "Refused", refused=True),
    Step(0, "COMMIT", 5, 5),
    Step(1, "ROLLBACK", 6, 6),
)
BOTH = (*WAITED[:3], Step(1, "write", 4, 5), WAITED[4], Step(1, "COMMIT", 6, 6))


def drawn(steps: tuple[Step, ...] = WAITED, money: int = 10) -> Picture:
    end = End("none", "", money, 10)
    return lanes(steps, ("returned", "Refused"), end, title="Two at once")


def test_lanes_say_all_that_they_show() -> None:
    assert drawn().description == (
        "1: copy 1, BEGIN. 2: copy 2, BEGIN. 3: copy 1, look: 0 rows. "
        "4: copy 2, write: Refused, after a wait until turn 5. 5: copy 1, COMMIT. "
        "6: copy 2, ROLLBACK. In the end caller 1 hears returned; caller 2 hears Refused; "
        "10 in b, 10 expected."
    )
    assert drawn(money=20).description.endswith("20 in b, 10 expected, 10 too much.")


def test_what_is_rolled_back_has_a_broken_frame() -> None:
    assert 'stroke-dasharray="5 4"' in drawn().svg
    assert 'stroke-dasharray="5 4"' not in drawn(BOTH).svg


def test_a_wait_without_an_answer_goes_on_and_a_refusal_is_red() -> None:
    assert ">goes on<" in drawn(BOTH).svg
    assert ">goes on<" not in drawn().svg
    assert COLOURS["fault"] in drawn().svg
    assert COLOURS["fault"] not in drawn(BOTH).svg


def test_lanes_are_drawn_as_they_were() -> None:
    golden.check("lanes.svg", f"{drawn().svg}\n{drawn(BOTH, 20).svg}\n")


@pytest.mark.parametrize("steps", [(), (Step(2, "BEGIN", 1, 1),)])
def test_steps_of_others_are_refused(steps: tuple[Step, ...]) -> None:
    with pytest.raises(ValueError, match=r"allowed: steps of copies 0 and 1, and what both"):
        drawn(steps)
