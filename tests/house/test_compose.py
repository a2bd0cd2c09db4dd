"""The servers that docker starts are those of the rooms: pinned, on loopback, set as theirs."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from delivery_semantics.systems.kafka import server as kafka
from delivery_semantics.systems.mqtt import server as mqtt
from delivery_semantics.systems.rabbitmq import server as rabbitmq
from delivery_semantics.systems.rabbitmq.frames import stream_port
from delivery_semantics.systems.server import HOST
from delivery_semantics.systems.sqs import server as sqs

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXPORTED = dict(re.findall(r"^# +export (\w+)=(\S+)$", TEXT, re.MULTILINE))
PUBLISHED = [port for service in SERVICES.values() for port in service["ports"]]

each_service = pytest.mark.parametrize("name", SERVICES)


def port_of(url: str) -> int | None:
    return urlsplit(url if "://" in url else f"//{url}").port


@each_service
def test_an_image_is_pinned_to_one_version(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:\d+\.\d+(\.\d+)?", SERVICES[name]["image"])


@each_service
def test_a_server_is_reached_from_this_machine_only(name: str) -> None:
    assert "network_mode" not in SERVICES[name]
    for port in SERVICES[name]["ports"]:
        assert re.fullmatch(rf"{re.escape(HOST)}:(\d+):\1", port), port


def test_its_head_names_the_variable_of_each_server_and_where_it_is_published() -> None:
    named = {kafka.VARIABLE, rabbitmq.VARIABLE, sqs.VARIABLE, mqtt.VARIABLE, "DATABASE_URL"}
    assert set(EXPORTED) == named
    ports = {*map(port_of, EXPORTED.values()), stream_port(EXPORTED[rabbitmq.VARIABLE])}
    assert sorted(f"{HOST}:{port}:{port}" for port in ports) == sorted(PUBLISHED)
    assert all(f"{HOST}:" in url for url in EXPORTED.values())


def test_kafka_is_set_as_the_lab_sets_its_own() -> None:
    given = SERVICES["kafka"]["environment"]
    lines = kafka.SETTINGS.splitlines()
    settings = dict(line.split("=") for line in lines if not re.search(r"[#{]", line))
    wanted = {f"KAFKA_{name.replace('.', '_').upper()}": v for name, v in settings.items()}
    assert {name: str(given.get(name)) for name in wanted} == wanted
    assert SERVICES["kafka"]["image"].endswith(f":{kafka.VERSION}")


def test_rabbitmq_has_its_streams() -> None:
    mounted = {each["target"]: each["source"] for each in SERVICES["rabbitmq"]["configs"]}
    content = {file: COMPOSE["configs"][name]["content"] for file, name in mounted.items()}
    assert content == {
        "/etc/rabbitmq/enabled_plugins": "[rabbitmq_stream].",
        "/etc/rabbitmq/conf.d/20-stream.conf": f"stream.advertised_host = {HOST}",
    }


def test_the_emulator_is_the_one_of_the_lock() -> None:
    version = metadata.version(sqs.EMULATOR)
    assert SERVICES["sqs"]["image"].endswith(f"/{sqs.EMULATOR}:{version}")


def test_the_readme_names_it() -> None:
    assert "](compose.yaml)" in (ROOT / "README.md").read_text(encoding="utf-8")
