"""Stands between a program and the server that it has started, and outlives the program.

It is a process of its own. When its standard input ends, because the program closed it or was
killed, it ends what it has started and removes the folder. So there is one way in which a
server ends, and every run tries it. It imports nothing of this package: it is there in 30 ms.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

Order = dict[str, Any]
NOT_STARTED = 127
"""The status of a command that cannot be started, as shells have it."""
PR_SET_CHILD_SUBREAPER = 36
"""Of Linux, prctl(2): who has lost its parent becomes this process's child."""


def main() -> None:
    """Make a folder and say which; then carry out orders, one a line, until there are no more.

    {"run": COMMAND, "environment": …, "user": …, "folder": …, "stop": …, "patience_s": …}
    starts a command; when it ends, its status is told. {"signal": NUMBER} sends it a signal.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    folder = Path(tempfile.mkdtemp(prefix="delivery-semantics-"))
    child: Child | None = None
    try:
        _tell(str(folder))
        for line in sys.stdin:
            order = json.loads(line)
            if "run" in order:
                child = _start(order, folder / "log")
            elif child:
                child.signal(order["signal"])
    finally:
        if child:
            child.end()
        _remove(folder)


class Child:
    """A command that runs, as the leader of a process group of its own."""

    def __init__(self, order: Order, log: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                order["run"], cwd=order["folder"], user=order["user"],
                env=os.environ | order["environment"], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip
        self._stop, self._patience_s = order["stop"], order["patience_s"]
        self._ending = threading.Thread(target=self._wait)
        self._ending.start()

    def signal(self, number: int) -> None:
        """Send a signal to the command; SIGKILL to all of its group."""
        if number != signal.SIGKILL:
            self._process.send_signal(number)
        elif self._ending.is_alive():
            self._kill_group()

    def end(self) -> None:
        """End it as it wants to be ended; with SIGKILL if that takes too long."""
        self.signal(self._stop)
        self._ending.join(self._patience_s)
        self.signal(signal.SIGKILL)
        self._ending.join()

    def _wait(self) -> None:
        status = self._process.wait()
        self._kill_group()  # what it has left behind
        with suppress(ChildProcessError):  # there are no more
            while True:  # a port is free when its process is gone, not when it is killed
                os.waitpid(-self._process.pid, 0)
        _tell(status)

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: a group of zombies
            os.killpg(self._process.pid, signal.SIGKILL)


def _start(order: Order, log: Path) -> Child | None:
    try:
        return Child(order, log)
    except OSError as error:
        log.write_text(str(error))
        _tell(NOT_STARTED)
    return None


def _tell(what: int | str) -> None:
    with suppress(BrokenPipeError):  # nobody is there any more
        os.write(sys.stdout.fileno(), f"{json.dumps(what)}\n".encode())


def _remove(folder: Path) -> None:
    for _ in range(100):  # a process that has just lost its parent may still write
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)


if __name__ == "__main__":
    main()
