"""The exercises of chapter 17.

Book: 17-key-takeaways
"""

from __future__ import annotations

from collections.abc import Mapping

from ... import (
    Bounds, Deliver, Participant, ProcessOnce, ProcessThenAck, RetryUntilAcked, Timeout, Trace,
    payments, script,
)  # fmt: skip
from ...theory.retries import amplification
from ..exercise import Exercise
from ..judges import number, ran, searched, steps_of, tried
from ..reader import Defined

QUESTIONS = (4, 5)
PAIR = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessThenAck()}


def _early(names: Defined) -> Trace:
    return script(PAIR, *steps_of(names, Deliver, Timeout))


def _forgotten(names: Defined) -> tuple[str, str]:
    said = names["forgotten"]
    if said in QUESTIONS:
        return "", f"Takeaway {said} would have helped."
    return "other", f"Takeaway {said!r} is kept: the shop's trouble is another one."


def _client(names: Defined) -> Mapping[str, Participant]:
    return {"client": names["Client"](), "receiver": ProcessOnce()}


def _relayed(names: Defined) -> Mapping[str, Participant]:
    sender = RetryUntilAcked("receiver", payments(1))
    return {"sender": sender, "receiver": names["Mine"](), "ledger": ProcessOnce()}


EXERCISES = (
    Exercise(
        name="nothing-was-lost",
        title="always design for duplicates",
        question="""
            Nothing is lost, nothing is copied, and nobody crashes. Add one step before the
            ack arrives, so that the customer pays twice and the sender knows that it worked.
            """,
        start="steps = [Deliver(1), Deliver(2), Deliver(3)]",
        judge=ran(_early, "2 confirmed"),
        hints={
            "mistake": """
                There are only two packets so far, the message and its ack. Who sends a third
                one, and when?
                """,
            "1 confirmed": "The ack was quick enough. Let the timer of the sender be quicker.",
            "1": "The sender asks again: deliver what it sends.",
            "2": "Paid twice; let an ack reach the sender.",
        },
        solution='steps = [Deliver(1), Timeout("sender", early=True), Deliver(3), Deliver(2)]',
        why="""
            A timer that is early is a network that is slow. It happens in every system that
            waits for an answer and asks again.
            """,
    ),
    Exercise(
        name="which-was-forgotten",
        title="which takeaway was forgotten?",
        question="""
            A shop calls a payments service and waits for five seconds. On a timeout it shows
            “Payment failed, please try again”. The customer does, and pays twice. Which of
            the five takeaways was forgotten?
            """,
        start="forgotten = 1",
        judge=tried(_forgotten),
        hints={
            "other": """
                A timeout is no failure, it is a doubt; and the second click made a request
                with a new key.
                """,
        },
        solution="forgotten = 4",
        why="""
            The fourth, since a timeout may be a payment that worked. And the fifth: the
            second click made a new request with a new key, although the customer meant one
            payment.
            """,
    ),
    Exercise(
        name="four-layers",
        title="one layer too many",
        question="""
            A page, a gateway, a service and a library each make up to three attempts. The
            database does not answer. How many calls does it get for one click?
            """,
        start="answer = 4 * 3",
        judge=number(lambda: amplification(attempts=3, layers=4)),
        hints={
            "12": """
                They do not take turns: for each attempt of the upper layer the lower one
                makes three.
                """,
            "64": "Three to the power of the layers, not the other way round.",
            "less": "Attempts multiply.",
            "more": "Four layers, three attempts in each.",
        },
        solution="answer = 3**4",
        why="81. Let one layer retry, the one that knows the intention and its key.",
    ),
    Exercise(
        name="one-key",
        title="one key for all attempts",
        question="""
            This client asks until it is answered, with a key for each attempt. The service
            knows each key and is right; one packet may be lost. Change the client, so that
            one payment is made.
            """,
        start="""
class Client(Passive):
    messages = payments(1)

    def start(self):
        attempt, acked = 0, False
        while not acked and attempt < 3:
            attempt += 1
            payment = Message(str(attempt))
            yield Send("receiver", payment)
            acked = yield Receive(Ack(payment.id), 1.0)
""",
        judge=searched(
            _client,
            Bounds(losses=1, duplicates=0, crashes=0),
            never={
                "paid twice": lambda world: len(world.stores["receiver"].processed) > 1,
            },
        ),
        hints={
            "paid twice": """
                To the service two keys are two payments. What is the same in all attempts?
                """,
            "lost": "One loss, and nobody asked again.",
        },
        solution="""
class Client(Passive):
    messages = payments(1)

    def start(self):
        (payment,) = self.messages
        acked = False
        while not acked:
            yield Send("receiver", payment)
            acked = yield Receive(Ack(payment.id), 1.0)
""",
        why="""
            The key is made where the intention is made, before the first attempt, and used
            until there is an answer.
            """,
    ),
    Exercise(
        name="the-last-design",
        title="a service of your own",
        question="""
            Your service books a payment in a ledger at another company, which remembers ids.
            Write it: one packet may be lost or copied, and your service may crash. What is
            acked has to be booked, and booked once.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        if source == "sender":
            yield Send(source, Ack(payload.id))
            yield Send("ledger", payload)
""",
        judge=searched(
            _relayed,
            Bounds(losses=1, duplicates=1, crashes=1, crashable=("receiver",)),
        ),
        hints={
            "lost": """
                Acked, and not booked: the packet to the ledger was lost, or you crashed. When
                may you ack, and how do you know?
                """,
            "twice": """
                The ledger knows the id of the payment, and no other one. Do you process it
                yourself as well?
                """,
        },
        steps=(
            "`(yield Receive(Ack(payload.id), 0.2))` waits for the ledger's ack.",
            "Ask until it is there, and ack then.",
        ),
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        if source == "sender":
            acked = False
            while not acked:
                yield Send("ledger", payload)
                acked = yield Receive(Ack(payload.id), 0.2)
            yield Send(source, Ack(payload.id))
""",
        why="""
            Ask until there is an answer, with the id that is the same for ever, and say
            “done” when it is done. No memory of your own is needed: the sender and the ledger
            have one.
            """,
    ),
)
