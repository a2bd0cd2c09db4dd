"""The webhook as a process on SQLite, killed at each of its effects.

Book: bring-your-own
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from ... import Participant, Trace
from ...live.campaign import CrashedRun, campaign, kill_campaign


def killed_and_modelled(
    participants: Mapping[str, Participant],
) -> list[tuple[CrashedRun, CrashedRun]]:
    """Kill the webhook's process at each effect, in a run each; crash the model there as well.

    Raises Divergence where the process, or its database, differs from the model.
    """
    with TemporaryDirectory() as folder:
        stores = (f"sqlite:///{Path(folder).as_posix()}/{number}.db" for number in count())
        killed = kill_campaign(participants, stores, who="webhook")
    return list(zip(killed, campaign(participants, who="webhook"), strict=True))


def mails(trace: Trace) -> int:
    """Return how many mails went out."""
    return sum(trace.processed().values())
