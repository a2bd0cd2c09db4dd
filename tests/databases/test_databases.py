"""Two databases behind one interface: what they do, and every way in which they refuse."""

from __future__ import annotations

import os
import resource
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from delivery_semantics.databases import (
    AlreadyThere,
    Connections,
    Database,
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseRefused,
    DatabaseUnreachable,
    Locked,
    NotSerializable,
    Schema,
    SchemaMismatch,
    connect,
    empty_place,
    file_of,
)
from delivery_semantics.systems.postgresql import postgresql

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
SHOP = Schema(
    "shop",
    1,
    (
        "CREATE TABLE sales (number INTEGER PRIMARY KEY, item TEXT UNIQUE, price BIGINT)",
        "CREATE TABLE letters (id BLOB PRIMARY KEY, at_s DOUBLE PRECISION) WITHOUT ROWID",
    ),
)
SELL = "INSERT INTO sales (item, price) VALUES (?, ?)"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    server = request.getfixturevalue("server") if request.param == "postgresql" else ""
    with empty_place(server) as url:
        yield url


@pytest.fixture
def place(server: str) -> Iterator[str]:
    """A place on PostgreSQL."""
    with empty_place(server) as url:
        yield url


@contextmanager
def opened(url: str, *, lock_timeout_s: float = 5) -> Iterator[Database]:
    with closing(connect(url, lock_timeout_s=lock_timeout_s, synchronous="OFF")) as database:
        SHOP.ensure(database)
        yield database


def sold(database: Database) -> list[str]:
    return [item for (item,) in database.rows("SELECT item FROM sales ORDER BY number")]


# What they do


def test_values_come_back_as_they_were(url: str) -> None:
    values = (b"\x00\xff", 1.5)
    with opened(url) as database:
        database.change("INSERT INTO letters VALUES (?, ?)", values)
        assert [(bytes(i), at) for i, at in database.rows("SELECT * FROM letters")] == [values]
        assert database.change(SELL, ("50 % wool", 2**40)) == 1
        assert database.change(SELL, ("silk", None)) == 1
        found = database.rows("SELECT number, price FROM sales WHERE item LIKE '50 %%'")
        assert found == [(1, 2**40)]
        assert database.rows("SELECT item FROM sales WHERE price IS NULL") == [("silk",)]
        assert database.change("UPDATE sales SET price = 1") == 2


def test_a_statement_by_itself_is_seen_by_others_at_once(url: str) -> None:
    with opened(url) as one, opened(url) as other:
        one.change(SELL, ("tea", 3))
        assert not one.in_transaction
        assert sold(other) == ["tea"]


def test_a_transaction_is_seen_when_it_has_ended(url: str) -> None:
    with opened(url) as one, opened(url) as other:
        with one.transaction():
            one.change(SELL, ("tea", 3))
            one.change(SELL, ("milk", 1))
            assert (one.in_transaction, sold(other)) == (True, [])
        assert (one.in_transaction, sold(other)) == (False, ["tea", "milk"])


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, SystemExit])
def test_a_transaction_that_raises_leaves_nothing(url: str, error: type[BaseException]) -> None:
    def sell_and_fail(database: Database) -> None:
        with database.transaction():
            database.change(SELL, ("tea", 3))
            raise error

    with opened(url) as database:
        with pytest.raises(error):
            sell_and_fail(database)
        assert (database.in_transaction, sold(database)) == (False, [])


def test_a_refused_statement_leaves_nothing_of_its_transaction(url: str) -> None:
    def sell_twice(database: Database) -> None:
        with database.transaction():
            database.change(SELL, ("tea", 3))
            database.change(SELL, ("tea", 3))

    with opened(url) as database:
        with pytest.raises(AlreadyThere):
            sell_twice(database)
        assert (database.in_transaction, sold(database)) == (False, [])
        database.change(SELL, ("tea", 3))


def test_a_second_transaction_within_one_is_refused_and_the_first_undone(url: str) -> None:
    def nested(database: Database) -> None:
        with database.transaction():
            database.change(SELL, ("tea", 3))
            with database.transaction():
                raise AssertionError("not to be reached")

    with opened(url) as database:
        with pytest.raises(RuntimeError, match="one is open already; allowed: one at a time"):
            nested(database)
        assert sold(database) == []


def test_closing_rolls_an_open_transaction_back(url: str) -> None:
    with opened(url) as database:
        database.rows("BEGIN")
        database.change(SELL, ("tea", 3))
    with opened(url) as database:
        assert sold(database) == []


# Schemas


def test_tables_are_made_once_and_found_again(url: str) -> None:
    for expected in ([], ["tea"]):
        with opened(url) as database:
            assert sold(database) == expected
            SHOP.ensure(database)
            SHOP.check(database)
            database.change(SELL, (f"tea{'!' * len(expected)}", 3))


def test_many_who_make_the_same_tables_at_once_all_find_them(url: str) -> None:
    at_once = threading.Barrier(4)

    def make() -> list[str]:
        with closing(connect(url, synchronous="OFF")) as database:
            at_once.wait(60)
            SHOP.ensure(database)
            return sold(database)

    with ThreadPoolExecutor(4) as threads:
        made = [threads.submit(make) for _ in range(4)]
        assert [each.result() for each in made] == [[]] * 4


def test_tables_of_another_version_are_refused_and_left_alone(url: str) -> None:
    newer = Schema("shop", 2, ("CREATE TABLE returns (item TEXT)",))
    with opened(url) as database:
        for refuse in (newer.ensure, newer.check):
            with pytest.raises(SchemaMismatch, match="'shop' have version 1; allowed: vers"):
                refuse(database)
        with pytest.raises(DatabaseRefused):
            database.rows("SELECT * FROM returns")
        Schema("returns", 2, newer.statements).ensure(database)  # of another name


def test_tables_that_cannot_all_be_made_are_none(url: str) -> None:
    halting = Schema("shop", 1, (SHOP.statements[0], "CREATE TABLE sales (item TEXT)"))
    with closing(connect(url)) as database:
        with pytest.raises(DatabaseRefused):
            halting.ensure(database)
        SHOP.ensure(database)
        assert sold(database) == []


# What they refuse


def test_a_unique_key_is_refused(url: str) -> None:
    with opened(url) as database:
        database.change(SELL, ("tea", 3))
        with pytest.raises(AlreadyThere, match="item"):
            database.change(SELL, ("tea", 4))
        with pytest.raises(AlreadyThere):
            database.change("INSERT INTO sales VALUES (1, 'milk', 1)")
        database.change("INSERT INTO letters VALUES (?, ?)", (b"a", 0.0))
        with pytest.raises(AlreadyThere):
            database.change("INSERT INTO letters VALUES (?, ?)", (b"a", 0.0))


def test_a_lock_is_waited_for_and_no_longer(url: str) -> None:
    with opened(url) as one, opened(url, lock_timeout_s=0.01) as other:
        one.change(SELL, ("tea", 3))
        with one.transaction():
            one.change("UPDATE sales SET price = 4")
            with pytest.raises(Locked):
                other.change("UPDATE sales SET price = 5")
            assert not other.in_transaction
        other.change("UPDATE sales SET price = price + 1")
        assert one.rows("SELECT price FROM sales") == [(5,)]


def test_what_is_no_statement_is_refused_by_the_databases_own_words(url: str) -> None:
    with opened(url) as database:
        with pytest.raises(DatabaseRefused, match=r"SELEC.*\((SQLite|PostgreSQL)") as refused:
            database.rows("SELEC 1")
        assert type(refused.value) is DatabaseRefused
        assert len(str(refused.value).splitlines()) == 1


def test_a_connection_that_was_told_to_read_only_does_not_write(url: str) -> None:
    with opened(url) as database:
        sqlite = database.dialect == "sqlite"
        database.rows("PRAGMA query_only = 1" if sqlite
                      else "SET default_transaction_read_only = on")  # fmt: skip
        with pytest.raises(DatabaseReadOnly):
            database.change(SELL, ("tea", 3))
        assert sold(database) == []


# SQLite


@pytest.fixture
def path() -> Iterator[Path]:
    with empty_place() as url:
        found = file_of(url)
        assert found is not None
        yield found


def test_sqlite_says_when_the_folder_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachable, match=r"there is no folder .*nowhere"):
        connect(f"sqlite:///{tmp_path}/nowhere/x.db")
    assert list(tmp_path.iterdir()) == []


def test_sqlite_does_not_open_a_folder_or_somebodys_letters(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachable, match="unable to open"):
        connect(f"sqlite:///{tmp_path}")
    letters = tmp_path / "letters"
    letters.write_text("Dear all, " * 100)
    with pytest.raises(DatabaseUnreachable, match="not a database"):
        connect(f"sqlite:///{letters}")
    assert letters.read_text() == "Dear all, " * 100


def test_sqlite_says_when_the_file_is_damaged(path: Path) -> None:
    url = f"sqlite:///{path}"
    with opened(url) as database:
        for number in range(200):
            database.change(SELL, (f"item {number}", 1))
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with closing(connect(url)) as database, pytest.raises(DatabaseRefused, match="malformed"):
        sold(database)


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """Root may write everywhere; for the block it is nobody, who may read the folder."""
    if os.geteuid():
        yield
        return
    folder.chmod(0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_sqlite_says_when_the_file_may_only_be_read(path: Path) -> None:
    url = f"sqlite:///{path}"
    with opened(url) as database:
        database.change(SELL, ("tea", 3))
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        with as_nobody(path.parent), pytest.raises(DatabaseReadOnly, match="readonly"):
            _sell(url)
    finally:
        path.parent.chmod(0o755)
    with opened(url) as database:
        assert sold(database) == ["tea"]


def _sell(url: str) -> None:
    with closing(connect(url)) as database:
        database.change(SELL, ("milk", 1))


def fill(database: Database) -> None:
    """Sell until there is no room, all in one transaction."""
    with database.transaction():
        for number in range(100_000):
            database.change(SELL, (f"{number} {'x' * 1000}", 1))


def no_more_pages(database: Database, path: Path) -> None:
    [(pages,)] = database.rows("PRAGMA page_count")
    database.rows(f"PRAGMA max_page_count = {pages + 3}")


def no_larger_file(database: Database, path: Path) -> None:
    room = Path(f"{path}-wal").stat().st_size + 50_000
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (room, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    )


@pytest.mark.parametrize("limit", [no_more_pages, no_larger_file])
def test_sqlite_without_room_keeps_what_it_has_and_nothing_half(
    path: Path, limit: Callable[[Database, Path], None]
) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(f"sqlite:///{path}") as database:
        database.change(SELL, ("tea", 3))
        limit(database, path)
        try:
            with pytest.raises(DatabaseFull, match=r"full|disk I/O error"):
                fill(database)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        assert (database.in_transaction, sold(database)) == (False, ["tea"])
        assert database.rows("PRAGMA integrity_check") == [("ok",)]
        database.rows("PRAGMA max_page_count = 1000000")
        database.change(SELL, ("milk", 1))


def overtaken(one: Database, other: Database, begin: str) -> None:
    """Read, let another write, and then write."""
    with one.transaction(begin):
        sold(one)
        with other.transaction():
            other.change("UPDATE sales SET price = 3")
            other.change(SELL, ("tea", 3))
        one.change("UPDATE sales SET price = 4")


def test_sqlite_that_read_an_older_state_may_not_write_on_it(path: Path) -> None:
    url = f"sqlite:///{path}"
    with opened(url, lock_timeout_s=3600) as one, opened(url) as other:
        with pytest.raises(Locked):
            overtaken(one, other, "BEGIN DEFERRED")
        assert sold(one) == ["tea"]


# PostgreSQL


@pytest.mark.slow
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_postgresql_refuses_to_write_on_an_older_state(place: str, level: str) -> None:
    with opened(place) as one, opened(place) as other:
        one.change(SELL, ("bread", 2))
        with pytest.raises(NotSerializable):
            overtaken(one, other, f"BEGIN ISOLATION LEVEL {level}")
        assert one.rows("SELECT item, price FROM sales") == [("bread", 3), ("tea", 3)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("level", "both"), [("REPEATABLE READ", True), ("SERIALIZABLE", False)]
)
def test_postgresql_refuses_at_the_commit_what_no_order_explains(
    place: str, level: str, both: bool
) -> None:
    begin = f"BEGIN ISOLATION LEVEL {level}"
    with opened(place) as one, opened(place) as other:
        try:
            with one.transaction(begin), other.transaction(begin):
                for database, item in ((one, "tea"), (other, "milk")):
                    if sold(database) == []:
                        database.change(SELL, (item, 1))
        except NotSerializable:
            assert not both
        assert sold(one) == (["tea", "milk"] if both else ["milk"])


@pytest.mark.slow
def test_postgresql_ends_one_of_two_that_wait_for_each_other(place: str) -> None:
    at_once = threading.Barrier(2)

    def change_both(first: str, second: str) -> str:
        with opened(place) as database:
            try:
                with database.transaction():
                    for item in (first, second):
                        change = "UPDATE sales SET price = price + 1 WHERE item = ?"
                        database.change(change, (item,))
                        if item is first:
                            at_once.wait(60)
            except NotSerializable:
                return "refused"
            return "done"

    with opened(place) as database:
        for item in ("tea", "milk"):
            database.change(SELL, (item, 0))
        with ThreadPoolExecutor(2) as threads:
            orders = (("tea", "milk"), ("milk", "tea"))
            results = [threads.submit(change_both, *order) for order in orders]
            assert sorted(each.result() for each in results) == ["done", "refused"]
        assert database.rows("SELECT sum(price) FROM sales") == [(2,)]


@pytest.mark.slow
def test_postgresql_that_ends_the_connection_is_unreachable(place: str) -> None:
    def sell_and_be_cut(database: Database) -> None:
        with database.transaction():
            database.change(SELL, ("tea", 3))
            [(pid,)] = database.rows("SELECT pg_backend_pid()")
            other.rows("SELECT pg_terminate_backend(?, 60000)", (pid,))
            database.change(SELL, ("milk", 1))

    with opened(place) as other:
        with opened(place) as database, pytest.raises(DatabaseUnreachable):
            sell_and_be_cut(database)
        assert sold(other) == []


@pytest.mark.slow
def test_postgresql_that_goes_while_a_connection_is_made_leaves_none_open(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    def go(database: Database, seconds: float) -> None:
        made.append(database)
        raise DatabaseUnreachable("gone")

    with opened(place) as other:
        monkeypatch.setattr(type(other), "wait_at_most", go)
    with pytest.raises(DatabaseUnreachable, match="gone"):
        connect(place)
    assert made[0]._connection.closed
    monkeypatch.undo()


def _sell_twice(database: Database) -> None:
    with database.transaction():
        database.change(SELL, ("tea", 3))
        database.change("INSERT INTO full_one VALUES ('tea')")


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only some systems have it")
@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="breaks a table's file of its server")
def test_postgresql_on_a_full_disk_says_so_and_goes_on(server: str) -> None:
    with empty_place(server) as place, opened(place) as database:
        database.rows("CREATE TABLE full_one (item TEXT)")
        [(relative,)] = database.rows("SELECT pg_relation_filepath('full_one')")
        database.rows("CHECKPOINT")
        [folder] = parse_qs(urlsplit(server).query)["host"]
        file = Path(folder, "data", relative)
        file.unlink()
        file.symlink_to("/dev/full")  # where a write finds no room left on the device
        with opened(place) as other:
            with pytest.raises(DatabaseFull, match="No space left"):
                _sell_twice(other)
            assert (other.in_transaction, sold(other)) == (False, [])
            other.change(SELL, ("milk", 1))


def test_postgresql_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachable, match=r"\(PostgreSQL\)") as refused:
        connect(f"postgresql://postgres@/postgres?host={tmp_path}")
    assert len(str(refused.value).splitlines()) == 1


def test_without_its_client_postgresql_is_unreachable_and_the_message_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "delivery_semantics.databases.postgres", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    needs = r"needs psycopg: pip install 'psycopg\[binary\]'$"
    with pytest.raises(DatabaseUnreachable, match=needs):
        connect("postgresql://x")


# URLs


def test_a_url_names_a_file_or_a_server() -> None:
    assert file_of("sqlite:///data/my%20shop.db") == Path("data/my shop.db")
    assert file_of("sqlite:////srv/shop.db") == Path("/srv/shop.db")
    assert file_of("postgresql://me@here/shop") is None
    assert file_of("postgres://me@here/shop") is None


WRONG = ["", "shop.db", "sqlite:", "sqlite://", "sqlite:///", "sqlite://shop.db",
         "sqlite:///x.db?mode=ro", "sqlite:///x.db#1", "mysql://x", "file:///x.db"]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_another_url_is_refused_with_those_that_are_allowed(wrong: str) -> None:
    for refuse in (file_of, connect, Connections):
        with pytest.raises(ValueError, match=r"allowed: sqlite:///FILE .* or postgresql://"):
            refuse(wrong)


def test_another_word_for_what_a_commit_survives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'MAYBE'; allowed: OFF, NORMAL, FULL"):
        connect(f"sqlite:///{tmp_path}/x.db", synchronous="MAYBE")
    assert list(tmp_path.iterdir()) == []
