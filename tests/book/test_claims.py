"""Every claim has a verdict and a link, and every link lands on a cell that shows something."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
CLAIM = re.compile(r"^(C\d+)\. (.+)\n: \*\*(.+?)\*\*.* Shown: (.+)\.$", re.MULTILINE)
CLAIMS = CLAIM.findall((ROOT / "claims.md").read_text(encoding="utf-8"))
VERDICTS = ("Holds", "Holds if", "Does not hold")
IN_WORDS = {"claim-c13", "claim-c19", "claim-c20", "claim-c21"}
"""Targets whose claim is about vendors or transports: cited with their sources, not run."""


def shown() -> dict[str, bool]:
    """Return each target of the chapters, and whether its section shows a run or the code."""
    found: dict[str, bool] = {}
    for path in [ROOT / "index.ipynb", *sorted((ROOT / "chapters").glob("*.ipynb"))]:
        section: list[str] = []
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                if re.search(r"^#{1,3} ", cell.source, re.MULTILINE):
                    section = []
                targets = re.findall(r"^\(([\w-]+)\)=$", cell.source, re.MULTILINE)
                section += targets
                found |= dict.fromkeys(targets, False)
            shows = cell.get("outputs") or "{literalinclude}" in cell.source
            if shows or any(found[target] for target in section):
                found |= dict.fromkeys(section, True)
    return found


def test_the_claims_are_the_documents_in_its_order() -> None:
    assert [claim for claim, *_ in CLAIMS] == [f"C{n}" for n in range(1, 62)]


@pytest.mark.parametrize(("claim", "says", "verdict", "where"), CLAIMS)
def test_a_claim_has_a_verdict_and_lands_where_it_is_shown(
    claim: str, says: str, verdict: str, where: str
) -> None:
    assert verdict in VERDICTS, claim
    assert says.endswith(".")
    targets = re.findall(r"\{ref\}`[^`<]+<([\w-]+)>`", where)
    assert targets, claim
    sections = shown()
    for target in targets:
        assert target in sections, f"{claim} links to {target}, which no chapter has"
        assert sections[target] or target in IN_WORDS, f"{target} shows no output"
