"""What became of each request with a key, told to the log and to whoever asked to be told.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

from .kept import KeptAnswer
from .profiles import Refusal
from .table import KeyName

LOG = logging.getLogger(__package__)
LEVELS = {
    "claimed": logging.DEBUG,
    "replayed": logging.DEBUG,
    "in use": logging.INFO,
    "another request": logging.INFO,
    "too many keys": logging.WARNING,
    "lease lost": logging.WARNING,
    "in doubt": logging.ERROR,
    "store away": logging.ERROR,
}
"""What can become of a request, and how loud that is: an error is what somebody has to see to.

All but the last three are told when the key has been looked at. Those may also come at the end
of an attempt, after "claimed"; a replay that is in doubt is a replay."""


REFUSED = {
    Refusal.IN_PROGRESS: "in use",
    Refusal.OTHER_REQUEST: "another request",
    Refusal.TOO_MANY_KEYS: "too many keys",
    Refusal.IN_DOUBT: "in doubt",
    Refusal.UNAVAILABLE: "store away",
}


class KeyOutcome(NamedTuple):
    """What became of a request: one of ``LEVELS``, its key, and how long that took.

    ``took_s`` counts seconds from the request's coming; ``error`` is why the store was away.
    """

    what: str
    name: KeyName
    took_s: float
    error: BaseException | None = None


Hook = Callable[[KeyOutcome], object]


def what_became(outcome: object) -> str:
    """Return what a look at a key came to: a claim, a kept answer, or a refusal."""
    if isinstance(outcome, Refusal):
        return REFUSED[outcome]
    return "replayed" if isinstance(outcome, KeptAnswer) else "claimed"


def tell(hook: Hook | None, outcome: KeyOutcome) -> None:
    """Log an outcome, and call the hook; what the hook raises is logged, and changes nothing.

    The account is not logged: if it was a token by mistake, that is mistake enough.
    """
    what, name, took_s, error = outcome
    words = "%s: key %r at %r after %.3f s"
    LOG.log(LEVELS[what], words, what, name.key, name.endpoint, took_s, exc_info=error)
    if hook is not None:
        try:
            hook(outcome)
        except (Exception, SystemExit):  # sys.exit in a hook does not end the server
            LOG.exception("the hook failed that is told of outcomes")
