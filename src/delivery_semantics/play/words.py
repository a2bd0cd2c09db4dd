"""The reader's words: for packets, for what can be done with them, and for who waits for what.

Book: playground
"""

from __future__ import annotations

from collections import Counter

from .. import (
    Ack, Arm, Atomic, Confirm, Crash, Deliver, Disarm, Duplicate, GiveUp, Lose, Mark, Message,
    Now, Once, Passive, Process, Receive, ReceiveAny, Restart, Save, Send, Step,
    Tick, Timeout, Trace, Wait,
)  # fmt: skip
from ..core.effects import Effect, Payload, label
from .turn import Turn

SHORT = {
    Deliver: "Deliver", Lose: "Lose", Duplicate: "Copy", Crash: "Crash now", Restart: "Restart",
    Tick: "Move the clock",
}  # fmt: skip


def ordinal(number: int) -> str:
    """Return 2nd, 3rd, 4th, 11th."""
    last = number % 10 if number % 100 not in (11, 12, 13) else 0
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"


def packet_names(trace: Trace) -> dict[int, str]:
    """Name every packet apart: message 1 (retry), ack 1 (2nd), copy of ack 1."""
    names: dict[int, str] = {}
    sent, copies = Counter[tuple[str, str, str]](), Counter[int]()
    for event in trace.of("sent", "duplicated"):
        if event.what == "duplicated":
            copies[event.copy_of] += 1
            count = f"{ordinal(copies[event.copy_of])} " if copies[event.copy_of] > 1 else ""
            names[event.packet] = f"{count}copy of {names[event.copy_of]}"
            continue
        payload = event.payload
        content = (event.who, event.peer, repr(payload))
        sent[content] += 1
        names[event.packet] = _name(payload) + _time(payload, sent[content])
    return names


def _name(payload: Payload | None) -> str:
    name = label(payload) if payload is not None else "packet"
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


def _time(payload: Payload | None, number: int) -> str:
    if number == 1:
        return ""
    if isinstance(payload, Message):
        return " (retry)" if number == 2 else f" ({ordinal(number - 1)} retry)"
    return f" ({ordinal(number)})"


def the(who: str) -> str:
    """Return a participant in a sentence: the shop; but worker 1, which is a name."""
    return who if who[-1:].isdigit() else f"the {who}"


def capital(words: str) -> str:
    """Begin these words with a capital letter."""
    return words[:1].upper() + words[1:]


def does(template: str, message: Payload | None, several: bool) -> str:
    """Say what it is to process this message; None: any."""
    if message is None:
        return template.replace("{amount}", "the money")
    said = template.replace("{amount}", str(getattr(message, "amount", "")))
    return f"{said} ({message.id})" if several else said


def paid(there: int, expected: int) -> str:
    """Say how much has been paid, of what was to be."""
    return f"Paid: {there} of {expected}."


def state(turn: Turn, who: str) -> str:
    """Say what a participant does now: it waits for the ack, it is down."""
    world = turn.world
    if world.is_down(who):
        return "is down"
    task = world.tasks[who]
    match task.effect if task is not None else None:
        case Receive(Ack()):
            return "waits for the ack"
        case Receive() | ReceiveAny():
            return "waits for an answer"
        case Wait():
            return "waits a while"
    participant = turn.participants[who]
    hears = getattr(type(participant), "receive", None) is not Passive.receive
    sends = getattr(participant, "messages", ())
    return "is done" if sends and not hears else "waits for a message"


def before(effect: Effect, template: str) -> str:
    """Say before what: its transaction, it marks, it sends the ack."""
    if isinstance(effect, Once | Atomic):
        return "before its transaction"
    what = {
        Process: does(template, None, False), Mark: "marks", Save: "saves", Confirm: "confirms",
        GiveUp: "gives up", Arm: "sets its timer", Disarm: "stops its timer",
        Now: "asks the clock",
    }.get(type(effect), "goes on")  # fmt: skip
    if isinstance(effect, Send):
        what = f"sends the {effect.payload.kind}"
    return f"before it {what}"


def full(step: Step, turn: Turn, names: dict[int, str], template: str) -> str:
    """Return the whole name of a step: Deliver message 1 (retry), Crash the bank now."""
    match step:
        case Deliver(number):
            to = turn.world.packets[number].target
            down = f", {the(to)} is down" if turn.world.is_down(to) else ""
            return f"Deliver {names[number]}{down}"
        case Lose(number) | Duplicate(number):
            return f"{SHORT[type(step)]} {names[number]}"
        case Timeout(who, _, name):
            return f"Let {the(who)}’s timer{f' for {name}' if name else ''} run out"
        case Crash(who, None):
            return f"Crash {the(who)} now"
        case Crash(who, kind):
            effect = next(r.effect for r in turn.ran if (r.who, type(r.effect)) == (who, kind))
            return f"Crash {the(who)} {before(effect, template)}"
        case Restart(who):
            return f"Restart {the(who)}"
        case Tick(to_s):
            return f"Move the clock to {to_s:g} s"
    return str(step)


def short(step: Step) -> str:
    """Return the word on the picture."""
    if isinstance(step, Timeout):
        return f"Timer {step.name} runs out" if step.name else "Timer runs out"
    return SHORT[type(step)]
