"""A server starts, answers, and is gone: after the block, whatever ends the block or us."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from delivery_semantics.systems import server as module
from delivery_semantics.systems.server import (
    Launch,
    Server,
    ServerFailed,
    ServerMissing,
    address,
    started,
)

pytestmark = pytest.mark.slow

ECHO = """
import os, signal, socket, sys
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "forks" in sys.argv and os.fork() == 0:
    with socket.create_connection(("127.0.0.1", int(sys.argv[2]))):
        signal.pause()
listening = socket.create_server(("127.0.0.1", 0))
if "lingers" in sys.argv and os.fork() == 0:
    much = bytearray(b"x") * 2**28  # until this is given back the fork is not gone
    open("lingering", "w").close()
    signal.pause()
while "lingers" in sys.argv and not os.path.exists("lingering"):
    pass
with open("coming", "w") as file:
    file.write(f"{os.getpid()} {listening.getsockname()[1]}")
os.replace("coming", "ready")
while True:
    connection, _ = listening.accept()
    with connection:
        connection.sendall(connection.recv(100))
"""
"""A server that is ready when there is a file with its process and its port."""


def echo(*how: str, patience_s: float = 10.0) -> Callable[[Path], Launch]:
    def prepare(folder: Path) -> Launch:
        ready = folder / "ready"
        return Launch(
            [sys.executable, "-c", ECHO, *how],
            address=lambda: ready.read_text() if ready.exists() else "",
            patience_s=patience_s,
        )

    return prepare


def shell(script: str, *before: str) -> Callable[[Path], Launch]:
    return lambda folder: Launch(
        ["sh", "-c", script], address=lambda: "", before=[["sh", "-c", b] for b in before]
    )


def pid_of(server: Server) -> int:
    return int(server.address.split()[0])


def answers(server: Server) -> bool:
    with socket.create_connection(("127.0.0.1", int(server.address.split()[1]))) as client:
        client.sendall(b"hello")
        return client.recv(100) == b"hello"


def is_there(pid: int) -> bool:
    """Whether there is such a process; a zombie is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_server_that_is_named_is_used_and_none_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def prepare(folder: Path) -> Launch:
        raise AssertionError("started")

    monkeypatch.setenv("ECHO_ADDRESS", "somewhere else")
    with address("Echo", prepare, variable="ECHO_ADDRESS") as named:
        assert named == "somewhere else"
    monkeypatch.setenv("ECHO_ADDRESS", "")
    with address("Echo", echo(), variable="ECHO_ADDRESS") as found:
        assert is_there(int(found.split()[0]))


def test_a_server_that_is_not_there_is_missing_and_no_folder_is_left() -> None:
    folders = []

    def prepare(folder: Path) -> Launch:
        folders.append(folder)
        raise ServerMissing("no echo found: get one")

    with pytest.raises(ServerMissing, match="get one"), started("Echo", prepare):
        pass
    assert not folders[0].exists()


@pytest.mark.parametrize("error", [None, KeyError, KeyboardInterrupt, SystemExit])
def test_it_is_there_for_as_long_as_the_block_lasts(error: type[BaseException] | None) -> None:
    with pytest.raises(error) if error else nullcontext(), started("Echo", echo()) as server:
        assert answers(server)
        if error:
            raise error
    assert not is_there(pid_of(server))
    assert not is_there(server._guarding.pid)
    assert not server.folder.exists()


def test_one_that_does_not_end_when_asked_is_killed_when_patience_ends() -> None:
    with started("Echo", echo("stubborn", patience_s=0.05)) as server:
        server.signal(signal.SIGTERM)
        assert answers(server)
    assert not is_there(pid_of(server))


def test_what_it_has_forked_ends_with_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        with started("Echo", echo("forks", str(listening.getsockname()[1]))) as server:
            forked, _ = listening.accept()
            forked.settimeout(30)
            server.signal(signal.SIGTERM)
            assert server.wait() == -signal.SIGTERM
            with forked:
                assert forked.recv(1) == b""  # its end of the connection went with it


@pytest.mark.skipif(sys.platform != "linux", reason="nobody adopts what is left")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_when_it_has_ended_nothing_of_it_listens_any_more(number: signal.Signals) -> None:
    with started("Echo", echo("lingers")) as server:
        server.signal(number)
        server.wait()
        with pytest.raises(ConnectionRefusedError):
            answers(server)


def test_one_that_was_killed_can_be_started_again_in_its_folder() -> None:
    with started("Echo", echo()) as server:
        first = pid_of(server)
        server.signal(signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
        assert not is_there(first)
        (server.folder / "ready").unlink()
        server.start()
        assert pid_of(server) != first
        assert answers(server)
    assert not is_there(pid_of(server))


def test_a_port_answers_where_somebody_listens() -> None:
    [port] = module.free_ports(1)
    with socket.create_server((module.HOST, port)):
        assert module.answers(port)
    assert not module.answers(port)


def test_free_ports_are_apart_and_none_that_a_client_may_be_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = module.free_ports(50)
    assert len(set(found)) == 50
    assert max(found) < 32_768
    with socket.create_server((module.HOST, 0)) as listening:
        monkeypatch.setattr(module, "PORTS", [listening.getsockname()[1]])
        with pytest.raises(OSError, match="ports asked for: 1; free: "):
            module.free_ports(1)


def test_a_free_port_is_given_to_nobody_else_before_its_server_listens() -> None:
    [port] = module.free_ports(1)
    script = f"import {module.__name__} as it\n"
    script += f"it.PORTS = [{port}]; it.free_ports(1)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "ports asked for: 1; free: []" in done.stderr


def test_two_at_once_do_not_meet() -> None:
    with started("Echo", echo()) as one, started("Echo", echo()) as other:
        assert one.folder != other.folder
        assert one.address != other.address
        one.signal(signal.SIGTERM)
        one.wait()
        assert answers(other)


@pytest.mark.parametrize(
    "prepare",
    [
        shell("echo 'my disk is full' >&2; exit 1"),
        shell("exit 0", "echo 'my disk is full'; exit 3"),
        lambda folder: Launch(["my disk is full"], address=lambda: ""),
    ],
    ids=["server", "before", "no program"],
)
def test_one_that_does_not_start_is_reported_in_its_own_words(
    prepare: Callable[[Path], Launch],
) -> None:
    with pytest.raises(ServerFailed, match=r"Echo did not start: .*my disk is full"):
        started("Echo", prepare).__enter__()


def test_one_that_is_never_ready_is_given_up_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    pids = []

    def prepare(folder: Path) -> Launch:
        monkeypatch.setattr(module, "TIMEOUT_S", 0.3)  # of the server, not of its guard

        def never() -> str:
            if (folder / "ready").exists():
                pids.append(int((folder / "ready").read_text().split()[0]))
            return ""

        return Launch(echo()(folder).command, address=never)

    with pytest.raises(ServerFailed, match=r"not ready within 0\.3 s; it said"):
        started("Echo", prepare).__enter__()
    assert not any(map(is_there, pids))


def test_a_guard_that_says_nothing_is_told_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.0)
    with pytest.raises(ServerFailed, match="Echo did not start: no guard within"):
        started("Echo", echo()).__enter__()


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from test_server import echo, shell, started
from delivery_semantics.systems.server import Launch
me = os.getpid()

def kill_me():
    os.kill(me, signal.SIGKILL)

def prepare(folder):
    print(folder, flush=True)
    launch = echo()(folder)
    if sys.argv[2] == "before":
        before = f"echo $$ > {sys.argv[3]}; kill -KILL {me}; exec sleep 100"
        return Launch(launch.command, launch.address, before=[["sh", "-c", before]])
    if sys.argv[2] == "starting":
        there = f"echo $$ > {sys.argv[3]}.new; mv {sys.argv[3]}.new {sys.argv[3]}"
        return Launch(["sh", "-c", f"{there}; exec sleep 100"],
            lambda: kill_me() if os.path.exists(sys.argv[3]) else "")
    return launch

with started("Echo", prepare) as server:
    open(sys.argv[3], "w").write(server.address.split()[0])
    kill_me()
"""


@pytest.mark.parametrize("when", ["before", "starting", "running"])
def test_it_does_not_outlive_a_program_that_is_killed(when: str, tmp_path: Path) -> None:
    # The guard has our pipe open until its work is done, so this waits for it.
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(Path(__file__).parent), when, str(tmp_path / "pid")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    assert not is_there(int((tmp_path / "pid").read_text()))
    assert not Path(done.stdout.strip()).exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_somebody_at_a_terminal_sees_what_is_waited_for_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with started("Echo", echo()):
        pass
    assert capfd.readouterr() == ("", "")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with started("Echo", echo()):
        shown = terminal.getvalue()
    assert shown.startswith("starting Echo …")
    assert shown.endswith("\r\x1b[K")
    assert "\n" not in shown
