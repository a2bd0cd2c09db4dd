"""Functions, consumers and jobs whose effect happens once, by the keys of requests.

A message's id is the key, its content the request, and what the function returns the answer.
All that holds of a handler holds of it: one attempt at a time, fencing, phases, recovery
points, and doubt where a crash leaves one.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from time import monotonic
from typing import Any

from ..core.check import of_type
from ..databases import DatabaseRefused
from .blocks import Block
from .claims import Claim, LeaseLost, cause_of
from .kept import KeptAnswer
from .keys import KeyStore
from .lanes import is_async, plain_function
from .outcomes import what_became
from .profiles import Refusal
from .table import KeyName, KeyRow, storable

RETURNED = 200
IN_DOUBT = KeptAnswer(Refusal.IN_DOUBT.status, (), None)

Function = Callable[..., Any]


class KeyRefused(RuntimeError):
    """The function was not carried out now; ``refusal`` says why, and whether to ask again."""

    def __init__(self, name: KeyName, refusal: Refusal) -> None:
        super().__init__(f"{name.endpoint}, key {name.key!r}: {refusal.sentence}")
        self.refusal = refusal


class NotJson(TypeError):
    """A request, an argument or a result that JSON cannot hold."""


class OncePerKey:
    """Carries out what is called ``name`` once for each key of ``keys``.

    Errors of ``released`` types state that nothing was done, so that the key may be used for
    another request. After any other one the next attempt goes on at the recovery point, where
    effects are in phases; elsewhere the outcome is in doubt.

    Raises TypeError or ValueError for what cannot be, here and in its methods. Name, account
    and key are texts of at most 800 bytes each, without NUL.
    """

    def __init__(
        self, keys: KeyStore, name: str, *, released: tuple[type[BaseException], ...] = ()
    ) -> None:
        if not storable("name", name):
            raise ValueError("name is ''; allowed: what is done once, such as 'charge'")
        for one in of_type("released", released, tuple):
            if not (isinstance(one, type) and issubclass(one, BaseException)):
                raise TypeError(f"released has {one!r}; allowed: classes of exceptions")
        self.keys, self.name, self.released = of_type("keys", keys, KeyStore), name, released

    def claimed(self, key: str, request: object = None, *, account: str = "") -> Block[Claim]:
        """Run a block with the claim on a key, by ``with`` or ``async with``.

        ``claim.finished`` tells the block that there is nothing to do any more, and
        ``claim.result`` what came of it. The block finishes the claim, in a phase or by
        ``claim.finish(result)``; if it does not, the result is None. ``request`` is what JSON
        can hold: the same key with another one is refused. Raises KeyRefused.
        """
        name = KeyName(storable("account", account), self.name, storable("key", key))
        digest = _digest(request)
        return Block(self.keys, lambda apart: self._attempt(name, digest))

    def __call__(
        self, *, key: Function, request: Function | None = None
    ) -> Callable[[Function], Function]:
        """Decorate a function, or one that is async, so that each key is carried out once.

        ``key(…)`` and ``request(…)`` are given its arguments, which are the request by default.
        It is given ``claim`` besides. Each call returns the one result, which JSON can hold. A
        call raises TypeError for an argument, or a request, that JSON cannot hold.
        """
        plain_function("key", key)
        if request is not None:
            plain_function("request", request)

        def begin(*given: Any, **named: Any) -> Block[Claim]:  # noqa: ANN401
            if request:
                return self.claimed(key(*given, **named), request(*given, **named))
            try:
                return self.claimed(key(*given, **named), [given, named])
            except NotJson:
                for which, value in (*enumerate(given), *named.items()):
                    _digest(value, f"argument {which!r}")
                raise

        return partial(self._decorated, begin)

    def _decorated(self, begin: Callable[..., Block[Claim]], function: Function) -> Function:
        if not callable(function) or _generates(function):
            raise TypeError(f"function is {function!r}; allowed: one that returns a result")

        @wraps(function)
        def call(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            with begin(*given, **named) as claim:
                if not claim.finished:
                    result = function(*given, **named, claim=claim)
                    if not claim.finished:
                        claim.finish(result)
            return claim.result

        @wraps(function)
        async def call_async(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            async with begin(*given, **named) as claim:
                if not claim.finished:
                    result = await function(*given, **named, claim=claim)
                    if not claim.finished:  # by a phase
                        await self.keys.in_thread(claim.finish, result)
            return claim.result

        return call_async if is_async(function) else call

    @contextmanager
    def _attempt(self, name: KeyName, digest: bytes) -> Iterator[Claim]:
        began_s = monotonic()

        def tell(what: str, error: BaseException | None = None) -> None:
            self.keys.tell(what, name, monotonic() - began_s, error)

        claim = self._claim(name, digest, tell)
        claim.keep = _as_json
        if claim.finished:
            yield claim
            return
        try:
            with self.keys.leases.held(claim):
                yield claim
            if not claim.finished:
                claim.finish(None)
        except BaseException as error:
            if not claim.finished:
                self._break_off(claim, error, tell)
            raise

    def _claim(self, name: KeyName, digest: bytes, tell: Callable[..., None]) -> Claim:
        try:
            outcome = self.keys.claim(name, digest)
            if isinstance(outcome, Claim) and outcome.broke_off and not self._in_phases:
                self.keys.finish(outcome, IN_DOUBT, in_doubt=True)
                outcome = Refusal.IN_DOUBT
        except DatabaseRefused as error:
            tell("store away", error)
            raise
        tell(what_became(outcome))
        if isinstance(outcome, Claim):
            return outcome
        if isinstance(outcome, KeptAnswer):
            if outcome.body is not None:
                row = KeyRow(digest, 0, 0.0, 0.0).finished(outcome)
                return Claim(self.keys, name, row)
            in_doubt = outcome.status == IN_DOUBT.status
            outcome = Refusal.IN_DOUBT if in_doubt else Refusal.ANSWER_NOT_KEPT
        raise KeyRefused(name, outcome)

    def _break_off(self, claim: Claim, error: BaseException, tell: Callable[..., None]) -> None:
        """See to the key of an attempt that raised; where that fails, its lease will end."""
        nothing_done = isinstance(cause_of(error), self.released)
        try:
            if nothing_done or self._in_phases:
                self.keys.release(claim, to_any_request=nothing_done)
                if isinstance(cause := cause_of(error), LeaseLost | DatabaseRefused):
                    raise cause
            else:
                self.keys.finish(claim, IN_DOUBT, in_doubt=True)
                tell("in doubt", error)
        except LeaseLost:
            tell("lease lost")
        except DatabaseRefused as refused:
            tell("store away", refused)

    @property
    def _in_phases(self) -> bool:
        return self.keys.effects == "in phases"


def _generates(function: Function) -> bool:
    kinds = inspect.isgeneratorfunction, inspect.isasyncgenfunction
    return any(kind(one) for kind in kinds for one in (function, type(function).__call__))


def _digest(request: object, name: str = "request") -> bytes:
    """Return the SHA-256 of what JSON can hold. Raises NotJson for anything else."""
    text = _in_json(name, request, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _in_json(name: str, value: object, **how: Any) -> str:  # noqa: ANN401
    try:
        return json.dumps(value, allow_nan=False, **how)
    except (TypeError, ValueError, RecursionError) as error:  # it may be secret: not quoted
        kind = type(value).__name__
        raise NotJson(f"{name} is a {kind} ({error}); allowed: what JSON can hold") from error


def _as_json(result: object, _: object) -> KeptAnswer:
    """Keep a result. Raises TypeError for one that JSON cannot hold."""
    headers = (("content-type", "application/json"),)
    return KeptAnswer(RETURNED, headers, _in_json("result", result).encode())
