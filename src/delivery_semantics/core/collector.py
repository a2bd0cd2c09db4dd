"""Long runs without the garbage collector's interruptions.

A search and a simulation make many small objects, keep most of them, and tie none of them into
cycles. The collector would walk them again and again and find nothing.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Pause the collection of cycles; afterwards it is as it was, also after an error."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
