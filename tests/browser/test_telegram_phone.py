"""The Telegram phone in a real Chromium: what a person sees and presses, against the real far sides and a bot."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.browsing import MARKS, ask_to_pay, browsing, telegram, type_and_send
from tests.browser.scripted_bot import TOKEN_DIGITS
from tests.sandbox.live import Town
from tests.sandbox.stages import AMINA, AMINAS_PHONE

pytestmark = MARKS


async def test_a_chat_begins_with_start_and_the_bot_answers_with_buttons(here: Town) -> None:
    async with browsing(here) as page:
        await expect(page.get_by_text("What can this bot do?")).to_be_visible()
        await page.get_by_role("button", name="Start").click()
        await expect(telegram(page).locator(".out .bubble")).to_contain_text("/start")
        await expect(telegram(page).locator(".in .bubble")).to_contain_text("Hello! I sell electricity tokens.")
        await expect(telegram(page).locator(".keyboard button")).to_have_text(["Buy electricity", "My meters", "Help"])
        await expect(page.get_by_text("What can this bot do?")).to_be_hidden()
        await expect(telegram(page).locator(".out .tick use")).to_have_attribute("href", "#i-ticks")


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
        await expect(telegram(page).locator(".bubble code").last).to_have_text(TOKEN_DIGITS)
        await expect(page.locator("#prompt")).to_be_hidden()
        await expect(page.locator("#balance")).to_have_text("KES 4,500.00")
        await expect(page.locator("#sms li")).to_contain_text("Ksh500.00 sent to BILI for account 6789")
        confirmed = telegram(page).locator(".in", has_text="You confirmed")
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
        await expect(telegram(page).locator(".in .bubble").last).to_contain_text("The PIN was wrong")
        await expect(page.locator("#balance")).to_have_text("KES 5,000.00")


async def test_cancel_closes_the_prompt(begun: Town) -> None:
    async with browsing(begun) as page:
        await ask_to_pay(page)
        await page.locator("#prompt").get_by_role("button", name="Cancel").click()
        await expect(telegram(page).locator(".in .bubble").last).to_contain_text("You cancelled")
        await expect(page.locator("#prompt")).to_be_hidden()


async def test_who_is_writing_keeps_the_focus_when_the_handset_rings(begun: Town) -> None:
    async with browsing(begun) as page:
        await type_and_send(page, "500 14123456789")
        await expect(page.get_by_role("button", name="Pay KES 500 with M-Pesa")).to_be_visible()
        await page.get_by_label("Message on Telegram", exact=True).fill("wait")
        message = begun.host.telegram.chat(AMINA)[-1]
        await begun.host.telegram.tap(AMINA, message.message_id, "pay")
        await expect(page.locator("#prompt")).to_be_visible()
        await expect(page.get_by_label("Message on Telegram", exact=True)).to_be_focused()
        await expect(page.locator("#announce")).to_have_text("Amina’s handset asks for the M-PESA PIN.")


async def test_hostile_markup_is_shown_as_text_and_never_runs(begun: Town) -> None:
    # The browser complains of the handlers it refuses, which is what this test wants of it.
    async with browsing(begun, quiet=False) as page:
        await type_and_send(page, "<img src=x onerror=document.title='hit'>")
        await expect(telegram(page).locator(".out .bubble").last).to_contain_text("<img src=x")
        rendered = await page.evaluate(
            """async () => {
                const { fromBotHtml } = await import("/page/markup.js");
                const box = document.createElement("div");
                box.append(...fromBotHtml(`<b onclick="document.title='hit'">a</b><a href="javascript:hit()">b</a>
                    <script>document.title = 'hit'</script><img src="/x" onerror="document.title='hit'">&lt;i&gt;`));
                document.querySelector("#telegram .messages").append(box);
                return [box.innerHTML.replace(/\\s+/g, " "), box.querySelectorAll("a, img, script, [onclick]").length];
            }"""
        )
        assert rendered == ["<b>a</b>b document.title = 'hit'&lt;i&gt;", 0]
        assert await page.title() == "Bili sandbox"


async def test_sharing_the_number_takes_one_press_and_its_keyboard_goes(begun: Town) -> None:
    async with browsing(begun) as page:
        await type_and_send(page, "phone")
        await page.get_by_role("button", name="Share my phone number").click()
        await expect(telegram(page).locator(".out .bubble").last).to_contain_text("Phone number shared")
        await expect(telegram(page).locator(".in .bubble").last).to_contain_text("254711000001 will be asked to pay")
        await expect(page.locator("#keyboard")).to_be_hidden()


async def test_something_that_is_not_text_is_sent_from_the_menu(begun: Town) -> None:
    async with browsing(begun) as page:
        await telegram(page).locator(".attachments summary").click()
        await telegram(page).get_by_role("button", name="Voice note").click()
        await expect(telegram(page).locator(".out .bubble").last).to_contain_text("Voice note")
        await expect(telegram(page).get_by_role("button", name="Voice note")).to_be_hidden()


async def test_a_code_is_copied_with_one_tap(begun: Town) -> None:
    async with browsing(begun) as page:
        await telegram(page).locator(".bubble code").click()
        await expect(page.locator("#toast")).to_have_text("Copied")
        assert await page.evaluate("navigator.clipboard.readText()") == "500 14123456789"


async def test_enter_sends_and_shift_enter_begins_a_line(begun: Town) -> None:
    async with browsing(begun) as page:
        text = page.get_by_label("Message on Telegram", exact=True)
        await text.fill("one")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("two")
        await page.keyboard.press("Enter")
        await expect(text).to_have_value("")
        await expect(telegram(page).locator(".out .bubble").last).to_contain_text("one\ntwo")


async def test_news_below_is_announced_to_who_reads_above(begun: Town) -> None:
    async with browsing(begun) as page:
        for number in range(8):
            await type_and_send(page, f"again {number} please")
        await expect(telegram(page).locator(".in .bubble")).to_have_count(9)
        newest = page.get_by_role("button", name="Newest message on Telegram")
        await expect(newest).to_be_hidden()
        await telegram(page).locator(".scroller").evaluate("box => box.scrollTo(0, 0)")
        await expect(newest).to_be_visible()
        assert await telegram(page).locator(".messages > :first-child").is_visible()
        await newest.click()
        await expect(newest).to_be_hidden()
