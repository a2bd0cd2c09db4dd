"""The same story as Mermaid text."""

from __future__ import annotations

import re

import pytest

from delivery_semantics import (
    Bounds,
    Deliver,
    Duplicate,
    Event,
    Lose,
    Message,
    ProcessThenAck,
    RetryUntilAcked,
    Timeout,
    Trace,
    explore,
    payments,
    script,
)
from delivery_semantics.core.effects import Participant, Passive
from delivery_semantics.show.mermaid import mermaid

PAIR: dict[str, Participant] = {
    "sender": RetryUntilAcked("receiver", payments(1)),
    "receiver": ProcessThenAck(),
}
HEADER = "sequenceDiagram\n    participant sender\n    participant receiver\n"
LINE = re.compile(
    r"    (participant \w+( as [^#;%<>]*(#\d+;[^#;%<>]*)*)?"
    r"|(Note over \w+|\w+--?(>>|x|\))\w+): [^#;%<>]*(#\d+;[^#;%<>]*)*)"
)


def lines(trace: Trace) -> list[str]:
    text = mermaid(trace)
    assert text.startswith(HEADER)
    return [line.strip() for line in text.removeprefix(HEADER).splitlines()]


def test_the_documents_trace() -> None:
    trace = script(
        PAIR, Lose(1), Timeout("sender"), Deliver(2), Lose(3), Timeout("sender"), Deliver(4)
    )
    assert mermaid(trace) == HEADER + (
        "    sender-xreceiver: Message 1, lost\n"
        "    Note over sender: timeout\n"
        "    sender->>receiver: Message 1 (retry)\n"
        "    Note over receiver: process 1\n"
        "    receiver-xsender: Ack 1, lost\n"
        "    Note over sender: timeout\n"
        "    sender->>receiver: Message 1 (retry)\n"
        "    Note over receiver: process 1 again\n"
        "    receiver-)sender: Ack 1, in flight\n"
    )


def test_a_packet_that_takes_long_is_told_twice() -> None:
    trace = script(PAIR, Timeout("sender"), Deliver(2), Deliver(1), Deliver(3))
    assert lines(trace) == [
        "Note over sender: Message 1 leaves",
        "Note over sender: timeout",
        "sender->>receiver: Message 1 (retry)",
        "Note over receiver: process 1",
        "Note over receiver: Ack 1 leaves",
        "sender->>receiver: Message 1, late",
        "Note over receiver: process 1 again",
        "Note over receiver: Ack 1 leaves",
        "receiver->>sender: Ack 1",
        "Note over sender: confirm 1",
        "receiver-)sender: Ack 1, in flight",
    ]


def test_what_repeats_for_ever_is_a_loop() -> None:
    pair = {"sender": PAIR["sender"], "receiver": Passive()}
    verdict = explore(pair, Bounds(losses=0, crashes=0)).at_least_once_eventually
    assert mermaid(verdict) == HEADER + (
        "    Note over sender: Message 1 leaves\n"
        "    loop again and again\n"
        "        sender->>receiver: Message 1, ignored\n"
        "        Note over sender: timeout\n"
        "        sender-)receiver: Message 1 (retry), in flight\n"
        "    end\n"
    )


def test_a_copy_has_a_dashed_arrow() -> None:
    told = lines(script(PAIR, Duplicate(1), Deliver(1), Deliver(2)))
    assert told[0] == "sender->>receiver: Message 1"
    assert "sender-->>receiver: Message 1, copy" in told


def test_what_meets_nobody_ends_in_a_cross_and_what_is_ignored_arrives() -> None:
    sent = Event(0, "sent", "sender", Message("1"), "receiver", 1)
    refused = Event(1, "refused", "receiver", Message("1"), "sender", 1)
    trace = Trace(("sender", "receiver"), (), (sent, refused))
    assert lines(trace) == ["sender-xreceiver: Message 1, refused"]
    landed = (refused._replace(what="delivered"), refused._replace(what="ignored"))
    ignored = Trace(("sender", "receiver"), (), (sent, *landed))
    assert lines(ignored) == ["sender->>receiver: Message 1, ignored"]


def test_what_a_participant_notes_for_itself_is_told_on_request() -> None:
    trace = Trace(("sender", "receiver"), (), (Event(0, "saved", "sender", note="sent=1"),))
    assert lines(trace) == []
    assert "Note over sender: save sent=1" in mermaid(trace, saves=True)


@pytest.mark.parametrize(
    "name", ["end", "Note", "P7", "two words", "a;b#c", "%%{init}%%", "<b>\n", "\0"]
)
def test_a_name_that_mermaid_would_misread_gets_an_alias(name: str) -> None:
    message = Message(f"{name}: {name}")
    events = (
        Event(0, "sent", name, message, "ok", 1),
        Event(1, "delivered", "ok", message, name, 1),
        Event(2, "processed", "ok", message),
    )
    told = mermaid(Trace((name, "ok"), (), events)).splitlines()
    assert told[0] == "sequenceDiagram"
    assert told[1].startswith("    participant P1 as ")
    assert told[2] == "    participant ok"
    assert told[3].startswith("    P1->>ok: Message ")
    assert len(told) == 5
    for line in told[1:]:
        assert LINE.fullmatch(line), line


def test_a_trace_of_strangers_is_refused() -> None:
    with pytest.raises(ValueError, match="'nobody' takes part in an event; allowed: sender"):
        mermaid(Trace(("sender",), (), (Event(0, "restarted", "nobody"),)))
