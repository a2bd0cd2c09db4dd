"""What one commit holds, for each consumer, and where a kill or a pause breaks the rest.

Book: 13-aws-sqs
"""

from __future__ import annotations

from ...show.picture import Picture
from ...show.strips import boundary, breaks_of, track
from ...systems.lab import KILLED, PAUSED
from .kills import RECEIVERS, all_endings

SHOWN = {KILLED: "", PAUSED: "#a-consumer-that-comes-back"}
"""Where the chapter shows the runs with each fault, if that is not beside the picture."""


def boundary_picture() -> Picture:
    """Draw each consumer's steps, from its runs, and at their edges what breaks it."""
    ends = all_endings()
    return boundary(
        {name: track(one.step for one in ends[name, KILLED]) for name in RECEIVERS},
        breaks={
            name: [
                one
                for fault, to in SHOWN.items()
                for one in breaks_of(ends[name, fault], to=to)
            ]
            for name in RECEIVERS
        },
        title="What one commit holds, and where the rest breaks",
    )
