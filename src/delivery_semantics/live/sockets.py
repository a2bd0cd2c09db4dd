"""Reality chooses: the same participants over real UDP sockets on this machine.

Nothing but the time and the road of a packet differs from ``simulate``. The network's faults
are put in when a packet is sent: a lost one is not sent, a delayed one is sent later, a
duplicated one twice. What is sent crosses the kernel as bytes, to a socket that is closed while
its participant is down. The kernel may delay, reorder or drop datagrams as well: one seed need
not give one run, but every run is one of those that ``explore`` finds.

Book: 02-delivery-semantics
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import NoneType
from typing import Any, ParamSpec, TypeVar

from ..core.check import of_type, positive
from ..core.crashes import Crashes
from ..core.driver import Action, Driver
from ..core.effects import Participant
from ..core.network import Network
from ..core.perform import boot, end, lose
from ..core.simulate import HINT, UnboundedRun
from ..core.tasks import Carrier
from ..core.trace import Event, Trace
from ..core.world import Packet, World
from .wire import decode, encode, learn

HOST = "127.0.0.1"

WIRE_S_MAX = 1.0
"""A datagram that the kernel has kept for this long will not come any more."""

P = ParamSpec("P")
T = TypeVar("T")


async def live(
    participants: Mapping[str, Participant],
    network: Network | None = None,
    *,
    seed: int = 1,
    time_scale: float = 0.05,
    crashes: Crashes = (),
    early_timeouts: float = 0.0,
    wall_s_max: float = 30.0,
    stores: Mapping[str, str] | None = None,
    record: Callable[[Event], None] | None = None,
    on_open: Callable[[dict[str, int]], None] | None = None,
    carry: Carrier | None = None,
) -> Trace:
    """Run until nothing more can happen, and return the trace; parameters as for ``simulate``.

    A second of the participants and of the trace takes ``time_scale`` seconds of real time.
    ``on_open`` is given the UDP port of each participant; change one, and packets for it go
    there instead, say to a proxy of yours. What is no packet on its way is noted as ignored.
    The event loop must be able to watch sockets, as asyncio's selector loop is.
    Raises ValueError for bad parameters, UnboundedRun beyond ``wall_s_max`` real seconds.
    """
    for name, value in (("time_scale", time_scale), ("wall_s_max", wall_s_max)):
        positive(name, value)
    events: list[Event] = []
    of_type("on_open", on_open, Callable, NoneType, allowed="a function of ports, or None")
    record = events.append if record is None else record
    world = boot(participants, stores=stores, record=record, carry=carry)
    network = Network() if network is None else network
    run = _Run(world, network, time_scale, seed, crashes, early_timeouts)
    await run.to_the_end(wall_s_max, on_open)
    return end(world, events)


def _blocking(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Return ``function`` for callers that do not await."""

    @functools.wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> T:
        def finish() -> T:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                return runner.run(function(*arguments, **options))

        # In a thread of its own, because a notebook's thread has an event loop running already.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(finish).result()

    return call


run_live = _blocking(live)


class _Run:
    """The event loop keeps the plans, and each participant that is up has a socket."""

    def __init__(
        self, world: World, network: Network, time_scale: float, seed: int,
        crashes: Crashes, early_timeouts: float,
    ) -> None:  # fmt: skip
        self._world, self._time_scale = world, time_scale
        self._driver = Driver(
            world, network, self._plan, seed=seed, crashes=crashes,
            early_timeouts=early_timeouts, transmit=self._transmit,
        )  # fmt: skip
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._plans: dict[int, asyncio.TimerHandle] = {}
        self._serial = 0
        self._ports = dict.fromkeys(world.participants, 0)  # where packets go
        self._bound: dict[str, int] = {}
        self._sockets: dict[str, socket.socket] = {}
        # Packets leave from here whose source went down while the network held them.
        self._spare = _open(0)
        self._on_wire: dict[int, asyncio.TimerHandle] = {}  # packet -> when it is given up

    async def to_the_end(
        self, wall_s_max: float, on_open: Callable[[dict[str, int]], None] | None
    ) -> None:
        limit = self._loop.call_later(wall_s_max, self._give_up, wall_s_max)
        try:
            self._open_and_close()
            self._ports.update(self._bound)
            if on_open is not None:
                on_open(self._ports)
            self._act(self._begin, None)
            await self._ended
        finally:
            limit.cancel()
            self._close_all()

    def _begin(self, _: None) -> None:
        self._driver.begin()

    def _plan(self, delay_s: float, action: Action, argument: object) -> None:
        """Have ``action`` carried out after that many of the participants' seconds."""
        self._serial = serial = self._serial + 1
        self._plans[serial] = self._loop.call_later(
            delay_s * self._time_scale, self._come_true, serial, action, argument
        )

    def _come_true(self, serial: int, action: Action, argument: object) -> None:
        del self._plans[serial]
        self._act(action, argument)

    def _act(self, action: Action, argument: object) -> None:
        """Carry out an action now, and see whether it was the last one."""
        if self._ended.done():
            return
        self._world.time_s = (self._loop.time() - self._began_s) / self._time_scale
        try:
            action(argument)
            self._open_and_close()
        except Exception as error:
            self._ended.set_exception(error)
        else:
            if self._driver.quiet:
                self._ended.set_result(None)

    def _give_up(self, wall_s_max: float) -> None:
        if not self._ended.done():
            reason = f"wall_s_max: the run goes on after {wall_s_max:g} real seconds; {HINT}"
            self._ended.set_exception(UnboundedRun(reason))

    # Packets --------------------------------------------------------------------------

    def _transmit(self, number: int) -> None:
        """Put packet ``number`` on the wire now."""
        packet = self._world.packets[number]
        leaving = self._sockets.get(packet.source, self._spare)
        try:
            learn(type(packet.payload))
            leaving.sendto(encode(packet), (HOST, self._ports[packet.target]))
        except TypeError as error:
            error.add_note(f"sent by {packet.source}")
            raise
        except BlockingIOError:  # the kernel has no room, so the packet is lost like any other
            lose(self._world, number)
            return
        if self._world.is_down(packet.target):
            self._driver.deliver(number)  # at a closed port: refused
            return
        self._on_wire[number] = self._loop.call_later(
            WIRE_S_MAX, self._act, self._vanish, number
        )

    def _vanish(self, number: int) -> None:
        del self._on_wire[number]
        lose(self._world, number)

    def _read(self, who: str) -> None:
        try:
            datagram = self._sockets[who].recv(65_536)
        except (BlockingIOError, ConnectionError):  # a false alarm, or word of a closed port
            return
        self._act(functools.partial(self._arrive, who), datagram)

    def _arrive(self, who: str, datagram: bytes) -> None:
        packet = self._on_its_way(who, datagram)
        if packet is None:
            note = f"a stranger's datagram of {len(datagram)} bytes"
            self._world.note("ignored", who, note=note)
            return
        self._on_wire.pop(packet.number).cancel()
        self._world.packets[packet.number] = packet  # what came out of the socket
        self._driver.deliver(packet.number)

    def _on_its_way(self, who: str, datagram: bytes) -> Packet | None:
        """Return the packet on its way to ``who`` that this datagram is, if it is one."""
        try:
            packet = decode(datagram)
        except ValueError:
            return None
        expected = self._world.packets.get(packet.number)
        on_its_way = packet.number in self._on_wire and packet.target == who
        return packet if on_its_way and packet == expected else None

    # Sockets --------------------------------------------------------------------------

    def _open_and_close(self) -> None:
        """Give each participant that is up a socket, and take it from those that are down."""
        for who in self._world.participants:
            if self._world.is_down(who):
                if who in self._sockets:
                    self._close(who)
            elif who not in self._sockets:
                self._sockets[who] = opened = _open(self._bound.get(who, 0))
                self._bound[who] = opened.getsockname()[1]
                self._loop.add_reader(opened, self._read, who)

    def _close(self, who: str) -> None:
        """Close a socket; what it has not read is gone with it."""
        closing = self._sockets.pop(who)
        self._loop.remove_reader(closing)
        closing.close()
        for number in list(self._on_wire):
            if self._world.packets[number].target == who:
                self._on_wire.pop(number).cancel()
                self._driver.deliver(number)

    def _close_all(self) -> None:
        for handle in (*self._plans.values(), *self._on_wire.values()):
            handle.cancel()
        for opened in self._sockets.values():
            self._loop.remove_reader(opened)
            opened.close()
        self._spare.close()


def _open(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.bind((HOST, port))
    return opened
