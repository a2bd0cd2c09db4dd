"""All protocols of the page, with what can be chosen in each, for its panels.

Book: protocols
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ... import (
    Bounds, Broker, Exploration, Participant, ProcessOnce, ProcessThenAck, Verdict,
)  # fmt: skip
from ...core.check import one_of
from ...protocols import (
    fencing, go_back_n, log, mqtt, outbox, queues, saga, two_phase_commit,
)  # fmt: skip
from ...show.diagram import sequence
from ...show.view import Scalar, Slider, View

NEVER, EVENTUALLY = Verdict.NEVER_TWICE, Verdict.EVENTUALLY


@dataclass(frozen=True)
class Searched:
    """A protocol of the page: its claims, its search, and what can be chosen.

    Of several broken ``claims`` the first is drawn. ``choices`` maps a parameter of ``search``
    to its label and to what each of its words stands for.
    """

    claims: tuple[str, ...]
    search: Callable[..., Exploration]
    choices: Mapping[str, tuple[str, Mapping[str, object]]]

    def sliders(self) -> list[Slider]:
        """Return a slider for each choice."""
        return [Slider(name, label, list(w)) for name, (label, w) in self.choices.items()]


def _visibility(consumer: Participant, fault: Bounds) -> Exploration:
    return queues.through(Broker("consumer"), fault, consumer=consumer)


def _order_and_mail(pair: tuple[Participant, Participant]) -> Exploration:
    return outbox.order_and_mail(*pair)


_FAULTS = {
    "a visibility time that ends early": queues.EARLY,
    "a lost packet": Bounds(losses=1, duplicates=0, crashes=0),
    "none": queues.NO_FAULT,
}
PROTOCOLS: Mapping[str, Searched] = {
    "MQTT, quality of service 2": Searched((NEVER,), mqtt.qos_2, {
        "remembers": ("the publisher's state", {"in memory": False, "on disk": True}),
        "reordering": ("the connection", {"keeps the order": False, "keeps none": True}),
    }),
    "Go-back-N": Searched((NEVER, EVENTUALLY), go_back_n.window_of_two, {
        "numbers": ("numbers for a window of two frames", {"2": 2, "3": 3, "4": 4}),
    }),
    "A visibility time": Searched((NEVER,), _visibility, {
        "consumer": ("the consumer", {
            "processes, then acks": ProcessThenAck(), "marks in one transaction": ProcessOnce(),
        }),
        "fault": ("one fault", _FAULTS),
    }),
    "A window for ids": Searched((NEVER,), queues.window, {
        "window_s": ("the broker remembers an id", {"for 300 s": 300.0, "for ever": None}),
    }),
    "A poison message": Searched((EVENTUALLY,), queues.poison, {
        "deliveries_max": ("the broker delivers", {"without end": None, "twice at most": 2}),
    }),
    "A consumer that commits": Searched((NEVER, EVENTUALLY), log.read_log, {
        "commits": ("it commits the offset", {
            "after the work": "after", "before the work": "before", "with the work": "with",
        }),
    }),
    "Order and mail": Searched((EVENTUALLY, NEVER), _order_and_mail, {
        "pair": ("shop and mailer have", {
            "two writes": (outbox.DualWrite(), ProcessOnce()),
            "an outbox": (outbox.Outbox(), ProcessThenAck()),
            "an outbox and an inbox": (outbox.Outbox(), ProcessOnce()),
        }),
    }),
    "Two-phase commit": Searched(("all or none",), two_phase_commit.both_or_neither, {
        "logs": ("the decision is kept", {"in memory": False, "on disk": True}),
    }),
    "A saga": Searched(("net zero",), saga.trip_cancelled, {
        "remembers": ("a cancel that comes too early is", {
            "forgotten": False, "remembered": True,
        }),
    }),
    "A lease": Searched(("never stale write",), fencing.two_clients, {
        "fenced": ("the storage", {"takes every write": False, "looks at the token": True}),
    }),
}  # fmt: skip
"""Each protocol of the page, first as its textbook warns of it."""


def protocol_view(*, protocol: str, seed: int = 1, **chosen: str) -> View:
    """Show the shortest run that breaks a protocol's claim, or one that it survives.

    ``chosen`` has a word for each of the protocol's choices. Raises ValueError for another.
    """
    one_of("protocol", protocol, PROTOCOLS)
    one = PROTOCOLS[protocol]
    values = {}
    for name, (_, words) in one.choices.items():
        values[name] = words[one_of(name, chosen.get(name, ""), words)]
    found = one.search(**values)
    verdicts = {each.claim: each for each in found.verdicts if each.claim in one.claims}
    broken = next((v for c in one.claims if not (v := verdicts[c]).holds), None)
    numbers: dict[str, Scalar] = {
        claim: "holds" if verdicts[claim].holds else "broken" for claim in one.claims
    }
    steps = len(broken.steps) if broken else "none found"
    numbers |= {"worlds": found.worlds, "steps to break it": steps}
    if broken is None:
        picture = sequence(found.run(found.outcomes[-1]), title="One of the runs it survives")
        said = f"{found.worlds:,} worlds were searched, and none breaks it."
    else:
        picture = sequence(broken, title=f"A shortest run that breaks “{broken.claim}”")
        said = f"“{broken.claim}” is broken in {len(broken.steps)} steps."
    return View(picture, numbers, f"{said} Bounds: {found.scope()}.")
