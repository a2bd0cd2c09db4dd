from __future__ import annotations

import gc

import pytest

from delivery_semantics.core.vet import collection_paused


def fail_while_paused() -> None:
    with collection_paused():
        assert not gc.isenabled()
        raise ZeroDivisionError


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_paused_and_then_as_it_was(was_on: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if was_on else gc.disable)()
        with pytest.raises(ZeroDivisionError):
            fail_while_paused()
        assert gc.isenabled() is was_on
    finally:
        (gc.enable if before else gc.disable)()
