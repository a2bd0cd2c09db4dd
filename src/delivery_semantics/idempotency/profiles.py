"""Two ways to speak of idempotency keys, Stripe's and the IETF draft's, as data.

A profile decides nothing about exactly-once: both claim, fence and replay in the same way. It
says which keys are well formed, how a refusal is worded, and which answers are kept.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Literal

from starlette.types import Scope

from ..core.check import not_negative, of_type, one_of, truth
from .kept import KEPT_HEADERS, NEVER_KEPT, NO_BODY, AllBut, Headers, Keeping, KeptAnswer
from .lanes import plain_function
from .represent import REPRESENTED, Represent

KEY_CHARACTERS_MAX = 255
# ASCII, with blanks between. No quotes: they are the trace of a client that speaks another
# profile. Where a key is to be quoted, a bare comma may be the trace of two fields joined.
BARE = re.compile(rb"[!#-~](?:[ !#-~]*[!#-~])?")
BARE_OF_QUOTED = re.compile(rb"[!#-+\--~]+")
QUOTED = re.compile(rb'"((?:[ !#-\[\]-~]|\\["\\])+)"')


class Refusal(Enum):
    """Why a request is not carried out: its usual status, a code for programs, a sentence."""

    NO_ACCOUNT = (401, "account_unknown", "The request names no account that keys belong to.")
    KEY_MISSING = (400, "idempotency_key_missing", "The Idempotency-Key header is missing.")
    KEY_INVALID = (
        400,
        "idempotency_key_invalid",
        "Idempotency-Key has to be given once, as 1 to 255 ASCII characters",
    )
    REQUEST_TOO_LARGE = (413, "request_too_large", "The request's body is too large.")
    TOO_MANY_KEYS = (429, "idempotency_keys_exhausted", "The account has too many live keys.")
    IN_PROGRESS = (
        409,
        "idempotency_key_in_use",
        "A request with this key is being carried out. Ask again later, with the same key.",
    )
    OTHER_REQUEST = (
        422,
        "idempotency_key_reused",
        "This key was first used for another request. Use a new key for a new request.",
    )
    ANSWER_NOT_KEPT = (
        410,
        "answer_not_kept",
        "The request was carried out, and is not carried out again; "
        "its answer was not kept, or was too large for that.",
    )
    IN_DOUBT = (
        500,
        "outcome_in_doubt",
        "The request was begun and broke off. What it did is not known here, "
        "and it is not carried out again with this key.",
    )
    UNAVAILABLE = (
        503,
        "idempotency_store_unavailable",
        "The request cannot be carried out now. Ask again later, with the same key.",
    )

    def __init__(self, status: int, code: str, sentence: str) -> None:
        self.status, self.code, self.sentence = status, code, sentence


RETRYABLE = {Refusal.IN_PROGRESS, Refusal.TOO_MANY_KEYS, Refusal.UNAVAILABLE}
STRIPE_TYPES = {
    Refusal.OTHER_REQUEST: "idempotency_error",
    Refusal.IN_PROGRESS: "idempotency_error",
    Refusal.ANSWER_NOT_KEPT: "idempotency_error",
    Refusal.IN_DOUBT: "api_error",
    Refusal.UNAVAILABLE: "api_error",
}
"""Stripe's types of errors; all others are an ``invalid_request_error``."""


RELEASED = (307, 308, 400, 401, 403, 404, 405, 413, 415, 422, 429)
"""Two redirects are among them: they ask for the same request elsewhere, with its key."""


KEY_HEADER = "Idempotency-Key"
METHOD, HEADER, STATUS = r"[A-Z]+", r"[a-z0-9!#$%&'*+.^_`|~-]+", r"[2-5]\d\d"
FIELD = re.compile(r"[!-~]([ -~]*[!-~])?")
"""What can be a header's value; a request's id may be an object, or nobody's words."""
QUOTES = {True: ", in double quotes.", False: ", without quotes."}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The choices of a service that accepts idempotency keys; the defaults are common ones.

    A variant is ``dataclasses.replace(STRIPE, wait_s=2.0)``; a value that cannot be is a
    ValueError, or a TypeError if it is of another type.

    ``methods``: those whose requests may have a key; the header means nothing to others.
    ``header``: the one that has the key, such as "webhook-id" or "PayPal-Request-Id".
    ``key_required``: whether a request of these methods without a key is refused.
    ``key_quoted``: whether a key in double quotes is the String of RFC 9651 and means what is
    between them; otherwise quotes are refused. A bare key is accepted by both.
    ``key_per_endpoint``: whether the same key at another method or path is another key;
    otherwise it is the same key, used for another request, and refused.
    ``statuses``: of refusals, where they differ from the usual ones.
    ``errors``: Stripe's shape, or the problem details of RFC 9457.
    ``documentation``: the URL that an error refers to.
    ``keeps_failures``: whether a status of 500 or above is kept as the answer. If not, it is
    released, where nothing was done that the next attempt could repeat (see ``KeyStore``).
    ``released_statuses``: refused before anything was done, so a retry is a first attempt. A
    handler that answers with one of these states that it did nothing.
    ``retry_after_s``: what a client is asked to wait where waiting helps; "lease" is, for a key
    that is in use, the rest of its lease, in whole seconds, and 1 elsewhere.
    ``wait_s``: how long a copy waits for the first to end, rather than being refused at once.
    ``kept_headers``: the names of those that belong to the answer, in lower case; or ``AllBut``
    those of others.
    ``keeps_body``: if not, only the fact is kept that there was an answer, as for a stream.
    ``fingerprint``: what of a body makes a request this one: its bytes "as sent"; "as meant",
    which is JSON with members in any order and multipart with any boundary; or the bytes that
    a function of one's own returns for ``(scope, body)``. Method and target always count.
    ``echoes``: whether answers name the key, and replays the first request in
    ``Original-Request``, if ``scope["state"]["request_id"]`` had named that.
    """

    name: str
    methods: frozenset[str] = frozenset({"POST", "PATCH"})
    header: str = KEY_HEADER
    key_required: bool
    key_quoted: bool
    key_per_endpoint: bool
    statuses: Mapping[Refusal, int] = field(default_factory=dict)
    errors: Literal["stripe", "problem"]
    documentation: str
    keeps_failures: bool
    released_statuses: frozenset[int] = frozenset(RELEASED)
    retry_after_s: int | Literal["lease"] = 1
    wait_s: float = 0.0
    kept_headers: frozenset[str] | AllBut = KEPT_HEADERS
    keeps_body: bool = True
    fingerprint: Literal["as sent", "as meant"] | Represent = "as sent"
    echoes: bool = False

    def __post_init__(self) -> None:
        """Check what a type does not say."""
        _check_each("methods", self.methods, METHOD, "a set of names in upper case")
        kept = self.kept_headers
        named = kept.names if isinstance(kept, AllBut) else kept
        _check_each("kept_headers", named, HEADER, "a set of names in lower case")
        for text in ("name", "header", "documentation"):
            of_type(text, getattr(self, text), str)
        _check_each("header", [self.header.lower()], HEADER, "the name of a header")
        if secrets := [name for name in NEVER_KEPT if name in kept]:
            raise ValueError(f"kept_headers has {secrets}; allowed: what is no one exchange's")
        for refusal in of_type("statuses", self.statuses, Mapping):
            of_type("one of statuses", refusal, Refusal)
        said = [*self.statuses.values()]
        _check_each("statuses", said, STATUS, "numbers from 200 to 599", int)
        if without := [status for status in said if status in NO_BODY]:
            raise ValueError(f"statuses has {without}; allowed: those that have a body")
        released = self.released_statuses
        _check_each("released_statuses", released, STATUS, "numbers from 200 to 599", int)
        for flag in ("key_required", "key_quoted", "key_per_endpoint", "keeps_failures",
                     "keeps_body", "echoes"):  # fmt: skip
            truth(flag, getattr(self, flag))
        wait_s = self.retry_after_s
        if wait_s != "lease" and (type(wait_s) is not int or wait_s < 0):
            allowed = "a whole number, 0 or more, or 'lease'"
            raise ValueError(f"retry_after_s is {wait_s!r}; allowed: {allowed}")
        not_negative("wait_s", self.wait_s)
        one_of("errors", self.errors, ("stripe", "problem"))
        if callable(self.fingerprint):
            plain_function("fingerprint", self.fingerprint)
        else:
            one_of("fingerprint", self.fingerprint, REPRESENTED)

    @cached_property
    def header_name(self) -> bytes:
        """The key's header as ASGI has it, in lower case."""
        return self.header.lower().encode()

    def read_key(self, fields: Sequence[bytes]) -> str | Refusal | None:
        """Return the key in a request's header fields; None if it has none and needs none."""
        match fields:
            case []:
                return Refusal.KEY_MISSING if self.key_required else None
            case [value] if self._bare.fullmatch(value):
                key = value
            case [value] if self.key_quoted and (quoted := QUOTED.fullmatch(value)):
                key = re.sub(rb"\\(.)", rb"\1", quoted[1])
            case _:
                return Refusal.KEY_INVALID
        return key.decode("ascii") if len(key) <= KEY_CHARACTERS_MAX else Refusal.KEY_INVALID

    @property
    def _bare(self) -> re.Pattern[bytes]:
        return BARE_OF_QUOTED if self.key_quoted else BARE

    def represent(self, scope: Scope, body: bytes) -> bytes:
        """Return what stands for a body in the request's fingerprint.

        Raises TypeError if a function of one's own returns something else than bytes.
        """
        own = self.fingerprint
        if not callable(own):
            return REPRESENTED[own](scope, body)
        shown = own(scope, body)
        return of_type("what fingerprint returned", shown, bytes, bytearray, memoryview)

    def keeping(self, scope: Scope) -> Keeping:
        """Return what is kept of the answer to this request, if it is the first."""
        request_id = scope["state"].get("request_id") if self.echoes else None
        first = "" if request_id is None else f"{request_id}"
        named = (("original-request", first),) if FIELD.fullmatch(first) else ()
        return Keeping(self.kept_headers, named, length=scope["method"] == "HEAD")

    def echo(self, key: str) -> Headers:
        """Return the headers that each answer has."""
        return ((self.header.lower(), key),) if self.echoes else ()

    def refuse(self, refusal: Refusal, lease_left_s: float = 0.0) -> KeptAnswer:
        """Return the answer that says so. It quotes nothing of the request.

        ``lease_left_s`` is the rest of the lease of a key in use.
        """
        status = self.statuses.get(refusal, refusal.status)
        sentence = refusal.sentence.replace(KEY_HEADER, self.header)
        if refusal is Refusal.KEY_INVALID:
            sentence += QUOTES[self.key_quoted]
        content: dict[str, object]
        if self.errors == "stripe":
            kind = STRIPE_TYPES.get(refusal, "invalid_request_error")
            content = {"type": kind, "code": refusal.code, "message": sentence}
            content = {"error": {**content, "doc_url": self.documentation}}
            media_type = "application/json"
        else:
            title = refusal.code.replace("_", " ")
            content = {"type": f"{self.documentation}#{refusal.code}", "title": title}
            content |= {"status": status, "detail": sentence, "code": refusal.code}
            media_type = "application/problem+json"
        headers = [("content-type", media_type)]
        if refusal in RETRYABLE:
            wait_s = self.retry_after_s
            if wait_s == "lease":
                wait_s = max(1, math.ceil(lease_left_s))
            headers.append(("retry-after", str(wait_s)))
        return KeptAnswer(status, tuple(headers), json.dumps(content).encode())

    def restore(self, answer: KeptAnswer) -> KeptAnswer:
        """Return a kept answer, or what to say where only the fact of it was kept."""
        return answer if answer.body is not None else self.refuse(Refusal.ANSWER_NOT_KEPT)

    def keeps(self, status: int) -> bool:
        """Whether an answer with this status is the operation's answer, for all retries."""
        if status in self.released_statuses:
            return False
        return self.keeps_failures or status < 500


def _check_each(
    name: str, values: object, pattern: str, allowed: str, kind: type = str
) -> None:
    bad: object = values
    if isinstance(values, Collection) and not isinstance(values, str | bytes):
        fits = [isinstance(one, kind) and re.fullmatch(pattern, f"{one}") for one in values]
        bad = [one for one, fit in zip(values, fits, strict=True) if not fit]
    if bad != []:
        raise ValueError(f"{name} is {bad!r}; allowed: {allowed}")


STRIPE = Profile(
    name="Stripe, API version 1",
    key_required=False,
    key_quoted=False,
    key_per_endpoint=False,
    statuses={Refusal.OTHER_REQUEST: 400},
    echoes=True,
    errors="stripe",
    documentation="https://docs.stripe.com/api/idempotent_requests",
    keeps_failures=True,
)
"""A failure is an answer like any other, and replayed: a client learns the outcome of its one
attempt, and a new attempt takes a new key."""

IETF_DRAFT = Profile(
    name="draft-ietf-httpapi-idempotency-key-header-07",
    key_required=True,
    key_quoted=True,
    key_per_endpoint=True,
    errors="problem",
    documentation="https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/",
    keeps_failures=False,
)
"""The draft leaves open which failures complete an operation. Here none does: the same key
continues after one."""
