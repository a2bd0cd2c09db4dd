"""Who asks: the secret key names the account, before anything else is looked at.

A request that nobody can be held to must not reach the idempotency keys: it could fill the
store, or find out from an answer that a stranger's key exists.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import ApiError

SECRET = re.compile(r"sk_(?:test|live)_[A-Za-z0-9]{1,100}")
PUBLIC_PATHS = ("/openapi.json",)


def account_of(scope: Scope) -> str | None:
    """Return the account that a request names, live or test, or None.

    The account is a digest of the secret, so that the secret itself is never stored.
    """
    sent = [value for name, value in scope["headers"] if name == b"authorization"]
    secret = _secret(sent[0].decode("latin-1")) if len(sent) == 1 else ""
    if not SECRET.fullmatch(secret):
        return None
    mode = "live" if is_live(secret) else "test"
    return f"acct_{mode}_{hashlib.sha256(secret.encode()).hexdigest()[:32]}"


def _secret(credentials: str) -> str:
    """Return a bearer token, or the user's name of Basic authentication without a password."""
    scheme, _, given = credentials.partition(" ")
    given = given.lstrip(" ")
    if scheme.lower() == "bearer":
        return given
    if scheme.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
            return "" if password else user
    return ""


def is_live(name: str) -> bool:
    """Tell whether a secret or an account is of the mode in which money moves."""
    return name.split("_")[1] == "live"


class Authentication:
    """Answers 401 to a request without an account; ``PUBLIC_PATHS`` need none."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        public = scope["type"] != "http" or scope["path"] in PUBLIC_PATHS
        if public or account_of(scope) is not None:
            await self.app(scope, receive, send)
            return
        message = "You did not provide an API key: Authorization: Bearer sk_test_…"
        refusal = ApiError(401, "invalid_request_error", message)
        response = refusal.response()
        response.headers["WWW-Authenticate"] = 'Bearer, Basic realm="payments"'
        await response(scope, receive, send)
