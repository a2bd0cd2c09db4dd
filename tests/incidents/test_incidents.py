"""The incidents: each model breaks as its report says and no other way, and each mend holds."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from delivery_semantics import Verdict, explore, script
from delivery_semantics.incidents import INCIDENTS
from delivery_semantics.incidents.incident import NO_FAULT
from delivery_semantics.incidents.queues import waits_for_its_time

each_incident = pytest.mark.parametrize("name", INCIDENTS)


@each_incident
def test_it_breaks_as_reported_and_in_no_other_way(name: str) -> None:
    incident = INCIDENTS[name]
    verdicts = incident.search(mended=False).verdicts
    assert [each.claim for each in verdicts if not each.holds] == [incident.claim]


@each_incident
def test_the_mended_one_holds_wholly(name: str) -> None:
    assert INCIDENTS[name].search(mended=True)


@each_incident
def test_one_change_mends_it(name: str) -> None:
    incident = INCIDENTS[name]
    before, after = incident.parts(False), incident.parts(True)
    assert list(before) == list(after)
    who, old, new = incident.change()
    assert set(who.split(", ")) <= set(before)
    assert old != new
    for text in (old, new):
        assert text.count("=") == ("(" in text)  # one argument, or another class


@each_incident
def test_the_shortest_run_is_a_run_and_ends_with_the_step_that_breaks_it(name: str) -> None:
    incident = INCIDENTS[name]
    verdict = incident.verdict(mended=False)
    owed, paid = incident.money()

    def processed(count: int) -> int:
        parts, stores = incident.parts(False), incident.stores
        steps = verdict.steps[:count]
        return script(parts, *steps, automatic=False, stores=stores).processed()["1"]

    whole = len(verdict.steps)
    assert paid == owed * processed(whole)
    if incident.claim == Verdict.NEVER_TWICE:
        assert [processed(count) for count in (0, whole - 1, whole)] == [0, 1, 2]
    else:
        assert processed(whole) == 0


@each_incident
def test_the_fault_of_the_report_is_needed(name: str) -> None:
    incident = INCIDENTS[name]
    spared = replace(NO_FAULT, reordering=incident.bounds.reordering)
    found = explore(incident.parts(False), spared, stores=incident.stores)
    assert bool(found) == (spared != incident.bounds)


def test_a_longer_visibility_time_is_no_mend() -> None:
    found = explore(waits_for_its_time(False, visibility_s=3_600.0), NO_FAULT)
    assert not found.never_more_than_once.holds


def test_the_reports_are_threads_with_their_days() -> None:
    threads = [incident.report for incident in INCIDENTS.values()]
    assert len(set(threads)) == len(INCIDENTS) >= 12
    for incident in INCIDENTS.values():
        assert re.fullmatch(
            r"https://github\.com/[^/]+/[^/]+/(issues|pull)/\d+", incident.report
        )
        assert date(2009, 1, 1) < date.fromisoformat(incident.day) < date(2026, 12, 31)
        assert re.fullmatch(r"[\w.-]+ #\d+", incident.thread)
