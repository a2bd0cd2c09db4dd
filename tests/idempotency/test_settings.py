"""Settings are data: what cannot be is refused at the start, and by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from starlette.responses import Response

from delivery_semantics.databases import Connections
from delivery_semantics.idempotency import (
    STRIPE,
    AllBut,
    IdempotencyMiddleware,
    KeyStore,
    Refusal,
)

if TYPE_CHECKING:
    from pathlib import Path

Wrong = Mapping[str, tuple[object, ...]]


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("methods", "POST", "methods is 'POST'; allowed: a set of names in upper case"),
        ("methods", {"post"}, "methods is .*'post'.*; allowed"),
        ("header", "Webhook Id", "header is .*webhook id.*; allowed: the name of a header"),
        ("kept_headers", {"X-Trace"}, "kept_headers is .*; allowed: a set of names in lower"),
        ("kept_headers", frozenset({"set-cookie"}), "kept_headers has .*set-cookie"),
        ("kept_headers", AllBut(frozenset({"X-Trace"})), "kept_headers is .*X-Trace"),
        (
            "released_statuses",
            {42},
            "released_statuses is .*42.*; allowed: numbers from 200 to 599",
        ),
        ("key_required", 1, "key_required is 1; allowed: True, False"),
        ("wait_s", -1.0, "wait_s is -1.0; allowed: a finite number, 0 or more"),
        (
            "retry_after_s",
            -1,
            "retry_after_s is -1; allowed: a whole number, 0 or more, or 'lease'",
        ),
        (
            "retry_after_s",
            "rest",
            "retry_after_s is 'rest'; allowed: a whole number, 0 or more, or 'l",
        ),
        ("errors", "html", "errors is 'html'; allowed: stripe, problem"),
        ("fingerprint", "hash", "fingerprint is 'hash'; allowed: as sent, as meant"),
    ],
)
def test_a_setting_is_checked_and_named(setting: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(STRIPE, **{setting: value})  # type: ignore[arg-type]


async def _nobody_waits(*given: object) -> bytes:
    raise AssertionError


class _AsyncWhenCalled:
    async def __call__(self, *given: object) -> str:
        raise AssertionError


def _cases(wrong: Wrong) -> list[tuple[str, object]]:
    return [(setting, value) for setting, values in wrong.items() for value in values]


PROFILES_WRONG: Wrong = {
    "name": (None, 5, b"x"),
    "methods": (None, 5, {1}, {None}, {b"POST"}, b"POST", iter({"POST"})),
    "header": (None, 5, b"x", True, ""),
    "key_quoted": (None, 0, "yes"),
    "statuses": (
        None, 5, [400], {"in use": 400},
        *({Refusal.IN_PROGRESS: status} for status in ("409", 409.0, None, True, 99, 204, 304)),
    ),
    "errors": (None, 5, []),
    "documentation": (None, 5, b"x"),
    "released_statuses": (None, 5, "429", {"429"}, {429.0}, {None}, {True}),
    "retry_after_s": (None, True, 1.5, math.nan),
    "wait_s": (None, True, "x", math.nan, math.inf),
    "kept_headers": (None, 5, "location", {1}, {b"x"}, AllBut("x-trace"), AllBut(None)),  # type: ignore[arg-type]
    "fingerprint": (None, 5, True, _nobody_waits, partial(_nobody_waits), _AsyncWhenCalled()),
}  # fmt: skip


@pytest.mark.parametrize(("setting", "value"), _cases(PROFILES_WRONG))
def test_a_setting_of_another_kind_is_a_named_error(setting: str, value: object) -> None:
    with pytest.raises((TypeError, ValueError), match=rf"\b{setting}\b .*allowed: "):
        replace(STRIPE, **{setting: value})  # type: ignore[arg-type]


MIDDLEWARES_WRONG: Wrong = {
    "keys": (None, "x"),
    "account": (None, "alice", _nobody_waits, partial(_nobody_waits), _AsyncWhenCalled()),
    "profile": (None, "stripe", True),
    "routes": (["/a"], "x", "", {5: None}, {"a": None}, {"/a": "stripe"}, {"/a": True}),
    "request_max_bytes": (None, True, 1.5, -1),
}


@pytest.mark.parametrize(("setting", "value"), _cases(MIDDLEWARES_WRONG))
def test_a_setting_of_the_middleware_is_checked_and_named(
    tmp_path: Path, setting: str, value: object
) -> None:
    with closing(Connections(f"sqlite:///{tmp_path}/keys.db")) as connections:
        right = {"keys": KeyStore(connections), "account": lambda _: "alice"}
        with pytest.raises((TypeError, ValueError), match=rf"{setting}\b.*allowed: "):
            IdempotencyMiddleware(Response(), **{**right, setting: value})  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"routes: .*'nothing'"):
            IdempotencyMiddleware(Response(), **right, routes={"/{a:nothing}": None})  # type: ignore[arg-type]


CONNECTIONS_WRONG: Wrong = {
    "url": (None, 5, b"sqlite:///keys.db", "", "mysql://a"),
    "lock_timeout_s": (None, True, "x", math.nan, math.inf, -1),
    "synchronous": (None, True, 0, "full"),
    "answer_timeout_s": (None, True, "x", math.nan, 0),
    "connections_max": (None, True, 0, 1.5),
}


@pytest.mark.parametrize(("setting", "value"), _cases(CONNECTIONS_WRONG))
def test_a_setting_of_connections_is_checked_before_one_is_opened(
    setting: str, value: object
) -> None:
    given = {"url": "sqlite:///keys.db", setting: value}
    with pytest.raises((TypeError, ValueError), match=rf"{setting} is .*allowed: "):
        Connections(**given)  # type: ignore[arg-type]


STORES_WRONG: Wrong = {
    "connections": (None, 5, "sqlite:///keys.db"),
    "clock": (None, 5, "x", _nobody_waits),
    "effects": (None, True, []),
    "lease_s": (None, True, "1", math.nan),
    "answer_max_bytes": (None, True, 1.5),
    "keys_max": (True, 0, 1.5),
    "hook": (5, True, _nobody_waits, _AsyncWhenCalled()),
}


@pytest.mark.parametrize(("setting", "value"), _cases(STORES_WRONG))
def test_a_setting_of_the_store_is_checked_and_named(
    tmp_path: Path, setting: str, value: object
) -> None:
    with closing(Connections(f"sqlite:///{tmp_path}/keys.db")) as connections:
        given = {"connections": connections, setting: value}
        with pytest.raises((TypeError, ValueError), match=rf"{setting} is .*allowed: "):
            KeyStore(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("returned", [None, "text", 5])
def test_a_fingerprint_of_ones_own_is_bytes(returned: object) -> None:
    profile = replace(STRIPE, fingerprint=lambda scope, body: returned)  # type: ignore[arg-type,return-value]
    with pytest.raises(
        TypeError, match=f"fingerprint returned is {returned!r}; allowed: bytes"
    ):
        profile.represent({}, b"")
