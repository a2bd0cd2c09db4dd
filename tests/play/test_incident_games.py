"""Every incident is played: its link opens, its shortest run breaks, and its mend holds."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from delivery_semantics import Verdict, explore
from delivery_semantics.core.steps import from_text
from delivery_semantics.incidents import INCIDENTS
from delivery_semantics.incidents.incident import NO_FAULT
from delivery_semantics.play.game import Game
from delivery_semantics.play.games import GAMES, find
from delivery_semantics.play.incidents import ENDLESS, INCIDENT_GAMES, identity
from delivery_semantics.play.links import link, shortest
from delivery_semantics.play.playground import played
from delivery_semantics.play.views import Json, finish, view

NACK = "a nack without end"
each_incident = pytest.mark.parametrize("name", INCIDENTS)


def opened(address: str) -> Json:
    """What is shown at a link, taken apart as the page takes it apart."""
    game, goal, model, *steps = unquote(address.removeprefix("#")).split("/")
    return view(game, {"model": model}, goal, steps)


def its_game(name: str) -> Game:
    return find(identity(name))


def test_every_incident_is_a_game_with_a_name_of_its_own() -> None:
    assert len(INCIDENT_GAMES) == len(INCIDENTS) == 18
    assert not {*INCIDENT_GAMES} & {*GAMES}
    assert all(
        set(name) <= {*"abcdefghijklmnopqrstuvwxyz0123456789-"} for name in INCIDENT_GAMES
    )


@each_incident
def test_its_links_open_its_beginning_its_shortest_run_and_its_mend(name: str) -> None:
    shown = {words: opened(at) for words, at in played(name).openings.items()}
    assert [each["trouble"] for each in shown.values()] == ["", "", ""]
    assert shown["Play it"]["steps"] == shown["Mended"]["steps"] == []
    assert shown["Its shortest run"]["steps"] == shortest(its_game(name), {})
    assert shown["Mended"]["settings"] == {"model": "mended"}


@each_incident
def test_its_shortest_run_ends_in_the_broken_promise_and_not_before(name: str) -> None:
    game, incident = its_game(name), INCIDENTS[name]
    steps = shortest(game, {})
    at = [view(game.id, {}, "", steps[:count]) for count in range(len(steps) + 1)]
    if name == NACK:
        assert at[-1]["names"][-2:] == ["Deliver nack 1", "Deliver message 1 (retry)"]
        assert not any(each["goal"]["reached"] for each in at)
        return
    assert [each["goal"]["reached"] for each in at] == [False] * len(steps) + [True]
    if incident.claim == Verdict.NEVER_TWICE:
        assert at[-1]["money"]["words"] == "paid twice"


@each_incident
def test_what_is_lost_at_its_end_comes_back_by_no_run(name: str) -> None:
    game, incident = its_game(name), INCIDENTS[name]
    if incident.claim == Verdict.NEVER_TWICE:
        return
    after = tuple(map(from_text, shortest(game, {})))
    found = explore(game.built({}), NO_FAULT, stores=game.stores, after=after, automatic=True)
    assert {times for outcome in found.outcomes for _, times, _ in outcome} == {0}


@each_incident
def test_mended_there_is_no_way_and_the_search_says_after_how_many_worlds(name: str) -> None:
    found = finish(identity(name), {"model": "mended"}, "", [])
    if name == NACK:
        return
    assert found["steps"] is None
    assert found["words"].startswith("No way from here. The search tried everything: ")
    assert f"{found['worlds']:,} worlds" in found["words"]


def test_out_of_the_loop_there_is_a_way_only_when_mended() -> None:
    game = its_game(NACK)
    assert finish(game.id, {}, "", shortest(game, {}))["words"].startswith("No way from here.")
    found = finish(game.id, {"model": "mended"}, "", [])
    shown = view(game.id, {"model": "mended"}, "", found["steps"])
    assert (shown["goal"]["reached"], shown["money"]["words"]) == (True, "paid once, so far")
    assert shown["names"].count("Deliver nack 1") == 1


@pytest.mark.parametrize("name", ENDLESS)
def test_a_goal_of_its_own_is_needed_where_no_run_ends(name: str) -> None:
    found = explore(INCIDENTS[name].parts(False), INCIDENTS[name].bounds)
    assert found.at_least_once_eventually.loop


def test_the_one_who_is_mended_is_the_one_whose_code_is_shown() -> None:
    for name, incident in INCIDENTS.items():
        code = view(identity(name), {}, "", [])["code"]
        assert code["who"] == incident.change()[0]


def test_a_broken_link_is_answered() -> None:
    game = its_game("acks too soon")
    shown = opened(link(game, {}, ["deliver-1", "lose-2"]))
    assert shown["steps"] == ["deliver-1"]
    assert shown["trouble"].startswith("Step 2 of this link, “lose-2”, is not possible here")
    with pytest.raises(ValueError, match="model is 'better'; allowed: "):
        link(game, {"model": "better"})
    with pytest.raises(ValueError, match="game is 'acks-too-late'; allowed: one-payment"):
        played("acks too late")


def test_a_folded_playground_has_its_links_without_a_script() -> None:
    page = played("acks too soon").page()
    assert page.startswith('<div class="playground" data-playground="')
    assert '<a href="#acks-too-soon/never-paid/as-reported">Play it</a>' in page
    assert "<svg" not in page


def test_names_with_a_number_stand_without_an_article() -> None:
    game = its_game("a lock that has run out")
    names = view(game.id, {}, "", shortest(game, {}))["names"]
    assert "Let worker 1’s timer run out" in names
    assert "Let the table’s timer for lease run out" in names
