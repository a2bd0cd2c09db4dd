from __future__ import annotations

import pytest

from delivery_semantics.experiments.idempotent.laws import (
    late_copies,
    late_copies_mended,
    law_table,
    mended,
    mended_table,
    six,
)

pytestmark = pytest.mark.slow


def test_the_documents_six_operations_are_as_it_says() -> None:
    found = six()
    assert {name: one.holds for name, one in found.items()} == {
        "SET x = 5": True,
        "DELETE /users/123": True,
        "PUT /users/123": True,
        "x = x + 1": False,
        "INSERT row": False,
        "POST /orders": False,
    }
    assert found["DELETE /users/123"].replies == (204, 404)
    assert min(one.states for one in found.values()) >= 3


def test_each_of_the_idempotent_three_is_undone_by_a_late_copy() -> None:
    found = late_copies()
    assert [one.holds for one in found.values()] == [False] * 3
    assert [(one.expected, one.found) for one in found.values()] == [
        (7, 5),
        (("Bob", "Eve"), ("Ada", "Eve")),
        (("Bob", "Eve"), ("", "Eve")),
    ]


def test_with_a_version_no_late_copy_changes_anything() -> None:
    found = late_copies_mended()
    assert all(one.holds for one in found.values())
    assert [one.replies[1] for one in found.values()] == [None, 412, 412]


def test_every_way_of_mending_stands_a_copy_and_only_ids_stand_a_late_one() -> None:
    found = mended()
    assert all(one.at_once.holds for one in found.values())
    assert [one.changed.holds for one in found.values()] == [True, True, False, True, True]
    deleted = [one.deleted.holds if one.deleted else None for one in found.values()]
    assert deleted == [False, False, False, None, None]


def test_tables_say_holds_broken_and_where() -> None:
    broken = law_table(late_copies(), law="late", caption="Late copies")
    assert list(broken["late"]) == ["broken"] * 3
    assert list(broken["with it"]) == ["5", "Ada, Eve", "no user, Eve"]
    kept = law_table(late_copies_mended(), law="late", caption="With versions")
    assert "with it" not in kept.columns
    mended_ones = mended_table(mended(), caption="Mended")
    assert list(mended_ones["copy at once"]) == ["does nothing"] * 5
