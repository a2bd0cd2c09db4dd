"""A point at which whoever comes is held, until somebody lets them go on.

A race or a fault that depends on luck hides in a test and shows in production. With a gate it
happens every time: real threads, real sockets, and the moment is chosen.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import threading

TIMEOUT_S = 60.0


class Gate:
    """Holds whoever enters until it is opened, or until ``opens_at`` have come.

    ``where`` names it in errors. Once open, it stays open.
    """

    def __init__(self, where: str, *, opens_at: int = 0) -> None:
        self._where, self._opens_at = where, opens_at
        self._come = 0
        self._lock = threading.Lock()
        self._arrived, self._opened = threading.Event(), threading.Event()

    def enter(self) -> None:
        """Stand here until it is open. Raises TimeoutError after ``TIMEOUT_S``."""
        with self._lock:
            self._come += 1
            if self._come == self._opens_at:
                self.open()
        self._arrived.set()
        if not self._opened.wait(TIMEOUT_S):
            raise TimeoutError(f"nobody opened {self._where} within {TIMEOUT_S} s")

    def wait(self) -> None:
        """Wait until somebody has come. Raises TimeoutError after ``TIMEOUT_S``."""
        if not self._arrived.wait(TIMEOUT_S):
            raise TimeoutError(f"nobody came to {self._where} within {TIMEOUT_S} s")

    def open(self) -> None:
        """Let go whoever stands here, and whoever comes."""
        self._opened.set()
