"""The judge, judged: each check has a mutant that it convicts, and no other check does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from delivery_semantics import (
    AT_LEAST_ONCE,
    AT_MOST_ONCE,
    EXACTLY_ONCE,
    FIFO,
    Ack,
    Audit,
    Crash,
    Deliver,
    Duplicate,
    Event,
    Faults,
    FireAndForget,
    Lose,
    Message,
    Network,
    ProcessOnce,
    ProcessThenAck,
    Record,
    Restart,
    RetryUntilAcked,
    Semantic,
    Step,
    Timeout,
    Trace,
    audit,
    payments,
    script,
    simulate,
)
from delivery_semantics.core.audit import FAULTS, FINDINGS
from delivery_semantics.core.trace import PARKED

SEMANTICS = (AT_MOST_ONCE, AT_LEAST_ONCE, EXACTLY_ONCE, FIFO)
each_semantic = pytest.mark.parametrize("semantic", SEMANTICS, ids=lambda s: s.name)

PAIR = {
    "sender": RetryUntilAcked("receiver", payments(3), attempts_max=2),
    "receiver": ProcessOnce(),
}
CLEAN = script(
    PAIR,
    Deliver(1), Deliver(2),
    Lose(3), Timeout("sender"), Deliver(4), Deliver(5),
    Deliver(6), Lose(7), Timeout("sender"), Deliver(8), Lose(9), Timeout("sender"),
)  # fmt: skip
"""Message 1 went well, 2 needed a second attempt, 3 was processed and is in doubt."""
CLEAN_FINDINGS = {**dict.fromkeys(FINDINGS, ()), "redelivered": ("3",)}


def mutant(change: Callable[[list[Event]], object], trace: Trace = CLEAN) -> Trace:
    events = list(trace.events)
    change(events)
    return Trace(trace.names, trace.messages, tuple(events))


def effect(name: str) -> Event:
    """The event in which this message was processed."""
    return next(e for e in CLEAN.of("processed") if e.payload and e.payload.id == name)


STRANGER = effect("1")._replace(payload=Message("9"))


def told(what: str, id: str, position: int, amount: int = 10) -> Event:
    """What a system tells of a message at a position of the log "k"."""
    return Event(99, what, "receiver", Record(id, amount, "k", position))


def read_as(*positions: int) -> Callable[[list[Event]], object]:
    """Let messages 1, 2, 3 be processed in order, from these positions; 0 for not at all."""

    def change(events: list[Event]) -> None:
        for id, position in zip("123", positions, strict=True):
            at = events.index(effect(id))
            events[at : at + 1] = [told("processed", id, position)] * bool(position)

    return change


def later(events: list[Event]) -> None:
    events.append(events.pop(events.index(effect("1"))))


def skip(events: list[Event]) -> None:
    read_as(1, 0, 3)(events)
    events.append(told("confirmed", "2", 2))


def twice(events: list[Event]) -> None:
    read_as(1, 2, 3)(events)
    events.append(told("confirmed", "1", 7))


def again(events: list[Event]) -> None:
    record = Record("2", 10, delivery=2)
    events.append(Event(99, "delivered", "receiver", record))


MUTANTS: dict[str, tuple[Callable[[list[Event]], object], dict[str, tuple[str, ...]], int]] = {
    "lost": (lambda events: events.remove(effect("3")), {"lost": ("3",)}, -10),
    "lost though acked": (
        lambda events: events.remove(effect("2")),
        {"lost": ("2",), "lost though acked": ("2",)},  # the worse case of the same
        -10,
    ),
    "duplicated": (
        lambda events: events.insert(events.index(effect("1")), effect("1")),
        {"duplicated": ("1",)}, 10,
    ),
    "unexpected": (
        lambda events: events.append(STRANGER), {"unexpected": ("9",)}, 10,
    ),
    "aborted read": (
        lambda events: events.__setitem__(
            events.index(CLEAN.of("gave_up")[0]), Event(99, "failed", "sender", Message("3"))
        ),
        {"aborted read": ("3",)}, 10,  # its money is not expected
    ),
    "wrong amount": (
        lambda events: events.__setitem__(
            events.index(effect("2")), effect("2")._replace(payload=Message("2", 11))
        ),
        {"wrong amount": ("2",)}, 1,
    ),
    "two at one position": (read_as(1, 1, 2), {"two at one position": ("1", "2")}, 0),
    "skipped": (
        skip, {"lost": ("2",), "lost though acked": ("2",), "skipped": ("2",)}, -10,
    ),
    "out of order": (later, {"out of order": ("1",)}, 0),
    "one at two positions": (
        twice, {"one at two positions": ("1",)}, 0,
    ),
    "redelivered": (again, {"redelivered": ("2", "3")}, 0),
}  # fmt: skip
"""For each finding: what is done to the clean trace, what is then found, what money changes."""


def test_each_finding_has_its_mutant() -> None:
    assert tuple(MUTANTS) == FINDINGS


def test_the_clean_trace_is_clean() -> None:
    found = audit(CLEAN)
    assert found.findings() == CLEAN_FINDINGS
    assert {semantic.name: found.verdict(semantic) for semantic in SEMANTICS} == {
        "at-most-once": "ok", "at-least-once": "ok", "exactly-once processing": "ok",
        "exactly-once processing, in order": "ok",
    }  # fmt: skip


def test_every_field_of_an_audit() -> None:
    found = audit(CLEAN)
    assert found.sent == ("1", "2", "3")
    assert found.acked == ("1", "2")
    assert found.in_doubt == ("3",)
    assert found.processed == (("1", 1), ("2", 1), ("3", 1))
    assert found.money_expected == found.money_there == 30
    assert found.faults == ("lost", "timed_out")


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_convicted_by_its_check_alone(name: str) -> None:
    change, expected, money = MUTANTS[name]
    found = audit(mutant(change))
    wanted = CLEAN_FINDINGS | expected
    assert found.findings() == wanted
    assert found.money_there - found.money_expected == money


DECLARED = """
                       at-most-once  at-least-once  exactly-once  in-order
lost                   ok            broken         broken        broken
lost though acked      ok            broken         broken        broken
duplicated             broken        ok             broken        broken
unexpected             broken        broken         broken        broken
aborted read           broken        broken         broken        broken
wrong amount           broken        broken         broken        broken
two at one position    broken        broken         broken        broken
skipped                ok            broken         broken        broken
out of order           ok            ok             ok            broken
one at two positions   ok            ok             ok            broken
redelivered            ok            ok             ok            ok
"""
"""What each semantic makes of each mutant."""


@pytest.mark.parametrize(
    "row", DECLARED.strip().splitlines()[1:], ids=lambda row: row[:20].strip()
)
def test_what_a_semantic_allows_is_what_was_declared(row: str) -> None:
    name, declared = row[:23].strip(), row[23:].split()
    found = audit(mutant(MUTANTS[name][0]))
    verdicts = [found.verdict(semantic).split(":")[0] for semantic in SEMANTICS]
    assert verdicts == declared
    assert [semantic.may(name) for semantic in SEMANTICS] == [word == "ok" for word in declared]


def test_a_verdict_names_all_that_was_not_allowed() -> None:
    def change(events: list[Event]) -> None:
        events.remove(effect("2"))
        events.remove(effect("3"))
        events += [effect("1"), STRANGER]

    found = audit(mutant(change))
    assert found.verdict(EXACTLY_ONCE) == (
        "broken: lost 2, 3; lost though acked 2; duplicated 1; unexpected 9"
    )
    assert found.verdict(AT_MOST_ONCE) == "broken: duplicated 1; unexpected 9"
    assert found.verdict(AT_LEAST_ONCE) == (
        "broken: lost 2, 3; lost though acked 2; unexpected 9"
    )


# Unknown ----------------------------------------------------------------------------------


def without(*kinds: str) -> Trace:
    """The clean trace without these events."""
    kept = tuple(event for event in CLEAN.events if event.what not in kinds)
    return Trace(CLEAN.names, CLEAN.messages, kept)


def test_where_nothing_was_acked_a_promise_about_acked_messages_was_not_tested() -> None:
    found = audit(without("confirmed"))
    assert found.acked == ()
    assert found.verdict(AT_LEAST_ONCE) == "unknown: nothing was acked"
    assert found.verdict(EXACTLY_ONCE) == "unknown: nothing was acked"
    assert found.verdict(AT_MOST_ONCE) == "ok"


def test_where_nothing_was_processed_at_most_once_was_not_tested() -> None:
    found = audit(without("processed", "confirmed"))
    assert found.lost == found.in_doubt == ("1", "2", "3")
    assert found.verdict(AT_MOST_ONCE) == "unknown: nothing was processed"


@each_semantic
def test_where_no_fault_fired_nothing_was_tested(semantic: Semantic) -> None:
    peaceful = script({**PAIR, "receiver": ProcessThenAck()}, *map(Deliver, range(1, 7)))
    found = audit(peaceful)
    assert found.faults == ()
    assert found.verdict(semantic) == "unknown: no fault fired"


@each_semantic
def test_a_run_that_sent_nothing_is_unknown(semantic: Semantic) -> None:
    assert audit(Trace((), (), ())).verdict(semantic).startswith("unknown: nothing was ")


@pytest.mark.parametrize(
    ("semantic", "name"),
    [(AT_MOST_ONCE, "duplicated"), (AT_LEAST_ONCE, "lost"), (EXACTLY_ONCE, "unexpected")],
    ids=lambda value: getattr(value, "name", value),
)
def test_broken_comes_before_unknown(semantic: Semantic, name: str) -> None:
    quiet = without("confirmed", "lost", "timed_out")
    assert audit(quiet).verdict(semantic).startswith("unknown")
    verdict = audit(mutant(MUTANTS[name][0], quiet)).verdict(semantic)
    assert verdict.startswith(f"broken: {name}")


def test_where_no_event_was_kept_nothing_is_known() -> None:
    kept: list[Event] = []
    trace = simulate(PAIR, Network(messages=Faults(loss=0.5)), record=kept.append)
    found = audit(trace)
    assert found.sent == ("1", "2", "3")
    assert found.findings() == dict.fromkeys(FINDINGS, ())
    assert {found.verdict(semantic) for semantic in SEMANTICS} == {"unknown: no event was kept"}
    assert audit(Trace(trace.names, trace.messages, tuple(kept))).kept


@pytest.mark.parametrize("value", [[], None, "trace", CLEAN.events], ids=repr)
def test_only_a_trace_is_audited(value: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=r"^trace is .*; allowed: a Trace$"):
        audit(value)


@pytest.mark.parametrize("value", ["exactly once", None, EXACTLY_ONCE.name])
def test_only_a_semantic_gives_a_verdict(value: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=r"^semantic is .*; allowed: a Semantic$"):
        audit(CLEAN).verdict(value)


# A log from outside -----------------------------------------------------------------------


def log(*events: tuple[str, str] | tuple[str, str, str]) -> Trace:
    """A log from outside of three messages: what, id, and the subscriber."""
    told = (
        Event(0, what, f"at {group}", Record(id, 10, group="".join(group)) if id else None)
        for what, id, *group in events
    )
    return Trace(("a",), payments(3), (Event(0, "killed", "a"), *told), outside=True)


GOOD = (("confirmed", "1"), ("processed", "1"), ("confirmed", "2"))


def test_what_was_acked_is_lost_only_if_everything_was_read() -> None:
    begun = audit(log(*GOOD))
    assert (begun.lost, begun.unread, begun.in_doubt) == ((), ("2",), ("3",))
    assert begun.verdict(AT_LEAST_ONCE) == "unknown: not drained, so 2 may still be read"
    assert begun.verdict(AT_MOST_ONCE) == "ok"
    too_soon = audit(log(("drained", ""), *GOOD))
    assert (too_soon.lost, too_soon.unread) == ((), ("2",))
    drained = audit(log(*GOOD, ("drained", "")))
    assert (drained.lost, drained.unread) == (("2",), ())
    assert drained.verdict(AT_LEAST_ONCE) == "broken: lost 2; lost though acked 2"


@pytest.mark.parametrize("word", ["gave_up", "failed", "aborted"])
def test_what_hung_or_failed_is_not_lost(word: str) -> None:
    done = (("processed", "2"), (word, "3"), ("drained", ""))
    found = audit(log(*GOOD, *done))
    assert found.lost == ()
    assert {found.verdict(semantic) for semantic in SEMANTICS} == {"ok"}
    assert found.money_expected == found.money_there == 20
    assert (found.in_doubt, found.failed) == (
        (("3",), ()) if word == "gave_up" else ((), ("3",))
    )


def test_an_attempt_that_failed_is_no_failure_if_another_was_acked() -> None:
    found = audit(log(*GOOD, ("failed", "2"), ("processed", "2")))
    assert (found.failed, found.aborted_read) == ((), ())


@pytest.mark.parametrize("word", PARKED)
def test_what_is_parked_is_not_lost(word: str) -> None:
    parked = audit(log(*GOOD, (word, "2"), ("drained", "")))
    assert (parked.parked, parked.lost) == (("2",), ())
    assert parked.verdict(EXACTLY_ONCE) == "ok"
    assert parked.money_expected == parked.money_there == 10
    driven_back = audit(log(*GOOD, (word, "2"), ("processed", "2"), ("drained", "")))
    assert (driven_back.parked, driven_back.money_there) == ((), 20)


def test_an_effect_that_its_processor_rolled_back_did_not_happen() -> None:
    found = audit(log(*GOOD, ("processed", "2"), ("aborted", "2"), ("drained", "")))
    assert (found.lost, found.failed, found.money_there) == (("2",), (), 10)
    once = audit(log(*GOOD, ("processed", "2"), ("processed", "2"), ("aborted", "2")))
    assert dict(once.processed) == {"1": 1, "2": 1}
    again = audit(log(*GOOD, ("processed", "2"), ("aborted", "2"), ("processed", "2")))
    assert (again.duplicated, again.verdict(EXACTLY_ONCE)) == ((), "ok")


def test_a_fan_out_is_no_duplicate_and_each_subscriber_gets_everything() -> None:
    both = [("processed", id, group) for id in "12" for group in ("mail", "bill")]
    sent = (("confirmed", "1"), ("confirmed", "2"))
    found = audit(log(*sent, *both))
    assert (found.duplicated, found.verdict(EXACTLY_ONCE)) == ((), "ok")
    assert found.processed == tuple((f"{id} ({group})", 1) for _, id, group in both)
    assert found.money_expected == found.money_there == 40
    missing = audit(log(*sent, *both[:3], ("drained", "", "mail"), ("drained", "")))
    assert missing.lost == ("2 (bill)",)
    assert (missing.money_expected, missing.money_there) == (40, 30)
    twice = audit(log(*sent, *both, both[0]))
    assert twice.duplicated == ("1 (mail)",)


def test_a_delivery_again_is_told_apart_from_an_effect_again() -> None:
    found = audit(log(*GOOD, ("delivered", "1", "g"), ("delivered", "1", "g")))
    assert (found.redelivered, found.duplicated) == (("1 (g)",), ())


def handed(*told: tuple[str, str, Record | Ack | Message]) -> Audit:
    """Judge a log of payments 1 and 2: what, who, and what it was about."""
    events = tuple(Event(0, what, who, payload) for what, who, payload in told)
    return audit(Trace(("a", "b"), payments(2), events, outside=True))


def test_a_delivery_number_above_1_is_a_redelivery() -> None:
    numbers = [handed(("processed", "a", Record("1", 10, delivery=n))) for n in (0, 1, 2)]
    assert [found.redelivered for found in numbers] == [(), (), ("1",)]


def test_consumers_of_one_group_share_their_deliveries_and_relays_do_not() -> None:
    shared = [("delivered", who, Record("1", group="g")) for who in "ab"]
    assert handed(*shared).redelivered == ("1 (g)",)
    relayed = [("delivered", who, Message("1")) for who in "ab"]
    assert handed(*relayed).redelivered == ()
    assert handed(("delivered", "a", Ack("1")), ("delivered", "a", Ack("1"))).redelivered == ()


@pytest.mark.parametrize("position", [None, 5], ids=["as sent", "by position"])
def test_order_counts_within_a_key(position: int | None) -> None:
    sent = [("sent", "a", Message(id)) for id in "12"]
    one = ("processed", "b", Record("1", 10, "x", position and 1))
    same, other = (("processed", "b", Record("2", 10, key, position)) for key in "xy")
    assert handed(*sent, same, one).out_of_order == ("1",)
    assert handed(*sent, other, one).out_of_order == ()


def test_an_ack_has_no_place_in_the_order() -> None:
    sent = (("sent", "a", Message("1")), ("sent", "b", Ack("2")), ("sent", "a", Message("2")))
    done = (("processed", "b", Message("2")), ("processed", "b", Message("1")))
    assert handed(*sent, *done).out_of_order == ("1",)


def test_two_senders_of_one_id_are_no_ok() -> None:
    events = script(PAIR, Lose(1), Timeout("sender"), Deliver(2), Deliver(3)).events
    one = Trace(("sender", "receiver"), (payments(1) * 2), events)
    found = audit(one)
    assert (found.money_expected, found.money_there) == (20, 10)
    assert found.verdict(EXACTLY_ONCE) == "broken: wrong amount 1"


# Faults that fired ------------------------------------------------------------------------

ONE = {
    "sender": RetryUntilAcked("receiver", payments(1), attempts_max=3),
    "receiver": ProcessOnce(),
}
FIRED: dict[str, tuple[Step, ...]] = {
    "lost": (Lose(1),),
    "duplicated": (Duplicate(1),),
    "refused": (Crash("receiver"), Deliver(1), Restart("receiver")),
    "timed_out": (Timeout("sender"),),
    "crashed": (Deliver(1), Deliver(2), Crash("receiver")),
    "overtaken": (Timeout("sender"), Deliver(2), Deliver(1)),
}


def test_each_kind_of_fault_is_seen() -> None:
    assert set(FIRED) | {"killed", "paused", "partitioned"} == {*FAULTS, "overtaken"}
    assert {kind: audit(script(ONE, *steps)).faults for kind, steps in FIRED.items()} == {
        "lost": ("lost",),
        "duplicated": ("duplicated",),
        "refused": ("refused", "crashed"),
        "timed_out": ("timed_out",),
        "crashed": ("crashed",),
        "overtaken": ("timed_out", "overtaken"),
    }


@pytest.mark.parametrize("kind", FAULTS)
def test_any_fault_is_a_test(kind: str) -> None:
    peaceful = script(ONE, Deliver(1), Deliver(2))
    fired = script(ONE, *FIRED[kind]).of(kind) if kind in FIRED else ()
    (event,) = fired or (Event(9, kind, "receiver"),)
    assert audit(peaceful).verdict(EXACTLY_ONCE) == "unknown: no fault fired"
    tested = audit(mutant(lambda events: events.append(event), peaceful))
    assert tested.faults == (kind,)
    assert tested.verdict(EXACTLY_ONCE) == "ok"


def test_a_packet_is_overtaken_only_by_one_of_its_own_link() -> None:
    three = {
        "sender a": FireAndForget("receiver", payments(2)),
        "sender b": FireAndForget("receiver", payments(1, first=3)),
        "receiver": ProcessThenAck(),
    }
    assert audit(script(three, Deliver(3), Deliver(1), Deliver(2))).faults == ()
    assert audit(script(three, Deliver(2), Deliver(1))).faults == ("overtaken",)


def test_overtaken_at_a_closed_door_is_overtaken_as_well() -> None:
    late = script(ONE, Timeout("sender"), Deliver(2), Crash("receiver"), Deliver(1))
    assert audit(late).faults == ("refused", "timed_out", "crashed", "overtaken")


# Money ------------------------------------------------------------------------------------


def test_money_there_is_what_was_processed() -> None:
    pair = {
        "sender": FireAndForget("receiver", (Message("a", 7), Message("b", 100))),
        "receiver": ProcessThenAck(),
    }
    found = audit(script(pair, Duplicate(1), Lose(2), Deliver(1), Deliver(3)))
    assert (found.money_expected, found.money_there) == (107, 14)


def test_an_effect_without_an_amount_moves_no_money() -> None:
    changed = [effect("1")._replace(payload=None)]
    found = audit(mutant(lambda events: events.extend(changed)))
    assert found.money_there == found.money_expected
    assert found.findings() == CLEAN_FINDINGS
