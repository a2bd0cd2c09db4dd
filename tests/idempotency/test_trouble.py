"""Storage that is locked, full, read-only or of another version: nothing lost, nothing done."""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from delivery_semantics.databases import (
    Connections,
    DatabaseRefused,
    Locked,
    SchemaMismatch,
    connect,
    pool,
)
from delivery_semantics.idempotency import (
    Claim,
    KeptAnswer,
    KeyName,
    KeyStore,
    Refusal,
    lanes,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from tests.idempotency.conftest import Bed

pytestmark = pytest.mark.anyio

only_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@contextmanager
def writing(url: str) -> Iterator[None]:
    """Somebody else writes, and takes long."""
    with closing(connect(url)) as other:
        if other.dialect == "sqlite":
            with other.transaction("BEGIN IMMEDIATE"):
                yield
        else:
            with other.transaction():
                other.rows("LOCK TABLE idempotency_keys IN EXCLUSIVE MODE")
                yield


@contextmanager
def full_disk() -> Iterator[None]:
    """No process of this one may write to a file, as if there were no room left."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


async def test_a_lock_that_is_held_too_long_is_503_and_nothing_is_done(
    new_bed: Callable[..., Bed], effects: str
) -> None:
    bed = new_bed(effects=effects, lock_timeout_s=0.05)
    with writing(bed.connections.url):
        reply = await bed.post()
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
        assert bed.runs == 0
    bed.connections.lock_timeout_s = 30.0  # nobody writes, but a thread may begin late
    assert (await bed.post()).status_code == 201
    assert bed.effects() == 1


async def test_who_waits_for_a_lock_does_not_hold_up_the_others(
    new_bed: Callable[..., Bed], effects: str
) -> None:
    bed = new_bed(effects=effects, lock_timeout_s=30.0)
    first = await bed.post("k1")
    claims, claim = asyncio.Queue[None](), bed.keys._claim
    loop = asyncio.get_running_loop()

    def tell(
        name: KeyName, fingerprint: bytes, found: table.KeyRow | None, *, wait: bool = True
    ) -> Claim | KeptAnswer | Refusal:
        if wait:
            loop.call_soon_threadsafe(claims.put_nowait, None)
        return claim(name, fingerprint, found, wait=wait)

    with writing(bed.connections.url):
        async with asyncio.timeout(10.0):  # and who is alone waits for nobody
            assert (await bed.post("k1")).content == first.content
        bed.keys._claim = tell  # type: ignore[method-assign]
        new = [f"k{2 + number}" for number in range(lanes.LANES["claim"])]
        waiting = [asyncio.create_task(bed.post(key)) for key in new]
        for _ in waiting:
            await claims.get()  # each thread has one
        assert (await bed.post("k1")).content == first.content
        assert (await bed.post("k1", body=b"{}")).status_code in (400, 422)
        assert not any(one.done() for one in waiting)
    assert {reply.status_code for reply in await asyncio.gather(*waiting)} == {201}


@only_sqlite
def test_a_claim_that_does_not_wait_waits_a_turn_for_the_other_threads(
    new_bed: Callable[..., Bed], monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = new_bed(effects="in phases", lock_timeout_s=3600.0)
    writing, go_on = threading.Event(), threading.Event()

    def write() -> None:
        with bed.connections.here().transaction():
            writing.set()
            go_on.wait()

    name = KeyName("alice", "", "k1")
    with ThreadPoolExecutor(1) as thread:
        written = thread.submit(write)
        writing.wait()
        try:
            with pytest.raises(Locked):
                bed.keys.claim(name, b"f" * 32, wait=False)
            monkeypatch.setattr(pool, "TURN_S", 60.0)
            asked = OnceAsked(bed.keys, go_on.set)
            bed.keys._claiming._writer = asked  # type: ignore[assignment]
            assert isinstance(bed.keys.claim(name, b"f" * 32, wait=False), Claim)
        finally:
            go_on.set()
        written.result()


class OnceAsked:
    """A lock that tells when somebody begins to wait for it."""

    def __init__(self, keys: KeyStore, tell: Callable[[], None]) -> None:
        assert keys._claiming._writer is not None
        self.lock, self.tell = keys._claiming._writer, tell

    def acquire(self, *, timeout: float) -> bool:
        self.tell()
        return self.lock.acquire(timeout=timeout)

    def release(self) -> None:
        self.lock.release()


async def test_under_a_lock_every_client_is_refused_within_the_limit_and_replays_go_through(
    new_bed: Callable[..., Bed], effects: str
) -> None:
    bed = new_bed(effects=effects, lock_timeout_s=3.0)
    first = await bed.post("first")
    loop = asyncio.get_running_loop()

    async def refused_after_s(key: str) -> float:
        began_s = loop.time()
        with pytest.raises(Locked):
            await bed.keys.claim_soon(KeyName("alice", "", key), b"f" * 32)
        return loop.time() - began_s

    with writing(bed.connections.url):
        waiting = [asyncio.create_task(refused_after_s(f"k{number}")) for number in range(40)]
        await asyncio.sleep(0)
        assert (await bed.post("first")).content == first.content
        assert not all(task.done() for task in waiting)  # so it did not stand behind them
        took_s = await asyncio.gather(*waiting)
    assert max(took_s) < 4 * bed.connections.lock_timeout_s  # else ten


@only_sqlite
async def test_a_full_disk_is_503_and_nothing_is_done(bed: Bed) -> None:
    first = await bed.post("k1")
    with full_disk():
        reply = await bed.post("k2")
        replay = await bed.post("k1")
    assert (reply.status_code, bed.runs) == (503, 1)
    assert replay.content == first.content
    assert [row["key"] for row in bed.rows()] == ["k1"]
    assert bed.connections.here().rows("PRAGMA integrity_check") == [("ok",)]
    assert (await bed.post("k2")).status_code == 201
    assert bed.effects() == 2


@only_sqlite
async def test_a_disk_that_is_full_when_the_effect_is_written_repeats_nothing(bed: Bed) -> None:
    async def charging_without_room(request: Request) -> Response:
        with full_disk():
            return await bed.charge(request)

    bed.handler = charging_without_room
    in_phases = bed.keys.effects == "in phases"
    assert (await bed.post()).status_code == (503 if in_phases else 500)
    assert bed.effects() == 0
    bed.handler = bed.charge
    assert (await bed.post()).status_code == (201 if in_phases else 500)
    assert bed.effects() == (1 if in_phases else 0)


@only_sqlite
async def test_an_answer_that_cannot_be_kept_is_given_and_the_effect_not_repeated(
    bed: Bed,
) -> None:
    disk = full_disk()

    async def charging_before_the_disk_is_full(request: Request) -> Response:
        response = await bed.charge(request)
        disk.__enter__()
        return response

    bed.handler = charging_before_the_disk_is_full
    try:
        first = await bed.post()
    finally:
        disk.__exit__(None, None, None)
    assert (first.status_code, bed.effects()) == (201, 1)
    bed.clock.now_s += bed.keys.lease_s
    retry = await bed.post()
    # Elsewhere than in a phase it is in doubt now: better than a second charge.
    assert retry.status_code == (201 if bed.keys.effects == "in phases" else 500)
    assert bed.effects() == 1


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Whoever opens the database in this folder now may only read it."""
    paths = [folder, *folder.iterdir()]
    modes = [path.stat().st_mode for path in paths]
    for path, mode in zip(paths, modes, strict=True):
        path.chmod(mode & ~0o222)
    is_root = os.geteuid() == 0
    if is_root:  # who may write everywhere
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)


@pytest.fixture
def readable_url() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield f"sqlite:///{name}/keys.db"


@only_sqlite
async def test_a_read_only_database_is_503_and_nothing_is_done(
    new_bed: Callable[..., Bed], effects: str, readable_url: str
) -> None:
    bed = new_bed(effects=effects, url=readable_url)
    bed.reconnect()
    with read_only(Path(readable_url.removeprefix("sqlite:///")).parent):
        assert (await bed.post()).status_code == 503
        with pytest.raises(DatabaseRefused, match=r"readonly|unable to open"):
            KeyStore(Connections(readable_url), clock=bed.clock)
        bed.reconnect()
    assert bed.runs == 0
    assert (await bed.post()).status_code == 201
    assert bed.effects() == 1


@only_sqlite  # the other database has a URL of its own
async def test_a_read_only_postgresql_is_503_and_nothing_is_done(
    new_bed: Callable[..., Bed], effects: str, postgresql_url: str
) -> None:
    new_bed(effects=effects, url=postgresql_url).close()  # makes the tables
    read_only = f"{postgresql_url}%20-cdefault_transaction_read_only%3Don"
    bed = new_bed(effects=effects, url=read_only)
    assert (await bed.post()).status_code == 503
    assert (bed.runs, bed.rows()) == (0, [])


@pytest.mark.parametrize(("effects", "forced"), [("anywhere", True), ("in phases", False)])
def test_a_claim_is_forced_to_the_disk_where_an_effect_may_be_without_a_phase(
    url: str, effects: Literal["anywhere", "in phases"], forced: bool
) -> None:
    with closing(Connections(url)) as connections:
        keys = KeyStore(connections, clock=lambda: 0.0, effects=effects)
        for database, expected in ((connections.here(), True), (keys._claiming.here(), forced)):
            if database.dialect == "sqlite":
                assert database.rows("PRAGMA synchronous") == [(2 if expected else 1,)]
            else:
                found = database.rows("SHOW synchronous_commit")
                assert found == [("on" if expected else "off",)]
        keys.close()


def test_tables_of_another_version_are_refused_at_the_start(url: str) -> None:
    connections = Connections(url)
    with closing(connections):
        KeyStore(connections, clock=lambda: 0.0)
        connections.here().change("UPDATE schema_versions SET version = 2")
        with pytest.raises(SchemaMismatch, match="version 2; allowed: version 1"):
            KeyStore(connections, clock=lambda: 0.0)


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("effects", "everywhere", "'anywhere', 'in phases'"),
        ("lease_s", 0, "a finite number greater than 0"),
        ("keep_s", -1.0, "a finite number greater than 0"),
        ("answer_max_bytes", -1, "a whole number, 0 or more"),
        ("keys_max", 0, "a whole number, 1 or more"),
    ],
)
def test_a_wrong_option_is_named(
    tmp_path: Path, option: str, value: object, allowed: str
) -> None:
    connections = Connections(f"sqlite:///{tmp_path}/keys.db")
    with pytest.raises(ValueError, match=f"{option} is {value!r}; allowed: {allowed}"):
        KeyStore(connections, clock=lambda: 0.0, **{option: value})  # type: ignore[arg-type]
    assert not (tmp_path / "keys.db").exists()


class TestExpiry:
    async def test_a_sweep_deletes_what_has_expired_the_oldest_first_and_no_more_than_asked(
        self, new_bed: Callable[..., Bed]
    ) -> None:
        bed = new_bed()
        for number in range(5):
            await bed.post(f"k{number}")
            bed.clock.now_s += 1
        assert bed.keys.sweep(keys_max=100) == 0
        bed.clock.now_s += bed.keys.keep_s - 2
        assert bed.keys.sweep(keys_max=3) == 3
        assert [row["key"] for row in bed.rows()] == ["k3", "k4"]
        assert bed.keys.sweep(keys_max=3) == 1
        assert [row["key"] for row in bed.rows()] == ["k4"]

    async def test_it_leaves_a_key_that_is_held(self, new_bed: Callable[..., Bed]) -> None:
        bed = new_bed(keep_s=60.0, lease_s=60.0, attempt_max_s=60.0)
        await bed.dies_before_the_effect()
        held = bed.keys.claim(KeyName("alice", "", "k2"), b"f" * 32)
        assert isinstance(held, Claim)
        bed.clock.now_s += 50
        assert bed.keys.renew(held)
        bed.clock.now_s += 10
        assert bed.keys.sweep(keys_max=100) == 1
        assert [row["key"] for row in bed.rows()] == ["k2"]
        bed.clock.now_s += 50
        assert bed.keys.sweep(keys_max=100) == 1

    async def test_the_layer_sweeps_by_itself(self, new_bed: Callable[..., Bed]) -> None:
        bed = new_bed()
        for number in range(30):
            await bed.post(f"old {number}".replace(" ", "-"))
        bed.clock.now_s += bed.keys.keep_s
        for number in range(30):
            await bed.post(f"new-{number}")
        bed.keys.threads.shutdown()
        assert {row["key"][:3] for row in bed.rows()} == {"new"}


class TestQuota:
    async def test_an_account_has_no_more_keys_than_declared(
        self, new_bed: Callable[..., Bed], effects: str
    ) -> None:
        bed = new_bed(keys_max=2, effects=effects)
        for key in ("k1", "k2"):
            assert (await bed.post(key)).status_code == 201
        refused = await bed.post("k3")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert bed.effects() == 2
        # Its old keys still protect it, and others have their own.
        assert (await bed.post("k1")).headers["idempotent-replayed"] == "true"
        assert (await bed.post("k3", account="bob")).status_code == 201
        bed.clock.now_s += bed.keys.keep_s
        assert (await bed.post("k3")).status_code == 201  # also before the old ones are swept


@only_sqlite  # the other database has a URL of its own
async def test_a_server_that_was_away_is_found_again_before_anybody_is_refused(
    new_bed: Callable[..., Bed], postgresql_url: str
) -> None:
    named = f"{postgresql_url}&application_name=away_{os.getpid()}"
    bed = new_bed(effects="in phases", url=named)
    await bed.post("k1")
    with closing(connect(postgresql_url)) as administrator:
        administrator.rows(
            "SELECT pg_terminate_backend(pid, 10_000) FROM pg_stat_activity "
            "WHERE application_name = ?",
            (f"away_{os.getpid()}",),
        )
    statuses = [(await bed.post("k2")).status_code for _ in range(10)]
    assert statuses == [201] * 10
    bed.reconnect()
    assert bed.effects() == 2
