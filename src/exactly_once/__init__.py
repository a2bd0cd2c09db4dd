"""Message delivery that can be run: scripted, simulated, searched and live."""

from __future__ import annotations

__version__ = "0.1.0"
