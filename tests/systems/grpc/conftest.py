"""The payments service in this process, behind a proxy that knows its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest

from delivery_semantics import Message
from delivery_semantics.databases import Connections
from delivery_semantics.systems.cut import Cut
from delivery_semantics.systems.frames import FrameName
from delivery_semantics.systems.grpc.client import connected
from delivery_semantics.systems.grpc.frames import HTTP2Frame, HTTP2Framing, numbering
from delivery_semantics.systems.grpc.interceptor import OncePerRequest
from delivery_semantics.systems.grpc.service import Payments, listening

ONE = Message("1")


class Service(NamedTuple):
    """Where the service is, behind the proxy and without it; what passed."""

    proxy: Cut[HTTP2Frame]
    target: str
    told: list[tuple[FrameName, str]]
    clock: list[float]
    interceptor: OncePerRequest

    def effects(self, account: str) -> list[str]:
        """Return the ids of the account's payments, each as often as it was carried out."""
        with connected(self.target, account=account) as client:
            return [payment.id for _, payment in client.history()]


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'payments.db'}"


@contextmanager
def service(
    store: str, *, cut: Iterable[FrameName] = (), hold: Iterable[FrameName] = (),
    refuse: tuple[int, ...] = (), once: bool = False, window_s: float | None = None,
    lock_timeout_s: float = 30.0,
    announce: Callable[[str], object] = lambda step: None,
    around: Sequence[grpc.ServerInterceptor] = (),
    inside: Sequence[grpc.ServerInterceptor] = (),
) -> Iterator[Service]:  # fmt: skip
    """Serve over ``store``. The clock of the interceptor is ``clock[0]``."""
    connections, number, clock = (
        Connections(store, lock_timeout_s=lock_timeout_s, synchronous="OFF"),
        numbering(),
        [0.0],
    )
    told: list[tuple[FrameName, str]] = []
    passing: Mapping[FrameName, int] = dict.fromkeys(cut, 0)
    own = OncePerRequest(connections, clock=lambda: clock[0], window_s=window_s)
    with (
        listening(
            Payments(connections, announce=announce),
            [*around, *([own] if once else []), *inside],
        ) as target,
        Cut(
            target, lambda: HTTP2Framing(number, refuse=refuse), cut=passing, hold=hold,
            tell=lambda frame, fate: told.append((frame.name, fate)),
        ) as proxy,
    ):  # fmt: skip
        yield Service(proxy, target, told, clock, own)
    connections.close()
