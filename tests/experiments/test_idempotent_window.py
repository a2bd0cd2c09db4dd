from __future__ import annotations

import math

import pytest

from delivery_semantics.experiments.idempotent.gaps import gaps_picture
from delivery_semantics.experiments.idempotent.window import (
    EVEN,
    FORMS,
    RANDOM,
    measured,
    pairs,
    run,
    steps_picture,
    window_plot,
    window_plot_view,
    window_view,
)
from delivery_semantics.theory.race import transfers_at_once


@pytest.mark.parametrize(
    ("gap_s", "transfers"), [(0.0, 2), (0.009, 2), (0.01, 1), (0.011, 1), (1.0, 1)]
)
def test_two_copies_both_transfer_if_their_gap_is_shorter_than_the_window(
    gap_s: float, transfers: int
) -> None:
    made = run((0.0, gap_s), window_s=0.01).bank
    assert (made.balances["b"], len(made.marks)) == (10 * transfers, transfers)
    assert sum(made.balances.values()) == 100


@pytest.mark.parametrize("copies", [1, 2, 8])
@pytest.mark.parametrize("window_s", [0.0, 0.01])
def test_copies_at_the_same_moment_transfer_as_often_as_the_formula_says(
    copies: int, window_s: float
) -> None:
    made = run([0.0] * copies, window_s=window_s).bank
    expected = transfers_at_once(copies=copies, window_s=window_s)
    assert made.balances["b"] == 10 * expected


def test_the_steps_of_a_copy_lie_evenly_in_its_window() -> None:
    first, second = run((0.0, 0.03), window_s=0.03).steps
    assert [(round(at, 9), step) for at, step in first] == [
        (0.0, "check"),
        (0.01, "debit"),
        (0.02, "credit"),
        (0.03, "mark"),
    ]
    assert second == [(0.03, "check")]


@pytest.mark.slow
@pytest.mark.parametrize("gaps", [EVEN, RANDOM])
@pytest.mark.parametrize("window_s", [0.0, 0.002, 0.01, 0.04, 0.06])
def test_the_measured_share_is_the_closed_form(gaps: str, window_s: float) -> None:
    trials = 4000
    theory = FORMS[gaps](window_s, 0.05)
    found = measured(window_s=window_s, gap_s=0.05, gaps=gaps, trials=trials, seed=3)
    # Four standard deviations: a right formula fails once in 16,000 seeds.
    assert found.share == pytest.approx(
        theory, abs=4 * math.sqrt(theory * (1 - theory) / trials)
    )


def test_the_view_counts_the_money() -> None:
    view = window_view(window_ms=10, gap_ms=50, gaps=EVEN)
    twice = view.numbers["moved twice"]
    assert isinstance(twice, int)
    assert 50 < twice < 110
    assert view.numbers["money expected"] == 4000
    assert view.numbers["money there"] == 4000 + 10 * twice
    assert view == window_view(window_ms=10, gap_ms=50, gaps=EVEN)


def test_the_red_gaps_are_those_before_the_mark_and_the_money_has_the_excess() -> None:
    made = pairs(window_s=0.01, gap_s=0.05, gaps=EVEN, trials=400, seed=1)
    assert all(twice == (gap < 0.01) for gap, twice in made)
    histogram, there = window_view(window_ms=10, gap_ms=50, gaps=EVEN).pictures
    twice = sum(twice for _, twice in made)
    assert f"400 gaps between two copies, from 0.1 ms to 1 s. {twice} of them moved" in (
        histogram.description
    )
    assert f"{10 * twice} too much" in there.description


def test_a_histogram_without_gaps_is_refused() -> None:
    with pytest.raises(ValueError, match="gaps is empty; allowed: at least one"):
        gaps_picture([], window_ms=10, title="Nothing")


def test_without_a_window_no_money_moves_twice() -> None:
    assert window_view(window_ms=0, gap_ms=25, gaps=RANDOM).numbers["moved twice"] == 0


def test_the_plot_is_close_to_its_curves() -> None:
    assert "gap even, measured is at most" in window_plot(trials=50).description


def test_the_plots_view_says_what_the_formulas_give_at_10_ms() -> None:
    view = window_plot_view(gap_ms=20)
    assert view.numbers == {"even, at 10 ms": 0.5, "exponential, at 10 ms": 0.393}
    assert "Transferred twice, gaps up to 20 ms" in view.pictures[0].title


@pytest.mark.parametrize(("gap_ms", "says"), [(5, "2 transfers"), (10, "1 transfer")])
def test_a_picture_of_two_copies_says_what_came_of_them(gap_ms: int, says: str) -> None:
    assert steps_picture(gap_ms=gap_ms).title.endswith(f"later: {says}")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"window_s": -1.0}, "window_s is -1.0; allowed"),
        ({"gap_s": 0.0}, "gap_s is 0.0; allowed"),
        ({"trials": 0}, "trials is 0; allowed"),
        ({"gaps": "none"}, "gaps is 'none'; allowed: any gap up to the longest, exponential"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], says: str) -> None:
    good = {"window_s": 0.01, "gap_s": 0.05, "gaps": EVEN, "trials": 10, "seed": 1}
    with pytest.raises(ValueError, match=says):
        measured(**good | change)  # type: ignore[arg-type]
