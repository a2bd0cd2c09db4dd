"""Blocks whose two ends wait for the database: for a thread, and for a coroutine.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Generic, Protocol, TypeVar

import anyio

from .lanes import Lane, Result, Values

Entered = TypeVar("Entered")


class Waiting(Protocol):
    """What a block needs of the store: threads, for those who wait and for nobody."""

    @property
    def threads(self) -> Executor:
        """Where what nobody waits for is done."""

    def in_thread(
        self, function: Callable[[*Values], Result], *values: *Values, lane: Lane
    ) -> Awaitable[Result]:
        """Wait for a call in a thread."""


class Block(Generic[Entered]):
    """Enter it once: by ``with`` in a thread, by ``async with`` in a coroutine.

    ``opened(apart)`` is the context manager within. In a coroutine its ends may run in two
    threads, so it must not depend on one: it is ``apart``.
    """

    def __init__(
        self, waiting: Waiting, opened: Callable[[bool], AbstractContextManager[Entered]]
    ) -> None:
        self._waiting, self._opened = waiting, opened
        self._inner: AbstractContextManager[Entered] | None = None
        self._lock, self._over = threading.Lock(), False
        self.is_inside = False

    def __enter__(self) -> Entered:
        """Raise RuntimeError in a coroutine: what else its loop does would be held up."""
        if _in_coroutine():
            raise RuntimeError("with, in a coroutine; allowed there: async with")
        entered = self._begin(apart=False)
        self.is_inside = True
        return entered

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:  # fmt: skip
        """Leave it, with whatever was raised."""
        self.is_inside = False
        return self._end(kind, error, trace)

    async def __aenter__(self) -> Entered:
        """Enter it in a thread."""
        try:
            entered = await self._waiting.in_thread(self._begin, True, lane="claim")
        except BaseException as error:  # if it was cancelled, the thread goes on
            self._waiting.threads.submit(self._end, type(error), error, None)
            raise
        self.is_inside = True
        return entered

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:  # fmt: skip
        """Leave it in a thread, which does so also if nobody waits for that any more."""
        self.is_inside = False
        try:
            left = await self._waiting.in_thread(self._end, kind, error, trace, lane="end")
        except BaseException as raised:
            self._waiting.threads.submit(self._end, type(raised), raised, None)
            raise
        return left

    def _begin(self, apart: bool) -> Entered:
        with self._lock:
            if self._over or self._inner:
                raise RuntimeError("a block that was entered; allowed: once")
            inner = self._opened(apart)
            value = inner.__enter__()
            self._inner = inner
            return value

    def _end(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:  # fmt: skip
        with self._lock:
            inner, self._inner, self._over = self._inner, None, True
            return inner.__exit__(kind, error, trace) if inner else None


def _in_coroutine() -> bool:
    try:
        anyio.get_current_task()
    except RuntimeError:  # no loop runs in this thread
        return False
    return True
