"""The demo page in a real Chromium: both phones, the handset and the panel, on a desk, a tablet and a phone."""

from __future__ import annotations

import pytest
from playwright.async_api import Route, expect

from tests.browser.browsing import (
    DESK,
    MARKS,
    PHONE,
    SCHEMES,
    SMALL_DESK,
    TABLET,
    ask_to_pay,
    browsing,
    contrast,
    fits,
    show,
    telegram,
    type_and_send,
    whatsapp,
)
from tests.browser.scripted_whatsapp import RECEIPT
from tests.sandbox.live import Town, soon
from tests.sandbox.stages import AMINA, AMINAS_NUMBER, AMINAS_PHONE, ZAWADI

pytestmark = MARKS


# --- both phones, one person


@pytest.mark.parametrize("size", [DESK, SMALL_DESK, (1200, 800)])
async def test_on_a_desk_everything_is_on_the_screen_at_once(busy: Town, size: tuple[int, int]) -> None:
    async with browsing(busy, size) as page:
        for place in ("#whatsapp", "#telegram", "#handset", "#panel", "#quiet", "#people", "#languages"):
            assert await fits(page, place), place
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        assert await page.locator("#panel").evaluate("box => box.scrollHeight <= box.clientHeight")


async def test_both_phones_belong_to_the_chosen_person(busy: Town) -> None:
    async with browsing(busy) as page:
        await expect(page.locator("#whatsapp-owner")).to_have_text("Amina, +254711000001")
        await expect(page.locator("#telegram-owner")).to_have_text("Amina")
        await page.locator("#people").get_by_role("radio", name="Otieno").check()
        await expect(page.locator("#whatsapp-owner")).to_contain_text("Otieno")
        await expect(whatsapp(page).locator(".bubble")).to_have_count(0)
        await expect(telegram(page).locator(".bubble")).to_have_count(0)
        await expect(page.locator("#owners").get_by_role("radio", name="Otieno")).to_be_checked()
        await page.reload()
        await expect(page.locator("#people").get_by_role("radio", name="Otieno")).to_be_checked()


async def test_the_phone_in_hand_is_marked_and_stays_so(busy: Town) -> None:
    async with browsing(busy) as page:
        await expect(page.locator(".active")).to_have_id("whatsapp")
        await expect(page.locator("[aria-current=true]")).to_have_id("whatsapp")
        await expect(page.locator("#where")).to_have_text("WhatsApp")
        await page.get_by_label("Message on Telegram").focus()
        await expect(page.locator(".active")).to_have_id("telegram")
        await page.reload()
        await expect(page.locator(".active")).to_have_id("telegram")
        await whatsapp(page).locator(".peer").click()
        await expect(page.locator(".active .caption i")).to_be_visible()
        await expect(page.locator(".active")).to_have_id("whatsapp")


async def test_who_hides_the_number_is_said_to(here: Town) -> None:
    async with browsing(here) as page:
        await expect(page.locator("#hidden-number")).to_be_hidden()
        await page.locator("#people").get_by_role("radio", name="Zawadi").check()
        await expect(page.locator("#hidden-number")).to_be_visible()
        await expect(page.locator("#whatsapp-owner")).to_have_text("Zawadi, hidden")
        await expect(page.locator("#balance")).to_have_text("KES 5,000.00")
        await type_and_send(page, "hi", "WhatsApp")
        await expect(whatsapp(page).locator(".in .bubble")).to_contain_text("Karibu!")
    assert here.whatsapp.heard[0]["From"].startswith("whatsapp:KE.")


async def test_the_language_of_the_apps_changes_what_is_offered_and_what_telegram_tells(here: Town) -> None:
    async with browsing(here) as page:
        await page.get_by_role("radio", name="Kiswahili").check()
        await expect(page.locator("#tries button")).to_have_text(
            ["nunua 500 14123456783", "tokeni", "tena", "hali", "msaada"]
        )
        await soon(lambda: here.host.stage.people[0].language == "sw")
        await page.locator("#people").get_by_role("radio", name="Otieno").check()
        await expect(page.get_by_role("radio", name="English")).to_be_checked()
        await expect(page.get_by_role("button", name="tokeni")).to_have_count(0)
        await page.locator("#people").get_by_role("radio", name="Zawadi").check()
        await expect(page.get_by_role("radio", name="Kiswahili")).to_be_checked()
    assert {one.user_id: one.language for one in here.host.stage.people}[ZAWADI] == "sw"


# --- things to try


async def test_a_chip_types_into_the_phone_in_hand_and_sends_nothing(here: Town) -> None:
    async with browsing(here) as page:
        await page.get_by_role("button", name="500 14123456783").click()
        await expect(page.get_by_label("Message on WhatsApp")).to_have_value("500 14123456783")
        await telegram(page).locator(".peer").click()
        await page.get_by_text("Meters to try").click()
        await page.get_by_role("button", name="0141123456784").click()
        await expect(page.get_by_label("Message on Telegram")).to_have_value("0141123456784")
        await expect(page.get_by_label("Message on WhatsApp")).to_have_value("500 14123456783")
        assert here.host.telegram.chat(AMINA) == []
        assert here.host.twilio.chat(AMINAS_NUMBER) == []


async def test_a_fault_is_switched_on_for_once_strikes_and_is_off_again(here: Town) -> None:
    async with browsing(here) as page:
        await page.locator("#faults summary", has_text="Telegram").click()
        switch = page.get_by_role("switch", name="Telegram takes no message for three seconds")
        await switch.click()
        await expect(switch).to_have_attribute("data-left", "1×")
        await expect(switch).to_be_focused()
        await expect(page.locator(".count.on")).to_have_text("1 on")
        assert here.host.stage.faults.counts == {"telegram_slow_down": 1}
        here.host.stage.faults.takes("telegram_slow_down")
        await expect(switch).not_to_be_checked()
        await expect(page.locator(".count.on")).to_have_count(0)


async def test_a_fault_can_strike_every_time_and_be_switched_off(here: Town) -> None:
    async with browsing(here) as page:
        await page.get_by_role("radio", name="Every time").check()
        await page.locator("#faults").get_by_text("WhatsApp (Twilio)").click()
        switch = page.get_by_role("switch", name="Twilio delivers what a person does twice")
        await switch.click()
        await expect(switch).to_have_attribute("data-left", "∞")
        assert here.host.stage.faults.counts == {"twilio_double_delivery": -1}
        await switch.click()
        await expect(switch).not_to_be_checked()
        assert here.host.stage.faults.counts == {}


async def test_faults_stand_by_party_whatsapp_first_and_one_group_is_open_at_a_time(here: Town) -> None:
    async with browsing(here) as page:
        parties = page.locator("#faults summary")
        await expect(parties).to_contain_text(["WhatsApp (Twilio)", "Telegram", "M-Pesa", "Electricity company"])
        await parties.nth(0).click()
        await parties.nth(2).click()
        await expect(page.locator("#faults details[open]")).to_have_count(1)
        await expect(page.get_by_role("switch", name="The outcome is never called back")).to_be_visible()


async def test_a_day_passes_without_a_word_and_then_only_a_template_arrives(greeted: Town) -> None:
    async with browsing(greeted) as page:
        await page.get_by_role("button", name="24 hours pass without a word").click()
        await soon(lambda: greeted.host.twilio.find(AMINAS_NUMBER).wrote_at is None)  # type: ignore[union-attr]
        await greeted.whatsapp.say(f"whatsapp:{AMINAS_NUMBER}", "Too late")
        lost = whatsapp(page).locator(".message", has_text="Too late")
        await expect(lost).to_contain_text("not delivered")
        await expect(lost.locator(".replier")).to_be_disabled()
        await greeted.whatsapp.knock(f"whatsapp:{AMINAS_NUMBER}")
        await expect(whatsapp(page).locator(".message").last.locator(".template")).to_have_text("template ")


# --- the handset


async def test_an_empty_locked_handset_is_refilled(here: Town) -> None:
    handset = here.host.daraja.handset(AMINAS_PHONE)
    async with browsing(here) as page:
        handset.wrong_pins = 3
        await page.get_by_role("button", name="Refill the balance").click()
        await expect(page.locator("#balance")).to_have_text("KES 5,000.00")
        assert handset.wrong_pins == 0


async def test_an_sms_of_ours_comes_to_the_handset_with_its_sender_the_newest_on_top(begun: Town) -> None:
    async with browsing(begun) as page:
        await type_and_send(page, "sms", "WhatsApp")
        await expect(page.locator("#sms li b")).to_have_text(["+15550000002"])
        await expect(page.locator("#sms li")).to_contain_text(RECEIPT.splitlines()[0])
        await ask_to_pay(page)
        await page.keyboard.type("1234")
        await page.keyboard.press("Enter")
        await expect(page.locator("#sms li b")).to_have_text(["MPESA", "+15550000002"])


# --- on smaller screens


async def test_on_a_phone_one_chat_fills_the_screen_and_a_segment_changes_it(busy: Town) -> None:
    async with browsing(busy, PHONE) as page:
        await expect(whatsapp(page)).to_be_visible()
        await expect(telegram(page)).to_be_hidden()
        assert await fits(page, "#whatsapp .composer")
        await show(page, "Telegram")
        await expect(telegram(page)).to_be_visible()
        await expect(whatsapp(page)).to_be_hidden()
        assert await fits(page, "#telegram .composer")
        await expect(telegram(page).locator(".bubble").last).to_be_in_viewport()


async def test_what_comes_to_a_phone_that_is_not_shown_stays_unread_until_it_is(busy: Town) -> None:
    async with browsing(busy, PHONE) as page:
        await show(page, "Telegram")
        await busy.whatsapp.say(f"whatsapp:{AMINAS_NUMBER}", "News")
        await soon(lambda: busy.host.twilio.chat(AMINAS_NUMBER)[-1].ticks == "delivered")
        await type_and_send(page, "again")
        await expect(telegram(page).locator(".out")).to_have_count(2)
        assert busy.host.twilio.chat(AMINAS_NUMBER)[-1].ticks == "delivered"
        await show(page, "WhatsApp")
        await expect(whatsapp(page).locator(".message").last.locator(".ticks")).to_have_text("Read")


async def test_on_a_phone_the_handset_slides_over_and_away(begun: Town) -> None:
    async with browsing(begun, PHONE) as page:
        await show(page, "Telegram")
        await expect(page.locator("#handset")).to_be_hidden()
        await ask_to_pay(page)
        await expect(page.locator("#handset")).to_be_visible()
        await page.keyboard.type("1234")
        await page.keyboard.press("Enter")
        await expect(page.locator("#sms li")).to_be_visible()
        await expect(page.locator("#handset")).to_be_hidden()
        await expect(telegram(page).locator(".bubble code").last).to_be_in_viewport()


@pytest.mark.parametrize("size", [PHONE, TABLET])
async def test_both_sheets_open_by_hand_and_close_with_escape(begun: Town, size: tuple[int, int]) -> None:
    async with browsing(begun, size) as page:
        for name, sheet in (("The payer’s handset", "#handset"), ("Things to try", "#panel")):
            tool = page.get_by_role("button", name=name)
            await tool.click()
            await expect(page.locator(sheet)).to_be_visible()
            await expect(tool).to_have_attribute("aria-expanded", "true")
            await page.keyboard.press("Escape")
            await expect(page.locator(sheet)).to_be_hidden()


async def test_nothing_sticks_out_sideways(busy: Town) -> None:
    async with browsing(busy) as page:
        for app in ("WhatsApp", "Telegram"):
            await type_and_send(page, "x" * 200, app)
        await expect(page.locator(".in .bubble")).to_have_count(4)
        for width, height in (DESK, SMALL_DESK, (1024, 768), TABLET, PHONE, (320, 568)):
            await page.set_viewport_size({"width": width, "height": height})
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
            for phone in ("#whatsapp", "#telegram"):
                box = page.locator(f"{phone} .scroller")
                assert await box.evaluate("box => box.scrollWidth <= box.clientWidth"), (phone, width)


# --- for everybody


async def test_words_stand_out_from_what_is_behind_them(busy: Town) -> None:
    places = [
        ".calm", ".fault", ".hint", ".caption span", ".active .caption i", ".box h2 small", ".deed small", ".notice",
        "#whatsapp .choices button", "#whatsapp .in .words", "#whatsapp .out .words", "#whatsapp .in .meta",
        "#whatsapp .out .meta", "#whatsapp .peer h1", "#whatsapp .day-line span", "#telegram .in .bubble",
        "#telegram .out .bubble", "#telegram .in .meta", "#telegram .out .meta", "#telegram .peer p",
        "#whatsapp blockquote b", "#whatsapp blockquote span", "#picker-send", ".item b", ".item small",
        "#picker-title",
    ]  # fmt: skip
    async with browsing(busy) as page:
        await page.locator("#faults").get_by_text("WhatsApp (Twilio)").click()
        await busy.host.twilio.pick(AMINAS_NUMBER, busy.host.twilio.chat(AMINAS_NUMBER)[-1].sid, "m1")
        await expect(whatsapp(page).locator("blockquote")).to_be_visible()
        await page.get_by_role("button", name="Choose a meter").click()
        await page.locator(".item").first.click()
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            await page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished))")
            for place in places:
                assert await contrast(page, place) >= 4.5, (scheme, place)


async def test_every_control_has_a_name(busy: Town) -> None:
    async with browsing(busy) as page:
        await ask_to_pay(page)
        await page.get_by_role("button", name="Choose a meter").click()
        nameless = await page.evaluate(
            """() => [...document.querySelectorAll("button, input, textarea, summary")]
                .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.[0]?.textContent.trim()))
                .map((one) => one.outerHTML)"""
        )
        assert nameless == []


async def test_no_two_things_have_the_same_id(busy: Town) -> None:
    async with browsing(busy) as page:
        ids = await page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
        assert len(ids) == len(set(ids))


async def test_who_asks_for_less_motion_gets_none(busy: Town) -> None:
    async with browsing(busy) as page:
        await page.emulate_media(reduced_motion="reduce")
        await ask_to_pay(page)
        await page.get_by_role("button", name="Choose a meter").click()
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
        await expect(telegram(page).locator(".out .bubble")).to_have_count(2)
