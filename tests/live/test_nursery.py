"""Processes are forked in milliseconds, killed for certain, and never left behind."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from multiprocessing.connection import Connection

import pytest

from delivery_semantics.live.nursery import Nursery, fork


def report_and_wait(word: str, pipe: Connection) -> None:
    pipe.send((word, os.getpid()))
    pipe.recv()


def end_with(status: int, pipe: Connection) -> None:
    sys.exit(status)


def do_nothing(pipe: Connection) -> None:
    pass


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_is_a_process_of_its_own_and_gone_when_the_block_ends() -> None:
    with fork(report_and_wait, "hello") as child:
        assert child.pipe.recv() == ("hello", child.pid)
        assert child.pid != os.getpid()
        assert is_there(child.pid)
    assert not is_there(child.pid)


def test_a_child_is_killed_also_when_the_block_raises() -> None:
    with pytest.raises(KeyError), fork(report_and_wait, "hello") as child:
        raise KeyError
    assert not is_there(child.pid)


def test_the_status_says_how_a_child_ended() -> None:
    assert fork(do_nothing).wait() == 0
    assert fork(report_and_wait, "hello").kill() == -signal.SIGKILL
    with fork(end_with, 3) as failed:
        assert failed.wait() == 1


def test_killing_a_child_again_does_nothing_more() -> None:
    child = fork(report_and_wait, "hello")
    assert child.kill() == child.kill() == -signal.SIGKILL


def test_a_child_that_ended_by_itself_can_be_killed() -> None:
    with fork(do_nothing) as child, pytest.raises(EOFError):
        child.pipe.recv()
    assert child.wait() in (0, -signal.SIGKILL)


def test_what_cannot_be_loaded_elsewhere_is_refused_and_the_next_is_forked() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        fork(lambda pipe: None)
    with fork(report_and_wait, "hello") as child:
        assert child.pipe.recv() == ("hello", child.pid)


@pytest.mark.slow
def test_the_end_of_the_nursery_is_the_end_of_its_children() -> None:
    nursery = Nursery()
    child = nursery.fork(report_and_wait, "hello")
    child.pipe.recv()
    nursery.close()
    assert child.pipe.poll(60)
    with pytest.raises(EOFError):
        child.pipe.recv()
    child.pipe.close()


ORPHANING = """
import os, signal
from tests_of_nursery import report_and_wait
from delivery_semantics.live.nursery import fork
child = fork(report_and_wait, "hello")
print(child.pipe.recv()[0], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_nothing_outlives_the_process_that_forked_it_even_a_killed_one() -> None:
    script = ORPHANING.replace("tests_of_nursery", __name__)
    # Everybody inherits the pipe, so it ends with the last of them.
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("hello\n", -signal.SIGKILL)


@pytest.mark.slow
def test_a_function_of_the_program_itself_is_refused_with_the_reason() -> None:
    script = """
from delivery_semantics.live.nursery import fork
def mine(pipe): pass
try:
    fork(mine)
except RuntimeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "cannot fork <function mine" in done.stdout
    assert "AttributeError" in done.stdout
    assert done.stderr == ""
