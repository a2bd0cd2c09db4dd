"""An interceptor that carries each request out once. Take it into a service of yours.

It opens a transaction, claims the call's request id in it, and runs the handler, whose effects
go through the same connection, ``connections.here()``. The id, the effect and the reply are one
commit; whoever comes later with the same id gets that reply.

    grpc.server(threads, interceptors=[OncePerRequest(connections, clock=time.time)])

Only calls with one request and one reply are covered, and no effect outside of the database.
`WithRequestId` is the client's side.

Book: 14-grpc
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import grpc

from ... import databases as db
from ...dedup import InDatabase, scoped
from .request_id import REQUEST_ID
from .service import Continuation

OTHER_REQUEST = "this request id was used for another request"
PASSING = (db.DatabaseUnreachable, db.Locked, db.NotSerializable)
TABLE = "CREATE TABLE grpc_replies (id BLOB PRIMARY KEY, request BLOB, reply BLOB)"
KEEP = """
INSERT INTO grpc_replies VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET request = excluded.request, reply = excluded.reply
"""
FIND = "SELECT request, reply FROM grpc_replies WHERE id = ?"
FORGET = "DELETE FROM grpc_replies WHERE id NOT IN (SELECT id FROM seen_ids)"


class Failed(Exception):
    """The handler has set a status: what it did is rolled back."""


class OncePerRequest(grpc.ServerInterceptor):  # type: ignore[misc]
    """Carries each request id out once per method, and gives the first reply again.

    An id is remembered for ``window_s`` seconds of ``clock``. A handler that fails, by an
    exception, by ``abort`` or by a status, leaves nothing: neither effect nor id. An id that
    comes with another request is refused, INVALID_ARGUMENT; where the database cannot decide
    now the answer is UNAVAILABLE. A call without an id is carried out as it is.
    """

    def __init__(
        self,
        connections: db.Connections,
        *,
        clock: Callable[[], float],
        window_s: float | None = None,
    ) -> None:
        self._connections, self._clock, self._window_s = connections, clock, window_s
        db.Schema("grpc_replies", 1, (TABLE,)).ensure(connections.here())
        self._ids(connections.here())

    def forget(self, *, ids_max: int = 1000) -> int:
        """Delete up to ``ids_max`` ids older than the window, and all replies without one."""
        database = self._connections.here()
        with database.transaction():
            expired = self._ids(database).expire(self._clock(), ids_max=ids_max)
            database.change(FORGET)
        return expired

    def intercept_service(
        self, continuation: Continuation, details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler:
        """Wrap the handler of a call that has a request id."""
        handler = continuation(details)
        id = dict(details.invocation_metadata).get(REQUEST_ID)
        if id is None or handler is None or handler.unary_unary is None:
            return handler

        def once(raw: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                return self._once(scoped(details.method, id), raw, context, handler)
            except Failed:
                return b""  # what is sent is the handler's status
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
            answer = handler.unary_unary((handler.request_deserializer or bytes)(raw), context)
            if context.code() not in (None, grpc.StatusCode.OK):
                raise Failed
            reply = (handler.response_serializer or bytes)(answer)
            database.change(KEEP, (id, digest, reply))
            return bytes(reply)

    def _ids(self, database: db.Database) -> InDatabase:
        return InDatabase(database, window_s=self._window_s)
