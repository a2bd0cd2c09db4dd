"""The payments service as a program, started in a process of its own.

    python -m delivery_semantics.systems.grpc.server --store sqlite:///FILE [--once]

It prints its address and serves until it is ended. ``GRPC_TARGET`` names another one, which has
to serve the same service.

Book: 14-grpc
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path

from ...databases import Connections, DatabaseRefused
from ..server import LOG, Launch, address, found_in
from .interceptor import OncePerRequest
from .service import Payments, listening

NAME = "gRPC"
VARIABLE = "GRPC_TARGET"
ADDRESS = r"^127\.0\.0\.1:\d+$"


def prepare(folder: Path, *, once: bool = False) -> Launch:
    """Return how the service is started in ``folder``, on a SQLite database there.

    ``once``: with the interceptor that carries each request id out once.
    """
    store = f"sqlite:///{(folder / 'payments.db').as_posix()}"
    return Launch(
        command=[sys.executable, "-m", f"{__package__}.server", "--store", store,
                 *(["--once"] if once else [])],
        address=lambda: found_in(folder / LOG, ADDRESS),
    )  # fmt: skip


def running(*, once: bool = False) -> AbstractContextManager[str]:
    """Yield where the service answers, HOST:PORT. Raises ServerFailed if it does not start."""
    return address(NAME, partial(prepare, once=once), variable=VARIABLE)


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit status: 0 when ended, 2 for what it cannot work with."""
    asked = _parser().parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        with (
            closing(Connections(asked.store)) as connections,
            listening(
                Payments(connections),
                [OncePerRequest(connections, clock=time.time)] if asked.once else [],
                port=asked.port,
            ) as where,
        ):
            print(where, flush=True)
            ended.wait()
    except (ValueError, RuntimeError, DatabaseRefused) as error:
        print(f"grpc server: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="grpc server", description=str(__doc__).partition("\n")[0]
    )
    parser.add_argument("--store", required=True, help="sqlite:///FILE or postgresql://…")
    parser.add_argument("--once", action="store_true", help="carry each request id out once")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
