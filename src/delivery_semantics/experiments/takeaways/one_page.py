"""The book on one page: each verdict searched, each amount counted, as the page is made.

Book: summary
"""

from __future__ import annotations

from collections.abc import Mapping

from ...show.tables import Table, table
from ..comparison.measured import PAYMENTS, simulated
from ..real_world.measured import SETTINGS, SYSTEMS
from ..real_world.model import model_word
from ..semantics.pairs import search, searched

HALVES: Mapping[str, tuple[str, str, str]] = {
    "at-most-once": ("at-most-once, marks first", "sends once", "mark · process · ack"),
    "at-least-once": ("at-least-once", "until acked", "process · ack"),
    "exactly-once processing": (
        "exactly-once processing", "until acked", "[process + mark] · ack",
    ),
}  # fmt: skip
"""Each semantics: the pair that keeps it, and its two halves in a few words."""

CHANCES = "all three"
"""What goes wrong where the payments are counted: losses, copies and crashes."""


def semantics_table() -> Table:
    """Return the three semantics: every run searched, and payments counted by chance."""
    pairs = [pair for pair, _, _ in HALVES.values()]
    counts = [simulated(pair, CHANCES) for pair in pairs]
    groups = [count.groups() for count in counts]
    return table(
        {
            "sender": [sender for _, sender, _ in HALVES.values()],
            "receiver": [receiver for _, _, receiver in HALVES.values()],
            "times processed": [str(searched(search(pair))) for pair in pairs],
            "lost": [group["never"] for group in groups],
            "repeated": [group["twice or more"] for group in groups],
            "money there": [count.money_there for count in counts],
        },
        rows=HALVES,
        rows_name="semantics",
        caption=f"Every run with one fault of each kind: how often a payment is processed; and "
        f"{PAYMENTS:,} payments by chance, {counts[0].money_expected:,} expected",
    )


def systems_table() -> Table:
    """Return the four systems: what is searched of each mix is what chapter 10 has measured."""
    words = {
        setting: [model_word(system.choice(setting).mix) for system in SYSTEMS.values()]
        for setting in SETTINGS
    }
    return table(
        {
            SETTINGS[0]: words[SETTINGS[0]],
            SETTINGS[1]: words[SETTINGS[1]],
            "asked for": [system.choice(SETTINGS[1]).said for system in SYSTEMS.values()],
            SETTINGS[2]: words[SETTINGS[2]],
        },
        rows=SYSTEMS,
        rows_name="system",
        caption="One payment, one fault: “neither” may mean lost, and may mean paid twice",
    )
