"""What a failing test shows of a search: every broken claim in words, steps and a file."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from delivery_semantics import (
    Exploration,
    Participant,
    Passive,
    ProcessOnce,
    ProcessThenAck,
    RetryUntilAcked,
    explore,
    payments,
)
from delivery_semantics.core.steps import describe
from delivery_semantics.show.failure import picture_of


def searched(receiver: Participant) -> Exploration:
    return explore({"sender": RetryUntilAcked("receiver", payments(1)), "receiver": receiver})


def test_each_broken_claim_has_its_steps_its_sentences_and_its_picture(tmp_path: Path) -> None:
    never_crashed = {"never crashed": lambda world: world.is_down("receiver")}
    participants: dict[str, Participant] = {
        "sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessThenAck(),
    }  # fmt: skip
    found = explore(participants, never=never_crashed)
    told = picture_of(found, tmp_path / "a" / "b")
    broken = [verdict for verdict in found.verdicts if not verdict.holds]
    assert len(broken) >= 2
    files = sorted((tmp_path / "a" / "b").iterdir())
    assert len(files) == len(broken)
    one_line = " ".join(told.split())
    for verdict in broken:
        assert ", ".join(map(describe, verdict.steps)) in one_line
    for file in files:
        assert f"Drawn in {file.as_posix()}" in told
        _, description = list(ElementTree.fromstring(file.read_text("utf-8")))[:2]
        assert description.text is not None
        assert description.text in one_line
    assert max(map(len, told.splitlines())) <= max(80, len(f"Drawn in {files[0]}") + 20)


def test_a_second_run_writes_the_same_bytes_in_the_same_place(tmp_path: Path) -> None:
    found = searched(ProcessThenAck())
    told = picture_of(found, tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert picture_of(found, tmp_path) == told
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_run_that_goes_round_for_ever_is_told_and_drawn_as_one(tmp_path: Path) -> None:
    told = picture_of(searched(Passive()), tmp_path)
    assert "From here on it repeats for ever:" in told
    assert ">again and again<" in next(tmp_path.iterdir()).read_text("utf-8")


def test_nothing_is_written_of_what_holds(tmp_path: Path) -> None:
    told = picture_of(searched(ProcessOnce()), tmp_path / "pictures")
    assert "Drawn" not in told
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("")
    with pytest.raises(OSError, match="pictures"):
        picture_of(searched(ProcessThenAck()), tmp_path / "pictures")
