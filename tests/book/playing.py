"""What tests of the playground in a browser do alike."""

from __future__ import annotations

from importlib import resources

from playwright.sync_api import Page, expect

AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def press(page: Page, step: str) -> None:
    """Click a step on the picture, and wait for the next one."""
    page.locator(f'.play-board [data-step="{step}"]').first.click()
    settled(page)


def settled(page: Page) -> None:
    """Wait until what was asked for is drawn, if need be by Python in the page."""
    play = page.locator(".play").first
    expect(play).not_to_have_attribute("aria-busy", "true")


def violations(page: Page) -> list[str]:
    """What axe finds in the first playground as it stands."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document.querySelector('.playground'))")
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found["violations"]]
