"""Who chooses what happens next: a script, seeds, or a search; and the bounds of a search.

Book: how-the-runs-are-made
"""

from __future__ import annotations

from functools import cache

from ... import (
    Bounds, Faults, Network, ProcessThenAck, RetryUntilAcked, Trace, audit, explore, payments,
    script, simulate,
)  # fmt: skip
from ...core.trace import Outcome
from ...show.diagram import sequence
from ...show.plots import bars
from ...show.view import View
from ..myth.search import pair
from ..runs import of_run, of_search
from .ways import ON_PAPER, say, two_attempts, ways

LOSS, SEEDS = 0.4, 1_000
CHOOSERS = {
    "your script": "One run, exactly as it was written down.",
    "a seed's dice": f"One of {SEEDS:,} seeds is drawn; all say how often each end comes.",
    "a search": "Everything is chosen once: all ends that there are, and not how often.",
}
"""Who chooses, and what that tells. Sockets are a fourth: their runs need not be alike."""
WORLDS_MAX = 300


def chooser_view(*, chooser: str, seed: int = 1) -> View:
    """Show a run of ``two_attempts`` by one of ``CHOOSERS``, and the ends that were met."""
    met = ways(loss=LOSS, seeds=SEEDS)
    counts, run = {
        "your script": (met.scripted, script(two_attempts(), *ON_PAPER)),
        "a seed's dice": (met.simulated, _by_seed(seed)),
        "a search": (dict.fromkeys(met.searched, 1), _found(met.searched)),
    }[chooser]
    seen = "found" if chooser == "a search" else "seen"
    ends = {say(end): {seen: float(counts.get(end, 0))} for end in met.searched}
    found = audit(run)
    return View(
        [
            bars(ends, title=f"By {chooser}: how the runs end", x=f"runs {seen}"),
            sequence(run, title=f"By {chooser}: one of the runs"),
        ],
        {
            "runs": sum(counts.values()),
            "ends met": sum(counts.get(end, 0) > 0 for end in met.searched),
            "money expected": found.money_expected,
            "money there": found.money_there,
        },
        f"By {chooser}. {CHOOSERS[chooser]}",
    )  # fmt: skip


def _by_seed(seed: int) -> Trace:
    network = Network(messages=Faults(loss=LOSS), acks=Faults(loss=LOSS))
    return simulate(two_attempts(), network, seed=seed)


def _found(ends: tuple[Outcome, ...]) -> Trace:
    """Return the run of a search that costs most: processed twice, and in doubt."""
    dearest = max(
        ends, key=lambda end: [(times, knows != "confirmed") for _, times, knows in end]
    )
    return explore(two_attempts(), Bounds(losses=4, duplicates=0, crashes=0)).run(dearest)


def dice_view(*, loss_percent: int, later: int, seed: int = 1) -> View:
    """Let the dice of a seed decide about two payments; ``later`` counts on from ``seed``."""
    loss, thrown = loss_percent / 100, seed + later
    network = Network(messages=Faults(loss=loss), acks=Faults(loss=loss))
    both = {"sender": RetryUntilAcked("receiver", payments(2)), "receiver": ProcessThenAck()}
    run = simulate(both, network, seed=thrown)
    packets = {"packets": len(run.of("sent")), "of them lost": len(run.of("lost"))}
    return of_run(
        run,
        title=f"Seed {thrown}, {loss_percent} % lost",
        says=f"Seed {thrown} loses {packets['of them lost']} of {packets['packets']} packets.",
        numbers=packets,
    )


@cache
def bounded(losses: int, crashes: int) -> View:
    """Search the receiver that marks last, with so many losses and crashes in one run."""
    bounds = Bounds(losses=losses, duplicates=0, crashes=crashes, crashable=("receiver",))
    found = explore(pair("ProcessThenMark"), bounds)
    return of_search(found, title="A shortest run that breaks it, or one that does not")


def bounds_view(*, losses: int, crashes: int, seed: int = 1) -> View:
    """Show how many worlds so many faults make, and what the search finds in them."""
    found = bounded(losses, crashes)
    worlds = int(found.numbers["worlds"])
    drawn = bars(
        {f"losses: {losses}, crashes: {crashes}": {"worlds": float(worlds)}},
        title="Worlds that were searched", x="worlds", x_max=float(WORLDS_MAX),
    )  # fmt: skip
    return View([drawn, *found.pictures], found.numbers, found.sentence)
