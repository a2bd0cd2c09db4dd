"""The webhook of Bring Your Own: what its page says, and what pytest says of its test."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from delivery_semantics import Bounds, Exploration, ImpureHandler, Participant, explore
from delivery_semantics.core.steps import describe
from delivery_semantics.experiments import own_service
from delivery_semantics.experiments.own_service.faults import FAULTS, MAILS, fault_view
from delivery_semantics.experiments.own_service.kills import (
    kill_view,
    killed_and_modelled,
    kills,
    mails,
)
from delivery_semantics.experiments.own_service.said import pytest_says
from delivery_semantics.experiments.own_service.webhook import (
    Mail,
    MailThenAck,
    MailWithKey,
    Remembers,
    SaveAckMail,
    service,
)
from delivery_semantics.live.campaign import kill_campaign

TEST = Path(own_service.__file__).with_name("test_webhook.py")
BARE = """
from delivery_semantics import explore
from delivery_semantics.experiments.own_service.webhook import Mail, SaveAckMail, service

def test_bare():
    assert explore(service(SaveAckMail(), Mail()))
"""


def searched(webhook: Participant, mail: Participant) -> Exploration:
    return explore(service(webhook, mail))


@pytest.mark.parametrize(
    ("webhook", "mail", "two", "none"),
    [
        (SaveAckMail(), Mail(), True, True),
        (SaveAckMail(), MailWithKey(), False, True),
        (MailThenAck(), Mail(), True, False),
        (MailThenAck(), MailWithKey(), False, False),
    ],
)
def test_who_gets_two_mails_and_who_none(
    webhook: Participant, mail: Participant, two: bool, none: bool
) -> None:
    found = searched(webhook, mail)
    assert found.never_more_than_once.holds is not two
    assert found.at_least_once_eventually.holds is not none


def test_a_crash_alone_is_enough_for_both_failures() -> None:
    crash = Bounds(losses=0, duplicates=0, crashable=("webhook",))
    assert not explore(service(SaveAckMail(), Mail()), crash).at_least_once_eventually.holds
    assert not explore(service(MailThenAck(), Mail()), crash).never_more_than_once.holds


@pytest.mark.parametrize(
    ("webhook", "mail", "ends"),
    [
        ("saves, acks, mails", "takes no key", ["no mail", "two mails", "no mail"]),
        ("saves, acks, mails", "takes a key", ["no mail", "always one mail", "no mail"]),
        ("acks last", "takes no key", ["two mails"] * 3),
        ("acks last", "takes a key", ["always one mail"] * 3),
    ],
)
def test_which_fault_alone_is_enough(webhook: str, mail: str, ends: list[str]) -> None:
    views = [fault_view(webhook=webhook, mail=mail, fault=fault) for fault in FAULTS]
    assert [view.sentence.rpartition(": ")[2].rstrip(".") for view in views] == ends
    shown = {"no mail": 0, "always one mail": 1, "two mails": 2}
    assert [view.numbers["mails in this run"] for view in views] == [shown[e] for e in ends]


def test_a_webhook_that_remembers_by_itself_is_refused_by_name() -> None:
    with pytest.raises(ImpureHandler, match=r"webhook keeps state in self\.seen"):
        searched(Remembers(), MailWithKey())


def test_pytest_shows_the_steps_and_the_sentences_of_a_failure_and_the_picture_is_there() -> (
    None
):
    said = pytest_says(TEST)
    verdict = searched(SaveAckMail(), MailWithKey()).at_least_once_eventually
    one_line = " ".join(said.text.replace("\nE ", " ").split())
    assert ", ".join(map(describe, verdict.steps)) in one_line
    assert "Message order-7 is lost." in said.text
    assert said.text.endswith("\n1 failed, 1 passed")
    [(name, svg)] = said.pictures.items()
    assert f"Drawn in {name}" in said.text
    assert svg.startswith("<svg ")


def test_what_pytest_says_is_the_same_again_and_names_no_folder() -> None:
    said = pytest_says(TEST)
    assert repr(said) == repr(pytest_says(TEST))
    assert str(TEST.parent) not in said.text
    assert str(Path.home()) not in said.text
    assert "/tmp" not in said.text


def test_a_bare_assertion_shows_what_is_broken(tmp_path: Path) -> None:
    test = tmp_path / "test_bare.py"
    test.write_text(BARE)
    said = pytest_says(test)
    assert (
        "assert never more than once: broken · at least once, eventually: broken" in said.text
    )
    assert "Lose(3)" in said.text
    assert said.pictures == {}


@pytest.mark.parametrize("mail", [Mail(), MailWithKey()])
@pytest.mark.parametrize("webhook", [SaveAckMail(), MailThenAck()])
def test_the_killed_process_does_what_the_model_does(
    webhook: Participant, mail: Participant
) -> None:
    runs = killed_and_modelled(service(webhook, mail))
    assert len(runs) == (4 if isinstance(webhook, SaveAckMail) else 5)
    for killed, crashed in runs:
        assert killed.step == crashed.step
        assert mails(killed.trace) == mails(crashed.trace)
        assert killed.marked == frozenset({"order-7"})
        assert crashed.marked == frozenset({"order-7"})


def test_the_kills_find_the_second_mail_and_the_mail_that_never_was() -> None:
    keyless = killed_and_modelled(service(MailThenAck(), Mail()))
    keyed = killed_and_modelled(service(MailThenAck(), MailWithKey()))
    hasty = killed_and_modelled(service(SaveAckMail(), MailWithKey()))
    assert [mails(killed.trace) for killed, _ in keyless] == [1, 2, 2, 1, 1]
    assert [mails(killed.trace) for killed, _ in keyed] == [1, 1, 1, 1, 1]
    assert [mails(killed.trace) for killed, _ in hasty] == [1, 0, 0, 1]


def test_a_kill_before_the_mark_leaves_none_and_the_retry_makes_it(tmp_path: Path) -> None:
    urls = (f"sqlite:///{tmp_path}/{number}.db" for number in count())
    runs = kill_campaign(service(MailThenAck(), MailWithKey()), urls, who="webhook")
    [run] = [run for run in runs if run.step == "before Mark"]
    what = [event.what for event in run.trace.events if event.who == "webhook"]
    assert what.index("crashed") < what.index("marked")
    assert run.marked == frozenset({"order-7"})


def test_a_killed_process_is_shown_with_its_mails() -> None:
    for mail, most in zip(MAILS, (2, 1), strict=True):
        shown = {place: kill_view(mail=mail, killed=place).numbers for place in kills(mail)}
        assert max(numbers["mails"] for numbers in shown.values()) == most
        for place, numbers in shown.items():
            assert numbers["mails"] == mails(kills(mail)[place].trace)
            one = numbers["one mail, and one only"]
            assert one == ("holds" if numbers["mails"] == 1 else "broken")
            assert numbers["in the database"] == "order-7"
    with pytest.raises(ValueError, match="mail is 'none'; allowed: "):
        kill_view(mail="none", killed="1. before Send")
    with pytest.raises(ValueError, match="killed is 'never'; allowed: "):
        kill_view(mail="takes a key", killed="never")
