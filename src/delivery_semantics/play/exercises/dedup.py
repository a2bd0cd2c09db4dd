"""The exercises of chapter 7.

Book: 07-deduplication
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from ... import Bounds, Exponential, RetryUntilAcked, payments
from ...theory.windows import bloom_bits_per_id, collisions_mean, last_attempt_s
from ..exercise import Exercise
from ..judges import called, number, searched

SENDER = {"sender": RetryUntilAcked("receiver", payments(1))}
CRASH = Bounds(losses=1, duplicates=1, crashes=1, crashable=("receiver",))
PAUSES = Exponential(30.0, 1200.0)


def _window_min() -> int:
    horizon_s = last_attempt_s(attempts=8, timeout_s=10.0, pause_s=lambda n: PAUSES("", n))
    return floor(horizon_s / 60) + 1


def _bits() -> int:
    return next(b for b in range(1, 200) if collisions_mean(ids=10**9, bits=b) < 1e-6)


def _accepted(arrivals: Sequence[tuple[str, float]], window_s: float) -> list[bool]:
    until_s: dict[str, float] = {}
    found = []
    for id, now_s in arrivals:
        new = until_s.get(id, now_s) <= now_s
        if new:
            until_s[id] = now_s + window_s
        found.append(new)
    return found


EXERCISES = (
    Exercise(
        name="the-smallest-window",
        title="the smallest window",
        question="""
            A sender makes 8 attempts. Its timeout is 10 seconds, and its pauses are 30, 60,
            120, … seconds, at most 1,200. You remember an id for a fixed time, from its first
            copy on. How many whole minutes have that to be, so that the payment is processed
            once?
            """,
        start="answer = 21",
        judge=number(_window_min),
        hints={
            "21": """
                That is longer than the longest pause, and would do for a window that slides
                with each copy. Yours counts from the first copy.
                """,
            "52": """
                A few seconds short: the last attempt leaves after 52 minutes and 40 seconds.
                """,
            "less": "Add up seven pauses and seven timeouts.",
            "more": "It is long enough; a shorter one is, too.",
        },
        solution="""
pauses = [30, 60, 120, 240, 480, 960, 1200]
answer = sum(pause + 10 for pause in pauses) // 60 + 1
""",
        why="""
            3,160 seconds are 52 minutes and 40 seconds, so 53. A copy can be under way for
            some time as well; a real window has a reserve for that.
            """,
    ),
    Exercise(
        name="first-time",
        title="is it the first time?",
        question="""
            Write what a store with a window does. Copies come as pairs (id, second). Return
            for each whether it is accepted: a copy is skipped for `window` seconds from the
            one that was accepted, and at the end of the window it is new.
            """,
        start="""
def accepted(arrivals, window):
    seen, found = set(), []
    for id, now in arrivals:
        found.append(id not in seen)
        seen.add(id)
    return found
""",
        judge=called(
            "accepted",
            _accepted,
            {
                "expired": ([("a", 0), ("a", 5), ("a", 20)], 10),
                "edge": ([("a", 0), ("a", 10)], 10),
                "fixed": ([("a", 0), ("a", 6), ("a", 12)], 10),
                "others": ([("a", 0), ("b", 1), ("a", 2)], 10),
            },
        ),
        hints={
            "expired": "After the window the id is forgotten, and the copy is new.",
            "edge": "At the end of the window it is new: the window is 10 seconds, not 11.",
            "fixed": """
                A copy that is skipped must not make the window longer. It counts from the
                copy that was accepted.
                """,
            "others": "Each id has a window of its own.",
        },
        solution="""
def accepted(arrivals, window):
    since, found = {}, []
    for id, now in arrivals:
        new = id not in since or now - since[id] >= window
        if new:
            since[id] = now
        found.append(new)
    return found
""",
        why="""
            The memory of the store is what was accepted in the last window. Each limit in it
            is a promise about the sender: no copy comes later.
            """,
    ),
    Exercise(
        name="enough-bits",
        title="enough bits",
        question="""
            You keep hashes instead of ids, and a billion messages lie within your
            window. How many bits does a hash need, so that on average less than one message
            in a million such windows is taken for another one?
            """,
        start="answer = 30",
        judge=number(_bits),
        hints={
            "30": """
                30 bits number a billion ids. Random hashes collide long before: each of them
                may meet each other.
                """,
            "50": """
                That would be one message in a million, if there was one pair. There are 5 ·
                10¹⁷.
                """,
            "less": "Pairs count: about n² / 2 of them, each equal with chance 2^-b.",
            "more": "Enough, and more than enough.",
        },
        steps=("Solve n² / 2^(b + 1) < 10^-6 for b, with n = 10^9.",),
        solution="answer = next(b for b in range(1, 200) if 10**18 / 2 ** (b + 1) < 10**-6)",
        why="""
            79 bits, ten bytes. A random id of 16 bytes costs six bytes more and needs no
            thought.
            """,
    ),
    Exercise(
        name="bits-of-a-filter",
        title="bits of a filter",
        question="""
            A Bloom filter may take one new id in a hundred for an old one. How many bits does
            it need for each id that it is made for?
            """,
        start="answer = 100",
        judge=number(lambda: bloom_bits_per_id(error=0.01), within=0.02),
        hints={
            "100": "Far less: one bit for each of a hundred would be a plain table.",
            "less": "log₂ 100 is 6.6. A filter needs 44 % more than that.",
            "more": "Fewer: log₂ of one over the error, times 1.44.",
        },
        solution="import math\n\nanswer = math.log2(100) / math.log(2)",
        why="""
            9.6 bits, whatever an id's length. Each further tenth of the error costs 4.8 bits.
            And what the filter takes for a copy is a payment that is lost.
            """,
    ),
    Exercise(
        name="where-the-mark-is",
        title="where the mark is kept",
        question="""
            This receiver keeps its marks in memory, `durable=False`, to be fast. Change it,
            so that losses, copies and a crash leave one payment.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        if not (yield Load(payload.id)):
            yield Process(payload)
            yield Save(payload.id, True, durable=False)
        yield Send(source, Ack(payload.id))
""",
        judge=searched(lambda names: SENDER | {"receiver": names["Mine"]()}, CRASH),
        hints={
            "twice": """
                After the crash the mark is gone, or was not written yet, and the payment is
                still there. The mark has to survive what the effect survives.
                """,
            "lost": "Marked and not done: the mark may not stand alone either.",
        },
        steps=("`Atomic(Process(…), Save(…))` writes both or neither.",),
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        if not (yield Load(payload.id)):
            yield Atomic(Process(payload), Save(payload.id, True))
        yield Send(source, Ack(payload.id))
""",
        why="""
            On disk is half of it; in the commit of the effect is the other half. A memory in
            front of it may save look-ups, and can never say “new” alone.
            """,
    ),
)
