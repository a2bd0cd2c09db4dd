"""The payments service as a program: it starts, says where, ends, and refuses in one line."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from delivery_semantics.databases import Connections, DatabaseReadOnly, connect
from delivery_semantics.systems.http.client import NotSent, Reply, Request, ask
from delivery_semantics.systems.http.serving import HOST, serving
from delivery_semantics.systems.payments.card import PATH, Card, movements
from delivery_semantics.systems.payments.command import GRACE_S, check_that_it_can_write
from delivery_semantics.systems.payments.parameters import FORM, ChargeAsked
from delivery_semantics.systems.payments.processor import processor_app
from delivery_semantics.systems.postgresql import postgresql
from delivery_semantics.systems.server import (
    LOG,
    Launch,
    Server,
    ServerFailed,
    found_in,
    free_ports,
    started,
)

CHARGE = Request(
    "POST",
    "/v1/charges",
    (
        ("Authorization", "Bearer sk_test_command"),
        ("Content-Type", FORM),
        ("Idempotency-Key", "k"),
    ),
    urlencode({"amount": 2000, "currency": "usd", "source": "tok_visa"}).encode(),
)

pytestmark = pytest.mark.slow

SERVICE = "delivery_semantics.systems.payments"
PROCESSOR = "delivery_semantics.systems.payments.processor"


def payments_service(
    store: str, *, port: int = 0, processor: str = ""
) -> AbstractContextManager[Server]:
    more = ("--processor", processor) if processor else ()
    return program("The payments service", SERVICE, port, store, *more)


def card_processor(store: str, *, keys: bool = True) -> AbstractContextManager[Server]:
    more = () if keys else ("--no-keys",)
    return program("The card processor", PROCESSOR, 0, store, *more)


def program(
    name: str, module: str, port: int, store: str, *more: str
) -> AbstractContextManager[Server]:
    def prepare(folder: Path) -> Launch:
        return Launch(
            [sys.executable, "-m", module, "--port", str(port), "--store", store, *more],
            address=lambda: found_in(folder / LOG, r"^http://.*$"),
            folder=Path.cwd(),  # where a path in ``store`` begins
            patience_s=GRACE_S + 1,
        )

    return started(name, prepare)


def ended(server: Server, number: int = signal.SIGTERM) -> tuple[int, str]:
    """End it, and return its status and all that it has printed."""
    server.signal(number)
    return server.wait(), server.log


def refused(*arguments: str, module: str = SERVICE) -> str:
    """Return the one line with which it ends, with status 2 and nothing on stdout."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


def store(folder: Path) -> str:
    return f"sqlite:///{folder / 'payments.db'}"


def test_it_says_where_it_answers_and_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    with payments_service(store(tmp_path)) as server:
        assert server.address.startswith(f"http://{HOST}:")
        first = ask(server.address, CHARGE)
        assert first.status == 200
        assert ended(server) == (0, f"{server.address}\n")
        with pytest.raises(NotSent):
            ask(server.address, CHARGE)
        server.start()
        again = ask(server.address, CHARGE)
        assert (again.body, again.header("Idempotent-Replayed")) == (first.body, "true")
        assert ended(server)[0] == 0


def test_ctrl_c_ends_it_as_cleanly(tmp_path: Path) -> None:
    with payments_service(store(tmp_path)) as server:
        assert ended(server, signal.SIGINT) == (0, f"{server.address}\n")


def test_a_request_under_way_has_longer_than_its_card_processor() -> None:
    assert Card("http://127.0.0.1:1").timeout_s < GRACE_S


def test_it_takes_the_port_that_it_is_given_and_refuses_one_that_is_taken(
    tmp_path: Path,
) -> None:
    [port] = free_ports(1)
    with socket.create_server((HOST, port)):
        assert "in use" in refused("--port", str(port), "--store", store(tmp_path))
        with pytest.raises(ServerFailed, match="in use"):
            payments_service(store(tmp_path), port=port).__enter__()
        assert list(tmp_path.iterdir()) == []
    with payments_service(store(tmp_path), port=port) as server:
        assert server.address == f"http://{HOST}:{port}"
        assert ended(server)[0] == 0


def test_a_request_under_way_is_finished_before_it_ends(tmp_path: Path) -> None:
    with (
        socket.create_server((HOST, 0)) as card,
        payments_service(
            store(tmp_path), processor=f"http://{HOST}:{card.getsockname()[1]}"
        ) as server,
    ):
        replies: list[Reply] = []
        client = threading.Thread(target=lambda: replies.append(ask(server.address, CHARGE)))
        client.start()
        asked, _ = card.accept()
        with asked:  # the service waits for the card processor
            server.signal(signal.SIGTERM)
            asked.recv(2**16)
            asked.sendall(
                b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
            )
        client.join()
        assert [reply.status for reply in replies] == [200]
        assert server.wait() == 0


def test_it_calls_the_card_processor_which_is_a_program_as_well(tmp_path: Path) -> None:
    cards = f"sqlite:///{tmp_path / 'cards.db'}"
    with (
        card_processor(cards) as processor,
        payments_service(store(tmp_path), processor=processor.address) as service,
    ):
        assert [ask(service.address, CHARGE).status for _ in range(2)] == [200, 200]
        moved = {"amount": 2000, "currency": "usd", "source": "tok_visa"}
        assert movements(processor.address) == [moved]
        assert (ended(service)[0], ended(processor)[0]) == (0, 0)


def test_a_processor_without_keys_moves_money_for_every_copy(tmp_path: Path) -> None:
    with card_processor(store(tmp_path), keys=False) as processor:
        card = Card(processor.address)
        asked = ChargeAsked(2000, "usd", "tok_visa", None, ())
        assert [card.charge(asked, "k") for _ in range(2)] == [True, True]
        assert len(movements(card.url)) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"amount": 5, "currency": "usd", "source": "a\\u0000"}',
        b'{"amount": 5, "currency": "usd", "source": "\\ud800"}',
        b'{"amount": 5, "currency": ["usd"], "source": "tok_visa"}',
        b'{"amount": true, "currency": "usd", "source": "tok_visa"}',
    ],
    ids=["deep", "NUL", "surrogate", "list", "no number"],
)
def test_the_processor_refuses_what_it_cannot_mean(tmp_path: Path, body: bytes) -> None:
    app = processor_app(Connections(store(tmp_path)))
    with serving(app) as url:
        assert ask(url, Request("POST", PATH, (("Idempotency-Key", "k"),), body)).status == 400
        assert movements(url) == []


def test_it_runs_on_postgresql() -> None:
    with postgresql() as url, payments_service(url) as server:
        assert ask(server.address, CHARGE).status == 200
        assert ask(server.address, CHARGE).header("Idempotent-Replayed") == "true"
        assert ended(server)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--port, --store"),
        (("--port", "0"), "--store"),
        (("--port", "x", "--store", "sqlite:///a.db"), "port is 'x'; allowed: 0 to 65535"),
        (("--port", "65536", "--store", "sqlite:///a.db"), "allowed: 0 to 65535"),
        (("--port", "0", "--store", "mysql://a/b"), "allowed: sqlite:///FILE"),
        (("--port", "0", "--store", ""), "allowed: sqlite:///FILE"),
        (("--port", "0", "--store", "sqlite:///no/such/a.db"), "no folder"),
        (("--port", "0", "--store", "sqlite:///a.db", "--debug"), "--debug"),
        (("--port", "0", "--store", "sqlite:///a.db", "--processor", "x"), "processor"),
        (
            ("--port", "0", "--store", "sqlite:///a.db", "--processor", "http://h:x"),
            "http://h:x",
        ),
        (
            ("--port", "0", "--store", "sqlite:///a.db", "--processor", "http://h:65536"),
            "65536",
        ),
        (
            ("--port", "0", "--store", "sqlite:///a.db", "--processor", "http://[::1"),
            "HOST:PORT",
        ),
        (("--port", "0", "--store", "postgresql://127.0.0.1:1/x"), "PostgreSQL"),
    ],
)
def test_bad_arguments_end_it_with_one_line(arguments: tuple[str, ...], says: str) -> None:
    assert says in refused(*arguments)


@pytest.mark.parametrize(
    ("module", "name"),
    [(SERVICE, "payments"), (SERVICE, "idempotency"), (PROCESSOR, "card processor")],
)
def test_tables_of_another_version_are_left_as_they_are(
    tmp_path: Path, module: str, name: str
) -> None:
    database = connect(store(tmp_path))
    database.rows("CREATE TABLE schema_versions (name TEXT PRIMARY KEY, version BIGINT)")
    database.rows("INSERT INTO schema_versions VALUES (?, 99)", (name,))
    before = database.rows("SELECT * FROM sqlite_schema")
    line = refused("--port", "0", "--store", store(tmp_path), module=module)
    assert f"the tables of '{name}' have version 99; allowed: version 1" in line
    assert database.rows("SELECT * FROM sqlite_schema") == before
    database.close()


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "payments.db").write_bytes(b"a letter to a friend, " * 100)
    assert "SQLite" in refused("--port", "0", "--store", store(tmp_path))
    assert (tmp_path / "payments.db").read_bytes() == b"a letter to a friend, " * 100


def test_a_database_that_can_only_be_read_is_refused_at_the_start() -> None:
    with postgresql() as url:
        with payments_service(url) as server:
            ended(server)
        joined = "&" if "?" in url else "?"
        read_only = quote("-c default_transaction_read_only=on")
        line = refused("--port", "0", "--store", f"{url}{joined}options={read_only}")
        assert "read-only" in line


def test_a_sqlite_file_that_can_only_be_read_is_found_out_by_a_write(tmp_path: Path) -> None:
    database = connect(store(tmp_path))
    database.rows("CREATE TABLE schema_versions (name TEXT PRIMARY KEY, version BIGINT)")
    check_that_it_can_write(database)
    database.rows("PRAGMA query_only = ON")
    with pytest.raises(DatabaseReadOnly):
        check_that_it_can_write(database)
    database.close()
