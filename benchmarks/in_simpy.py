"""Stop-and-wait in SimPy, as its documentation would write it; the rival in `run.py`.

The link is the `Cable` of SimPy's own example "Event Latency". Sender and receiver are
processes, and the trace is made of the same events as ours: without loss the two are equal,
which `run.py` checks before it measures anything.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from random import Random
from typing import Any

import simpy

from delivery_semantics import Ack, Event, Message, payments

Process = Generator[simpy.Event, Any, None]
Record = Callable[[Event], None]


class Cable:
    """A link to `target` that takes `delay_s` seconds and loses packets with chance `loss`."""

    def __init__(
        self, run: Run, source: str, target: str, *, loss: float, delay_s: float
    ) -> None:
        self.run, self.source, self.target = run, source, target
        self.loss, self.delay_s = loss, delay_s
        self.store = simpy.Store(run.env)

    def latency(self, number: int, payload: Message | Ack) -> Process:
        """Let one packet arrive after the delay."""
        yield self.run.env.timeout(self.delay_s)
        self.run.note("delivered", self.target, payload, self.source, number)
        self.store.put(payload)

    def put(self, payload: Message | Ack) -> None:
        """Send a packet, unless chance loses it."""
        run = self.run
        run.packets += 1
        run.note("sent", self.source, payload, self.target, run.packets)
        if run.random.random() < self.loss:
            run.note("lost", self.source, payload, self.target, run.packets)
        else:
            run.env.process(self.latency(run.packets, payload))

    def get(self) -> simpy.resources.store.StoreGet:
        """Return the event of the next arrival."""
        return self.store.get()


class Run:
    """One run: the environment, its chance, both cables, and who listens to the events."""

    def __init__(self, record: Record, *, seed: int, loss: float, delay_s: float) -> None:
        self.env = simpy.Environment()
        self.random = Random(seed)
        self.record = record
        self.packets = 0
        self.forth = Cable(self, "sender", "receiver", loss=loss, delay_s=delay_s)
        self.back = Cable(self, "receiver", "sender", loss=loss, delay_s=delay_s)

    def note(
        self, what: str, who: str, payload: Message | Ack | None = None, peer: str = "",
        packet: int = 0, note: str = "",
    ) -> None:  # fmt: skip
        """Record an event."""
        self.record(Event(self.env.now, what, who, payload, peer, packet, 0, note))

    def sender(self, count: int, timeout_s: float) -> Process:
        """Send each payment until it is acked."""
        for settled, message in enumerate(payments(count), start=1):
            acked = False
            while not acked:
                self.forth.put(message)
                timer = self.env.timeout(timeout_s)
                while True:
                    ack = self.back.get()
                    yield ack | timer
                    if not ack.triggered:
                        ack.cancel()
                        self.note("timed_out", "sender")
                        break
                    assert ack.value is not None
                    if ack.value.id == message.id:
                        acked = True
                        break
                    self.note("ignored", "sender", ack.value)
            self.note("confirmed", "sender", Message(message.id))
            self.note("saved", "sender", note=f"settled={settled}")

    def receiver(self) -> Process:
        """Process what arrives, then ack it."""
        while True:
            message = yield self.forth.get()
            self.note("processed", "receiver", message)
            self.back.put(Ack(message.id))


def stop_and_wait(
    count: int, record: Record, *, seed: int = 1, loss: float = 0.0, delay_s: float = 0.1,
    timeout_s: float = 1.0,
) -> None:  # fmt: skip
    """Send `count` payments one after the other and hand each event to `record`."""
    run = Run(record, seed=seed, loss=loss, delay_s=delay_s)
    run.env.process(run.receiver())
    run.env.run(until=run.env.process(run.sender(count, timeout_s)))
