"""Processes that start within milliseconds, because they are forked from one that is warm.

A new Python needs a tenth of a second, or more with its imports, and a thousand kills need a
thousand processes. So one process, the fork server, loads what is needed and forks; a start
and a kill then take 2 ms. It has one thread, no files and no sockets of its own. Only it
signals what it has forked: a parent alone knows that a number is still its child's. When the
process that started it ends, in whatever way, it kills what is left.

It is not that of ``multiprocessing``, which leaves a paused process behind if its starter is
killed, runs the starter's main program again in each process, and loads nothing later.

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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import recv_handle, send_handle

GONE = (EOFError, OSError)
"""What a pipe raises when nobody is at its other end any more, or it is closed."""

START = f"import sys; sys.path[:] = sys.argv[2:]; import {__name__} as it; it.main()"
WAITS = {signal.SIGKILL: 0, signal.SIGSTOP: os.WUNTRACED, signal.SIGCONT: os.WCONTINUED}
"""How to wait until a signal has taken effect."""


class NotForked(Exception):
    """What is to be run cannot be loaded, or not be forked; the message says why."""


class ForkServer:
    """The fork server, for the process that starts it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line, its = Pipe()
        with its:
            # In a session of its own, because Ctrl-C is for whoever starts it.
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, str(its.fileno()), *sys.path],
                pass_fds=[its.fileno()], stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        atexit.register(self.close)

    @property
    def ended(self) -> bool:
        """Whether it was killed: it says nothing unasked, so that only its end can be read."""
        with self._lock:
            return self._line.closed or self._line.poll()

    def fork(self, task: bytes, load: tuple[str, ...], its: Connection) -> int:
        """Fork a process with this end of a pipe, and return its number. Raises NotForked.

        ``task`` is a pickled function and the tuple of its arguments; the pipe is one more. The
        modules of ``load`` are loaded before, if they are there.
        """
        wanted = (sys.path, os.getcwd(), load, task)
        try:
            with self._exchange():
                self._line.send(wanted)
                send_handle(self._line, its.fileno(), self.process.pid)
                heard: int | str = self._line.recv()
        except GONE:
            raise NotForked("the fork server has ended") from None
        if isinstance(heard, str):
            raise NotForked(heard)
        return heard

    def signal(self, pid: int, number: signal.Signals) -> int | None:
        """Send a process one of ``WAITS``, and wait until it has taken effect.

        Returns its exit status or minus the number of the signal that ended it, None while it
        lives. Then its number is no longer its own. Raises what is ``GONE``.
        """
        with self._exchange():
            self._line.send((pid, number))
            status: int | None = self._line.recv()
        return status

    def close(self) -> None:
        """End it, and all that it has forked."""
        self._line.close()
        self.process.wait()

    @contextmanager
    def _exchange(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except BaseException:  # the answer is not to be taken for that to another question
                self.close()
                raise


_starting = threading.Lock()
_servers: list[ForkServer] = []


def running() -> ForkServer:
    """Return this process's fork server; a new one for the first use, or if it was killed."""
    with _starting:
        if not _servers or _servers[-1].ended:
            _servers.append(ForkServer())
        return _servers[-1]


# In the fork server -----------------------------------------------------------------------


def main() -> None:
    """Fork and signal, as told, until whoever tells is gone; then kill what is left."""
    line = Connection(int(sys.argv[1]))
    children: set[int] = set()
    with suppress(*GONE):
        while True:
            match line.recv():
                case (pid, number):
                    line.send(_signalled(children, pid, number))
                case wanted:
                    line.send(_forked(children, line, *wanted))
    for pid in tuple(children):
        _signalled(children, pid, signal.SIGKILL)


def _forked(
    children: set[int], line: Connection, path: list[str], folder: str, load: tuple[str, ...],
    task: bytes,
) -> int | str:  # fmt: skip
    with Connection(recv_handle(line)) as pipe:
        try:
            sys.path[:] = path
            os.chdir(folder)
            for name in load:
                with suppress(ImportError):
                    importlib.import_module(name)
            run, arguments = pickle.loads(task)  # from our own starter
            gc.freeze()  # so that the children share what is loaded
            pid = os.fork()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        if pid == 0:
            line.close()
            try:
                run(*arguments, pipe)
            finally:
                os._exit(1)
    children.add(pid)
    return pid


def _signalled(children: set[int], pid: int, number: signal.Signals) -> int | None:
    os.kill(pid, number)
    _, status = os.waitpid(pid, WAITS[number])
    if os.WIFSTOPPED(status) or os.WIFCONTINUED(status):
        return None
    children.discard(pid)
    return os.waitstatus_to_exitcode(status)
