"""The payments service and its card processor, each started as a program of its own.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path

from ..server import LOG, Launch, Server, found_in, started
from .command import GRACE_S

SERVICE = "delivery_semantics.systems.payments"
PROCESSOR = "delivery_semantics.systems.payments.processor"


def payments_service(
    store: str, *, port: int = 0, processor: str = ""
) -> AbstractContextManager[Server]:
    """Start the payments service over the database ``store``, with a processor's URL or none.

    Raises ServerFailed, with the line in which it says what is wrong.
    """
    more = ("--processor", processor) if processor else ()
    return _started("The payments service", SERVICE, port, store, *more)


def card_processor(
    store: str, *, port: int = 0, keys: bool = True
) -> AbstractContextManager[Server]:
    """Start a card processor over the database ``store``. Raises as ``payments_service``."""
    more = () if keys else ("--no-keys",)
    return _started("The card processor", PROCESSOR, port, store, *more)


def _started(
    name: str, module: str, port: int, store: str, *more: str
) -> AbstractContextManager[Server]:
    def prepare(folder: Path) -> Launch:
        return Launch(
            [sys.executable, "-m", module, "--port", str(port), "--store", store, *more],
            address=lambda: found_in(folder / LOG, r"^http://.*$"),
            folder=Path.cwd(),  # where a path in ``store`` begins
            patience_s=GRACE_S + 1,
        )

    return started(name, prepare)
