"""What a wrong answer is."""

from __future__ import annotations

Wrong = tuple[str, str | tuple[str, str]]
"""The name of a hint, and the code; a pair (old, new) is the solution with a part changed."""
