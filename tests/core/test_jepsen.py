"""Histories that Jepsen's checkers are tested with, and the audit beside their verdicts.

Source: jepsen-io/jepsen at 017d7eb and 0d15725, jepsen/test/jepsen/checker_test.clj (queue,
total-queue, set-full) and tests/kafka_test.clj. An invocation has no event of its own here but
for "sent"; ok is "confirmed" for a send and "processed" for a dequeue, a poll or a read; info
is "gave_up", fail is "failed". A fault is told in each, so that a verdict is never withheld for
want of one, and each subscriber of a Kafka history is one of its processes.

Left out, because they ask for what an event does not hold: reads that overlap in time (present
then missing, stale), a transaction of several sends of which one is seen (atomic, torn), a
partition that is taken from a consumer between two polls, order among sends of one client, and
what one transaction reads or writes twice within itself.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from delivery_semantics import (
    AT_LEAST_ONCE,
    FIFO,
    Audit,
    Event,
    Message,
    Record,
    Semantic,
    Trace,
    audit,
)


class History(NamedTuple):
    """What happened, what Jepsen says and what the audit says of it, and what both name."""

    events: str
    jepsen: str
    audit: str
    found: dict[str, str] = {}  # noqa: RUF012 - never changed
    semantic: Semantic = AT_LEAST_ONCE  # as a total queue, which only reports duplicates


def heard(events: str) -> Audit:
    """Judge "sent a, confirmed a@0, p: processed a@0, drained": a word, an id, a position."""
    told = [Event(0, "killed", "broker")]
    for part in filter(None, (part.strip() for part in events.split(","))):
        who, _, rest = part.rpartition(": ")
        what, _, named = rest.partition(" ")
        id, _, position = named.partition("@")
        record = Record(id, 0, "x", int(position) if position else None, group=who)
        told.append(Event(0, what, who or "client", record if named else None))
    ids = dict.fromkeys(
        e.payload.id for e in told if e.payload and e.what in ("sent", "confirmed", "failed")
    )
    messages = tuple(Message(id, 0) for id in ids)
    return audit(Trace(("client", "broker"), messages, tuple(told), outside=True))


HISTORIES = {
    # queue: only dequeues of what nobody enqueued are wrong
    "queue: empty": History("", "valid", "unknown"),
    "queue: possible enqueue but no dequeue": History("sent 1", "valid", "unknown"),
    "queue: definite enqueue but no dequeue": History("confirmed 1", "valid", "unknown"),
    "queue: concurrent": History("sent 1, processed 1", "valid", "unknown"),
    "queue: dequeue but no enqueue": History(
        "processed 1", "invalid", "broken", {"unexpected": "1"}
    ),
    # total-queue: a run of enqueues, then a drain
    "total: empty": History("drained", "valid", "unknown"),
    "total: sane": History(
        "sent 1, sent 2, confirmed 2, processed 1, processed 2, drained", "valid", "ok"
    ),
    "total: pathological": History(
        "sent hung, sent enqueued, confirmed enqueued, sent dup, confirmed dup, "
        "processed wtf, processed dup, processed dup, drained",
        "invalid",
        "broken",
        {"lost": "enqueued", "unexpected": "wtf", "duplicated": "dup"},
    ),
    "total: only a hung enqueue is missing": History(
        "sent hung, gave_up hung, sent 1, confirmed 1, processed 1, drained", "valid", "ok"
    ),
    "total: only a failed enqueue is missing": History(
        "sent no, failed no, sent 1, confirmed 1, processed 1, drained", "valid", "ok"
    ),
    "total: a duplicate alone": History(
        "confirmed 1, processed 1, processed 1, drained", "valid", "ok", {"duplicated": "1"}
    ),
    "total: acked, and not drained": History(
        "confirmed 1, confirmed 2, processed 2", "invalid", "unknown"
    ),
    # set-full: a final read is a drain
    "set: never read": History("confirmed 0", "unknown", "unknown"),
    "set: never confirmed, never read": History("sent 0, drained", "unknown", "unknown"),
    "set: read after": History("sent 0, confirmed 0, processed 0, drained", "valid", "ok"),
    "set: read before it is confirmed": History(
        "sent 0, processed 0, confirmed 0", "valid", "ok"
    ),
    "set: absent read after": History(
        "sent 0, confirmed 0, drained", "invalid", "broken", {"lost": "0"}
    ),
    "set: absent read concurrently": History("sent 0, confirmed 0", "unknown", "unknown"),
    # Kafka
    "kafka: lost write": History(
        "confirmed a@0, confirmed b@1, confirmed d@3, sent c, gave_up c, p: processed c@2",
        "invalid",
        "broken",
        {"lost": "a (p), b (p)"},
    ),
    "kafka: lost write, overwritten": History(
        "confirmed a@0, confirmed b@0, confirmed c@2, p: processed b@0, p: processed c@2",
        "invalid",
        "broken",
        {"lost": "a (p)", "two at one position": "a, b"},
    ),
    "kafka: aborted read": History(
        "failed 2, failed 3, p: processed 2@0", "invalid", "broken", {"aborted read": "2 (p)"}
    ),
    "kafka: aborted read of a transaction": History(
        "sent 2, sent 3, aborted 2, aborted 3, p: processed 2@0",
        "invalid",
        "broken",
        {"aborted read": "2 (p)"},
    ),
    "kafka: inconsistent offsets": History(
        "confirmed 641@537, confirmed 645@537, drained",
        "invalid",
        "broken",
        {"two at one position": "641, 645"},
    ),
    "kafka: a value at two offsets": History(
        "confirmed a@1, sent b, gave_up b, p: processed b@2, p: processed a@3",
        "invalid",
        "broken",
        {"one at two positions": "a"},
        FIFO,
    ),
    "kafka: poll skip": History(
        "sent a, sent b, sent c, sent d, sent g, p: processed a@1, p: processed b@2, "
        "q: processed c@3, p: processed d@4, confirmed f@6, p: processed g@7",
        "invalid",
        "broken",
        {"skipped": "c (p), f (p)"},
        FIFO,
    ),
    "kafka: an abort that does not roll back": History(
        "confirmed 0@0, confirmed 1@1, confirmed 2@2, confirmed 3@3, p: processed 0@0, "
        "p: processed 1@1, p: processed 2@2, p: aborted 1, p: aborted 2, p: processed 3@3",
        "invalid",
        "broken",
        {"skipped": "1 (p), 2 (p)"},
        FIFO,
    ),
    "kafka: an abort that rolls back": History(
        "confirmed 0@0, confirmed 1@1, confirmed 2@2, p: processed 0@0, "
        "p: processed 1@1, p: processed 2@2, p: aborted 1, p: aborted 2, "
        "p: processed 1@1, p: processed 2@2, drained",
        "valid",
        "ok",
        {"redelivered": "1 (p), 2 (p)"},
        FIFO,
    ),
    "kafka: nonmonotonic poll": History(
        "sent a, sent b, sent c, sent d, p: processed a@1, p: processed b@2, p: processed c@3, "
        "p: processed b@2, p: processed c@3, p: processed d@4",
        "invalid",
        "broken",
        {"out of order": "b (p)", "redelivered": "b (p), c (p)"},
        FIFO,
    ),
    "kafka: unseen": History(
        "confirmed a@0, confirmed b@1, p: processed a@0", "valid", "unknown"
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_the_audit_agrees_with_jepsen(name: str) -> None:
    history = HISTORIES[name]
    found = heard(history.events)
    assert {n: ", ".join(found.findings()[n]) for n in history.found} == history.found
    assert found.verdict(history.semantic).split(":")[0] == history.audit


def test_no_history_is_judged_the_other_way_round() -> None:
    pairs = {(history.jepsen, history.audit) for history in HISTORIES.values()}
    assert pairs & {("valid", "broken"), ("invalid", "ok")} == set()


def test_where_jepsen_knows_and_the_audit_does_not_nothing_was_read_to_its_end() -> None:
    withheld = {n: h for n, h in HISTORIES.items() if h.audit == "unknown" != h.jepsen}
    reasons = {heard(h.events).verdict(h.semantic).split(",")[0] for h in withheld.values()}
    assert reasons == {"unknown: nothing was acked", "unknown: not drained"}


def test_a_recovered_message_is_one_in_doubt_that_was_processed() -> None:
    found = heard(HISTORIES["total: sane"].events)
    assert found.recovered == ("1",)
    assert heard("sent 1, gave_up 1, drained").recovered == ()
    assert heard("sent 1, gave_up 1, mail: processed 1").recovered == ("1",)
