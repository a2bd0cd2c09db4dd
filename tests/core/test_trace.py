"""The record of a run, and what can be read from it without running anything again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from delivery_semantics import (
    Ack,
    Atomic,
    Deliver,
    Duplicate,
    Event,
    FireAndForget,
    IsMarked,
    Load,
    Lose,
    Mark,
    Message,
    Now,
    Passive,
    ProcessOnce,
    ProcessThenAck,
    RetryUntilAcked,
    Save,
    Tick,
    Timeout,
    Trace,
    payments,
    script,
)
from delivery_semantics.core.effects import Effect, Handler, Payload
from delivery_semantics.core.trace import WHAT

M1, M2 = payments(2)
PAIR = {
    "sender": RetryUntilAcked("receiver", (M1, M2), attempts_max=2),
    "receiver": ProcessThenAck(),
}
REPEATED = script(
    PAIR,
    Duplicate(1), Deliver(1), Deliver(2), Lose(4), Deliver(3),  # message 1
    Lose(5), Timeout("sender"), Lose(6), Timeout("sender", early=True),  # message 2
)  # fmt: skip


def test_of_keeps_the_order_of_the_events() -> None:
    assert [e.packet for e in REPEATED.of("delivered")] == [1, 2, 3]
    both = REPEATED.of("lost", "processed")
    assert [e.what for e in both] == ["processed", "processed", "lost", "lost", "lost"]
    assert REPEATED.of() == REPEATED.of("restarted") == ()
    assert REPEATED.of(*WHAT) == REPEATED.events


def test_of_knows_its_events() -> None:
    with pytest.raises(ValueError, match="what: 'recieved' is no event; allowed: sent, lost, "):
        REPEATED.of("sent", "recieved")


def test_processed_counts_effects() -> None:
    assert REPEATED.processed() == {"1": 2}
    assert REPEATED.processed()["2"] == 0


def test_the_outcome_says_how_often_and_what_the_sender_knows() -> None:
    assert REPEATED.outcome() == (("1", 2, "confirmed"), ("2", 0, "in doubt"))
    nothing = {"sender": FireAndForget("receiver", (M1,)), "receiver": ProcessOnce()}
    assert script(nothing, Lose(1)).outcome() == (("1", 0, ""),)
    assert script(nothing, Deliver(1)).outcome() == (("1", 1, ""),)


def test_the_metrics_count_packets_effects_and_outcomes() -> None:
    assert REPEATED.metrics() == {
        "messages": 2,
        "attempts": 3,
        "acks sent": 2,
        "packets lost": 3,
        "packets duplicated": 1,
        "delivered": 3,
        "timeouts": 2,
        "crashes": 0,
        "processed": 2,
        "processed again": 1,
        "confirmed": 1,
        "in doubt": 1,
        "span_s": 9.0,
    }
    assert set(Trace((), (), ()).metrics().values()) == {0}


def test_a_participant_sees_its_own_events_and_no_fault_of_the_network() -> None:
    assert REPEATED.seen_by("sender") == (
        ("sent", f"{M1!r} to receiver"),
        ("delivered", f"{Ack('1')!r} from receiver"), ("confirmed", repr(Message("1"))),
        ("saved", "settled=1"),
        ("sent", f"{M2!r} to receiver"), ("timed_out", ""),
        ("sent", f"{M2!r} to receiver"), ("timed_out", ""),
        ("gave_up", repr(Message("2"))), ("saved", "settled=2"),
    )  # fmt: skip
    assert [what for what, _ in REPEATED.seen_by("receiver")] == [
        "delivered", "processed", "sent", "delivered", "processed", "sent",
    ]  # fmt: skip


def test_only_who_took_part_sees_anything() -> None:
    with pytest.raises(
        ValueError, match="who: 'nobody' took no part; allowed: sender, receiver"
    ):
        REPEATED.seen_by("nobody")


def test_an_early_timeout_looks_like_any_other() -> None:
    early, late = (script(PAIR, Timeout("sender", early=early)) for early in (True, False))
    assert early != late
    assert early.seen_by("sender") == late.seen_by("sender")


def test_nobody_sees_at_which_point_it_crashes() -> None:
    crashed = (Event(1, "crashed", "receiver", note=f"before {at}") for at in ("Send", "Mark"))
    one, other = (Trace(("receiver",), (), (event,)) for event in crashed)
    assert one.seen_by("receiver") == other.seen_by("receiver") == (("crashed", ""),)


ANOTHER_MARK = Mark("2")


class Asked(Passive):
    """Asks for what only an answer tells."""

    def __init__(self, effect: Effect) -> None:
        self.effect = effect

    def receive(self, source: str, payload: Payload) -> Handler:
        yield self.effect


class Writer(Passive):
    """Writes once on the disk that it shares."""

    def __init__(self, written: Effect) -> None:
        self.written = written

    def start(self) -> Handler:
        yield self.written


SHARED = {"asked": "s", "writer": "s"}
LENT = {"writer": "asked"}
"""The asked one's own disk, on which another writes too."""


def view(
    asked: Effect, written: Effect = ANOTHER_MARK, *, source: str = "a", at_s: float = 0.0,
    stores: Mapping[str, str] = SHARED,
) -> object:  # fmt: skip
    """What the receiver sees that asks this, after another has written on its disk."""
    parts = {
        "a": FireAndForget("asked", (M1,) if source == "a" else ()),
        "b": FireAndForget("asked", (M1,) if source == "b" else ()),
        "asked": Asked(asked), "writer": Writer(written),
    }  # fmt: skip
    return script(parts, Tick(at_s), Deliver(1), stores=stores).seen_by("asked")


DIFFERENT = {
    "the source": (view(IsMarked("1")), view(IsMarked("1"), source="b")),
    "a mark of another's": (view(IsMarked("1")), view(IsMarked("1"), Mark("1"))),
    "a value of another's": (view(Load("n")), view(Load("n"), Save("n", 1))),
    "its type": (view(Load("n"), Save("n", 1)), view(Load("n"), Save("n", "1"))),
    "a value on a disk that it lends": (
        view(Load("n", store="asked"), stores=LENT),
        view(Load("n", store="asked"), Save("n", 1), stores=LENT),
    ),
    "the clock": (view(Now()), view(Now(), at_s=0.1)),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_a_participant_sees_whatever_it_is_told(what: str) -> None:
    one, other = DIFFERENT[what]
    assert one != other


def test_a_participant_does_not_see_why_a_transaction_was_skipped() -> None:
    def asked(value: int) -> Atomic:
        return Atomic(Mark("1"), only_if=("n", value))

    assert view(asked(1), Save("n", 2)) == view(asked(1), Save("n", 3))


def test_what_only_its_owner_writes_needs_no_event() -> None:
    parts = {"a": FireAndForget("asked", (M1,)), "asked": Asked(Load("n"))}
    assert not script(parts, Deliver(1)).of("loaded")


WRONG: dict[str, tuple[Any, Any, str]] = {
    "event": (
        (M1,),
        (Event(0, "recieved", "a"),),
        "what: 'recieved' is no event; allowed: sent",
    ),
    "no event": ((M1,), ("sent",), "events: .*; allowed: Event"),
    "no message": (("1",), (), "messages: '1' is none; allowed: Message"),
    "id": ((Message(1),), (), "id of a message is 1; allowed: text"),  # type: ignore[arg-type]
    "amount": ((Message("1", "ten"),), (), "amount is 'ten'; allowed: a whole number"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_trace_refuses_what_it_cannot_hold(wrong: str) -> None:
    messages, events, error = WRONG[wrong]
    with pytest.raises(ValueError, match=error):
        Trace(("a",), messages, events)


def changed(position: int, **fields: Any) -> Trace:  # noqa: ANN401 - any field of an event
    """The trace with one event changed."""
    events = list(REPEATED.events)
    events[position] = events[position]._replace(**fields)
    return Trace(REPEATED.names, REPEATED.messages, tuple(events))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_s", 0.5), ("what", "lost"), ("who", "receiver"), ("payload", Message("1", 11)),
        ("peer", "sender"), ("packet", 9), ("copy_of", 1), ("note", "x"),
    ],
)  # fmt: skip
def test_the_digest_hangs_on_every_field_of_every_event(field: str, value: object) -> None:
    digests = {REPEATED.digest()}
    positions = range(0, len(REPEATED.events), 3)
    digests |= {changed(position, **{field: value}).digest() for position in positions}
    unchanged = sum(changed(p, **{field: value}).events == REPEATED.events for p in positions)
    assert len(digests) == 1 + len(positions) - unchanged


def test_the_digest_hangs_on_order_and_number_of_the_events() -> None:
    names, messages, events = REPEATED.names, REPEATED.messages, REPEATED.events
    others = [events[::-1], events[:-1], (*events, events[-1]), ()]
    digests = {Trace(names, messages, other).digest() for other in (events, *others)}
    assert len(digests) == 5
    assert Trace(names, messages, tuple(events)).digest() == REPEATED.digest()


def test_a_trace_is_a_value() -> None:
    again = script(
        PAIR,
        Duplicate(1), Deliver(1), Deliver(2), Lose(4), Deliver(3),
        Lose(5), Timeout("sender"), Lose(6), Timeout("sender", early=True),
    )  # fmt: skip
    assert again == REPEATED
    assert len({again, REPEATED}) == 1
    with pytest.raises(FrozenInstanceError):
        again.events = ()  # type: ignore[misc]
    assert Event(0.0, "processed", "receiver") == (
        0.0,
        "processed",
        "receiver",
        None,
        "",
        0,
        0,
        "",
    )


def test_only_a_timer_is_early() -> None:
    events = (
        Event(0, "saved", "lock", note="x=early"), Event(0, "saved", "lock", note="x="),
        Event(1, "timed_out", "lock", note="timer very early"),
    )  # fmt: skip
    run = Trace(("lock",), (), events)
    assert [note for _, note in run.seen_by("lock")] == ["x=early", "x=", "timer very early"]


def test_nobody_sees_that_a_timer_was_early_whatever_its_name() -> None:
    notes = ("early", "", "timer lease, early", "timer lease")
    run = Trace(("lock",), (), tuple(Event(1, "timed_out", "lock", note=n) for n in notes))
    assert [note for _, note in run.seen_by("lock")] == ["", "", "timer lease", "timer lease"]
