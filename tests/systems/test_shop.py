"""The shop is served and asked over HTTP, as a client would."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import httpx
import pytest

from delivery_semantics.databases import Connections, empty_place
from delivery_semantics.systems.http.serving import serving
from delivery_semantics.systems.postgresql import postgresql
from delivery_semantics.systems.shop import BODY_BYTES_MAX, shop

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    server = postgresql() if request.param == "postgresql" else nullcontext("")
    with server as url, empty_place(url) as place:
        connections = Connections(place, synchronous="OFF", lock_timeout_s=30)
        with serving(shop(connections)) as address:
            yield address
        connections.close()


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


def put(client: httpx.Client, id: str, name: str, if_match: str = "") -> httpx.Response:
    headers = {"If-Match": if_match} if if_match else {}
    return client.put(f"/users/{id}", json={"name": name}, headers=headers)


def name_of(client: httpx.Client, id: str) -> str | None:
    answer = client.get(f"/users/{id}")
    return answer.json()["name"] if answer.status_code == 200 else None


def test_a_put_makes_a_user_and_its_copy_changes_nothing_not_even_the_etag(
    client: httpx.Client,
) -> None:
    first, copy = put(client, "put", "Ada"), put(client, "put", "Ada")
    assert (first.status_code, copy.status_code) == (201, 200)
    assert first.headers["ETag"] == copy.headers["ETag"]
    assert first.json() == copy.json() == {"id": "put", "name": "Ada"}


def test_another_name_is_another_etag(client: httpx.Client) -> None:
    etags = [put(client, "etag", name).headers["ETag"] for name in ("Ada", "Bob", "Ada")]
    assert len(set(etags)) == 3
    assert client.get("/users/etag").headers["ETag"] == etags[-1]


def test_a_late_put_for_an_older_version_is_refused(client: httpx.Client) -> None:
    etag = put(client, "late", "Ada").headers["ETag"]
    assert put(client, "late", "Bob", etag).status_code == 200
    assert put(client, "late", "Cleo", etag).status_code == 412
    assert name_of(client, "late") == "Bob"


def test_of_eight_puts_for_one_version_at_once_one_is_made(client: httpx.Client) -> None:
    etag = put(client, "eight", "Ada").headers["ETag"]
    with ThreadPoolExecutor(8) as pool:
        names = [f"name {n}" for n in range(8)]
        answers = [*pool.map(lambda name: put(client, "eight", name, etag), names)]
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    [made] = [name for name, a in zip(names, answers, strict=True) if a.status_code == 200]
    assert name_of(client, "eight") == made


def test_a_delete_happens_once_and_its_copy_is_told_so(client: httpx.Client) -> None:
    put(client, "gone", "Ada")
    assert [client.delete("/users/gone").status_code for _ in range(3)] == [204, 404, 404]
    assert client.get("/users/gone").status_code == 404


def test_a_user_who_comes_back_has_a_new_etag_so_a_late_delete_is_refused(
    client: httpx.Client,
) -> None:
    etag = put(client, "back", "Ada").headers["ETag"]
    delete = {"If-Match": etag}
    assert client.delete("/users/back", headers=delete).status_code == 204
    put(client, "back", "Ada")
    assert client.delete("/users/back", headers=delete).status_code == 412
    assert name_of(client, "back") == "Ada"


@pytest.mark.parametrize(
    ("if_match", "status"), [("*", 200), ('"0", {etag}', 200), ('"0"', 412), ("nonsense", 412)]
)
def test_if_match_takes_any_version_or_a_list(
    client: httpx.Client, if_match: str, status: int
) -> None:
    etag = put(client, "list", "Ada").headers["ETag"]
    assert put(client, "list", "Ada", if_match.format(etag=etag)).status_code == status


@pytest.mark.parametrize("if_match", ["*", '"1"'])
def test_if_match_for_nobody_makes_nobody(client: httpx.Client, if_match: str) -> None:
    assert put(client, "nobody", "Ada", if_match).status_code == 412
    assert name_of(client, "nobody") is None


def ordered(client: httpx.Client, item: str) -> int:
    return sum(order["item"] == item for order in client.get("/orders").json())


def test_each_post_makes_an_order(client: httpx.Client) -> None:
    made = [client.post("/orders", json={"item": "tea"}) for _ in range(3)]
    assert [answer.status_code for answer in made] == [201] * 3
    assert len({answer.json()["number"] for answer in made}) == 3
    assert ordered(client, "tea") == 3


def test_a_post_with_an_id_makes_one_order_also_from_eight_clients_at_once(
    client: httpx.Client,
) -> None:
    body = {"item": "rice", "id": "order-1"}
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda _: client.post("/orders", json=body), range(8))]
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert ordered(client, "rice") == 1


def test_an_id_that_was_used_for_another_order_is_a_conflict(client: httpx.Client) -> None:
    client.post("/orders", json={"item": "salt", "id": "order-2"})
    answer = client.post("/orders", json={"item": "gold", "id": "order-2"})
    assert answer.status_code == 409
    assert "'salt'" in answer.json()["message"]
    assert ordered(client, "gold") == 0


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON object"),
        (b"[1]", "no JSON object"),
        (b"\xff", "no JSON object"),
        (b"{}", "item is None"),
        (b'{"item": ""}', "item is ''"),
        (b'{"item": 7}', "item is 7"),
        (b'{"item": "x", "id": ""}', "id is ''"),
        (b'{"item": "' + b"x" * 256 + b'"}', "1 to 255 printable characters"),
        (b'{"item": "\\ud800"}', "printable"),
        (b'{"item": "\\u0000"}', "printable"),
        (b"[" * 4000, "no JSON object"),
    ],
)
def test_a_bad_body_is_refused_with_what_is_allowed(
    client: httpx.Client, body: bytes, says: str
) -> None:
    before = client.get("/orders").json()
    answer = client.post("/orders", content=body)
    assert answer.status_code == 400
    assert says in answer.json()["message"]
    assert client.get("/orders").json() == before


def test_a_body_without_end_is_cut_off(client: httpx.Client) -> None:
    answer = client.put("/users/big", content=b" " * (BODY_BYTES_MAX + 1))
    assert answer.status_code == 413
    assert name_of(client, "big") is None
