"""One setting of the layer changed: what is answered as it comes, and what then.

Book: idempotency-layer
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from ...idempotency import IETF_DRAFT, AllBut, Claim, KeptAnswer, KeyStore, Refusal
from ...idempotency.table import KeyName
from ...show.view import View
from ...systems.http.client import ask
from ..stripe.lab import at_once
from .answers import SAME, AsksTheShop
from .exchange import Exchange, exchanges
from .lab import AMOUNT, DECLINED, order_of, ordered, shop

FIRST = "An order"
DAY_S, WEEK_S = 86_400.0, 604_800.0


class Looking(KeyStore):
    """A key store that says when a request has looked, and found its key in use."""

    looked: threading.Event

    async def claim_soon(
        self, name: KeyName, fingerprint: bytes
    ) -> Claim | KeptAnswer | Refusal:
        """Claim a key; tell whom it was refused."""
        outcome = await super().claim_soon(name, fingerprint)
        if outcome is Refusal.IN_PROGRESS:
            self.looked.set()
        return outcome


@dataclass(frozen=True)
class OneSetting:
    """What is asked; the ``profile`` or the ``store`` that is set; and the orders meant."""

    asks: Callable[[AsksTheShop], object]
    profile: dict[str, Any] = field(default_factory=dict)
    store: dict[str, Any] = field(default_factory=dict)
    kind: str = "anywhere"
    hold_at: str = ""
    meant: int = AMOUNT


def _both(first: Any, second: Any, words: str = SAME) -> Callable[[AsksTheShop], object]:  # noqa: ANN401
    def asks(asking: AsksTheShop) -> None:
        asking(FIRST, first)
        asking(words, second)

    return asks


def _days_apart(asking: AsksTheShop) -> None:
    asking(FIRST, order_of())
    asking.shop.now_s += DAY_S + 1
    asking.log.append(Exchange("A day passes, and a second."))
    asking(SAME, order_of())


def _at_once(asking: AsksTheShop) -> None:
    """Let the first go on when the second has seen that its key is in use."""
    Looking.looked = threading.Event()
    with at_once(lambda: ask(asking.shop.url, order_of())) as first:
        asking.shop.gate.wait()
        with at_once(lambda: ask(asking.shop.url, order_of())) as second:
            Looking.looked.wait()
            asking.shop.gate.open()
            asking.log.append(Exchange(FIRST, first()))
            asking.log.append(Exchange(f"{SAME}, while the first runs", second()))


_twice = _both(order_of(), order_of())
_spaced = order_of()._replace(body=b'{ "amount" : 1000 }')
_webhook = order_of(header="webhook-id")
_declined = order_of(amount=DECLINED)
VARIANTS = {
    "wait_s=30": OneSetting(_at_once, {"wait_s": 30.0}, hold_at="begun"),
    'retry_after_s="lease"': OneSetting(_at_once, {"retry_after_s": "lease"}, hold_at="begun"),
    "key_required=False": OneSetting(
        _both(order_of(""), order_of(""), "The same order, no key either"),
        {"key_required": False},
    ),
    'header="webhook-id"': OneSetting(_both(_webhook, _webhook), {"header": "webhook-id"}),
    'fingerprint="as meant"': OneSetting(
        _both(order_of(), _spaced, "The same order, written with other spaces"),
        {"fingerprint": "as meant"},
    ),
    "kept_headers=AllBut()": OneSetting(_twice, {"kept_headers": AllBut()}),
    "keeps_body=False": OneSetting(_twice, {"keeps_body": False}),
    "released_statuses: 402 too": OneSetting(
        _both(_declined, _declined),
        {"released_statuses": IETF_DRAFT.released_statuses | {402}}, meant=0,
    ),
    "keep_s: a week": OneSetting(_days_apart, store={"keep_s": WEEK_S}),
}  # fmt: skip
"""A setting, as it is written, and requests to which it matters."""


@cache
def tried(variant: str, *, changed: bool) -> tuple[tuple[Exchange, ...], int]:
    """Ask as one of ``VARIANTS`` has it, with the setting ``changed`` or as it comes."""
    chosen = VARIANTS[variant]
    profile = replace(IETF_DRAFT, **chosen.profile) if changed else IETF_DRAFT
    with shop(
        hold_at=chosen.hold_at, kind=chosen.kind, profile=profile, store=Looking,
        **(chosen.store if changed else {}),
    ) as running:  # fmt: skip
        Looking.looked = threading.Event()
        asking = AsksTheShop(running)
        chosen.asks(asking)
        return tuple(asking.log), sum(ordered(running.store))


def variants_view(*, variant: str, seed: int = 1) -> View:
    """Show the same requests to the layer as it comes, and with one setting changed."""
    (as_it_comes, before), (then, after) = (
        tried(variant, changed=changed) for changed in (False, True)
    )
    second, also = (str(log[-1].reply.status) for log in (as_it_comes, then) if log[-1].reply)
    return View(
        [
            exchanges(as_it_comes, title="As the profile of the draft comes"),
            exchanges(then, title=f"With {variant}"),
        ],
        {
            "the second, before": second,
            "the second, set": also,
            "money expected": VARIANTS[variant].meant,
            "money there, before": before,
            "money there, set": after,
        },
        f"With {variant} the second is answered {also}, and {second} as it comes. "
        f"The orders: {before:,} as it comes, {after:,} then.",
    )
