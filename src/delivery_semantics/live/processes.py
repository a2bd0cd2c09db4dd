"""Receivers in processes of their own, which can be killed at any step of a run.

Theory of operation. ``Processes`` is a carrier: a script, a seed or a search's counterexample
drives the run as always, and the receivers' handlers run elsewhere. A process announces each
effect before it carries it out, and each statement within a transaction, and stands still
until it is told to go on. So a crash is a SIGKILL that falls exactly there; and a restart is a
new process, which finds what the database has kept.

The world of the run is the model beside the real thing. Both take every step, and at each they
must stand at the same effect, get the same answer, and send the same packet.

Book: 07-deduplication
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing

from ..core.effects import Answer, Effect, Handler, Participant, Payload, Send
from ..core.tasks import Origin, Running, Task
from ..core.trace import Trace
from ..core.world import WAITING, Packet
from ..databases import DatabaseRefused, connect, file_of
from ..databases.disk import DatabaseStore
from .receiver import HOST, serve_announcing
from .standing import TIMEOUT_S, Died, Standing
from .wire import BYTES_MAX, decode, encode


class Divergence(AssertionError):
    """A process did not do what the model did."""


class Processes:
    """Carries some participants in processes: ``script(participants, …, carry=processes)``.

    ``stores`` gives each of them the URL of its database, which is to be empty; it decides
    who runs in a process. They may answer, and send to others when something arrives; they may
    not wait. ``kills`` counts those that were killed at a crash. Every process has ended when
    the block ends. ``synchronous`` is as for ``connect``: what a kill leaves is the same for
    all three.
    Raises ValueError for a store of nobody, or a URL of another form.
    """

    def __init__(
        self, participants: Mapping[str, Participant], stores: Mapping[str, str], *,
        synchronous: str = "OFF",
    ) -> None:  # fmt: skip
        for who, url in stores.items():
            if who not in participants:
                allowed = ", ".join(participants)
                raise ValueError(f"stores: {who!r} is no participant; allowed: {allowed}")
            file_of(url)  # for its check
        self.kills = 0
        self._stores = dict(stores)
        self._receivers = {
            who: _Receiver(who, participants[who], (*participants,), url, synchronous)
            for who, url in stores.items()
        }

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *error: object) -> None:
        for receiver in self._receivers.values():
            receiver.kill()
            receiver.own.close()

    def pid(self, who: str) -> int:
        """Return the number of the process in which ``who`` is; 0 while it is down."""
        process = self._receivers[who].process
        return process.pid if process else 0

    # As a carrier ---------------------------------------------------------------------

    def begin(self, origin: Origin, handler: Callable[[], Handler]) -> Task:
        """Begin a handler: in the participant's process, or here if it has none."""
        receiver = self._receivers.get(origin[0])
        if receiver is None:
            return Running(handler())
        if len(origin) == 2:
            receiver.start()
            return receiver.began(Running(handler()))
        _, source, payload = origin
        if isinstance(payload, str):
            raise ValueError(f"{origin[0]} has a timer; allowed in a process: to answer")
        receiver.deliver(source, payload)
        return _Beside(handler(), receiver)

    def crash(self, who: str) -> None:
        """Kill the process of ``who``, wherever it stands."""
        if who in self._receivers:
            self._receivers[who].kill()
            self.kills += 1

    def enter(self, who: str, statements: int) -> str:
        """Let ``who`` go on within its transaction until it stands before this statement.

        The first is 1. Returns what the statement is, or "" if the effect at which it stood
        has fewer. Either way it has left the model behind: crash it next, or end the run.
        """
        what = ""
        for _ in range(statements):
            what = self._receivers[who].enter()
            if not what:
                break
        return what

    # The audit ------------------------------------------------------------------------

    def money(self) -> int:
        """Return what was processed, in all, by the word of the databases."""
        return sum(disk.money() for _, disk in self._disks())

    def marked(self) -> frozenset[str]:
        """Return the ids that are marked, by the word of the databases."""
        return frozenset[str]().union(*(disk.marked() for _, disk in self._disks()))

    def check(self, trace: Trace) -> None:
        """Raise Divergence unless the databases hold what this trace of the run says."""
        for url, disk in self._disks():
            users = [who for who, store in self._stores.items() if store == url]
            found = disk.processed(), disk.marked()
            expected = _ids(trace, "processed", users), frozenset(_ids(trace, "marked", users))
            if found != expected:
                raise Divergence(f"the database holds {found}, the run says {expected}")

    def _disks(self) -> Iterator[tuple[str, DatabaseStore]]:
        for url in dict.fromkeys(self._stores.values()):
            with closing(connect(url)) as database:
                yield url, DatabaseStore(database)


def _ids(trace: Trace, what: str, users: list[str]) -> Counter[str]:
    return Counter(e.payload.id for e in trace.of(what) if e.payload and e.who in users)


class _Receiver:
    """One participant's process, and the next one after it was killed."""

    def __init__(
        self, who: str, participant: Participant, others: tuple[str, ...], store: str,
        synchronous: str,
    ) -> None:  # fmt: skip
        self._arguments = (who, participant, others, store, synchronous)
        self._who, self._on_sqlite = who, file_of(store) is not None
        self.process: Standing | None = None
        self.own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.own.bind((HOST, 0))
        self.own.settimeout(TIMEOUT_S)
        self._port = self._delivered = 0

    def start(self) -> None:
        self.kill()  # if an earlier run has left one
        # A process of SQLite's needs no client of PostgreSQL's, which takes a while to load.
        load = () if self._on_sqlite else ("delivery_semantics.databases.postgres",)
        self.process = Standing(serve_announcing, *self._arguments, load=load)
        kind, word = self._hear()
        if kind != "ready":
            raise DatabaseRefused(str(word))
        self._port = int(str(word))

    def began(self, task: Running) -> Running:
        """Return the model's task after a start, at which there is nothing to do."""
        if task.effect is not None:
            raise ValueError(
                f"{self._who} begins with {task.effect}; allowed in a process: to answer"
            )
        self.check_standing(None)
        return task

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
        self.process = None

    def deliver(self, source: str, payload: Payload) -> None:
        self._delivered += 1
        packet = Packet(self._delivered, source, self._who, payload)
        self.own.sendto(encode(packet), (HOST, self._port))

    def enter(self) -> str:
        kind, what = self._hear()
        return str(what) if kind == "within" else ""

    def check_standing(self, effect: Effect | None) -> None:
        if type(effect) in WAITING:
            raise ValueError(f"{self._who} waits: {effect}; allowed in a process: to answer")
        heard = self._hear()
        if heard != ("stands", effect):
            raise Divergence(f"the process {heard}, the model stands at {effect}")

    def check_done(self, effect: Effect | None, answer: Answer) -> None:
        """Let the process carry out the effect at which it stands."""
        while (heard := self._hear())[0] == "within":
            pass
        if heard != ("answered", answer):
            raise Divergence(f"the process {heard}, the model answered {answer}")
        if isinstance(effect, Send):
            _, source, target, payload = decode(self.own.recv(BYTES_MAX))
            if (source, target, payload) != (self._who, effect.to, effect.payload):
                raise Divergence(f"the process sent {payload} to {target}, the model {effect}")

    def _hear(self) -> tuple[str, object]:
        """Let the process go on, if it stands, and return what it says next."""
        assert self.process is not None
        try:
            heard: tuple[str, object] = self.process.next()
        except (Died, TimeoutError) as error:
            raise Divergence(str(error)) from error
        return heard


class _Beside(Running):
    """The model of a handler, beside the process that runs it."""

    __slots__ = ("_receiver",)

    def __init__(self, handler: Handler, receiver: _Receiver) -> None:
        super().__init__(handler)
        self._receiver = receiver
        receiver.check_standing(self.effect)

    def resume(self, answer: Answer) -> Running:
        """Let the process carry out the effect, and go on."""
        self._receiver.check_done(self.effect, answer)
        super().resume(answer)
        self._receiver.check_standing(self.effect)
        return self
