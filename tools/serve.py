"""Serve a built book on this machine's loopback, compressed as a public host does.

python tools/serve.py [--port 8000] [FOLDER]
"""

from __future__ import annotations

import argparse
import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMPRESSED = {".css", ".html", ".ipynb", ".js", ".json", ".md", ".svg", ".txt"}


class CompressingHandler(SimpleHTTPRequestHandler):
    """Files of one folder; what consists of text is sent with gzip."""

    protocol_version = "HTTP/1.1"
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".ipynb": "application/json",
        ".woff2": "font/woff2",
    }

    def do_GET(self) -> None:
        """Answer with a file, a folder's index.html, or 404."""
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = path.read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Cache-Control", "no-cache")
        if path.suffix in COMPRESSED:
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the reader asked for pages, not for a log."""


class Server(ThreadingHTTPServer):
    """One thread for each connection, none of which keeps the program alive."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A reader who closes the tab in the middle of a page is no error."""


@contextmanager
def serving(
    folder: Path, *, port: int = 0, handler: type[CompressingHandler] = CompressingHandler
) -> Iterator[str]:
    """Serve ``folder`` while the block runs; yields the address. Port 0 takes a free one."""
    with Server(("127.0.0.1", port), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Serve a built book on the loopback.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("_build/html"))
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt), serving(arguments.folder, port=arguments.port) as address:
        print(f"The book is at {address} (Ctrl-C ends it)", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
