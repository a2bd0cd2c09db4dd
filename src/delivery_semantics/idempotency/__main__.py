"""``python -m delivery_semantics.idempotency COMMAND``; ``--help`` says how.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from .check.command import add_check
from .doubts import add_commands, printable

PROGRAM = "python -m delivery_semantics.idempotency"
BAD_INPUT = 2
"""The exit status for what its user can mend; 1 is a command's own no."""
NOBODY_READS = 141
"""The exit status when whoever reads the output has left, as a shell tells of SIGPIPE (13)."""


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one command; return the exit status."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Idempotency keys at work.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (add_commands, add_check):  # with the functions that carry them out
        add(commands)
    given = parser.parse_args(words)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = int(given.run(given))
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # as for `head`: what is left is flushed to nowhere at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except (ValueError, OSError, RuntimeError) as error:
        print(f"{PROGRAM}: {printable(' '.join(str(error).split()))}", file=sys.stderr)
        return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
