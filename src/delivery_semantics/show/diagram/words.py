"""The words for what happened: beside the drawing, and in sentences for those who listen.

Book: 01-the-problem
"""

from __future__ import annotations

from ...core.effects import Payload, label
from ...core.trace import Event, Trace

ID_LENGTH = 12


def named(payload: Payload | None) -> str:
    """Name a payload as ``label`` does, with an id that fits beside an arrow."""
    if payload is None:
        return "Packet"
    return label(payload).replace(payload.id, short(payload.id))


def short(id: str) -> str:
    """Return an id that fits beside an arrow: both ends of a long one."""
    return id if len(id) <= ID_LENGTH else f"{id[:6]}…{id[-4:]}"


def lower(name: str) -> str:
    """Return a name as it stands within a sentence."""
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


_TOLD = {
    "marked": ("mark {short}", "{who} marks message {id}."),
    "checked": ("{short} marked? {note}", "{who} looks for message {id}: it is {found}."),
    "loaded": ("read {read}", "{who} reads {note}."),
    "asked": ("clock: {note}", "{who} asks the clock: {note}."),
    "skipped": ("skip {short}", "{who} skips message {id}."),
    "saved": ("save {note}", "{who} saves {note}."),
    "timed_out": ("timeout {note}", "the timer of {who} runs out {note}"),
    "timed_out timer": ("{name} {early}", "the {name} of {who} runs out {early}"),
    "timed_out cut": ("connection cut", "the connection of {who} ends without an answer"),
    "crashed": ("crash", "{who} crashes {note}"),
    "restarted": ("restart", "{who} restarts."),
    "partitioned": ("cut off", "{who} is cut off."),
    "confirmed": ("confirm {short}", "{who} confirms message {id}."),
    "raised": ("raised: {note}", "{who} raises an error: {note}"),
    "gave_up": ("{short} in doubt", "{who} gives up; message {id} is in doubt."),
}


def told(event: Event) -> tuple[str, str]:
    """Return words and sentence of an event that is neither a packet's nor a processing."""
    id = event.payload.id if event.payload else ""
    found = "marked" if event.note == "yes" else "not marked"
    kind = f"{event.what} {event.note.partition(' ')[0]}"
    name, _, early = event.note.partition(", ")
    words, sentence = (
        template.format(
            who=event.who,
            id=id,
            short=short(id),
            note=event.note,
            found=found,
            read=event.note if len(event.note) <= ID_LENGTH else event.note.partition("=")[0],
            name=name,
            early=early,
        )
        for template in _TOLD.get(kind) or _TOLD.get(event.what) or _logged(event.what)
    )
    return words.rstrip(" :"), sentence.rstrip(" .:") + "."


def _logged(what: str) -> tuple[str, str]:
    """Return templates for what only the log of a real system tells, in the log's own words."""
    words = what.replace("_", " ")
    return f"{words} {{short}}", f"{{who}}: {words} {{id}}"


def counted(trace: Trace) -> tuple[tuple[str, ...], bool]:
    """Say how often each message was processed, and whether each was just once."""
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
    return (f"processed: {counts}", money), all(processed[id] == 1 for id in amounts)


def times(count: int) -> str:
    """Say how often."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
