"""Which worlds nothing leads out of, against a slower way to say it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics.search.liveness import closed

GRAPHS = st.integers(1, 9).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, size - 1), max_size=3), min_size=size, max_size=size
    )
)


def ahead(graph: list[list[int]], world: int) -> set[int]:
    found, queue = {world}, [world]
    while queue:
        new = set(graph[queue.pop()]) - found
        found |= new
        queue += new
    return found


@given(GRAPHS)
def test_closed_are_those_to_which_everything_ahead_leads_back(graph: list[list[int]]) -> None:
    expected = [
        world
        for world in range(len(graph))
        if all(world in ahead(graph, other) for other in ahead(graph, world))
    ]
    assert sorted(closed(range(len(graph)), graph.__getitem__)) == expected


def test_a_long_way_needs_no_deep_stack() -> None:
    far = 50_000
    assert closed(range(far + 1), lambda world: [min(world + 1, far)]) == [far]
