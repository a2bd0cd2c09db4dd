"""One run at a time: what the panels of chapter 2 show of words, crashes, verdicts, presses."""

from __future__ import annotations

import pytest

from delivery_semantics.experiments.semantics import halves, single, ways
from delivery_semantics.show.view import View, finish


def money(view: View) -> tuple[object, object]:
    return view.numbers["money expected"], view.numbers["money there"]


@pytest.mark.parametrize(
    ("wrong", "delivered", "processed", "confirmed", "there"),
    [
        ("nothing", 1, 1, 1, 10),
        ("a message and an ack", 2, 1, 1, 10),
        ("every ack", 3, 1, 0, 10),
        ("the receiver, each time", 3, 0, 0, 0),
    ],
)
def test_delivered_processed_and_confirmed_are_three_counts(
    wrong: str, delivered: int, processed: int, confirmed: int, there: int
) -> None:
    view = single.words(wrong=wrong, seed=1)
    names = ("messages delivered", "processed", "confirmed")
    assert [view.numbers[name] for name in names] == [delivered, processed, confirmed]
    assert money(view) == (10, there)


@pytest.mark.parametrize(("attempts", "held"), [(2, "broken"), (3, "broken"), (4, "holds")])
def test_three_losses_defeat_three_attempts_and_not_four(attempts: int, held: str) -> None:
    view = single.attempts_at_most(attempts=attempts, seed=1)
    assert view.numbers["at least once, eventually"] == held
    assert money(view) == (10, 10 if held == "holds" else 0)
    lost = view.pictures[0].description.count("is lost")
    assert lost == min(attempts, single.LOSSES)


@pytest.mark.parametrize("receiver", single.ORDERS)
def test_a_crash_before_both_lines_and_none_at_all_change_nothing(receiver: str) -> None:
    for place in ("nowhere", "before both lines"):
        assert money(single.order_and_crash(receiver=receiver, place=place, seed=1)) == (10, 10)


@pytest.mark.parametrize(
    ("receiver", "there"),
    [
        ("acks, then processes", 0),
        ("processes, then acks", 20),
        ("processes and marks, then acks", 10),
    ],
)
def test_a_crash_between_the_lines_is_decided_by_their_order(receiver: str, there: int) -> None:
    view = single.order_and_crash(receiver=receiver, place="between the two", seed=1)
    assert money(view) == (10, there)
    assert view.numbers["to its sender"] == "confirmed"


@pytest.mark.parametrize(
    ("run", "verdicts"),
    [
        ("nothing went wrong", ["unknown", "unknown", "unknown"]),
        ("a message was lost", ["ok", "ok", "ok"]),
        ("every message was lost", ["unknown", "broken", "broken"]),
        ("ack, then a crash", ["unknown", "broken", "broken"]),
        ("process, then a crash", ["broken", "ok", "broken"]),
    ],
)
def test_each_run_is_judged_by_each_semantic(run: str, verdicts: list[str]) -> None:
    view = single.verdicts_on(run=run, seed=1)
    assert [view.numbers[each.name] for each in single.SEMANTICS] == verdicts


@pytest.mark.parametrize(
    ("presses", "ack", "there", "attempts"),
    [
        (1, "arrives", 10, 1),
        (1, "is lost", 10, 2),
        (2, "arrives", 20, 2),
        (2, "is lost", 20, 3),
    ],
)
def test_a_press_is_paid_for_and_a_retry_is_not(
    presses: int, ack: str, there: int, attempts: int
) -> None:
    view = single.button(presses=presses, ack=ack, seed=1)
    assert (view.numbers["money there"], view.numbers["attempts"]) == (there, attempts)
    assert view.numbers["money meant"] == 10
    assert view.numbers["the audit"] == ("ok" if ack == "is lost" else "unknown")


@pytest.mark.parametrize(
    ("faults", "counts"),  # exactly once, at least once, at most once, no promise
    [
        ("nothing", [4, 0, 0, 0]),
        ("a packet lost", [0, 1, 1, 2]),
        ("… or the consumer crashed", [0, 1, 1, 2]),
        ("… or a packet copied", [0, 1, 0, 3]),
    ],
)
def test_promises_behind_a_queue_fall_as_more_goes_wrong(
    faults: str, counts: list[int]
) -> None:
    view = halves.corners(faults=faults, seed=1)
    assert list(view.numbers.values()) == counts


def test_each_further_attempt_leaves_less_missing() -> None:
    view = finish(ways.limits_at(loss_percent=30, seed=1))
    expected, *there = view.numbers.values()
    assert sorted({*there, expected}) == [*there, expected]
    share = ways.never_processed(attempts=3, loss=0.3, messages=2_000, seed=1)
    assert view.numbers["there, 3 attempts"] == round(20_000 * (1 - share))


def test_a_word_that_is_no_choice_is_named() -> None:
    with pytest.raises(ValueError, match="wrong is 'war'; allowed: nothing"):
        single.words(wrong="war", seed=1)
    with pytest.raises(ValueError, match="receiver is 'me'; allowed: acks, then processes"):
        single.crash_run("me", "nowhere")
    with pytest.raises(ValueError, match="place is 'here'; allowed: nowhere"):
        single.crash_run("acks, then processes", "here")
    with pytest.raises(ValueError, match="run is 'mine'; allowed: nothing went wrong"):
        single.verdicts_on(run="mine", seed=1)
    with pytest.raises(ValueError, match="ack is 'late'; allowed: arrives, is lost"):
        single.pressed(1, "late")
    with pytest.raises(ValueError, match="presses is 0"):
        single.pressed(0)
    with pytest.raises(ValueError, match="faults is 'war'; allowed: nothing"):
        halves.corners(faults="war", seed=1)
