"""Where SQS answers: what ``AWS_ENDPOINT_URL_SQS`` names, or an emulator of this book's own.

It is boto3's own variable. ``https://sqs.REGION.amazonaws.com`` is AWS itself, reached with the
credentials that boto3 finds in its usual places; that costs money, so credentials alone are no
reason to go there. Without the variable ministack is started, on loopback, with a clock that
does as it is told: see ``emulator``.

Book: 13-aws-sqs
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.check import not_negative
from ..http.client import Request, ask
from ..server import LOG, Launch, ServerMissing, address, found_in
from . import emulator

NAME = "SQS"
VARIABLE = "AWS_ENDPOINT_URL_SQS"
EMULATOR = "ministack"
HOW_TO_GET_IT = (
    "no SQS found: pip install ministack brings an emulator; or name a running one, or AWS, in "
    f"{VARIABLE}=https://sqs.REGION.amazonaws.com"
)


@contextmanager
def running() -> Iterator[str]:
    """Yield the URL at which SQS answers.

    Raises ServerMissing, and ServerFailed with the server's own words if it does not start.
    """
    with address(NAME, prepare, variable=VARIABLE) as url:
        yield url


def prepare(folder: Path) -> Launch:
    """Return how the emulator is started in ``folder``. Raises ServerMissing."""
    if importlib.util.find_spec(EMULATOR) is None:
        raise ServerMissing(HOW_TO_GET_IT)
    return Launch(
        command=[sys.executable, "-m", emulator.__name__],
        address=lambda: found_in(folder / LOG, r"^http://[\d.]+:\d+$"),
    )


def is_aws(url: str) -> bool:
    """Tell whether requests go out to AWS: no emulator of this book speaks TLS."""
    return url.startswith("https://")


def pass_time(url: str, seconds: float) -> None:
    """Let ``seconds`` pass for a server: at once where its clock is ours, else by waiting.

    Raises ValueError for a number that is negative or not finite.
    """
    not_negative("seconds", seconds)
    if is_aws(url) or not _ours(url, seconds):
        time.sleep(seconds)


def _ours(url: str, seconds: float) -> bool:
    reply = ask(url, Request("POST", emulator.CLOCK, body=f"{seconds}".encode()))
    return reply.status == 200 and b"passed_s" in reply.body
