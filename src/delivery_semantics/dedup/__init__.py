"""Stores that remember which messages were seen, behind one question: is this the first time?

Each answers and remembers in one step, so that no copy can come in between. What it costs and
what it gets wrong is where they differ: a window forgets, a database asks for a transaction, a
number needs order, and a Bloom filter takes some new messages for old ones and so loses them.

Book: 07-deduplication
"""

from __future__ import annotations

from .bloom import Bloom, Generations
from .highest import Gap, Highest
from .in_database import SCHEMA, InDatabase
from .in_memory import InMemory
from .question import (
    ID_BYTES_MAX, DedupStore, Id, NotRemembered, Shared, StoreFull, scoped, stored_bytes,
)  # fmt: skip
from .receiver import ProcessIfNew

__all__ = [
    "ID_BYTES_MAX", "SCHEMA", "Bloom", "DedupStore", "Gap", "Generations", "Highest", "Id",
    "InDatabase", "InMemory", "NotRemembered", "ProcessIfNew", "Shared", "StoreFull", "scoped",
    "stored_bytes",
]  # fmt: skip
