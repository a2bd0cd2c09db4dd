"""The broker: what each of its options promises, over every run within bounds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from delivery_semantics import (
    Ack,
    AckThenProcess,
    Arm,
    Bounds,
    Broker,
    Deliver,
    Duplicate,
    Exploration,
    Extend,
    FireAndForget,
    Load,
    Nack,
    Participant,
    Passive,
    ProcessOnce,
    ProcessThenAck,
    RetryUntilAcked,
    Save,
    Send,
    explore,
    payments,
    script,
    simulate,
)
from delivery_semantics.core.effects import Handler, Payload
from delivery_semantics.core.world import World
from delivery_semantics.search.graph import Never

NOTHING = Bounds(losses=0, duplicates=0, crashes=0)
BROKER_CRASHES = replace(NOTHING, crashes=1, crashable=("broker",))
CONSUMER_CRASHES = replace(NOTHING, crashes=1, crashable=("consumer",))


class Refusing(Passive):
    """Nack whatever comes."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Refuse."""
        yield Send(source, Nack(payload.id))


def search(
    broker: Broker, bounds: Bounds, *, messages: int = 1, consumer: Participant | None = None,
    producer: Participant | None = None, never: Never | None = None, **others: Participant,
) -> Exploration:  # fmt: skip
    parts: dict[str, Participant] = {
        "producer": producer or RetryUntilAcked("broker", payments(messages)),
        "broker": broker,
        "consumer": consumer or ProcessOnce(),
    }
    return explore(parts | others, bounds, never=never)


def test_without_faults_every_message_is_processed_once() -> None:
    found = search(Broker("consumer"), NOTHING, messages=2, consumer=ProcessThenAck())
    assert found
    assert found.outcomes == ((("1", 1, "confirmed"), ("2", 1, "confirmed")),)


@pytest.mark.parametrize("crashable", ["broker", "consumer", "producer"])
def test_with_a_consumer_that_knows_its_ids_it_holds_under_every_fault(crashable: str) -> None:
    bounds = Bounds(early_timeouts=1, crashable=(crashable,))
    assert search(Broker("consumer"), bounds)


def test_a_visibility_time_that_ends_early_makes_a_duplicate() -> None:
    early = replace(NOTHING, early_timeouts=1, crashable=())
    found = search(Broker("consumer"), early, consumer=ProcessThenAck())
    assert found.at_least_once_eventually.holds
    assert found.never_more_than_once.counterexample is not None


def test_the_message_of_a_consumer_that_died_is_handed_out_again() -> None:
    assert search(Broker("consumer"), CONSUMER_CRASHES).at_least_once_eventually.holds
    gone = search(Broker("consumer", visibility_s=None), CONSUMER_CRASHES)
    assert not gone.at_least_once_eventually.holds
    assert gone.never_more_than_once.holds


def test_a_nack_has_it_handed_out_at_once_and_for_ever() -> None:
    found = search(Broker("consumer"), NOTHING, consumer=Refusing())
    assert found.at_least_once_eventually.loop


@pytest.mark.parametrize("deliveries_max", [1, 2, 3])
def test_what_failed_so_often_is_parked(deliveries_max: int) -> None:
    broker = Broker("consumer", deliveries_max=deliveries_max, park="person")
    found = search(broker, NOTHING, consumer=Refusing(), person=ProcessThenAck())
    assert found
    trace = found.run(found.outcomes[0])
    handed_out = [
        e.peer for e in trace.of("sent") if e.who == "broker" and e.peer != "producer"
    ]
    assert handed_out == ["consumer"] * deliveries_max + ["person"]


def test_a_dead_letter_is_kept_until_it_is_acked() -> None:
    broker = Broker("consumer", deliveries_max=1, park="person")
    bounds = Bounds(losses=2, duplicates=0, crashes=1, crashable=("broker",))
    assert search(broker, bounds, consumer=Refusing(), person=ProcessOnce())


def test_without_a_place_it_is_parked_on_its_own_disk() -> None:
    def parked(world: World) -> bool:
        return world.stores["broker"].saved.get("parked") == ("1",)

    def still_held(world: World) -> bool:
        return parked(world) and world.stores["broker"].saved["held"] != ()

    broker = Broker("consumer", deliveries_max=2, ids_max=None)
    found = search(
        broker,
        BROKER_CRASHES,
        consumer=Refusing(),
        never={"parked": parked, "both": still_held},
    )
    assert not found.claims["parked"].holds
    assert found.claims["both"].holds
    assert not found.at_least_once_eventually.holds
    assert not found.at_least_once_eventually.loop


COPIES = replace(NOTHING, duplicates=1, links=(("producer", "broker"),))


@pytest.mark.parametrize(
    ("ids_max", "holds"), [(0, False), (1, False), (2, True), (None, True)]
)
def test_it_knows_as_many_ids_as_it_is_told_to(ids_max: int | None, *, holds: bool) -> None:
    broker = Broker("consumer", ids_max=ids_max)
    found = search(broker, COPIES, messages=2, consumer=ProcessThenAck())
    assert found.never_more_than_once.holds == holds
    assert found.at_least_once_eventually.holds


@pytest.mark.parametrize(("late_s", "holds"), [(299, True), (300, False)])
def test_it_knows_an_id_until_its_window_ends(late_s: float, *, holds: bool) -> None:
    broker = Broker("consumer", ids_max=None, window_s=300)
    bounds = replace(
        NOTHING, duplicates=1, links=(("producer", "broker"),), clock_s=(0, late_s)
    )
    found = search(broker, bounds, consumer=ProcessThenAck())
    assert found.never_more_than_once.holds == holds


@pytest.mark.parametrize(("confirm", "holds"), [("stored", True), ("received", False)])
def test_a_crash_loses_nothing_that_was_confirmed_once_stored(
    confirm: str, *, holds: bool
) -> None:
    found = search(Broker("consumer", confirm=confirm), BROKER_CRASHES)
    lost = [outcome for outcome in found.outcomes if outcome == (("1", 0, "confirmed"),)]
    assert (lost == []) == found.at_least_once_eventually.holds == holds
    assert found.never_more_than_once.holds


def test_it_need_not_confirm() -> None:
    broker = Broker("consumer", confirm="never")
    sender = FireAndForget("broker", payments(1))
    assert search(broker, BROKER_CRASHES, producer=sender).outcomes == (
        (("1", 0, ""),), (("1", 1, ""),),
    )  # fmt: skip
    trying = RetryUntilAcked("broker", payments(1), attempts_max=2)
    found = search(broker, NOTHING, producer=trying)
    assert found.outcomes == ((("1", 1, "in doubt"),),)


def test_acked_when_handed_out_is_at_most_once() -> None:
    broker = Broker("consumer", visibility_s=None, ids_max=None)
    for consumer in (AckThenProcess(), ProcessThenAck()):
        bounds = Bounds(crashable=("broker",), links=(("producer", "broker"),))
        assert search(broker, bounds, consumer=consumer).never_more_than_once.holds


def test_it_listens_while_it_waits() -> None:
    """Two messages are out at once: the second is not kept waiting by the first one's ack."""

    def both_out(world: World) -> bool:
        held = world.timers["broker"]
        return {"1", "2"} <= set(held)

    found = search(Broker("consumer"), NOTHING, messages=2, never={"both": both_out})
    assert not found.claims["both"].holds


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"visibility_s": 0.0}, "visibility_s is 0.0"),
        ({"window_s": -1.0}, "window_s is -1.0"),
        ({"deliveries_max": 0}, "deliveries_max is 0"),
        ({"ids_max": -1}, "ids_max is -1"),
        ({"confirm": "maybe"}, "confirm is 'maybe'; allowed: stored, received, never"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        Broker("consumer", **options)


def test_what_it_holds_is_handed_out_once_though_it_remembers_no_ids() -> None:
    """A copy of what is still held is acked; one that comes after its ack is new."""
    parts: dict[str, Participant] = {
        "producer": FireAndForget("broker", payments(1)),
        "broker": Broker("consumer", ids_max=0),
        "consumer": ProcessThenAck(),
    }
    held = script(parts, Duplicate(1), Deliver(1), Deliver(2))
    assert [(e.peer, e.packet) for e in held.of("sent") if e.who == "broker"] == [
        ("producer", 3), ("consumer", 4), ("producer", 5),
    ]  # fmt: skip
    acked = script(parts, Duplicate(1), Deliver(1), Deliver(4), Deliver(5), Deliver(2))
    assert [e.peer for e in acked.of("sent") if e.who == "broker"].count("consumer") == 2


class Extending(Passive):
    """Works for 40 s, and says halfway that it is at work."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Keep what comes for later: a handler that waits would miss another copy."""
        copies = yield Load("copies")
        yield Save("copies", copies + 1)
        if not copies:
            yield Arm(payload.id, 20.0)

    def timer(self, name: str) -> Handler:
        """Ask for more time, and then ack."""
        if not (yield Load("asked")):
            yield Save("asked", True)
            yield Send("broker", Extend(name))
            yield Arm(name, 20.0)
            return
        yield Send("broker", Ack(name))


@pytest.mark.parametrize(("visibility_s", "copies"), [(30.0, 1), (15.0, 3)])
def test_a_consumer_that_asks_for_more_time_in_time_is_given_it(
    visibility_s: float, copies: int
) -> None:
    broker = Broker("consumer", visibility_s=visibility_s)
    parts = {
        "producer": RetryUntilAcked("broker", payments(1)),
        "broker": broker,
        "consumer": Extending(),
    }
    assert len([e for e in simulate(parts).of("delivered") if e.who == "consumer"]) == copies


class Asking(Passive):
    """Asks for more time for what it was never given."""

    def start(self) -> Handler:
        """Ask."""
        yield Send("broker", Extend("1"))


def test_more_time_for_what_is_not_held_changes_nothing() -> None:
    parts = {"consumer": Asking(), "broker": Broker("consumer")}
    assert not list(simulate(parts).of("timed_out"))
