"""One set of laws for every store, and what each of them gets wrong."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics.databases import Connections, Database, Locked, connect, empty_place
from delivery_semantics.dedup import (
    Bloom,
    DedupStore,
    Gap,
    Generations,
    Highest,
    InDatabase,
    InMemory,
    NotRemembered,
    Shared,
    StoreFull,
    scoped,
    stored_bytes,
)
from delivery_semantics.systems.postgresql import postgresql
from delivery_semantics.theory.windows import effects_in_window

Make = Callable[[], DedupStore]


@dataclass
class Place:
    """Where stores live, and what has to be closed at the end."""

    folder: Path
    opened: list[Connections] = field(default_factory=list)

    def database(self, url: str, **options: object) -> Make:
        connections = Connections(url)
        self.opened.append(connections)
        InDatabase(connections.here())
        connections.here().rows("DELETE FROM seen_ids")
        return lambda: InDatabase(connections.here(), **options)  # type: ignore[arg-type]

    def sqlite(self, **options: object) -> Make:
        return self.database(f"sqlite:///{self.folder / 'ids.db'}", **options)


def shared(store: DedupStore) -> Make:
    """One store for all threads; ``Shared`` is what makes that right."""
    one = Shared(store, threading.Lock())
    return lambda: one


IN_MEMORY: dict[str, Callable[[], DedupStore]] = {
    "in memory": InMemory,
    "in memory, bounded": lambda: InMemory(window_s=1e6, capacity=10_000),
    "highest, gap check": Highest,
    "highest, no gap check": lambda: Highest(gap_check=False),
    "bloom": lambda: Bloom.for_ids(10_000, error=1e-6),
    "generations": lambda: Generations(lambda: Bloom.for_ids(10_000, error=1e-6), window_s=1e6),
}
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A place in a PostgreSQL where nothing of anybody is touched."""
    with postgresql() as url, empty_place(url) as place:
        yield place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for connections in made.opened:
        connections.close()


@pytest.fixture(params=[*IN_MEMORY, *DATABASES])
def here(request: pytest.FixtureRequest, place: Place) -> Make:
    """Return the calling thread's handle on one store."""
    if request.param == "sqlite":
        return place.sqlite()
    if request.param == "postgresql":
        return place.database(request.getfixturevalue("server"))
    return shared(IN_MEMORY[request.param]())


# The laws that hold for all of them


def test_an_id_is_new_once(here: Make) -> None:
    store = here()
    assert [store.first_time("1", now_s) for now_s in (0, 0, 1.5, 900)] == [True] + [False] * 3


def test_different_ids_are_all_new(here: Make) -> None:
    store = here()
    assert all(store.first_time(str(n), float(n)) for n in range(1, 200))
    assert not any(store.first_time(str(n), 200.0) for n in range(1, 200))


def test_text_and_its_bytes_are_one_id(here: Make) -> None:
    assert here().first_time("1", 0)
    assert not here().first_time(b"1", 0)


@pytest.mark.parametrize("bad", ["", b"", "1" * 256, b"1" * 256, None, 1], ids=repr)
def test_what_is_no_id_is_refused_and_not_remembered(here: Make, bad: object) -> None:
    with pytest.raises(ValueError, match="id"):
        here().first_time(bad, 0)  # type: ignore[arg-type]
    assert here().first_time("1", 0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), True, None, "0"], ids=repr)
def test_what_is_no_time_is_refused_and_nothing_is_remembered(here: Make, bad: object) -> None:
    with pytest.raises(ValueError, match="now_s"):
        here().first_time("1", bad)  # type: ignore[arg-type]
    assert here().first_time("1", 0)


def test_of_eight_copies_at_once_one_is_new(here: Make) -> None:
    ready = threading.Barrier(8)

    def ask(_: int) -> list[bool]:
        store = here()
        ready.wait()
        return [store.first_time(str(n), 0.0) for n in range(1, 21)]

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that threads meet also where a decision is short
    try:
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(ask, range(8)))
    finally:
        sys.setswitchinterval(interval_s)
    assert [sum(copies) for copies in zip(*answers, strict=True)] == [1] * 20


# Windows (S1) and the clock (S6)

WINDOWED = ["in memory", *DATABASES]


@pytest.fixture(params=WINDOWED)
def windowed(request: pytest.FixtureRequest, place: Place) -> Callable[..., DedupStore]:
    def make(window_s: float, *, sliding: bool = False) -> DedupStore:
        if request.param == "in memory":
            return InMemory(window_s=window_s, sliding=sliding)
        if request.param == "sqlite":
            return place.sqlite(window_s=window_s, sliding=sliding)()
        url = request.getfixturevalue("server")
        return place.database(url, window_s=window_s, sliding=sliding)()

    return make


def test_a_copy_is_skipped_within_the_window_and_new_at_its_end(
    windowed: Callable[..., DedupStore],
) -> None:
    store = windowed(300)
    times_s = (0, 299.999, 300, 599.999, 600)
    assert [store.first_time("a", s) for s in times_s] == [True, False, True, False, True]


def test_a_sliding_window_begins_anew_with_every_copy(
    windowed: Callable[..., DedupStore],
) -> None:
    store = windowed(300, sliding=True)
    times_s = (0, 200, 400, 600, 900)
    assert [store.first_time("a", s) for s in times_s] == [True, False, False, False, True]


def test_the_window_of_one_id_is_not_that_of_another(
    windowed: Callable[..., DedupStore],
) -> None:
    store = windowed(300)
    assert store.first_time("a", 0)
    assert store.first_time("b", 200)
    assert store.first_time("a", 310)
    assert not store.first_time("b", 499)


def test_a_clock_set_forward_forgets_too_early_and_one_set_back_too_late(
    windowed: Callable[..., DedupStore],
) -> None:
    store = windowed(300)
    assert store.first_time("a", 1000)
    assert store.first_time("a", 1060 + 600), "forward: the copy is processed again"
    assert not store.first_time("a", 1120), "back: the id is of the future, and kept"
    assert not store.first_time("a", 1660 + 299)
    assert store.first_time("a", 1660 + 300)


def test_a_copy_from_a_clock_set_back_makes_no_id_older(
    windowed: Callable[..., DedupStore],
) -> None:
    store = windowed(300, sliding=True)
    assert [store.first_time("a", s) for s in (1000, 900, 1250)] == [True, False, False]


@pytest.mark.parametrize("sliding", [False, True])
@pytest.mark.parametrize("window_s", [1, 2, 3, 5, 10, 11])
@pytest.mark.parametrize("every_s", [1, 2, 3, 10])
def test_regular_retries_are_processed_as_often_as_the_formula_says(
    window_s: int, every_s: int, sliding: bool
) -> None:
    for retries in range(12):
        store = InMemory(window_s=window_s, sliding=sliding)
        there = sum(store.first_time("a", n * every_s) for n in range(retries + 1))
        assert there == effects_in_window(
            retries=retries, every_s=every_s, window_s=window_s, sliding=sliding
        )


def test_a_window_needs_no_whole_numbers() -> None:
    assert effects_in_window(retries=9, every_s=Fraction(1, 3), window_s=1) == 4


steps = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 6)), min_size=1, max_size=40)


@pytest.mark.slow
@given(steps=steps, sliding=st.booleans())
def test_memory_and_database_decide_alike(steps: list[tuple[str, int]], sliding: bool) -> None:
    now_s = 100
    memory = InMemory(window_s=5, sliding=sliding)
    database = connect("sqlite:///:memory:")
    try:
        table = InDatabase(database, window_s=5, sliding=sliding)
        for id, passed_s in steps:
            now_s += passed_s
            assert memory.first_time(id, now_s) is table.first_time(id, now_s)
    finally:
        database.close()


def test_what_has_expired_is_gone_also_when_the_clock_is_set_back() -> None:
    store = InMemory(window_s=300)
    assert store.first_time("a", 1000)
    assert store.first_time("b", 1300)
    assert store.first_time("a", 1299)


def test_an_id_of_the_future_holds_up_no_decision_about_another() -> None:
    store = InMemory(window_s=300, capacity=2, when_full="refuse")
    assert store.first_time("future", 2000)
    assert store.first_time("a", 1000)
    assert store.first_time("a", 1300), "it has expired, and needs no room but its own"


# Bounds (S2)


def test_a_full_store_forgets_its_oldest_id_or_refuses_a_new_one() -> None:
    forgets, refuses = InMemory(capacity=2), InMemory(capacity=2, when_full="refuse")
    for store in (forgets, refuses):
        assert store.first_time("a", 0)
        assert store.first_time("b", 1)
    assert forgets.first_time("c", 2)
    assert forgets.first_time("a", 3), "it was forgotten, so its copy is processed again"
    with pytest.raises(StoreFull, match="2 ids"):
        refuses.first_time("c", 2)
    assert not refuses.first_time("a", 3), "whoever is in stays in"
    assert len(forgets) == len(refuses) == 2


def test_what_was_seen_last_is_forgotten_last() -> None:
    store = InMemory(capacity=2, sliding=True)
    assert [store.first_time(id, s) for s, id in enumerate("abacab")] == [
        *(True, True, False),  # a is the younger one now
        *(True, False, True),
    ]


def test_a_full_store_has_room_again_when_ids_expire() -> None:
    store = InMemory(window_s=10, capacity=2, when_full="refuse")
    assert store.first_time("a", 0)
    assert store.first_time("b", 5)
    with pytest.raises(StoreFull):
        store.first_time("c", 9)
    assert store.first_time("c", 10)
    assert len(store) == 2


def test_memory_does_not_grow_beyond_what_a_window_holds() -> None:
    store = InMemory(window_s=100)
    for second in range(2000):
        store.first_time(str(second), second)
        assert len(store) <= 100


def test_an_id_can_be_taken_back() -> None:
    store = InMemory()
    assert store.first_time("a", 0)
    store.forget("a")
    store.forget("a")
    assert store.first_time("a", 0)


def test_a_table_is_swept_in_small_steps(place: Place) -> None:
    store = place.sqlite(window_s=100)()
    assert isinstance(store, InDatabase)
    for n in range(20):
        store.first_time(str(n), n)
    assert [store.expire(109, ids_max=4) for _ in range(4)] == [4, 4, 2, 0]
    assert len(store) == 10
    assert not store.first_time("10", 109)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"window_s": 0}, "window_s is 0"),
        ({"window_s": float("nan")}, "window_s is nan"),
        ({"capacity": 0}, "capacity is 0"),
        ({"when_full": "panic"}, "when_full is 'panic'; allowed: forget, refuse"),
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        InMemory(**wrong)  # type: ignore[arg-type]


# The same transaction (S4)


class Stopped(Exception):
    """Stands for a crash."""


@contextmanager
def stopped(database: Database) -> Iterator[None]:
    """A transaction that comes to nothing."""
    with suppress(Stopped), database.transaction():
        yield
        raise Stopped


@pytest.mark.parametrize("kind", DATABASES)
def test_what_is_rolled_back_was_never_seen(
    kind: str, place: Place, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("server") if kind == "postgresql" else None
    store = (place.database(url) if url else place.sqlite())()
    database = place.opened[-1].here()
    with stopped(database):
        assert store.first_time("a", 0)
    assert store.first_time("a", 0)


def test_a_second_copy_is_not_answered_while_the_first_is_in_progress(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ids.db'}"
    first, second = connect(url), connect(url, lock_timeout_s=0)
    try:
        one, other = InDatabase(first), InDatabase(second)
        with stopped(first):
            assert one.first_time("a", 0)
            with pytest.raises(Locked):
                other.first_time("a", 0)
        assert other.first_time("a", 0), "the first one came to nothing"
    finally:
        first.close()
        second.close()


@pytest.mark.slow
def test_postgresql_lets_a_second_copy_wait_for_the_first(server: str, place: Place) -> None:
    here = place.database(server)
    connections = place.opened[-1]
    here()
    with ThreadPoolExecutor(1) as other:

        def ask() -> bool:
            return here().first_time("a", 0)

        with stopped(connections.here()):
            assert here().first_time("a", 0)
            waiting = other.submit(ask)
            blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            with_lock = connect(server)
            while not with_lock.rows(blocked)[0][0]:
                assert not waiting.done(), "it did not wait"
            with_lock.close()
        assert waiting.result(), "the first one came to nothing"


CHILD = """
import sys
from delivery_semantics.databases import connect
from delivery_semantics.dedup import InDatabase

def reach(point):
    print(point, flush=True)
    sys.stdin.readline()

database = connect(sys.argv[1])
store = InDatabase(database)
database.rows("CREATE TABLE IF NOT EXISTS effects (id TEXT)")
reach("ready")
with database.transaction():
    if store.first_time("abc123", 0.0):
        reach("remembered")
        database.change("INSERT INTO effects VALUES ('abc123')")
        reach("processed")
reach("committed")
"""
POINTS = ("ready", "remembered", "processed", "committed")


def run_until(point: str, url: str) -> None:
    """Start a process, let it reach a point, and kill it there."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            while (reached := process.stdout.readline().strip()) != point:
                assert reached in POINTS
                process.stdin.write("\n")
                process.stdin.flush()
        finally:
            process.kill()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_process_leaves_id_and_effect_or_neither(point: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ids.db'}"
    run_until(point, url)
    database = connect(url)
    try:
        effects = database.rows("SELECT count(*) FROM effects")[0][0]
        new = InDatabase(database).first_time("abc123", 0.0)
    finally:
        database.close()
    assert effects == (point == "committed")
    assert new is not (effects == 1)


# Stores that lose


def test_without_a_gap_check_what_was_overtaken_is_lost_and_with_it_the_rest_waits() -> None:
    careless, careful = Highest(gap_check=False), Highest()
    assert [careless.first_time(id, 0) for id in "132"] == [True, True, False]
    assert careful.first_time("1", 0)
    with pytest.raises(Gap, match="id is 3; allowed: 2"):
        careful.first_time("3", 0)
    assert [careful.first_time(id, 0) for id in "23"] == [True, True]


@pytest.mark.parametrize("bad", ["a", "0", "01", "-1", "1.5", "٣"], ids=ascii)
def test_a_number_is_a_whole_one_from_one(bad: str) -> None:
    with pytest.raises(ValueError, match="whole number from 1"):
        Highest().first_time(bad, 0)


def test_gaps_and_full_stores_are_one_kind_of_refusal() -> None:
    assert issubclass(Gap, NotRemembered)
    assert issubclass(StoreFull, NotRemembered)


def test_a_bloom_filter_never_takes_a_copy_for_new() -> None:
    store = Bloom(bits=64, hashes=3)
    for n in range(500):
        store.first_time(str(n), 0)
        assert not store.first_time(str(n), 0)


def test_a_bloom_filter_is_the_same_in_every_run() -> None:
    store = Bloom(bits=1000, hashes=3)
    lost = [n for n in range(300) if not store.first_time(str(n), 0)]
    assert lost[:5] == [56, 59, 184, 200, 204]


def test_generations_remember_for_one_window_at_least_and_for_two_at_most() -> None:
    for began_s in (0, 1, 50, 99):
        for later_s in range(250):
            store = Generations(lambda: Bloom(bits=1000, hashes=3), window_s=100)
            assert store.first_time("a", began_s)
            new = store.first_time("a", began_s + later_s)
            assert not (new and later_s < 100)
            assert new or later_s < 200


def test_generations_do_not_turn_back_with_the_clock() -> None:
    store = Generations(lambda: Bloom(bits=1000, hashes=3), window_s=100)
    assert store.first_time("a", 1000)
    assert store.first_time("b", 1150)
    assert not store.first_time("a", 100)
    assert not store.first_time("b", 100)


def test_a_copy_does_not_make_its_id_younger_in_generations() -> None:
    store = Generations(lambda: Bloom(bits=1000, hashes=3), window_s=100)
    assert [store.first_time("a", s) for s in (0, 150, 210)] == [True, False, True]


# Ids


def test_scopes_keep_ids_apart_also_where_their_letters_run_together() -> None:
    assert scoped("a", "bc") != scoped("ab", "c")
    store = InMemory()
    assert store.first_time(scoped("alice", "1"), 0)
    assert store.first_time(scoped("bob", "1"), 0)
    assert not store.first_time(scoped(b"bob", b"1"), 0)


@pytest.mark.slow
@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20), st.data())
def test_a_scoped_id_can_be_taken_apart_in_one_way(
    scope: str, id: str, data: st.DataObject
) -> None:
    other = (
        data.draw(st.text(min_size=1, max_size=20)),
        data.draw(st.text(min_size=1, max_size=20)),
    )
    assert (scoped(scope, id) == scoped(*other)) is ((scope, id) == other)


def test_an_id_too_long_with_its_scope_is_refused() -> None:
    with pytest.raises(ValueError, match="id has 256 bytes"):
        scoped("s" * 55, "i" * 200)
    assert len(scoped("s" * 54, "i" * 200)) == 255


def test_letters_that_utf8_cannot_hold_make_an_id_all_the_same() -> None:
    assert stored_bytes("\ud800") != stored_bytes("\ud801")
