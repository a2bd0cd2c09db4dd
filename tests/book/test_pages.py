"""Every page of the built book, as readers meet it: by eye, by keyboard, by ear, on a phone."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
import shown
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Response, expect

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = [page.relative_to(ROOT).with_suffix("").as_posix() for page in shown.pages()]
NOTEBOOKS = [name for name in CHAPTERS if (ROOT / f"{name}.ipynb").exists()]
PAGES = [*CHAPTERS, "search"]
AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
PAGE_BYTES_MAX = 130 * 1024

pytestmark = [pytest.mark.browser, pytest.mark.slow]
each_page = pytest.mark.parametrize("name", PAGES)
each_chapter = pytest.mark.parametrize("name", CHAPTERS)
each_notebook = pytest.mark.parametrize("name", NOTEBOOKS)

Outline = Callable[[str], tuple[set[str], list[str]]]


@dataclass
class Visit:
    """What a page asked for and complained about."""

    requests: list[str] = field(default_factory=list)
    sizes_bytes: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("response", self.answered)
        page.on("console", self.said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def answered(self, answer: Response) -> None:
        self.sizes_bytes.append(int(answer.headers["content-length"]))
        if not answer.ok:
            self.errors.append(f"{answer.status} {answer.url}")

    def said(self, message: ConsoleMessage) -> None:
        self.errors.append(f"{message.type}: {message.text}")


class Open(Protocol):
    """Opens a page of the book, by its name in the table of contents."""

    def __call__(
        self,
        name: str,
        *,
        width_px: int = 1360,
        colours: Literal["light", "dark"] = "light",
        script: bool = True,
        visit: Visit | None = None,
    ) -> Page: ...


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Open]:
    """Each page has a context of its own, which ends with the test."""
    contexts = []

    def open_page(
        name: str,
        *,
        width_px: int = 1360,
        colours: Literal["light", "dark"] = "light",
        script: bool = True,
        visit: Visit | None = None,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width_px, "height": 844},
            color_scheme=colours,
            java_script_enabled=script,
        )
        contexts.append(context)
        page = context.new_page()
        if visit:
            visit.watch(page)
        page.goto(f"{address}{name}.html")
        return page

    yield open_page
    for context in contexts:
        context.close()


# What a page loads


@each_page
def test_a_page_asks_no_other_host_and_reports_no_error(
    open_page: Open, address: str, name: str
) -> None:
    visit = Visit()
    open_page(name, visit=visit).wait_for_load_state("networkidle")
    assert f"{address}{name}.html" in visit.requests
    assert [url for url in visit.requests if not url.startswith((address, "data:"))] == []
    assert visit.errors == []


@each_page
def test_a_page_is_light(open_page: Open, name: str) -> None:
    visit = Visit()
    open_page(name, visit=visit).wait_for_load_state("networkidle")
    assert len(visit.sizes_bytes) > 3
    assert sum(visit.sizes_bytes) <= PAGE_BYTES_MAX


# What a page links to


@pytest.fixture(scope="module")
def outline(browser: Browser) -> Outline:
    """The ids and the links of a page, by its address without a fragment."""

    @cache
    def outline(url: str) -> tuple[set[str], list[str]]:
        page = browser.new_page()
        answer = page.goto(url)
        found = answer is not None and answer.ok
        ids = page.eval_on_selector_all("[id]", "all => all.map(e => e.id)") if found else []
        links = page.eval_on_selector_all("a[href]", "all => all.map(e => e.href)")
        page.close()
        return ({"", *ids} if found else set()), links

    return outline


@each_page
def test_every_link_within_the_book_lands(
    outline: Outline, address: str, site: Path, name: str
) -> None:
    links = {link for link in outline(f"{address}{name}.html")[1] if link.startswith(address)}

    def lands(link: str) -> bool:
        url, fragment = urldefrag(link)
        if url.endswith(".html"):
            return unquote(fragment) in outline(url)[0] or opens_a_game(url, fragment)
        return (site / unquote(urlsplit(url).path).lstrip("/")).is_file()

    def opens_a_game(url: str, fragment: str) -> bool:
        game, *rest = fragment.split("/")
        html = (site / unquote(urlsplit(url).path).lstrip("/")).read_text(encoding="utf-8")
        return bool(rest) and f"&quot;game&quot;: &quot;{game}&quot;" in html

    assert links
    assert [link for link in links if not lands(link)] == []


def test_every_claim_leads_to_the_place_that_shows_it(open_page: Open) -> None:
    page = open_page("claims")
    claims = page.locator("main dd").all()
    places: dict[str, set[str]] = {}
    for claim in claims:
        links = claim.locator("a[href*='.html#']").all()
        assert links, f"no place shows {claim.inner_text()}"
        for link in links:
            chapter, _, place = str(link.get_attribute("href")).partition(".html#")
            places.setdefault(chapter, set()).add(place)
    assert places
    for chapter, ids in places.items():
        page = open_page(chapter)
        shown = "id => document.getElementById(id)?.checkVisibility() ?? false"
        assert {id: page.evaluate(shown, id) for id in ids} == dict.fromkeys(ids, True)


# What the reader sees


@each_page
@pytest.mark.parametrize("width_px", [390, 820, 1360])
def test_a_page_does_not_scroll_sideways(open_page: Open, name: str, width_px: int) -> None:
    page = open_page(name, width_px=width_px)
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width_px


CUT_OFF = """() => [...document.querySelectorAll("article table")].filter(table => {
  const right = table.getBoundingClientRect().right;
  let box = table.parentElement;
  while (box.localName !== "article" && right <= box.getBoundingClientRect().right + 1)
    box = box.parentElement;
  return box.localName !== "article";
}).map(table => table.textContent.trim().slice(0, 60))"""
OWN_FACE = """() => Promise.all(
  [...document.querySelectorAll("link[as=font]")].map(async ({ href }) => {
    const style = href.includes("italic") ? "italic" : "normal";
    const face = new FontFace("Source Sans 3", `url(${href})`, { weight: "200 900", style });
    document.fonts.add(await face.load());
  }))"""
"""A page does without its own face, which is narrow, where that comes late."""


@each_page
def test_at_1280_px_no_table_is_cut_off(open_page: Open, name: str) -> None:
    page = open_page(name, width_px=1280)
    unfold(page)
    page.evaluate(OWN_FACE)
    assert page.evaluate(CUT_OFF) == []


A4_PX = 718  # without margins of 10 mm


@each_page
def test_paper_holds_the_text_and_nothing_else(open_page: Open, name: str) -> None:
    page = open_page(name, width_px=A4_PX)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.scrollWidth") <= A4_PX
    beside, over, cut = page.evaluate(
        """() => {
          const all = [...document.querySelectorAll("body *")];
          const seen = all.filter(e => e.checkVisibility());
          const speaks = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
          return [
            seen.filter(e => !e.closest("main, footer") && speaks(e)).map(e => e.textContent),
            seen.filter(e => ["fixed", "sticky"].includes(getComputedStyle(e).position))
              .map(e => e.outerHTML),
            seen.filter(e => e.matches("table, pre, svg, math")
                && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.textContent),
          ];
        }"""
    )
    assert (beside, over, cut) == ([], [], [])


def test_paper_shows_the_folded_source_that_its_text_needs(open_page: Open) -> None:
    page = open_page("appendix/idempotency-layer", width_px=A4_PX)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    shown = page.locator("details.hide:visible")
    assert shown.locator("summary").all_text_contents() == ["shop.py, whole"]
    assert shown.locator("pre").is_visible()


def test_the_book_on_one_page_is_one_sheet_of_paper(open_page: Open) -> None:
    page = open_page("appendix/summary")
    side = "10mm"
    sheet = page.pdf(
        format="A4", margin={"top": side, "right": side, "bottom": side, "left": side}
    )
    sheets = re.findall(rb"/Type\s*/Page\b", sheet)
    assert len(sheets) == 1


@each_page
def test_a_link_to_a_heading_is_named_after_it(open_page: Open, name: str) -> None:
    page = open_page(name)
    unnamed = page.eval_on_selector_all(
        ".headerlink",
        """links => links.filter(link => {
          const place = link.parentElement.cloneNode(true);
          place.querySelector(".headerlink").remove();
          const named = link.title.replace(/^Link to: /, "");
          return !named || named === link.title || !place.textContent.includes(named);
        }).map(link => link.outerHTML)""",
    )
    assert unnamed == []


PLACE = """async id => {
  for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
  const end = innerHeight + scrollY - document.documentElement.scrollHeight;
  return [document.getElementById(id).getBoundingClientRect().top, end];
}"""
LONG = ["chapters/04-at-least-once", "chapters/07-deduplication", "appendix/reference"]


@pytest.mark.parametrize("width_px", [390, 1280])
@pytest.mark.parametrize("name", LONG)
def test_a_link_into_a_long_page_lands_at_its_place(
    open_page: Open, address: str, name: str, width_px: int
) -> None:
    page = open_page(name, width_px=width_px)
    ids = page.eval_on_selector_all(
        "article :is(section, span, dt)[id]", "all => all.map(e => e.id)"
    )
    assert len(ids) > 20
    # From the end, over sections that were never near the window.
    for id in ids[:: -(len(ids) // 10)]:
        page.goto("about:blank")
        page.goto(f"{address}{name}.html#{id}")
        top, beyond_end = page.evaluate(PLACE, id)
        assert 56 <= top < 200 or (beyond_end > -2 and top > 0), f"#{id} is at {top} px"


@each_page
def test_every_picture_has_a_text_alternative(open_page: Open, name: str) -> None:
    page = open_page(name)
    for panel in page.locator("main figure.panel").all():
        come(panel)
    page.evaluate("document.querySelectorAll('[hidden]').forEach(e => { e.hidden = false; })")
    page.evaluate(
        "document.querySelectorAll('template').forEach(e => e.replaceWith(e.content))"
    )
    pictures = page.locator("main :is(img, svg:not([aria-hidden=true]), canvas)").all()
    nameless = [p.evaluate("e => e.outerHTML") for p in pictures if not alternative(p).strip()]
    assert nameless == []


def alternative(picture: Locator) -> str:
    """The name that a screen reader speaks; an inline SVG needs the role of an image for it."""
    text: str = picture.evaluate(
        """e => e.matches("img") ? e.alt : e.getAttribute("role") !== "img" ? "" :
           e.getAttribute("aria-label") ||
           (e.getAttribute("aria-labelledby") || "").split(" ").filter(Boolean)
             .map(id => document.getElementById(id)?.textContent || "").join(" ")"""
    )
    return text


def unfold(page: Page) -> None:
    """Open what is folded, and lay out every section as if the reader were there."""
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    page.evaluate(
        """async () => {
          const all = document.querySelectorAll("section");
          all.forEach(e => { e.style.contentVisibility = "visible"; });
          await document.fonts.ready;  // a letter of another font is wider
          for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
        }"""
    )


@each_page
@pytest.mark.parametrize(("colours", "width_px"), [("light", 1360), ("dark", 390)])
def test_axe_finds_nothing(
    open_page: Open, name: str, colours: Literal["light", "dark"], width_px: int
) -> None:
    page = open_page(name, colours=colours, width_px=width_px)
    assert page.locator("html").get_attribute("data-theme") == colours
    unfold(page)
    page.evaluate(AXE)
    passed, violations = page.evaluate(
        """() => axe.run({resultTypes: ["violations"]}).then(report => [
          report.passes.length,
          report.violations.map(rule => [rule.id, rule.nodes.map(node => node.html)]),
        ])"""
    )
    assert passed > 10
    assert violations == []


@each_chapter
def test_without_a_script_the_text_the_first_frames_and_the_tables_stand(
    open_page: Open, name: str
) -> None:
    page = open_page(name, script=False)
    assert page.locator("h1").is_visible()
    for panel in page.locator("figure.panel").all():
        frames = panel.locator(".panel-frame")
        assert [frame.is_visible() for frame in frames.all()].count(True) == 1
        assert panel.locator("svg:visible").count() > 0
        panel.locator("summary").click()
        assert panel.locator("table").is_visible()
    solutions = page.locator(".dropdown")
    assert solutions.count() == page.locator("details.dropdown:not([open])").count()


# What the reader does


def names_of_folds(name: str) -> set[str]:
    """What the folds of a page are called: by how it was run, or as their cells say."""
    cells = json.loads((ROOT / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    own = (cell["metadata"].get("mystnb", {}).get("code_prompt_show") for cell in cells)
    return {"How this was run", *filter(None, own)}


@each_notebook
def test_folded_code_stands_below_what_it_shows_and_opens_by_keyboard(
    open_page: Open, name: str
) -> None:
    page = open_page(name)
    for fold in page.locator("details.hide").all():
        assert fold.locator("summary").text_content() in names_of_folds(name)
        assert not fold.locator("pre").first.is_visible()
        fold.locator("summary").press("Enter")
        assert fold.locator("pre").first.is_visible()
    assert page.locator("details.hide ~ .cell_output").count() == 0
    page.emulate_media(media="print")
    assert page.locator("details.hide:not([open]):visible").count() == 0


LETTERS_PX = """() => [...document.querySelectorAll(".picture-narrow svg, .picture-wide svg")]
  .filter(svg => svg.checkVisibility())
  .map(svg => 14 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width)"""


@pytest.mark.parametrize("width_px", [390, 1280])
@each_notebook
def test_a_picture_that_is_drawn_twice_is_legible_at_both_widths(
    open_page: Open, name: str, width_px: int
) -> None:
    page = open_page(name, width_px=width_px)
    unfold(page)
    letters_px = page.evaluate(LETTERS_PX)
    assert len(letters_px) == page.locator(".picture-wide").count()
    assert min(letters_px, default=11) >= 11


@each_notebook
def test_every_slider_moves_by_keyboard_and_shows_its_frames(
    open_page: Open, name: str
) -> None:
    page = open_page(name)
    ranges = page.locator("main figure.panel input[type=range]").all()
    panels = page.locator("main figure.panel").count()
    assert bool(panels) == bool(ranges or page.locator("main figure.panel fieldset").count())
    for slider in ranges:
        come(slider.locator("xpath=ancestor::figure"))
        slider.focus()
        slider.press("Home")
        texts = json.loads(str(slider.get_attribute("data-texts")))
        there = [state(slider)] + [moved(slider, "ArrowRight") for _ in texts[1:]]
        back = [moved(slider, "ArrowLeft") for _ in texts[1:]]
        assert [text for text, _ in there] == texts
        assert back == there[-2::-1]
        assert len({frame for _, frame in there}) > 1, "the slider changes nothing"


COME = """async panel => {
  const empty = () => [...panel.querySelectorAll("template")].some(e => !e.innerHTML);
  while (empty()) await new Promise(requestAnimationFrame);
}"""


def come(panel: Locator) -> None:
    """Wait for a panel's frames, which come when it is near the window."""
    panel.scroll_into_view_if_needed()
    panel.evaluate(COME)


def moved(slider: Locator, key: str) -> tuple[str, str]:
    slider.press(key)
    return state(slider)


def state(slider: Locator) -> tuple[str, str]:
    """The value that a reader sees and hears, and the frame in sight."""
    seen, heard, frames = slider.evaluate(
        """e => [
          document.querySelector(`output[for="${e.id}"]`).innerText,
          e.getAttribute("aria-valuetext"),
          [...e.closest("figure").querySelectorAll(".panel-frame")]
            .filter(frame => frame.checkVisibility()).map(frame => frame.innerHTML),
        ]"""
    )
    assert seen == heard
    assert len(frames) == 1
    return seen, frames[0]


@each_notebook
def test_every_choice_is_made_by_keyboard_and_shows_its_frame(
    open_page: Open, name: str
) -> None:
    page = open_page(name)
    for choice in page.locator("main figure.panel fieldset").all():
        buttons = choice.locator("input[type=radio]").all()
        began = next(button for button in buttons if button.is_checked())
        come(choice.locator("xpath=ancestor::figure"))
        buttons[0].check(force=True)
        frames = [_frame(buttons[0])]
        for before, button in itertools.pairwise(buttons):
            before.press("ArrowRight")
            assert button.is_checked()
            frames.append(_frame(button))
        assert choice.locator("legend").inner_text().strip()
        assert len(set(frames)) > 1, "the choice changes nothing"
        began.check(force=True)


def _frame(control: Locator) -> str:
    return str(
        control.evaluate("e => e.closest('figure').querySelector('.panel-frame').innerHTML")
    )


def test_the_frames_of_a_panel_have_one_height_and_their_state_stands_in_the_address(
    open_page: Open,
) -> None:
    page = open_page("chapters/05-exactly-once-a-myth")
    panel = page.locator("figure.panel").first
    come(panel)
    page.wait_for_function("document.querySelector('.panel-frame').style.minHeight")
    heights = set()
    for button in panel.locator("input[type=radio]").all():
        button.check(force=True)
        heights.add(panel.evaluate("e => e.offsetHeight"))
    assert len(heights) == 1
    shown = panel.locator(".panel-sentence").inner_text()
    page.goto(page.url)
    page.reload()
    panel = page.locator("figure.panel").first
    expect(panel.locator(".panel-sentence")).to_have_text(shown)
    assert panel.locator("input:checked").count() == 2


@each_page
def test_the_switch_turns_the_page_dark_and_the_next_page_stays_so(
    open_page: Open, address: str, name: str
) -> None:
    page = open_page(name)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    switch = page.get_by_role("button", name="Dark colours")
    switch.focus()
    switch.press("Enter")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    page.goto(f"{address}{CHAPTERS[-1]}.html?again")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    assert switch.get_attribute("aria-pressed") == "true"


def test_the_search_finds_a_word_of_the_book(open_page: Open) -> None:
    page = open_page(CHAPTERS[0])
    page.keyboard.press("/")
    page.keyboard.type("duplicates")
    page.keyboard.press("Enter")
    page.locator("#search-results li").first.wait_for()
    links = page.locator("#search-results li a").all()
    found = [str(link.get_attribute("href")) for link in links]
    assert any("at-least-once" in link for link in found)
    assert all(".html#" in link for link in found), "a section is found, not a page"
    assert "duplicates" in page.locator("#search-results mark").first.inner_text().lower()
    links[0].click()
    page.wait_for_url(f"**/{found[0].rpartition('/')[2]}**")
    expect(page.locator("main")).to_contain_text("duplicates", ignore_case=True)


def test_the_search_finds_the_sections_with_all_the_words_and_marks_them(
    open_page: Open,
) -> None:
    page = open_page("search")
    page.get_by_label("Words to look for").fill("visibility slow")
    page.get_by_role("button", name="Search").click()
    page.locator("#search-results li").first.wait_for()
    for item in page.locator("#search-results li").all():
        marked = {text.lower() for text in item.locator("mark").all_inner_texts()}
        assert marked <= {"visibility", "slow"}
        assert marked
    first = page.locator("#search-results li a").first
    assert "visibility" in first.inner_text().lower(), "a title counts more than a text"
    page.get_by_label("Words to look for").fill("nobody-wrote-this")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("No section has “nobody-wrote-this”.").wait_for()


def test_the_book_and_its_search_need_no_server(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "search.html").as_uri() + "?q=duplicates")
    page.locator("#search-results li").first.wait_for()
    title = page.title()
    page.locator("#search-results li a").first.click()
    expect(page).not_to_have_title(title)
    expect(page.locator("h1")).to_be_visible()
    page.close()


@pytest.mark.parametrize("name", ["index", "chapters/04-at-least-once", "appendix/playground"])
def test_what_needs_a_server_says_so_in_a_page_opened_from_a_file(
    browser: Browser, site: Path, name: str
) -> None:
    page = browser.new_page()
    page.goto((site / f"{name}.html").as_uri())
    needy = page.locator("article :is([data-playground], [data-own-game], [data-exercise])")
    told = needy.get_by_text("opened from a file: run make serve")
    assert told.count() == needy.count() > 0
    for game in page.locator("[data-playground]").all():
        assert height(game) < 400, "an empty place is kept for what does not come"
    page.close()


def height(part: Locator) -> float:
    box = part.bounding_box()
    assert box is not None
    return box["height"]


def test_on_a_phone_the_chapters_open_and_close(open_page: Open) -> None:
    page = open_page(CHAPTERS[0], width_px=390)
    chapters = page.get_by_role("navigation", name="Chapters")
    assert not chapters.is_visible()
    page.get_by_role("button", name="Chapters").press("Enter")
    assert chapters.is_visible()
    page.keyboard.press("Escape")
    assert not chapters.is_visible()


@pytest.mark.parametrize(
    ("direction", "order"), [("right-next", CHAPTERS), ("left-prev", CHAPTERS[::-1])]
)
def test_previous_and_next_lead_through_the_book(
    open_page: Open, address: str, direction: str, order: list[str]
) -> None:
    page = open_page(order[0])
    found = [page.url]
    while (link := page.locator(f"a.{direction}")).count():
        page.goto(link.evaluate("e => e.href"))
        found.append(page.url)
    assert found == [f"{address}{name}.html" for name in order]
