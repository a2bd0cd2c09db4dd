"""Compile the standard library within Pyodide, for whoever starts it later.

Only what each start imports is compiled, since source is smaller. The archive has no
compression of its own: it is compressed as a whole.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from py_compile import PycInvalidationMode, compile

LIBRARY = next((path for path in sys.path if path.endswith(".zip")), "")
STARTED = {getattr(module, "__file__", None) for module in sys.modules.values()}
LEFT_OUT = {
    "_pyrepl", "bdb", "ftplib", "imaplib", "mailbox", "multiprocessing", "pdb", "poplib",
    "pydoc", "smtplib", "socketserver", "wsgiref", "xmlrpc",
}  # fmt: skip
"""What needs a process, a socket or a terminal, for a page has none."""


def library(source: str, target: str) -> None:
    """Write the archive of the standard library anew."""
    with zipfile.ZipFile(source) as held, zipfile.ZipFile(target, "w") as written:
        for name in held.namelist():
            if name.partition("/")[0].removesuffix(".py") in LEFT_OUT:
                continue
            data, place = held.read(name), f"{LIBRARY}/{name}"
            if place in STARTED:
                name, data = f"{name}c", compiled(data, place)
            written.writestr(zipfile.ZipInfo(name), data)


def compiled(data: bytes, place: str) -> bytes:
    """Return the bytecode of a module, which is valid for this source, whatever its time."""
    Path("made.py").write_bytes(data)
    unchecked = PycInvalidationMode.UNCHECKED_HASH
    compile("made.py", "made.pyc", place, doraise=True, invalidation_mode=unchecked)
    return Path("made.pyc").read_bytes()
