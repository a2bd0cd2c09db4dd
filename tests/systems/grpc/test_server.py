"""The service in a process of its own: named, started, and gone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from delivery_semantics.systems.cut import Cut
from delivery_semantics.systems.grpc import server
from delivery_semantics.systems.grpc.client import connected, retry_policy
from delivery_semantics.systems.grpc.frames import HTTP2Framing, numbering, reply
from delivery_semantics.systems.grpc.request_id import WithRequestId
from delivery_semantics.systems.server import answers, started
from tests.systems.grpc.conftest import ONE

PROGRAM = [sys.executable, "-m", "delivery_semantics.systems.grpc.server"]


@pytest.mark.slow
@pytest.mark.parametrize("once", [False, True])
def test_a_program_of_its_own_serves_and_ends_with_the_block(
    once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(server.VARIABLE, raising=False)
    number = numbering()
    with (
        server.running(once=once) as target,
        Cut(target, lambda: HTTP2Framing(number), cut={reply(1): 0}) as proxy,
        connected(proxy.address, [WithRequestId()], config=retry_policy(2)) as client,
    ):
        assert client.pay(ONE) == (1 if once else 2)
    assert not answers(int(target.rpartition(":")[2]))


def test_a_named_server_is_used_and_nothing_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(server.VARIABLE, "127.0.0.1:1")
    with server.running() as target:
        assert target == "127.0.0.1:1"


@pytest.mark.slow
def test_it_is_gone_with_its_folder_after_a_sigkill() -> None:
    with started(server.NAME, server.prepare) as running:
        folder = running.folder
        assert folder.exists()
        running.signal(9)
        assert running.wait() == -9
    assert not folder.exists()


@pytest.mark.slow
def test_what_it_cannot_work_with_is_told_in_one_line() -> None:
    done = subprocess.run(
        [*PROGRAM, "--store", "mysql://x"], capture_output=True, text=True, env=os.environ,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("grpc server: url is 'mysql://x'; allowed: sqlite:///FILE")
    assert done.stderr.count("\n") == 1
