"""Every parameter with values that make no sense: the error says which, and what would."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from typing import Any

import pytest

import delivery_semantics
from delivery_semantics import (
    AlternatingBitSender,
    Arm,
    Bounds,
    Broker,
    CrashPoint,
    Deliver,
    Exponential,
    Faults,
    FireAndForget,
    Fixed,
    FullJitter,
    IsMarked,
    Message,
    Network,
    Outage,
    Participant,
    Passive,
    Process,
    ProcessOnce,
    ProcessThenAck,
    Receive,
    ReceiveAny,
    Record,
    Relay,
    RetryUntilAcked,
    Semantic,
    Send,
    Tick,
    Wait,
    explore,
    payments,
    script,
    simulate,
    sweep,
)
from delivery_semantics.core.effects import Handler, Payload

ONE = payments(1)
PARTS: dict[str, Participant] = {
    "sender": FireAndForget("receiver", ONE), "receiver": ProcessThenAck(),
}  # fmt: skip

NO_NUMBERS = (math.nan, math.inf, -math.inf, "1", None, True, [1], 1j)
NO_TIMES = (-0.001, -1, *NO_NUMBERS)
Bad = tuple[Any, ...]

PROBABILITY = ("a number from 0 to 1", (-0.001, 1.001, 2, *NO_NUMBERS))
TIME = ("a finite number, 0 or more", NO_TIMES)
POSITIVE = ("a finite number greater than 0", (0, 0.0, *NO_TIMES))
COUNT = ("a whole number, 1 or more", (0, -1, 1.0, 1.5, *NO_NUMBERS))
COUNT_FROM_0 = ("a whole number, 0 or more", (-1, 0.0, 1.5, *NO_NUMBERS))


def optional(allowed: str, bad: Bad) -> tuple[str, Bad]:
    """The same rule for a parameter that may also be None."""
    return allowed, tuple(value for value in bad if value is not None)


# What is called, by keyword, with each bad value; and the rule.
NUMBERS: dict[tuple[Callable[..., object], str], tuple[str, Bad]] = {
    **{(Faults, name): PROBABILITY for name in ("loss", "duplication", "reordering")},
    **{(Faults, name): TIME for name in ("delay_s", "delay_s_mean")},
    (CrashPoint, "probability"): PROBABILITY,
    (CrashPoint, "down_s"): POSITIVE,
    (Outage, "at_s"): TIME,
    (Outage, "down_s"): POSITIVE,
    (simulate, "seed"): COUNT_FROM_0,
    (simulate, "early_timeouts"): PROBABILITY,
    (simulate, "time_s_max"): POSITIVE,
    (simulate, "steps_max"): COUNT,
    (explore, "worlds_max"): COUNT,
    (sweep, "chunk"): COUNT,
    **{
        (Bounds, name): COUNT_FROM_0
        for name in ("losses", "duplicates", "crashes", "early_timeouts", "failures")
    },
    (Fixed, "delay_s"): TIME,
    **{
        (policy, name): POSITIVE
        for policy in (Exponential, FullJitter) for name in ("delay_s_base", "delay_s_max")
    },
    (FullJitter, "seed"): COUNT_FROM_0,
    (FireAndForget, "interval_s"): TIME,
    (RetryUntilAcked, "timeout_s"): POSITIVE,
    (RetryUntilAcked, "attempts_max"): optional(*COUNT),
    (RetryUntilAcked, "deadline_s"): optional(*POSITIVE),
    (AlternatingBitSender, "timeout_s"): POSITIVE,
    (AlternatingBitSender, "attempts_max"): optional(*COUNT),
    (Relay, "timeout_s"): POSITIVE,
    (Relay, "attempts_max"): COUNT,
    **{(Broker, name): optional(*POSITIVE) for name in ("visibility_s", "window_s")},
    (Broker, "deliveries_max"): optional(*COUNT),
    (Broker, "ids_max"): optional(*COUNT_FROM_0),
    (Receive, "timeout_s"): TIME,
    (ReceiveAny, "timeout_s"): TIME,
    (Arm, "delay_s"): TIME,
    (payments, "first"): COUNT_FROM_0,
    (Wait, "delay_s"): TIME,
    (payments, "count"): COUNT,
    (Tick, "to_s"): TIME,
    (Record, "position"): optional(*COUNT_FROM_0),
    (Record, "delivery"): COUNT_FROM_0,
}  # fmt: skip

# What else each of them needs.
GOOD: dict[Callable[..., object], dict[str, Any]] = {
    CrashPoint: {"who": "receiver", "before": Process, "probability": 0.5},
    Outage: {"who": "receiver", "at_s": 1.0, "down_s": 1.0},
    simulate: {"participants": PARTS},
    explore: {"participants": PARTS},
    sweep: {"cells": [1], "fn": abs},
    FireAndForget: {"receiver": "receiver", "messages": ONE},
    RetryUntilAcked: {"receiver": "receiver", "messages": ONE},
    AlternatingBitSender: {"receiver": "receiver", "messages": ONE},
    Broker: {"consumer": "receiver"},
    Relay: {"next": "receiver", "timeout_s": 1.0, "attempts_max": 1},
    Receive: {"payload": ONE[0], "timeout_s": 1.0},
    Record: {"id": "1"},
    Arm: {"name": "retry", "delay_s": 1.0},
    payments: {"count": 1, "first": 1},
}


@pytest.mark.parametrize(
    ("call", "name"), list(NUMBERS), ids=[f"{call.__name__}-{name}" for call, name in NUMBERS]
)
def test_a_number_out_of_range(call: Callable[..., object], name: str) -> None:
    allowed, bad = NUMBERS[call, name]
    good = GOOD.get(call, {})
    if name in good or call in (simulate, explore, FireAndForget):
        call(**good)
    for value in bad:
        with pytest.raises(ValueError, match=f"^{name} is ") as error:
            call(**{**good, name: value})
        assert str(error.value) == f"{name} is {value!r}; allowed: {allowed}"


# Numbers that need no rule: names of packets, contents of messages, and what is only read.
# Placed fates have tests of their own.
FREE = {
    ("Network", "placed"),
    ("Message", "amount"), ("Record", "amount"), ("payments", "amount"),
    ("Save", "value"), ("Load", "default"),
    ("Deliver", "packet"), ("Lose", "packet"), ("Duplicate", "packet"),
    ("Bounds", "clock_s"),
}  # fmt: skip
RESULTS = {
    "Audit",
    "EffectFailed",
    "Event",
    "ImpureHandler",
    "Exploration",
    "Trace",
    "UnboundedRun",
    "Verdict",
}


def test_no_number_was_forgotten() -> None:
    tested = {(call.__name__, name) for call, name in NUMBERS}
    for public in delivery_semantics.__all__:
        value = getattr(delivery_semantics, public)
        if public in RESULTS or not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        for name, parameter in inspect.signature(value).parameters.items():
            if re.search(r"\b(int|float)\b", str(parameter.annotation)):
                assert ((public, name) in tested) != ((public, name) in FREE), (public, name)


# Names ------------------------------------------------------------------------------------

NAMES: dict[str, tuple[Callable[[], object], str]] = {
    "crash point": (
        lambda: simulate(PARTS, crashes=(CrashPoint("nobody", Process, 0.5),)),
        "crashes: 'nobody' is no participant; allowed: sender, receiver",
    ),
    "outage": (
        lambda: simulate(PARTS, crashes=(Outage("nobody", at_s=1.0, down_s=1.0),)),
        "crashes: 'nobody' is no participant; allowed: sender, receiver",
    ),
    "simulated store": (
        lambda: simulate(PARTS, stores={"nobody": "disk"}),
        "stores: 'nobody' is no participant; allowed: sender, receiver",
    ),
    "scripted store": (
        lambda: script(PARTS, stores={"nobody": "disk"}),
        "stores: 'nobody' is no participant; allowed: sender, receiver",
    ),
    "searched store": (
        lambda: explore(PARTS, stores={"nobody": "disk"}),
        "stores: 'nobody' is no participant; allowed: sender, receiver",
    ),
    "who may crash": (
        lambda: explore(PARTS, Bounds(crashable=("receiver", "nobody"))),
        "crashable: 'nobody' is no participant; allowed: sender, receiver",
    ),
    "receiver of messages": (
        lambda: simulate({"sender": FireAndForget("nobody", ONE)}),
        "sender sends to: 'nobody' is no participant; allowed: sender",
    ),
    "next of a relay": (
        lambda: script(
            {
                "sender": FireAndForget("relay", ONE),
                "relay": Relay("nobody", timeout_s=1.0, attempts_max=1),
            },
            Deliver(1),
        ),
        "relay sends to: 'nobody' is no participant; allowed: sender, relay",
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_participant(name: str) -> None:
    call, said = NAMES[name]
    with pytest.raises(ValueError, match="nobody") as error:
        call()
    assert str(error.value) == said


@pytest.mark.parametrize("sender", [FireAndForget, RetryUntilAcked, AlternatingBitSender])
def test_two_messages_with_one_id(sender: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="messages") as error:
        sender("receiver", (*payments(3), Message("2", 99)))
    assert str(error.value) == "messages: the id '2' appears twice; allowed: one id per message"


# Kinds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [Receive, Wait, IsMarked, Message, "Send", None], ids=repr)
def test_a_crash_before_what_is_no_effect_of_its_own(before: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match="before") as error:
        CrashPoint("receiver", before, 0.5)
    assert str(error.value) == (
        f"before is {before!r}; "
        "allowed: Send, Process, Confirm, GiveUp, Mark, Save, Atomic, Once, Arm, Disarm, Now"
    )


@pytest.mark.parametrize(
    "packet",
    [("packet", 1), ("ack", 0), ("ack", -1), ("ack", "1"), ("ack",), "ack", 1],
    ids=repr,
)
def test_a_placed_fate_of_what_is_no_packet(packet: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match="placed") as error:
        Network(placed={packet: (0.1,)})
    assert str(error.value) == (
        f"placed: {packet!r} names no packet; "
        "allowed: ('message', n) or ('ack', n) with n counted from 1"
    )


@pytest.mark.parametrize("fate", [0.1, [0.1], None, "lost"], ids=repr)
def test_a_placed_fate_that_is_none(fate: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match="placed") as error:
        Network(placed={("ack", 1): fate})
    assert str(error.value) == (
        f"placed: {fate!r} is no fate; allowed: a tuple of delays, or LOST"
    )


@pytest.mark.parametrize("delay_s", NO_TIMES, ids=repr)
def test_a_placed_delay_that_is_no_time(delay_s: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match="placed delay is") as error:
        Network(placed={("message", 2): (0.1, delay_s)})
    assert (
        str(error.value) == f"placed delay is {delay_s!r}; allowed: a finite number, 0 or more"
    )


def test_a_semantic_of_findings_that_do_not_exist() -> None:
    with pytest.raises(ValueError, match="allows") as error:
        Semantic("mine", ("lost", "forgotten"), "acked")
    assert str(error.value) == (
        "allows: 'forgotten' is no finding; "
        "allowed: lost, lost though acked, duplicated, unexpected, aborted read, "
        "wrong amount, two at one position, skipped, out of order, one at two positions, "
        "redelivered"
    )
    with pytest.raises(ValueError, match="evidence is 'sent'; allowed: acked, processed"):
        Semantic("mine", (), "sent")


@pytest.mark.parametrize("delay_s", NO_TIMES, ids=repr)
def test_a_backoff_that_gives_no_time(delay_s: Any) -> None:  # noqa: ANN401
    """It is found when the sender comes to wait, under every driver."""
    sender = RetryUntilAcked("receiver", ONE, backoff=lambda message_id, attempt: delay_s)
    for run in (simulate, script, explore):
        with pytest.raises(ValueError, match="backoff is") as error:
            run({"sender": sender, "receiver": ProcessOnce()})
        assert (
            str(error.value) == f"backoff is {delay_s!r}; allowed: a finite number, 0 or more"
        )


class Wrong(Passive):
    """It yields what is no effect, at boot or when something arrives."""

    messages = payments(1, first=2)

    def __init__(self, yielded: Any) -> None:  # noqa: ANN401
        self.yielded = yielded

    def receive(self, source: str, payload: Payload) -> Handler:
        yield self.yielded


@pytest.mark.parametrize("yielded", [ONE[0], "Send", Send, 0], ids=repr)
def test_a_handler_that_yields_what_is_no_effect(yielded: object) -> None:
    parts = {"sender": FireAndForget("receiver", ONE), "receiver": Wrong(yielded)}
    for run in (
        lambda: simulate(parts),
        lambda: script(parts, Deliver(1)),
        lambda: explore(parts),
    ):
        with pytest.raises(
            TypeError, match="allowed: Receive, ReceiveAny, Wait, Send, Process, "
        ) as error:
            run()
        assert str(error.value).startswith(f"receiver yielded {yielded!r}; ")


def test_a_search_for_nothing() -> None:
    with pytest.raises(ValueError, match="participants: nobody has messages"):
        explore({"receiver": ProcessOnce()})
