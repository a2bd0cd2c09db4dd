"""Incidents at a database: rows that two read at once, or that nobody reads again.

Book: incidents
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import (
    Ack, Arm, Atomic, Bounds, Load, Message, Passive, Process, ProcessOnce, ProcessThenAck,
    Receive, ReceiveAny, RetryUntilAcked, Save, Send, Wait, payments,
)  # fmt: skip
from ..core.effects import Handler, Payload
from ..protocols.fencing import Acquire, Grant
from ..protocols.outbox import DualWrite, Outbox
from .incident import EVENTUALLY, Incident, Parts


@dataclass(frozen=True)
class Writer(Passive):
    """Write a row for each message into the outbox."""

    messages: tuple[Message, ...]

    def start(self) -> Handler:
        """Write the rows."""
        for message in self.messages:
            yield Save("row", message)


class OutboxJob(Passive):
    """Look for a row, publish it, and delete it when it is acked."""

    def start(self) -> Handler:
        """Look again after a second, for ever."""
        while True:
            row = yield Load("row")
            if not row:
                yield Wait(1.0)
                continue
            yield Send("subscriber", row)
            if (yield Receive(Ack(row.id), timeout_s=1.0)):
                yield Save("row", 0)


def two_jobs(mended: bool) -> Parts:
    """Two processes that read one outbox."""
    subscriber = ProcessOnce() if mended else ProcessThenAck()
    shop = Writer(payments(1))
    return {"shop": shop, "job 1": OutboxJob(), "job 2": OutboxJob(), "subscriber": subscriber}


def row_then_event(mended: bool) -> Parts:
    """A row that is committed, and its event that is not sent any more."""
    return {
        "customer": RetryUntilAcked("shop", payments(1)),
        "shop": Outbox() if mended else DualWrite(),
        "mailer": ProcessOnce(),
    }


@dataclass(frozen=True)
class JobTable(Passive):
    """Lend a job for ten seconds; let it be finished, if ``fenced`` by its last borrower."""

    messages: tuple[Message, ...]
    fenced: bool

    def receive(self, source: str, payload: Payload) -> Handler:
        """Lend a job that nobody has, or finish it for who gives its grant back."""
        token = yield Load("token")
        if isinstance(payload, Grant):
            last = ("token", payload.token) if self.fenced else None
            yield Atomic(Process(self.messages[0]), Save("done", 1), only_if=last)
        elif not ((yield Load("lent")) or (yield Load("done"))):
            yield Atomic(Save("lent", 1), Save("token", token + 1))
            yield Arm("lease", 10.0)
            yield Send(source, Grant(token + 1))

    def timer(self, name: str) -> Handler:
        """Take the job back; its borrower is not told."""
        yield Save("lent", 0)


@dataclass(frozen=True)
class Borrower(Passive):
    """Ask for the job until it is lent, work for ``work_s`` seconds, and finish it."""

    work_s: float

    def start(self) -> Handler:
        """Give the grant back when the work is done."""
        granted = None
        while granted is None:
            yield Send("table", Acquire())
            granted = yield ReceiveAny(Grant, timeout_s=15.0)
        _, grant = granted
        yield Wait(self.work_s)
        yield Send("table", grant)


def lock_ran_out(mended: bool) -> Parts:
    """A worker that finishes a job whose lock is another's by now."""
    table = JobTable(payments(1), fenced=mended)
    return {"worker 1": Borrower(20.0), "table": table, "worker 2": Borrower(20.0)}


ROWS = {
    "two relays of one outbox": Incident(
        report="https://github.com/kgrzybek/sample-dotnet-core-cqrs-api/issues/15",
        day="2020-04-17",
        parts=two_jobs, stores=dict.fromkeys(("shop", "job 1", "job 2"), "outbox"),
    ),
    "a row without its event": Incident(
        report="https://github.com/eclipse-dirigible/dirigible/issues/6816",
        day="2026-08-18", parts=row_then_event, claim=EVENTUALLY,
        bounds=Bounds(losses=0, duplicates=0, crashes=1, crashable=("shop",)),
    ),
    "a lock that has run out": Incident(
        report="https://github.com/agenda/agenda/issues/589", day="2018-04-05",
        parts=lock_ran_out,
    ),
}  # fmt: skip
