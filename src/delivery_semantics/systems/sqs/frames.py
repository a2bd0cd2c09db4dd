"""A proxy between boto3 and SQS that knows SQS's actions by their names.

SQS speaks HTTP/1.1, and a header says which action a request asks for. So ("SendMessage", 2) is
the second request to send, and ("SendMessage reply", 2) what SQS answers to it.
Source: Amazon SQS Developer Guide, "Making HTTP requests … using the AWS JSON protocol".

Book: 13-aws-sqs
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import h11

from ..cut import Cut
from ..frames import FrameName, counting
from ..http.framing import HTTPFraming, Passed
from .server import is_aws

TARGET = b"x-amz-target"
OTHER = "other"
"""What is no action of SQS: the order to the emulator's clock."""


class SQSFraming(HTTPFraming):
    """The requests and replies of one connection to SQS."""

    def names(self, request: h11.Request) -> tuple[str, str]:
        """Return the action, as SQS names it, and the reply to it."""
        targets = [value for name, value in request.headers if name == TARGET]
        action = targets[0].decode("latin-1").rpartition(".")[2] if targets else OTHER
        return action, f"{action} reply"


def between(
    url: str,
    *,
    lose: Iterable[FrameName] = (),
    hold: Iterable[FrameName] = (),
    tell: Callable[[Passed], object] = lambda passed: None,
) -> Cut[Passed]:
    """Return a proxy in front of the SQS at ``url``; a client is given its ``address``.

    With what is in ``lose`` the client's connection is cut, before anything of it passes.
    Raises ValueError for a connection to AWS: it is encrypted, and nobody in between can read.
    """
    if is_aws(url):
        raise ValueError(f"url is {url}; allowed: http://, which can be read on its way")
    return Cut(
        url,
        partial(SQSFraming, counting()),
        cut=dict.fromkeys(lose, 0),
        hold=hold,
        tell=lambda passed, fate: tell(passed._replace(fate=fate)),
    )
