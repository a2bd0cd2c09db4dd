"""A place for tables that is empty at first, and gone afterwards.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from tempfile import TemporaryDirectory
from urllib.parse import quote

from .connect import connect

_NUMBERS = count(1)


@contextmanager
def empty_place(server: str = "") -> Iterator[str]:
    """Yield the URL of a database without tables, which is gone when the block ends.

    It is a SQLite file of its own or, with a PostgreSQL's URL, a schema of its own there: what
    that server holds besides is not touched.
    """
    if not server:
        with TemporaryDirectory(prefix="delivery-semantics-") as folder:
            yield f"sqlite:///{folder}/place.sqlite"
        return
    with closing(connect(server)) as database:
        [(pid,)] = database.rows("SELECT pg_backend_pid()")
        name = f"delivery_semantics_{pid}_{next(_NUMBERS)}"
        database.rows(f"CREATE SCHEMA {name}")
        try:
            joint = "&" if "?" in server else "?"
            yield f"{server}{joint}options={quote(f'-c search_path={name}')}"
        finally:
            database.rows("SET client_min_messages = warning")
            database.rows(f"DROP SCHEMA {name} CASCADE")
