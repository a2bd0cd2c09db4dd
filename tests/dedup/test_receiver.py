"""A store of ids in a handler: whoever chooses the steps, it decides as it does by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from delivery_semantics import (
    Bounds,
    Crash,
    Deliver,
    Duplicate,
    FireAndForget,
    Outage,
    Restart,
    RetryUntilAcked,
    Tick,
    explore,
    payments,
    script,
    simulate,
)
from delivery_semantics.dedup import Bloom, Generations, Highest, InMemory, ProcessIfNew
from delivery_semantics.dedup.receiver import StatefulStore

Make = Callable[[], StatefulStore]
BLOOM = partial(Bloom, bits=64, hashes=3)
STORES: dict[str, tuple[Make, float | None]] = {
    "in memory": (partial(InMemory, window_s=300), 300),
    "for ever": (InMemory, None),
    "highest": (Highest, None),
    "bloom": (BLOOM, None),
    "generations": (partial(Generations, BLOOM, window_s=150), 300),
}
"""Each with the time after which an id that came first at 0 is surely new again."""

each_store = pytest.mark.parametrize(("make", "new_at_s"), STORES.values(), ids=STORES)


def parts(make: Make) -> dict[str, RetryUntilAcked | ProcessIfNew]:
    sender = RetryUntilAcked("receiver", payments(1))
    return {"sender": sender, "receiver": ProcessIfNew(make)}


@each_store
def test_script(make: Make, new_at_s: float | None) -> None:
    """A copy comes after a crash; later another one."""
    before = (Duplicate(1), Deliver(1), Crash("receiver"), Restart("receiver"))
    sending = {"sender": FireAndForget("receiver", payments(1)), "receiver": ProcessIfNew(make)}
    for later_s in (149.0, 300.0):
        run = script(sending, *before, Tick(later_s), Deliver(2))
        new = new_at_s is not None and later_s >= new_at_s
        assert run.processed() == {"1": 2 if new else 1}, later_s


@each_store
def test_seed(make: Make, new_at_s: float | None) -> None:
    """The receiver answers, and the sender is down for as long as the window lasts."""
    for down_s in (100.0, 400.0):
        outage = Outage("sender", at_s=0.0, down_s=down_s)
        run = simulate(parts(make), crashes=(outage,))
        new = new_at_s is not None and down_s >= new_at_s
        assert run.processed() == {"1": 2 if new else 1}, down_s


@each_store
def test_search(make: Make, new_at_s: float | None) -> None:
    for last_s in (149.0, 300.0):
        bounds = Bounds(clock_s=(0.0, last_s))
        found = explore(parts(make), bounds)
        new = new_at_s is not None and last_s >= new_at_s
        assert found.never_more_than_once.holds is not new
        assert found.at_least_once_eventually.holds


def test_what_the_store_refuses_is_neither_processed_nor_acked() -> None:
    """Numbers in any order: what has overtaken another waits for it, and nothing is lost."""
    first, second = (RetryUntilAcked("receiver", (each,)) for each in payments(2))
    senders = {"first": first, "second": second}
    assert explore({**senders, "receiver": ProcessIfNew(Highest)}, Bounds(crashes=0))
    lossy = ProcessIfNew(partial(Highest, gap_check=False))
    found = explore({**senders, "receiver": lossy}, Bounds(crashes=0))
    assert not found.at_least_once_eventually.holds


@pytest.mark.parametrize("make", [make for make, _ in STORES.values()], ids=STORES)
def test_a_state_that_is_set_is_the_state_from_then_on(make: Make) -> None:
    one, other = make(), make()
    assert one.first_time("1", 100.0)
    other.state = one.state
    assert not other.first_time("1", 100.0)
    assert other.state == one.state
    assert one.first_time("2", 101.0) == other.first_time("2", 101.0)
    assert other.state == one.state
