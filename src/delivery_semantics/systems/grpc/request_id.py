"""An interceptor that gives each call a request id. Take it into a client of yours.

    channel = grpc.intercept_channel(channel, WithRequestId())

gRPC's own retries are beneath it, so every attempt of a call has the same id.

Book: 14-grpc
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import NamedTuple

import grpc

REQUEST_ID = "request-id"


class CallDetails(NamedTuple):
    """What a call is made with, by the names of ``grpc.ClientCallDetails``."""

    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class WithRequestId(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Gives each call an id of its own, unless its metadata has one already.

    Say one yourself, and keep it, where a new call may be the repetition of an earlier one.
    """

    def intercept_unary_unary(
        self,
        continuation: Callable[[CallDetails, object], grpc.Call],
        details: grpc.ClientCallDetails,
        request: object,
    ) -> grpc.Call:
        """Go on with the id in the metadata."""
        given = CallDetails._make(getattr(details, name, None) for name in CallDetails._fields)
        metadata = tuple(given.metadata or ())
        if REQUEST_ID not in dict(metadata):
            metadata += ((REQUEST_ID, uuid.uuid4().hex),)
        return continuation(given._replace(metadata=metadata), request)
