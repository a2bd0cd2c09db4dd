"""What is kept of a response, and how it is given again.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from starlette.responses import Response
from starlette.types import Message

Headers = tuple[tuple[str, str], ...]

KEPT_HEADERS = frozenset({
    "content-encoding", "content-language", "content-location", "content-type", "etag",
    "last-modified", "link", "location", "vary",
})  # fmt: skip
"""What belongs to the answer itself. A list of what may be kept, not of what may not: a cookie,
a token or a trace id belongs to one exchange, and whoever adds a header thinks of no list."""


class KeptAnswer(NamedTuple):
    """A response as it is kept: ``body`` is None where it was too large to keep."""

    status: int
    headers: Headers
    body: bytes | None

    @classmethod
    def of(cls, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> KeptAnswer:
        """Keep of a response what may be kept."""
        named = ((name.decode("latin-1").lower(), value) for name, value in headers)
        kept = ((name, v.decode("latin-1")) for name, v in named if name in KEPT_HEADERS)
        return cls(status, tuple(kept), body)

    @classmethod
    def of_response(cls, response: Response) -> KeptAnswer:
        """Keep a response that has its whole body. Raises TypeError for one that streams."""
        body = getattr(response, "body", None)
        if not isinstance(body, bytes | memoryview):
            kind = type(response).__name__
            raise TypeError(f"response is a {kind}; allowed: one that has its whole body")
        return cls.of(response.status_code, response.raw_headers, bytes(body))

    def within(self, body_max_bytes: int) -> KeptAnswer:
        """Return the answer, or the fact alone that there was one, if its body is too large."""
        if self.body is not None and len(self.body) > body_max_bytes:
            return KeptAnswer(self.status, (), None)
        return self

    def messages(self, *more: tuple[str, str]) -> list[Message]:
        """Return the ASGI messages that send this answer, with ``more`` headers."""
        body = self.body or b""
        headers = (*self.headers, *more, ("content-length", str(len(body))))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return [
            {"type": "http.response.start", "status": self.status, "headers": raw},
            {"type": "http.response.body", "body": body},
        ]
