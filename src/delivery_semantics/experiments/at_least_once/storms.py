"""What retries do to a service that is in trouble: layers multiply, clients march in step.

Book: 04-at-least-once
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ... import (
    Exponential, Fixed, FullJitter, Message, Outage, Participant, Passive, ProcessThenAck,
    Relay, RetryUntilAcked, Trace, payments, simulate,
)  # fmt: skip
from ...core.check import one_of
from ...participants.senders import Backoff
from ...show.picture import how_many
from ...show.plots import bars, timeline
from ...show.view import View
from ...theory.retries import amplification

# Layers -----------------------------------------------------------------------------------


def chain(layers: int, attempts_max: int) -> dict[str, Participant]:
    """Return a client, services that each retry, and a database that never answers.

    Each layer waits longer than the one below can take for all of its attempts.
    """
    names = ["client", *(f"service {n}" for n in range(1, layers)), "database"]
    timeout_s = 1.0
    waits_s = [timeout_s]
    for _ in range(layers - 1):
        timeout_s = attempts_max * timeout_s + 1.0
        waits_s.insert(0, timeout_s)
    client = RetryUntilAcked(
        names[1], payments(1), timeout_s=waits_s[0], attempts_max=attempts_max
    )
    participants: dict[str, Participant] = {"client": client}
    for name, below, wait_s in zip(names[1:-1], names[2:], waits_s[1:], strict=True):
        participants[name] = Relay(below, timeout_s=wait_s, attempts_max=attempts_max)
    participants["database"] = Passive()
    return participants


def calls(participants: Mapping[str, Participant]) -> dict[str, int]:
    """Run one request; count the calls that arrive at each participant below the client."""
    arrived = Counter(event.who for event in simulate(participants).of("delivered"))
    return {name: arrived[name] for name in participants if name != "client"}


def storm(*, layers: int, attempts_max: int, seed: int) -> View:
    """Send one request down a chain of layers that all retry, to a dead database."""
    participants = chain(layers, attempts_max)
    trace = simulate(participants, seed=seed)
    arrived = Counter(event.who for event in trace.of("delivered"))
    rows = {name: {"calls": arrived[name]} for name in participants if name != "client"}
    bottom = arrived["database"]
    waited_s = trace.metrics()["span_s"]
    return View(
        picture=bars(
            rows,
            title=f"Calls for one request; layers: {layers}, attempts in each: {attempts_max}",
            x="calls that arrive",
        ),
        numbers={
            "calls at the database": bottom,
            "by formula": amplification(attempts=attempts_max, layers=layers),
            "the client gives up after": f"{waited_s:,.0f} s",
        },
        sentence=f"One request becomes {how_many(bottom, 'call')} to a database that "
        f"answers none, and the client gives up after {how_many(round(waited_s), 'second')}.",
    )


# Clients that failed together -------------------------------------------------------------

CLIENTS = 20
TIMEOUT_S = 0.5
BIN_S = 0.2


def policy(name: str, *, seed: int) -> Backoff:
    """Return a retry policy by its name. Raises ValueError for an unknown one."""
    policies: dict[str, Backoff] = {
        "fixed": Fixed(0.5),
        "exponential": Exponential(0.5, 8.0),
        "full jitter": FullJitter(0.5, 8.0, seed=seed),
    }
    return policies[one_of("name", name, policies)]


def together(*, backoff: str, outage_s: int, seed: int) -> View:
    """Let 20 clients call a server at the moment at which it goes down."""
    trace = herd(backoff, outage_s=outage_s, seed=seed)
    refused = {event.packet for event in trace.of("refused")}
    lanes: dict[str, list[tuple[float, str]]] = {name: [] for name in trace.names[1:]}
    for event in trace.of("sent"):
        if event.who != "server":
            kind = "refused" if event.packet in refused else "served"
            lanes[event.who].append((event.time_s, kind))
    attempts = sum(map(len, lanes.values()))
    peak = peak_load(trace, after_s=0.0)
    served_s = max(at for lane in lanes.values() for at, kind in lane if kind == "served")
    return View(
        picture=timeline(
            lanes,
            title=f"{CLIENTS} clients, server down for {outage_s} s, backoff: {backoff}",
            x_range=(0, outage_s + 10),
            bin_s=BIN_S,
            load_max=CLIENTS,
            hues={"refused": "fault", "served": "good"},
        ),
        numbers={
            "attempts": attempts,
            f"most retries in {BIN_S} s": peak,
            "last client served after": f"{served_s:.1f} s",
        },
        sentence=f"With backoff “{backoff}” the clients make {attempts} attempts; after the "
        f"first, at most {peak} of them fall within {BIN_S} s. The last client is served "
        f"after {served_s:.1f} s.",
    )


def herd(backoff: str, *, outage_s: float, seed: int = 1) -> Trace:
    """Run the clients of ``together``."""
    chosen = policy(backoff, seed=seed)
    clients: dict[str, Participant] = {
        f"client {n}": RetryUntilAcked(
            "server", (Message(str(n)),), timeout_s=TIMEOUT_S, backoff=chosen
        )
        for n in range(1, CLIENTS + 1)
    }
    outage = Outage("server", at_s=0.0, down_s=outage_s)
    return simulate({"server": ProcessThenAck(), **clients}, seed=seed, crashes=(outage,))


def peak_load(trace: Trace, *, after_s: float) -> int:
    """Return the most attempts in any bin of 0.2 s, of those made later than ``after_s``."""
    sent = [e.time_s for e in trace.of("sent") if e.who != "server" and e.time_s > after_s]
    return max(Counter(int(at / BIN_S + 1e-9) for at in sent).values(), default=0)


# Webhooks ---------------------------------------------------------------------------------

HOUR_S = 3600.0
HORIZONS_H: Mapping[str, float] = {
    "no automatic retry": 0.0,
    "retries for up to 4 hours": 4.0,
    "retries for up to 3 days": 72.0,
}
"""Three promises that vendors make, by how long they go on trying."""


def webhooks(*, outage_h: int, seed: int) -> View:
    """Send an event every hour to an endpoint that is down for ``outage_h`` hours."""
    starts_h = range(outage_h)
    lost = {
        name: sum(never_came(horizon_h, outage_h - at_h, seed=seed) for at_h in starts_h)
        for name, horizon_h in HORIZONS_H.items()
    }
    return View(
        picture=bars(
            {name: {"arrived late": outage_h - n, "never": n} for name, n in lost.items()},
            title=f"Events for an endpoint that is down for {outage_h} h",
            x="events during the outage, one every hour",
            stacked=True,
            hues={"arrived late": "good", "never": "fault"},
        ),
        numbers={"events during the outage": outage_h}
        | {f"never, {name}": n for name, n in lost.items()},
        sentence=f"Events during the outage: {outage_h}. Never arrived: "
        + "; ".join(f"{n} with {name}" for name, n in lost.items())
        + ".",
    )


def never_came(horizon_h: float, still_down_h: float, *, seed: int = 1) -> bool:
    """Tell whether an event is lost, sent while the endpoint stays down for so many hours.

    The waits double from one minute to an hour, until the horizon; 0 means a single attempt.
    """
    sender = RetryUntilAcked(
        "endpoint",
        payments(1),
        timeout_s=10.0,
        backoff=Exponential(60.0, HOUR_S),
        attempts_max=None if horizon_h else 1,
        deadline_s=horizon_h * HOUR_S or None,
    )
    outage = Outage("endpoint", at_s=0.0, down_s=still_down_h * HOUR_S)
    pair = {"sender": sender, "endpoint": ProcessThenAck()}
    return not simulate(pair, seed=seed, crashes=(outage,)).processed()
