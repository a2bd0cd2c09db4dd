"""The receiver as a program: it answers datagrams, and says in one line what is wrong."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import pytest

from delivery_semantics import Ack, Message
from delivery_semantics.core.effects import Payload
from delivery_semantics.core.world import Packet
from delivery_semantics.databases import connect, empty_place
from delivery_semantics.databases.disk import SCHEMA, DatabaseStore
from delivery_semantics.live.receiver import HOST, RECEIVERS
from delivery_semantics.live.wire import decode, encode
from delivery_semantics.systems.postgresql import postgresql

pytestmark = pytest.mark.slow
PAYMENT = Message("1", 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "receiver.db"


class Client:
    """A sender's socket, and the process to which it speaks."""

    def __init__(self, process: subprocess.Popen[str], own: socket.socket) -> None:
        self.process, self._own = process, own
        assert process.stdout is not None
        self.output: IO[str] = process.stdout
        host, port = self.output.readline().split(":")
        self.address = (host, int(port))

    def send(self, payload: Payload, *, target: str = "receiver") -> None:
        self._own.sendto(encode(Packet(1, "sender", target, payload)), self.address)

    def hear(self) -> Payload:
        return decode(self._own.recv(65_536)).payload

    def answers(self, payload: Payload) -> bool:
        """Send it; return whether there is an answer, rather than an end."""
        self.send(payload)
        [first, *_], _, _ = select.select(
            [self._own.fileno(), self.output.fileno()], [], [], 60
        )
        return first == self._own.fileno() and self.hear() is not None

    def ask(self, payload: Payload) -> Payload:
        self.send(payload)
        return self.hear()


def command(path: Path, *more: str, receiver: str = "ProcessOnce") -> list[str]:
    return [sys.executable, "-m", "delivery_semantics.live.receiver", "--receiver", receiver,
            "--store", f"sqlite:///{path}", *more]  # fmt: skip


@contextmanager
def running(path: Path, *more: str, receiver: str = "ProcessOnce") -> Iterator[Client]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own,
        subprocess.Popen(
            command(path, *more, receiver=receiver), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process,
    ):  # fmt: skip
        try:
            own.settimeout(60)
            yield Client(process, own)
        finally:
            process.kill()


@contextmanager
def disk(path: Path) -> Iterator[DatabaseStore]:
    with closing(connect(f"sqlite:///{path}")) as database:
        yield DatabaseStore(database)


def test_it_answers_each_copy_and_processes_one_also_after_a_sigkill(path: Path) -> None:
    for _ in range(2):
        with running(path) as client:
            assert client.ask(PAYMENT) == client.ask(PAYMENT) == Ack("1")
            client.process.kill()
    with disk(path) as receiver:
        assert (receiver.processed(), receiver.money()) == ({"1": 1}, 10)


def test_it_ends_cleanly_on_sigterm(path: Path) -> None:
    with running(path) as client:
        client.ask(PAYMENT)
        client.process.send_signal(signal.SIGTERM)
        _, errors = client.process.communicate(timeout=60)
        assert (client.process.returncode, errors) == (0, "")


def test_it_listens_on_loopback_at_the_port_it_was_given(path: Path) -> None:
    port = 12_000 + os.getpid() % 8_000  # below those that a system gives to anybody
    with running(path, "--port", str(port), "--name", "bank") as client:
        assert client.address == ("127.0.0.1", port)
        client.send(PAYMENT, target="bank")
        assert client.hear() == Ack("1")


STRANGE = (b"", b"hello", b"\xff" * 100, b'{"version":1}')


def test_a_strangers_datagram_is_ignored(path: Path) -> None:
    with running(path) as client:
        for datagram in STRANGE:
            client._own.sendto(datagram, client.address)
        client.send(PAYMENT, target="somebody else")
        assert client.ask(Message("2")) == Ack("2")
    with disk(path) as receiver:
        assert receiver.processed() == {"2": 1}


@pytest.mark.parametrize(
    ("refused", "reason"),
    [(Ack("9"), "allowed: a Message"), (Message("9", 10**30), "too large")],
)
def test_what_it_cannot_carry_out_it_does_not_answer_and_goes_on(
    path: Path, refused: Payload, reason: str
) -> None:
    with running(path) as client:
        client.send(refused)
        assert client.ask(PAYMENT) == Ack("1")
        client.process.send_signal(signal.SIGTERM)
        _, errors = client.process.communicate(timeout=60)
    assert errors.startswith("not answered: ")
    assert reason in errors
    assert len(errors.splitlines()) == 1
    with disk(path) as receiver:
        assert receiver.processed() == {"1": 1}


def test_it_stands_at_each_step_until_a_line_comes_in(path: Path) -> None:
    with running(path, "--announce") as client:
        assert client.process.stdin is not None
        passed, money = [], []
        assert json.loads(client.output.readline()) == {"stands": None}  # nothing to do at boot
        client.send(PAYMENT)
        while (word := json.loads(client.output.readline())) != {"stands": None}:
            passed.append(word)
            with disk(path) as receiver:
                money.append(receiver.money())
            if "answered" not in word:
                print(file=client.process.stdin, flush=True)
        assert client.hear() == Ack("1")
        client.process.stdin.close()
    once = "Once(id='1', process=Process(message=Message(id='1', amount=10)))"
    send = "Send(to='sender', payload=Ack(id='1'))"
    assert passed == [
        {"stands": once}, {"within": "process"}, {"within": "mark"}, {"within": "commit"},
        {"answered": True}, {"stands": send}, {"answered": None},
    ]  # fmt: skip
    assert money == [0, 0, 0, 0, 10, 10, 10]


def test_it_ends_when_nobody_is_there_to_let_it_go_on(path: Path) -> None:
    with running(path, "--announce") as client:
        client.send(PAYMENT)
        client.process.communicate(timeout=60)
        assert client.process.returncode == 1
    with disk(path) as receiver:
        assert receiver.money() == 0


# What it cannot work with


def said(path: Path, *more: str, receiver: str = "ProcessOnce") -> str:
    """What it says on standard error when it ends with status 2."""
    done = subprocess.run(
        command(path, *more, receiver=receiver), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def test_an_unknown_receiver_is_refused_with_the_known_ones(path: Path) -> None:
    said_last = said(path, receiver="ProcessTwice").splitlines()[-1]
    assert "'ProcessTwice'" in said_last
    assert all(name in said_last for name in RECEIVERS)


def test_a_port_that_is_none_or_taken_is_refused(path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        for port in (70_000, taken.getsockname()[1]):
            assert len(said(path, "--port", str(port)).splitlines()) == 1


def refusal(path: Path) -> str:
    [line] = said(path).splitlines()
    assert line.startswith("receiver_process: ")
    return line


def test_a_missing_folder_is_refused(path: Path) -> None:
    assert "there is no folder" in refusal(path.parent / "nowhere" / path.name)


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"somebody's letters" * 100)
    assert "not a database" in refusal(path)
    assert path.read_bytes() == b"somebody's letters" * 100


def test_tables_of_another_version_are_refused(path: Path) -> None:
    with disk(path) as receiver, closing(connect(f"sqlite:///{path}")) as database:
        receiver.process(PAYMENT)
        database.change("UPDATE schema_versions SET version = 9 WHERE name = ?", (SCHEMA.name,))
    assert "version 9; allowed: version 1" in refusal(path)


def refusal_of(url: str) -> str:
    program = [sys.executable, "-m", "delivery_semantics.live.receiver"]
    done = subprocess.run(
        [*program, "--receiver", "ProcessOnce", "--store", url], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    return line


def test_another_url_is_refused() -> None:
    assert "url is 'mysql://x'; allowed: sqlite:///FILE" in refusal_of("mysql://x")


def test_a_postgresql_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "(PostgreSQL)" in refusal_of(f"postgresql://nobody@/x?host={tmp_path}")


def test_a_database_that_may_only_be_read_is_refused() -> None:
    with postgresql() as server, empty_place(server) as url:
        assert "read-only transaction" in refusal_of(
            f"{url}%20-c%20default_transaction_read_only%3Don"
        )
        with closing(connect(url)) as database:
            here = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema"
            assert database.rows(here) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process")
def test_a_full_disk_ends_it_with_nothing_half_written(path: Path) -> None:
    answered = 0
    with running(path) as client:
        client.ask(Message("0"))
        room = Path(f"{path}-wal").stat().st_size + 30_000
        resource.prlimit(client.process.pid, resource.RLIMIT_FSIZE, (room, room))
        while client.answers(Message(str(answered + 1))):
            answered += 1
        _, errors = client.process.communicate(timeout=60)
        assert client.process.returncode == 2
        assert errors.startswith("receiver_process: ")
        assert len(errors.splitlines()) == 1
    assert answered > 0
    with disk(path) as receiver:
        assert receiver.processed() == {str(number): 1 for number in range(answered + 1)}
        assert receiver.marked() == frozenset(receiver.processed())
