"""Python for the page comes by its lock, or one line says why it does not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import book_python
import get_pyodide
import pytest
from get_pyodide import PyodideMissing, get, locked
from sphinx.errors import ExtensionError


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without npm, without an index of packages, and with an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("CI", "REQUIRE_ALL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_without_npm_and_without_an_index_one_line_says_so(bare: Path) -> None:
    with pytest.raises(PyodideMissing, match=r"^no npm found, and none could be fetched as a"):
        get()


def test_npm_that_reaches_nothing_says_so(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = shutil.which("npm", path=os.defpath)
    if npm is None:
        pytest.skip("no npm found")
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setenv("npm_config_offline", "true")
    monkeypatch.setenv("npm_config_cache", str(bare))
    with pytest.raises(
        PyodideMissing, match=r"^npm did not fetch pyodide@[\d.]+: .*"
    ) as raised:
        get()
    assert "\n" not in str(raised.value)


def test_what_is_not_the_locks_is_thrown_away(bare: Path) -> None:
    kept = bare / "cache" / "delivery-semantics" / "pyodide" / f"pyodide-{locked()[0]}.tgz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"another")
    with pytest.raises(PyodideMissing, match="is not the one that its lock names"):
        get()
    assert not kept.exists()


def test_a_book_without_it_says_so_once_and_the_page_knows(
    bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book_python.write(bare / "python")
    assert capsys.readouterr().out == (
        "Python in the page is left out: no npm found, and none could be fetched as a wheel.\n"
    )
    assert (bare / "python" / "files.js").read_text(encoding="utf-8") == (
        "export const FILES = {};\nexport const LOCK = {};\n"
        f'export const MISSING = "{book_python.MISSING}";\n'
    )


@pytest.mark.parametrize("name", ["CI", "REQUIRE_ALL"])
def test_where_nothing_may_be_left_out_it_is_an_error(
    bare: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "true")
    with pytest.raises(ExtensionError, match="Python in the page is required: no npm found"):
        book_python.write(bare / "python")


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    try:
        get_pyodide.get()
    except PyodideMissing as missing:
        pytest.skip(str(missing))
    for folder in ("one", "two"):
        book_python.write(tmp_path / folder)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
        for folder in ("one", "two")
    )
    assert first == second
