"""The exercises of chapter 15.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ... import Bounds, Broker, Participant, ProcessOnce, RetryUntilAcked, payments
from ...core.world import World
from ...protocols.capstone import times_booked
from ..exercise import Exercise
from ..judges import called, searched, tried
from ..reader import Defined

BROKER = {"broker": Broker("bank", visibility_s=1.0)}
SHOP = {"shop": RetryUntilAcked("broker", payments(1))} | BROKER
CUSTOMER = {"customer": RetryUntilAcked("shop", payments(1))} | BROKER
SHOP_CRASHES = Bounds(losses=1, duplicates=0, crashes=1, crashable=("shop",), reordering=False)
BANK_CRASHES = Bounds(losses=1, duplicates=0, crashes=1, crashable=("bank",), reordering=False)


def _asked(payment: int, kind: str, attempt: int) -> dict[str, Any]:
    return {"payment": payment, "kind": kind, "attempt": attempt}


def _keys(names: Defined) -> tuple[str, str]:
    key = names["key"]
    charge, refund, other = (
        _asked(7, "charge", 1),
        _asked(7, "refund", 1),
        _asked(8, "charge", 1),
    )
    again = _asked(7, "charge", 2)
    carried_out = len({key(each) for each in (charge, again, other, refund)})
    said = (
        f"Two charges and a refund are meant, in four requests; {carried_out} are carried out."
    )
    if key(charge) != key(again):
        return "attempt", said
    if key(charge) == key(refund):
        return "refund", said
    return "" if key(charge) != key(other) else "payment", said


def _differences(ours: Sequence[str], theirs: Sequence[str]) -> tuple[list[str], list[str]]:
    booked, charged = Counter(ours), Counter(theirs)
    return sorted((booked - charged).elements()), sorted((charged - booked).elements())


def _with_shop(names: Defined) -> Mapping[str, Participant]:
    return CUSTOMER | {"shop": names["Shop"](), "bank": ProcessOnce()}


def _with_bank(names: Defined) -> Mapping[str, Participant]:
    return SHOP | {"bank": names["Bank"](), "card": ProcessOnce()}


def _booked_twice(world: World) -> bool:
    return times_booked(world) > 1


def _not_booked(world: World) -> bool:
    return bool(world.stores["card"].processed) and not times_booked(world)


EXERCISES = (
    Exercise(
        name="one-line-higher",
        title="one line higher",
        question="""
            A colleague has moved a line of the bank upwards, so that the broker does not wait
            for the database. A packet may be lost, and the bank may crash. Move it back to
            where nothing is lost.
            """,
        start="""
class Bank(Passive):
    def receive(self, source, payload):
        yield Send(source, Ack(payload.id))
        yield Once(payload.id, Process(payload))
""",
        judge=searched(lambda names: SHOP | {"bank": names["Bank"]()}, BANK_CRASHES),
        hints={
            "lost": """
                A crash between the two lines: the broker believes it done, and nobody has
                booked it. None of the five protections is about this.
                """,
            "twice": "Without the inbox, a message that comes again is booked again.",
        },
        solution="""
class Bank(Passive):
    def receive(self, source, payload):
        yield Once(payload.id, Process(payload))
        yield Send(source, Ack(payload.id))
""",
        why="""
            At-least-once is a promise that the consumer has to keep as well: the ack says that
            it is done, so it stands after the commit.
            """,
    ),
    Exercise(
        name="a-key-for-the-refund",
        title="a key for the refund",
        question="""
            The forwarder asks the card processor for charges, and now for refunds too. It
            makes the key of a request from its event. A charge is asked for twice, after a
            crash. Change one line, so that each charge and each refund is carried out once.
            """,
        start="""
def key(event):
    return f"payment-{event['payment']}"
    # event: {"payment": 7, "kind": "charge", "attempt": 1}
""",
        judge=tried(_keys),
        hints={
            "refund": """
                The refund has the key of the charge, so the processor takes it for a copy, and
                the customer does not get the money back.
                """,
            "attempt": "A key that is new in each attempt is no key: it is charged twice.",
            "payment": "Two payments are two intentions.",
        },
        solution="""
def key(event):
    return f"{event['kind']}-{event['payment']}"
""",
        why="""
            A derived key has in it all that tells two intentions apart, and nothing that tells
            two attempts apart: not the attempt, not the process, not the time.
            """,
    ),
    Exercise(
        name="the-program-at-night",
        title="the program that runs at night",
        question="""
            The card processor takes no key. `ours` are the ids of the payments in your ledger,
            `theirs` those of its charges, an id for each charge. Write a function that returns
            two sorted lists: what has still to be charged, and what to give back, an id for
            each charge too many.
            """,
        start="""
def differences(ours, theirs):
    return sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
""",
        judge=called(
            "differences",
            _differences,
            {
                "twice": (["a", "b"], ["a", "a", "b"]),
                "thrice": (["a"], ["a", "a", "a"]),
                "both": (["b", "a", "c"], ["c", "c"]),
                "unknown": (["a"], ["a", "x"]),
            },
        ),
        hints={
            "twice": "a was charged twice, and sets do not count.",
            "thrice": "Two charges are too many: give back both.",
            "both": "b and a were never charged, and c was charged twice.",
            "unknown": "A charge for a payment that nobody has booked is given back as well.",
        },
        steps=("`collections.Counter` counts, and can be subtracted.",),
        solution="""
from collections import Counter


def differences(ours, theirs):
    booked, charged = Counter(ours), Counter(theirs)
    missing, extra = booked - charged, charged - booked
    return sorted(missing.elements()), sorted(extra.elements())
""",
        why="""
            Where the far end takes no key, this is what is left: the audit, at night. And
            giving back goes through the same interface, so the program has to be audited too.
            """,
    ),
    Exercise(
        name="until-the-broker-has-it",
        title="until the broker has it",
        question="""
            The shop writes a payment and its event in one commit, and sends the event from its
            outbox. A packet may be lost, and the shop may crash: then `start` runs. The broker
            acks what it has stored. Mend the outbox, so that no payment is lost.
            """,
        start="""
class Shop(Passive):
    def start(self):
        yield from self.timer("outbox")

    def receive(self, source, payload):
        if source == "broker":
            return
        event = Save("outbox", payload)
        yield Atomic(Mark(payload.id), event, unless_marked=payload.id)
        yield Send(source, Ack(payload.id))
        yield from self.timer("outbox")

    def timer(self, name):
        event = yield Load("outbox")
        if event:
            yield Save("outbox", 0)
            yield Send("broker", event)
""",
        judge=searched(_with_shop, SHOP_CRASHES),
        hints={
            "lost": """
                The event has left the outbox, and nobody has it: a crash before it was sent,
                or a lost packet after. When may its row go, and who sends it until then?
                """,
        },
        steps=(
            "The broker's ack comes to `receive`: there the row may go.",
            '`yield Arm("outbox", 1.0)` has `timer` run again after a second.',
        ),
        solution="""
class Shop(Passive):
    def start(self):
        yield from self.timer("outbox")

    def receive(self, source, payload):
        if source == "broker":
            yield Save("outbox", 0)
            return
        event = Save("outbox", payload)
        yield Atomic(Mark(payload.id), event, unless_marked=payload.id)
        yield Send(source, Ack(payload.id))
        yield from self.timer("outbox")

    def timer(self, name):
        event = yield Load("outbox")
        if event:
            yield Send("broker", event)
            yield Arm("outbox", 1.0)
""",
        why="""
            Commit the effect together with the word about it, and repeat the word until it is
            confirmed. The broker may get it twice; that is what the bank's inbox is for.
            """,
    ),
    Exercise(
        name="a-bank-of-your-own",
        title="a bank of your own",
        question="""
            The bank takes payments from a broker, books them with `Save("booked", …)`, and
            asks the card processor, which remembers ids. A packet may be lost, and the bank
            may crash. Write it: what the shop has sent is booked once and charged once.
            """,
        start="""
class Bank(Passive):
    def receive(self, source, payload):
        if source == "card":
            return
        booked = yield Load("booked")
        yield Save("booked", booked + 1)
        yield Send("card", payload)
        yield Send(source, Ack(payload.id))
""",
        judge=searched(
            _with_bank,
            BANK_CRASHES,
            never={"booked twice": _booked_twice, "charged and not booked": _not_booked},
        ),
        hints={
            "booked twice": """
                The message came again: its ack was lost, or never sent. How does the bank know
                that it has booked it? Where does it keep that, and in which commit?
                """,
            "lost": """
                Booked, and never charged: the word to the card processor was lost, or you
                crashed before it. What does the shop do with an event?
                """,
            "charged and not booked": "Entry and outbox have to be in one commit.",
            "twice": """
                The card processor was asked under two ids. Which id does a payment have in
                every attempt of every process?
                """,
        },
        steps=(
            """
            One commit holds the mark of the id, the entry, and the payment in an outbox; it is
            skipped where the id is marked.
            """,
            "`start` and `timer` send the outbox until the card processor's ack is there.",
        ),
        solution="""
class Bank(Passive):
    def start(self):
        yield from self.timer("outbox")

    def receive(self, source, payload):
        if source == "card":
            yield Save("outbox", 0)
            return
        booked = yield Load("booked")
        yield Atomic(
            Mark(payload.id), Save("booked", booked + 1), Save("outbox", payload),
            unless_marked=payload.id,
        )
        yield Send(source, Ack(payload.id))
        yield from self.timer("outbox")

    def timer(self, name):
        order = yield Load("outbox")
        if order:
            yield Send("card", order)
            yield Arm("outbox", 1.0)
""",
        why="""
            Inbox, entry and outbox in one commit; the ack after it; the word repeated until it
            is confirmed; the id as the key. It is the bank of this chapter, in twenty lines.
            """,
    ),
)
