"""What the campaigns came to, drawn: strips, a boundary, and single runs.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ...show.diagram import sequence
from ...show.picture import Picture
from ...show.strips import Break, End, boundary, kill_strip, track
from ...show.tables import Table, table
from ...show.view import View
from .actor import KILLED
from .campaign import Campaign, Paid
from .hops import PROCESSES
from .lab import AMOUNT
from .story import story

PLACES = {
    "received": "after request", "replying": "before reply", "replied": "after reply",
    "send": "before send", "stored": "after send", "taken": "after take", "ack": "before ack",
    "acked": "after ack", "ask": "before ask", "answered": "after ask",
    "INSERT INTO payments": "before payment", "INSERT INTO idempotency_outbox": "before outbox",
    "UPDATE idempotency_keys": "before answer", "INSERT INTO seen_ids": "before inbox",
    "INSERT INTO entries": "before entry", "INSERT INTO movements": "before charge",
}  # fmt: skip
"""The place at which a process stands with each of its steps."""

TAKES_KEYS, IGNORES_KEYS = KEYS = ("takes keys", "ignores keys")

EXPECTED = 2 * AMOUNT
"""In the ledger, and from the card."""


def place(step: str) -> str:
    """Return the place of a step: "before COMMIT"."""
    return PLACES.get(step, f"before {step}")


def end_of(paid: Paid) -> End:
    """Return how a payment ended: what was booked and what was charged, together."""
    money = AMOUNT * (paid.booked + paid.charged)
    return End(paid.fault.kind, place(paid.fault.step), money, EXPECTED)


def strips(campaign: Campaign, *kinds: str, title: str) -> Picture:
    """Draw a strip for each process: where it met faults of these kinds, and the money."""
    rows = {
        name: [end_of(each) for each in campaign.of(*kinds) if each.fault.where == name]
        for name in PROCESSES
    }
    return kill_strip({name: ends for name, ends in rows.items() if ends}, title=title)


def survived(campaign: Campaign) -> Callable[..., View]:
    """Return an experiment: what one kind of fault did, at each step of each process."""

    def view(*, kind: str, seed: int = 1) -> View:
        met = campaign.of(kind)
        wrong = sum(not each.right for each in met)
        return View(
            strips(campaign, kind, title=f"Five processes, {kind} at each step"),
            _money(met),
            f"Five processes, {kind} at each step: {wrong} of {len(met)} payments ended wrong.",
        )

    return view


def commits(whole: Campaign, without: Mapping[str, Campaign], *, title: str) -> Picture:
    """Draw what each process commits at once; at the edges what one protection less breaks."""
    rows = {
        name: track([place(each.fault.step) for each in whole.of(KILLED)
                     if each.fault.where == name])
        for name in PROCESSES
    }  # fmt: skip
    breaks: dict[str, list[Break]] = {}
    for name, campaign in without.items():
        for paid in campaign.paid:
            # Where there is one commit more, its begin and end are in no row.
            if not paid.right and paid.fault.step not in ("BEGIN", "COMMIT"):
                words = f"without {name}: booked {paid.booked}, charged {paid.charged}"
                one = Break(place(paid.fault.step), words, f"#without-{name.replace(' ', '-')}")
                breaks.setdefault(paid.fault.where, []).append(one)
    return boundary(rows, breaks=breaks, title=title)


def missed(whole: Campaign, without: Mapping[str, Campaign]) -> Callable[..., View]:
    """Return an experiment: where the kill fell that one missing protection could not bear."""

    def view(*, missing: str, seed: int = 1) -> View:
        chosen = {missing: without[missing]} if missing in without else {}
        wrong = [
            label(paid) for each in chosen.values() for paid in each.paid if not paid.right
        ]
        after = (
            f"Wrong after a kill of: {', '.join(wrong)}" if wrong else "Right after every kill"
        )
        return View(
            commits(whole, chosen, title=f"Missing: {missing}"),
            {"kills": sum(len(each.paid) for each in chosen.values()) or len(whole.of(KILLED)),
             "wrong": len(wrong)},
            f"Missing: {missing}. {after}.",
        )  # fmt: skip

    return view


def faults_table(campaign: Campaign, *, caption: str) -> Table:
    """Return how many faults of each kind there were, and the money after them."""
    kinds = list(dict.fromkeys(each.fault.kind for each in campaign.paid))
    groups = {kind: campaign.of(kind) for kind in kinds}
    return table(
        {
            "payments": [len(group) for group in groups.values()],
            "money expected": [AMOUNT * len(group) for group in groups.values()],
            "in the ledger": [AMOUNT * sum(p.booked for p in g) for g in groups.values()],
            "from cards": [AMOUNT * sum(p.charged for p in g) for g in groups.values()],
        },
        rows=kinds, rows_name="fault", caption=caption,
    )  # fmt: skip


def verdicts_table(without: Mapping[str, Campaign], *, caption: str) -> Table:
    """Return what the audit says of each campaign, and where it went wrong."""
    wrong = {name: [p for p in c.paid if not p.right] for name, c in without.items()}
    return table(
        {
            "killed": [
                "; ".join(map(label, found))
                for found in wrong.values()
            ],
            "booked": [", ".join(str(p.booked) for p in found) for found in wrong.values()],
            "charged": [", ".join(str(p.charged) for p in found) for found in wrong.values()],
            "the audit": [each.verdict() for each in without.values()],
        },
        rows=list(without), rows_name="without", caption=caption,
    )  # fmt: skip


def faulted(campaign: Campaign) -> Callable[..., View]:
    """Return an experiment: what became of the payment that met a fault at a place."""

    def view(*, where: str, kind: str, seed: int = 1) -> View:
        [paid] = [each for each in campaign.of(kind) if label(each) == where]
        said = "booked once, charged once" if paid.right else "wrong"
        picture = sequence(
            story(paid.order, paid.moments), title=f"{kind.capitalize()}: {where}",
            saves=True, totals=False,
        )  # fmt: skip
        money = {"booked": AMOUNT * paid.booked, "charged": AMOUNT * paid.charged}
        sentence = f"{where[0].upper()}{where[1:]}, {kind}: {said}."
        return View(picture, {"expected": AMOUNT} | money, sentence)

    return view


def label(paid: Paid) -> str:
    """Name the place of a fault: "shop, before COMMIT"."""
    return f"{paid.fault.where}, {place(paid.fault.step)}"


def stripped(campaigns: Mapping[str, Campaign]) -> Callable[..., View]:
    """Return an experiment: the strips of the system without a protection."""

    def view(*, without: str, seed: int = 1) -> View:
        return _killed(campaigns[without], f"Without {without}")

    return view


def ignoring(whole: Campaign, ignores: Campaign) -> Callable[..., View]:
    """Return an experiment: forwarder and card processor, with a key that is taken or not."""

    def view(*, processor: str, seed: int = 1) -> View:
        met = {each.fault.where for each in ignores.of(KILLED)}
        paid = tuple(each for each in whole.of(KILLED) if each.fault.where in met)
        kept = replace(whole, paid=paid)
        chosen = kept if processor == TAKES_KEYS else ignores
        return _killed(chosen, f"A card processor that {processor}")

    return view


def _killed(campaign: Campaign, what: str) -> View:
    """Show the strips of a campaign of kills, and the money of all its payments."""
    wrong = [label(each) for each in campaign.paid if not each.right]
    at = f": {', '.join(wrong)}" if wrong else ""
    return View(
        strips(campaign, KILLED, title=what),
        _money(campaign.paid),
        f"{what}: {len(wrong)} of {len(campaign.paid)} payments ended wrong{at}.",
    )


def _money(paid: Sequence[Paid]) -> dict[str, int]:
    return {
        "expected": AMOUNT * len(paid),
        "in the ledger": AMOUNT * sum(each.booked for each in paid),
        "from cards": AMOUNT * sum(each.charged for each in paid),
    }
