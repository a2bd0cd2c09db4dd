"""The house: the rooms of the package, and who imports whom, read from the code itself.

`ROOMS` is the plan. tests/house holds the code to it, and the page `house` draws the arrows
that the code has.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src" / "delivery_semantics"
FACE = "__init__"
"""The package's own module: the public names."""

ROOMS: dict[str, tuple[str, ...]] = {
    "core": (),
    "search": ("core",),
    "participants": ("core",),
    "databases": ("core",),
    "theory": ("core",),
    "show": ("core", "search"),
    "protocols": ("core",),
    "incidents": ("core", "protocols"),
    "play": ("core", "search", "theory", "show", "protocols", "incidents"),
    "live": ("core", "participants", "databases"),
    "idempotency": ("core", "databases"),
    "dedup": ("core", "databases", "theory"),
    "systems": ("core", "databases", "live", "idempotency", "dedup"),
}
"""Each room, and the rooms that it may import; a room stands below those that import it."""
ROOMS["experiments"] = tuple(r for r in ROOMS if r not in ("search", "play"))  # by the face

COMMANDS = {"audit": ("core", "live")}
"""Modules beside the face that are only run, and the rooms that they may import."""

READING_ORDER = {
    "core": (
        "effects", "steps", "trace", "network", "store", "tasks", "world", "answers", "perform",
        "crashes", "driver", "script", "simulate", "vet", "frames", "door", "order", "audit",
        "sweep", "check", "dice",
    ),
    "search": (
        "exploration", "explore", "graph", "branches", "moves", "histories", "zones",
        "liveness", "position",
    ),
}  # fmt: skip
"""The modules of the two rooms that say what a run is, in the order in which to read them."""


@dataclass(frozen=True)
class Import:
    """One name, imported from a module of the package or of others; no name: all of it."""

    line: int
    module: str
    name: str = ""


@dataclass(frozen=True)
class Module:
    """A module: its dotted name, without the package's; its file; and what it holds."""

    package: str
    name: str
    path: Path

    @property
    def room(self) -> str:
        """The room in which it stands; the package's own module is the face."""
        return self.name.partition(".")[0]

    @cached_property
    def text(self) -> str:
        """Its source."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text, str(self.path))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """What it imports, at the top and anywhere else, with absolute names."""
        own = [self.package, *self.name.split(".")]
        if self.path.name != "__init__.py" or self.name == FACE:
            own.pop()
        return tuple(read_imports(self.tree, own))


def read_imports(tree: ast.Module, package: Sequence[str] = ()) -> Iterator[Import]:
    """Yield what some code imports, with absolute names; ``package`` is the code's own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*above, *filter(None, [node.module])])
            yield from (Import(node.lineno, module, alias.name) for alias in node.names)


class House:
    """The package in a folder, as its files are."""

    def __init__(self, source: Path = SOURCE) -> None:
        self.package = source.name
        self.modules = {}
        for path in sorted(source.rglob("*.py")):
            name = ".".join(path.relative_to(source).with_suffix("").parts)
            name = name.removesuffix(f".{FACE}")
            self.modules[name] = Module(self.package, name, path)

    @property
    def public(self) -> set[str]:
        """The names of the face: its ``__all__``."""
        return exported(self.modules[FACE])

    def target(self, found: Import) -> Module | None:
        """Return the module of the package that an import reaches, or None for others."""
        module = found.module.removeprefix(self.package).removeprefix(".")
        if found.module.partition(".")[0] != self.package:
            return None
        within = f"{module}.{found.name}".removeprefix(".")
        if within in COMMANDS:  # none is imported: it is the public name that they share
            return self.modules[FACE]
        return self.modules.get(within) or self.modules[module or FACE]

    def arrows(self) -> dict[tuple[str, str], int]:
        """Return each pair of rooms of which the first imports the second: how many names."""
        found: dict[tuple[str, str], int] = {}
        for module in (m for m in self.modules.values() if m.name not in COMMANDS):
            for target in filter(None, map(self.target, module.imports)):
                if module.room != target.room:
                    pair = module.room, target.room
                    found[pair] = found.get(pair, 0) + 1
        return found

    def lines(self, name: str) -> int:
        """Return how many lines a module has, or a room with all its modules."""
        own = [m for m in self.modules.values() if f"{m.name}.".startswith(f"{name}.")]
        return sum(len(module.text.splitlines()) for module in own)

    def says(self, room: str) -> str:
        """Return what a room is, in one line: the first of its docstring."""
        return (ast.get_docstring(self.modules[room].tree) or "").partition("\n")[0]


def exported(module: Module) -> set[str]:
    """Return the names in a module's ``__all__``; none, if it has no such list."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def floors(rooms: dict[str, tuple[str, ...]] = ROOMS) -> dict[str, int]:
    """Return the floor of each room, counted from 0: one above the highest that it imports.

    Raises ValueError for a room that may import one that does not stand before it.
    """
    found: dict[str, int] = {}
    for room, below in rooms.items():
        if not set(below) <= set(found):
            wrong = sorted(set(below) - set(found))
            raise ValueError(f"{room} imports {wrong}; allowed: the rooms named before it")
        found[room] = 1 + max((found[other] for other in below), default=-1)
    return found
