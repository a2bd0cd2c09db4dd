"""Real databases behind one small interface: SQLite and PostgreSQL.

Statements are written once, with ``?`` for each value, and nothing is hidden: what a chapter
says about a transaction is what its database does. The two differ in what they refuse, and
when; their refusals have common names here, so that a chapter can compare them.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from .connect import connect, file_of
from .database import (
    AlreadyThere, Database, DatabaseFull, DatabaseReadOnly, DatabaseRefused,
    DatabaseUnreachable, Locked, NotSerializable, Row, Value,
)  # fmt: skip
from .place import empty_place
from .pool import Connections
from .schema import Schema, SchemaMismatch

__all__ = [
    "AlreadyThere", "Connections", "Database", "DatabaseFull", "DatabaseReadOnly",
    "DatabaseRefused", "DatabaseUnreachable", "Locked", "NotSerializable", "Row", "Schema",
    "SchemaMismatch", "Value", "connect", "empty_place",
    "file_of",
]  # fmt: skip
