"""The decision chapter: each recommendation is held by a search, each number by runs."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import pytest

from delivery_semantics.experiments.which_guarantee import calculators, path, prices
from delivery_semantics.experiments.which_guarantee.path import EVERY, Recommendation
from delivery_semantics.theory.retries import Model
from delivery_semantics.theory.windows import last_attempt_s

CHAPTERS = Path(__file__).resolve().parents[2] / "chapters"
ANSWERS = (
    (path.NOTHING, path.SOMETHING), (path.NOTHING, path.SOMETHING),
    (path.MINE, path.TAKES, path.TAKES_NONE),
)  # fmt: skip


@pytest.mark.parametrize("each", EVERY, ids=lambda each: each.name)
def test_a_recommendation_accepts_what_it_says_and_no_more(each: Recommendation) -> None:
    found = path.searched(each.name)
    assert found.never_more_than_once.holds != each.repeats
    assert found.at_least_once_eventually.holds != each.loses


def test_all_answers_lead_somewhere_and_to_every_recommendation() -> None:
    ends = {path.recommended(*answers).name for answers in product(*ANSWERS)}
    assert ends == {each.name for each in EVERY}


def test_an_answer_that_nobody_offers_is_refused() -> None:
    with pytest.raises(ValueError, match="answer is 'much'; allowed: nothing, something"):
        path.recommended("much")
    with pytest.raises(ValueError, match="answers end at 'Where is the effect"):
        path.recommended(path.SOMETHING, path.SOMETHING)


@pytest.mark.parametrize("each", EVERY, ids=lambda each: each.name)
def test_the_evidence_is_in_the_book(each: Recommendation) -> None:
    assert each.evidence
    for place in each.evidence.values():
        page, _, label = place.partition("#")
        text = (CHAPTERS / page.replace(".html", ".ipynb")).read_text(encoding="utf-8")
        assert not label or f"({label})=" in text, place


class Elements(HTMLParser):
    """Counts the elements of a page, and checks that each is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_path_opens_without_a_script() -> None:
    html = path.DecisionPath()._repr_html_()
    elements = Elements()
    elements.feed(html)
    assert elements.open == []
    assert elements.seen.count("details") == elements.seen.count("summary") == 9
    assert "script" not in elements.seen
    assert all(each.sentence in html for each in EVERY)
    assert all(each.sentence in repr(path.DecisionPath()) for each in EVERY)


@pytest.mark.parametrize("answers", list(product(*ANSWERS)), ids=" / ".join)
def test_the_panel_shows_what_is_accepted(answers: tuple[str, str, str]) -> None:
    lost, repeated, where = answers
    view = path.path_view(lost=lost, repeated=repeated, where=where)
    found = path.recommended(*answers)
    assert view.numbers["may repeat"] == ("yes" if found.repeats else "no")
    assert found.sentence in view.sentence


# Numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [1, 5, 10, 20])
@pytest.mark.parametrize("attempts", calculators.TRIED)
def test_as_many_are_lost_in_a_run_as_the_formula_says(loss: int, attempts: int) -> None:
    chance = float(Model(loss=loss / 100).undelivered(attempts))
    mean = calculators.MESSAGES * chance
    deviation = (mean * (1 - chance)) ** 0.5
    assert abs(calculators.never_processed(loss, attempts) - mean) <= 3 * deviation + 1


@pytest.mark.parametrize("schedule", calculators.SCHEDULES)
@pytest.mark.parametrize("attempts", [1, 2, 5, 15])
def test_the_last_attempt_leaves_when_the_formula_says(schedule: str, attempts: int) -> None:
    backoff = calculators.SCHEDULES[schedule]
    formula = last_attempt_s(
        attempts=attempts, timeout_s=calculators.TIMEOUT_S,
        pause_s=lambda number: backoff(calculators.PAYMENT.id, number),
    )  # fmt: skip
    sent_s = calculators.sent_at_s(schedule, attempts)
    assert len(sent_s) == attempts
    assert sent_s[-1] == pytest.approx(formula)


@pytest.mark.parametrize("schedule", calculators.SCHEDULES)
def test_a_window_makes_one_effect_from_the_last_attempt_on(schedule: str) -> None:
    last_s = calculators.sent_at_s(schedule, 5)[-1]
    assert calculators.effects_of(schedule, 5, last_s * 1.01) == 1
    assert calculators.effects_of(schedule, 5, last_s * 0.99) == 2


@pytest.mark.parametrize("ack_loss", calculators.ACK_LOSS)
def test_as_many_are_repeated_in_a_run_as_the_formula_says(ack_loss: int) -> None:
    mean = float(Model(ack_loss=ack_loss / 100).duplicates_mean())
    deviation = (mean * (1 + mean) / calculators.MESSAGES) ** 0.5
    assert abs(calculators.repeated_in_a_run(ack_loss) - mean) < 3 * deviation
    view = calculators.duplicates_view(ack_loss=ack_loss, per_day=1_000)
    assert view.numbers["again each day"] == round(1_000 * mean)


# Prices -------------------------------------------------------------------------------------


def test_the_first_kind_of_each_system_is_what_the_others_are_measured_by() -> None:
    for system in prices.systems():
        first, *others = [price for price in prices.read() if price.system == system]
        assert first.times == 1
        assert others
        assert all(price.median_us < price.p99_us for price in (first, *others))
        assert prices.price_view(system=system).sentence.startswith(f"{system}: the dearest")


def test_the_bars_say_what_the_number_says() -> None:
    for system in prices.systems():
        first, *others = [price for price in prices.read() if price.system == system]
        drawn = prices.price_view(system=system).pictures[0].description
        for price in (first, *others):
            mean_us = round(1e6 / price.per_second)
            assert f"{price.guarantee}: mean {mean_us:,}" in drawn
            assert mean_us * first.per_second / 1e6 == pytest.approx(price.times, rel=0.02)


def test_what_is_written_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [prices.Price("a", "b", 1, 2, 3, 1.0), prices.Price("a", "c", 1, 2, 3, 1.5)]
    monkeypatch.setattr(prices, "FILE", tmp_path / "prices.json")
    prices.write(made)
    assert prices.read() == made


def test_the_panel_of_prices_has_the_same_numbers_for_each_system() -> None:
    names = {tuple(prices.price_view(system=system).numbers) for system in prices.systems()}
    assert len(names) == 1
