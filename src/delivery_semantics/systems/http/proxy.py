"""A network in the middle that loses exactly what it is told to lose.

A real proxy on loopback: a client talks to it over a socket, and it talks to the service over
another. Whether a request or a reply is lost looks the same to the client, a connection that
ends with no answer; only one of the two leaves an effect behind.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

from ...core.check import at_least
from ..cut import Cut
from ..frames import FrameName
from .framing import HTTPFraming, Passed

WAYS = ("request", "reply")
FATES = ("forwarded", "lost", "cut", "refused", "missing")
SCHEME = "http://"


class Proxy(Cut[Passed]):
    """Passes requests on to ``target`` (http://HOST:PORT), and the replies back; see `Cut`.

    What is in ``lose`` is lost: a request is not forwarded, a reply is discarded, and in both
    cases the client's connection is cut. Of what is in ``cut`` so many bytes pass before that.
    What is in ``hold`` waits until it is released. ``log`` tells what passed, and ``tell`` is
    called with each entry, as soon as it is decided. Requests are numbered from 1 in the order
    in which they come; a reply has the number of its request. Use it as a context manager.
    Raises ValueError for a name that is none.
    """

    def __init__(
        self,
        target: str,
        *,
        lose: Iterable[FrameName] = (),
        cut: Mapping[FrameName, int] | None = None,
        hold: Iterable[FrameName] = (),
        tell: Callable[[Passed], object] = lambda passed: None,
    ) -> None:
        numbers = itertools.count(1)
        self._log: list[Passed] = []
        super().__init__(
            target,
            lambda: HTTPFraming(lambda name: next(numbers)),
            cut={_checked("lose", name): 0 for name in lose}
            | {_checked("cut", name): count for name, count in (cut or {}).items()},
            hold=[_checked("hold", name) for name in hold],
            tell=lambda passed, fate: self._write(passed._replace(fate=fate), tell),
        )

    @property
    def url(self) -> str:
        """Where the proxy listens, http://HOST:PORT."""
        return f"{SCHEME}{self.address}"

    @property
    def log(self) -> tuple[Passed, ...]:
        """What became of each request and reply, in the order in which it was decided.

        A request is "refused" where nobody listens at the target; a reply is "missing" where
        the target ended the connection without one, or within it.
        """
        with self.changed:
            return tuple(self._log)

    def lose(self, *names: FrameName) -> None:
        """Lose these as well. Raises ValueError for a name that is none."""
        for name in names:
            self.cut(_checked("lose", name))

    def _write(self, passed: Passed, tell: Callable[[Passed], object]) -> None:
        self._log.append(passed)
        tell(passed)


def _checked(parameter: str, name: FrameName) -> FrameName:
    way, number = name
    if way not in WAYS:
        raise ValueError(f"{parameter}: {way!r} is no way; allowed: {', '.join(WAYS)}")
    at_least(f"{parameter}: number of the {way}", number, 1)
    return name
