"""What each check found: holds, does not hold, or cannot be seen, and why.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from http.client import HTTPException
from typing import NamedTuple

from ...core.check import at_least, positive
from ..profiles import IETF_DRAFT, Profile
from .checks import CHECKS, Check
from .wire import OneAddress, Spent
from .witness import CannotBeSeen, DoesNotHold, Template, WaitFor, Witness

HOLDS, BROKEN, UNSEEN = "holds", "does not hold", "cannot be seen"


class CheckResult(NamedTuple):
    """One check's verdict, why, and for one that does not hold a shell's line to see it."""

    check: str
    says: str
    verdict: str
    why: str = ""
    curl: str = ""


def check_service(
    template: Template,
    profile: Profile = IETF_DRAFT,
    *,
    requests_max: int = 300,
    timeout_s: float = 30.0,
    wait: WaitFor = time.sleep,
    new_key: Callable[[], str] = lambda: str(uuid.uuid4()),
) -> list[CheckResult]:
    """Run H1 to H20 against the template's service, one after the other.

    Sends at most ``requests_max`` requests, to the host of the template's URL alone. Raises
    ValueError if the template's request is not carried out, or its effects cannot be counted,
    and OSError or HTTPException if nobody answers.
    """
    allowed = at_least("requests_max", requests_max, 1)
    wire = OneAddress(
        template.url, requests_max=allowed, timeout_s=positive("timeout_s", timeout_s)
    )

    def witness() -> Witness:
        return Witness(template, profile, wire, wait, new_key())

    answer = witness().post()
    if not answer.done:
        told = answer.body[:200].decode(errors="replace")
        raise ValueError(f"the request is answered {answer.status}; allowed: 2xx. {told}")
    return [_found(check, witness) for check in CHECKS]


def _found(check: Check, witness: Callable[[], Witness]) -> CheckResult:
    name, says = check.__name__.upper(), str(check.__doc__)
    try:
        see = witness()
    except Spent as error:
        return CheckResult(name, says, UNSEEN, str(error))
    try:
        return CheckResult(name, says, HOLDS, check(see))
    except (CannotBeSeen, Spent) as error:
        return CheckResult(name, says, UNSEEN, str(error))
    except DoesNotHold as error:
        return CheckResult(name, says, BROKEN, str(error), see.curl())
    except (OSError, HTTPException) as error:
        return CheckResult(name, says, BROKEN, f"no answer: {type(error).__name__}", see.curl())
