"""Phases: an effect, a recovery point and messages in one transaction, fenced by the lease."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import JSONResponse, StreamingResponse

from delivery_semantics.idempotency import (
    Claim,
    LeaseLost,
    Phase,
    Refusal,
    deliver_outbox,
    table,
)
from delivery_semantics.idempotency.table import KeyName, KeyRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from delivery_semantics.databases import Database
    from tests.idempotency.conftest import Bed

NAME = KeyName("alice", "", "k1")


@pytest.fixture
def bed(new_bed: Callable[..., Bed]) -> Bed:
    return new_bed(effects="in phases")


def claimed(bed: Bed, name: KeyName = NAME) -> Claim:
    claim = bed.keys.claim(name, b"f" * 32)
    assert isinstance(claim, Claim)
    return claim


def taken_over(bed: Bed) -> Claim:
    bed.clock.now_s += bed.keys.lease_s
    return claimed(bed)


def phase(claim: Claim, *steps: Callable[[Phase], object]) -> None:
    with claim.phase() as opened:
        for step in steps:
            step(opened)


def effect(phase: Phase) -> None:
    phase.database.change("INSERT INTO charges (account, key) VALUES ('alice', 'k1')")


def charged(phase: Phase) -> None:
    phase.recover_at("charged", {"id": "ch_1"})


def finish(phase: Phase) -> None:
    phase.finish(JSONResponse({}))


def receipt(phase: Phase) -> None:
    phase.outbox("receipt", {"to": "alice"})


def fail(phase: Phase) -> None:
    raise ZeroDivisionError


def test_an_effect_and_its_recovery_point_are_committed_together(bed: Bed) -> None:
    claim, seen = claimed(bed), list[str]()
    phase(claim, effect, charged, lambda phase: seen.append(claim.recovery_point))
    assert seen == ["started"]
    assert (claim.recovery_point, claim.data) == ("charged", {"id": "ch_1"})
    next_one = taken_over(bed)
    assert (next_one.recovery_point, next_one.data) == ("charged", {"id": "ch_1"})
    assert (next_one.token, next_one.broke_off) == (2, True)


def test_or_rolled_back_together(bed: Bed) -> None:
    claim = claimed(bed)
    with pytest.raises(ZeroDivisionError):
        phase(claim, effect, receipt, charged, fail)
    assert (claim.recovery_point, bed.effects()) == ("started", 0)
    assert taken_over(bed).recovery_point == "started"
    assert deliver_outbox(bed.connections, lambda *message: None) == 0


def test_the_old_holders_phase_is_rolled_back_after_a_takeover(bed: Bed) -> None:
    old = claimed(bed)
    new = taken_over(bed)
    with pytest.raises(LeaseLost, match="token 1"):
        phase(old, effect, finish)
    assert bed.effects() == 0
    phase(new, effect, finish)
    assert bed.effects() == 1


def test_nor_can_the_old_holder_undo_what_the_new_one_finished(bed: Bed) -> None:
    old = claimed(bed)
    phase(taken_over(bed), finish)
    stored = bed.rows()
    with pytest.raises(LeaseLost):
        phase(old, finish)
    with pytest.raises(LeaseLost):
        bed.keys.finish(old, bed.profile.refuse(Refusal.IN_DOUBT))
    bed.keys.release(old, to_any_request=True)
    assert not bed.keys.renew(old)
    assert bed.rows() == stored


def test_nor_can_it_when_its_row_was_swept_and_the_key_began_again(bed: Bed) -> None:
    stalled = claimed(bed)
    bed.clock.now_s += bed.keys.keep_s + bed.keys.lease_s
    assert bed.keys.sweep(keys_max=9) == 1
    again = bed.keys.claim(NAME, b"g" * 32)
    assert isinstance(again, Claim)
    assert again.token == stalled.token
    with pytest.raises(LeaseLost):
        phase(stalled, effect, finish)
    assert not bed.keys.renew(stalled)
    phase(again, effect, finish)
    assert bed.effects() == 1


def test_nor_can_it_when_the_key_has_expired_and_is_a_new_one(bed: Bed) -> None:
    old = claimed(bed)
    bed.clock.now_s += bed.keys.keep_s
    new = claimed(bed)
    assert (new.recovery_point, new.broke_off) == ("started", False)
    with pytest.raises(LeaseLost):
        phase(old, effect, finish)
    phase(new, effect, finish)
    assert bed.effects() == 1


def test_a_claim_that_was_given_back_can_do_nothing_any_more(bed: Bed) -> None:
    claim = claimed(bed)
    bed.keys.release(claim)
    with pytest.raises(LeaseLost):
        phase(claim, finish)
    # Without waiting for a lease: and the third attempt has a third token.
    next_one = claimed(bed)
    assert (next_one.token, next_one.broke_off) == (3, False)


def test_a_renewed_lease_is_not_taken_over(bed: Bed) -> None:
    claim = claimed(bed)
    for _ in range(3):
        bed.clock.now_s += bed.keys.lease_s * 0.9
        assert bed.keys.renew(claim)
    assert bed.keys.claim(NAME, b"f" * 32) is Refusal.IN_PROGRESS


def test_a_recovery_point_renews_the_lease(bed: Bed) -> None:
    claim = claimed(bed)
    bed.clock.now_s += bed.keys.lease_s * 0.9
    phase(claim, charged)
    bed.clock.now_s += bed.keys.lease_s * 0.9
    assert bed.keys.claim(NAME, b"f" * 32) is Refusal.IN_PROGRESS


def test_two_that_see_the_same_end_of_a_lease_do_not_both_take_over(bed: Bed) -> None:
    claimed(bed)
    bed.clock.now_s += bed.keys.lease_s
    database = bed.connections.here()
    found = table.find(database, NAME)
    assert found is not None
    then = found._replace(token=found.token + 1, lease_until_s=bed.keys.new_lease())
    assert table.take_over(database, NAME, found, then)
    assert not table.take_over(database, NAME, found, then)


def test_a_key_that_is_swept_while_it_is_looked_at_is_asked_for_again(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(bed)
    bed.clock.now_s += bed.keys.keep_s + bed.keys.lease_s
    insert = table.insert

    def insert_and_sweep(database: Database, name: KeyName, row: KeyRow) -> bool:
        inserted = insert(database, name, row)
        assert (inserted, table.sweep(database, bed.clock.now_s, 9)) == (False, 1)
        return inserted

    monkeypatch.setattr(table, "insert", insert_and_sweep)
    assert bed.keys.claim(NAME, b"f" * 32, wait=False) is Refusal.IN_PROGRESS
    monkeypatch.undo()
    assert claimed(bed).token == 1


def test_what_was_given_back_in_between_is_not_taken_for_what_was_seen(bed: Bed) -> None:
    bed.keys.release(claimed(bed))
    found = table.find(bed.connections.here(), NAME)
    assert found is not None
    bed.keys.release(claimed(bed))  # so that the lease is 0 again
    then = found._replace(token=found.token + 1)
    assert not table.take_over(bed.connections.here(), NAME, found, then)


@pytest.mark.parametrize("last_moment", ["renewed", "moved on", "finished"])
def test_a_holder_that_speaks_up_at_the_last_moment_is_not_overwritten(
    bed: Bed, last_moment: str
) -> None:
    claim = claimed(bed)
    bed.clock.now_s += bed.keys.lease_s
    found = table.find(bed.connections.here(), NAME)
    assert found is not None
    match last_moment:
        case "renewed":
            assert bed.keys.renew(claim)
        case "moved on":
            phase(claim, charged)
        case "finished":
            phase(claim, finish)
    then = found._replace(token=found.token + 1)
    assert not table.take_over(bed.connections.here(), NAME, found, then)


def test_a_phase_says_where_to_go_on(bed: Bed) -> None:
    with pytest.raises(RuntimeError, match="without recover_at or finish"):
        phase(claimed(bed), effect)
    assert bed.effects() == 0


def test_and_says_it_once(bed: Bed) -> None:
    claim = claimed(bed)
    with pytest.raises(RuntimeError, match="a second recover_at or finish"):
        phase(claim, effect, charged, finish)
    assert (bed.effects(), claim.finished) == (0, False)


def test_nothing_comes_after_the_end(bed: Bed) -> None:
    claim = claimed(bed)
    phase(claim, finish)
    assert claim.finished
    again: tuple[Callable[[], None], ...] = (
        lambda: phase(claim, finish), lambda: claim.finish(JSONResponse({})),
    )  # fmt: skip
    for attempt in again:
        with pytest.raises(RuntimeError, match="the answer is kept already") as raised:
            attempt()
        assert not isinstance(raised.value, LeaseLost)  # which would be told as 409


def test_no_statement_is_carried_out_outside_of_its_phase(bed: Bed) -> None:
    kept: list[Phase] = []
    phase(claimed(bed), kept.append, finish)
    with pytest.raises(RuntimeError, match="it is over"):
        effect(kept[0])
    assert bed.effects() == 0


@pytest.mark.parametrize("taken", ["", "started", "finished"])
def test_a_recovery_point_has_a_name_of_its_own(bed: Bed, taken: str) -> None:
    with pytest.raises(ValueError, match=f"recovery_point is '{taken}'; allowed"):
        phase(claimed(bed), lambda phase: phase.recover_at(taken))


def test_a_response_that_streams_cannot_be_kept_in_a_phase(bed: Bed) -> None:
    streaming = StreamingResponse(iter(()))
    with pytest.raises(TypeError, match="response is a StreamingResponse"):
        phase(claimed(bed), lambda phase: phase.finish(streaming))


def test_a_derived_key_is_made_of_the_request_and_the_step(bed: Bed) -> None:
    first = claimed(bed)
    key = first.derived_key("card")
    others = {
        first.derived_key("mail"),
        claimed(bed, NAME._replace(account="mallory")).derived_key("card"),
        claimed(bed, NAME._replace(endpoint="POST /refunds")).derived_key("card"),
        claimed(bed, NAME._replace(key="k2")).derived_key("card"),
    }
    bed.keys.release(first, to_any_request=True)
    other_body = bed.keys.claim(NAME, b"g" * 32)
    assert isinstance(other_body, Claim)
    others.add(other_body.derived_key("card"))
    assert len(others) == 5
    assert key not in others


def test_and_is_the_same_in_every_attempt_even_when_the_row_is_lost(bed: Bed) -> None:
    first = claimed(bed)
    key = first.derived_key("card")
    assert taken_over(bed).derived_key("card") == key
    bed.clock.now_s += bed.keys.keep_s
    assert claimed(bed).derived_key("card") == key
    lose(bed)
    assert claimed(bed).derived_key("card") == key


def test_two_that_hold_a_key_since_a_loss_of_power_do_not_both_advance(bed: Bed) -> None:
    # A server that lost its power may have forgotten a claim, but not who made it.
    one = claimed(bed)
    lose(bed)
    other = claimed(bed)
    assert one.token == other.token
    phase(one, effect, charged)
    with pytest.raises(LeaseLost):
        phase(other, effect, charged)
    with pytest.raises(LeaseLost):
        bed.keys.finish(other, bed.profile.refuse(Refusal.IN_DOUBT))
    phase(one, finish)
    assert bed.effects() == 1


def lose(bed: Bed) -> None:
    bed.connections.here().change("DELETE FROM idempotency_keys")


def test_a_key_that_was_given_back_after_a_phase_stays_with_its_request(bed: Bed) -> None:
    claim = claimed(bed)
    phase(claim, effect, charged)
    bed.keys.release(claim, to_any_request=True)
    assert bed.keys.claim(NAME, b"g" * 32) is Refusal.OTHER_REQUEST
    assert claimed(bed).recovery_point == "charged"


@pytest.mark.slow
@pytest.mark.parametrize("ended", [False, True], ids=["a new key", "a lease that has ended"])
def test_of_eight_threads_that_want_a_key_one_gets_it(bed: Bed, ended: bool) -> None:
    names = [NAME._replace(key=f"k{number}") for number in range(25)]
    if ended:
        for name in names:
            claimed(bed, name)
        bed.clock.now_s += bed.keys.lease_s
    together = threading.Barrier(8)

    def claim(name: KeyName) -> object:
        together.wait()
        return bed.keys.claim(name, b"f" * 32)

    with ThreadPoolExecutor(8) as threads:
        for name in names:
            outcomes = list(threads.map(claim, [name] * 8))
            assert sum(isinstance(outcome, Claim) for outcome in outcomes) == 1
            assert outcomes.count(Refusal.IN_PROGRESS) == 7


def test_messages_are_sent_at_least_once_in_order_and_with_the_same_id(bed: Bed) -> None:
    claim = claimed(bed)
    phase(claim, receipt, receipt, charged)
    phase(claim, lambda phase: phase.outbox("invoice", {}), finish)
    sent: list[tuple[str, str, dict[str, Any]]] = []

    def breaks_off_at_the_second(id: str, kind: str, payload: dict[str, Any]) -> None:
        sent.append((id, kind, payload))
        if len(sent) == 2:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        deliver_outbox(bed.connections, breaks_off_at_the_second)
    assert deliver_outbox(bed.connections, breaks_off_at_the_second) == 2
    assert deliver_outbox(bed.connections, breaks_off_at_the_second) == 0
    first, second, again, third = sent
    assert first[1:] == second[1:] == ("receipt", {"to": "alice"})
    assert second == again
    assert third[1:] == ("invoice", {})
    assert len({id for id, _, _ in sent}) == 3


def test_a_key_that_is_used_again_has_new_messages(bed: Bed) -> None:
    ids: list[str] = []
    for _ in range(2):
        phase(claimed(bed), receipt, finish)
        deliver_outbox(bed.connections, lambda id, kind, payload: ids.append(id))
        bed.clock.now_s += bed.keys.keep_s
    assert len(set(ids)) == 2


def test_the_next_attempt_leaves_the_messages_of_the_one_that_broke_off(bed: Bed) -> None:
    ids: list[object] = []

    def breaks_off(phase: Phase) -> None:
        ids.extend(phase.database.rows("SELECT message_id FROM idempotency_outbox"))
        raise ConnectionError

    bed.clock.now_s += 0.25  # whatever the time is
    for claim in (claimed, taken_over):  # its row is as it was made, and as it was read
        with pytest.raises(ConnectionError):
            phase(claim(bed), receipt, breaks_off)
    first, second = ids
    assert first == second


def test_the_outbox_is_read_in_parts(bed: Bed) -> None:
    phase(claimed(bed), *[receipt] * 5, charged)

    def send(*message: object) -> None: ...

    counts = [deliver_outbox(bed.connections, send, messages_max=2) for _ in range(4)]
    assert counts == [2, 2, 1, 0]
