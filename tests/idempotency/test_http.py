"""What a client sees: H1 to H20, each in both profiles, on both databases, with both kinds of
handlers: those that use phases, and those that know nothing of keys."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from starlette.responses import JSONResponse

from delivery_semantics.idempotency import STRIPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from tests.idempotency.conftest import Bed

pytestmark = pytest.mark.anyio

KEPT = ("content-type", "content-length", "location")


async def test_h1_a_request_is_carried_out_once(bed: Bed) -> None:
    for _ in range(4):
        assert (await bed.post()).status_code == 201
    assert (bed.runs, bed.effects()) == (1, 1)


async def test_h2_a_retry_gets_status_headers_and_body_again(bed: Bed) -> None:
    first, second = await bed.post(), await bed.post()
    assert second.status_code == first.status_code == 201
    assert second.content == first.content == b'{"id":1}'
    assert [second.headers[n] for n in KEPT] == [first.headers[n] for n in KEPT]


async def test_h3_of_eight_at_once_one_is_carried_out_and_the_others_are_told_to_wait(
    bed: Bed,
) -> None:
    inside, go_on = bed.hold()
    first = asyncio.create_task(bed.post())
    await inside.wait()
    others = await asyncio.gather(*(bed.post() for _ in range(7)))
    assert {reply.status_code for reply in others} == {409}
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in others)
    go_on.set()
    assert (await first).status_code == 201
    assert (await bed.post()).content == (await first).content
    assert (bed.runs, bed.effects()) == (1, 1)


async def test_h3_whoever_inserts_first_carries_it_out(bed: Bed) -> None:
    replies = await asyncio.gather(*(bed.post() for _ in range(8)))
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert [reply.status_code for reply in replies].count(201) >= 1
    assert (bed.runs, bed.effects()) == (1, 1)


@pytest.mark.parametrize(
    "other",
    [{"body": b'{"amount": 2000}'}, {"path": "/charges?currency=eur"}],
    ids=["body", "target"],
)
async def test_h4_another_request_with_the_same_key_is_refused(
    bed: Bed, other: dict[str, str | bytes]
) -> None:
    await bed.post()
    refused = await bed.post(**other)  # type: ignore[arg-type]
    assert refused.status_code == (400 if bed.profile is STRIPE else 422)
    assert bed.effects() == 1


async def test_h4_at_another_path_it_is_refused_or_another_key_as_the_profile_declares(
    bed: Bed,
) -> None:
    charge = await bed.post()
    refund = await bed.post(path="/refunds")
    expected = (201, 2) if bed.profile.key_per_endpoint else (400, 1)
    assert (refund.status_code, bed.effects()) == expected
    assert refund.content != charge.content


async def test_h5_a_refused_request_changes_nothing(bed: Bed) -> None:
    first = await bed.post()
    stored = bed.rows()
    await bed.post(body=b'{"amount": 2000}')
    assert bed.rows() == stored
    assert (await bed.post()).content == first.content


async def test_h5_nor_does_it_while_the_first_is_being_carried_out(bed: Bed) -> None:
    inside, go_on = bed.hold()
    first = asyncio.create_task(bed.post())
    await inside.wait()
    assert (await bed.post(body=b'{"amount": 2000}')).status_code in (400, 422)
    go_on.set()
    assert (await first).status_code == 201
    assert (await bed.post()).status_code == 201


async def test_h6_a_missing_key_is_refused_where_it_is_required(bed: Bed) -> None:
    replies = [await bed.post(None) for _ in range(2)]
    expected = ([400] * 2, 0) if bed.profile.key_required else ([201] * 2, 2)
    assert ([reply.status_code for reply in replies], bed.effects()) == expected
    assert bed.rows() == []


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_h7_a_key_means_nothing_to_other_methods(bed: Bed, method: str) -> None:
    for _ in range(2):
        assert (await bed.post(method=method)).status_code == 201
    assert (bed.runs, bed.rows()) == (2, [])


async def test_h8_two_keys_are_two_requests(bed: Bed) -> None:
    one, two = await bed.post("k1"), await bed.post("k2")
    assert (one.json(), two.json()) == ({"id": 1}, {"id": 2})
    assert bed.effects() == 2


async def test_h9_after_its_time_a_key_is_a_new_one(bed: Bed) -> None:
    await bed.post()
    bed.clock.now_s += bed.keys.keep_s - 1
    assert (await bed.post()).headers["idempotent-replayed"] == "true"
    bed.clock.now_s += 1
    again = await bed.post()
    assert again.json() == {"id": 2}
    assert bed.effects() == 2
    assert (await bed.post()).content == again.content


async def test_h10_the_headers_name_may_be_written_in_any_way(bed: Bed) -> None:
    key = '"k1"' if bed.profile.key_quoted else "k1"
    await bed.post()
    for name in ("idempotency-key", "IDEMPOTENCY-KEY", "Idempotency-key"):
        reply = await bed.post(None, headers={name: key})
        assert reply.headers["idempotent-replayed"] == "true"
    assert bed.effects() == 1


async def test_h11_a_quoted_key_is_the_bare_one_or_refused_as_the_profile_declares(
    bed: Bed,
) -> None:
    bare = await bed.post(None, headers={"Idempotency-Key": "k1"})
    quoted = await bed.post(None, headers={"Idempotency-Key": '"k1"'})
    assert bare.status_code == 201
    assert quoted.status_code == (201 if bed.profile.key_quoted else 400)
    assert bed.effects() == 1


async def test_h12_an_empty_key_is_refused(bed: Bed) -> None:
    assert (await bed.post("")).status_code == 400
    assert bed.runs == 0


async def test_h13_a_key_has_at_most_255_characters(bed: Bed) -> None:
    assert (await bed.post("k" * 256)).status_code == 400
    assert bed.runs == 0
    assert (await bed.post("k" * 255)).status_code == 201


async def test_h14_a_failure_is_replayed_or_released_as_the_profile_declares(bed: Bed) -> None:
    async def failing(request: Request) -> Response:
        return JSONResponse({"attempt": bed.runs}, 500)

    bed.handler = failing
    first = await bed.post()
    bed.handler = bed.charge
    second = await bed.post()
    # A failure that may have had an effect is never released, whatever the profile says.
    kept = bed.profile.keeps_failures or bed.keys.effects == "anywhere"
    assert (second.content == first.content, second.status_code) == (
        (True, 500) if kept else (False, 201)
    )


@pytest.mark.parametrize("status", [402, 409, 412])
async def test_h15_a_refusal_by_the_operation_is_its_answer(bed: Bed, status: int) -> None:
    async def declining(request: Request) -> Response:
        return JSONResponse({"attempt": bed.runs}, status)

    bed.handler = declining
    replies = [await bed.post() for _ in range(2)]
    assert [reply.status_code for reply in replies] == [status] * 2
    assert replies[0].content == replies[1].content
    assert bed.runs == 1


async def test_h16_an_answer_too_large_to_keep_is_not_made_a_second_time(
    new_bed: Callable[..., Bed], effects: str
) -> None:
    bed = new_bed(effects=effects, answer_max_bytes=4)
    first, *others = [await bed.post() for _ in range(3)]
    assert (first.status_code, first.json()) == (201, {"id": 1})
    assert [reply.status_code for reply in others] == [410, 410]
    assert bed.effects() == 1
    assert (bed.rows()[0]["status"], bed.rows()[0]["body"]) == (201, None)


async def test_h17_only_a_replay_is_marked_as_one(bed: Bed) -> None:
    first, second = await bed.post(), await bed.post()
    refused = await bed.post(body=b'{"amount": 2000}')
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["cache-control"] == "no-store"
    assert "idempotent-replayed" not in refused.headers


async def test_h19_another_accounts_equal_key_is_another_key(bed: Bed) -> None:
    alice = await bed.post(account="alice")
    mallory = await bed.post(account="mallory")
    assert (alice.json(), mallory.json()) == ({"id": 1}, {"id": 2})
    assert "idempotent-replayed" not in mallory.headers
    assert (bed.effects("alice"), bed.effects("mallory")) == (1, 1)


@pytest.mark.parametrize("status", [307, 308, 400, 404, 422, 429])
async def test_h20_what_was_refused_before_it_began_is_not_kept(bed: Bed, status: int) -> None:
    async def validating(request: Request) -> Response:
        return JSONResponse({"error": "amount"}, status)

    bed.handler = validating
    assert (await bed.post(body=b'{"amount": -1}')).status_code == status
    bed.handler = bed.charge
    mended = await bed.post(body=BODY_MENDED)
    assert (mended.status_code, bed.effects()) == (201, 1)
    assert (await bed.post(body=BODY_MENDED)).content == mended.content


BODY_MENDED = b'{"amount": 1}'
