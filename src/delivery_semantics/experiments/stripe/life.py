"""The life of a key: every state that a key can come to, and what changes it.

Nobody lists the changes. A key store is asked for all that it can do, in each situation that
this has led to, until nothing new appears. Its clock stands still until it is moved. What is
found is drawn in ``life_picture``.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from starlette.responses import Response

from ...databases import Connections
from ...idempotency import Claim, KeptAnswer, KeyStore, LeaseLost, Refusal
from ...idempotency import table as key_table
from ...idempotency.claims import AnswerKept
from ...idempotency.doubts import NotOpen, settle
from ...idempotency.table import KeyName, KeyRow

LEASE_S, KEEP_S, TICK_S = 1.0, 3.0, 1.0
"""So that a lease can be renewed past the end of its key."""
NAME = KeyName("shop", "", "k")
CHARGED, DOUBT = KeptAnswer(200, (), b""), KeptAnswer(Refusal.IN_DOUBT.status, (), b"")
ONE, OTHER = b"one request", b"another"

NOT_NOW = (LeaseLost, AnswerKept, NotOpen)
"""Answers too: that a call cannot be made in this situation. Anything else is a mistake."""

NONE, EXPIRED, TAKEN_OVER = "none", "expired", "taken over"
SAME, ANOTHER = "claim", "claim for another request"
TIME, EXPIRES, LEASE_ENDS = "time", "expires", "lease ends"

Call = Callable[[], object]


class Change(NamedTuple):
    """What a call made of a key: its state before and after."""

    source: str
    call: str
    target: str


class Situation(NamedTuple):
    """A key's row, the time, and the last two claims on it, the newest first."""

    now_s: float
    row: KeyRow | None
    claims: tuple[Claim, ...]

    def holds(self, claim: Claim) -> bool:
        """Whether the key is this claim's, however late it is."""
        row, own = self.row, claim.row
        return row is not None and (row.token, row.expires_s) == (own.token, own.expires_s)

    @property
    def kind(self) -> tuple[object, ...]:
        """What decides how it can go on: the age of the row and its tokens do not."""
        claims = [
            (self.holds(one), one.recovery_point, one.broke_off, one.finished)
            for one in self.claims
        ]
        if self.row is None:
            return (None, *claims)
        row, left_s = self.row, self.row.lease_until_s - self.now_s
        lease_s = max(0.0, left_s) if row.lease_until_s else None  # None: given back
        keep_s = max(0.0, row.expires_s - self.now_s)
        kept = row.recovery_point, row.data, row.status, bool(row.fingerprint)
        return (lease_s, keep_s, kept, *claims)


@dataclass
class Life:
    """All that was seen.

    ``changes`` have what changed a key, ``told`` what a request was told in each state, by the
    state and the call. ``situations`` were tried, with ``calls`` in all; ``fenced`` counts the
    calls of attempts that had lost the key, and ``broken`` those of them that changed it.
    """

    changes: set[Change] = field(default_factory=set)
    told: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    situations: int = 0
    calls: int = 0
    fenced: int = 0
    broken: int = 0


class AskedKey:
    """One key of a store, which is put into situations, and the calls that there are."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys, self._database = keys, keys.connections.here()
        self._now_s, self._claims = 0.0, tuple[Claim, ...]()
        keys.clock = lambda: self._now_s

    def put_into(self, given: Situation) -> None:
        """Write the row as it was. Claims are made anew, because calls change them."""
        self._database.change("DELETE FROM idempotency_keys")
        if given.row:
            values = (*NAME, *given.row)
            marks = ", ".join("?" * len(values))
            self._database.change(f"INSERT INTO idempotency_keys VALUES ({marks})", values)
        self._now_s = given.now_s
        self._claims = tuple(
            Claim(self._keys, NAME, one.row, broke_off=one.broke_off) for one in given.claims
        )

    def look(self) -> Situation:
        """Return the situation as it is now."""
        return Situation(self._now_s, key_table.find(self._database, NAME), self._claims)

    def state(self) -> str:
        """Return what the layer calls it; taken over, if its holder's claim says that."""
        now = self.look()
        if now.row is None:
            return NONE
        if key_table.expired(self._database, self._now_s):
            return EXPIRED
        state = now.row.state(self._now_s)
        holder = next((one for one in now.claims if now.holds(one)), None)
        return TAKEN_OVER if state == "in use" and holder and holder.broke_off else state

    def calls(self) -> Iterator[tuple[str, Call, bool]]:
        """Yield each call by its name, and whether it is fenced: of who has lost the key."""
        now, keys = self.look(), self._keys
        its = (now.row and now.row.fingerprint) or ONE
        yield SAME, partial(self._claim, its), False
        yield ANOTHER, partial(self._claim, OTHER if its == ONE else ONE), False
        for claim in now.claims:
            fenced = not now.holds(claim)
            yield "renew", partial(keys.renew, claim), fenced
            yield "phase, recover_at", partial(_go_on, claim), fenced
            yield "phase, finish", partial(_finish, claim), fenced
            yield "finish", partial(keys.finish, claim, CHARGED), fenced
            yield "finish in doubt", partial(keys.finish, claim, DOUBT, in_doubt=True), fenced
            yield "release", partial(keys.release, claim), fenced
            anyone = partial(keys.release, claim, to_any_request=True)
            yield "release to any request", anyone, fenced
        yield "settle with an answer", partial(self._settle, CHARGED), False
        yield "settle to go on", partial(self._settle, None), False
        yield "sweep", partial(keys.sweep, keys_max=1), False
        yield TIME, self._tick, False

    def _claim(self, fingerprint: bytes) -> str:
        outcome = self._keys.claim(NAME, fingerprint)
        if isinstance(outcome, Claim):
            self._claims = (outcome, *self._claims[:1])
            return "claimed"
        return str(outcome.status)

    def _settle(self, answer: KeptAnswer | None) -> None:
        settle(self._database, NAME, answer, by="a person", why="seen", now_s=self._now_s)

    def _tick(self) -> None:
        self._now_s += TICK_S


def _go_on(claim: Claim) -> None:
    with claim.phase() as phase:
        phase.recover_at("half way")


def _finish(claim: Claim) -> None:
    with claim.phase() as phase:
        phase.finish(Response())


def life_of_a_key(store: type[KeyStore] = KeyStore) -> Life:
    """Walk through all situations, breadth first. SQLite in memory, and no chance in it."""
    with ThreadPoolExecutor(1) as thread:  # a phase refuses a loop, which a notebook has
        return thread.submit(_life, store).result()


def _life(store: type[KeyStore]) -> Life:
    with closing(Connections("sqlite:///:memory:")) as connections:
        keys = store(connections, lease_s=LEASE_S, attempt_max_s=LEASE_S, keep_s=KEEP_S)
        with closing(keys):
            return _walk(AskedKey(keys))


def _walk(key: AskedKey) -> Life:
    seen = Life()
    begin = Situation(0.0, None, ())
    known, waiting = {begin.kind}, deque([begin])
    while waiting:
        given = waiting.popleft()
        seen.situations += 1
        key.put_into(given)
        for number in range(len(list(key.calls()))):
            key.put_into(given)
            _try(key, number, seen)
            after = key.look()
            if after.kind not in known:
                known.add(after.kind)
                waiting.append(after)
    return seen


def _try(key: AskedKey, number: int, seen: Life) -> None:
    """Make one call of those that there are, and write down what it came to."""
    call, make, fenced = list(key.calls())[number]
    before, row, told = key.state(), key.look().row, None
    with suppress(*NOT_NOW):
        told = make()
    after = key.state()
    seen.calls += 1
    seen.fenced += fenced
    seen.broken += fenced and row != key.look().row
    if call in (SAME, ANOTHER):
        seen.told[before, call].add(str(told))
    if before != after:
        passed = EXPIRES if after == EXPIRED else LEASE_ENDS
        seen.changes.add(Change(before, passed if call == TIME else call, after))
