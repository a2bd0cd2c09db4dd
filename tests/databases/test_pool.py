"""Connections have a bound and limits, and survive what becomes of process and server."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from delivery_semantics.databases import (
    Connections,
    Database,
    DatabaseUnreachable,
    Locked,
    Schema,
    connect,
    deadline_s,
    empty_place,
    pool,
    until,
)
from delivery_semantics.systems.postgresql import postgresql

SUMS = Schema("sums", 1, ("CREATE TABLE sums (number INTEGER PRIMARY KEY, value BIGINT)",))
ADD = "INSERT INTO sums (value) VALUES (?)"
WORKERS, ROUNDS = 4, 20


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture
def on_server(server: str) -> Iterator[str]:
    with empty_place(server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with empty_place(
        request.getfixturevalue("server") if request.param == "postgresql" else ""
    ) as url:
        yield url


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Database]:
    """Every connection that a pool opens."""
    made: list[Database] = []

    def telling(*asked: str, **how: float) -> Database:
        made.append(connect(*asked, **how))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(pool, "connect", telling)
    return made


def test_threads_that_come_and_go_share_a_bounded_number(
    url: str, opened: list[Database]
) -> None:
    with closing(
        Connections(url, connections_max=3, lock_timeout_s=60.0)  # also on a slow disk
    ) as connections:
        SUMS.ensure(connections.here())
        for _ in range(4):
            with ThreadPoolExecutor(8) as threads:
                list(threads.map(lambda n: connections.here().change(ADD, (n,)), range(16)))
        assert connections.here().rows("SELECT count(*) FROM sums") == [(64,)]
    assert len(opened) <= 3


def test_who_finds_none_free_is_told_so_after_the_limit(url: str) -> None:
    with closing(Connections(url, connections_max=2, lock_timeout_s=0.05)) as connections:
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(connections.lend())
            with pytest.raises(Locked, match=r"all 2 .*\(connections_max\)"):
                connections.here().rows("SELECT 1")
        assert connections.here().rows("SELECT 1") == [(1,)]


def test_none_is_lost_by_whatever_is_raised(url: str, opened: list[Database]) -> None:
    with closing(Connections(url, connections_max=1, lock_timeout_s=5.0)) as connections:
        here = connections.here()
        SUMS.ensure(here)
        for wrong in ("SELECT nothing", "no statement", "BEGIN"):
            with ExitStack() as stack:
                if wrong != "BEGIN":  # which is carried out, and leaves a transaction open
                    stack.enter_context(pytest.raises(RuntimeError))
                here.rows(wrong)
            with pytest.raises(ZeroDivisionError), here.transaction():
                here.change(ADD, (1 // 0,))
            assert not here.in_transaction
        here.change(ADD, (7,))
        assert here.rows("SELECT value FROM sums") == [(7,)]
    assert len(opened) == 2  # the one with the open transaction was closed


def test_a_transaction_is_its_threads_own(url: str) -> None:
    with closing(Connections(url, lock_timeout_s=0.05)) as connections:
        here = connections.here()
        SUMS.ensure(here)
        with ThreadPoolExecutor(1) as thread, here.transaction():
            here.change(ADD, (1,))
            assert connections.here().rows("SELECT count(*) FROM sums") == [(1,)]
            others = thread.submit(lambda: connections.here().rows("SELECT * FROM sums"))
            assert others.result() == []


def test_writers_of_one_file_wait_for_each_other_in_any_pool_and_readers_for_nobody() -> None:
    with (
        empty_place() as url, closing(Connections(url)) as one,
        closing(Connections(url, lock_timeout_s=0.0)) as other,
    ):  # fmt: skip
        SUMS.ensure(one.here())
        with one.here().transaction():
            with pytest.raises(Locked, match="another thread of this process"):
                other.here().transaction().__enter__()
            with other.here().transaction("BEGIN"):
                assert other.here().rows("SELECT count(*) FROM sums") == [(0,)]
        with other.here().transaction():
            other.here().change(ADD, (1,))


def test_a_limit_that_was_lifted_and_ends_in_another_thread_changes_nothing_there() -> None:
    def end(limit: pool.Limit) -> float:
        limit.__exit__()
        return deadline_s(math.inf)

    with ThreadPoolExecutor(1) as thread, until(0.0), until(0.0) as inner:
        inner.lift()
        assert thread.submit(end, inner).result() == math.inf


def test_a_lock_is_waited_for_until_the_end_that_was_asked_for(url: str) -> None:
    with closing(Connections(url, lock_timeout_s=3600.0)) as connections:
        SUMS.ensure(connections.here())
        locks = "LOCK TABLE sums IN EXCLUSIVE MODE"
        with connections.lend() as holder, holder.transaction():
            if connections.dialect == "postgresql":
                holder.rows(locks)
            with until(0.0), connections.lend() as hasty, pytest.raises(Locked):
                hasty.change(ADD, (1,))
        with connections.lend() as patient:
            assert patient.change(ADD, (1,)) == 1


def test_one_that_is_lent_when_the_pool_is_closed_is_closed_afterwards(
    url: str, opened: list[Database]
) -> None:
    connections = Connections(url)
    with connections.lend() as lent:
        connections.close()
        assert lent.rows("SELECT 1") == [(1,)]
    with pytest.raises(RuntimeError):
        opened[0].rows("SELECT 1")


# What becomes of the process and of the server


def in_child(work: Callable[[], bytes]) -> bytes:
    """Fork, and return what ``work`` returns in the child."""
    reads, writes = os.pipe()
    if not (pid := os.fork()):
        try:
            os.write(writes, work())
        finally:
            os._exit(0)
    os.close(writes)
    with open(reads, "rb") as answer:
        told = answer.read()
    os.waitpid(pid, 0)
    return told


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_opens_its_own_and_leaves_its_parents_alone(
    on_server: str, opened: list[Database]
) -> None:
    with closing(Connections(on_server, connections_max=1)) as connections:
        backend = "SELECT pg_backend_pid()"
        [(mine,)] = connections.here().rows(backend)

        def ask() -> bytes:
            [(its,)] = connections.here().rows(backend)
            connections.close()
            return str(its).encode()

        theirs = in_child(ask)
        assert theirs
        assert int(theirs) != mine
        assert connections.here().rows(backend) == [(mine,)]
    assert len(opened) == 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_that_was_forked_while_all_were_lent_has_room(url: str) -> None:
    with closing(Connections(url, connections_max=1, lock_timeout_s=5.0)) as connections:
        with connections.lend():
            told = in_child(lambda: str(connections.here().rows("SELECT 7")).encode())
        assert told == b"[(7,)]"


def test_connections_that_the_server_ended_are_not_lent_again(on_server: str) -> None:
    with closing(Connections(on_server)) as connections, closing(connect(on_server)) as other:
        with ExitStack() as stack:
            lent = [stack.enter_context(connections.lend()) for _ in range(3)]
            pids = [database.rows("SELECT pg_backend_pid()")[0][0] for database in lent]
        for pid in pids:
            other.rows("SELECT pg_terminate_backend(?, 10_000)", (pid,))
        for _ in range(4):
            [(pid,)] = connections.here().rows("SELECT pg_backend_pid()")
            assert pid not in pids


def test_one_that_can_only_read_is_exchanged(on_server: str, opened: list[Database]) -> None:
    with closing(Connections(on_server)) as connections:
        SUMS.ensure(connections.here())
        connections.here().rows("SET default_transaction_read_only = on")
        with pytest.raises(RuntimeError, match="read-only"):
            connections.here().change(ADD, (1,))
        assert connections.here().change(ADD, (1,)) == 1
    assert len(opened) == 2


def test_a_silent_server_is_waited_for_until_the_limit(on_server: str) -> None:
    with (
        closing(
            Connections(on_server, lock_timeout_s=1.0, answer_timeout_s=4.0)
        ) as connections,
        connections.lend() as database,
    ):
        [(pid,)] = database.rows("SELECT pg_backend_pid()")
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(DatabaseUnreachable, match=r"no answer for 5"):
                database.rows("SELECT 1")
            assert database.is_lost
            assert connections.here().rows("SELECT 1") == [(1,)]
        finally:
            os.kill(pid, signal.SIGCONT)


def test_in_memory_all_threads_see_one_database() -> None:
    with closing(Connections("sqlite:///:memory:")) as connections:
        SUMS.ensure(connections.here())
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda n: connections.here().change(ADD, (n,)), range(32)))
        assert connections.here().rows("SELECT count(*) FROM sums") == [(32,)]


# The first start


def start(urls: list[str], gate: threading.Barrier, failed: multiprocessing.Queue[str]) -> None:
    for url in urls:
        gate.wait()
        try:
            with closing(Connections(url, lock_timeout_s=60.0)) as connections:
                SUMS.ensure(connections.here())
        except RuntimeError as error:
            failed.put(str(error))


def test_workers_that_start_together_all_find_the_tables(
    request: pytest.FixtureRequest, url: str
) -> None:
    spawn = multiprocessing.get_context("spawn")
    gate, failed = spawn.Barrier(WORKERS), spawn.Queue()
    with ExitStack() as stack:
        server = "" if url.startswith("sqlite") else request.getfixturevalue("server")
        urls = [stack.enter_context(empty_place(server)) for _ in range(ROUNDS)]
        workers = [
            spawn.Process(target=start, args=(urls, gate, failed)) for _ in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert [worker.exitcode for worker in workers] == [0] * WORKERS
    assert failed.empty(), failed.get()


# Numbers


@pytest.mark.parametrize(("value", "step"), [(2**63 - 1, 1), (-(2**63), -1), (0, 2**70)])
def test_a_number_beyond_64_bits_is_refused_and_nothing_changes(
    url: str, value: int, step: int
) -> None:
    with closing(connect(url)) as database:
        SUMS.ensure(database)
        database.change(ADD, (value,))
        with pytest.raises(RuntimeError):
            database.change("UPDATE sums SET value = value + ?", (step,))
        assert database.rows("SELECT value FROM sums") == [(value,)]
