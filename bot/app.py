"""The composition root: settings in, a running service out. The only module that names concrete adapters."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr

from bot.clock import RealClock, RealRandom, Tasks
from bot.house import enter
from bot.i18n import Languages
from bot.payments.fees import Band, Fees
from bot.payments.parties import Parties
from bot.service import Outfit, Service
from bot.settings import Settings, SettingsError, revealed
from bot.store.seal import Seal
from bot.store.store import Store, sqlite_path
from flows.customer import Trade
from flows.words import COMMANDS_SHOWN
from integrations.channels.telegram.adapter import Telegram
from integrations.channels.telegram.config import TelegramConfig
from integrations.channels.telegram.wire.answers import Conflict, Updates
from integrations.contract.exchange import Send
from integrations.contract.message import Malformed, Throttled
from integrations.contract.money import Money
from integrations.contract.parties import MobileMoney, Utility
from integrations.contract.seams import Clock
from integrations.http import HttpSender, HttpServer
from integrations.money.mpesa.adapter import Mpesa
from integrations.money.mpesa.config import PRODUCTION_URL, MpesaConfig
from integrations.utilities.xmlvend.adapter import XmlVend
from integrations.utilities.xmlvend.config import XmlVendConfig

if TYPE_CHECKING:
    from integrations.sandbox.host import SandboxConfig

log = structlog.get_logger()

#: How long Telegram holds a poll open for news, and how much longer its answer may take.
POLL_WAIT_SECONDS = 25
POLL_PATIENCE_SECONDS = 10.0
#: The wait after a poll that failed.
POLL_TROUBLE_SECONDS = 3.0


def telegram_config(settings: Settings) -> TelegramConfig:
    """The bot. SettingsError when there is none."""
    if settings.telegram_token is None:
        raise SettingsError("BILI_TELEGRAM_TOKEN is missing: @BotFather gives one, or run  bili serve --sandbox")
    previous = settings.telegram_previous_webhook_secret
    return TelegramConfig(
        token=revealed(settings.telegram_token),
        webhook_secret=settings.webhook_secret(),
        previous_webhook_secret=revealed(previous) if previous else None,
        api_url=settings.telegram_api_url.rstrip("/"),
    )


def mpesa_config(settings: Settings) -> MpesaConfig:
    """The paybill. SettingsError names everything that is missing or wrong."""
    config = MpesaConfig(
        consumer_key=revealed(settings.mpesa_consumer_key),
        consumer_secret=revealed(settings.mpesa_consumer_secret),
        shortcode=settings.mpesa_shortcode,
        passkey=revealed(settings.mpesa_passkey),
        api_url=settings.mpesa_api_url.rstrip("/") or PRODUCTION_URL,
        party_b=settings.mpesa_party_b,
        transaction_type=settings.mpesa_transaction_type,
        merchant=settings.mpesa_merchant,
        timeout_seconds=settings.mpesa_timeout_seconds,
        settle_seconds=settings.mpesa_settle_seconds,
    )
    if problems := config.problems():
        raise SettingsError("\n".join(f"BILI_MPESA_…: {problem}" for problem in problems))
    return config


def xmlvend_config(settings: Settings) -> XmlVendConfig:
    """The vending server. SettingsError names everything that is missing or wrong."""
    currency = settings.business_currency
    try:
        return XmlVendConfig(
            url=settings.xmlvend_url,
            client_id=settings.xmlvend_client_id,
            terminal_ids=tuple(part.strip() for part in settings.xmlvend_terminal_ids.split(",")),
            operator_name=settings.xmlvend_operator_name,
            password=revealed(settings.xmlvend_password),
            title=settings.xmlvend_title,
            currency=currency,
            minimum=Money.of(settings.amounts_minimum, currency),
            maximum=Money.of(settings.amounts_maximum, currency),
            time_zone=settings.business_time_zone,
            timeout_seconds=settings.xmlvend_timeout_seconds,
            settle_seconds=settings.xmlvend_settle_seconds,
        )
    except ValueError as error:
        raise SettingsError("\n".join(f"BILI_XMLVEND_…: {problem}" for problem in str(error).split("; "))) from None


def check(settings: Settings) -> None:
    """Everything wrong with the settings at once, as one SettingsError."""
    faults = []
    for part in (Settings.key, telegram_config, mpesa_config, xmlvend_config, callback_base):
        try:
            part(settings)
        except (SettingsError, ValueError) as fault:
            faults.append(str(fault))
    if faults:
        raise SettingsError("\n".join(faults))


def callback_base(settings: Settings) -> str:
    """Where operators reach us. Refused when there is none and the operator is not on this machine."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    if (urlsplit(settings.mpesa_api_url).hostname or "") in {"127.0.0.1", "localhost", "::1"}:
        return f"http://{settings.host}:{settings.port}"
    raise SettingsError(
        "BILI_PUBLIC_URL is missing: M-Pesa must be given an https address at which it reaches this service."
    )


def trade(settings: Settings, money: MobileMoney, utility: Utility, languages: Languages) -> Trade:
    """What is sold, by the utility's and the operator's limits together."""
    fees = fees_of(settings)
    most = min(utility.maximum.minor, money.rules.maximum.minor - fees.of(utility.maximum).minor)
    currency = settings.business_currency
    return Trade(
        utility=utility.name,
        utility_title=utility.title,
        meter_lengths=utility.shape.lengths,
        meter_luhn=utility.shape.luhn,
        operator=money.name,
        operator_title=money.title,
        merchant=money.merchant,
        currency=currency,
        country=settings.business_country,
        minimum=max(utility.minimum, money.rules.minimum),
        maximum=Money(most, currency),
        step=money.rules.step,
        zone=settings.business_time_zone,
        support_contact=settings.support_contact,
        languages=tuple(languages.available()),
    )


def fees_of(settings: Settings) -> Fees:
    """Our fee, from whole units of the currency."""
    currency = settings.business_currency
    bands = tuple(Band(Money.of(band.up_to, currency), Money.of(band.fee, currency)) for band in settings.fee_bands)
    return Fees(currency, tuple(sorted(bands, key=lambda band: band.up_to.minor)))


@asynccontextmanager
async def running(settings: Settings, *, practice: bool) -> AsyncIterator[str]:
    """A whole service over real HTTP; yields its own address. Ends in order: intake, calls in flight, the store."""
    check(settings)
    clock, tasks, languages = RealClock(), Tasks(), Languages()
    if path := sqlite_path(settings.database_url):
        path.parent.mkdir(parents=True, exist_ok=True)
    store = await Store.open(settings.database_url, clock, tasks.spawn)
    try:
        await enter(store, "sandbox" if practice else "real")
        async with HttpSender(clock) as sender:
            telegram = Telegram(telegram_config(settings), sender.send, clock)
            service = Service(
                _outfit(settings, sender.send, clock, tasks, languages, store, telegram, practice=practice)
            )
            async with HttpServer(
                service.serve, settings.host, settings.port, trusted_hops=settings.proxy_hops
            ) as server:
                service.start()
                await _meet_telegram(settings, telegram, service, sender.send, clock, tasks)
                yield f"http://{settings.host}:{server.port}"
            await service.drain()
            await tasks.stop()
    finally:
        await tasks.stop()
        await store.close()


def _outfit(
    settings: Settings, send: Send, clock: Clock, tasks: Tasks, languages: Languages, store: Store, telegram: Telegram,
    *, practice: bool,
) -> Outfit:  # fmt: skip
    random = RealRandom()
    money = Mpesa(mpesa_config(settings), send, clock)
    utility = XmlVend(xmlvend_config(settings), send, clock, random)
    parties = Parties(
        money={money.name: money},
        utilities={utility.name: utility},
        trade=trade(settings, money, utility, languages),
        seal=Seal(settings.key()),
        clock=clock,
        random=random,
        callback_base=callback_base(settings),
    )
    return Outfit(parties, fees_of(settings), {telegram.name: telegram}, languages, store, tasks, practice)


async def _meet_telegram(
    settings: Settings, telegram: Telegram, service: Service, send: Send, clock: Clock, tasks: Tasks
) -> None:
    """Tell Telegram where we listen, or begin to poll. It goes on trying beside: the service runs without Telegram."""

    async def meet() -> None:
        from integrations.channels.telegram.setup import TelegramSetup

        setup = TelegramSetup(telegram_config(settings), send, clock)
        who = await setup.identity()
        await setup.publish_commands(commands(service.outfit.languages))
        if settings.public_url:
            await setup.use_webhook(f"{settings.public_url.rstrip('/')}/webhooks/telegram")
            log.info("telegram.webhook", bot=who.username)
            return
        await setup.use_polling()
        log.info("telegram.polling", bot=who.username)
        await poll(telegram, service, clock)

    async def until_met() -> None:
        from integrations.channels.telegram.setup import SetupFailed

        while True:
            try:
                return await meet()
            except SetupFailed as failed:
                log.warning("telegram.setup_failed", why=str(failed))
                await clock.sleep(POLL_TROUBLE_SECONDS)

    tasks.spawn("telegram", until_met())


def commands(languages: Languages) -> dict[str, list[tuple[str, str]]]:
    """Telegram's menu of commands by language; "" is what everybody else sees."""
    by_language = {
        code: [(choice.id, languages.label(choice.label, code)) for choice in COMMANDS_SHOWN]
        for code, _ in languages.available()
    }
    return {"": by_language["en"], **by_language}


async def poll(telegram: Telegram, service: Service, clock: Clock) -> None:
    """Ask Telegram for updates for ever. What is stored, and only that, is acknowledged by asking for what follows."""
    after = -1
    while True:
        deadline = clock.monotonic() + POLL_WAIT_SECONDS + POLL_PATIENCE_SECONDS
        updates = await telegram.poll(after, POLL_WAIT_SECONDS, deadline)
        match updates:
            case list():
                after = await _keep(telegram, service, updates, after, clock)
            case Throttled(seconds):
                await clock.sleep(seconds)
            case Conflict() | Malformed():
                log.warning("telegram.poll_refused", why=updates.reason)
                await clock.sleep(POLL_TROUBLE_SECONDS)
            case _:
                await clock.sleep(POLL_TROUBLE_SECONDS)


async def _keep(telegram: Telegram, service: Service, updates: Updates, after: int, clock: Clock) -> int:
    received = [one for _, one in updates]
    if not updates:
        return after
    if not await service.ingress.keep(telegram, received):
        await clock.sleep(POLL_TROUBLE_SECONDS)
        return after
    await telegram.answer_taps(received, clock.monotonic() + POLL_PATIENCE_SECONDS)
    return max(number for number, _ in updates)


async def serve(settings: Settings, *, practice: bool) -> None:
    """Run until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(settings, practice=practice) as address:
        sys.stdout.write(f"Bili serves at {address}\n")
        sys.stdout.flush()
        await stop.wait()


@asynccontextmanager
async def beside_a_sandbox(settings: Settings) -> AsyncIterator[Settings]:
    """The settings with every unset party replaced by a sandbox that runs beside the service, on a free port."""
    from integrations.sandbox.host import SandboxConfig, SandboxHost

    clock, config = RealClock(), SandboxConfig.from_environment()
    async with HttpSender(clock) as sender:
        host = SandboxHost(config, clock, RealRandom(), sender.send)
        async with HttpServer(host.serve, "127.0.0.1", 0) as server:
            address = f"http://127.0.0.1:{server.port}"
            tasks = Tasks()
            tasks.spawn("sandbox", host.run())
            sys.stdout.write(f"The sandbox and the phone that is asked for the PIN: {address}/\n")
            try:
                yield settings.model_copy(update=sandbox_settings(settings, config, address))
            finally:
                host.changes.close()
                await tasks.stop()


def unset(settings: Settings) -> bool:
    """Whether a party is missing for which a sandbox would stand in."""
    return settings.telegram_token is None or settings.mpesa_consumer_key is None or not settings.xmlvend_url


def sandbox_settings(settings: Settings, config: SandboxConfig, address: str) -> dict[str, str | SecretStr]:
    """What takes the place of each party's settings where they are not set."""
    update: dict[str, str | SecretStr] = {}
    if settings.telegram_token is None:
        update |= {"telegram_token": SecretStr(config.telegram_token), "telegram_api_url": address}
    if settings.mpesa_consumer_key is None:
        update |= {
            "mpesa_api_url": address,
            "mpesa_consumer_key": SecretStr(config.daraja_consumer_key),
            "mpesa_consumer_secret": SecretStr(config.daraja_consumer_secret),
            "mpesa_shortcode": config.daraja_shortcode,
            "mpesa_passkey": SecretStr(config.daraja_passkey),
        }
    if not settings.xmlvend_url:
        update |= {
            "xmlvend_url": f"{address}/xmlvend",
            "xmlvend_client_id": config.xmlvend_client_id,
            "xmlvend_operator_name": config.xmlvend_operator,
            "xmlvend_password": SecretStr(config.xmlvend_password),
        }
    return update


async def run_sandbox() -> None:
    """`bili sandbox`: the far sides alone, until stopped."""
    from integrations.sandbox.host import SandboxConfig
    from integrations.sandbox.host import run_sandbox as run

    await run(SandboxConfig.from_environment(), RealClock(), RealRandom())


async def chat(url: str) -> None:
    """`bili chat`: the sandbox's phone in a terminal."""
    from integrations.sandbox.terminal import chat as talk

    clock = RealClock()
    async with HttpSender(clock) as sender:
        await talk(url, sender.send, clock)
