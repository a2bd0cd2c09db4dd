"""Which timers can run out first, where one may run out in the middle of a handler."""

from __future__ import annotations

import pytest

from delivery_semantics import (
    Ack,
    Arm,
    Bounds,
    Confirm,
    Passive,
    Process,
    Receive,
    Run,
    Save,
    Send,
    Timeout,
    Wait,
    explore,
    payments,
)
from delivery_semantics.core.effects import Handler, Payload
from delivery_semantics.core.steps import Step
from delivery_semantics.core.world import World

NO_FAULTS = Bounds(losses=0, duplicates=0, crashes=0)


class Busy(Passive):
    """Has something to do after two seconds, but waits longer in a handler."""

    messages = payments(1)

    def __init__(self, busy_s: float) -> None:
        self.busy_s = busy_s

    def start(self) -> Handler:
        """Arm, and wait."""
        yield Arm("due", 2.0)
        yield Wait(self.busy_s)

    def timer(self, name: str) -> Handler:
        """Do it."""
        yield Process(self.messages[0])


class Clock(Passive):
    """Notes that four seconds have passed."""

    def start(self) -> Handler:
        """Wait, and note."""
        yield Wait(4.0)
        yield Save("four", 1)


def four_first(world: World) -> bool:
    """Whether four seconds have passed and nothing is done."""
    return bool(world.stores["clock"].load("four", 0)) and not world.stores["busy"].processed


@pytest.mark.parametrize(("busy_s", "holds"), [(1.0, True), (3.0, True), (5.0, False)])
def test_what_ran_out_in_a_handler_runs_at_once_after_it(busy_s: float, holds: bool) -> None:
    parts = {"busy": Busy(busy_s), "clock": Clock()}
    found = explore(parts, NO_FAULTS, never={"four first": four_first})
    assert found.claims["four first"].holds == holds
    assert found.at_least_once_eventually.holds


class Poller(Passive):
    """Asks every second until it is answered, with a timer that runs out meanwhile."""

    messages = payments(1)

    def start(self) -> Handler:
        """Ask and ask."""
        yield Arm("due", 3.0)
        while not (yield Receive(Ack("1"), 1.0)):
            yield Send("other", self.messages[0])

    def timer(self, name: str) -> Handler:
        """Know it at last."""
        yield Confirm("1")


class Other(Passive):
    """Processes, and answers."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process, then ack."""
        yield Process(MESSAGE)
        yield Send(source, Ack(payload.id))


(MESSAGE,) = payments(1)


def test_how_long_a_timer_is_due_makes_no_difference() -> None:
    """Else somebody who polls while another is down would never come to where it has been."""
    parts = {"poller": Poller(), "other": Other()}
    within = Bounds(losses=1, duplicates=0, crashes=1, crashable=("other",))
    found = explore(parts, within, worlds_max=1_000)
    assert found.at_least_once_eventually.holds


class Twice(Passive):
    """Waits three seconds, and three again."""

    messages = payments(1)

    def start(self) -> Handler:
        """Wait, wait, and process."""
        yield Wait(3.0)
        yield Save("three", 1)
        yield Wait(3.0)
        yield Process(self.messages[0])


def six_first(world: World) -> bool:
    """Whether six seconds have passed before four."""
    return bool(world.stores["busy"].processed) and not world.stores["clock"].load("four", 0)


@pytest.mark.parametrize("automatic", [False, True])
@pytest.mark.parametrize(
    ("begun", "holds"),
    [
        ((), True),
        ((Timeout("busy"),), True),
        ((Timeout("busy"), Run("busy")), True),
        ((Timeout("clock", early=True),), True),
        ((Timeout("busy", early=True),), False),  # nobody knows how early
    ],
)
def test_a_prefix_takes_its_time(begun: tuple[Step, ...], holds: bool, automatic: bool) -> None:
    if automatic:
        begun = begun[:1]
    parts = {"busy": Twice(), "clock": Clock()}
    never = {"six first": six_first}
    found = explore(parts, NO_FAULTS, never=never, after=begun, automatic=automatic)
    assert found.claims["six first"].holds == holds
