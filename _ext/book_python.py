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
from typing import Any

from flit_core.wheel import make_wheel_in
from get_pyodide import PLACE, PyodideMissing, get, library, locked
from house import FACE, ROOMS, House
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
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


def runtime() -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the interpreter's files, and the part of its lock that it looks at.

    Raises PyodideMissing if it cannot be had.
    """
    with tarfile.open(get()) as held:
        names = (*RUNTIME, "pyodide-lock.json")
        members = {name: held.extractfile(f"package/{name}") for name in names}
        files = {name: member.read() for name, member in members.items() if member}
    files["python_stdlib.zip"] = library()
    lock = json.loads(files.pop("pyodide-lock.json"))
    return files, {"info": lock["info"], "packages": {}}


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
    """Write the files, and the list of them that the page reads first.

    Where the interpreter cannot be had the list is empty, and one line says why. Raises
    ExtensionError if it is required.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        held, lock = runtime()
    except PyodideMissing as missing:
        if required():
            raise ExtensionError(f"Python in the page is required: {missing}") from missing
        print(f"Python in the page is left out: {missing}.")
        _write_list(folder, {}, {}, MISSING)
        return
    files = {
        name: _write_packed(folder, name, data)
        for name, data in {**held, PACKAGE: package()}.items()
    }
    _write_list(folder, files, lock, "")
    python = lock["info"]["python"]
    notice = (PLACE / "NOTICE").read_text(encoding="utf-8")
    (folder / "NOTICE").write_text(
        notice.format(pyodide=locked()[0], python=python), encoding="utf-8"
    )


def _write_packed(folder: Path, name: str, data: bytes) -> dict[str, object]:
    packed = gzip.compress(data, 9, mtime=0)
    # No suffix of a compressed file: some hosts would say that they have compressed it.
    path = f"{name}.{hashlib.sha256(packed).hexdigest()[:12]}.bin"
    (folder / path).write_bytes(packed)
    return {"path": path, "bytes": len(packed)}


def _write_list(folder: Path, files: object, lock: object, missing: str) -> None:
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
