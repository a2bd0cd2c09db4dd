"""Leases are renewed while their holders live.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from .claims import Claim
from .outcomes import LOG

RENEWALS_IN_A_LEASE = 3


class Renewer(Protocol):
    """What is needed of the store that grants the leases."""

    lease_s: float
    attempt_max_s: float

    def renew(self, claim: Claim) -> bool:
        """Lengthen a claim's lease. Raises DatabaseRefused."""


class Leases:
    """Renews the leases of the claims that are held, all of them in turn, in one thread.

    So neither a handler that blocks its event loop, nor requests that wait for the database,
    keep a lease from being renewed. The thread lives while there is something to renew.
    """

    def __init__(self, keys: Renewer) -> None:
        self._keys = keys
        self._left: dict[Claim, int] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    @contextmanager
    def held(self, claim: Claim) -> Iterator[None]:
        """Renew this claim's lease until the block ends, or ``let_go``."""
        renewals = math.ceil(self._keys.attempt_max_s / self._pause_s) - 1
        with self._lock:
            self._left[claim] = renewals  # who hangs does not hold its key for ever
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._renew, name="idempotency leases", daemon=True
                )
                self._thread.start()
        try:
            yield
        finally:
            self.let_go(claim)

    def let_go(self, claim: Claim) -> None:
        """Renew this claim's lease no more."""
        with self._lock:
            self._left.pop(claim, None)

    def close(self) -> None:
        """Let the thread end."""
        self._closing.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join()

    @property
    def _pause_s(self) -> float:
        return self._keys.lease_s / RENEWALS_IN_A_LEASE

    def _renew(self) -> None:
        while not self._closing.wait(self._pause_s):
            with self._lock:
                due = list(self._left)
                if not due:
                    self._thread = None
                    return
            try:
                for claim in due:
                    self._renew_one(claim)
            except Exception:  # there are more renewals in a lease
                LOG.warning("leases could not be renewed", exc_info=True)

    def _renew_one(self, claim: Claim) -> None:
        with self._lock:
            left = self._left.get(claim, 0)
            if left == 0:
                self._left.pop(claim, None)
                return
            self._left[claim] = left - 1
        self._keys.renew(claim)
