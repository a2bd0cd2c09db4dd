"""A trace retold for a reader: one row for each thing to draw, in words and as flights.

The picture, its description and the Mermaid text are all made from this retelling, so they
cannot tell different stories. Nothing here knows about coordinates.

Book: 01-the-problem
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from ...core.trace import Event, Trace
from ...search.exploration import Verdict
from .words import counted, lower, named, short, times, told

IN_FLIGHT = "in flight"
AGAIN = "again and again"
HIDDEN = frozenset({"duplicated", "ignored", "waited", "saved"})
"""Events that have no row of their own; those that say "saved" may be asked for."""


@dataclass(frozen=True)
class ToldRow:
    """One thing that happened, with the words beside it and a sentence for those who listen.

    ``what`` is the event's kind, "in flight" for a packet that nothing became of, or "again and
    again" where the rows begin that repeat for ever. ``packet`` is 0 unless the row begins or
    ends a flight.
    """

    what: str
    who: str
    time_s: float
    words: str
    sentence: str
    packet: int = 0


@dataclass(frozen=True)
class Flight:
    """One packet from the row in which it leaves to the row in which its fate is known.

    ``fate`` is delivered, ignored, refused, lost or "in flight"; ``late`` tells that a packet
    which left after it, for the same target, was there before it.
    """

    kind: str
    source: str
    target: str
    label: str
    leaves: int
    ends: int
    fate: str
    copy: bool = False
    late: bool = False


@dataclass(frozen=True)
class Retelling:
    """Rows in their order, flights by packet, and what was processed in the end."""

    names: tuple[str, ...]
    rows: tuple[ToldRow, ...]
    flights: dict[int, Flight]
    totals: tuple[str, ...]
    just_once: bool
    further: int = 0

    def cut(self, rows_max: int) -> Retelling:
        """Return the first ``rows_max`` rows; ``further`` counts the rest."""
        further = len(self.rows) - rows_max
        if further <= 0:
            return self
        kept = {
            packet: flight
            if flight.ends < rows_max
            else replace(flight, ends=rows_max, fate=IN_FLIGHT)
            for packet, flight in self.flights.items()
            if flight.leaves < rows_max
        }
        return replace(self, rows=self.rows[:rows_max], flights=kept, further=further)

    def sentences(self) -> list[str]:
        """Return the whole story in sentences, with what was not drawn and what it came to."""
        told = [row.sentence for row in self.rows] or ["Nothing happens."]
        if self.further:
            told.append(f"{self.further} further events are not drawn.")
        told += ["And so on."] if any(row.what == AGAIN for row in self.rows) else []
        return told + [f"{total[:1].upper()}{total[1:]}." for total in self.totals]


def tell(run: Trace | Verdict, *, saves: bool = False, totals: bool = True) -> Retelling:
    """Retell a run, or the one that breaks a promise, with the loop in which it ends.

    ``saves`` includes what participants note for themselves. Without ``totals`` it says nothing
    of what was processed in the end.
    Raises ValueError for a verdict that holds, for a trace without participants, or with an
    event of a stranger.
    """
    trace, loop_event = (run, None) if isinstance(run, Trace) else _broken(run)
    if not trace.names:
        raise ValueError("trace.names is (); allowed: at least one participant")
    for event in trace.events:
        for name in (event.who, event.peer or event.who):
            if name not in trace.names:
                allowed = ", ".join(trace.names)
                raise ValueError(f"{name!r} takes part in an event; allowed: {allowed}")
    teller = _Teller(trace, saves)
    for number, event in enumerate(trace.events):
        if number == loop_event:
            teller.begin_loop(trace.names[0], event.time_s)
        teller.hear(event)
    teller.end()
    counts, just_once = counted(trace)
    shown = counts if totals else ()
    return Retelling(trace.names, tuple(teller.rows), teller.flights, shown, just_once)


def _broken(verdict: Verdict) -> tuple[Trace, int | None]:
    if verdict.counterexample is None:
        raise ValueError(f"“{verdict}”: no run breaks it; allowed: a verdict that is broken")
    return verdict.counterexample, verdict.loop_event


class _Teller:
    """Hears the events one by one and remembers what a listener would."""

    def __init__(self, trace: Trace, saves: bool) -> None:
        self.rows: list[ToldRow] = []
        self.flights: dict[int, Flight] = {}
        self._hidden = HIDDEN - ({"saved"} if saves else set())
        self._ignored = {e.packet for e in trace.events if e.what == "ignored"}
        self._sends: Counter[tuple[str, str, str]] = Counter()
        self._processed: Counter[str] = Counter()
        self._landed: dict[tuple[str, str], int] = {}  # latest departure among the arrived
        self._last_time_s = 0.0

    def hear(self, event: Event) -> None:
        self._last_time_s = event.time_s
        if event.what == "duplicated":
            self._copy(event)
        if event.what in self._hidden:
            return
        match event.what:
            case "sent":
                words, sentence = self._leave(event)
            case "delivered" | "refused" | "lost":
                words, sentence = self._land(event)
            case "processed":
                words, sentence = self._process(event)
            case _:
                words, sentence = told(event)
        self._add(event.what, event.who, words, sentence, event.packet)

    def begin_loop(self, who: str, time_s: float) -> None:
        """Tell that what follows repeats, beside the life line of ``who``."""
        self._last_time_s = time_s
        self._add(AGAIN, who, AGAIN, "from here on it repeats for ever:", 0)

    def end(self) -> None:
        """Give a row to each packet whose fate the trace does not tell."""
        for packet, flight in list(self.flights.items()):
            if flight.fate == IN_FLIGHT:
                self.flights[packet] = replace(flight, ends=len(self.rows))
                sentence = f"{_named(flight)} is still in flight."
                self._add(IN_FLIGHT, flight.source, IN_FLIGHT, sentence, packet)

    def _add(self, what: str, who: str, words: str, sentence: str, packet: int) -> None:
        begin = sentence[:1].upper() + sentence[1:]
        self.rows.append(ToldRow(what, who, self._last_time_s, words, begin, packet))

    def _leave(self, event: Event) -> tuple[str, str]:
        kind = event.payload.kind if event.payload else ""
        content = (event.who, event.peer, repr(event.payload))
        again = kind == "message" and self._sends[content] > 0
        self._sends[content] += 1
        name = named(event.payload)
        words = f"{name} (retry)" if again else name
        self.flights[event.packet] = Flight(
            kind, event.who, event.peer, words, len(self.rows), len(self.rows), IN_FLIGHT
        )
        more = " again" if again else ""
        return words, f"{event.who} sends {lower(name)} to {event.peer}{more}."

    def _copy(self, event: Event) -> None:
        original = self.flights.get(event.copy_of)
        leaves = original.leaves if original else len(self.rows)
        name = original.label if original else named(event.payload)
        kind = event.payload.kind if event.payload else ""
        self.flights[event.packet] = Flight(
            kind, event.who, event.peer, name, leaves, leaves, IN_FLIGHT, copy=True
        )

    def _land(self, event: Event) -> tuple[str, str]:
        flight, row = self.flights.get(event.packet), len(self.rows)
        if flight is None:  # the trace begins in the middle: it came from its peer just now
            source, target = (event.peer, event.who)
            if event.what == "lost":
                source, target = target, source
            kind = event.payload.kind if event.payload else ""
            flight = Flight(kind, source, target, named(event.payload), row, row, event.what)
        ignored = event.what == "delivered" and event.packet in self._ignored
        link = (flight.source, flight.target)
        late = event.what != "lost" and flight.leaves < self._landed.get(link, 0)
        if event.what != "lost":
            self._landed[link] = max(flight.leaves, self._landed.get(link, 0))
        fate = "ignored" if ignored else event.what
        self.flights[event.packet] = flight = replace(flight, ends=row, fate=fate, late=late)
        words = fate if fate in ("ignored", "refused", "lost") else ""
        return words, _fate(flight)

    def _process(self, event: Event) -> tuple[str, str]:
        id = event.payload.id if event.payload else ""
        again = " again" if self._processed[id] else ""
        self._processed[id] += 1
        more = "" if not again else f" again, {times(self._processed[id])} in all"
        sentence = f"{event.who} processes message {id}{more}."
        return f"process {short(id)}{again}", sentence


def _fate(flight: Flight) -> str:
    name = _named(flight)
    if flight.fate == "lost":
        return f"{name} is lost."
    if flight.fate == "refused":
        return f"{name} reaches {flight.target}, which is down, and is gone."
    late = " late, overtaken on the way" if flight.late else ""
    ignored = ", and is ignored" if flight.fate == "ignored" else ""
    return f"{name} arrives at {flight.target}{late}{ignored}."


def _named(flight: Flight) -> str:
    name = lower(flight.label.removesuffix(" (retry)"))
    return f"a copy of {name}" if flight.copy else name
