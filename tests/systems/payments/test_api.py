"""Schemathesis reads the OpenAPI description, tries the service, and finds nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from delivery_semantics.databases import Connections
from delivery_semantics.idempotency import KeyStore
from delivery_semantics.systems.http.serving import serving
from delivery_semantics.systems.payments import payments_app

pytestmark = pytest.mark.slow

# What is tried must not depend on which keys were tried before: each valid key is made new.
HOOKS = """
import re, uuid, schemathesis
from delivery_semantics.systems.payments.description import KEY_PATTERN

@schemathesis.auth()
class Secret:
    def get(self, case, context):
        return "sk_test_schemathesis"

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"

@schemathesis.hook
def before_call(context, case, kwargs):
    key = case.headers.get("Idempotency-Key")
    if key is not None and re.search(KEY_PATTERN, key):
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Connections]]:
    connections = Connections(f"sqlite:///{tmp_path / 'payments.db'}", synchronous="OFF")
    keys = KeyStore(connections, clock=time.time, effects="in phases")
    with serving(payments_app(keys)) as url:
        yield url, connections


def schemathesis(folder: Path, url: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "hooks.py").write_text(HOOKS)
    paths = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis", "run", f"{url}/openapi.json",
            "--no-color", "--max-examples", "40", "--generation-deterministic", *options,
        ],
        cwd=folder, env=os.environ | {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": paths},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_the_service_answers_as_it_is_described(
    served: tuple[str, Connections], tmp_path: Path
) -> None:
    url, connections = served
    done = schemathesis(tmp_path, url)
    assert done.returncode == 0, done.stdout
    assert "Operations:       3 selected / 3 total" in done.stdout
    tried = re.search(r"([0-9,]+) generated", done.stdout)
    assert tried is not None
    assert int(tried[1].replace(",", "")) > 200
    # It has really charged, with keys of its own and without.
    keys = [key for (key,) in connections.here().rows("SELECT key FROM idempotency_keys")]
    named = sum(not key.startswith("unnamed_") for key in keys)
    assert named > 20
    assert len(keys) - named > 5
