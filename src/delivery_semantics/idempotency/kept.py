"""What is kept of a response, and how it is given again.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from starlette.responses import Response
from starlette.types import Message

Headers = tuple[tuple[str, str], ...]

KEPT_HEADERS = frozenset({
    "content-digest", "content-disposition", "content-encoding", "content-language",
    "content-location", "content-range", "content-type", "etag", "last-modified", "link",
    "location", "operation-location", "repr-digest", "vary",
})  # fmt: skip
"""What belongs to the answer itself, and is kept by default: a token or a trace id belongs to
one exchange, and whoever adds a header thinks of no list."""
NEVER_KEPT = frozenset({
    "connection", "content-length", "keep-alive", "set-cookie", "trailer", "transfer-encoding",
    "upgrade",
})  # fmt: skip
"""A secret of one exchange, and what its server says of the message itself."""


@dataclass(frozen=True)
class AllBut:
    """The names of all headers but these, and but ``NEVER_KEPT``."""

    names: frozenset[str] = frozenset()

    def __contains__(self, name: object) -> bool:
        """Whether a header of this name is among them."""
        return name not in self.names and name not in NEVER_KEPT


NO_BODY = (204, 304)
"""No answer with one of these statuses has a Content-Length of its own (RFC 9110, 8.6)."""


class Keeping(NamedTuple):
    """Which of a response's headers are kept, by lower-case names, and which are added."""

    names: Container[str] = KEPT_HEADERS
    added: Headers = ()
    length: bool = False
    """Whether Content-Length is kept: in an answer to HEAD it is not its body's."""

    def keeps(self, name: str) -> bool:
        """Whether a header of this name is kept."""
        return name in self.names or (self.length and name == "content-length")


USUAL = Keeping()


class KeptAnswer(NamedTuple):
    """A response as it is kept: ``body`` is None where it was too large to keep."""

    status: int
    headers: Headers
    body: bytes | None

    @classmethod
    def of(
        cls, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes | None,
        keeping: Keeping = USUAL,
    ) -> KeptAnswer:  # fmt: skip
        """Keep of a response what may be kept."""
        named = ((name.decode("latin-1").lower(), value) for name, value in headers)
        kept = [(name, v.decode("latin-1")) for name, v in named if keeping.keeps(name)]
        return cls(status, (*kept, *keeping.added), body)

    @classmethod
    def of_response(cls, response: Response, keeping: Keeping = USUAL) -> KeptAnswer:
        """Keep a response that has its whole body. Raises TypeError for one that streams."""
        body = getattr(response, "body", None)
        if not isinstance(body, bytes | memoryview):
            kind = type(response).__name__
            raise TypeError(f"response is a {kind}; allowed: one that has its whole body")
        return cls.of(response.status_code, response.raw_headers, bytes(body), keeping)

    def is_given_by(self, other: KeptAnswer) -> bool:
        """Whether this is what was kept of the other answer, but for headers and a coding."""
        if self.status != other.status:
            return False
        same_coding = self._coding() == other._coding()
        return None in (self.body, other.body) or not same_coding or self.body == other.body

    def _coding(self) -> str:
        return dict(self.headers).get("content-encoding", "")

    def messages(self, *more: tuple[str, str]) -> list[Message]:
        """Return the ASGI messages that send this answer, with ``more`` in place of its own."""
        body, now = self.body or b"", dict(more)
        headers = (*(kept for kept in self.headers if kept[0] not in now), *more)
        if self.status not in NO_BODY and "content-length" not in dict(headers):
            headers += (("content-length", str(len(body))),)
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return [
            {"type": "http.response.start", "status": self.status, "headers": raw},
            {"type": "http.response.body", "body": body},
        ]
