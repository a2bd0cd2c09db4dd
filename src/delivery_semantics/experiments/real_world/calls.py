"""One payment as a call of gRPC, and one fault at each place of it.

The server is killed at each step of its handler; another one, on the same database, is ready
before that. What the client then does is what its settings have it do.

Book: 10-real-world-systems
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial

import grpc

from ...databases import Connections, empty_place
from ...show.strips import End
from ...systems.cut import Cut
from ...systems.frames import FrameName
from ...systems.grpc import frames
from ...systems.grpc.client import PaymentsClient, connected, retry_policy
from ...systems.grpc.interceptor import OncePerRequest
from ...systems.grpc.killable import KillablePayments
from ...systems.grpc.request_id import WithRequestId
from ...systems.grpc.service import Payments, listening, money_paid
from .path import EXPECTED, PAYMENT

ATTEMPTS_MAX = 5
"""The most that gRPC makes."""

PLACES: Mapping[bool, Mapping[str, str]] = {
    False: {"received": "before Process", "done": "before Reply"},
    True: {
        "arrived": "before Once", "received": "inside Once, before Process",
        "processed": "inside Once, before Mark", "done": "before Reply",
    },
}  # fmt: skip
"""Where a server can be killed, by its own words, without and with request ids."""


def grpc_ends(*, retries: bool = False, ids: bool = False) -> list[End]:
    """Make the call once for each place at which it can be disturbed.

    ``retries``: by gRPC's retryPolicy, on UNAVAILABLE. ``ids``: the client's interceptor gives
    the call a request id, and the server's carries each id out once.
    """
    run = partial(_money, retries, ids)
    return [
        End("lost", "after Call", run(lost=frames.request(1)), EXPECTED),
        *(End("killed", at, run(step=step), EXPECTED) for step, at in PLACES[ids].items()),
        End("lost", "after Reply", run(lost=frames.reply(1)), EXPECTED),
    ]


def _money(retries: bool, ids: bool, *, lost: FrameName | None = None, step: str = "") -> int:
    """Return the money that has moved in the end."""
    config = retry_policy(ATTEMPTS_MAX) if retries else ""
    cut = {lost: 0} if lost else {}
    framing = partial(frames.HTTP2Framing, frames.numbering())
    with ExitStack() as stack:
        enter = stack.enter_context
        store = enter(empty_place())
        first = enter(KillablePayments(store, once=ids)) if step else None
        second = enter(_serving(store, ids))
        proxy = enter(Cut(first.address if first else second, framing, cut=cut))
        client = enter(
            connected(proxy.address, [WithRequestId()] if ids else [], config=config)
        )
        call = enter(ThreadPoolExecutor(1)).submit(_pay, client)
        if first:
            while first.next() != step:
                pass
            proxy.target = second
            first.kill()
        call.result()
        return money_paid(store)


def _pay(client: PaymentsClient) -> None:
    """Pay, and leave it at that, whatever the status."""
    with suppress(grpc.RpcError):
        client.pay(PAYMENT)


@contextmanager
def _serving(store: str, ids: bool) -> Iterator[str]:
    with closing(Connections(store, synchronous="OFF")) as connections:
        once = [OncePerRequest(connections, clock=lambda: 0.0)] if ids else []
        with listening(Payments(connections), once) as address:
            yield address
