"""Receivers by hand: the order of their effects, and nothing else around them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from delivery_semantics import (
    Ack,
    AckThenProcess,
    AlternatingBitReceiver,
    Atomic,
    HighWaterMark,
    IsMarked,
    Load,
    Mark,
    MarkThenProcess,
    Message,
    Once,
    Passive,
    Process,
    ProcessOnce,
    ProcessThenAck,
    ProcessThenMark,
    Receive,
    Relay,
    Save,
    Send,
)
from delivery_semantics.core.effects import Answer, Effect, Handler, Participant
from delivery_semantics.participants.alternating_bit import BitAck, Frame

M7 = Message("7", amount=30)
ACK = Send("sender", Ack("7"))


def effects(handler: Handler, answers: Iterable[Answer] = ()) -> list[Effect]:
    """Run a handler to its end; it gets these answers first, and None from then on."""
    asked: list[Effect] = []
    left = list(answers)
    try:
        asked.append(next(handler))
        while True:
            asked.append(handler.send(left.pop(0) if left else None))
    except StopIteration:
        assert not left, f"answers that nobody asked for: {left}"
        return asked


ORDERS: list[tuple[Participant, list[Answer], list[Effect]]] = [
    (AckThenProcess(), [], [ACK, Process(M7)]),
    (ProcessThenAck(), [], [Process(M7), ACK]),
    (MarkThenProcess(), [False], [IsMarked("7"), Mark("7"), Process(M7), ACK]),
    (MarkThenProcess(), [True], [IsMarked("7"), ACK]),
    (ProcessThenMark(), [False], [IsMarked("7"), Process(M7), Mark("7"), ACK]),
    (ProcessThenMark(), [True], [IsMarked("7"), ACK]),
    (ProcessOnce(), [True], [Once("7", Process(M7)), ACK]),
    (ProcessOnce(), [False], [Once("7", Process(M7)), ACK]),
    (HighWaterMark(), [6], [Load("newest"), Save("newest", 7), Process(M7), ACK]),
    (HighWaterMark(), [7], [Load("newest"), ACK]),
    (HighWaterMark(), [8], [Load("newest"), ACK]),
    (Passive(), [], []),
]


@pytest.mark.parametrize(
    ("receiver", "answers", "expected"),
    ORDERS,
    ids=[f"{type(receiver).__name__}-{answers}" for receiver, answers, _ in ORDERS],
)
def test_a_receiver_is_the_order_of_its_effects(
    receiver: Participant, answers: list[Answer], expected: list[Effect]
) -> None:
    assert effects(receiver.receive("sender", M7), answers) == expected
    assert effects(receiver.start()) == []


def test_an_ack_goes_to_whoever_asked() -> None:
    for receiver in (AckThenProcess(), ProcessThenAck(), ProcessOnce()):
        assert Send("another", Ack("7")) in effects(receiver.receive("another", M7))


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("bit", [0, 1])
def test_the_alternating_bit_turns_in_the_transaction_that_processes(
    bit: int, durable: bool
) -> None:
    receiver, frame = AlternatingBitReceiver(durable), Frame(bit, M7)
    acked = Send("sender", BitAck(bit))
    turned = Atomic(Process(M7), Save("expected", 1 - bit, durable=durable))
    assert effects(receiver.receive("sender", frame), [bit]) == [
        Load("expected"), turned, acked,
    ]  # fmt: skip
    assert effects(receiver.receive("sender", frame), [1 - bit]) == [Load("expected"), acked]


def test_on_the_wire_an_alternating_bit_ack_tells_no_two_messages_apart() -> None:
    assert Frame(1, M7).id == "7"
    assert BitAck(1).id == "1"
    assert Frame(1, M7).kind == "message"
    assert BitAck(1).kind == "ack"


class TestRelay:
    relay = Relay("next", timeout_s=2.0, attempts_max=3)
    ask = Send("next", M7)
    wait = Receive(Ack("7"), 2.0)

    def test_passes_the_ack_up_once_it_has_one(self) -> None:
        handler = self.relay.receive("sender", M7)
        assert effects(handler, [None, False, None, True]) == [
            self.ask, self.wait, self.ask, self.wait, ACK,
        ]  # fmt: skip

    def test_stays_silent_when_it_never_has_one(self) -> None:
        handler = self.relay.receive("sender", M7)
        assert effects(handler, [None, False] * 3) == [self.ask, self.wait] * 3


@pytest.mark.parametrize(
    "receiver",
    [AckThenProcess(), ProcessThenAck(), MarkThenProcess(), ProcessThenMark(), ProcessOnce(),
     HighWaterMark(), AlternatingBitReceiver()],
    ids=lambda receiver: type(receiver).__name__,
)  # fmt: skip
def test_a_receiver_of_messages_takes_no_acks(receiver: Participant) -> None:
    with pytest.raises(TypeError, match=r"payload.*Ack\(id='7'\).*allowed: a|is no Frame"):
        next(receiver.receive("sender", Ack("7")))


@pytest.mark.parametrize("name", ["abc", "-1", "1.5", ""])
def test_a_high_water_mark_compares_numbers(name: str) -> None:
    with pytest.raises(ValueError, match=f"message.id is '{name}'; allowed: a whole number"):
        next(HighWaterMark().receive("sender", Message(name)))
