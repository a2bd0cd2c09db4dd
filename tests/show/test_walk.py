"""A run is walked through: each step draws one thing more, where it will stand in the end."""

from __future__ import annotations

import re

import pytest

from delivery_semantics import (
    Bounds,
    Deliver,
    FireAndForget,
    Lose,
    ProcessThenAck,
    RetryUntilAcked,
    Timeout,
    Trace,
    explore,
    payments,
    script,
)
from delivery_semantics.show.diagram import sequence
from delivery_semantics.show.walk import walk

PAIR = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessThenAck()}
RUN = script(PAIR, Deliver(1), Lose(2), Timeout("sender"), Deliver(3), Deliver(4))
STEPS = 12
LIFE_LINE = re.compile(r'<path d="M(\d+) 34V')


def test_each_step_tells_one_thing_more_and_the_last_is_the_whole_run() -> None:
    walked = walk(RUN, title="The ack is lost")
    told = [walked.frame(step=step).sentence for step in range(STEPS + 1)]
    assert told[0] == "Step 0 of 12: Nothing has happened yet."
    assert len(set(told)) == STEPS + 1
    last = walked.frame(step=STEPS).picture
    whole = sequence(RUN, title=f"The ack is lost: step {STEPS} of {STEPS}")
    assert last == whole


def test_the_money_is_that_of_the_steps_so_far() -> None:
    walked = walk(RUN, title="The ack is lost")
    there = [walked.frame(step=step).numbers["money so far"] for step in range(STEPS + 1)]
    assert there == sorted(there)
    assert (there[0], there[-1]) == (0, 20)
    assert {walked.frame(step=step).numbers["money expected"] for step in (0, STEPS)} == {10}


def test_nothing_is_called_wrong_before_the_run_has_ended() -> None:
    walked = walk(RUN, title="The ack is lost")
    told = ["money expected" in walked.frame(step=step).pictures[0].svg for step in range(13)]
    assert told == [False] * STEPS + [True]


def test_the_life_lines_stand_still() -> None:
    walked = walk(RUN, title="The ack is lost")
    pictures = [walked.frame(step=step).pictures[0] for step in range(STEPS + 1)]
    for drawn in ([p.svg for p in pictures], [p.narrow or p.svg for p in pictures]):
        assert len({re.search(r'viewBox="(.+?)"', svg)[1] for svg in drawn}) == 1  # type: ignore[index]


def test_a_verdict_is_walked_by_the_run_that_breaks_it() -> None:
    found = explore(PAIR)
    walked = walk(found.never_more_than_once.counterexample or RUN, title="Broken", start=1)
    assert walked.frame().sentence.startswith("Step 1 of ")
    assert repr(walk(found.never_more_than_once, title="Broken")) == repr(walked)
    with pytest.raises(ValueError, match="no run breaks it"):
        walk(found.at_least_once_eventually, title="Holds")


def test_a_run_without_an_end_has_its_frame_at_the_last_step() -> None:
    deaf = {
        "sender": RetryUntilAcked("receiver", payments(1)),
        "receiver": FireAndForget("sender", ()),
    }
    bounds = Bounds(losses=0, duplicates=0, crashes=0)
    never = explore(deaf, bounds).at_least_once_eventually
    assert never.counterexample is not None
    assert never.loop_event is not None
    walked = walk(never, title="Nobody listens")
    last = int(walked.frame().sentence.split()[3].rstrip(":"))
    svgs = [walked.frame(step=step).pictures[0].svg for step in range(last + 1)]
    assert ["again" in svg for svg in svgs] == [False] * last + [True]
    assert walked.frame(step=last).sentence.endswith(
        "What stands in the frame repeats for ever."
    )
    whole = sequence(never, title=f"Nobody listens: step {last} of {last}")
    assert walked.frame(step=last).picture == whole


def test_what_has_no_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="start of 'step' is 13"):
        walk(RUN, title="The ack is lost", start=13)
    with pytest.raises(ValueError, match="two or more"):
        walk(Trace(("a",), (), ()), title="Nothing")
