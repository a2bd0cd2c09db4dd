"""What idempotency keys cost a service, and whether they hold when it is killed under load.

The same handler with the layer, without it, and with no more than the two statements on the
table of keys that no layer can spare, each behind the same server in a process of its own. They
are asked in turns, by clients that wait for each answer, so that whatever else the machine does
weighs on all alike. Time is measured on the wall, and as what the server's process spent of the
processors, which others on the machine change little. PostgreSQL's own processes are not in
that.
"""

from __future__ import annotations

import itertools
import json
import random
import selectors
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import idempotent_service

from delivery_semantics.databases import connect
from delivery_semantics.systems.http.serving import HOST
from delivery_semantics.systems.postgresql import postgresql

Rows = list[tuple[Any, ...]]
Table = tuple[str, tuple[str, ...], Rows]
BODY = json.dumps({"amount": 1000, "currency": "eur"}).encode()
TURNS, TURN_S = 25, 0.25


def tables() -> Iterator[Table]:
    """Yield title, head and rows of each question."""
    yield costs()
    yield sizes()
    yield under_kills()


@contextmanager
def served(url: str, layer: str, synchronous: str = "FULL") -> Iterator[int]:
    """Yield the port of a server that is killed when the block ends."""
    command = [sys.executable, idempotent_service.__file__, url, layer, synchronous]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.kill()


# What they cost


class Turn(NamedTuple):
    """What the clients measured in a turn, and the server: seconds."""

    took_s: list[float]
    cpu_s: float

    @property
    def cpu_us(self) -> float:
        """Microseconds of the processors a request."""
        return 1e6 * self.cpu_s / len(self.took_s)


def costs(*, turns: int = TURNS, turn_s: float = TURN_S) -> Table:
    """Compare requests per second, latencies and processor time with the bare service's."""
    rows: Rows = []
    for database, synchronous in itertools.product(DATABASES, ("FULL", "NORMAL")):
        with ExitStack() as stack:
            urls = stack.enter_context(DATABASES[database]())
            ports = {
                layer: stack.enter_context(served(urls[layer], layer, synchronous))
                for layer in idempotent_service.COMPARED
            }
            for clients in (1, 16):
                took = measured(ports, clients, turns, turn_s)
                for layer, row in compared(took, turn_s):
                    rows.append((layer, database, synchronous, clients, *row))
    return (
        f"Idempotency keys around a charge ({turns} turns of {turn_s} s; medians)",
        ("layer", "database", "synchronous", "clients", "requests/s", "p50 us", "p99 us",
         "times bare", "CPU us", "CPU, times bare"),
        rows,
    )  # fmt: skip


def measured(
    ports: dict[str, int], clients: int, turns: int, turn_s: float
) -> dict[str, list[Turn]]:
    """Load each server in turns; the first one warms up."""
    took = {layer: list[Turn]() for layer in ports}
    for _ in range(turns + 1):
        for layer, port in ports.items():
            before_s = cpu_s(port)
            took[layer].append(Turn(load(port, clients, turn_s), cpu_s(port) - before_s))
    return {layer: measured for layer, (_, *measured) in took.items()}


def compared(
    took: dict[str, list[Turn]], turn_s: float
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield each layer's row; its ratios are those of turns that followed one another."""
    for layer, turns in took.items():
        pairs = list(zip(took["none"], turns, strict=True))
        slower = statistics.median(len(a.took_s) / len(b.took_s) for a, b in pairs)
        dearer = statistics.median(b.cpu_us / a.cpu_us for a, b in pairs)
        every = sorted(itertools.chain.from_iterable(turn.took_s for turn in turns))
        per_s = statistics.median(len(turn.took_s) for turn in turns) / turn_s
        p50, p99 = (int(1e6 * every[int(share * len(every))]) for share in (0.5, 0.99))
        cpu_us = int(statistics.median(turn.cpu_us for turn in turns))
        yield layer, (int(per_s), p50, p99, f"{slower:.2f}", cpu_us, f"{dearer:.2f}")


def cpu_s(port: int) -> float:
    """Return what the server has spent of the processors."""
    return float(httpx.get(f"http://{HOST}:{port}/cpu_s").text)


@contextmanager
def in_sqlite() -> Iterator[dict[str, str]]:
    """Yield the URL of a database for each layer."""
    with TemporaryDirectory() as name:
        yield {layer: file_url(Path(name), layer) for layer in idempotent_service.COMPARED}


@contextmanager
def in_postgresql() -> Iterator[dict[str, str]]:
    """Yield the URL of a schema for each layer, in one server."""
    with postgresql() as url, closing(connect(url)) as database:
        urls = {}
        for layer in idempotent_service.COMPARED:
            schema = f"benchmark_{uuid.uuid4().hex}"
            database.rows(f"CREATE SCHEMA {schema}")
            joint = "&" if "?" in url else "?"
            urls[layer] = f"{url}{joint}options=-csearch_path%3D{schema}"
        yield urls


DATABASES = {"SQLite": in_sqlite, "PostgreSQL": in_postgresql}


def file_url(folder: Path, layer: str) -> str:
    """Return the URL of a database in a folder."""
    return f"sqlite:///{folder}/{layer.replace(' ', '-')}.db"


def load(port: int, clients: int, duration_s: float) -> list[float]:
    """Return the seconds that each request took, with this many at a time."""
    took_s = []
    with selectors.DefaultSelector() as selector:
        for _ in range(clients):
            client = Client(port)
            selector.register(client.socket, selectors.EVENT_READ, client)
        ends_s = time.perf_counter() + duration_s
        while selector.get_map():
            for ready, _ in selector.select():
                client = ready.data
                if not client.has_its_answer():
                    continue
                now_s = time.perf_counter()
                took_s.append(now_s - client.sent_s)
                if now_s < ends_s:
                    client.send()
                else:
                    selector.unregister(client.socket)
                    client.socket.close()
    return took_s


class Client:
    """A connection with one request at a time: a library would take longer than the server."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send()

    def send(self) -> None:
        """Send a request with a new key."""
        head = (
            f"POST /charges HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(BODY)}\r\n"
            f"Content-Type: application/json\r\nIdempotency-Key: {uuid.uuid4()}\r\n\r\n"
        )
        self.received = b""
        self.sent_s = time.perf_counter()
        self.socket.sendall(head.encode() + BODY)

    def has_its_answer(self) -> bool:
        """Receive; return whether that was all."""
        self.received += self.socket.recv(65_536)
        if not self.received.endswith(b"}"):
            return False
        assert self.received.startswith(b"HTTP/1.1 201"), self.received
        return True


# How much room they take


def sizes(*, requests: int = 5_000) -> Table:
    """Compare how much the file grows with each request."""
    rows: Rows = []
    bare = 0.0
    for layer in idempotent_service.LAYERS:
        with TemporaryDirectory() as name:
            folder = Path(name)
            with served(file_url(folder, layer), layer, "NORMAL") as port:
                count = 0
                while count < requests:
                    count += len(load(port, 16, 0.5))
            each = _file_bytes(folder) / count
        bare = bare or each
        rows.append((layer, count, each, each - bare))
    return (
        "Room in the file (SQLite; key of 36 characters, answer of 66 bytes)",
        ("layer", "requests", "bytes/request", "bytes/key"),
        rows,
    )


def _file_bytes(folder: Path) -> int:
    [file] = folder.glob("*.db")
    with closing(connect(f"sqlite:///{file}")) as database:
        database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.stat().st_size


# Whether they hold


def under_kills(*, kills: int = 20, clients: int = 8, seed: int = 1) -> Table:
    """Kill the server at random times while clients charge, and count the charges."""
    rows: Rows = []
    for layer in idempotent_service.LAYERS:
        with TemporaryDirectory() as name:
            told = Campaign(Path(name), layer, random.Random(seed)).run(kills, clients)
        rows.append((layer, kills, *told))
    return (
        f"SIGKILL under load, {clients} clients that retry with the same key",
        ("layer", "kills", "keys", "retries", "lost", "in doubt", "charged twice"),
        rows,
    )


class Campaign:
    """Clients that charge, one key after another, while the server is killed and restarted."""

    def __init__(self, folder: Path, layer: str, dice: random.Random) -> None:
        self.url, self.layer, self.dice = file_url(folder, layer), layer, dice
        self.port: int | None = None
        self.told: dict[str, int] = {}
        self.retries = 0
        self.ending = threading.Event()

    def run(self, kills: int, clients: int) -> tuple[int, int, int, int, int]:
        """Return the keys, the retries, and how many keys were lost, in doubt and repeated."""
        threads = [threading.Thread(target=self.charge) for _ in range(clients)]
        for number in range(kills + 1):
            with served(self.url, self.layer, "NORMAL") as self.port:
                if number == 0:
                    for thread in threads:
                        thread.start()
                if number == kills:
                    self.ending.set()
                    for thread in threads:
                        thread.join()
                else:
                    self.ending.wait(self.dice.uniform(0.3, 0.9))
            self.port = None  # which another server may be given now
        return self.audit()

    def charge(self) -> None:
        """Charge with one key after another, each until there is an answer."""
        with httpx.Client(timeout=5.0) as client:
            while not self.ending.is_set():
                key = str(uuid.uuid4())
                while (status := self.ask(client, key)) is None:
                    self.retries += 1
                    time.sleep(0.02)
                self.told[key] = status

    def ask(self, client: httpx.Client, key: str) -> int | None:
        """Return the status of the answer, or None if there was none, or it said to wait."""
        port = self.port
        if port is None:
            return None
        headers = {"idempotency-key": key, "content-type": "application/json"}
        try:
            url = f"http://{HOST}:{port}/charges"
            status = client.post(url, content=BODY, headers=headers).status_code
        except httpx.TransportError:
            return None
        return None if status in (409, 503) else status

    def audit(self) -> tuple[int, int, int, int, int]:
        """Compare what the clients were told with the charges that there are."""
        with closing(connect(self.url)) as database:
            charges = Counter(key for (key,) in database.rows("SELECT key FROM charges"))
        assert charges.keys() <= self.told.keys(), "a charge that nobody asked for"
        lost = sum(status == 201 and not charges[key] for key, status in self.told.items())
        in_doubt = sum(status != 201 for status in self.told.values())
        return (
            len(self.told),
            self.retries,
            lost,
            in_doubt,
            sum(n > 1 for n in charges.values()),
        )


if __name__ == "__main__":
    for table in tables():
        print(*table, sep="\n")
