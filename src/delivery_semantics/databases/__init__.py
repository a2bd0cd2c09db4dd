"""Real databases behind one small interface: SQLite and PostgreSQL.

Statements are written once, with ``?`` for each value, and nothing is hidden: what a chapter
says about a transaction is what its database does. The two differ in what they refuse, and
when; their refusals have common names here, so that a chapter can compare them.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from .connect import IN_MEMORY, connect, file_of
from .database import (
    AlreadyThere, Database, DatabaseFull, DatabaseReadOnly, DatabaseRefused,
    DatabaseUnreachable, Locked, NotSerializable, Row, Value,
)  # fmt: skip
from .place import empty_place
from .pool import Connections, deadline_s, until
from .schema import Schema, SchemaMismatch

__all__ = [
    "IN_MEMORY", "AlreadyThere", "Connections", "Database", "DatabaseFull", "DatabaseReadOnly",
    "DatabaseRefused", "DatabaseUnreachable", "Locked", "NotSerializable", "Row", "Schema",
    "SchemaMismatch", "Value", "connect", "deadline_s", "empty_place", "file_of", "until",
]  # fmt: skip
