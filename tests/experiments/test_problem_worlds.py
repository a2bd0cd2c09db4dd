"""One payment, one choice at a time: what the panels of chapter 1 show of each."""

from __future__ import annotations

import pytest

from delivery_semantics import audit, script
from delivery_semantics.experiments.problem import worlds
from delivery_semantics.experiments.problem.faults import DOCUMENT, packet_fates
from delivery_semantics.show.view import View


def money(view: View) -> tuple[object, object]:
    return view.numbers["money expected"], view.numbers["money there"]


@pytest.mark.parametrize(
    ("second", "attempts", "there"),
    [("arrives", 2, 20), ("is lost", 3, 20), ("is late", 3, 30), ("arrives twice", 2, 30)],
)
def test_each_arrival_of_the_second_packet_is_a_payment(
    second: str, attempts: int, there: int
) -> None:
    view = worlds.second_packet(second=second, seed=1)
    assert view.numbers["attempts"] == attempts
    assert money(view) == (10, there)


@pytest.mark.parametrize(
    ("fifth", "knows", "attempts"),
    [
        ("is still on its way", "waits", 3),
        ("arrives", "is content", 3),
        ("is lost", "waits", 4),
    ],
)
def test_the_fate_of_packet_5_changes_what_the_sender_knows_and_no_money(
    fifth: str, knows: str, attempts: int
) -> None:
    view = worlds.diagram(fifth=fifth, seed=1)
    assert (view.numbers["the sender"], view.numbers["attempts"]) == (knows, attempts)
    assert money(view) == (10, 20)


def test_the_diagrams_steps_have_the_fates_of_the_document() -> None:
    trace = script(worlds.pair(), *worlds.DIAGRAM)
    assert packet_fates(trace) == {"1": DOCUMENT}


@pytest.mark.parametrize("rule", worlds.RULES)
def test_a_silent_sender_sees_the_same_in_both_worlds(rule: str) -> None:
    message, ack = (worlds.silent(lost=lost, rule=rule) for lost in worlds.SILENCE)
    assert message.seen_by("sender") == ack.seen_by("sender")
    assert audit(message).money_there != audit(ack).money_there


@pytest.mark.parametrize(
    ("lost", "rule", "there"),
    [
        ("its message", "sends again", 10),
        ("its message", "gives up", 0),
        ("the ack", "sends again", 20),
        ("the ack", "gives up", 10),
    ],
)
def test_each_rule_is_wrong_in_one_of_the_worlds(lost: str, rule: str, there: int) -> None:
    view = worlds.two_worlds(lost=lost, rule=rule, seed=1)
    assert view.numbers["heard in time"] == "nothing"
    assert money(view) == (10, there)


@pytest.mark.parametrize(
    ("who", "ids", "sent", "copied", "expected"),
    [
        ("the sender", 1, 2, 0, 10),
        ("a broker behind it", 1, 1, 0, 10),
        ("the network", 1, 1, 1, 10),
        ("somebody above", 2, 2, 0, 20),
    ],
)
def test_each_source_makes_20_of_10_in_its_own_way(
    who: str, ids: int, sent: int, copied: int, expected: int
) -> None:
    view = worlds.source(who=who, seed=1)
    assert list(view.numbers.values())[:3] == [ids, sent, copied]
    assert money(view) == (expected, 20)


def test_the_sources_that_can_be_chosen_are_those_that_are_run() -> None:
    assert tuple(worlds.copies()) == worlds.SOURCES


@pytest.mark.parametrize(("timer_s", "payments"), [(0.8, 3), (1.5, 2), (2.5, 1)])
def test_a_timer_shorter_than_the_round_trip_pays_for_each_send_before_the_ack(
    timer_s: float, payments: int
) -> None:
    calm = worlds.patience(timer_s=timer_s, first="arrives", seed=1)
    assert (calm.numbers["packets lost"], calm.numbers["confirmed after"]) == (0, "2.0 s")
    assert money(calm) == (10, 10 * payments)
    lost = worlds.patience(timer_s=timer_s, first="is lost", seed=1)
    assert lost.numbers["confirmed after"] == f"{timer_s + worlds.ROUND_TRIP_S:.1f} s"
    assert money(lost) == (10, 10 * payments)


@pytest.mark.parametrize(
    ("beyond", "never", "there"),
    [
        ("nothing", "holds", 10),
        ("a timer that fires early", "broken", 20),
        ("a receiver that crashes", "broken", 20),
    ],
)
def test_a_perfect_link_is_not_enough_for_a_step_beyond_it(
    beyond: str, never: str, there: int
) -> None:
    view = worlds.outside(beyond=beyond, seed=1)
    assert view.numbers["never more than once"] == never
    assert view.numbers["at least once, eventually"] == "holds"
    assert money(view) == (10, there)


def test_a_word_that_is_no_choice_is_named() -> None:
    with pytest.raises(ValueError, match="second is 'eaten'; allowed: arrives, is lost"):
        worlds.second_packet(second="eaten", seed=1)
    with pytest.raises(ValueError, match="fifth is 'eaten'; allowed: is still on its way"):
        worlds.diagram(fifth="eaten", seed=1)
    with pytest.raises(ValueError, match="lost is 'both'; allowed: its message, the ack"):
        worlds.two_worlds(lost="both", rule="gives up", seed=1)
    with pytest.raises(ValueError, match="rule is 'waits'; allowed: sends again, gives up"):
        worlds.two_worlds(lost="the ack", rule="waits", seed=1)
    with pytest.raises(ValueError, match="who is 'you'; allowed: the sender"):
        worlds.source(who="you", seed=1)
    with pytest.raises(ValueError, match="first is 'late'; allowed: arrives, is lost"):
        worlds.patience(timer_s=1.5, first="late", seed=1)
    with pytest.raises(ValueError, match="beyond is 'war'; allowed: nothing"):
        worlds.outside(beyond="war", seed=1)
