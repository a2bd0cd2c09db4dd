"""A run as lines of JSON: written, read back, and judged by a command."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import delivery_semantics
from delivery_semantics import (
    EXACTLY_ONCE,
    Ack,
    AlternatingBitReceiver,
    AlternatingBitSender,
    Crash,
    Deliver,
    Event,
    Faults,
    Lose,
    Message,
    Network,
    ProcessOnce,
    ProcessThenAck,
    Record,
    RetryUntilAcked,
    Timeout,
    Trace,
    audit,
    payments,
    script,
    simulate,
)
from delivery_semantics.core.audit import FINDINGS
from delivery_semantics.core.trace import LOGGED, WHAT
from delivery_semantics.live.log import FIELDS, WORDS, from_lines, to_lines
from delivery_semantics.live.run_log import LabelledAck, LabelledMessage
from delivery_semantics.participants.alternating_bit import BitAck, Frame

LOSSY = Network(messages=Faults(loss=0.3, duplication=0.2), acks=Faults(loss=0.3))
SIX = """
{"what": "confirmed", "who": "shop", "id": "1", "amount": 30, "key": "p", "position": 0}
{"what": "confirmed", "who": "shop", "id": "2", "amount": 25, "key": "p", "position": 1}
{"what": "processed", "who": "bank", "id": "1", "key": "p", "position": 0}
{"what": "killed", "who": "broker"}
{"what": "confirmed", "who": "shop", "id": "3", "amount": 40, "key": "p", "position": 2}
{"what": "processed", "who": "bank", "id": "3", "key": "p", "position": 2}
"""

# There and back ---------------------------------------------------------------------------

RUNS = {
    "a script": script(
        {"s": RetryUntilAcked("r", payments(2)), "r": ProcessThenAck()},
        Lose(1), Timeout("s", early=True), Deliver(2), Crash("r"),
    ),
    "a protocol of its own": simulate(
        {"s": AlternatingBitSender("r", payments(5)), "r": AlternatingBitReceiver()}, LOSSY
    ),
    "payloads of a real system": Trace(
        ("client", "service"), (Message("7", 20),),
        (
            Event(0, "sent", "client", LabelledMessage("7", 20, "key"), "service", 1),
            Event(1, "sent", "service", LabelledAck("7", "200"), "client", 2),
        ),
    ),
    "nothing": Trace((), (), ()),
    "only names": Trace(("a", "b"), (), ()),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_a_trace_comes_back_from_its_lines(name: str) -> None:
    run = RUNS[name]
    again = from_lines(to_lines(run))
    assert again == run
    assert again.digest() == run.digest()
    assert audit(again) == audit(run)


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_seeds_run_comes_back(seed: int) -> None:
    run = simulate(
        {"s": RetryUntilAcked("r", payments(20)), "r": ProcessOnce()}, LOSSY, seed=seed
    )
    text = "\n".join(to_lines(run))
    assert from_lines(text) == run
    assert from_lines(text).digest() == run.digest()


names = st.text(min_size=1, max_size=5)
texts = st.text(max_size=5)
counts = st.integers(min_value=0, max_value=2**70)
whole = st.integers(min_value=-(2**70), max_value=2**70)
messages = st.builds(Message, texts, whole)
payloads = st.none() | st.one_of(
    messages,
    st.builds(Ack, texts),
    st.builds(Record, texts, whole, texts, st.none() | counts, counts, texts),
    st.builds(Frame, st.integers(0, 1), messages),
    st.builds(BitAck, st.integers(0, 1)),
    st.builds(LabelledMessage, texts, whole, texts),
)
events = st.builds(
    Event, st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
    st.sampled_from(WHAT), names, payloads, texts, counts, counts, texts,
)  # fmt: skip
traces = st.builds(
    Trace,
    st.lists(texts).map(tuple),
    st.lists(messages).map(tuple),
    st.lists(events).map(tuple),
    st.booleans(),
)


@given(traces)
def test_any_trace_comes_back(run: Trace) -> None:
    lines = list(to_lines(run))
    assert all(line.isascii() and "\n" not in line for line in lines)
    again = from_lines(lines)
    assert again == run
    assert again.digest() == run.digest()


@given(traces)
def test_where_the_audit_says_ok_the_money_is_there(run: Trace) -> None:
    found = audit(run)
    if found.verdict(EXACTLY_ONCE) == "ok":
        assert found.money_there == found.money_expected


ids = st.sampled_from(["1", "2", "3"])
records = st.builds(
    Record, ids, st.just(10), st.just("k"), st.none() | st.integers(0, 3), st.integers(0, 2),
    st.sampled_from(["", "mail"]),
)  # fmt: skip
what = st.sampled_from(
    ["sent", "confirmed", "gave_up", "failed", "aborted", "processed", "processed", "delivered",
     "expired", "drained", "killed", "timed_out"]
)  # fmt: skip
logs = st.lists(
    st.builds(
        Event, st.just(0.0), what, st.sampled_from("ab"), records, st.just(""), st.just(0),
        st.just(0), st.just(""),
    )
)  # fmt: skip
dealt = st.builds(
    Trace, st.just(("a", "b")), st.sampled_from([payments(2), payments(3), payments(2) * 2]),
    logs.map(tuple), st.booleans(),
)  # fmt: skip


@given(dealt)
def test_an_audit_contradicts_itself_nowhere(run: Trace) -> None:
    found = audit(run)
    if found.verdict(EXACTLY_ONCE) == "ok":
        assert found.money_there == found.money_expected
    assert not set(found.lost) & {*found.failed, *found.parked, *found.unread}
    assert set(found.skipped) <= {*found.lost, *found.in_doubt}
    assert set(found.lost_though_acked) <= set(found.lost)
    assert not set(found.acked) & {*found.failed, *found.in_doubt}
    assert audit(from_lines(to_lines(run))) == found


# A log of somebody else's ------------------------------------------------------------------


def test_a_log_needs_no_first_line() -> None:
    run = from_lines(SIX)
    assert run.outside
    assert run.names == ("shop", "bank", "broker")
    assert run.messages == (Message("1", 30), Message("2", 25), Message("3", 40))
    found = audit(run)
    assert (found.lost_though_acked, found.skipped) == (("2",), ("2",))
    assert (found.money_expected, found.money_there) == (95, 70)


def test_an_ack_that_is_sent_is_no_message() -> None:
    line = '{"what": "sent", "who": "bank", "id": "1", "kind": "ack"}'
    assert from_lines(line).messages == ()


def test_an_amount_is_said_once() -> None:
    said = '{"what": "sent", "who": "a", "id": "1"}\n{"what": "processed", "who": "b", %s}'
    for amount in ('"id": "1", "amount": 7', '"amount": 7, "id": "1", "group": "g"'):
        run = from_lines(said % amount)
        assert run.messages == (Message("1", 7),)
        assert audit(run).wrong_amount == ()
    assert from_lines(said % '"id": "1"').messages == (Message("1", 0),)


def test_a_payload_of_an_unknown_kind_is_read_as_a_message_or_an_ack() -> None:
    line = '{"what": "sent", "who": "a", "id": "1", "payload": ["Unheard", 1]}'
    assert from_lines(line).events[0].payload == Message("1", 0)
    assert from_lines(line.replace("}", ', "kind": "ack"}')).events[0].payload == Ack("1")


def line(**fields: object) -> str:
    return json.dumps({"what": "processed", "who": "bank", "id": "1", **fields})


WRONG = {
    "no JSON": ("{'what'", "no JSON, Expecting property name enclosed in double quotes"),
    "no object": ("[1]", r"\[1\] is no object; allowed: one JSON object"),
    "unknown event": (line(what="recieved"), "what is 'recieved'; allowed: sent, lost, "),
    "unknown field": (line(time=1), "'time' is no field; allowed: what, who, time_s, "),
    "no event": ('{"who": "bank"}', "what is missing; allowed: sent, lost, "),
    "nobody": ('{"what": "killed"}', "who is missing; allowed: text, not empty"),
    "no message": ('{"what": "expired", "who": "b"}', "id is missing; allowed: text"),
    "empty who": (line(who=""), "who is ''; allowed: text, not empty"),
    "id": (line(id=1), "id is 1; allowed: text"),
    "amount": (line(amount="ten"), "amount is 'ten'; allowed: a whole number"),
    "amount of truth": (line(amount=True), "amount is True; allowed: a whole number"),
    "time": (line(time_s="now"), "time_s is 'now'; allowed: a finite number"),
    "infinite time": (line(time_s=float("inf")), "time_s is inf; allowed: a finite number"),
    "position": (line(position=-1), "position is -1; allowed: a whole number, 0 or more"),
    "delivery": (line(delivery=1.5), "delivery is 1.5; allowed: a whole number, 0 or more"),
    "kind": (line(kind="letter"), "kind is 'letter'; allowed: message, ack"),
    "payload": (line(payload={}), "payload is {}; allowed: a list"),
    "torn payload": (line(payload=["Frame", 1]), "payload is .*; allowed: what to_lines"),
    "payload of unknown parts": (line(payload=["Frame", 1, ["Nope"]]), "payload is .*allowed"),
    "one field twice": ('{"what": "killed", "who": "a", "who": "b"}', "'who' is there twice"),
    "empty object": ("{}", "is no object"),
    "payload of another id": (line(payload=["Message", "2", 0]), "payload is Message"),
    "two first lines": ('{"format": 1}', "'format' is no field; allowed: what, "),
    "deep": ('{"a":' * 9999, "no JSON|recursion"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_line_is_named_with_what_is_allowed(wrong: str) -> None:
    text, error = WRONG[wrong]
    with pytest.raises(ValueError, match=f"^line 3: .*(?:{error})"):
        from_lines([line(), "", text])


@pytest.mark.parametrize(
    "first",
    [
        {"format": 2, "names": [], "messages": [], "outside": True},
        {"format": 1, "names": [], "messages": [], "outside": 1},
        {"format": 1, "names": [], "messages": [{"id": 1, "amount": 1}], "outside": True},
        {"format": 1, "names": [], "messages": [{"name": "1"}], "outside": True},
        {"format": 1},
        {"format": True, "names": [], "messages": [], "outside": True},
        {"format": 1, "names": [1], "messages": [], "outside": True},
        {"format": 1, "names": [], "messages": [1], "outside": True},
        {"format": 1, "names": [], "messages": [], "outside": True, "more": 1},
    ],
)
def test_a_wrong_first_line_is_named(first: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^line 1: "):
        from_lines([json.dumps(first), line()])


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        list(to_lines(Trace(("a",), (), (Event(float("nan"), "killed", "a"),))))


# The command ------------------------------------------------------------------------------


def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "delivery_semantics.audit", *arguments],
        input=text, capture_output=True, text=True,
    )  # fmt: skip


def test_the_command_prints_verdicts_findings_and_money(tmp_path: Path) -> None:
    (tmp_path / "six.jsonl").write_text(SIX)
    done = run(str(tmp_path / "six.jsonl"))
    assert (done.returncode, done.stderr) == (1, "")
    rows = [row.split(maxsplit=1) for row in done.stdout.splitlines() if row]
    assert ["at-most-once", "ok"] in rows
    assert ["at-least-once", "broken: lost 2; lost though acked 2; skipped 2"] in rows
    assert "skipped               1: 2" in done.stdout
    assert "money there           70" in done.stdout
    assert "faults                killed" in done.stdout


@pytest.mark.parametrize(
    ("semantics", "dropped", "status"),
    [
        (["at-most-once"], "", 0),
        (["at-least-once"], "", 1),
        (["at-most-once", "exactly-once"], "", 1),
        (["at-most-once"], "killed", 2),
        (["fifo"], '"3"', 2),
    ],
)
def test_the_exit_status_is_the_worst_verdict(
    semantics: list[str], dropped: str, status: int
) -> None:
    text = "\n".join(row for row in SIX.splitlines() if not dropped or dropped not in row)
    asked = [word for semantic in semantics for word in ("--semantic", semantic)]
    done = run("-", "--json", *asked, text=text)
    assert done.returncode == status
    told = json.loads(done.stdout)
    assert list(told["verdicts"]) == semantics
    assert set(FINDINGS) <= set(told["found"])
    assert set(told["money"]) == {"expected", "there"}


def test_wrong_input_is_one_line_and_status_2(tmp_path: Path) -> None:
    for text, error in ((line(id=1), "-: line 1: id is 1; allowed: text"),):
        done = run("-", text=text)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"delivery_semantics.audit: {error}\n"
    gone = run(str(tmp_path / "gone"))
    assert (gone.returncode, gone.stdout) == (2, "")
    assert "No such file" in gone.stderr
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert run(str(tmp_path / "bytes")).returncode == 2
    assert run("-", "--semantic", "twice").returncode == 2


EVENTS = line(what="sent") + "\n" + line() + "\n"


@pytest.mark.parametrize(
    "written",
    [EVENTS.encode(), EVENTS.encode("utf-8-sig"), EVENTS.replace("\n", "\r\n").encode()],
    ids=["plain", "with a mark of the byte order", "with two bytes at the end of a line"],
)
def test_a_log_is_read_whoever_wrote_it(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "log").write_bytes(written)
    with (tmp_path / "log").open("rb") as log:
        done = subprocess.run(
            [sys.executable, "-m", "delivery_semantics.audit", "-"],
            stdin=log,
            capture_output=True,
        )
    told = run(str(tmp_path / "log"))
    assert (told.stdout, told.stderr) == (done.stdout.decode(), "")
    assert "processed             1: 1" in told.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"what": "sent", "who": "a", "id": "\\ud800"}', "\\ud800"),
        (line(id="\u00fc"), "\\xfc"),
        (
            "".join(line(id=str(n), amount=int("9" * 4300)) + "\n" for n in range(2)),
            "money there           19,999",
        ),
    ],
    ids=["half a letter", "a letter that the terminal lacks", "more than 4,300 digits"],
)
def test_the_command_can_say_whatever_is_in_a_log(text: str, told: str) -> None:
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "delivery_semantics.audit", "-"],
        input=text, capture_output=True, text=True, env=ascii_only,
    )  # fmt: skip
    assert done.stderr == ""
    assert told in done.stdout


@pytest.mark.parametrize(
    ("redirected", "said"), [("<&-", "descriptor"), (">/dev/full", "space")]
)
def test_what_cannot_be_read_or_written_is_one_line(
    tmp_path: Path, redirected: str, said: str
) -> None:
    command = f"{sys.executable} -m delivery_semantics.audit - {redirected}"
    done = subprocess.run(["bash", "-c", command], input="", capture_output=True, text=True)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_lists_every_field_and_every_event() -> None:
    told = run("--help").stdout
    for name, field in FIELDS.items():
        assert f"  {name}" in told
        assert field.means in told
    for word, means in WORDS.items():
        assert f"  {word:15}{means}" in told
    assert set(LOGGED) <= set(WORDS) <= set(WHAT)
    assert "exit status: 0 if" in told


def test_the_function_stays_the_function(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text(SIX)
    monkeypatch.setattr(sys, "argv", ["audit", str(tmp_path / "log"), "--json"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("delivery_semantics.audit", run_name="__main__")
    assert ended.value.code == 1
    with pytest.raises(ImportError, match="is a command; allowed: python -m"):
        runpy.run_module("delivery_semantics.audit")
    assert delivery_semantics.audit is audit
    assert callable(audit)
