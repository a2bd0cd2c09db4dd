"""A network in the middle that loses, holds or cuts exactly the frames it is told to.

A real TCP proxy on loopback: a client talks to it over a socket, and it talks to the target
over another. What it passes on are bytes, unchanged. Where they begin and end to mean something
is a protocol's business: its `Framing` splits them, and names each frame, such as ("reply", 2).

Each direction of a connection has a thread, which reads only what it can pass on: a slow reader
slows the writer, and no more than one piece is in memory.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Generic, Self
from urllib.parse import urlsplit

from .frames import DOWN, UP, BadFrame, F, FrameName, Framing
from .gate import Gate
from .server import HOST

PIECE_BYTES = 2**16
CONNECT_S = 30.0
GRACE_S = 5.0
"""How long the end of the block waits for what is under way."""


class Cut(Generic[F]):
    """Passes on what comes to ``address`` to ``target`` (HOST:PORT), and back.

    Of a frame in ``lose`` nothing passes, and the connection goes on. Of one in ``cut`` as many
    bytes pass as stand there, and with its end both connections end. One in ``hold`` waits
    until it is released; what becomes of it is asked afterwards. ``target`` counts for
    connections that are not yet made. ``tell`` is called with each frame and its fate before
    anything of it passes: "forwarded", "lost", "cut"; "refused" where nobody listens at the
    target, and "missing" for what is awaited when the target ends the connection.
    """

    def __init__(
        self,
        target: str,
        framing: Callable[[], Framing[F]],
        *,
        lose: Iterable[FrameName] = (),
        cut: Mapping[FrameName, int] | None = None,
        hold: Iterable[FrameName] = (),
        tell: Callable[[F, str], object] = lambda frame, fate: None,
    ) -> None:
        self.target = target
        self.framing = framing
        self._passing = dict.fromkeys(lose, (0, False))
        self._passing |= {name: (count, True) for name, count in (cut or {}).items()}
        self._gates = {name: Gate(str(name)) for name in hold}
        self._tell = tell
        self.changed = threading.Condition()
        self._connections: list[_Connection[F]] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._closing = False

    def wait_for(self, name: FrameName) -> None:
        """Wait until this frame is held. Raises KeyError if it is not to be, TimeoutError."""
        self._gates[name].wait()

    def release(self, name: FrameName) -> None:
        """Let this frame go on, now or when it comes. Raises KeyError if none is held so."""
        self._gates[name].open()

    def cut(self, name: FrameName, after_bytes: int = 0) -> None:
        """Cut the connection in this frame as well."""
        self._passing[name] = (after_bytes, True)

    def cut_all(self) -> None:
        """Cut every connection that there is now; who connects again is passed on."""
        for connection in self._connections:
            connection.end()

    def decide(self, frame: F) -> tuple[int | None, bool]:
        """Return how many bytes of a frame pass, None for all, and whether it is the last."""
        if gate := self._gates.get(frame.name):
            with suppress(TimeoutError):
                gate.enter()
        passing, cuts = self._passing.get(frame.name, (None, False))
        self.tell(frame, {None: "forwarded", 0: "lost"}.get(passing, "cut"))
        return passing, cuts

    def tell(self, frame: F, fate: str) -> None:
        """Tell one thing after the other."""
        with self.changed:
            self._tell(frame, fate)

    def __enter__(self) -> Self:
        self._listening = socket.create_server((HOST, 0))
        self.address = f"{HOST}:{self._listening.getsockname()[1]}"
        self._accepting.start()
        return self

    def __exit__(self, *error: object) -> None:
        for gate in self._gates.values():
            gate.open()
        self._closing = True
        socket.create_connection(self._listening.getsockname()).close()  # wakes who accepts
        self._accepting.join()
        self._listening.close()
        with self.changed:
            self.changed.wait_for(lambda: all(c.idle for c in self._connections), GRACE_S)
        for connection in self._connections:
            connection.end()
        for connection in self._connections:
            connection.join()

    def _accept(self) -> None:
        while True:
            client, _ = self._listening.accept()
            self._connections = [c for c in self._connections if c.is_alive()]
            if self._closing:
                client.close()
                return
            self._connections.append(_Connection(self, client))
            self._connections[-1].start()


class _Connection(threading.Thread, Generic[F]):
    """A client's connection and ours to the target; this thread reads what the client sends."""

    def __init__(self, cut: Cut[F], client: socket.socket) -> None:
        super().__init__(daemon=True)
        self._cut, self._framing = cut, cut.framing()
        self._to = {DOWN: _at_once(client)}
        self._under_way = {UP: False, DOWN: False}
        self._back = threading.Thread(target=self._run_back, daemon=True)
        self._ended = False

    @property
    def idle(self) -> bool:
        """Whether no frame is under way, and none awaited."""
        return self._ended or not (any(self._under_way.values()) or self._framing.awaited)

    def run(self) -> None:
        """Pass on what the client sends, until both directions have ended."""
        try:
            self._pass_on(UP, self._to[DOWN])
            self._client_has_ended()
        except BadFrame as bad:
            self._refuse(bad.answer)
        if UP in self._to:
            self._back.join()
        for one in self._to.values():
            one.close()

    def end(self) -> None:
        """End both connections, so that nobody waits for them any more."""
        with self._cut.changed:
            self._ended = True
            self._cut.changed.notify_all()
        for one in list(self._to.values()):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, way: str, source: socket.socket) -> None:
        passing, cuts = None, False
        data = b"begin"
        while data and not self._ended:
            data = _received(source)
            for piece in self._framing.split(way, data):
                if piece.frame is not None:
                    self._under_way[way] = True
                    passing, cuts = self._cut.decide(piece.frame)
                self._send(way, piece.data[:passing], piece.frame)
                passing = passing and max(0, passing - len(piece.data))
                if piece.ends:
                    self._frame_has_ended(way, cuts)
                    if cuts:
                        return
                    passing = None

    def _send(self, way: str, data: bytes, frame: F | None) -> None:
        if not data or self._ended or not (way in self._to or self._connect(frame)):
            return
        with suppress(OSError):  # whoever reads from there finds out as well
            self._to[way].sendall(data)

    def _connect(self, frame: F | None) -> bool:
        place = urlsplit(f"//{self._cut.target.removeprefix('http://')}")
        try:
            made = socket.create_connection((place.hostname, place.port), CONNECT_S)
        except OSError:
            if frame is not None:
                self._cut.tell(frame, "refused")
            self.end()
            return False
        made.settimeout(None)
        self._to[UP] = _at_once(made)
        self._back.start()
        return True

    def _frame_has_ended(self, way: str, cuts: bool) -> None:
        with self._cut.changed:
            self._under_way[way] = False
            self._cut.changed.notify_all()
        if cuts:
            self.end()

    def _run_back(self) -> None:
        with suppress(BadFrame):
            self._pass_on(DOWN, self._to[UP])
        if not self._ended:
            for frame in self._framing.awaited:
                self._cut.tell(frame, "missing")
        self.end()

    def _client_has_ended(self) -> None:
        """Let what it asked for come: not every server answers who has closed half."""
        with self._cut.changed:
            if not self._under_way[UP] and UP in self._to:
                self._cut.changed.wait_for(lambda: self.idle)
        if self._under_way[UP] or UP not in self._to:
            self.end()
        else:
            with suppress(OSError):
                self._to[UP].shutdown(socket.SHUT_WR)

    def _refuse(self, answer: bytes) -> None:
        with suppress(OSError):
            self._to[DOWN].sendall(answer)
            self._to[DOWN].shutdown(socket.SHUT_WR)
            while _received(self._to[DOWN]):
                pass  # a connection closed with something unread would take the answer along
        self.end()


def _received(source: socket.socket) -> bytes:
    """Return the next bytes; none at the end of the stream, however it came."""
    try:
        return source.recv(PIECE_BYTES)
    except OSError:
        return b""


def _at_once(connection: socket.socket) -> socket.socket:
    """Have it send small pieces without waiting for the other side to acknowledge others."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
