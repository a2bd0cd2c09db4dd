"""Where what is fetched once is kept: the jars of Kafka, a root with RabbitMQ.

Book: 10-real-world-systems
"""

from __future__ import annotations

import os
from pathlib import Path


def cache(name: str) -> Path:
    """Return the folder of this name in the user's cache; it need not be there yet.

    Source: XDG Base Directory Specification 0.8, $XDG_CACHE_HOME.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "delivery-semantics" / name
