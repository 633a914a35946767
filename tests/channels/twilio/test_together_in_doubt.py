"""The adapter and the sandbox's Twilio: what nobody knows, what was lost, and what opens a closed chat."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.clock import RealClock
from integrations.channels.twilio.adapter import WhatsApp
from integrations.channels.twilio.config import TwilioConfig
from integrations.channels.twilio.content import ContentApi, create, declared
from integrations.channels.twilio.mail import SETTLE_MARGIN_SECONDS
from integrations.channels.twilio.wire.content import State
from integrations.contract.channel import Knock, Waybill
from integrations.contract.exchange import NotSent, Request, Response, Unknown
from integrations.contract.message import (
    Delivered,
    Gone,
    Malformed,
    Tapped,
    Throttled,
    Typed,
)
from integrations.contract.people import Secret
from integrations.http import HttpSender, HttpServer
from tests.channels.twilio.stage import ACCOUNT, API, hello
from tests.channels.twilio.town import ASK, JANE, Town

# --- when nobody knows


async def test_a_lost_answer_is_unknown_and_the_next_try_finds_the_message() -> None:
    for shown in (True, False):
        town = await Town(content_body_listed=shown).opened()
        for message in (hello("Token 1234"), ASK):
            known = frozenset(bubble.sid for bubble in town.bubbles())
            tried_at = town.clock.now()
            town.faults.arm("twilio_answer_lost")
            assert isinstance(await town.whatsapp.send(JANE, message, town.soon, Waybill("o1")), Unknown)
            await town.pass_time(1)
            creates = town.creates
            waybill = Waybill("o1", tried_at=tried_at, known=known)
            sent = await town.whatsapp.send(JANE, message, town.soon, waybill)
            assert sent == Delivered(town.bubbles()[-1].sid)
            assert town.creates == creates
        assert len(town.bubbles()) == 2


async def test_a_try_that_left_nothing_is_sent_again_once_that_is_sure() -> None:
    town = await Town().opened()
    tried_at = town.clock.now()
    town.faults.arm("twilio_down")
    assert isinstance(await town.whatsapp.send(JANE, hello(), town.soon, Waybill("o1")), Unknown)
    waybill = Waybill("o1", tried_at=tried_at)
    assert isinstance(await town.whatsapp.send(JANE, hello(), town.soon, waybill), Unknown)
    assert town.bubbles() == []
    await town.pass_time(town.config.timeout_seconds + SETTLE_MARGIN_SECONDS)
    assert isinstance(await town.whatsapp.send(JANE, hello(), town.soon, waybill), Delivered)
    await town.pass_time(1)
    assert len(town.bubbles()) == 1


async def test_a_deadline_holds_over_a_real_connection() -> None:
    clock, silent = RealClock(), asyncio.Event()

    async def never(_request: Request) -> Response:
        await silent.wait()
        return Response(201)

    async with HttpServer(never, "127.0.0.1", 0) as far, HttpSender(clock) as sender:
        config = replace(Town().config, api_url=f"http://127.0.0.1:{far.port}")
        began = clock.monotonic()
        assert isinstance(await WhatsApp(config, sender.send, clock).send(JANE, hello(), began + 0.2), Unknown)
        assert clock.monotonic() - began < 5
        late = await WhatsApp(config, sender.send, clock).send(JANE, hello(), began)
        assert late == NotSent("the deadline had passed")
        silent.set()


async def test_too_many_requests_are_waited_out() -> None:
    town = await Town().opened()
    town.faults.arm("twilio_slow_down")
    assert isinstance(await town.whatsapp.send(JANE, hello(), town.soon), Throttled)
    assert town.bubbles() == []


async def test_wrong_credentials_and_wrong_recipients_are_told_apart() -> None:
    town = await Town().opened()
    assert isinstance(await town.whatsapp.send("+1", hello(), town.soon), Gone)
    stranger = TwilioConfig(
        account_sid=ACCOUNT,
        auth_token=Secret("wrong"),
        whatsapp_from="+14155238886",
        api_url=API,
        public_url=town.public,
    )
    channel = WhatsApp(stranger, town.send, town.clock)
    assert await channel.send(JANE, hello(), town.soon) == Malformed("token")


async def test_a_lost_webhook_is_found_in_the_inbox() -> None:
    town = await Town().opened()
    before = town.clock.now()
    await town.pass_time(300)
    town.faults.arm("twilio_lost_webhook")
    await town.side.say(JANE, "500 14123456789")
    await town.side.say(JANE, "and this")
    await town.pass_time(1)
    assert town.contents() == [Typed("and this")]
    found = await town.whatsapp.written_since(before + timedelta(seconds=200), town.soon)
    assert isinstance(found, list)
    assert [one.content for one in found] == [Typed("500 14123456789"), Typed("and this")]
    # The one that did arrive has the same id here and there.
    assert found[1].external_id == town.received[0].external_id


# --- templates


async def test_templates_are_made_approved_and_open_a_closed_chat() -> None:
    town = Town(approval_seconds=60.0)
    api = ContentApi(town.config, town.send)
    made = await create(api, declared(), town.soon)
    assert isinstance(made, list)
    assert {one.state for one in made} == {State.READY, State.WAITING}
    knock = Knock("payment_news", "sw", ("B7K2Q9",))
    assert isinstance(await town.whatsapp.knock(JANE, knock, town.soon, Waybill("o1")), Malformed)
    await town.pass_time(601)
    sent = await town.whatsapp.knock(JANE, knock, town.soon, Waybill("o1"))
    assert isinstance(sent, Delivered)
    await town.pass_time(1)
    (bubble,) = town.bubbles()
    assert bubble.template
    assert bubble.buttons == (("Soma", "go:status"),)
    assert bubble.text.startswith("Habari za malipo yako B7K2Q9")
    await town.side.tap(JANE, sent.external_id, "go:status")
    await town.pass_time()
    assert town.contents() == [Tapped("go:status", sent.external_id)]
    assert await create(api, declared(), town.soon) == await create(api, declared(), town.soon)
