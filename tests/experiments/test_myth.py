from __future__ import annotations

import math

import pytest

from delivery_semantics import Bounds, audit
from delivery_semantics.experiments.myth.effects import (
    COSTS,
    DAYS,
    EFFECT,
    LOSS,
    MAILS,
    WINDOWS,
    day_view,
    mail_outside,
    mail_view,
    measured,
    two_receipts,
    window_view,
)
from delivery_semantics.experiments.myth.generals import exchange, exchange_view
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
    rule_view,
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


@pytest.mark.parametrize("receiver", COSTS)
def test_a_window_is_shown_with_its_formula_and_its_money(receiver: str) -> None:
    view = window_view(receiver=receiver, crash_percent=40)
    there = int(view.numbers["money there"])
    theory = "0.0 %" if receiver == "ProcessOnce" else "40.0 %"
    assert view.numbers["harmed, by formula"] == theory
    wrong = {"ProcessThenMark": there > 10_000, "MarkThenProcess": there < 10_000}
    assert wrong.get(receiver, there == 10_000)


def test_the_formulas_are_the_probability_of_the_crash() -> None:
    assert process_then_mark(loss=LOSS, crash=0.4).several == pytest.approx(0.4)
    assert process_once(loss=LOSS, crash=0.4).none == 0


@pytest.mark.parametrize("what", DAYS)
def test_a_day_has_one_effect_where_effect_and_mark_are_one(what: str) -> None:
    once, acked = (day_view(what=what, receiver=receiver).numbers for receiver in EFFECT)
    assert once["processed"] == 1
    assert once["delivered"] == acked["delivered"]
    twice = what in ("the ack is lost", "a crash before the ack", "a crash, then a lost ack")
    assert acked["money there"] == (20 if twice else 10)


def test_no_place_is_right_for_the_mail() -> None:
    crashes = ("nowhere", "between the two")
    receipts = {
        mail: [mail_view(mail=mail, crash=crash).numbers["receipts"] for crash in crashes]
        for mail in MAILS
    }
    assert receipts == {"before the transaction": [1, 2], "after it": [1, 0]}
    assert mail_view(mail="after it", crash=crashes[1]).numbers["money there"] == 10


@pytest.mark.parametrize("packets", [1, 2, 3, 4])
def test_whoever_sends_the_last_packet_sees_the_same(packets: int) -> None:
    for last in ("arrives", "is lost"):
        numbers = exchange_view(packets=packets, last=last).numbers
        spoke, heard = ("receiver", "sender") if packets % 2 == 0 else ("sender", "receiver")
        assert numbers == {f"{spoke} sees": "the same", f"{heard} sees": "a difference"}


def test_an_exchange_ends_with_its_last_packet() -> None:
    assert len(exchange(3, arrives=True).of("delivered")) == 3
    assert [event.what for event in exchange(3, arrives=False).of("lost")] == ["lost"]
    with pytest.raises(ValueError, match="packets is 0"):
        exchange(0, arrives=True)


@pytest.mark.parametrize(
    ("rule", "right", "lost", "twice"), [("stop", 3, 2, 0), ("retry", 2, 0, 3)]
)
def test_a_rule_is_shown_in_all_five_worlds(
    rule: str, right: int, lost: int, twice: int
) -> None:
    view = rule_view(rule=rule)
    assert list(view.numbers.values()) == [right, lost, twice]
    assert view.pictures[0].description.count("✗") == lost + twice


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
