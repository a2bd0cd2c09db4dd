"""The exercises of chapter 16.

Book: 16-which-guarantee
"""

from __future__ import annotations

from collections.abc import Callable

from ... import Bounds, ProcessThenAck, RetryUntilAcked, payments
from ...core.world import World
from ...theory.retries import Model
from ..exercise import Exercise, Judge, Judgement
from ..judges import called, number, searched
from ..reader import Defined

SENDER = {"sender": RetryUntilAcked("receiver", payments(1))}
EVERYBODY = Bounds(losses=1, duplicates=0, crashes=1)
NO_FAULTS = Bounds(losses=0, duplicates=0, crashes=0)
SERVICE_CRASHES = Bounds(losses=1, duplicates=0, crashes=1, crashable=("receiver",))

MEMORY_BYTES, BYTES_PER_ID, PER_SECOND = 10**9, 64, 1_000
COST_OF_A_COPY, COST_OF_AN_ID = 30.0, 0.001


def _hours() -> int:
    return MEMORY_BYTES // BYTES_PER_ID // PER_SECOND // 3600


def _loss() -> float:
    """Return the share of lost replies at which copies cost as much as the ids."""
    low, high = 0.0, 0.5
    for _ in range(60):
        middle = (low + high) / 2
        costs = COST_OF_A_COPY * float(Model(ack_loss=middle).duplicates_mean())
        low, high = (low, middle) if costs > COST_OF_AN_ID else (middle, high)
    return low


def recommended(lost: float, repeated: float, where: str) -> str:
    """Return the guarantee for these costs of a message, and for where its effect is."""
    if not lost:
        return "at most once" if repeated else "send and forget"
    if not repeated:
        return "at least once"
    return {
        "mine": "one commit", "takes a key": "pass a key on",
        "takes none": "choose your mistake",
    }[where]  # fmt: skip


def _kept_an_id(world: World) -> bool:
    return bool(world.stores["receiver"].marked)


def _unknown(world: World) -> bool:
    """Whether the sender takes it for done, it was not paid, and the book does not say so."""
    done = world.stores["sender"].settled.get("1") == "confirmed"
    under_way = any(packet.target == "gateway" for packet in world.packets.values())
    paid = under_way or world.stores["gateway"].processed
    return done and not paid and world.stores["receiver"].saved.get("book") != "in doubt"


def _alarm(world: World) -> bool:
    """Whether the sender takes it for done, and the book does not call it paid."""
    done = world.stores["sender"].settled.get("1") == "confirmed"
    return done and world.stores["receiver"].saved.get("book") != "paid"


def _book(bounds: Bounds, name: str, never: Callable[[World], bool]) -> Judge:
    return searched(
        lambda names: SENDER | {"receiver": names["Mine"](), "gateway": ProcessThenAck()},
        bounds,
        allows=("lost",),
        never={name: never},
    )


QUIET = _book(NO_FAULTS, "a false alarm", _alarm)
DISTURBED = _book(SERVICE_CRASHES, "missing, and nobody knows", _unknown)


def _honest(names: Defined) -> Judgement:
    """Judge a run in which nothing goes wrong, and then every run within the bounds."""
    quiet = QUIET(names)
    return DISTURBED(names) if quiet.passed else quiet


EXERCISES = (
    Exercise(
        name="a-mail-that-may-come-twice",
        title="a mail that may come twice",
        question="""
            “Your parcel has been sent.” A mail that is missing costs a call; one that comes
            twice costs nothing, and a memory of ids does. Choose a sender and a receiver of the
            package: nothing is lost, with a lost packet and a crash, and no id is kept.
            """,
        start="""
sender = FireAndForget("receiver", payments(1))
receiver = ProcessThenAck()
""",
        judge=searched(
            lambda names: {"sender": names["sender"], "receiver": names["receiver"]},
            EVERYBODY,
            allows=("twice",),
            never={"an id kept": _kept_an_id},
        ),
        hints={
            "lost": """
                Somebody has to insist, and somebody must not say “done” before it is done.
                Which of the two is missing?
                """,
            "an id kept": "It works, and costs a row for each mail, against a second mail.",
        },
        solution="""
sender = RetryUntilAcked("receiver", payments(1))
receiver = ProcessThenAck()
""",
        why="""
            At least once, and nothing more: what a copy costs is zero, so a cent to keep it out
            is too much. Ask for prices first, and for guarantees then.
            """,
    ),
    Exercise(
        name="a-window-in-a-gigabyte",
        title="a window in a gigabyte",
        question="""
            You have 10⁹ bytes for ids, 64 bytes each, and 1,000 messages in a second. For how
            many whole hours can you remember them, and so, how long may your clients' retries
            go on?
            """,
        start="answer = 277",
        judge=number(_hours),
        hints={
            "277": "An id needs 64 bytes, and not one.",
            "15,625": "Those are seconds.",
            "less": "Ids are bytes over 64; seconds are ids over 1,000.",
            "more": "That needs more than a gigabyte.",
        },
        solution="answer = 10**9 // 64 // 1_000 // 3_600",
        why="""
            Four hours. A schedule with an attempt after five makes a duplicate. Memory, rate
            and window are one equation: whoever changes one of them changes another.
            """,
    ),
    Exercise(
        name="from-which-loss-on",
        title="from which loss on?",
        question="""
            A payment that is made twice costs you 30 in work, and an id costs 0.001 to keep.
            Replies are lost with probability Q, also those to retries. From which Q on is the
            id the cheaper choice?
            """,
        start="answer = 0.001",
        judge=number(_loss),
        hints={
            "0.001": "That is what an id costs. How many copies may there be for that?",
            "more": "At that loss the copies cost more than the ids already.",
            "less": "At that loss the copies cost less than the ids still.",
        },
        steps=("Solve Q / (1 - Q) · 30 = 0.001.",),
        solution="answer = 0.001 / (30 + 0.001)",
        why="""
            One reply in 30,000. A network that is better than that still has processes that
            die between effect and reply.
            """,
    ),
    Exercise(
        name="three-questions",
        title="three questions, one answer",
        question="""
            Write the path of this chapter. `lost` and `repeated` are what one lost and one
            repeated message cost, `where` is "mine", "takes a key" or "takes none". Return
            "send and forget", "at most once", "at least once", "one commit", "pass a key on"
            or "choose your mistake".
            """,
        start="""
def guarantee(lost, repeated, where):
    return "one commit"
""",
        judge=called(
            "guarantee",
            recommended,
            {
                "nothing": (0, 0, "takes none"),
                "lost": (0, 30, "mine"),
                "repeated": (5, 0, "takes none"),
                "key": (5, 30, "takes a key"),
                "none": (5, 30, "takes none"),
                "mine": (5, 30, "mine"),
            },
        ),
        hints={
            "nothing": "Neither costs anything: a thermometer. Do not build anything for it.",
            "lost": "A lost one is cheap, and a repeated one is not: which row loses?",
            "repeated": """
                A repeated one costs nothing, so it does not matter where the effect is. Which
                row repeats?
                """,
            "key": "Both cost, and the other side knows keys. Use that.",
            "none": """
                Both cost, and the other side takes no key. Nobody can have it once there:
                say so.
                """,
            "mine": "Both cost, and the effect is in a database of yours.",
        },
        solution="""
def guarantee(lost, repeated, where):
    if not lost:
        return "at most once" if repeated else "send and forget"
    if not repeated:
        return "at least once"
    both = {"mine": "one commit", "takes a key": "pass a key on"}
    return both.get(where, "choose your mistake")
""",
        why="""
            The price comes before the place: only where both mistakes cost does it matter who
            keeps the effect.
            """,
    ),
    Exercise(
        name="an-honest-book",
        title="choose your mistake, and write it down",
        question="""
            Your service pays through a gateway that takes no key. You have chosen: never
            twice. A packet may be lost, and the service may crash. What is acked and was
            perhaps not paid has to stand in your book as "in doubt", so that somebody can
            compare. Complete the service.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        if source == "gateway":
            return  # an answer that comes too late
        if (yield Load("book")) == 0:
            yield Save("book", "asked")
            yield Send("gateway", payload)
            if (yield Receive(Ack(payload.id), 1.0)):
                yield Save("book", "paid")
        yield Send(source, Ack(payload.id))
""",
        judge=_honest,
        hints={
            "missing, and nobody knows": """
                Acked, not paid, and the book says something else. What does an answer mean
                that did not come, and what does "asked" mean after a crash?
                """,
            "a false alarm": "The gateway has answered. That payment is not in doubt.",
            "twice": """
                Asked again, and the gateway cannot tell. With the book at "asked" you may not
                ask a second time.
                """,
        },
        steps=('Before the ack: if the book does not say "paid", it has to say "in doubt".',),
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        if source == "gateway":
            return  # an answer that comes too late
        if (yield Load("book")) == 0:
            yield Save("book", "asked")
            yield Send("gateway", payload)
            if (yield Receive(Ack(payload.id), 1.0)):
                yield Save("book", "paid")
        if (yield Load("book")) == "asked":
            yield Save("book", "in doubt")
        yield Send(source, Ack(payload.id))
""",
        why="""
            Nobody can have it once there. What you can have is a short list of those that
            nobody knows about, and a person or a program that compares it with the gateway's.
            """,
    ),
)
