"""What people do on the sandbox's WhatsApp, and what their phone does not let them do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.channels.twilio.sandbox_stage import JANE, OURS, Stage

CHOICES = {
    "twilio/quick-reply": {
        "body": "Pay KES 500?", "actions": [{"title": "Yes", "id": "n:yes"}, {"title": "No", "id": "n:no"}],
    }
}  # fmt: skip
METERS = {
    "twilio/list-picker": {
        "body": "Which meter?",
        "button": "Choose",
        "items": [{"item": "Mama", "id": "n:1", "description": "1412 3456 789"}, {"item": "Shop", "id": "n:2"}],
    }
}
STRANGER = "+254700000000"


async def shown(types: object, **changes: Any) -> tuple[Stage, str]:
    """A stage on which Jane has this before her, and its sid."""
    stage = await Stage(**changes).opened()
    content = await stage.content(types)
    sid = await stage.sent(ContentSid=content)
    await stage.pass_time()
    return stage, sid


async def told(stage: Stage) -> dict[str, str]:
    await stage.pass_time()
    return stage.bot.hooks()[-1]


async def test_a_tap_brings_the_payload_the_title_and_the_message_it_hangs_on() -> None:
    stage, sid = await shown(CHOICES)
    await stage.side.tap(JANE, sid, "n:yes")
    got = await told(stage)
    assert (got["Body"], got["ButtonText"], got["ButtonPayload"]) == ("Yes", "Yes", "n:yes")
    assert (got["MessageType"], got["ButtonType"]) == ("interactive", "QUICK_REPLY")
    assert (got["OriginalRepliedMessageSid"], got["OriginalRepliedMessageSender"]) == (sid, f"whatsapp:{OURS}")
    assert '"ButtonText":"Yes"' in got["ChannelMetadata"]
    bubble = stage.side.chat(JANE)[-1]
    assert (bubble.text, bubble.from_bot, bubble.replies_to) == ("Yes", False, sid)


async def test_a_tap_on_a_template_is_of_another_type() -> None:
    stage = Stage(button_type=False)
    content = await stage.content(CHOICES)
    await stage.approve(content)
    sid = await stage.sent(ContentSid=content)
    await stage.pass_time()
    await stage.side.tap(JANE, sid, "n:no")
    got = await told(stage)
    assert (got["MessageType"], got["ButtonPayload"]) == ("button", "n:no")
    assert "ButtonType" not in got


async def test_a_tap_opens_the_window() -> None:
    stage, sid = await shown(CHOICES)
    await stage.pass_time(25 * 3600)
    assert await stage.fate(Body="x") == ("undelivered", "63016")
    await stage.side.tap(JANE, sid, "n:yes")
    assert await stage.fate(Body="x") == ("delivered", "")


async def test_an_old_button_can_be_tapped_and_tapped_twice() -> None:
    stage, sid = await shown(CHOICES)
    await stage.sent(Body="something newer")
    await stage.pass_time(60)
    await stage.side.tap(JANE, sid, "n:yes")
    await stage.side.tap(JANE, sid, "n:yes")
    await stage.pass_time()
    first, second = stage.bot.hooks()
    assert first["ButtonPayload"] == second["ButtonPayload"] == "n:yes"
    assert first["MessageSid"] != second["MessageSid"]


async def test_a_pick_brings_the_row() -> None:
    stage, sid = await shown(METERS)
    await stage.side.pick(JANE, sid, "n:1")
    got = await told(stage)
    assert (got["Body"], got["ListTitle"], got["ListId"], got["ListDescription"]) == (
        "Mama", "Mama", "n:1", "1412 3456 789",
    )  # fmt: skip
    assert (got["MessageType"], got["OriginalRepliedMessageSid"]) == ("interactive", sid)
    assert "ButtonPayload" not in got
    await stage.side.pick(JANE, sid, "n:2")
    assert "ListDescription" not in await told(stage)


@pytest.mark.parametrize("payload", ["n:maybe", "Yes", ""])
async def test_a_button_that_is_not_there_cannot_be_tapped(payload: str) -> None:
    stage, sid = await shown(CHOICES)
    with pytest.raises(ValueError, match="no such button"):
        await stage.side.tap(JANE, sid, payload)
    with pytest.raises(ValueError, match="no such row"):
        await stage.side.pick(JANE, sid, "n:yes")
    await stage.pass_time()
    assert stage.bot.requests == []


async def test_a_message_that_is_not_on_the_phone_cannot_be_touched() -> None:
    stage, _ = await shown(CHOICES, pair_burst=1, sent_seconds=5)
    waiting = await stage.sent(Body="waits")
    unknown = "SM" + "0" * 32
    for sid in (waiting, unknown):
        with pytest.raises(ValueError, match="no such message"):
            await stage.side.tap(JANE, sid, "n:yes")
        with pytest.raises(ValueError, match="no such message"):
            await stage.side.pick(JANE, sid, "n:yes")
        with pytest.raises(ValueError, match="no such message"):
            await stage.side.reply_to(JANE, sid, "what?")


async def test_what_failed_on_the_way_cannot_be_tapped() -> None:
    stage = Stage()
    content = await stage.content(CHOICES)
    sid = await stage.sent(ContentSid=content)
    await stage.pass_time()
    assert stage.side.chat(JANE)[0].ticks == "failed"
    with pytest.raises(ValueError, match="no such message"):
        await stage.side.tap(JANE, sid, "n:yes")


@pytest.mark.parametrize("text", ["", "  ", "x" * 4097])
async def test_a_client_does_not_send_nothing_or_too_much(text: str) -> None:
    stage = Stage()
    for act in (stage.side.say, stage.side.forward):
        with pytest.raises(ValueError, match="1 to 4096"):
            await act(JANE, text)
    with pytest.raises(ValueError, match="1 to 4096"):
        await stage.side.send_media(JANE, "photo", text)
    assert stage.side.chat(JANE) == []


async def test_a_kind_the_sandbox_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="no smell"):
        await Stage().side.send_other(JANE, "smell")
    with pytest.raises(ValueError, match="no smell"):
        await Stage().side.send_media(JANE, "smell", "roses")


@pytest.mark.parametrize("kind", ["voice", "sticker", "contact", "location"])
async def test_some_kinds_have_no_caption(kind: str) -> None:
    with pytest.raises(ValueError, match="no caption"):
        await Stage().side.send_media(JANE, kind, "listen")


async def test_nobody_knows_a_stranger() -> None:
    side = Stage().side
    with pytest.raises(KeyError):
        await side.say(STRANGER, "hi")
    with pytest.raises(KeyError):
        side.chat(STRANGER)
    with pytest.raises(KeyError):
        await side.block(STRANGER)


async def test_a_number_is_a_number_and_one_persons() -> None:
    stage = Stage()
    with pytest.raises(ValueError, match=r"E\.164"):
        stage.side.add_user("0712345678", "Otieno")
    stage.side.add_user("+254798765432", "Otieno")
    with pytest.raises(ValueError, match="somebody else"):
        await stage.side.change_number(JANE, "+254798765432")
    assert stage.side.chat(JANE) == []


@pytest.mark.parametrize(
    ("phone", "country"), [("+254798765432", "KE"), ("+250788123456", "RW"), ("+256772123456", "UG")]
)
async def test_an_id_is_made_up_of_the_country_and_digits(phone: str, country: str) -> None:
    stage = Stage()
    stage.side.add_user(phone, "Somebody", hidden=True)
    await stage.side.say(phone, "hello")
    got = await told(stage)
    assert got["From"].startswith(f"whatsapp:{country}.")
    assert got["From"].rpartition(".")[2].isdecimal()


async def test_a_chat_that_is_held_does_not_change_under_the_reader() -> None:
    stage = Stage()
    await stage.side.say(JANE, "one")
    held = stage.side.chat(JANE)
    await stage.side.say(JANE, "two")
    assert [bubble.text for bubble in held] == ["one"]
    assert (held[0].from_bot, held[0].ticks, held[0].at) == (False, "delivered", stage.clock.now())


async def test_every_visible_change_raises_the_revision() -> None:
    stage, sid = await shown(CHOICES)
    side = stage.side
    seen = [side.revision]
    for act in (
        side.say(JANE, "hello"),
        side.tap(JANE, sid, "n:yes"),
        side.send_other(JANE, "photo"),
        side.read(JANE),
        side.hide_number(JANE),
        side.block(JANE),
        side.unblock(JANE),
        side.change_number(JANE, "+254798765432"),
    ):
        await act
        seen.append(side.revision)
    side.add_user(STRANGER, "New")
    seen.append(side.revision)
    side.put_sms(STRANGER, "token")
    seen.append(side.revision)
    assert seen == sorted(set(seen))
