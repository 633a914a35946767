"""The demo page in a real Chromium: what a person sees and presses, against the real far sides and a scripted bot."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from playwright.async_api import ConsoleMessage, Page, Route, async_playwright, expect

from tests.browser.scripted_bot import TOKEN_DIGITS
from tests.sandbox.live import Town, soon, town
from tests.sandbox.stages import AMINA, AMINAS_PHONE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
ARGUMENTS = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip
DESK, PHONE = (1280, 800), (390, 844)
PATIENCE_MILLISECONDS = 4000


@asynccontextmanager
async def browsing(here: Town, size: tuple[int, int] = DESK, *, quiet: bool = True) -> AsyncIterator[Page]:
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


@pytest.fixture
async def here() -> AsyncIterator[Town]:
    async with town() as running:
        yield running


@pytest.fixture
async def begun(here: Town) -> Town:
    """Amina has begun, and the bot has answered."""
    await here.host.telegram.say(AMINA, "/start")
    await soon(lambda: len(here.host.telegram.chat(AMINA)) == 2)
    return here


async def type_and_send(page: Page, words: str) -> None:
    await page.get_by_label("Message", exact=True).fill(words)
    await page.keyboard.press("Enter")


async def ask_to_pay(page: Page) -> None:
    """Amina types the order and confirms it, until her handset rings."""
    await type_and_send(page, "500 14123456789")
    await page.get_by_role("button", name="Pay KES 500 with M-Pesa").click()
    await expect(page.locator("#prompt")).to_be_visible()


async def test_a_chat_begins_with_start_and_the_bot_answers_with_buttons(here: Town) -> None:
    async with browsing(here) as page:
        await expect(page.get_by_text("What can this bot do?")).to_be_visible()
        await page.get_by_role("button", name="Start").click()
        await expect(page.locator(".out .bubble")).to_contain_text("/start")
        await expect(page.locator(".in .bubble")).to_contain_text("Hello! I sell electricity tokens.")
        await expect(page.locator(".keyboard button")).to_have_text(["Buy electricity", "My meters", "Help"])
        await expect(page.get_by_text("What can this bot do?")).to_be_hidden()
        await expect(page.locator(".out .tick use")).to_have_attribute("href", "#i-ticks")


async def test_a_payment_from_the_order_to_the_token(begun: Town) -> None:
    async with browsing(begun) as page:
        await ask_to_pay(page)
        await expect(page.locator("#ask")).to_have_text("Pay KES 500.00 to BILI account 6789? Enter M‑PESA PIN")
        await expect(page.locator("#left")).to_contain_text("Closes by itself in")
        await expect(page.locator("#presence")).to_have_text("typing")
        for digit in "12394":
            await page.locator("#keys").get_by_role("button", name=digit, exact=True).click()
        await expect(page.locator("#pin")).to_have_value("1239")  # four digits and no more
        await page.get_by_role("button", name="Erase a digit").click()
        await page.locator("#keys").get_by_role("button", name="4", exact=True).click()
        await page.get_by_role("button", name="OK", exact=True).click()
        await expect(page.locator(".bubble code").last).to_have_text(TOKEN_DIGITS)
        await expect(page.locator("#prompt")).to_be_hidden()
        await expect(page.locator("#balance")).to_have_text("KES 4,500.00")
        await expect(page.locator("#sms li")).to_contain_text("Ksh500.00 sent to BILI for account 6789")
        confirmed = page.locator(".in", has_text="You confirmed")
        await expect(confirmed).to_contain_text("edited")
        await expect(confirmed.locator("button")).to_have_count(0)
    assert begun.host.daraja.transactions[0].msisdn == AMINAS_PHONE


async def test_a_wrong_pin_typed_on_the_keyboard_pays_nothing(begun: Town) -> None:
    async with browsing(begun) as page:
        await ask_to_pay(page)
        await expect(page.get_by_label("M-PESA PIN")).to_be_focused()
        await page.keyboard.type("9x9 99")
        await expect(page.locator("#pin")).to_have_value("9999")
        await page.keyboard.press("Enter")
        await expect(page.locator(".in .bubble").last).to_contain_text("The PIN was wrong")
        await expect(page.locator("#balance")).to_have_text("KES 5,000.00")


async def test_cancel_closes_the_prompt(begun: Town) -> None:
    async with browsing(begun) as page:
        await ask_to_pay(page)
        await page.locator("#prompt").get_by_role("button", name="Cancel").click()
        await expect(page.locator(".in .bubble").last).to_contain_text("You cancelled")
        await expect(page.locator("#prompt")).to_be_hidden()


async def test_who_is_writing_keeps_the_focus_when_the_handset_rings(begun: Town) -> None:
    async with browsing(begun) as page:
        await type_and_send(page, "500 14123456789")
        await expect(page.get_by_role("button", name="Pay KES 500 with M-Pesa")).to_be_visible()
        await page.get_by_label("Message", exact=True).fill("wait")
        message = begun.host.telegram.chat(AMINA)[-1]
        await begun.host.telegram.tap(AMINA, message.message_id, "pay")
        await expect(page.locator("#prompt")).to_be_visible()
        await expect(page.get_by_label("Message", exact=True)).to_be_focused()
        await expect(page.locator("#announce")).to_have_text("Amina’s handset asks for the M-PESA PIN.")


async def test_hostile_markup_is_shown_as_text_and_never_runs(begun: Town) -> None:
    # The browser complains of the handlers it refuses, which is what this test wants of it.
    async with browsing(begun, quiet=False) as page:
        await type_and_send(page, "<img src=x onerror=document.title='hit'>")
        await expect(page.locator(".out .bubble").last).to_contain_text("<img src=x")
        rendered = await page.evaluate(
            """async () => {
                const { fromBotHtml } = await import("/page/dom.js");
                const box = document.createElement("div");
                box.append(...fromBotHtml(`<b onclick="document.title='hit'">a</b><a href="javascript:hit()">b</a>
                    <script>document.title = 'hit'</script><img src="/x" onerror="document.title='hit'">&lt;i&gt;`));
                document.querySelector("#messages").append(box);
                return [box.innerHTML.replace(/\\s+/g, " "), box.querySelectorAll("a, img, script, [onclick]").length];
            }"""
        )
        assert rendered == ["<b>a</b>b document.title = 'hit'&lt;i&gt;", 0]
        assert await page.title() == "Bili sandbox"


async def test_sharing_the_number_takes_one_press_and_its_keyboard_goes(begun: Town) -> None:
    async with browsing(begun) as page:
        await type_and_send(page, "phone")
        await page.get_by_role("button", name="Share my phone number").click()
        await expect(page.locator(".out .bubble").last).to_contain_text("Phone number shared")
        await expect(page.locator(".in .bubble").last).to_contain_text("254711000001 will be asked to pay")
        await expect(page.locator("#keyboard")).to_be_hidden()


async def test_something_that_is_not_text_is_sent_from_the_menu(begun: Town) -> None:
    async with browsing(begun) as page:
        await page.locator("#attachments summary").click()
        await page.get_by_role("button", name="Voice note").click()
        await expect(page.locator(".out .bubble").last).to_contain_text("Voice note")
        await expect(page.get_by_role("button", name="Voice note")).to_be_hidden()


async def test_a_code_is_copied_with_one_tap(begun: Town) -> None:
    async with browsing(begun) as page:
        await page.locator(".bubble code").click()
        await expect(page.locator("#toast")).to_have_text("Copied")
        assert await page.evaluate("navigator.clipboard.readText()") == "500 14123456789"


async def test_enter_sends_and_shift_enter_begins_a_line(begun: Town) -> None:
    async with browsing(begun) as page:
        text = page.get_by_label("Message", exact=True)
        await text.fill("one")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("two")
        await page.keyboard.press("Enter")
        await expect(text).to_have_value("")
        await expect(page.locator(".out .bubble").last).to_contain_text("one\ntwo")


async def test_a_chip_types_for_the_person_and_sends_nothing(here: Town) -> None:
    async with browsing(here) as page:
        await page.get_by_role("button", name="500 14123456783").click()
        await expect(page.get_by_label("Message", exact=True)).to_have_value("500 14123456783")
        await page.get_by_role("button", name="0141123456784").click()
        await expect(page.get_by_label("Message", exact=True)).to_have_value("0141123456784")
        assert here.host.telegram.chat(AMINA) == []


async def test_a_fault_is_switched_on_for_once_strikes_and_is_off_again(begun: Town) -> None:
    async with browsing(begun) as page:
        switch = page.get_by_role("switch", name="Telegram takes no message for three seconds")
        await switch.click()
        await expect(switch).to_have_attribute("data-left", "1×")
        await expect(switch).to_be_focused()
        assert begun.host.stage.faults.counts == {"telegram_slow_down": 1}
        begun.host.stage.faults.takes("telegram_slow_down")
        await expect(switch).not_to_be_checked()


async def test_a_fault_can_strike_every_time_and_be_switched_off(begun: Town) -> None:
    async with browsing(begun) as page:
        await page.get_by_role("radio", name="Every time").check()
        switch = page.get_by_role("switch", name="The outcome is never called back")
        await switch.click()
        await expect(switch).to_have_attribute("data-left", "∞")
        assert begun.host.stage.faults.counts == {"lose_callback": -1}
        await switch.click()
        await expect(switch).not_to_be_checked()
        assert begun.host.stage.faults.counts == {}


async def test_each_person_has_a_chat_and_a_handset(begun: Town) -> None:
    async with browsing(begun) as page:
        await expect(page.locator(".out .bubble")).to_have_count(1)
        await page.get_by_role("radio", name="Otieno", exact=True).check()
        await expect(page.locator(".out .bubble")).to_have_count(0)
        await expect(page.get_by_role("radio", name="Otieno’s handset")).to_be_checked()
        await page.reload()
        await expect(page.get_by_role("radio", name="Otieno", exact=True)).to_be_checked()


async def test_an_empty_locked_handset_is_refilled(begun: Town) -> None:
    handset = begun.host.daraja.handset(AMINAS_PHONE)
    async with browsing(begun) as page:
        handset.wrong_pins = 3
        await page.get_by_role("button", name="Refill the balance").click()
        await expect(page.locator("#balance")).to_have_text("KES 5,000.00")
        assert handset.wrong_pins == 0


async def test_news_below_is_announced_to_who_reads_above(begun: Town) -> None:
    async with browsing(begun) as page:
        for number in range(8):
            await type_and_send(page, f"again {number} please")
        await expect(page.locator(".in .bubble")).to_have_count(9)
        newest = page.get_by_role("button", name="Newest message")
        await expect(newest).to_be_hidden()
        await page.locator("#scroller").evaluate("box => box.scrollTo(0, 0)")
        await expect(newest).to_be_visible()
        assert await page.locator("#messages > :first-child").is_visible()
        await newest.click()
        await expect(newest).to_be_hidden()


async def test_on_a_phone_the_handset_slides_over_and_away(begun: Town) -> None:
    async with browsing(begun, PHONE) as page:
        await expect(page.locator("#handset")).to_be_hidden()
        await ask_to_pay(page)
        await expect(page.locator("#handset")).to_be_visible()
        await page.keyboard.type("1234")
        await page.keyboard.press("Enter")
        await expect(page.locator("#sms li")).to_be_visible()
        await expect(page.locator("#handset")).to_be_hidden()
        await expect(page.locator(".bubble code").last).to_be_in_viewport()


async def test_on_a_phone_both_sheets_open_by_hand_and_close_with_escape(begun: Town) -> None:
    async with browsing(begun, PHONE) as page:
        for name, sheet in (("The payer’s handset", "#handset"), ("Things to try", "#panel")):
            tool = page.get_by_role("button", name=name)
            await tool.click()
            await expect(page.locator(sheet)).to_be_visible()
            await expect(tool).to_have_attribute("aria-expanded", "true")
            await page.keyboard.press("Escape")
            await expect(page.locator(sheet)).to_be_hidden()


async def test_nothing_sticks_out_sideways(begun: Town) -> None:
    async with browsing(begun) as page:
        await type_and_send(page, "x" * 200)
        await expect(page.locator(".in .bubble")).to_have_count(2)
        for width, height in (DESK, (900, 700), PHONE, (320, 568)):
            await page.set_viewport_size({"width": width, "height": height})
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
            assert await page.locator("#scroller").evaluate("box => box.scrollWidth <= box.clientWidth"), width


async def test_words_stand_out_from_what_is_behind_them(begun: Town) -> None:
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    async with browsing(begun) as page:
        for scheme in schemes:
            await page.emulate_media(color_scheme=scheme)
            for place in (
                ".in .bubble",
                ".out .bubble",
                ".in .meta",
                ".out .meta",
                ".peer p",
                ".calm",
                ".fault",
                ".hint",
            ):
                assert await page.evaluate(CONTRAST, place) >= 4.5, (scheme, place)


#: The contrast of an element's text with the nearest opaque background behind it (WCAG 2.2, relative luminance).
CONTRAST = """(place) => {
    const light = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const element = document.querySelector(place);
    let behind = element;
    while (/rgba\\(.*, 0\\)|transparent/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
    const both = [light(getComputedStyle(element).color), light(getComputedStyle(behind).backgroundColor)].sort();
    return (both[1] + 0.05) / (both[0] + 0.05);
}"""


async def test_every_control_has_a_name(begun: Town) -> None:
    async with browsing(begun) as page:
        await ask_to_pay(page)
        nameless = await page.evaluate(
            """() => [...document.querySelectorAll("button, input, textarea, summary")]
                .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.[0]?.textContent.trim()))
                .map((one) => one.outerHTML)"""
        )
        assert nameless == []


async def test_who_asks_for_less_motion_gets_none(begun: Town) -> None:
    async with browsing(begun) as page:
        await page.emulate_media(reduced_motion="reduce")
        await ask_to_pay(page)
        longest = await page.evaluate(
            """Math.max(...[...document.querySelectorAll("*")].flatMap((one) => {
                const style = getComputedStyle(one);
                return `${style.animationDuration},${style.transitionDuration}`.split(",").map(parseFloat);
            }))"""
        )
        assert longest < 0.01


async def test_the_page_says_when_the_sandbox_is_away_and_finds_it_again(begun: Town) -> None:
    async with browsing(begun, quiet=False) as page:
        away = True

        async def cut(route: Route) -> None:
            await (route.abort() if away else route.continue_())

        await page.route("**/control/**", cut)
        await begun.host.telegram.say(AMINA, "this ends the question that is held open")
        await expect(page.locator("#offline")).to_be_visible()
        away = False
        await expect(page.locator("#offline")).to_be_hidden()
        await expect(page.locator(".out .bubble")).to_have_count(2)
