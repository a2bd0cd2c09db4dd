"""A charge, from its claim to its result: at each recovery point, one transaction.

What another company's service does cannot be in a transaction of ours. So there is one before
the call and one after it, and a recovery point between them; and because an attempt may break
off in between, the next one calls again, with the same derived key.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from ...databases import Database
from ...idempotency import Claim, Phase
from . import charges
from .card import Card, CardInDoubt
from .errors import ApiError
from .parameters import DECLINED, ChargeAsked

STEPS = (
    "received", "claimed", "charge written", "charge committed", "card asked", "card answered",
    "result written", "result committed", "replying", "replied",
)  # fmt: skip
"""The steps of a charge, at which somebody may look on, or pull the plug. A service without a
card processor has one transaction, and passes neither "charge committed" nor the card's."""

Announce = Callable[[str], object]
"""Called at each step, with its name; the service goes on when it returns."""


def unobserved(step: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Charging:
    """Carries out charges. ``clock`` gives seconds, ``new_id`` an id that nobody has."""

    clock: Callable[[], float]
    new_id: Callable[[], str]
    announce: Announce
    card: Card | None = None

    def charge(self, claim: Claim, account: str, asked: ChargeAsked) -> Response:
        """Carry out the rest of the charge, from the recovery point of the claim."""
        self.announce("claimed")
        if claim.recovery_point == "started":
            if self.card is None:
                return self._in_one_transaction(claim, account, asked)
            self._create(claim, account, asked)
        if claim.recovery_point in ("charge_created", "card_asked"):
            self._move_money(claim, asked)
        return self._settle(claim, account)

    def _in_one_transaction(self, claim: Claim, account: str, asked: ChargeAsked) -> Response:
        with claim.phase() as phase:
            id = f"ch_{self.new_id()}"
            status = "failed" if asked.source == DECLINED else "succeeded"
            charges.insert(
                phase.database, account, asked, id=id, status=status, now_s=self.clock()
            )
            self.announce("charge written")
            response = self._finish(phase, account, id)
        self.announce("result committed")
        return response

    def _create(self, claim: Claim, account: str, asked: ChargeAsked) -> None:
        with claim.phase() as phase:
            id = f"ch_{self.new_id()}"
            charges.insert(
                phase.database, account, asked, id=id, status="pending", now_s=self.clock()
            )
            phase.recover_at("charge_created", {"id": id})
            self.announce("charge written")
        self.announce("charge committed")

    def _move_money(self, claim: Claim, asked: ChargeAsked) -> None:
        card = self.card
        if card is None:
            raise ApiError(500, "api_error", "Begun with a card processor; there is none now.")
        if not card.ask_again:
            if claim.recovery_point == "card_asked":
                raise ApiError(500, "api_error", "The card was asked, and then we crashed.")
            with claim.phase() as phase:
                phase.recover_at("card_asked", claim.data)
        self.announce("card asked")
        try:
            moved = card.charge(asked, claim.derived_key("card"))
        except (CardInDoubt, ConnectionError) as error:
            raise ApiError(500, "api_error", "The card processor gave no answer.") from error
        self.announce("card answered")
        with claim.phase() as phase:
            phase.recover_at("card_charged", claim.data | {"moved": moved})

    def _settle(self, claim: Claim, account: str) -> Response:
        id, moved = claim.data["id"], claim.data["moved"]
        with claim.phase() as phase:
            charges.settle(phase.database, id, "succeeded" if moved else "failed")
            response = self._finish(phase, account, id)
        self.announce("result committed")
        return response

    def _finish(self, phase: Phase, account: str, id: str) -> Response:
        """Keep the result, and leave the receipt for whoever sends mails."""
        response, succeeded = _result(phase.database, account, id)
        if succeeded:
            phase.outbox("receipt", {"charge": id})
        phase.finish(response)
        self.announce("result written")
        return response


def _result(database: Database, account: str, id: str) -> tuple[Response, bool]:
    charge = charges.find(database, account, id)
    if charge["status"] == "succeeded":
        return JSONResponse(charge), True
    declined = "Your card was declined."
    refusal = ApiError(402, "card_error", declined, code="card_declined", charge=id)
    return refusal.response(), False
