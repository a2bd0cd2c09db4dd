"""A server in a thread of its own, for the tests that ask one from outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import TCPServer


@contextmanager
def threaded(server: TCPServer, path: str = "/") -> Iterator[str]:
    """Serve until the block ends; yield the URL of the path."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}{path}"
        finally:
            server.shutdown()
            thread.join()
