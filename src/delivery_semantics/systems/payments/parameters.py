"""What a client may ask, read from a form as Stripe's clients send it.

Everything is checked here, before anything is carried out or remembered: what is refused here
has had no effect, and its key may be used again. Money is a whole number of the currency's
smallest unit; no float ever holds an amount.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from .errors import ApiError, invalid

AMOUNT_MAX = 99_999_999
CURRENCIES = ("chf", "eur", "gbp", "jpy", "sek", "usd")
SOURCE = r"^tok_[A-Za-z0-9_]{1,64}$"
CHARGE_ID = r"^ch_[A-Za-z0-9_]{1,64}$"
DECLINED = "tok_chargeDeclined"
"""The token of a card that has no money; Stripe's test mode has one of this name."""

DESCRIPTION_MAX = 1000
FIELDS_MAX, FIELD_NAME, FIELD_MAX = 50, r"^[A-Za-z0-9_-]{1,40}$", 500
LIMIT_DEFAULT, LIMIT_MAX = 10, 100
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class ChargeAsked:
    """A charge of ``amount`` in the smallest unit of ``currency``, from the card ``source``."""

    amount: int
    currency: str
    source: str
    description: str | None
    metadata: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PageAsked:
    """``limit`` charges, newest first, after or before the charge of an id, or between two.

    ``after`` and ``before`` are "" where nothing was asked.
    """

    limit: int
    after: str
    before: str


def charge_asked(content_type: str, body: bytes) -> ChargeAsked:
    """Read a charge from a form. Raises ApiError for anything that is not as it must be."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise ApiError(400, "invalid_request_error", f"Content-Type must be {FORM}")
    form = _form(body)
    metadata = _metadata(form)
    _known(form, ("amount", "currency", "source", "description"))
    return ChargeAsked(
        amount=_number("amount", _required(form, "amount"), AMOUNT_MAX),
        currency=_one_of("currency", _required(form, "currency"), CURRENCIES),
        source=_matching("source", _required(form, "source"), SOURCE),
        description=_description(form),
        metadata=metadata,
    )


def page_asked(query: bytes) -> PageAsked:
    """Read which charges to list. Raises ApiError for anything that is not as it must be."""
    form = _form(query)
    _known(form, ("limit", "starting_after", "ending_before"))
    cursors = {name: _matching(name, form[name], CHARGE_ID) for name in form if name != "limit"}
    limit = _number("limit", form.get("limit", str(LIMIT_DEFAULT)), LIMIT_MAX)
    return PageAsked(limit, cursors.get("starting_after", ""), cursors.get("ending_before", ""))


def _form(encoded: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, errors="strict",
            max_num_fields=FIELDS_MAX + 10, strict_parsing=bool(encoded),
        )  # fmt: skip
    except ValueError as error:  # also what UnicodeError is
        raise ApiError(400, "invalid_request_error", "The form cannot be read.") from error
    form = dict(pairs)
    for name, value in pairs:
        if form[name] != value or [n for n, _ in pairs].count(name) > 1:
            raise invalid(name, "A parameter was given more than once.")
        if "\0" in name + value:
            raise invalid("", "NUL is not allowed in a parameter.")
    return form


def _metadata(form: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Take metadata[name]=value out of the form."""
    found = {}
    for name in [name for name in form if name.startswith("metadata[")]:
        inner, value = name.removeprefix("metadata[").removesuffix("]"), form.pop(name)
        if not (name.endswith("]") and re.fullmatch(FIELD_NAME, inner)):
            raise invalid("metadata", "A name in metadata is 1 to 40 of A-Z a-z 0-9 _ -.")
        if len(value) > FIELD_MAX:
            raise invalid("metadata", f"A value in metadata has up to {FIELD_MAX} characters.")
        found[inner] = value
    if len(found) > FIELDS_MAX:
        raise invalid("metadata", f"metadata holds up to {FIELDS_MAX} values.")
    return tuple(sorted(found.items()))


def _known(form: dict[str, str], names: tuple[str, ...]) -> None:
    for name in form:
        if name not in names:
            message = "Received unknown parameter; known: " + ", ".join(names)
            raise invalid(name[:40], message, "parameter_unknown")


def _required(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise invalid(name, f"Missing required param: {name}.", "parameter_missing")
    return form[name]


def _number(name: str, text: str, largest: int) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text) or int(text) > largest:
        message = f"{name} must be a whole number from 1 to {largest}."
        raise invalid(name, message, "parameter_invalid_integer")
    return int(text)


def _one_of(name: str, text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise invalid(name, f"{name} must be one of: {', '.join(allowed)}.")
    return text


def _matching(name: str, text: str, pattern: str) -> str:
    if not re.fullmatch(pattern, text):
        raise invalid(name, f"{name} must match {pattern}")
    return text


def _description(form: dict[str, str]) -> str | None:
    description = form.get("description") or None
    if description and len(description) > DESCRIPTION_MAX:
        raise invalid("description", f"description has up to {DESCRIPTION_MAX} characters.")
    return description
