"""Brokers of our own: each leaves no process and no file, whenever its starter is killed."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

BROKERS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("rabbitmq", "mqtt")]
BROKERS.append(pytest.param("sqs"))  # a wheel brings it

STARTS = """
import dataclasses, sys
from importlib import import_module
from delivery_semantics.systems.server import started

name, mark = sys.argv[1:]
module = import_module(f"delivery_semantics.systems.{name}.server")

def prepare(folder):
    launch = module.prepare(folder)
    print(folder, flush=True)
    return dataclasses.replace(launch, environment={**launch.environment, "MARK": mark})

with started(name, prepare):
    print("in the middle", flush=True)
    sys.stdin.readline()
    print("stopping", flush=True)
"""


def marked(mark: str) -> list[psutil.Process]:
    """Return the processes that were started with this mark, by whomever, and still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MARK") == mark:
                found.append(process)
        except psutil.Error:  # it has just ended, is a zombie, or is none of our business
            continue
    return found


def wait_until(mark: str, *, there: bool) -> None:
    last = time.monotonic() + 30
    while bool(marked(mark)) != there:
        assert time.monotonic() < last, marked(mark)
        time.sleep(0.02)


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("when", ["starting", "in the middle", "stopping"])
def test_nothing_is_left_when_whoever_started_it_is_killed(broker: str, when: str) -> None:
    mark = uuid.uuid4().hex
    with subprocess.Popen(
        [sys.executable, "-c", STARTS, broker, mark],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as starting:  # fmt: skip
        assert starting.stdout
        assert starting.stdin
        folder = Path(starting.stdout.readline().strip())
        wait_until(mark, there=True)
        if when != "starting":
            assert starting.stdout.readline() == "in the middle\n"
        if when == "stopping":
            starting.stdin.write("\n")
            starting.stdin.flush()
            assert starting.stdout.readline() == "stopping\n"
        assert folder.exists()
        starting.kill()
    wait_until(mark, there=False)
    last = time.monotonic() + 30
    while folder.exists():
        assert time.monotonic() < last
        time.sleep(0.02)
