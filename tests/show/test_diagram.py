"""The sequence diagram: what is drawn, where, and that no word is in the way of another."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery_semantics import (
    Ack,
    AlternatingBitReceiver,
    AlternatingBitSender,
    Bounds,
    Crash,
    Deliver,
    Duplicate,
    Event,
    FireAndForget,
    Lose,
    Message,
    ProcessOnce,
    ProcessThenAck,
    Restart,
    RetryUntilAcked,
    Send,
    Timeout,
    Trace,
    Verdict,
    explore,
    payments,
    script,
)
from delivery_semantics.core.effects import Participant, Passive
from delivery_semantics.live.run_log import LabelledMessage
from delivery_semantics.show.diagram import ROWS_MAX, WIDE, sequence
from delivery_semantics.show.diagram.grid import STRETCH_MAX
from delivery_semantics.show.diagram.layout import Drawing, lay_out
from delivery_semantics.show.diagram.narrow import NARROW, lay_out_narrow
from delivery_semantics.show.diagram.paper import (
    Box,
    Segment,
    Text,
    crosses,
    fitted,
    text_width,
)
from delivery_semantics.show.diagram.story import tell
from delivery_semantics.show.diagram.words import short

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
PAIR: dict[str, Participant] = {
    "sender": RetryUntilAcked("receiver", payments(1), attempts_max=3),
    "receiver": ProcessThenAck(),
}
AT_MOST_ONCE: dict[str, Participant] = {
    "sender": FireAndForget("receiver", payments(1)),
    "receiver": ProcessThenAck(),
}
THE_PROBLEM = script(
    PAIR, Lose(1), Timeout("sender"), Deliver(2), Lose(3), Timeout("sender"), Deliver(4)
)
LOST = script(AT_MOST_ONCE, Lose(1))
ACK_LOST = script(PAIR, Deliver(1), Lose(2), Timeout("sender"), Deliver(3), Deliver(4))
ONE = Message("1")
TWO = Message("2")


def trace(*events: Event, names: tuple[str, ...] = ("sender", "receiver")) -> Trace:
    return Trace(names, (ONE,), events)


def sent(packet: int = 1, message: Message = ONE, time_s: float = 0.0) -> Event:
    return Event(time_s, "sent", "sender", message, "receiver", packet)


def arrived(packet: int = 1, message: Message = ONE, what: str = "delivered") -> Event:
    return Event(1.0, what, "receiver", message, "sender", packet)


def drawn(of: Trace | Verdict, *, time_axis: bool = False, totals: bool = True) -> Drawing:
    return lay_out(tell(of, saves=True, totals=totals).cut(ROWS_MAX), time_axis=time_axis)


def words(drawing: Drawing) -> list[str]:
    return [text.words for text in drawing.texts]


def heights(drawing: Drawing) -> list[float]:
    return [mark.y for mark in drawing.signs]


def find(drawing: Drawing, word: str) -> Text:
    return next(text for text in drawing.texts if text.words == word)


# What is drawn ----------------------------------------------------------------------------


def test_the_documents_trace_is_drawn_as_stored() -> None:
    svg = sequence(THE_PROBLEM, title="The problem").svg
    stored = GOLDEN / "the_problem.svg"
    assert svg == stored.read_text(encoding="utf-8"), f"if better, store it in {stored}: {svg}"


def test_every_kind_of_event_is_drawn_as_stored() -> None:
    packets = (
        sent(1), sent(2, TWO), Event(0, "duplicated", "sender", ONE, "receiver", 3, 1),
        arrived(2, TWO), arrived(1), arrived(3), arrived(3, what="ignored"),
        Event(2, "sent", "receiver", Ack("1"), "sender", 4),
        Event(2, "lost", "receiver", Ack("1"), "sender", 4),
        Event(2, "sent", "receiver", TWO, "a store at the far end", 5),
        Event(3, "refused", "a store at the far end", TWO, "receiver", 5),
        sent(6, time_s=3),
    )  # fmt: skip
    local = (event for event, _ in EVENTS.values() if event.packet == 0)
    names = ("sender", "receiver", "a store at the far end")
    of = Trace(names, (ONE, TWO), (*packets, *local, EVENTS["processed"][0]))
    svg = sequence(of, title="Every kind", time_axis=True, saves=True).svg
    stored = GOLDEN / "every_kind.svg"
    assert svg == stored.read_text(encoding="utf-8"), f"if better, store it in {stored}: {svg}"


@pytest.mark.parametrize(
    "of", [THE_PROBLEM, LOST, ACK_LOST], ids=["problem", "at-most-once", "at-least-once"]
)
def test_the_documents_diagrams_are_small(of: Trace) -> None:
    assert len(sequence(of, title="A diagram").svg.encode()) <= 4096


def test_the_description_tells_the_story_in_sentences() -> None:
    assert sequence(LOST, title="Lost").description == (
        "Sender sends message 1 to receiver. Message 1 is lost. "
        "Processed: 1 ×0. Money expected 10, there 0."
    )
    assert sequence(LOST, title="Lost", description="In short.").description == "In short."


EVENTS = {
    "lost": (Event(1, "lost", "sender", ONE, "receiver", 1), "lost"),
    "refused": (arrived(what="refused"), "refused"),
    "processed": (Event(1, "processed", "receiver", ONE), "process 1"),
    "marked": (Event(1, "marked", "receiver", ONE), "mark 1"),
    "checked": (Event(1, "checked", "receiver", ONE, note="no"), "1 marked? no"),
    "loaded": (Event(1, "loaded", "receiver", note="stock=3"), "read stock=3"),
    "loaded at length": (
        Event(1, "loaded", "receiver", note="row=Message(id='1', amount=10)"),
        "read row",
    ),
    "asked": (Event(1, "asked", "receiver", note="300 s"), "clock: 300 s"),
    "skipped": (Event(1, "skipped", "receiver", ONE), "skip 1"),
    "saved": (Event(1, "saved", "receiver", note="bit=1"), "save bit=1"),
    "timed_out": (Event(1, "timed_out", "sender"), "timeout"),
    "timed_out early": (Event(1, "timed_out", "sender", note="early"), "timeout early"),
    "timed_out timer": (Event(1, "timed_out", "sender", note="timer lease"), "timer lease"),
    "timed_out timer early": (
        Event(1, "timed_out", "sender", note="timer lease, early"),
        "timer lease early",
    ),
    "timed_out cut": (Event(1, "timed_out", "sender", note="cut"), "connection cut"),
    "crashed": (Event(1, "crashed", "receiver", note="before Send"), "crash"),
    "restarted": (Event(1, "restarted", "receiver"), "restart"),
    "confirmed": (Event(1, "confirmed", "sender", ONE), "confirm 1"),
    "gave_up": (Event(1, "gave_up", "sender", ONE), "1 in doubt"),
    "dead_lettered": (Event(1, "dead_lettered", "receiver", ONE), "dead lettered 1"),
    "killed": (Event(1, "killed", "receiver"), "killed"),
    "partitioned": (Event(1, "partitioned", "receiver"), "cut off"),
}
SENTENCES = {
    "lost": "Message 1 is lost.",
    "refused": "Message 1 reaches receiver, which is down, and is gone.",
    "processed": "Receiver processes message 1.",
    "marked": "Receiver marks message 1.",
    "checked": "Receiver looks for message 1: it is not marked.",
    "loaded": "Receiver reads stock=3.",
    "loaded at length": "Receiver reads row=Message(id='1', amount=10).",
    "asked": "Receiver asks the clock: 300 s.",
    "skipped": "Receiver skips message 1.",
    "saved": "Receiver saves bit=1.",
    "timed_out": "The timer of sender runs out.",
    "timed_out early": "The timer of sender runs out early.",
    "timed_out timer": "The timer lease of sender runs out.",
    "timed_out timer early": "The timer lease of sender runs out early.",
    "timed_out cut": "The connection of sender ends without an answer.",
    "crashed": "Receiver crashes before Send.",
    "restarted": "Receiver restarts.",
    "confirmed": "Sender confirms message 1.",
    "gave_up": "Sender gives up; message 1 is in doubt.",
    "dead_lettered": "Receiver: dead lettered 1.",
    "killed": "Receiver: killed.",
    "partitioned": "Receiver is cut off.",
}


def test_a_payload_of_a_real_system_names_itself_by_its_label() -> None:
    asked = LabelledMessage("order 7", 2000, "charge, abc123")
    told = tell(trace(Event(0, "sent", "sender", asked, "receiver", 1)))
    assert told.flights[1].label == "charge, abc123"
    assert told.rows[0].sentence == "Sender sends charge, abc123 to receiver."


@pytest.mark.parametrize("kind", EVENTS)
def test_each_kind_of_event_has_its_words_and_its_sentence(kind: str) -> None:
    event, expected = EVENTS[kind]
    without, with_it = drawn(trace(sent())), drawn(trace(sent(), event))
    assert expected not in words(without)
    assert words(with_it).count(expected) == 1
    picture = sequence(trace(sent(), event), title="One event", saves=True)
    bare = sequence(trace(sent()), title="One event")
    assert expected in picture.svg
    assert SENTENCES[kind] in picture.description
    assert SENTENCES[kind] not in bare.description


SIGNS = ["lost", "refused", "processed", "marked", "skipped", "timed_out", "crashed"]


@pytest.mark.parametrize("kind", [*SIGNS, "restarted", "confirmed"])
def test_a_sign_tells_it_without_words_or_colour(kind: str) -> None:
    def shapes(of: Trace) -> set[str]:
        paths = re.findall(r'<path d="([^"]+)"', sequence(of, title="Shapes").svg)
        strokes = re.findall(r"M[^M]+", "".join(paths))
        return {re.sub(r"[-\d. ]+", "", stroke) for stroke in strokes}

    without, with_it = trace(sent(), arrived()), trace(sent(), EVENTS[kind][0])
    assert shapes(without) != shapes(with_it)


def test_what_happens_again_looks_different() -> None:
    process = Event(1, "processed", "receiver", ONE)
    twice = drawn(trace(process, process))
    assert [mark.what for mark in twice.signs] == ["processed", "processed again"]
    assert find(twice, "process 1 again").style != find(twice, "process 1").style


def test_what_a_participant_notes_for_itself_is_drawn_on_request() -> None:
    of = trace(EVENTS["saved"][0])
    assert "save bit=1" not in sequence(of, title="Saved").svg
    assert "save bit=1" in sequence(of, title="Saved", saves=True).svg


def test_an_ignored_packet_arrives_and_is_ignored() -> None:
    drawing = drawn(trace(sent(), arrived(), arrived(what="ignored")))
    assert drawing.arrows[0].flight.fate == "ignored"
    assert words(drawing).count("ignored") == 1
    assert (
        "arrives at receiver, and is ignored."
        in tell(trace(sent(), arrived(), arrived(what="ignored"))).sentences()[1]
    )


def test_a_retry_is_called_one_and_an_ack_is_not() -> None:
    acks = (Event(2, "sent", "receiver", Ack("1"), "sender", n) for n in (3, 4))
    drawing = drawn(trace(sent(1), sent(2), sent(5, TWO), *acks))
    labels = [word for word in words(drawing) if word[:3] in ("Mes", "Ack")]
    assert labels == ["Message 1", "Message 1 (retry)", "Message 2", "Ack 1", "Ack 1"]


def test_frames_show_their_bit() -> None:
    pair: dict[str, Participant] = {
        "sender": AlternatingBitSender("receiver", payments(2)),
        "receiver": AlternatingBitReceiver(),
    }
    drawing = drawn(script(pair, Deliver(1), Deliver(2)))
    assert {"Message 1, bit 0", "Ack, bit 0", "Message 2, bit 1"} <= set(words(drawing))


# What repeats for ever --------------------------------------------------------------------


def unanswered() -> Verdict:
    """A payment that is sent for ever to a receiver that never answers."""
    pair = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": Passive()}
    within = Bounds(losses=0, duplicates=0, crashes=0)
    return explore(pair, within).at_least_once_eventually


def test_the_turn_that_repeats_stands_in_a_frame_with_words() -> None:
    verdict = unanswered()
    drawing = lay_out(tell(verdict), time_axis=False)
    (left, top, right, bottom), label = drawing.frames[0], find(drawing, "again and again")
    assert len(drawing.frames) == 1
    assert left < label.box[0] < label.box[2] < right
    assert top < label.box[1]
    assert verdict.counterexample is not None
    assert not drawn(verdict.counterexample).frames
    first, *rows = [sign.y for sign in drawing.signs]
    assert first < top  # the first message leaves before the loop
    assert all(top < y < bottom for y in rows)
    assert drawing.height > bottom


def test_the_description_says_from_where_it_repeats() -> None:
    assert sequence(unanswered(), title="Unanswered").description == (
        "Sender sends message 1 to receiver. From here on it repeats for ever: Message 1 "
        "arrives at receiver, and is ignored. The timer of sender runs out. Sender sends "
        "message 1 to receiver again. Message 1 is still in flight. And so on. "
        "Processed: 1 ×0. Money expected 10, there 0."
    )


def test_a_frame_is_drawn_with_few_bytes_and_only_where_something_repeats() -> None:
    frame = 'stroke="var(--eo-accent, #8f63d6)"'
    assert sequence(unanswered(), title="Unanswered").svg.count(frame) == 1
    assert frame not in sequence(THE_PROBLEM, title="The problem").svg


def test_a_verdict_that_holds_has_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="“sure: holds”: no run breaks it; allowed: a verdict"):
        sequence(Verdict("sure", None), title="Nothing")


# Geometry ---------------------------------------------------------------------------------


def segment(drawing: Drawing, number: int) -> Segment:
    pieces = drawing.arrows[number].pieces
    return pieces[0][0], drawing.arrows[number].end


def test_a_message_that_was_overtaken_crosses_the_one_that_overtook_it() -> None:
    of = trace(sent(1), sent(2, TWO), arrived(2, TWO), arrived(1))
    first, second = segment(drawn(of), 0), segment(drawn(of), 1)
    assert first[0][1] < second[0][1]
    assert first[1][1] > second[1][1]
    assert "Message 1 arrives at receiver late" in " ".join(tell(of).sentences())
    in_order = drawn(trace(sent(1), sent(2, TWO), arrived(1), arrived(2, TWO)))
    assert segment(in_order, 0)[1][1] < segment(in_order, 1)[1][1]


def test_a_copy_leaves_with_the_original_and_is_dashed() -> None:
    copied = Event(0, "duplicated", "sender", ONE, "receiver", 2, 1)
    of = trace(sent(), copied, arrived(1), arrived(2))
    original, copy = segment(drawn(of), 0), segment(drawn(of), 1)
    assert original[0] == copy[0]
    assert original[1] != copy[1]
    assert "copy" in words(drawn(of))
    dashed = 'stroke-dasharray="6 4"'
    assert dashed in sequence(of, title="Copy").svg
    assert dashed not in sequence(trace(sent(), arrived()), title="No copy").svg


def test_an_arrow_falls_from_line_to_line_and_a_lost_one_does_not_arrive() -> None:
    fell, lost = drawn(trace(sent(), arrived())), drawn(LOST)
    (start, start_y), (end, end_y) = segment(fell, 0)
    assert (start, end) == tuple(line[0][0] for line in fell.lines)
    assert end_y > start_y
    assert start < segment(lost, 0)[1][0] < end - 50
    assert find(lost, "lost").box[2] < end


def test_what_is_in_flight_at_the_end_does_not_arrive_either() -> None:
    drawing = drawn(trace(sent()))
    assert segment(drawing, 0)[1][0] < drawing.lines[1][0][0] - 50
    assert "in flight" in words(drawing)
    assert "Message 1 is still in flight." in sequence(trace(sent()), title="Cut").description


def test_the_line_breaks_from_crash_to_restart() -> None:
    of = script(
        PAIR, Deliver(1), Crash("receiver", before=Send), Timeout("sender"), Deliver(2),
        Restart("receiver"),
    )  # fmt: skip
    drawing = drawn(of)
    marks = {mark.what: mark.y for mark in drawing.signs}
    assert [(a[1], b[1]) for a, b in drawing.down] == [(marks["crashed"], marks["restarted"])]
    ends = {y for a, b in drawing.lines for y in (a[1], b[1])}
    assert {marks["crashed"], marks["restarted"]} < ends


def test_a_timer_reaches_back_to_the_last_packet_sent() -> None:
    drawing = drawn(trace(sent(), sent(2, TWO), Event(1, "timed_out", "sender")))
    timer = drawing.signs[2]
    assert timer.since == segment(drawing, 1)[0][1]
    alone = drawn(trace(Event(1, "timed_out", "sender")))
    assert alone.signs[0].since == 0
    assert sequence(trace(Event(1, "timed_out", "sender")), title="Only a timer").svg


def test_seconds_are_shown_and_spread_the_rows() -> None:
    events = [Event(t, "marked", "receiver", ONE) for t in (0.0, 0.1, 0.25, 3.0, 3.0)]
    drawing, plain = drawn(trace(*events), time_axis=True), drawn(trace(*events))
    assert [w for w in words(drawing) if w.endswith(" s")] == ["0 s", "0.1 s", "0.25 s", "3 s"]
    assert not [w for w in words(plain) if w.endswith(" s")]
    y = heights(drawing)
    hours_later = [event._replace(time_s=event.time_s + 7200) for event in events]
    assert heights(drawn(trace(*hours_later), time_axis=True)) == y
    together = [event._replace(time_s=0.0) for event in events]
    assert heights(drawn(trace(*together), time_axis=True)) == heights(plain)
    assert max(b - a for a, b in pairwise(y)) <= STRETCH_MAX
    assert y[-1] - y[0] <= 2 * (plain.signs[-1].y - plain.signs[0].y)
    assert y[3] - y[2] > y[2] - y[1]
    assert y[3] - y[2] > plain.signs[3].y - plain.signs[2].y


def test_the_foot_counts_messages_and_money() -> None:
    assert words(drawn(THE_PROBLEM))[-1] == "processed: 1 ×2 · money expected 10, there 20"
    assert drawn(THE_PROBLEM).texts[-1].style == "alarm"
    right = drawn(script(PAIR, Deliver(1), Deliver(2)))
    assert right.texts[-1].words == "processed: 1 ×1 · money expected 10, there 10"
    assert right.texts[-1].style == "strong"
    assert "money" not in "".join(words(drawn(THE_PROBLEM, totals=False)))
    assert "Money" not in sequence(THE_PROBLEM, title="Hidden", totals=False).description
    many = Trace(("sender", "receiver"), payments(7), THE_PROBLEM.events)
    assert words(drawn(many))[-2:] == [
        "processed: 0 once, 1 more often, 6 never", "money expected 70, there 20",
    ]  # fmt: skip
    assert (
        "processed: 2 once, 1 more often, 2 never"
        in tell(
            Trace(
                ("receiver",),
                payments(5),
                tuple(Event(0, "processed", "receiver", Message(id)) for id in "12331"[1:]),
            )
        ).totals
    )
    process = EVENTS["processed"][0]
    lucky = Trace(("sender", "receiver"), (ONE, TWO), (process, process))
    assert drawn(lucky).texts[-1].words == "processed: 1 ×2, 2 ×0 · money expected 20, there 20"
    assert drawn(lucky).texts[-1].style == "alarm"
    four = Trace(("receiver",), payments(4), ())
    assert tell(four).totals[0] == "processed: 1 ×0, 2 ×0, 3 ×0, 4 ×0"
    nothing = Trace(("sender",), (), ())
    assert words(drawn(nothing)) == ["sender"]
    assert sequence(nothing, title="Nothing").description == "Nothing happens."


def test_of_a_long_trace_the_first_rows_are_drawn_and_the_rest_is_counted() -> None:
    events = [sent(), *(Event(1, "marked", "receiver", ONE) for _ in range(99)), arrived()]
    picture = sequence(trace(*events), title="Long")
    assert picture.svg.count(">mark 1<") == ROWS_MAX - 1
    assert "… 41 further events" in picture.svg
    assert "41 further events are not drawn." in picture.description
    assert "in flight" not in picture.svg
    drawing = drawn(trace(*events))
    assert find(drawing, "… 41 further events").box[1] > drawing.signs[-1].y
    assert len(drawing.arrows) == 1
    assert segment(drawing, 0)[1][0] < drawing.lines[1][0][0] - 50
    just_beyond = drawn(trace(*events[:ROWS_MAX], sent(2)))
    assert [arrow.flight.leaves for arrow in just_beyond.arrows] == [0]
    whole = sequence(trace(*events[1 : ROWS_MAX + 1]), title="Just short enough")
    assert whole.svg.count(">mark 1<") == ROWS_MAX
    assert "further" not in whole.svg


# Where the page is narrow ------------------------------------------------------------------

QUEUE = ("sender", "queue", "receiver")
LONG = "a note that says more than fits on one line beside three life lines, all in all"


def narrow(of: Trace, *, time_axis: bool = False) -> Drawing:
    return lay_out_narrow(tell(of, saves=True, totals=False), time_axis=time_axis)


def test_what_fits_on_a_phone_is_drawn_once() -> None:
    picture = sequence(LOST, title="The message is lost")
    assert lay_out(tell(LOST)).width <= NARROW
    assert picture.narrow == ""


def test_what_does_not_fit_on_a_phone_is_drawn_once_more_with_the_same_words() -> None:
    of = trace(sent(), arrived(), names=QUEUE)
    wide, narrow = drawn(of), lay_out_narrow(tell(of))
    picture = sequence(of, title="By way of nobody")
    assert wide.width > NARROW >= narrow.width
    assert f'viewBox="0 0 {narrow.width} ' in picture.narrow
    said, once_more = (" · ".join(words(drawing)).split(" · ") for drawing in (wide, narrow))
    assert sorted(said) == sorted(once_more)
    assert len(narrow.arrows) == len(wide.arrows)


def test_what_is_too_wide_for_any_page_is_drawn_only_with_its_words_at_the_right() -> None:
    of = trace(sent(), arrived(), names=tuple(f"process number {n}" for n in range(6)))
    of = replace(of, names=("sender", "receiver", *of.names))
    picture = sequence(of, title="Eight")
    assert drawn(of).width > WIDE
    assert picture.narrow == ""
    assert f'viewBox="0 0 {narrow(of).width} ' in picture.svg


def test_on_narrow_paper_all_words_stand_at_the_right_of_the_last_life_line() -> None:
    of = trace(sent(), arrived(), arrived(what="processed"), names=QUEUE)
    drawing = narrow(of)
    said = [text for text in drawing.texts if text.words in ("Message 1", "process 1")]
    assert len(said) == 2
    assert all(text.x > drawing.columns[-1] for text in said)
    assert [text.box[1] for text in said] == sorted({text.box[1] for text in said})


def test_on_narrow_paper_long_words_take_lines_and_the_next_row_makes_room() -> None:
    says = Event(1.0, "saved", "sender", note=LONG)
    drawing = narrow(trace(says, sent(), arrived(), names=QUEUE))
    lines = [text for text in drawing.texts if text.x > drawing.columns[-1]]
    assert " ".join(text.words for text in lines[:-1]) == f"save {LONG}"
    assert len(lines) > 2
    assert lines[-1].words == "Message 1"
    assert lines[-1].box[1] > lines[-2].box[3]
    assert max(text.box[2] for text in lines) <= drawing.width


def test_on_narrow_paper_seconds_stand_at_the_left_of_all_life_lines() -> None:
    drawing = narrow(trace(sent(), arrived()), time_axis=True)
    seconds = [text for text in drawing.texts if text.words in ("0 s", "1 s")]
    assert len(seconds) == 2
    assert max(text.box[2] for text in seconds) < drawing.columns[0] - 14, "room for a timer"


# Every trace ------------------------------------------------------------------------------

NAMES = [
    "sender",
    "receiver",
    "broker",
    "A service with an unusually long name",
    "データベース",
    "i",
]
IDS = st.sampled_from(["1", "2", "pay-4b825dc642cb6eb9a060e54bf8d69288fbee4904", "…", "W" * 12])
LOCAL = [
    "processed", "marked", "checked", "loaded", "asked", "skipped", "saved", "timed_out",
    "waited", "crashed", "restarted", "confirmed", "gave_up",
]  # fmt: skip


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    names = draw(st.permutations(NAMES))[: draw(st.integers(1, 4))]
    events: list[Event] = []
    flying: list[Event] = []
    packets = 0
    for time in range(draw(st.integers(0, 40))):
        time_s = time * draw(st.sampled_from([0.0, 0.01, 1.0]))
        what = draw(st.sampled_from(["sent", "sent", "land", "land", "duplicated", *LOCAL]))
        who, peer = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        payload = draw(st.sampled_from([Message, Ack]))(draw(IDS))
        if what in LOCAL:
            note = draw(st.sampled_from(["", "yes", "early", "before Send", "next=12345"]))
            events.append(Event(time_s, what, who, Message(payload.id), note=note))
        elif what == "sent":
            packets += 1
            flying.append(Event(time_s, "sent", who, payload, peer, packets))
            events.append(flying[-1])
        elif flying:
            packet = draw(st.sampled_from(flying))
            if what == "duplicated":
                packets += 1
                flying.append(packet._replace(packet=packets))
                copied = packet._replace(what=what, packet=packets, copy_of=packet.packet)
                events.append(copied)
                continue
            flying.remove(packet)
            fate = draw(st.sampled_from(["delivered", "refused", "lost", "ignored"]))
            if fate == "lost":
                events.append(packet._replace(time_s=time_s, what=fate))
                continue
            landed = packet._replace(time_s=time_s, who=packet.peer, peer=packet.who)
            events.append(landed._replace(what="delivered" if fate == "ignored" else fate))
            events += [landed._replace(what=fate)] if fate == "ignored" else []
    return Trace(tuple(names), payments(draw(st.integers(1, 6))), tuple(events))


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("place", [lay_out, lay_out_narrow])
@settings(max_examples=150)
@given(of=traces(), time_axis=st.booleans(), loop_event=st.integers(0, 40))
@pytest.mark.slow
def test_in_every_trace_words_are_apart_and_inside_and_lines_go_round_them(
    place: Callable[..., Drawing], of: Trace, time_axis: bool, loop_event: int
) -> None:
    verdict = Verdict("any", of, loop_event=loop_event)
    drawing = place(tell(verdict, saves=True).cut(ROWS_MAX), time_axis=time_axis)
    for one, other in combinations(drawing.texts, 2):
        assert not overlap(one.box, other.box), (one, other)
    for text in drawing.texts:
        left, top, right, bottom = text.box
        assert 0 <= left <= right <= drawing.width, text
        assert 0 <= top <= bottom <= drawing.height, text
        for arrow in drawing.arrows:
            inner = (left + 0.1, top + 0.1, right - 0.1, bottom - 0.1)
            assert not any(crosses(piece, inner) for piece in arrow.pieces), (text, arrow)
    for box, next_box in combinations(drawing.names, 2):
        assert not overlap(box, next_box)
    for _, top, _, bottom in drawing.frames:
        for text in drawing.texts:
            assert (
                text.box[3] <= top
                or top <= text.box[1] < text.box[3] <= bottom
                or (text.box[1] >= bottom)
            ), text
    assert heights(drawing) == sorted(set(heights(drawing)))


@settings(max_examples=50)
@given(traces())
def test_every_trace_is_well_formed_and_gives_the_same_bytes(of: Trace) -> None:
    picture = sequence(of, title="Any")
    root = ElementTree.fromstring(picture.svg)
    assert picture == sequence(replace(of), title="Any")
    assert "NaN" not in picture.svg
    for element in root.iter("{http://www.w3.org/2000/svg}path"):
        assert element.get("d")


def test_no_hash_seed_changes_a_byte() -> None:
    code = (
        "from delivery_semantics import *; "
        "from delivery_semantics.show.diagram import sequence; "
        "pair = {'a': RetryUntilAcked('b', payments(2)), 'b': ProcessOnce()}; "
        "print(sequence(script(pair, Duplicate(1), Deliver(2), Deliver(1)), title='t').svg)"
    )
    pair: dict[str, Participant] = {
        "a": RetryUntilAcked("b", payments(2)),
        "b": ProcessOnce(),
    }
    here = sequence(script(pair, Duplicate(1), Deliver(2), Deliver(1)), title="t").svg
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONIOENCODING": "utf-8"}
    there = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True
    )
    assert there.stdout.decode() == here + "\n"


def test_hostile_names_and_ids_are_only_words() -> None:
    name = "</text><script>alert(1)</script>\0\x1b&\"'"
    message = Message("<b onclick=x>")
    of = trace(
        Event(0, "sent", name, message, name, 1), Event(1, "processed", name, message),
        names=(name,),
    )  # fmt: skip
    picture = sequence(of, title=name, description="<script>")
    root = ElementTree.fromstring(picture.svg)
    tags = {element.tag.rsplit("}", 1)[-1] for element in root.iter()}
    assert tags == {"svg", "title", "desc", "path", "g", "text"}
    assert {"onclick"} & {key for element in root.iter() for key in element.attrib} == set()
    assert "Message <b onclick=x>"[:8] in "".join(root.itertext())


def test_a_stranger_in_an_event_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"'nobody' takes part in an event; allowed: sender, r"
    ):
        sequence(trace(sent()._replace(peer="nobody")), title="Who?")
    with pytest.raises(ValueError, match=r"trace.names is \(\); allowed: at least one"):
        sequence(Trace((), (), ()), title="Nobody")


def test_a_trace_may_begin_in_the_middle() -> None:
    lost = Event(1, "lost", "sender", ONE, "receiver", 8)
    copied = Event(1, "duplicated", "sender", ONE, "receiver", 9, 4)
    drawing = drawn(trace(arrived(7), lost, copied, arrived(9)))
    assert [arrow.flight.fate for arrow in drawing.arrows] == [
        "delivered", "lost", "delivered",
    ]  # fmt: skip


def test_a_long_id_shows_both_ends() -> None:
    assert [short("123456789012"), short("1234567890123")] == ["123456789012", "123456…0123"]


def test_a_packet_without_a_payload_is_a_packet() -> None:
    assert "Packet" in words(drawn(trace(sent()._replace(payload=None))))


def test_words_are_measured_on_the_wide_side_and_shortened_to_fit() -> None:
    assert text_width("データ") > text_width("abc")
    assert text_width("e\u0301") == text_width("e")
    assert text_width("a", bold=True) > text_width("a")
    assert fitted("short", 100) == "short"
    assert text_width(fitted("far too long for so little room", 60)) <= 60
    assert fitted("far too long", 60).endswith("…")
