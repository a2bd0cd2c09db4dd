"""Whatever happens, and in whatever order: one effect for each key, and one answer."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from delivery_semantics.idempotency import Profile

if TYPE_CHECKING:
    import httpx
    from starlette.requests import Request

    from tests.idempotency.conftest import Bed

Asked = tuple[str, str, int]
ASKED = st.tuples(
    st.sampled_from(["alice", "bob"]), st.sampled_from(["k1", "k2"]), st.sampled_from([1, 2])
)
REFUSED = {400, 409, 422, 503}


class Service(RuleBasedStateMachine):
    """Clients, a service whose attempts end in every way, and time.

    Each effect is written with the use of its key, named by the time when that use expires.
    """

    def __init__(self, make: type[Bed], profile: Profile, effects: str) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.bed = make(f"sqlite:///{self.folder.name}/keys.db", profile, effects=effects)
        self.bed.handler = self.handle
        self.fate = "well"
        self.sleeping: list[tuple[asyncio.Event, asyncio.Task[httpx.Response]]] = []
        self.answers: dict[tuple[str, str, float], tuple[int, bytes]] = {}

    async def handle(self, request: Request) -> Response:
        fate, self.fate = self.fate, "well"
        if fate == "refuse":
            return Response(status_code=404)
        if fate == "fail before the effect":
            raise ZeroDivisionError
        if fate == "sleep before the effect":
            await self.sleep()
        claim = request.state.idempotency
        use = f"{claim.name.key} until {claim.row.expires_s}"
        amount = (await request.json())["amount"]
        response = await run_in_threadpool(self.bed.insert, request, use, amount)
        if fate == "sleep after the effect":
            await self.sleep()
        if fate == "fail after the effect":
            raise ZeroDivisionError
        return response

    async def sleep(self) -> None:
        """Like a process that is stopped: it renews nothing."""
        self.wake = asyncio.Event()
        self.asleep.set()
        await self.wake.wait()

    async def post(self, asked: Asked) -> httpx.Response:
        account, key, amount = asked
        return await self.bed.post(key, account=account, body=b'{"amount": %d}' % amount)

    def rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        return {(row["account"], row["key"]): row for row in self.bed.rows()}

    @rule(
        asked=ASKED,
        fate=st.sampled_from(
            ["well", "well", "refuse", "fail before the effect", "fail after the effect"]
        ),
    )
    def ask(self, asked: Asked, fate: str) -> None:
        self.fate = fate
        reply = self.runner.run(self.post(asked))
        row = self.rows().get(asked[:2])
        if row and row["status"] and reply.status_code not in REFUSED:
            assert (reply.status_code, reply.content) == (row["status"], row["body"])

    @rule(asked=ASKED, when=st.sampled_from(["before", "after"]))
    def ask_and_fall_asleep(self, asked: Asked, when: str) -> None:
        async def fall_asleep() -> None:
            self.asleep, self.fate = asyncio.Event(), f"sleep {when} the effect"
            client = asyncio.create_task(self.post(asked))
            asleep = asyncio.create_task(self.asleep.wait())
            await asyncio.wait({client, asleep}, return_when=asyncio.FIRST_COMPLETED)
            if not client.done():
                self.sleeping.append((self.wake, client))
            asleep.cancel()

        self.runner.run(fall_asleep())

    @precondition(lambda self: self.sleeping)
    @rule(data=st.data())
    def wake_up(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.sleeping) - 1))
        wake, client = self.sleeping.pop(number)

        async def go_on() -> None:
            wake.set()
            await client

        self.runner.run(go_on())

    @precondition(lambda self: self.sleeping)
    @rule()
    def be_killed(self) -> None:
        async def kill() -> None:
            await self.bed.kill_attempts()
            await asyncio.wait({client for _, client in self.sleeping})

        self.runner.run(kill())
        self.sleeping = []

    @rule(share=st.sampled_from([0.5, 1.0]))
    def a_lease_passes(self, share: float) -> None:
        self.bed.clock.now_s += share * self.bed.keys.lease_s

    @rule(share=st.sampled_from([0.5, 1.0]))
    def a_keys_time_passes(self, share: float) -> None:
        self.bed.clock.now_s += share * self.bed.keys.keep_s

    @rule()
    def sweep(self) -> None:
        self.bed.keys.sweep(keys_max=10)

    @invariant()
    def each_use_of_a_key_has_one_effect_at_most(self) -> None:
        uses = self.bed.connections.here().rows("SELECT account, key FROM charges")
        assert len(uses) == len(set(uses))

    @invariant()
    def an_answer_never_changes_and_a_key_is_not_new_before_its_time(self) -> None:
        for (account, key), row in self.rows().items():
            if row["status"]:
                use, answer = (account, key, row["expires_s"]), (row["status"], row["body"])
                assert self.answers.setdefault(use, answer) == answer
        for _, uses in itertools.groupby(sorted(self.answers), lambda use: use[:2]):
            times = [expires_s for *_, expires_s in uses]
            assert all(b - a >= self.bed.keys.keep_s for a, b in itertools.pairwise(times))

    def teardown(self) -> None:
        if self.sleeping:
            self.be_killed()
        self.bed.close()
        self.runner.close()
        self.folder.cleanup()


@pytest.mark.slow
def test_one_effect_and_one_answer_whatever_happens(
    bed_class: type[Bed], profile: Profile, effects: str
) -> None:
    run_state_machine_as_test(
        lambda: Service(bed_class, profile, effects),  # type: ignore[arg-type]
        settings=settings(max_examples=30, stateful_step_count=25),
    )
