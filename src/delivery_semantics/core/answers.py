"""The one meaning of each effect: what it changes in the world, and what it answers.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .effects import (
    Answer,
    Confirm,
    Effect,
    GiveUp,
    IsMarked,
    Load,
    Mark,
    Message,
    Once,
    Process,
    Save,
    Send,
    Transaction,
)  # fmt: skip
from .world import Packet, World

READS = (IsMarked, Load)
"""Effects that change nothing."""


def answer(world: World, who: str, effect: Effect) -> Answer:
    """Carry out a local effect of ``who`` and return its answer.

    Raises TypeError for anything that is no effect.
    """
    carry_out = _EFFECTS.get(type(effect))
    if carry_out is None:
        allowed = ", ".join(kind.__name__ for kind in _EFFECTS)
        raise TypeError(f"{who} yielded {effect!r}; allowed: Receive, Wait, {allowed}")
    return carry_out(world, who, effect)


def _send(world: World, who: str, effect: Send) -> None:
    to, payload = effect.to, effect.payload
    world.check_known("to", to)
    number = world.packets_sent = world.packets_sent + 1
    world.packets[number] = Packet(number, who, to, payload)
    world.note("sent", who, payload, to, number)
    if world.on_sent is not None:
        world.on_sent(number)


def _process(world: World, who: str, effect: Process) -> None:
    world.store(who).process(effect.message)
    world.note("processed", who, effect.message)


def _mark(world: World, who: str, effect: Mark) -> None:
    world.store(who).mark(effect.id)
    world.note("marked", who, Message(effect.id))


def _is_marked(world: World, who: str, effect: IsMarked) -> bool:
    marked = world.store(who).is_marked(effect.id)
    world.note("checked", who, Message(effect.id), note="yes" if marked else "no")
    return marked


def _once(world: World, who: str, effect: Once) -> bool:
    store = world.store(who)
    with store.transaction():
        if store.is_marked(effect.id):
            world.note("skipped", who, effect.process.message)
            return False
        _process(world, who, effect.process)
        _mark(world, who, Mark(effect.id))
    return True


def _save(world: World, who: str, effect: Save) -> None:
    if effect.durable:
        world.store(who).save(effect.key, effect.value)
    else:
        world.memory[who] = {**world.memory[who], effect.key: effect.value}
    where = "" if effect.durable else " (in memory)"
    world.note("saved", who, note=f"{effect.key}={effect.value}{where}")


def _load(world: World, who: str, effect: Load) -> int:
    remembered = world.memory[who].get(effect.key)
    if remembered is not None:
        return remembered
    return world.store(who).load(effect.key, effect.default)


def _transaction(world: World, who: str, effect: Transaction) -> None:
    with world.store(who).transaction():
        _process(world, who, effect.process)
        _save(world, who, effect.save)


def _confirm(world: World, who: str, effect: Confirm) -> None:
    world.store(who).settle(effect.id, "confirmed")
    world.note("confirmed", who, Message(effect.id))


def _give_up(world: World, who: str, effect: GiveUp) -> None:
    world.store(who).settle(effect.id, "in doubt")
    world.note("gave_up", who, Message(effect.id))


_EFFECTS: dict[type, Callable[[World, str, Any], Answer]] = {
    Send: _send, Process: _process, Confirm: _confirm, GiveUp: _give_up, Mark: _mark,
    IsMarked: _is_marked, Save: _save, Load: _load, Once: _once, Transaction: _transaction,
}  # fmt: skip
