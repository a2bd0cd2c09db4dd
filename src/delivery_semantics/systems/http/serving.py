"""An ASGI application served on this machine's loopback, for as long as a block lasts.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

HOST = "127.0.0.1"
# The book breaks its services on purpose: what they log of it is shown where it is asked for.
logging.getLogger("delivery_semantics").addHandler(logging.NullHandler())


@contextmanager
def serving(app: ASGIApp, *, port: int = 0) -> Iterator[str]:
    """Yield the address at which ``app`` answers, ``http://127.0.0.1:PORT``.

    The server runs in a thread of its own and has stopped when the block ends; ``port`` 0 takes
    a free one. Raises OSError for a port that is taken, RuntimeError if the app does not start.
    """
    listening = listen(port)
    server = uvicorn.Server(settings(app))
    thread = threading.Thread(target=_run, args=(server, listening), daemon=True)
    thread.start()
    try:
        while not server.started:
            thread.join(0.005)
            if not thread.is_alive():
                raise RuntimeError("the application did not start")
        yield f"http://{HOST}:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def listen(port: int) -> socket.socket:
    """Return a socket that a server can take; ``port`` 0 is a free one. Raises OSError."""
    listening = socket.create_server((HOST, port))
    # asyncio does so only for sockets that name their protocol; without it each answer waits
    # some 40 ms for the client to acknowledge its first half.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _run(server: uvicorn.Server, listening: socket.socket) -> None:
    # What uvicorn does when an application fails to start is to end the process.
    with suppress(SystemExit):
        server.run([listening])


def settings(app: ASGIApp) -> uvicorn.Config:
    """Return how every server of this book runs: one strict parser, no log, no extra headers.

    h11 rejects what two parsers could read in two ways, which is how requests are smuggled.
    """
    return uvicorn.Config(
        app, http="h11", ws="none", lifespan="auto", log_config=None, access_log=False,
        server_header=False, date_header=False, timeout_graceful_shutdown=5,
    )  # fmt: skip
