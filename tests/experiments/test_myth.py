from __future__ import annotations

import math

import pytest

from delivery_semantics import Bounds, audit
from delivery_semantics.experiments.myth.effects import (
    COSTS,
    LOSS,
    WINDOWS,
    mail_outside,
    measured,
    two_receipts,
    window_plot,
)
from delivery_semantics.experiments.myth.search import (
    BIT_CRASHES,
    alternating_bit,
    bit_view,
    hunt,
    search,
    search_view,
)
from delivery_semantics.experiments.myth.worlds import (
    STORIES,
    five_worlds,
    what_the_sender_saw,
    world_view,
)
from delivery_semantics.participants.receivers import RECEIVERS
from delivery_semantics.theory.retries import process_once, process_then_mark


@pytest.mark.parametrize("attempts", [1, 2])
def test_the_sender_cannot_tell_the_five_worlds_apart(attempts: int) -> None:
    views = [what_the_sender_saw(trace) for trace in five_worlds(attempts=attempts).values()]
    assert len(views) == 5
    assert len(set(views)) == 1
    assert views[0][-1][0] == "timed_out"


def test_stopping_loses_in_two_worlds_and_retrying_repeats_in_three() -> None:
    stop = [trace.processed()["1"] for trace in five_worlds(attempts=1).values()]
    retry = [trace.processed()["1"] for trace in five_worlds(attempts=2).values()]
    assert stop == [0, 1, 1, 0, 1]
    assert retry == [1, 2, 2, 1, 2]


def test_nothing_is_left_in_flight_at_the_end_of_a_story() -> None:
    for attempts in (1, 2):
        for name, trace in five_worlds(attempts=attempts).items():
            sent = {event.packet for event in trace.of("sent")}
            gone = {event.packet for event in trace.of("delivered", "lost", "refused")}
            acks = {event.packet for event in trace.of("sent") if event.who == "receiver"}
            assert sent - acks <= gone, name


@pytest.mark.parametrize("world", STORIES)
@pytest.mark.parametrize(("rule", "attempts"), [("stop", 1), ("retry", 2)])
def test_a_panel_shows_the_money_of_its_world(world: str, rule: str, attempts: int) -> None:
    view = world_view(world=world, rule=rule)
    expected = audit(five_worlds(attempts=attempts)[world])
    assert view.numbers["money there"] == expected.money_there
    assert view.numbers["money expected"] == 10
    assert world in view.sentence


def test_every_receiver_keeps_what_its_order_of_effects_allows() -> None:
    kept = {}
    for name in RECEIVERS:
        found = search(name)
        kept[name] = (found.never_more_than_once.holds, found.at_least_once_eventually.holds)
    assert kept == {
        "AckThenProcess": (False, False),
        "ProcessThenAck": (False, True),
        "MarkThenProcess": (True, False),
        "ProcessThenMark": (False, True),
        "ProcessOnce": (True, True),
    }


def test_without_crashes_every_receiver_that_remembers_survives() -> None:
    for name in ("MarkThenProcess", "ProcessThenMark", "ProcessOnce"):
        numbers = search_view(receiver=name, crashes=0).numbers
        assert list(numbers.values())[:2] == ["holds", "holds"]


def test_the_search_prints_its_bounds() -> None:
    view = search_view(receiver="ProcessThenMark", crashes=1)
    assert "1 message, at most 1 loss, 0 duplicates, 1 crash" in view.sentence


def test_random_crashes_miss_what_the_search_finds() -> None:
    result = hunt(runs=100)
    assert (result.violations, result.found) == (0, True)


@pytest.mark.parametrize("crash", BIT_CRASHES)
def test_the_alternating_bit_needs_order_and_a_memory(crash: str) -> None:
    in_order = alternating_bit(in_order=True, crash=crash)
    assert in_order.holds is (crash != "a crash, bit in memory")
    assert not alternating_bit(in_order=False, crash=crash).never_more_than_once.holds
    assert "packets in order" in bit_view(link="order", crash=crash).sentence


@pytest.mark.parametrize("receiver", WINDOWS)
@pytest.mark.parametrize("crash", [0.1, 0.4])
def test_measured_shares_meet_the_closed_forms(receiver: str, crash: float) -> None:
    messages = 1000
    fates = measured(receiver=receiver, crash=crash, messages=messages)
    _, form = WINDOWS[receiver]
    theory = form(loss=LOSS, crash=crash)
    for share, chance in ((fates.none, theory.none), (fates.several, theory.several)):
        deviation = math.sqrt(float(chance) * (1 - float(chance)) / messages)
        assert abs(share - float(chance)) <= 4.5 * deviation


def test_a_crash_at_every_attempt_is_refused() -> None:
    with pytest.raises(ValueError, match="crash is 1"):
        measured(receiver="ProcessOnce", crash=1)


def test_the_plot_holds_every_receiver_of_the_formula() -> None:
    picture = window_plot(messages=50)
    assert all(receiver in picture.svg for receiver, _, _ in COSTS)
    assert process_then_mark(loss=LOSS, crash=0.4).several == pytest.approx(0.4)
    assert process_once(loss=LOSS, crash=0.4).none == 0


def test_a_mail_outside_the_transaction_goes_out_twice() -> None:
    found = mail_outside()
    broken = found.never_more_than_once.counterexample
    assert broken is not None
    assert broken.processed()["receipt 1"] == 2
    assert broken.processed()["1"] <= 1
    assert two_receipts().processed() == {"1": 1, "receipt 1": 2}
    assert found.at_least_once_eventually.holds


def test_the_survivor_survives_more_faults() -> None:
    found = search("ProcessOnce", messages=2, bounds=Bounds(losses=2, duplicates=1, crashes=1))
    assert found.holds
    assert found.worlds > 1000
