"""What the payments service and its card processor share as programs.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from ...databases import Connections, Database, DatabaseRefused, Schema
from ..http.serving import HOST, listen, settings

BAD_INPUT = 2
"""The exit status for what its user can mend: it begins with one line on stderr."""


GRACE_S = 15
"""How long requests under way have until the end: more than the card processor has."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        """Say what is wrong in one line, without the usage."""
        self.exit(BAD_INPUT, f"{self.prog}: {message}\n")


def arguments(program: str, description: str) -> argparse.ArgumentParser:
    """Return a parser that knows --port and --store."""
    parser = _Parser(prog=f"python -m {program}", description=description, allow_abbrev=False)
    parser.add_argument("--port", type=_port, required=True, help="0 takes a free one")
    parser.add_argument(
        "--store", required=True, metavar="URL", help="sqlite:///FILE or postgresql://…"
    )
    return parser


def run(
    program: str,
    port: int,
    store: str,
    make: Callable[[Connections], Starlette],
    *,
    schemas: tuple[Schema, ...],
) -> int:
    """Serve what ``make`` returns until SIGTERM or Ctrl-C; return the exit status.

    The first line on stdout is the address, printed when it answers there. ``schemas`` are the
    tables that ``make`` makes: nothing is made if any of them is another version's.
    """
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    try:
        listening = listen(port)  # first: if it is taken, no file is made
        connections = Connections(store)
        for schema in schemas:
            schema.check(connections.here())
        app = make(connections)
        check_that_it_can_write(connections.here())
    except (ValueError, OSError, DatabaseRefused) as error:
        print(f"{program}: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    try:
        _Server(app, listening).run(sockets=[listening])
    finally:
        listening.close()
        connections.close()
    return 0


def check_that_it_can_write(database: Database) -> None:
    """Raise DatabaseReadOnly now, and not at the first charge."""
    with database.transaction():
        database.change("DELETE FROM schema_versions WHERE name = ''")


def _end(number: int, frame: object) -> None:
    """Take a signal as a wish. uvicorn finishes what it does, and then passes it on to here."""
    raise SystemExit(0)


class _Server(uvicorn.Server):
    """Prints its address when it is ready."""

    def __init__(self, app: Starlette, listening: socket.socket) -> None:
        super().__init__(settings(app))
        self.config.timeout_graceful_shutdown = GRACE_S
        self._url = f"http://{HOST}:{listening.getsockname()[1]}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say where."""
        await super().startup(sockets)
        if self.started:
            print(self._url, flush=True)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"port is {text!r}; allowed: 0 to 65535")
    return int(text)
