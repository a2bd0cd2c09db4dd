"""A service that is wrong in one way is convicted of exactly that, and ours of nothing."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import select
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from delivery_semantics.databases import Connections, empty_place
from delivery_semantics.experiments.stripe.outside import Documents
from delivery_semantics.idempotency import IETF_DRAFT, STRIPE, KeyStore, Profile
from delivery_semantics.idempotency.__main__ import main
from delivery_semantics.idempotency.check import CheckResult, Template, check_service
from delivery_semantics.idempotency.check.wire import OneAddress, Spent, WireRequest
from delivery_semantics.systems.http.serving import serving
from delivery_semantics.systems.payments import payments_app
from tests.idempotency.threaded import threaded

pytestmark = pytest.mark.slow
Answer = tuple[int, bytes]
Kept = tuple[float, bytes, Answer | None]
EXPIRES_S = 60.0
FAILING, DECLINED, REFUSED, LARGE = -1, -2, -3, -4
STATUSES = {FAILING: 500, DECLINED: 402, REFUSED: 400}
TOGETHER_S = 60.0
"""How long a service waits for another copy that takes no notice of it."""


@dataclass
class Service:
    """A service with idempotency keys in memory, right but for what is in ``wrong``."""

    stripe: bool
    wrong: frozenset[str] = frozenset()
    now_s: float = 0.0
    kept: dict[tuple[str, str], tuple[float, bytes, Answer | None]] = field(
        default_factory=dict
    )
    effects: list[str] = field(default_factory=list)
    gone: set[tuple[str, str]] = field(default_factory=set)
    runs: int = 0
    asked: int = 0
    redirect: str = ""
    retry_after: str | None = "1"
    refused: threading.Event = field(default_factory=threading.Event)
    header: str = "idempotency-key"
    lock: threading.Lock = field(default_factory=threading.Lock)
    copies: Counter[str] = field(default_factory=Counter)
    come: threading.Condition = field(default_factory=threading.Condition)

    def answer(self, handler: BaseHTTPRequestHandler) -> tuple[Answer, bool]:
        """Return the answer, and whether it was kept."""
        self.asked += 1
        if self.redirect:
            return (307, b""), False
        account = str(handler.headers["X-Account"])
        names = [name for name in handler.headers if name.lower() == self.header]
        if "h10" in self.wrong:
            names = [name for name in names if name != name.upper()]
        key = handler.headers[names[0]].strip() if names else ""
        key = key if self.stripe or "h11" in self.wrong else key.strip('"')
        owner = "" if "h19" in self.wrong else account
        if handler.command == "GET":
            return self.look(account, (owner, key if names else "none")), False
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        if not names:
            required = self.stripe == ("h6" in self.wrong)
            return (400, b"no key") if required else self.carry_out(account, body), False
        bare = key.strip('"')
        if not bare and "h12" not in self.wrong:
            return (400, b"empty key"), False
        if len(bare) > 255 and "h13" not in self.wrong:
            return (400, b"long key"), False
        if handler.path != "/orders" and "h4 elsewhere" not in self.wrong:
            if self.stripe:
                return (400, b"another request"), False
            key += handler.path
        name = (owner, "" if "h8" in self.wrong else key)
        return self.with_key(handler.connection, account, name, body)

    def look(self, account: str, name: tuple[str, str]) -> Answer:
        _, _, answer = self.kept.get(name, (0, b"", None))
        if "h7" in self.wrong and answer:
            return answer
        mine = [one for one in self.effects if one.startswith(account)]
        return 200, json.dumps({"data": mine}).encode()

    def with_key(
        self, connection: socket.socket, account: str, name: tuple[str, str], body: bytes
    ) -> tuple[Answer, bool]:
        with self.lock:
            since, of, answer = self.kept.get(name, (0, b"", None))
            if name in self.kept and ("h9" in self.wrong or self.now_s - since < EXPIRES_S):
                if of != body and "h4" not in self.wrong:
                    if "h5" in self.wrong:
                        del self.kept[name]
                    return (400 if self.stripe else 422, b"another request"), False
                if answer:
                    return answer, True
                if "h3" not in self.wrong:
                    self.refused.set()
                    return (409, b"in use"), False
            self.kept[name] = (self.now_s, body, None)
            self.refused.clear()
        if name[1].startswith("3-") and "h3" not in self.wrong:
            self.refused.wait()  # of the copies in H3 one at least is refused, in any order
        answer = self.carry_out(account, body)
        if "h3" in self.wrong and name[1].startswith("3-"):
            self.wait_for_another(name[1])
        self.keep(connection, name, body, answer)
        return answer, False

    def keep(
        self, connection: socket.socket, name: tuple[str, str], body: bytes, answer: Answer
    ) -> None:
        failed = answer[0] == 500
        declined_forgotten = answer[0] == 402 and "h15" in self.wrong
        large_forgotten = json.loads(body)["amount"] == LARGE and "h16" in self.wrong
        refused_forgotten = answer[0] == 400 and "h20" not in self.wrong
        failed_forgotten = failed and self.stripe == ("h14" in self.wrong)
        is_left = bool(self.wrong & {"h18 stuck", "h18 again"}) and name[1] == "18-k"
        gone = is_left and name not in self.gone and left(connection)
        self.gone.add(name)
        if (failed and not failed_forgotten and not self.stripe) or (
            gone and "h18 stuck" in self.wrong
        ):
            return  # the key is in use for ever
        with self.lock:
            if (
                declined_forgotten or large_forgotten or refused_forgotten or failed_forgotten
            ) or gone:
                del self.kept[name]
            else:
                self.kept[name] = (self.now_s, body, answer)

    def carry_out(self, account: str, body: bytes) -> Answer:
        amount = json.loads(body)["amount"]
        with self.lock:
            self.runs += 1
            if amount in STATUSES:
                return STATUSES[amount], f"run {self.runs}".encode()
            self.effects.append(f"{account}-{self.runs}")
        return 201, json.dumps({"id": self.effects[-1]}).encode()

    def wait_for_another(self, key: str) -> None:
        with self.come:
            self.copies[key] += 1
            self.come.notify_all()
            self.come.wait_for(lambda: self.copies[key] > 1, TOGETHER_S)


def left(connection: socket.socket) -> bool:
    select.select([connection], [], [])  # the client of H18 says nothing more, it ends
    return connection.recv(1, socket.MSG_PEEK) == b""


class Quiet(ThreadingHTTPServer):
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave are part of the test."""


@contextmanager
def served(service: Service) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (status, text), kept = service.answer(self)
            self.send_response(status)
            lost = kept and "h2" in service.wrong
            self.send_header("Content-Type", "text/plain" if lost else "application/json")
            self.send_header("Content-Length", str(len(text)))
            marked = (kept and "h17" not in service.wrong) or "h17 first" in service.wrong
            if marked and self.command == "POST":
                self.send_header("Idempotent-Replayed", "true")
            if status == 409 and service.retry_after is not None:
                self.send_header("Retry-After", service.retry_after)
            if service.redirect:
                self.send_header("Location", service.redirect)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST

        def log_message(self, *values: object) -> None:
            """Say nothing."""

    with threaded(Quiet(("127.0.0.1", 0), Handler), "/orders") as url:
        yield url


def asked(url: str) -> Template:
    bodies = {"refused": REFUSED, "declined": DECLINED, "failing": FAILING, "large": LARGE}
    return Template(
        url=url,
        headers=(("X-Account", "alice"), ("Authorization", "Bearer s3cret")),
        body=b'{"amount": 1000}',
        bodies={name: b'{"amount": %d}' % amount for name, amount in bodies.items()},
        other_account=(("X-Account", "bob"),),
        count="/orders",
        expires_s=EXPIRES_S,
        elsewhere="POST /refunds",
    )


def checked(profile: Profile, *wrong: str, retry_after: str | None = "1") -> list[CheckResult]:
    service = Service(profile is STRIPE, frozenset(wrong), retry_after=retry_after)
    numbers = itertools.count()  # 0 is the request alone, then the number of the check

    def wait(seconds: float) -> None:
        service.now_s += seconds

    with served(service) as url:
        return check_service(asked(url), profile, wait=wait, new_key=lambda: str(next(numbers)))


def convicted(found: list[CheckResult]) -> set[str]:
    return {one.check.lower() for one in found if one.verdict == "does not hold"}


def verdicts(found: list[CheckResult]) -> dict[str, str]:
    return {one.check: one.verdict for one in found}


PROFILES = pytest.mark.parametrize("profile", [STRIPE, IETF_DRAFT], ids=["stripe", "draft"])
SINGLE = ["h2", "h4", "h5", "h6", "h7", "h9", "h10", "h12", "h13", "h14", "h15", "h16"]
SINGLE += ["h17 first", "h19", "h20"]


@PROFILES
def test_a_service_that_is_right_is_convicted_of_nothing(profile: Profile) -> None:
    found = verdicts(checked(profile))
    seen = {check for check, verdict in found.items() if verdict == "holds"}
    assert set(found) - seen == ({"H11"} if profile is STRIPE else set())


@PROFILES
@pytest.mark.parametrize("wrong", [*SINGLE, "h4 elsewhere", "h18 stuck", "h18 again"])
def test_a_service_that_is_wrong_in_one_way_is_convicted_of_that(
    profile: Profile, wrong: str
) -> None:
    assert convicted(checked(profile, wrong)) == {wrong.split()[0]}


def test_what_only_one_profile_asks_for_is_asked_there() -> None:
    assert convicted(checked(STRIPE, "h17")) == {"h17"}
    assert convicted(checked(IETF_DRAFT, "h17")) == set()
    assert convicted(checked(IETF_DRAFT, "h11")) == {"h11"}
    assert convicted(checked(STRIPE, "h11")) == set()


def test_what_a_key_means_elsewhere_is_said() -> None:
    found = {one.check: one for one in checked(STRIPE)}
    assert (found["H4"].verdict, found["H4"].why) == ("holds", "")
    found = {one.check: one for one in checked(IETF_DRAFT)}
    assert (found["H4"].verdict, found["H4"].why) == ("holds", "elsewhere it is another key")
    found = {one.check: one for one in checked(STRIPE, "h4 elsewhere")}
    assert "/refunds" in found["H4"].curl


def test_the_key_may_have_another_header(capsys: pytest.CaptureFixture[str]) -> None:
    service = Service(stripe=False, header="x-request-id")
    with served(service) as url:
        words = ["check", url, "--header", "X-Account: a", "--count", "/orders", "--json"]
        words += ["--body", '{"amount": 1}']
        assert main(words) == 2  # to this service it has no key
        assert main([*words, "--key-header", "X-Request-Id"]) == 0
    found = json.loads(capsys.readouterr().out)
    unseen = {one["check"] for one in found if one["verdict"] == "cannot be seen"}
    assert unseen == {"H9", "H14", "H15", "H16", "H19", "H20"}


@PROFILES
def test_copies_that_are_all_carried_out_are_seen(profile: Profile) -> None:
    found = convicted(checked(profile, "h3"))
    assert "h3" in found
    assert found <= {"h3", "h18"}  # whoever left, and its retry, are two copies too


@pytest.mark.parametrize(
    ("retry_after", "told"),
    [
        ("1", ("holds", "")),
        (None, ("holds", "409 without Retry-After")),
        ("0", ("does not hold", "409 with Retry-After: 0")),
    ],
)
def test_whether_a_409_tells_when_to_ask_again_is_said(
    retry_after: str | None, told: tuple[str, str]
) -> None:
    [found] = [one for one in checked(STRIPE, retry_after=retry_after) if one.check == "H3"]
    assert (found.verdict, found.why) == told


@PROFILES
def test_keys_that_are_all_the_same_are_seen(profile: Profile) -> None:
    assert "h8" in convicted(checked(profile, "h8"))


@pytest.mark.parametrize("seed", range(8))
def test_a_service_that_is_wrong_in_several_ways_is_convicted_of_each(seed: int) -> None:
    dice = random.Random(seed)
    wrong = set(dice.sample(SINGLE, dice.randint(2, 6)))
    if "h4" in wrong:
        wrong.discard("h5")  # what takes no notice of another request does no harm then
    found = convicted(checked(dice.choice([STRIPE, IETF_DRAFT]), *wrong))
    assert found == {one.split()[0] for one in wrong}


def test_without_a_way_to_count_only_what_answers_tell_is_said() -> None:
    service = Service(stripe=True)
    with served(service) as url:
        found = check_service(replace(asked(url), count="", bodies={}, expires_s=None), STRIPE)
    told = {one.check: one for one in found if one.verdict == "cannot be seen"}
    assert set(told) == {"H1", "H9", "H11", "H14", "H15", "H16", "H20"}
    assert "--count" in told["H1"].why
    assert "--failing-body" in told["H14"].why


def test_a_kept_answer_for_somebody_else_is_seen_by_its_body_too() -> None:
    service = Service(stripe=True, wrong=frozenset({"h17", "h19"}))
    with served(service) as url:
        found = check_service(replace(asked(url), count="", expires_s=None), STRIPE)
    assert "h19" in convicted(found)


def test_it_sends_no_more_than_it_may(capsys: pytest.CaptureFixture[str]) -> None:
    service = Service(stripe=True)
    with served(service) as url:
        found = check_service(asked(url), STRIPE, requests_max=12)
    assert service.asked == 12
    assert {one.why for one in found[-5:]} == {"all requests that were allowed are spent"}


def test_copies_that_may_not_all_be_sent_leave_no_connection_open() -> None:
    with served(Service(stripe=True)) as url:
        wire = OneAddress(url, requests_max=3, timeout_s=60.0)
        with pytest.raises(Spent):  # a connection left open would warn, and that is an error
            wire.at_once(WireRequest("POST", "/orders", body=b"{}"), 8)
    assert wire.left == 0


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    there, here = Service(stripe=True), Service(stripe=True)
    with served(there) as elsewhere, served(here) as url:
        here.redirect = elsewhere
        with pytest.raises(ValueError, match="count: answered 307"):
            check_service(asked(url), STRIPE)
    assert (here.asked, there.asked) == (1, 0)


# Real services


FORM = ("Content-Type: application/x-www-form-urlencoded", "Authorization: Bearer sk_test_a")
BODIES = {
    "--body": "amount=2000&currency=usd&source=tok_visa",
    "--refused-body": "amount=0&currency=usd&source=tok_visa",
    "--declined-body": "amount=2000&currency=usd&source=tok_chargeDeclined",
}


def command(url: str, profile: str, *more: str) -> int:
    words = ["check", f"{url}/v1/charges", "--profile", profile, *more]
    for option, value in BODIES.items():
        words += [option, value]
    for header in FORM:
        words += ["--header", header]
    words += ["--other-account", "Authorization: Bearer sk_test_b"]
    return main([*words, "--count", "/v1/charges?limit=100"])


@contextmanager
def payments(profile: Profile) -> Iterator[str]:
    with empty_place() as place:
        keys = KeyStore(Connections(place), clock=time.time, effects="in phases")
        with serving(payments_app(keys, profile=profile)) as url:
            yield url


def test_our_payments_service_is_convicted_of_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with payments(STRIPE) as url:
        assert command(url, "stripe", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["check"] for one in found] == [f"H{n}" for n in range(1, 21)]
    unseen = {one["check"] for one in found if one["verdict"] == "cannot be seen"}
    assert unseen == {"H9", "H11", "H14", "H16"}
    assert all(not one["curl"] for one in found)


def test_ours_in_the_drafts_profile_is_convicted_of_one_thing_that_it_wants(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with payments(IETF_DRAFT) as url:  # it gives a request without a key one of its own
        assert command(url, "draft", "--json") == 1
    assert {one["check"] for one in broken(capsys)} == {"H6"}


def broken(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    found = json.loads(capsys.readouterr().out)
    return [one for one in found if one["verdict"] == "does not hold"]


def test_the_documents_server_is_convicted_and_a_shell_sees_it_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with empty_place() as place, serving(Documents(place)) as url:
        assert command(url, "draft", "--json") == 1
        found = {one["check"]: one for one in broken(capsys)}
        assert {"H3", "H4", "H6", "H11", "H12", "H13", "H19"} <= set(found)
        line = found["H4"]["curl"]
        assert "sk_test" not in line
        if shutil.which("curl") and shutil.which("uuidgen"):
            environment = {**os.environ, "AUTHORIZATION": "Bearer sk_test_a"}
            done = subprocess.run(
                ["bash", "-c", line], env=environment, capture_output=True, text=True
            )
            assert re.findall(r"^HTTP/1.1 (\d+)", done.stdout, re.M) == ["200", "200"]


def test_a_table_is_printed_and_the_lines_for_a_shell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    service = Service(stripe=True, wrong=frozenset({"h4"}))
    with served(service) as url:
        words = ["check", url, "--profile", "stripe", "--body", '{"amount": 1}']
        assert main([*words, "--header", "X-Account: a", "--header", "Cookie: s3cret"]) == 1
    printed = capsys.readouterr().out
    assert "H4  does not hold   The key of another request is refused" in printed
    assert "H2  holds           A retry gets the first answer" in printed
    assert "\nH4: k=$(uuidgen); curl -i -X POST -H 'X-Account: a'" in printed
    assert "'Cookie: '\"$COOKIE\"''" in printed
    assert "s3cret" not in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ftp://127.0.0.1/"], "url is 'ftp://127.0.0.1/'; allowed: http://HOST"),
        (["http://127.0.0.1:1/"], "Connection refused"),
        (["http://127.0.0.1:1/", "--requests-max", "0"], "requests_max is 0; allowed:"),
        (["http://127.0.0.1:1/", "--body", "@/nowhere"], "No such file"),
        (["http://127.0.0.1:1/", "--elsewhere", "/x"], "elsewhere is '/x'; allowed: 'METHOD /"),
    ],
)
def test_what_its_user_can_mend_is_said_in_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(["check", *words])
    except SystemExit as ended:
        status = int(str(ended.code))
    assert status == 2
    assert said in capsys.readouterr().err
