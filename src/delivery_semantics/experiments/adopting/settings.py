"""Every setting and every refusal of the layer, read from its code.

Book: idempotency-layer
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

from ...idempotency import (
    IETF_DRAFT, STRIPE, IdempotencyMiddleware, KeyStore, Profile, Refusal,
)  # fmt: skip
from ...show.tables import Table, table

PLACES: tuple[Callable[..., object], ...] = (KeyStore, IdempotencyMiddleware, Profile)
SENTENCE = re.compile(r"(?<=\.)\s+(?=``|[A-Z-])|(?<=:)\s+(?=``|- )")


def settings_table(of: Callable[..., object]) -> Table:
    """Return the settings of one of ``PLACES``: name, default, and what its docstring says."""
    parameters = inspect.signature(of).parameters.values()
    asked = [one for one in parameters if one.kind is one.KEYWORD_ONLY]
    text = str(of.__doc__)
    columns = {
        "default": [_default(one) for one in asked],
        "what it says": [_about(one.name, text) or f"a {one.annotation}" for one in asked],
    }
    names = [one.name for one in asked]
    return table(columns, rows=names, rows_name="setting", caption=of.__name__)


def refusals_table() -> Table:
    """Return what the layer itself answers, in each profile."""
    profiles = {"Stripe": STRIPE, "draft": IETF_DRAFT}
    columns: dict[str, list[object]] = {
        name: [profile.refuse(one).status for one in Refusal]
        for name, profile in profiles.items()
    }
    waits = [dict(IETF_DRAFT.refuse(one).headers).get("retry-after") for one in Refusal]
    columns["same key again?"] = ["later" if wait else "no" for wait in waits]
    columns["what it says"] = [one.sentence for one in Refusal]
    codes = [one.code for one in Refusal]
    return table(columns, rows=codes, rows_name="code", caption="What the layer answers itself")


def _default(parameter: inspect.Parameter) -> str:
    value = parameter.default
    if value is parameter.empty:
        return "none: to be given"
    if repr(value) == "<factory>":
        return "none"
    if callable(value):
        return f"{value.__module__}.{value.__name__}"
    if isinstance(value, Profile):
        return value.name
    if isinstance(value, (frozenset, dict)):
        return ", ".join(sorted(map(str, value))) or "none"
    return f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)


def _about(name: str, text: str) -> str:
    """Return the sentence about a name: the one that begins with it, if there is one."""
    sentences = [" ".join(one.split()) for one in SENTENCE.split(text)]
    named = [one for one in sentences if f"``{name}``" in one or f"``{name}(" in one]
    named.sort(key=lambda one: not one.startswith(f"``{name}"))
    return named[0].replace("``", "").rstrip(":") if named else ""
