"""The two profiles side by side, as they behave.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from ...idempotency import IETF_DRAFT, STRIPE, Profile, Refusal
from ...show.tables import Table, table

PROFILES = {"Stripe": STRIPE, "IETF draft": IETF_DRAFT}
OUR_CHOICE = {
    "Stripe": {"methods with keys", 'Idempotency-Key: "abc123"', "Idempotency-Key: a, b"},
    "IETF draft": {
        "Idempotency-Key: abc123",
        "the same key at another path",
        "a 400",
        "a 500",
        "answers name the key",
    },
}
"""What no document says. The rest stands in docs.stripe.com/api/idempotent_requests and
docs.stripe.com/api/errors, the statuses 400 and 409 in Stripe's own client; or in sections 2.1,
2.6 and 2.7 of the draft."""


def profiles_table() -> Table:
    """Return what each profile does, asked of the profile itself, and on whose word."""
    answers = {name: _behaviour(profile) for name, profile in PROFILES.items()}
    columns = {
        name: [f"{does} ({_word(name, what)})" for what, does in found.items()]
        for name, found in answers.items()
    }
    rows = list(next(iter(answers.values())))
    return table(columns, rows=rows, rows_name="what", caption="The two profiles")


def _word(profile: str, what: str) -> str:
    return "our choice" if what in OUR_CHOICE[profile] else "documented"


def _behaviour(profile: Profile) -> dict[str, str]:
    def said(refusal: Refusal) -> str:
        return str(profile.refuse(refusal).status)

    required = isinstance(profile.read_key([]), Refusal)
    content = dict(profile.refuse(Refusal.IN_PROGRESS).headers)["content-type"]

    def read(field: bytes) -> str:
        key = profile.read_key([field])
        return said(key) if isinstance(key, Refusal) else f"is the key {key}"

    return {
        "methods with keys": ", ".join(sorted(profile.methods)),
        "a request without a key": said(Refusal.KEY_MISSING) if required else "is carried out",
        "Idempotency-Key: abc123": read(b"abc123"),
        'Idempotency-Key: "abc123"': read(b'"abc123"'),
        "Idempotency-Key: a, b": read(b"a, b"),
        "the same key at another path": "is another key"
        if profile.key_per_endpoint
        else said(Refusal.OTHER_REQUEST),
        "the first is still being carried out": said(Refusal.IN_PROGRESS),
        "the parameters have changed": said(Refusal.OTHER_REQUEST),
        "a 400": _kept(profile, 400),
        "a 402": _kept(profile, 402),
        "a 500": _kept(profile, 500),
        "errors are": content,
        "answers name the key": "yes" if profile.echoes else "no",
    }


def _kept(profile: Profile, status: int) -> str:
    return "is kept and replayed" if profile.keeps(status) else "is not kept"
