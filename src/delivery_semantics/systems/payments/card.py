"""The card processor, as the payments service calls it: another company's service.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ..http.client import Reply, Request, ask
from .parameters import ChargeAsked

PATH = "/movements"
PLACE = re.compile(r"http://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?/?")


class CardInDoubt(RuntimeError):
    """The processor gave no answer, or one that says nothing about the money."""


@dataclass(frozen=True)
class Card:
    """A card processor at ``url``.

    ``ask_again`` is what to do about a card that may have been asked before a crash: ask again
    with the same key, which is right for a processor that honours keys. False is for one that
    does not: the charge stays in doubt, for a person to look into. Raises ValueError for a URL
    of another form than ``http://HOST:PORT``.
    """

    url: str
    ask_again: bool = True
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        place = PLACE.fullmatch(self.url)
        if place is None or not 0 < int(place["port"] or 80) < 2**16:
            raise ValueError(f"processor is {self.url!r}; allowed: http://HOST:PORT")

    def charge(self, asked: ChargeAsked, key: str) -> bool:
        """Take the money; False if the card is declined.

        Raises CardInDoubt if nobody can tell, and ConnectionError as ``ask`` does.
        """
        fields = {"amount": asked.amount, "currency": asked.currency, "source": asked.source}
        headers = (("Content-Type", "application/json"), ("Idempotency-Key", f'"{key}"'))
        request = Request("POST", PATH, headers, json.dumps(fields).encode())
        reply = ask(self.url, request, timeout_s=self.timeout_s)
        if reply.status not in (201, 402):
            raise CardInDoubt(f"the card processor answered {reply.status}")
        return reply.status == 201


def movements(url: str) -> list[dict[str, object]]:
    """Return every movement of money that the processor has carried out."""
    reply: Reply = ask(url, Request("GET", PATH))
    found: list[dict[str, object]] = reply.json()["movements"]
    return found
