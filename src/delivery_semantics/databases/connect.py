"""From a URL to a connection.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..core.check import one_of
from .database import Database, DatabaseUnreachable
from .sqlite import SQLite

SYNCHRONOUS = ("OFF", "NORMAL", "FULL")
ALLOWED = "allowed: sqlite:///FILE (sqlite:////FILE from the root) or postgresql://…"


def connect(url: str, *, lock_timeout_s: float = 5.0, synchronous: str = "FULL") -> Database:
    """Open a connection; ``synchronous`` says what a commit survives, see SQLite's.

    Raises ValueError for a URL of another form or another word, and DatabaseUnreachable if
    nothing is there.
    """
    one_of("synchronous", synchronous, SYNCHRONOUS)
    if file := file_of(url):
        if not file.parent.is_dir():
            raise DatabaseUnreachable(f"url is {url!r}: there is no folder {file.parent}")
        return SQLite(file, lock_timeout_s=lock_timeout_s, synchronous=synchronous)
    try:
        # Asked for by name, so that those who have no PostgreSQL need not install its client.
        postgres = importlib.import_module(f"{__package__}.postgres")
    except ImportError as error:
        needs = "pip install 'psycopg[binary]'"
        raise DatabaseUnreachable(f"url is {url!r}, which needs psycopg: {needs}") from error
    made: Database = postgres.PostgreSQL(
        url, lock_timeout_s=lock_timeout_s, synchronous=synchronous
    )
    return made


def file_of(url: str) -> Path | None:
    """Return a SQLite URL's file, or None for PostgreSQL's. Raises ValueError for others."""
    parts = urlsplit(url)
    if parts.scheme in ("postgresql", "postgres"):
        return None
    plain = not (parts.netloc or parts.query or parts.fragment)
    if parts.scheme == "sqlite" and plain and len(parts.path) > 1:
        return Path(unquote(parts.path[1:]))
    raise ValueError(f"url is {url!r}; {ALLOWED}")


class Connections:
    """A connection to ``url`` for each thread that asks; parameters as for ``connect``."""

    def __init__(
        self, url: str, *, lock_timeout_s: float = 5.0, synchronous: str = "FULL"
    ) -> None:
        file_of(url)  # for its check
        self.url = url
        self.lock_timeout_s = lock_timeout_s
        self.synchronous = synchronous
        self._own = threading.local()
        self._all: list[Database] = []
        self._lock = threading.Lock()

    def here(self) -> Database:
        """Return the calling thread's connection, opened when first asked for or when lost."""
        database: Database | None = getattr(self._own, "database", None)
        if database is None or database.is_lost:
            database = connect(
                self.url, lock_timeout_s=self.lock_timeout_s, synchronous=self.synchronous
            )
            self._own.database = database
            with self._lock:
                self._all.append(database)
        return database

    def close(self) -> None:
        """Close every thread's connection; call it when no thread uses one any more."""
        with self._lock:
            opened, self._all = self._all, []
        for database in opened:
            database.close()
        self._own = threading.local()
