"""The protocols of the appendix: each textbook fault is found, and each mend holds."""

from __future__ import annotations

import pytest

from delivery_semantics import ProcessOnce, ProcessThenAck, Trace, Verdict
from delivery_semantics.protocols import (
    fencing,
    go_back_n,
    log,
    mqtt,
    outbox,
    queues,
    saga,
    two_phase_commit,
)

PAIR, TWICE = (1, 1), (2,)
"""How often each message was processed."""


def times(verdict: Verdict) -> tuple[int, ...]:
    """How often each message was processed in the counterexample, which there must be."""
    trace = verdict.counterexample
    assert trace is not None
    return tuple(trace.processed()[message.id] for message in trace.messages)


def deliveries(trace: Trace | None, what: str) -> list[str]:
    """Who was delivered the packets of this kind, in order."""
    assert trace is not None
    return [e.who for e in trace.of("delivered") if e.payload and e.payload.kind == what]


def test_qos_2_holds_with_a_disk_and_an_order() -> None:
    found = mqtt.qos_2()
    assert found
    assert found.outcomes == ((("1", 1, "confirmed"),),)


@pytest.mark.parametrize("missing", [{"remembers": False}, {"reordering": True}])
def test_qos_2_doubles_without_either(missing: dict[str, bool]) -> None:
    found = mqtt.qos_2(**missing)
    assert times(found.never_more_than_once) == TWICE
    assert found.at_least_once_eventually.holds
    releases = deliveries(found.never_more_than_once.counterexample, "control")
    assert "subscriber" in releases  # it has released the id before it processed again


def test_two_numbers_are_too_few_for_a_window_of_two() -> None:
    found = go_back_n.window_of_two(numbers=2)
    assert times(found.never_more_than_once)[0] == 2
    assert times(found.at_least_once_eventually) == (0, 0)


@pytest.mark.parametrize("messages", [1, 2, 4])
@pytest.mark.parametrize("numbers", [3, 4])
def test_one_number_more_is_enough(numbers: int, messages: int) -> None:
    found = go_back_n.window_of_two(numbers=numbers, messages=messages)
    assert found
    assert len(found.outcomes) == 1


def test_a_visibility_time_that_ends_early_doubles_unless_the_consumer_knows() -> None:
    assert times(queues.visibility(ProcessThenAck()).never_more_than_once) == TWICE
    assert queues.visibility(ProcessOnce())


def test_a_window_holds_against_copies_that_are_younger() -> None:
    found = queues.window(window_s=300.0)
    assert times(found.never_more_than_once) == TWICE
    assert "Tick(301" in str(found.never_more_than_once)
    assert queues.window(window_s=302.0)
    assert queues.window(window_s=None)


def test_a_poison_message_goes_round_until_it_is_counted() -> None:
    verdict = queues.poison(deliveries_max=None).at_least_once_eventually
    assert times(verdict) == (0,)
    assert verdict.loop
    assert set(deliveries(verdict.counterexample, "nack")) == {"broker"}
    for deliveries_max in (1, 2, 3):
        assert queues.poison(deliveries_max=deliveries_max)


def test_an_effect_that_fails_is_tried_again() -> None:
    found = queues.failing()
    assert found
    assert found.outcomes == ((("1", 1, "confirmed"),),)


def test_an_offset_apart_from_its_result_loses_or_doubles() -> None:
    before, after = log.read_log("before"), log.read_log("after")
    assert before.never_more_than_once.holds
    assert times(before.at_least_once_eventually) == (0,)
    assert after.at_least_once_eventually.holds
    assert times(after.never_more_than_once) == TWICE
    assert log.read_log("with")


def test_an_event_needs_an_outbox_and_an_inbox() -> None:
    apart = outbox.order_and_mail(outbox.DualWrite(), ProcessOnce())
    assert times(apart.at_least_once_eventually) == (0,)
    half = outbox.order_and_mail(outbox.Outbox(), ProcessThenAck())
    assert half.at_least_once_eventually.holds
    assert times(half.never_more_than_once) == TWICE
    assert outbox.order_and_mail(outbox.Outbox(), ProcessOnce())


def test_a_decision_that_is_not_logged_is_half_a_decision() -> None:
    assert times(two_phase_commit.both_or_neither(logs=False).claims["all or none"]) == (1, 0)
    found = two_phase_commit.both_or_neither(logs=True)
    assert found.claims["all or none"].holds
    assert found.never_more_than_once.holds
    ends = {tuple(n for _, n, _ in outcome) for outcome in found.outcomes}
    assert ends == {(0, 0), PAIR}  # and it does not hold because nobody ever commits


def test_a_cancel_that_comes_first_must_be_remembered() -> None:
    assert times(saga.trip_cancelled(remembers=False).claims["net zero"]) == (1, 0)
    found = saga.trip_cancelled(remembers=True)
    assert found.claims["net zero"].holds
    ends = {tuple(n for _, n, _ in outcome) for outcome in found.outcomes}
    assert ends == {(0, 0), PAIR}


def test_only_the_storage_can_refuse_a_stale_write() -> None:
    verdict = fencing.two_clients(fenced=False).claims["stale write"]
    assert verdict.counterexample is not None
    processed = [e.payload.id for e in verdict.counterexample.of("processed") if e.payload]
    assert processed == ["2", "1"]
    found = fencing.two_clients(fenced=True)
    assert found.claims["stale write"].holds
    assert (("1", 1, ""), ("2", 1, "")) in found.outcomes
