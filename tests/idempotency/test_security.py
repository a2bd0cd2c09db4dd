"""What an attacker may try: other accounts' keys, malformed keys, sizes, what is stored."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import Response

from delivery_semantics.idempotency import IETF_DRAFT, STRIPE
from delivery_semantics.idempotency.middleware import fingerprint

if TYPE_CHECKING:
    from starlette.requests import Request

    from tests.idempotency.conftest import Bed

pytestmark = pytest.mark.anyio

COPIES_MAX = 5
"""Of a request's body. Where it is copied with each of its parts, there are hundreds."""


async def test_who_is_nobody_does_not_reach_the_store(bed: Bed) -> None:
    bed.keys.claim_soon = None  # type: ignore[method-assign, assignment]
    for key in ("k1", "k" * 300, ""):
        assert (await bed.post(key, account=None)).status_code == 401
    assert bed.runs == 0


async def test_a_revoked_credential_reads_no_kept_answer(bed: Bed) -> None:
    await bed.post()
    refused = await bed.post(account=None)
    assert refused.status_code == 401
    assert b'"id"' not in refused.content


async def test_a_foreign_key_looks_like_one_that_nobody_has_used(bed: Bed) -> None:
    await bed.post("used", account="alice")
    replies = [await bed.post(key, account="mallory") for key in ("used", "unused")]
    assert [reply.status_code for reply in replies] == [201, 201]
    assert sorted(replies[0].headers) == sorted(replies[1].headers)
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        inside.set()
        await go_on.wait()
        return Response()

    bed.handler = slow
    running = asyncio.create_task(bed.post("running", account="alice"))
    await inside.wait()
    bed.handler = bed.charge
    assert (await bed.post("running", account="mallory")).status_code == 201
    go_on.set()
    await running


@pytest.mark.parametrize(
    "values",
    [
        [b"k1", b"k1"],
        [b"k1", b"k2"],
        [b"k\x00"],
        [b"k\r\nset-cookie: a=b"],
        [b"k\x7f"],
        ["schlüssel".encode()],
        [b'"k1'],
        [b'k1"'],
        [b'"k1"; a=b'],
        [b'"k\\1"'],
        [b'"k\t1"'],
        [b'""'],
        [b'"' + b"k" * 256 + b'"'],
        [b"  "],
    ],
    ids=repr,
)
async def test_a_malformed_key_is_refused_and_not_quoted(bed: Bed, values: list[bytes]) -> None:
    reply = await bed.raw([(b"idempotency-key", value) for value in values])
    assert reply["status"] == 400
    assert b"k1" not in reply["body"]
    assert (bed.runs, bed.rows()) == (0, [])


@pytest.mark.parametrize("value", [b"k1, k1", b"k1,k2", b"k 1", b"k  1"])
async def test_a_blank_or_a_comma_is_for_a_quoted_key_or_for_a_profile_without_quotes(
    bed: Bed, value: bytes
) -> None:
    bare = await bed.raw([(b"idempotency-key", value)])
    assert bare["status"] == (400 if bed.profile.key_quoted else 201)
    quoted = await bed.raw([(b"idempotency-key", b'"' + value + b'"')])
    assert quoted["status"] == (201 if bed.profile.key_quoted else 400)
    assert [row["key"] for row in bed.rows()] == [value.decode()]


@pytest.mark.parametrize(
    ("field", "key"),
    [
        (b"k1", "k1"),
        (b" k1 ", "k1"),
        (b"!#~", "!#~"),
        (b'"k 1"', "k 1"),
        (b'"k1"', "k1"),
        (b'"a\\"b\\\\c"', 'a"b\\c'),
        (b'"a,b"', "a,b"),
        (b'"' + b"\\\\" * 255 + b'"', "\\" * 255),
    ],
)
def test_what_a_well_formed_key_is(field: bytes, key: str) -> None:
    assert IETF_DRAFT.read_key([field.strip()]) == key
    if b'"' not in field:
        assert STRIPE.read_key([field.strip()]) == key


async def test_a_statement_in_a_key_is_a_key(bed: Bed) -> None:
    injected = "'); DROP TABLE idempotency_keys; --".replace(" ", "/**/")
    for _ in range(2):
        assert (await bed.post(injected)).status_code == 201
    assert [row["key"] for row in bed.rows()] == [injected]


async def test_a_request_too_large_is_refused_before_it_is_read_to_its_end(bed: Bed) -> None:
    bed.layer.request_max_bytes = 10
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * 4, "more_body": True}

    reply = await bed.raw([(b"idempotency-key", b"k1")], receive)
    assert (reply["status"], read) == (413, 3)
    assert (bed.runs, bed.rows()) == (0, [])


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("profile", [STRIPE], indirect=True)
@pytest.mark.parametrize("effects", ["in phases"], indirect=True)
async def test_a_body_of_64_mib_is_read_in_time_linear_in_its_size(bed: Bed) -> None:
    """What is copied is first allocated: so bytes are counted, and no clock is asked."""
    size, part = 1 << 26, bytes(1 << 16)
    bed.layer.request_max_bytes = size
    read = allocated = before = 0

    def count() -> None:
        nonlocal allocated, before
        now, most = tracemalloc.get_traced_memory()
        allocated += most - before  # since the last part came
        tracemalloc.reset_peak()
        before = now

    async def receive() -> dict[str, Any]:
        nonlocal read
        count()
        read += len(part)
        return {"type": "http.request", "body": part, "more_body": read < size}

    async def handler(request: Request) -> Response:
        return Response(str(len(await request.body())))

    bed.handler = handler
    tracemalloc.start()
    try:
        reply = await bed.raw([(b"idempotency-key", b"k1")], receive)
        count()
    finally:
        tracemalloc.stop()
    assert (reply["body"], read) == (b"%d" % size, size)
    assert allocated < COPIES_MAX * size


async def test_a_client_that_leaves_before_the_end_of_its_request_has_asked_nothing(
    bed: Bed,
) -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    assert await bed.raw([(b"idempotency-key", b"k1")], receive) == {}
    assert (bed.runs, bed.rows()) == (0, [])


async def test_cookies_and_what_else_belongs_to_one_exchange_are_not_kept(bed: Bed) -> None:
    first, replay = await bed.post(), await bed.post()
    assert "set-cookie" in first.headers
    assert "set-cookie" not in replay.headers
    assert "x-trace" not in replay.headers
    assert bed.rows()[0]["headers"].count("[") == 3  # two headers in a list
    assert "secret" not in str(bed.rows())


async def test_of_the_request_only_a_digest_is_kept(bed: Bed) -> None:
    await bed.post(body=b'{"amount": 1000, "card": "4242424242424242"}')
    everything = bed.connections.here().rows("SELECT * FROM idempotency_keys")
    assert "4242" not in str(everything)


@pytest.mark.parametrize("header", ["cookie", "traceparent", "user-agent", "authorization-2"])
async def test_a_header_does_not_make_a_retry_another_request(bed: Bed, header: str) -> None:
    await bed.post(headers={header: "one"})
    assert (await bed.post(headers={header: "two"})).status_code == 201
    assert bed.effects() == 1


async def test_the_raw_body_counts_not_what_it_means(bed: Bed) -> None:
    await bed.post(body=b'{"amount": 1000}')
    assert (await bed.post(body=b'{"amount":1000}')).status_code in (400, 422)


def test_no_part_of_a_request_can_be_shifted_into_another() -> None:
    def digest(method: str, target: bytes, query: bytes, body: bytes) -> bytes:
        scope = {"method": method, "path": "", "raw_path": target, "query_string": query}
        return fingerprint(scope, body)

    requests = [
        ("POST", b"/a", b"", b"b"),
        ("POST", b"/ab", b"", b""),
        ("POST", b"/a", b"b", b""),
        ("POST", b"/a", b"", b"?b"),
        ("POS", b"T/a", b"", b"b"),
    ]
    assert len({digest(*request) for request in requests}) == len(requests)


def test_a_target_that_the_server_does_not_give_raw_is_quoted() -> None:
    scope = {"method": "POST", "path": "/a b", "query_string": b""}
    assert fingerprint(scope, b"") == fingerprint({**scope, "raw_path": b"/a%20b"}, b"")


async def test_a_path_that_no_database_can_hold_is_a_path_like_any_other(bed: Bed) -> None:
    long = "/" + random.Random(1).randbytes(4_000).hex()  # which no index can compress
    for path in ("/%00", long, f"{long}1"):
        assert [(await bed.post(path=path)).status_code for _ in range(2)] == [404, 404]
