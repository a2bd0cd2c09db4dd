"""The one meaning of each step.

Theory of operation. A script, a seed, a search and real sockets differ only in how they choose
the next step. All of them call ``perform``, so they cannot differ in what a crash or a lost ack
means.

A participant is at every moment in one of three conditions. It is *down*; or it *waits*, for a
packet or a timer or with no handler at all; or it stands at a *local* effect, which ``Run``
carries out. Since ``Run`` is a step of its own, a ``Crash`` can be placed before each effect:
every ``yield`` is a crash point.

Reading one's own disk is carried out together with the step before it. Nobody can tell a
crash before a read from a crash after it, so a separate step would only make more worlds.
It stays separate when participants share a store, because then another can write in between.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .answers import READS, answer
from .effects import Answer, Participant, Receive
from .steps import Crash, Deliver, Duplicate, Lose, Restart, Run, Step, Timeout
from .tasks import Carrier, Task, run
from .trace import Event
from .world import DOWN, Packet, World


def boot(
    participants: Mapping[str, Participant],
    *,
    stores: Mapping[str, str] | None = None,
    record: Callable[[Event], None] | None = None,
    carry: Carrier = run,
) -> World:
    """Return a world in which every participant has begun; parameters as for ``World``."""
    world = World(participants, stores=stores, record=record, carry=carry)
    for who in participants:
        _begin(world, who)
    return world


def perform(world: World, step: Step) -> str | None:
    """Carry out one step. Return the participant that moved on, if one did.

    The step must be possible; choosing an impossible one is a driver's bug, not bad input.
    """
    return _STEPS[type(step)](world, step)


def possible(world: World) -> list[Step]:
    """Return every step that can be performed now, in a fixed order."""
    steps: list[Step] = []
    for who in world.participants:
        if world.is_down(who):
            steps.append(Restart(who))
            continue
        local = world.local_effect(who)
        if local is not None:
            steps.append(Run(who))
        elif world.timer_s(who) is not None:
            steps.append(Timeout(who))
        steps.append(Crash(who, before=type(local) if local else None))
    for number, packet in world.packets.items():
        if world.is_down(packet.target) or world.local_effect(packet.target) is None:
            steps.append(Deliver(number))
        steps += [Lose(number), Duplicate(number)]
    return steps


# Handlers ---------------------------------------------------------------------------------


def _begin(world: World, who: str) -> None:
    _stand(world, who, world.carry((who, "start"), world.participants[who].start))


def _stand(world: World, who: str, task: Task) -> None:
    """Put ``who`` at the task's effect, after the reads that nobody else can notice."""
    while isinstance(task.effect, READS) and not world.shares_store[who]:
        task = task.resume(answer(world, who, task.effect))
    world.tasks[who] = task if task.effect is not None else None


def _resume(world: World, who: str, reply: Answer) -> str:
    task = world.tasks[who]
    assert task is not None
    _stand(world, who, task.resume(reply))
    return who


# Steps ------------------------------------------------------------------------------------


def _run(world: World, step: Run) -> str:
    effect = world.local_effect(step.who)
    assert effect is not None, f"{step.who} has nothing to run"
    return _resume(world, step.who, answer(world, step.who, effect))


def _deliver(world: World, step: Deliver) -> str | None:
    packet = world.packets.pop(step.packet)
    who = packet.target
    task = world.tasks[who]
    if task is DOWN:
        world.note("refused", who, packet)
        return None
    assert world.local_effect(who) is None, f"{who} is busy"
    world.note("delivered", who, packet)
    if task is None:
        return _handle(world, packet)
    if isinstance(task.effect, Receive) and task.effect.payload == packet.payload:
        return _resume(world, who, True)
    world.note("ignored", who, packet)
    return None


def _handle(world: World, packet: Packet) -> str | None:
    who, source, payload = packet.target, packet.source, packet.payload
    begin = partial(world.participants[who].receive, source, payload)
    task = world.carry((who, source, payload), begin)
    if task.effect is None:
        world.note("ignored", who, packet)
        return None
    _stand(world, who, task)
    return who


def _lose(world: World, step: Lose) -> None:
    packet = world.packets.pop(step.packet)
    world.note("lost", packet.source, packet)


def _duplicate(world: World, step: Duplicate) -> None:
    packets = world.packets
    original = packets[step.packet]
    world.packets_sent += 1
    copy = original._replace(number=world.packets_sent)
    pairs = ([packet, copy] if packet is original else [packet] for packet in packets.values())
    world.packets = {packet.number: packet for pair in pairs for packet in pair}
    world.note("duplicated", copy.source, copy, copy_of=original.number)


def _timeout(world: World, step: Timeout) -> str:
    assert world.timer_s(step.who) is not None, f"{step.who} waits for no timer"
    world.note("timed_out", step.who, note="early" if step.early else "")
    return _resume(world, step.who, False)


def _crash(world: World, step: Crash) -> str:
    effect = world.local_effect(step.who)
    assert not world.is_down(step.who), f"{step.who} is down already"
    assert step.before is None or type(effect) is step.before, f"{step.who} stands at {effect}"
    world.note("crashed", step.who, note=f"before {type(effect).__name__}" if effect else "")
    world.tasks[step.who] = DOWN
    world.memory[step.who] = {}
    return step.who


def _restart(world: World, step: Restart) -> str:
    assert world.is_down(step.who), f"{step.who} is up"
    world.note("restarted", step.who)
    _begin(world, step.who)
    return step.who


_STEPS: dict[type, Callable[[World, Any], str | None]] = {
    Run: _run, Deliver: _deliver, Lose: _lose, Duplicate: _duplicate, Timeout: _timeout,
    Crash: _crash, Restart: _restart,
}  # fmt: skip
