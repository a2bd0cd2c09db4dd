"""What a handler holds while it carries out a request: a claim on its key, and phases.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Concatenate, ParamSpec, Protocol

from starlette.responses import Response

from ..databases import Database
from . import table
from .blocks import Block, Waiting
from .kept import USUAL, Keeping, KeptAnswer
from .lanes import Result
from .outbox import leave_in_outbox
from .table import FINISHED, STARTED, KeyName, KeyRow

Given = ParamSpec("Given")


class LeaseLost(RuntimeError):
    """Another attempt holds the key by now; what this one did in its phase is rolled back."""


class AnswerKept(RuntimeError):
    """The answer is kept already: there is nothing left to finish."""


def cause_of(error: BaseException | None) -> BaseException | None:
    """Return what a group of one is about: a task group wraps what its task raised."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        [error] = error.exceptions
    return error


class Keeper(Waiting, Protocol):
    """What a claim needs of the store that granted it."""

    @property
    def answer_max_bytes(self) -> int:
        """The size of body that is kept."""

    def new_lease(self) -> float:
        """Return when a lease ends that begins now."""

    def way(self, *, apart: bool) -> Database:
        """Return the calling thread's way to the keys' database, or one that is nobody's."""

    def finish(self, claim: Claim, answer: KeptAnswer) -> None:
        """Keep an answer outside of a phase."""


class Claim:
    """One attempt's right to carry out the request of a key, until its lease ends.

    ``broke_off`` says that an earlier attempt's lease ended without a word, ``failure`` is what
    the last phase raised, and ``keeping`` what is kept of the answer.
    """

    keeping = USUAL

    def __init__(
        self, keeper: Keeper, name: KeyName, row: KeyRow, *, broke_off: bool = False
    ) -> None:
        self.name = name
        self.row = row
        self.broke_off = broke_off
        self.failure: BaseException | None = None
        self.keep: Callable[[Any, Keeping], KeptAnswer] = KeptAnswer.of_response
        self._keeper = keeper
        self._last: Block[Phase] | None = None

    @property
    def token(self) -> int:
        """The fencing token, which grows with each attempt.

        Phases are fenced with it. Pass it on to a system that can refuse an older one.
        """
        return self.row.token

    @property
    def recovery_point(self) -> str:
        """Where the last committed phase got to, in any attempt; "started" before the first."""
        return self.row.recovery_point

    @property
    def data(self) -> dict[str, Any]:
        """What that phase left for those after it; {} before the first."""
        data: dict[str, Any] = json.loads(self.row.data)
        return data

    @property
    def finished(self) -> bool:
        """Whether the answer is kept."""
        return self.row.status is not None

    def finish(self, result: Any) -> None:  # noqa: ANN401  # a response, or a function's
        """Keep the answer of a handler without phases. Raises LeaseLost, DatabaseRefused.

        Raises AnswerKept, a RuntimeError, if one is.
        """
        self._not_finished("finish")
        self._keeper.finish(self, self.keep(result, self.keeping))

    @property
    def result(self) -> Any:  # noqa: ANN401  # whatever JSON can hold
        """What a function returned, in this attempt or an earlier one; None before that."""
        answer = self.row.answer
        return json.loads(answer.body) if answer and answer.body else None

    def derived_key(self, step: str) -> str:
        """Return the idempotency key to pass on to another service in this step.

        It is made of nothing but the request and the step. So it is the same in every attempt,
        even one that comes when this key has expired or its row was lost.
        """
        text = json.dumps((*self.name, step)).encode()
        return hashlib.sha256(self.row.fingerprint + text).hexdigest()

    def phase(self) -> Block[Phase]:
        """Run the block in one transaction of the keys' database, fenced by the lease.

        Enter it by ``with`` in a handler that is no coroutine, by ``async with`` in one that
        is. The block calls ``recover_at`` or ``finish`` once, which says where a next attempt
        goes on. Without it RuntimeError is raised, as an effect would be repeated. Raises
        LeaseLost if another attempt has taken the key over, and DatabaseRefused; RuntimeError
        within a phase of this claim, or when the answer is kept. Whatever is raised, all that
        the block did is rolled back.
        """
        if self._last and self._last.is_inside:  # it would wait for itself
            raise RuntimeError("phase: one is open already; allowed: one at a time")
        self._last = Block(self._keeper, self._phase)
        return self._last

    def _not_finished(self, what: str) -> None:
        if self.finished:
            raise AnswerKept(f"{what}: the answer is kept already; allowed: before that")

    @contextmanager
    def _phase(self, apart: bool) -> Iterator[Phase]:
        self._not_finished("phase")
        try:
            database = self._keeper.way(apart=apart)
            with database.transaction():
                phase = Phase(self, database, self._keeper)
                try:
                    yield phase
                finally:
                    phase.end()
                if phase.row is None:
                    raise RuntimeError("phase: without recover_at or finish; allowed: one")
                # The fence: the row is another attempt's by now, or ours until the commit.
                row = phase.row.within(self._keeper.answer_max_bytes)
                if not table.advance(database, self.name, self.row, row):
                    raise LeaseLost(f"the claim with token {self.token} is not the key's")
        except BaseException as error:
            self.failure = error
            raise
        self.row, self.failure = phase.row, None  # not earlier: now it is true


class Phase:
    """One transaction of a handler: its effect in ``database``, and where to go on after it."""

    def __init__(self, claim: Claim, database: Database, keeper: Keeper) -> None:
        self._database = database
        self.row: KeyRow | None = None
        self._claim = claim
        self._keeper = keeper
        self._messages = 0
        self._lock, self._over = threading.Lock(), False

    @property
    def database(self) -> Database:
        """Where the effect is to happen. Raises RuntimeError when the phase is over."""
        self._not_over()
        return self._database

    async def run_sync(
        self, function: Callable[Concatenate[Database, Given], Result], *values: Given.args,
        **named: Given.kwargs,
    ) -> Result:  # fmt: skip
        """Call ``function(database, …)`` in a thread; for a coroutine, which would be held up.

        Raises RuntimeError if the phase is over by then.
        """
        call = partial(function, self._database, *values, **named)
        result: Result = await self._keeper.in_thread(self._run, call, lane="end")
        return result

    def _run(self, call: Callable[[], Result]) -> Result:
        with self._lock:
            self._not_over()  # if its coroutine was cancelled
            return call()

    def _not_over(self) -> None:
        if self._over:
            raise RuntimeError("phase: it is over; allowed: statements within it")

    def end(self) -> None:
        """Take no more statements; wait for the one that is carried out."""
        with self._lock:
            self._over = True

    def recover_at(self, recovery_point: str, data: Mapping[str, Any] | None = None) -> None:
        """Let the next attempt go on here, and give it ``data``, which JSON can hold."""
        if recovery_point in ("", STARTED, FINISHED):
            taken = f"neither empty nor {STARTED!r} nor {FINISHED!r}"
            raise ValueError(f"recovery_point is {recovery_point!r}; allowed: {taken}")
        self._go_on(
            self._claim.row._replace(
                lease_until_s=self._keeper.new_lease(),
                recovery_point=recovery_point,
                data=json.dumps(dict(data or {})),
            )
        )

    def finish(self, response: Response | Any) -> None:  # noqa: ANN401  # or a function's result
        """Keep this as the answer to the request, for this attempt and for all retries.

        Raises TypeError for a response that streams, which has no body yet, and for a
        function's result that JSON cannot hold.
        """
        answer = self._claim.keep(response, self._claim.keeping)
        self._go_on(self._claim.row.finished(answer))

    def outbox(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Leave a message for another system, which ``deliver_outbox`` sends later."""
        self._messages += 1
        row = self._claim.row
        # A key that has expired and is used again has new messages.
        step = f"outbox: {row.expires_s}, {row.recovery_point}, {self._messages}"
        leave_in_outbox(self.database, self._claim.derived_key(step), kind, payload)

    def _go_on(self, row: KeyRow) -> None:
        if self.row is not None:
            raise RuntimeError("phase: a second recover_at or finish; allowed: one of them")
        self.row = row
