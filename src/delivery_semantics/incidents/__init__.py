"""Duplicates and losses that were reported in the open, each as a model of a few lines.

Book: incidents
"""

from __future__ import annotations

from collections.abc import Mapping

from .incident import Incident
from .queues import QUEUES
from .requests import REQUESTS
from .rows import ROWS
from .streams import STREAMS

__all__ = ["INCIDENTS", "Incident"]

INCIDENTS: Mapping[str, Incident] = {**QUEUES, **STREAMS, **REQUESTS, **ROWS}
"""All incidents of the page, by name, in its order."""
