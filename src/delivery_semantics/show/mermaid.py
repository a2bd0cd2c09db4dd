"""A trace as Mermaid text: for places that draw Mermaid, and for comparing runs in a diff.

Mermaid's arrows are level, so a packet whose fate comes later than the next thing that happens
is told twice: when it leaves, by a note, and when its fate is known, by an arrow.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

import re

from ..core.trace import Trace
from ..search.exploration import Verdict
from .diagram.story import AGAIN, IN_FLIGHT, Flight, Retelling, ToldRow, tell

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_KEYWORDS = re.compile(
    "activate|actor|alt|and|as|autonumber|box|break|create|critical|deactivate|destroy|details"
    "|else|end|left|links?|loop|note|nowrap|off|opt|option|over|par|par_over|participant"
    "|properties|rect|right|sequencediagram|title|acctitle|accdescr|wrap",
    re.IGNORECASE,
)
_SPECIAL = re.compile(r"[#;%<>&\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def mermaid(run: Trace | Verdict, *, saves: bool = False) -> str:
    """Return a run as a Mermaid 11 ``sequenceDiagram``, one line for each thing told.

    ``saves`` includes what participants note for themselves. What a verdict says goes on for
    ever is a ``loop``. Raises ValueError as ``tell`` does.
    """
    story = tell(run, saves=saves)
    known_as = {
        name: name if _is_plain(name) else f"P{number}"
        for number, name in enumerate(story.names, start=1)
    }
    lines = ["sequenceDiagram"]
    lines += [f"    participant {_declared(name, id)}" for name, id in known_as.items()]
    indent = "    "
    for number, row in enumerate(story.rows):
        lines += [f"{indent}{line}" for line in _lines(story, number, row, known_as)]
        indent = "        " if row.what == AGAIN else indent
    lines += ["    end"] if len(indent) > 4 else []
    return "\n".join(lines) + "\n"


def _lines(story: Retelling, number: int, row: ToldRow, known_as: dict[str, str]) -> list[str]:
    flight = story.flights.get(row.packet)
    who = known_as[row.who]
    if row.what == AGAIN:
        return [f"loop {row.words}"]
    if flight is None:
        return [f"Note over {who}: {_escaped(row.words)}"]
    if row.what == "sent":
        if flight.ends == number + 1:
            return []
        return [f"Note over {who}: {_escaped(flight.label)} leaves"]
    return [_arrow(flight, known_as)]


def _arrow(flight: Flight, known_as: dict[str, str]) -> str:
    dash = "--" if flight.copy else "-"
    head = {"lost": "x", "refused": "x", IN_FLIGHT: ")"}.get(flight.fate, ">>")
    more = [word for word, holds in (("copy", flight.copy), ("late", flight.late)) if holds]
    more += [flight.fate] if flight.fate != "delivered" else []
    words = ", ".join([flight.label, *more])
    return f"{known_as[flight.source]}{dash}{head}{known_as[flight.target]}: {_escaped(words)}"


def _is_plain(name: str) -> bool:
    """Tell whether Mermaid can read a name as it stands; P1, P2 … are kept for the others."""
    reserved = _KEYWORDS.fullmatch(name) or re.fullmatch(r"P\d+", name)
    return not reserved and _PLAIN.fullmatch(name) is not None


def _declared(name: str, id: str) -> str:
    return id if name == id else f"{id} as {_escaped(name) or '-'}"


def _escaped(words: str) -> str:
    """Write what Mermaid would read as syntax in its own notation, ``#`` code ``;``."""
    return _SPECIAL.sub(_code, words).strip()


def _code(match: re.Match[str]) -> str:
    char = match.group()
    return f"#{ord(char)};" if char.isprintable() else " "
