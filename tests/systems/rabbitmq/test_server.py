"""A RabbitMQ that is killed and started again keeps what is durable."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from delivery_semantics import payments
from delivery_semantics.systems import chroot
from delivery_semantics.systems.rabbitmq import server as module
from delivery_semantics.systems.rabbitmq.client import (
    CONFIRMED,
    AmqpPublisher,
    connect,
    drain,
    publish,
    queue,
)
from delivery_semantics.systems.rabbitmq.server import prepare, restartable, running
from delivery_semantics.systems.server import (
    HOST,
    Server,
    ServerFailed,
    ServerMissing,
    free_ports,
    started,
)

pytestmark = [pytest.mark.slow, pytest.mark.needs("rabbitmq")]


@pytest.fixture
def nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMQP_URL", raising=False)


def test_what_is_confirmed_is_there_when_the_broker_was_killed() -> None:
    with restartable() as server:
        before = server.address
        with queue(before) as quorum, queue(before, kind="classic") as classic:
            # A quorum queue of 4.0 is registered on disk only some time after it was declared.
            restart(server, signal.SIGTERM)
            for name in (quorum, classic):
                publish(before, name, payments(3))
            restart(server, signal.SIGKILL)
            assert server.address == before
            for name in (quorum, classic):
                assert [record.id for record in drain(before, name)] == ["1", "2", "3"]


def restart(server: Server, number: signal.Signals) -> None:
    server.signal(number)
    server.wait()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port(server.address)))
    server.start()


def test_it_listens_on_loopback_only_and_runs_as_nobody_of_importance() -> None:
    with restartable() as server:
        places, users = set(), set()
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess):  # it asks small programs, which end soon
                if is_of(process.pid, server.folder):
                    users.add(process.uids().effective)
                    listening = (c for c in process.net_connections() if c.status == "LISTEN")
                    places |= {one.laddr for one in listening}
        assert port(server.address) in {place.port for place in places}
        assert {place.ip for place in places} <= {"127.0.0.1", "::1"}
        assert 0 not in users or os.geteuid() != 0


def is_of(pid: int, folder: Path) -> bool:
    """Whether a process has its working folder mounted from there, as those of a root have."""
    mounted = Path(f"/proc/{pid}/mountinfo")
    try:
        return f"{folder} " in mounted.read_text()
    except OSError:
        return False


def port(url: str) -> int:
    return int(url.partition("#")[0].rpartition(":")[2].strip("/"))


def test_a_named_broker_is_used_and_nothing_started(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMQP_URL", url)
    with running() as found, closing(connect(found)) as connection:
        assert found == url
        assert connection.is_open


@pytest.mark.usefixtures("nothing_is_named")
def test_without_one_a_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "PROGRAM", str(tmp_path / "none"))
    assert chroot.find_root() is None
    with pytest.raises(ServerMissing, match=r"make rabbitmq.*AMQP_URL"):
        prepare(tmp_path)


def test_one_whose_port_mapper_has_no_port_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        ports = [*free_ports(3), taken.getsockname()[1]]
        monkeypatch.setattr(module, "free_ports", lambda count: ports)
        with pytest.raises(ServerFailed, match="epmd"), started("RabbitMQ", prepare):
            pass


def test_a_publisher_whose_broker_is_killed_is_in_doubt() -> None:
    with restartable() as server, queue(server.address, kind="classic") as name:
        publisher = AmqpPublisher(server.address)
        assert publisher.publish(name, payments(1)[0]) == CONFIRMED
        server.signal(signal.SIGKILL)
        server.wait()
        assert publisher.publish(name, payments(2)[1]) == "in doubt"
        publisher.close()
        server.start()
