"""What the sandbox's people do, as they see it and as our adapter reads it."""

from __future__ import annotations

import pytest

from integrations.contract.message import (
    Edited,
    Message,
    Reachable,
    Received,
    SharedPhone,
    Span,
    Tapped,
    Typed,
    Unreadable,
)
from integrations.contract.people import Phone
from tests.channels.telegram.stage import JANE, PHONE, Stage, hello


async def inputs(stage: Stage) -> list[Received]:
    """All that waits, as the adapter reads it."""
    updates = await stage.telegram.poll(0, 0, stage.soon)
    assert isinstance(updates, list)
    return [one for _, one in updates if isinstance(one, Received)]


async def test_what_is_typed_arrives_with_its_sender_and_language() -> None:
    stage = Stage()
    await stage.side.say(JANE, "/start pay")
    await stage.side.say(JANE, "a < b & 💡")
    first, second = await inputs(stage)
    assert [first.content, second.content] == [Typed("/start pay"), Typed("a < b & 💡")]
    assert (first.address, first.language, first.at) == (str(JANE), "sw", stage.clock.now())
    assert second.order == first.order + 1
    shown = stage.side.chat(JANE)[-1]
    assert (shown.html, shown.text, shown.from_bot) == ("a &lt; b &amp; 💡", "a < b & 💡", False)


@pytest.mark.parametrize("text", ["", "  ", "x" * 4097])
async def test_a_client_does_not_send_nothing_or_too_much(text: str) -> None:
    with pytest.raises(ValueError, match="1 to 4096"):
        await Stage().side.say(JANE, text)


async def test_F075_F077_old_messages_can_be_tapped_and_tapped_twice() -> None:
    stage = Stage()
    await stage.side.say(JANE, "/start")
    for text in ("old", "new"):
        await stage.telegram.send(str(JANE), hello(text, ("n:yes", "Yes")), stage.soon)
    await stage.side.tap(JANE, 2, "n:yes")
    await stage.side.tap(JANE, 2, "n:yes")
    _, first, second = await inputs(stage)
    assert isinstance(first.content, Tapped)
    assert isinstance(second.content, Tapped)
    assert (first.content.data, first.content.on_message) == ("n:yes", "2")
    assert first.content.spinner != second.content.spinner
    assert first.external_id != second.external_id
    assert stage.side.spinning(JANE) == 2


@pytest.mark.parametrize("number", [1, 99])
async def test_only_a_message_of_the_bot_can_be_tapped(number: int) -> None:
    stage = Stage()
    await stage.side.say(JANE, "/start")
    with pytest.raises(ValueError, match="no such message"):
        await stage.side.tap(JANE, number, "x")


async def test_sharing_the_own_number_closes_the_button_that_asked_for_it() -> None:
    stage = Stage()
    await stage.side.say(JANE, "/start")
    await stage.telegram.send(str(JANE), Message((Span("Which?"),), share_phone="Share my number"), stage.soon)
    assert stage.side.chat(JANE)[-1].ask_contact == "Share my number"
    await stage.side.share_contact(JANE)
    assert [message.ask_contact for message in stage.side.chat(JANE)] == [None] * 3
    assert (await inputs(stage))[-1].content == SharedPhone(Phone(PHONE), True)


async def test_somebody_elses_card_is_not_the_own_number_and_leaves_the_button() -> None:
    stage = Stage()
    await stage.side.say(JANE, "/start")
    await stage.telegram.send(str(JANE), Message((Span("Which?"),), share_phone="Share"), stage.soon)
    await stage.side.share_contact(JANE, own=False)
    content = (await inputs(stage))[-1].content
    assert isinstance(content, SharedPhone)
    assert not content.own
    assert content.phone != Phone(PHONE)
    assert stage.side.chat(JANE)[1].ask_contact == "Share"


async def test_the_share_button_leaves_the_phone_when_the_adapter_takes_it_away() -> None:
    stage = Stage()
    await stage.side.say(JANE, "/start")
    for message in (Message((Span("Which?"),), share_phone="Share"), hello("?", ("a", "Yes")), hello("Thanks")):
        await stage.telegram.send(str(JANE), message, stage.soon)
        last = [shown.ask_contact for shown in stage.side.chat(JANE) if shown.text == "Which?"]
        assert last == ([None] if message.body[0].text == "Thanks" else ["Share"])


async def test_a_key_beside_the_share_button_types_its_label_and_hides_the_keyboard() -> None:
    stage = Stage()
    await stage.side.say(JANE, "/start")
    message = Message((Span("Which?"),), hello("", ("n:1", "Another")).buttons, share_phone="Share")
    await stage.telegram.send(str(JANE), message, stage.soon)
    await stage.side.say(JANE, "what is this?")
    assert stage.side.chat(JANE)[1].keys == ("Another",)
    await stage.side.say(JANE, "Another")
    assert (await inputs(stage))[-1].content == Typed("Another")
    shown = stage.side.chat(JANE)[1]
    assert (shown.keys, shown.ask_contact) == ((), None)


async def test_F082_an_edit_changes_the_bubble_and_is_told() -> None:
    stage = Stage()
    await stage.side.say(JANE, "500")
    await stage.side.edit(JANE, 1, "5000 <3")
    assert (await inputs(stage))[-1].content == Edited()
    (bubble,) = stage.side.chat(JANE)
    assert (bubble.text, bubble.html, bubble.edited) == ("5000 <3", "5000 &lt;3", True)


async def test_nobody_can_edit_what_the_bot_said() -> None:
    stage = Stage()
    await stage.side.say(JANE, "/start")
    await stage.telegram.send(str(JANE), hello(), stage.soon)
    for number in (2, 99):
        with pytest.raises(ValueError, match="no such message"):
            await stage.side.edit(JANE, number, "x")


@pytest.mark.parametrize("kind", ["photo", "voice", "sticker", "location"])
async def test_what_cannot_be_read_arrives_as_such(kind: str) -> None:
    stage = Stage()
    await stage.side.send_other(JANE, kind)
    assert [one.content for one in await inputs(stage)] == [Unreadable(kind)]
    assert stage.side.chat(JANE)[0].text == f"[{kind}]"


async def test_a_kind_the_sandbox_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="no smell"):
        await Stage().side.send_other(JANE, "smell")


async def test_F080_blocking_and_unblocking_are_told_once_each() -> None:
    stage = Stage()
    for act in (stage.side.unblock, stage.side.block, stage.side.block, stage.side.unblock):
        await act(JANE)
    assert [one.content for one in await inputs(stage)] == [Reachable(False), Reachable(True)]


async def test_writing_to_a_blocked_bot_unblocks_it_first() -> None:
    stage = Stage()
    await stage.side.block(JANE)
    await stage.side.say(JANE, "hello")
    assert [one.content for one in await inputs(stage)] == [Reachable(False), Reachable(True), Typed("hello")]


async def test_every_visible_change_raises_the_revision() -> None:
    stage = Stage()
    seen = [stage.side.revision]

    async def acts() -> None:
        await stage.side.say(JANE, "/start")
        seen.append(stage.side.revision)
        await stage.telegram.working(str(JANE), stage.soon)
        seen.append(stage.side.revision)
        await stage.telegram.send(str(JANE), hello("?", ("a", "Yes")), stage.soon)
        seen.append(stage.side.revision)
        await stage.telegram.send(str(JANE), hello("!", edits="2"), stage.soon)
        seen.append(stage.side.revision)
        await stage.side.tap(JANE, 2, "a")
        seen.append(stage.side.revision)
        await stage.telegram.answer_taps(await inputs(stage), stage.soon)
        seen.append(stage.side.revision)

    await acts()
    assert seen == sorted(set(seen))


async def test_a_chat_that_is_held_does_not_change_under_the_reader() -> None:
    stage = Stage()
    await stage.side.say(JANE, "500")
    held = stage.side.chat(JANE)
    await stage.side.edit(JANE, 1, "600")
    await stage.side.say(JANE, "more")
    assert [message.text for message in held] == ["500"]
