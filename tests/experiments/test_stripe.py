"""What chapter 8 shows: real processes killed at every step, and the servers that fail."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest
from starlette.responses import JSONResponse

from delivery_semantics import AT_LEAST_ONCE, EXACTLY_ONCE, audit
from delivery_semantics.core.effects import Message
from delivery_semantics.databases import Database, empty_place
from delivery_semantics.experiments.stripe import attempts, expiry, outside, rules
from delivery_semantics.experiments.stripe.check_first import CheckFirst, check_first
from delivery_semantics.experiments.stripe.failures import failure_view, three_attempts
from delivery_semantics.experiments.stripe.faults import (
    FAULTS,
    POLICIES,
    check_first_view,
    faced,
    fault_view,
)
from delivery_semantics.experiments.stripe.journal import Journal
from delivery_semantics.experiments.stripe.kills import (
    AFTER_A_KILL,
    SERVERS,
    TAKES,
    After,
    at_each_step,
    derived_view,
    in_money,
    killed_at_each_step,
    moved,
    servers_view,
    where_view,
    with_card,
)
from delivery_semantics.experiments.stripe.lab import lab, processor
from delivery_semantics.experiments.stripe.live import (
    PAYMENT,
    MakeService,
    Restartable,
    charge,
    charged,
    service,
)
from delivery_semantics.experiments.stripe.profiles import OUR_CHOICE, profiles_table
from delivery_semantics.experiments.stripe.races import copies_view, raced, together
from delivery_semantics.idempotency import IETF_DRAFT
from delivery_semantics.idempotency.check.witness import COPIES
from delivery_semantics.live.standing import Died
from delivery_semantics.systems.gate import Gate
from delivery_semantics.systems.http.client import ask
from delivery_semantics.systems.http.framing import Passed
from delivery_semantics.systems.http.killable import Killable
from delivery_semantics.systems.http.serving import serving
from delivery_semantics.systems.payments import Card
from delivery_semantics.systems.payments.charging import STEPS, unobserved
from delivery_semantics.systems.payments.parameters import ChargeAsked
from delivery_semantics.systems.postgresql import postgresql
from delivery_semantics.theory.windows import effects_in_window

pytestmark = pytest.mark.slow  # processes are started and killed
ALONE = [s for s in STEPS if s not in ("charge committed", "card asked", "card answered")]


# Kills ------------------------------------------------------------------------------------


def counts(kills: list[After], what: str) -> dict[str, int]:
    return {kill.step: getattr(kill, what) for kill in kills}


def test_killed_at_any_step_the_service_charges_once_and_answers_the_same() -> None:
    kills = killed_at_each_step()
    assert [kill.step for kill in kills] == ALONE
    assert set(counts(kills, "charges").values()) == {1}
    assert {(kill.status, kill.same) for kill in kills} == {(200, True)}
    # The commit is the line between nothing and all of it.
    committed = ALONE.index("result committed")
    assert [kill.down for kill in kills] == [int(n >= committed) for n in range(len(ALONE))]


def test_check_process_store_charges_twice_when_killed_between_process_and_store() -> None:
    kills = killed_at_each_step(check_first)
    wrong = {step: n for step, n in counts(kills, "charges").items() if n != 1}
    assert wrong == {"processed": 2}
    money = {end.step: end.money for end in in_money(kills)}
    assert money.pop("after processed") == 2 * PAYMENT.amount
    assert set(money.values()) == {PAYMENT.amount}
    with pytest.raises(ValueError, match=r"counted is 'down'; allowed: .*moved"):
        in_money(kills, "down")


def test_a_card_is_charged_once_by_a_processor_that_honours_the_derived_key() -> None:
    with processor() as card:
        kills = killed_at_each_step(card=card)
    assert [kill.step for kill in kills] == list(STEPS)
    assert {(kill.charges, kill.moved, kill.status, kill.same) for kill in kills} == {
        (1, 1, 200, True)
    }


def test_without_keys_a_processor_is_asked_twice_or_the_charge_is_in_doubt() -> None:
    with processor(keys=False) as card:
        again = killed_at_each_step(card=card)
        never = killed_at_each_step(card=Card(card.url, ask_again=False))
    assert {step: n for step, n in counts(again, "moved").items() if n != 1} == {
        "card answered": 2
    }
    assert {step: n for step, n in counts(never, "moved").items() if n != 1} == {
        "card asked": 0
    }
    in_doubt = {step: n for step, n in counts(never, "status").items() if n != 200}
    assert in_doubt == {"card asked": 500, "card answered": 500}


def test_a_charge_that_was_begun_with_a_card_processor_is_not_ended_without_one() -> None:
    nobody = Card("http://127.0.0.1:1")
    with empty_place() as url, processor() as card:
        answers = []
        for has in (nobody, None, card):
            app = service(unobserved, time.time, url=url, card=has, profile=IETF_DRAFT)
            with serving(app) as address:
                answers.append(ask(address, charge("k")))
        assert [answer.status for answer in answers] == [500, 500, 200]
        assert "there is none now" in answers[1].body.decode()
        assert (charged(url), moved(card)) == ([2000], 1)


def killed_in_sequences(
    url: str, kills_max: int, make: MakeService = service, plans: Iterable[tuple[int, ...]] = ()
) -> tuple[int, Counter[str]]:
    """Kill the service in all sequences of up to so many kills, and in these ``plans``.

    A sequence says how many steps each life goes on, and has a payment of its own, whose amount
    is its number. Returns how many there were, and how many kills fell at each step.
    """
    sequences, fell = [*plans, ()], Counter[str]()
    with Restartable(partial(make, url=url)) as restartable:
        for number, steps_of_each in enumerate(sequences, start=1):  # more are added on the way
            request = charge(f"key-{number}", amount=number)
            for steps in steps_of_each:
                kills, path = restartable.kills, restartable.path
                restartable.attempt(request, kill_at=after(steps, path))
                if restartable.kills > kills:  # not where there were fewer steps
                    fell[path[-1]] += 1
                    restartable.restart()
            begun = len(restartable.path)
            first = restartable.attempt(request)
            if len(steps_of_each) < kills_max:
                left = range(len(restartable.path) - begun)
                sequences += [(*steps_of_each, steps) for steps in left]
            again = restartable.attempt(request)
            assert first
            assert again
            assert (first.status, first.body) == (again.status, again.body)
    return len(sequences), fell


def after(steps: int, path: list[str]) -> Callable[[str], bool]:
    """Return what tells that so many more steps have been passed, and one is reached."""
    at = len(path) + steps + 1
    return lambda _: len(path) == at


def test_a_thousand_kills_lose_and_repeat_nothing() -> None:
    """Every sequence of up to three kills, and longer ones drawn by chance."""
    dice = random.Random(1)
    longer = [tuple(dice.choices(range(10), k=dice.randint(4, 9))) for _ in range(170)]
    with empty_place() as url:
        payments, fell = killed_in_sequences(url, 3, plans=longer)
        assert sorted(charged(url)) == [*range(1, payments + 1)]
    assert fell.total() >= 1000
    assert set(fell) == set(ALONE)
    assert min(fell.values()) >= 30


def test_every_two_kills_with_a_card_processor_move_the_money_once() -> None:
    with processor() as card, empty_place() as url:
        payments, fell = killed_in_sequences(url, 2, partial(service, card=card))
        assert sorted(charged(url)) == [*range(1, payments + 1)]
        assert moved(card) == payments
    assert set(fell) == set(STEPS)


def test_every_two_kills_on_postgresql_lose_and_repeat_nothing() -> None:
    with postgresql() as server, empty_place(server) as url:
        payments, fell = killed_in_sequences(url, 2)
        assert sorted(charged(url)) == [*range(1, payments + 1)]
    assert fell.total() >= 80
    assert set(fell) == set(ALONE)


def test_the_sequences_convict_check_process_store_as_often_as_a_kill_falls_there() -> None:
    with empty_place() as url:
        payments, fell = killed_in_sequences(url, 1, check_first)
        assert len(charged(url)) == payments + 1
    assert (fell.total(), fell["processed"]) == (6, 1)


def test_a_process_that_ends_by_itself_is_not_taken_for_one_that_was_killed() -> None:
    with pytest.raises(Died):
        Killable(partial(service, url="sqlite:///no/such/folder/payments.db"))


def test_killing_is_final_and_can_be_repeated() -> None:
    with empty_place() as url, Restartable(partial(service, url=url)) as restartable:
        restartable.attempt(charge("k"), kill_at=lambda step: step == "claimed")
        with pytest.raises(ConnectionError):
            ask(restartable.url, charge("k"))
        restartable.restart()
        restartable.restart()
        reply = restartable.attempt(charge("k"))
        assert reply is not None
        assert reply.status == 200


# Faults and clients -----------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
def test_the_same_key_charges_once_and_the_client_has_an_answer(fault: str) -> None:
    ended = faced(fault, "retries, same key")
    assert (ended.charges, ended.money, ended.answered) == (1, PAYMENT.amount, True)
    verdict = audit(ended.trace).verdict(EXACTLY_ONCE)
    assert verdict == ("unknown: no fault fired" if fault == "nothing" else "ok")


def test_what_the_runs_traces_tell_is_what_is_in_the_database() -> None:
    for fault in FAULTS:
        for policy in POLICIES:
            ended = faced(fault, policy)
            assert ended.trace.processed()[PAYMENT.id] == ended.charges
            assert audit(ended.trace).money_there == ended.money
            assert bool(audit(ended.trace).acked) == ended.answered


def test_a_new_key_charges_twice_where_the_fault_falls_after_the_commit() -> None:
    charges = {fault: faced(fault, "retries, new key").charges for fault in FAULTS}
    assert {fault for fault, n in charges.items() if n == 2} == {
        "killed after the commit", "reply lost",
    }  # fmt: skip
    broken = audit(faced("reply lost", "retries, new key").trace)
    assert broken.verdict(EXACTLY_ONCE) == "broken: duplicated charge"
    assert broken.verdict(AT_LEAST_ONCE) == "ok"


def test_the_same_run_gives_the_same_picture() -> None:
    faced.cache_clear()
    first = fault_view(fault="killed after the claim", policy="retries, same key")
    faced.cache_clear()
    second = fault_view(fault="killed after the claim", policy="retries, same key")
    assert [p.svg for p in first.pictures] == [p.svg for p in second.pictures]
    assert (first.numbers, first.sentence) == (second.numbers, second.sentence)


# Copies at once ---------------------------------------------------------------------------


@pytest.mark.parametrize("copies", [2, 8])
def test_copies_at_once_convict_check_process_store_and_not_the_claim(copies: int) -> None:
    found = {server: together(server, copies=copies) for server in SERVERS}
    broken, right = found["check, process, store"], found["claim first"]
    assert (broken.charges, broken.answers) == (copies, {200: copies})
    assert (right.charges, right.answers) == (1, {200: 1, 409: copies - 1})


def test_the_copies_part_where_the_key_is_claimed() -> None:
    checks, claims = (raced(server, 8).passed for server in SERVERS)
    assert set(checks.values()) == {8}
    assert (claims["received"], claims["claimed"], claims["result committed"]) == (8, 1, 1)
    view = copies_view(server="check, process, store", copies=8)
    assert view.numbers["money there"] == 8 * PAYMENT.amount
    assert "charged 8 times" in view.sentence


# Panels -----------------------------------------------------------------------------------


def pays(url: str, retries: int) -> bool:
    """Ask until there is an answer, as Stripe's client does."""
    for _ in range(1 + retries):
        with suppress(ConnectionError):
            return ask(url, charge("abc123")).status == 200
    return False


@pytest.mark.parametrize(
    ("lost", "retries", "expected"),
    [
        ("nothing", 2, (1, 2000, True)),
        ("the first request", 0, (1, 0, False)),
        ("the first request", 2, (2, 2000, True)),
        ("the first reply", 0, (1, 2000, False)),
        ("the first reply", 2, (2, 2000, True)),
    ],
)
def test_a_client_that_may_not_retry_is_in_doubt(
    lost: str, retries: int, expected: tuple[int, int, bool]
) -> None:
    run = attempts.paid(pays, lost=lost, retries=retries)
    assert (run.requests, run.money, run.answered) == expected
    view = attempts.attempts_view(pays, lost=lost, retries=retries)
    assert view.numbers["money there"] == run.money
    with pytest.raises(ValueError, match=r"lost is 'both'; allowed: nothing"):
        attempts.paid(pays, lost="both", retries=1)


@pytest.mark.parametrize(
    ("second", "told", "replayed"),
    [
        (rules.AT_ONCE, (200, 409), False),
        ("the same, afterwards", (200, 200), True),
        ("with another amount", (200, 400), False),
        ("mended, after a wrong amount", (400, 200), False),
        ("the same, after a decline", (402, 402), True),
        ("with another card, after a decline", (402, 400), False),
        ("from another shop", (200, 200), False),
    ],
)
def test_a_second_request_is_told_what_the_rules_say(
    second: str, told: tuple[int, int], replayed: bool
) -> None:
    found, view = rules.sent(second), rules.rules_view(second=second)
    assert (found.first.status, found.second.status) == told
    assert view.sentence.endswith(", replayed.") == replayed
    assert view.numbers["money there"] == view.numbers["money expected"]


def test_a_key_for_each_attempt_pays_twice_at_a_processor_that_honours_keys() -> None:
    kills = list(with_card("a new key each time"))
    assert {step: n for step, n in counts(kills, "moved").items() if n != 1} == {
        "card answered": 2
    }
    view = derived_view(sent="a new key each time")
    assert view.sentence.endswith("Right after 9 of 10 kills; answered 500 after 0.")


def test_only_a_processor_that_takes_keys_and_is_asked_again_is_right_everywhere() -> None:
    right = {}
    for takes in TAKES:
        for after_a_kill in AFTER_A_KILL:
            numbers = where_view(takes=takes, after=after_a_kill).numbers
            right[takes, after_a_kill] = numbers["money there"] == numbers["money expected"]
    assert [way for way, good in right.items() if good] == [("takes keys", "asks again")]


def test_the_panels_of_the_two_servers_tell_what_their_kills_came_to() -> None:
    said = {server: servers_view(server=server).sentence for server in SERVERS}
    assert "Right after 5 of 6 kills" in said["check, process, store"]
    assert "Right after 7 of 7 kills" in said["claim first"]
    steps = [kill.step for kill in at_each_step("check, process, store")]
    money = {step: check_first_view(step=step).numbers["money there"] for step in steps}
    assert [step for step, there in money.items() if there != PAYMENT.amount] == ["processed"]


def test_three_services_are_told_apart_from_outside() -> None:
    failing = {
        service: outside.checked_view(service=service).numbers["does not hold"]
        for service in outside.SERVICES
    }
    assert failing["ours"] == 0
    assert 0 < int(failing["check, process, store"]) < int(failing["without keys"])


def test_whoever_comes_again_to_the_documents_server_is_answered_after_both_effects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow, come, found = Gate("the first to process"), itertools.count(), list[int]()
    process, announce = CheckFirst._process, outside.Documents._announce

    def the_first_last(
        self: CheckFirst, database: Database, account: str, asked: ChargeAsked
    ) -> JSONResponse:
        if next(come) == 0:
            slow.enter()
        return process(self, database, account, asked)

    def looks(self: outside.Documents, step: str) -> None:
        if step == "processed":
            slow.open()
        announce(self, step)
        if step == "processed":
            found.append(len(charged(url)))

    monkeypatch.setattr(CheckFirst, "_process", the_first_last)
    monkeypatch.setattr(outside.Documents, "_announce", looks)
    request = charge("H18-k")
    with (
        empty_place() as url,
        serving(outside.Documents(url)) as address,
        ThreadPoolExecutor(2) as threads,
    ):
        for asked in [threads.submit(ask, address, request) for _ in range(2)]:
            assert asked.result().status == 200
    assert found == [2, 2]


def test_copies_meet_at_the_documents_server_however_late_they_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first_is_checked, announce = threading.Event(), outside.Documents._announce

    def looks(self: outside.Documents, step: str) -> None:
        if step == "checked":
            first_is_checked.set()
        announce(self, step)

    monkeypatch.setattr(outside.Documents, "_announce", looks)
    copy = charge("H3-a")
    with (
        empty_place() as url,
        serving(outside.Documents(url)) as address,
        ThreadPoolExecutor(COPIES) as threads,
    ):
        asked = [threads.submit(ask, address, copy)]
        assert first_is_checked.wait(60)
        asked += [threads.submit(ask, address, copy) for _ in range(COPIES - 1)]
        assert [one.result().status for one in asked] == [200] * COPIES
        assert len(charged(url)) == COPIES


# Time and profiles ------------------------------------------------------------------------


@pytest.mark.parametrize("kept_h", [24, 72, 720])
@pytest.mark.parametrize("every_h", [6, 12, 24, 25, 36])
def test_an_expired_key_charges_as_often_as_the_window_says(kept_h: int, every_h: int) -> None:
    found = expiry.replayed(kept_h=kept_h, every_h=every_h)
    expected = effects_in_window(
        retries=expiry.HORIZON_H // every_h, every_s=every_h * 3600, window_s=kept_h * 3600
    )
    assert found.charges == expected
    assert found.charged[0]
    view = expiry.expiry_view(kept_h=kept_h, every_h=every_h)
    assert view.numbers["money there"] == PAYMENT.amount * expected


@pytest.mark.parametrize(
    ("profile", "lost", "expected"),
    [
        ("Stripe", "reply", [(500, False, 1), (500, True, 1), (200, False, 2)]),
        ("Stripe", "request", [(500, False, 0), (500, True, 0), (200, False, 1)]),
        ("IETF draft", "reply", [(500, False, 1), (200, False, 1), (200, False, 2)]),
        ("IETF draft", "request", [(500, False, 0), (200, False, 1), (200, False, 2)]),
    ],
)
def test_a_failure_is_kept_by_one_profile_and_continued_by_the_other(
    profile: str, lost: str, expected: list[tuple[int, bool, int]]
) -> None:
    assert list(three_attempts(profile, lost)) == expected
    view = failure_view(profile=profile, lost=lost)
    assert view.numbers["money there"] == PAYMENT.amount * expected[-1][2]


def test_the_table_of_profiles_has_a_column_for_each_and_they_differ() -> None:
    table = profiles_table()
    assert list(table.columns) == ["Stripe", "IETF draft"]
    differing = [what for what in table.index if len(set(table.loc[what])) == 2]
    assert {"a 500", "the parameters have changed", "a request without a key"} <= set(differing)
    assert "the first is still being carried out" not in differing


def test_each_cell_of_the_table_of_profiles_says_on_whose_word_it_stands() -> None:
    table = profiles_table()
    for name, ours in OUR_CHOICE.items():
        assert ours <= set(table.index)
        for what, does in table[name].items():
            assert does.endswith("(our choice)" if what in ours else "(documented)")


# The journal ------------------------------------------------------------------------------


def told(*fates: tuple[str, str]) -> Counter[str]:
    journal = Journal(Message("1", 10))
    for way, fate in fates:
        journal.passed(Passed(way, 1, fate, "POST /", "k", 200))
    return Counter(event.what for event in journal.trace().events)


def test_the_journal_tells_each_fate_as_the_client_sees_it() -> None:
    assert told(("request", "lost")) == {"sent": 1, "lost": 1, "timed_out": 1}
    assert told(("request", "forwarded"), ("request", "refused")) == {
        "sent": 1, "refused": 1, "timed_out": 1,
    }  # fmt: skip
    assert told(("request", "forwarded"), ("reply", "missing")) == {"sent": 1, "timed_out": 1}
    assert told(("reply", "lost")) == {"sent": 1, "lost": 1, "timed_out": 1}
    assert told(("reply", "forwarded")) == {"sent": 1, "delivered": 1}


def test_the_documents_diagram_is_what_the_run_tells() -> None:
    with lab(lose={("reply", 1)}) as running:
        for _ in range(2):
            try:
                ask(running.url, charge("abc123"))
            except ConnectionError:
                continue
        assert charged(running.store) == [PAYMENT.amount]
        sent = [event.payload for event in running.trace().of("sent")]
    labels = [getattr(payload, "label", "") for payload in sent]
    assert labels == [
        "charge, abc123", "claim abc123", "new: yours", "charge and result", "committed", "200",
        "charge, abc123", "claim abc123", "found: 200", "200, replayed",
    ]  # fmt: skip
