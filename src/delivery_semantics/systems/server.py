"""How every real system of this book is found, started, watched and ended.

Where an environment variable names a server, that one is used, and nothing is started.
Otherwise one is started in a temporary folder, with a guard beside it: see `guard`. The server
and its folder are gone when the block ends, in whatever way it ends, and also when this
process is killed. What differs from system to system is data, a `Launch`.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path

from . import guard

HOST = "127.0.0.1"
LOG = "log"
"""The file of a server's folder that has all that it prints."""

UNPRIVILEGED = "nobody"
"""Some servers refuse to run as root; then they run as this user, which every system has."""

TIMEOUT_S = 120.0
POLL_S = 0.01
WORDS_MAX = 500
PORTS = range(20_000, 32_000)
"""Below those that Linux (from 32,768) and others (from 49,152) give to clients."""

Command = Sequence[str | Path]


class ServerMissing(RuntimeError):
    """There is no such server on this machine; the message says how to get one."""


class ServerFailed(RuntimeError):
    """A server did not start; the message has its own last words."""


@dataclass(frozen=True)
class Launch:
    """How a server is started in its folder, ready for use, and how it is ended.

    ``command`` is the server; those of ``before`` are carried out first, each to its end.
    ``address`` tells where it answers, or "" as long as it does not. All runs as ``user``, in
    ``folder`` (the server's own if None), with ``environment`` added to this process's. It is
    ended by ``stop``, and by SIGKILL if that takes longer than ``patience_s``.
    """

    command: Command
    address: Callable[[], str]
    before: Sequence[Command] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    folder: Path | None = None
    stop: signal.Signals = signal.SIGTERM
    patience_s: float = 10.0


Prepare = Callable[[Path], Launch]
"""Finds a server's programs, and says how they are started in a folder.

Raises ServerMissing, in one line, if there are none.
"""


@contextmanager
def address(name: str, prepare: Prepare, *, variable: str) -> Iterator[str]:
    """Yield where a server answers: what ``variable`` says, or one that ends with the block.

    Raises what ``started`` does.
    """
    if named := os.environ.get(variable):
        yield named
        return
    with started(name, prepare) as server:
        yield server.address


@contextmanager
def started(name: str, prepare: Prepare) -> Iterator[Server]:
    """Start a server; it and its folder are gone when the block ends.

    Raises ServerMissing, and ServerFailed with the server's own words if it does not start.
    """
    # Whatever ends this process closes the pipe, and nobody else has its other end.
    with subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__], bufsize=0, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as guarding:  # fmt: skip
        server = Server(name, guarding)
        try:
            server._begin(prepare)
            yield server
        finally:
            server.close()


class Server:
    """A server in its ``folder``, which answers at ``address``."""

    def __init__(self, name: str, guarding: subprocess.Popen[bytes]) -> None:
        self.name, self.address = name, ""
        self._guarding = guarding
        folder = self._hear(TIMEOUT_S)
        if folder is None:
            raise ServerFailed(f"{name} did not start: no guard within {TIMEOUT_S} s")
        self.folder = Path(str(folder))

    @property
    def log(self) -> str:
        """All that it has printed since it was started."""
        file = self.folder / LOG
        return file.read_text(errors="replace") if file.exists() else ""

    def start(self) -> None:
        """Start it, in the same folder, after it has ended. Raises ServerFailed.

        Its log begins anew. What else tells that it is ready must not be left from before.
        """
        self._run(self._launch.command)
        last = time.monotonic() + TIMEOUT_S
        while not (found := self._launch.address()):
            if (status := self._hear(POLL_S)) is not None:
                raise self._failed(f"it ended with {status}")
            if time.monotonic() > last:
                raise self._failed(f"not ready within {TIMEOUT_S:g} s")
        self.address = found

    def signal(self, number: int) -> None:
        """Send it a signal; SIGKILL goes to all of its processes."""
        self._order({"signal": int(number)})

    def wait(self) -> int:
        """Wait until it has ended; return its exit status, or minus the signal's number.

        Raises TimeoutError after ``TIMEOUT_S``.
        """
        status = self._hear(TIMEOUT_S)
        if status is None:
            raise TimeoutError(f"{self.name} did not end within {TIMEOUT_S} s")
        return int(status)

    def restart(self, number: int) -> None:
        """Have it end by a signal, and start it again. Raises TimeoutError, ServerFailed."""
        self.signal(number)
        self.wait()
        self.start()

    def close(self) -> None:
        """Have it ended, and wait until it and its folder are gone."""
        assert self._guarding.stdin
        self._guarding.stdin.close()
        self._guarding.wait()

    def _begin(self, prepare: Prepare) -> None:
        self._launch = prepare(self.folder)
        with _told(f"starting {self.name} …"):
            for command in self._launch.before:
                self._run(command)
                if (status := self._hear(TIMEOUT_S)) != 0:
                    raise self._failed(
                        f"{command[0]} ended with {status}" if status
                        else f"{command[0]} takes more than {TIMEOUT_S:g} s"
                    )  # fmt: skip
            self.start()

    def _run(self, command: Command) -> None:
        launch = self._launch
        (self.folder / LOG).unlink(missing_ok=True)  # it tells of one run
        self._order({
            "run": [str(word) for word in command],
            "environment": dict(launch.environment), "user": launch.user,
            "folder": str(launch.folder or self.folder),
            "stop": int(launch.stop), "patience_s": launch.patience_s,
        })  # fmt: skip

    def _order(self, order: Mapping[str, object]) -> None:
        assert self._guarding.stdin
        self._guarding.stdin.write(f"{json.dumps(order)}\n".encode())

    def _hear(self, timeout_s: float) -> int | str | None:
        """Return what the guard says; None if it says nothing within the time."""
        assert self._guarding.stdout
        if not wait([self._guarding.stdout.fileno()], timeout_s):
            return None
        heard: int | str = json.loads(self._guarding.stdout.readline())
        return heard

    def _failed(self, why: str) -> ServerFailed:
        words = self.log[-WORDS_MAX:].strip() or "it said nothing"
        return ServerFailed(f"{self.name} did not start: {why}; {words}")


def found_in(file: Path, pattern: str) -> str:
    """Return what a file says that matches: "" if there is no such file, or nothing in it."""
    found = (
        re.search(pattern, file.read_text(errors="replace"), re.M) if file.exists() else None
    )
    return found.group() if found else ""


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that nobody listens at; what is started next takes them.

    They are none of those that a system gives to clients: one of these may be taken by any
    connection before a server that starts slowly listens at it. Nor are they given twice, to
    this process or another of this book, as long as this one lives: it keeps the UDP port of
    the same number, which tells. Raises OSError if there are not so many.
    """
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if len(found) == count:
            return found
        keeps = socket.socket(type=socket.SOCK_DGRAM)
        try:
            keeps.bind((HOST, port))
            socket.create_server((HOST, port)).close()
        except OSError:
            keeps.close()
        else:
            keeps.detach()
            found.append(port)
    raise OSError(f"ports asked for: {count}; free: {found!r}")


def answers(port: int) -> bool:
    """Whether somebody listens at a port of the loopback."""
    try:
        socket.create_connection((HOST, port), TIMEOUT_S).close()
    except ConnectionRefusedError:
        return False
    return True


def hand_over(folder: Path) -> str | None:
    """Give a folder to the user that a server runs as instead of root; return who, or None."""
    if os.geteuid() != 0:
        return None
    folder.chmod(0o755)
    shutil.chown(folder, UNPRIVILEGED)
    return UNPRIVILEGED


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Say what is being waited for, to somebody who sits at a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    print(what, end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
