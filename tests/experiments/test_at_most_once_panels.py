"""What the panels of chapter 3 show of one packet, of a search, and of many runs."""

from __future__ import annotations

import pytest

from delivery_semantics import ProcessThenAck
from delivery_semantics.experiments.at_most_once import edge, loss, uses
from delivery_semantics.show.view import View, finish


def money(view: View) -> tuple[object, object]:
    return view.numbers["money expected"], view.numbers["money there"]


@pytest.mark.parametrize("memory", loss.MEMORIES)
def test_only_a_receiver_that_keeps_nothing_processes_a_copy(memory: str) -> None:
    copied = edge.one_packet(fate="is copied", memory=memory, seed=1)
    assert copied.numbers["sent by the sender"] == 1
    assert money(copied) == (10, 20 if memory == "no check" else 10)
    assert money(edge.one_packet(fate="is lost", memory=memory, seed=1)) == (10, 0)
    assert money(edge.one_packet(fate="arrives", memory=memory, seed=1)) == (10, 10)


@pytest.mark.parametrize(
    ("consumer", "fault", "never", "eventually", "there"),
    [
        ("ProcessThenAck", "the consumer crashes", "broken", "holds", 20),
        ("ProcessThenAck", "a packet is lost", "broken", "holds", 20),
        ("AckThenProcess", "the consumer crashes", "holds", "broken", 0),
        ("AckThenProcess", "a packet is lost", "broken", "holds", 20),
        ("MarkThenProcess", "the consumer crashes", "holds", "broken", 0),
        ("MarkThenProcess", "a packet is lost", "holds", "holds", 10),
    ],
)
def test_each_consumer_shows_its_verdicts_and_a_run_of_them(
    consumer: str, fault: str, never: str, eventually: str, there: int
) -> None:
    view = edge.consumer_view(consumer=consumer, fault=fault, seed=1)
    assert list(view.numbers.values())[:2] == [never, eventually]
    assert money(view) == (10, there)


@pytest.mark.parametrize(
    ("attempts", "receiver", "never", "there"),
    [
        (1, "processes, then acks", "holds", 10),
        (1, "marks, then processes", "holds", 10),
        (2, "processes, then acks", "broken", 20),
        (2, "marks, then processes", "holds", 10),
    ],
)
def test_a_proxy_repeats_only_where_it_retries_and_nobody_remembers(
    attempts: int, receiver: str, never: str, there: int
) -> None:
    view = edge.proxy_view(attempts=attempts, receiver=receiver, seed=1)
    assert view.numbers["never more than once"] == never
    assert money(view) == (10, there)


@pytest.mark.parametrize(
    ("sender", "there"), [("notes, then sends", 0), ("sends, then notes", 20)]
)
def test_a_crash_between_note_and_send_loses_or_repeats(sender: str, there: int) -> None:
    assert money(edge.sender_view(sender=sender, seed=1)) == (10, there)


@pytest.mark.parametrize("messages", [50, 800])
def test_what_is_lost_stands_in_the_curve_beside_its_formula(messages: int) -> None:
    view = loss.loss_of(messages=messages, loss_percent=20, seed=1)
    lost = len(loss.lost_ids(20, messages=messages))
    assert view.numbers["lost"] == lost
    assert str(view.numbers["by formula"]).startswith(f"{messages // 5} ± ")
    assert money(view) == (10 * messages, 10 * (messages - lost))


def test_the_spread_of_400_runs_is_that_of_400_seeds() -> None:
    view = finish(loss.spread_at(loss_percent=20, seed=1))
    whole = loss.spread(runs=400, loss_percent=20)
    assert view.numbers["mean"] == f"{whole.mean:.2f}"
    assert view.numbers["missing in the worst run"] == 10 * max(whole.counts)


def test_totals_miss_one_report_however_many_are_sent_and_deltas_a_half() -> None:
    few, many = (finish(uses.missing_at(reports=reports, seed=1)) for reports in (25, 100))
    assert few.numbers["deltas miss at 50 %"] == many.numbers["deltas miss at 50 %"]
    for view in (few, many):
        assert 0.7 < float(str(view.numbers["totals miss"]).split()[0]) < 1.3
    assert few.numbers["by formula"] == "4.0 %"


@pytest.mark.parametrize("percent", [0, 50, 100])
def test_a_filter_drops_what_was_overtaken_and_its_money(percent: int) -> None:
    numbers = uses.overtaken_money(reordering_percent=percent, seed=1).numbers
    dropped = int(numbers["dropped by the filter"])
    assert (dropped > 0) == (percent > 0)
    assert numbers["there, without a filter"] == numbers["money expected"] == 2000
    assert numbers["there, with the filter"] == 2000 - 10 * dropped
    assert numbers["processed twice"] == 0


def test_a_word_that_is_no_choice_is_named() -> None:
    with pytest.raises(ValueError, match="fate is 'eaten'; allowed: arrives, is lost"):
        edge.one_packet(fate="eaten", memory="no check", seed=1)
    with pytest.raises(ValueError, match="memory is 'mine'; allowed: no check"):
        edge.one_packet(fate="arrives", memory="mine", seed=1)
    with pytest.raises(ValueError, match="consumer is 'me'; allowed: ProcessThenAck"):
        edge.consumer_view(consumer="me", fault="a packet is lost", seed=1)
    with pytest.raises(ValueError, match="fault is 'war'; allowed: the consumer crashes"):
        edge.consumer_view(consumer="ProcessThenAck", fault="war", seed=1)
    with pytest.raises(ValueError, match="receiver is 'me'; allowed: processes, then acks"):
        edge.proxy_view(attempts=1, receiver="me", seed=1)
    with pytest.raises(ValueError, match="attempts is 0"):
        edge.behind_a_proxy(ProcessThenAck(), 0)
    with pytest.raises(ValueError, match="sender is 'me'; allowed: notes, then sends"):
        edge.sender_view(sender="me", seed=1)
