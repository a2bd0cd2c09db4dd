"""What the benchmark of the idempotency keys rests on."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import idempotency
import idempotent_service
import pytest

from delivery_semantics.databases import connect


def test_the_audit_sees_what_was_lost_in_doubt_and_charged_twice(tmp_path: Path) -> None:
    with closing(connect(idempotency.file_url(tmp_path, "none"))) as database:
        idempotent_service.CHARGES.ensure(database)
        for key in ("once", "twice", "twice", "in doubt"):
            database.change("INSERT INTO charges (key) VALUES (?)", (key,))
    campaign = idempotency.Campaign(tmp_path, "none", random.Random(1))
    campaign.told = {"once": 201, "twice": 201, "lost": 201, "in doubt": 500, "nothing": 500}
    campaign.retries = 7
    assert campaign.audit() == (5, 7, 1, 2, 1)
    del campaign.told["once"]
    with pytest.raises(AssertionError, match="nobody asked for"):
        campaign.audit()


@pytest.mark.slow
def test_with_keys_no_kill_loses_or_repeats_a_charge() -> None:
    _, head, rows = idempotency.under_kills(kills=4, clients=4)
    for layer, *told in rows:
        counts = dict(zip(head[1:], told, strict=True))
        assert counts["keys"] >= 4
        assert counts["retries"] > 0
        assert counts["lost"] == 0
        assert layer == "none" or counts["charged twice"] == 0
        assert layer == "anywhere" or counts["in doubt"] == 0


@pytest.mark.slow
def test_every_layer_is_asked_in_the_same_way() -> None:
    _, _, rows = idempotency.costs(turns=1, turn_s=0.05)
    assert len(rows) == 32
    for *_, per_s, p50_us, p99_us, ratio, _, cpu_ratio in rows:
        assert per_s > 0
        assert 0 < p50_us <= p99_us
        assert float(ratio) > 0
        assert float(cpu_ratio) > 0


@pytest.mark.slow
def test_a_key_takes_room() -> None:
    _, _, rows = idempotency.sizes(requests=200)
    bytes_each = {layer: each for layer, _, _, each in rows}
    assert bytes_each["none"] == 0
    assert 150 < bytes_each["in phases"] < 800
