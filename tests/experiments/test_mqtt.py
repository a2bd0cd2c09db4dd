"""MQTT's three levels on two hops, and what is left of them when somebody forgets."""

from __future__ import annotations

import pytest

from delivery_semantics import AT_LEAST_ONCE, EXACTLY_ONCE, audit
from delivery_semantics.experiments.mqtt import hops, sessions
from delivery_semantics.protocols.mqtt import qos_2
from delivery_semantics.systems.mqtt.server import running

pytestmark = [pytest.mark.slow, pytest.mark.needs("mqtt")]


def arrives(lost: str, quality: int) -> int:
    """How many copies leave a hop for each that enters it, by the words of the levels."""
    if lost == hops.MESSAGE and quality == 0:
        return 0
    return 2 if lost == hops.ACK and quality == 1 else 1


def test_each_hop_has_its_own_level_and_the_second_the_lower_of_two() -> None:
    for (lost, published, subscribed), trace in hops.hop_runs().items():
        entered = arrives(lost, published)
        second = min(published, subscribed)
        # what is lost on the second hop is lost of the first copy only
        expected = entered and entered - 1 + arrives(lost, second)
        assert trace.processed()["1"] == expected, (lost, published, subscribed)


def test_only_two_and_two_is_acquitted() -> None:
    for (lost, published, subscribed), trace in hops.hop_runs().items():
        if lost == hops.NOTHING or published == 0:
            continue
        verdict = audit(trace).verdict(EXACTLY_ONCE)
        safe = (published, subscribed) == (2, 2) or trace.processed()["1"] == 1
        assert verdict == ("ok" if safe else verdict)
        assert verdict.startswith("broken") != safe
        if subscribed:
            assert audit(trace).verdict(AT_LEAST_ONCE) == "ok"


def test_a_run_is_the_same_each_time() -> None:
    with running() as url:
        again = hops.hop_run(url, hops.ACK, 1, 1)
    assert again.digest() == hops.hop_runs()[hops.ACK, 1, 1].digest()


def test_level_2_repeats_where_the_publisher_forgets_as_the_model_does() -> None:
    assert sessions.sessions().kept == [20, 10, 10]
    assert sessions.sessions().lost == [20, 10, 20]
    assert not qos_2(remembers=False).never_more_than_once.holds
    assert qos_2(remembers=True).never_more_than_once.holds


def test_a_broker_that_is_killed_forgets_what_it_has_acked() -> None:
    assert sessions.sessions().ended == {
        ("SIGTERM", 1): (True, 10), ("SIGTERM", 2): (True, 10),
        ("SIGKILL", 1): (True, 0), ("SIGKILL", 2): (True, 0),
    }  # fmt: skip


def test_a_killed_consumer_loses_with_level_2_and_level_1_with_a_mark_is_right() -> None:
    verdicts = {
        name: [audit(ending.trace) for ending in endings]
        for name, endings in sessions.killed().items()
    }
    lost = [found.lost_though_acked for found in verdicts["QoS 2: process"]]
    assert lost == [("1",), ()]
    twice = [found.duplicated for found in verdicts["QoS 1: process, ack"]]
    assert twice == [(), ("1",), ()]
    right = {found.verdict(EXACTLY_ONCE) for found in verdicts["QoS 1: process once, ack"]}
    assert right == {"ok"}


def test_the_panels_tell_the_money_of_their_runs() -> None:
    def lost(session: str) -> object:
        view = sessions.session_view(reply="QoS 2: PUBCOMP", session=session)
        return view.numbers["money there"]

    assert (lost("kept"), lost("lost")) == (10, 20)
    numbers = sessions.consumer_view(name="QoS 2: process").numbers
    assert (numbers["of them wrong"], numbers["there, at worst"]) == (1, 0)
    for number, there in (("SIGTERM", 10), ("SIGKILL", 0)):
        view = sessions.ended_view(number=number, quality="2")
        assert view.numbers["money there"] == there
    with pytest.raises(ValueError, match=r"session is 'old'; allowed: "):
        sessions.session_view(reply="QoS 2: PUBCOMP", session="old")
