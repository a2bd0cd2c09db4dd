"""A payments service that is killed and started again, and a client that retries or does not.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.types import ASGIApp

from ... import Message
from ...databases import Connections, connect, empty_place
from ...idempotency import STRIPE, KeyStore, Profile
from ...systems.http.client import NoAnswer, Reply, Request, ask
from ...systems.http.killable import Clock, Killable, Make
from ...systems.http.proxy import Proxy
from ...systems.payments import Card, payments_app
from ...systems.payments.charging import Announce
from ...systems.payments.parameters import FORM

LEASE_S = 60.0
PAYMENT = Message("charge", amount=2000)
"""Twenty dollars, in cents."""

Tell = Callable[[str], object]
MakeService = Callable[..., ASGIApp]
"""Makes a service: ``server(announce, clock, url=…)``."""


def service(
    announce: Announce,
    clock: Clock,
    *,
    url: str,
    card: Card | None = None,
    profile: Profile = STRIPE,
) -> Starlette:
    """Make the payments service over the database at ``url``.

    Nothing is forced to the disk: what a process has written survives its SIGKILL all the same,
    and a loss of power is not tried here.
    """
    connections = Connections(url, synchronous="OFF")
    keys = KeyStore(connections, clock=clock, effects="in phases", lease_s=LEASE_S)
    return payments_app(keys, card=card, announce=announce, profile=profile)


def charge(key: str = "", *, amount: int = PAYMENT.amount, **more: str) -> Request:
    """Return the request for a charge, as an SDK sends it, with ``key`` if it is not ""."""
    form = {"amount": str(amount), "currency": "usd", "source": "tok_visa"} | more
    headers = [("Authorization", "Bearer sk_test_book"), ("Content-Type", FORM)]
    headers += [("Idempotency-Key", key)] if key else []
    return Request("POST", "/v1/charges", tuple(headers), urlencode(form).encode())


class Restartable:
    """A service in a process, and in the next one after it was killed.

    A new process has its clock a lease further: the claim of the killed one has ended, and
    nobody had to wait for it. Used as a context manager.
    """

    def __init__(self, make: Make) -> None:
        self.kills = 0
        self._make = make
        self._now = Killable(make)
        self._client = ThreadPoolExecutor(1)

    @property
    def url(self) -> str:
        """Where it answers; another address in each life."""
        return self._now.url

    @property
    def path(self) -> list[str]:
        """The steps that it has passed in this life."""
        return self._now.path

    def attempt(
        self,
        request: Request,
        *,
        through: Proxy | None = None,
        tell: Tell = lambda step: None,
        kill_at: Callable[[str], bool] = lambda step: False,
        arrives: bool = True,
    ) -> Reply | None:
        """Ask once, let the service go from step to step, and kill it where ``kill_at`` says.

        ``tell`` hears of each step. ``arrives`` is False for a request that is lost before it
        is there. Returns the reply, or None if the client got none.
        """
        future = self._client.submit(ask, through.url if through else self.url, request)
        step = "" if arrives else "replied"
        while step != "replied":
            step = self._now.next_step()
            tell(step)
            if kill_at(step):
                self.kills += 1
                self._now.kill()
                break
        try:
            return future.result()
        except NoAnswer:
            return None

    def restart(self) -> None:
        """Start it again, after a kill."""
        self._now.kill()
        self._now = Killable(self._make, ahead_s=self.kills * (LEASE_S + 1))

    def __enter__(self) -> Restartable:
        return self

    def __exit__(self, *error: object) -> None:
        self._now.kill()
        self._client.shutdown()


@contextmanager
def killable(make: MakeService = service) -> Iterator[tuple[Restartable, str]]:
    """Yield a service that can be killed, and the URL of its database."""
    with empty_place() as url, Restartable(partial(make, url=url)) as restartable:
        yield restartable, url


def charged(url: str) -> list[int]:
    """Return the amount of each charge that has succeeded, in their order."""
    wanted = "SELECT amount FROM charges WHERE status = 'succeeded' ORDER BY number"
    with closing(connect(url)) as database:
        return [amount for (amount,) in database.rows(wanted)]
