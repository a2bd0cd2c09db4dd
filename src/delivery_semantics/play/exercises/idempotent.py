"""The exercises of chapter 6.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Sequence

from ... import Bounds, Message, RetryUntilAcked, payments
from ...core.world import World
from ..exercise import Exercise
from ..judges import called, searched, tried
from ..reader import Defined

SENDER = {"sender": RetryUntilAcked("receiver", payments(1))}
BALANCES = {
    "sender": RetryUntilAcked("receiver", (Message("1", amount=10), Message("2", amount=20)))
}
CRASH = Bounds(losses=1, duplicates=1, crashes=1, crashable=("receiver",))


def _outdated(world: World) -> bool:
    newest = world.stores["sender"].settled.get("2") == "confirmed"
    return newest and world.stores["receiver"].saved.get("balance") != 20


def _both(x: int, y: int) -> tuple[int, int]:
    x = y
    return x, 0


def _differs(names: Defined) -> tuple[str, str]:
    state = names["x"], names["y"]
    once = _both(*state)
    again = _both(*once)
    said = f"Begun with {state}: once {once}, twice {again}."
    return ("" if once != again else "zero" if not any(state) else "same"), said


def _paid(requests: Sequence[tuple[str, int]]) -> int:
    return sum(dict(requests).values())


def _renamed(requests: Sequence[tuple[int, str]]) -> str:
    version, name = 1, "Ada"
    for if_match, wanted in requests:
        if if_match == version:
            version, name = version + 1, wanted
    return name


EXERCISES = (
    Exercise(
        name="two-steps",
        title="two idempotent steps, one after the other",
        question="""
            “Set x to y” is idempotent, and so is “set y to 0”. A job does both, in this
            order. Find values for which doing the job twice ends otherwise than doing it
            once.
            """,
        start="x, y = 0, 0",
        judge=tried(_differs),
        hints={
            "zero": "With zeros everywhere nothing can be seen.",
            "same": "The first run ends with x = y and y = 0. What does the second run copy?",
        },
        solution="x, y = 1, 2",
        why="""
            Once it ends with (2, 0), twice with (0, 0). A retry begins again in a state that
            its own end has changed. Idempotent steps do not make an idempotent job: the job
            needs an id.
            """,
    ),
    Exercise(
        name="a-transfer-with-an-id",
        title="a transfer with an id",
        question="""
            Requests come as pairs (id, amount), some of them twice. Write a function that
            returns how much money has moved when all have been carried out.
            """,
        start="def moved(requests):\n    return sum(amount for id, amount in requests)",
        judge=called(
            "moved",
            _paid,
            {
                "copy": ([("a", 10), ("a", 10)],),
                "equal": ([("a", 10), ("b", 10), ("a", 10)],),
                "none": ([],),
            },
        ),
        hints={
            "copy": "The second request has the same id: it is a copy, and moves nothing.",
            "equal": """
                Two requests of 10 with different ids are two transfers. The content does not
                tell copies apart, the id does.
                """,
            "none": "No request, no money.",
        },
        solution="def moved(requests):\n    return sum(dict(requests).values())",
        why="""
            What makes “add” idempotent is an id and a memory of the ids. To compare the
            content is not enough: two equal transfers are two transfers.
            """,
    ),
    Exercise(
        name="if-match",
        title="a rename that comes late",
        question="""
            User 123 is Ada, in version 1. Requests come as pairs (version, name): “if it is
            in this version, rename it”, and each rename makes the next version. Write a
            function that returns the name after a list of requests.
            """,
        start="""
def name_after(requests):
    name = "Ada"
    for version, wanted in requests:
        name = wanted
    return name
""",
        judge=called(
            "name_after",
            _renamed,
            {
                "copy": ([(1, "Bob"), (1, "Bob")],),
                "late": ([(1, "Bob"), (2, "Cy"), (1, "Bob")],),
                "race": ([(1, "Bob"), (1, "Eve")],),
            },
        ),
        hints={
            "copy": "The first request fits and is carried out.",
            "late": """
                The late copy of Bob's rename undoes Cy's. It asks for version 1, which is
                gone.
                """,
            "race": "Two have read version 1. The second is refused, with 412.",
        },
        solution="""
def name_after(requests):
    current, name = 1, "Ada"
    for version, wanted in requests:
        if version == current:
            current, name = current + 1, wanted
    return name
""",
        why="""
            PUT alone is idempotent and not safe against a copy that comes late. The condition
            makes the late copy a refusal. The price: a client whose reply was lost is refused
            too, and has to look.
            """,
    ),
    Exercise(
        name="set-the-balance",
        title="set, in any order",
        question="""
            Each message says what the balance is, 10 and then 20; its id is a number that
            rises. One packet may be copied and arrive late, and the receiver may crash. Write
            a receiver whose balance is never older than what the sender takes for done.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Save("balance", payload.amount)
        yield Send(source, Ack(payload.id))
""",
        judge=searched(
            lambda names: BALANCES | {"receiver": names["Mine"]()},
            CRASH,
            allows=("lost",),
            never={"an old balance": _outdated},
        ),
        hints={
            "an old balance": """
                Setting is idempotent. Yet a copy of “10” that comes after “20” sets 10 again,
                or a crash falls between two things that you keep.
                """,
        },
        steps=(
            "Keep the number of the newest message, and ignore lower ones.",
            "Balance and number have to change in one `Atomic`.",
        ),
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        number = int(payload.id)
        if number > (yield Load("number")):
            yield Atomic(Save("balance", payload.amount), Save("number", number))
        yield Send(source, Ack(payload.id))
""",
        why="""
            Idempotent protects against a copy that comes at once. Against one that comes late
            you need an order, and the number has to be as durable as the value.
            """,
    ),
    Exercise(
        name="only-if",
        title="from open to paid",
        question="""
            An order is paid once: its state goes from 0 to "paid". `Atomic(…, only_if=(key,
            value))` does nothing unless the saved value is that one. Write the receiver so
            that losses, copies and crashes leave one payment.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        if (yield Load("state")) == 0:
            yield Process(payload)
            yield Save("state", "paid")
        yield Send(source, Ack(payload.id))
""",
        judge=searched(lambda names: SENDER | {"receiver": names["Mine"]()}, CRASH),
        hints={
            "twice": """
                Paid, and the order still open: a crash before `Save`. The change of state and
                the payment have to be one step.
                """,
            "lost": "The order is paid on paper, and the money has not moved.",
        },
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Atomic(Process(payload), Save("state", "paid"), only_if=("state", 0))
        yield Send(source, Ack(payload.id))
""",
        why="""
            The state of the thing is as good as an id, where it can be left only once. In a
            database this is `UPDATE … WHERE state = 'open'` in the transaction of the effect.
            """,
    ),
)
