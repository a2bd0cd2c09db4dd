"""What a check of a service may do: ask with keys of its own, and count what came of it.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from ..kept import Headers
from ..profiles import Profile
from .wire import SECRET, OneAddress, WireAnswer, WireRequest

BODIES = {
    "other": "another request that is carried out; by default its last number is one more",
    "refused": "a request that is refused before anything is done",
    "declined": "a request that is carried out and ends with a 4xx, as a declined card",
    "failing": "a request that ends with a 5xx",
    "large": "a request whose answer is too large to be kept",
}
COPIES, LEAVES_S = 8, 0.08
WaitFor = Callable[[float], object]
MARKER = re.compile(r"idempot\w*-(replay\w*|status)|\w*replayed")


class DoesNotHold(AssertionError):
    """What was seen must not be."""


class CannotBeSeen(Exception):
    """It cannot be seen from outside, or not with what was given."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """A request that the service at ``url`` carries out, and what else helps to see.

    ``bodies``: other bodies, by the names in ``BODIES``. ``other_account``: headers that make
    it somebody else's, instead of those of the same name. ``count``: where its effects
    are, as a path: a GET with the same headers gives JSON, a number, a list, or an object with
    a list. ``expires_s``: how long the service keeps a key, if that is short. ``elsewhere``:
    another method and path at which the same headers and body are carried out. Raises
    ValueError for one of another form.
    """

    url: str
    method: str = "POST"
    headers: Headers = ()
    body: bytes = b""
    bodies: Mapping[str, bytes] = field(default_factory=dict)
    other_account: Headers = ()
    count: str = ""
    expires_s: float | None = None
    elsewhere: str = ""

    def __post_init__(self) -> None:
        """Check what a type does not say."""
        if not re.fullmatch(r"([A-Z]+ /\S*)?", self.elsewhere):
            raise ValueError(f"elsewhere is {self.elsewhere!r}; allowed: 'METHOD /PATH'")

    def body_of(self, name: str) -> bytes:
        """Return a body. Raises CannotBeSeen for one that was not given."""
        if name == "other" and name not in self.bodies:
            more, changed = re.subn(rb"\d+(?=\D*$)", _one_more, self.body, count=1)
            if changed:
                return more
        if name and name not in self.bodies:
            raise CannotBeSeen(f"needs --{name}-body: {BODIES[name]}")
        return self.bodies[name] if name else self.body

    def headers_of(self, *, other: bool) -> Headers:
        """Return the headers of the account, or of the other one. Raises CannotBeSeen."""
        if other and not self.other_account:
            raise CannotBeSeen("needs --other-account: the headers of somebody else")
        more = self.other_account if other else ()
        replaced = {name.lower() for name, _ in more}
        return (*(one for one in self.headers if one[0].lower() not in replaced), *more)


class Witness:
    """One check's view of the service: keys of its own, what it sent, what it counts from."""

    def __init__(
        self, template: Template, profile: Profile, wire: OneAddress, wait: WaitFor, name: str
    ) -> None:
        self.template, self.profile, self.wait = template, profile, wait
        self.sent: list[tuple[WireRequest, str]] = []
        self.field = profile.header + (': "{}"' if profile.key_quoted else ": {}")
        self._wire, self._name = wire, name
        self._keys: dict[str, str] = {}
        accounts = (False, True) if template.other_account else (False,)
        self._before = {other: self._counted(other=other) for other in accounts}

    # Asking

    def request(
        self, key: str = "k", *, body: str = "", other: bool = False, field: str | None = None,
        elsewhere: bool = False,
    ) -> WireRequest:  # fmt: skip
        """Return the request with a key that nobody used before this check, by its letter.

        ``field``: the header as it is sent, with {} for the key; "" for no header.
        """
        name, _, value = (self.field if field is None else field).partition(":")
        whole = self._keys.setdefault(key, f"{self._name}-{key}")
        own = ((name, value.strip().replace("{}", whole)),) if name else ()
        headers = (*self.template.headers_of(other=other), *own)
        content = self.template.body_of(body)
        method, target = self.template.method, self._wire.target
        if elsewhere:
            method, target = self.template.elsewhere.split()
        return WireRequest(method, target, headers, content)

    def post(
        self, key: str = "k", *, body: str = "", other: bool = False, field: str | None = None,
        elsewhere: bool = False,
    ) -> WireAnswer:  # fmt: skip
        """Send it, and wait for its answer."""
        asked = self.request(key, body=body, other=other, field=field, elsewhere=elsewhere)
        return self._ask(asked)

    def get(self, *, field: str = "") -> WireAnswer:
        """Look at where the effects are counted, or at the request's own address."""
        key = self.request(field=field).headers if field else self.template.headers
        return self._ask(WireRequest("GET", self.template.count or self._wire.target, key))

    def post_at_once(self, key: str) -> list[WireAnswer]:
        """Send copies of it that arrive together."""
        self.sent = [(self.request(key), "&")] * COPIES  # what came before does not matter
        return self._wire.at_once(self.request(key), COPIES)

    def post_and_leave(self) -> None:
        """Send it, and do not wait for its answer."""
        self.sent.append((self.request(), f"--max-time {LEAVES_S:g}"))
        self._wire.leave(self.request(), lambda: self.wait(LEAVES_S))

    def _ask(self, asked: WireRequest) -> WireAnswer:
        self.sent.append((asked, ""))
        return self._wire.ask(asked)

    # Judging

    def must(self, holds: bool, otherwise: str) -> None:
        """Raise DoesNotHold with what is wrong, unless it holds."""
        if not holds:
            raise DoesNotHold(otherwise)

    def replays(self, first: WireAnswer, again: WireAnswer) -> None:
        """Raise DoesNotHold unless a request was carried out, and then answered as before."""
        self.must(first.done, f"the first was answered {first.status}")
        other = "another body" if again.status == first.status else str(again.status)
        self.must(again[::2] == first[::2], f"answered {first.status}, then {other}")

    def carried_out(self, times: int, *answers: WireAnswer, other: bool = False) -> str:
        """Raise DoesNotHold unless it was carried out so often; return how that is known."""
        before, after = self._before.get(other), self._counted(other=other)
        if before is None or after is None:
            found = len({answer.body for answer in answers if answer.done})
            told = f"{found} different answers"
            self.must(found <= times, f"carried out more than once: {told}")
            return "by the answers alone: no --count"
        found = sum((after - before).values())
        self.must(found == times, f"carried out {found} times, not {times}")
        return ""

    def _counted(self, *, other: bool) -> Counter[str] | None:
        """Return the effects that there are, each as a text; None if nobody knows where."""
        if not self.template.count:
            return None
        headers = self.template.headers_of(other=other)
        answer = self._wire.ask(WireRequest("GET", self.template.count, headers))
        try:
            return _effects(json.loads(answer.body))
        except ValueError as error:
            allowed = "allowed: JSON, a number, a list, or an object with a list"
            raise ValueError(f"count: answered {answer.status}, {error}; {allowed}") from error

    def curl(self) -> str:
        """Return a line of a shell that sends again what was sent, with new keys."""
        given = (*self.template.headers, *self.template.other_account)
        secrets = [(name, value) for name, value in given if SECRET.search(name)]
        variables = {value: re.sub(r"\W", "_", name).upper() for name, value in secrets}
        variables |= {whole: key for key, whole in self._keys.items()}
        lines = []
        for (asked, how), copies in groupby(self.sent):
            line, times = asked.curl(self._wire.origin, how, variables), len(list(copies))
            if how == "&":
                line = f"for i in $(seq {times}); do {line} & done; wait"
            elif times > 1:
                line = f"for i in $(seq {times}); do {line}; done"
            lines.append(line)
        text = "; ".join(lines)
        new = (f"{key}=$(uuidgen); " for key in self._keys if f"${key}" in text)
        return "".join([*new, text])


def marker(answer: WireAnswer) -> str:
    """Return the name of a header that says that an answer was given before, or ""."""
    return next((name for name in answer.headers if MARKER.fullmatch(name)), "")


def _effects(found: object) -> Counter[str]:
    if isinstance(found, dict):
        found = next((value for value in found.values() if isinstance(value, list)), None)
    if isinstance(found, int):
        return Counter({"": found})
    if not isinstance(found, list):
        raise ValueError("there is no list in it")
    return Counter(json.dumps(one, sort_keys=True) for one in found)


def _one_more(number: re.Match[bytes]) -> bytes:
    return str(int(number[0]) + 1).encode()
