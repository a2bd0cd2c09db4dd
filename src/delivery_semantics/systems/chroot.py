"""Programs of another Debian, unpacked in the user's cache, run as if they were installed here.

RabbitMQ 4 and mosquitto need libraries that this machine's distribution may not have. So they
run in a root of their own (chroot), in a mount namespace of their own: what is mounted for them
is gone with them. Root drops its rights in there; everybody else needs no rights for it, but a
kernel that lets them be root in a user namespace.

Book: 12-rabbitmq
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .cache import cache

FOLDER = Path("/mnt")
"""Where the server's folder is, seen from in there."""

ENTER = """
mount --rbind /proc "$1/proc" && mount --rbind /dev "$1/dev" && mount --bind "$2" "$1/mnt" &&
user=$3 && root=$1 && shift 3 && exec chroot $user "$root" "$@"
"""
AS_NOBODY = "--userspec=nobody:nogroup"


def find_root() -> Path | None:
    """Return the root that ``make rabbitmq`` has made, if it is there and can be entered."""
    root = cache("rabbitmq-4")
    entered = root.is_dir() and subprocess.run(
        within(root, root / "mnt", ["true"]), capture_output=True
    )
    return root if entered and entered.returncode == 0 else None


def within(root: Path, folder: Path, command: Sequence[str]) -> list[str]:
    """Return what runs a command in a root, with ``folder`` as ``FOLDER`` in there.

    The command takes the place of what is returned: signals reach it. Processes of root run
    there as nobody.
    """
    privileged = os.geteuid() == 0
    unshare = ["unshare", "--mount", *([] if privileged else ["--map-root-user"])]
    user = AS_NOBODY if privileged else ""
    return [*unshare, "sh", "-c", ENTER, "sh", str(root), str(folder), user, *command]
