"""All protocols of the page, as the textbook warns of them and mended, for one panel.

Book: protocols
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ... import Exploration, ProcessOnce, ProcessThenAck, Verdict
from ...core.check import one_of
from ...protocols import (
    fencing, go_back_n, log, mqtt, outbox, queues, saga, two_phase_commit,
)  # fmt: skip
from ...show.diagram import sequence
from ...show.view import View

NEVER, EVENTUALLY = Verdict.NEVER_TWICE, Verdict.EVENTUALLY
AS_WARNED, MENDED = "as the textbook warns", "mended"
VERSIONS = (AS_WARNED, MENDED)
Search = Callable[[], Exploration]

PROTOCOLS: Mapping[str, tuple[str, Search, Search]] = {
    "MQTT, quality of service 2": (
        NEVER, partial(mqtt.qos_2, remembers=False), partial(mqtt.qos_2, remembers=True),
    ),
    "go-back-N": (
        NEVER, partial(go_back_n.window_of_two, numbers=2),
        partial(go_back_n.window_of_two, numbers=3),
    ),
    "a visibility time": (
        NEVER, lambda: queues.visibility(ProcessThenAck()),
        lambda: queues.visibility(ProcessOnce()),
    ),
    "a poison message": (
        EVENTUALLY, partial(queues.poison, deliveries_max=None),
        partial(queues.poison, deliveries_max=2),
    ),
    "a consumer that commits": (
        NEVER, partial(log.read_log, "after"), partial(log.read_log, "with"),
    ),
    "order and mail": (
        EVENTUALLY, lambda: outbox.order_and_mail(outbox.DualWrite(), ProcessOnce()),
        lambda: outbox.order_and_mail(outbox.Outbox(), ProcessOnce()),
    ),
    "two-phase commit": (
        "all or none", partial(two_phase_commit.both_or_neither, logs=False),
        partial(two_phase_commit.both_or_neither, logs=True),
    ),
    "a saga": (
        "net zero", partial(saga.trip_cancelled, remembers=False),
        partial(saga.trip_cancelled, remembers=True),
    ),
    "a lease": (
        "never stale write", partial(fencing.two_clients, fenced=False),
        partial(fencing.two_clients, fenced=True),
    ),
}  # fmt: skip
"""Each protocol's claim, the search that breaks it, and the one that does not."""


def protocol_view(*, protocol: str, version: str, seed: int = 1) -> View:
    """Show the shortest run that breaks a protocol's claim, or one that it survives."""
    one_of("protocol", protocol, PROTOCOLS)
    one_of("version", version, VERSIONS)
    claim, warned, mended = PROTOCOLS[protocol]
    found = (warned if version == AS_WARNED else mended)()
    [verdict] = [each for each in found.verdicts if each.claim == claim]
    if verdict.holds:
        picture = sequence(found.run(found.outcomes[-1]), title="One of the runs it survives")
        said = f"“{claim}” holds: {found.worlds:,} worlds were searched."
    else:
        picture = sequence(verdict, title=f"A shortest run that breaks “{claim}”")
        said = f"“{claim}” is broken in {len(verdict.steps)} steps."
    numbers = {"worlds": found.worlds, "steps to break it": len(verdict.steps)}
    return View(picture, numbers, f"{said} Bounds: {found.scope()}.")
