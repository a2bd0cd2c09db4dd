"""What the benchmark of the stores rests on: each of them does the work that is timed."""

from __future__ import annotations

import dedup
import pytest

from delivery_semantics.databases import connect


@pytest.mark.parametrize("name", dedup.IN_MEMORY)
def test_each_store_decides_what_it_is_timed_for(name: str) -> None:
    asked = list(dedup._asked(200, numbers=name == "highest number"))
    store = dedup.IN_MEMORY[name](200)
    assert [store.first_time(id, 0.0) for id in asked] == [True, False] * 100


def test_a_table_is_emptied_between_two_measurements() -> None:
    database = connect("sqlite:///:memory:")
    try:
        assert dedup._in_database(database, each=7, count=20) > 0
    finally:
        database.close()
