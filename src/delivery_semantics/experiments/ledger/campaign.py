"""Every fault in turn, a payment each: what was booked and charged in the end.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count

from ... import EXACTLY_ONCE, Event, Message, Record, Trace, audit
from .actor import KILLED, PAUSED
from .hops import HOPS, PROCESSES
from .lab import AMOUNT, CUSTOMER, NOTHING, REPLY_LOST, RESTARTED, Moment, OneFault, lab
from .servers import Servers
from .without import PROTECTED, PROTECTIONS, Without

LEDGER, CARDS = "ledger", "card"
DIES_WHILE = {
    "database died": ("COMMIT", "replying", "stored", "ack", "answered"),
    "broker died": ("send", "stored", "ack"),
}
"""At which steps of the others the two servers die: before and after each commit and send."""


@dataclass(frozen=True)
class Paid:
    """What became of one payment and its fault: how often it was booked, and charged."""

    order: str
    fault: OneFault
    confirmed: bool
    booked: int
    charged: int
    moments: tuple[Moment, ...]

    @property
    def right(self) -> bool:
        """Whether it is known, booked once and charged once."""
        return (self.confirmed, self.booked, self.charged) == (True, 1, 1)


@dataclass(frozen=True)
class Campaign:
    """All payments of one lab, in their order."""

    variant: Without
    paid: tuple[Paid, ...]

    def trace(self) -> Trace:
        """Return all of it as the log of a run, by the word of the two databases."""
        events = tuple(event for each in self.paid for event in _events(each))
        drained = tuple(_event("drained", who) for who in (LEDGER, CARDS))
        messages = tuple(Message(each.order, AMOUNT) for each in self.paid)
        names = dict.fromkeys(e.who for e in events)
        return Trace((*names,), messages, events + drained, outside=True)

    def verdict(self) -> str:
        """Return the audit's word: each payment once in the ledger, and once at the card."""
        return audit(self.trace()).verdict(EXACTLY_ONCE)

    def of(self, *kinds: str) -> list[Paid]:
        """Return the payments with faults of these kinds."""
        return [each for each in self.paid if each.fault.kind in kinds]


def _event(what: str, who: str, payload: Message | Record | None = None) -> Event:
    return Event(0.0, what, who, payload)


def _events(paid: Paid) -> Iterator[Event]:
    message = Message(paid.order, AMOUNT)
    yield _event("sent", CUSTOMER, message)
    if paid.fault.kind == REPLY_LOST:
        yield _event("lost", paid.fault.where, message)
    elif paid.fault != NOTHING:
        who = RESTARTED.get(paid.fault.kind, paid.fault.where)
        yield _event("paused" if paid.fault.kind == PAUSED else "killed", who)
    if paid.confirmed:
        yield _event("confirmed", CUSTOMER, message)
    for group, times in ((LEDGER, paid.booked), (CARDS, paid.charged)):
        for _ in range(times):
            yield _event("processed", group, Record(paid.order, AMOUNT, group=group))


# Which faults there are


def at_each_step(kind: str, steps: dict[str, list[str]]) -> Iterator[OneFault]:
    """Yield a fault at each step of each process, as the steps were in a run without one."""
    for name, its in steps.items():
        for nth, step in enumerate(its, 1):
            if step in DIES_WHILE.get(kind, its):
                yield OneFault(kind, name, nth, step)


def kills(
    servers: Servers, variant: Without = PROTECTED, *, of: Collection[str] = PROCESSES
) -> Campaign:
    """Kill each of these processes at each of its steps."""
    return _campaign(servers, variant, (KILLED,), of=of)


def everything(servers: Servers) -> Campaign:
    """Kill and pause each process at each step, lose each reply, have both servers die."""
    return _campaign(servers, PROTECTED, (KILLED, PAUSED, *RESTARTED), hops=HOPS)


def without_each(servers: Servers) -> dict[str, Campaign]:
    """Kill at each step, without one protection after the other."""
    return {name: kills(servers, Without(name)) for name in PROTECTIONS}


def _campaign(
    servers: Servers, variant: Without, kinds: Iterable[str], *,
    of: Collection[str] = PROCESSES, hops: Iterable[str] = (),
) -> Campaign:  # fmt: skip
    orders, paid = map(str, count(1)), list[Paid]()
    with lab(servers, variant) as system:

        def pay(fault: OneFault = NOTHING) -> dict[str, list[str]]:
            order = next(orders)
            steps = system.pay(order, fault)
            if not (system.met or fault.kind in (NOTHING.kind, REPLY_LOST)):
                raise RuntimeError(f"{fault} did not come about; allowed: one of a run's steps")
            met, known = fault if system.met else NOTHING, order in system.confirmed
            paid.append(Paid(order, met, known, 0, 0, tuple(system.moments)))
            return steps

        steps = pay()
        for kind in kinds:
            for fault in at_each_step(kind, {name: steps[name] for name in of}):
                pay(fault)
                if kind in RESTARTED:
                    pay()  # connections are made anew
        for hop in hops:
            for nth in count(1):
                pay(OneFault(REPLY_LOST, hop, nth))
                if not system.met:
                    break
        booked, charged = system.booked(), system.charged()
    return Campaign(
        variant,
        tuple(
            replace(each, booked=booked[each.order], charged=charged[each.order])
            for each in paid
        ),
    )
