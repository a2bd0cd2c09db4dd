"""How a service ends: what it has opened is closed.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from starlette.applications import Starlette


class Closable(Protocol):
    """Anything that has to be closed, and may be closed twice."""

    def close(self) -> None:
        """Close it."""


def closing_at_the_end(
    *things: Closable,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return an application's lifespan that closes these in their order."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        for thing in things:
            thing.close()

    return lifespan
