"""The relay: from the shop's outbox to the queue. A row goes when the broker has its message.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...databases import Connections
from ...idempotency import deliver_outbox
from .queue import Queue


def relay_events(connections: Connections, queue: Queue) -> int:
    """Send what is in the outbox, oldest first; return how many.

    A crash between the broker's word and the row's end sends a message again, with its id.
    """

    def send(message_id: str, kind: str, payload: Mapping[str, Any]) -> None:
        queue.send(message_id, json.dumps(payload))

    return deliver_outbox(connections, send)
