"""Which requests are the same one: what of a body counts.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import json
from collections.abc import Callable
from email.message import Message

from starlette.types import Scope

Represent = Callable[[Scope, bytes], bytes]
"""From a request and its body to the bytes that stand for the body in its fingerprint."""


def as_sent(scope: Scope, body: bytes) -> bytes:
    """Return the body itself."""
    return body


def as_meant(scope: Scope, body: bytes) -> bytes:
    """Return JSON with its members in one order, or multipart without its boundary.

    A number stays as it was written: 1.0 is not 1. What is neither, or malformed, is itself.
    """
    header = Message()
    header["content-type"] = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
    subtype = header.get_content_subtype()
    if subtype == "json" or subtype.endswith("+json"):
        return _in_order(body)
    boundary = header.get_boundary()
    if header.get_content_maintype() == "multipart" and boundary:
        return _in_parts(body, boundary.encode("latin-1"))
    return body


REPRESENTED: dict[str, Represent] = {"as sent": as_sent, "as meant": as_meant}


def _in_order(body: bytes) -> bytes:
    try:
        content = json.loads(
            body, parse_float=_written, parse_int=_written, object_pairs_hook=_members
        )
        return json.dumps(content).encode()
    except (ValueError, RecursionError):
        return body


def _written(number: str) -> list[str]:
    return ["number", number]  # in no other value: lists and objects have names of their own


def _members(members: list[tuple[str, object]]) -> list[object]:
    # Two members of one name are kept, in their order, as a handler may look at either.
    return ["object", sorted(members, key=lambda member: member[0])]


def _in_parts(body: bytes, boundary: bytes) -> bytes:
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    return b"".join(b"%d:%b" % (len(part), part) for part in parts)
