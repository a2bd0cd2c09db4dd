"""A process that announces where it stands, waits there, and can be killed exactly there.

Theory of operation. A kill at a random moment hardly ever falls between two lines. So the
process says what it is about to do, and stands still. Whoever started it lets it go on, or
kills it with SIGKILL, and nothing in it gets to clean up.

Book: 07-deduplication
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from typing import Any, Protocol, Self

from .fork_server import GONE, NotForked, running

TIMEOUT_S = 60.0


class Died(RuntimeError):
    """The process ended by itself."""


class Standing:
    """A process that runs ``run(*arguments, announcer)``, and is killed when the block ends.

    ``run`` is a function of a module, not of a notebook's cell, and its arguments can be
    pickled. The modules of ``load``, which it would load late, are loaded once, before, if they
    are there. Raises ValueError, with the reason, for what cannot be run elsewhere.
    """

    def __init__(
        self, run: Callable[..., object], *arguments: object, load: tuple[str, ...] = ()
    ) -> None:
        self._server = running()
        self._pipe, its = Pipe()
        try:
            with its:
                task = pickle.dumps((_live, (run, arguments)))
                self.pid = self._server.fork(task, load, its)
        except (pickle.PicklingError, AttributeError, TypeError, NotForked) as error:
            allowed = "a function of a module, with arguments that can be pickled"
            raise ValueError(f"run is {run!r}; allowed: {allowed}; {error}") from None
        self._stands = self._paused = False
        self._status: int | None = None

    def next(self) -> Any:  # noqa: ANN401  # whatever is said
        """Let it go on, if it stands, and return what it says next.

        Raises Died if it has ended, TimeoutError if it says nothing; then it has been killed.
        """
        try:
            how, word = self._hear()
            if how == "silent":
                raise TimeoutError(f"the process has said nothing for {TIMEOUT_S} s")
            if how == "ended":
                raise _died(*word)
        except BaseException:
            self.kill()
            raise
        self._stands = how == "stands"
        return word

    def let_go(self) -> None:
        """Let it go on, if it stands, and do not wait for what it says next."""
        if self._stands:
            self._stands = False
            with suppress(*GONE):
                self._pipe.send(None)

    def pause(self) -> None:
        """Stop it with SIGSTOP, wherever it is; it has stopped when this returns."""
        if not self._paused:
            self._signal(signal.SIGSTOP)
        self._paused = True

    def resume(self) -> None:
        """Let it run again, with SIGCONT, if it was paused."""
        if self._paused:
            self._signal(signal.SIGCONT)
        self._paused = False

    def kill(self) -> int:
        """Kill it with SIGKILL, unless it has ended; it is gone when this returns.

        Returns its exit status, or minus the number of the signal that ended it.
        """
        self._signal(signal.SIGKILL)
        self._pipe.close()
        return self._status or 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    def _hear(self) -> tuple[str, Any]:
        self.let_go()
        try:
            return self._pipe.recv() if self._pipe.poll(TIMEOUT_S) else ("silent", None)
        except GONE:
            return "ended", ()

    def _signal(self, number: signal.Signals) -> None:
        if self._status is None:
            try:
                self._status = self._server.signal(self.pid, number)
            except GONE:
                self._kill_orphan()
                self._status = -signal.SIGKILL

    def _kill_orphan(self) -> None:
        """Kill it, although its fork server is gone. Its pipe ends with it, and not before."""
        with suppress(*GONE):
            while self._pipe.poll():
                self._pipe.recv()
            os.kill(self.pid, signal.SIGKILL)
            while True:
                self._pipe.recv()


def _died(why: str = "", where: str = "") -> Died:
    error = Died("the process ended by itself" + (why and f": {why}"))
    if where:
        error.add_note(where)
    return error


# In the process ---------------------------------------------------------------------------


class Channel(Protocol):
    """Takes words to whoever decides when to go on, and brings word to go on."""

    def send(self, said: tuple[str, Any], /) -> None:
        """Send how a word is said, "says" or "stands", and the word."""

    def recv(self) -> object:
        """Wait for word to go on. Raises EOFError if nobody is there to give it."""


class Terminal:
    """Somebody at a terminal: words are lines, as ``write`` has them; a line means go on."""

    def __init__(self, write: Callable[[Any], str] = str) -> None:
        self._write = write

    def send(self, said: tuple[str, Any], /) -> None:
        """Print the word."""
        print(self._write(said[1]), flush=True)

    def recv(self) -> None:
        """Wait for a line."""
        if not sys.stdin.readline():
            raise EOFError


class Announcer:
    """Tells whoever started this process what it is about to do.

    One thread stands at a time. If nobody is there any more, the process ends.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel, self._lock = channel, threading.Lock()

    def say(self, word: object) -> None:
        """Say a word."""
        self._tell("says", word)

    def stand(self, word: object) -> None:
        """Say a word, and stand still until told to go on."""
        self._tell("stands", word)

    def _tell(self, how: str, word: object) -> None:
        with self._lock:
            try:
                self._channel.send((how, word))
                if how == "stands":
                    self._channel.recv()
            except GONE:
                os._exit(1)


def _live(run: Callable[..., object], arguments: tuple[Any, ...], pipe: Connection) -> None:
    """Run, and end this process, which was forked for that."""
    try:
        run(*arguments, Announcer(pipe))
        status = 0
    except BaseException as error:
        status = 1
        words = f"{type(error).__name__}: {error}", traceback.format_exc()
        with suppress(*GONE):
            pipe.send(("ended", words))
    sys.stdout.flush()
    os._exit(status)
