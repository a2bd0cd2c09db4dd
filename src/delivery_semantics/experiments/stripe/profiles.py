"""The two profiles side by side, as they behave.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from ...idempotency import IETF_DRAFT, STRIPE, Profile, Refusal
from ...show.tables import Table, table


def profiles_table() -> Table:
    """Return what each profile does, asked of the profile itself."""
    answers = {"Stripe": _behaviour(STRIPE), "IETF draft": _behaviour(IETF_DRAFT)}
    rows = list(next(iter(answers.values())))
    columns = {name: list(found.values()) for name, found in answers.items()}
    return table(columns, rows=rows, rows_name="what", caption="The two profiles")


def _behaviour(profile: Profile) -> dict[str, str]:
    def said(refusal: Refusal) -> str:
        return str(profile.refuse(refusal).status)

    required = isinstance(profile.read_key([]), Refusal)
    quoted = profile.read_key([b'"abc123"']) == "abc123"
    content = dict(profile.refuse(Refusal.IN_PROGRESS).headers)["content-type"]
    return {
        "a request without a key": said(Refusal.KEY_MISSING) if required else "is carried out",
        'Idempotency-Key: "abc123"': "is the key abc123"
        if quoted
        else said(Refusal.KEY_INVALID),
        "the same key at another path": "is another key"
        if profile.key_per_endpoint
        else said(Refusal.OTHER_REQUEST),
        "the first is still being carried out": said(Refusal.IN_PROGRESS),
        "the parameters have changed": said(Refusal.OTHER_REQUEST),
        "a 400": _kept(profile, 400),
        "a 402": _kept(profile, 402),
        "a 500": _kept(profile, 500),
        "errors are": content,
    }


def _kept(profile: Profile, status: int) -> str:
    return "is kept and replayed" if profile.keeps(status) else "is not kept"
