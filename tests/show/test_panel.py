"""Panels: live, every move runs the experiment; stored, every position is a frame."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser, sync_playwright

from delivery_semantics.show import panel as panel_module
from delivery_semantics.show.panel import Panel
from delivery_semantics.show.plots import bars
from delivery_semantics.show.view import Progress, Scalar, Slider, View

LOSS = Slider("loss", "messages lost", [0, 10, 20, 30], unit="%", start=10)
ATTEMPTS = Slider("attempts", "attempts at most", [1, 2, 3])


def view(lost: int, *names: str) -> View:
    picture = bars({"messages": {"lost": lost}}, title="Lost", x="messages", x_max=100000)
    numbers: dict[str, Scalar] = {"lost": lost, **dict.fromkeys(names, 0)}
    return View(picture, numbers, f"{lost} messages are lost.")


def lost(*, loss: int, seed: int) -> View:
    return view(loss * 100 + seed)


def grid(*, loss: int, attempts: int, seed: int) -> View:
    return view(loss * 1000 + attempts * 10 + seed)


def shown(panel: Panel) -> str:
    """The sentence that a live panel shows, or its error."""
    html = panel.output.value
    found = re.search(r'<p class="panel-(?:sentence|error)"[^>]*>(.*?)</p>', html, re.DOTALL)
    assert found, html
    return found[1]


class Outline(HTMLParser):
    """The parts of a stored panel that the tests ask for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.frames: list[str] = []
        self.cells: list[list[str]] = []
        self._cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if ("class", "panel-frame") in attrs:
            self.frames.append("")
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        self._cell = tag in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.cells[-1][-1] += data
        elif self.frames and not self.cells:
            self.frames[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [
            found
            for name, found in self.tags
            if name == tag and attributes.items() <= found.items()
        ]


def stored(panel: Panel) -> str:
    html: str = panel._repr_mimebundle_()["text/html"]
    return html


# The stored panel


def test_every_position_has_its_frame_and_the_start_is_in_sight() -> None:
    outline = Outline(stored(Panel(lost, LOSS, title="Lost messages")))
    for loss, frame in zip((0, 10, 20, 30), outline.frames, strict=True):
        assert f"{100 * loss + 1} messages are lost." in frame
    frames = [found for _, found in outline.tags if found.get("class") == "panel-frame"]
    assert ["hidden" in frame for frame in frames] == [True, False, True, True]


def test_the_frames_of_two_sliders_are_their_grid_the_last_one_fastest() -> None:
    outline = Outline(stored(Panel(grid, LOSS, ATTEMPTS, title="Both")))
    shows = str(outline.all("figure")[0]["data-frames"]).split()
    for position, (loss, attempts) in enumerate(product(LOSS.values, ATTEMPTS.values)):
        said = f"{1000 * int(loss) + 10 * int(attempts) + 1} messages are lost."
        assert said in outline.frames[int(shows[position])]


def test_positions_that_show_the_same_share_a_frame() -> None:
    def rounded(*, loss: int, seed: int) -> View:
        return view(loss // 20 + seed)

    outline = Outline(stored(Panel(rounded, LOSS, title="Same")))
    assert outline.all("figure")[0]["data-frames"] == "0 0 1 1"
    assert len(outline.frames) == 2


def test_the_table_says_what_the_frames_show() -> None:
    panel = Panel(grid, LOSS, ATTEMPTS, title="Both", seed=7)
    outline = Outline(stored(panel))
    assert outline.cells[0] == ["messages lost", "attempts at most", "lost"]
    assert outline.cells[1:] == [
        [f"{loss}\N{NO-BREAK SPACE}%", f"{attempts}", f"{1000 * loss + 10 * attempts + 7:,}"]
        for loss, attempts in product((0, 10, 20, 30), (1, 2, 3))
    ]
    assert "All 12 positions as a table" in stored(panel)
    assert '<span class="panel-seed">seed 7</span>' in stored(panel)


def test_a_slider_has_a_name_a_unit_and_a_value_in_words() -> None:
    outline = Outline(stored(Panel(lost, LOSS, title="Lost messages")))
    (control,) = outline.all("input")
    (label,) = outline.all("label")
    (output,) = outline.all("output")
    assert label["for"] == output["for"] == control["id"]
    assert control["aria-valuetext"] == "10\N{NO-BREAK SPACE}%"
    assert (control["min"], control["max"], control["value"]) == ("0", "3", "1")
    assert "hidden" in control  # without JavaScript it would move and change nothing


def test_no_id_stands_twice_on_a_page() -> None:
    panels = [Panel(lost, LOSS, title=title) for title in ("One", "Two")]
    page = "".join(stored(panel) for panel in panels) + lost(loss=0, seed=1).pictures[0].svg
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    named = " ".join(re.findall(r'(?:aria-labelledby|for)="([^"]+)"', page)).split()
    assert set(named) == set(ids)


def test_what_is_stored_is_the_same_each_time_and_holds_no_widgets_id() -> None:
    one, other = (Panel(lost, LOSS, title="Lost messages")._repr_mimebundle_() for _ in "12")
    view_type = "application/vnd.jupyter.widget-view+json"
    assert one[view_type]["model_id"] != other[view_type]["model_id"]
    for key in ("text/html", "text/plain"):
        assert one[key] == other[key]
    assert one["text/plain"] == "Panel: Lost messages, 4 positions"


def test_what_is_stored_is_plain_html_that_markdown_leaves_whole() -> None:
    panel = Panel(lost, LOSS, title="<script>alert(1)</script> & co")
    html = stored(panel)
    assert not re.search(r"<(script|style|img|iframe)", html)
    assert "\n\n" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in html


def test_several_pictures_each_have_their_title() -> None:
    def both(*, loss: int, seed: int) -> View:
        pictures = [bars({"a": {"n": loss}}, title=f"No. {i}", x="n") for i in (1, 2)]
        return View(pictures, {}, "Two pictures.")

    html = stored(Panel(both, LOSS, title="Two"))
    assert html.count('<p class="panel-caption">No. 2</p>') == 4
    assert "<dl" not in html


def test_a_live_panel_carries_the_rules_of_a_frame_and_not_those_of_the_page() -> None:
    carried = Panel(lost, LOSS, title="Lost messages").output.value
    assert ".panel-numbers div dd {" in carried
    assert not re.search(r":root|figure\.panel|@media print", carried)


# The live panel


def test_a_move_shows_the_new_result() -> None:
    panel = Panel(lost, LOSS, title="Lost messages")
    assert shown(panel) == "1001 messages are lost."
    panel.controls[0].value = 30
    assert shown(panel) == "3001 messages are lost."
    panel.seed.value = 5
    assert shown(panel) == "3005 messages are lost."
    panel.controls[0].value = 20
    assert shown(panel) == "2005 messages are lost."
    panel.seed.value = 1
    assert shown(panel) == "2001 messages are lost."


def test_each_slider_says_its_label_its_value_and_its_unit() -> None:
    control = Panel(lost, LOSS, title="Lost messages").controls[0]
    assert control.description == "messages lost"
    assert control.label == "10\N{NO-BREAK SPACE}%"
    assert control.continuous_update


def test_the_corner_says_how_the_frames_came_about() -> None:
    panel = Panel(grid, LOSS, ATTEMPTS, title="Both", made="every run")
    assert '<span class="panel-seed">every run</span>' in stored(panel)
    assert "<caption>Both, every run</caption>" in stored(panel)
    assert panel.seed.layout.display == "none"
    with pytest.raises(ValueError, match="made is 'guessed'"):
        Panel(grid, LOSS, title="t", made="guessed")


def test_a_view_is_computed_once_for_the_panels_own_seed_and_anew_for_others() -> None:
    runs: list[tuple[int, int]] = []

    def counted(*, loss: int, seed: int) -> View:
        runs.append((loss, seed))
        return lost(loss=loss, seed=seed)

    panel = Panel(counted, LOSS, title="Lost messages")
    stored(panel)
    panel.controls[0].value = 20
    assert sorted(runs) == [(0, 1), (10, 1), (20, 1), (30, 1)]
    panel.seed.value = 2
    panel.controls[0].value = 30
    panel.controls[0].value = 20
    assert runs[4:] == [(20, 2), (30, 2), (20, 2)]


def test_an_error_is_shown_and_the_next_move_goes_on() -> None:
    def fragile(*, loss: int, seed: int) -> View:
        if seed == 3:
            raise ValueError("seed is 3 <for once>")
        return lost(loss=loss, seed=seed)

    panel = Panel(fragile, LOSS, title="Fragile")
    panel.seed.value = 3
    assert shown(panel) == (
        "The experiment failed at messages lost 10\N{NO-BREAK SPACE}%, seed 3.<br>"
        "ValueError: seed is 3 &lt;for once&gt;"
    )
    assert "messages are lost" not in panel.output.value
    panel.seed.value = 4
    assert shown(panel) == "1004 messages are lost."


def test_an_error_at_the_start_or_in_the_sweep_is_raised() -> None:
    def broken(*, loss: int, seed: int) -> View:
        raise ZeroDivisionError(f"{loss} {seed}")

    def broken_later(*, loss: int, seed: int) -> View:
        return broken(loss=loss, seed=seed) if loss == 30 else lost(loss=loss, seed=seed)

    with pytest.raises(ZeroDivisionError, match="10 1"):
        Panel(broken, LOSS, title="Broken")
    with pytest.raises(ZeroDivisionError, match="30 1"):
        stored(Panel(broken_later, LOSS, title="Broken"))


def slowly(*, loss: int, seed: int) -> Progress:
    yield from (0.25, 0.5, 0.75)
    return lost(loss=loss, seed=seed)


def test_a_long_run_shows_how_far_it_is_and_hides_what_is_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(panel_module, "PROGRESS_AFTER_S", 0.0)
    panel = Panel(slowly, LOSS, title="Slow")
    seen: list[tuple[float, str, str]] = []

    def note(_change: object) -> None:
        display, visibility = panel.progress.layout.display, panel.output.layout.visibility
        seen.append((panel.progress.value, display, visibility))

    panel.progress.observe(note, names="value")
    panel.progress.layout.observe(note, names="display")
    panel.controls[0].value = 30
    assert (0.25, "flex", "hidden") in seen
    assert (0.75, "flex", "hidden") in seen
    assert (panel.progress.layout.display, panel.output.layout.visibility) == (
        "none",
        "visible",
    )
    assert shown(panel) == "3001 messages are lost."


def test_a_short_run_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel_module, "PROGRESS_AFTER_S", 600.0)  # also on a busy machine
    panel = Panel(slowly, LOSS, title="Slow")
    seen: list[Any] = []
    panel.progress.layout.observe(seen.append, names="display")
    panel.controls[0].value = 30
    assert seen == []


def test_a_move_abandons_the_run_for_another_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel_module, "_SLICE_S", 0.0)
    finished: list[int] = []

    def noted(*, loss: int, seed: int) -> Progress:
        view = yield from slowly(loss=loss, seed=seed)
        finished.append(loss)
        return view

    async def move_twice() -> list[str]:
        panel = Panel(noted, LOSS, title="Slow")
        results: list[str] = []
        panel.output.observe(lambda _: results.append(shown(panel)), names="value")
        panel.controls[0].value = 20
        await asyncio.sleep(0)
        panel.controls[0].value = 30
        for _ in range(9):
            await asyncio.sleep(0)
        return results

    assert asyncio.run(move_twice()) == ["3001 messages are lost."]
    assert finished == [10, 30]


def test_a_slow_run_that_fails_says_so() -> None:
    def fails(*, loss: int, seed: int) -> Progress:
        yield 0.5
        if seed != 1:
            raise OSError("no more")
        return lost(loss=loss, seed=seed)

    panel = Panel(fails, LOSS, title="Slow")
    panel.seed.value = 2
    assert "OSError: no more" in shown(panel)
    assert panel.output.layout.visibility == "visible"


# For the text around it


def test_a_frame_can_be_asked_for() -> None:
    panel = Panel(grid, LOSS, ATTEMPTS, title="Both", seed=4)
    assert panel.frame(loss=20).numbers == {"lost": 20014}
    assert panel.frame(loss=20, attempts=3).sentence == "20034 messages are lost."
    with pytest.raises(ValueError, match=r"position is \{'loss': 5\}; allowed: \{'loss': \[0,"):
        panel.frame(loss=5)
    with pytest.raises(ValueError, match="position is"):
        panel.frame(los=10)


def test_the_sweep_is_a_data_frame() -> None:
    table = Panel(lost, LOSS, title="Lost messages").table()
    expected = pd.DataFrame({"messages lost": [0, 10, 20, 30], "lost": [1, 1001, 2001, 3001]})
    pd.testing.assert_frame_equal(table, expected)


# Mistakes


def uneven(*, loss: int, seed: int) -> View:
    return view(seed, *(["extra"] if loss == 20 else []))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Slider("p", "loss", []), r"values of 'p' are \[\]; allowed: two or more"),
        (lambda: Slider("p", "loss", [1]), r"values of 'p' are \[1\]; allowed"),
        (lambda: Slider("p", "loss", [1, 2, 1]), "values of slider 'p' hold 1 twice"),
        (lambda: Slider("p", "loss", [1, 2], start=3), "start of 'p' is 3; allowed: one of"),
        (lambda: Slider("p", " ", [1, 2]), "label of slider 'p' is empty"),
        (lambda: Panel(lost, title="t"), "sliders is empty"),
        (lambda: Panel(lost, LOSS, title=""), "title is ''; allowed"),
        (lambda: Panel(lost, LOSS, title="t", seed=-1), "seed is -1; allowed: 0 to"),
        (lambda: Panel(lost, ATTEMPTS, title="t"), "no parameter 'attempts'; it has"),
        (lambda: Panel(lambda loss: view(loss), LOSS, title="t"), "no parameter 'seed'"),
        (lambda: Panel(lost, LOSS, LOSS, title="t"), "'loss' has a slider already"),
        (lambda: Panel(lost, Slider("seed", "seed", [1, 2]), title="t"), "'seed' has a slider"),
        (lambda: stored(Panel(uneven, LOSS, title="t")), r"numbers at {'loss': 20} are \["),
        (lambda: View([], {}, "words"), "picture is empty"),
        (lambda: View(view(1).picture, {}, ""), "sentence is empty"),
        (lambda: View(view(1).picture, {"n": float("nan")}, "w"), r"numbers\['n'\] is nan"),
        (lambda: View(view(1).picture, {"n": "not for this one"}, "w"), "two words at most"),
        (lambda: View(view(1).picture, {"n": "1.7e+03"}, "w"), r"holds '1.7e\+03'; allowed"),
        (lambda: View(view(1).picture, {"n": 1}, "It loses 1e-05."), "holds '1e-05'; allowed"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(make: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=message):
        make()


def test_a_grid_beyond_the_limit_is_refused_before_it_runs() -> None:
    many = Slider("attempts", "attempts", list(range(1, 22)))
    with pytest.raises(ValueError, match="have 84 positions together; allowed: at most 80"):
        Panel(grid, LOSS, many, title="t")


@pytest.mark.parametrize("wrong", ["text", None, [1]])
def test_only_views_are_shown(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"experiment returned .*; allowed: a View"):
        Panel(lambda loss, seed: wrong, LOSS, title="t")  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="picture is"):
        View([wrong], {}, "words")  # type: ignore[list-item]


# In a browser


@pytest.fixture(scope="module")
def page_html(root: Path) -> str:
    """A page of two panels, as the book has it: style, panels, script."""
    css, script = (
        (root / "src/delivery_semantics/show" / name).read_text(encoding="utf-8")
        for name in ("panel.css", "panel.js")
    )
    panels = stored(Panel(lost, LOSS, title="One")) + stored(
        Panel(grid, LOSS, ATTEMPTS, title="Two")
    )
    return f"<!doctype html><style>{css}</style>{panels}<script>{script}</script>"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


@pytest.mark.slow
@pytest.mark.browser
def test_keys_move_the_sliders_and_the_frame_follows(browser: Browser, page_html: str) -> None:
    page = browser.new_page()
    page.set_content(page_html)
    panel = page.locator("figure.panel").nth(1)
    expected = {"loss": 10, "attempts": 1}
    for name, key in (("attempts", "ArrowRight"), ("loss", "End"), ("attempts", "ArrowRight")):
        slider = LOSS if name == "loss" else ATTEMPTS
        control = panel.get_by_label(slider.label)
        control.press(key)
        expected[name] = int(slider.values[int(control.input_value())])
        said = f"{1000 * expected['loss'] + 10 * expected['attempts'] + 1} messages are lost."
        assert panel.locator(".panel-sentence:visible").all_text_contents() == [said]
        assert panel.get_by_role("status").last.text_content() == said
        assert control.get_attribute("aria-valuetext") == slider.text(expected[name])
    assert expected == {"loss": 30, "attempts": 3}
    assert page.locator("figure.panel").nth(0).locator(".panel-sentence:visible").count() == 1
    page.close()


@pytest.mark.slow
@pytest.mark.browser
def test_without_javascript_the_first_frame_and_the_table_stand(
    browser: Browser, page_html: str
) -> None:
    page = browser.new_page(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page.set_content(page_html)
    panel = page.locator("figure.panel").first
    assert panel.locator("input").is_hidden()
    assert panel.locator("output").inner_text() == LOSS.text(10)
    assert panel.locator(".panel-sentence:visible").all_text_contents() == [
        "1001 messages are lost."
    ]
    panel.locator("summary").click()
    assert panel.locator("tbody tr:visible").count() == 4
    page.close()
