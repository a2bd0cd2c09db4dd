"""A RabbitMQ of this book's own: one node on free ports of loopback, with its streams.

Where ``AMQP_URL`` names a broker, that one is used, and nothing is started. Otherwise the one
that ``make rabbitmq`` has unpacked runs in a temporary folder, or an installed one of whatever
version. Erlang's port mapper (epmd), which would outlive its node, is started with it, on a
port of its own, and ends with it. A SIGKILL loses nothing that is durable and confirmed.

Streams have a protocol and a port of their own. The URL tells it: ``#stream=5552``, which
is the usual one and may be left out.

Book: 12-rabbitmq
"""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from ..chroot import FOLDER, find_root, within
from ..server import (
    HOST,
    LOG,
    Launch,
    Server,
    ServerMissing,
    address,
    found_in,
    free_ports,
    hand_over,
    started,
)

NAME, VARIABLE = "RabbitMQ", "AMQP_URL"
HOW_TO_GET_IT = (
    f"no RabbitMQ found: make rabbitmq gets one, as root, or apt-get install rabbitmq-server; "
    f"or name a running one in {VARIABLE}=amqp://guest:guest@127.0.0.1:5672/"
)
PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""Where Debian has it; the one of its PATH runs as the user rabbitmq only."""

SERVE = """
epmd &
until epmd -names >/dev/null 2>&1; do
    kill -0 $! || { echo "epmd, its port mapper, has ended"; exit 1; }
    sleep 0.02
done
exec "$0"
"""
SETTINGS = """\
listeners.tcp.1 = {host}:{amqp}
stream.listeners.tcp.1 = {host}:{stream}
stream.advertised_host = {host}
stream.advertised_port = {stream}
raft.wal_max_size_bytes = 16777216
"""
IDLE = "+sbwt none +sbwtdcpu none +sbwtdio none"
"""Erlang's threads wait without keeping a core busy."""


def running() -> AbstractContextManager[str]:
    """Yield the URL of a RabbitMQ: ``AMQP_URL``, or one that ends with the block.

    Raises ServerMissing, and ServerFailed with the server's own words if it does not start.
    """
    return address(NAME, prepare, variable=VARIABLE)


def restartable() -> AbstractContextManager[Server]:
    """Start a RabbitMQ that may be killed and started again; it ends with the block.

    Its ports and its data stay the same. Raises what ``running`` does.
    """
    return started(NAME, prepare)


def prepare(folder: Path) -> Launch:
    """Return how a RabbitMQ is started in ``folder``. Raises ServerMissing."""
    root, program = find_root(), find_program()
    if not (root or program):
        raise ServerMissing(HOW_TO_GET_IT)
    home = FOLDER if root else folder
    amqp, stream, nodes, mapper = free_ports(4)
    settings, plugins = folder / "rabbitmq.conf", folder / "plugins"
    settings.write_text(SETTINGS.format(host=HOST, amqp=amqp, stream=stream))
    plugins.write_text("[rabbitmq_stream].")
    for file in (settings, plugins):
        file.chmod(0o644)
    user = hand_over(folder)
    serve = ["sh", "-c", SERVE, PROGRAM if root else program]
    url = f"amqp://guest:guest@{HOST}:{amqp}/#stream={stream}"
    return Launch(
        command=within(root, folder, serve) if root else serve,
        # It runs as nobody in either case; a root can be entered by root only.
        user=None if root else user,
        environment=_environment(home, nodes, mapper),
        address=lambda: url if found_in(folder / LOG, "Server startup complete") else "",
    )


def find_program() -> str:
    """Return the server that is installed, "" if none is."""
    return PROGRAM if Path(PROGRAM).exists() else shutil.which("rabbitmq-server") or ""


def _environment(home: Path, nodes: int, mapper: int) -> dict[str, str]:
    local = "-kernel inet_dist_use_interface {127,0,0,1}"
    return {
        "HOME": str(home), "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "ERL_EPMD_ADDRESS": HOST, "ERL_EPMD_PORT": str(mapper),
        "RABBITMQ_NODENAME": "lab@localhost", "RABBITMQ_DIST_PORT": str(nodes),
        "RABBITMQ_MNESIA_BASE": f"{home}/data", "RABBITMQ_LOG_BASE": f"{home}/logs",
        "RABBITMQ_LOGS": "-", "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/plugins",
        "RUNNING_UNDER_SYSTEMD": "1",  # no shell stands before Erlang, and takes its signals
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{local} {IDLE}",
    }  # fmt: skip
