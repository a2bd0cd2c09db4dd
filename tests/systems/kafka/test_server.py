"""A broker starts, is killed and started again with what it had, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import stat
import time
from pathlib import Path

import pytest
from confluent_kafka import admin

from delivery_semantics import payments
from delivery_semantics.systems.kafka import fetch as fetching
from delivery_semantics.systems.kafka.client import QUIET, TIMEOUT_S, fill, read, topic
from delivery_semantics.systems.kafka.fetch import fetch
from delivery_semantics.systems.kafka.server import (
    NO_JAVA,
    VARIABLE,
    find_jars,
    find_java,
    prepare,
    restartable,
    running,
)
from delivery_semantics.systems.server import ServerMissing, answers

pytestmark = [pytest.mark.slow, pytest.mark.needs("kafka")]


def test_what_was_confirmed_is_there_after_a_kill_and_nothing_is_after_the_block() -> None:
    with restartable() as broker, topic(broker.address) as accounts:
        fill(accounts, *payments(3))
        broker.signal(signal.SIGKILL)
        assert broker.wait() == -signal.SIGKILL
        broker.start()
        assert [record.id for record in read(accounts)] == ["1", "2", "3"]
        port, folder = int(broker.address.rpartition(":")[2]), broker.folder
    assert not folder.exists()
    assert not answers(port)


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_it_is_gone_also_when_the_block_raises(error: type[BaseException]) -> None:
    with pytest.raises(error), restartable() as broker:
        raise error
    assert not broker.folder.exists()
    assert not answers(int(broker.address.rpartition(":")[2]))


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    prepare(tmp_path)
    listening = re.search(
        r"^listeners=(.*)$", (tmp_path / "server.properties").read_text(), re.M
    )
    assert listening
    assert all(
        re.fullmatch(r"[A-Z]+://127\.0\.0\.1:\d+", one) for one in listening[1].split(",")
    )


def test_a_cluster_that_is_named_is_used_and_none_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "kafka.example:9092")
    with running() as address:
        assert address == "kafka.example:9092"


def test_two_runs_on_one_cluster_do_not_meet(broker: str) -> None:
    with topic(broker) as one, topic(broker) as other:
        fill(one, *payments(2))
        fill(other, *payments(3))
        assert [len(read(each)) for each in (one, other)] == [2, 3]
        assert one.owned("group") != other.owned("group")
        assert {one.name, other.name} <= left_at(broker)
    last = time.monotonic() + TIMEOUT_S  # who asks at once may still hear of what is deleted
    while left := [name for name in left_at(broker) if name.startswith((one.name, other.name))]:
        assert time.monotonic() < last, left


def left_at(address: str) -> set[str]:
    asked = admin.AdminClient({**QUIET, "bootstrap.servers": address})
    groups = asked.list_consumer_groups().result(TIMEOUT_S).valid
    topics = asked.list_topics(timeout=TIMEOUT_S).topics
    return {*topics, *(group.group_id for group in groups)}


# What is missing is said in one line ---------------------------------------------------------


def test_without_the_jars_one_line_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ServerMissing, match=r"^no Kafka found: make kafka .*HOST:PORT$"):
        find_jars()


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize("said", ["", 'openjdk version "11.0.2"', 'java version "1.8.0_292"'])
def test_without_java_or_with_an_old_one_one_line_says_so(
    said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if said:
        program(tmp_path, "java", f"echo '{said}' >&2")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerMissing, match=f"^{NO_JAVA}$"):
        find_java()


def test_what_was_fetched_is_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # no Maven, no Java
    assert fetch() == find_jars()


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    program(tmp_path, "java", "echo 'openjdk version \"17.0.15\"' >&2")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    monkeypatch.setattr("shutil.which", lambda name: _own(tmp_path, name))
    return tmp_path


def _own(folder: Path, name: str) -> str | None:
    return str(folder / name) if (folder / name).exists() else None


def test_without_maven_one_line_says_how_to_get_it(
    empty_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetching.main() == 1
    assert capsys.readouterr().err == f"{fetching.NO_MAVEN}\n"


def test_half_of_it_does_not_count_as_fetched(empty_cache: Path) -> None:
    program(
        empty_cache, "mvn",
        'for word; do case $word in -DoutputDirectory=*) folder=${word#*=};; esac; done\n'
        'mkdir -p "$folder"; echo half > "$folder/a.jar"\n'
        'echo "[ERROR] Could not transfer artifact b"; exit 1',
    )  # fmt: skip
    with pytest.raises(ServerMissing, match=r"^Maven did not fetch .*: Could not transfer"):
        fetch()
    assert list((empty_cache / "cache" / "delivery-semantics").iterdir()) == []
