"""Python in the page: the files that _static/python.js asks for, in _static/python.

The interpreter is Pyodide's, as its lock names it. The package is what flit builds from this
source in this build, of which the rooms are kept that the room ``play`` stands on. Each file is
compressed here, so that it weighs the same on any host, and its hash is in its name, so that a
browser never mixes two builds.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from flit_core.wheel import make_wheel_in
from get_pyodide import PyodideMissing, get
from house import FACE, ROOMS, House
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "_static/python"
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
PACKAGE = "package.zip"
MISSING = "Python was left out of this build of the book."


def rooms() -> set[str]:
    """Return the rooms that a page needs: ``play``, the face's, and all that these stand on."""
    needed = {"play", *(target for source, target in House().arrows() if source == FACE)}
    for room in reversed(ROOMS):  # a room stands after those that it imports
        needed.update(ROOMS[room] if room in needed else ())
    return needed


def runtime() -> tuple[dict[str, bytes], dict[str, object]]:
    """Return the interpreter's files, and the part of its lock that it looks at.

    Raises PyodideMissing if it cannot be had.
    """
    with tarfile.open(get()) as archive:
        names = (*RUNTIME, "pyodide-lock.json")
        members = {name: archive.extractfile(f"package/{name}") for name in names}
        held = {name: member.read() for name, member in members.items() if member}
    lock = json.loads(held.pop("pyodide-lock.json"))
    return held, {"info": lock["info"], "packages": {}}


def package() -> bytes:
    """Return the package as an archive: of flit's wheel, what a page needs."""
    kept = io.BytesIO()
    wanted = {*rooms(), f"{FACE}.py"}
    with tempfile.TemporaryDirectory() as folder:
        built = make_wheel_in(ROOT / "pyproject.toml", Path(folder)).file
        with zipfile.ZipFile(built) as wheel, zipfile.ZipFile(kept, "w") as archive:
            for info in wheel.infolist():
                place, *path = info.filename.split("/")
                if place == "delivery_semantics" and path[0] in wanted:
                    archive.writestr(zipfile.ZipInfo(info.filename), wheel.read(info))
    return kept.getvalue()


def required() -> bool:
    """Whether nothing may be left out: in CI, or where REQUIRE_ALL is set."""
    values = (os.environ.get(name, "") for name in ("CI", "REQUIRE_ALL"))
    return any(value not in ("", "0", "false") for value in values)


def write(folder: Path) -> None:
    """Write the files, and the list of them that the page reads first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        held, lock = runtime()
    except PyodideMissing as missing:
        if any(
            os.environ.get(name, "") not in ("", "0", "false") for name in ("CI", "REQUIRE_ALL")
        ):
            raise
        print(f"Python in the page is left out: {missing}.")
        _list(folder, {}, {}, MISSING)
        return
    listed = {}
    for name, data in {**held, PACKAGE: package()}.items():
        packed = gzip.compress(data, 9, mtime=0)
        path = f"{name}.{hashlib.sha256(packed).hexdigest()[:12]}.bin"
        (folder / path).write_bytes(packed)
        listed[name] = {"path": path, "bytes": len(packed)}
    _list(folder, listed, lock, "")


def _list(folder: Path, files: object, lock: object, missing: str) -> None:
    values = {"FILES": files, "LOCK": lock, "MISSING": missing}
    lines = [f"export const {name} = {json.dumps(value)};\n" for name, value in values.items()]
    (folder / "files.js").write_text("".join(lines), encoding="utf-8")


def add_python(app: Sphinx, exception: Exception | None) -> None:
    """Put Python's files into the site when its pages are written."""
    if exception is None and app.builder.format == "html":
        write(Path(app.outdir) / FOLDER)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what is done at the end of a build."""
    app.connect("build-finished", add_python)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
