"""Scripts: the author places each step, and hears what is possible when one is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from delivery_semantics import (
    Ack,
    AckThenProcess,
    AlternatingBitReceiver,
    AlternatingBitSender,
    Crash,
    Deliver,
    Duplicate,
    Event,
    Fail,
    FireAndForget,
    Load,
    Lose,
    Mark,
    MarkThenProcess,
    Message,
    Now,
    Once,
    Participant,
    Passive,
    Process,
    ProcessOnce,
    ProcessThenAck,
    ProcessThenMark,
    Restart,
    RetryUntilAcked,
    Run,
    Send,
    Step,
    Timeout,
    Trace,
    payments,
    script,
)
from delivery_semantics.core.effects import Handler
from delivery_semantics.core.perform import boot, perform
from delivery_semantics.core.steps import describe
from delivery_semantics.core.trace import RUN
from delivery_semantics.core.world import DOWN

M1, M2 = payments(2)


def parts(receiver: Participant, *, attempts_max: int | None = None) -> dict[str, Participant]:
    sender = RetryUntilAcked("receiver", (M1,), attempts_max=attempts_max)
    return {"sender": sender, "receiver": receiver}


def named(value: Step | list[Step]) -> str:
    """How a case that consists of steps is called."""
    return ", ".join(map(describe, value if isinstance(value, list) else [value]))


def story(trace: Trace, *left_out: str) -> list[tuple[str, str, int]]:
    """What happened, to whom, and with which packet."""
    return [(e.what, e.who, e.packet) for e in trace.events if e.what not in left_out]


def test_the_books_first_diagram() -> None:
    """Lost; sent again, but the ack lost; sent again: a duplicate. Then the ack arrives."""
    trace = script(
        parts(ProcessThenAck()),
        Lose(1), Timeout("sender"),
        Deliver(2), Lose(3), Timeout("sender"),
        Deliver(4), Deliver(5),
    )  # fmt: skip
    assert story(trace, "saved") == [
        ("sent", "sender", 1), ("lost", "sender", 1),
        ("timed_out", "sender", 0),
        ("sent", "sender", 2), ("delivered", "receiver", 2), ("processed", "receiver", 0),
        ("sent", "receiver", 3), ("lost", "receiver", 3),
        ("timed_out", "sender", 0),
        ("sent", "sender", 4), ("delivered", "receiver", 4), ("processed", "receiver", 0),
        ("sent", "receiver", 5), ("delivered", "sender", 5),
        ("confirmed", "sender", 0),
    ]  # fmt: skip
    assert trace.outcome() == (("1", 2, "confirmed"),)


def test_what_the_sender_sees_is_the_same_whether_the_message_or_the_ack_was_lost() -> None:
    lost = script(parts(ProcessThenAck()), Lose(1), Timeout("sender"))
    unheard = script(parts(ProcessThenAck()), Deliver(1), Lose(2), Timeout("sender"))
    assert lost.seen_by("sender") == unheard.seen_by("sender")
    assert lost.outcome() != unheard.outcome()


def test_times_are_the_numbers_of_the_steps() -> None:
    trace = script(parts(ProcessThenAck()), Lose(1), Timeout("sender"))
    assert [(e.time_s, e.what) for e in trace.events] == [
        (0.0, "sent"), (1.0, "lost"), (2.0, "timed_out"), (2.0, "sent"),
    ]  # fmt: skip


def test_by_hand_each_local_effect_needs_its_run() -> None:
    steps: list[Step] = [
        Run("sender"),
        Deliver(1),
        Run("receiver"),
        Run("receiver"),
        Deliver(2),
    ]
    by_hand = script(parts(ProcessThenAck()), *steps, automatic=False)
    assert [e.what for e in by_hand.events] == [
        "sent", "delivered", "processed", "sent", "delivered",
    ]  # fmt: skip
    finished = script(
        parts(ProcessThenAck()), *steps, Run("sender"), Run("sender"), automatic=False
    )
    automatic = script(parts(ProcessThenAck()), Deliver(1), Deliver(2))
    assert story(finished) == story(automatic)


@pytest.mark.parametrize(
    ("receiver", "before", "done"),
    [
        (AckThenProcess(), Send, []),
        (AckThenProcess(), Process, ["sent"]),
        (ProcessThenAck(), Process, []),
        (ProcessThenAck(), Send, ["processed"]),
        (MarkThenProcess(), Mark, ["checked"]),
        (MarkThenProcess(), Process, ["checked", "marked"]),
        (MarkThenProcess(), Send, ["checked", "marked", "processed"]),
        (ProcessThenMark(), Process, ["checked"]),
        (ProcessThenMark(), Mark, ["checked", "processed"]),
        (ProcessOnce(), Once, []),
        (ProcessOnce(), Send, ["processed", "marked"]),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__).replace("list", ""),
)
def test_a_crash_stands_before_the_effect_that_it_names(
    receiver: Participant, before: type[Any], done: list[str]
) -> None:
    trace = script(parts(receiver), Deliver(1), Crash("receiver", before=before))
    assert [e.what for e in trace.events if e.who == "receiver"] == [
        "delivered",
        *done,
        "crashed",
    ]
    assert trace.events[-1].note == f"before {before.__name__}"


def test_a_crash_forgets_the_handler_and_keeps_the_disk() -> None:
    trace = script(
        parts(ProcessThenMark()),
        Deliver(1), Crash("receiver", before=Send), Restart("receiver"),
        Timeout("sender"), Deliver(2),
    )  # fmt: skip
    assert [(e.what, e.note) for e in trace.of("checked", "crashed", "restarted")] == [
        ("checked", "no"), ("crashed", "before Send"), ("restarted", ""), ("checked", "yes"),
    ]  # fmt: skip
    assert trace.processed() == {"1": 1}


def test_a_crash_clears_the_memory() -> None:
    def expected(*, durable: bool) -> int:
        sender = AlternatingBitSender("receiver", (M1,))
        trace = script(
            {"sender": sender, "receiver": AlternatingBitReceiver(durable=durable)},
            Deliver(1), Crash("receiver"), Restart("receiver"), Timeout("sender"), Deliver(3),
        )  # fmt: skip
        return trace.processed()["1"]

    assert expected(durable=True) == 1
    assert expected(durable=False) == 2


def test_a_crash_that_names_no_effect_lets_the_work_be_done_first() -> None:
    trace = script(parts(ProcessThenAck()), Deliver(1), Crash("receiver"))
    assert trace.events[-1] == Event(2.0, "crashed", "receiver")
    assert trace.processed() == {"1": 1}


def test_by_hand_a_crash_that_names_no_effect_falls_wherever_the_handler_stands() -> None:
    trace = script(
        parts(ProcessThenAck()), Run("sender"), Deliver(1), Crash("receiver"), automatic=False
    )
    assert trace.events[-1].note == "before Process"


def test_a_crashed_sender_begins_again_with_what_it_has_settled() -> None:
    both = {"sender": RetryUntilAcked("receiver", (M1, M2)), "receiver": ProcessOnce()}
    trace = script(both, Deliver(1), Deliver(2), Crash("sender"), Restart("sender"))
    assert [e.payload for e in trace.of("sent")] == [M1, Ack("1"), M2, M2]


def test_a_packet_for_someone_who_is_down_is_refused() -> None:
    trace = script(parts(ProcessThenAck()), Crash("receiver"), Deliver(1))
    assert trace.events[-1] == Event(2.0, "refused", "receiver", M1, "sender", 1)


def test_a_copy_gets_the_next_number_and_the_acks_are_told_apart() -> None:
    trace = script(parts(ProcessThenAck()), Duplicate(1), Deliver(2), Deliver(1), Deliver(4))
    assert trace.of("duplicated") == (
        Event(1.0, "duplicated", "sender", M1, "receiver", 2, copy_of=1),
    )
    assert [(e.who, e.packet) for e in trace.of("delivered")] == [
        ("receiver", 2), ("receiver", 1), ("sender", 4),
    ]  # fmt: skip
    assert trace.processed() == {"1": 2}


def test_an_ack_that_nobody_waits_for_is_ignored() -> None:
    done = script(
        parts(ProcessThenAck()), Duplicate(1), Deliver(1), Deliver(3), Deliver(2), Deliver(4)
    )
    assert [e.what for e in done.events[-2:]] == ["delivered", "ignored"]
    late = script(
        {"sender": FireAndForget("receiver", (M1,), interval_s=1.0), "receiver": ProcessOnce()},
        Deliver(1), Deliver(2), Timeout("sender"),
    )  # fmt: skip
    assert [e.what for e in late.events[-3:]] == ["delivered", "ignored", "waited"]


def test_a_timer_may_fire_early_and_the_trace_says_so() -> None:
    trace = script(parts(ProcessThenAck()), Timeout("sender", early=True), Timeout("sender"))
    assert [e.note for e in trace.of("timed_out")] == ["early", ""]
    assert [e.packet for e in trace.of("sent")] == [1, 2, 3]


@dataclass(frozen=True)
class ToBoth(Passive):
    """Hands its message to two workers."""

    messages: tuple[Message, ...] = payments(1)

    def start(self) -> Handler:
        for worker in ("worker a", "worker b"):
            yield Send(worker, self.messages[0])


def test_participants_may_share_a_store() -> None:
    both: Mapping[str, Participant] = {
        "sender": ToBoth(),
        "worker a": ProcessOnce(),
        "worker b": ProcessOnce(),
    }
    own = script(both, Deliver(1), Deliver(2))
    shared = script(both, Deliver(1), Deliver(2), stores={"worker b": "worker a"})
    assert own.processed() == {"1": 2}
    assert shared.processed() == {"1": 1}
    assert [e.who for e in shared.of("skipped")] == ["worker b"]


def test_with_a_shared_store_even_a_read_is_a_step_of_its_own() -> None:
    shared = {"receiver": "database", "sender": "database"}
    own = script(parts(MarkThenProcess()), Run("sender"), Deliver(1), automatic=False)
    both = script(
        parts(MarkThenProcess()), Run("sender"), Run("sender"), Deliver(1),
        automatic=False, stores=shared,
    )  # fmt: skip
    assert own.events[-1].what == "checked"
    assert both.events[-1].what == "delivered"


class Asking(Passive):
    """Asks the clock, and for what the other may have written."""

    def start(self) -> Handler:
        yield Now()
        yield Load("stock")


def test_every_kind_of_event_has_a_script() -> None:
    bounded = parts(MarkThenProcess(), attempts_max=2)
    told = script(
        bounded,
        Duplicate(1), Lose(1), Deliver(2), Timeout("sender"), Deliver(3),
        Crash("receiver"), Deliver(4), Restart("receiver"),
    )  # fmt: skip
    in_doubt = script(bounded, Lose(1), Timeout("sender"), Lose(2), Timeout("sender"))
    repeated = script(
        parts(ProcessOnce()), Duplicate(1), Deliver(1), Deliver(2), Deliver(3), Deliver(4)
    )
    paced = script(
        {
            "sender": FireAndForget("receiver", (M1,), interval_s=1.0),
            "receiver": ProcessOnce(),
        },
        Timeout("sender"),
    )
    full = script(parts(ProcessThenAck()), Deliver(1), Fail("receiver", Process))
    asking = script({"a": Asking(), "b": Asking()}, stores=dict.fromkeys("ab", "shared"))
    runs = (told, in_doubt, repeated, paced, full, asking)
    found = {e.what for trace in runs for e in trace.events}
    assert sorted(found) == sorted(RUN)


# Steps that are not possible --------------------------------------------------------------


def test_the_error_lists_what_is_possible() -> None:
    with pytest.raises(ValueError, match="not possible") as error:
        script(parts(ProcessThenAck()), Duplicate(1), Deliver(1), Deliver(7))
    assert (
        str(error.value)
        == """\
step 3: Deliver(7) is not possible; possible now:
  Timeout('sender')
  Crash('sender')
  Crash('receiver')
  Deliver(2)  # Message(id='1', amount=10) to receiver
  Lose(2)  # Message(id='1', amount=10) to receiver
  Duplicate(2)  # Message(id='1', amount=10) to receiver
  Deliver(3)  # Ack(id='1') to sender
  Lose(3)  # Ack(id='1') to sender
  Duplicate(3)  # Ack(id='1') to sender"""
    )


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ([], Run("nobody")),
        ([], Run("sender")),  # it waits: nothing to run
        ([], Deliver(2)),
        ([], Lose(0)),
        ([], Duplicate(-1)),
        ([], Timeout("receiver")),
        ([], Timeout("receiver", early=True)),
        ([], Timeout("nobody")),
        ([], Crash("nobody")),
        ([], Crash("receiver", before=Process)),  # it stands at nothing
        ([Deliver(1)], Crash("receiver", before=Mark)),  # nor ever at this
        ([Crash("receiver")], Crash("receiver")),
        ([Crash("sender")], Timeout("sender")),
        ([], Restart("receiver")),
        ([], Restart("nobody")),
        ([Lose(1)], Deliver(1)),
        ([Deliver(1)], Deliver(1)),
    ],
    ids=named,
)
def test_an_impossible_step_is_refused(before: list[Step], step: Step) -> None:
    with pytest.raises(ValueError, match="is not possible; possible now:\n  ") as error:
        script(parts(ProcessThenAck()), *before, step)
    assert str(error.value).startswith(f"step {len(before) + 1}: {describe(step)} is")


def test_by_hand_nothing_is_delivered_to_someone_at_work() -> None:
    with pytest.raises(ValueError, match=r"step 4: Deliver\(2\) is not possible"):
        script(
            parts(ProcessThenAck()),
            Run("sender"), Duplicate(1), Deliver(1), Deliver(2),
            automatic=False,
        )  # fmt: skip


@pytest.mark.parametrize("step", ["Deliver(1)", Deliver, None, 1, Ack("1")], ids=repr)
def test_what_is_no_step_is_refused(step: Step) -> None:
    with pytest.raises(
        ValueError, match="is no step; allowed: Run, Deliver, Lose, Dup"
    ) as error:
        script(parts(ProcessThenAck()), step)
    assert repr(step) in str(error.value)


def test_a_step_is_described_as_it_is_written() -> None:
    steps: list[Step] = [
        Run("a"), Deliver(1), Lose(2), Duplicate(3), Timeout("a"), Timeout("a", early=True),
        Crash("a"), Crash("a", before=Process), Restart("a"),
    ]  # fmt: skip
    for step in steps:
        assert eval(describe(step)) == step


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ([], Run("receiver")),
        ([], Restart("receiver")),
        ([], Timeout("receiver")),
        ([], Crash("receiver", before=Process)),
        ([Crash("receiver")], Crash("receiver")),
        ([Crash("receiver")], Run("receiver")),
        ([Run("sender"), Duplicate(1), Deliver(1)], Deliver(2)),
    ],
    ids=named,
)
def test_a_driver_that_chooses_an_impossible_step_is_stopped(
    before: list[Step], step: Step
) -> None:
    world = boot(parts(ProcessThenAck()))
    for placed in before:
        perform(world, placed)
    with pytest.raises(AssertionError):
        perform(world, step)


def test_a_driver_that_chooses_no_step_is_stopped() -> None:
    with pytest.raises(AssertionError):
        perform(boot(parts(ProcessThenAck())), None)  # type: ignore[arg-type]


def test_nobody_resumes_a_participant_that_is_down() -> None:
    with pytest.raises(AssertionError, match="down"):
        DOWN.resume(None)


def test_a_packet_that_its_target_has_no_use_for_is_ignored() -> None:
    trace = script({"sender": FireAndForget("sender", (M1,))}, Deliver(1))
    assert [e.what for e in trace.events] == ["saved", "sent", "delivered", "ignored"]
