"""The service as an ASGI application: who asks, whether it was asked before, what to do.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...core.check import at_least
from ...databases import Connections, DatabaseRefused
from ...idempotency import STRIPE, IdempotencyMiddleware, KeyStore, Profile
from . import charges
from .accounts import Authentication, account_of
from .card import Card
from .charging import Announce, Charging, unobserved
from .description import description
from .ending import closing_at_the_end
from .envelope import Envelope, NewKey, random_id
from .errors import ApiError
from .parameters import charge_asked, page_asked


def payments_app(
    keys: KeyStore,
    *,
    card: Card | None = None,
    new_id: Callable[[], str] = random_id,
    announce: Announce = unobserved,
    profile: Profile = STRIPE,
) -> Starlette:
    """Return the service, with its tables in the database of ``keys``, and by their clock.

    ``keys`` has its effects "in phases"; it and its connections are closed at the end. ``card``
    is the card processor to call; without one a charge is its row, and what was begun with one
    ends as 500. ``new_id`` gives what follows ``ch_``, ``announce`` is called at each step.
    Raises DatabaseRefused, and ValueError for ``keys`` that cannot keep the largest answer.
    """
    at_least("answer_max_bytes", keys.answer_max_bytes, charges.BYTES_MAX)
    charges.CHARGES.ensure(keys.connections.here())
    service = _Service(keys.connections, Charging(keys.clock, new_id, announce, card))
    app = Starlette(
        routes=[
            Route("/v1/charges", service.create_or_list, methods=["GET", "POST"]),
            Route("/v1/charges/{id}", service.retrieve, methods=["GET"]),
            Route("/openapi.json", service.describe, methods=["GET"]),
        ],
        middleware=[
            Middleware(Envelope, announce=announce, keeps_failures=profile.keeps_failures),
            Middleware(Authentication),
            Middleware(NewKey),
            Middleware(IdempotencyMiddleware, keys=keys, profile=profile, account=account_of),
        ],
        lifespan=closing_at_the_end(keys, keys.connections),
        exception_handlers={ApiError: _refused, HTTPException: _not_found, Exception: _failed},
    )
    app.router.redirect_slashes = False  # a redirect is another request with the same key
    return app


class _Service:
    """The endpoints."""

    def __init__(self, connections: Connections, charging: Charging) -> None:
        self.connections, self.charging = connections, charging

    async def create_or_list(self, request: Request) -> Response:
        """Do what the method says, in a thread: databases make their callers wait."""
        if request.method != "POST":
            return await run_in_threadpool(self._list, request)
        asked = charge_asked(request.headers.get("content-type", ""), await request.body())
        return await run_in_threadpool(
            self.charging.charge, request.state.idempotency, _account(request), asked
        )

    def _list(self, request: Request) -> Response:
        asked = page_asked(request.scope["query_string"])
        with _reading():
            found = charges.page(self.connections.here(), _account(request), asked)
        return JSONResponse(found)

    def retrieve(self, request: Request) -> Response:
        """Show one of the account's charges."""
        id = request.path_params["id"]
        with _reading():
            found = charges.find(self.connections.here(), _account(request), id)
        return JSONResponse(found)

    def describe(self, request: Request) -> Response:
        """Show the OpenAPI description."""
        return JSONResponse(description())


@contextmanager
def _reading() -> Iterator[None]:
    """Say so when the database does not answer. Where it writes, the layer does that."""
    try:
        yield
    except DatabaseRefused as error:
        message = "The charges cannot be read now."
        raise ApiError(503, "api_error", message) from error


def _account(request: Request) -> str:
    account = account_of(request.scope)
    assert account is not None, "Authentication lets nobody through without one"
    return account


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response()


def _failed(request: Request, error: Exception) -> Response:
    """Say that it is the service's own fault; what happened is on its stderr."""
    return ApiError(500, "api_error", "Something went wrong here.").response()


def _not_found(request: Request, error: Exception) -> Response:
    """Say in Stripe's form that there is no such path, or no such method."""
    assert isinstance(error, HTTPException)
    message = f"Unrecognized request: {error.detail}"
    refusal = ApiError(error.status_code, "invalid_request_error", message)
    response = refusal.response()
    response.headers.update(error.headers or {})
    return response
