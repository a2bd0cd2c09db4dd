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
Where nobody can come in between at all, as in a simulated run, every effect may be carried out
with the step before it: those of ``at_once`` do so.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import assert_never

from .answers import EFFECTS, NOTHING, READING, answer, wait
from .effects import Answer, Effect, Participant, Receive, ReceiveAny, Wait
from .steps import Crash, Deliver, Duplicate, Fail, Lose, Restart, Run, Step, Tick, Timeout
from .store import Disk, Store
from .tasks import Carrier, Running, Task, Vetting
from .trace import Event, Trace
from .world import DOWN, WAITING, World


class UnboundedRun(RuntimeError):
    """A run that reached one of its limits without coming to an end."""


def boot(
    participants: Mapping[str, Participant],
    *,
    stores: Mapping[str, str] | None = None,
    record: Callable[[Event], None] | None = None,
    carry: Carrier | None = None,
    disks: Mapping[str, Disk] | None = None,
    new_disk: Callable[[], Disk] = Store,
) -> World:
    """Return a world in which every participant has begun; parameters as for ``World``."""
    world = World(
        participants, stores=stores, record=record, carry=carry, disks=disks, new_disk=new_disk
    )
    for who in participants:
        _begin(world, who)
    return world


def end(world: World, events: Iterable[Event]) -> Trace:
    """End a run, of which these are the events, wherever its handlers stand.

    Raises ImpureHandler and TypeError for what is seen no earlier: state that came late, and
    a handler that goes on when it is ended.
    """
    for task in world.tasks.values():
        if isinstance(task, Running):
            task.end()
    if isinstance(world.carry, Vetting):
        world.carry.check_untouched(*world.participants)
    return world.trace(events)


def perform(world: World, step: Step) -> str | None:
    """Carry out one step. Return the participant that moved on, if one did.

    The step must be possible; choosing an impossible one is a driver's bug, not bad input.
    """
    match step:
        case Run(who):
            return run(world, who)
        case Deliver(packet):
            return deliver(world, packet)
        case Timeout(who, early, name):
            return timeout(world, who, name, early=early)
        case Crash(who, before):
            return crash(world, who, before=before)
        case Restart(who):
            return restart(world, who)
        case Fail(who):
            return fail(world, who)
        case Tick(to_s):
            tick(world, to_s)
        case Lose(packet):
            lose(world, packet)
        case Duplicate(packet):
            duplicate(world, packet)
        case _:
            assert_never(step)
    return None


def possible(world: World) -> list[Step]:
    """Return every step that can be performed now, in a fixed order.

    Two kinds are left out, as they are nearly always possible: ``Fail`` where ``Run`` is, and
    ``Tick`` to a later moment.
    """
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
        elif world.tasks[who] is None:
            steps += [Timeout(who, name=name) for name in world.timers[who]]
        steps.append(Crash(who, before=type(local) if local else None))
    for number, packet in world.packets.items():
        if world.is_down(packet.target) or world.local_effect(packet.target) is None:
            steps.append(Deliver(number))
        steps += [Lose(number), Duplicate(number)]
    return steps


# Steps ------------------------------------------------------------------------------------


def run(world: World, who: str) -> str:
    """Carry out the local effect at which ``who`` stands."""
    effect = world.local_effect(who)
    assert effect is not None, f"{who} has nothing to run"
    return _resume(world, who, answer(world, who, effect))


def fail(world: World, who: str) -> str:
    """Let the effect fail at which ``who`` stands: EffectFailed is raised in its handler."""
    effect, task = world.local_effect(who), world.tasks[who]
    assert effect is not None, f"{who} has nothing that could fail"
    assert task is not None
    world.note("raised", who, note=f"{type(effect).__name__} failed")
    return _stand(world, who, task.fail())


def tick(world: World, to_s: float) -> None:
    """Let the clock that ``Now`` asks move on."""
    assert to_s >= (world.clock_s or 0.0), "the clock goes forward"
    world.clock_s = to_s


def work(world: World, who: str, stop: Callable[[Effect], bool] | None = None) -> None:
    """Carry out every local effect of ``who`` up to its next wait, or where ``stop`` says so.

    Whoever is down does nothing. Raises UnboundedRun for a handler that does not wait within
    ``effects_max`` effects.
    """
    for _ in range(world.effects_max):
        effect = world.local_effect(who)
        if effect is None or (stop and stop(effect)):
            return
        run(world, who)
    raise never_waits(world, who)


def never_waits(world: World, who: str) -> UnboundedRun:
    """Return the error for a handler that goes on and on."""
    return UnboundedRun(
        f"{who} has asked for {world.effects_max:,} effects without a wait; allowed: a handler "
        "that comes to Receive, ReceiveAny or Wait, or to its end"
    )


def deliver(world: World, number: int) -> str | None:
    """Let a packet arrive; it is refused, awaited, handled or ignored."""
    _, source, who, payload = world.packets.pop(number)
    task = world.tasks[who]
    if task is DOWN:
        world.note("refused", who, payload, source, number)
        return None
    world.note("delivered", who, payload, source, number)
    if task is None:
        begin = partial(world.participants[who].receive, source, payload)
        task = world.carry.begin((who, source, payload), begin)
        if task.effect is not None:
            return _stand(world, who, task)
    else:
        effect = task.effect
        if type(effect) is Receive and effect.payload == payload:
            return _stand(world, who, task.resume(True))
        if type(effect) is ReceiveAny and effect.accepts(payload):
            return _stand(world, who, task.resume((source, payload)))
        assert type(effect) in WAITING, f"{who} is busy"
    world.note("ignored", who, payload, source, number)
    return None


def lose(world: World, number: int) -> None:
    """Let a packet vanish."""
    _, source, target, payload = world.packets.pop(number)
    world.note("lost", source, payload, target, number)


def duplicate(world: World, number: int) -> None:
    """Put a second copy of a packet on the wire, behind the first."""
    packets = world.packets
    original = packets[number]
    world.packets_sent += 1
    copy = original._replace(number=world.packets_sent)
    pairs = ([packet, copy] if packet is original else [packet] for packet in packets.values())
    world.packets = {packet.number: packet for pair in pairs for packet in pair}
    world.note(
        "duplicated", copy.source, copy.payload, copy.target, copy.number, copy_of=number
    )


def timeout(world: World, who: str, name: str = "", *, early: bool = False) -> str:
    """Let the timer fire for which ``who`` waits, or the one of this name."""
    words = [*([f"timer {name}"] if name else []), *(["early"] if early else [])]
    if name:
        assert world.tasks[who] is None, f"{who} is busy"
        timers = world.timers[who] = {**world.timers[who]}
        timers.pop(name)
        world.note("timed_out", who, note=", ".join(words))
        begin = partial(world.participants[who].timer, name)
        return _stand(world, who, world.carry.begin((who, "timer", name), begin))
    assert world.timer_s(who) is not None, f"{who} waits for no timer"
    effect = world.tasks[who].effect  # type: ignore[union-attr]  # it waits
    world.note(
        "waited" if isinstance(effect, Wait) else "timed_out", who, note=", ".join(words)
    )
    return _resume(world, who, None if isinstance(effect, ReceiveAny) else False)


def crash(world: World, who: str, *, before: type[Effect] | None = None) -> str:
    """Let ``who`` go down; its handler and its memory are gone."""
    effect, task = world.local_effect(who), world.tasks[who]
    assert task is not DOWN, f"{who} is down already"
    assert before is None or type(effect) is before, f"{who} stands at {effect}"
    world.note("crashed", who, note=f"before {type(effect).__name__}" if effect else "")
    world.tasks[who] = DOWN
    if isinstance(task, Running):
        task.end()
    world.carry.crash(who)
    world.memory[who], world.timers[who] = {}, {}
    return who


def restart(world: World, who: str) -> str:
    """Let ``who`` come up and begin again."""
    assert world.is_down(who), f"{who} is up"
    world.note("restarted", who)
    return _begin(world, who)


# Handlers ---------------------------------------------------------------------------------


def _begin(world: World, who: str) -> str:
    return _stand(world, who, world.carry.begin((who, "start"), world.participants[who].start))


def _resume(world: World, who: str, reply: Answer) -> str:
    task = world.tasks[who]
    assert task is not None
    return _stand(world, who, task.resume(reply))


def _stand(world: World, who: str, task: Task) -> str:
    """Put ``who`` at the task's effect, after those that come with the step before."""
    along = EFFECTS if who in world.at_once else NOTHING if world.shares_store[who] else READING
    for _ in range(world.effects_max):
        effect = task.effect
        carry_out = along[type(effect)]
        if carry_out is None:
            break
        task = task.resume(carry_out(world, who, effect))
    else:
        raise never_waits(world, who)
    if effect is None:
        world.tasks[who] = None
        return who
    world.tasks[who] = task
    if type(effect) in WAITING:
        wait(world, who, effect)
    return who
