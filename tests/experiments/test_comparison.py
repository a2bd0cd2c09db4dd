"""The document's table of semantics: what was measured, and what it costs."""

from __future__ import annotations

import pytest

from delivery_semantics.experiments.comparison.footnote import footnote_view, halves
from delivery_semantics.experiments.comparison.measured import (
    PROFILES,
    ROWS,
    cells,
    killed,
    killed_view,
    simulated,
)
from delivery_semantics.experiments.comparison.patience import limited, patience
from delivery_semantics.experiments.comparison.price import PRICES, best, price
from delivery_semantics.experiments.semantics.pairs import count


def test_one_cell_is_wrong_where_the_network_copies() -> None:
    wrong = {profile: cells(profile=profile, seed=1).sentence for profile in PROFILES}
    assert {p for p, says in wrong.items() if "Otherwise" in says} == {
        "packets copied", "all three",
    }  # fmt: skip
    assert "at-most-once: no duplicates, but 49 times" in wrong["packets copied"]
    assert "at-least-once" not in wrong["all three"]


@pytest.mark.parametrize("profile", PROFILES)
def test_exactly_once_has_the_money_right_under_every_profile(profile: str) -> None:
    counts = simulated("exactly-once processing", profile)
    assert counts.groups() == {"never": 0, "once": 1_000, "twice or more": 0}
    assert counts.money_there == counts.money_expected == 10_000


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_a_killed_process_ends_as_the_simulation_does(row: str) -> None:
    real = killed(row, "all three", messages=60)
    assert real.counts == simulated(row, "all three", messages=60)
    assert real.money_there == real.counts.money_there
    assert real.kills > 0


def test_an_unknown_profile_is_named() -> None:
    for measure in (simulated, killed):
        with pytest.raises(ValueError, match=r"profile: 'rain'|profile is 'rain'"):
            measure("at-least-once", "rain")


def test_more_attempts_lose_less_and_a_doubt_is_no_loss() -> None:
    lost = [
        count(limited("exactly-once", k, 20)).groups()["never"] for k in (1, 2, 3, 4, 6)
    ]  # fmt: skip
    assert lost == sorted(lost, reverse=True)
    assert abs(lost[0] - 200) < 40
    assert lost[-1] == 0
    assert len(limited("exactly-once", 6, 20).of("gave_up")) == 5
    assert patience(attempts=6, loss=20, seed=1).numbers["there, exactly-once"] == 10_000


def test_the_price_chooses_the_row() -> None:
    assert best(0, 1) == "at-most-once"
    assert best(10, 1) == "at-least-once"
    assert best(10, 10) == "exactly-once processing"
    assert price(lost=10, repeated=10, seed=1).sentence.startswith("Cheapest: exactly-once")
    with pytest.raises(ValueError, match="repeated is -1"):
        price(lost=0, repeated=-1, seed=1)


def test_the_map_of_prices_marks_where_the_reader_stands() -> None:
    _, chart = price(lost=10, repeated=1, seed=1).pictures
    assert chart.description.count("(here)") == 1
    assert "lost 10, repeated 1: at-least-once (here)." in chart.description
    assert chart.description.count("lost ") == len(PRICES) ** 2


@pytest.mark.slow
def test_the_panel_of_kills_has_the_money_of_the_database() -> None:
    view = killed_view(row="at-least-once", profile="receiver crashes", seed=1)
    assert view.numbers["money there"] == 2_110
    assert view.numbers["twice or more"] == 11


@pytest.mark.parametrize(
    ("retries", "deduplication", "never", "twice"),
    [("yes", "yes", False, False), ("no", "yes", True, False),
     ("yes", "no", False, True), ("no", "no", True, True)],
)  # fmt: skip
def test_each_half_keeps_away_one_mistake(
    retries: str, deduplication: str, *, never: bool, twice: bool
) -> None:
    groups = halves(retries, deduplication, "all three").groups()
    assert (bool(groups["never"]), bool(groups["twice or more"])) == (never, twice)
    view = footnote_view(
        retries=retries, deduplication=deduplication, profile="nothing", seed=1
    )
    assert view.numbers["money there"] == view.numbers["money expected"] == 10_000


def test_a_half_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"retries is 'often'; allowed: "):
        halves("often", "yes", "nothing")
