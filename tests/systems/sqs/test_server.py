"""SQS starts by itself, on loopback, with a clock that does as it is told."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from delivery_semantics import Message
from delivery_semantics.systems.http.client import Request, ask
from delivery_semantics.systems.server import HOST, ServerMissing, started
from delivery_semantics.systems.sqs import client, server
from delivery_semantics.systems.sqs.emulator import CLOCK
from delivery_semantics.systems.sqs.frames import between

pytestmark = pytest.mark.slow


def test_the_server_that_the_variable_names_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(server.VARIABLE, "https://sqs.eu-central-1.amazonaws.com")
    with server.running() as url:
        assert url == "https://sqs.eu-central-1.amazonaws.com"


def test_without_an_emulator_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(server, "EMULATOR", "no_such_package")
    with pytest.raises(ServerMissing, match=r"pip install ministack.*AWS_ENDPOINT_URL_SQS"):
        server.prepare(tmp_path)


def test_it_listens_on_loopback_only_and_nothing_is_left() -> None:
    with started(server.NAME, server.prepare) as running:
        place = urlsplit(running.address)
        folder = running.folder
        assert place.hostname == HOST
        own = socket.gethostbyname(socket.gethostname())
        if own != HOST:  # the machine's other address, where it has one
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((own, place.port), 1.0)
    assert not folder.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, place.port or 0), 1.0)


def test_it_is_no_other_service_of_aws(url: str) -> None:
    asked = Request("POST", "/", (("X-Amz-Target", "DynamoDB_20120810.ListTables"),), b"{}")
    assert ask(url, asked).status == 400


def test_time_passes_at_once_and_only_when_told(url: str) -> None:
    sqs = client.connect(url)
    with client.queue(sqs, visibility_s=1000) as queue:
        client.send_payment(sqs, queue, Message("1"))
        assert client.receive_messages(sqs, queue)
        began_s = time.monotonic()
        server.pass_time(url, 999)
        assert not client.receive_messages(sqs, queue)
        server.pass_time(url, 1)
        assert client.receive_messages(sqs, queue)
        assert time.monotonic() - began_s < 60
    sqs.close()


@pytest.mark.parametrize("asked", [b"", b"-1", b"soon", b"1e99", b"nan"])
def test_an_order_to_the_clock_that_is_none_is_refused(url: str, asked: bytes) -> None:
    reply = ask(url, Request("POST", CLOCK, body=asked))
    assert reply.status == 400
    assert reply.json()["error"]


def test_a_time_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="seconds"):
        server.pass_time(url, -1)


def test_at_aws_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    server.pass_time("https://sqs.eu-central-1.amazonaws.com", 301)
    assert waited == [301]


def test_nobody_reads_a_connection_to_aws() -> None:
    with pytest.raises(ValueError, match=r"allowed: http://"):
        between("https://sqs.eu-central-1.amazonaws.com")


def test_an_emulator_is_told_no_credentials_of_anybody(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    sqs = client.connect(url)
    assert sqs._request_signer._credentials.access_key == "book"
    sqs.close()
    assert os.environ["AWS_ACCESS_KEY_ID"] == "somebody"
