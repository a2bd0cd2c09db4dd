"""Processes that start within milliseconds, because they are forked from one that is warm.

A new Python needs a tenth of a second, or more with its imports, before it does anything. A
campaign of a thousand kills starts a thousand processes. So one process, the nursery, loads
what is needed, and then does nothing but fork: it has one thread, no files and no sockets of
its own. When the process that started it ends, in whatever way, it kills all that it forked.

Only Unix can fork.

Book: 07-deduplication
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import recv_handle, send_handle
from types import TracebackType
from typing import Any, NoReturn

START = f"import sys, {__name__} as nursery; nursery.main(int(sys.argv[1]))"


class Child:
    """A forked process, and the pipe to it; it is killed when the block ends."""

    def __init__(self, pid: int, pipe: Connection, nursery: Nursery) -> None:
        self.pid, self.pipe, self._nursery = pid, pipe, nursery
        self._status: int | None = None

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def kill(self) -> int:
        """Send SIGKILL, unless it has ended already, and return its status; see ``wait``."""
        if self._status is None:
            # Nobody has waited for it yet, so that the number is still this process's.
            os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended; return its exit status, or minus the signal's number."""
        if self._status is None:
            self._status = self._nursery.wait(self.pid)
            self.pipe.close()
        return self._status


class Nursery:
    """Forks processes; started when first needed, and ended with this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def fork(
        self, run: Callable[..., object], *arguments: object, load: tuple[str, ...] = ()
    ) -> Child:
        """Call ``run(*arguments, pipe)`` in a process of its own.

        ``run`` and its arguments have to be picklable: a function of a module, not of a
        notebook's cell. The modules of ``load`` are loaded before, if they can be, so that no
        child has to. Raises RuntimeError, with the reason, if the nursery cannot load them.
        """
        task = pickle.dumps(
            (load, run, arguments)
        )  # goes to our own process, through a pipe of ours
        own, its = Pipe()
        with self._lock, its:
            line, pid = self._line()
            line.send("fork")
            send_handle(line, its.fileno(), pid)
            line.send_bytes(task)
            heard = line.recv()
        if isinstance(heard, str):
            own.close()
            raise RuntimeError(f"the nursery cannot fork {run!r}: {heard}")
        return Child(heard, own, self)

    def wait(self, pid: int) -> int:
        """Wait for a child, as ``Child.wait`` does."""
        with self._lock:
            line, _ = self._line()
            line.send(pid)
            status: int = line.recv()
        return status

    def close(self) -> None:
        """End the nursery and all that it forked."""
        with self._lock:
            if self._process is not None:
                self._connection.close()
                self._process.wait()
            self._process = None

    def _line(self) -> tuple[Connection, int]:
        if self._process is None:
            self._connection, its = Pipe()
            with its:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", START, str(its.fileno())],
                    pass_fds=[its.fileno()], stdin=subprocess.DEVNULL,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                )  # fmt: skip
            atexit.register(self.close)
        return self._connection, self._process.pid


fork = Nursery().fork
"""Forks from the one nursery that this process has."""


# In the nursery ---------------------------------------------------------------------------


def main(handle: int) -> None:
    """Fork and wait, as told, until whoever tells is gone; then kill what is left."""
    line = Connection(handle)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started this
    children: set[int] = set()
    try:
        while True:
            asked = line.recv()
            line.send(_wait(asked, children) if asked != "fork" else _fork(line, children))
    except (EOFError, ConnectionError):
        for pid in children:
            os.kill(pid, signal.SIGKILL)


def _wait(pid: int, children: set[int]) -> int:
    _, status = os.waitpid(pid, 0)
    children.discard(pid)
    return os.waitstatus_to_exitcode(status)


def _fork(line: Connection, children: set[int]) -> int | str:
    with Connection(recv_handle(line)) as pipe:
        try:
            load, run, arguments = pickle.loads(line.recv_bytes())
        except (AttributeError, ImportError) as error:
            return f"{type(error).__name__}: {error}"
        for name in load:
            with suppress(ImportError):
                importlib.import_module(name)
        gc.freeze()  # so that the children share what is loaded
        pid = os.fork()
        if pid == 0:
            line.close()
            _live(run, arguments, pipe)
    children.add(pid)
    return pid


def _live(run: Callable[..., object], arguments: tuple[Any, ...], pipe: Connection) -> NoReturn:
    status = 1
    try:
        run(*arguments, pipe)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)
