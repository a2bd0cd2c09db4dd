"""Stripe's own client, unmodified, over a network that loses what it is told to lose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from delivery_semantics.experiments.stripe.lab import Lab, at_once, lab
from delivery_semantics.systems.payments import Card

ORDER: Any = {"amount": 2000, "currency": "usd", "source": "tok_visa"}
KEY: Any = {"idempotency_key": "abc123"}
WRONG = stripe.InvalidRequestError

pytestmark = pytest.mark.slow  # a server for each test


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, not patches: no id in the home folder, and no waiting between attempts."""
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.001)


def charges(
    service: Lab, *, secret: str = "sk_test_sdk", retries: int | None = 2
) -> stripe.ChargeService:
    made = stripe.StripeClient(
        secret, base_addresses={"api": service.url}, max_network_retries=retries
    )
    return made.v1.charges


@pytest.fixture
def service() -> Iterator[Lab]:
    with lab() as made:
        yield made


def requests_of(service: Lab) -> int:
    return sum(passed.way == "request" for passed in service.proxy.log)


def test_a_charge_comes_back_as_stripes_own_object(service: Lab) -> None:
    params: Any = ORDER | {"description": "Tee, grün", "metadata": {"order": "7"}}
    charge = charges(service).create(params)
    assert isinstance(charge, stripe.Charge)
    assert (charge.amount, charge.currency, charge.status) == (2000, "usd", "succeeded")
    assert charge.metadata.to_dict() == {"order": "7"}
    assert charge.description == "Tee, grün"
    assert charges(service).retrieve(charge.id) == charge


def test_the_client_turns_the_pages_of_the_list(service: Lab) -> None:
    made = [charges(service).create(ORDER).id for _ in range(5)]
    listed = charges(service).list({"limit": 2})
    assert [charge.id for charge in listed.auto_paging_iter()] == made[::-1]


@pytest.mark.parametrize("lost", [("request", 1), ("reply", 1)])
def test_whatever_is_lost_the_client_retries_and_there_is_one_charge(
    lost: tuple[str, int],
) -> None:
    with lab(lose={lost}) as service:
        charge = charges(service).create(ORDER)  # the client makes a key by itself
        assert requests_of(service) == 2
        assert len({passed.key for passed in service.proxy.log}) == 1
        assert service.charged() == [2000]
        assert [one.id for one in charges(service).list().data] == [charge.id]
        response: Any = charge.last_response
        replayed = response.headers.get("Idempotent-Replayed")
        assert replayed == ("true" if lost[0] == "reply" else None)


def test_a_client_that_is_not_told_to_retry_makes_one_attempt() -> None:
    assert stripe.max_network_retries == 2
    with lab(lose={("reply", 1)}) as service:
        with pytest.raises(stripe.APIConnectionError):
            charges(service, retries=None).create(ORDER, KEY)
        assert requests_of(service) == 1
        assert service.charged() == [2000]


def test_the_global_interface_retries_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    with lab(lose={("reply", 1)}) as service:
        monkeypatch.setattr(stripe, "api_base", service.url)
        monkeypatch.setattr(stripe, "api_key", "sk_test_sdk")
        stripe.Charge.create(**ORDER)
        assert requests_of(service) == 2
        assert service.charged() == [2000]


def test_a_new_key_for_the_second_attempt_charges_twice() -> None:
    with lab(lose={("reply", 1)}) as service:
        with pytest.raises(stripe.APIConnectionError):
            charges(service, retries=0).create(ORDER)
        charges(service, retries=0).create(ORDER)
        assert service.charged() == [2000, 2000]


@pytest.mark.parametrize(
    ("params", "kind", "status", "code", "param"),
    [
        ({"amount": 0}, WRONG, 400, "parameter_invalid_integer", "amount"),
        (
            {"amount": 1.5},
            stripe.InvalidRequestError,
            400,
            "parameter_invalid_integer",
            "amount",
        ),
        ({"capture": True}, WRONG, 400, "parameter_unknown", "capture"),
        ({"currency": "xyz"}, WRONG, 400, "parameter_invalid", "currency"),
        ({"source": "tok_chargeDeclined"}, stripe.CardError, 402, "card_declined", ""),
    ],
)
def test_errors_are_of_the_kinds_that_the_client_tells_apart(
    service: Lab, params: dict[str, Any], kind: type[Any], status: int, code: str, param: str
) -> None:
    with pytest.raises(kind) as caught:
        charges(service).create(ORDER | params)
    assert (caught.value.http_status, caught.value.code) == (status, code)
    assert (caught.value.param or "") == param
    assert caught.value.request_id.startswith("req_")
    assert requests_of(service) == 1  # asking again would change nothing


def test_a_key_used_for_something_else_is_an_idempotency_error(service: Lab) -> None:
    first = charges(service).create(ORDER, KEY)
    with pytest.raises(stripe.IdempotencyError):
        charges(service).create(ORDER | {"amount": 1}, KEY)
    assert charges(service).create(ORDER, KEY).id == first.id
    assert service.charged() == [2000]


def test_without_a_secret_there_is_an_authentication_error(service: Lab) -> None:
    with pytest.raises(stripe.AuthenticationError):
        charges(service, secret="nobody").create(ORDER)


def test_accounts_do_not_see_each_others_charges(service: Lab) -> None:
    mine, theirs = (charges(service, secret=f"sk_test_{name}") for name in ("a", "b"))
    charge = mine.create(ORDER, KEY)
    assert theirs.create(ORDER, KEY).id != charge.id
    with pytest.raises(stripe.InvalidRequestError, match="No such charge") as caught:
        theirs.retrieve(charge.id)
    assert caught.value.http_status == 404
    assert len(theirs.list().data) == 1


def test_two_at_once_are_one_charge_and_the_second_is_told_to_wait() -> None:
    with lab(hold_at="claimed") as service:
        create = charges(service, retries=0).create
        with at_once(lambda: create(ORDER, KEY)) as first:
            service.gate.wait()
            with pytest.raises(stripe.APIError) as caught:
                create(ORDER, KEY)
            service.gate.open()
            charge = first()
        assert isinstance(charge, stripe.Charge)
        assert caught.value.http_status == 409
        assert (caught.value.headers or {})["Retry-After"] == "1"
        assert create(ORDER, KEY).id == charge.id
        assert service.charged() == [2000]


def test_a_conflict_is_retried_by_the_client_until_its_retries_are_used_up() -> None:
    with lab(hold_at="claimed") as service:
        with at_once(lambda: charges(service).create(ORDER, KEY)) as first:
            service.gate.wait()
            with pytest.raises(stripe.APIError) as caught:
                charges(service, retries=2).create(ORDER, KEY)
            service.gate.open()
            first()
        assert caught.value.http_status == 409
        assert requests_of(service) == 1 + 3
        assert service.charged() == [2000]


def test_a_failure_is_kept_and_the_client_is_told_not_to_retry() -> None:
    nobody = Card("http://127.0.0.1:1")
    with lab(card=nobody) as service:
        for replayed in (None, "true"):
            with pytest.raises(stripe.APIError) as caught:
                charges(service).create(ORDER, KEY)
            headers: Any = caught.value.headers
            assert (caught.value.http_status, headers["Stripe-Should-Retry"]) == (500, "false")
            assert headers.get("Idempotent-Replayed") == replayed
        assert requests_of(service) == 2


@pytest.mark.parametrize("seconds", [86_399, 86_400])
def test_a_key_is_kept_for_a_day(service: Lab, seconds: int) -> None:
    first = charges(service).create(ORDER, KEY)
    service.now_s += seconds
    assert (charges(service).create(ORDER, KEY).id == first.id) is (seconds < 86_400)
