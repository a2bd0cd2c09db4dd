"""Receivers as real processes, killed with SIGKILL: what the model does, they do."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from delivery_semantics import (
    EXACTLY_ONCE,
    Ack,
    AckThenProcess,
    AlternatingBitReceiver,
    AlternatingBitSender,
    Bounds,
    CrashPoint,
    Faults,
    MarkThenProcess,
    Message,
    Network,
    Outage,
    Participant,
    Passive,
    ProcessOnce,
    ProcessThenAck,
    ProcessThenMark,
    ReceiveAny,
    RetryUntilAcked,
    audit,
    explore,
    payments,
    script,
    simulate,
)
from delivery_semantics.core.crashes import Crashes
from delivery_semantics.core.effects import Handler, Mark, Once, Payload, Process, Send, Wait
from delivery_semantics.core.perform import boot, crash, deliver, perform, restart
from delivery_semantics.core.steps import Deliver, Run
from delivery_semantics.core.world import Packet
from delivery_semantics.databases import DatabaseRefused, connect
from delivery_semantics.databases.disk import SCHEMA, DatabaseStore
from delivery_semantics.live.processes import Divergence, Processes
from delivery_semantics.live.sockets import run_live
from delivery_semantics.live.wire import encode
from delivery_semantics.participants.receivers import HighWaterMark
from delivery_semantics.search.exploration import Verdict

ROUGH = Network(messages=Faults(loss=0.2, duplication=0.2), acks=Faults(loss=0.2))
RECEIVERS: dict[Callable[[], Participant], tuple[CrashPoint, ...]] = {
    AckThenProcess: (CrashPoint("receiver", Process, 0.3),),
    ProcessThenAck: (CrashPoint("receiver", Send, 0.3),),
    MarkThenProcess: (CrashPoint("receiver", Process, 0.3),),
    ProcessThenMark: (CrashPoint("receiver", Mark, 0.3),),
    ProcessOnce: (CrashPoint("receiver", Once, 0.3), CrashPoint("receiver", Send, 0.3)),
    HighWaterMark: (CrashPoint("receiver", Process, 0.3),),
}  # fmt: skip


def pair(receiver: Participant, messages: int = 1) -> dict[str, Participant]:
    sender = RetryUntilAcked("receiver", payments(messages))
    return {"sender": sender, "receiver": receiver}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/receiver.db"


@pytest.fixture
def disk(url: str) -> Iterator[DatabaseStore]:
    """What another connection sees of the receiver's database."""
    with closing(connect(url)) as database:
        yield DatabaseStore(database)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# The same run


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_a_seed_gives_the_same_run_with_a_process_as_without(
    receiver: Callable[[], Participant], url: str
) -> None:
    both = pair(receiver(), messages=12)
    outage = Outage("receiver", at_s=1, down_s=2)
    crashes: Crashes = (*RECEIVERS[receiver], outage)
    expected = simulate(both, ROUGH, crashes=crashes)
    with Processes(both, {"receiver": url}) as processes:
        trace = simulate(both, ROUGH, crashes=crashes, carry=processes)
        processes.check(trace)
        assert trace == expected
        assert processes.kills == len(list(trace.of("crashed"))) > 1
        assert processes.money() == audit(trace).money_there


@pytest.mark.parametrize("durable", [True, False])
def test_what_a_process_keeps_in_memory_is_gone_with_it(durable: bool, url: str) -> None:
    both: dict[str, Participant] = {
        "sender": AlternatingBitSender("receiver", payments(3), attempts_max=9),
        "receiver": AlternatingBitReceiver(durable=durable),
    }
    crashes = (CrashPoint("receiver", Send, 0.5),)
    expected = simulate(both, crashes=crashes, seed=3)
    assert (audit(expected).verdict(EXACTLY_ONCE) == "ok") == durable
    with Processes(both, {"receiver": url}) as processes:
        assert simulate(both, crashes=crashes, seed=3, carry=processes) == expected
        processes.check(expected)


@pytest.mark.parametrize("receiver", [ProcessThenMark, MarkThenProcess])
def test_a_process_takes_every_step_of_a_shortest_counterexample(
    receiver: Callable[[], Participant], url: str
) -> None:
    both = pair(receiver())
    found = explore(both, Bounds(losses=0, duplicates=0, crashes=1, crashable=("receiver",)))
    broken = _broken(found.never_more_than_once, found.at_least_once_eventually)
    with Processes(both, {"receiver": url}) as processes:
        trace = script(both, *broken.steps, automatic=False, carry=processes)
        processes.check(trace)
        assert trace == broken.counterexample
        assert processes.money() != audit(trace).money_expected


def _broken(*verdicts: Verdict) -> Verdict:
    [broken] = [verdict for verdict in verdicts if not verdict.holds]
    return broken


@dataclass(frozen=True)
class ToBoth(Passive):
    """Hands its message to two workers."""

    workers: tuple[str, str]
    messages: tuple[Message, ...] = payments(1)

    def start(self) -> Handler:
        for worker in self.workers:
            yield Send(worker, self.messages[0])


def test_two_processes_on_one_database_race_as_the_search_says(url: str) -> None:
    three: dict[str, Participant] = {
        "sender": ToBoth(("worker", "twin")),
        "worker": ProcessThenMark(),
        "twin": ProcessThenMark(),
    }
    shared = {"worker": "database", "twin": "database"}
    bounds = Bounds(losses=0, duplicates=0, crashes=0)
    broken = explore(three, bounds, stores=shared).never_more_than_once
    with Processes(three, {"worker": url, "twin": url}) as processes:
        trace = script(three, *broken.steps, automatic=False, stores=shared, carry=processes)
        processes.check(trace)
        assert processes.pid("worker") != processes.pid("twin")
        assert (processes.money(), processes.kills) == (20, 0)


@pytest.mark.slow
def test_real_sockets_on_both_sides_bring_every_payment_once(url: str) -> None:
    both = pair(ProcessOnce(), messages=3)
    lossy = Network(messages=Faults(delay_s=0), acks=Faults(delay_s=0, loss=0.3))
    crashes = (CrashPoint("receiver", Send, 0.3, down_s=0.1),)
    with Processes(both, {"receiver": url}) as processes:
        trace = run_live(both, lossy, crashes=crashes, time_scale=0.02, seed=2, carry=processes)
        processes.check(trace)
        assert audit(trace).verdict(EXACTLY_ONCE) == "ok"
        assert processes.money() == 30
        assert processes.kills == len(list(trace.of("crashed"))) > 0


# Kills


def test_a_crash_kills_the_process_and_a_restart_starts_another(url: str) -> None:
    both = pair(ProcessOnce())
    with Processes(both, {"receiver": url}) as processes:
        world = boot(both, carry=processes)
        first = processes.pid("receiver")
        assert is_there(first)
        crash(world, "receiver")
        assert not is_there(first)
        assert (processes.pid("receiver"), processes.kills) == (0, 1)
        restart(world, "receiver")
        assert processes.pid("receiver") not in (0, first, os.getpid())


@pytest.mark.parametrize(("statement", "what"), [(1, "process"), (2, "mark"), (3, "commit")])
def test_a_process_killed_within_its_transaction_leaves_nothing_of_it(
    url: str, disk: DatabaseStore, statement: int, what: str
) -> None:
    both = pair(ProcessOnce())
    with Processes(both, {"receiver": url}) as processes:
        world = boot(both, carry=processes)
        perform(world, Run("sender"))
        deliver(world, 1)
        assert processes.enter("receiver", statement) == what
        crash(world, "receiver")
        assert (disk.processed(), disk.marked()) == ({}, frozenset())
        restart(world, "receiver")
        assert world.local_effect("receiver") is None


@pytest.mark.parametrize(("receiver", "statements"), [(ProcessOnce, 4), (ProcessThenMark, 1)])
def test_a_transaction_has_no_fourth_statement_and_a_plain_effect_none(
    url: str, receiver: Callable[[], Participant], statements: int
) -> None:
    both = pair(receiver())
    with Processes(both, {"receiver": url}) as processes:
        world = boot(both, carry=processes)
        perform(world, Run("sender"))
        deliver(world, 1)
        assert processes.enter("receiver", statements) == ""


def test_no_process_is_left_also_when_the_block_raises(url: str) -> None:
    both = pair(ProcessOnce())
    pid = 0
    try:
        with Processes(both, {"receiver": url}) as processes:
            boot(both, carry=processes)
            pid = processes.pid("receiver")
            assert is_there(pid)
            raise KeyError
    except KeyError:
        assert processes.pid("receiver") == 0
    assert not is_there(pid)


def test_a_second_run_ends_the_process_of_the_first(url: str) -> None:
    both = pair(ProcessOnce())
    with Processes(both, {"receiver": url}) as processes:
        boot(both, carry=processes)
        first = processes.pid("receiver")
        boot(both, carry=processes)
        assert not is_there(first)
        assert is_there(processes.pid("receiver"))


# Differences between process and model


class OtherAck(ProcessOnce):
    """Says something else than the model does."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process, and ack another message."""
        assert isinstance(payload, Message)
        yield Once(payload.id, Process(payload))
        yield Send(source, Ack("another"))


@pytest.mark.parametrize("other", [ProcessThenMark(), OtherAck(), Passive()])
def test_a_process_that_goes_another_way_is_noticed(url: str, other: Participant) -> None:
    model = pair(ProcessOnce())
    with (
        Processes(pair(other), {"receiver": url}) as processes,
        pytest.raises(Divergence, match=r"the process .*, the model stands at"),
    ):
        script(model, Deliver(1), carry=processes)


def test_a_database_that_answers_otherwise_is_noticed(url: str, disk: DatabaseStore) -> None:
    disk.mark("1")
    both = pair(ProcessThenMark())
    with (
        Processes(both, {"receiver": url}) as processes,
        pytest.raises(Divergence, match=r"'answered', True.*the model answered False"),
    ):
        script(both, Deliver(1), carry=processes)


CHANGES = (
    "DELETE FROM marked",
    "INSERT INTO marked VALUES ('9')",
    "DELETE FROM processed",
    "INSERT INTO processed (id, amount) VALUES ('1', 10)",
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_database_that_holds_something_else_is_noticed(url: str, change: str) -> None:
    both = pair(ProcessOnce())
    with Processes(both, {"receiver": url}) as processes:
        trace = script(both, Deliver(1), Deliver(2), carry=processes)
        processes.check(trace)
        with closing(connect(url)) as database:
            database.change(change)
        with pytest.raises(Divergence, match="the database holds"):
            processes.check(trace)


def test_a_packet_that_the_model_did_not_send_is_noticed(url: str) -> None:
    both = pair(ProcessOnce())
    with (
        Processes(both, {"receiver": url}) as processes,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        address = processes._receivers["receiver"].own.getsockname()
        stranger.sendto(encode(Packet(1, "receiver", "sender", Ack("9"))), address)
        with pytest.raises(Divergence, match=r"the process sent Ack\(id='9'\) to sender"):
            script(both, Deliver(1), carry=processes)


def test_a_process_that_ends_by_itself_is_noticed(url: str) -> None:
    both = pair(ProcessOnce())
    with Processes(both, {"receiver": url}) as processes:
        world = boot(both, carry=processes)
        os.kill(processes.pid("receiver"), 9)
        perform(world, Run("sender"))
        with pytest.raises(Divergence, match="ended by itself"):
            deliver(world, 1)


# What it cannot work with


class Hesitant(Passive):
    """Waits before it does anything."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Wait, and that is all."""
        yield Wait(1)


class Listens(Passive):
    """Waits for whatever comes next."""

    def receive(self, source: str, payload: Payload) -> Handler:
        yield ReceiveAny(timeout_s=1.0)


class PassesOn(Passive):
    """Sends what it gets to one of whom it has heard nothing."""

    def __init__(self, to: str) -> None:
        self.to = to

    def receive(self, source: str, payload: Payload) -> Handler:
        yield Mark(payload.id)
        yield Send(self.to, Message(payload.id))


def test_a_process_sends_to_one_of_whom_it_has_heard_nothing(url: str) -> None:
    three = {**pair(PassesOn("third")), "third": ProcessOnce()}
    with Processes(three, {"receiver": url}) as processes:
        trace = script(three, Deliver(1), Deliver(2), carry=processes)
        processes.check(trace)
        assert processes.marked() == {"1"}
        assert processes.money() == 0
    assert trace.processed() == {"1": 1}
    assert [event.peer for event in trace.of("sent")][:2] == ["receiver", "third"]


def test_a_participant_that_does_more_than_to_answer_is_refused(url: str) -> None:
    both = pair(Hesitant())
    allowed = "allowed in a process: to answer"
    with (
        Processes(both, {"sender": url}) as processes,
        pytest.raises(ValueError, match=rf"sender begins with Load.*{allowed}"),
    ):
        script(both, carry=processes)
    with (
        Processes(both, {"receiver": url}) as processes,
        pytest.raises(ValueError, match=rf"receiver waits: Wait.*{allowed}"),
    ):
        script(both, Deliver(1), carry=processes)
    listening = pair(Listens())
    with (
        Processes(listening, {"receiver": url}) as processes,
        pytest.raises(ValueError, match=rf"receiver waits: ReceiveAny.*{allowed}"),
    ):
        script(listening, Deliver(1), carry=processes)


def test_a_store_for_nobody_and_a_url_of_another_form_are_refused(url: str) -> None:
    both = pair(ProcessOnce())
    with pytest.raises(ValueError, match="'receivr' is no participant; allowed: sender, rec"):
        Processes(both, {"receivr": url})
    with pytest.raises(ValueError, match="url is 'mysql://x'; allowed: sqlite:///FILE"):
        Processes(both, {"receiver": "mysql://x"})


@pytest.mark.parametrize("problem", ["no folder", "no database", "another version"])
def test_a_database_that_cannot_be_used_is_refused_in_its_own_words(
    tmp_path: Path, problem: str
) -> None:
    both = pair(ProcessOnce())
    path = tmp_path / "receiver.db"
    if problem == "no folder":
        path = tmp_path / "nowhere" / "receiver.db"
    elif problem == "no database":
        path.write_bytes(b"not a database, and not an empty file either" * 100)
    else:
        with closing(connect(f"sqlite:///{path}")) as database:
            SCHEMA.ensure(database)
            database.change("UPDATE schema_versions SET version = 9")
    said = {"no folder": "there is no folder", "no database": "not a database",
            "another version": "version 9; allowed: version 1"}[problem]  # fmt: skip
    with (
        Processes(both, {"receiver": f"sqlite:///{path}"}) as processes,
        pytest.raises(DatabaseRefused, match=said),
    ):
        boot(both, carry=processes)
    assert processes.pid("receiver") == 0
