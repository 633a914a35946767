"""The WhatsApp phone in a real Chromium: what a person sees and presses, against the real far side and a bot."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.browsing import DESK, MARKS, PHONE, SCHEMES, Scheme, browsing, fits, type_and_send, whatsapp
from tests.browser.scripted_whatsapp import TOKEN
from tests.sandbox.live import Town, soon
from tests.sandbox.stages import AMINAS_NUMBER

pytestmark = MARKS

ME = f"whatsapp:{AMINAS_NUMBER}"


async def say(page: Page, words: str) -> None:
    await type_and_send(page, words, "WhatsApp")


async def pick(page: Page, row: str) -> None:
    await page.get_by_role("button", name="Choose a meter").click()
    sheet = page.get_by_role("dialog", name="Choose a meter")
    await sheet.get_by_role("radio", name=row).check()
    await sheet.get_by_role("button", name="Send").click()
    await expect(sheet).to_be_hidden()


# --- a dialogue


@pytest.mark.parametrize("size", [DESK, PHONE])
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_from_hello_to_the_token(here: Town, size: tuple[int, int], scheme: Scheme) -> None:
    async with browsing(here, size) as page:
        await page.emulate_media(color_scheme=scheme)
        await say(page, "hi")
        await pick(page, "Home")
        await expect(whatsapp(page).locator(".out .bubble").last).to_contain_text("Home")
        await say(page, "500")
        check = whatsapp(page).locator(".in", has_text="Please check")
        await expect(check.locator("b")).to_have_text(["Please check", "14123456783", "KES 500.00"])
        assert await fits(page, "#whatsapp .messages > :last-child .choices")
        await check.get_by_role("button", name="Pay KES 500").click()
        paid = whatsapp(page).locator(".in").last
        await expect(paid).to_contain_text("Here is your token")
        await paid.locator("code").first.click()
        await expect(page.locator("#toast")).to_have_text("Copied")
        assert await page.evaluate("navigator.clipboard.readText()") == TOKEN
        assert await fits(page, "#whatsapp .messages > :last-child")
    assert [form.get("ListId") or form.get("ButtonPayload") or form["Body"] for form in here.whatsapp.heard] == [
        "hi",
        "m1",
        "500",
        "pay",
    ]


async def test_the_ticks_turn_from_one_to_two_to_blue(greeted: Town) -> None:
    async with browsing(greeted) as page:
        ticks = whatsapp(page).locator(".in").last.locator(".ticks")
        await expect(ticks).to_have_text("Read")  # it is on the screen
        blue = await ticks.evaluate("one => getComputedStyle(one).color")
        await expect(whatsapp(page).locator(".out .ticks")).to_have_text("Delivered")
        grey = await whatsapp(page).locator(".out .ticks").evaluate("one => getComputedStyle(one).color")
        assert blue != grey
        drawn = await page.evaluate(TURNED)
        assert drawn == [
            ["", ""],
            ["#i-tick", "Sent"],
            ["#i-ticks", "Delivered"],
            ["#i-ticks", "Read"],
            ["#i-failed", "Not delivered"],
        ]
        assert await page.evaluate("document.querySelector('#whatsapp .messages > :last-child').isConnected")


#: Draw one message as it comes further and further; the bubble must stay the same element.
TURNED = """async () => {
    const { chat } = await import("/page/whatsapp.js");
    const bare = { from_bot: true, text: "x", buttons: [], links: [], items: [], media: [], at: "2026-01-05T09:00Z" };
    const shown = new Set();
    const seen = ["", "sent", "delivered", "read", "failed"].map((ticks) => {
        chat.show(1, [{ ...bare, id: "SM1", list_label: "", replies_to: "", template: false, ticks }]);
        const item = document.querySelector("#whatsapp .messages > :last-child");
        shown.add(item);
        const place = item.querySelector(".ticks");
        return [place.querySelector("use")?.getAttribute("href") ?? "", place.textContent];
    });
    if (shown.size !== 1) throw new Error("the bubble was drawn again");
    return seen;
}"""


# --- the list


async def test_a_list_opens_over_the_chat_and_sends_nothing_before_a_row_is_chosen(greeted: Town) -> None:
    async with browsing(greeted) as page:
        opener = page.get_by_role("button", name="Choose a meter")
        await opener.click()
        sheet = page.get_by_role("dialog", name="Choose a meter")
        await expect(sheet.get_by_role("radio")).to_have_count(3)
        await expect(sheet).to_contain_text("14120000014, Kiosk 4, Gikomba")
        await expect(sheet.get_by_role("button", name="Send")).to_be_disabled()
        await page.keyboard.press("Escape")
        await expect(sheet).to_be_hidden()
        await expect(opener).to_be_focused()
    assert len(greeted.host.twilio.chat(AMINAS_NUMBER)) == 2


async def test_a_list_is_used_by_keyboard_alone_and_the_focus_stays_in_it(greeted: Town) -> None:
    async with browsing(greeted, PHONE) as page:
        await page.get_by_role("button", name="Choose a meter").focus()
        await page.keyboard.press("Enter")
        inside = "document.querySelector('#picker').contains(document.activeElement)"
        for _ in range(4):
            await page.keyboard.press("Tab")
            assert await page.evaluate(inside)
        await page.locator("#picker input").first.focus()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Shift+Tab")
        await expect(page.locator("#picker-close")).to_be_focused()
        await page.keyboard.press("Shift+Tab")
        await expect(page.locator("#picker-send")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(whatsapp(page).locator(".out .bubble").last).to_contain_text("Mama’s shop")
    assert greeted.whatsapp.heard[-1]["ListId"] == "m2"


async def test_who_becomes_somebody_else_leaves_the_open_list(greeted: Town) -> None:
    async with browsing(greeted) as page:
        await page.get_by_role("button", name="Choose a meter").click()
        await page.locator("#people").get_by_role("radio", name="Otieno").check()
        await expect(page.locator("#picker")).to_be_hidden()


# --- replies, and what is not text


async def test_an_older_message_is_replied_to_with_a_quotation(greeted: Town) -> None:
    async with browsing(greeted) as page:
        await say(page, "m3")
        oldest = whatsapp(page).locator(".in").first
        await oldest.hover()
        await oldest.get_by_role("button", name="Reply to this message").click()
        await expect(page.locator("#quoting")).to_contain_text("Karibu! Which meter shall I top up?")
        await say(page, "this one")
        await expect(whatsapp(page).locator(".out").last.locator("blockquote")).to_contain_text("Karibu!")
        await expect(page.locator("#quoting")).to_be_hidden()
        await soon(lambda: greeted.whatsapp.heard[-1]["Body"] == "this one")
    first = greeted.host.twilio.chat(AMINAS_NUMBER)[1]
    assert greeted.whatsapp.heard[-1]["OriginalRepliedMessageSid"] == first.sid


async def test_a_reply_that_was_begun_can_be_left(greeted: Town) -> None:
    async with browsing(greeted) as page:
        await whatsapp(page).locator(".in .replier").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Message on WhatsApp")).to_be_focused()
        await page.get_by_role("button", name="Do not reply to it").click()
        await say(page, "plainly")
        await soon(lambda: greeted.whatsapp.heard[-1]["Body"] == "plainly")
    assert "OriginalRepliedMessageSid" not in greeted.whatsapp.heard[-1]


async def test_what_is_not_text_is_sent_from_the_menu_and_drawn(greeted: Town) -> None:
    kinds = [
        ("Photo", "image", ".photo"),
        ("Voice note", "audio", ".voice"),
        ("Location", "location", ".map"),
        ("Contact", "contacts", ".card-of"),
        ("Sticker", "sticker", ".sticker"),
        ("Document", "document", ".card-of"),
    ]
    async with browsing(greeted, PHONE) as page:
        for number, (name, kind, drawn) in enumerate(kinds, 2):
            await whatsapp(page).locator(".attachments summary").click()
            await whatsapp(page).locator(".menu").get_by_role("button", name=name).click()
            await expect(whatsapp(page).locator(".in")).to_have_count(number)
            own = whatsapp(page).locator(".out").last
            await expect(own.locator(drawn)).to_be_visible()
            await expect(own).not_to_contain_text("[")
            await expect(whatsapp(page).locator(".menu")).to_be_hidden()
            assert greeted.whatsapp.heard[-1]["MessageType"] == kind


async def test_the_microphone_gives_way_to_send_once_something_is_typed(greeted: Town) -> None:
    async with browsing(greeted) as page:
        voice = page.get_by_role("button", name="Record a voice note")
        send = page.get_by_role("button", name="Send on WhatsApp")
        await expect(send).to_be_hidden()
        await page.get_by_label("Message on WhatsApp").fill("m1")
        await expect(voice).to_be_hidden()
        await send.click()
        await expect(whatsapp(page).locator(".out .bubble").last).to_contain_text("m1")
        await voice.click()
        await expect(whatsapp(page).locator(".out").last.locator(".voice")).to_be_visible()


async def test_what_the_sandbox_refuses_is_said_and_the_words_are_kept(greeted: Town) -> None:
    async with browsing(greeted, quiet=False) as page:  # the browser reports the 400
        await page.get_by_label("Message on WhatsApp").evaluate("box => box.removeAttribute('maxlength')")
        await say(page, "x" * 4097)
        await expect(page.locator("#toast")).to_contain_text("longer than 4096 characters")
        assert len(await page.get_by_label("Message on WhatsApp").input_value()) == 4097


# --- marks


MARKED: list[tuple[str, str]] = [
    ("plain", "plain"),
    ("*bold* and _slanted_ and ~gone~", "<b>bold</b> and <i>slanted</i> and <s>gone</s>"),
    ("*bold _both_*", "<b>bold <i>both</i></b>"),
    ("```7412 3456```", "<code>7412 3456</code>"),
    ("`SKA1`, ```a\nb```", "<code>SKA1</code>, <code>a\nb</code>"),
    ("```*not bold*```", "<code>*not bold*</code>"),
    # A mark that does not hug its words, or has no twin, is typed text.
    ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name"),
    ("* a * and *open", "* a * and *open"),
    ("*two\nlines*", "*two\nlines*"),
    ("**", "**"),
    ("(*in brackets*).", "(<b>in brackets</b>)."),
    # Names that people give themselves and their meters.
    ("*<img src=x onerror=alert(1)>*", "<b>&lt;img src=x onerror=alert(1)&gt;</b>"),
    ("_<script>alert(1)</script>_ &amp;", "<i>&lt;script&gt;alert(1)&lt;/script&gt;</i> &amp;amp;"),
    ("```</code><b>x</b>```", "<code>&lt;/code&gt;&lt;b&gt;x&lt;/b&gt;</code>"),
    ("javascript:alert(1) https://example.test", "javascript:alert(1) https://example.test"),
]


async def test_marks_become_a_few_tags_and_everything_else_stays_text(here: Town) -> None:
    async with browsing(here) as page:
        for text, nodes in MARKED:
            drawn = await page.evaluate(
                """async (text) => {
                    const { fromMarks } = await import("/page/markup.js");
                    const box = document.createElement("div");
                    box.append(...fromMarks(text));
                    return box.innerHTML.replace(/<code [^>]*>/g, "<code>");
                }""",
                text,
            )
            assert drawn == nodes


async def test_a_hostile_name_is_shown_as_it_is_and_never_runs(greeted: Town) -> None:
    name = "<img src=x onerror=document.title='hit'>"
    async with browsing(greeted) as page:
        await say(page, f"name {name}")
        await expect(whatsapp(page).locator(".in b").last).to_have_text(f"Meter of {name}")
        await expect(whatsapp(page).locator(".out .bubble").last).to_contain_text(name)
        assert await whatsapp(page).locator(".messages img").count() == 0
        assert await page.title() == "Bili sandbox"


# --- staying in place


async def test_the_newest_message_is_in_view_and_who_reads_above_is_left_there(greeted: Town) -> None:
    async with browsing(greeted, PHONE) as page:
        for number in range(5):
            await say(page, f"again {number}")
        await expect(whatsapp(page).locator(".in")).to_have_count(6)
        assert await fits(page, "#whatsapp .messages > :last-child")
        newest = page.get_by_role("button", name="Newest message on WhatsApp")
        await expect(newest).to_be_hidden()
        scroller = whatsapp(page).locator(".scroller")
        await scroller.evaluate("box => box.scrollTo(0, 0)")
        await expect(newest).to_be_visible()
        await greeted.whatsapp.say(ME, "News")
        await expect(whatsapp(page).locator(".in").last).to_contain_text("News")
        assert await scroller.evaluate("box => box.scrollTop") == 0
        await newest.click()
        await expect(newest).to_be_hidden()
        await expect(whatsapp(page).locator(".in").last).to_be_in_viewport()


async def test_a_message_moves_nothing_but_the_messages(greeted: Town) -> None:
    async with browsing(greeted) as page:
        where = """() => ["#whatsapp .composer", "#whatsapp .peer", "#telegram .device", "#handset", "#panel"]
            .map((place) => JSON.stringify(document.querySelector(place).getBoundingClientRect()))"""
        before = await page.evaluate(where)
        await greeted.whatsapp.say(ME, "News")
        await expect(whatsapp(page).locator(".in").last).to_contain_text("News")
        assert await page.evaluate(where) == before
