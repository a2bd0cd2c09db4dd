"""Which one fault is enough for two mails, or for none.

Book: bring-your-own
"""

from __future__ import annotations

from ... import Bounds, Exploration, explore
from ...show.diagram import sequence
from ...show.view import View
from .webhook import Mail, MailThenAck, MailWithKey, SaveAckMail, service

WEBHOOKS = {"saves, acks, mails": SaveAckMail, "acks last": MailThenAck}
MAILS = {"takes no key": Mail, "takes a key": MailWithKey}
FAULTS = {
    "a lost packet": Bounds(losses=1, duplicates=0, crashes=0),
    "a copied packet": Bounds(losses=0, duplicates=1, crashes=0),
    "a crash of the webhook": Bounds(losses=0, duplicates=0, crashes=1, crashable=("webhook",)),
}


def search(webhook: str, mail: str, fault: str) -> Exploration:
    """Search every run with at most this one fault."""
    return explore(service(WEBHOOKS[webhook](), MAILS[mail]()), FAULTS[fault])


def fault_view(*, webhook: str, mail: str, fault: str, seed: int = 1) -> View:
    """Show a shortest run to two mails or to none; where there is no such, one that is well."""
    found = search(webhook, mail, fault)
    broken = next((verdict for verdict in found.verdicts if not verdict.holds), None)
    if broken is None or broken.counterexample is None:
        trace, end = found.run(found.outcomes[0]), "always one mail"
    elif broken is found.never_more_than_once:
        trace, end = broken.counterexample, "two mails"
    else:
        trace, end = broken.counterexample, "no mail"
    sentence = f"The webhook {webhook}, the mail service {mail}. With {fault}: {end}."
    numbers = {"worlds": found.worlds, "mails in this run": sum(trace.processed().values())}
    picture = sequence(broken or trace, title=f"{fault}: {end}", totals=False)
    return View(picture, numbers, sentence)
