"""The demo page in a real Chromium, and how a person moves about in it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal, TypeAlias

import pytest
from playwright.async_api import ConsoleMessage, Locator, Page, async_playwright, expect

from tests.sandbox.live import Town

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MARKS: Final = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
ARGUMENTS = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip
DESK, SMALL_DESK, TABLET, PHONE = (1440, 900), (1280, 800), (900, 700), (390, 844)
PATIENCE_MILLISECONDS = 4000

Scheme: TypeAlias = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")


@asynccontextmanager
async def browsing(here: Town, size: tuple[int, int] = SMALL_DESK, *, quiet: bool = True) -> AsyncIterator[Page]:
    """The page in a browser. Whatever the browser complains about (a script error, a refused resource) fails the
    test, unless that is not to be `quiet`."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="en-GB",
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        page = await context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(here.url)
        await expect(page.locator("#balance")).not_to_be_empty()
        yield page
        await browser.close()
    assert not (quiet and complaints), complaints


def telegram(page: Page) -> Locator:
    return page.locator("#telegram")


def whatsapp(page: Page) -> Locator:
    return page.locator("#whatsapp")


async def show(page: Page, app: str) -> None:
    """On a small screen, bring this phone to the front."""
    await page.get_by_role("radio", name=app).check()


async def type_and_send(page: Page, words: str, app: str = "Telegram") -> None:
    await page.get_by_label(f"Message on {app}", exact=True).fill(words)
    await page.keyboard.press("Enter")


async def ask_to_pay(page: Page) -> None:
    """Amina types the order on Telegram and confirms it, until her handset rings."""
    await type_and_send(page, "500 14123456789")
    await page.get_by_role("button", name="Pay KES 500 with M-Pesa").click()
    await expect(page.locator("#prompt")).to_be_visible()


async def fits(page: Page, place: str) -> bool:
    """Whether an element is wholly on the screen."""
    inside = "box => box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight"
    return bool(await page.locator(place).evaluate(f"one => ({inside})(one.getBoundingClientRect())"))


async def contrast(page: Page, place: str) -> float:
    """The contrast of an element's text with what is behind it (WCAG 2.2, relative luminance)."""
    return float(await page.evaluate(CONTRAST, place))


#: The nearest background that is not transparent counts as what is behind; a translucent one is laid over the next.
CONTRAST = """(place) => {
    const parts = (colour) => {
        const found = colour.match(/[\\d.]+/g).map(Number);
        return colour.startsWith("color(") ? found.map((part, index) => index < 3 ? part * 255 : part) : found;
    };
    const light = (rgb) => {
        const [r, g, b] = rgb.map((part) => part / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        const colour = getComputedStyle(element).backgroundColor;
        if (/rgba\\(.*, 0\\)|transparent/.test(colour)) return behind(element.parentElement);
        const [r, g, b, alpha = 1] = parts(colour);
        if (alpha === 1) return [r, g, b];
        const under = behind(element.parentElement);
        return [r, g, b].map((part, index) => part * alpha + under[index] * (1 - alpha));
    };
    const element = document.querySelector(place);
    const words = light(parts(getComputedStyle(element).color).slice(0, 3)), ground = light(behind(element));
    return (Math.max(words, ground) + 0.05) / (Math.min(words, ground) + 0.05);
}"""
