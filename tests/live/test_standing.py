"""A process stands where it says, is killed exactly there, and is never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from delivery_semantics.databases import connect
from delivery_semantics.live import fork_server, standing
from delivery_semantics.live.standing import Announcer, Died, Standing


def write_two(path: Path, announcer: Announcer) -> None:
    announcer.say("begins")
    for line in ("first", "second"):
        announcer.stand(line)
        with path.open("a") as file:
            file.write(f"{line}\n")
    announcer.say("done")


def insert(url: str, announcer: Announcer) -> None:
    with closing(connect(url)) as database, database.transaction():
        database.change("INSERT INTO rows_here VALUES (1)")
        announcer.stand("inserted")
    announcer.stand("committed")


def stand(announcer: Announcer) -> None:
    announcer.stand(os.getpid())


def run_for_ever(announcer: Announcer) -> None:
    announcer.say("runs")
    while True:
        signal.pause()


def stand_in_threads(announcer: Announcer) -> None:
    threads = [threading.Thread(target=announcer.stand, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    announcer.say("all went on")


def load(name: str, announcer: Announcer) -> None:
    module = __import__(name)
    announcer.say((module.loaded_in, os.getpid(), os.getcwd()))


def raise_error(announcer: Announcer) -> None:
    raise KeyError("a reason")


def do_nothing(announcer: Announcer) -> None:
    pass


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # a zombie is there, too
    except ProcessLookupError:
        return False
    return True


def state(pid: int) -> str:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], stdout=subprocess.PIPE)
    return found.stdout.decode()[:1]


# Standing, going on, being killed


def test_a_process_stands_still_where_it_says_until_it_is_told_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    with Standing(write_two, path) as process:
        assert process.next() == "begins"
        assert process.next() == "first"
        assert not path.exists()
        assert process.next() == "second"
        assert path.read_text() == "first\n"
        assert process.next() == "done"
        assert path.read_text() == "first\nsecond\n"


def test_it_is_a_process_of_its_own_and_gone_when_the_block_ends() -> None:
    with Standing(stand) as process:
        assert process.next() == process.pid != os.getpid()
        assert is_there(process.pid)
    assert not is_there(process.pid)


def test_it_is_gone_as_well_when_the_block_raises() -> None:
    with pytest.raises(KeyError), Standing(stand) as process:
        raise KeyError
    assert not is_there(process.pid)


def test_it_is_killed_by_a_signal_that_nothing_can_catch_and_once() -> None:
    process = Standing(stand)
    assert process.kill() == process.kill() == -signal.SIGKILL


def test_what_is_killed_within_its_transaction_leaves_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/rows"
    with closing(connect(url)) as database:
        database.change("CREATE TABLE rows_here (number INTEGER)")
        for last, rows in (("inserted", 0), ("committed", 1)):
            with Standing(insert, url) as process:
                while process.next() != last:
                    pass
            assert database.rows("SELECT count(*) FROM rows_here") == [(rows,)]


def test_threads_stand_one_at_a_time() -> None:
    with Standing(stand_in_threads) as process:
        assert {process.next() for _ in range(3)} == {0, 1, 2}
        assert process.next() == "all went on"


def test_a_paused_process_is_stopped_and_goes_on_afterwards() -> None:
    with Standing(run_for_ever) as process, Standing(stand) as other:
        for each in (process, other):
            each.next()
            for _ in range(2):
                each.pause()
                assert state(each.pid) == "T"
            for _ in range(2):
                each.resume()
                assert state(each.pid) != "T"
        process.pause()
        with pytest.raises(Died):
            other.next()
    assert not is_there(process.pid)


def test_a_process_that_is_not_there_any_more_is_neither_paused_nor_killed() -> None:
    with Standing(do_nothing) as process:
        with pytest.raises(Died):
            process.next()
        status = process.kill()
        process.pause()
        process.resume()
        assert process.kill() == status


# What goes wrong in it


def test_a_process_that_ends_by_itself_says_why() -> None:
    with Standing(raise_error) as process:
        with pytest.raises(Died, match="ended by itself: KeyError: 'a reason'") as caught:
            process.next()
        assert "in raise_error" in "".join(caught.value.__notes__)
        assert not is_there(process.pid)
    with Standing(do_nothing) as process, pytest.raises(Died, match=r"ended by itself$"):
        process.next()


def test_a_process_that_says_nothing_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    with Standing(run_for_ever) as process:
        process.next()
        monkeypatch.setattr(standing, "TIMEOUT_S", 0)
        with pytest.raises(TimeoutError, match="said nothing for 0 s"):
            process.next()
        assert not is_there(process.pid)
        with pytest.raises(Died):
            process.next()


@pytest.mark.parametrize(
    ("run", "argument", "why"),
    [
        (lambda announcer: None, "", "lambda"),
        (stand, threading.Lock(), "pickle '_thread.lock'"),
    ],
)
def test_what_cannot_be_pickled_is_refused_with_the_reason(
    run: Callable[..., object], argument: object, why: str
) -> None:
    allowed = "a function of a module, with arguments that can be pickled"
    with pytest.raises(ValueError, match=rf"run is .*; allowed: {allowed}; .*{why}"):
        Standing(run, argument)


# The fork server


def test_a_module_is_loaded_once_for_all_and_found_where_the_starter_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Standing(stand):
        pass  # so that the fork server is there before the path changes
    (tmp_path / "slow_to_load.py").write_text("import os\nloaded_in = os.getpid()\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    seen = []
    for _ in range(2):
        with Standing(load, "slow_to_load", load=("slow_to_load", "not_there")) as process:
            seen.append(process.next())
    [(loaded_in, pid, folder), (again_in, _, _)] = seen
    assert loaded_in == again_in != pid
    assert folder == str(tmp_path.resolve())


def test_a_fork_server_that_was_killed_is_started_again_and_its_processes_can_be_killed() -> (
    None
):
    with Standing(stand) as orphan, Standing(run_for_ever) as other, Standing(stand) as paused:
        for each in (orphan, other, paused):
            each.next()
        paused.pause()
        server = fork_server.running().process
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        with Standing(stand) as process:
            assert process.next() == process.pid
        assert fork_server.running().process.pid != server.pid
        with pytest.raises(Died):
            orphan.next()


def test_a_module_that_ends_the_fork_server_is_an_error_and_the_next_use_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deadly.py").write_text("import os\nos._exit(1)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="the fork server has ended"):
        Standing(stand, load=("deadly",))
    with Standing(stand) as process:
        assert process.next() == process.pid


# Those who start it

STARTER = f"""
import os, signal, sys
from {__name__} import run_for_ever, stand
from delivery_semantics.live.standing import Died, Standing
process, other = Standing(stand), Standing(run_for_ever)
process.next(), other.next()
print("started", flush=True)
"""
ENDS = {
    "returns": ("", 0),
    "raises": ("raise SystemExit(3)", 3),
    "is killed": ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    "is killed, they are paused": (
        "process.pause(); other.pause(); os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL
    ),
}  # fmt: skip


def start(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a starter; what it printed ends with the last process that it has left behind."""
    return subprocess.run(
        [sys.executable, *options, "-c", script], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, start_new_session=True,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
def test_nothing_outlives_the_starter_however_it_ends(end: str) -> None:
    script, status = ENDS[end]
    done = start(STARTER + script, "-W", "error")
    assert (done.stdout, done.stderr, done.returncode) == ("started\n", "", status)


@pytest.mark.slow
def test_ctrl_c_is_for_the_starter() -> None:
    script = """
signal.signal(signal.SIGINT, signal.default_int_handler)  # else ignored after `make &`
try:
    os.killpg(0, signal.SIGINT)
    while True:  # another thread may be the one that is interrupted: a pause would not end
        pass
except KeyboardInterrupt:
    print("interrupted")
with process, other:
    try:
        process.next()
    except Died as error:
        print(error)
    print(-other.kill())
"""
    done = start(STARTER + script)
    said = ["started", "interrupted", "the process ended by itself", str(int(signal.SIGKILL))]
    assert (done.stdout.splitlines(), done.stderr) == (said, "")


@pytest.mark.slow
def test_a_function_of_the_program_itself_is_refused_and_the_program_not_run_again() -> None:
    script = """
from delivery_semantics.live.standing import Standing
print("begins", flush=True)
def mine(announcer): pass
try:
    Standing(mine)
except ValueError as error:
    print(error)
"""
    done = start(script)
    begins, refused = done.stdout.splitlines()
    assert (begins, done.stderr) == ("begins", "")
    assert refused.startswith("run is <function mine")
    assert "AttributeError: Can't get attribute 'mine'" in refused


TERMINAL = f"""
from pathlib import Path
from {__name__} import write_two
from delivery_semantics.live.standing import Announcer, Terminal
write_two(Path("/dev/null"), Announcer(Terminal(str.upper)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lines", "said", "status"),
    [("\n\n", "BEGINS\nFIRST\nSECOND\nDONE\n", 0), ("\n", "BEGINS\nFIRST\nSECOND\n", 1)],
)
def test_somebody_at_a_terminal_gives_the_word_to_go_on(
    lines: str, said: str, status: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TERMINAL], input=lines, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (done.stdout, done.returncode, done.stderr) == (said, status, "")
