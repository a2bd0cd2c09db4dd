"""The payment from the button to the ledger: each fault in turn, on both brokers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from delivery_semantics.experiments.ledger.campaign import Campaign, everything, kills
from delivery_semantics.experiments.ledger.lab import lab
from delivery_semantics.experiments.ledger.model import (
    OFF,
    ON,
    breaks,
    model_view,
    searched,
)
from delivery_semantics.experiments.ledger.servers import Servers, servers
from delivery_semantics.experiments.ledger.story import LEDGER, story
from delivery_semantics.experiments.ledger.without import PROTECTIONS, Without


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[Servers]:
    with servers("RabbitMQ") as running:
        yield running


def by_its_stories(campaign: Campaign) -> list[tuple[int, int]]:
    """Return how often each payment was booked and charged, by what the processes said."""
    told = [story(paid.order, paid.moments) for paid in campaign.paid]
    groups = [
        Counter(getattr(e.payload, "group", "") for e in each.of("processed")) for each in told
    ]
    return [(group[LEDGER], group["card"]) for group in groups]


@pytest.mark.slow
@pytest.mark.needs("rabbitmq")
def test_the_bank_may_die_at_each_step(rabbitmq: Servers) -> None:
    campaign = kills(rabbitmq, of=("bank",))
    assert [paid.fault.step for paid in campaign.paid[1:]] == [
        "taken", "BEGIN", "INSERT INTO seen_ids", "INSERT INTO entries",
        "INSERT INTO idempotency_outbox", "COMMIT", "ack", "acked",
    ]  # fmt: skip
    assert all(paid.right for paid in campaign.paid)
    assert campaign.verdict() == "ok"


@pytest.mark.slow
@pytest.mark.needs("rabbitmq")
def test_everything_may_happen_on_rabbitmq_as_on_kafka(rabbitmq: Servers) -> None:
    campaign = everything(rabbitmq)
    assert [paid for paid in campaign.paid if not paid.right] == []
    assert campaign.verdict() == "ok"
    kinds = Counter(paid.fault.kind for paid in campaign.paid)
    assert min(kinds["killed"], kinds["paused"]) == 27
    assert kinds["reply lost"] == 25
    # Two witnesses: what the processes said, and what the databases hold.
    assert by_its_stories(campaign) == [(p.booked, p.charged) for p in campaign.paid]


@pytest.mark.slow
@pytest.mark.needs("rabbitmq")
@pytest.mark.parametrize(
    ("protection", "of", "wrong"),
    [
        ("idempotency key", ("shop",), {"replying": (2, 2)}),
        ("outbox", ("shop",), {"outbox": (0, 0)}),
        ("confirm", ("relay",), {"send": (0, 0)}),
        ("inbox", ("relay", "bank"), {"stored": (2, 1), "ack": (2, 1)}),
        ("derived key", ("forwarder",), {"answered": (1, 2)}),
    ],
)
def test_without_a_protection_the_audit_convicts_the_run(
    rabbitmq: Servers, protection: str, of: tuple[str, ...], wrong: dict[str, tuple[int, int]]
) -> None:
    campaign = kills(rabbitmq, Without(protection), of=of)
    found = {p.fault.step: (p.booked, p.charged) for p in campaign.paid if not p.right}
    if protection == "outbox":  # the second transaction, from its begin to its commit
        assert set(found) == {"BEGIN", "INSERT INTO idempotency_outbox", "COMMIT"}
        assert set(found.values()) == {(0, 0)}
    else:
        assert found == wrong
    assert campaign.verdict().startswith("broken: ")
    assert by_its_stories(campaign) == [(p.booked, p.charged) for p in campaign.paid]


@pytest.mark.slow
@pytest.mark.needs("rabbitmq")
def test_two_runs_on_the_same_servers_do_not_meet(rabbitmq: Servers) -> None:
    with lab(rabbitmq) as one, lab(rabbitmq) as other:
        one.pay("1")
        other.pay("2")
        one.pay("3")
        assert one.booked() == one.charged() == Counter(["1", "3"])
        assert other.booked() == other.charged() == Counter(["2"])


# What is left behind

LIVES = """
import sys
from delivery_semantics.experiments.ledger.lab import lab
from delivery_semantics.experiments.ledger.servers import servers
with servers("RabbitMQ") as running, lab(running) as system:
    print(*system.processes(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def open_place() -> Iterator[Path]:
    """Make a folder that everybody may enter: servers do not run as root."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.slow
@pytest.mark.needs("rabbitmq")
@pytest.mark.parametrize("killed", [False, True])
def test_nothing_is_left_also_when_the_lab_is_killed(killed: bool, open_place: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LIVES], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(open_place)},
    ) as process:  # fmt: skip
        assert process.stdout
        pids = process.stdout.readline().split()
        assert all(is_there(int(pid)) for pid in pids)
        assert len(pids) == 5
        if killed:
            process.kill()
        # Its pipes end when the last one that has them is gone: guards, and the five.
        process.communicate()
    assert [pid for pid in pids if is_there(int(pid))] == []
    assert list(open_place.iterdir()) == []


# The model


def test_the_model_needs_all_five() -> None:
    reduced = [
        searched(key=False), searched(outbox=False), searched(confirm=False),
        searched(inbox=False), searched(derived_key=False),
    ]  # fmt: skip
    assert breaks(searched()) == []
    assert [[verdict.claim for verdict in breaks(found)] for found in reduced] == [
        ["never booked twice", "never more than once"], ["at least once, eventually"],
        ["at least once, eventually"], ["never booked twice"], ["never more than once"],
    ]  # fmt: skip
    assert len(reduced) == len(PROTECTIONS)


def test_the_panel_says_what_the_search_found() -> None:
    whole = model_view(key=ON, outbox=ON, confirm=ON, inbox=ON, derived_key=ON)
    less = model_view(key=ON, outbox=ON, confirm=ON, inbox=OFF, derived_key=ON)
    assert whole.numbers["steps to break it"] == "none found"
    assert "nothing breaks it" in whole.sentence
    assert "never booked twice" in less.sentence
    assert "at most 1 loss" in less.sentence
