"""The one meaning of each effect: what it changes in the world, and what it answers.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Any

from .door import check_message, check_payload, check_value
from .effects import (
    Answer, Arm, Atomic, Confirm, Disarm, Effect, GiveUp, IsMarked, Kept, Load, Mark, Message,
    Now, Once, Process, Receive, ReceiveAny, Save, Send, Wait,
)  # fmt: skip
from .world import Packet, World

READS = frozenset((IsMarked, Load))
"""Effects that change nothing."""


def answer(world: World, who: str, effect: Effect) -> Answer:
    """Carry out a local effect of ``who`` and return its answer.

    Raises TypeError for anything that is no effect, or that holds what it may not.
    """
    carry_out = EFFECTS[type(effect)]
    assert carry_out is not None, f"{who} waits: {effect}"
    return carry_out(world, who, effect)


def wait(world: World, who: str, effect: Any) -> None:  # noqa: ANN401  # one of WAITING
    """Let the timer of a wait run. Raises TypeError for a payload that cannot come."""
    if type(effect) is Receive:
        check_payload(who, effect.payload)
    elif type(effect) is ReceiveAny:
        for each in effect.match:
            if not isinstance(each, type):
                check_payload(who, each)
            elif not hasattr(each, "kind"):
                raise TypeError(f"{who}: {effect!r}; allowed: payloads and types of them")
    if on_armed := world.on_armed:
        on_armed(who, "", effect.delay_s if type(effect) is Wait else effect.timeout_s)


def _send(world: World, who: str, effect: Send) -> None:
    to, payload = effect.to, effect.payload
    if not (type(to) is str and to in world.participants):
        world.check_known(f"{who} sends to", to)
    check_payload(who, payload)
    number = world.packets_sent = world.packets_sent + 1
    packet = world.packets[number] = _new(Packet, (number, who, to, payload))  # see ``note``
    world.note("sent", who, payload, to, number)
    if on_sent := world.on_sent:
        on_sent(packet)


_new = tuple.__new__


def _process(world: World, who: str, effect: Process) -> None:
    message = effect.message
    check_message(who, message)
    world.store(who).process(message)
    world.note("processed", who, message)


def _mark(world: World, who: str, effect: Mark) -> None:
    world.store(who).mark(_text(who, effect.id))
    world.note("marked", who, Message(effect.id))


def _is_marked(world: World, who: str, effect: IsMarked) -> bool:
    marked = world.store(who).is_marked(_text(who, effect.id))
    world.note("checked", who, Message(effect.id), note="yes" if marked else "no")
    return marked


def _atomic(world: World, who: str, effect: Atomic) -> bool:
    store = world.store(who)
    for each in effect.effects:
        if type(each) not in IN_ATOMIC or (isinstance(each, Save) and each.store):
            names = ", ".join(kind.__name__ for kind in IN_ATOMIC)
            raise TypeError(f"{who}: {each!r} in {effect!r}; allowed: {names}, on one disk")
        if isinstance(each, Process):
            check_message(who, each.message)
    with store.transaction():
        if refused := _condition(world, who, effect):
            messages = [each.message for each in effect.effects if isinstance(each, Process)]
            world.note("skipped", who, messages[0] if messages else None, note=refused)
            return False
        for each in effect.effects:
            answer(world, who, each)
    return True


def _condition(world: World, who: str, effect: Atomic) -> str:
    """Return why nothing is to be done, or ""."""
    store = world.store(who)
    if effect.unless_marked is not None and store.is_marked(_text(who, effect.unless_marked)):
        return f"{effect.unless_marked} is marked"
    if effect.only_if is not None:
        if not isinstance(effect.only_if, tuple) or len(effect.only_if) != 2:
            raise TypeError(f"{who}: only_if is {effect.only_if!r}; allowed: (key, value)")
        key, value = effect.only_if
        check_value(who, "only_if", value)
        if (found := store.load(_text(who, key), 0)) != value:
            return f"{key} is {found}, not {value}"
    return ""


def _once(world: World, who: str, effect: Once) -> bool:
    process = effect.process
    if type(process) is not Process:
        raise TypeError(f"{who}: {effect!r}; allowed: Once(id, Process(message))")
    store = world.store(who)
    with store.transaction():
        if store.is_marked(_text(who, effect.id)):
            world.note("skipped", who, process.message)
            return False
        _process(world, who, process)
        _mark(world, who, Mark(effect.id))
    return True


def _save(world: World, who: str, effect: Save) -> None:
    key, value = _text(who, effect.key), effect.value
    if type(value) is not int:
        check_value(who, key, value)
    store = world.store(who, effect.store)
    if effect.durable is True:
        store.save(key, value)
        world.note("saved", who, note=f"{key}={value}")
    elif effect.durable is False:
        world.memory[who] = {**world.memory[who], key: value}
        world.note("saved", who, note=f"{key}={value} (in memory)")
    else:
        raise TypeError(f"{who}: durable is {effect.durable!r}; allowed: True, False")


def _load(world: World, who: str, effect: Load) -> Kept:
    key = _text(who, effect.key)
    if type(effect.default) is not int:
        check_value(who, "default", effect.default)
    if effect.store == "" and key in world.memory[who]:
        return world.memory[who][key]
    value = world.store(who, effect.store).load(key, effect.default)
    if world.shares_store[who] and effect.store in ("", world.store_names[who]):
        # of a disk of its own it knows what is there
        world.note("loaded", who, note=f"{key}={value!r}")
    return value


def _arm(world: World, who: str, effect: Arm) -> None:
    if not callable(getattr(world.participants[who], "timer", None)):
        raise TypeError(f"{who}: {effect!r} without a method timer; allowed: where it has one")
    world.timers[who] = {**world.timers[who], _timer(who, effect.name): effect.delay_s}
    if on_armed := world.on_armed:
        on_armed(who, effect.name, effect.delay_s)


def _disarm(world: World, who: str, effect: Disarm) -> None:
    name = _timer(who, effect.name)
    world.timers[who] = {n: s for n, s in world.timers[who].items() if n != name}


def _now(world: World, who: str, effect: Now) -> float:
    now_s = world.time_s if world.clock_s is None else world.clock_s
    world.note("asked", who, note=f"{now_s!r} s".replace(".0 s", " s"))
    return now_s


def _text(who: str, value: str) -> str:
    if type(value) is not str:
        raise TypeError(f"{who} names {value!r}; allowed: a text, as an id or a key")
    return value


def _timer(who: str, name: str) -> str:
    if not _text(who, name):
        raise ValueError(f"{who} names a timer ''; allowed: a text that is not empty")
    return name


def _confirm(world: World, who: str, effect: Confirm) -> None:
    world.store(who).settle(_text(who, effect.id), "confirmed")
    world.note("confirmed", who, Message(effect.id))


def _give_up(world: World, who: str, effect: GiveUp) -> None:
    world.store(who).settle(_text(who, effect.id), "in doubt")
    world.note("gave_up", who, Message(effect.id))


CarryOut = Callable[[World, str, Any], Answer]


class _Effects(dict[type, CarryOut | None]):
    """What carries out each effect, by its type, or None; anything else is refused."""

    def __missing__(self, kind: type) -> CarryOut:
        return _refuse


def _refuse(world: World, who: str, effect: object) -> Answer:
    allowed = ", ".join(kind.__name__ for kind in EFFECTS if kind is not NoneType)
    raise TypeError(f"{who} yielded {effect!r}; allowed: {allowed}")


EFFECTS = _Effects({
    Receive: None, ReceiveAny: None, Wait: None, NoneType: None, Send: _send,
    Process: _process, Confirm: _confirm, GiveUp: _give_up, Mark: _mark, IsMarked: _is_marked,
    Save: _save, Load: _load, Atomic: _atomic, Once: _once, Arm: _arm, Disarm: _disarm,
    Now: _now,
})  # fmt: skip
"""None: nobody carries out a wait, nor the end of a handler."""
READING = _Effects({kind: EFFECTS[kind] if kind in READS else None for kind in EFFECTS})
NOTHING = _Effects(dict.fromkeys(EFFECTS))
IN_ATOMIC = (Process, Mark, Save, Confirm, GiveUp)
