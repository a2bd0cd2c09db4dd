"""One judge for every run: what was sent, acked and processed, and where the money is.

Scripts, simulations, searches, sockets and real systems end here. What each semantic allows is
declared once, below. A run in which nothing was put to the test is "unknown", never "ok".

Book: 02-delivery-semantics
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .trace import Trace

FINDINGS = ("lost", "lost though acked", "duplicated", "unexpected")
"""What can be wrong with a message; "lost though acked" is the worse kind of lost."""

EVIDENCE = ("acked", "processed")
FAULTS = ("lost", "duplicated", "refused", "timed_out", "crashed")


@dataclass(frozen=True)
class Semantic:
    """A guarantee: the findings it allows, and the evidence without which nothing is known.

    ``evidence`` is "acked" where the guarantee speaks about acked messages, else "processed".
    Raises ValueError for a finding or an evidence that does not exist.
    """

    name: str
    allows: tuple[str, ...]
    evidence: str

    def __post_init__(self) -> None:
        for value in self.allows:
            if value not in FINDINGS:
                raise ValueError(
                    f"allows: {value!r} is no finding; allowed: {', '.join(FINDINGS)}"
                )
        if self.evidence not in EVIDENCE:
            raise ValueError(f"evidence is {self.evidence!r}; allowed: {', '.join(EVIDENCE)}")


AT_MOST_ONCE = Semantic("at-most-once", ("lost", "lost though acked"), "processed")
"""0 or 1 times: a message may be lost."""

AT_LEAST_ONCE = Semantic("at-least-once", ("duplicated",), "acked")
"""1 or more times: a message may be duplicated."""

EXACTLY_ONCE = Semantic("exactly-once processing", (), "acked")
"""1 time: nothing may be wrong."""


@dataclass(frozen=True)
class Audit:
    """What became of one run's messages; each tuple holds message ids in a fixed order.

    ``sent`` all that the senders were given. ``acked`` confirmed to a sender. ``in_doubt``
    never acked. ``processed`` (id, times) in order of first effect. ``lost`` never processed.
    ``unexpected`` processed but never sent. Money is in the unit of ``Message.amount``.
    """

    sent: tuple[str, ...]
    acked: tuple[str, ...]
    in_doubt: tuple[str, ...]
    processed: tuple[tuple[str, int], ...]
    lost: tuple[str, ...]
    lost_though_acked: tuple[str, ...]
    duplicated: tuple[str, ...]
    unexpected: tuple[str, ...]
    money_expected: int
    money_there: int
    faults: tuple[str, ...]

    def findings(self) -> dict[str, tuple[str, ...]]:
        """Return the ids under each of ``FINDINGS``, empty ones too."""
        return {name: getattr(self, name.replace(" ", "_")) for name in FINDINGS}

    def verdict(self, semantic: Semantic) -> str:
        """Return "ok", "unknown: …" or "broken: …" with everything that was not allowed.

        A finding is never excused by missing evidence: "broken" comes before "unknown".
        """
        broken = [
            f"{name} {', '.join(ids)}"
            for name, ids in self.findings().items()
            if ids and name not in semantic.allows
        ]
        if broken:
            return f"broken: {'; '.join(broken)}"
        if not getattr(self, semantic.evidence):
            return f"unknown: nothing was {semantic.evidence}"
        return "ok" if self.faults else "unknown: no fault fired"


def audit(trace: Trace) -> Audit:
    """Judge a run by its trace."""
    ids = tuple(message.id for message in trace.messages)
    acked = frozenset(e.payload.id for e in trace.of("confirmed") if e.payload)
    processed = trace.processed()
    lost = tuple(i for i in ids if not processed[i])
    known = frozenset(ids)
    return Audit(
        sent=ids,
        acked=tuple(i for i in ids if i in acked),
        in_doubt=tuple(i for i in ids if i not in acked),
        processed=tuple(processed.items()),
        lost=lost,
        lost_though_acked=tuple(i for i in lost if i in acked),
        duplicated=tuple(i for i, times in processed.items() if times > 1),
        unexpected=tuple(i for i in processed if i not in known),
        money_expected=sum(message.amount for message in trace.messages),
        money_there=_money_there(trace),
        faults=_faults(trace),
    )


def _money_there(trace: Trace) -> int:
    payloads = (event.payload for event in trace.of("processed"))
    return sum(getattr(payload, "amount", 0) for payload in payloads)


def _faults(trace: Trace) -> tuple[str, ...]:
    """Return the kinds of fault that fired; "overtaken" is a packet that came too late."""
    fired = Counter(event.what for event in trace.of(*FAULTS))
    newest: dict[tuple[str, str], int] = {}
    for event in trace.of("delivered", "refused"):
        link = (event.peer, event.who)
        if event.packet < newest.get(link, 0):
            fired["overtaken"] += 1
        newest[link] = max(event.packet, newest.get(link, 0))
    return tuple(name for name in (*FAULTS, "overtaken") if fired[name])
