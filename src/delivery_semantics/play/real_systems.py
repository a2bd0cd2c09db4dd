"""The games of the chapters on real systems: the broker's model with each system's choices.

Book: playground
"""

from __future__ import annotations

from collections.abc import Callable

from .. import (
    Bounds, Broker, FireAndForget, Participant, ProcessOnce, ProcessThenAck, RetryUntilAcked,
    payments,
)  # fmt: skip
from ..core.world import World
from ..protocols.capstone import BankModel, CardProcessor, ShopModel, times_booked
from ..protocols.log import AppendLog, Consumer
from .game import NEVER, SKIPPED, TWICE, Cast, Game, Goal, Levels, never_paid, twice
from .levels import LEVELS, receivers

CONSUMER = receivers(
    "consumer", "The consumer runs", ["ProcessThenAck", "AckThenProcess", "ProcessOnce"]
)

# Kafka --------------------------------------------------------------------------------------

PRODUCERS = {"plain": False, "idempotent": True}
PRODUCER = Levels(
    "producer", "The producer is", dict.fromkeys(PRODUCERS, ""), "Now make the producer {value}"
)  # fmt: skip
COMMITS = Levels(
    "commits", "The consumer commits its offset",
    {
        "after": "It processes first: at least once.",
        "before": "It commits first: at most once.",
        "with": "Offset and effect are one commit.",
    },
)  # fmt: skip


def _kafka(producer: str, commits: str) -> Cast:
    return {
        "producer": RetryUntilAcked("log", payments(1)),
        "log": AppendLog(PRODUCERS[producer]),
        "consumer": Consumer(commits),
    }


# RabbitMQ and SQS ---------------------------------------------------------------------------

PUBLISHERS: dict[str, Callable[..., Participant]] = {
    "FireAndForget": FireAndForget, "RetryUntilAcked": RetryUntilAcked,
}  # fmt: skip
PUBLISHER = Levels("publisher", "The publisher runs", dict.fromkeys(PUBLISHERS, ""))
QUEUES = {"standard": 0, "FIFO": None}
QUEUE = Levels(
    "queue", "The queue is",
    {
        "standard": "It takes every message that comes.",
        "FIFO": "It knows a message again by its deduplication id.",
    },
    "Now try a {value} queue",
)  # fmt: skip


def _rabbitmq(publisher: str, consumer: str) -> Cast:
    confirm = "stored" if publisher == "RetryUntilAcked" else "never"
    return {
        "publisher": PUBLISHERS[publisher]("queue", payments(1)),
        "queue": Broker("consumer", confirm=confirm),
        "consumer": LEVELS[consumer](),
    }


def _sqs(queue: str, consumer: str) -> Cast:
    return {
        "shop": RetryUntilAcked("queue", payments(1)),
        "queue": Broker("consumer", ids_max=QUEUES[queue]),
        "consumer": LEVELS[consumer](),
    }


# gRPC ---------------------------------------------------------------------------------------

SERVERS = {"forgets": ProcessThenAck(), "remembers": ProcessOnce()}
SERVER = Levels(
    "server", "The server",
    {"forgets": "It carries out what comes.",
     "remembers": "It keeps the id of a call in one commit with the payment."},
)  # fmt: skip
ATTEMPTS = {"one": 1, "five": 5}
POLICY = Levels(
    "attempts", "Attempts allowed", dict.fromkeys(ATTEMPTS, ""), "Now allow {value} attempts"
)  # fmt: skip


def _grpc(attempts: str, server: str) -> Cast:
    client = RetryUntilAcked("server", payments(1), attempts_max=ATTEMPTS[attempts])
    return {"client": client, "server": SERVERS[server]}


# From the button to the ledger --------------------------------------------------------------

WITHOUT = {
    "the idempotency key": (ShopModel(key=False), BankModel()),
    "the outbox": (ShopModel(outbox=False), BankModel()),
    "the confirm": (ShopModel(confirm=False), BankModel()),
    "the inbox": (ShopModel(), BankModel(inbox=False)),
    "the derived key": (ShopModel(), BankModel(derived_key=False)),
    "nothing": (ShopModel(), BankModel()),
}
MISSING = Levels(
    "missing", "What is missing", dict.fromkeys(WITHOUT, ""), "Now take out {value}"
)  # fmt: skip


def what_broke(world: World) -> str:
    """Say what is wrong: the card is charged twice or never, or the ledger has it twice."""
    if twice(world):
        return "The card was charged twice."
    if times_booked(world) > 1:
        return "The bank has booked the payment twice."
    return "The card was never charged." if never_paid(world) else ""


BROKEN = Goal(
    "broken", "Break it: charge twice, book twice, or never charge", what_broke,
    lambda world: bool(what_broke(world)),
)  # fmt: skip


def _capstone(missing: str) -> Cast:
    shop, bank = WITHOUT[missing]
    return {
        "customer": RetryUntilAcked("shop", payments(1)),
        "shop": shop,
        "broker": Broker("bank", visibility_s=1.0),
        "bank": bank,
        "card": CardProcessor(),
    }


REAL_SYSTEMS = (
    Game(
        "kafka",
        _kafka,
        Bounds(crashable=("consumer",), duplicates=0),
        goals=(TWICE, SKIPPED),
        settings=(PRODUCER, COMMITS),
        code="consumer",
        about="A producer writes a payment to a log, and a consumer polls the log from the "
        "offset that it has committed.",
    ),
    Game(
        "rabbitmq",
        _rabbitmq,
        Bounds(crashable=("queue", "consumer"), duplicates=0),
        goals=(NEVER, TWICE),
        settings=(PUBLISHER, CONSUMER),
        code="consumer",
        about="A publisher, a durable queue, and a consumer that acks. The queue hands out "
        "again what nobody acked.",
    ),
    Game(
        "sqs",
        _sqs,
        Bounds(crashable=("consumer",), duplicates=0, early_timeouts=1),
        settings=(QUEUE, CONSUMER),
        code="consumer",
        about="A shop, a queue with a visibility timeout, and a consumer whose ack deletes the "
        "message. The timeout may run out while the consumer is at work.",
    ),
    Game(
        "grpc",
        _grpc,
        Bounds(crashable=("server",), duplicates=0, early_timeouts=1),
        goals=(TWICE, NEVER),
        settings=(POLICY, SERVER),
        code="server",
        about="A client calls Pay and has a deadline. Its policy says how often it may try.",
    ),
    Game(
        "capstone",
        _capstone,
        Bounds(losses=1, duplicates=0, crashable=("shop", "bank"), reordering=False),
        goals=(BROKEN,),
        settings=(MISSING,),
        about="From the button to the ledger: five participants, five protections, and one of "
        "them taken out.",
    ),
)
"""One for each system, within the bounds of its chapter's search or narrower ones."""
