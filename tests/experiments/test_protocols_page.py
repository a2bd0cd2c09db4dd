"""The page of protocols draws each as its textbook warns of it, and a version that holds."""

from __future__ import annotations

import pytest

from delivery_semantics.experiments.protocols.gallery import PROTOCOLS, protocol_view
from delivery_semantics.show.view import View, positions

each_protocol = pytest.mark.parametrize("name", PROTOCOLS)


def _verdicts(name: str, view: View) -> list[object]:
    return [view.numbers[claim] for claim in PROTOCOLS[name].claims]


@each_protocol
def test_first_a_claim_is_broken_and_some_choice_holds_them_all(name: str) -> None:
    places = positions(PROTOCOLS[name].sliders())
    views = [protocol_view(protocol=name, **place) for place in places]  # type: ignore[arg-type]
    assert "broken" in _verdicts(name, views[0])
    assert any(set(_verdicts(name, view)) == {"holds"} for view in views)


@each_protocol
def test_a_run_is_drawn_that_breaks_what_is_said_to_be_broken(name: str) -> None:
    for place in positions(PROTOCOLS[name].sliders()):
        view = protocol_view(protocol=name, **place)  # type: ignore[arg-type]
        broken = "broken" in _verdicts(name, view)
        assert broken == (view.numbers["steps to break it"] != "none found")
        assert broken == view.pictures[0].title.startswith("A shortest run that breaks")


def test_an_unknown_choice_is_named() -> None:
    with pytest.raises(ValueError, match="protocol is 'none'; allowed: "):
        protocol_view(protocol="none")
    with pytest.raises(ValueError, match="logs is ''; allowed: in memory, on disk"):
        protocol_view(protocol="Two-phase commit")
