from __future__ import annotations

import pytest

from delivery_semantics.experiments.idempotent.law_views import (
    CARRIES,
    WHENS,
    late_view,
    law_view,
    state_text,
    way_view,
)
from delivery_semantics.experiments.idempotent.laws import (
    late_copies,
    late_copies_mended,
    mended,
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


def test_a_view_shows_the_state_that_breaks_a_law_and_the_replies() -> None:
    found = six()
    kept, broken = (
        law_view(found, operation=name) for name in ("DELETE /users/123", "POST /orders")
    )
    assert kept.numbers == {"states tried": 6, "f(f(x)) = f(x)": "holds"}
    assert "reply: 204; reply: 404" in kept.pictures[0].description
    assert broken.numbers["f(f(x)) = f(x)"] == "broken"
    assert "without the copy: salt, with it: 2 × salt" in broken.pictures[0].description


def test_a_late_copy_is_shown_beside_its_mended_self() -> None:
    undone, refused = late_copies(), late_copies_mended()
    pair = "DELETE, then PUT Bob"
    plain, carried = (late_view(undone, refused, pair=pair, carries=it) for it in CARRIES)
    assert plain.numbers["late copy harmless"] == "broken"
    assert "makes it no user, Eve" in plain.sentence
    assert carried.numbers["late copy harmless"] == "holds"
    assert "DELETE with If-Match" in carried.sentence


def test_a_way_of_mending_is_shown_for_each_time_of_its_copy() -> None:
    ways = mended()
    upsert, counted = "upsert: ON CONFLICT DO UPDATE", "x = x + 1 with an operation id"
    said = {
        way: [way_view(ways, way=way, when=when).numbers["copy harmless"] for when in WHENS]
        for way in (upsert, counted)
    }
    assert said == {upsert: ["holds", "broken", "broken"], counted: ["holds", "holds", "–"]}


@pytest.mark.parametrize(
    ("state", "says"),
    [((), "nothing"), (("salt", "salt"), "2 × salt"), (("", "Eve"), "no user, Eve"), (7, "7")],
)
def test_a_state_is_told_in_few_words(state: object, says: str) -> None:
    assert state_text(state) == says
