from __future__ import annotations

import math
from hashlib import blake2b

import pytest
import rbloom

from delivery_semantics import (
    EXACTLY_ONCE,
    Faults,
    Message,
    Network,
    ProcessOnce,
    audit,
    payments,
    simulate,
)
from delivery_semantics.core.effects import label
from delivery_semantics.dedup import Bloom, Highest, InMemory
from delivery_semantics.experiments.dedup import less, memory
from delivery_semantics.experiments.dedup.backup import (
    WAYS,
    asked_in_between,
    restore,
    restored,
    restored_view,
    stopped_in_between,
)
from delivery_semantics.experiments.dedup.bloom import (
    CAPACITY,
    ERRORS,
    FILLS_PERCENT,
    HASHED,
    bloom_view,
    expected,
    filled,
    lost_by_hashes,
    lost_so_far,
)
from delivery_semantics.experiments.dedup.copies import Copy, received, repeated
from delivery_semantics.experiments.dedup.crash import ORDERS, POINTS, crash_view, crashed
from delivery_semantics.experiments.dedup.diagram import (
    ASKS,
    MAY_CRASH,
    between_view,
    drawn,
    in_between,
    three,
)
from delivery_semantics.experiments.dedup.hops import (
    behind_a_queue,
    hops_view,
    with_and_without,
)
from delivery_semantics.experiments.dedup.ids import (
    RULES,
    SCOPES,
    chosen_by,
    clock_moved,
    forgotten_after_min,
    ids_view,
    overtaken,
    retried_after_all,
    scopes_view,
    two_senders,
)
from delivery_semantics.experiments.dedup.memory import (
    WINDOWS_S,
    bytes_in_memory,
    bytes_in_sqlite,
    bytes_per_id,
    lost_by_bloom,
    memory_view,
    random_ids,
)
from delivery_semantics.experiments.dedup.window import (
    attempt_times_s,
    beyond_view,
    schedule,
    window_view,
)
from delivery_semantics.live.sockets import run_live
from delivery_semantics.show.tables import events
from delivery_semantics.show.view import View
from delivery_semantics.theory.windows import bloom_lost, collisions_mean

# Copies that arrive


def test_copies_leave_a_trace_that_the_audit_can_judge() -> None:
    trace = received(repeated(Message("a"), [0, 1, 2]), InMemory())
    found = audit(trace)
    assert found.verdict(EXACTLY_ONCE) == "ok"
    assert found.faults == ("lost", "timed_out")
    assert [e.what for e in trace.of("processed", "skipped")] == ["processed"] + ["skipped"] * 2
    assert trace.metrics()["packets lost"] == 2


def test_what_a_store_refuses_is_neither_processed_nor_acked() -> None:
    store = InMemory(capacity=1, when_full="refuse")
    found = audit(received([Copy(0, Message("a")), Copy(1, Message("b"))], store))
    assert (found.lost, found.in_doubt, found.lost_though_acked) == (("b",), ("b",), ())


# The diagram


def test_the_diagram_processes_once_and_skips_the_retry() -> None:
    trace = drawn()
    assert trace.processed() == {"abc123": 1}
    assert [(e.who, e.note) for e in trace.of("checked")] == [
        ("processed IDs", "no"),
        ("processed IDs", "yes"),
    ]
    assert trace.outcome() == (("abc123", 1, "confirmed"),)


def test_a_look_beforehand_repeats_without_any_crash_and_a_claim_loses_with_one() -> None:
    looks, claims, crashes = (
        in_between(),
        in_between(claim=True),
        in_between(claim=True, crashes=1),
    )
    broken = looks.never_more_than_once.counterexample
    assert broken is not None
    assert broken.processed() == {"abc123": 2}
    assert not broken.of("crashed", "lost", "duplicated")
    assert claims.holds
    lost = crashes.at_least_once_eventually.counterexample
    assert crashes.never_more_than_once.holds
    assert lost is not None
    assert audit(lost).lost_though_acked == ("abc123",)


@pytest.mark.parametrize("order", ORDERS)
def test_only_the_window_between_the_two_divides_them(order: str) -> None:
    times = [crashed(order, point).processed()["abc123"] for point in POINTS]
    between = {"process, then mark": 2, "mark, then process": 0, "one transaction": 1}
    assert times == [1, between[order], 1]
    assert "twice" in crash_view(order="process, then mark", point=POINTS[1]).sentence


# Windows


def test_retries_are_spread_by_their_policy() -> None:
    fixed = attempt_times_s(schedule("every 10 min"))
    assert fixed == [600.0 * n for n in range(10)]
    exponential = attempt_times_s(schedule("exponential"))
    assert exponential[:4] == [0, 40, 110, 240]
    assert exponential != attempt_times_s(schedule("full jitter"))
    with pytest.raises(ValueError, match="allowed: every 10 min"):
        schedule("never")


@pytest.mark.parametrize("kind", ["fixed", "sliding"])
@pytest.mark.parametrize("window_min", [5, 10, 20, 30, 60, 100])
def test_regular_retries_meet_the_formula_on_the_panel(window_min: int, kind: str) -> None:
    numbers = window_view(backoff="every 10 min", window_min=window_min, kind=kind).numbers
    assert numbers["processed"] == numbers["by formula"]
    assert numbers["money there"] == 10 * int(numbers["processed"])


@pytest.mark.parametrize("backoff", ["exponential", "full jitter"])
def test_a_window_beyond_the_horizon_is_enough_for_any_schedule(backoff: str) -> None:
    view = window_view(backoff=backoff, window_min=100, kind="fixed")
    assert (view.numbers["processed"], view.numbers["money there"]) == (1, 10)
    assert (
        int(window_view(backoff=backoff, window_min=5, kind="fixed").numbers["processed"]) > 3
    )


# Memory


def test_measured_bytes_are_in_the_range_that_their_rounding_needs() -> None:
    assert 145.5 < bytes_in_memory() < 154
    assert 66 < bytes_in_sqlite() < 74
    sizes = bytes_per_id()
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)
    assert sizes["Bloom filter, 1 in a million"] == 3.6


def test_what_others_allocate_meanwhile_is_not_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others: list[bytes] = []

    def amid_others() -> InMemory:
        others.append(bytes(10**6))
        return InMemory()

    monkeypatch.setattr(memory, "InMemory", amid_others)
    assert 145.5 < bytes_in_memory.__wrapped__() < 154


@pytest.mark.parametrize("window", WINDOWS_S)
def test_memory_is_rate_times_window_times_bytes(window: str) -> None:
    numbers = memory_view(per_second=100, window=window).numbers
    ids = 100 * WINDOWS_S[window]
    assert numbers["ids kept"] == f"{ids:,}"
    assert numbers["money expected"] == f"{10 * ids:,}"


def test_the_filter_of_the_panel_loses_by_formula() -> None:
    assert lost_by_bloom(86_400_000) == pytest.approx(5.7, abs=0.1)


# Bloom


@pytest.mark.slow
@pytest.mark.parametrize("error", ERRORS)
def test_messages_are_lost_as_the_formula_says_while_filling_and_beyond(error: str) -> None:
    for fill in FILLS_PERCENT:
        messages = CAPACITY * fill // 100
        mean = expected(error)[messages]
        deviation = math.sqrt(mean * (1 - mean / messages)) + 1
        assert abs(filled(error)[messages] - mean) < 4 * deviation
    store = Bloom.for_ids(CAPACITY, error=ERRORS[error])
    formula = bloom_lost(bits=store.bits, hashes=store.hashes, ids=4 * CAPACITY)
    assert expected(error)[-1] == pytest.approx(formula)


@pytest.mark.slow
def test_the_panel_counts_lost_messages_as_missing_money() -> None:
    numbers = bloom_view(error="1 in 100", fill_percent=400).numbers
    assert numbers["money there"] == 10 * (16_000 - int(numbers["lost"]))


def signed(raw: object) -> int:
    assert isinstance(raw, bytes)
    digest = blake2b(raw, digest_size=16).digest()
    return int.from_bytes(digest, "big", signed=True)


@pytest.mark.parametrize("error", [0.1, 0.01])
def test_another_filter_of_the_same_shape_loses_as_many(error: float) -> None:
    theirs = rbloom.Bloom(CAPACITY, error, signed)

    def recognises(id: bytes) -> bool:
        known = id in theirs
        theirs.add(id)
        return known

    lost = lost_so_far(recognises, 2 * CAPACITY)[-1]
    mean = expected({0.1: "1 in 10", 0.01: "1 in 100"}[error])[2 * CAPACITY]
    assert abs(theirs.size_in_bits - Bloom.for_ids(CAPACITY, error=error).bits) < 64
    assert abs(lost - mean) < 5 * math.sqrt(mean)


@pytest.mark.slow
def test_hashes_in_the_place_of_ids_lose_what_the_formula_says() -> None:
    for bits, ids in list(HASHED.values())[:2]:
        mean = float(collisions_mean(ids=ids, bits=bits))
        lost = sum(lost_by_hashes(ids=ids, bits=bits, seed=seed) for seed in range(5))
        assert abs(lost - 5 * mean) < 4 * math.sqrt(5 * mean)
    assert lost_by_hashes(ids=1000, bits=128) == 0


# Ids


def test_only_an_id_chosen_before_the_first_attempt_is_right() -> None:
    there = {}
    for name, rule in RULES.items():
        found = audit(chosen_by(rule, payments=payments(2)))
        there[name] = (len(found.lost), len(found.duplicated), found.money_there)
    assert list(there.values()) == [(0, 0, 20), (0, 2, 40), (1, 0, 10), (0, 0, 20)]


def test_two_senders_need_a_scope_of_their_own() -> None:
    assert audit(two_senders(own_scope=False)).lost_though_acked == ("bob 1", "bob 2")
    assert audit(two_senders(own_scope=True)).lost == ()
    assert audit(two_senders(own_scope=True)).money_there == 40


def test_a_gap_check_makes_a_high_water_mark_lose_nothing() -> None:
    careless, careful = audit(overtaken(Highest(gap_check=False))), audit(overtaken(Highest()))
    assert careless.lost_though_acked == ("2",)
    assert (careful.lost, careful.duplicated, careful.money_there) == ((), (), 30)


def test_one_id_too_many_repeats_every_payment_that_is_retried_in_order() -> None:
    cases = {(120, "forget"): (0, 0), (119, "forget"): (0, 120), (119, "refuse"): (1, 0)}
    for (capacity, when_full), wanted in cases.items():
        store = InMemory(capacity=capacity, when_full=when_full)
        found = audit(retried_after_all(store))
        assert (len(found.lost), len(found.duplicated)) == wanted


def test_a_clock_set_forward_repeats_and_one_set_back_keeps_longer() -> None:
    moved_s = (0.0, 600.0, -600.0)
    there = [audit(clock_moved(InMemory(window_s=300), by_s)).money_there for by_s in moved_s]
    assert there == [10, 20, 10]
    assert [forgotten_after_min(300, by_s) for by_s in moved_s] == [5, 0, 15]


# Stores that keep less


def test_a_store_that_is_full_repeats_all_or_loses_what_has_no_room() -> None:
    for capacity, when_full, wanted in ((119, "forget", 2400), (60, "refuse", 600)):
        view = less.full_view(capacity=capacity, when_full=when_full)
        assert (view.numbers["money expected"], view.numbers["money there"]) == (1200, wanted)


def test_a_clock_set_forward_by_what_is_left_of_the_window_pays_twice() -> None:
    there = [less.clock_view(moved_min=m).numbers["money there"] for m in (-10, 0, 3, 4)]
    assert there == [10, 10, 10, 20]


def test_one_number_loses_what_was_overtaken_and_has_acked_it() -> None:
    views = [less.highest_view(kept=kept) for kept in less.GAP_CHECK]
    assert [view.numbers["acked, and lost"] for view in views] == [1, 0]
    assert [view.numbers["money there"] for view in views] == [20, 30]


@pytest.mark.slow
@pytest.mark.parametrize("bits", HASHED)
def test_a_message_lost_to_a_hash_is_money_that_is_missing(bits: str) -> None:
    for percent in (10, 50, 100):
        found = less.hashes_view(bits=bits, sent_percent=percent).numbers
        missing = int(found["money expected"]) - int(found["money there"])
        assert missing == 10 * int(found["lost"])
    assert found["lost"] == lost_by_hashes(ids=HASHED[bits][1], bits=HASHED[bits][0])


# Panels


def there(view: View) -> object:
    return view.numbers["money there"]


def test_between_a_look_and_a_mark_it_is_paid_twice_and_after_a_claim_never() -> None:
    found = [there(between_view(asks=asks, crashes=c)) for asks in ASKS for c in MAY_CRASH]
    assert found == [20, 20, 10, 0]
    broken = between_view(asks="claims the id", crashes="the receiver, once")
    assert "never, though it is acked" in broken.sentence


def test_a_window_holds_up_to_its_last_second() -> None:
    assert [there(beyond_view(last_s=last_s)) for last_s in (60, 299, 300, 600)] == [
        10, 10, 20, 20,
    ]  # fmt: skip


def test_the_panels_of_ids_count_what_each_rule_loses_and_repeats() -> None:
    assert [there(ids_view(rule=rule)) for rule in RULES] == [20, 40, 10, 20]
    anew = ids_view(rule="chosen anew for each attempt")
    assert (anew.numbers["repeated"], anew.numbers["lost"]) == (2, 0)
    assert "Pay 2, id D" in anew.pictures[0].description
    content = ids_view(rule="hash of the content").pictures[0].description
    assert "Pay 2, id A" in content
    assert [there(scopes_view(scope=scope)) for scope in SCOPES] == [20, 40]


def test_only_a_consumer_that_keeps_ids_is_paid_once() -> None:
    assert [there(hops_view(keeps=keeps)) for keeps in with_and_without()] == [20, 10]


# A real file


def test_only_a_transaction_survives_a_stop_between_id_and_money() -> None:
    assert list(stopped_in_between()["money there"]) == [10, 0]


def test_only_a_database_says_that_it_does_not_know_yet() -> None:
    assert asked_in_between().to_numpy().tolist() == [
        ["a copy: only ack it", "a copy: only ack it"],
        ["not known yet: no ack", "new: process it"],
    ]


def test_what_is_restored_together_stays_right_within_and_repeats_outside() -> None:
    assert restore(("ids.db", "account.db")) == (80, 80, 11)
    assert restore(("ids.db",)) == (80, 110, 11), "S5: old ids, so the effects are repeated"
    assert restore(("account.db",)) == (80, 50, 8)
    assert restore(("ids.db", "account.db"), replay=False) == (80, 50, 8)


def test_the_panel_of_backups_holds_these_runs() -> None:
    assert [restored(way)[1] for way in WAYS] == [80, 110, 50, 50]
    numbers = restored_view(way="only the ids").numbers
    assert (numbers["money there"], numbers["from cards"]) == (110, 110)
    with pytest.raises(ValueError, match=r"way is 'half'; allowed: both"):
        restored("half")


# Hops


def test_a_queue_that_deduplicates_does_not_protect_its_consumer() -> None:
    assert behind_a_queue().processed()["abc123"] == 2
    assert behind_a_queue(consumer=ProcessOnce()).processed()["abc123"] == 1
    assert [audit(trace).money_there for trace in with_and_without().values()] == [20, 10]
    handed_on = [e for e in behind_a_queue().of("sent") if e.peer == "consumer"]
    assert len(handed_on) == 2, "the sender's copy is not handed on"


def test_ids_for_experiments_are_the_same_in_every_run() -> None:
    assert [id.hex()[:8] for id in random_ids(2)] == ["828175f3", "16d1e5de"]


def test_a_payload_of_ones_own_kind_runs_in_every_way() -> None:
    parts = three()
    simulated = simulate(parts)
    assert simulated.outcome() == (("abc123", 1, "confirmed"),)
    crossed = {e.payload.kind for e in run_live(parts).of("delivered") if e.payload}
    assert crossed >= {"message", "look up", "not found", "mark", "marked"}
    said = [label(event.payload) for event in simulated.of("delivered") if event.payload]
    assert said[:2] == ["Message abc123", "Look up abc123"]
    assert events(simulated)["content"].tolist().count("Look up abc123") == 2
    lossy = Network(messages=Faults(loss=0.5))
    assert {e.payload.kind for e in simulate(parts, lossy, seed=5).of("lost") if e.payload}
