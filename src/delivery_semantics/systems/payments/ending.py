"""How a service ends: what it has opened is closed.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette

from ...databases import Connections
from ...idempotency import KeyStore


def closing_at_the_end(
    *things: KeyStore | Connections,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return an application's lifespan that closes these in their order."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        for thing in things:
            thing.close()

    return lifespan
