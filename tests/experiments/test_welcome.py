"""The landing page's payment: what each loss does to the money and to the sender."""

from __future__ import annotations

import pytest

from delivery_semantics.experiments.welcome import LOSSES, payment, run


@pytest.mark.parametrize(
    ("lost", "there", "knows"),
    [
        ("nothing", 10, "confirmed"),
        ("the first message", 10, "confirmed"),
        ("the first ack", 20, "confirmed"),
        ("every message", 0, "in doubt"),
        ("every ack", 20, "in doubt"),
    ],
)
def test_money_there_and_what_the_sender_knows(lost: str, there: int, knows: str) -> None:
    view = payment(lost=lost, seed=1)
    assert view.numbers == {
        "money expected": 10, "money there": there, "the sender knows": knows
    }  # fmt: skip
    assert f"{there} is there" in view.sentence
    assert ("does not know" in view.sentence) == (knows == "in doubt")
    assert f"Money expected 10, there {there}." in view.pictures[0].description


def test_the_network_loses_what_it_is_told_and_nothing_else() -> None:
    lost = {
        name: [(e.payload.kind, e.packet) for e in run(name).of("lost") if e.payload]
        for name in LOSSES
    }
    assert lost == {
        "nothing": [],
        "the first message": [("message", 1)],
        "the first ack": [("ack", 2)],
        "every message": [("message", 1), ("message", 2)],
        "every ack": [("ack", 2), ("ack", 4)],
    }


def test_a_sender_without_answer_cannot_tell_nothing_from_too_much() -> None:
    empty, double = run("every message"), run("every ack")
    assert empty.seen_by("sender") == double.seen_by("sender")
    assert empty.processed()["1"] == 0
    assert double.processed()["1"] == 2


def test_nothing_is_left_to_chance() -> None:
    assert run("every ack", seed=1).digest() == run("every ack", seed=2).digest()


def test_an_unknown_loss_is_named() -> None:
    with pytest.raises(ValueError, match="lost is 'half of it'; allowed: nothing, the first"):
        run("half of it")
