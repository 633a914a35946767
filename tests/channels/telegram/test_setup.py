"""Set-up through python-telegram-bot, over our Send, against the sandbox."""

from __future__ import annotations

import pytest
from telegram import BotCommandScopeDefault

from integrations.channels.telegram.config import TelegramConfig
from integrations.channels.telegram.setup import (
    WEBHOOK_CONNECTIONS_MAX,
    Identity,
    SendRequest,
    SetupFailed,
    TelegramSetup,
)
from integrations.channels.telegram.wire.updates import UPDATE_KINDS
from integrations.contract.exchange import NotSent, Request, Response, Sent, Unknown
from integrations.contract.people import Secret
from tests.channels.telegram.stage import (
    API_URL,
    CONFIG,
    JANE,
    SECRET,
    TOKEN,
    WEBHOOK_URL,
    FakeClock,
    Script,
    Stage,
    answer,
)


def setup(stage: Stage) -> TelegramSetup:
    return TelegramSetup(CONFIG, stage.send, stage.clock)


async def test_the_token_proves_itself_by_telling_who_we_are() -> None:
    assert await setup(Stage()).identity() == Identity(700, "bili_sandbox_bot")


async def test_a_webhook_is_set_with_its_secret_and_only_the_kinds_we_read() -> None:
    stage = Stage()
    await setup(stage).use_webhook(WEBHOOK_URL)
    info = (await stage.call("getWebhookInfo"))["result"]
    assert info["url"] == WEBHOOK_URL
    assert info["allowed_updates"] == sorted(UPDATE_KINDS)
    assert info["max_connections"] == WEBHOOK_CONNECTIONS_MAX == 40
    await stage.side.say(JANE, "/start")
    await stage.pass_time()
    assert stage.bot.arrivals[0].headers["x-telegram-bot-api-secret-token"] == SECRET


async def test_going_over_to_polling_keeps_what_waits() -> None:
    stage = Stage()
    await setup(stage).use_webhook(WEBHOOK_URL)
    await stage.side.say(JANE, "hello")
    await setup(stage).use_polling()
    updates = await stage.telegram.poll(0, 0, stage.soon)
    assert isinstance(updates, list)
    assert len(updates) == 1


async def test_commands_are_published_for_each_language_and_for_all_others() -> None:
    stage = Stage()
    await setup(stage).publish_commands({"": [("pay", "Buy power")], "sw": [("pay", "Nunua umeme")]})
    default, swahili, french = [
        (await stage.call("getMyCommands", language_code=code))["result"] for code in ("", "sw", "fr")
    ]
    assert default == [{"command": "pay", "description": "Buy power"}]
    assert swahili == [{"command": "pay", "description": "Nunua umeme"}]
    assert french == []
    assert (await stage.call("getMyCommands", scope=BotCommandScopeDefault().to_dict()))["result"] == default


@pytest.mark.parametrize("sent", [answer("401"), answer("404")])
async def test_a_refused_token_is_said_without_the_token(sent: Sent) -> None:
    with pytest.raises(SetupFailed, match="does not accept the token") as failed:
        await TelegramSetup(CONFIG, Script(sent), FakeClock()).identity()
    assert TOKEN not in str(failed.value)


@pytest.mark.parametrize("sent", [NotSent("refused"), Unknown("timeout"), answer("502.html"), answer("500")])
async def test_no_answer_is_a_sentence_too(sent: Sent) -> None:
    with pytest.raises(SetupFailed, match="could not be reached or refused"):
        await TelegramSetup(CONFIG, Script(sent), FakeClock()).identity()


async def test_what_telegram_refuses_is_told_in_its_own_words() -> None:
    with pytest.raises(SetupFailed, match="Invalid webhook url specified"):
        await setup(Stage()).use_webhook("gopher://bili.test/")


async def test_being_told_to_slow_down_is_told() -> None:
    with pytest.raises(SetupFailed, match="Telegram refused: too many requests"):
        await TelegramSetup(CONFIG, Script(answer("429")), FakeClock()).identity()


async def test_the_library_goes_out_through_our_send_with_a_deadline() -> None:
    deadlines: list[float] = []

    async def send(request: Request, deadline: float) -> Sent:
        deadlines.append(deadline)
        assert request.url == f"{API_URL}/bot{TOKEN}/getMe"
        return Response(200, {}, b'{"ok":true,"result":{"id":7,"is_bot":true,"first_name":"B"}}')

    config = TelegramConfig(token=Secret(TOKEN), webhook_secret=Secret(SECRET), api_url=API_URL)
    assert await TelegramSetup(config, send, FakeClock()).identity() == Identity(7, "")
    assert deadlines == [1020.0]


async def test_the_way_out_has_nothing_to_open_or_close() -> None:
    async with SendRequest(Script(), FakeClock()) as request:
        assert request.read_timeout == 20.0
