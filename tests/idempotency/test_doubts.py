"""The keys that somebody has to look into: listed, shown, settled and swept by a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from delivery_semantics.databases import Connections
from delivery_semantics.idempotency import (
    IETF_DRAFT,
    Claim,
    KeptAnswer,
    KeyName,
    KeyStore,
    Refusal,
    __main__,
    doubts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = Callable[..., tuple[int, Any]]

REQUEST = b"f" * 32
SETTLED = ("settle", "alice", "k-doubt", "--status")
TYPED = (*SETTLED, "201", "--body", "x", "--content-type")
SETTLE = ("--by", "ann", "--why", "the bank has no such charge")


@pytest.fixture
def keys(url: str) -> Iterator[KeyStore]:
    """A store with a key in each state: k-doubt had got to "charged" before it failed."""
    now = {"s": time.time() - 3600.0}
    with closing(Connections(url)) as connections:
        store = KeyStore(connections, clock=lambda: now["s"], lease_s=60.0)
        claims = {}
        for state in ("doubt", "broke", "finished", "released", "old"):
            claims[state] = claimed(store, f"k-{state}")
        with claims["doubt"].phase() as phase:
            phase.recover_at("charged", {"charge": 7})
        store.finish(claims["doubt"], IETF_DRAFT.refuse(Refusal.IN_DOUBT), in_doubt=True)
        store.finish(claims["finished"], KeptAnswer(201, (), b"{}"))
        store.release(claims["released"])
        store.release(claims["old"])
        connections.here().change(
            "UPDATE idempotency_keys SET expires_s = 1 WHERE key = 'k-old'"
        )
        now["s"] = time.time()
        claimed(store, "k-used")
        yield store
        store.close()


def claimed(store: KeyStore, key: str) -> Claim:
    claim = store.claim(KeyName("alice", "", key), REQUEST)
    assert isinstance(claim, Claim)
    return claim


@pytest.fixture
def command(url: str, capsys: pytest.CaptureFixture[str], keys: KeyStore) -> Command:
    """Runs a command with --json: its exit status, and what it printed."""

    def run(name: str, *words: str) -> tuple[int, Any]:
        status = __main__.main([name, url, *words, "--json"])
        out = capsys.readouterr()
        return status, json.loads(out.out) if out.out else out.err

    return run


def test_the_list_has_what_nobody_will_end_by_itself(command: Command) -> None:
    status, told = command("list")
    assert status == 0
    assert {row["key"]: row["state"] for row in told} == {
        "k-doubt": "in doubt",
        "k-broke": "broke off",
    }
    assert {row["key"]: row["state"] for row in command("list", "--all")[1]} == {
        "k-doubt": "in doubt", "k-broke": "broke off", "k-finished": "finished",
        "k-released": "released", "k-old": "released", "k-used": "in use",
    }  # fmt: skip


def test_the_list_says_where_it_ends_and_counts_what_is_open_alone(
    url: str,
    capsys: pytest.CaptureFixture[str],
    keys: KeyStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        doubts, "AT_ONCE_MAX", 2
    )  # of which k-old, which expires first, is none
    assert __main__.main(["list", url, "--json"]) == 0
    told = capsys.readouterr()
    assert {row["key"] for row in json.loads(told.out)} == {"k-doubt", "k-broke"}
    assert told.err == "the first 2; there may be more\n"


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_mistyped_name_is_said_and_no_database_is_made_of_it(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main(["list", url]) == 2
    said = capsys.readouterr().err
    file = url.removeprefix("sqlite:///")
    assert f"there is no file {file}" in said
    assert not Path(file).exists()


@pytest.mark.parametrize("key", ["k-doubt", "k-broke"])
def test_a_settled_key_answers_as_settled_and_its_line_stays(
    command: Command, keys: KeyStore, key: str
) -> None:
    answer = ("--status", "201", "--body", '{"id": 7}')
    status, line = command("settle", "alice", key, *answer, *SETTLE)
    assert (status, line["by"], line["became"]) == (0, "ann", "answers 201")
    kept = KeptAnswer(201, (("content-type", "application/json"),), b'{"id": 7}')
    assert keys.claim(KeyName("alice", "", key), REQUEST) == kept
    told = command("show", "alice", key)[1]
    assert (told["state"], told["body"]) == ("finished", '{"id": 7}')
    assert [each["why"] for each in told["audit"]] == ["the bank has no such charge"]
    assert key not in {row["key"] for row in command("list")[1]}


@pytest.mark.parametrize(
    ("key", "point", "data"),
    [("k-doubt", "charged", {"charge": 7}), ("k-broke", "started", {})],
)
def test_a_key_without_an_answer_goes_on_where_it_had_got_to(
    command: Command, keys: KeyStore, key: str, point: str, data: dict[str, int]
) -> None:
    assert command("show", "alice", key)[1]["recovery point"] == point
    assert command("settle", "alice", key, *SETTLE)[0] == 0
    claim = claimed(keys, key)
    assert (claim.recovery_point, claim.data, claim.broke_off) == (point, data, False)


def test_who_held_a_settled_key_can_write_nothing_any_more(
    command: Command, keys: KeyStore
) -> None:
    name = KeyName("alice", "", "k-late")
    keys.lease_s = 1e-6  # over at once
    late = claimed(keys, name.key)
    assert command("settle", "alice", name.key, "--status", "200", *SETTLE)[0] == 0
    with pytest.raises(RuntimeError, match="not the key's any more"):
        keys.finish(late, KeptAnswer(500, (), b""))
    assert not keys.renew(late)


@pytest.mark.parametrize("state", ["finished", "released", "used"])
def test_a_key_that_is_not_open_is_not_settled(command: Command, state: str) -> None:
    before = command("show", "alice", f"k-{state}")
    status, words = command("settle", "alice", f"k-{state}", "--status", "200", *SETTLE)
    assert status == 2
    assert "allowed: in doubt, broke off" in words
    assert command("show", "alice", f"k-{state}") == before


@pytest.mark.parametrize(
    "words",
    [
        ("settle", "alice", "k-doubt", "--status", "200", *SETTLE, "--dry-run"),
        ("sweep", "--dry-run"),
    ],
)
def test_a_dry_run_changes_nothing(command: Command, words: tuple[str, ...]) -> None:
    before = command("list", "--all")
    assert command(*words)[0] == 0
    assert command("list", "--all") == before


def test_a_sweep_deletes_what_has_expired(command: Command) -> None:
    assert command("sweep", "--dry-run")[1] == [{"expired": 1, "swept": 0}]
    assert command("sweep")[1] == [{"expired": 1, "swept": 1}]
    assert "k-old" not in {row["key"] for row in command("list", "--all")[1]}


def test_the_line_and_the_settlement_are_one_transaction(
    command: Command, keys: KeyStore
) -> None:
    database = keys.connections.here()
    doubts.AUDIT.ensure(database)
    database.rows("DROP TABLE idempotency_audit")
    name = KeyName("alice", "", "k-doubt")
    with pytest.raises(RuntimeError):
        doubts.settle(database, name, KeptAnswer(200, (), b""), by="ann", why="seen", now_s=0.0)
    assert {row["key"]: row["state"] for row in command("list")[1]}["k-doubt"] == "in doubt"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("show", "alice", "k-none"), "of which there are 0"),
        (("settle", "alice", "k-doubt", "--body", "x", *SETTLE), "--body without --status"),
        (("settle", "alice", "k-doubt", "--status", "99", *SETTLE), "allowed: 200 to 599"),
        ((*SETTLED, "204", "--body", "x", *SETTLE), "status is 204, with a body; allowed:"),
        ((*SETTLED, "205", "--body", "x", *SETTLE), "status is 205, with a body; allowed:"),
        ((*SETTLED, "304", "--body", "x", *SETTLE), "status is 304, with a body; allowed:"),
        ((*TYPED, "a\r\nb: c", *SETTLE), r"content-type is 'a\r\nb: c'; allowed: one line"),
        ((*TYPED, "text/\u20ac", *SETTLE), "content-type is 'text/\u20ac'; allowed: one line"),
        ((*TYPED, "", *SETTLE), "--content-type is ''; allowed: one such"),
        ((*TYPED, " ", *SETTLE), "--content-type is ' '; allowed: one such"),
        ((*SETTLED, "200", "--content-type", "a/b", *SETTLE), "--content-type without --body"),
        (("settle", "alice", "k-doubt", "--content-type", "a/b", *SETTLE), "without --body"),
        ((*SETTLED, "200", "--by", "", "--why", "seen"), "by is ''; allowed: words"),
        ((*SETTLED, "200", "--by", "ann", "--why", " "), "why is ' '; allowed: words"),
    ],
)
def test_what_cannot_be_meant_is_said(
    command: Command, words: tuple[str, ...], why: str
) -> None:
    before = command("list", "--all")
    for more in ((), ("--dry-run",)) if words[0] == "settle" else ((),):
        status, said = command(*words, *more)
        assert status == 2
        assert why in said
    assert command("list", "--all") == before


def test_a_table_shows_no_control_character(
    url: str, capsys: pytest.CaptureFixture[str], keys: KeyStore
) -> None:
    claim = keys.claim(KeyName("eve\x1b[2J", "", "k"), REQUEST)
    assert isinstance(claim, Claim)
    assert __main__.main(["list", url, "--all"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["account", "endpoint", "key", "state"]
    assert len(rows) == 7
    assert "\x1b" not in "".join(rows)


def test_a_key_that_is_kept_for_ages_is_told_of(
    url: str, command: Command, keys: KeyStore, capsys: pytest.CaptureFixture[str]
) -> None:
    change = "UPDATE idempotency_keys SET expires_s = ? WHERE key = 'k-doubt'"
    for expires_s, told in (
        (253_402_300_799.0, "9999-12-31T23:59:59+00:00"),
        (253_402_300_800.0, "after the year 9999"),
        (1e300, "after the year 9999"),
    ):
        keys.connections.here().change(change, (expires_s,))
        assert command("show", "alice", "k-doubt")[1]["expires"] == told
        assert __main__.main(["list", url]) == 0
        assert told in capsys.readouterr().out


def test_two_headers_of_one_name_are_shown(command: Command, keys: KeyStore) -> None:
    links = (("link", "</a>"), ("link", "</b>"))
    keys.finish(claimed(keys, "k"), KeptAnswer(200, links, b""))
    assert command("show", "alice", "k")[1]["headers"] == [list(link) for link in links]


PROGRAM = (sys.executable, "-m", "delivery_semantics.idempotency")


def test_who_reads_no_further_is_told_nothing(url: str, keys: KeyStore) -> None:
    read, write = os.pipe()
    os.close(read)
    for words in (["list", url], ["list", url, "--json"], ["sweep", url]):
        done = subprocess.run([*PROGRAM, *words], stdout=write, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (141, b"")
    os.close(write)


def test_a_terminal_that_takes_ascii_alone_gets_escapes(url: str, keys: KeyStore) -> None:
    claimed(keys, "k-\u20ac")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*PROGRAM, "list", url, "--all"], env=environment, capture_output=True, check=True
    )
    assert rb"k-\u20ac" in done.stdout
