"""The document's table on the real systems: each cell's word, and the search's for the same."""

from __future__ import annotations

import itertools

import pytest

from delivery_semantics.experiments.real_world.calls import grpc_ends
from delivery_semantics.experiments.real_world.measured import (
    ASKED,
    DEFAULT,
    MARKED,
    SETTINGS,
    SYSTEMS,
    beside_view,
    cell_view,
    commit_view,
    measured,
    words,
)
from delivery_semantics.experiments.real_world.model import (
    BROKERS,
    CONSUMERS,
    PRODUCERS,
    mixed,
    mixed_view,
    model_word,
)
from delivery_semantics.experiments.real_world.path import guarantee, guarantee_of
from delivery_semantics.show.strips import End


def money(ends: list[End]) -> dict[str, int]:
    return {end.step: end.money for end in ends}


def test_the_word_for_what_was_lost_and_repeated() -> None:
    found = {
        (lost, again): guarantee_of(lost=lost, again=again)
        for lost, again in itertools.product((False, True), repeat=2)
    }
    assert found == {
        (False, False): "exactly-once",
        (False, True): "at-least-once",
        (True, False): "at-most-once",
        (True, True): "neither",
    }
    assert guarantee([End("killed", "before X", 0, 10), End("lost", "after X", 20, 10)]) == (
        "neither"
    )


def test_a_call_runs_once_again_or_once_for_all_by_its_settings() -> None:
    once, retried, marked = (
        grpc_ends(),
        grpc_ends(retries=True),
        grpc_ends(retries=True, ids=True),
    )
    assert money(once) == {
        "after Call": 0, "before Process": 0, "before Reply": 10, "after Reply": 10,
    }  # fmt: skip
    assert money(retried) == {
        "after Call": 10, "before Process": 10, "before Reply": 20, "after Reply": 20,
    }  # fmt: skip
    assert set(money(marked).values()) == {10}
    assert len(marked) == 6
    assert guarantee(grpc_ends(ids=True)) == "at-most-once"


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("consumer", CONSUMERS)
def test_what_a_broker_keeps_never_changes_the_word(broker: str, consumer: str) -> None:
    for producer in PRODUCERS:
        if broker != "none":
            assert model_word((producer, broker, consumer)) == model_word(
                (producer, "keeps no ids", consumer)
            )
    marks = consumer == "works once, then acks"
    assert (model_word(("asks again", broker, consumer)) == "exactly-once") == marks


def test_a_mix_is_drawn_with_the_run_that_breaks_it() -> None:
    view = mixed_view(
        producer="asks again", broker="drops copies", consumer="works, then acks", seed=1
    )
    assert dict(view.numbers) | {"worlds": 0} == {
        "worlds": 0, "paid twice": "possible", "never paid": "no run",
    }  # fmt: skip
    assert "process 1 again" in view.pictures[0].svg


@pytest.mark.slow
@pytest.mark.needs("kafka")
@pytest.mark.needs("rabbitmq")
class TestMeasured:
    def test_each_column_has_its_words(self) -> None:
        assert words(DEFAULT) == ["neither", "neither", "at-least-once", "at-most-once"]
        assert words(ASKED) == ["at-least-once"] * 4
        assert words(MARKED) == ["exactly-once"] * 4

    def test_a_way_in_that_drops_copies_mends_the_lost_reply_and_nothing_else(self) -> None:
        for system in ("Kafka", "AWS SQS"):
            plain, asked = (money(measured()[system, each]) for each in (DEFAULT, ASKED))
            assert (plain["after Store"], asked["after Store"]) == (20, 10)
            assert asked["before Ack"] == 20
        asked = money(measured()["RabbitMQ", ASKED])
        assert (asked["after Store"], asked["before Ack"]) == (20, 20)

    def test_what_each_system_did_is_among_what_the_search_found(self) -> None:
        for (name, setting), ends in measured().items():
            mix = SYSTEMS[name].choice(setting).mix
            times = {times for outcome in mixed(*mix).outcomes for _, times, _ in outcome}
            assert {end.money // end.expected for end in ends} <= times, (name, setting)
            assert guarantee(ends) == model_word(mix), (name, setting)

    def test_a_cell_and_a_commit_are_drawn_from_the_runs(self) -> None:
        for name in SYSTEMS:
            shown = commit_view(system=name)
            assert shown.numbers["of them wrong"] == len(shown.pictures[0].links) > 0
            for setting in SETTINGS:
                view = cell_view(system=name, setting=setting)
                assert view.numbers["runs"] == len(measured()[name, setting])

    def test_the_panel_of_both_says_possible_wherever_a_run_is_wrong(self) -> None:
        for name, setting in measured():
            numbers = beside_view(system=name, setting=setting).numbers
            for wrong in ("twice", "never"):
                if numbers[f"{wrong}, of the runs"]:
                    assert numbers[f"{wrong}, searched"] == "possible", (name, setting)


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"system is 'Pulsar'; allowed: .*Kafka"):
        cell_view(system="Pulsar", setting=DEFAULT)
    with pytest.raises(ValueError, match=r"system is 'Pulsar'; allowed: .*Kafka"):
        beside_view(system="Pulsar", setting=DEFAULT)
    with pytest.raises(ValueError, match=r"setting is 'fast'; allowed: .*as it comes"):
        SYSTEMS["Kafka"].choice("fast")
    with pytest.raises(ValueError, match=r"broker is 'slow'; allowed: .*drops copies"):
        mixed("asks again", "slow", "works, then acks")
