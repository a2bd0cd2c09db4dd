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
    if header.get_content_maintype() == "multipart" and boundary and boundary.isascii():
        return _in_parts(body, boundary.encode())
    return body


REPRESENTED: dict[str, Represent] = {"as sent": as_sent, "as meant": as_meant}


class _Number(str):
    """A number as it was written."""


class _Members(list[tuple[str, object]]):
    """The members of an object. Two of one name stay in their order: who reads takes either."""


def _in_order(body: bytes) -> bytes:
    try:
        return _written(
            json.loads(body, parse_float=_Number, parse_int=_Number, object_pairs_hook=_Members)
        ).encode()
    except (ValueError, RecursionError):
        return body


def _written(value: object) -> str:
    if isinstance(value, _Members):
        members = sorted(value, key=lambda member: member[0])
        return (
            "{" + ",".join(f"{json.dumps(name)}:{_written(own)}" for name, own in members) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value)


def _in_parts(body: bytes, boundary: bytes) -> bytes:
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    return b"".join(b"%d:%b" % (len(part), part) for part in parts)
