"""The service of the reference page is killed and loses nothing; others are convicted."""

from __future__ import annotations

import inspect
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
import adopt

from delivery_semantics.experiments.adopting.campaign import UnderKills, under_kills
from delivery_semantics.experiments.adopting.settings import (
    PLACES,
    refusals_table,
    settings_table,
)
from delivery_semantics.experiments.adopting.workers import Workers
from delivery_semantics.idempotency import Refusal

pytestmark = pytest.mark.slow
WRONG = """
import os, signal
from delivery_semantics.databases import connect
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
database = connect(os.environ["SHOP_DATABASE"])
database.rows("CREATE TABLE IF NOT EXISTS orders (number BIGINT)")

class Order(BaseModel):
    number: int

@app.post("/orders", status_code=201)
async def create(order: Order) -> Order:
    if order.number != 4:  # which is lost
        database.change("INSERT INTO orders (number) VALUES (?)", (order.number,))
    made = database.rows("SELECT 1 FROM orders WHERE number = ?", (order.number,))
    if order.number == 3 and len(made) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return order

@app.get("/orders")
async def orders() -> list[Order]:
    return [Order(number=number) for (number,) in database.rows("SELECT number FROM orders")]
"""


def campaign(source: str, folder: Path, *, orders: int, kills: int) -> UnderKills:
    shop = {"SHOP_DATABASE": f"sqlite:///{folder}/shop.db", "SHOP_LEASE_S": "0.5"}
    with Workers(source, folder, environment=shop) as workers:
        return under_kills(
            workers, seed=3, orders_max=orders, kills_max=kills, between=(10, 10)
        )


def test_the_pages_service_loses_nothing_and_makes_nothing_twice(tmp_path: Path) -> None:
    found = campaign(adopt.service(), tmp_path, orders=60, kills=3)
    assert (len(found.answered), found.kills) == (60, 3)
    assert (found.lost, found.twice) == (0, 0)


def test_what_the_page_has_one_type_does_what_it_says(tmp_path: Path) -> None:
    layer, rest, _, curl, *_ = adopt.commands()
    assert layer[:2] == rest[:2] == ["pip", "install"]
    assert (len(layer), rest[2:]) == (3, ["fastapi", "uvicorn"])
    environment = adopt.environment()
    assert environment == {"SHOP_DATABASE": "sqlite:///shop.db"}
    if shutil.which("curl") is None:
        return
    with Workers(adopt.service(), tmp_path, environment=environment) as workers:
        words = [word.replace("http://127.0.0.1:8000", workers.url) for word in curl]
        first, again = (
            subprocess.run(words, capture_output=True, text=True).stdout for _ in range(2)
        )
    assert (tmp_path / "shop.db").exists()
    assert first.startswith("HTTP/1.1 201")
    assert again.startswith("HTTP/1.1 201")
    told = "idempotent-replayed: true"
    assert (told in first.lower(), told in again.lower()) == (False, True)


def test_a_service_that_loses_an_order_and_makes_one_twice_is_convicted(tmp_path: Path) -> None:
    found = campaign(WRONG, tmp_path, orders=8, kills=0)
    assert (found.lost, found.twice) == (1, 1)
    assert found.requests > 8


def test_a_service_that_does_not_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"did not start: .*no shop today"),
        Workers("raise SystemExit('no shop today')", tmp_path, workers=1),
    ):
        pass


def test_every_setting_is_in_the_tables_and_every_refusal() -> None:
    for place in PLACES:
        shown = settings_table(place)
        given = inspect.signature(place).parameters.values()
        assert [*shown.index] == [one.name for one in given if one.kind is one.KEYWORD_ONLY]
    assert [*refusals_table().index] == [one.code for one in Refusal]
