"""Tables: what they hold, and the HTML that a page shows of them."""

from __future__ import annotations

import html.parser
import math

import pytest

from delivery_semantics import (
    AT_LEAST_ONCE,
    EXACTLY_ONCE,
    AlternatingBitReceiver,
    AlternatingBitSender,
    Bounds,
    Deliver,
    Duplicate,
    Exploration,
    Lose,
    ProcessOnce,
    ProcessThenAck,
    RetryUntilAcked,
    Timeout,
    Trace,
    audit,
    explore,
    payments,
    script,
    simulate,
)  # fmt: skip
from delivery_semantics.core.effects import Passive
from delivery_semantics.show.tables import (
    ROWS_MAX,
    Table,
    events,
    findings,
    metrics,
    table,
    verdicts,
)


@pytest.fixture(scope="module")
def trace() -> Trace:
    pair = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessThenAck()}
    return script(
        pair, Lose(1), Timeout("sender"), Duplicate(2), Deliver(2), Lose(4), Deliver(3),
        Deliver(5),
    )  # fmt: skip


@pytest.fixture(scope="module")
def explorations() -> dict[str, Exploration]:
    sender = RetryUntilAcked("receiver", payments(1), attempts_max=4)
    bounds = Bounds(losses=1, duplicates=0, crashes=0)
    return {
        "process, then ack": explore({"sender": sender, "receiver": ProcessThenAck()}, bounds),
        "process once": explore({"sender": sender, "receiver": ProcessOnce()}, bounds),
    }


class Reader(html.parser.HTMLParser):
    """Collects the tags of a page, and what stands in its cells, row by row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def read(shown: Table) -> Reader:
    return Reader(shown._repr_html_())


def test_events_has_one_row_for_each_event(trace: Trace) -> None:
    frame = events(trace)
    assert list(frame.columns) == [
        "time_s", "what", "who", "content", "peer", "packet", "note"
    ]  # fmt: skip
    assert frame["what"].tolist() == [event.what for event in trace.events]
    assert frame["time_s"].tolist() == [event.time_s for event in trace.events]
    lost = frame[frame["what"] == "lost"]
    assert lost[["content", "packet"]].to_numpy().tolist() == [["Message 1", 1], ["Ack 1", 4]]
    assert frame.loc[frame["what"] == "duplicated", "note"].item() == "copy of packet 2"
    assert frame.loc[frame["what"] == "timed_out", "packet"].isna().all()


def test_a_filtered_table_is_still_a_table(trace: Trace) -> None:
    frame = events(trace, caption="The losses")
    lost = frame[frame["what"] == "lost"]
    assert isinstance(lost, Table)
    assert lost.caption == "The losses"
    assert len(read(lost).rows) == 3


def test_frames_have_events_too() -> None:
    pair = {
        "sender": AlternatingBitSender("receiver", payments(2)),
        "receiver": AlternatingBitReceiver(),
    }
    contents = events(simulate(pair))["content"].tolist()
    assert "Message 2, bit 1" in contents
    assert "Ack, bit 1" in contents


def test_metrics_stand_beside_each_other(trace: Trace) -> None:
    assert metrics(trace)["value"].to_dict() == trace.metrics()
    calm = simulate({"sender": RetryUntilAcked("r", payments(3)), "r": ProcessOnce()})
    frame = metrics({"rough": trace, "calm": calm})
    assert list(frame.columns) == ["rough", "calm"]
    assert list(frame.loc["processed again"]) == [1, 0]
    assert list(frame.loc["attempts"]) == [2, 3]
    assert type(frame.loc["attempts", "calm"]) is int


def test_findings_of_an_audit(trace: Trace) -> None:
    frame = findings(audit(trace))
    assert list(frame.loc["duplicated"]) == [1, "1"]
    assert list(frame.loc["processed"]) == [1, "1 (2 times)"]
    assert list(frame.loc["lost"]) == [0, ""]
    assert frame.loc[["money expected", "money there"], "count"].tolist() == [10, 20]
    assert frame.caption == "Audit"


def test_findings_say_what_a_semantic_allows(trace: Trace) -> None:
    allowed = findings(audit(trace), semantic=AT_LEAST_ONCE)
    assert allowed["allowed by at-least-once"]["duplicated"] == "yes"
    assert allowed["allowed by at-least-once"]["lost"] == "no"
    assert allowed.caption == "Audit: at-least-once is ok"
    strict = findings(audit(trace), semantic=EXACTLY_ONCE)
    assert strict.caption == "Audit: exactly-once processing is broken: duplicated 1"
    assert strict["allowed by exactly-once processing"]["duplicated"] == "no"


def test_findings_list_ten_ids_and_count_the_rest() -> None:
    trace = simulate({"s": RetryUntilAcked("r", payments(1_200)), "r": ProcessOnce()})
    frame = findings(audit(trace))
    assert frame["ids"]["acked"] == "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1,190 more"
    assert ["acked", "1,200", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1,190 more"] in read(
        frame
    ).rows


def test_verdicts_name_their_bounds(explorations: dict[str, Exploration]) -> None:
    frame = verdicts(explorations)
    broken = explorations["process, then ack"].never_more_than_once
    assert frame["never more than once"].tolist() == [
        f"broken in {len(broken.steps)} steps", "holds"
    ]  # fmt: skip
    assert frame["at least once, eventually"].tolist() == ["holds", "holds"]
    assert frame["worlds"].tolist() == [one.worlds for one in explorations.values()]
    assert str(broken and explorations["process once"].bounds) in frame.caption
    assert frame.caption.startswith("Every run: 1 message, ")


def test_what_goes_round_for_ever_is_told_from_what_ends() -> None:
    pair = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": Passive()}
    found = explore(pair, Bounds(losses=0, crashes=0))
    steps = len(found.at_least_once_eventually.steps)
    assert verdicts({"unanswered": found}).iloc[0, 1] == (
        f"broken: goes round for ever, in {steps} steps"
    )


def test_bounds_that_differ_have_a_column(explorations: dict[str, Exploration]) -> None:
    sender = RetryUntilAcked("receiver", payments(1), attempts_max=4)
    calm = Bounds(losses=0, duplicates=0, crashes=0)
    other = explore({"sender": sender, "receiver": ProcessThenAck()}, calm)
    frame = verdicts({**explorations, "calm": other}, caption="Three searches")
    assert frame.caption == "Three searches: within the bounds stated"
    assert str(calm) in frame["bounds"]["calm"]
    assert str(explorations["process once"].bounds) in frame["bounds"]["process once"]


def test_the_html_says_what_heads_what(trace: Trace) -> None:
    page = read(metrics({"<rough> & calm": trace}, caption="Numbers & names"))
    scopes = [attributes["scope"] for tag, attributes in page.tags if tag == "th"]
    assert scopes == ["col"] * 2 + ["row"] * len(trace.metrics())
    assert all(cells[0] for cells in page.rows), "no header is empty"
    assert page.rows[0] == ["number", "<rough> & calm"]
    assert ("div", "Numbers & names") in [(t, a.get("aria-label")) for t, a in page.tags]
    assert not any("id" in attributes for _, attributes in page.tags)


def test_an_index_that_only_counts_is_hidden(trace: Trace) -> None:
    page = read(events(trace))
    assert page.rows[0][0] == "time_s"
    assert page.rows[1] == ["0", "sent", "sender", "Message 1", "receiver", "1", ""]
    assert all(len(row) == 7 for row in page.rows)


def test_numbers_are_written_as_people_write_them() -> None:
    values = [1_234_567, 1e6, 0.5, 2 / 3, 1234.5, 0.00012345, -0.25, math.nan, True]
    shown = [row[0] for row in read(table({"n": [*values, None]}, caption="Numbers")).rows[1:]]
    assert shown == [
        "1,234,567", "1,000,000", "0.5", "0.667", "1,234.5", "0.000123", "-0.25", "", "True", ""
    ]  # fmt: skip


def test_numbers_stand_right_and_words_left() -> None:
    page = read(table({"n": [1], "word": ["x"]}, caption="Both"))
    sides = [attributes["style"] for tag, attributes in page.tags if tag == "td"]
    assert sides == ["text-align: right", "text-align: left"]


def test_a_long_table_says_how_much_is_left_out() -> None:
    long = table({"n": list(range(ROWS_MAX + 1))}, caption="Long")
    page = long._repr_html_()
    assert f"Long (the first {ROWS_MAX} of {ROWS_MAX + 1} rows)" in page
    assert page.count("<tr>") == ROWS_MAX + 1
    assert "the first" not in long.head(ROWS_MAX)._repr_html_()


def test_equal_tables_are_equal_bytes(trace: Trace) -> None:
    assert events(trace)._repr_html_() == events(trace)._repr_html_()
    assert repr(events(trace)) == repr(events(trace))


def test_a_table_needs_a_caption() -> None:
    with pytest.raises(ValueError, match="caption is ' '; allowed: a line"):
        table({"n": [1]}, caption=" ")
    with pytest.raises(ValueError, match="length"):
        table({"n": [1], "m": [1, 2]}, caption="Uneven")
