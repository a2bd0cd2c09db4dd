"""The exercises of chapter 10.

Book: 10-real-world-systems
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from ... import (
    AckThenProcess, Bounds, Broker, Crash, Deliver, FireAndForget, Lose, Participant,
    ProcessOnce, ProcessThenAck, Restart, RetryUntilAcked, Timeout, Trace, explore, payments,
    script,
)  # fmt: skip
from ..exercise import Exercise, Judgement
from ..judges import number, ran, searched, steps_of
from ..reader import Defined

BOUNDS = Bounds(losses=1, duplicates=0, crashes=1, crashable=("consumer",))
"""One packet is lost, and the consumer is killed once."""

DROPS_COPIES = {
    "producer": RetryUntilAcked("broker", payments(1)),
    "broker": Broker("consumer", ids_max=None),
    "consumer": ProcessThenAck(),
}


def _disturbed(names: Defined) -> Trace:
    return script(DROPS_COPIES, *steps_of(names, Deliver, Lose, Crash, Restart, Timeout))


def _mixes() -> Iterator[Mapping[str, Participant]]:
    for producer in (FireAndForget, RetryUntilAcked):
        for broker in (None, Broker("consumer"), Broker("consumer", ids_max=None)):
            for consumer in (AckThenProcess(), ProcessThenAck(), ProcessOnce()):
                between = {"broker": broker} if broker else {}
                to = next(iter(between), "consumer")
                yield {"producer": producer(to, payments(1)), **between, "consumer": consumer}


@cache
def _right() -> int:
    """How many of the mixes are right in every run."""
    return sum(all(v.holds for v in explore(mix, BOUNDS).verdicts) for mix in _mixes())


def _chosen(names: Defined) -> Mapping[str, Participant]:
    return {
        "producer": names["producer"],
        "broker": names["broker"],
        "consumer": ProcessThenAck(),
    }


def _bought(names: Defined) -> Mapping[str, Participant]:
    return DROPS_COPIES | {"broker": names["broker"], "consumer": names["consumer"]}


def _cheap(names: Defined) -> Judgement:
    if getattr(names["broker"], "ids_max", 0) != 0:
        return Judgement(False, "This broker remembers ids: it is a FIFO queue.", ("FIFO",))
    return searched(_bought, BOUNDS)(names)


def _relayed(names: Defined) -> Mapping[str, Participant]:
    return {
        "producer": RetryUntilAcked("queue", payments(1)),
        "queue": Broker("consumer"),
        "consumer": names["Mine"](),
        "bank": ProcessOnce(),
    }


EXERCISES = (
    Exercise(
        name="behind-a-broker",
        title="behind a broker that drops copies",
        question="""
            This broker remembers every id and drops each copy that its producer makes. The
            consumer processes, then acks. Change one step and add what follows from it, so
            that the payment is made twice and the producer knows that it worked.
            """,
        start="steps = [Deliver(1), Deliver(2), Deliver(3), Deliver(4)]",
        judge=ran(_disturbed, "2 confirmed"),
        hints={
            "1 confirmed": """
                Packet 2 is the broker's ack to the producer, 3 the payment to the consumer,
                and 4 the consumer's ack. What does the broker do if one of them never comes?
                """,
            "2": "Made twice. Let the broker's ack reach the producer as well.",
            "1": "The producer has still to hear of it: its ack is packet 2.",
            "0 confirmed": "It is with the broker, and nobody has processed it yet.",
        },
        steps=(
            "The broker has a timer for each payment that it handed out, with its id as the "
            'name: `Timeout("broker", name="1")`.',
        ),
        solution="""
steps = [
    Deliver(1),
    Deliver(2),
    Deliver(3),
    Lose(4),
    Timeout("broker", name="1"),
    Deliver(5),
]
""",
        why="""
            The copy was made behind the broker's memory, by the broker itself. It has to hand
            out again what is not acked, since the consumer may have died. A memory for ids
            covers the way in, and a second copy is born on the way out.
            """,
    ),
    Exercise(
        name="eighteen-mixes",
        title="eighteen mixes",
        question="""
            A producer sends once, or asks until it is acked. Between is no broker, one that
            keeps no ids, or one that drops copies. A consumer acks and works, works and acks,
            or works once (with a mark in the same commit) and acks. One packet may be lost and
            the consumer killed once. In how many of the 18 mixes is the payment made exactly
            once, in every run?
            """,
        start="answer = 1",
        judge=number(_right),
        hints={
            "1": """
                Asks again, drops copies, works once: that one is right. Which of the three
                could you do without?
                """,
            "6": "All that work once, with each producer. What if the first packet is lost?",
            "2": "What does the consumer need to know copies by, if the broker keeps none?",
            "less": "For which brokers does it hold?",
            "more": "A producer that sends once loses, whatever stands behind it.",
        },
        solution="answer = 3",
        why="""
            A producer that asks again and a consumer that works once, with each of the three
            brokers, and with none at all. The broker's memory changes pictures and no word.
            """,
    ),
    Exercise(
        name="page-views",
        title="at-most-once on purpose",
        question="""
            You count page views. One that is missing does not matter, and one that is counted
            twice would be wrong. The consumer is given: it processes, then acks, and keeps no
            ids. Choose a producer of the package and the settings of the broker, so that
            nothing is counted twice.
            """,
        start="""
producer = RetryUntilAcked("broker", payments(1))
broker = Broker("consumer")
""",
        judge=searched(_chosen, BOUNDS, allows=("lost",)),
        hints={
            "twice": """
                Somebody made a copy: the producer, which asks again, or the broker, which
                hands out again. Both have to be told not to.
                """,
        },
        steps=(
            "`FireAndForget` sends each message once.",
            "`visibility_s=None`: what is handed out counts as done, as with `auto_ack`.",
        ),
        solution="""
producer = FireAndForget("broker", payments(1))
broker = Broker("consumer", visibility_s=None)
""",
        why="""
            At most once needs both ends as well: nobody may ask again, neither on the way in
            nor on the way out. RabbitMQ without confirms and with `auto_ack` is that.
            """,
    ),
    Exercise(
        name="the-cheaper-queue",
        title="the cheaper queue",
        question="""
            A FIFO queue remembers ids, costs more and does less in a second. Do without:
            choose a broker that remembers none, and a consumer of the package, so that the
            payment is made once in every run.
            """,
        start="""
broker = Broker("consumer", ids_max=None)
consumer = ProcessThenAck()
""",
        judge=_cheap,
        hints={
            "FIFO": "`ids_max` is how many ids it remembers: None is all, 0 is none.",
            "twice": """
                The queue does not know copies any more, and the FIFO queue did not know its
                own either. Who can?
                """,
            "lost": "Acked or marked before it is done, it is gone with the consumer.",
        },
        solution="""
broker = Broker("consumer")
consumer = ProcessOnce()
""",
        why="""
            The mark that the consumer needs anyhow, for what the queue hands out again, tells
            the producer's copies too. FIFO is for order.
            """,
    ),
    Exercise(
        name="from-the-queue-to-the-bank",
        title="from the queue to the bank",
        question="""
            Your consumer takes a payment from a queue and has a bank make it, by another
            packet. The bank remembers ids; the queue hands out again what is not acked. One
            packet may be lost and your consumer killed once. Design it: each payment is to be
            made once.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        if source == "queue":
            yield Send(source, Ack(payload.id))
            yield Send("bank", payload)
""",
        judge=searched(_relayed, BOUNDS),
        hints={
            "lost": """
                The bank has not made this payment, under its id, and the queue has been told
                that all is well. It would hand it out again: when may you tell it not to?
                """,
            "twice": "The bank makes the payment. Do not process it yourself as well.",
        },
        steps=(
            "`(yield Receive(Ack(payload.id), 1.0))` waits for the bank's answer: True if it "
            "came.",
            "No answer, no ack: the queue asks again for you.",
        ),
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        if source == "queue":
            yield Send("bank", payload)
            if (yield Receive(Ack(payload.id), 1.0)):
                yield Send(source, Ack(payload.id))
""",
        why="""
            Not a line of it remembers anything or asks again. The queue does the asking, the
            bank the remembering, and you hold your ack back until the bank has answered.
            """,
    ),
)
