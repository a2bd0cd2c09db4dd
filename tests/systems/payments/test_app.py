"""The payments service over real sockets, on SQLite and on PostgreSQL."""

from __future__ import annotations

import base64
import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_semantics.databases import Connections
from delivery_semantics.idempotency import KeyStore
from delivery_semantics.systems.http.client import Reply, Request, ask
from delivery_semantics.systems.http.serving import serving
from delivery_semantics.systems.payments import payments_app
from delivery_semantics.systems.payments.errors import ApiError
from delivery_semantics.systems.payments.parameters import (
    AMOUNT_MAX,
    DESCRIPTION_MAX,
    FIELD_MAX,
    FIELDS_MAX,
    FORM,
    charge_asked,
    page_asked,
)
from delivery_semantics.systems.postgresql import postgresql

GOOD = {"amount": "2000", "currency": "usd", "source": "tok_visa"}


@dataclass
class Service:
    """Where the service answers, its database, and its clock."""

    url: str
    connections: Connections
    clock: list[float] = field(default_factory=lambda: [1_800_000_000.0])


@dataclass
class Account:
    """An account that nobody has used before, and how it asks."""

    service: Service
    secret: str

    def ask(self, request: Request) -> Reply:
        headers = (*request.headers, ("Authorization", f"Bearer {self.secret}"))
        return ask(self.service.url, request._replace(headers=headers))

    def charge(self, key: str = "", **fields: str) -> Reply:
        headers = [("Content-Type", FORM)] + ([("Idempotency-Key", key)] if key else [])
        body = urlencode(GOOD | fields).encode()
        return self.ask(Request("POST", "/v1/charges", tuple(headers), body))

    def post(self, body: bytes, *headers: tuple[str, str], content_type: str = FORM) -> Reply:
        return self.ask(
            Request("POST", "/v1/charges", (("Content-Type", content_type), *headers), body)
        )

    def get(self, path: str = "/v1/charges", *headers: tuple[str, str]) -> Reply:
        return self.ask(Request("GET", path, headers))

    def listed(self, query: str = "") -> list[str]:
        return [charge["id"] for charge in self.get(f"/v1/charges{query}").json()["data"]]


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    if request.param == "postgresql":
        with postgresql() as url:
            yield from serve(url)
    else:
        yield from serve(f"sqlite:///{tmp_path_factory.mktemp('payments') / 'payments.db'}")


def serve(url: str) -> Iterator[Service]:
    connections = Connections(url)
    made = Service("", connections)
    keys = KeyStore(connections, clock=lambda: made.clock[0], effects="in phases")
    with serving(payments_app(keys)) as made.url:
        yield made


def new_account(service: Service, mode: str = "test") -> Account:
    return Account(service, f"sk_{mode}_{uuid.uuid4().hex}")


@pytest.fixture
def account(service: Service) -> Account:
    return new_account(service)


def error(reply: Reply) -> dict[str, str]:
    found: dict[str, str] = reply.json()["error"]
    return found


# Charges ----------------------------------------------------------------------------------


def test_a_charge_is_made_as_asked_and_can_be_retrieved(account: Account) -> None:
    fields = {"description": "Größe: 7 % — ok", "metadata[order]": "7", "metadata[a-b_C]": ""}
    made = account.charge(**fields)
    charge = made.json()
    assert made.status == 200
    assert charge["amount"] == 2000
    assert (charge["currency"], charge["status"], charge["paid"]) == ("usd", "succeeded", True)
    assert charge["description"] == "Größe: 7 % — ok"
    assert charge["metadata"] == {"order": "7", "a-b_C": ""}
    assert (charge["created"], charge["livemode"]) == (1_800_000_000, False)
    assert account.get(f"/v1/charges/{charge['id']}").json() == charge


def test_requests_without_a_key_are_two_charges(account: Account) -> None:
    ids = [account.charge().json()["id"] for _ in range(2)]
    assert len(set(ids)) == 2
    assert account.listed() == ids[::-1]


def test_a_list_is_turned_page_by_page_in_both_directions(account: Account) -> None:
    ids = [account.charge().json()["id"] for _ in range(5)][::-1]
    assert account.listed() == ids
    first = account.get("/v1/charges?limit=2").json()
    assert ([c["id"] for c in first["data"]], first["has_more"]) == (ids[:2], True)
    assert account.listed(f"?limit=2&starting_after={ids[1]}") == ids[2:4]
    last = account.get(f"/v1/charges?limit=2&starting_after={ids[3]}").json()
    assert ([c["id"] for c in last["data"]], last["has_more"]) == (ids[4:], False)
    back = account.get(f"/v1/charges?limit=2&ending_before={ids[4]}").json()
    assert ([c["id"] for c in back["data"]], back["has_more"]) == (ids[2:4], True)
    between = f"?starting_after={ids[0]}&ending_before={ids[3]}"
    assert account.listed(between) == ids[1:3]
    assert (first["object"], first["url"]) == ("list", "/v1/charges")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("starting_after=x", "starting_after"),
        ("page=2", "page"),
        ("limit=1&limit=1", "limit"),
    ],
)
def test_a_wrong_page_is_refused_with_its_parameter(
    account: Account, query: str, param: str
) -> None:
    reply = account.get(f"/v1/charges?{query}")
    assert (reply.status, error(reply)["param"]) == (400, param)


@pytest.mark.parametrize("cursor", ["starting_after", "ending_before"])
def test_a_page_cannot_begin_at_a_charge_that_there_is_not(
    account: Account, cursor: str
) -> None:
    reply = account.get(f"/v1/charges?{cursor}=ch_nothing")
    assert (reply.status, error(reply)["param"]) == (404, cursor)


def test_a_declined_card_is_an_answer_that_is_kept_and_a_failed_charge(
    account: Account,
) -> None:
    replies = [account.charge("k", source="tok_chargeDeclined") for _ in range(2)]
    assert [reply.status for reply in replies] == [402, 402]
    assert replies[0].body == replies[1].body
    assert replies[1].header("Idempotent-Replayed") == "true"
    told = error(replies[0])
    assert (told["type"], told["code"]) == ("card_error", "card_declined")
    charge = account.get(f"/v1/charges/{told['charge']}").json()
    assert (charge["status"], charge["paid"]) == ("failed", False)
    assert account.listed() == [charge["id"]]


# What is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        *(({"amount": a}, "amount") for a in ("", "0", "-5", "1.5", "1e3", "+5", "007", "٣")),
        ({"amount": str(AMOUNT_MAX + 1)}, "amount"),
        ({"currency": ""}, "currency"),
        ({"currency": "USD"}, "currency"),
        ({"currency": "xxx"}, "currency"),
        ({"source": "4242424242424242"}, "source"),
        ({"source": "tok_visa\n"}, "source"),
        ({"description": "x" * 1001}, "description"),
        ({"metadata[" + "k" * 41 + "]": "v"}, "metadata"),
        ({"metadata[a": "v"}, "metadata"),
        ({"metadata[a][b]": "v"}, "metadata"),
        ({"metadata[a]": "v" * 501}, "metadata"),
        ({"capture": "false"}, "capture"),
    ],
)
def test_a_wrong_parameter_is_named_and_leaves_nothing(
    account: Account, fields: dict[str, str], param: str
) -> None:
    reply = account.charge("key", **fields)
    assert (reply.status, error(reply)["type"]) == (400, "invalid_request_error")
    assert error(reply)["param"] == param
    assert account.listed() == []
    # What was refused before it began is not remembered: the key is free for a better request.
    assert account.charge("key").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"amount",
        b"amount=2000&amount=2000&currency=usd&source=tok_visa",
        b"amount=2000&currency=usd&source=tok_visa&description=%FF",
        b"amount=2000&currency=usd&source=tok_visa&description=%00",
        b"amount=2000&currency=usd&source=tok_visa&description=\xc3\xa9",
        b"&".join(b"metadata[k%d]=v" % n for n in range(51)),
        b"&".join(b"k%d=v" % n for n in range(100)),
        b'{"amount": 2000}',
    ],
)
def test_a_form_that_cannot_be_read_in_one_way_only_is_refused(
    account: Account, body: bytes
) -> None:
    reply = account.post(body)
    assert (reply.status, error(reply)["type"]) == (400, "invalid_request_error")
    assert account.listed() == []


def test_only_a_form_is_read(account: Account) -> None:
    body = json.dumps(GOOD).encode()
    assert account.post(body, content_type="application/json").status == 400
    with_charset = account.post(urlencode(GOOD).encode(), content_type=f"{FORM}; charset=utf-8")
    assert with_charset.status == 200


def test_a_body_that_is_too_large_is_refused(account: Account) -> None:
    assert account.post(b"x" * (2**20 + 1)).status == 413


@given(st.binary(max_size=60))
def test_whatever_a_body_holds_it_is_a_charge_or_a_refusal(body: bytes) -> None:
    for read in (partial(charge_asked, FORM), page_asked):
        with contextlib.suppress(ApiError):
            read(body)


def test_an_unknown_path_or_method_is_told_in_the_same_form(account: Account) -> None:
    nowhere = account.get("/v1/refunds")
    assert (nowhere.status, error(nowhere)["type"]) == (404, "invalid_request_error")
    deleting = account.ask(Request("DELETE", "/v1/charges"))
    assert deleting.status == 405
    assert set(deleting.header("Allow").split(", ")) >= {"GET"}


# Who asks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("Authorization", "Bearer "),),
        (("Authorization", "Bearer pk_test_a"),),
        (("Authorization", "Bearer sk_test_"),),
        (("Authorization", "Bearer sk_test_a b"),),
        (("Authorization", "Basic cGtfdGVzdF9hOg=="),),
        (("Authorization", "Bearer sk_test_a"), ("Authorization", "Bearer sk_test_b")),
        (("Authorization", f"Bearer sk_test_{'a' * 101}"),),
    ],
)
def test_who_names_no_account_is_refused_before_keys_are_looked_at(
    service: Service, headers: tuple[tuple[str, str], ...]
) -> None:
    before = keys_of(service)
    more = (("Content-Type", FORM), ("Idempotency-Key", "a stranger's"))
    body = urlencode(GOOD).encode()
    reply = ask(service.url, Request("POST", "/v1/charges", (*headers, *more), body))
    assert (reply.status, error(reply)["type"]) == (401, "invalid_request_error")
    assert keys_of(service) == before


def test_the_name_of_the_scheme_is_read_in_any_case(account: Account) -> None:
    shown = account.get()
    for scheme in ("bearer", "BEARER "):
        named = (("Authorization", f"{scheme} {account.secret}"),)
        reply = ask(account.service.url, Request("GET", "/v1/charges", named))
        assert (reply.status, reply.body) == (200, shown.body)


def keys_of(service: Service) -> list[tuple[Any, ...]]:
    return service.connections.here().rows("SELECT account, key FROM idempotency_keys")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("{}:", 200),  # curl -u sk_test_…:
        ("{}", 200),
        ("{}:password", 401),
        ("pk_test_a:", 401),
        (":{}", 401),
    ],
)
def test_the_secret_may_be_the_user_of_basic_authentication(
    account: Account, given: str, status: int
) -> None:
    encoded = base64.b64encode(given.format(account.secret).encode()).decode()
    for credentials, expected in ((encoded, status), (encoded[:-1] + "!", 401)):
        named = (("Authorization", f"Basic {credentials}"),)
        reply = ask(account.service.url, Request("GET", "/v1/charges", named))
        assert reply.status == expected


def test_a_replay_names_its_key_and_the_first_request(account: Account) -> None:
    first, again = account.charge("order 1, again"), account.charge("order 1, again")
    for reply in (first, again):
        assert reply.header("Idempotency-Key") == "order 1, again"
    assert first.header("Original-Request") == ""
    assert again.header("Original-Request") == first.header("Request-Id")
    assert again.header("Request-Id") != first.header("Request-Id")


def test_an_account_sees_its_own_charges_only_and_shares_no_key(service: Service) -> None:
    mine, theirs = new_account(service), new_account(service)
    first, second = mine.charge("order-1").json(), theirs.charge("order-1").json()
    assert first["id"] != second["id"]
    assert (mine.listed(), theirs.listed()) == ([first["id"]], [second["id"]])
    foreign, none = (theirs.get(f"/v1/charges/{id}") for id in (first["id"], "ch_none"))
    assert (foreign.status, none.status) == (404, 404)
    assert error(foreign)["code"] == error(none)["code"]
    assert theirs.get(f"/v1/charges?starting_after={first['id']}").status == 404


def test_test_and_live_mode_are_two_accounts(service: Service) -> None:
    test = new_account(service)
    live = Account(service, test.secret.replace("test", "live"))
    charges = [account.charge("k").json() for account in (test, live)]
    assert [charge["livemode"] for charge in charges] == [False, True]
    assert (len(test.listed()), len(live.listed())) == (1, 1)


def test_the_secret_itself_is_nowhere_in_the_database(account: Account) -> None:
    account.charge("k")
    database = account.service.connections.here()
    for table in ("charges", "idempotency_keys", "idempotency_outbox"):
        assert account.secret not in repr(database.rows(f"SELECT * FROM {table}"))


# Keys -------------------------------------------------------------------------------------


def test_a_retry_gets_the_same_bytes_and_says_so(account: Account) -> None:
    first, second, third = (account.charge("k") for _ in range(3))
    assert (first.status, first.body) == (second.status, second.body) == (200, third.body)
    marks = [reply.header("Idempotent-Replayed") for reply in (first, second, third)]
    assert marks == ["", "true", "true"]
    assert len(account.listed()) == 1


def test_each_answer_has_its_own_request_id_and_is_not_to_be_cached(account: Account) -> None:
    replies = [account.charge("k"), account.charge("k"), account.get()]
    assert len({reply.header("Request-Id") for reply in replies}) == 3
    assert {reply.header("Cache-Control") for reply in replies} == {"no-store"}


def test_a_key_used_for_something_else_is_refused_and_its_answer_is_unharmed(
    account: Account,
) -> None:
    first = account.charge("k")
    other = account.charge("k", amount="2999")
    assert (other.status, error(other)["type"]) == (400, "idempotency_error")
    assert account.charge("k").body == first.body
    assert len(account.listed()) == 1


@pytest.mark.parametrize(
    "keys",
    [("x" * 256,), (" ",), ("a", "a"), ('"a"',), ("ä",)],
    ids=["256", "blank", "two fields", "quotes", "not ASCII"],
)
def test_a_key_that_is_none_is_refused(account: Account, keys: tuple[str, ...]) -> None:
    headers = tuple(("Idempotency-Key", key) for key in keys)
    assert account.post(urlencode(GOOD).encode(), *headers).status == 400
    assert account.listed() == []


def test_a_key_of_255_characters_is_one_and_reading_ignores_keys(account: Account) -> None:
    key = ("Idempotency-Key", "x" * 255)
    assert account.post(urlencode(GOOD).encode(), key).status == 200
    assert account.get("/v1/charges", key).header("Idempotent-Replayed") == ""


def test_an_expired_key_is_a_new_request(account: Account) -> None:
    first = account.charge("k").json()["id"]
    account.service.clock[0] += 86_400 - 1
    assert account.charge("k").json()["id"] == first
    account.service.clock[0] += 1
    assert account.charge("k").json()["id"] != first


def test_a_charge_leaves_one_receipt_in_the_outbox_and_a_declined_one_none(
    account: Account,
) -> None:
    id = account.charge("k").json()["id"]
    account.charge("k")
    declined = error(account.charge("d", source="tok_chargeDeclined"))["charge"]
    rows = account.service.connections.here().rows("SELECT payload FROM idempotency_outbox")
    receipts = [json.loads(payload)["charge"] for (payload,) in rows]
    assert (receipts.count(id), receipts.count(declined)) == (1, 0)


@pytest.mark.parametrize("id", ["%00", "ch_%00", "%ff", "ch_%3Cb%3E", "ch_" + 99 * "x"])
def test_an_id_that_can_be_none_is_not_found(account: Account, id: str) -> None:
    reply = account.get(f"/v1/charges/{id}")
    assert (reply.status, error(reply)["code"]) == (404, "resource_missing")


def test_a_slash_too_many_does_not_use_up_the_key(account: Account) -> None:
    headers = (("Content-Type", FORM), ("Idempotency-Key", "k"))
    body = urlencode(GOOD).encode()
    assert account.ask(Request("POST", "/v1/charges/", headers, body)).status == 404
    assert account.charge("k").status == 200


@pytest.mark.parametrize("character", ["\U0001f4b8", "\x01"])
def test_the_largest_charge_is_replayed_whole(account: Account, character: str) -> None:
    more = {f"metadata[{number:040}]": FIELD_MAX * character for number in range(FIELDS_MAX)}
    more["description"] = DESCRIPTION_MAX * character
    first, second = (account.charge("k", **more) for _ in range(2))
    assert first.status == 200
    assert (second.status, second.body) == (200, first.body)


def test_keys_that_cannot_keep_the_largest_charge_are_refused(service: Service) -> None:
    keys = KeyStore(
        service.connections, clock=time.time, effects="in phases", answer_max_bytes=65_536
    )
    with pytest.raises(ValueError, match=r"answer_max_bytes is 65536; allowed: .* 262144"):
        payments_app(keys)
    keys.close()


def test_money_stays_a_whole_number_on_its_whole_way(account: Account) -> None:
    reply = account.charge(amount=str(AMOUNT_MAX))
    assert f'"amount":{AMOUNT_MAX},' in reply.body.decode()
    rows = account.service.connections.here().rows("SELECT amount FROM charges")
    assert {type(amount) for (amount,) in rows} == {int}
