"""Senders by hand: what they send, how long they wait, when they stop, what they keep."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from statistics import fmean, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics import (
    Ack,
    AlternatingBitSender,
    Confirm,
    Exponential,
    FireAndForget,
    Fixed,
    FullJitter,
    GiveUp,
    Load,
    Message,
    Receive,
    RetryUntilAcked,
    Save,
    Send,
    Wait,
    payments,
)
from delivery_semantics.core.effects import Answer, Effect, Handler
from delivery_semantics.participants.alternating_bit import BitAck, Frame
from delivery_semantics.participants.senders import Backoff

M1, M2 = payments(2)
ONE, BOTH = (M1,), (M1, M2)


def effects(handler: Handler, *answers: Answer) -> list[Effect]:
    """Let a handler ask for exactly one effect more than it gets answers, or to its end."""
    asked: list[Effect] = []
    left = list(answers)
    try:
        asked.append(next(handler))
        while left:
            asked.append(handler.send(left.pop(0)))
    except StopIteration:
        assert not left, f"answers that nobody asked for: {left}"
    return asked


def waits_s(sender: RetryUntilAcked) -> list[float]:
    """The waits of a sender that nobody answers, in order; the last effect is in doubt."""
    handler, found = sender.start(), []
    effect, answer = next(handler), None
    while not isinstance(effect, GiveUp):
        if isinstance(effect, Receive):
            found.append(effect.timeout_s)
        answer = {Load: 0, Receive: False}.get(type(effect))
        effect = handler.send(answer)
    return found


class TestFireAndForget:
    def test_notes_each_message_before_it_sends_it(self) -> None:
        sender = FireAndForget("receiver", BOTH)
        assert effects(sender.start(), 0, None, None, None) == [
            Load("sent"),
            Save("sent", 1), Send("receiver", M1),
            Save("sent", 2), Send("receiver", M2),
        ]  # fmt: skip

    def test_never_repeats_what_an_earlier_life_has_noted(self) -> None:
        sender = FireAndForget("receiver", BOTH)
        assert effects(sender.start(), 1, None) == [
            Load("sent"), Save("sent", 2), Send("receiver", M2),
        ]  # fmt: skip
        assert effects(sender.start(), 2) == [Load("sent")]

    def test_pauses_between_messages(self) -> None:
        sender = FireAndForget("receiver", BOTH, interval_s=0.5)
        asked = effects(sender.start(), 0, None, None, False, None, None, False)
        assert [type(effect) for effect in asked] == [Load, Save, Send, Wait, Save, Send, Wait]
        assert asked[3] == Wait(0.5)

    def test_ignores_every_ack(self) -> None:
        assert effects(FireAndForget("receiver", ONE).receive("receiver", Ack("1"))) == []


class TestRetryUntilAcked:
    send, wait = Send("receiver", M1), Receive(Ack("1"), 1.0)

    def test_confirms_at_the_first_ack(self) -> None:
        handler = RetryUntilAcked("receiver", ONE).start()
        assert effects(handler, 0, None, True, None) == [
            Load("settled"), self.send, self.wait, Confirm("1"), Save("settled", 1),
        ]  # fmt: skip

    def test_sends_the_same_message_again_after_each_timeout(self) -> None:
        handler = RetryUntilAcked("receiver", ONE).start()
        assert effects(handler, 0, None, False, None, False, None, True) == [
            Load("settled"), *[self.send, self.wait] * 3, Confirm("1"),
        ]  # fmt: skip

    def test_goes_on_to_the_next_message_only_when_one_is_settled(self) -> None:
        handler = RetryUntilAcked("receiver", BOTH).start()
        assert effects(handler, 0, None, True, None, None, None)[5:] == [
            Send("receiver", M2), Receive(Ack("2"), 1.0),
        ]  # fmt: skip

    @pytest.mark.parametrize("attempts", [1, 2, 7])
    def test_after_its_last_attempt_the_message_is_in_doubt(self, attempts: int) -> None:
        handler = RetryUntilAcked("receiver", ONE, attempts_max=attempts).start()
        asked = effects(handler, 0, *[None, False] * attempts, None)
        assert asked[1:-2] == [self.send, self.wait] * attempts
        assert asked[-2:] == [GiveUp("1"), Save("settled", 1)]

    def test_in_doubt_is_settled_as_well_so_the_next_message_follows(self) -> None:
        handler = RetryUntilAcked("receiver", BOTH, attempts_max=1).start()
        assert effects(handler, 0, None, False, None, None)[-2:] == [
            Save("settled", 1), Send("receiver", M2),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("timeout_s", "deadline_s", "expected"),
        [
            (1.0, 3.0, [1.0, 1.0, 1.0]),
            (1.0, 2.5, [1.0, 1.0, 0.5]),  # the last wait is cut to the deadline
            (1.0, 0.25, [0.25]),
            (4.0, 4.0, [4.0]),
        ],
    )
    def test_the_deadline_bounds_the_waits_in_all(
        self, timeout_s: float, deadline_s: float, expected: list[float]
    ) -> None:
        sender = RetryUntilAcked("receiver", ONE, timeout_s=timeout_s, deadline_s=deadline_s)
        assert waits_s(sender) == expected

    @pytest.mark.parametrize("deadline_s", [1e-10, 1e-9, 0.3, 1.0, 1e7, 1e12])
    @pytest.mark.parametrize("attempts", [1, 3, 7])
    def test_what_rounding_leaves_of_a_deadline_is_no_attempt(
        self, deadline_s: float, attempts: int
    ) -> None:
        timeout_s = deadline_s / attempts
        sender = RetryUntilAcked("receiver", ONE, timeout_s=timeout_s, deadline_s=deadline_s)
        assert len(waits_s(sender)) == attempts

    def test_of_two_limits_the_nearer_one_counts(self) -> None:
        few = RetryUntilAcked("receiver", ONE, attempts_max=2, deadline_s=9.0)
        assert waits_s(few) == [1.0, 1.0]
        soon = RetryUntilAcked("receiver", ONE, attempts_max=9, deadline_s=2.0)
        assert waits_s(soon) == [1.0, 1.0]

    def test_the_backoff_comes_on_top_of_the_timeout(self) -> None:
        sender = RetryUntilAcked(
            "receiver", ONE, timeout_s=0.5, backoff=Exponential(1.0, 3.0), attempts_max=4
        )
        assert waits_s(sender) == [1.5, 2.5, 3.5, 3.5]

    def test_the_backoff_is_told_the_message_and_the_attempt(self) -> None:
        asked: list[tuple[str, int]] = []

        def remember(message_id: str, attempt: int) -> float:
            asked.append((message_id, attempt))
            return 0.0

        waits_s(RetryUntilAcked("receiver", ONE, backoff=remember, attempts_max=3))
        assert asked == [("1", 1), ("1", 2), ("1", 3)]

    def test_a_durable_outbox_goes_on_where_the_earlier_life_stopped(self) -> None:
        sender = RetryUntilAcked("receiver", BOTH)
        assert effects(sender.start(), 1) == [Load("settled"), Send("receiver", M2)]
        assert effects(sender.start(), 2) == [Load("settled")]

    def test_an_outbox_in_memory_begins_once_and_never_again(self) -> None:
        sender = RetryUntilAcked("receiver", BOTH, durable=False)
        assert effects(sender.start(), 0, None, 0) == [
            Load("started"), Save("started", 1), Load("settled"), Send("receiver", M1),
        ]  # fmt: skip
        assert effects(sender.start(), 1) == [Load("started")]

    def test_a_stray_ack_starts_nothing(self) -> None:
        assert effects(RetryUntilAcked("receiver", ONE).receive("receiver", Ack("1"))) == []


class TestAlternatingBitSender:
    def test_the_bit_alternates_and_waits_for_its_own_ack(self) -> None:
        handler = AlternatingBitSender("receiver", BOTH, timeout_s=2.0).start()
        first, second = Send("receiver", Frame(0, M1)), Send("receiver", Frame(1, M2))
        assert effects(handler, 0, None, False, None, True, None, None, None, True, None) == [
            Load("settled"),
            first, Receive(BitAck(0), 2.0), first, Receive(BitAck(0), 2.0),
            Confirm("1"), Save("settled", 1),
            second, Receive(BitAck(1), 2.0),
            Confirm("2"), Save("settled", 2),
        ]  # fmt: skip

    def test_after_a_restart_the_bit_is_that_of_the_message(self) -> None:
        handler = AlternatingBitSender("receiver", BOTH).start()
        assert effects(handler, 1)[-1] == Send("receiver", Frame(1, M2))

    def test_after_its_last_attempt_the_message_is_in_doubt(self) -> None:
        handler = AlternatingBitSender("receiver", ONE, attempts_max=2).start()
        asked = effects(handler, 0, None, False, None, False, None)
        assert asked[-2:] == [GiveUp("1"), Save("settled", 1)]
        assert asked.count(Send("receiver", Frame(0, M1))) == 2


class TestBackoff:
    def test_fixed(self) -> None:
        assert [Fixed(0.5)("1", n) for n in (1, 2, 50)] == [0.5, 0.5, 0.5]
        assert Fixed()("1", 1) == 0.0

    def test_exponential_doubles_up_to_its_maximum(self) -> None:
        pauses_s = [Exponential(0.5, 5.0)("1", n) for n in range(1, 8)]
        assert pauses_s == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]

    def test_without_a_word_pauses_go_from_one_second_to_a_minute(self) -> None:
        assert [Exponential()("1", n) for n in (1, 6, 7)] == [1.0, 32.0, 60.0]
        assert [FullJitter()("1", n) for n in (1, 9)] == [
            FullJitter(1.0, 60.0)("1", n) for n in (1, 9)
        ]

    def test_exponential_survives_any_number_of_attempts(self) -> None:
        assert Exponential(30.0, 60.0)("1", 10**9) == 60.0

    @given(
        base=st.floats(1e-3, 10), most=st.floats(10, 100), seed=st.integers(0, 2**31),
        name=st.sampled_from(["1", "22"]), attempt=st.integers(1, 3000),
    )  # fmt: skip
    def test_full_jitter_lies_below_the_exponential(
        self, base: float, most: float, seed: int, name: str, attempt: int
    ) -> None:
        pause_s = FullJitter(base, most, seed=seed)(name, attempt)
        assert 0 <= pause_s < Exponential(base, most)(name, attempt)

    def test_full_jitter_is_even(self) -> None:
        """Mean and variance within 4.5 sigma of those of an even draw between 0 and 1."""
        draws = [FullJitter(1.0, 1.0)(str(n), 1) for n in range(2000)]
        assert abs(fmean(draws) - 1 / 2) < 4.5 * (1 / 12 / 2000) ** 0.5
        # The variance of an even draw's squared deviation is 1/80 - 1/144 = 1/180.
        assert abs(variance(draws) - 1 / 12) < 4.5 * (1 / 180 / 2000) ** 0.5

    def test_full_jitter_differs_between_messages_attempts_and_seeds(self) -> None:
        draws = {
            FullJitter(1.0, 1.0, seed=seed)(name, attempt)
            for seed in (1, 2) for name in ("1", "2") for attempt in (1, 2)
        }  # fmt: skip
        assert len(draws) == 8

    @pytest.mark.parametrize(
        "policy", [Fixed(0.3), Exponential(), FullJitter()], ids=lambda p: type(p).__name__
    )
    def test_a_policy_is_a_pure_function_of_message_and_attempt(self, policy: Backoff) -> None:
        asked = [(name, attempt) for name in ("1", "2") for attempt in (1, 2, 3, 9)]
        forward = {question: policy(*question) for question in asked}
        backward = {question: policy(*question) for question in reversed(asked)}
        assert forward == backward
        with pytest.raises(FrozenInstanceError):
            policy.delay_s = 1.0  # type: ignore[attr-defined]


def test_payments_are_numbered_from_1() -> None:
    assert payments(3) == (Message("1", 10), Message("2", 10), Message("3", 10))
    assert payments(1, amount=25) == (Message("1", 25),)
