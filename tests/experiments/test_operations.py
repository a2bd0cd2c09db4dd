"""The law of idempotence and the law of late copies, on systems whose answers are known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some

from delivery_semantics.experiments.idempotent.operations import idempotent, overtaken
from delivery_semantics.experiments.idempotent.systems import Variable


class Number:
    """A system that is one number."""

    def __init__(self) -> None:
        self.value = 0

    def put_into(self, state: int) -> None:
        self.value = state

    def look(self) -> int:
        return self.value

    def doing(self, change: Callable[[int], int]) -> Callable[[], int]:
        def operation() -> int:
            self.value = change(self.value)
            return self.value

        return operation


@given(states=some.lists(some.integers(), min_size=1), value=some.integers())
def test_setting_a_value_is_idempotent_in_every_state(states: list[int], value: int) -> None:
    number = Number()
    found = idempotent(number, number.doing(lambda _: value), states)
    assert found.holds
    assert found.states == len(states)


@given(states=some.lists(some.integers(), min_size=1), step=some.integers().filter(bool))
def test_adding_is_idempotent_in_no_state(states: list[int], step: int) -> None:
    number = Number()
    found = idempotent(number, number.doing(lambda x: x + step), states)
    assert not found.holds
    assert found.expected == states[0] + step
    assert found.found == states[0] + 2 * step


@given(state=some.integers(), first=some.integers(), second=some.integers())
def test_a_late_copy_of_a_set_undoes_any_other_set(state: int, first: int, second: int) -> None:
    number = Number()
    set_first, set_second = number.doing(lambda _: first), number.doing(lambda _: second)
    assert overtaken(number, set_first, set_second, [state]).holds is (first == second)


@given(state=some.integers(), first=some.integers(), second=some.integers())
def test_a_late_copy_with_an_older_version_changes_nothing(
    state: int, first: int, second: int
) -> None:
    variable = Variable()
    late = overtaken(
        variable,
        lambda: variable.set_if_newer(first, 1),
        lambda: variable.set_if_newer(second, 2),
        [state],
    )
    assert late.holds
    assert late.found == second


@given(state=some.integers(), copies=some.integers(1, 20))
def test_an_operation_id_makes_an_increment_count_once(state: int, copies: int) -> None:
    variable = Variable()
    variable.put_into(state)
    for _ in range(copies):
        variable.increment_once("a")
    assert variable.look() == state + 1
    variable.increment_once("b")
    assert variable.look() == state + 2


def test_the_first_state_that_breaks_the_law_is_told() -> None:
    number = Number()
    found = idempotent(number, number.doing(lambda x: x * x), [0, 1, 3, 2])
    assert (found.state, found.expected, found.found, found.states) == (3, 9, 81, 4)
    assert found.replies == (9, 81)


def test_the_law_is_about_the_effect_and_the_reply_may_differ() -> None:
    number = Number()
    replies = iter(["deleted", "not found"])

    def delete() -> str:
        number.value = 0
        return next(replies)

    found = idempotent(number, delete, [5])
    assert found.holds
    assert found.replies == ("deleted", "not found")


def test_a_law_that_was_tried_nowhere_is_not_said_to_hold() -> None:
    number = Number()
    with pytest.raises(ValueError, match="states is empty"):
        idempotent(number, number.doing(abs), [])
