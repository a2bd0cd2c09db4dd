"""One judge for every run: what was sent, acked and processed, and where the money is.

Scripts, simulations, searches, sockets and real systems end here. What each semantic allows is
declared once, below. A run in which nothing was put to the test is "unknown", never "ok".

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .check import of_type, one_of, truth
from .order import Delivery, Log, group, late, redelivered
from .trace import PARKED, Event, Trace

ORDER = ("out of order", "one at two positions")
FINDINGS = (
    "lost", "lost though acked", "duplicated", "unexpected", "aborted read", "wrong amount",
    "two at one position", "skipped", *ORDER, "redelivered",
)  # fmt: skip
"""What can be wrong with a message; "lost though acked" is the worse kind of lost."""

ALWAYS = ("sent", "acked", "in doubt", "processed", *FINDINGS[:4])
EVIDENCE = ("acked", "processed")
FAULTS = (
    "lost", "duplicated", "refused", "timed_out", "crashed", "killed", "paused", "partitioned",
)  # fmt: skip


@dataclass(frozen=True)
class Semantic:
    """A guarantee: the findings it allows, and the evidence without which nothing is known.

    ``evidence`` is "acked" where the guarantee speaks about acked messages, else "processed".
    The findings of ``ORDER`` are allowed unless it is ``ordered``; "redelivered" always is, and
    "skipped" where "lost" is.
    Raises ValueError for a finding or an evidence that does not exist, TypeError for findings
    that are no tuple.
    """

    name: str
    allows: tuple[str, ...]
    evidence: str
    ordered: bool = False

    def __post_init__(self) -> None:
        truth("ordered", self.ordered)
        of_type("name", self.name, str)
        for value in of_type("allows", self.allows, tuple, allowed="a tuple of findings"):
            if value not in FINDINGS:
                allowed = ", ".join(FINDINGS)
                raise ValueError(f"allows: {value!r} is no finding; allowed: {allowed}")
        one_of("evidence", self.evidence, EVIDENCE)

    def may(self, finding: str) -> bool:
        """Tell whether the guarantee allows this finding."""
        free = ("redelivered", *(() if self.ordered else ORDER))
        return finding in free or ("lost" if finding == "skipped" else finding) in self.allows


AT_MOST_ONCE = Semantic("at-most-once", ("lost", "lost though acked"), "processed")
"""0 or 1 times: a message may be lost."""

AT_LEAST_ONCE = Semantic("at-least-once", ("duplicated",), "acked")
"""1 or more times: a message may be duplicated."""

EXACTLY_ONCE = Semantic("exactly-once processing", (), "acked")
"""1 time: nothing may be wrong."""

FIFO = Semantic("exactly-once processing, in order", (), "acked", ordered=True)
"""1 time, and each after those that came before it in its key."""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What became of one run's messages; each tuple holds message ids in a fixed order.

    ``sent`` all that the senders were given. ``acked`` confirmed to a sender. ``in_doubt``
    never acked, nor known to have failed; ``recovered`` those of them that were processed all
    the same. ``processed`` (id, times) in order of first effect.
    ``failed`` definitely not to be processed. ``parked`` put aside. ``unread`` acked, but the
    log stops before it could be read. Where subscribers have names, "7 (mail)" is message 7
    at mail, and each of them is to process each message. The others are ``FINDINGS``:

    ``lost`` never processed; in a log from outside only what was acked. ``unexpected``
    processed but never sent; ``aborted_read`` although it failed; ``wrong_amount`` with other
    money than was sent under this id. ``out_of_order`` after a later one of its key;
    ``skipped`` never, though an earlier and a later one of its key were. Positions are those
    that the system told, else the order in which one sender first sent.

    Money is in the unit of ``Message.amount``; what failed, was parked, or is in doubt in a
    log from outside is not expected.
    """

    sent: tuple[str, ...]
    acked: tuple[str, ...] = ()
    in_doubt: tuple[str, ...] = ()
    recovered: tuple[str, ...] = ()
    processed: tuple[tuple[str, int], ...] = ()
    failed: tuple[str, ...] = ()
    parked: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    lost_though_acked: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    aborted_read: tuple[str, ...] = ()
    wrong_amount: tuple[str, ...] = ()
    two_at_one_position: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    out_of_order: tuple[str, ...] = ()
    one_at_two_positions: tuple[str, ...] = ()
    redelivered: tuple[str, ...] = ()
    money_expected: int = 0
    money_there: int = 0
    faults: tuple[str, ...] = ()
    kept: bool = True

    def findings(self) -> dict[str, tuple[str, ...]]:
        """Return the ids under each of ``FINDINGS``, empty ones too."""
        return {name: getattr(self, name.replace(" ", "_")) for name in FINDINGS}

    def report(self, *, empty: bool = False) -> dict[str, tuple[str, ...]]:
        """Return what to tell: the ids under each heading, a repeated one with its times.

        Headings beyond the eight that every run is asked about are there if they have ids, or
        with ``empty``.
        """
        times = tuple(f"{id} ({n} times)" if n > 1 else id for id, n in self.processed)
        found = {"sent": self.sent, "acked": self.acked, "in doubt": self.in_doubt}
        found |= {"processed": times, "failed": self.failed, "parked": self.parked}
        found |= {"unread": self.unread} | self.findings()
        return {name: ids for name, ids in found.items() if ids or empty or name in ALWAYS}

    def verdict(self, semantic: Semantic) -> str:
        """Return "ok", "unknown: …" or "broken: …" with everything that was not allowed.

        A finding is never excused by missing evidence: "broken" comes before "unknown".
        Raises ValueError for what is no `Semantic`.
        """
        if not isinstance(semantic, Semantic):
            raise ValueError(f"semantic is {semantic!r}; allowed: a Semantic")
        broken = [
            f"{name} {', '.join(ids)}"
            for name, ids in self.findings().items()
            if ids and not semantic.may(name)
        ]
        if broken:
            return f"broken: {'; '.join(broken)}"
        if not self.kept:
            return "unknown: no event was kept"
        if not getattr(self, semantic.evidence):
            return f"unknown: nothing was {semantic.evidence}"
        if self.unread and not semantic.may("lost though acked"):
            return f"unknown: not drained, so {', '.join(self.unread)} may still be read"
        return "ok" if self.faults else "unknown: no fault fired"


def audit(trace: Trace) -> Audit:
    """Judge a run by its trace.

    Raises ValueError for what is no `Trace`, and for an amount that is no whole number.
    """
    if not isinstance(trace, Trace):
        raise ValueError(f"trace is {trace!r}; allowed: a Trace")
    if trace.messages and not trace.events:  # they went to ``record``
        return Audit(sent=tuple(message.id for message in trace.messages), kept=False)
    return _Judge(trace).audit()


class _Judge:
    """What the events say, gathered once."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.happened: dict[str, list[Event]] = defaultdict(list)
        for event in trace.events:
            self.happened[event.what].append(event)
        self.effects, aborted = _standing(trace.events, self.happened)
        self.times = Counter(_deliveries(self.effects))
        self.amounts: Counter[str] = Counter()
        for message in trace.messages:
            self.amounts[message.id] += message.amount
        self.acked = self._ids("confirmed")
        known = self.acked | self._ids("gave_up")
        self.failed = (self._ids("failed") | aborted) - known
        self.log = Log(self.happened, self.effects)

    def audit(self) -> Audit:
        times, amounts, outside = self.times, self.amounts, self.trace.outside
        groups = self._groups()
        wanted = ((id, g) for id in amounts if id not in self.failed for g in groups)
        never = [one for one in wanted if not times[one]]
        put = set(_deliveries(e for kind in PARKED for e in self.happened[kind]))
        parked = {one: None for one in never if {one, (one[0], "")} & put}
        missing = [one for one in never if one not in parked]
        known = [one for one in missing if one[0] in self.acked or not outside]
        unread = self._unread(known) if outside else {}
        lost = [one for one in known if one not in unread]
        due = {*known, *(one for one in times if one[0] not in self.failed)}
        ids, answered = [m.id for m in self.trace.messages], self.acked | self.failed
        doubt, seen = [id for id in ids if id not in answered], {id for id, _ in times}
        told: dict[str, Any] = {
            heading.replace(" ", "_"): _names(found)
            for heading, found in self._findings(missing, lost).items()
        }
        return Audit(
            sent=tuple(ids),
            acked=tuple(i for i in ids if i in self.acked),
            in_doubt=tuple(doubt),
            recovered=tuple(id for id in doubt if id in seen),
            processed=tuple(zip(_names(times), times.values(), strict=True)),
            failed=tuple(i for i in ids if i in self.failed),
            parked=_names(parked),
            unread=_names(unread),
            **told,
            money_expected=sum(amounts[id] for id, _ in due),
            money_there=sum(map(_amount, self.effects)),
            faults=_faults(self.trace),
        )

    def _findings(
        self, missing: list[Delivery], lost: list[Delivery]
    ) -> dict[str, Iterable[Delivery]]:
        times, begun = self.times, self.log.passed(begun=True)
        return {
            "lost": lost,
            "lost though acked": (one for one in lost if one[0] in self.acked),
            "duplicated": (one for one, n in times.items() if n > 1),
            "unexpected": (one for one in times if one[0] not in self.amounts),
            "aborted read": (one for one in times if one[0] in self.failed),
            "wrong amount": self._wrong_amounts(),
            "two at one position": ((id, "") for id in self.log.two_at_one()),
            "out of order": late(self.happened["sent"], self.effects),
            "skipped": (one for one in missing if one in begun),
            "one at two positions": ((id, "") for id in self.log.one_at_two()),
            "redelivered": redelivered(self.happened),
        }

    def _ids(self, what: str) -> set[str]:
        return {event.payload.id for event in self.happened[what] if event.payload}

    def _groups(self) -> Iterable[str]:
        kinds = ("delivered", "drained", *PARKED)
        named = (group(event.payload) for kind in kinds for event in self.happened[kind])
        return dict.fromkeys([*(g for _, g in self.times), *filter(None, named)]) or ("",)

    def _unread(self, known: list[Delivery]) -> dict[Delivery, None]:
        """Return what the log may have stopped too early to show as processed.

        What was acked after a subscriber had read to the end was not there to be read.
        """
        passed, drained, acked = self.log.passed(), dict[str, int](), dict[str, int]()
        for number, event in enumerate(self.trace.events, start=1):
            if event.what == "drained":
                drained[group(event.payload)] = number
            elif event.what == "confirmed" and event.payload:
                acked.setdefault(event.payload.id, number)
        ends = {p: max(drained.get(p[1], 0), drained.get("", 0)) for p in known}
        return {p: None for p, end in ends.items() if p not in passed and end < acked[p[0]]}

    def _wrong_amounts(self) -> Iterable[Delivery]:
        moved = ((e.payload, _amount(e)) for e in self.effects)
        return (
            (p.id, group(p))
            for p, amount in moved
            if p and amount != self.amounts.get(p.id, amount)
        )


def _standing(
    events: tuple[Event, ...], happened: dict[str, list[Event]]
) -> tuple[list[Event], set[str]]:
    """Return the effects that no rollback of their own processor undid, and the other ids."""
    if not happened["aborted"]:
        return happened["processed"], set()
    undone: Counter[tuple[str, str]] = Counter()
    standing = []
    for event in reversed(events):
        at = (event.who, event.payload.id if event.payload else "")
        if event.what == "aborted":
            undone[at] += 1
        elif event.what == "processed" and undone[at]:
            undone[at] -= 1
        elif event.what == "processed":
            standing.append(event)
    return standing[::-1], {id for (_, id), times in undone.items() if times}


def _amount(event: Event) -> int:
    amount = getattr(event.payload, "amount", 0)
    if type(amount) is not int:
        raise ValueError(f"amount of {event.payload!r}; allowed: a whole number")
    return amount


def _deliveries(events: Iterable[Event]) -> Iterable[Delivery]:
    return ((e.payload.id, group(e.payload)) for e in events if e.payload)


def _names(deliveries: Iterable[Delivery]) -> tuple[str, ...]:
    """Name each delivery once."""
    return tuple(f"{id} ({g})" if g else id for id, g in dict.fromkeys(deliveries))


def _faults(trace: Trace) -> tuple[str, ...]:
    """Return the kinds of fault that fired; "overtaken" is a packet that came too late."""
    fired = {event.what for event in trace.of(*FAULTS)}
    newest: dict[tuple[str, str], int] = {}
    for event in trace.of("delivered", "refused"):
        link = (event.peer, event.who)
        if event.packet < newest.get(link, 0):
            fired.add("overtaken")
        newest[link] = max(event.packet, newest.get(link, 0))
    return tuple(name for name in (*FAULTS, "overtaken") if name in fired)
