"""The stored runs: what they say is what the runs say when they are run again."""

from __future__ import annotations

from pathlib import Path

import pytest
import store_runs

from delivery_semantics import Once, ProcessOnce, sweep
from delivery_semantics.experiments.million_runs import stored
from delivery_semantics.experiments.million_runs.runs import (
    Runs,
    digest,
    more_than,
    tally,
    times,
    total,
)
from delivery_semantics.experiments.million_runs.tail import OFTEN, SAMPLES, few, longer, missed

LONG = stored.read()


def test_a_tally_counts_its_runs_one_by_one() -> None:
    runs = Runs(first=500, count=200, crash=0.3)
    counted = [times(runs, seed) for seed in range(500, 700)]
    assert tally(runs) == tuple(counted.count(n) for n in range(1, max(counted) + 1))
    assert max(counted) > 2


def test_where_runs_are_cut_does_not_matter() -> None:
    parts = [Runs(first, 50, crash=0.3) for first in (0, 50, 100)]
    assert total(map(tally, parts)) == tally(Runs(0, 150, crash=0.3))


def test_one_transaction_has_no_gap() -> None:
    runs = Runs(0, 300, crash=0.3, receiver=ProcessOnce, before=Once)
    assert tally(runs) == (300,)


# The stored run ---------------------------------------------------------------------------


def test_the_stored_run_has_every_seed_once() -> None:
    assert LONG.runs == stored.PER_CELL * len(stored.CELLS) >= 1_000_000
    assert len(LONG.tallies) == len(stored.CELLS)
    assert {sum(one) for one in LONG.tallies} == {stored.PER_CELL}
    firsts = [cell.first for cell in stored.CELLS]
    assert firsts == list(range(0, LONG.runs, stored.PER_CELL))


@pytest.mark.slow
def test_cells_that_are_run_again_count_what_is_stored() -> None:
    """The first, the last, some between, and all that hold the longest tails."""
    longest = max(map(len, LONG.tallies))
    rare = [number for number, one in enumerate(LONG.tallies) if len(one) == longest]
    chosen = sorted({0, len(LONG.tallies) // 3, len(LONG.tallies) - 1, *rare[:4]})
    again = sweep([stored.CELLS[number] for number in chosen], fn=tally)
    assert again == [LONG.tallies[number] for number in chosen]


def test_the_tail_is_the_closed_form() -> None:
    """Crashes in a row, each with probability c: more than k times has the chance c^k."""
    found = total(LONG.tallies)
    for often in (1, 2, 3, 4, 5):
        mean = LONG.runs * 0.01**often
        assert abs(more_than(found, often) - mean) <= 4 * max(mean, 0.25) ** 0.5, often


def test_a_stored_tally_that_was_changed_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tmp_path / "long_run.json"
    text = stored.FILE.read_text(encoding="utf-8")
    monkeypatch.setattr(stored, "FILE", changed)
    stored.write(LONG)
    assert changed.read_text(encoding="utf-8") == text
    first = str(list(LONG.tallies[0]))
    changed.write_text(text.replace(first, "[2500]", 1), encoding="utf-8")
    with pytest.raises(ValueError, match="has the digest") as error:
        stored.read()
    assert f"allowed: {digest(LONG.tallies)}" in str(error.value)


def test_the_command_stores_what_a_plain_loop_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [Runs(10 * number, 10, crash=0.3) for number in range(6)]
    monkeypatch.setattr(stored, "FILE", tmp_path / "few.json")
    store_runs.count(cells, workers=2)
    assert stored.read().tallies == tuple(map(tally, cells))
    assert stored.read().workers == 2


# The panel --------------------------------------------------------------------------------


def test_the_panel_shows_what_its_runs_counted() -> None:
    view = few(runs=300, crash_percent=20, seed=1)
    counted = tally(Runs(1_000_000, 300, crash=0.2))
    for often in OFTEN:
        assert view.numbers[f"made {often + 1} times or more"] == more_than(counted, often)
    assert view.numbers["not seen: times"] == len(counted) + 1
    assert view.numbers["3/n"] == 0.01
    assert view.numbers["chance of it, by formula"] == 0.2 ** len(counted)
    assert few(runs=300, crash_percent=20, seed=2).numbers != view.numbers


def test_a_longer_run_begins_as_the_stored_one() -> None:
    for cells in (1, 100, len(stored.CELLS)):
        counted = total(LONG.tallies[:cells])
        numbers = longer(runs=cells * stored.PER_CELL).numbers
        for often in OFTEN:
            assert numbers[f"made {often + 1} times or more"] == more_than(counted, often)
        assert numbers["not seen: times"] == len(counted) + 1


def test_samples_that_saw_none_are_as_many_as_the_formula_says() -> None:
    for size in SAMPLES:
        numbers = missed(runs=size).numbers
        cells = size // stored.PER_CELL
        assert numbers["samples"] == len(stored.CELLS) // cells
        starts = range(0, len(LONG.tallies) - cells + 1, cells)
        seen = [any(len(one) > 2 for one in LONG.tallies[at : at + cells]) for at in starts]
        assert numbers["saw none"] == seen.count(False)
        mean = len(seen) * (1 - 1e-4) ** size
        assert abs(seen.count(False) - mean) <= 4 * max(mean * (1 - mean / len(seen)), 1) ** 0.5
