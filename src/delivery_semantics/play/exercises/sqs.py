"""The exercises of chapter 13.

Book: 13-aws-sqs
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ... import (
    Ack, Bounds, Broker, Load, Message, Once, Participant, Passive, Process, ProcessOnce,
    ProcessThenAck, RetryUntilAcked, Save, Send, Trace, Wait, payments, simulate,
)  # fmt: skip
from ...core.effects import Handler, Payload
from ..exercise import Exercise
from ..judges import called, ran, searched, tried
from ..reader import Defined
from ..words import paid

PRODUCER = {"producer": RetryUntilAcked("queue", payments(1))}
FIFO_WINDOW_S = 300.0
ONE_DATABASE = {"consumer": "database", "other consumer": "database"}

NO_FAULTS = Bounds(losses=0, duplicates=0, crashes=0)
LOST_ON_THE_WAY_OUT = Bounds(losses=2, duplicates=0, crashes=0, links=(("queue", "consumer"),))
CONSUMER_CRASHES = Bounds(losses=0, duplicates=0, crashes=1, crashable=("consumer",))


@dataclass(frozen=True)
class Script(Passive):
    """Sends these bodies, each after so many seconds, under ids made of the content."""

    bodies: tuple[tuple[float, str], ...]
    messages = payments(2)

    def start(self) -> Handler:
        """Send one after the other."""
        for after_s, body in self.bodies:
            yield Wait(after_s)
            yield Send("queue", Message(hashlib.sha256(body.encode()).hexdigest()))


class Dispatcher(Passive):
    """Gives what the queue hands out to two consumers in turn, and their words to the queue."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Pass it on."""
        if source != "queue":
            yield Send("queue", payload)
            return
        turn = yield Load("turn")
        yield Save("turn", 1 - turn)
        yield Send(tuple(ONE_DATABASE)[turn], payload)


class Unable(Passive):
    """Cannot read the first message. Then it is mended, and pays once for each payment."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process by the id of the payment, which stands before a slash."""
        if not (yield Load("mended")):
            yield Save("mended", True)
            return
        payment = Message(payload.id.partition("/")[0])
        yield Once(payment.id, Process(payment))
        yield Send(source, Ack(payload.id))


def _coffees(names: Defined) -> tuple[str, str]:
    body = names["body"]
    orders = [
        {"order": order, "amount": 10, "sent_at": at}
        for order, at in ((7, 0), (7, 2), (8, 240))
    ]
    sent = tuple(
        (after_s, body(order)) for after_s, order in zip((0.0, 2.0, 238.0), orders, strict=True)
    )
    queue = Broker("consumer", ids_max=None, window_s=FIFO_WINDOW_S)
    run = simulate({"producer": Script(sent), "queue": queue, "consumer": ProcessThenAck()})
    there = sum(event.who == "consumer" for event in run.of("processed")) * 10
    kind = "content" if there < 20 else "attempt" if there > 20 else ""
    return kind, f"Two coffees, three requests. {paid(there, 20)}"


def _visible(messages: Sequence[tuple[str, str]], in_flight: Collection[str]) -> list[str]:
    blocked = {group for id, group in messages if id in in_flight}
    found = []
    for id, group in messages:
        if group not in blocked:
            found.append(id)
            blocked.add(group)
    return found


def _dispatched(names: Defined) -> Mapping[str, Participant]:
    queue = Broker("dispatcher", visibility_s=30.0)
    consumers = {name: names["Mine"]() for name in ONE_DATABASE}
    return PRODUCER | {"queue": queue, "dispatcher": Dispatcher()} | consumers


def _slow(names: Defined) -> Trace:
    return simulate(_dispatched(names), stores=ONE_DATABASE)


def _limited(names: Defined) -> Mapping[str, Participant]:
    queue = names["queue"]
    if not isinstance(queue, Broker) or queue.deliveries_max is None:
        raise ValueError(f"queue is {queue!r}; allowed: a Broker with a deliveries_max")
    return PRODUCER | {"queue": queue, "consumer": ProcessOnce()}


def _brought_back(names: Defined) -> Mapping[str, Participant]:
    queue = Broker("consumer", ids_max=None, deliveries_max=1, park="dead letters")
    return PRODUCER | {"queue": queue, "consumer": Unable(), "dead letters": names["Mine"]()}


EXERCISES = (
    Exercise(
        name="a-body-with-an-id",
        title="two coffees",
        question="""
            A FIFO queue makes its ids of the content. A customer buys a coffee for 10, and
            another one four minutes later; the request for the first is sent a second time
            after a timeout. Change one line, so that 20 arrive.
            """,
        start="""
def body(request):
    return f"coffee for {request['amount']}"
    # request: {"order": 7, "amount": 10, "sent_at": 0}
""",
        judge=tried(_coffees),
        hints={
            "content": """
                Both bodies are equal, so the second coffee is a copy to the queue, and the
                producer hears OK. What tells the two apart?
                """,
            "attempt": """
                A retry has another time, so another body, and another id. What is the same in
                both attempts?
                """,
        },
        solution="""
def body(request):
    return f"order {request['order']}, coffee for {request['amount']}"
""",
        why="""
            The order's number is the same in each attempt, and another one for another coffee.
            Send it as the deduplication id as well, and nobody has to think of the body again.
            """,
    ),
    Exercise(
        name="brought-back",
        title="brought back from the dead letters",
        question="""
            A payment could not be read, and lies in the dead-letter queue. The consumer is
            mended, and pays once for each payment: its id is what stands before a slash. Your
            tool sends the payment to its queue again, within the five minutes. Change one
            line, so that it is paid.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        if isinstance(payload, Message):
            yield Send("queue", Message(payload.id))
            yield Send("queue", Ack(payload.id))  # delete it from the dead letters
""",
        judge=searched(_brought_back, NO_FAULTS),
        hints={
            "lost": """
                The queue answers OK, and delivers nothing: it still knows the id, and your
                copy was the only one there was. Under which id is it new to the queue, and
                the same payment to the consumer?
                """,
            "mistake": "Two lines are enough: send it again, and delete it here.",
        },
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        if isinstance(payload, Message):
            yield Send("queue", Message(f"{payload.id}/again"))
            yield Send("queue", Ack(payload.id))  # delete it from the dead letters
""",
        why="""
            Two ids, for two purposes. The queue's tells copies on the way in, and a payment
            that is brought back must not look like one. The payment's own goes on to the
            consumer, whose marks have no window.
            """,
    ),
    Exercise(
        name="who-waits",
        title="who waits for whom?",
        question="""
            A FIFO queue holds pairs (id, group), oldest first. Those whose ids are
            `in_flight` are with consumers that have not deleted them. Write a function that
            returns the ids that another consumer may get now, at most one of each group.
            """,
        start="""
def visible(messages, in_flight):
    return [id for id, group in messages if id not in in_flight]
""",
        judge=called(
            "visible",
            _visible,
            {
                "blocked": ([("a1", "Ada"), ("a2", "Ada"), ("b1", "Bob")], ["a1"]),
                "one": ([("a1", "Ada"), ("a2", "Ada"), ("b1", "Bob")], []),
                "all": ([("a1", "one"), ("b1", "one")], ["a1"]),
            },
        ),
        hints={
            "blocked": """
                Ada's first payment is not deleted, so her second one must not overtake it.
                Bob's is in another group.
                """,
            "one": "At most one of each group: the oldest that is there.",
            "all": "With one group for everything, everybody waits for one consumer.",
        },
        solution="""
def visible(messages, in_flight):
    blocked = {group for id, group in messages if id in in_flight}
    found = []
    for id, group in messages:
        if group not in blocked:
            found.append(id)
            blocked.add(group)
    return found
""",
        why="""
            The group is the unit of order, and the unit of waiting. SQS may hand out several
            of one group at once, to one consumer, in their order; never to two.
            """,
    ),
    Exercise(
        name="handed-over-how-often",
        title="how often before it is put aside?",
        question="""
            After `deliveries_max` deliveries the queue puts a message aside. Up to two of them
            may be lost on their way to the consumer, and nobody looks at what was put aside.
            Choose a number with which no payment is lost.
            """,
        start='queue = Broker("consumer", deliveries_max=1)',
        judge=searched(_limited, LOST_ON_THE_WAY_OUT),
        hints={
            "lost": """
                Put aside, with nothing wrong but the network. Each lost packet is a delivery
                to the queue, and none to the consumer.
                """,
            "mistake": """
                Without a limit a message that cannot be read comes back for ever. Give it a
                number.
                """,
        },
        solution='queue = Broker("consumer", deliveries_max=3)',
        why="""
            Three: two may fail, and one has to be left. There is no number for an outage: a
            consumer that is away for longer than all deliveries together finds its payments
            among the dead letters. Somebody has to look there.
            """,
    ),
    Exercise(
        name="a-heartbeat",
        title="more time",
        question="""
            The work takes 70 seconds, and the visibility timeout is 30. A second consumer is
            there. `Extend(id)` hides a message for 30 seconds more, from when the queue hears
            of it. Change the work, so that the payment is made once. Packets take a tenth of
            a second, and nothing goes wrong.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Wait(70.0)
        yield Process(payload)
        yield Send(source, Ack(payload.id))
""",
        judge=ran(_slow, "1 confirmed"),
        hints={
            "2 confirmed": """
                After 30 seconds the queue takes you for dead, and hands the payment to the
                other consumer. Say before then that you are at work, and again.
                """,
            "0 confirmed": "The work is never done: `Process` it, and ack it then.",
        },
        steps=("`yield Wait(20.0)`, then `yield Send(source, Extend(payload.id))`, …",),
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        for part_s in (20.0, 20.0, 20.0, 10.0):
            yield Wait(part_s)
            yield Send(source, Extend(payload.id))
        yield Process(payload)
        yield Send(source, Ack(payload.id))
""",
        why="""
            A heartbeat is a promise about time: that it leaves, and arrives, within 30
            seconds. In this run it holds. The search, whose packets may take as long as they
            like, breaks every heartbeat there is; try the next exercise.
            """,
    ),
    Exercise(
        name="a-consumer-for-any-queue",
        title="a consumer for any queue",
        question="""
            Two consumers share a database. The heartbeat beats, packets take as long as they
            like, and a consumer may crash. Write the consumer: each payment is made, and made
            once.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Wait(20.0)
        yield Send(source, Extend(payload.id))
        yield Wait(20.0)
        yield Process(payload)
        yield Send(source, Ack(payload.id))
""",
        judge=searched(_dispatched, CONSUMER_CRASHES, stores=ONE_DATABASE),
        hints={
            "twice": """
                Both consumers had it, one after a crash or because a packet was slow. Each
                has done its work, and the other one does not know. Where could it look?
                """,
            "lost": """
                The queue was told that it is done, and it was not. Delete when the money has
                moved.
                """,
        },
        steps=("`Once(id, Process(…))` processes and marks in one commit.",),
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Wait(20.0)
        yield Send(source, Extend(payload.id))
        yield Wait(20.0)
        yield Once(payload.id, Process(payload))
        yield Send(source, Ack(payload.id))
""",
        why="""
            One commit holds the effect and the id. The heartbeat now only spares work, and
            the consumer is right behind a standard queue as well.
            """,
    ),
)
