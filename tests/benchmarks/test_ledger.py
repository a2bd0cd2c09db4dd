"""What the benchmark of the capstone rests on: each system moves its payments."""

from __future__ import annotations

import ledger
import pytest

from delivery_semantics.experiments.ledger.without import PROTECTIONS


@pytest.mark.slow
@pytest.mark.needs("rabbitmq")
def test_each_system_is_measured() -> None:
    [(_, head, rows)] = ledger.tables(broker="RabbitMQ", turns=1, payments=2)
    assert len(rows) == 1 + len(PROTECTIONS)
    assert all(len(row) == len(head) for row in rows)
    assert rows[0][-1] == "1.00"
