"""Idempotency keys: a request with a key is carried out once, and its answer given again.

Three lines in a Starlette or FastAPI application, inside its authentication::

    keys = KeyStore(Connections("sqlite:///payments.db"), clock=time.time)
    app.add_middleware(IdempotencyMiddleware, keys=keys, account=account_of)

and in a handler, for the guarantee that no crash can break::

    with request.state.idempotency.phase() as phase:       # one transaction
        phase.database.change("INSERT INTO charges …")     # the effect
        phase.finish(response)                             # and the answer

or in an ``async def``, with ``async with`` and ``await phase.run_sync(function, …)``.

Theory of operation
-------------------
A key is a row. Whoever inserts it holds a *claim*, for the time of a *lease*; everybody else is
told to wait (409), told that the key is taken (another *fingerprint*: 422), or given the kept
answer. The lease is renewed while the process lives. When it ends without a word, the next
attempt takes the row over with the next *fencing token*, and whatever the old holder then tries
to commit is rolled back, because the commit is conditional on its token. So it does not matter
for safety how long a lease is, nor whether clocks agree: only how soon the next attempt begins.

What a crash costs is decided by the transactions it falls between.

With phases (``effects="in phases"``): claim, then one phase or several, each with its effect
and its *recovery point*, the last one with the answer. A crash

- before the claim, or within any transaction: as if that had not begun;
- after the claim: nothing was done. The key is in use until its lease ends; then the next
  attempt begins from the start;
- between two phases: the next attempt goes on at the recovery point. A call to another service
  between them is made again, with the same derived key;
- after the last phase: the answer is kept, and the next attempt gets it.

Nothing is lost and nothing repeated, but for the call in the third case, if that service takes
no key. No server can mend that.

Without phases (``effects="anywhere"``): claim, the handler's own effect, the answer. A crash
after the claim leaves it open whether the effect happened. The layer then answers that the
outcome is *in doubt*, for as long as it keeps the key. So nothing is repeated, but somebody has
to look. A claim is forced to the disk here, as the effect that follows it may be.

A failure of the handler is no crash, but for the effect it is the same question. What a profile
declares about failures is therefore honoured only where phases answer it.

The rest is in one module each: ``profiles`` what is well formed, refused and kept;
``represent`` which requests are the same; ``table`` every statement; ``keys`` who may carry out
a request; ``leases`` renewals; ``claims`` phases; ``attempt`` what becomes of a handler that
fails, or whose client leaves; ``middleware`` ASGI; ``kept`` what is kept of a response;
``outbox`` messages to others; ``outcomes`` the log, and the hook; ``telemetry`` one for
OpenTelemetry; ``once`` functions and consumers; ``doubts`` the keys that somebody has to look
into; ``lanes`` and ``blocks`` who waits, and where.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

try:
    import starlette  # noqa: F401  # asked for first, to say what brings it
except ModuleNotFoundError as error:
    needs = "needs starlette: its extra 'idempotency' brings it"
    raise ModuleNotFoundError(f"{__name__} {needs}", name=error.name) from error

from .claims import Claim, LeaseLost, Phase
from .kept import AllBut, KeptAnswer
from .keys import KeyStore
from .middleware import IdempotencyMiddleware
from .once import KeyRefused, OncePerKey
from .outbox import deliver_outbox, leave_in_outbox
from .outcomes import KeyOutcome
from .profiles import IETF_DRAFT, STRIPE, Profile, Refusal
from .table import KeyName

__all__ = [
    "IETF_DRAFT", "STRIPE", "AllBut", "Claim", "IdempotencyMiddleware", "KeptAnswer", "KeyName",
    "KeyOutcome", "KeyRefused", "KeyStore", "LeaseLost", "OncePerKey", "Phase", "Profile",
    "Refusal", "deliver_outbox", "leave_in_outbox",
]  # fmt: skip
