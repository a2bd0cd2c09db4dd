"""The database and the broker: started once, and used by one lab after the other.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from ...databases import Schema, connect
from ...systems.postgresql import NAME, launch_on_loopback
from ...systems.server import POLL_S, TIMEOUT_S, Server, started
from .brokers import BROKERS, QueueKind

DATABASE, BROKER = "database", "broker"
OPEN = "SELECT count(*) FROM pg_stat_activity WHERE application_name = ?"


class Servers:
    """A PostgreSQL at ``place``, HOST:PORT, and a ``broker`` of some ``kind``."""

    def __init__(self, database: Server, broker: Server, kind: QueueKind) -> None:
        self.broker, self.kind = broker, kind
        self.place = urlsplit(database.address).netloc.rpartition("@")[2]
        self._database = database
        self._numbers = itertools.count(1)

    def new_tables(self, *schemas: Schema) -> str:
        """Make tables that nobody else has, and return the URL at which they are."""
        name, address = f"place_{next(self._numbers)}", self._database.address
        with closing(connect(address)) as database:
            database.rows(f"CREATE SCHEMA {name}")
        place = f"{address}&options={quote(f'-c search_path={name}')}"
        with closing(connect(place)) as database:
            for schema in schemas:
                schema.ensure(database)
        return place

    def new_file(self) -> Path:
        """Return a file that is not there yet, and goes with the database."""
        return self._database.folder / f"file_{next(self._numbers)}"

    def wait_until_gone(self, name: str) -> None:
        """Wait until the database has rolled back what a dead process of this name had open.

        Raises TimeoutError.
        """
        last_s = time.monotonic() + TIMEOUT_S
        with closing(connect(self._database.address)) as database:
            while database.rows(OPEN, (name,)) != [(0,)]:
                if time.monotonic() > last_s:
                    raise TimeoutError(f"{name} is connected after {TIMEOUT_S} s")
                time.sleep(POLL_S)

    def restart(self, which: str) -> None:
        """Have one of the two die in the middle of what it does, and start it again."""
        if which == DATABASE:
            self._database.restart(signal.SIGQUIT)  # at once; it recovers from its log
        else:
            self.broker.restart(signal.SIGKILL)


@contextmanager
def servers(broker: str = "Kafka") -> Iterator[Servers]:
    """Start a database and one of ``BROKERS``. Raises ServerMissing, and ServerFailed."""
    kind = BROKERS[broker]
    with started(NAME, launch_on_loopback) as database, kind.start() as running:
        yield Servers(database, running, kind)
