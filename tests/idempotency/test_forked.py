"""A parent that has used its store forks: the child's work is as if it had its own."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from typing import Literal

import pytest

from delivery_semantics.databases import Connections, Schema
from delivery_semantics.idempotency import Claim, KeyName, KeyStore, OncePerKey

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

DONE = Schema("done", 1, ("CREATE TABLE done (id TEXT)",))
ANSWER_S = 30.0
LEASE_S = 0.3
FINGERPRINT = b"f" * 32

Effects = Literal["anywhere", "in phases"]


@contextmanager
def forked(work: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """Fork a child that works; yield what waits for its answer."""
    context = multiprocessing.get_context("fork")
    mine, its = context.Pipe()

    def tell(pipe: Connection) -> None:
        try:
            pipe.send(work())
        except BaseException as error:
            pipe.send(repr(error))

    child = context.Process(target=tell, args=(its,))
    child.start()

    def answer() -> object:
        return mine.recv() if mine.poll(ANSWER_S) else "no answer"

    try:
        yield answer
    finally:
        child.kill()
        child.join()
        mine.close()
        its.close()


class Served:
    """What a server loads before it forks: a store, and a function that was called once."""

    def __init__(self, url: str, effects: Effects) -> None:
        self.connections = Connections(url)
        DONE.ensure(self.connections.here())
        self.keys = KeyStore(self.connections, effects=effects, lease_s=LEASE_S)
        self.do = OncePerKey(self.keys, "do")(key=lambda id: id)(self._do)
        self.do("before")

    def _do(self, id: str, *, claim: Claim) -> str:
        with claim.phase() as phase:
            phase.database.change("INSERT INTO done VALUES (?)", (id,))
            phase.finish(f"done {id}")
        return f"done {id}"

    def count(self) -> int:
        return int(self.connections.here().rows("SELECT count(*) FROM done")[0][0])

    def claim(self, key: str) -> Claim:
        claim = self.keys.claim(KeyName("", "hold", key), FINGERPRINT)
        assert isinstance(claim, Claim)
        return claim


@pytest.fixture
def served(url: str, effects: Effects) -> Iterator[Served]:
    made = Served(url, effects)
    with closing(made.connections), closing(made.keys):
        yield made


def test_a_child_claims_carries_out_and_replays(served: Served) -> None:
    def work() -> object:
        told = [served.do(id) for id in ("before", "after", "after")]
        served.keys.close()
        return told

    with forked(work) as answer:
        assert answer() == ["done before", "done after", "done after"]
    assert [served.do("after"), served.count()] == ["done after", 2]
    with forked(lambda: served.do("after")) as answer:
        assert answer() == "done after"


def test_a_child_has_its_turn_though_its_parent_has_one(served: Served) -> None:
    with served.connections.turn(), forked(lambda: served.do("after")) as answer:
        assert answer() == "done after"


def test_a_childs_threads_are_its_own(served: Served) -> None:
    served.keys.threads.submit(int).result()  # so there is a thread, which no child has
    with forked(lambda: served.keys.threads.submit(int, "7").result(ANSWER_S)) as answer:
        assert answer() == 7


def test_a_child_renews_the_leases_that_it_holds_and_no_others(served: Served) -> None:
    def work() -> object:
        seen: list[str] = []
        renewed = threading.Event()

        def note(claim: Claim) -> bool:
            seen.append(claim.name.key)
            if seen.count("its own") == 2:
                renewed.set()
            return renew(claim)

        served.keys.renew = note  # type: ignore[method-assign]
        with served.keys.leases.held(served.claim("its own")):
            renewed.wait(ANSWER_S)
        return set(seen)

    claim, renew = served.claim("its parent's"), served.keys.renew
    served.keys.renew = lambda claim: True  # type: ignore[method-assign]  # no write at the fork
    with served.keys.leases.held(claim), forked(work) as answer:
        assert answer() == {"its own"}
