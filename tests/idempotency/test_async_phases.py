"""A phase in a coroutine: its loop goes on, and one that is cancelled leaves nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from starlette.responses import JSONResponse

from delivery_semantics.databases import DatabaseRefused, Locked
from delivery_semantics.idempotency import Claim, KeyName, Phase
from tests.idempotency.conftest import insert

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from tests.idempotency.conftest import Bed

pytestmark = pytest.mark.anyio


@pytest.fixture
def bed(new_bed: Callable[..., Bed]) -> Bed:
    made = new_bed(effects="in phases", lock_timeout_s=60.0)
    made.handler = charge
    return made


async def charge(request: Request) -> Response:
    claim = request.state.idempotency
    async with claim.phase() as phase:
        id = await phase.run_sync(insert, "alice", claim.name.key, amount=1)
        await asyncio.sleep(0)  # asks another service, say
        response = JSONResponse({"id": id}, 201)
        phase.finish(response)
    return response


def claimed(bed: Bed, key: str = "k1") -> Claim:
    claim = bed.keys.claim(KeyName("alice", "", key), b"f" * 32)
    assert isinstance(claim, Claim)
    return claim


async def paid(phase: Phase) -> None:
    await phase.run_sync(insert, "alice", "k1", 1)
    phase.finish(JSONResponse({}))


async def test_phases_of_requests_that_meet_are_each_carried_out_once(bed: Bed) -> None:
    keys = [f"k{number % 8}" for number in range(16)]
    answers = await asyncio.gather(*map(bed.post, keys))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert [(await bed.post(key)).status_code for key in keys] == [201] * 16
    assert bed.effects() == 8


async def test_a_phase_that_would_hold_up_its_loop_is_refused_at_once(bed: Bed) -> None:
    with pytest.raises(RuntimeError, match="allowed there: async with"), claimed(bed).phase():
        pass
    assert bed.effects() == 0


async def test_a_phase_that_raises_is_rolled_back(bed: Bed) -> None:
    claim = claimed(bed)

    async def fail() -> None:
        async with claim.phase() as phase:
            await paid(phase)
            _ = 1 // 0

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert (bed.effects(), claim.finished) == (0, False)
    async with claim.phase() as phase:
        await paid(phase)
    assert (bed.effects(), claim.finished) == (1, True)


async def test_a_phase_that_is_cancelled_within_leaves_nothing_and_holds_nothing(
    bed: Bed,
) -> None:
    inside = asyncio.Event()

    async def hang(claim: Claim) -> None:
        async with claim.phase() as phase:
            await paid(phase)
            inside.set()
            await asyncio.get_running_loop().create_future()

    first = claimed(bed)
    task = asyncio.create_task(hang(first))
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with first.phase() as phase:  # the turn and the connection are free
        await paid(phase)
    assert bed.effects() == 1


async def test_a_phase_that_is_cancelled_while_it_waits_for_its_turn_does_not_take_it(
    bed: Bed,
) -> None:
    first, second = claimed(bed), claimed(bed, "k2")

    async def wait() -> None:
        async with second.phase():
            pytest.fail("it was cancelled before")

    async with first.phase() as phase:
        await phase.run_sync(insert, "alice", "k1", 1)
        task = asyncio.create_task(wait())
        for _ in range(10):
            await asyncio.sleep(0)  # it gets as far as it can
        task.cancel()
        if bed.connections.dialect == "postgresql":  # where nobody waits for a turn
            await asyncio.wait([task])
        phase.finish(JSONResponse({}))
    with pytest.raises(asyncio.CancelledError):
        await task
    async with second.phase() as phase:
        await phase.run_sync(insert, "alice", "k2", 1)
        phase.finish(JSONResponse({}))
    assert bed.effects() == 2


async def test_no_statement_is_carried_out_after_its_phase(bed: Bed) -> None:
    claim = claimed(bed)
    async with claim.phase() as phase:
        await paid(phase)
    with pytest.raises(RuntimeError, match="it is over"):
        await phase.run_sync(insert, "alice", "k1", 1)
    assert bed.effects() == 1


async def test_a_phase_is_entered_once(bed: Bed) -> None:
    block = claimed(bed).phase()
    async with block as phase:
        await paid(phase)
    with pytest.raises(RuntimeError, match="allowed: once"):
        async with block:
            pass


async def test_a_statement_that_is_refused_is_told_and_the_phase_rolled_back(bed: Bed) -> None:
    async def ask_for_nothing() -> None:
        async with claimed(bed).phase() as phase:
            await paid(phase)
            await phase.run_sync(lambda database: database.rows("SELECT nothing"))

    with pytest.raises(DatabaseRefused):
        await ask_for_nothing()
    assert bed.effects() == 0


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_phase_within_a_phase_is_a_mistake_that_waits_for_nothing(bed: Bed) -> None:
    claim = claimed(bed)

    async def nested() -> None:
        async with claim.phase() as outer:
            await outer.run_sync(insert, "alice", "k1", 1)
            async with claim.phase():
                pytest.fail("it is within another")

    with pytest.raises(RuntimeError, match="phase: one is open already; allowed: one"):
        await nested()
    async with claim.phase() as phase:
        await paid(phase)
    assert bed.effects() == 1


async def test_what_a_task_group_raises_is_what_its_task_raised(bed: Bed) -> None:
    async def locked(request: Request) -> Response:
        async def work() -> None:
            async with request.state.idempotency.phase():
                raise Locked("for too long")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work())
        raise AssertionError

    bed.handler = locked
    assert (await bed.post()).status_code == 503
    bed.handler = charge
    assert (await bed.post()).status_code == 201
