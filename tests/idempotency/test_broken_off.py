"""Attempts that break off (H18): exceptions, clients that leave, processes that die."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import JSONResponse

from delivery_semantics.databases import Locked

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from delivery_semantics.idempotency import Claim, KeptAnswer, KeyName, Refusal
    from delivery_semantics.idempotency.table import KeyRow
    from tests.idempotency.conftest import Bed

pytestmark = pytest.mark.anyio


async def test_h18_an_exception_after_the_effect_does_not_repeat_it(bed: Bed) -> None:
    async def failing(request: Request) -> Response:
        await bed.charge(request)
        raise ZeroDivisionError

    bed.handler = failing
    first, second = await bed.post(), await bed.post()
    assert bed.effects() == 1
    assert first.content == second.content
    # A handler that had kept its answer in a phase has answered, whatever it does after that.
    assert first.status_code == (500 if bed.keys.effects == "anywhere" else 201)


async def test_h18_an_exception_before_any_effect_is_a_failure_like_any_other(bed: Bed) -> None:
    async def failing(request: Request) -> Response:
        raise ZeroDivisionError

    bed.handler = failing
    assert (await bed.post()).status_code == 500
    bed.handler = bed.charge
    kept = bed.profile.keeps_failures or bed.keys.effects == "anywhere"
    assert (await bed.post()).status_code == (500 if kept else 201)
    assert bed.effects() == (0 if kept else 1)


async def test_h18_the_servers_log_still_sees_the_exception(bed: Bed) -> None:
    async def failing(request: Request) -> Response:
        raise ZeroDivisionError

    bed.handler = failing
    with pytest.raises(ZeroDivisionError):
        await bed.post(raises=True)


async def test_h18_a_task_that_is_cancelled_before_it_begins_lets_nobody_wait(bed: Bed) -> None:
    class CancelledAtOnce(set[asyncio.Task[None]]):
        def add(self, task: asyncio.Task[None]) -> None:
            super().add(task)
            task.cancel()

    bed.layer.running = CancelledAtOnce()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(bed.raw([(b"idempotency-key", b"k1")]), 10)
    assert bed.effects() == 0


async def test_h18_a_client_that_goes_away_does_not_stop_the_handler(bed: Bed) -> None:
    inside, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        inside.set()
        await go_on.wait()
        try:
            return await bed.charge(request)
        finally:
            done.set()

    bed.handler = slow
    reply: dict[str, Any] = {}
    client = asyncio.create_task(bed.raw([(b"idempotency-key", b"k1")], reply=reply))
    await inside.wait()
    client.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await client
    assert (await bed.post()).status_code == 409
    go_on.set()
    await done.wait()
    await bed.all_attempts()
    assert reply == {}
    assert (await bed.post()).json() == {"id": 1}
    assert (bed.runs, bed.effects()) == (1, 1)


async def test_h18_the_handler_does_not_learn_that_its_client_left(bed: Bed) -> None:
    left = []

    async def asking(request: Request) -> Response:
        response = await bed.charge(request)
        left.append(await request.is_disconnected())
        return response

    bed.handler = asking
    await bed.post()
    assert left == [False]


async def test_h18_a_lease_that_ended_is_taken_over_or_in_doubt_as_declared(bed: Bed) -> None:
    await bed.dies_before_the_effect()
    assert (await bed.post()).status_code == 409
    bed.clock.now_s += bed.keys.lease_s
    replies = [await bed.post() for _ in range(2)]
    statuses = [reply.status_code for reply in replies]
    if bed.keys.effects == "in phases":
        assert (statuses, bed.effects()) == ([201, 201], 1)
    else:
        assert (statuses, bed.effects()) == ([500, 500], 0)
        assert replies[0].content == replies[1].content


async def test_h18_a_process_that_died_after_the_effect_does_not_repeat_it(bed: Bed) -> None:
    await bed.dies_after_the_effect()
    bed.clock.now_s += bed.keys.lease_s
    reply = await bed.post()
    assert bed.effects() == 1
    # In a phase the answer was kept with the effect; elsewhere nobody can know.
    assert reply.status_code == (201 if bed.keys.effects == "in phases" else 500)


class Slow:
    """A handler that waits, and the renewals of its lease meanwhile."""

    def __init__(self, bed: Bed) -> None:
        self.inside, self.go_on = bed.hold()
        self.renewals = asyncio.Queue[bool]()
        loop, renew = asyncio.get_running_loop(), bed.keys.renew

        def count(claim: Claim) -> bool:
            held = renew(claim)
            loop.call_soon_threadsafe(self.renewals.put_nowait, held)
            return held

        bed.keys.renew = count  # type: ignore[method-assign]

    async def another_would_have_come(self) -> None:
        """Timers fire in order: a renewal that is on its way comes before this one."""
        late = asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, late.set)
        await late.wait()


async def test_a_long_handler_keeps_its_lease(new_bed: Callable[..., Bed]) -> None:
    bed = new_bed(lease_s=0.03)
    slow = Slow(bed)
    first = asyncio.create_task(bed.post())
    await slow.inside.wait()
    for _ in range(3):  # as long as three leases
        bed.clock.now_s += bed.keys.lease_s * 0.9
        for _ in range(slow.renewals.qsize() + 1):  # so that the last one is a later one
            assert await slow.renewals.get()
        assert (await bed.post()).status_code == 409
    slow.go_on.set()
    assert (await first).status_code == 201
    assert (bed.runs, bed.effects()) == (1, 1)


async def test_a_lease_is_not_renewed_any_more_when_its_handler_has_ended(
    new_bed: Callable[..., Bed],
) -> None:
    bed = new_bed(lease_s=0.01)
    slow = Slow(bed)
    slow.go_on.set()
    assert (await bed.post()).status_code == 201
    renewals = slow.renewals.qsize()
    await slow.another_would_have_come()
    bed.keys.threads.shutdown()  # when all has been done that it was told to do
    await slow.another_would_have_come()
    assert slow.renewals.qsize() <= renewals + 1  # one may have been under way


async def test_a_slow_database_is_not_asked_for_two_renewals_at_once(
    new_bed: Callable[..., Bed],
) -> None:
    bed = new_bed(lease_s=0.01)
    slow = Slow(bed)
    renew, begun, answers = bed.keys.renew, asyncio.Event(), threading.Event()
    loop, asked = asyncio.get_running_loop(), []

    def wait(claim: Claim) -> bool:
        asked.append(claim)
        loop.call_soon_threadsafe(begun.set)
        answers.wait()
        return renew(claim)

    bed.keys.renew = wait  # type: ignore[method-assign]
    first = asyncio.create_task(bed.post())
    await begun.wait()
    for _ in range(3):
        await slow.another_would_have_come()
    answers.set()
    assert len(asked) == 1
    slow.go_on.set()
    assert (await first).status_code == 201


async def test_one_that_hangs_loses_its_key_in_the_end(new_bed: Callable[..., Bed]) -> None:
    bed = new_bed(effects="in phases", lease_s=0.003, attempt_max_s=0.003)
    slow = Slow(bed)
    first = asyncio.create_task(bed.post())
    await slow.inside.wait()
    for _ in range(2):
        assert await slow.renewals.get()
    await slow.another_would_have_come()
    assert slow.renewals.empty()
    bed.handler = bed.charge
    bed.clock.now_s += bed.keys.lease_s
    assert (await bed.post()).status_code == 201
    slow.go_on.set()
    assert (await first).status_code == 409  # a retry gets the answer of the other
    assert bed.effects() == 1


async def test_trouble_of_the_database_in_a_phase_gives_the_key_back(
    new_bed: Callable[..., Bed],
) -> None:
    bed = new_bed(effects="in phases")

    async def locked(request: Request) -> Response:
        async with request.state.idempotency.phase() as phase:
            phase.database.change("INSERT INTO charges (account, key) VALUES ('alice', 'k1')")
            raise Locked("another transaction")

    bed.handler = locked
    refused = await bed.post()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert bed.effects() == 0
    bed.handler = bed.charge
    assert (await bed.post()).status_code == 201
    assert bed.effects() == 1


async def test_a_503_of_the_handler_is_its_answer_in_stripes_profile(
    new_bed: Callable[..., Bed],
) -> None:
    bed = new_bed(effects="in phases")  # so that a profile may choose

    async def overloaded(request: Request) -> Response:
        return JSONResponse({}, 503)

    bed.handler = overloaded
    first, again = [await bed.post() for _ in range(2)]
    assert (first.status_code, again.status_code) == (503, 503)
    assert (again.headers.get("idempotent-replayed"), bed.runs) == (
        ("true", 1) if bed.profile.keeps_failures else (None, 2)
    )


async def test_a_handler_that_sends_nothing_has_failed(bed: Bed) -> None:
    async def silent(scope: object, receive: object, send: object) -> None: ...

    bed.app = bed.application(silent)
    assert await bed.raw([(b"idempotency-key", b"k1")]) == {}  # as its server is used to
    bed.app = bed.application()
    retry = await bed.post()
    assert retry.status_code == (500 if bed.keys.effects == "anywhere" else 201)


async def test_released_with_another_status_than_promised_is_no_second_effect(
    bed: Bed,
) -> None:
    async def charging_then_failing(request: Request) -> Response:
        await bed.charge(request)
        return JSONResponse({}, 503)

    bed.handler = charging_then_failing
    for _ in range(3):
        await bed.post()
    assert bed.effects() == 1


@pytest.mark.anyio
async def test_a_request_that_is_cancelled_while_it_claims_leaves_its_key_free(
    bed: Bed,
) -> None:
    claimed, go_on, claim = asyncio.Event(), threading.Event(), bed.keys._claim
    bed.keys.writes_at_once = False
    loop = asyncio.get_running_loop()

    def hold(
        name: KeyName, digest: bytes, found: KeyRow | None, *, wait: bool = True
    ) -> Claim | KeptAnswer | Refusal:
        outcome = claim(name, digest, found, wait=wait)
        loop.call_soon_threadsafe(claimed.set)
        go_on.wait()
        return outcome

    bed.keys._claim = hold  # type: ignore[method-assign,assignment]
    client = asyncio.create_task(bed.post())
    await claimed.wait()
    client.cancel()
    await asyncio.wait([client])
    go_on.set()
    await asyncio.to_thread(bed.keys.threads.submit(lambda: None).result)  # it was given back
    bed.keys._claim = claim  # type: ignore[method-assign]
    assert (await bed.post()).status_code == 201
    assert (bed.runs, bed.effects()) == (1, 1)
