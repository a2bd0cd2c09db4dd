"""The same faults for every real system: its consumer killed, or paused, at each of its steps.

A run has one fault. The consumer stands at a step, and is killed there with SIGKILL, or stopped
there with SIGSTOP until the system has given it up; then another one reads to the end. One that
was paused comes back as a *zombie*, which does not know that it was replaced. What happened is
gathered from what the processes said, and the money is what their database holds.

Book: 10-real-world-systems
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, takewhile

from ..core.effects import Message, Participant
from ..core.trace import Event, Trace
from ..databases import connect, empty_place
from ..databases.disk import DatabaseStore
from ..live.run_log import RunLog
from ..live.standing import Died, Standing
from .consumer import BROKER, CONSUMER, Open, consume

PRODUCER, SECOND = "producer", "second consumer"
KILLED, PAUSED = FAULTS = ("killed", "paused")

Fill = Callable[[], AbstractContextManager[Open]]
"""Makes a queue of its own with the payments in it, all confirmed; it ends with the block."""


@dataclass(frozen=True)
class Ending:
    """How a run with one fault ended.

    ``fault`` is "killed", "paused" or "none", ``step`` where it fell, such as "before Process"
    or "inside Once, before mark", and ``at`` the id of the message in work, "" if none was.
    ``money`` is what the consumers' database holds, ``expected`` what was sent.
    """

    fault: str
    step: str
    at: str
    trace: Trace
    money: int
    expected: int


def undisturbed(fill: Fill, receiver: Participant, messages: Sequence[Message]) -> Ending:
    """Let the consumer read to the end."""
    ending = _run(fill, receiver, messages, "none", -1, lambda: None)
    assert ending is not None
    return ending


def fault_at_each_step(
    fault: str, fill: Fill, receiver: Participant, messages: Sequence[Message], *,
    until_given_up: Callable[[], object] = lambda: None,
) -> list[Ending]:  # fmt: skip
    """Have the consumer killed, or paused, at each step in turn, a run each.

    Another one reads to the end. One that was paused comes back then; steps inside a
    transaction are left out for it, since the database has all others wait there. That a zombie
    dies of what the system tells it is no error.

    ``until_given_up`` waits, or has a clock advance, until the system hands over again what
    the first one had. Raises what the consumer raises.
    """
    runs = (_run(fill, receiver, messages, fault, at, until_given_up) for at in count())
    return [ending for ending in takewhile(bool, runs) if ending]


kill_at_each_step = partial(fault_at_each_step, KILLED)
"""The same for kills alone."""


def with_ack(endings: Iterable[Ending], ack: str) -> list[Ending]:
    """Return them with the step "Send" named after the ``ack`` that is sent in it."""
    return [replace(each, step=each.step.replace("Send", ack)) for each in endings]


def at_a_message(endings: Iterable[Ending], *, ack: str) -> list[Ending]:
    """Return those with a message in work, with the step "Send" named after its ``ack``."""
    return with_ack((each for each in endings if each.at), ack)


def _run(
    fill: Fill, receiver: Participant, messages: Sequence[Message], fault: str, place: int,
    until_given_up: Callable[[], object],
) -> Ending | None:  # fmt: skip
    """Make one run; None if the consumer has no such step."""
    with ExitStack() as stack:
        open_source, store = stack.enter_context(fill()), stack.enter_context(empty_place())
        log = ConsumerLog(messages)

        def begin(who: str) -> Worker:
            return stack.enter_context(Worker(log, who, open_source, receiver, store))

        first = begin(CONSUMER)
        step, at = first.go_on_to(place, within=fault == KILLED), first.at
        if fault == KILLED and step:
            first.kill(step)
            until_given_up()
            log.note("restarted", CONSUMER)
            begin(CONSUMER).go_on_to(-1)
        elif fault == PAUSED and step:
            first.pause(step)
            until_given_up()
            begin(SECOND).go_on_to(-1)
            first.come_back()
        elif fault != "none":
            return None
        log.note("drained", CONSUMER)
        with closing(connect(store)) as database:
            money = DatabaseStore(database).money()
        return Ending(fault, step, at, log.trace(), money, sum(m.amount for m in messages))


class ConsumerLog(RunLog):
    """What happened in one run; the broker has taken every message before it begins."""

    def __init__(self, messages: Sequence[Message]) -> None:
        super().__init__((PRODUCER, BROKER, CONSUMER), messages)
        for message in messages:
            self.packet(PRODUCER, BROKER, message)
            self.note("confirmed", PRODUCER, message)

    def hear(self, who: str, event: Event) -> None:
        """Add what the consumer ``who`` says has happened."""
        if event.what == "delivered" and event.who == CONSUMER and event.payload:
            self.packet(BROKER, who, event.payload)
        elif event.who == BROKER:
            self.add(event._replace(peer=who, packet=self.packets))
        elif event.what == "sent":
            self.packets += 1
            self.add(event._replace(who=who, packet=self.packets))
        else:
            self.add(event._replace(who=who))


class Worker:
    """One consumer in a process of its own, which ends with the block.

    ``at`` is the id of the message in work, or of the last one.
    """

    def __init__(
        self, log: ConsumerLog, who: str, open_source: Open, receiver: Participant, store: str
    ) -> None:
        self._log, self._who = log, who
        self._process = Standing(consume, open_source, receiver, store)
        self._effect = self.at = ""
        self._uncommitted: list[Event] | None = None

    def go_on_to(self, place: int, *, within: bool = False) -> str:
        """Let it go on to its step of this number, from 0, and return what that is.

        "" if it has read to the end before; -1 is no step. Steps inside a transaction count
        with ``within`` only. Raises Died.
        """
        while step := self._next_step():
            if within or not step.startswith("inside"):
                if place == 0:
                    return step
                place -= 1
        return ""

    def kill(self, step: str) -> None:
        """Kill it where it stands."""
        self._process.kill()
        self._log.note("killed", self._who, note=step)

    def pause(self, step: str) -> None:
        """Stop it where it stands."""
        self._process.pause()
        self._log.note("paused", self._who, note=step)

    def come_back(self) -> None:
        """Let it go on to its end, whatever that is."""
        self._log.note("resumed", self._who)
        self._process.resume()
        try:
            self.go_on_to(-1)
        except Died as died:
            self._log.note("crashed", self._who, note=str(died))

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()

    def _next_step(self) -> str:
        while True:
            match self._process.next():
                case "happened", event if self._uncommitted is not None:
                    self._uncommitted.append(event)
                case "happened", event:
                    self._log.hear(self._who, event)
                    self.at = event.payload.id if event.payload else self.at
                case "answered", _:
                    for event in self._uncommitted or ():
                        self._log.hear(self._who, event)
                    self._uncommitted = None
                case "stands", "take":
                    return f"after {self._effect}" if self._effect else "before the first"
                case "stands", effect if effect is not None:
                    self._effect = type(effect).__name__
                    return f"before {self._effect}"
                case "within", statement:
                    self._uncommitted = self._uncommitted or []
                    return f"inside {self._effect}, before {statement}"
                case "drained", _:
                    return ""
