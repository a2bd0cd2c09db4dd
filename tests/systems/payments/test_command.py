"""The payments service as a program: it starts, says where, ends, and refuses in one line."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from delivery_semantics.databases import Connections, DatabaseReadOnly, connect
from delivery_semantics.systems.http.client import NotSent, Reply, Request, ask
from delivery_semantics.systems.http.serving import HOST, serving
from delivery_semantics.systems.payments.card import PATH, Card, movements
from delivery_semantics.systems.payments.command import GRACE_S, check_that_it_can_write
from delivery_semantics.systems.payments.parameters import FORM
from delivery_semantics.systems.payments.processor import processor_app
from delivery_semantics.systems.postgresql import postgresql

SERVICE = "delivery_semantics.systems.payments"
PROCESSOR = "delivery_semantics.systems.payments.processor"
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


@contextmanager
def running(module: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield the process and the first line that it printed; it is gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


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
    with running(SERVICE, "--port", "0", "--store", store(tmp_path)) as (process, url):
        assert url.startswith(f"http://{HOST}:")
        first = ask(url, CHARGE)
        assert first.status == 200
        assert ended(process) == (0, "", "")
        with pytest.raises(NotSent):
            ask(url, CHARGE)
    with running(SERVICE, "--port", "0", "--store", store(tmp_path)) as (process, url):
        again = ask(url, CHARGE)
        assert (again.body, again.header("Idempotent-Replayed")) == (first.body, "true")
        assert ended(process)[0] == 0


def test_ctrl_c_ends_it_as_cleanly(tmp_path: Path) -> None:
    with running(SERVICE, "--port", "0", "--store", store(tmp_path)) as (process, _):
        assert ended(process, signal.SIGINT) == (0, "", "")


def test_a_request_under_way_has_longer_than_its_card_processor() -> None:
    assert Card("http://127.0.0.1:1").timeout_s < GRACE_S


def test_it_takes_the_port_that_it_is_given_and_refuses_one_that_is_taken(
    tmp_path: Path,
) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "in use" in refused("--port", port, "--store", store(tmp_path))
        assert list(tmp_path.iterdir()) == []
    with running(SERVICE, "--port", port, "--store", store(tmp_path)) as (process, url):
        assert url == f"http://{HOST}:{port}"
        assert ended(process)[0] == 0


def test_a_request_under_way_is_finished_before_it_ends(tmp_path: Path) -> None:
    with (
        socket.create_server((HOST, 0)) as card,
        running(
            SERVICE, "--port", "0", "--store", store(tmp_path),
            "--processor", f"http://{HOST}:{card.getsockname()[1]}",
        ) as (process, url),
    ):  # fmt: skip
        replies: list[Reply] = []
        client = threading.Thread(target=lambda: replies.append(ask(url, CHARGE)))
        client.start()
        asked, _ = card.accept()
        with asked:  # the service waits for the card processor
            process.send_signal(signal.SIGTERM)
            asked.recv(2**16)
            asked.sendall(
                b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
            )
        client.join()
        assert [reply.status for reply in replies] == [200]
        assert process.wait(30) == 0


def test_it_calls_the_card_processor_which_is_a_program_as_well(tmp_path: Path) -> None:
    cards = f"sqlite:///{tmp_path / 'cards.db'}"
    with (
        running(PROCESSOR, "--port", "0", "--store", cards) as (processor, card),
        running(SERVICE, "--port", "0", "--store", store(tmp_path), "--processor", card) as (
            process,
            url,
        ),
    ):
        assert [ask(url, CHARGE).status for _ in range(2)] == [200, 200]
        assert movements(card) == [{"amount": 2000, "currency": "usd", "source": "tok_visa"}]
        assert (ended(process)[0], ended(processor)[0]) == (0, 0)


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
    with (
        postgresql() as url,
        running(SERVICE, "--port", "0", "--store", url) as (process, address),
    ):
        assert ask(address, CHARGE).status == 200
        assert ask(address, CHARGE).header("Idempotent-Replayed") == "true"
        assert ended(process)[0] == 0


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
        with running(SERVICE, "--port", "0", "--store", url) as (process, _):
            ended(process)
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
