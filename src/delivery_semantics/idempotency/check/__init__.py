"""A check of somebody else's service: what its idempotency keys do, seen from outside.

    python -m delivery_semantics.idempotency check URL

``wire`` sends requests to one address, ``witness`` is what a check may ask and count,
``checks`` the twenty checks, ``verdicts`` runs them, ``command`` is the program.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from .verdicts import CheckResult, check_service
from .witness import Template

__all__ = ["CheckResult", "Template", "check_service"]
