"""The whole product in a real browser: `bili serve --sandbox` with nothing set, and a purchase on each phone.

With BILI_PICTURES set to a folder, what was on the screen at the end of each is kept there, for the eyes.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from playwright.async_api import Locator, Page, expect

from bot.demo import free_port
from tests.browser.browsing import (
    DESK,
    MARKS,
    PHONE,
    SCHEMES,
    Scheme,
    browsing,
    show,
    telegram,
    type_and_send,
    whatsapp,
)
from tests.processes.programs import KEY, PIN, Program
from tests.sandbox.live import Town

pytestmark = [*MARKS, pytest.mark.processes]

ORDER = "500 14123456783"
#: A whole purchase passes through three processes on a machine that does other things too.
PATIENCE_MILLISECONDS = 20_000

_PAGE = re.compile(r"^(http://127\.0\.0\.1:\d+)/$", re.MULTILINE)


@pytest.fixture
async def product(tmp_path: Path) -> AsyncIterator[Town]:
    """Somebody's first start: no setting but a port and a key. What it says is where the page is."""
    program = Program(tmp_path, "serve", "--sandbox", BILI_PORT=str(free_port()), BILI_SECRET_KEY=KEY)
    try:
        await program.says("Bili serves at")
        found = _PAGE.search(program.said)
        assert found, program.said
        yield cast("Town", SimpleNamespace(url=found[1]))
    finally:
        program.kill()


async def pay(page: Page) -> None:
    """Type the PIN on the handset, when it rings."""
    await expect(page.locator("#prompt")).to_be_visible(timeout=PATIENCE_MILLISECONDS)
    await page.locator("#pin").fill(PIN)
    await page.keyboard.press("Enter")


async def tap(phone: Locator, label: str) -> None:
    await phone.get_by_role("button", name=label).last.click(timeout=PATIENCE_MILLISECONDS)


async def receipt(phone: Locator, words: str) -> str:
    """The token of the receipt: it is in the same message as the rest, and it is the newest."""
    newest = phone.locator(".in", has_text=words).last
    await expect(newest).to_be_visible(timeout=PATIENCE_MILLISECONDS)
    await expect(newest).to_contain_text("VAT")
    token = await newest.locator("code").first.inner_text()
    assert re.fullmatch(r"(\d{4} ){4}\d{4}", token)
    return token


async def keep(page: Page, name: str) -> None:
    if folder := os.environ.get("BILI_PICTURES"):
        await page.screenshot(path=f"{folder}/{name}.png")


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_one_person_buys_on_whatsapp_and_on_telegram_side_by_side(product: Town, scheme: Scheme) -> None:
    async with browsing(product, DESK) as page:
        await page.emulate_media(color_scheme=scheme)
        await type_and_send(page, ORDER, "WhatsApp")
        await tap(whatsapp(page), "Pay KES 500")
        await pay(page)
        first = await receipt(whatsapp(page), "Here is your electricity")
        await telegram(page).get_by_role("button", name="Start").click()
        await expect(telegram(page).locator(".in").last).to_be_visible(timeout=PATIENCE_MILLISECONDS)
        await type_and_send(page, ORDER, "Telegram")
        await tap(telegram(page), "Share my phone number")
        await tap(telegram(page), "Pay KES 500")
        await pay(page)
        assert await receipt(telegram(page), "Here is your electricity") != first
        await keep(page, f"both-{scheme}")


async def test_a_first_purchase_in_swahili_on_a_small_screen(product: Town) -> None:
    async with browsing(product, PHONE) as page:
        await page.emulate_media(color_scheme="dark")
        await show(page, "WhatsApp")
        await type_and_send(page, "habari", "WhatsApp")
        await expect(whatsapp(page).locator(".in").last).to_contain_text("mita", timeout=PATIENCE_MILLISECONDS)
        await keep(page, "swahili-begins")
        await type_and_send(page, "14123456783", "WhatsApp")
        await tap(whatsapp(page), "Ksh 500")
        await tap(whatsapp(page), "Lipa Ksh 500")
        await pay(page)
        await receipt(whatsapp(page), "Imelipwa")
        await page.keyboard.press("Escape")
        await expect(page.locator("#handset")).not_to_be_in_viewport()
        await keep(page, "swahili-paid")


async def test_the_language_is_switched_in_the_middle_and_the_place_is_kept(product: Town) -> None:
    async with browsing(product, DESK) as page:
        await type_and_send(page, "habari", "WhatsApp")
        await type_and_send(page, "14123456783", "WhatsApp")
        await expect(whatsapp(page).get_by_role("button", name="Ksh 500")).to_be_visible(timeout=PATIENCE_MILLISECONDS)
        await type_and_send(page, "english", "WhatsApp")
        await tap(whatsapp(page), "KES 500")
        await tap(whatsapp(page), "Pay KES 500")
        await pay(page)
        await receipt(whatsapp(page), "Here is your electricity")
        await keep(page, "switched")
