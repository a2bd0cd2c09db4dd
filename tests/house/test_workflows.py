"""The workflow on GitHub: it keeps a linter's rules, may do little, and tests each end."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import wheels
import yaml
from left_out import left_out
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = (ROOT / ".github" / "workflows" / "book.yml").read_text()
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = wheels.pythons()


def faults(workflows: Path) -> str:
    """What the linter finds in a folder of workflows, "" if nothing; it asks no other host."""
    linter = Path(sys.executable).with_name("zizmor")
    strict = ("--pedantic", "--strict-collection", "--offline", "--no-config")
    done = subprocess.run(
        [linter, *strict, "--quiet", "--no-progress", workflows], capture_output=True, text=True
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_the_linter_finds_nothing() -> None:
    assert faults(ROOT / ".github" / "workflows") == ""


@pytest.mark.parametrize(
    ("right", "wrong", "found"),
    [
        ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "@main", "unpinned-uses"),
        ("persist-credentials: false", "fetch-depth: 0", "artipacked"),
        ("bash .ci/run", "bash .ci/run ${{ github.head_ref }}", "template-injection"),
        ("permissions:\n  contents: read", "permissions: write-all", "excessive-permissions"),
        ("runs-on", "runs-in", "runs-in"),
    ],
)
def test_the_linter_finds_what_is_wrong(
    tmp_path: Path, right: str, wrong: str, found: str
) -> None:
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    assert right in WORKFLOW
    (workflows / "book.yml").write_text(WORKFLOW.replace(right, wrong))
    assert found in faults(workflows)


def test_every_job_ends_also_when_it_hangs() -> None:
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    assert [name for name, job in jobs.items() if "timeout-minutes" not in job] == []


def test_every_action_is_pinned_by_its_full_hash_and_says_its_version() -> None:
    used = re.findall(r"uses: *(.*)", WORKFLOW)
    assert used
    for line in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_the_workflow_may_write_only_where_it_publishes() -> None:
    workflow = yaml.safe_load(WORKFLOW)
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    assert [name for name, job in jobs.items() if "permissions" in job] == ["publish"]
    assert jobs["publish"]["permissions"] == {"pages": "write", "id-token": "write"}


def test_the_workflow_tests_the_oldest_and_the_newest_python_and_publishes_a_whole_run() -> (
    None
):
    whole = [python for python in PYTHONS if not left_out({"python_version": python})]
    matrix = yaml.safe_load(WORKFLOW)["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert matrix == sorted({PYTHONS[0], whole[-1], PYTHONS[-1]})
    assert re.findall(r"matrix\.python == '(.*?)'", WORKFLOW) == [whole[-1]]
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert PYTHONS[0] in allowed
    assert f"3.{int(PYTHONS[0][2:]) - 1}" not in allowed
