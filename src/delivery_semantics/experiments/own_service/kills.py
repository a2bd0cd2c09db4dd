"""The webhook that acks last, as a process on SQLite, killed at each of its effects.

Book: bring-your-own
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from ... import Participant, Trace
from ...core.check import one_of
from ...live.campaign import CrashedRun, campaign, kill_campaign
from ...show.diagram import sequence
from ...show.view import View
from .faults import MAILS
from .webhook import MailThenAck, service


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


@cache
def kills(mail: str) -> dict[str, CrashedRun]:
    """Return the killed run of each place, by its number and its name.

    ``mail`` is one of ``MAILS``. Raises as ``killed_and_modelled`` does.
    """
    pairs = killed_and_modelled(service(MailThenAck(), MAILS[one_of("mail", mail, MAILS)]()))
    return {f"{n}. {killed.step}": killed for n, (killed, _) in enumerate(pairs, start=1)}


def kill_view(*, mail: str, killed: str, seed: int = 1) -> View:
    """Show the run of a webhook's process that was killed at one place."""
    found = kills(mail)
    run = found[one_of("killed", killed, found)]
    sent, place = mails(run.trace), f"{killed.split(' ', 1)[1]}"
    said = "one mail" if sent == 1 else f"{sent} mails"
    return View(
        sequence(run.trace, title=f"Killed {place}: {said}", totals=False),
        {
            "mails": sent,
            "one mail, and one only": "holds" if sent == 1 else "broken",
            "in the database": ", ".join(sorted(run.marked)) or "nothing",
        },
        f"The mail service {mail}. The process was killed {place}: {said}.",
    )
