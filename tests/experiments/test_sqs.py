"""Payments through SQS: the unsafe is convicted, the safe acquitted, and the model agrees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from delivery_semantics import (
    AT_LEAST_ONCE,
    AT_MOST_ONCE,
    EXACTLY_ONCE,
    FIFO,
    AckThenProcess,
    ProcessOnce,
    ProcessThenAck,
    Semantic,
    audit,
    payments,
)
from delivery_semantics.experiments.sqs import (
    dead_letters,
    groups,
    kills,
    visibility,
    window,
)
from delivery_semantics.experiments.sqs import lab as lab_module
from delivery_semantics.experiments.sqs.dead_letters import brought_back, unreadable
from delivery_semantics.experiments.sqs.differences import QUESTIONS, answers
from delivery_semantics.experiments.sqs.groups import blocked
from delivery_semantics.experiments.sqs.lab import (
    CONSUMER,
    FIRST_SEND,
    QUEUE,
    SECOND,
    lab,
)
from delivery_semantics.systems.lab import KILLED, PAUSED
from delivery_semantics.systems.sqs import client
from delivery_semantics.systems.sqs.server import running

FIRST_DELETE = "DeleteMessage reply", 1
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as url:
        yield url


# What is drawn is what happened


def test_the_log_has_each_request_and_reply_and_who_lost_it(url: str) -> None:
    [payment] = payments(1)
    with lab(url, lose=[FIRST_SEND, FIRST_DELETE]) as run:
        assert run.send(payment) is None
        assert run.send(payment) is not None
        [taken] = run.receive()
        run.process(taken)
        assert run.delete(taken) is None
        trace = run.trace()
    assert [(e.who, e.peer) for e in trace.of("lost")] == [
        (QUEUE, "producer"), (QUEUE, CONSUMER),
    ]  # fmt: skip
    assert [e.note for e in trace.of("timed_out")] == ["cut", "cut"]
    assert len(trace.of("confirmed")) == 1
    assert len(trace.of("sent")) == 7
    assert audit(trace).money_there == payment.amount


def test_a_lost_reply_to_a_deletion_leaves_nothing_behind(url: str) -> None:
    with lab(url, fifo=True, lose=[FIRST_DELETE]) as run:
        run.send(*payments(1))
        [taken] = run.receive()
        assert run.delete(taken) is None
        run.wait(client.VISIBILITY_S, QUEUE)
        assert run.receive(SECOND) == []


def test_where_nobody_can_read_in_between_the_client_tells_the_same(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = blocked(url, fifo=True)
    monkeypatch.setattr(lab_module, "is_aws", lambda url: True)
    assert blocked(url, fifo=True).trace.digest() == told.trace.digest()


# The way in


def test_only_one_id_for_the_payment_keeps_a_copy_out_and_only_for_five_minutes() -> None:
    runs = window.resent_runs()
    once = {key for key, run in runs.items() if run.money == window.PAYMENT.amount}
    assert once == {
        (ids, after)
        for ids in (window.OF_THE_PAYMENT, window.OF_THE_CONTENT)
        for after in (0, 299)
    }
    assert all((run.deliveries, run.same_message) in {(1, True), (2, False)}
               for run in runs.values())  # fmt: skip


def test_the_queue_did_what_the_search_found() -> None:
    forgets = window.window_search(window_s=None, ids_max=0)
    for (ids, after), run in window.resent_runs().items():
        remembers = ids in (window.OF_THE_PAYMENT, window.OF_THE_CONTENT)
        found = window.window_search(window_s=300.0) if remembers else forgets
        assert run.trace.outcome() in found.outcomes, (ids, after)
        verdict = audit(run.trace).verdict(EXACTLY_ONCE)
        assert (verdict == "ok") == (run.money == window.PAYMENT.amount)
    assert window.window_search(window_s=None).never_more_than_once.holds


# The way out


def test_work_that_outlasts_its_time_is_done_twice_unless_time_is_extended() -> None:
    found = visibility.visibility_search()
    for (queue, work_s, extends), run in visibility.slow_runs().items():
        late = work_s > client.VISIBILITY_S and extends == visibility.NEVER
        assert run.money == (20 if late else 10), (queue, work_s, extends)
        assert bool(run.late_delete) == late
        assert run.trace.outcome() in found.outcomes


SETTINGS = [
    (AckThenProcess(), KILLED, AT_MOST_ONCE),
    (ProcessThenAck(), KILLED, AT_LEAST_ONCE),
    (ProcessThenAck(), PAUSED, AT_LEAST_ONCE),
    (ProcessOnce(), KILLED, EXACTLY_ONCE),
    (ProcessOnce(), PAUSED, EXACTLY_ONCE),
]


@pytest.mark.parametrize("fifo", [False, True])
@pytest.mark.parametrize(("receiver", "fault", "promise"), SETTINGS)
def test_what_is_unsafe_is_convicted_and_what_is_safe_acquitted(
    url: str,
    receiver: AckThenProcess | ProcessThenAck | ProcessOnce,
    fault: str,
    promise: Semantic,
    fifo: bool,
) -> None:
    ends = kills.endings(url, receiver, fault, fifo=fifo)
    audits = [audit(end.trace) for end in ends]
    assert not any(a.verdict(promise).startswith("broken") for a in audits)
    convicted = [a.verdict(EXACTLY_ONCE).startswith("broken") for a in audits]
    assert convicted == [end.money != end.expected for end in ends]
    assert any(convicted) == (promise is not EXACTLY_ONCE)
    found = kills.kills_search(receiver, fault)
    assert {end.trace.outcome() for end in ends} <= set(found.outcomes)


def test_a_zombies_late_deletion_is_refused(url: str) -> None:
    ends = kills.endings(url, ProcessThenAck(), PAUSED)
    [zombie] = [end for end in ends if end.step == "before Delete"]
    assert [e.note for e in zombie.trace.of("ignored")] == ["ReceiptHandleIsInvalid"]


def test_a_kill_that_is_chosen_is_the_one_between_the_two_steps() -> None:
    chosen = {
        name: [kills.killed(name, place).money for place in kills.PLACES]
        for name in kills.RECEIVERS
    }
    assert chosen == {
        "delete, process": [10, 0, 10],
        "process, delete": [10, 20, 10],
        "process once, delete": [10, 10, 10],
    }
    lost = kills.killed_view(receiver="delete, process", place="between them")
    assert lost.numbers["money there"] == 0
    assert "killed before Process. The payment is not made" in lost.sentence


def test_the_panel_of_kills_tells_the_searchs_verdicts() -> None:
    numbers = kills.kills_view(receiver="process, delete", fault=KILLED).numbers
    assert numbers["never twice, in the model"] == "broken"
    assert numbers["never lost, in the model"] == "holds"


# Order, and what cannot be read


def test_a_group_waits_for_what_is_in_flight_and_other_groups_do_not(url: str) -> None:
    fifo, standard = (blocked(url, fifo=fifo) for fifo in (True, False))
    assert (fifo.meanwhile, fifo.afterwards) == (("b1", "b2"), ("a1", "a2"))
    assert (standard.meanwhile, standard.afterwards) == (("a2", "b1", "b2"), ("a1",))
    assert audit(fifo.trace).verdict(FIFO) == "ok"
    assert audit(standard.trace).out_of_order == ("a1",)


def test_one_group_for_all_has_everybody_wait() -> None:
    view = groups.groups_view(queue=groups.BY_SHOP)
    assert (view.numbers["got at once"], view.numbers["got after 30 s"]) == (0, 4)
    overtakes = groups.groups_view(queue=groups.STANDARD)
    assert overtakes.numbers["out of order"] == "a1"


def test_what_is_drawn_of_a_long_run_is_what_the_consumers_did(url: str) -> None:
    whole = blocked(url, fifo=True).trace
    drawn = lab_module.at_the_consumers(whole)
    assert drawn.of("processed") == whole.of("processed")
    assert {e.who for e in drawn.of("sent")} == {QUEUE}
    assert drawn.of("confirmed") == ()


def test_what_cannot_be_read_blocks_its_group_until_it_is_put_aside(url: str) -> None:
    blocks = unreadable(url, fifo=True, receives_max=None, rounds=4)
    assert (blocks.order, blocks.receives, blocks.aside) == (("p1",), 4, ())
    passes = unreadable(url, fifo=True, receives_max=2, rounds=4)
    assert (passes.order, passes.receives, passes.aside) == (("p1", "p3"), 2, ("p2",))
    assert audit(passes.trace).parked == ("p2",)


def test_what_is_brought_back_within_five_minutes_is_lost_though_acked(url: str) -> None:
    early = brought_back(url, after_s=200).found
    assert (early.lost_though_acked, early.money_there) == (("p2",), 20)
    for back in (brought_back(url, after_s=301), brought_back(url, after_s=200, new_id=True)):
        assert (back.found.lost, back.found.money_there) == ((), 30)
        assert back.found.one_at_two_positions == ("p2",)


@pytest.mark.parametrize(("after_s", "id", "money"), [
    (200, dead_letters.OLD, 20), (200, dead_letters.NEW, 30),
    (301, dead_letters.OLD, 30), (301, dead_letters.NEW, 30),
])  # fmt: skip
def test_the_panel_of_what_is_brought_back_draws_that_payment_alone(
    after_s: int, id: str, money: int
) -> None:
    view = dead_letters.brought_back_view(after_s=after_s, id=id)
    assert view.numbers["money there"] == money
    [picture] = view.pictures
    assert "p2" in picture.description
    assert "p3" not in picture.description


def test_the_panel_of_what_cannot_be_read_says_what_stays() -> None:
    stays = dead_letters.unreadable_view(queue="FIFO", aside=dead_letters.NEVER)
    assert (stays.numbers["processed"], stays.numbers["put aside"]) == ("p1", "none")
    assert "stays in the queue" in stays.sentence


# The emulator


def test_where_the_emulator_differs_from_what_is_documented(url: str) -> None:
    differ = {
        question.words: answer
        for question, answer in zip(QUESTIONS, answers(url), strict=True)
        if answer != question.aws
    }
    assert differ == {
        "FIFO: ReceiveRequestAttemptId used again": "nothing",
        "FIFO: delete after the visibility timeout": "OK",
        "Standard: delete with an older receipt handle": "refused",
        "Visibility changed after its timeout": "OK",
        "Visibility to more than 12 hours in all": "OK",
        "Standard: a MessageDeduplicationId": "OK",
        "Standard: dead letters into a FIFO queue": "OK",
        "StartMessageMoveTask, the redrive of AWS": "no such action",
        "Standard: fifty messages, read at leisure": "in order, each once",
    }


def test_every_queue_of_an_experiment_is_gone_afterwards(url: str) -> None:
    blocked(url, fifo=True)
    unreadable(url, fifo=False, receives_max=1, rounds=1)
    with closing(client.connect(url)) as sqs:
        assert "QueueUrls" not in sqs.list_queues() or not sqs.list_queues()["QueueUrls"]
