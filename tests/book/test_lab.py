"""In real JupyterLab a chapter runs, a slider changes a result, exercises and games answer."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, expect
from shown import included

from delivery_semantics.play.exercises import EXERCISES

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = (
    "01-the-problem.ipynb",
    # Their cells start processes, databases and servers, from within a kernel.
    "06-idempotent-operations.ipynb", "07-deduplication.ipynb", "08-stripe-idempotency.ipynb",
)  # fmt: skip
ALL_CELLS = '{"windowingMode": "none"}'  # draw the whole notebook, not only what is in sight
FENCED = re.DOTALL | re.MULTILINE
DIRECTIVE = re.compile(r"\{(admonition|literalinclude)\}|\(claim-c\d+\)=")

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(params=CHAPTERS)
def chapter(request: pytest.FixtureRequest) -> str:
    """The file name of a chapter."""
    return str(request.param)


@pytest.fixture
def lab(tmp_path: Path, chapter: str) -> Iterator[str]:
    """The address of a chapter in JupyterLab."""
    with opened(tmp_path, chapter, (ROOT / "chapters" / chapter).read_text("utf-8")) as url:
        yield url


@contextmanager
def opened(tmp_path: Path, name: str, notebook: str) -> Iterator[str]:
    """Open a notebook in a JupyterLab that knows nothing of this machine's settings."""
    work, home = tmp_path / "work", tmp_path / "home"
    settings = home / "settings" / "@jupyterlab" / "notebook-extension"
    (work / "chapters").mkdir(parents=True)
    shutil.copytree(ROOT / "src", work / "src")
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(ALL_CELLS)
    (work / "chapters" / name).write_text(notebook, "utf-8")
    command = [
        *(sys.executable, "-m", "jupyterlab", str(work), "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", "--port=0", "--LabApp.news_url=None"),
        f"--LabApp.user_settings_dir={home / 'settings'}",
        f"--LabApp.workspaces_dir={home / 'workspaces'}",
        "--LabApp.extension_manager=readonly",
        f"--LabApp.extra_labextensions_path={ROOT / 'tools' / 'lab'}",
    ]
    places = ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")
    environment = os.environ | dict.fromkeys(places, str(home))
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        try:
            address = re.compile(r"(http://127\.0\.0\.1:\d+/lab)(\?token=\w+)")
            found = next(filter(None, map(address.search, server.stderr)), None)
            assert found is not None, "JupyterLab did not start"
            yield f"{found[1]}/tree/chapters/{name}{found[2]}"
        finally:
            server.terminate()
            try:
                server.communicate(timeout=60)  # until it has ended, and its kernels with it
            except subprocess.TimeoutExpired:
                server.kill()  # its kernels have ended, and it waits for a thread of its own


def dedented(module: Path, lines: range) -> str:
    text = module.read_text(encoding="utf-8").splitlines()[lines[0] - 1 : lines[-1]]
    return textwrap.dedent("\n".join(text))


def plain_code(chapter: Path) -> list[str]:
    """The blocks of code that stand in the chapter's own text."""
    cells = json.loads(chapter.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return [code.rstrip() for code in re.findall(r"^```\w+\n(.*?)^```$", text, FENCED)]


def test_a_chapter_runs_and_its_slider_changes_the_result(
    browser: Browser, lab: str, chapter: str
) -> None:
    page = browser.new_page(viewport={"width": 1360, "height": 900})
    foreign: list[str] = []
    host = lab.partition("/lab")[0]
    page.on("request", lambda request: foreign.append(request.url))
    page.goto(lab)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()

    files = [dedented(*lines) for lines in included(ROOT / "chapters" / chapter)]
    code = page.locator(".jp-RenderedMarkdown pre")
    plain = plain_code(ROOT / "chapters" / chapter)
    expect(code).to_have_count(len(files) + len(plain))
    for text in files:  # each is fetched by itself
        last_line = text.splitlines()[-1].strip()
        expect(code.filter(has_text=last_line).first).to_be_attached()
    drawn = [text.rstrip() for text in code.all_text_contents()]
    assert [text for text in drawn if text not in plain] == files
    boxes = page.locator(".jp-RenderedMarkdown .admonition")
    expect(boxes.first).to_contain_text("In this chapter")
    folds = page.locator(".jp-RenderedMarkdown details > summary")
    folded = (ROOT / "chapters" / chapter).read_text(encoding="utf-8").count(":class: dropdown")
    expect(folds).to_have_count(folded)
    expect(page.locator(".jp-RenderedMarkdown", has_text=DIRECTIVE)).to_have_count(0)

    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    panel = page.locator(".jp-OutputArea-output .widget-vbox", has=page.get_by_role("slider"))
    slider = panel.first.get_by_role("slider").first
    slider.wait_for()
    at_the_end = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
    there, back = ("ArrowLeft", "ArrowRight") if at_the_end else ("ArrowRight", "ArrowLeft")
    result = panel.first.locator(".panel-frame")
    before = str(result.text_content())
    slider.focus()
    slider.press(there)
    expect(result).not_to_have_text(before)
    slider.press(back)
    expect(result).to_have_text(before)

    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    expect(prompts.filter(has_text="[*]")).to_have_count(0)
    assert prompts.filter(has_text="[ ]").count() == 0, "the run stopped before the end"
    allowed = (host, host.replace("http", "ws"), "data:", "blob:")
    assert [url for url in foreign if not url.startswith(allowed)] == []


ANSWERED = 'check("first-receiver", """{}""")'
CELLS = (
    "from delivery_semantics.play.check import check, exercise\n"
    'exercise("first-receiver")',
    ANSWERED.format(EXERCISES["first-receiver"].start),
    "from delivery_semantics.play.playground import Playground\n"
    'Playground("one-payment")',
)  # fmt: skip


def test_an_exercise_is_a_cell_that_checks_and_a_game_is_played(
    browser: Browser, tmp_path: Path
) -> None:
    cells = list(map(nbformat.v4.new_code_cell, CELLS))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    notebook = nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=kernel))
    with opened(tmp_path, "answers.ipynb", notebook) as url, browser.new_page() as page:
        page.goto(url)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        asked, answered, game = (page.locator(".jp-CodeCell").nth(n) for n in range(3))

        expect(asked.locator(".exercise-title")).to_be_visible()
        expect(asked.locator(".exercise-lab")).to_contain_text('check("first-receiver", ')
        reply = answered.locator(".jp-OutputArea-output")
        expect(reply).to_contain_text("✗ Never more than once: ")
        expect(reply).to_contain_text(EXERCISES["first-receiver"].hints["twice"][:40])
        expect(reply.locator("svg:visible")).to_have_count(1)
        answered.locator(".cm-content").click()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(ANSWERED.format(EXERCISES["first-receiver"].solution))
        page.keyboard.press("Control+Enter")
        expect(reply).to_contain_text("✓ Every run was searched: ")

        game.locator('.play-board [data-step="deliver-1"]').first.click()
        caption = game.locator(".play-caption")
        expect(caption).to_have_text("Step 1 of 1: Deliver message 1")
        game.locator('.play-board [data-step="lose-2"]').first.click()
        expect(caption).to_have_text("Step 2 of 2: Lose ack 1")
