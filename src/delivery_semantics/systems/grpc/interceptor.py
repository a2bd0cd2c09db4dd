"""Two interceptors that make it safe to repeat a gRPC call. Take them into a service of yours.

The client's gives each call a request id. gRPC's own retries are beneath it, so every attempt
of the call has the same one. The server's opens a transaction, claims the id in it, and runs
the handler, whose effects are to go through the same connection. The id, the effect and the
reply are one commit; a second attempt gets the reply of the first.

    connections = Connections("postgresql://…")
    grpc.server(threads, interceptors=[OncePerRequest(connections, clock=time.time)])
    # in a handler: connections.here().rows("INSERT …")

    channel = grpc.intercept_channel(channel, WithRequestId())

Only calls with one request and one reply are covered. An effect outside of the database is
not, nor a new call that the client makes for the same purpose, unless it says the same id.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import hashlib
import uuid
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import grpc

from ...databases import (
    Connections,
    Database,
    DatabaseUnreachable,
    Locked,
    NotSerializable,
    Schema,
)
from ...dedup import InDatabase, scoped

REQUEST_ID = "request-id"
OTHER_REQUEST = "this request id was used for another request"
PASSING = (DatabaseUnreachable, Locked, NotSerializable)

REPLIES = Schema(
    "grpc_replies",
    1,
    (
        "CREATE TABLE grpc_replies (id BLOB PRIMARY KEY, request BLOB NOT NULL,"
        " reply BLOB NOT NULL) WITHOUT ROWID",
    ),
)
KEEP = """
INSERT INTO grpc_replies (id, request, reply) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET request = excluded.request, reply = excluded.reply
"""
FIND = "SELECT request, reply FROM grpc_replies WHERE id = ?"
FORGET = "DELETE FROM grpc_replies WHERE id NOT IN (SELECT id FROM seen_ids)"

Details = namedtuple(
    "Details", "method timeout metadata credentials wait_for_ready compression"
)
"""Those of a call, as gRPC has them."""


class WithRequestId(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Gives each call an id of its own, unless its metadata has one already.

    Say one yourself, and keep it, where a new call may be the repetition of an earlier one.
    """

    def intercept_unary_unary(
        self,
        continuation: Callable[..., grpc.Call],
        details: Any,  # noqa: ANN401
        request: object,
    ) -> grpc.Call:
        """Go on with the id in the metadata."""
        metadata = tuple(details.metadata or ())
        if REQUEST_ID not in dict(metadata):
            metadata += ((REQUEST_ID, uuid.uuid4().hex),)
        known = (getattr(details, name, None) for name in Details._fields)
        return continuation(Details(*known)._replace(metadata=metadata), request)


class OncePerRequest(grpc.ServerInterceptor):  # type: ignore[misc]
    """Carries each request id out once per method, and gives the first reply again.

    ``connections`` are those that the handlers use. An id is remembered for ``window_s``
    seconds of ``clock``, None: for ever. A handler that fails, by an exception, by ``abort`` or
    by a status other than OK, leaves nothing: neither effect nor id. Another request with the
    same id is refused, INVALID_ARGUMENT; where the database cannot decide now, the answer is
    UNAVAILABLE, and the client may try again. A call without an id is carried out as it is.
    """

    def __init__(
        self, connections: Connections, *, clock: Callable[[], float],
        window_s: float | None = None,
    ) -> None:  # fmt: skip
        self._connections, self._clock, self._window_s = connections, clock, window_s
        REPLIES.ensure(connections.here())
        self._ids(connections.here())

    def forget(self, *, ids_max: int = 1000) -> int:
        """Delete up to ``ids_max`` ids older than the window, and their replies."""
        database = self._connections.here()
        with database.transaction():
            expired = self._ids(database).expire(self._clock(), ids_max=ids_max)
            database.change(FORGET)
        return expired

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:  # noqa: ANN401
        """Wrap the handler of a call that has a request id."""
        handler = continuation(details)
        id = dict(details.invocation_metadata).get(REQUEST_ID)
        if id is None or handler is None or handler.unary_unary is None:
            return handler

        def once(raw: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                return self._once(scoped(details.method, id), raw, context, handler)
            except _Failed:
                return b""  # gRPC sends the handler's status
            except PASSING as error:
                return bytes(context.abort(grpc.StatusCode.UNAVAILABLE, str(error)))

        return grpc.unary_unary_rpc_method_handler(once)

    def _once(
        self,
        id: bytes,
        raw: bytes,
        context: grpc.ServicerContext,
        handler: grpc.RpcMethodHandler,
    ) -> bytes:
        database, digest = self._connections.here(), hashlib.sha256(raw).digest()
        with database.transaction():
            if not self._ids(database).first_time(id, self._clock()):
                [(before, reply)] = database.rows(FIND, (id,))
                if before != digest:
                    context.abort(grpc.StatusCode.INVALID_ARGUMENT, OTHER_REQUEST)
                return bytes(reply)
            request = (handler.request_deserializer or bytes)(raw)
            answer = handler.unary_unary(request, context)
            if context.code() not in (None, grpc.StatusCode.OK):
                raise _Failed
            reply = (handler.response_serializer or bytes)(answer)
            database.change(KEEP, (id, digest, reply))
            return bytes(reply)

    def _ids(self, database: Database) -> InDatabase:
        return InDatabase(database, window_s=self._window_s)


class _Failed(Exception):
    """The handler has set a status: what it did is rolled back."""
