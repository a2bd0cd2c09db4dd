"""A receiver of the reader's own: written on the page, played on, and carried by a link.

Its code is a value of the game's only setting, so that a link has it as it has every other.

Book: playground
"""

from __future__ import annotations

import json
import linecache
from functools import lru_cache

from .. import Bounds, RetryUntilAcked, payments
from ..show.picture import words
from .calls import READERS
from .game import Cast, Chosen, Game
from .reader import defined

START = """\
class Bank(Passive):
    def receive(self, source, payload):
        if not (yield IsMarked(payload.id)):
            yield Process(payload)
            yield Mark(payload.id)
        yield Send(source, Ack(payload.id))
"""


@lru_cache(maxsize=8)
def written(source: str) -> type:
    """Return the class ``Bank`` that a reader's code defines.

    Raises NotDefined where it defines none, TypeError where that is no class,
    and whatever the code raises.
    """
    bank = defined(source)["Bank"]
    if not isinstance(bank, type):
        raise TypeError(f"Bank is {bank!r}; allowed: a class, class Bank(Passive)")
    lines = source.splitlines(keepends=True)
    linecache.cache[READERS] = (len(source), None, lines, READERS)
    return bank


class OwnGame(Game):
    """One payment to a receiver whose code is the value of the setting "bank"."""

    def values(self, given: Chosen) -> dict[str, str]:
        """Return the code that is given, or else the one to begin with."""
        return {"bank": given.get("bank") or START}


def _one_payment(bank: str) -> Cast:
    return {"shop": RetryUntilAcked("bank", payments(1)), "bank": written(bank)()}


OWN_GAME = OwnGame(
    "yours", _one_payment, Bounds(crashable=("bank",), early_timeouts=1), code="bank",
    about="A shop asks your bank to take 10 from a customer, until it hears an ack.",
)  # fmt: skip


class OwnReceiver:
    """A place on the page where a receiver is written and then played on."""

    def __repr__(self) -> str:
        return f"A receiver of your own:\n{START}"

    def _repr_html_(self) -> str:
        title = "Be the network around your own bank."
        code = {"name": "bank", "label": "", "values": [START], "free": True}
        data = OWN_GAME.described(title, OWN_GAME.goal()) | {"settings": [code]}
        return "\n".join((
            f'<section class="own-game" data-own-game="{words(json.dumps(data))}">',
            f'<pre class="exercise-start"><code>{words(START)}</code></pre>',
            '<p class="play-still">This code is changed and played where scripts can run.</p>',
            "</section>",
        ))  # fmt: skip
