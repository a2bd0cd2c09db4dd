"""Runs over real sockets: what the kernel does is not ours to say, what becomes of it is."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from delivery_semantics import (
    AT_LEAST_ONCE,
    EXACTLY_ONCE,
    LOST,
    Ack,
    AckThenProcess,
    AlternatingBitReceiver,
    AlternatingBitSender,
    Bounds,
    CrashPoint,
    Event,
    Faults,
    FireAndForget,
    MarkThenProcess,
    Message,
    Network,
    Outage,
    Participant,
    Passive,
    Process,
    ProcessOnce,
    ProcessThenAck,
    ProcessThenMark,
    RetryUntilAcked,
    Send,
    Trace,
    UnboundedRun,
    audit,
    explore,
    payments,
    simulate,
)
from delivery_semantics.core.effects import Handler, Payload
from delivery_semantics.core.world import Packet
from delivery_semantics.live import sockets as live_module
from delivery_semantics.live.sockets import HOST, live, run_live
from delivery_semantics.live.wire import decode, encode

FAST = 0.02  # a second of the participants takes 20 ms
AT_ONCE = Network(messages=Faults(delay_s=0), acks=Faults(delay_s=0))
RECEIVERS = [
    AckThenProcess(), ProcessThenAck(), MarkThenProcess(), ProcessThenMark(), ProcessOnce()
]  # fmt: skip


def pair(
    receiver: Participant, *, count: int = 1, timeout_s: float = 1.0
) -> dict[str, Participant]:
    sender = RetryUntilAcked("receiver", payments(count), timeout_s=timeout_s, attempts_max=3)
    return {"sender": sender, "receiver": receiver}


def steps(trace: Trace) -> list[tuple[object, ...]]:
    """Everything but the times."""
    return [event[1:] for event in trace.events]


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        try:
            other.bind((HOST, port))
        except OSError:
            return False
        return True


@contextlib.contextmanager
def stranger() -> Iterator[Callable[[bytes, int], None]]:
    """Someone on this machine who sends datagrams to whom they like."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        yield lambda datagram, port: assert_sent(sending, datagram, port)


def assert_sent(sending: socket.socket, datagram: bytes, port: int) -> None:
    assert sending.sendto(datagram, (HOST, port)) == len(datagram)


# One meaning ------------------------------------------------------------------------------


@pytest.mark.parametrize("receiver", RECEIVERS, ids=lambda r: type(r).__name__)
def test_without_faults_a_live_run_is_the_simulated_one(receiver: Participant) -> None:
    # No timer fires: each is five seconds of real time, and the run does not wait for it.
    calm = pair(receiver, count=5, timeout_s=60.0)
    assert steps(run_live(calm, AT_ONCE, time_scale=1.0)) == steps(simulate(calm, AT_ONCE))


def test_frames_and_bits_cross_the_wire_too() -> None:
    calm = {
        "sender": AlternatingBitSender("receiver", payments(3), timeout_s=60.0),
        "receiver": AlternatingBitReceiver(),
    }
    assert steps(run_live(calm, AT_ONCE, time_scale=1.0)) == steps(simulate(calm, AT_ONCE))


SEEDS = (2, 3, 6, 10)
ROUGH = Network(
    messages=Faults(loss=0.3, duplication=0.3, reordering=0.3, delay_s=0.1, delay_s_mean=0.3),
    acks=Faults(loss=0.3, delay_s=0.1),
)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("receiver", RECEIVERS, ids=lambda r: type(r).__name__)
def test_what_sockets_do_is_among_what_the_search_finds(
    receiver: Participant, seed: int
) -> None:
    crashes = (CrashPoint("receiver", Process, 0.3), CrashPoint("receiver", Send, 0.3))
    there = pair(receiver)
    trace = run_live(there, ROUGH, seed=seed, crashes=crashes, time_scale=FAST)
    # The search is given no fault more than the sockets had.
    bounds = Bounds(
        losses=len(trace.of("lost")),
        duplicates=len(trace.of("duplicated")),
        crashes=len(trace.of("crashed")),
        early_timeouts=len(trace.of("timed_out")),
        crashable=("receiver",),
    )
    assert trace.outcome() in explore(there, bounds).outcomes


def test_the_rough_runs_meet_every_fault() -> None:
    crashes = (CrashPoint("receiver", Process, 0.3), CrashPoint("receiver", Send, 0.3))
    traces = [
        run_live(pair(ProcessThenAck()), ROUGH, seed=seed, crashes=crashes, time_scale=FAST)
        for seed in SEEDS
    ]
    for what in ("lost", "duplicated", "crashed", "restarted", "timed_out"):
        assert any(trace.of(what) for trace in traces), f"no run {what}"


@pytest.mark.parametrize(
    ("receiver", "semantic"),
    [(ProcessThenAck(), AT_LEAST_ONCE), (ProcessOnce(), EXACTLY_ONCE)],
    ids=["at-least-once", "exactly-once"],
)
def test_the_guarantees_hold_over_sockets(receiver: Participant, semantic: object) -> None:
    there = {
        "sender": RetryUntilAcked("receiver", payments(4)),
        "receiver": receiver,
    }
    trace = run_live(
        there, ROUGH, seed=2, crashes=(CrashPoint("receiver", Send, 0.2),), time_scale=FAST / 4
    )
    assert audit(trace).faults
    assert audit(trace).verdict(AT_LEAST_ONCE) == "ok"
    if semantic is EXACTLY_ONCE:
        assert audit(trace).verdict(EXACTLY_ONCE) == "ok"


def test_a_lost_ack_repeats_the_work_over_sockets_as_well() -> None:
    network = Network(
        messages=Faults(delay_s=0), acks=Faults(delay_s=0), placed={("ack", 1): LOST}
    )
    trace = run_live(pair(ProcessThenAck()), network, time_scale=FAST)
    assert trace.outcome()[0][1] >= 2
    assert audit(trace).verdict(EXACTLY_ONCE) == "broken: duplicated 1"


def test_the_networks_delays_pass_in_real_time() -> None:
    late = {("message", 1): (1.0,)}
    network = Network(messages=Faults(delay_s=0), placed=late)
    there = {"sender": FireAndForget("receiver", payments(2)), "receiver": Hush()}
    trace = run_live(there, network, time_scale=FAST)
    assert [event.packet for event in trace.of("delivered")] == [2, 1]
    sent, delivered = trace.of("sent")[0], trace.of("delivered")[-1]
    assert delivered.time_s - sent.time_s >= 1.0


# Bytes ------------------------------------------------------------------------------------


class Hush(Passive):
    """Takes a message and says nothing."""

    def receive(self, source: str, payload: Payload) -> Handler:
        assert isinstance(payload, Message)
        yield Process(payload)


def test_a_strangers_datagrams_are_noted_and_change_nothing() -> None:
    forged = [
        encode(Packet(1, "sender", "receiver", Message("1"))),  # right, but not sent yet
        b"", b"\xff garbage", encode(Packet(99, "sender", "receiver", Message("1", 1_000_000))),
        encode(Packet(1, "sender", "receiver", Message("1", 1_000_000))),
        encode(Packet(1, "sender", "sender", Message("1"))),
    ]  # fmt: skip
    with stranger() as send:

        def disturb(ports: Mapping[str, int]) -> None:
            for datagram in forged:
                send(datagram, ports["receiver"])

        trace = run_live(
            pair(ProcessThenAck(), timeout_s=60.0), AT_ONCE, time_scale=1.0, on_open=disturb
        )
    assert [event.note for event in trace.of("ignored")] == [
        f"a stranger's datagram of {len(datagram)} bytes" for datagram in forged
    ]
    assert {event.who for event in trace.of("ignored")} == {"receiver"}
    assert trace.outcome() == (("1", 1, "confirmed"),)
    assert audit(trace).money_there == 10


class Proxy(asyncio.DatagramProtocol):
    """Stands in front of a port and passes on ``copies`` of each datagram."""

    def __init__(self, copies: int) -> None:
        self.copies = copies
        self.seen: list[bytes] = []
        self.port_behind = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, datagram: bytes, address: object) -> None:
        self.seen.append(datagram)
        for _ in range(self.copies):
            self.transport.sendto(datagram, (HOST, self.port_behind))


async def run_behind_a_proxy(copies: int, *, timeout_s: float) -> tuple[Trace, Proxy]:
    loop = asyncio.get_running_loop()
    transport, proxy = await loop.create_datagram_endpoint(
        lambda: Proxy(copies), local_addr=(HOST, 0)
    )

    def redirect(ports: dict[str, int]) -> None:
        proxy.port_behind = ports["receiver"]
        ports["receiver"] = transport.get_extra_info("sockname")[1]

    try:
        there = pair(ProcessThenAck(), count=2, timeout_s=timeout_s)
        return await live(there, AT_ONCE, time_scale=1.0, on_open=redirect), proxy
    finally:
        transport.close()


def test_each_message_is_bytes_that_a_proxy_can_read() -> None:
    trace, proxy = asyncio.run(run_behind_a_proxy(1, timeout_s=60.0))
    assert [decode(datagram) for datagram in proxy.seen] == [
        Packet(event.packet, "sender", "receiver", event.payload)
        for event in trace.of("sent")
        if isinstance(event.payload, Message)
    ]
    assert [knows for _, _, knows in trace.outcome()] == ["confirmed", "confirmed"]


def test_a_copy_that_the_network_did_not_make_is_a_strangers() -> None:
    trace, proxy = asyncio.run(run_behind_a_proxy(2, timeout_s=60.0))
    assert len(proxy.seen) == 2
    assert len(trace.of("delivered")) == 4
    assert trace.processed() == {"1": 1, "2": 1}


def test_what_the_kernel_drops_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "WIRE_S_MAX", 0.02)
    trace, proxy = asyncio.run(run_behind_a_proxy(0, timeout_s=0.01))
    assert len(proxy.seen) == 6, "three attempts for each of two messages"
    assert trace.outcome() == (("1", 0, "in doubt"), ("2", 0, "in doubt"))
    assert [event.packet for event in trace.of("lost")] == list(range(1, 7))


# Crashes ----------------------------------------------------------------------------------


def test_the_socket_of_a_crashed_participant_is_closed() -> None:
    ports: dict[str, int] = {}
    seen: list[tuple[str, bool]] = []
    trace: list[Event] = []

    def watch(event: Event) -> None:
        trace.append(event)
        if ports and event.who == "receiver" and event.what in ("delivered", "refused"):
            seen.append((event.what, is_free(ports["receiver"])))

    run_live(
        pair(ProcessThenAck()), AT_ONCE, time_scale=FAST, record=watch, on_open=ports.update,
        crashes=(CrashPoint("receiver", Send, 1.0, down_s=50.0),),
    )  # fmt: skip
    assert ("delivered", False) in seen
    assert ("refused", True) in seen
    assert ("delivered", True) not in seen
    assert ("refused", False) not in seen


def test_a_participant_comes_back_at_its_port() -> None:
    outage = Outage("receiver", at_s=0.0, down_s=1.5)
    there = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessOnce()}
    network = Network(messages=Faults(delay_s=0.5))
    trace = run_live(there, network, crashes=(outage,), time_scale=FAST)
    assert [event.packet for event in trace.of("refused")][:1] == [1]
    assert trace.outcome() == (("1", 1, "confirmed"),)
    assert trace.of("restarted")[0].time_s >= 1.5


def test_what_a_socket_has_not_read_is_gone_with_it() -> None:
    # Both messages arrive together; the first one brings the receiver down.
    there = {"sender": FireAndForget("receiver", payments(2)), "receiver": Hush()}
    crash = CrashPoint("receiver", Process, 1.0, down_s=1.0)
    trace = run_live(there, AT_ONCE, crashes=(crash,), time_scale=FAST)
    assert [event.what for event in trace.events if event.who == "receiver"] == [
        "delivered", "crashed", "refused", "restarted"
    ]  # fmt: skip


def test_a_packet_outlives_its_source() -> None:
    there = {
        "sender": FireAndForget("receiver", payments(1)),
        "receiver": ProcessOnce(),
    }
    network = Network(placed={("message", 1): (2.0,)})
    crash = Outage("sender", at_s=1.0, down_s=50.0)
    trace = run_live(there, network, crashes=(crash,), time_scale=FAST)
    order = [event.what for event in trace.events]
    assert order.index("crashed") < order.index("delivered") < order.index("restarted")


# The end ----------------------------------------------------------------------------------


def test_a_run_ends_when_nothing_more_can_happen() -> None:
    there = pair(ProcessOnce(), timeout_s=1e6)
    trace = run_live(there, AT_ONCE, time_scale=1.0, wall_s_max=20.0)
    assert trace.events[-1].what == "saved"
    assert run_live({"nobody": Passive()}).events == ()


def test_a_run_without_end_names_its_limit() -> None:
    endless = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": Passive()}
    ports: dict[str, int] = {}
    with pytest.raises(UnboundedRun, match=r"wall_s_max: the run goes on after 0\.05 real"):
        run_live(endless, time_scale=0.001, wall_s_max=0.05, on_open=ports.update)
    assert all(map(is_free, ports.values()))


class Broken(Passive):
    """Fails when it is sent anything."""

    def receive(self, source: str, payload: Payload) -> Handler:
        yield Send(source, Ack(payload.id))
        raise LookupError("broken")


def test_a_failure_reaches_the_caller_and_leaves_nothing_open() -> None:
    ports: dict[str, int] = {}
    threads = set(threading.enumerate())
    with pytest.raises(LookupError, match="broken"):
        run_live(pair(Broken()), AT_ONCE, on_open=ports.update)
    assert len(ports) == 2
    assert all(map(is_free, ports.values()))
    assert set(threading.enumerate()) <= threads  # others' may have ended meanwhile
    gc.collect()  # a socket left open would warn here, and a warning is an error


def test_a_cancelled_run_leaves_nothing_open() -> None:
    ports: dict[str, int] = {}

    async def cancel() -> None:
        opened = asyncio.Event()

        def on_open(found: dict[str, int]) -> None:
            ports.update(found)
            opened.set()

        endless = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": Passive()}
        running = asyncio.create_task(live(endless, on_open=on_open))
        await opened.wait()
        assert not any(map(is_free, ports.values()))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(cancel())
    assert all(map(is_free, ports.values()))


def test_a_run_that_is_over_is_forgotten_although_timers_were_armed() -> None:
    async def run_and_forget() -> None:
        receiver = ProcessOnce()
        there = weakref.ref(receiver)
        await live(pair(receiver, timeout_s=1e6), AT_ONCE, time_scale=1.0)
        del receiver
        gc.collect()
        assert there() is None

    asyncio.run(run_and_forget())


def test_it_runs_where_an_event_loop_runs_already() -> None:
    async def notebook() -> Trace:
        return run_live(pair(ProcessOnce(), timeout_s=60.0), AT_ONCE, time_scale=1.0)

    assert asyncio.run(notebook()).outcome() == (("1", 1, "confirmed"),)


def test_two_runs_do_not_hear_each_other() -> None:
    async def both() -> tuple[Trace, Trace]:
        there = pair(ProcessOnce(), count=3, timeout_s=60.0)
        return await asyncio.gather(
            live(there, AT_ONCE, time_scale=1.0), live(there, AT_ONCE, time_scale=1.0)
        )

    first, second = asyncio.run(both())
    assert steps(first) == steps(second)
    assert not first.of("ignored")


@dataclass(frozen=True)
class ToBoth(Passive):
    """Hands its message to two workers."""

    workers: tuple[str, str]
    messages: tuple[Message, ...] = payments(1)

    def start(self) -> Handler:
        for worker in self.workers:
            yield Send(worker, self.messages[0])


def test_stores_can_be_shared() -> None:
    there = {
        "sender": ToBoth(("left", "right")),
        "left": ProcessOnce(),
        "right": ProcessOnce(),
    }
    shared = {"left": "bank", "right": "bank"}
    trace = run_live(there, AT_ONCE, time_scale=1.0, stores=shared)
    assert len(trace.of("processed")) == 1
    assert len(trace.of("skipped")) == 1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"time_scale": 0}, "time_scale is 0; allowed"),
        ({"wall_s_max": float("inf")}, "wall_s_max is inf; allowed"),
        ({"early_timeouts": 2}, "early_timeouts is 2; allowed"),
        ({"crashes": (Outage("nobody", at_s=1, down_s=1),)}, "crashes: 'nobody'"),
        ({"stores": {"nobody": "disk"}}, "stores: 'nobody'"),
    ],
)
def test_bad_input_is_refused(option: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_live(pair(ProcessOnce()), **option)  # type: ignore[arg-type]
