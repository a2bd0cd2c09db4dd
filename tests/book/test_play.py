"""The playground in a browser: by pointer, by keyboard, by link, and without Python."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import book_play
import pytest
from playwright.sync_api import Browser, Page, expect

from delivery_semantics.play.board import WIDTHS
from delivery_semantics.play.games import GAMES
from delivery_semantics.play.incidents import identity
from delivery_semantics.play.levels import LEVELS
from delivery_semantics.play.playground import played
from delivery_semantics.play.real_systems import REAL_SYSTEMS
from delivery_semantics.play.views import finish
from tests.book.playing import AXE, press, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TWICE = ["deliver-1", "lose-2", "timeout-shop", "deliver-3"]
OWN = """class Bank(Passive):
    def receive(self, source, payload):
        yield Process(payload)
        yield Send(source, Ack(payload.id))
"""
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


@pytest.fixture(params=SIZES)
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = SIZES[request.param]
    context = browser.new_context(
        viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def asked_for(page: Page) -> list[str]:
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url))
    return found


def test_a_stranger_makes_the_customer_pay_twice_without_python(
    page: Page, address: str
) -> None:
    urls = asked_for(page)
    page.goto(f"{address}/index.html")
    expect(page.locator(".play-chip").first).to_be_visible()
    assert violations(page) == []
    for step in TWICE:
        press(page, step)
        assert violations(page) == []
    expect(page.locator(".play-money")).to_contain_text("paid twice")
    expect(page.locator(".play-verdict")).to_have_text(
        "The customer paid twice. You: 4 steps. The shortest way has 3."
    )
    assert page.url.endswith(f"#one-payment/paid-twice/ProcessThenAck/{'/'.join(TWICE)}")
    assert [url for url in urls if "/python/" in url and url.endswith(".bin")] == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_first_click_is_answered_at_once(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    expect(page.locator(".play-chip").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    shown = page.evaluate(  # before any other event, so before the next frame
        """async () => {
          document.querySelector('.play-chip .deliver').click();
          await new Promise((resolve) => setTimeout(resolve));
          return document.querySelector('.play-caption').textContent;
        }"""
    )
    assert shown.startswith("Step 1")


def test_the_keyboard_alone_is_enough(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    first = page.locator(".play-list button").first
    expect(first).to_be_visible()
    first.focus()
    caption = page.locator(".play-caption")
    for number, words in (("1", "Deliver message 1"), ("2", "Lose ack 1")):
        page.keyboard.press(number)
        expect(caption).to_contain_text(words)
    expect(page.locator(".play-heading")).to_be_focused()
    expect(page.locator(".play-live[role=status]")).to_contain_text("Ack 1 is lost.")
    page.keyboard.press("ArrowLeft")
    expect(caption).to_have_text("Step 1 of 2: Deliver message 1")
    page.keyboard.press("ArrowRight")
    expect(caption).to_have_text("Step 2 of 2: Lose ack 1")


def test_the_list_has_the_names_of_the_picture(page: Page, address: str) -> None:
    link = "#one-payment/paid-twice/ProcessThenAck/deliver-1"
    page.goto(f"{address}/index.html{link}")
    expect(page.locator(".play-flash").first).to_be_visible()
    names = page.evaluate(
        """() => ['.play-board', '.play-list'].map((place) => Object.fromEntries(
          [...document.querySelectorAll(`${place} [data-step]`)].map((one) =>
            [one.dataset.step, one.title || one.textContent.replace(/^\\d/, '')])))"""
    )
    assert names[0] == names[1]


def test_a_broken_link_is_answered(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html#one-payment/paid-twice/ProcessThenAck/deliver-1/lose-1")
    expect(page.locator(".play-trouble")).to_contain_text("Step 2 of this link, “lose-1”")
    expect(page.locator(".play-caption")).to_have_text("Step 1 of 1: Deliver message 1")
    assert violations(page) == []
    page.goto(f"{address}/search.html")
    page.goto(f"{address}/index.html#one-payment/paid-twice/Nobody/deliver-1")
    expect(page.locator(".play-trouble")).to_contain_text("“Nobody”, which there is not")
    expect(page.locator(".play-caption")).to_have_text("The beginning")


def test_python_that_cannot_be_had_is_said(page: Page, address: str) -> None:
    page.route("**/python-worker.js", lambda route: route.abort())
    page.goto(f"{address}/index.html")
    for step in ("duplicate-1", "duplicate-1", "lose-1"):
        press(page, step)
    expect(page.locator(".play-trouble")).to_contain_text("needs Python in the page")
    assert violations(page) == []


def test_two_on_one_page_are_two(page: Page, address: str) -> None:
    page.goto(f"{address}/appendix/playground.html")
    ones = page.locator(".playground")
    in_chapters = {"forget", "give-up", *(game.id for game in REAL_SYSTEMS)}
    assert ones.count() == len({*GAMES} - in_chapters)  # yours is there when it is played
    second = ones.nth(1)
    expect(second.locator(".play")).to_have_count(0)  # it loads nothing before it is near
    second.scroll_into_view_if_needed()
    second.locator(".play-chip .deliver").first.click()
    expect(second.locator(".play-caption")).to_contain_text("Step 1 of 1")
    expect(ones.nth(0).locator(".play-caption")).to_have_text("The beginning")


@pytest.mark.parametrize("level", LEVELS)
def test_every_receiver_is_played_to_its_end_by_python_in_the_page(
    browser: Browser, address: str, level: str
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page.clock.install()
    page.goto(f"{address}/index.html#one-payment/lost/{level}")
    page.get_by_role("button", name="Let the search finish it").click()
    found = finish("one-payment", {"bank": level}, "lost", [])
    for _ in found["steps"] or []:
        page.wait_for_timeout(200)
        page.clock.run_for(1200)
    while not page.locator(".play-verdict").inner_text().startswith(("The search f", "No way")):
        page.clock.run_for(1200)
        page.wait_for_timeout(100)
    expect(page.locator(".play-verdict")).to_have_text(found["words"])
    assert page.url.endswith("/".join([level, *(found["steps"] or [])]))
    page.close()


def test_what_was_built_is_what_python_says(site: Path) -> None:
    game = GAMES["one-payment"]
    values = game.positions()[2]
    for width in WIDTHS:
        name = ".".join([game.id, *values.values(), width])
        kept = json.loads((site / book_play.FOLDER / f"{name}.json").read_text("utf-8"))
        assert kept == json.loads(json.dumps(book_play.built(game, values, width)))


def test_without_a_script_the_first_picture_stands(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/index.html")
    expect(page.locator(".playground svg")).to_be_visible()
    expect(page.locator(".play-still")).to_be_visible()
    context.close()


def test_the_script_stands_only_where_it_is_used(site: Path) -> None:
    for path in site.glob("**/*.html"):
        html = path.read_text(encoding="utf-8")
        assert bool(re.search(r"play-site\.js", html)) == ('class="playground"' in html)


def test_a_step_by_hand_ends_the_search_that_plays(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    game = page.locator(".play")
    expect(game.get_by_label("Step")).to_have_count(0)  # there is nothing to move along yet
    game.get_by_role("button", name="Let the search finish it").click()
    game.get_by_role("button", name=re.compile("^Deliver message 1")).first.click()
    expect(game.locator(".play-caption")).to_have_text("Step 1 of 1: Deliver message 1")
    expect(game.get_by_role("button", name="Let the search finish it")).to_be_visible()
    expect(game.get_by_label("Step")).to_have_attribute(
        "aria-valuetext", "Step 1 of 1: Deliver message 1"
    )


def test_a_search_is_stopped_and_the_next_one_answers(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    press(page, "deliver-1")
    search = page.locator(".play-side").get_by_role("button", name="Let the search finish it")
    stop = page.locator(".play-side").get_by_role("button", name="Stop")
    search.click()
    expect(stop).to_be_visible()
    assert violations(page) == []
    stop.click()
    expect(search).to_be_visible()
    expect(page.locator(".play-caption")).to_have_text("Step 1 of 1: Deliver message 1")
    search.click()
    expect(page.locator(".play-money")).to_contain_text("paid twice")


def test_a_receiver_of_ones_own_is_written_played_and_carried_by_a_link(
    browser: Browser, address: str
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page.goto(f"{address}/appendix/playground.html")
    own = page.locator(".own-game")
    own.get_by_role("button", name="Write your own here").click()
    editor = own.get_by_role("textbox", name="Your bank")
    editor.press("ControlOrMeta+a")
    page.keyboard.insert_text(OWN)
    own.get_by_role("button", name="Play it").click()
    own.locator('.play-board [data-step="deliver-1"]').click()
    expect(own.locator(".play-money")).to_contain_text("paid once")
    own.locator('.play-board [data-step="crash-bank-before-Send"]').first.click()
    expect(own.locator(".play-caption")).to_contain_text("Step 2 of 2")
    editor.press("ControlOrMeta+a")
    page.keyboard.insert_text(OWN.replace("yield Process(payload)", "pass"))
    own.get_by_role("button", name="Play it").click()
    expect(own.locator(".play-caption")).to_have_text("The beginning")
    own.locator('.play-board [data-step="deliver-1"]').click()
    expect(own.locator(".play-caption")).to_contain_text("Step 1 of 1")
    expect(own.locator(".play-money")).to_contain_text("not yet paid")
    expect(own.locator(".play")).to_have_count(1)
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    expect(own).to_contain_text("This link brings code that somebody wrote")
    expect(own.locator(".play")).to_have_count(0)
    own.get_by_role("button", name="Play it").click()
    expect(own.locator(".play-caption")).to_contain_text("Step 1 of 1")
    expect(own.locator(".play-money")).to_contain_text("not yet paid")
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document.querySelector('.own-game'))")
    assert [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"]] == []
    page.close()


def test_an_incident_is_played_where_it_stands_from_its_links(page: Page, address: str) -> None:
    urls = asked_for(page)
    page.goto(f"{address}/appendix/incidents.html")
    first = page.locator(".playground").first
    expect(first.get_by_role("link")).to_have_text(["Play it", "Its shortest run", "Mended"])
    assert violations(page) == []
    assert not [url for url in urls if "playgrounds/" in url]  # before the reader acts
    first.get_by_role("link", name="Its shortest run").click()
    expect(first.locator(".play-money")).to_contain_text("paid twice")
    expect(first.locator(".play-caption")).to_contain_text("Step 8 of 8")
    assert violations(page) == []
    first.get_by_role("button", name="From the start").click()
    expect(first.locator(".play-caption")).to_have_text("The beginning")
    first.get_by_role("link", name="Its shortest run").click()
    expect(first.locator(".play-caption")).to_contain_text("Step 8 of 8")
    assert page.locator(".play").count() == 1
    assert [url for url in urls if "/python/" in url and url.endswith(".bin")] == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("name", ["acks too soon", "two relays of one outbox"])
def test_an_incident_is_opened_by_its_address_and_holds_when_mended(
    page: Page, address: str, name: str
) -> None:
    links = played(name).openings
    page.goto(f"{address}/appendix/incidents.html{links['Its shortest run']}")
    expect(page.locator(".play-money.broken")).to_be_visible()
    page.get_by_role("button", name="Now try it mended").click()
    expect(page.locator(".play-caption")).to_have_text("The beginning")
    assert page.url.endswith(links["Mended"])
    page.get_by_role("button", name="Let the search finish it").click()
    found = finish(identity(name), {"model": "mended"}, "", [])
    expect(page.locator(".play-verdict")).to_have_text(found["words"])


def test_a_broken_link_to_an_incident_is_answered(page: Page, address: str) -> None:
    page.goto(f"{address}/appendix/incidents.html#acks-too-soon/never-paid/better")
    expect(page.locator(".play-trouble")).to_contain_text("“better”, which there is not")
    page.goto(f"{address}/search.html")
    link = "#acks-too-soon/never-paid/as-reported/deliver-1/lose-2"
    page.goto(f"{address}/appendix/incidents.html{link}")
    expect(page.locator(".play-trouble")).to_contain_text("Step 2 of this link, “lose-2”")
