"""From a URL to a connection.

Book: 06-idempotent-operations
"""

from __future__ import annotations

import importlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..core.check import not_negative, of_type, one_of, positive
from .database import Database, DatabaseUnreachable
from .sqlite import SQLite

SYNCHRONOUS = ("OFF", "NORMAL", "FULL")
IN_MEMORY = Path(":memory:")
"""A database of its own for each connection; see ``Connections``."""
ALLOWED = "allowed: sqlite:///FILE (sqlite:////FILE from the root) or postgresql://…"


def connect(
    url: str, *, lock_timeout_s: float = 5.0, synchronous: str = "FULL",
    answer_timeout_s: float = 10.0,
) -> Database:  # fmt: skip
    """Open a connection; ``synchronous`` says what a commit survives, see SQLite's.

    A server that has not answered for ``answer_timeout_s`` beyond the wait for a lock is taken
    for lost. Raises ValueError for a URL of another form or another word, and
    DatabaseUnreachable if nothing is there.
    """
    one_of("synchronous", synchronous, SYNCHRONOUS)
    not_negative("lock_timeout_s", lock_timeout_s)
    positive("answer_timeout_s", answer_timeout_s)
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
        url, lock_timeout_s=lock_timeout_s, synchronous=synchronous,
        answer_timeout_s=answer_timeout_s,
    )  # fmt: skip
    return made


def file_of(url: str) -> Path | None:
    """Return a SQLite URL's file, or None for PostgreSQL's.

    Raises ValueError for others, and TypeError for what is no text.
    """
    parts = urlsplit(of_type("url", url, str))
    if parts.scheme in ("postgresql", "postgres"):
        return None
    plain = not (parts.netloc or parts.query or parts.fragment)
    if parts.scheme == "sqlite" and plain and len(parts.path) > 1:
        return Path(unquote(parts.path[1:]))
    raise ValueError(f"url is {url!r}; {ALLOWED}")
