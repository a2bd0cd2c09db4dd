"""Senders: one that sends and forgets, one that retries until it hears an ack.

Both choose each message's id before its first attempt and never change it. The surprising
thing is what a retrying sender knows when it stops trying: nothing. It reports the message
"in doubt", because every attempt may have arrived.

Book: 04-at-least-once
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from math import ceil, log2
from typing import ClassVar

from ..core.check import at_least, not_negative, of_type, positive, truth
from ..core.dice import check_seed, dice
from ..core.door import check_messages
from ..core.effects import (
    Ack, Confirm, GiveUp, Handler, Load, Message, Passive, Receive, Save, Send, Wait,
)  # fmt: skip

Backoff = Callable[[str, int], float]
"""From (message id, attempt number counted from 1) to the seconds to wait after its timeout.

A pure function: a policy that keeps state would change behaviour when a search replays it.
Its attribute ``attempts_told``, if it has one, is the attempt after which nothing changes.
"""


@dataclass(frozen=True)
class Fixed:
    """The same pause after every attempt."""

    delay_s: float = 0.0
    attempts_told: ClassVar[int] = 1

    def __post_init__(self) -> None:
        not_negative("delay_s", self.delay_s)

    def __call__(self, message_id: str, attempt: int) -> float:
        """Return ``delay_s``, whatever the attempt."""
        return self.delay_s


@dataclass(frozen=True)
class Exponential:
    """A pause of base, 2 base, 4 base, … seconds, at most ``delay_s_max``."""

    delay_s_base: float = 1.0
    delay_s_max: float = 60.0

    def __post_init__(self) -> None:
        positive("delay_s_base", self.delay_s_base)
        if positive("delay_s_max", self.delay_s_max) < self.delay_s_base:
            allowed = f"delay_s_base, which is {self.delay_s_base!r}, or more"
            raise ValueError(f"delay_s_max is {self.delay_s_max!r}; allowed: {allowed}")

    @property
    def attempts_told(self) -> int:
        """The attempt from which on the pause stays the same."""
        return 1 + ceil(log2(self.delay_s_max) - log2(self.delay_s_base))

    def __call__(self, message_id: str, attempt: int) -> float:
        """Return the pause after attempt number ``attempt``."""
        doublings = min(attempt - 1, 1023)  # beyond this, 2.0**n overflows
        return min(self.delay_s_max, self.delay_s_base * 2.0**doublings)


@dataclass(frozen=True)
class FullJitter:
    """A pause drawn evenly between 0 and the exponential one, so that clients spread out.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    delay_s_base: float = 1.0
    delay_s_max: float = 60.0
    _: KW_ONLY
    seed: int = 1

    def __post_init__(self) -> None:
        Exponential(self.delay_s_base, self.delay_s_max)  # for its checks
        check_seed(self.seed)

    def __call__(self, message_id: str, attempt: int) -> float:
        """Return the pause after attempt number ``attempt`` of this message."""
        ceiling = Exponential(self.delay_s_base, self.delay_s_max)(message_id, attempt)
        return ceiling * dice(self.seed, "jitter", message_id, attempt)


@dataclass(frozen=True)
class FireAndForget(Passive):
    """At-most-once, the sender's half: each message is sent once, whatever happens to it.

    It notes each message on disk before sending it, so a crash can lose one, never repeat one.
    A network that duplicates still delivers twice: the receiver's half is its own business.
    ``interval_s`` seconds pass between two messages.
    """

    receiver: str
    messages: tuple[Message, ...]
    _: KW_ONLY
    interval_s: float = 0.0

    def __post_init__(self) -> None:
        of_type("receiver", self.receiver, str)
        check_messages(self.messages)
        not_negative("interval_s", self.interval_s)

    def start(self) -> Handler:
        """Send what no earlier life of this sender has noted as sent."""
        first = yield Load("sent")
        for number in range(first, len(self.messages)):
            yield Save("sent", number + 1)
            yield Send(self.receiver, self.messages[number])
            if self.interval_s:
                yield Wait(self.interval_s)


@dataclass(frozen=True)
class RetryUntilAcked(Passive):
    """At-least-once, the sender's half: send, wait for the ack, send again.

    One message at a time. After each attempt it waits for the ack, ``timeout_s`` plus
    ``backoff(id, attempt)`` seconds. It gives up after ``attempts_max`` attempts, or having
    waited ``deadline_s`` seconds in all; None: no limit. A message given up is in doubt.
    ``durable=False`` keeps the messages in memory only: a crash forgets the rest of them.
    """

    receiver: str
    messages: tuple[Message, ...]
    _: KW_ONLY
    timeout_s: float = 1.0
    backoff: Backoff = Fixed()
    attempts_max: int | None = None
    deadline_s: float | None = None
    durable: bool = True

    def __post_init__(self) -> None:
        of_type("receiver", self.receiver, str)
        check_messages(self.messages)
        positive("timeout_s", self.timeout_s)
        backoff = None if isinstance(self.backoff, type) else self.backoff
        of_type("backoff", backoff, Callable, allowed="a function of id and attempt")
        if (told := getattr(backoff, "attempts_told", None)) is not None:
            at_least("attempts_told of backoff", told, 1)
        truth("durable", self.durable)
        if self.attempts_max is not None:
            at_least("attempts_max", self.attempts_max, 1)
        if self.deadline_s is not None:
            positive("deadline_s", self.deadline_s)

    def start(self) -> Handler:
        """Settle, in order, every message that no earlier life of this sender has settled."""
        if not self.durable:
            if (yield Load("started")):
                return
            yield Save("started", 1)
        first = yield Load("settled")
        told = self._attempts_told()
        for number in range(first, len(self.messages)):
            yield from self._settle(self.messages[number], told)
            yield Save("settled", number + 1)

    def _settle(self, message: Message, told: int | None) -> Handler:
        attempt, left_s = 0, self.deadline_s
        close_s = CLOSE * (self.deadline_s or 0.0)
        while attempt != self.attempts_max and (left_s is None or left_s > close_s):
            if told is None or attempt < told:
                attempt += 1
            yield Send(self.receiver, message)
            pause_s = not_negative("backoff", self.backoff(message.id, attempt))
            wait_s = self.timeout_s + pause_s
            if left_s is not None:
                wait_s = min(wait_s, left_s)
                left_s -= wait_s
            if (yield Receive(Ack(message.id), wait_s)):
                yield Confirm(message.id)
                return
        yield GiveUp(message.id)

    def _attempts_told(self) -> int | None:
        """Return the attempt up to which they are counted, None if all are.

        One that only counts is in a new condition each time, and a search would have no end.
        """
        unlimited = self.attempts_max is None and self.deadline_s is None
        return getattr(self.backoff, "attempts_told", None) if unlimited else None


CLOSE = 1e-9
"""What is left of a deadline by rounding, less than this part of it, is no time."""


COUNT_MAX = 10_000_000
"""So many messages fill some gigabytes."""


def payments(count: int, *, amount: int = 10, first: int = 1) -> tuple[Message, ...]:
    """Return ``count`` payments of ``amount`` each; their ids are numbers, from ``first``.

    Raises ValueError for a number out of range.
    """
    at_least("count", count, 1)
    if count > COUNT_MAX:
        raise ValueError(f"count is {count}; allowed: at most {COUNT_MAX}, all are in memory")
    at_least("first", first, 0)
    if type(amount) is not int:
        raise ValueError(f"amount is {amount!r}; allowed: a whole number")
    return tuple(Message(str(number), amount) for number in range(first, first + count))
