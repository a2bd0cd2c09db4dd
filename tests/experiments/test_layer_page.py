"""What the panels of the layer's reference show is what the layer does, step by step."""

from __future__ import annotations

import pytest

from delivery_semantics.experiments.adopting.answers import SITUATIONS, answers_view, met
from delivery_semantics.experiments.adopting.exchange import Exchange, exchanges
from delivery_semantics.experiments.adopting.kills import (
    SECOND,
    STEPS,
    beside,
    killed_at_each,
    kinds_view,
)
from delivery_semantics.experiments.adopting.middlewares import WHERE, order_view
from delivery_semantics.experiments.adopting.variants import VARIANTS, tried, variants_view
from delivery_semantics.systems.http.client import Reply

TOLD = {
    "the same again": 201, "while the first runs": 409, "another amount": 422,
    "its lease is lost": 409, "it broke off": 500, "its answer is not kept": 410,
    "a day later": 201, "the store is away": 503, "too many keys": 429, "no key": 400,
    "no token": 401, "too large": 413,
}  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS)
def test_each_situation_has_its_answer_and_only_a_forgotten_key_makes_a_second_order(
    situation: str,
) -> None:
    numbers = answers_view(situation=situation).numbers
    assert numbers["answer"] == TOLD[situation]
    right = numbers["money there"] == numbers["money expected"]
    assert right is (situation not in ("a day later", "too many keys"))


def test_who_is_told_to_ask_again_is_told_when() -> None:
    for situation in SITUATIONS:
        numbers = answers_view(situation=situation).numbers
        assert (numbers["the client"] == "asks again") is (numbers["Retry-After"] != "none")


def test_a_phase_costs_no_order_and_an_effect_anywhere_leaves_a_doubt() -> None:
    money = {
        kind: [end.money for end, _ in killed_at_each(kind)]
        for kind in ("no keys", "anywhere", "in phases")
    }
    assert money == {
        "no keys": [1000, 1000, 2000, 2000],
        "anywhere": [1000, 0, 1000, 1000],
        "in phases": [1000] * 5,
    }
    assert kinds_view(kind="anywhere").numbers["in doubt"] == 2
    assert kinds_view(kind="in phases").numbers["answered 201"] == 5


@pytest.mark.parametrize("step", STEPS)
def test_two_workers_make_one_order(step: str) -> None:
    told = [beside(step, second).told.status for second in SECOND]
    first = {"received": [201, 201], "begun": [409, 422], "ordered": [409, 422]}
    assert told == first.get(step, [201, 422])
    for second in SECOND:
        found = beside(step, second)
        assert found.there == found.expected


@pytest.mark.parametrize("compression", WHERE)
@pytest.mark.parametrize("authentication", WHERE)
def test_what_stands_inside_is_not_asked_for_a_replay(
    compression: str, authentication: str
) -> None:
    numbers = order_view(compression=compression, authentication=authentication).numbers
    assert (numbers["without gzip"] == "readable") is (compression == "outside")
    assert numbers["revoked token"] == (401 if authentication == "outside" else 201)
    assert numbers["money there"] == numbers["money expected"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_setting_that_is_changed_changes_what_is_answered(variant: str) -> None:
    before, after = (tried(variant, changed=changed) for changed in (False, True))
    assert before != after
    assert variants_view(variant=variant).numbers["money there, set"] == after[1]


def test_without_keys_an_order_is_made_twice_and_within_a_week_it_is_not() -> None:
    assert tried("key_required=False", changed=True)[1] == 2000
    assert [tried("keep_s: a week", changed=changed)[1] for changed in (False, True)] == [
        2000, 1000,
    ]  # fmt: skip


def test_an_exchange_is_told_in_words_and_none_is_refused() -> None:
    packed = Reply(200, (("Content-Encoding", "gzip"),), b"\x1f\x8b\x00")
    says = exchanges([Exchange("An order", packed)], title="One").description
    assert says == "An order: 200 OK. Content-Encoding: gzip. (bytes that are no text)."
    with pytest.raises(ValueError, match="log is empty; allowed: "):
        exchanges([], title="None")


def test_a_client_that_was_told_no_replay_is_not_told_one() -> None:
    assert met("the same again").told.header("Idempotent-Replayed") == "true"
    assert met("a day later").told.header("Idempotent-Replayed") == ""
