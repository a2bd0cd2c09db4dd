"""The experiments of gRPC: each real run is one that the search finds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from delivery_semantics import AT_LEAST_ONCE, EXACTLY_ONCE, audit
from delivery_semantics.experiments.grpc import edges, faults, kills, model, streams
from delivery_semantics.experiments.grpc.faults import CLIENTS, FAULTS, SERVERS
from delivery_semantics.experiments.grpc.log import SERVER
from delivery_semantics.systems.lab import FAULTS as AT_A_STEP
from delivery_semantics.systems.lab import KILLED, PAUSED

FORGETS, REMEMBERS = SERVERS
ONE, FOUR = CLIENTS
EVERY = [(f, c, s) for f in FAULTS for c in CLIENTS for s in SERVERS]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "client", "server"), EVERY)
def test_what_a_call_came_to_is_among_what_the_search_finds(
    fault: str, client: str, server: str
) -> None:
    assert faults.among(fault, client, server)
    ended = faults.faced(fault, client, server)
    assert ended.effects == ended.trace.processed()["1"]


def test_the_first_model_did_not_know_that_headers_commit_a_call() -> None:
    ended = faults.faced("reply cut after its headers", FOUR, FORGETS)
    simple = model.searched(attempts_max=4, once=False)
    better = model.searched_in_two_parts(attempts_max=4, once=False)
    assert ended.trace.outcome() not in simple.outcomes
    assert ended.trace.outcome() in better.outcomes
    assert set(simple.outcomes) < set(better.outcomes)


def test_the_shortest_run_of_the_search_is_the_one_that_is_made() -> None:
    found = model.searched(attempts_max=4, once=False).never_more_than_once
    assert found.counterexample
    real = faults.faced("reply lost", FOUR, FORGETS).trace
    steps = ("sent", "lost", "delivered", "processed")
    assert [(e.what, e.who) for e in found.counterexample.of(*steps)] == [
        (e.what, e.who) for e in real.of(*steps)
    ][: len(found.counterexample.of(*steps))]


@pytest.mark.slow
@pytest.mark.parametrize("fault", AT_A_STEP)
def test_a_server_that_forgets_is_convicted_and_one_that_remembers_acquitted(
    fault: str,
) -> None:
    verdicts = {
        server: [audit(e.trace).verdict(EXACTLY_ONCE) for e in kills.endings(fault, server)]
        for server in SERVERS
    }
    assert "broken: duplicated 1" in verdicts[FORGETS]
    assert set(verdicts[REMEMBERS]) == {"ok"}


@pytest.mark.slow
@pytest.mark.parametrize("fault", AT_A_STEP)
@pytest.mark.parametrize("server", SERVERS)
def test_the_money_is_what_the_log_says_and_the_run_is_among_the_searchs(
    server: str, fault: str
) -> None:
    killed = replace(model.EARLY, early_timeouts=0, crashes=1, crashable=(SERVER,))
    bounds = killed if fault == KILLED else model.EARLY
    found = model.searched(attempts_max=4, once=SERVERS[server], bounds=bounds)
    for end in kills.endings(fault, server):
        assert end.trace.outcome() in found.outcomes
        assert audit(end.trace).money_there == end.money


def test_a_search_finds_every_end_of_a_paused_server_that_was_seen() -> None:
    seen = {e.trace.outcome() for e in kills.endings(PAUSED, FORGETS)}
    found = model.searched(attempts_max=4, once=False, bounds=model.EARLY)
    assert (("1", 2, "confirmed"),) in seen & set(found.outcomes)


@pytest.mark.parametrize(("lost", "attempts_max"), [(0, 4), (1, 2), (3, 4), (5, 9)])
@pytest.mark.parametrize("server", SERVERS)
def test_effects_are_lost_replies_and_one_more_up_to_five(
    server: str, lost: int, attempts_max: int
) -> None:
    ended = faults.lost_replies(lost, attempts_max, server)
    assert ended.effects == faults.effects_expected(lost, attempts_max, server)
    verdict = audit(ended.trace).verdict(EXACTLY_ONCE)
    assert verdict.startswith("broken: duplicated") == (ended.effects > 1)


def test_a_retry_policy_is_at_least_once_as_long_as_there_are_attempts() -> None:
    ended = faults.lost_replies(3, 4, FORGETS)
    assert audit(ended.trace).verdict(AT_LEAST_ONCE) == "ok"


def test_to_skip_retries_by_their_number_loses_what_never_came() -> None:
    assert edges.attempts_told() == ["–", "1", "2"]
    assert edges.retries_skipped().lost_though_acked == ("1",)


def test_a_new_call_is_a_new_payment_unless_it_says_the_same_id() -> None:
    paid = {
        (id, after_s): edges.called_again(id, after_s).effects
        for id in edges.IDS
        for after_s in edges.AGAIN_S
    }
    assert list(paid.values()) == [2, 2, 2, 1, 1, 2]
    forgotten = edges.again_view(id=edges.FOR_THE_PAYMENT, after_s=61)
    assert forgotten.numbers["money there"] == 20


def test_what_stands_outside_of_the_transaction_is_repeated() -> None:
    assert edges.mailed() == (edges.Came("OK", 1), 2)


def test_nobody_listens_is_unavailable_or_waited_for() -> None:
    assert edges.before_the_server(waits=False) == edges.Came("UNAVAILABLE", 0)
    assert edges.before_the_server(waits=True) == edges.Came("OK", 1)


def test_a_stream_of_requests_is_replayed_whole() -> None:
    assert edges.stream_replayed().effects == 6


@pytest.mark.parametrize("cut_at", [1, 2, 4])
@pytest.mark.parametrize("resumes", [False, True])
def test_who_resumes_a_stream_gets_each_payment_once(cut_at: int, *, resumes: bool) -> None:
    with streams.broken_stream(4, cut_at=cut_at) as broken:
        got = [p.id for p in streams.read(broken, cut_at=cut_at, resumes=resumes)]
    again = [] if resumes else ["1", "2", "3"][: cut_at - 1]
    assert sorted(got) == sorted([*again, "1", "2", "3", "4"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "verdict"), [*zip(streams.READERS, ("lost", "duplicated", ""), strict=True)]
)
def test_the_resume_point_belongs_to_the_effect(reader: str, verdict: str) -> None:
    told = [audit(end.trace).verdict(EXACTLY_ONCE) for end in streams.reader_killed(reader)]
    broken = [each for each in told if each != "ok"]
    assert bool(broken) == bool(verdict)
    assert all(verdict in each for each in broken)


def test_views_say_what_the_runs_came_to() -> None:
    view = faults.attempts_view(lost=3, attempts_max=4, server=FORGETS)
    assert (view.numbers["effects"], view.numbers["money there"]) == (4, 40)
    view = faults.fault_view(fault="reply lost", client=FOUR, server=FORGETS)
    assert view.sentence.endswith("The client is told OK, and the payment was made 2 times.")


def test_a_number_tells_no_copy_from_a_first_and_an_id_does() -> None:
    paid = {
        (knows_by, lost): edges.sent_back(knows_by, lost).money
        for knows_by in edges.KNOWN_BY
        for lost in ("request", "reply")
    }
    assert list(paid.values()) == [0, 10, 10, 10]
    view = edges.sent_back_view(knows_by=edges.KNOWN_BY[0], lost="request")
    assert "told OK, and the payment was never made" in view.sentence


@pytest.mark.slow
def test_a_fault_that_is_chosen_is_drawn_with_its_run() -> None:
    view = kills.kill_view(server=FORGETS, fault=KILLED, place="before it replies")
    assert view.numbers["money there"] == 20
    assert "At 1 of its 2 steps the money is wrong: before Reply" in view.sentence
    held = [
        kills.kill_view(server=REMEMBERS, fault=fault, place=place).numbers["money there"]
        for fault in AT_A_STEP
        for place in kills.BEFORE
    ]
    assert held == [10] * 4


def test_a_stream_that_is_cut_comes_again_to_a_reader_that_begins_again() -> None:
    came = {
        reader: [streams.cut_view(cut_at=cut, reader=reader).numbers["money there"]
                 for cut in streams.CUTS]
        for reader in streams.WAYS
    }  # fmt: skip
    assert came == {"begins again": [40, 60, 70], "resumes": [40, 40, 40]}
