"""Four systems to try operations on: a variable, a table, and the users and orders of a shop.

The variable is one in memory, the table is one in SQLite, and the shop is a real HTTP service
on this machine: each operation on it is a request, and its reply is the status.

Book: 06-idempotent-operations
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import product
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Protocol

import httpx

from ...databases import AlreadyThere, Connections, Database, connect
from ...systems.http.client import TIMEOUT_S
from ...systems.http.serving import serving
from ...systems.shop import shop
from .operations import System


class TriedSystem(System[Any], Protocol):
    """A system, with the states in which operations are tried on it."""

    STATES: ClassVar[Any]


@dataclass
class Variable:
    """One number with a version, and the ids of the operations that were applied to it."""

    x: int = 0
    version: int = 0
    applied: set[str] = field(default_factory=set)
    STATES: ClassVar = tuple(sorted(range(-100, 101), key=abs))

    def put_into(self, state: int) -> None:
        """Give the variable a value, as if nothing had ever been applied to it."""
        self.x, self.version, self.applied = state, 0, set()

    def look(self) -> int:
        """Return the value."""
        return self.x

    def set(self, value: int) -> None:
        """SET x = value."""
        self.x = value

    def set_if_newer(self, value: int, version: int) -> None:
        """SET x = value, unless a version as new as this one was set before."""
        if version > self.version:
            self.x, self.version = value, version

    def increment(self) -> None:
        """Do x = x + 1."""
        self.x = self.x + 1

    def increment_once(self, operation_id: str) -> None:
        """Do x = x + 1, unless the operation with this id was applied before."""
        if operation_id not in self.applied:
            self.x = self.x + 1
            self.applied.add(operation_id)


Item = tuple[int, str]


class Items:
    """A table of a database; an insert replies with how many rows it made."""

    STATES: ClassVar = ((), ((1, "tea"),), ((1, "tea"), (2, "rice")))

    def __init__(self, database: Database, *, key: str = "") -> None:
        self._database = database
        database.rows("DROP TABLE IF EXISTS items")
        database.rows(f"CREATE TABLE items (id BIGINT {key}, name TEXT)")

    def put_into(self, state: tuple[Item, ...]) -> None:
        """Replace all rows by these."""
        self._database.change("DELETE FROM items")
        for row in state:
            self._database.change("INSERT INTO items VALUES (?, ?)", row)

    def look(self) -> tuple[Item, ...]:
        """Return all rows, ordered."""
        return tuple(sorted(self._database.rows("SELECT id, name FROM items")))

    def insert(self, name: str, more: str = "") -> str:
        """Insert the row with id 7; ``more`` is what follows in the statement."""
        try:
            made = self._database.change(f"INSERT INTO items VALUES (7, ?) {more}", (name,))
        except AlreadyThere:
            return "AlreadyThere"
        return f"{made} row" if made == 1 else f"{made} rows"

    def rename(self) -> str:
        """Give the row with id 7 another name."""
        changed = self._database.change("UPDATE items SET name = 'pepper' WHERE id = 7")
        return f"{changed} row"

    def delete(self) -> str:
        """Delete the row with id 7."""
        return f"{self._database.change('DELETE FROM items WHERE id = 7')} row"


# The shop ---------------------------------------------------------------------------------

Names = tuple[str, str]
"""The names of the users 123 and 7; "" where there is none."""
USERS = ("123", "7")
FIRST_VERSION = {"123": 1, "7": 2}
"""The versions, and so the ETags, that users have at the beginning."""


class Users:
    """The users of a running shop, at ``client``; replies are HTTP statuses."""

    STATES: ClassVar = tuple(product(("Ada", "Bob", ""), ("Eve", "")))

    def __init__(self, client: httpx.Client, database: Database) -> None:
        self._client, self._database = client, database

    def put_into(self, state: Names) -> None:
        """Replace all users, in the shop's database."""
        self._database.change("DELETE FROM users")
        self._database.change("UPDATE versions SET last = ?", (len(USERS),))
        for id, name in zip(USERS, state, strict=True):
            if name:
                self._database.change(
                    "INSERT INTO users VALUES (?, ?, ?)", (id, name, FIRST_VERSION[id])
                )

    def look(self) -> Names:
        """Ask the shop for both users."""
        first, second = (
            self._client.get(f"/users/{id}").json().get("name", "") for id in USERS
        )
        return first, second

    def put(self, name: str, *, if_match: str = "") -> int:
        """PUT /users/123."""
        headers = {"If-Match": if_match} if if_match else {}
        return self._client.put("/users/123", json={"name": name}, headers=headers).status_code

    def delete(self, *, if_match: str = "") -> int:
        """DELETE /users/123."""
        headers = {"If-Match": if_match} if if_match else {}
        return self._client.delete("/users/123", headers=headers).status_code


class Orders:
    """The orders of a running shop, at ``client``; replies are HTTP statuses."""

    STATES: ClassVar = ((), ("tea",), ("tea", "rice"))

    def __init__(self, client: httpx.Client, database: Database) -> None:
        self._client, self._database = client, database

    def put_into(self, state: tuple[str, ...]) -> None:
        """Replace all orders, in the shop's database."""
        self._database.change("DELETE FROM orders")
        for item in state:
            self._database.change("INSERT INTO orders (item) VALUES (?)", (item,))

    def look(self) -> tuple[str, ...]:
        """Ask the shop for what was ordered."""
        return tuple(order["item"] for order in self._client.get("/orders").json())

    def post(self, item: str, *, id: str | None = None) -> int:
        """POST /orders."""
        return self._client.post("/orders", json={"item": item, "id": id}).status_code


@dataclass(frozen=True)
class Systems:
    """All of them: one table without a key and one with."""

    variable: Variable
    rows: Items
    keyed: Items
    users: Users
    orders: Orders


@contextmanager
def systems() -> Iterator[Systems]:
    """Yield the systems, with a shop that is served on loopback until the block ends."""
    with TemporaryDirectory() as folder:
        connections = Connections(f"sqlite:///{folder}/shop.sqlite", synchronous="OFF")
        with (
            closing(connections),
            closing(connect(f"sqlite:///{folder}/plain.sqlite", synchronous="OFF")) as plain,
            closing(connect(f"sqlite:///{folder}/keyed.sqlite", synchronous="OFF")) as keyed,
            serving(shop(connections)) as address,
            httpx.Client(base_url=address, timeout=TIMEOUT_S) as client,
        ):
            yield Systems(
                Variable(),
                Items(plain),
                Items(keyed, key="PRIMARY KEY"),
                Users(client, connections.here()),
                Orders(client, connections.here()),
            )
