"""Can a customer get two mails, or none? Run it with pytest: the first of the two fails.

Book: bring-your-own
"""

from delivery_semantics import explore
from delivery_semantics.experiments.own_service.webhook import (
    MailThenAck, MailWithKey, SaveAckMail, service,
)  # fmt: skip
from delivery_semantics.show.failure import picture_of


def test_save_ack_mail() -> None:
    """The webhook as it is."""
    found = explore(service(SaveAckMail(), MailWithKey()))
    assert found, picture_of(found, "pictures")


def test_mail_then_ack() -> None:
    """The webhook as it should be."""
    found = explore(service(MailThenAck(), MailWithKey()))
    assert found, picture_of(found, "pictures")
