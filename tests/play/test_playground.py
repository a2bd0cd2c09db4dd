"""A game is played by steps as in a link, and says what a reader sees, hears and can do."""

from __future__ import annotations

import pytest

from delivery_semantics import Bounds, ProcessOnce, RetryUntilAcked, payments, script
from delivery_semantics.core.steps import from_text
from delivery_semantics.play import views
from delivery_semantics.play.game import LOST, Game, Levels
from delivery_semantics.play.games import GAMES, one_payment
from delivery_semantics.play.levels import LEVELS
from delivery_semantics.play.playground import Playground
from delivery_semantics.play.real_systems import WITHOUT
from delivery_semantics.play.views import finish, score, view

TWICE_BY_HAND = ["deliver-1", "lose-2", "timeout-shop", "deliver-3"]
BETWEEN = ["deliver-1", "crash-bank-before-Mark", "restart-bank", "timeout-shop", "deliver-2"]


def seen(*steps: str, bank: str = "ProcessThenAck", goal: str = "") -> views.Json:
    return view("one-payment", {"bank": bank}, goal, steps)


def names(shown: views.Json) -> list[str]:
    return [button["name"] for group in shown["groups"] for button in group["buttons"]]


def test_the_first_view_offers_all_that_can_happen() -> None:
    assert names(seen()) == [
        "Deliver message 1",
        "Lose message 1",
        "Copy message 1",
        "Let the shop’s timer run out",
        "Crash the bank now",
    ]


def test_four_steps_make_the_customer_pay_twice() -> None:
    shown = seen(*TWICE_BY_HAND)
    assert shown["money"] == {
        "owed": 10, "paid": 20, "words": "paid twice", "broken": True, "good": False,
    }  # fmt: skip
    assert shown["goal"]["reached"]
    assert shown["names"] == [
        "Deliver message 1",
        "Lose ack 1",
        "Let the shop’s timer run out",
        "Deliver message 1 (retry)",
    ]
    assert shown["said"].endswith("Bank sends ack 1 to shop. The customer paid twice.")


def test_the_money_says_what_a_game_of_its_own_promise_has_broken() -> None:
    steps = ["deliver-1", "deliver-2", "deliver-4", "crash-consumer-before-Process"]
    settings = {"producer": "plain", "commits": "before"}
    shown = views.view("kafka", settings, "paid-twice", steps)
    assert shown["goal"]["words"] == "You broke another promise instead."
    assert shown["money"] == {
        "owed": 10, "paid": 0, "words": "the offset has passed a payment that was not made",
        "broken": True, "good": False,
    }  # fmt: skip


def test_the_hint_speaks_of_the_payment_whose_ack_is_on_its_way() -> None:
    paid = views.view("two-payments", {"bank": "ProcessThenAck"}, "", ["deliver-1"])
    assert paid["hint"] == "Paid once. What if the shop never hears of it?"
    acked_first = views.view(
        "two-payments", {"bank": "AckThenProcess"}, "",
        ["deliver-1", "crash-bank-before-Process", "restart-bank"],
    )  # fmt: skip
    assert acked_first["hint"] == "The ack is on its way, and nothing is paid."


def test_crash_points_stand_between_what_just_ran() -> None:
    shown = seen("deliver-1", bank="ProcessThenMark")
    assert [point["name"] for point in shown["points"]] == [
        "Crash the bank before it takes the money",
        "Crash the bank before it marks",
        "Crash the bank before it sends the ack",
    ]
    ran = [line["text"].strip() for line in shown["code"]["lines"] if line["ran"]]
    marked = [line["text"].strip() for line in shown["code"]["lines"] if line["point"]]
    assert ran == marked
    assert ran[1] == "yield Mark(message.id)"


def test_a_crash_takes_back_what_came_after_it() -> None:
    shown = seen("deliver-1", "crash-bank-before-Mark", bank="ProcessThenMark")
    crashed = [line["text"].strip() for line in shown["code"]["lines"] if line["crashed"]]
    assert crashed == ["yield Mark(message.id)"]
    assert "Bank crashes before Mark." in shown["said"]
    assert shown["chips"] == []


def test_steps_are_exactly_a_scripts() -> None:
    shown = seen(*BETWEEN, bank="ProcessThenMark")
    trace = script(one_payment("ProcessThenMark"), *map(from_text, shown["steps"]))
    assert trace.processed()["1"] * 10 == shown["money"]["paid"] == 20


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("goal", ["paid-twice", "lost"])
def test_what_the_search_finds_can_be_played(level: str, goal: str) -> None:
    found = finish("one-payment", {"bank": level}, goal, [])
    if found["steps"] is None:
        assert f"{found['worlds']:,} worlds" in found["words"]
        return
    shown = seen(*found["steps"], bank=level, goal=goal)
    assert shown["trouble"] == ""
    assert shown["goal"]["reached"]
    assert not any(
        seen(*found["steps"][:n], bank=level, goal=goal)["goal"]["reached"]
        for n in range(len(found["steps"]))
    )


def test_the_last_level_cannot_be_broken_and_says_after_how_many_worlds() -> None:
    least = {
        level: [score("one-payment", {"bank": level}, g)["shortest"] for g in ("", "lost")]
        for level in LEVELS
    }
    assert least == {
        "ProcessThenAck": [3, None],
        "AckThenProcess": [3, 4],
        "ProcessThenMark": [5, None],
        "MarkThenProcess": [None, 6],
        "ProcessOnce": [None, None],
    }


def test_the_search_goes_on_from_where_the_reader_stands() -> None:
    found = finish("one-payment", {}, "", ["deliver-1", "lose-2"])
    assert found["steps"] == TWICE_BY_HAND


@pytest.mark.parametrize(
    "text", ["deliver-7", "nonsense", "crash-shop", "crash-bank-before-Mark"]
)
def test_a_broken_link_is_answered(text: str) -> None:
    shown = seen("deliver-1", text)
    assert shown["steps"] == ["deliver-1"]
    assert shown["trouble"] == (
        f"Step 2 of this link, “{text}”, is not possible here; it stops before it."
    )


def test_packets_in_order_are_delivered_in_order() -> None:
    cast = one_payment("ProcessOnce")
    game = Game("fifo", cast, Bounds(reordering=False, early_timeouts=1, crashes=0))
    shown = views.shown(game, {}, "", ["timeout-shop"], "wide")
    assert [name for name in names(shown) if name.startswith("Deliver")] == [
        "Deliver message 1"
    ]
    assert not any(name.startswith("Crash") for name in names(shown))


def test_a_playground_of_ones_own_plays_in_a_kernel() -> None:
    cast = {"shop": RetryUntilAcked("bank", payments(1)), "bank": ProcessOnce()}
    own = Playground(cast, Bounds(), goal=LOST)
    sent: list[views.Json] = []
    own.send = sent.append
    args = {"game": "own", "settings": {}, "goal": "lost", "steps": ["deliver-1"]}
    own._answer(own, {"id": 3, "name": "view", "args": {**args, "width": "narrow"}}, [])
    own._answer(own, {"id": 4, "name": "view", "args": {**args, "width": "no"}}, [])
    assert [answer["id"] for answer in sent] == [3, 4]
    assert sent[0]["value"]["money"]["paid"] == 10
    assert sent[1]["error"]["message"] == "width is 'no'; allowed: wide, narrow"
    assert "data-playground" not in own.page()
    assert "data-playground" in Playground("one-payment").page()


@pytest.mark.parametrize("game", GAMES)
def test_every_game_can_be_won_as_the_search_says(game: str) -> None:
    for values in GAMES[game].positions():
        found = finish(game, values, "", [])
        if found["steps"] is not None:
            shown = view(game, values, "", found["steps"], "narrow")
            assert (shown["trouble"], shown["goal"]["reached"]) == ("", True)


def test_on_one_store_two_workers_keep_the_promise_that_on_two_they_break() -> None:
    once = {"bank": "ProcessOnce"}
    assert score("workers-apart", once, "")["shortest"] == 3
    assert score("workers", once, "")["shortest"] is None


def test_only_a_line_that_was_crashed_at_is_shown_as_crashed() -> None:
    values = {"producer": "plain", "commits": "before"}
    for steps, lines in (([], []), (["crash-consumer-before-Arm"], ["yield Arm"])):
        code = view("kafka", values, "skipped", steps, "wide")["code"]
        crashed = [line["text"].strip() for line in code["lines"] if line["crashed"]]
        assert [line.partition("(")[0] for line in crashed] == lines


def test_an_offset_that_is_committed_first_loses_what_the_crash_interrupts() -> None:
    def way(commits: str) -> list[str] | None:
        found = finish("kafka", {"producer": "idempotent", "commits": commits}, "skipped", [])
        steps: list[str] | None = found["steps"]
        return steps

    assert (way("after"), way("with")) == (None, None)
    assert way("before") is not None


def test_the_capstone_breaks_without_any_of_its_protections_and_not_with_all() -> None:
    shortest = {name: score("capstone", {"missing": name}, "")["shortest"] for name in WITHOUT}
    assert [name for name, steps in shortest.items() if steps is None] == ["nothing"]


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="game is 'no'; allowed: one-payment"):
        view("no", {}, "", [])
    with pytest.raises(ValueError, match="bank is 'no'; allowed: "):
        seen(bank="no")
    with pytest.raises(ValueError, match="goal is 'no'; allowed: "):
        seen(goal="no")
    with pytest.raises(ValueError, match="setting is 'shop'; allowed: "):
        view("one-payment", {"shop": "no"}, "", [])
    with pytest.raises(ValueError, match="code is 'nobody'; allowed: "):
        Game("one", one_payment("ProcessOnce"), Bounds(), code="nobody")
    with pytest.raises(ValueError, match="goals are empty"):
        Game("one", one_payment("ProcessOnce"), Bounds(), goals=())
    with pytest.raises(ValueError, match="values are "):
        Levels("bank", "The bank runs", {"a/b": "", "c": ""})


OWN = "class Bank(Passive):\n    def receive(self, source, payload):\n        {}\n"


def test_a_receiver_of_the_readers_own_is_played_and_lit_as_any_other() -> None:
    code = OWN.format('yield Once(payload.id, Process(payload)); yield Send(source, Ack("1"))')
    assert finish("yours", {"bank": code}, "", [])["steps"] is None
    assert finish("yours", {}, "", [])["steps"] is not None
    lines = view("yours", {"bank": code}, "", ["deliver-1"])["code"]["lines"]
    assert [line["text"].strip()[:10] for line in lines if line["ran"]] == ["yield Once"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1", "Bank is missing: your code defines x; allowed: Bank"),
        ("Bank = 3", r"Bank is 3; allowed: a class, class Bank\(Passive\)"),
        (OWN.format("self.x = 1; yield Process(payload)"), "bank keeps state in self.x"),
        (OWN.format("while True: yield Save('a', 1)"), "without a wait"),
    ],
)
def test_what_is_wrong_with_ones_own_receiver_is_named(code: str, said: str) -> None:
    with pytest.raises((ValueError, TypeError, NameError, RuntimeError), match=said):
        view("yours", {"bank": code}, "", ["deliver-1"])
