"""Whoever comes to a gate is held until it opens, and nobody is kept waiting for ever."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from delivery_semantics.systems import gate as module
from delivery_semantics.systems.gate import Gate


def test_who_comes_is_held_until_it_is_opened_and_then_nobody_is() -> None:
    gate, passed = Gate("the step"), threading.Event()

    def come() -> None:
        gate.enter()
        passed.set()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(come)
        gate.wait()
        assert not passed.is_set()
        gate.open()
    assert passed.is_set()
    gate.enter()


@pytest.mark.parametrize("parties", [1, 2, 8])
def test_it_opens_by_itself_when_all_have_come(parties: int) -> None:
    gate, come = Gate("the step", opens_at=parties), []

    def enter(number: int) -> int:
        come.append(number)
        gate.enter()
        return len(come)  # nobody is past it before all have come

    with ThreadPoolExecutor(parties) as threads:
        assert list(threads.map(enter, range(parties))) == [parties] * parties


def test_nobody_waits_longer_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.01)
    with pytest.raises(TimeoutError, match="nobody came to the step within"):
        Gate("the step").wait()
    with pytest.raises(TimeoutError, match="nobody opened the step within"):
        Gate("the step", opens_at=2).enter()
