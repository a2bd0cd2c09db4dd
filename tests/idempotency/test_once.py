"""Functions, consumers and jobs: once for each key, by a decorator and by a block."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any, Literal

import pytest

from delivery_semantics.databases import Connections, DatabaseRefused, Schema
from delivery_semantics.idempotency import (
    Claim,
    KeyName,
    KeyRefused,
    KeyStore,
    LeaseLost,
    OncePerKey,
    Refusal,
    once,
)

pytestmark = pytest.mark.anyio

BOOKED = Schema("booked", 1, ("CREATE TABLE booked (id TEXT, amount BIGINT)",))
Effects = Literal["anywhere", "in phases"]
Book = Callable[..., Awaitable[object]]
BOOK = "INSERT INTO booked VALUES (?, ?)"


class Ledger:
    """A consumer of payments, also as a coroutine; it can fail after its effect."""

    def __init__(self, url: str, effects: Effects, now: dict[str, float]) -> None:
        self.connections = Connections(url)
        BOOKED.ensure(self.connections.here())
        self.keys = KeyStore(self.connections, clock=lambda: now["s"], effects=effects)
        self.once = OncePerKey(self.keys, "book", released=(LookupError,))
        self.runs = 0
        self.raises: Exception | None = None
        self.phases = effects == "in phases"
        wrap = self.once(key=lambda payment: payment["id"])
        self.book, self.book_async = wrap(self._book), wrap(self._book_async)

    def _book(self, payment: dict[str, Any], *, claim: Claim) -> dict[str, int]:
        self.runs += 1
        told = {"booked": self.runs}
        if not self.phases:
            self.connections.here().change(BOOK, (payment["id"], 7))
        else:
            with claim.phase() as phase:
                phase.database.change(BOOK, (payment["id"], 7))
                self._fail()
                phase.finish(told)
        self._fail()
        return told

    async def _book_async(self, payment: dict[str, Any], *, claim: Claim) -> dict[str, int]:
        self.runs += 1
        told = {"booked": self.runs}
        if not self.phases:
            self.connections.here().change(BOOK, (payment["id"], 7))
        else:
            async with claim.phase() as phase:
                await phase.run_sync(lambda database: database.change(BOOK, (payment["id"], 7)))
                self._fail()
                phase.finish(told)
        self._fail()
        return told

    def _fail(self) -> None:
        if self.raises:
            raise self.raises

    def count(self) -> int:
        return int(self.connections.here().rows("SELECT count(*) FROM booked")[0][0])


@pytest.fixture
def now() -> dict[str, float]:
    return {"s": 1000.0}


@pytest.fixture
def ledger(url: str, effects: Effects, now: dict[str, float]) -> Iterator[Ledger]:
    made = Ledger(url, effects, now)
    with closing(made.connections), closing(made.keys):
        yield made


@pytest.fixture(params=["book", "book_async"])
def book(request: pytest.FixtureRequest, ledger: Ledger) -> Book:
    function = getattr(ledger, request.param)

    async def call(*given: object) -> object:
        if inspect.iscoroutinefunction(function):
            return await function(*given)
        return await ledger.keys.in_thread(function, *given)

    return call


async def test_each_key_is_carried_out_once_and_told_the_same(
    ledger: Ledger, book: Book
) -> None:
    told = [await book({"id": id}) for id in ("p1", "p2", "p1", "p1")]
    assert told == [{"booked": 1}, {"booked": 2}, {"booked": 1}, {"booked": 1}]
    assert (ledger.runs, ledger.count()) == (2, 2)


async def test_the_same_key_with_another_request_is_refused(ledger: Ledger, book: Book) -> None:
    await book({"id": "p1"})
    with pytest.raises(KeyRefused) as refused:
        await book({"id": "p1", "amount": 8})
    assert refused.value.refusal is Refusal.OTHER_REQUEST
    assert ledger.count() == 1


async def test_who_fails_goes_on_in_phases_and_is_in_doubt_elsewhere(
    ledger: Ledger,
    book: Book,
) -> None:
    ledger.raises = ConnectionError()
    with pytest.raises(ConnectionError):
        await book({"id": "p1"})
    ledger.raises = None
    if ledger.phases:
        assert await book({"id": "p1"}) == {"booked": 2}
    else:
        with pytest.raises(KeyRefused) as refused:
            await book({"id": "p1"})
        assert refused.value.refusal is Refusal.IN_DOUBT
    assert ledger.count() == 1


async def test_an_attempt_that_broke_off_is_never_repeated_outside_of_phases(
    ledger: Ledger,
    book: Book,
    now: dict[str, float],
) -> None:
    request = once._digest([[{"id": "p1"}], {}])
    ledger.keys.claim(KeyName("", "book", "p1"), request)  # and it ends without a word
    with pytest.raises(KeyRefused) as refused:
        await book({"id": "p1"})
    assert refused.value.refusal is Refusal.IN_PROGRESS
    now["s"] += ledger.keys.lease_s
    if ledger.phases:
        await book({"id": "p1"})
    else:
        with pytest.raises(KeyRefused, match="is not known here"):
            await book({"id": "p1"})
    assert ledger.count() == ledger.phases


async def test_what_says_that_nothing_was_done_frees_the_key(ledger: Ledger) -> None:
    async def refuse() -> None:
        async with ledger.once.claimed("p1", {"amount": 7}):
            raise LookupError

    with pytest.raises(LookupError):
        await refuse()
    async with ledger.once.claimed("p1", {"amount": 8}) as claim:
        assert not claim.finished
        await ledger.keys.in_thread(claim.finish, "done")
    async with ledger.once.claimed("p1", {"amount": 8}) as claim:
        assert (claim.finished, claim.result) == (True, "done")


async def test_the_hook_is_told_what_became_of_each_call(ledger: Ledger, book: Book) -> None:
    told: list[str] = []
    ledger.keys.hook = lambda outcome: told.append(outcome.what)
    await book({"id": "p1"})
    await book({"id": "p1"})
    with pytest.raises(KeyRefused):
        await book({"id": "p1", "amount": 8})
    assert told == ["claimed", "replayed", "another request"]
    told.clear()
    ledger.raises = ConnectionError()
    with pytest.raises(ConnectionError):
        await book({"id": "p2"})
    assert told == ["claimed"] + ["in doubt"] * (not ledger.phases)
    told.clear()
    ledger.raises = LeaseLost()
    with pytest.raises(LeaseLost):
        await book({"id": "p3"})
    assert told == ["claimed", "lease lost" if ledger.phases else "in doubt"]
    told.clear()
    ledger.connections.here().change("DROP TABLE idempotency_keys")
    with pytest.raises(DatabaseRefused):
        await book({"id": "p4"})
    assert told == ["store away"]


Wrong = Callable[[OncePerKey], object]


async def _async(*given: object) -> str:
    raise AssertionError


def _generates(payment: object, *, claim: Claim) -> Iterator[int]:
    yield 1


async def _generates_async(payment: object, *, claim: Claim) -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize("wrong", [None, 7, True, b"x", "a\0b", "\udcff", "x" * 801])
def test_what_no_database_holds_as_text_is_a_named_mistake(
    ledger: Ledger,
    wrong: Any,  # noqa: ANN401
) -> None:
    calls: dict[str, Callable[[], object]] = {
        "name": lambda: OncePerKey(ledger.keys, wrong),
        "key": lambda: ledger.book({"id": wrong}),
        "account": lambda: ledger.once.claimed("p1", account=wrong),
    }
    for name, call in calls.items():
        with pytest.raises((TypeError, ValueError), match=rf"^{name} is .*; allowed: "):
            call()
    assert ledger.runs == 0


WRONG: list[tuple[str, Wrong]] = [
    ("keys", lambda _: OncePerKey("keys.db", "book")),  # type: ignore[arg-type]
    ("released", lambda once: OncePerKey(once.keys, "book", released=ValueError)),  # type: ignore[arg-type]
    ("released", lambda once: OncePerKey(once.keys, "book", released=(5,))),  # type: ignore[arg-type]
    ("key", lambda once: once(key=_async)),
    ("key", lambda once: once(key="id")),  # type: ignore[arg-type]
    ("request", lambda once: once(key=str, request=_async)),
    ("function", lambda once: once(key=str)(None)),  # type: ignore[arg-type]
    ("function", lambda once: once(key=str)(_generates)),
    ("function", lambda once: once(key=str)(_generates_async)),
    ("function", lambda once: once(key=str)(partial(_generates, 1))),
]


def test_what_cannot_be_carried_out_once_is_a_named_mistake(ledger: Ledger) -> None:
    for named, wrong in WRONG:
        with pytest.raises(TypeError, match=rf"^{named} (is|has) .*allowed: "):
            wrong(ledger.once)


async def test_what_json_cannot_hold_is_named_and_not_carried_out(ledger: Ledger) -> None:
    def none(*_: object, **__: object) -> str:
        raise AssertionError

    called = ledger.once(key=lambda *_, **__: "p1")(none)
    asked = ledger.once(key=lambda *_: "p1", request=lambda given: given)(none)
    deep: list[object] = []
    deep.append(deep)
    calls: dict[str, Callable[[], object]] = {
        "argument 1 is a object": lambda: called("x", object()),
        "argument 'paid' is a dict": lambda: called("x", paid={"at": float("nan")}),
        "argument 0 is a list": lambda: called(deep),
        "request is a bytes": lambda: asked(b"x"),
        "request is a set": lambda: ledger.once.claimed("p1", set()),
        "result is a set": lambda: ledger.once(key=str)(lambda _, claim: {1})("p2"),
    }
    for named, call in calls.items():
        with pytest.raises(TypeError, match=rf"^{named} \(.*\); allowed: what JSON can hold"):
            await ledger.keys.in_thread(call)


async def test_an_object_that_is_called_and_waited_for_is_carried_out_once(
    ledger: Ledger,
) -> None:
    class Booking:
        runs = 0

        async def __call__(self, id: str, *, claim: Claim) -> int:
            self.runs += 1
            return self.runs

    book = ledger.once(key=str)(Booking())
    assert [await book(id) for id in ("p1", "p1", "p2")] == [1, 1, 2]


async def test_a_result_too_large_to_keep_is_returned_once(ledger: Ledger, book: Book) -> None:
    ledger.keys.answer_max_bytes = 2
    assert await book({"id": "p1"}) == {"booked": 1}
    with pytest.raises(KeyRefused) as raised:
        await book({"id": "p1"})
    assert raised.value.refusal is Refusal.ANSWER_NOT_KEPT
    assert ledger.count() == 1
