"""The server killed at each step of a call, or paused there and back after another one.

A second server, on the same database, is ready before the first one falls. After a kill the
connection ends, and gRPC's retryPolicy tries again. A server that is paused keeps its
connection: the client gives the call up, which gRPC does not retry, and calls again with the
same request id. When that call has ended the first server comes back, as a zombie.

Book: 14-grpc
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache, partial

from ...databases import empty_place
from ...show.diagram import sequence
from ...show.picture import Picture
from ...show.strips import boundary, breaks_of, kill_strip, track
from ...show.view import View
from ...systems.cut import Cut
from ...systems.grpc.client import PaymentsClient, connected
from ...systems.grpc.frames import HTTP2Frame, HTTP2Framing, numbering
from ...systems.grpc.killable import KillablePayments
from ...systems.grpc.request_id import REQUEST_ID, WithRequestId
from ...systems.grpc.service import money_paid
from ...systems.lab import FAULTS as AT_A_STEP
from ...systems.lab import KILLED, Ending
from .faults import SERVERS
from .lab import PAYMENT, config
from .log import CLIENT, SERVER, CallLog

PLACES = {
    "forgets": {"received": "before Pay", "done": "before Reply"},
    "remembers request ids": {
        "arrived": "before Once", "received": "inside Once, before Pay",
        "processed": "inside Once, before Keep reply", "done": "before Reply",
    },
}  # fmt: skip
"""For each server, the steps that it announces, and where they stand in what it does."""

BEFORE = {
    "before it pays": {"forgets": "before Pay", "remembers request ids": "before Once"},
    "before it replies": dict.fromkeys(SERVERS, "before Reply"),
}
"""Where a server can be both killed and paused, in words and by its steps."""

SAME_ID = ((REQUEST_ID, "one payment"),)


def steps(fault: str, server: str) -> list[str]:
    """Return the steps at which a server can be killed or paused.

    One that is paused within its transaction has all others wait for its database, so that
    nothing is to be seen.
    """
    places = PLACES[server].items()
    return [step for step, at in places if fault == KILLED or not at.startswith("inside")]


def endings(fault: str, server: str) -> list[Ending]:
    """Return how each run ended, with this fault at each step."""
    return [ended(fault, step, server) for step in steps(fault, server)]


@cache
def ended(fault: str, step: str, server: str) -> Ending:
    """Kill or pause a server at a step of the first attempt, and let the client try again."""
    once = SERVERS[server]
    log, number = CallLog(PAYMENT, once=once), numbering()
    with ExitStack() as stack:
        url = stack.enter_context(empty_place())
        first = stack.enter_context(KillablePayments(url, once=once))
        second = stack.enter_context(KillablePayments(url, once=once))
        framing = partial(HTTP2Framing, number)
        proxy = stack.enter_context(Cut(first.address, framing, tell=log.frame))
        client = stack.enter_context(
            connected(proxy.address, [WithRequestId()], config=config(4))
        )
        run = _Run(log, first, second, proxy, client)
        run.killed(step) if fault == KILLED else run.paused(step)
        money = money_paid(url)
    trace = log.trace()
    return Ending(fault, PLACES[server][step], PAYMENT.id, trace, money, PAYMENT.amount)


class _Run:
    """One call, and the two servers that it may meet."""

    def __init__(
        self, log: CallLog, first: KillablePayments, second: KillablePayments,
        proxy: Cut[HTTP2Frame], client: PaymentsClient,
    ) -> None:  # fmt: skip
        self._log, self._first, self._second = log, first, second
        self._proxy, self._client = proxy, client

    def killed(self, step: str) -> None:
        """Kill the first server at a step; gRPC tries again, and finds the second one."""
        call = self._client.begin(PAYMENT)
        self._go_on(self._first, step)
        self._proxy.target = self._second.address
        self._log.note("crashed", SERVER, note=f"at “{step}”")
        self._first.kill()
        self._go_on(self._second, "")
        self._log.ended(call.code().name)

    def paused(self, step: str) -> None:
        """Pause the first server at a step; the client calls again, and then it comes back."""
        call = self._client.begin(PAYMENT, metadata=SAME_ID)
        self._go_on(self._first, step)
        self._log.note("paused", SERVER)
        self._first.pause()
        self._proxy.target = self._second.address
        call.cancel()
        self._log.note("timed_out", CLIENT)
        with connected(self._proxy.address, account=self._client.account) as again:
            call = again.begin(PAYMENT, metadata=SAME_ID)
            self._go_on(self._second, "")
            self._log.ended(call.code().name)
        self._log.note("resumed", SERVER)
        self._first.resume()
        self._go_on(self._first, "", begun=step)

    def _go_on(self, server: KillablePayments, step: str, *, begun: str = "") -> None:
        """Let a server go on until it stands at a step, or, for "", to the end of the call."""
        now = begun
        while now != (step or "done"):
            now = str(server.next())
            self._log.step(now)
        if not step:
            server.let_go()


def fallen(fault: str, place: str, server: str) -> Ending:
    """Return the run with this fault at one of ``BEFORE``, outside any transaction."""
    return {end.step: end for end in endings(fault, server)}[BEFORE[place][server]]


def kill_view(*, server: str, fault: str, place: str, seed: int = 1) -> View:
    """Show what one fault at each step came to, for one server, and one run of them."""
    ends, ended = endings(fault, server), fallen(fault, place, server)
    wrong = [end for end in ends if end.money != end.expected]
    at = f": {', '.join(end.step for end in wrong)}" if wrong else ""
    return View(
        (
            kill_strip({server: ends}, title=f"Each step at which it is {fault}"),
            sequence(ended.trace, title=f"{fault.capitalize()} {ended.step}: what happened"),
        ),
        {"money expected": ended.expected, "money there": ended.money},
        f"The server {server}, and is {fault} {ended.step}: {ended.money} are paid. At "
        f"{len(wrong)} of its {len(ends)} steps the money is wrong{at}.",
    )


def boundary_picture() -> Picture:
    """Draw what one commit holds in each server, and what breaks at its edges."""
    return boundary(
        {server: track(end.step for end in endings(KILLED, server)) for server in SERVERS},
        breaks={
            server: [each for fault in AT_A_STEP for each in breaks_of(endings(fault, server))]
            for server in SERVERS
        },
        title="What one commit holds in the server, and where the rest breaks",
    )
