"""Whoever starts a server may be killed at any moment; no process and no file stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

STARTER = """
import sys
from dataclasses import replace
from delivery_semantics.systems.{system}.server import prepare
from delivery_semantics.systems.server import started


def told(folder):
    launch = prepare(folder)

    def address():
        print("starting", flush=True)
        return launch.address()

    return replace(launch, address=address)


with started("the server", told):
    print("running", flush=True)
    sys.stdin.readline()
    print("stopping", flush=True)
"""
MOMENTS = ("starting", "running", "stopping")
ENDED_S = 60.0
SYSTEMS = [
    *("grpc", "sqs"),
    *(
        pytest.param(name, marks=pytest.mark.needs(name))
        for name in ("kafka", "rabbitmq", "mqtt")
    ),
]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_killed_starter_leaves_no_process_and_no_file(
    system: str, moment: str, tmp_path: Path
) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", STARTER.format(system=system)],
        env=os.environ | {"TMPDIR": str(folder)}, text=True, bufsize=1,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as starter:  # fmt: skip
        assert starter.stdin
        assert starter.stdout
        left: set[psutil.Process] = set()
        for said in starter.stdout:
            if said.strip() in (moment, "running"):  # while one stops, its server may be gone
                left |= {*psutil.Process(starter.pid).children(recursive=True)}
            if said.strip() == moment:
                break
            if said.strip() == "running":
                print(file=starter.stdin, flush=True)
        assert left
        starter.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(left, timeout=ENDED_S)
    assert alive == []
    assert list(folder.iterdir()) == []
