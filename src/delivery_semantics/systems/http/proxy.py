"""A network in the middle that loses exactly what it is told to lose.

A real proxy on loopback: a client talks to it over a socket, and it talks to the service over
another. Whether a request or a reply is lost looks the same to the client, a connection that
ends with no answer; only one of the two leaves an effect behind.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple

from ...core.check import at_least
from .client import NoAnswer, NotSent, Reply, Request, ask, end_to_end
from .serving import HOST

Place = tuple[str, int]
"""("request", 2) is the second request that came, ("reply", 2) the reply to it."""

WAYS = ("request", "reply")
FATES = ("forwarded", "lost", "refused", "missing")
BODY_MAX = 2**20
TIMEOUT_S = 30.0


class Passed(NamedTuple):
    """One request or reply and its ``fate``, one of ``FATES``.

    A request is "refused" where nobody listens at the target; a reply is "missing" where the
    target ended the connection without one. ``key`` is the request's idempotency key,
    ``status`` the reply's, or 0; ``replayed`` whether the reply says that it was given before.
    """

    way: str
    number: int
    fate: str
    line: str
    key: str
    status: int = 0
    replayed: bool = False


class Proxy:
    """Passes requests on to ``target`` (http://HOST:PORT), and the replies back.

    What is in ``lose`` is lost: a request is not forwarded, a reply is discarded, and in both
    cases the client's connection is cut. What is in ``hold`` waits until it is released, for
    ``TIMEOUT_S`` at most; whether it is lost is asked afterwards. ``target`` may be changed at
    any time. ``log`` tells what passed, and ``tell`` is called with each entry. Requests are
    numbered from 1 in the order in which they come. Use it as a context manager.
    Raises ValueError for a place that is none.
    """

    def __init__(
        self,
        target: str,
        *,
        lose: Iterable[Place] = (),
        hold: Iterable[Place] = (),
        tell: Callable[[Passed], object] = lambda passed: None,
    ) -> None:
        self.target = target
        self._lost = {_checked("lose", place) for place in lose}
        self._gates = {_checked("hold", place): _Gate() for place in hold}
        self._tell = tell
        self._lock = threading.Lock()
        self._log: list[Passed] = []
        self._count = 0
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Where the proxy listens, http://HOST:PORT."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    @property
    def log(self) -> tuple[Passed, ...]:
        """What became of each request and reply, in the order in which it was decided."""
        with self._lock:
            return tuple(self._log)

    def lose(self, *places: Place) -> None:
        """Lose these as well. Raises ValueError for a place that is none."""
        self._lost |= {_checked("lose", place) for place in places}

    def wait_for(self, place: Place) -> None:
        """Wait until a request or reply is held at ``place``.

        Raises KeyError if none is to be held there, TimeoutError after ``TIMEOUT_S``.
        """
        if not self._gates[place].arrived.wait(TIMEOUT_S):
            raise TimeoutError(f"nothing came to {place} within {TIMEOUT_S} s")

    def release(self, place: Place) -> None:
        """Let go what is or will be held at ``place``. Raises KeyError for another place."""
        self._gates[place].open.set()

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for gate in self._gates.values():
            gate.open.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()  # waits for what is still under way

    def exchange(self, request: Request) -> Reply | None:
        """Carry out one exchange; None if the client gets no answer."""
        with self._lock:
            self._count += 1
            number = self._count
        line = f"{request.method} {request.path}"
        passing = Passed("request", number, "forwarded", line, request.key)
        if self._loses(("request", number)):
            self._write(passing._replace(fate="lost"))
            return None
        self._write(passing)
        return self._forward(passing, request)

    def _forward(self, passing: Passed, request: Request) -> Reply | None:
        try:
            reply = ask(self.target, request, timeout_s=TIMEOUT_S)
        except NotSent:
            self._write(passing._replace(fate="refused"))
            return None
        except NoAnswer:
            self._write(passing._replace(way="reply", fate="missing"))
            return None
        replayed = reply.header("Idempotent-Replayed") == "true"
        lost = self._loses(("reply", passing.number))
        fate = "lost" if lost else "forwarded"
        self._write(
            passing._replace(way="reply", fate=fate, status=reply.status, replayed=replayed)
        )
        return None if lost else reply

    def _loses(self, place: Place) -> bool:
        if gate := self._gates.get(place):
            gate.arrived.set()
            gate.open.wait(TIMEOUT_S)
        return place in self._lost

    def _write(self, passed: Passed) -> None:
        with self._lock:
            self._log.append(passed)
            self._tell(passed)


class _Gate:
    """Where something is held."""

    def __init__(self) -> None:
        self.arrived, self.open = threading.Event(), threading.Event()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them

    def __init__(self, proxy: Proxy) -> None:
        super().__init__((HOST, 0), _Handler)
        self.proxy = proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing about a client that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            raise


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client, which carries one request."""

    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_S
    server: _Server

    def do_POST(self) -> None:
        """Pass on a request of any method."""
        self.close_connection = True
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            return self.send_error(411)
        if int(length) > BODY_MAX:
            return self.send_error(413)
        body = self.rfile.read(int(length))
        headers = tuple(self.headers.items())
        reply = self.server.proxy.exchange(Request(self.command, self.path, headers, body))
        if reply is not None:
            self._answer(reply)

    do_GET = do_DELETE = do_PUT = do_PATCH = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: the proxy has a log of its own."""

    def _answer(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        for name, value in end_to_end(reply.headers):
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)


def _checked(name: str, place: Place) -> Place:
    way, number = place
    if way not in WAYS:
        raise ValueError(f"{name}: {way!r} is no way; allowed: {', '.join(WAYS)}")
    at_least(f"{name}: number of the {way}", number, 1)
    return place
