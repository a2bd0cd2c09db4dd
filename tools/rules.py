"""The rules of the house that a program can hold: each finds where the code breaks it.

A rule takes a `House` and yields lines like ``core/world.py:12: core imports time; …``: file,
line, and what is allowed. tests/house/test_rules.py breaks each of them once.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

import shown
from house import COMMANDS, FACE, ROOMS, House, Import, Module, read_imports

Rule = Callable[[House], Iterator[str]]

FILE_LINES = 350
FUNCTION_LINES = 35
PURE_ROOMS = ("core", "search", "participants", "theory")
# What computes, and knows neither the time nor the world.
PURE = {"__future__", "collections", "concurrent", "contextlib", "dataclasses", "enum"}
PURE |= {"fractions", "functools", "gc", "hashlib", "heapq", "itertools", "math", "numbers"}
PURE |= {"array", "copy", "sys", "types", "typing"}
WORLDLY = {"__import__", "breakpoint", "eval", "exec", "input", "open", "print"}
# Time, chance and processes come to all others through whoever drives them.
DRIVEN = {"asyncio", "datetime", "multiprocessing", "os", "random", "secrets", "signal"}
DRIVEN |= {"socket", "subprocess", "threading", "time", "uuid"}
DRIVERS: tuple[str, ...] = ("databases", "live", "idempotency", "systems", "show/panel.py")
DRIVERS += ("experiments/idempotent", "experiments/own_service", "experiments/stripe")
DRIVERS += ("experiments/grpc", "experiments/kafka", "experiments/ledger", "experiments/mqtt")
DRIVERS += ("experiments/rabbitmq/restarts.py", "experiments/adopting")
PACKAGES = {
    "databases": {"psycopg"},
    "show": {"ipywidgets", "matplotlib", "numpy", "pandas"},
    "play": {"anywidget", "traitlets"},
    "idempotency": {"anyio", "starlette"},  # the second brings the first
    "idempotency/telemetry.py": {"opentelemetry"},
    "systems": {"h11", "starlette", "uvicorn"},
    "systems/grpc": {"grpc"},
    "systems/kafka": {"confluent_kafka"},
    "systems/ledger": {"confluent_kafka", "pika"},
    "systems/rabbitmq": {"pika", "rstream"},
    "systems/mqtt": {"paho"},
    "systems/sqs": {"boto3", "botocore"},
    "experiments/idempotent": {"httpx"},
    "experiments/grpc": {"grpc"},
    "experiments/kafka": {"confluent_kafka"},
    "experiments/mqtt": {"paho"},
    "experiments/real_world": {"grpc"},
    "experiments/sqs": {"botocore"},
    "experiments/adopting": {"starlette"},
    "experiments/ledger": {"starlette"},
    "experiments/stripe": {"httpx", "starlette"},
}
"""The packages of others that a room may import, or one part of it."""


SEVERAL = {"main", "transfer_money"}
"""Where programs begin; the document's two functions, and the one that keeps their promise."""


def file(module: Module) -> str:
    """Return a module's file, from the package's folder on."""
    depth = 1 + module.name.count(".") + (module.path.name == "__init__.py")
    return "/".join(module.path.parts[-(1 if module.name == FACE else depth) :])


def place(module: Module, line: int) -> str:
    """Return where a rule is broken."""
    return f"{file(module)}:{line}"


def within(module: Module, places: Iterable[str]) -> list[str]:
    """Return those of the places, rooms or parts or files, in which a module is."""
    return [one for one in places if f"{file(module)}/".startswith(f"{one}/")]


def strangers(module: Module) -> Iterator[tuple[Import, str]]:
    """Yield each import of a package that is not this one, and the package's name."""
    for found in module.imports:
        package = found.module.partition(".")[0]
        if package != module.package:
            yield found, package


# Rooms and floors


def stands_in_a_room(house: House) -> Iterator[str]:
    """A module is the face, a command or stands in a room."""
    for module in house.modules.values():
        if module.room not in (FACE, *COMMANDS, *ROOMS):
            yield f"{place(module, 1)}: {module.room} is no room; allowed: {', '.join(ROOMS)}"


SHOWN = ("core", "search", "participants")
"""Rooms whose public names the face has."""

BY_THE_FACE = ("protocols", "incidents", "play", "experiments")
"""Rooms that use the package as a reader does."""


def imports_the_rooms_below(house: House) -> Iterator[str]:
    """A room imports those that `ROOMS` names for it; the face, those that it shows."""
    plan = {**ROOMS, **COMMANDS, FACE: SHOWN}
    for room in BY_THE_FACE:
        plan[room] += (FACE,)
    for module in house.modules.values():
        for found in module.imports:
            target = house.target(found)
            allowed = {module.room, *plan.get(module.room, ())}
            if target and target.room not in allowed:
                text = f"{module.room} imports {target.room}; allowed: {sorted(allowed)}"
                yield f"{place(module, found.line)}: {text}"


def has_every_arrow_of_the_plan(house: House) -> Iterator[str]:
    """What a room may import, but imports no more, is taken out of the plan."""
    arrows = house.arrows()
    for room, below in ROOMS.items():
        for other in below:
            if (room, other) not in arrows:
                yield f"{room}/:0: {room} no longer imports {other}; take it out of house.ROOMS"


def imports_in_no_circle(house: House) -> Iterator[str]:
    """No module reaches itself through its imports, not even for its types."""
    lines: dict[tuple[str, str], int] = {}
    for module in house.modules.values():
        for found in module.imports:
            target = house.target(found)
            if target and target.name != module.name:
                lines.setdefault((module.name, target.name), found.line)
    graph: dict[str, list[str]] = {name: [] for name in house.modules}
    for one, other in lines:
        graph[one].append(other)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1][::-1]
        where = place(house.modules[circle[0]], lines[circle[0], circle[1]])
        yield f"{where}: modules import in a circle: {' → '.join(circle)}"


# What a room may know


def computes_only(house: House) -> Iterator[str]:
    """A pure room knows no package, no clock, no chance and no I/O."""
    for module in house.modules.values():
        if module.room not in PURE_ROOMS:
            continue
        for found, package in strangers(module):
            if package not in PURE:
                text = f"{module.room} imports {package}; allowed: {', '.join(sorted(PURE))}"
                yield f"{place(module, found.line)}: {text}"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Name) and node.id in WORLDLY:
                text = f"{module.room} uses {node.id}; allowed: what computes only"
                yield f"{place(module, node.lineno)}: {text}"


def imports_its_packages(house: House) -> Iterator[str]:
    """A room imports the standard library and the packages that `PACKAGES` gives it."""
    for module in house.modules.values():
        allowed = set().union(*(PACKAGES[one] for one in within(module, PACKAGES)))
        for found, package in strangers(module):
            if package not in allowed | sys.stdlib_module_names:
                text = f"{module.room} imports {package}; allowed here: {sorted(allowed)}"
                yield f"{place(module, found.line)}: {text}"


def is_driven(house: House) -> Iterator[str]:
    """Outside of `DRIVERS`, a module knows neither time nor chance nor processes."""
    for module in house.modules.values():
        for found, package in strangers(module):
            if package in DRIVEN and not within(module, DRIVERS):
                text = f"{package} is the outside world; allowed in {', '.join(DRIVERS)}"
                yield f"{place(module, found.line)}: {text}"


def goes_through_the_face(house: House) -> Iterator[str]:
    """What uses the package as a reader does imports a public name from the package."""
    for module in house.modules.values():
        if module.room in BY_THE_FACE:
            for found in around_the_face(house, module.imports):
                yield f"{place(module, found.line)}: {advice(house, found)}"


def around_the_face(house: House, imports: Iterable[Import]) -> Iterator[Import]:
    """Yield each import of a public name from a room although the face has it."""
    for found in imports:
        target = house.target(found)
        behind = target is not None and target.room in SHOWN
        if behind and found.name in house.public:
            yield found


def around_in_cell(house: House, cell: str) -> Iterator[str]:
    """Yield what a cell of a notebook imports around the face."""
    for found in around_the_face(house, read_imports(ast.parse(cell))):
        yield f"line {found.line}: {advice(house, found)}"


def advice(house: House, found: Import) -> str:
    """Return how a public name is imported."""
    return f"{found.name} comes from {found.module}; allowed: from {house.package}"


def names_one_thing(house: House) -> Iterator[str]:
    """A public class has a name of its own in the package, a function in its part of a room."""
    first: dict[tuple[str, str], Module] = {}
    for module in house.modules.values():
        parted = module.room in ("experiments", "systems")
        part = module.name.rpartition(".")[0] if parted else module.room
        for node, name in defined(module):
            there = first.setdefault(("" if name[0].isupper() else part, name), module)
            if there is not module and name not in SEVERAL:
                text = f"{name} is also in {file(there)}; allowed: one thing for a name"
                yield f"{place(module, node.lineno)}: {text}"


def defined(module: Module) -> Iterator[tuple[ast.stmt, str]]:
    """Yield the public classes, names of types and functions at a module's top."""
    for node in module.tree.body:
        match node:
            case ast.ClassDef(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
                pass
            case ast.Assign([ast.Name(name)]) if name[1:].upper() != name[1:]:
                pass
            case _:
                continue
        if not name.startswith("_"):
            yield node, name


# What a file looks like


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions and methods of a module."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def is_not_long(house: House) -> Iterator[str]:
    """A file has at most `FILE_LINES` lines."""
    for module in house.modules.values():
        lines = len(module.text.splitlines())
        if lines > FILE_LINES:
            yield f"{place(module, lines)}: the file has {lines} lines; allowed: {FILE_LINES}"


def has_short_functions(house: House) -> Iterator[str]:
    """A function has at most `FUNCTION_LINES` lines."""
    for module in house.modules.values():
        for node in functions(module):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                text = f"{node.name} has {lines} lines; allowed: {FUNCTION_LINES}"
                yield f"{place(module, node.lineno)}: {text}"


def imports_at_the_top(house: House) -> Iterator[str]:
    """A function imports nothing."""
    for module in house.modules.values():
        for function in functions(module):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    text = f"{function.name} imports; allowed: at the top of the file"
                    yield f"{place(module, node.lineno)}: {text}"


def names_its_chapter(house: House) -> Iterator[str]:
    """A module's docstring ends with the page of the book that explains it."""
    allowed = [f"Book: {page.stem}" for page in shown.pages()]
    for module in house.modules.values():
        last = (ast.get_docstring(module.tree) or "").rsplit("\n", 1)[-1]
        if last not in allowed:
            text = f"the docstring ends with {last!r}; allowed: {', '.join(allowed)}"
            yield f"{place(module, 1)}: {text}"


RULES: tuple[Rule, ...] = (
    stands_in_a_room,
    imports_the_rooms_below,
    has_every_arrow_of_the_plan,
    imports_in_no_circle,
    computes_only,
    imports_its_packages,
    is_driven,
    goes_through_the_face,
    names_one_thing,
    is_not_long,
    has_short_functions,
    imports_at_the_top,
    names_its_chapter,
)
