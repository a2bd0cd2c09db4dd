from __future__ import annotations

import pytest

from delivery_semantics import audit
from delivery_semantics.experiments.idempotent.pictures import (
    ARRIVES,
    HOW,
    LOOKS,
    copies_view,
    gap_view,
    late_set,
    late_set_view,
    looks_view,
    two_servers,
    value_after,
)


def test_a_late_copy_leaves_the_older_value() -> None:
    late = late_set()
    assert [e.payload.id for e in late.of("processed") if e.payload] == [
        "SET 5", "SET 7", "SET 5",
    ]  # fmt: skip
    assert value_after(late) == 5


def test_two_servers_that_look_before_either_marks_both_transfer() -> None:
    trace = two_servers()
    looked = [event.note for event in trace.of("checked")]
    assert looked == ["no", "no"]
    assert audit(trace).duplicated == ("tx-1",)
    assert (audit(trace).money_expected, audit(trace).money_there) == (10, 20)
    assert (
        "twice in all"
        in looks_view(looks="before a has moved the money").pictures[0].description
    )


def test_only_the_mark_stops_the_other_server() -> None:
    there = [looks_view(looks=looks).numbers["money there"] for looks in LOOKS]
    assert there == [20, 20, 10]


def test_only_a_copy_that_comes_last_undoes_the_last_request() -> None:
    views = [late_set_view(arrives=arrives) for arrives in ARRIVES]
    assert [view.numbers["there"] for view in views] == [7, 5, 7]
    assert [view.numbers["applied"] for view in views] == [3, 3, 2]


@pytest.mark.parametrize("copies", [1, 2, 8])
def test_copies_at_once_each_transfer_and_in_turn_only_one_does(copies: int) -> None:
    in_turn, at_once = (copies_view(copies=copies, how=how).numbers for how in HOW)
    assert (in_turn["transfers"], at_once["transfers"]) == (1, copies)
    assert (in_turn["money there in b"], at_once["money there in b"]) == (10, 10 * copies)
    assert in_turn["money expected in b"] == at_once["money expected in b"] == 10


def test_a_panel_frame_is_the_same_whenever_it_is_run() -> None:
    first, again = (copies_view(copies=8, how=HOW[1]) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("gap_ms", "window_ms", "transfers"),
    [(0, 10, 2), (9, 10, 2), (10, 10, 1), (5, 10, 2), (5, 5, 1), (5, 1, 1), (0, 1, 2)],
)
def test_two_copies_both_transfer_if_the_gap_is_shorter_than_the_window(
    gap_ms: int, window_ms: int, transfers: int
) -> None:
    numbers = gap_view(gap_ms=gap_ms, window_ms=window_ms).numbers
    assert numbers["transfers"] == transfers
    assert (numbers["money expected"], numbers["money there"]) == (10, 10 * transfers)
