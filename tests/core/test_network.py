"""The network's dice: every packet its own, so that moving one knob moves nothing else."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, pairwise
from math import log, sqrt
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics import LOST, Ack, Faults, Message, Network, payments
from delivery_semantics.core.dice import dice, exponential
from delivery_semantics.core.effects import Payload
from delivery_semantics.core.network import Fate, Links

COUNT = 300
PAYMENTS = payments(COUNT)
ACKS = tuple(Ack(message.id) for message in PAYMENTS)
# Drawn for reordering, no packet meets another one in a queue.
APART = Faults(loss=0.2, duplication=0.2, reordering=1.0, delay_s=0.1, delay_s_mean=0.5)

rates = st.floats(0, 1)
seeds = st.integers(0, 2**32)
seconds = st.floats(0, 1e4)


def fates(
    faults: Faults, *, seed: int = 1, payloads: tuple[Payload, ...] = PAYMENTS[:40],
    interval_s: float = 1.0,
) -> list[Fate]:  # fmt: skip
    """The fates of these packets on one link."""
    links = Links(Network(messages=faults, acks=faults), seed=seed)
    return [
        links.fate("sender", "receiver", payload, now_s=number * interval_s)
        for number, payload in enumerate(payloads)
    ]


def within(measured: float, expected: float, *, deviation: float) -> bool:
    """Tell whether a measurement lies within 4.5 standard deviations: all but 1 in 147,000."""
    return abs(measured - expected) < 4.5 * deviation


class TestCoupling:
    @given(seed=seeds, low=rates, high=rates, kind=st.sampled_from([PAYMENTS[:40], ACKS[:40]]))
    def test_what_is_lost_at_a_lower_rate_is_lost_at_a_higher_one(
        self, seed: int, low: float, high: float, kind: tuple[Payload, ...]
    ) -> None:
        low, high = sorted((low, high))
        few = fates(Faults(loss=low), seed=seed, payloads=kind)
        many = fates(Faults(loss=high), seed=seed, payloads=kind)
        for at_low, at_high in zip(few, many, strict=True):
            assert at_high in (LOST, at_low)

    @given(seed=seeds, low=rates, high=rates)
    def test_what_is_duplicated_at_a_lower_rate_is_duplicated_at_a_higher_one(
        self, seed: int, low: float, high: float
    ) -> None:
        low, high = sorted((low, high))
        few = fates(replace(APART, duplication=low), seed=seed)
        many = fates(replace(APART, duplication=high), seed=seed)
        for at_low, at_high in zip(few, many, strict=True):
            assert at_high[: len(at_low)] == at_low

    @given(seed=seeds, loss=rates)
    def test_loss_moves_nothing_but_what_is_lost(self, seed: int, loss: float) -> None:
        kept = fates(replace(APART, loss=loss), seed=seed)
        all_there = fates(replace(APART, loss=0.0), seed=seed)
        assert all(fate in (LOST, whole) for fate, whole in zip(kept, all_there, strict=True))

    @given(seed=seeds, mean_s=st.floats(1e-3, 100))
    def test_the_mean_delay_scales_every_delay_and_nothing_else(
        self, seed: int, mean_s: float
    ) -> None:
        base, scaled = (
            fates(replace(APART, delay_s=0.0, delay_s_mean=mean), seed=seed)
            for mean in (1.0, mean_s)
        )
        for one, other in zip(base, scaled, strict=True):
            assert other == pytest.approx(tuple(mean_s * delay_s for delay_s in one))

    @given(seed=seeds)
    def test_the_faults_of_acks_do_not_touch_messages(self, seed: int) -> None:
        def of_messages(acks: Faults) -> list[Fate]:
            links = Links(Network(messages=APART, acks=acks), seed=seed)
            found = []
            for message, ack in zip(PAYMENTS[:40], ACKS[:40], strict=True):
                found.append(links.fate("sender", "receiver", message, now_s=0.0))
                links.fate("receiver", "sender", ack, now_s=0.0)
            return found

        assert of_messages(Faults()) == of_messages(Faults(loss=1.0))
        assert of_messages(Faults()) == of_messages(replace(APART, duplication=1.0))

    def test_one_more_retry_changes_nothing_for_the_others(self) -> None:
        alone = fates(APART, payloads=PAYMENTS[1:40])
        links = Links(Network(messages=APART), seed=1)
        for _ in range(3):
            links.fate("sender", "receiver", PAYMENTS[0], now_s=0.0)
        after = [links.fate("sender", "receiver", m, now_s=0.0) for m in PAYMENTS[1:40]]
        assert after == alone

    def test_each_attempt_each_link_and_each_seed_has_dice_of_its_own(self) -> None:
        def of(seed: int, source: str, target: str, attempts: int) -> Fate:
            links = Links(Network(messages=replace(APART, loss=0.0)), seed=seed)
            for _ in range(attempts - 1):
                links.fate(source, target, PAYMENTS[0], now_s=0.0)
            return links.fate(source, target, PAYMENTS[0], now_s=0.0)

        found = {of(1, "a", "b", 1), of(1, "a", "b", 2), of(1, "b", "a", 1), of(2, "a", "b", 1)}
        assert len(found) == 4


class TestRates:
    @pytest.mark.parametrize("rate", [0.02, 0.3, 0.9])
    @pytest.mark.parametrize("payloads", [PAYMENTS, ACKS], ids=["messages", "acks"])
    def test_loss_and_duplication(self, rate: float, payloads: tuple[Payload, ...]) -> None:
        deviation = sqrt(rate * (1 - rate) / COUNT)
        for faults, copies in ((Faults(loss=rate), 0), (Faults(duplication=rate), 2)):
            found = fates(faults, payloads=payloads)
            share = sum(len(fate) == copies for fate in found) / COUNT
            assert within(share, rate, deviation=deviation)
            assert {len(fate) for fate in found} == {1, copies}

    def test_loss_and_duplication_are_independent(self) -> None:
        found = fates(Faults(loss=0.4, duplication=0.3), payloads=PAYMENTS)
        kept = [fate for fate in found if fate != LOST]
        copied = sum(len(fate) == 2 for fate in kept)
        assert within(copied / len(kept), 0.3, deviation=sqrt(0.3 * 0.7 / len(kept)))

    def test_the_attempts_of_one_message_are_independent(self) -> None:
        """Both of two attempts are lost with the square of the probability of one."""
        found = fates(Faults(loss=0.5), payloads=(*PAYMENTS, *PAYMENTS))
        both = sum(a == b == LOST for a, b in zip(found[:COUNT], found[COUNT:], strict=True))
        assert within(both / COUNT, 0.25, deviation=sqrt(0.25 * 0.75 / COUNT))

    @pytest.mark.parametrize("rate", [0.0, 1.0])
    def test_at_0_and_at_1_there_is_no_chance(self, rate: float) -> None:
        assert all((fate == LOST) == (rate == 1) for fate in fates(Faults(loss=rate)))
        assert all((len(f) == 2) == (rate == 1) for f in fates(Faults(duplication=rate)))

    def test_delays_are_exponential_above_their_least(self) -> None:
        """Mean within 4.5 sigma, and the share beyond the mean is 1/e."""
        found = fates(replace(APART, loss=0.0, duplication=0.0), payloads=PAYMENTS)
        extra = [delay_s - 0.1 for (delay_s,) in found]
        assert min(extra) >= 0
        assert within(fmean(extra), 0.5, deviation=0.5 / sqrt(COUNT))
        share = sum(delay_s > 0.5 for delay_s in extra) / COUNT
        assert within(share, 0.3679, deviation=sqrt(0.3679 * 0.6321 / COUNT))

    def test_without_a_mean_every_delay_is_the_same(self) -> None:
        assert fates(Faults(delay_s=0.25)) == [(0.25,)] * 40
        assert fates(Faults(delay_s=0.0)) == [(0.0,)] * 40


class TestQueue:
    @given(seed=seeds, mean_s=seconds, interval_s=seconds, duplication=rates)
    def test_a_link_is_a_queue(
        self, seed: int, mean_s: float, interval_s: float, duplication: float
    ) -> None:
        """To the last bit of a float: rounding must not let a packet overtake either."""
        faults = Faults(delay_s_mean=mean_s, duplication=duplication)
        found = fates(faults, seed=seed, interval_s=interval_s)
        arrivals_s = [
            n * interval_s + delay_s for n, fate in enumerate(found) for delay_s in fate
        ]
        assert arrivals_s == sorted(arrivals_s)

    def test_only_packets_drawn_for_reordering_leave_the_queue(self) -> None:
        def overtakings(reordering: float) -> int:
            faults = Faults(delay_s_mean=5.0, reordering=reordering)
            found = fates(faults, payloads=PAYMENTS)
            arrivals_s = [n + fate[0] for n, fate in enumerate(found)]
            return sum(after < before for before, after in pairwise(arrivals_s))

        assert overtakings(0.0) == 0 < overtakings(0.1) < overtakings(1.0)

    def test_the_share_that_leaves_the_queue_is_the_rate(self) -> None:
        """Behind a packet sent far in the future, only those that are drawn arrive soon."""
        links = Links(Network(messages=Faults(reordering=0.3)), seed=1)
        links.fate("sender", "receiver", PAYMENTS[0], now_s=1e6)
        found = [links.fate("sender", "receiver", m, now_s=0.0) for m in PAYMENTS]
        assert set(found) == {(0.1,), (1e6 + 0.1,)}
        drawn = found.count((0.1,))
        assert within(drawn / COUNT, 0.3, deviation=sqrt(0.3 * 0.7 / COUNT))

    def test_each_direction_has_a_queue_of_its_own(self) -> None:
        links = Links(Network(messages=Faults(delay_s_mean=100.0)), seed=1)
        (there_s,) = links.fate("a", "b", PAYMENTS[0], now_s=0.0)
        assert links.fate("b", "a", ACKS[0], now_s=0.0) == (0.1,)
        assert links.fate("a", "c", ACKS[0], now_s=0.0) == (0.1,)
        assert links.fate("a", "b", ACKS[0], now_s=0.0) == (there_s,)

    @given(seed=seeds, loss=rates)
    def test_a_packet_waits_for_those_before_it_but_not_for_lost_ones(
        self, seed: int, loss: float
    ) -> None:
        """Of packets sent together, each arrives with the slowest so far that is not lost."""
        faults = Faults(delay_s_mean=5.0, loss=loss)
        alone = fates(replace(faults, reordering=1.0), seed=seed, interval_s=0.0)
        kept = (delay_s for fate in alone for delay_s in fate)
        queued = fates(faults, seed=seed, interval_s=0.0)
        assert [fate[0] for fate in queued if fate] == list(accumulate(kept, max))


class TestPlacedFates:
    def test_kind_and_number_name_a_packet_on_whatever_link(self) -> None:
        placed = {("message", 2): (0.2, 3.0), ("ack", 1): LOST, ("ack", 2): (9.0,)}
        links = Links(Network(placed=placed), seed=1)
        sent: list[tuple[str, str, Payload]] = [
            ("a", "b", PAYMENTS[0]), ("b", "a", ACKS[0]), ("c", "b", PAYMENTS[0]),
            ("b", "c", ACKS[0]), ("a", "b", PAYMENTS[0]), ("b", "a", ACKS[1]),
        ]  # fmt: skip
        assert [links.fate(*packet, now_s=0.0) for packet in sent] == [
            (0.1,), LOST, (0.2, 3.0), (9.0,), (0.1,), (0.1,),
        ]  # fmt: skip

    def test_a_placed_fate_is_stronger_than_any_rate(self) -> None:
        network = Network(messages=Faults(loss=1.0), placed={("message", 1): (0.5,)})
        links = Links(network, seed=1)
        assert links.fate("a", "b", PAYMENTS[0], now_s=0.0) == (0.5,)
        assert links.fate("a", "b", PAYMENTS[0], now_s=0.0) == LOST

    def test_a_placed_packet_joins_no_queue(self) -> None:
        links = Links(Network(placed={("message", 1): (50.0,), ("message", 3): (0.0,)}), seed=1)
        found = [links.fate("a", "b", PAYMENTS[0], now_s=0.0) for _ in range(3)]
        assert found == [(50.0,), (0.1,), (0.0,)]

    def test_placing_one_packet_changes_nothing_for_the_others(self) -> None:
        links = Links(Network(messages=APART, placed={("message", 7): LOST}), seed=1)
        found = [links.fate("sender", "receiver", m, now_s=0.0) for m in PAYMENTS[:40]]
        unplaced = fates(APART)
        assert found[6] == LOST != unplaced[6]
        assert found[:6] + found[7:] == unplaced[:6] + unplaced[7:]


class TestDice:
    def test_a_die_is_even(self) -> None:
        """No tenth of the line holds more or less than its share, within 4.5 sigma."""
        draws = [dice(1, "even", number) for number in range(2000)]
        for tenth in range(10):
            held = sum(tenth <= 10 * draw < tenth + 1 for draw in draws)
            assert within(held, 200, deviation=sqrt(2000 * 0.1 * 0.9))

    def test_the_answer_depends_on_the_question_and_not_on_its_place(self) -> None:
        questions = [("loss", 1), ("loss", 2), ("delay", 1)]
        forward = [dice(1, *question) for question in questions]
        assert [dice(1, *question) for question in reversed(questions)] == forward[::-1]
        assert len(set(forward)) == 3

    def test_the_parts_of_a_question_are_told_apart(self) -> None:
        assert dice(1, "ab", "c") != dice(1, "a", "bc")
        assert dice(1, "a") != dice(11, "a")
        assert dice(1, Message("1")) != dice(1, Ack("1"))

    @given(seed=st.integers(-(2**64), 2**64), question=st.integers())
    def test_a_die_lies_from_0_up_to_but_not_at_1(self, seed: int, question: int) -> None:
        assert 0 <= dice(seed, question) < 1

    def test_an_exponential_delay_is_the_quantile_of_its_die(self) -> None:
        assert exponential(2.0, 0.0) == 0.0
        assert exponential(2.0, 0.5) == pytest.approx(2 * log(2))
        assert exponential(0.0, 0.999) == 0.0
        assert exponential(1.0, 1 - 2**-53) < 40
