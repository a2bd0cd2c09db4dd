"""The shop: a payment enters by HTTP, and its event is committed together with it.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...databases import Schema
from ...idempotency import Claim, IdempotencyMiddleware, KeyStore
from ..payments.accounts import account_of
from ..payments.ending import closing_at_the_end
from ..payments.envelope import NewKey
from .payment import Payment

PATH = "/payments"
PAYMENTS = Schema(
    "shop's payments", 1,
    ("""CREATE TABLE payments (
            number INTEGER PRIMARY KEY, order_id TEXT NOT NULL, amount BIGINT NOT NULL
        )""",),
)  # fmt: skip

RecordPayment = Callable[[Claim, Payment], Response]


def record_payment(claim: Claim, payment: Payment) -> Response:
    """Write the payment, its event and the answer, in one transaction."""
    with claim.phase() as phase:
        phase.database.change(
            "INSERT INTO payments (order_id, amount) VALUES (?, ?)",
            (payment.order, payment.amount),
        )
        event = replace(payment, card_key=claim.derived_key("card"))
        phase.outbox("payment", asdict(event))
        response = JSONResponse({"order": payment.order, "status": "accepted"}, 202)
        phase.finish(response)
    return response


def shop_app(keys: KeyStore, record: RecordPayment = record_payment) -> Starlette:
    """Return the service, with its tables in the database of ``keys``, which it closes."""
    PAYMENTS.ensure(keys.connections.here())

    async def pay(request: Request) -> Response:
        try:
            payment = Payment.read(await request.body())
        except ValueError as error:
            return JSONResponse({"message": str(error)}, 400)
        return await run_in_threadpool(record, request.state.idempotency, payment)

    return Starlette(
        routes=[Route(PATH, pay, methods=["POST"])],
        middleware=[
            Middleware(NewKey),  # who sends no key gets one that nobody else has
            Middleware(IdempotencyMiddleware, keys=keys, account=account_of),
        ],
        lifespan=closing_at_the_end(keys, keys.connections),
    )
