"""The three semantics, their halves and their limits: searched, counted, and by closed form."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from delivery_semantics import (
    Bounds,
    Deliver,
    Lose,
    ProcessOnce,
    RetryUntilAcked,
    Timeout,
    explore,
    payments,
    script,
)
from delivery_semantics.experiments.semantics import halves as semantics_halves
from delivery_semantics.experiments.semantics import pairs as semantics
from delivery_semantics.experiments.semantics import ways as semantics_ways
from delivery_semantics.experiments.semantics.pairs import PAIRS, Times
from delivery_semantics.theory.retries import Model

# The document's graph

RANGES = {
    "at-most-once": Times(0, 2),
    "at-most-once, marks first": Times(0, 1),
    "at-least-once": Times(1, 4),
    "exactly-once processing": Times(1, 1),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_what_a_search_finds(pair: str) -> None:
    found = semantics.search(pair)
    times = semantics.searched(found)
    assert times == RANGES[pair]
    assert found.never_more_than_once.holds == (times.most <= 1)
    assert found.at_least_once_eventually.holds == (times.least >= 1)


def test_fire_and_forget_is_at_most_once_while_nothing_is_copied() -> None:
    calm = Bounds(losses=1, duplicates=0, crashes=1)
    assert semantics.searched(semantics.search("at-most-once", calm)) == Times(0, 1)


@pytest.mark.parametrize("pair", PAIRS)
def test_chance_stays_within_the_promise(pair: str) -> None:
    found = semantics.by_chance(pair, loss=0.2, crash=0.1, copies=0.1, messages=300, seed=1)
    times, promised = found.range, RANGES[pair]
    assert times.least >= promised.least
    assert times.most <= promised.most or promised.most > 2
    assert found.groups()["never"] == found.times.count(0)
    assert found.groups()["once"] == found.times.count(1)
    assert sum(found.groups().values()) == 300
    assert found.money_there == 10 * sum(found.times)


@pytest.mark.parametrize("loss", [0.0, 0.2, 0.4])
def test_chance_follows_the_closed_forms(loss: float) -> None:
    crash, messages = 0.1, 400
    model = Model(loss=loss, crash_before=crash, crash_after=crash, ack_loss=loss)
    for pair, attempts in (("at-most-once", 1), ("at-least-once", None)):
        found = semantics.by_chance(pair, loss=loss, crash=crash, messages=messages, seed=1)
        mean = float(model.deliveries_mean(attempts))
        variance = mean * (1 - mean) if attempts else float(model.deliveries_variance())
        assert abs(sum(found.times) / messages - mean) < 4 * math.sqrt(variance / messages)


def test_remembering_costs_at_most_once_a_loss_for_each_crash_after_the_mark() -> None:
    found = semantics.by_chance(
        "at-most-once, marks first", loss=0.0, crash=0.2, messages=1000, seed=1
    )
    kept = 0.8 * 0.8  # neither before the mark nor between mark and effect
    assert abs(found.times.count(1) - 1000 * kept) < 4 * math.sqrt(1000 * kept * (1 - kept))


def test_a_copy_is_processed_twice_where_nobody_remembers() -> None:
    found = {
        pair: semantics.by_chance(pair, loss=0.0, copies=0.3, messages=300, seed=1).times
        for pair in ("at-most-once", "at-most-once, marks first")
    }
    twice = found["at-most-once"].count(2)
    assert abs(twice - 300 * 0.3) < 4 * math.sqrt(300 * 0.3 * 0.7)
    assert found["at-most-once, marks first"] == (1,) * 300


def test_more_loss_never_means_more_payments_sent_once() -> None:
    there = [
        semantics.by_chance("at-most-once", loss=loss, messages=200, seed=1).money_there
        for loss in (0.0, 0.1, 0.2, 0.3, 0.4)
    ]
    assert there == sorted(there, reverse=True)
    assert there[0] == 2000 > there[-1]


@pytest.mark.parametrize(("name", "value"), [("loss", 1.0), ("crash", 1.0), ("loss", -0.1)])
def test_a_chance_that_never_ends_is_named(name: str, value: float) -> None:
    chances = {"loss": 0.1, "crash": 0.1} | {name: value}
    with pytest.raises(ValueError, match=name):
        semantics.by_chance("at-least-once", **chances, messages=10, seed=1)


def test_the_panel_counts_every_payment() -> None:
    view = semantics.spread(loss=20, trouble="crashes and copies", seed=1)
    assert list(view.numbers) == ["money expected", *(f"there, {pair}" for pair in PAIRS)]
    assert view.numbers["there, exactly-once processing"] == view.numbers["money expected"]
    assert view.sentence.endswith("; exactly-once processing 1.")
    with pytest.raises(ValueError, match="trouble is 'war'; allowed: nothing else, crashes"):
        semantics.spread(loss=0, trouble="war", seed=1)


def test_times_in_words() -> None:
    assert [str(Times(*ends)) for ends in ((1, 1), (0, 1), (0, 2), (1, 4))] == [
        "1", "0 or 1", "0 to 2", "1 to 4"
    ]  # fmt: skip
    assert [Times(*ends).promise for ends in ((1, 1), (0, 1), (0, 2), (1, 4), (0, 0))] == [
        "exactly once", "at most once", "no promise", "at least once", "at most once"
    ]  # fmt: skip


def test_every_word_counts_something_else() -> None:
    pair = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessOnce()}
    trace = script(
        pair, Lose(1), Timeout("sender"), Deliver(2), Lose(3), Timeout("sender"), Deliver(4),
        Deliver(5),
    )  # fmt: skip
    assert semantics.counters(trace) == {
        "messages sent": 3,
        "messages delivered": 2,
        "processed": 1,
        "acks sent": 2,
        "acks delivered": 1,
        "confirmed": 1,
    }


# Two halves


def promises(faults: str) -> dict[tuple[str, str], str]:
    bounds = semantics_halves.FAULTS[faults]
    return {
        (sender, receiver): semantics_halves.times(sender, receiver, bounds)[0].promise
        for sender in semantics_halves.SENDERS
        for receiver in semantics_halves.RECEIVING
    }


def test_without_faults_every_pair_is_exactly_once() -> None:
    assert set(promises("nothing").values()) == {"exactly once"}


def test_while_nothing_is_copied_the_sender_decides_at_most_once() -> None:
    found = promises("… or the receiver crashed")
    assert {p for (sender, _), p in found.items() if sender == "send once"} == {"at most once"}
    retried = {receiver: p for (sender, receiver), p in found.items() if sender != "send once"}
    assert retried == {
        "ack, then process": "no promise",
        "process, then ack": "at least once",
        "mark, then process": "at most once",
        "process, then mark": "at least once",
        "process and mark once": "exactly once",
    }


@pytest.mark.parametrize("faults", ["… or a packet copied", "… or the sender crashed"])
def test_where_packets_are_copied_the_receiver_must_remember(faults: str) -> None:
    found = promises(faults)
    never_twice = {pair for pair, p in found.items() if p in ("at most once", "exactly once")}
    assert never_twice == {
        (sender, receiver)
        for sender in semantics_halves.SENDERS
        for receiver in ("mark, then process", "process and mark once")
    }
    always = {pair for pair, p in found.items() if p in ("at least once", "exactly once")}
    assert always == {
        ("retry until acked", receiver)
        for receiver in ("process, then ack", "process, then mark", "process and mark once")
    }


def test_behind_a_queue_one_corner_is_at_most_once_and_one_at_least_once() -> None:
    matrix = semantics_halves.with_queue()
    corners = Counter(cell.promise for row in matrix.values() for cell in row.values())
    assert corners == {"at most once": 1, "at least once": 1, "no promise": 2}
    assert matrix["send once"]["acked when handed over"].promise == "at most once"
    assert matrix["retry until acked"]["acked after processing"].promise == "at least once"


def test_a_network_that_copies_leaves_no_corner_at_most_once() -> None:
    bounds = Bounds(losses=1, duplicates=1, crashes=1, crashable=("consumer",))
    matrix = semantics_halves.with_queue(bounds)
    found = {cell.promise for row in matrix.values() for cell in row.values()}
    assert "at most once" not in found
    assert matrix["retry until acked"]["acked after processing"].promise == "at least once"


def test_the_matrix_says_in_words_what_it_shows() -> None:
    view = semantics_halves.halves(faults="… or a packet copied", seed=1)
    picture = view.pictures[0]
    assert "mark, then process: send once 0 or 1, at most once" in picture.description
    assert picture.svg.count(">no promise<") == view.numbers["no promise"] == 4
    assert "1 loss, 1 duplicate, 1 crash" in view.sentence
    with pytest.raises(ValueError, match="faults is 'war'; allowed: nothing, a packet lost"):
        semantics_halves.halves(faults="war", seed=1)


# Ways of choosing, and a limit on attempts


def test_what_a_script_and_seeds_meet_a_search_has_found() -> None:
    found = semantics_ways.ways(loss=0.4, seeds=300)
    assert found.agree
    assert set(found.simulated) == set(found.searched)
    assert sum(found.simulated.values()) == 300
    assert [semantics_ways.say(outcome) for outcome in found.scripted] == [
        "processed twice, confirmed"
    ]


def test_outcomes_come_as_often_as_the_closed_form_says() -> None:
    found = semantics_ways.ways(loss=0.4, seeds=1000)
    model = Model(loss=0.4, ack_loss=0.4)
    in_doubt = sum(n for ((_, _, knows),), n in found.simulated.items() if knows == "in doubt")
    chance = float(model.in_doubt(2))
    assert abs(in_doubt - 1000 * chance) < 4 * math.sqrt(1000 * chance * (1 - chance))


def test_a_way_that_disagrees_is_seen() -> None:
    found = semantics_ways.ways(loss=0.4, seeds=50)
    bounds = Bounds(losses=0, duplicates=0, crashes=0)
    blind = explore(semantics_ways.two_attempts(), bounds).outcomes
    assert not semantics_ways.Ways(found.scripted, found.simulated, blind).agree


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_a_limit_leaves_loss_to_the_power_of_the_attempts(attempts: int) -> None:
    share = semantics_ways.never_processed(attempts=attempts, loss=0.3, messages=1000, seed=1)
    chance = 0.3**attempts
    assert abs(share - chance) < 4 * math.sqrt(chance * (1 - chance) / 1000)


def test_the_plot_tells_how_far_it_is_from_the_formula() -> None:
    plot = semantics_ways.limits(attempts=(1, 2, 3), loss=0.3, messages=300, seed=1)
    assert "closed form: lowest 0.027 at 3, highest 0.3 at 1" in plot.description
