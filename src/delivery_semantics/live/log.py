"""A trace as text: one line of JSON for each event, so that anybody's run can be audited.

``FIELDS`` says what a line may hold, and ``WORDS`` what can have happened. A log needs nothing
else: who took part and what was sent is gathered from its events, and it counts as somebody
else's run, which may go on after its last line. `to_lines` writes one line more, the first,
which says all this exactly.

Book: 02-delivery-semantics
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, NamedTuple, TypeVar

from ..core.check import of_type
from ..core.effects import Ack, Message, Payload
from ..core.trace import PARKED, WHAT, Event, Record, Trace
from . import wire

Made = TypeVar("Made")
FORMAT = 1


class Field(NamedTuple):
    """What a field may be, the same as a test, and what it means."""

    allowed: str
    fits: Callable[[Any], bool]
    means: str


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_time(value: object) -> bool:
    return type(value) is int or (type(value) is float and isfinite(value))


def _is_payload(value: object) -> bool:
    return isinstance(value, list) and value != [] and _is_text(value[0])


TEXT, COUNT = "text", "a whole number, 0 or more"
FIELDS = {
    "what": Field(", ".join(WHAT), lambda value: value in WHAT, "what happened; needed"),
    "who": Field("text, not empty", lambda v: _is_text(v) and v != "", "where; needed"),
    "time_s": Field("a finite number", _is_time, "when, in seconds; the order is the lines'"),
    "id": Field(TEXT, _is_text, "the message, by the id that its sender chose"),
    "kind": Field("message, ack", lambda v: v in ("message", "ack"), "without it a message"),
    "amount": Field(
        "a whole number", lambda v: type(v) is int, "its money; else as other lines say, or 0"
    ),
    "key": Field(TEXT, _is_text, "the partition or group within which order counts"),
    "position": Field(COUNT, _is_count, "its place there, as the system tells it"),
    "delivery": Field(COUNT, _is_count, "1 when it is handed over for the first time"),
    "group": Field(TEXT, _is_text, "the subscriber; each is to process every message"),
    "peer": Field(TEXT, _is_text, "the other end of a packet"),
    "packet": Field(COUNT, _is_count, "the packet's number, from 1"),
    "copy_of": Field(COUNT, _is_count, "the packet of which this is a copy"),
    "note": Field(TEXT, _is_text, "anything else"),
    "payload": Field("a list", _is_payload, "another payload: its kind and fields"),
}
WORDS = {
    "sent": "a sender puts the message on its way, at every attempt",
    "confirmed": "the sender is told that it was taken",
    "gave_up": "the sender stops, and does not know",
    "failed": "the sender is told that it was not taken, at any attempt",
    "delivered": "it is handed to a consumer",
    "processed": "it has its effect",
    "aborted": "rolled back: the effect if `who` had processed it, else the sending",
    **dict.fromkeys(PARKED, "it is put aside, and no longer to be processed"),
    "drained": "everything was read to the end, by this `group` or without one by all",
    **dict.fromkeys(("killed", "paused", "partitioned"), "a fault from outside"),
    **dict.fromkeys(("resumed", "healed"), "a fault from outside ends"),
}
"""What the words mean that the log of a real system needs."""

PLACE = ("key", "position", "delivery", "group")
OWN = {"peer": "", "packet": 0, "copy_of": 0, "note": ""}
BY_SENDER = ("sent", "confirmed", "gave_up", "failed")
ABOUT_ONE = (
    *BY_SENDER, "delivered", "processed", "aborted", "rejected", "dead_lettered", "expired",
    "returned",
)  # fmt: skip


def to_lines(trace: Trace) -> Iterator[str]:
    """Give the trace as lines, without their ends; `from_lines` makes an equal one of them.

    Raises ValueError for what JSON cannot say, such as a time that is not finite.
    """
    of_type("trace", trace, Trace)
    messages = [{"id": m.id, "amount": m.amount} for m in trace.messages]
    head = {"format": FORMAT, "names": trace.names, "messages": messages}
    yield json.dumps(head | {"outside": trace.outside})
    for event in trace.events:
        line = {"time_s": event.time_s, "what": event.what, "who": event.who}
        line |= _written(event.payload) if event.payload else {}
        line |= {name: v for name, none in OWN.items() if (v := getattr(event, name)) != none}
        yield json.dumps(line, allow_nan=False)


def from_lines(lines: Iterable[str]) -> Trace:
    """Return the trace that stands in these lines; empty ones are passed over.

    A payload of a kind that ``wire.learn`` was not told of is read as a message or an ack.
    Raises ValueError for a line that is wrong, with its number, what is wrong and what is
    allowed.
    """
    of_type("lines", lines, Iterable, allowed="a text, or lines of text")
    given = lines.split("\n") if isinstance(lines, str) else lines
    read = [(n, line) for n, text in enumerate(given, 1) if (line := _at(n, _object, text))]
    began = read[0] if read and "format" in read[0][1] else None
    read = read[1:] if began else read
    for number, line in read:
        _at(number, _check, line, began is None)
    amounts: dict[str, int] = {}
    for _, line in read:
        if "id" in line and "amount" in line:
            amounts.setdefault(line["id"], line["amount"])
    events = tuple(_at(number, _event, line, amounts) for number, line in read)
    return _at(began[0], _begun, began[1], events) if began else _gathered(events, amounts)


def _gathered(events: tuple[Event, ...], amounts: Mapping[str, int]) -> Trace:
    names = dict.fromkeys(name for e in events for name in (e.who, e.peer) if name)
    sent = (e.payload for e in events if e.what in BY_SENDER)
    ids = dict.fromkeys(p.id for p in sent if p and p.kind != "ack")
    messages = tuple(Message(id, amounts.get(id, 0)) for id in ids)
    return Trace(tuple(names), messages, events, outside=True)


def _begun(line: dict[str, Any], events: tuple[Event, ...]) -> Trace:
    match line:
        case {
            "format": int(number), "names": list(names), "messages": list(sent),
            "outside": bool(out), **other,
        } if number is not True and number == FORMAT and not other:  # fmt: skip
            messages = tuple(_message(each) for each in sent)
            return Trace(tuple(names), messages, events, outside=out)
    raise ValueError(f"{line} is no first line; allowed: what to_lines writes")


def _message(made_of: object) -> Message:
    match made_of:
        case {"id": id, "amount": amount, **other} if not other:
            return Message(id, amount)
    raise ValueError(f"messages: {made_of!r} is none; allowed: an id and an amount")


# One line ---------------------------------------------------------------------------------


def _at(number: int, make: Callable[..., Made], *given: object) -> Made:
    try:
        return make(*given)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"line {number}: {error}") from error


def _object(text: str) -> dict[str, Any]:
    """Return the object of a line, {} for one that is empty."""
    if not of_type("line", text, str).strip():
        return {}
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        where = f"{error.msg} at character {error.pos + 1}"
        raise ValueError(f"no JSON, {where}; allowed: one object") from error
    if not isinstance(found, dict) or not found:
        raise ValueError(f"{text.strip()[:40]} is no object; allowed: one JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{twice[0]!r} is there twice; allowed: once")
    return dict(pairs)


def _check(line: dict[str, Any], bare: bool) -> None:
    for name, value in line.items():
        if name not in FIELDS:
            raise ValueError(f"{name!r} is no field; allowed: {', '.join(FIELDS)}")
        if not FIELDS[name].fits(value):
            raise ValueError(f"{name} is {value!r}; allowed: {FIELDS[name].allowed}")
    needed = (
        ("what", "who", "id") if bare and line.get("what") in ABOUT_ONE else ("what", "who")
    )
    for name in needed:
        if name not in line:
            raise ValueError(f"{name} is missing; allowed: {FIELDS[name].allowed}")


def _event(line: dict[str, Any], amounts: Mapping[str, int]) -> Event:
    own = (line.get(name, none) for name, none in OWN.items())
    payload = _payload(line, amounts)
    return Event(line.get("time_s", 0.0), line["what"], line["who"], payload, *own)


def _payload(line: dict[str, Any], amounts: Mapping[str, int]) -> Payload | None:
    id, place = line.get("id", ""), {name: line[name] for name in PLACE if name in line}
    amount = line.get("amount", amounts.get(id, 0))
    if line.get("payload", [""])[0] in wire.KINDS:
        made = _made(line["payload"])
        if (made.id, getattr(made, "amount", amount)) != (id, amount):
            raise ValueError(f"payload is {made!r}; allowed: what has this id and this amount")
        return made
    if place:
        return Record(id, amount, **place)
    if "id" not in line:
        return None
    return Ack(id) if line.get("kind") == "ack" else Message(id, amount)


def _made(content: list[Any]) -> Payload:
    try:
        return wire.read(content)
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"payload is {content!r}; allowed: what to_lines writes") from error


def _written(payload: Payload) -> dict[str, Any]:
    line: dict[str, Any] = {"id": payload.id}
    if payload.kind == "ack":
        line["kind"] = "ack"
    if hasattr(payload, "amount"):
        line["amount"] = payload.amount
    if isinstance(payload, Record):
        values = {name: getattr(payload, name) for name in PLACE}
        line |= {"key": payload.key} | {name: v for name, v in values.items() if v or v == 0}
    elif not isinstance(payload, Message | Ack):
        wire.learn(type(payload))
        line["payload"] = wire.written(payload)
    return line
