"""The exercises of chapter 14.

Book: 14-grpc
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ... import (
    Ack, Bounds, Confirm, Message, Participant, Passive, ProcessThenAck, Receive, ReceiveAny,
    Save, Send, Wait, payments, simulate,
)  # fmt: skip
from ...core.effects import Handler, Payload
from ...core.world import World
from ..exercise import Exercise
from ..judges import called, number, searched
from ..reader import Defined

ATTEMPTS_ALLOWED = 5
"""What gRPC makes of more, in its language cores; gRFC A6."""

CUT_TWICE = Bounds(losses=2, duplicates=0, crashes=0, reordering=False)
READER_CRASHES = Bounds(losses=1, duplicates=0, crashes=1, crashable=("reader",))
SERVER_CRASHES = Bounds(losses=1, duplicates=0, crashes=1, crashable=("server",))
UNAVAILABLE = {"maxAttempts": 9, "retryableStatusCodes": ["UNAVAILABLE"]}
LATE = {"maxAttempts": 3, "retryableStatusCodes": ["UNAVAILABLE", "DEADLINE_EXCEEDED"]}


class Hedging(Passive):
    """Sends the next attempt after a tenth of a second, up to four, until one is answered."""

    messages = payments(1)

    def start(self) -> Handler:
        """Pay."""
        (payment,) = self.messages
        for _ in range(4):
            yield Send("server", payment)
            if (yield Receive(Ack(payment.id), 0.1)):
                yield Confirm(payment.id)
                return


class SlowServer(Passive):
    """Replies after a quarter of a second, less the tenth that a packet takes on its way."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Work and reply."""
        yield Wait(0.05)
        yield Send(source, Ack(payload.id))


class Stream(Passive):
    """Sends the payment that stands at the position that it is asked for."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Send one."""
        yield Send(source, payments(2)[int(payload.id.rpartition(" ")[2])])


class Asking(Passive):
    """Asks until it is answered, and then once more, as after a reply that was lost."""

    messages = payments(1)

    def start(self) -> Handler:
        """Keep what it is told each time."""
        (payment,) = self.messages
        for which in ("first", "second"):
            told = None
            while not told:
                yield Send("server", payment)
                told = yield ReceiveAny(Message, timeout_s=1.0)
            yield Save(which, told[1].id)
        yield Confirm(payment.id)


def _hedged() -> int:
    run = simulate({"client": Hedging(), "server": SlowServer()})
    return sum(event.who == "client" for event in run.of("sent"))


def _again(
    policy: Mapping[str, Collection[str] | int], status: str, attempt: int, headers_came: bool
) -> bool:
    named, allowed = policy["retryableStatusCodes"], policy["maxAttempts"]
    assert isinstance(named, list)
    assert isinstance(allowed, int)
    if headers_came or status == "DEADLINE_EXCEEDED":
        return False
    return status in named and attempt < min(allowed, ATTEMPTS_ALLOWED)


def _told(names: Defined) -> Mapping[str, Participant]:
    return {"client": names["Client"](), "server": ProcessThenAck()}


def _told_failed(world: World) -> bool:
    told = world.stores["client"].saved.get("told")
    return told == "failed" and bool(world.stores["server"].processed)


def _told_paid(world: World) -> bool:
    told = world.stores["client"].saved.get("told")
    return told == "paid" and not world.stores["server"].processed


def _two_replies(world: World) -> bool:
    kept = world.stores["client"].saved
    return "second" in kept and kept["first"] != kept["second"]


EXERCISES = (
    Exercise(
        name="what-the-customer-is-told",
        title="what the customer is told",
        question="""
            This client waits for one second and has no second attempt. Packets may be lost.
            Change one word, so that what it tells the customer is never untrue.
            """,
        start="""
class Client(Passive):
    messages = payments(1)

    def start(self):
        (payment,) = self.messages
        yield Send("server", payment)
        if (yield Receive(Ack(payment.id), 1.0)):
            yield Save("told", "paid")
        else:
            yield Save("told", "failed")
""",
        judge=searched(
            _told,
            CUT_TWICE,
            allows=("lost",),
            never={"told failed": _told_failed, "told paid": _told_paid},
        ),
        hints={
            "told failed": """
                The reply was lost, and the money has moved. DEADLINE_EXCEEDED is the status of
                a client that has no answer. What does it know?
                """,
            "told paid": "Perhaps the request never came. Nobody has said that it is paid.",
            "twice": "One attempt is made: more of them need a server that remembers ids.",
        },
        solution="""
class Client(Passive):
    messages = payments(1)

    def start(self):
        (payment,) = self.messages
        yield Send("server", payment)
        if (yield Receive(Ack(payment.id), 1.0)):
            yield Save("told", "paid")
        else:
            yield Save("told", "in doubt")
""",
        why="""
            UNAVAILABLE and DEADLINE_EXCEEDED say that there is no answer. Whoever wants to
            say more has to ask again, under the same id, and the server has to remember it.
            """,
    ),
    Exercise(
        name="hedged-copies",
        title="hedging",
        question="""
            gRPC's other policy, hedging, does not wait for a failure: it sends the next
            attempt after `hedgingDelay`, here 0.1 s, up to `maxAttempts`, here 4, until one is
            answered. The answer to the first takes 0.25 s, and nothing is lost. How many
            attempts are sent?
            """,
        start="answer = 4",
        judge=number(_hedged),
        hints={
            "4": "The fourth would leave after 0.3 s. By then the first one is answered.",
            "1": "That would be a retry policy. This one sends again while it waits.",
            "less": "One leaves at once, and one after each tenth of a second.",
            "more": "There are at most four, and an answer ends it.",
        },
        solution="answer = len([0.0, 0.1, 0.2])",
        why="""
            Three, and each of them may be carried out, with no fault anywhere. Hedging buys a
            shorter wait with more copies: it is for methods that do not mind, or whose server
            remembers ids.
            """,
    ),
    Exercise(
        name="another-attempt",
        title="another attempt?",
        question="""
            Write the rule by which gRPC makes another attempt of a call. `policy` is a
            `retryPolicy`, `attempt` the number of the one that has just ended with `status`,
            and `headers_came` says whether headers of a reply were there. More than five
            attempts count as five. A deadline is the call's, not the attempt's.
            """,
        start="""
def again(policy, status, attempt, headers_came):
    return attempt < policy["maxAttempts"]
    # policy: {"maxAttempts": 9, "retryableStatusCodes": ["UNAVAILABLE"]}
""",
        judge=called(
            "again",
            _again,
            {
                "named": (UNAVAILABLE, "INTERNAL", 1, False),
                "headers": (UNAVAILABLE, "UNAVAILABLE", 1, True),
                "five": (UNAVAILABLE, "UNAVAILABLE", 5, False),
                "three": (LATE, "UNAVAILABLE", 3, False),
                "deadline": (LATE, "DEADLINE_EXCEEDED", 1, False),
                "again": (UNAVAILABLE, "UNAVAILABLE", 4, False),
            },
        ),
        hints={
            "named": "Only a status that the policy names is tried again.",
            "headers": "Once the headers of a reply have come, the call is committed.",
            "five": "Nine are asked for, and five are made. This was the fifth.",
            "three": "Three attempts were allowed, and this was the third.",
            "deadline": """
                The policy names it, and it does not help: when the deadline of the call is
                over, there is no time for another attempt.
                """,
            "again": "The fourth of five, the status is named, and no headers came.",
        },
        solution="""
def again(policy, status, attempt, headers_came):
    if headers_came or status == "DEADLINE_EXCEEDED":
        return False
    named = status in policy["retryableStatusCodes"]
    return named and attempt < min(policy["maxAttempts"], 5)
""",
        why="""
            Nothing in this rule asks whether the handler has run. So one call may be five
            payments, and it may end in doubt after one attempt.
            """,
    ),
    Exercise(
        name="where-the-stream-goes-on",
        title="where the stream goes on",
        question="""
            A reader asks a server for the payments of a stream, from a position on, and makes
            them. A packet may be lost, and the reader may crash: it goes on at the position
            that it has saved. Change it, so that each payment is made once.
            """,
        start="""
class Reader(Passive):
    messages = payments(2)

    def start(self):
        position = yield Load("position")
        while position < len(self.messages):
            yield Send("server", Message(f"from {position}"))
            payment = self.messages[position]
            if (yield Receive(payment, 1.0)):
                position = position + 1
                yield Save("position", position)
                yield Process(payment)
""",
        judge=searched(
            lambda names: {"reader": names["Reader"](), "server": Stream()}, READER_CRASHES
        ),
        hints={
            "lost": """
                The position says that the payment is made, and it is not: the crash fell
                between the two.
                """,
            "twice": """
                The payment is made, and the position does not say so. Which order has no gap
                between the two?
                """,
        },
        solution="""
class Reader(Passive):
    messages = payments(2)

    def start(self):
        position = yield Load("position")
        while position < len(self.messages):
            yield Send("server", Message(f"from {position}"))
            payment = self.messages[position]
            if (yield Receive(payment, 1.0)):
                position = position + 1
                yield Atomic(Process(payment), Save("position", position))
""",
        why="""
            No order is right, one commit is. The position is a mark like any other: it belongs
            where the effect is. Kafka's committed offsets are the same question.
            """,
    ),
    Exercise(
        name="the-same-reply",
        title="the same reply, whenever it is asked",
        question="""
            This server pays once for each id and replies with the number of a receipt. A
            client that lost the reply asks again and hears another number. A packet may be
            lost, and the server may crash. Write the server: one payment, one reply.
            """,
        start="""
class Server(Passive):
    def receive(self, source, payload):
        number = 1 + (yield Load("number"))
        yield Atomic(
            Process(payload), Mark(payload.id), Save("number", number),
            unless_marked=payload.id,
        )
        yield Send(source, Message(f"receipt {number}"))
""",
        judge=searched(
            lambda names: {"client": Asking(), "server": names["Server"]()},
            SERVER_CRASHES,
            never={"two replies": _two_replies},
        ),
        hints={
            "two replies": """
                The second time nothing was done, and the reply counts on. What was the reply
                the first time, and where is it kept?
                """,
            "twice": """
                Paid, and the reply not kept: after the crash the id is new. They have to be in
                one commit.
                """,
            "lost": "The payment is not made in every run.",
        },
        steps=("`Save(payload.id, number)` keeps the reply under the id.",),
        solution="""
class Server(Passive):
    def receive(self, source, payload):
        kept = yield Load(payload.id)
        if not kept:
            kept = 1 + (yield Load("number"))
            yield Atomic(Process(payload), Save("number", kept), Save(payload.id, kept))
        yield Send(source, Message(f"receipt {kept}"))
""",
        why="""
            The id, the payment and the reply are one commit; that is what the interceptor of
            this chapter does. A server that only skips the second payment has nothing to say
            to the client that asks for the first.
            """,
    ),
)
