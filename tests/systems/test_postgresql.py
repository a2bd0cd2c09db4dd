"""A PostgreSQL that starts by itself, and of which nothing is left."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from delivery_semantics.databases import DatabaseUnreachable, connect
from delivery_semantics.systems import postgresql as module
from delivery_semantics.systems.postgresql import find_programs, postgresql
from delivery_semantics.systems.server import ServerFailed, ServerMissing

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


def folder_of(url: str) -> Path:
    [folder] = parse_qs(urlsplit(url).query)["host"]
    return Path(folder)


def server_of(url: str) -> int:
    """The number of the server's process."""
    return int((folder_of(url) / "data" / "postmaster.pid").read_text().splitlines()[0])


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_is_a_postgresql_of_its_own_for_as_long_as_the_block_lasts() -> None:
    with postgresql() as url, closing(connect(url)) as database:
        [(version,)] = database.rows("SELECT version()")
        assert version.startswith("PostgreSQL")
        assert database.rows("SHOW listen_addresses") == [("",)]  # nothing on the network
        pid = server_of(url)
        assert is_there(pid)
    assert not is_there(pid)
    assert not folder_of(url).exists()
    with pytest.raises(DatabaseUnreachable):
        connect(url)


def test_nothing_is_left_also_when_the_block_raises_with_a_client_connected() -> None:
    url, pid = "", 0
    try:
        with postgresql() as url:
            pid = server_of(url)
            database = connect(url)
            database.rows("BEGIN")
            raise KeyError
    except KeyError:
        assert not is_there(pid)
    assert not folder_of(url).exists()
    database.close()


def test_two_at_a_time_know_nothing_of_each_other() -> None:
    with postgresql() as one, postgresql() as other:
        with closing(connect(one)) as database:
            database.rows("CREATE TABLE t (x BIGINT)")
        with closing(connect(other)) as database:
            database.rows("CREATE TABLE t (x BIGINT)")
        assert server_of(one) != server_of(other)


def test_a_server_that_is_named_is_used_and_none_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
    monkeypatch.setattr(module, "WHEEL", "no_such_wheel")
    monkeypatch.setenv("PATH", "")
    with postgresql() as url:
        assert url == "postgresql://somewhere/else"


def test_without_its_programs_one_line_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "WHEEL", "no_such_wheel")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServerMissing, match=r"pip install .*DATABASE_URL=") as missing:
        postgresql().__enter__()
    assert len(str(missing.value).splitlines()) == 1


def test_the_programs_are_the_wheels_or_else_those_of_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheel, on_path = tmp_path / "a_wheel" / "pginstall" / "bin", tmp_path / "on_path"
    for folder in (wheel, on_path):
        folder.mkdir(parents=True)
        for name in ("initdb", "postgres"):
            (folder / name).touch(mode=0o755)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", str(on_path))
    monkeypatch.setattr(module, "WHEEL", "a_wheel")
    assert find_programs() == wheel
    monkeypatch.setattr(module, "WHEEL", "no_such_wheel")
    assert find_programs() == on_path


def test_a_server_that_does_not_start_is_reported_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(module.SETTINGS, "shared_buffers", "none at all")
    with pytest.raises(ServerFailed, match=r"(?s)did not start: .*shared_buffers"):
        postgresql().__enter__()
