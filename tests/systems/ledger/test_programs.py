"""The programs that a reader takes home, from the button to the card."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from delivery_semantics.databases import connect, empty_place
from delivery_semantics.experiments.ledger.brokers import BROKERS
from delivery_semantics.systems.http.client import Request, ask
from delivery_semantics.systems.ledger.__main__ import PROGRAM
from delivery_semantics.systems.ledger.shop import PATH
from delivery_semantics.systems.payments.card import movements
from delivery_semantics.systems.payments.processor import PROGRAM as PROCESSOR


@contextmanager
def program(*words: str) -> Iterator[Iterator[str]]:
    """Run a program; yield the lines that it prints."""
    command = [sys.executable, "-m", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield iter(process.stdout)
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.needs("rabbitmq")
def test_five_programs_move_a_payment() -> None:
    kind = BROKERS["RabbitMQ"]
    with ExitStack() as stack:
        shop, bank, cards = (stack.enter_context(empty_place()) for _ in range(3))
        broker = stack.enter_context(kind.start())
        name = stack.enter_context(kind.queue(broker.address))
        way = stack.enter_context(kind.network(broker.address))
        queue = ("--queue", kind.url(way.address, name))

        def start(*words: str) -> Iterator[str]:
            return stack.enter_context(program(*words))

        processor = next(start(PROCESSOR, "--port", "0", "--store", cards)).strip()
        button = next(start(PROGRAM, "shop", "--port", "0", "--store", shop)).strip()
        start(PROGRAM, "relay", "--store", shop, *queue)
        start(PROGRAM, "bank", "--store", bank, *queue)
        forwarder = start(PROGRAM, "forwarder", "--store", bank, "--card", processor)
        body = json.dumps({"order": "7", "amount": 350, "card": "tok_visa"}).encode()
        headers = (("Authorization", "Bearer sk_test_book"), ("Idempotency-Key", "k"))
        assert ask(button, Request("POST", PATH, headers, body)).status == 202
        assert next(forwarder) == "forwarder: 1\n"
        assert [move["amount"] for move in movements(processor)] == [350]
        with closing(connect(bank)) as ledger:
            assert ledger.rows("SELECT sum(amount), count(*) FROM entries") == [(0, 2)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bank", "--store", "sqlite:///x"], "the bank needs --queue"),
        (["relay", "--store", "sqlite:///x", "--queue", "http://q"], "queue is 'http://q'"),
        (["shop", "--store", "sqlite:///x"], "the shop needs --port"),
        (["forwarder", "--store", "sqlite:///x", "--card", "x"], "processor is 'x'"),
        (["relay", "--store", "x", "--queue", "kafka://h:1/t"], "url is 'x'"),
    ],
)
def test_a_program_says_what_it_needs(words: list[str], said: str) -> None:
    command = [sys.executable, "-m", PROGRAM, *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert said in done.stderr
