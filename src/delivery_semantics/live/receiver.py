"""A receiver as a program of its own: a socket, a database, and the code of the simulation.

    python -m delivery_semantics.live.receiver --receiver ProcessOnce --store sqlite:///FILE

It prints its address and then answers messages, one datagram each as ``wire`` writes them,
until it is ended. The handlers, the meaning of their effects and the steps are those of every
other run; only the disk is a database and the network is the kernel's. What it cannot carry
out it does not answer, so that the sender asks again.

Book: 07-deduplication
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

from ..core.effects import Answer, Handler, Participant, Passive
from ..core.perform import boot, deliver, work
from ..core.tasks import Generators, Origin, Running, Task, running
from ..core.world import Packet, World
from ..databases import (
    DatabaseFull, DatabaseReadOnly, DatabaseRefused, DatabaseUnreachable, connect,
)  # fmt: skip
from ..databases.disk import DatabaseStore
from ..participants import receivers
from .standing import Announcer, Terminal
from .wire import BYTES_MAX, decode, encode

HOST = "127.0.0.1"
RECEIVERS: dict[str, Callable[[], Participant]] = {
    **receivers.RECEIVERS, "HighWaterMark": receivers.HighWaterMark,
}  # fmt: skip
"""The receivers that the program can be, by their names."""

FATAL = (DatabaseFull, DatabaseReadOnly, DatabaseUnreachable)


def serve(
    who: str, participant: Participant, store: str, own: socket.socket,
    ready: Callable[[], None], *, others: Iterable[str] = (), synchronous: str = "FULL",
    announcing: Announcing | None = None,
) -> None:  # fmt: skip
    """Answer what comes to the socket ``own``, for ever; replies go to where it came from.

    So does what is sent to one of ``others`` of whom nothing has come yet: whoever brings the
    packets is the network.

    ``ready`` is called when it can answer; ``store`` and ``synchronous`` are as for
    ``connect``. A datagram that is no packet for ``who`` is ignored. With ``announcing`` it
    stands at each effect, and what it cannot carry out ends it.
    Raises ValueError for a store's URL of another form, and DatabaseRefused if it is not to be
    used.
    """
    participants = {who: participant}
    with closing(connect(store, synchronous=synchronous)) as database:
        disk = DatabaseStore(database, announcing.within if announcing else None)
        ready()
        world = boot(participants, disks={who: disk}, carry=announcing or running)
        work(world, who)
        participants |= {name: Passive() for name in others if name != who}
        for number in _arriving(own, world, participants, who):
            try:
                deliver(world, number)
                work(world, who)
            except (TypeError, ValueError, OverflowError, DatabaseRefused) as error:
                if isinstance(error, FATAL) or announcing:
                    raise
                world.tasks[who] = None
                print(f"not answered: {error}", file=sys.stderr, flush=True)


def _arriving(
    own: socket.socket, world: World, participants: dict[str, Participant], who: str
) -> Iterator[int]:
    """Put each packet for ``who`` into the world and yield its number; send what is sent."""
    addresses: dict[str, Any] = {}
    address: Any = None

    def send(packet: Packet) -> None:
        del world.packets[packet.number]
        own.sendto(encode(packet), addresses.get(packet.target, address))

    world.on_sent = send
    while True:
        datagram, address = own.recvfrom(BYTES_MAX)
        packet = _packet(datagram)
        if packet is not None and packet.target == who:
            participants.setdefault(packet.source, Passive())
            addresses[packet.source] = address
            world.packets[packet.number] = packet
            yield packet.number


def _packet(datagram: bytes) -> Packet | None:
    try:
        return decode(datagram)
    except ValueError:
        return None


# One that stands still at each effect ------------------------------------------------------


class Announcing(Generators):
    """Carries handlers that announce each effect, and stand there.

    The words are ("stands", effect), with None at a handler's end, ("within", statement), and
    ("answered", answer). At an effect and at a statement it waits for word to go on.
    """

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer

    def begin(self, origin: Origin, handler: Callable[[], Handler]) -> Task:
        """Begin a handler, and stand at its first effect."""
        return _Announced(handler(), self._announcer)

    def within(self, statement: str) -> None:
        """Stand before a statement of a transaction."""
        self._announcer.stand(("within", statement))


class _Announced(Running):
    __slots__ = ("_announcer",)

    def __init__(self, handler: Handler, announcer: Announcer) -> None:
        super().__init__(handler)
        self._announcer = announcer
        self._stand()

    def resume(self, answer: Answer) -> Running:
        """Say what was answered, go on, and announce where it stands."""
        self._announcer.say(("answered", answer))
        super().resume(answer)
        self._stand()
        return self

    def _stand(self) -> None:
        tell = self._announcer.say if self.effect is None else self._announcer.stand
        tell(("stands", self.effect))


def serve_announcing(
    who: str, participant: Participant, others: tuple[str, ...], store: str, synchronous: str,
    announcer: Announcer,
) -> None:  # fmt: skip
    """Serve on a free port, and announce each effect.

    Before all else it says ("ready", port), or ("refused", why) and ends.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind((HOST, 0))
        ready = partial(announcer.say, ("ready", own.getsockname()[1]))
        try:
            serve(
                who, participant, store, own, ready,
                others=others, synchronous=synchronous, announcing=Announcing(announcer),
            )  # fmt: skip
        except DatabaseRefused as error:
            announcer.say(("refused", str(error)))


def as_json(word: tuple[str, object]) -> str:
    """Return a word as a line of JSON."""
    kind, what = word
    known = what is None or isinstance(what, bool | int | str)
    return json.dumps({kind: what if known else repr(what)})


# As a program ------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit status: 0 when ended, 2 for what it cannot work with."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    announcing = Announcing(Announcer(Terminal(as_json))) if asked.announce else None
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.bind((HOST, asked.port))
            address = f"{HOST}:{own.getsockname()[1]}"
            ready = partial(print, address, flush=True)
            receiver = RECEIVERS[asked.receiver]()
            serve(asked.name, receiver, asked.store, own, ready, announcing=announcing)
    except (ValueError, OverflowError, OSError, DatabaseRefused) as error:
        print(f"receiver_process: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="receiver_process", description=str(__doc__).partition("\n")[0]
    )
    add = parser.add_argument
    add("--receiver", required=True, choices=RECEIVERS, metavar="RECEIVER",
        help=f"one of {', '.join(RECEIVERS)}")  # fmt: skip
    add("--store", required=True, help="sqlite:///FILE or postgresql://…")
    add("--name", default="receiver", help="to whom packets are addressed")
    add("--port", type=int, default=0, help="0, the default, takes a free one")
    add("--announce", action="store_true",
        help="stand still at each effect, until a line comes in")  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
