"""The repository as a stranger meets it: lock, commands, wheel, Binder, workflow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import store_readme
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from starlette.applications import Starlette

import delivery_semantics

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
ADDRESS: str = PROJECT["project"]["urls"]["Repository"]
COPIES = {"CITATION.cff", "README.md", "_config.yml"}
LOCK = (ROOT / "requirements.lock").read_text()
PINS = [Requirement(line.rstrip(" \\")) for line in LOCK.splitlines() if "==" in line]
README = store_readme.README
MAKEFILE = (ROOT / "Makefile").read_text()


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment or None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of each file that version control does not ignore."""
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(set(folders) - ignored - {".git"})
        for path in (Path(folder, file) for file in sorted(files)):
            if path.suffix not in {".png", ".pyc", ".woff2"}:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


# The address and the version


def test_the_address_stands_in_one_place_and_in_the_copies_that_formats_force() -> None:
    found = {name for name, text in texts() if ADDRESS in text}
    assert found == {"pyproject.toml", *COPIES}


def test_every_link_to_the_repository_its_site_or_its_binder_is_made_of_its_address() -> None:
    owner, name = ADDRESS.removeprefix("https://github.com/").split("/")
    known = {f"{owner}/{name}", f"{owner}.github.io/{name}"}
    pattern = re.compile(r"(?:github\.com/|/gh/)([\w.-]+/[\w.-]+)|([\w-]+\.github\.io/[\w-]+)")
    found = {
        next(filter(None, match)).removesuffix(".git")
        for file in COPIES
        for match in pattern.findall((ROOT / file).read_text(encoding="utf-8"))
    }
    assert f"{owner}/{name}" in found
    assert found <= known


def test_the_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (
        citation["version"]
        == delivery_semantics.__version__
        == metadata.version("delivery-semantics")
    )


# The lock


def test_each_pin_of_the_lock_has_a_hash_and_the_lock_names_no_host() -> None:
    for entry in re.split(r"\n(?=\S)", LOCK):
        assert entry.startswith("#") or "--hash=sha256:" in entry, entry
    assert "://" not in LOCK
    assert not re.search(r"^ *-(?!-hash=)", LOCK, flags=re.MULTILINE)


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    pinned = {pin.name: pin.specifier for pin in PINS}
    groups: list[str] = [
        *PROJECT["build-system"]["requires"],
        *PROJECT["project"]["dependencies"],
        *(
            line
            for extra in PROJECT["project"]["optional-dependencies"].values()
            for line in extra
        ),
        *(line for group in PROJECT["dependency-groups"].values() for line in group),
    ]
    for wanted in map(Requirement, groups):
        version = str(pinned[canonicalize_name(wanted.name)]).removeprefix("==")
        assert wanted.specifier.contains(version), f"{wanted}, but {version}: run make lock"


def test_the_environment_is_the_lock() -> None:
    wanted = {
        pin.name: str(pin.specifier).removeprefix("==")
        for pin in PINS
        if pin.marker is None or pin.marker.evaluate()
    }
    installed = {name: metadata.version(name) for name in wanted}
    assert installed == wanted


# The package


def test_the_core_runs_on_a_bare_python() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); "
        "import delivery_semantics as e; "
        "[getattr(e, name) for name in e.__all__]; "
        "loaded = {name.split('.')[0] for name in sys.modules} - {'__main__'}; "
        "print(sorted(loaded - sys.stdlib_module_names))"
    )
    done = run(sys.executable, "-I", "-S", "-W", "error", "-c", code)
    assert done.stdout.strip() == "['delivery_semantics']"


def test_the_wheel_holds_the_whole_package_and_its_licence(tmp_path: Path) -> None:
    code = f"from flit_core.buildapi import build_wheel; build_wheel({str(tmp_path)!r})"
    done = run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stdout
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info" not in name}
        licences = [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]
    source = ROOT / "src"
    files = (path for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert packed == {path.relative_to(source).as_posix() for path in files}
    assert len(licences) == 1


# The commands


def test_make_help_lists_every_target() -> None:
    targets = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, flags=re.MULTILINE)[0].split())
    listed = set(
        re.findall(r"^  make (\w+) - \S", run("make", "help").stdout, flags=re.MULTILINE)
    )
    assert listed == targets


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_command_that_a_page_names_is_a_target(page: str) -> None:
    named = set(re.findall(r"make ([a-z]+)", (ROOT / page).read_text(encoding="utf-8")))
    assert {"book", "test"} <= named
    assert named <= set(re.findall(r"^([a-z]+):", MAKEFILE, flags=re.MULTILINE))


def test_the_readme_shows_what_its_example_prints() -> None:
    assert README.read_text(encoding="utf-8") == store_readme.readme()


def test_the_readmes_three_lines_put_the_layer_around_an_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"app": Starlette(), "account_of": lambda scope: "alice"}
    exec(code, names)
    (added,) = names["app"].user_middleware
    assert added.kwargs["keys"] is names["keys"]
    names["keys"].connections.close()
    assert (tmp_path / "payments.db").exists()


def test_the_readme_shows_the_picture_that_the_code_draws() -> None:
    assert store_readme.PICTURE.read_text(encoding="utf-8") == store_readme.picture()


def fake_python(folder: Path, name: str, *, version: str, before: str) -> None:
    """Write a program that is this Python but for what ``before`` takes from it."""
    path = folder / name
    path.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "Python {version}" && exit\n'
        f'exec "{sys.executable}" -c "import sys; {before}; exec(sys.argv[2])" "$@"\n'
    )
    path.chmod(0o755)


def find_python(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return run("/bin/sh", "tools/find_python.sh", PATH=str(path), **environment)


OLD = "sys.version_info = (3, 9, 1)"
NO_VENV = "sys.modules['ensurepip'] = None"


def test_a_python_that_is_too_old_is_named_in_one_line(tmp_path: Path) -> None:
    fake_python(tmp_path, "python3", version="3.9.1", before=OLD)
    done = find_python(tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(r"Python 3\.9\.1 .* too old: Python 3\.11 or later .*\n", done.stdout)


def test_a_python_without_venv_is_named_in_one_line_with_how_to_get_it(tmp_path: Path) -> None:
    fake_python(tmp_path, "python3.12", version="3.12.1", before=NO_VENV)
    done = find_python(tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(
        r"Python 3\.12\.1 .* apt-get install python3\.\d+-venv.*\n", done.stdout
    )


def test_no_python_at_all_is_said_in_one_line(tmp_path: Path) -> None:
    done = find_python(tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(r"no Python found: install Python 3\.11 or later.*\n", done.stdout)


def test_the_first_python_that_works_is_taken(tmp_path: Path) -> None:
    (tmp_path / "python3.13").write_text(
        "#!/bin/sh\nexit 127\n"
    )  # a launcher, nothing behind it
    (tmp_path / "python3.13").chmod(0o755)
    fake_python(tmp_path, "python3.12", version="3.12.1", before=NO_VENV)
    fake_python(tmp_path, "python3.11", version="3.11.7", before="pass")
    assert find_python(tmp_path).stdout == "python3.11\n"


def test_the_python_that_is_named_is_the_only_one_tried(tmp_path: Path) -> None:
    fake_python(tmp_path, "python3", version="3.11.7", before="pass")
    fake_python(tmp_path, "mine", version="3.9.1", before=OLD)
    assert find_python(tmp_path, PYTHON=sys.executable).stdout == f"{sys.executable}\n"
    assert find_python(tmp_path, PYTHON="mine").returncode == 1
    assert "no Python found at none" in find_python(tmp_path, PYTHON="none").stdout


# Binder


def test_binder_installs_the_lock_and_nothing_else() -> None:
    lines = (ROOT / "binder" / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "--require-hashes",
        "-r ../requirements.lock",
    ]
    assert "--no-deps --no-build-isolation" in (ROOT / "binder" / "postBuild").read_text()


@pytest.mark.slow
def test_repo2docker_accepts_the_configuration_and_runs_its_steps_in_order() -> None:
    done = run(
        Path(sys.executable).parent / "jupyter-repo2docker", "--no-build", "--debug", "."
    )
    assert done.returncode == 0, done.stdout
    steps = [
        "Building conda environment for python=3.11",
        "COPY --chown=0:0 src/ ${REPO_DIR}/",
        'pip install --no-cache-dir -r "binder/requirements.txt"',
        "RUN ./binder/postBuild",
    ]
    places = [done.stdout.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)


# The workflow

WORKFLOW = (ROOT / ".github" / "workflows" / "book.yml").read_text()


def test_every_action_is_pinned_by_its_full_hash_and_says_its_version() -> None:
    used = re.findall(r"uses: *(.*)", WORKFLOW)
    assert used
    for line in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_the_workflow_may_write_only_where_it_publishes() -> None:
    workflow = yaml.safe_load(WORKFLOW)
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    assert [name for name, job in jobs.items() if "permissions" in job] == ["publish"]
    assert jobs["publish"]["permissions"] == {"pages": "write", "id-token": "write"}


def test_the_workflow_tests_the_oldest_and_the_newest_python() -> None:
    matrix = yaml.safe_load(WORKFLOW)["jobs"]["test"]["strategy"]["matrix"]["python"]
    claimed = [line.rsplit(" ")[-1] for line in PROJECT["project"]["classifiers"]]
    versions = sorted((v for v in claimed if v.startswith("3.")), key=lambda v: int(v[2:]))
    assert matrix == [versions[0], versions[-1]]
    allowed = SpecifierSet(PROJECT["project"]["requires-python"])
    assert versions[0] in allowed
    assert f"3.{int(versions[0][2:]) - 1}" not in allowed
