"""The words for what happened: beside the drawing, and in sentences for those who listen.

Book: 01-the-problem
"""

from __future__ import annotations

from ..effects import Payload
from ..trace import Event, Trace

ID_LENGTH = 12


def label(payload: Payload | None) -> str:
    """Name a payload as the document does: Message 1, Ack 1, and with its bit if it has one."""
    if payload is None:
        return "Packet"
    bit = getattr(payload, "bit", None)
    if bit is None:
        return f"{payload.kind.capitalize()} {short(payload.id)}"
    name = f"Message {short(payload.id)}" if payload.kind == "message" else "Ack"
    return f"{name}, bit {bit}"


def short(id: str) -> str:
    """Return an id that fits beside an arrow: both ends of a long one."""
    return id if len(id) <= ID_LENGTH else f"{id[:6]}…{id[-4:]}"


def lower(name: str) -> str:
    """Return a name as it stands within a sentence."""
    return name[:1].lower() + name[1:]


def plain(event: Event) -> tuple[str, str]:
    """Return words and sentence of an event that is neither a packet's nor a processing."""
    who, note = event.who, event.note
    long = event.payload.id if event.payload else ""
    id = short(long)
    match event.what:
        case "marked":
            return f"mark {id}", f"{who} marks message {long}."
        case "checked":
            found = "it is marked" if note == "yes" else "it is not marked"
            return f"{id} marked? {note}", f"{who} looks for message {long}: {found}."
        case "skipped":
            return f"skip {id}", f"{who} skips message {long}."
        case "saved":
            return f"save {note}", f"{who} saves {note}."
        case "timed_out":
            early = " early" if note == "early" else ""
            return f"timeout{early}", f"the timer of {who} runs out{early}."
        case "crashed":
            where = f", {note}" if note else ""
            return "crash", f"{who} crashes{where}."
        case "restarted":
            return "restart", f"{who} restarts."
        case "confirmed":
            return f"confirm {id}", f"{who} confirms message {long}."
        case "gave_up":
            return f"{id} in doubt", f"{who} gives up; message {long} is in doubt."
    return event.what, f"{who}: {event.what}."


def totals(trace: Trace) -> tuple[tuple[str, ...], bool]:
    """Say how often each message was processed, and whether the money is right."""
    processed = trace.processed()
    amounts = {
        event.payload.id: getattr(event.payload, "amount", 0)
        for event in trace.of("processed")
        if event.payload is not None
    }
    amounts = {message.id: message.amount for message in trace.messages} | amounts
    if not amounts:
        return (), True
    if len(amounts) <= 4:
        counts = ", ".join(f"{short(id)} ×{processed[id]}" for id in amounts)
    else:
        once = sum(processed[id] == 1 for id in amounts)
        more = sum(processed[id] > 1 for id in amounts)
        counts = f"{once} once, {more} more often, {len(amounts) - once - more} never"
    expected = sum(message.amount for message in trace.messages)
    there = sum(amounts[id] * times for id, times in processed.items())
    money = f"money expected {expected}, there {there}"
    return (f"processed: {counts}", money), expected == there


def times(count: int) -> str:
    """Say how often."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
