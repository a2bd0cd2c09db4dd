"""Simulation against the closed forms, and what time, crashes and limits do to a run.

Each bound is 4.5 standard deviations of what is measured, and the deviation comes from a
formula as well: a right simulator fails one comparison in 147,000. The seeds are fixed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from math import exp, sqrt

import pytest

from delivery_semantics import (
    LOST,
    AlternatingBitReceiver,
    AlternatingBitSender,
    Confirm,
    CrashPoint,
    Event,
    Faults,
    FireAndForget,
    HighWaterMark,
    Mark,
    MarkThenProcess,
    Message,
    Network,
    Once,
    Outage,
    Participant,
    Passive,
    Process,
    ProcessOnce,
    ProcessThenAck,
    ProcessThenMark,
    Relay,
    RetryUntilAcked,
    Save,
    Send,
    Trace,
    UnboundedRun,
    audit,
    payments,
    simulate,
)
from delivery_semantics.core.effects import Handler
from delivery_semantics.theory.retries import (
    Expected,
    Model,
    amplification,
    mark_then_process,
    process_once,
    process_then_mark,
    sends_mean_with_early_timer,
)

COUNT = 800
PAYMENTS = payments(COUNT)
SIGMAS = 4.5


def close(measured: float, mean: float, variance: float, count: int = COUNT) -> None:
    """Assert that an average over ``count`` independent messages is near its mean."""
    bound = SIGMAS * sqrt(variance / count)
    assert abs(measured - mean) <= bound, f"{measured} is not within {bound} of {mean}"


def share(measured: int, chance: float, count: int = COUNT) -> None:
    """Assert that a fate met a share of the messages near its probability."""
    close(measured / count, chance, chance * (1 - chance), count)


def run(
    model: Model, receiver: Participant, *, attempts: int | None = None, seed: int = 1,
    crashes: tuple[CrashPoint, ...] = (),
) -> Trace:  # fmt: skip
    """Retry over a network with this loss and ack loss."""
    network = Network(
        messages=Faults(loss=float(model.loss)), acks=Faults(loss=float(model.ack_loss))
    )
    sender = RetryUntilAcked("receiver", PAYMENTS, attempts_max=attempts)
    parts = {"sender": sender, "receiver": receiver}
    return simulate(parts, network, seed=seed, crashes=crashes)


def times(trace: Trace) -> Counter[int]:
    """How many messages were processed 0, 1, 2 … times."""
    processed = trace.processed()
    return Counter(processed[message.id] for message in trace.messages)


def attempts_variance(model: Model, attempts: int) -> float:
    """Variance of the attempts of a sender that gives up, from P(attempts > j) = f to the j."""
    fails = float(model.attempt_fails)
    mean = sum(fails**j for j in range(attempts))
    return sum((2 * j + 1) * fails**j for j in range(attempts)) - mean**2


def deliveries_variance(model: Model, attempts: int) -> float:
    chances = [float(model.deliveries_probability(d, attempts)) for d in range(attempts + 1)]
    mean = sum(d * chance for d, chance in enumerate(chances))
    return sum(d**2 * chance for d, chance in enumerate(chances)) - mean**2


# At-most-once -----------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.4, 1.0])
def test_at_most_once_loses_what_the_network_loses(loss: float) -> None:
    parts = {"sender": FireAndForget("receiver", PAYMENTS), "receiver": ProcessThenAck()}
    trace = simulate(parts, Network(messages=Faults(loss=loss)))
    assert set(times(trace)) <= {0, 1}
    share(times(trace)[0], float(Model(loss=loss).undelivered(1)))


def test_at_most_once_needs_the_receivers_help_where_the_network_duplicates() -> None:
    def repeated(receiver: Participant) -> int:
        parts = {"sender": FireAndForget("receiver", PAYMENTS), "receiver": receiver}
        return times(simulate(parts, Network(messages=Faults(duplication=0.2))))[2]

    share(repeated(ProcessThenAck()), 0.2)
    assert repeated(HighWaterMark()) == repeated(ProcessOnce()) == 0


# At-least-once ----------------------------------------------------------------------------

MODELS = [
    Model(loss=0.3),
    Model(ack_loss=0.3),
    Model(loss=0.2, ack_loss=0.1),
    Model(loss=0.5, ack_loss=0.5),
]


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_a_bounded_sender_agrees_with_the_closed_forms(model: Model, attempts: int) -> None:
    trace = run(model, ProcessThenAck(), attempts=attempts)
    found, judged = trace.metrics(), audit(trace)
    close(
        found["attempts"] / COUNT,
        float(model.attempts_mean(attempts)),
        attempts_variance(model, attempts),
    )
    close(
        found["processed"] / COUNT,
        float(model.deliveries_mean(attempts)),
        deliveries_variance(model, attempts),
    )
    share(len(judged.in_doubt), float(model.in_doubt(attempts)))
    share(len(judged.lost), float(model.undelivered(attempts)))
    share(len(judged.duplicated), float(model.any_duplicate(attempts)))
    unknown = sum(knows == "in doubt" and n > 0 for _, n, knows in trace.outcome())
    share(unknown, float(model.delivered_in_doubt(attempts)))
    for deliveries, messages in times(trace).items():
        share(messages, float(model.deliveries_probability(deliveries, attempts)))


def agrees(found: dict[str, int | float], model: Model, *numbers: str) -> None:
    """Compare attempts and duplicates, or the one that is named, with their closed forms."""
    forms = {
        "attempts": (model.attempts_mean(), model.attempts_variance()),
        "processed again": (model.duplicates_mean(), model.deliveries_variance()),
    }
    for name in numbers or forms:
        mean, variance = forms[name]
        close(found[name] / COUNT, float(mean), float(variance))


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_an_unbounded_sender_agrees_with_the_closed_forms(model: Model) -> None:
    trace = run(model, ProcessThenAck())
    found = trace.metrics()
    agrees(found, model)
    share(len(audit(trace).duplicated), float(model.any_duplicate()))
    assert times(trace)[0] == found["in doubt"] == 0


@pytest.mark.parametrize("loss", [0.0, 0.3, 0.6])
def test_duplicates_do_not_depend_on_message_loss(loss: float) -> None:
    model = Model(ack_loss=0.25)
    agrees(run(replace(model, loss=loss), ProcessThenAck()).metrics(), model, "processed again")


def test_a_crash_before_the_effect_is_a_lost_message_and_one_after_it_a_lost_ack() -> None:
    model = Model(loss=0.1, crash_before=0.15, crash_after=0.2, ack_loss=0.1)
    crashes = (CrashPoint("receiver", Process, 0.15), CrashPoint("receiver", Send, 0.2))
    trace = run(model, ProcessThenAck(), crashes=crashes)
    found = trace.metrics()
    agrees(found, model)
    before = Counter(event.note for event in trace.of("crashed"))
    arrived = found["delivered"] - len([e for e in trace.of("delivered") if e.who == "sender"])
    share(before["before Process"], 0.15, int(arrived))
    share(before["before Send"], 0.2, int(found["processed"]))


@pytest.mark.parametrize(
    ("receiver", "before", "formula"),
    [
        (ProcessThenMark(), Mark, process_then_mark),
        (MarkThenProcess(), Process, mark_then_process),
        (ProcessOnce(), Once, process_once),
    ],
    ids=["process-then-mark", "mark-then-process", "process-once"],
)
@pytest.mark.parametrize("attempts", [2, 4])
def test_a_receiver_that_remembers_ids_has_only_its_crash_window(
    receiver: Participant, before: type[Process], formula: type[Expected], attempts: int
) -> None:
    """Ack loss is there, and does not show."""
    model = Model(loss=0.3, ack_loss=0.4)
    crashes = (CrashPoint("receiver", before, 0.25),)
    found = times(run(model, receiver, attempts=attempts, crashes=crashes))
    _, none, several = formula(loss=0.3, crash=0.25, attempts=attempts)  # type: ignore[call-arg]
    share(found[0], float(none))
    share(COUNT - found[0] - found[1], float(several))


# Time -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_an_impatient_timer_makes_duplicates_with_no_fault_at_all(ratio: float) -> None:
    """P(more than j sends) is exp(-ratio j (j + 1) / 2), whence the variance."""
    network = Network(
        messages=Faults(delay_s=0.0, delay_s_mean=1.0, reordering=1.0), acks=Faults(delay_s=0.0)
    )
    sender = RetryUntilAcked("receiver", PAYMENTS, timeout_s=ratio)
    found = simulate({"sender": sender, "receiver": ProcessThenAck()}, network).metrics()
    beyond = [exp(-ratio * j * (j + 1) / 2) for j in range(60)]
    mean = sends_mean_with_early_timer(timeout_s=ratio, round_trip_s_mean=1.0)
    variance = sum((2 * j + 1) * chance for j, chance in enumerate(beyond)) - mean**2
    close(found["attempts"] / COUNT, mean, variance)
    assert found["packets lost"] == found["packets duplicated"] == found["crashes"] == 0
    assert found["processed again"] == found["attempts"] - COUNT


def order(trace: Trace) -> list[int]:
    """The packets in the order in which they reached the receiver."""
    return [event.packet for event in trace.of("delivered") if event.who == "receiver"]


def test_delay_alone_never_reorders() -> None:
    def arrivals(reordering: float, seed: int) -> list[int]:
        faults = Faults(delay_s=0.0, delay_s_mean=2.0, reordering=reordering)
        sender = FireAndForget("receiver", payments(40), interval_s=0.37)
        parts = {"sender": sender, "receiver": ProcessThenAck()}
        return order(simulate(parts, Network(messages=faults), seed=seed))

    for seed in range(20):
        assert arrivals(0.0, seed) == sorted(arrivals(0.0, seed))
        assert arrivals(1.0, seed) != sorted(arrivals(1.0, seed))


def test_the_clock_jumps_to_what_is_due() -> None:
    network = Network(placed={("message", 1): LOST, ("message", 2): (2.5,), ("ack", 1): (0.5,)})
    sender = RetryUntilAcked("receiver", payments(1), timeout_s=3600.0)
    trace = simulate({"sender": sender, "receiver": ProcessThenAck()}, network)
    assert [(event.time_s, event.what) for event in trace.events] == [
        (0.0, "sent"), (0.0, "lost"),
        (3600.0, "timed_out"), (3600.0, "sent"),
        (3602.5, "delivered"), (3602.5, "processed"), (3602.5, "sent"),
        (3603.0, "delivered"), (3603.0, "confirmed"), (3603.0, "saved"),
    ]  # fmt: skip


def test_an_early_timer_fires_at_an_even_fraction_of_its_time() -> None:
    parts = {
        "sender": RetryUntilAcked("receiver", payments(400), attempts_max=1),
        "receiver": ProcessThenAck(),
    }
    silent = Network(messages=Faults(loss=1.0))

    def waits_s(early: float) -> list[tuple[str, float]]:
        trace = simulate(parts, silent, early_timeouts=early)
        sent_s = [event.time_s for event in trace.of("sent")]
        fired = zip(trace.of("timed_out"), sent_s, strict=True)
        return [(event.note, event.time_s - since_s) for event, since_s in fired]

    assert {(note, round(wait_s, 9)) for note, wait_s in waits_s(0.0)} == {("", 1.0)}
    always = waits_s(1.0)
    assert all(note == "early" and 0 <= wait_s < 1 for note, wait_s in always)
    close(sum(wait_s for _, wait_s in always) / 400, 1 / 2, 1 / 12, 400)
    assert {round(wait_s, 9) for note, wait_s in waits_s(0.2) if not note} == {1.0}
    seldom, often = ({n for n, (note, _) in enumerate(waits_s(r)) if note} for r in (0.2, 0.5))
    assert seldom < often
    share(len(seldom), 0.2, 400)


# Crashes ----------------------------------------------------------------------------------


def downtimes(trace: Trace) -> list[tuple[float, str]]:
    return [(event.time_s, event.what) for event in trace.of("crashed", "restarted")]


def test_during_an_outage_packets_are_refused() -> None:
    parts = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessThenAck()}
    trace = simulate(parts, crashes=(Outage("receiver", at_s=0.05, down_s=2.0),))
    assert downtimes(trace) == [(0.05, "crashed"), (2.05, "restarted")]
    assert [event.time_s for event in trace.of("refused")] == [0.1, 1.1]
    assert trace.outcome() == (("1", 1, "confirmed"),)


def test_where_outages_overlap_the_latest_restart_counts() -> None:
    parts = {"sender": FireAndForget("receiver", payments(1)), "receiver": ProcessThenAck()}
    outages = (
        Outage("receiver", at_s=0.0, down_s=10.0),
        Outage("receiver", at_s=5.0, down_s=15.0),
        Outage("receiver", at_s=6.0, down_s=1.0),
        Outage("receiver", at_s=30.0, down_s=1.0),
    )
    assert downtimes(simulate(parts, crashes=outages)) == [
        (0.0, "crashed"), (20.0, "restarted"), (30.0, "crashed"), (31.0, "restarted"),
    ]  # fmt: skip


def test_an_outage_that_begins_while_the_receiver_is_down_already_keeps_it_down() -> None:
    parts = {"sender": FireAndForget("receiver", payments(1)), "receiver": ProcessThenAck()}
    crashes = (
        CrashPoint("receiver", Process, 1.0, down_s=0.5),
        Outage("receiver", at_s=0.2, down_s=2.0),
    )
    assert downtimes(simulate(parts, crashes=crashes)) == [(0.1, "crashed"), (2.2, "restarted")]


@pytest.mark.parametrize("durable", [True, False])
def test_a_sender_that_crashes_goes_on_only_if_its_outbox_is_on_disk(durable: bool) -> None:
    parts = {
        "sender": RetryUntilAcked("receiver", payments(5), durable=durable),
        "receiver": ProcessOnce(),
    }
    trace = simulate(parts, crashes=(Outage("sender", at_s=0.5, down_s=1.0),))
    delivered = 5 if durable else 3  # an exchange takes 0.2 s: two are done, one is under way
    assert [n for _, n, _ in trace.outcome()] == [1] * delivered + [0] * (5 - delivered)


def test_a_sender_that_crashes_before_it_has_settled_sends_again() -> None:
    parts = {"sender": RetryUntilAcked("receiver", payments(50)), "receiver": ProcessThenAck()}
    for before in (Confirm, Save):
        trace = simulate(parts, crashes=(CrashPoint("sender", before, 0.3),))
        crashes = len(trace.of("crashed"))
        assert trace.processed().total() == 50 + crashes
        share(crashes, 0.3, 50 + crashes)


def test_a_crash_at_a_lower_chance_also_happens_at_a_higher_one() -> None:
    def crashed(chance: float) -> set[str]:
        """The messages that a crash kept from being processed; each comes alone."""
        sender = FireAndForget("receiver", payments(400), interval_s=1.0)
        crashes = (CrashPoint("receiver", Process, chance, down_s=0.5),)
        trace = simulate({"sender": sender, "receiver": ProcessThenAck()}, crashes=crashes)
        return {name for name, n, _ in trace.outcome() if n == 0}

    seldom, often = crashed(0.1), crashed(0.6)
    assert seldom < often
    share(len(seldom), 0.1, 400)
    share(len(often), 0.6, 400)
    assert crashed(0.0) == set()
    assert len(crashed(1.0)) == 400


def test_two_crash_points_have_dice_of_their_own() -> None:
    model = Model(crash_before=0.3, crash_after=0.3)
    crashes = (CrashPoint("receiver", Process, 0.3), CrashPoint("receiver", Send, 0.3))
    found = run(model, ProcessThenAck(), crashes=crashes, attempts=1)
    share(len(audit(found).acked), float(model.once_and_confirmed(1)))


# Several participants ---------------------------------------------------------------------


@pytest.mark.parametrize(("layers", "attempts"), [(1, 4), (2, 3), (3, 3)])
def test_layers_that_each_retry_multiply(layers: int, attempts: int) -> None:
    """Everything that reaches the bottom is lost, and every layer waits for the one below."""
    bottom_s = 1.0
    relays = {
        f"layer {n}": Relay(
            f"layer {n + 1}",
            timeout_s=bottom_s * (attempts + 1) ** (layers - 1 - n),
            attempts_max=attempts,
        )
        for n in range(1, layers)
    }
    client = RetryUntilAcked(
        "layer 1",
        payments(1),
        timeout_s=bottom_s * (attempts + 1) ** (layers - 1),
        attempts_max=attempts,
    )
    bottom = f"layer {layers}"
    parts: dict[str, Participant] = {"client": client, **relays, bottom: ProcessThenAck()}
    down = (Outage(bottom, at_s=0.0, down_s=1e6),)
    trace = simulate(parts, crashes=down)
    reached = sum(event.who == bottom for event in trace.of("refused"))
    assert reached == amplification(attempts=attempts, layers=layers)


@dataclass(frozen=True)
class ToBoth(Passive):
    """Hands its message to two workers."""

    messages: tuple[Message, ...] = payments(1)

    def start(self) -> Handler:
        for worker in ("worker a", "worker b"):
            yield Send(worker, self.messages[0])


def test_participants_may_share_a_store() -> None:
    parts: dict[str, Participant] = {
        "sender": ToBoth(),
        "worker a": MarkThenProcess(),
        "worker b": MarkThenProcess(),
    }
    assert simulate(parts).processed() == {"1": 2}
    shared = {"worker a": "database", "worker b": "database"}
    assert simulate(parts, stores=shared).processed() == {"1": 1}


class TestAlternatingBit:
    """Right on a queue; wrong under reordering, and after a crash that forgets the bit."""

    def wrong(
        self, faults: Faults, *, durable: bool = True, crashes: tuple[CrashPoint, ...] = ()
    ) -> int:
        """In how many of 40 runs a message was lost or repeated."""
        sender = AlternatingBitSender("receiver", payments(8), timeout_s=0.5)
        parts = {"sender": sender, "receiver": AlternatingBitReceiver(durable=durable)}
        network = Network(messages=faults, acks=faults)
        traces = [simulate(parts, network, seed=s, crashes=crashes) for s in range(40)]
        return sum(times(trace) != {1: 8} for trace in traces)

    faults = Faults(loss=0.2, duplication=0.2, delay_s_mean=0.4)
    crashes = (CrashPoint("receiver", Send, 0.1),)

    def test_on_a_queue_with_loss_and_duplication(self) -> None:
        assert self.wrong(self.faults) == 0

    def test_under_reordering(self) -> None:
        assert self.wrong(replace(self.faults, reordering=1.0)) > 20

    def test_after_a_crash_that_keeps_the_bit(self) -> None:
        assert self.wrong(self.faults, crashes=self.crashes) == 0

    def test_after_a_crash_that_forgets_the_bit(self) -> None:
        assert self.wrong(self.faults, durable=False, crashes=self.crashes) > 20


# Limits and records -----------------------------------------------------------------------


def endless() -> dict[str, Participant]:
    return {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessThenAck()}


HINT = "give the sender attempts_max or deadline_s, or raise the limit"


@pytest.mark.parametrize(
    ("steps_max", "time_s_max", "reached"),
    [
        (1000, 1e7, "steps_max: the run goes on after 1,000 steps"),
        (1000, 50.0, "time_s_max: the run goes on after 50 s"),
        (40, 50.0, "steps_max: the run goes on after 40 steps"),
    ],
)
def test_a_run_without_end_is_an_error(steps_max: int, time_s_max: float, reached: str) -> None:
    silent = Network(messages=Faults(loss=1.0))
    with pytest.raises(UnboundedRun) as error:
        simulate(endless(), silent, steps_max=steps_max, time_s_max=time_s_max)
    assert str(error.value) == f"{reached}; {HINT}"


def test_a_run_may_end_exactly_at_its_limits() -> None:
    parts = {"sender": FireAndForget("receiver", payments(1)), "receiver": ProcessThenAck()}
    trace = simulate(parts, steps_max=2, time_s_max=0.2)
    assert trace.events[-1].time_s == 0.2
    with pytest.raises(UnboundedRun):
        simulate(parts, steps_max=1)
    with pytest.raises(UnboundedRun):
        simulate(parts, time_s_max=0.15)


def test_a_recorder_gets_every_event_and_the_trace_keeps_none() -> None:
    events: list[Event] = []
    network = Network(messages=Faults(loss=0.3))
    kept = simulate(endless(), network)
    bare = simulate(endless(), network, record=events.append)
    assert bare == replace(kept, events=())
    assert tuple(events) == kept.events


def test_the_seed_decides_the_run() -> None:
    network = Network(messages=Faults(loss=0.5, delay_s_mean=1.0))
    digests = [simulate(endless(), network, seed=seed).digest() for seed in (1, 2, 1, 2)]
    assert digests[:2] == digests[2:]
    assert digests[0] != digests[1]


def test_a_knob_of_one_message_moves_no_other() -> None:
    """Losing more acks of one message leaves the attempts at the others as they were."""

    def attempts(*more: tuple[str, int]) -> Counter[str]:
        network = Network(messages=Faults(loss=0.3), placed=dict.fromkeys(more, LOST))
        parts = {
            "sender": RetryUntilAcked("receiver", payments(50)),
            "receiver": ProcessThenAck(),
        }
        trace = simulate(parts, network)
        return Counter(
            e.payload.id for e in trace.of("sent") if e.who == "sender" and e.payload
        )

    before, after = attempts(), attempts(("ack", 10))
    assert {name for name in before if before[name] != after[name]} == {"10"}


def test_the_end_of_a_pause_is_no_timeout() -> None:
    pair = {
        "sender": FireAndForget("receiver", payments(3), interval_s=1.0),
        "receiver": MarkThenProcess(),
    }
    trace = simulate(pair)
    assert len(trace.of("waited")) == 3
    assert trace.metrics()["timeouts"] == 0
    assert audit(trace).faults == ()
