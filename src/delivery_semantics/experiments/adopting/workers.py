"""A service of which only the source is there, run by uvicorn with several workers.

Book: idempotency-layer
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from ...core.check import at_least
from ...systems.http.client import NoAnswer, NotSent, Request, ask
from ...systems.server import HOST, free_ports

START_S = 120.0
ALL_OF_IT = 0.25
ALIVE = Request("GET", "/openapi.json")


class Workers:
    """``uvicorn shop:app`` over a source, in ``folder``, until the block ends.

    ``python`` runs it, ``environment`` is added to this process's. Used as a context manager.
    """

    def __init__(
        self,
        source: str,
        folder: Path,
        *,
        workers: int = 2,
        python: str = sys.executable,
        environment: dict[str, str] | None = None,
    ) -> None:
        at_least("workers", workers, 1)
        (folder / "shop.py").write_text(source, encoding="utf-8")
        [port] = free_ports(1)
        self.url = f"http://{HOST}:{port}"
        options = ("--host", HOST, "--port", str(port), "--log-level", "error")
        self._command = [python, "-m", "uvicorn", "shop:app", "--workers", str(workers)]
        self._command += options
        self._folder, self._environment = folder, {**os.environ, **(environment or {})}

    def start(self) -> None:
        """Start it, and return when it answers. Raises RuntimeError if it does not."""
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        end_s = time.monotonic() + START_S
        while True:
            try:
                ask(self.url, ALIVE, timeout_s=10.0)
                return
            except (NotSent, NoAnswer):
                if self._server.poll() is not None or time.monotonic() > end_s:
                    self._kill_all()
                    said = (self._folder / "log").read_text(encoding="utf-8")
                    raise RuntimeError(f"the service did not start: {said[-500:]}") from None
                time.sleep(0.05)

    def kill(self, dice: random.Random) -> None:
        """Kill one worker, whose place a new one takes; one time in four all of the service."""
        if dice.random() < ALL_OF_IT:
            self._kill_all()
            self.start()
            return
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children")
        workers = [pid for pid in children.read_text("ascii").split() if _serves(pid)]
        if workers:
            with suppress(ProcessLookupError):
                os.kill(int(dice.choice(workers)), signal.SIGKILL)

    def _kill_all(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()

    def __enter__(self) -> Workers:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._kill_all()


def _serves(pid: str) -> bool:
    """Tell a worker from what Python starts beside it."""
    with suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False
