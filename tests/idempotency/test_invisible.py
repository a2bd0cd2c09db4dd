"""A first request with a key behaves as one without, whatever the handler does."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import uuid
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import pytest
import trio
from anyio import CancelScope
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Router

from delivery_semantics.databases import Connections
from delivery_semantics.idempotency import (
    IETF_DRAFT,
    STRIPE,
    AllBut,
    Claim,
    IdempotencyMiddleware,
    KeptAnswer,
    KeyName,
    KeyOutcome,
    KeyStore,
    Profile,
    Refusal,
)
from delivery_semantics.idempotency.attempt import Attempt
from delivery_semantics.idempotency.middleware import CLAIMS_BETWEEN_SWEEPS
from delivery_semantics.idempotency.represent import as_meant, as_sent
from tests.idempotency.conftest import BODY
from tests.idempotency.handlers import differences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import Message, Receive, Scope, Send

    from tests.idempotency.conftest import Bed

only_stripe = pytest.mark.parametrize("profile", [STRIPE], indirect=True)
only_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


def test_three_hundred_random_handlers_do_with_a_key_what_they_do_without() -> None:
    logging.disable(logging.CRITICAL)
    try:
        assert asyncio.run(differences(range(50_000, 50_300))) == []
    finally:
        logging.disable(logging.NOTSET)


# Around the handler -----------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    "error",
    [SystemExit, KeyboardInterrupt, asyncio.CancelledError],
    ids=lambda one: one.__name__,
)
@only_sqlite
async def test_what_is_no_exception_of_the_request_ends_neither_the_loop_nor_the_key(
    bed: Bed, error: type[BaseException]
) -> None:
    async def ending(request: Request) -> Response:
        raise error

    bed.handler = ending
    with pytest.raises(error):
        await bed.post(raises=True)
    bed.handler = bed.charge
    again = await bed.post()
    assert again.status_code == (500 if bed.keys.effects == "anywhere" else 201)


@only_sqlite
@only_stripe
def test_a_handler_runs_under_trio(bed: Bed) -> None:
    replies = [trio.run(bed.post) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [201, 201]
    assert replies[1].headers["idempotent-replayed"] == "true"


@pytest.mark.anyio
@only_sqlite
async def test_what_a_handler_sends_is_its_own_and_may_be_sent_again(bed: Bed) -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [(b"x-trace", b"t")]}

    async def handler(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": b"same"})

    bed.profile = replace(bed.profile, key_required=False, echoes=True)
    bed.app = bed.application(handler)
    named = [(await bed.post(key)).headers.get("idempotency-key") for key in ("k1", "k2", None)]
    assert named == ["k1", "k2", None]
    assert start["headers"] == [(b"x-trace", b"t")]


@pytest.mark.anyio
@pytest.mark.parametrize("key", [b"k1", None])
@only_sqlite
@only_stripe
async def test_what_a_server_offers_beside_the_body_is_offered_and_sent(
    new_bed: Callable[..., Bed], key: bytes | None
) -> None:
    sent: list[str] = []
    beside = ["http.response.early_hint", "http.response.debug", "http.response.trailers"]

    async def handler(scope: Scope, receive: Receive, send: Send) -> None:
        assert [*scope["extensions"]] == beside + ([] if key else ["http.response.pathsend"])
        hint, debug, trailers = beside
        await send({"type": hint, "links": [b"</style.css>"]})
        await send({"type": debug, "info": {}})
        await send({"type": "http.response.start", "status": 200, "trailers": True})
        await send({"type": "http.response.body", "body": b"all"})
        await send({"type": trailers, "headers": [], "more_trailers": False})

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message["type"])

    offered: dict[str, object] = {name: {} for name in (*beside, "http.response.pathsend")}
    headers = [(b"authorization", b"alice"), *([(b"idempotency-key", key)] if key else [])]
    scope = {
        "type": "http", "method": "POST", "path": "/", "headers": headers, "extensions": offered
    }  # fmt: skip
    await new_bed().application(handler)(scope, receive, send)
    whole = ["http.response.start", "http.response.body"]
    assert sent == [*beside[:2], *whole, beside[2]]
    assert scope["extensions"] is offered


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("request_id", "named"),
    [(uuid.UUID(int=7), str(uuid.UUID(int=7))), (7, "7"), ("a\r\nb: c", None), ("\u20ac", None),
     ("", None), (None, None)],
)  # fmt: skip
@only_sqlite
@only_stripe
async def test_whatever_a_first_request_is_called_it_is_replayed(
    new_bed: Callable[..., Bed], request_id: object, named: str | None
) -> None:
    bed = new_bed()

    async def naming(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["request_id"] = request_id
        await bed.layer(scope, receive, send)

    replies = [await bed.post(app=naming) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [201, 201]
    assert replies[1].headers.get("original-request") == named


@pytest.mark.anyio
@only_sqlite
@only_stripe
async def test_a_store_that_was_closed_is_used_again_by_a_second_start(
    new_bed: Callable[..., Bed],
) -> None:
    bed = new_bed()
    for start in range(2):
        for number in range(CLAIMS_BETWEEN_SWEEPS):  # one of them sweeps
            assert (await bed.post(f"k{start}-{number}")).status_code == 201
        bed.keys.close()
        bed.connections.close()
    renewed = threading.Event()
    bed.keys.lease_s = 0.001

    def renew(claim: Claim) -> bool:
        renewed.set()
        return True

    bed.keys.renew = renew  # type: ignore[method-assign]
    claim = bed.keys.claim(KeyName("alice", "", "held"), b"")
    assert isinstance(claim, Claim)
    with bed.keys.leases.held(claim):
        assert renewed.wait(60)


# Declared once ----------------------------------------------------------------------------


@pytest.mark.anyio
@only_sqlite
async def test_of_two_layers_the_inner_one_steps_aside(bed: Bed) -> None:
    bed.app = bed.application(bed.application())
    replies = [await bed.post() for _ in range(2)]
    assert [reply.status_code for reply in replies] == [201, 201]
    assert (bed.runs, bed.effects()) == (1, 1)


@pytest.mark.anyio
@only_sqlite
@pytest.mark.parametrize("leaves_first", [False, True])
async def test_who_uses_a_scope_again_makes_a_second_request(
    bed: Bed, leaves_first: bool
) -> None:
    inside, go_on = bed.hold()
    answers: list[int] = []

    async def again(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_again() -> Message:
            return {"type": "http.request", "body": BODY, "more_body": False}

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                answers.append(message["status"])

        with CancelScope() as leaving:

            async def meanwhile() -> None:
                await inside.wait()
                bed.handler = bed.charge  # a second attempt would not be held
                leaving.cancel() if leaves_first else go_on.set()

            waiting = asyncio.create_task(meanwhile())
            await bed.layer(scope, receive_again, note)
        await waiting
        await bed.layer(scope, receive_again, send)

    reply = await bed.post(app=again)
    go_on.set()
    await bed.all_attempts()
    assert (answers, reply.status_code) == (([], 409) if leaves_first else ([201], 201))
    assert (bed.runs, bed.effects()) == (1, 1)


@only_sqlite
def test_so_it_is_under_trio_also_where_the_first_attempt_failed_in_the_layer(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> NoReturn:
        raise RuntimeError("of the layer")

    async def again(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_again() -> Message:
            return {"type": "http.request", "body": BODY, "more_body": False}

        with monkeypatch.context() as broken:
            broken.setattr(Attempt, "_take", fails)
            broken.setattr(Attempt, "_break_off", fails)
            with pytest.raises(RuntimeError, match="of the layer"):
                await bed.layer(scope, receive_again, send)
        await bed.layer(scope, receive_again, send)

    reply = trio.run(partial(bed.post, app=again))
    kept = bed.keys.effects == "in phases"  # by the phase
    assert (bed.runs, reply.status_code) == (1, 201 if kept else 409)


@pytest.mark.anyio
@only_sqlite
async def test_a_refusal_is_released_however_large_it_is(
    new_bed: Callable[..., Bed], effects: str
) -> None:
    bed = new_bed(effects=effects, answer_max_bytes=4)

    async def refusing(request: Request) -> Response:
        return Response(b"x" * 100, 422)

    bed.handler = refusing
    assert [(await bed.post()).status_code for _ in range(2)] == [422, 422]
    bed.handler = bed.charge
    assert (await bed.post(body=b'{"amount": 1}')).status_code == 201


@pytest.mark.parametrize("shorter", [{"lease_s": 61.0}, {"attempt_max_s": 61.0}])
def test_a_key_cannot_be_forgotten_during_its_first_attempt(
    tmp_path: Path, shorter: dict[str, float]
) -> None:
    [(name, time_s)] = shorter.items()
    times = {"lease_s": 60.0, "attempt_max_s": 60.0, "keep_s": 60.0} | shorter
    said = rf"keep_s is 60.0; allowed: {name} \({time_s}\)"
    with (
        closing(Connections(f"sqlite:///{tmp_path}/keys.db")) as connections,
        pytest.raises(ValueError, match=said),
    ):
        KeyStore(connections, clock=time.time, **times)  # type: ignore[arg-type]


# Mistakes are told ------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    "account", [7, b"a", ("a", "b"), object()], ids=lambda v: type(v).__name__
)
@only_sqlite
@only_stripe
async def test_an_account_that_is_no_text_is_a_mistake_that_is_named(
    new_bed: Callable[..., Bed], account: object
) -> None:
    bed = new_bed()
    bed.layer.account = lambda _: account  # type: ignore[assignment,return-value]
    with pytest.raises(TypeError, match=r"account returned .*; allowed: text, or None"):
        await bed.post(raises=True)
    assert bed.rows() == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("account", "held"),
    [("é" * 400, True), ("", True), ("é" * 401, False), ("a\0b", False), ("\ud800", False)],
)
async def test_an_account_is_held_by_every_database_or_by_none(
    bed: Bed, account: str, held: bool
) -> None:
    bed.layer.account = lambda _: account
    if held:
        assert [(await bed.post()).status_code for _ in range(2)] == [201, 201]
        assert bed.effects() == 1
    else:
        with pytest.raises(ValueError, match=r"account returned is text .*800 bytes"):
            await bed.post(raises=True)
        assert bed.runs == 0


@pytest.mark.anyio
@only_sqlite
async def test_an_answer_that_is_not_the_kept_one_is_told_and_the_kept_one_given(
    new_bed: Callable[..., Bed],
) -> None:
    bed = new_bed(effects="in phases")

    def deciding(request: Request) -> Response:
        with request.state.idempotency.phase() as phase:
            phase.finish(JSONResponse({"paid": True}, 201))
        return JSONResponse({"paid": False}, 201)

    async def other(request: Request) -> Response:
        return await asyncio.to_thread(deciding, request)

    bed.handler = other
    with pytest.raises(RuntimeError, match=r"the answer is 201, .*; allowed: the one kept"):
        await bed.post(raises=True)
    first = await bed.post("k2")
    assert (first.json(), (await bed.post("k2")).json()) == ({"paid": True}, {"paid": True})


@pytest.mark.anyio
@only_sqlite
@only_stripe
async def test_a_hook_and_the_log_are_told_what_became_of_each_request(
    new_bed: Callable[..., Bed], caplog: pytest.LogCaptureFixture
) -> None:
    told: list[KeyOutcome] = []
    bed = new_bed(hook=told.append)
    caplog.set_level(logging.DEBUG, "delivery_semantics.idempotency")
    inside, go_on = bed.hold()
    first = asyncio.create_task(bed.post())
    await inside.wait()
    await bed.post()
    await bed.post(body=b"{}")
    go_on.set()
    await first
    await bed.post()
    bed.connections.here().change("DROP TABLE idempotency_keys")
    assert (await bed.post("k9")).status_code == 503
    expected = ["claimed", "in use", "another request", "replayed", "store away"]
    assert [one.what for one in told] == expected
    assert all(one.took_s >= 0 and one.name.account == "alice" for one in told)
    levels = {
        record.getMessage().partition(":")[0]: record.levelname for record in caplog.records
    }
    assert (levels["claimed"], levels["in use"], levels["store away"]) == (
        "DEBUG", "INFO", "ERROR",
    )  # fmt: skip
    assert "alice" not in caplog.text


@pytest.mark.anyio
@only_sqlite
@only_stripe
async def test_a_hook_that_fails_changes_nothing(new_bed: Callable[..., Bed]) -> None:
    def failing(outcome: KeyOutcome) -> None:
        raise ZeroDivisionError

    bed = new_bed(hook=failing)
    assert (await bed.post()).status_code == 201
    bed.keys.hook = lambda _: sys.exit(1)
    assert (await bed.post("k2")).status_code == 201


# Settings ---------------------------------------------------------------------------------


@pytest.mark.anyio
@only_sqlite
async def test_post_and_patch_have_keys(bed: Bed) -> None:
    for _ in range(2):
        assert (await bed.post(method="PATCH")).status_code == 201
    assert bed.effects() == 1


@pytest.mark.anyio
@only_sqlite
@only_stripe
async def test_a_route_may_have_settings_of_its_own_or_no_keys(
    new_bed: Callable[..., Bed],
) -> None:
    bed = new_bed()
    own = replace(STRIPE, keeps_body=False, kept_headers=frozenset({"x-trace"}))
    bed.layer = IdempotencyMiddleware(
        bed.layer.app, keys=bed.keys, account=bed.layer.account,
        routes={"/charges": None, "/{kind}": own},
    )  # fmt: skip
    aside = [await bed.post("k1", app=bed.layer) for _ in range(2)]
    unkept = [await bed.post("k2", app=bed.layer, path="/refunds") for _ in range(2)]
    assert [reply.status_code for reply in aside + unkept] == [201, 201, 201, 410]
    assert bed.effects() == 3


@pytest.mark.anyio
@pytest.mark.parametrize("root", ["", "/shop", "/shop/v1"])
@only_sqlite
@only_stripe
async def test_a_route_is_the_applications_own_wherever_that_is_mounted(
    new_bed: Callable[..., Bed], root: str
) -> None:
    bed = new_bed()
    bed.layer = IdempotencyMiddleware(
        bed.layer.app, keys=bed.keys, account=bed.layer.account, routes={"/charges": None}
    )
    app = Router([Mount(root, bed.layer)]) if root else bed.layer
    for path, runs in (("/charges", 2), ("/refunds", 3)):
        for _ in range(2):
            assert (await bed.post(path, path=root + path, app=app)).status_code == 201
        assert bed.runs == runs


@pytest.mark.anyio
@only_sqlite
async def test_all_headers_may_be_kept_but_those_of_one_exchange(bed: Bed) -> None:
    bed.layer.profile = replace(bed.profile, kept_headers=AllBut(), echoes=True)
    first, *replays = [await bed.post() for _ in range(3)]
    bed.layer.profile = replace(bed.profile, kept_headers=AllBut(frozenset({"x-trace"})))
    without = [await bed.post("k2") for _ in range(2)][1]
    assert "set-cookie" in first.headers
    for replay in replays:
        assert replay.headers["x-trace"] == first.headers["x-trace"]
        names = [name for name, _ in replay.headers.multi_items()]
        assert len(names) == len(set(names))
    for replay in (*replays, without):
        assert "set-cookie" not in replay.headers
    assert "x-trace" not in without.headers
    assert "secret" not in str(bed.rows())


@pytest.mark.anyio
async def test_who_comes_while_a_key_is_in_use_may_be_told_the_rest_of_its_lease(
    bed: Bed,
) -> None:
    bed.layer.profile = replace(bed.profile, retry_after_s="lease")
    inside, go_on = bed.hold()
    first = asyncio.create_task(bed.post())
    await inside.wait()
    told = []
    for passed_s in (0.0, 17.5, 42.0):
        bed.clock.now_s += passed_s
        told.append((await bed.post()).headers["retry-after"])
    go_on.set()
    assert (await first).status_code == 201
    assert told == ["60", "43", "1"]  # it ends in 0.5 s; to come at once would be too early
    assert bed.layer.profile.refuse(Refusal.UNAVAILABLE).headers[-1] == ("retry-after", "1")


@pytest.mark.anyio
@only_sqlite
async def test_the_key_may_come_in_a_header_of_another_name(bed: Bed) -> None:
    bed.layer.profile = replace(bed.profile, header="Webhook-Id", echoes=True)
    hook = {"WEBHOOK-ID": "msg_1"}
    replies = [await bed.post(None, headers=hook) for _ in range(2)]
    assert [reply.headers["webhook-id"] for reply in replies] == ["msg_1"] * 2
    assert bed.effects() == 1
    refused = await bed.post(None, headers={"webhook-id": "msg_2" * 99})
    assert "Webhook-Id has to be given once" in refused.text


@pytest.mark.anyio
@only_sqlite
@only_stripe
async def test_a_copy_may_wait_for_the_first_instead_of_being_refused(
    new_bed: Callable[..., Bed],
) -> None:
    bed = new_bed()
    bed.layer.profile = replace(STRIPE, wait_s=60.0)
    asked, claim = asyncio.Event(), bed.keys.claim_soon

    async def tell(name: KeyName, digest: bytes) -> Claim | KeptAnswer | Refusal:
        outcome = await claim(name, digest)
        asked.set()
        return outcome

    inside, go_on = bed.hold()
    first = asyncio.create_task(bed.post())
    await inside.wait()
    bed.keys.claim_soon = tell  # type: ignore[method-assign,assignment]
    copy = asyncio.create_task(bed.post())
    await asked.wait()
    go_on.set()
    assert (await copy).content == (await first).content
    assert (await copy).headers["idempotent-replayed"] == "true"
    assert bed.effects() == 1


JSON = ("application/json", "application/problem+json; charset=utf-8")


@pytest.mark.parametrize("media_type", JSON)
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (b'{"a": 1, "b": [2, {"c": 3, "d": null}]}', b'{"b":[2,{"d":null,"c":3}],"a":1}', True),
        (b'{"a": 1}', b'{"a": 1.0}', False),
        (b'{"a": 1}', b'{"a": "1"}', False),
        (b'{"a": 1}', b'{"a": ["number", "1"]}', False),
        (b'{"a": {"b": 1}}', b'{"a": ["object", [["b", 1]]]}', False),
        (b"[1, 2]", b"[2, 1]", False),
        (b'{"a": 1, "a": 2}', b'{"a": 2, "a": 1}', False),
        (b"{", b"{ ", False),
        (b"\xff", b"\xfe", False),
    ],
)
def test_json_in_another_order_means_the_same_and_nothing_else_does(
    media_type: str, one: bytes, other: bytes, same: bool
) -> None:
    scope = {"headers": [(b"content-type", media_type.encode())]}
    assert (as_meant(scope, one) == as_meant(scope, other)) == same
    assert as_sent(scope, one) != as_sent(scope, other)


def multipart(boundary: str, *values: str) -> tuple[Scope, bytes]:
    parts = "".join(f"--{boundary}\r\n\r\n{value}\r\n" for value in values)
    kind = f'multipart/form-data; boundary="{boundary}"'
    return {"headers": [(b"content-type", kind.encode())]}, f"{parts}--{boundary}--".encode()


def test_multipart_means_the_same_with_another_boundary() -> None:
    assert as_meant(*multipart("one", "x", "y")) == as_meant(*multipart("two", "x", "y"))
    for other in (("x", "z"), ("y", "x"), ("x",), ("x", "y", "")):
        assert as_meant(*multipart("one", "x", "y")) != as_meant(*multipart("two", *other))


@pytest.mark.parametrize("parameter", ["", "boundary=", "boundary*=utf-8''%E2%82%AC"])
def test_multipart_without_a_boundary_is_itself(parameter: str) -> None:
    kind = f"multipart/form-data; {parameter}"
    assert as_meant({"headers": [(b"content-type", kind.encode())]}, b"--a--") == b"--a--"


# The wire ---------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("status", [204, 304])
@only_sqlite
@only_stripe
async def test_a_replay_without_a_body_has_no_length(
    new_bed: Callable[..., Bed], status: int
) -> None:
    bed = new_bed()

    async def empty(request: Request) -> Response:
        return Response(status_code=status)

    bed.handler = empty
    replies = [await bed.post() for _ in range(2)]
    assert [reply.headers.get("content-length") for reply in replies] == [None, None]
    assert replies[1].headers["idempotent-replayed"] == "true"


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize(
    "profile", [replace(STRIPE, methods=frozenset({"HEAD", "GET"}))], indirect=True
)
@only_sqlite
async def test_a_replay_to_head_has_the_length_of_the_first_answer(
    new_bed: Callable[..., Bed], method: str
) -> None:
    bed = new_bed()

    async def head(request: Request) -> Response:
        length = {"content-length": "1234"} if method == "HEAD" else {}
        return Response(headers=length)

    bed.handler = head
    replies = [await bed.post(method=method) for _ in range(2)]
    length = "1234" if method == "HEAD" else "0"
    assert [reply.headers.get_list("content-length") for reply in replies] == [[length]] * 2
    assert replies[1].headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("asked", [STRIPE, IETF_DRAFT], ids=["stripe", "ietf"])
def test_each_problem_has_one_type_and_one_code(asked: Profile) -> None:
    said = [asked.refuse(refusal).body or b"" for refusal in Refusal]
    for refusal, body in zip(Refusal, said, strict=True):
        assert refusal.code.encode() in body
    assert len(set(said)) == len(Refusal)
