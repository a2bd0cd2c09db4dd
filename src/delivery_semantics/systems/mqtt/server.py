"""A mosquitto of this book's own: an MQTT broker on a free port of loopback.

Where ``MQTT_URL`` names a broker, that one is used, and nothing is started. Otherwise the one
that ``make rabbitmq`` has unpacked beside RabbitMQ runs in a temporary folder, or an installed
one. It keeps sessions and messages in memory, and writes them down when it is ended by SIGTERM;
SIGKILL loses them, as with mosquitto's own settings.

Book: 09-comparison-table
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

NAME, VARIABLE = "mosquitto", "MQTT_URL"
HOW_TO_GET_IT = (
    "no mosquitto found: apt-get install mosquitto, or make rabbitmq gets one, as root; "
    f"or name a running MQTT broker in {VARIABLE}=mqtt://127.0.0.1:1883"
)
PROGRAM = "/usr/sbin/mosquitto"
"""Where Debian has it, which is not on everybody's PATH."""

SETTINGS = """\
listener {port} {host}
allow_anonymous true
persistence true
persistence_location {home}/
log_dest stderr
"""


def running() -> AbstractContextManager[str]:
    """Yield the URL of an MQTT broker: ``MQTT_URL``, or one that ends with the block.

    Raises ServerMissing, and ServerFailed with the server's own words if it does not start.
    """
    return address(NAME, prepare, variable=VARIABLE)


def restartable() -> AbstractContextManager[Server]:
    """Start a mosquitto that may be ended and started again; it ends with the block.

    Raises what ``running`` does.
    """
    return started(NAME, prepare)


def prepare(folder: Path) -> Launch:
    """Return how a mosquitto is started in ``folder``. Raises ServerMissing."""
    installed = PROGRAM if Path(PROGRAM).exists() else shutil.which(NAME)
    root = None if installed else find_root()
    if not (root or installed):
        raise ServerMissing(HOW_TO_GET_IT)
    home, [port] = FOLDER if root else folder, free_ports(1)
    settings = folder / "mosquitto.conf"
    settings.write_text(SETTINGS.format(host=HOST, port=port, home=home))
    settings.chmod(0o644)
    user, url = hand_over(folder), f"mqtt://{HOST}:{port}"
    serve = [installed or PROGRAM, "-c", str(home / settings.name)]
    return Launch(
        command=within(root, folder, serve) if root else serve,
        user=None if root else user,  # a root can be entered by root only; in there, nobody
        address=lambda: url if found_in(folder / LOG, r"mosquitto version .* running") else "",
    )
