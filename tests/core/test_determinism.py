"""The same seed gives the same bytes: in every process, hash seed and Python."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import golden
import pytest

RUNS = """
from delivery_semantics import *
from delivery_semantics.core.dice import dice

def pair(receiver, count, **options):
    sender = RetryUntilAcked("receiver", payments(count), **options)
    return {"sender": sender, "receiver": receiver}

lossy = Faults(loss=0.3, duplication=0.2, reordering=0.2, delay_s=0.25)
crashes = (
    CrashPoint("receiver", Process, 0.2), CrashPoint("sender", Confirm, 0.1, down_s=0.7),
    Outage("receiver", at_s=3.0, down_s=2.0),
)
jittery = pair(ProcessThenAck(), 40, backoff=FullJitter(0.5, 4.0, seed=3), timeout_s=0.6)
faulty = Network(messages=lossy, acks=lossy, placed={("ack", 2): (0.1, 4.0)})
runs = {
    "dice": repr([dice(seed, "loss", Message("1"), n) for seed in (1, 2) for n in range(5)]),
    "simulated": simulate(jittery, faulty, seed=7, crashes=crashes, early_timeouts=0.1),
    "bit": simulate(
        {"sender": AlternatingBitSender("receiver", payments(20)),
         "receiver": AlternatingBitReceiver()},
        faulty,
    ),
    "scripted": script(pair(ProcessThenMark(), 1), Lose(1), Timeout("sender"), Deliver(2)),
    "audited": repr(audit(simulate(jittery, faulty, seed=8))),
    "counted": repr(simulate(jittery, faulty, seed=9).metrics()),
}
for receiver in (AckThenProcess(), MarkThenProcess(), ProcessOnce()):
    found = explore(pair(receiver, 1))
    runs[f"searched {type(receiver).__name__}"] = f"{found.worlds} {found.outcomes}"
    for verdict in (found.never_more_than_once, found.at_least_once_eventually):
        if verdict.counterexample:
            runs[f"{type(receiver).__name__}, {verdict.claim}"] = verdict.counterexample
"""
SAY = """
import hashlib
for name, run in runs.items():
    text = run if isinstance(run, str) else run.digest()
    print(name, hashlib.blake2b(text.encode(), digest_size=8).hexdigest(), sep=": ")
"""
# A logarithm may differ in its last bit between machines, so what needs one is compared between
# the processes of one machine, and not with what is stored.
LOGARITHMS = """
slow = Faults(loss=0.1, delay_s_mean=1.5, reordering=0.1)
runs["delayed"] = simulate(jittery, Network(messages=slow, acks=slow), crashes=crashes)
"""


def said(code: str, root: Path, *, python: str = sys.executable, hash_seed: str = "0") -> str:
    """What this code prints in a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(root / "src"),
        "PYTHONHASHSEED": hash_seed,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [python, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def pythons(version: str) -> Iterator[str]:
    """Where this version may be installed."""
    named = shutil.which(f"python{version}")
    if named:
        yield named
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(root.glob(f"versions/{version}.*/bin/python")))


def works(python: str) -> bool:
    """Whether it is a Python, and no launcher with nothing behind it."""
    return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


def test_every_run_has_the_stored_digest(root: Path) -> None:
    golden.check("digests.txt", said(RUNS + SAY, root))


@pytest.mark.slow
def test_hash_seeds_do_not_matter(root: Path) -> None:
    digests = {
        seed: said(RUNS + LOGARITHMS + SAY, root, hash_seed=seed) for seed in ("0", "1", "4242")
    }
    assert len(digests["0"].splitlines()) == 13
    assert len(set(digests.values())) == 1, digests


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14", "3.15"])
def test_pythons_do_not_matter(version: str, root: Path) -> None:
    if platform.python_version().startswith(f"{version}."):
        return  # this is the one that the others are compared with
    python = next(filter(works, pythons(version)), None)
    if python is None:
        pytest.skip(f"no Python {version} was found")
    code = RUNS + LOGARITHMS + SAY
    assert said(code, root, python=python, hash_seed="7") == said(code, root)
