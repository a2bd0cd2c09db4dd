"""The exercises of chapter 8.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Sequence

from ... import Bounds, ProcessOnce, ProcessOnly, RetryUntilAcked, payments
from ...core.world import World
from ..exercise import Exercise
from ..judges import called, number, searched, tried
from ..reader import Defined
from ..words import paid
from .myth import RECEIPTS, no_receipt

SENDER = {"sender": RetryUntilAcked("receiver", payments(1))}
ATTEMPTS_H = (0.0, 0.02, 0.1, 1.0, 12.0, 23.0)


def _keys(names: Defined) -> tuple[str, str]:
    key = names["key"]
    nine, three = ({"order": n, "attempt": 1, "amount": 350} for n in (7, 8))
    again = nine | {"attempt": 2}
    if key(nine) != key(again):
        return (
            "attempt",
            "The second attempt has another key: the coffee at nine is paid twice.",
        )
    if key(nine) == key(three):
        return "content", f"Two coffees, one key, one charge. {paid(350, 700)}"
    return "", f"Three requests, two keys, two charges. {paid(700, 700)}"


def _asks_again(status: int, should_retry: str) -> bool:
    if should_retry:
        return should_retry == "true"
    return status in (0, 409) or status >= 500


def _charged(keep_h: float, attempts_h: Sequence[float]) -> int:
    charges, until_h = 0, 0.0
    for at_h in attempts_h:
        if not charges or at_h >= until_h:
            charges, until_h = charges + 1, at_h + keep_h
    return charges


def _keep_h() -> int:
    return next(keep for keep in range(1, 99) if _charged(keep, ATTEMPTS_H) == 1)


def _forgotten(world: World) -> bool:
    """Whether nobody does anything about a receipt that is missing."""
    return world.tasks["receiver"] is None and no_receipt(world)


def _charged_twice(world: World) -> bool:
    return sum(world.stores["bank"].processed.values()) > 1


EXERCISES = (
    Exercise(
        name="whose-key",
        title="a key made of what?",
        question="""
            A shop makes the idempotency key of a request. A customer orders the same coffee
            at nine and at three, and the request of nine is sent again after a timeout.
            Change one line, so that two coffees are paid.
            """,
        start="""
def key(request):
    return f"coffee-{request['amount']}"
    # request: {"order": 7, "attempt": 1, "amount": 350}
""",
        judge=tried(_keys),
        hints={
            "content": """
                Both coffees cost the same. The key stands for an intention, not for a
                content: what tells the two intentions apart?
                """,
            "attempt": "A key that is new in each attempt is no key.",
        },
        solution="""
def key(request):
    return f"order-{request['order']}"
""",
        why="""
            Same intention, same key; new intention, new key, even if every byte is equal. The
            number of the order is made before the first attempt and stored with it.
            """,
    ),
    Exercise(
        name="what-is-retried",
        title="what is asked again",
        question="""
            Write the rule by which Stripe's client asks again. `status` is 0 for a connection
            that was cut. `should_retry` is the header `Stripe-Should-Retry`, "true", "false"
            or "". It is asked again after a cut, 409 and 5xx; and the header, if there is
            one, decides.
            """,
        start="def asks_again(status, should_retry):\n    return status >= 400",
        judge=called(
            "asks_again",
            _asks_again,
            {
                "400": (400, ""),
                "402": (402, ""),
                "409": (409, ""),
                "cut": (0, ""),
                "500": (500, ""),
                "kept": (500, "false"),
                "told": (402, "true"),
                "paid": (200, ""),
            },
        ),
        hints={
            "400": "A request that is wrong is wrong the second time as well.",
            "402": "The card was declined. Asking again changes nothing.",
            "409": "Another copy is being carried out: a little later there will be an answer.",
            "cut": "Nobody knows what happened. With the key it is safe to ask again.",
            "500": "The service failed, and may not fail the next time.",
            "kept": "The service keeps this failure under the key, and says so in the header.",
            "told": "The header says that it is worth it.",
            "paid": "It worked.",
        },
        solution="""
def asks_again(status, should_retry):
    if should_retry:
        return should_retry == "true"
    return status in (0, 409) or status >= 500
""",
        why="""
            The client guesses by the status, the service knows. So the service has the last
            word: one request for a 500 that is kept, three for one that is not.
            """,
    ),
    Exercise(
        name="how-long-a-key-counts",
        title="how long a key counts",
        question="""
            A client asks with one key at once, after about a minute, after 6 minutes, 1 hour,
            12 hours and 23 hours. How many whole hours has the service to keep the key, from
            the first request on, so that the card is charged once?
            """,
        start="answer = 12",
        judge=number(_keep_h),
        hints={
            "12": "The attempt after 12 hours finds the key just gone, and charges again.",
            "23": "At the end of the time the key is gone: the last attempt comes at 23 hours.",
            "less": "Each attempt that finds no key is a charge. Which one is the last?",
            "more": "Long enough, and a shorter time is, too.",
        },
        solution="answer = 23 + 1",
        why="""
            Longer than the last attempt, so 24. Stripe removes keys after at least 24 hours.
            Whoever asks again later has to look first what became of the charge.
            """,
    ),
    Exercise(
        name="passing-the-key-on",
        title="the key at the next company",
        question="""
            This service charges a card at a bank. The bank remembers ids, and a packet may be
            lost or the service crash. Change one line, so that the card is never charged
            twice.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        if source == "bank":
            return  # an answer that nobody waits for any more
        attempt = 1 + (yield Load("attempt"))
        yield Save("attempt", attempt)
        charge = Message(f"{payload.id}-{attempt}")
        acked = False
        while not acked:
            yield Send("bank", charge)
            acked = yield Receive(Ack(charge.id), 0.2)
        yield Send(source, Ack(payload.id))
""",
        judge=searched(
            lambda names: SENDER | {"receiver": names["Mine"](), "bank": ProcessOnce()},
            Bounds(losses=1, duplicates=0, crashes=1, crashable=("receiver",)),
            never={"charged twice": _charged_twice},
        ),
        hints={
            "charged twice": """
                After the crash the service asks under a new id, and the bank takes it for a
                new charge. Which id is the same in each of its lives?
                """,
            "lost": "The payment has to reach the bank under its own id, in every run.",
        },
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        if source == "bank":
            return  # an answer that nobody waits for any more
        charge = Message(payload.id)
        acked = False
        while not acked:
            yield Send("bank", charge)
            acked = yield Receive(Ack(charge.id), 0.2)
        yield Send(source, Ack(payload.id))
""",
        why="""
            The key of the charge is derived from the key of the request, so every attempt and
            every life of the service asks under one id. No memory of its own is needed for
            that.
            """,
    ),
    Exercise(
        name="an-outbox",
        title="an outbox",
        question="""
            The receipt is written down in the transaction of the payment, and sent from
            there. After a crash it stays where it is. Add what is missing: `start` runs at
            boot and after each restart. A receipt may be sent twice, and never be missing.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Atomic(
            Process(payload), Mark(payload.id), Save("outbox", payload.id),
            unless_marked=payload.id,
        )
        yield Send(source, Ack(payload.id))
        yield from self.deliver()

    def deliver(self):
        id = yield Load("outbox")
        if id:
            yield Send("customer", Message(f"receipt {id}", 0))
            yield Save("outbox", 0)
""",
        judge=searched(
            lambda names: SENDER | {"receiver": names["Mine"](), "customer": ProcessOnly()},
            RECEIPTS,
            allows=("twice",),
            never={"no receipt": _forgotten},
        ),
        hints={
            "no receipt": """
                The row lies in the outbox, and nobody looks: the sender has its ack and will
                not ask again. Who looks after a restart?
                """,
            "lost": "The payment itself has to be processed in every run.",
        },
        solution="""
class Mine(Passive):
    def start(self):
        yield from self.deliver()

    def receive(self, source, payload):
        yield Atomic(
            Process(payload), Mark(payload.id), Save("outbox", payload.id),
            unless_marked=payload.id,
        )
        yield Send(source, Ack(payload.id))
        yield from self.deliver()

    def deliver(self):
        id = yield Load("outbox")
        if id:
            yield Send("customer", Message(f"receipt {id}", 0))
            yield Save("outbox", 0)
""",
        why="""
            The outbox turns “perhaps never” into “at least once”. Its row goes when the mail
            has left, and a crash between the two sends the mail again.
            """,
    ),
)
