"""The composition root: settings in, a running service out. The only module that names concrete adapters."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import structlog

from bot import practice, terms
from bot.clock import RealClock, RealRandom, Tasks
from bot.lifetime import at_end
from bot.settings import Settings, SettingsError, first_of_each, given, named, revealed
from integrations.channels.telegram.adapter import Telegram
from integrations.channels.telegram.config import TelegramConfig
from integrations.contract.exchange import Send
from integrations.contract.money import Money
from integrations.contract.parties import AmountRules
from integrations.contract.people import Secret
from integrations.contract.seams import Clock
from integrations.http import HttpSender, HttpServer
from integrations.money.mpesa.adapter import Mpesa
from integrations.money.mpesa.config import PRODUCTION_URL, MpesaConfig
from integrations.utilities.xmlvend.adapter import XmlVend
from integrations.utilities.xmlvend.config import XmlVendConfig

# What only a running service needs is loaded when one runs: `bili sandbox` and `bili check` begin in half the time.
if TYPE_CHECKING:
    from bot.i18n import Languages
    from bot.payments.parties import Parties
    from bot.service import Service
    from bot.store.seal import Seal
    from integrations.channels.telegram.setup import TelegramSetup
    from integrations.sandbox.host import SandboxConfig

log = structlog.get_logger()

TELEGRAM_HOST = "api.telegram.org"

#: Fetching a token takes at most so long out of a call's time.
TOKEN_SECONDS = 10.0

#: The wait after Telegram could not be set up, doubling up to the most.
MEET_AGAIN_SECONDS = 3.0
MEET_AGAIN_SECONDS_MAX = 60.0

trade, fees_of, sandbox_settings = terms.trade, terms.fees_of, practice.sandbox_settings


# --- the parties, from their settings


def telegram_config(settings: Settings) -> TelegramConfig:
    """The bot. SettingsError when there is none."""
    if settings.telegram_token is None:
        raise SettingsError("BILI_TELEGRAM_TOKEN is missing: @BotFather gives one, or run  bili serve --sandbox")
    previous = settings.telegram_previous_webhook_secret
    return TelegramConfig(
        token=revealed(settings.telegram_token),
        webhook_secret=settings.webhook_secret(),
        previous_webhook_secret=revealed(previous) if previous else None,
        api_url=settings.telegram_api_url,
    )


def mpesa_config(settings: Settings) -> MpesaConfig:
    """The paybill. SettingsError names everything that is missing or wrong."""
    config = _mpesa(settings)
    if problems := config.problems():
        raise SettingsError("\n".join(named("mpesa", problem) for problem in problems))
    return config


def _mpesa(settings: Settings) -> MpesaConfig:
    return MpesaConfig(
        consumer_key=revealed(settings.mpesa_consumer_key),
        consumer_secret=revealed(settings.mpesa_consumer_secret),
        shortcode=settings.mpesa_shortcode,
        passkey=revealed(settings.mpesa_passkey),
        api_url=settings.mpesa_api_url or PRODUCTION_URL,
        party_b=settings.mpesa_party_b,
        transaction_type=settings.mpesa_transaction_type,
        merchant=settings.mpesa_merchant,
        timeout_seconds=settings.mpesa_timeout_seconds,
        token_timeout_seconds=min(TOKEN_SECONDS, settings.mpesa_timeout_seconds),
        settle_seconds=settings.mpesa_settle_seconds,
        doubtful_codes=frozenset(settings.mpesa_doubtful_codes or ()),
        **given(
            minimum=settings.mpesa_minimum,
            maximum=settings.mpesa_maximum,
            polls_seconds=settings.mpesa_polls_seconds,
            banned_words=settings.mpesa_banned_words,
        ),
    )


def xmlvend_config(settings: Settings) -> XmlVendConfig:
    """The vending server. SettingsError names everything that is missing or wrong."""
    currency, minimum = settings.business_currency, settings.amounts_minimum
    try:
        return XmlVendConfig(
            url=settings.xmlvend_url,
            client_id=settings.xmlvend_client_id,
            terminal_ids=tuple(part.strip() for part in settings.xmlvend_terminal_ids.split(",")),
            operator_name=settings.xmlvend_operator_name,
            password=revealed(settings.xmlvend_password),
            title=settings.xmlvend_title,
            currency=currency,
            luhn=settings.xmlvend_luhn,
            minimum=Money.of(minimum, currency),
            # An inverted range is told of under the names it has here, by `terms.contradictions`.
            maximum=Money.of(max(minimum, settings.amounts_maximum), currency),
            time_zone=settings.business_time_zone,
            timeout_seconds=settings.xmlvend_timeout_seconds,
            settle_seconds=settings.xmlvend_settle_seconds,
            keeps_every_response=settings.xmlvend_keeps_every_response,
            known_texts=terms.known_texts(settings.xmlvend_known_texts),
            **given(
                symbols=settings.xmlvend_symbols or (None if currency == Mpesa.currency else (currency,)),
                meter_lengths=settings.xmlvend_meter_lengths,
                polls=settings.xmlvend_polls_seconds,
            ),
        )
    except ValueError as error:
        raise SettingsError("\n".join(named("xmlvend", problem) for problem in str(error).split("; "))) from None


# --- what is wrong with the settings


def check(settings: Settings, faults: Sequence[str] = (), *, practising: bool = False) -> None:
    """Everything wrong with the settings at once, as one SettingsError. `faults` are those that reading them found."""
    if practising:
        settings = practice.practised(settings, sandbox_config(), "http://127.0.0.1:8090")
    found = [*faults, *_telegram_faults(settings), *terms.contradictions(settings)]
    parts: tuple[Callable[[Settings], object], ...] = (Settings.key, mpesa_config, xmlvend_config, _callback, _amounts)
    for part in parts:
        try:
            part(settings)
        except SettingsError as fault:
            found += str(fault).splitlines()
    if practising and terms.host_of(_mpesa(settings).api_url) == terms.host_of(PRODUCTION_URL):
        found.append("BILI_MPESA_API_URL is M-Pesa itself: --sandbox would take real money and say that it takes none.")
    if found:
        raise SettingsError("\n".join(first_of_each(found)))


def _telegram_faults(settings: Settings) -> Iterator[str]:
    """A sentence for each wrong setting, each tried by itself, because the config stops at the first."""
    if settings.telegram_token is None:
        yield "BILI_TELEGRAM_TOKEN is missing: @BotFather gives one, or run  bili serve --sandbox"
    for name in ("token", "webhook_secret", "previous_webhook_secret"):
        value, fine = getattr(settings, f"telegram_{name}"), given(token=Secret("1:x"), webhook_secret=Secret("x" * 32))
        try:
            TelegramConfig(**{**fine, **({name: revealed(value)} if value else {})})
        except ValueError as problem:
            yield f"BILI_TELEGRAM_{name.upper()}: {problem}"
    if settings.public_url.startswith("http:") and terms.host_of(settings.telegram_api_url) == TELEGRAM_HOST:
        yield "BILI_PUBLIC_URL begins http:, and Telegram delivers to https only."


def _callback(settings: Settings) -> None:
    """SettingsError when M-Pesa could not, or would not, call us back."""
    config = _mpesa(settings)
    base = terms.callback_base(settings, Mpesa.title, config.api_url)
    if problem := config.callback_problem(f"{base}/c/{'0' * 32}"):
        raise SettingsError(f"BILI_PUBLIC_URL: {problem}")


def _amounts(settings: Settings) -> None:
    """SettingsError when there is no amount that the utility and M-Pesa both take."""
    currency, config = settings.business_currency, _mpesa(settings)
    if currency != Mpesa.currency:
        raise SettingsError(f"BILI_BUSINESS_CURRENCY: {Mpesa.title} collects {Mpesa.currency} only.")
    if settings.amounts_minimum > settings.amounts_maximum or config.minimum > config.maximum:
        return  # told of already
    least, most = Money.of(settings.amounts_minimum, currency), Money.of(settings.amounts_maximum, currency)
    rules = AmountRules(Money.of(config.minimum, currency), Money.of(config.maximum, currency), Money.of(1, currency))
    minimum, maximum = terms.bounds(least, most, rules, terms.fees_of(settings))
    if minimum > maximum:
        raise SettingsError(f"BILI_AMOUNTS_MAXIMUM: with our fee, {Mpesa.title} takes no amount that may be ordered.")


# --- a running service


@asynccontextmanager
async def running(settings: Settings, *, practising: bool) -> AsyncIterator[str]:
    """A whole service over real HTTP; yields its own address. Ends in order: intake, calls in flight, the store."""
    from bot.house import enter, open_store, take_over, unlock
    from bot.i18n import Languages
    from bot.service import Outfit, Service
    from bot.store.seal import Seal
    from bot.store.store import sqlite_path

    check(settings)
    clock, tasks, seal = RealClock(), Tasks(), Seal(settings.key(), settings.previous_keys())
    store = await open_store(settings, clock, tasks)
    try:
        await enter(store, "sandbox" if practising else "real")
        await unlock(store, seal)
        if sqlite_path(settings.database_url):
            await take_over(store)
        async with HttpSender(clock) as sender:
            telegram = Telegram(telegram_config(settings), sender.send, clock)
            languages, channels = Languages(), {telegram.name: telegram}
            parties = _parties(settings, sender.send, clock, seal, languages)
            service = Service(Outfit(parties, fees_of(settings), channels, languages, store, tasks, practising))
            server = await _listening(service, settings)
            try:
                service.start()
                tasks.keep("telegram", lambda: _hear_telegram(settings, telegram, service, sender.send, clock))
                yield terms.own_address(settings)
            finally:
                await server.stop()
                await service.drain()
                await tasks.stop()
    finally:
        await tasks.stop()
        await store.close()


async def _listening(service: Service, settings: Settings) -> HttpServer:
    server = HttpServer(service.serve, settings.host, settings.port, trusted_hops=settings.proxy_hops)
    try:
        await server.start()
    except OSError as error:
        await server.stop()
        raise SettingsError(
            f"BILI_HOST, BILI_PORT: nobody can listen there ({os.strerror(error.errno or 0)})"
        ) from None
    return server


def _parties(settings: Settings, send: Send, clock: Clock, seal: Seal, languages: Languages) -> Parties:
    from bot.payments.parties import Parties

    random = RealRandom()
    config = mpesa_config(settings)
    money, utility = Mpesa(config, send, clock), XmlVend(xmlvend_config(settings), send, clock, random)
    return Parties(
        money={money.name: money},
        utilities={utility.name: utility},
        trade=trade(settings, money, utility, languages),
        seal=seal,
        clock=clock,
        random=random,
        callback_base=terms.callback_base(settings, money.title, config.api_url),
        caps=terms.caps_of(settings),
    )


async def _hear_telegram(settings: Settings, telegram: Telegram, service: Service, send: Send, clock: Clock) -> None:
    """Tell Telegram where we listen, or poll it. It goes on trying: the service runs without Telegram, too."""
    from bot.polling import poll
    from integrations.channels.telegram.setup import SetupFailed, TelegramSetup

    setup, wait = TelegramSetup(telegram_config(settings), send, clock), MEET_AGAIN_SECONDS
    while True:
        try:
            await _meet(setup, settings, service.outfit.languages)
            break
        except SetupFailed as failed:
            log.warning("telegram.setup_failed", why=str(failed))
            await clock.sleep(wait)
            wait = min(2 * wait, MEET_AGAIN_SECONDS_MAX)
    if settings.public_url:
        await asyncio.Event().wait()  # what ends would be begun again
    await poll(telegram, service.ingress, clock)


async def _meet(setup: TelegramSetup, settings: Settings, languages: Languages) -> None:
    who = await setup.identity()
    await setup.publish_commands(commands(languages))
    if settings.public_url:
        await setup.use_webhook(f"{settings.public_url}/webhooks/telegram")
    else:
        await setup.use_polling()
    log.info("telegram.met", bot=who.username, by="webhook" if settings.public_url else "polling")


def commands(languages: Languages) -> dict[str, list[tuple[str, str]]]:
    """Telegram's menu of commands by language; "" is what everybody else sees."""
    from flows.words import COMMANDS_SHOWN

    by_language = {
        code: [(choice.id, languages.label(choice.label, code)) for choice in COMMANDS_SHOWN]
        for code, _ in languages.available()
    }
    return {"": by_language["en"], **by_language}


# --- the program's commands


async def serve(settings: Settings, *, practising: bool, with_parent: bool = False) -> None:
    """Run until SIGINT or SIGTERM; `practising` with a sandbox in the place of every unset party."""
    stop = asyncio.Event()
    at_end(stop.set, with_parent=with_parent)
    async with _complete(settings, practising) as whole, running(whole, practising=practising) as address:
        _say(f"Bili serves at {address}")
        await stop.wait()


@asynccontextmanager
async def _complete(settings: Settings, practising: bool) -> AsyncIterator[Settings]:
    """The settings, in practice with every unset party replaced by a sandbox that runs beside the service."""
    missing = practice.unset(settings)
    if not practising or not missing:
        yield settings
        return
    from integrations.sandbox.host import SandboxHost

    clock, config, tasks = RealClock(), sandbox_config(), Tasks()
    async with HttpSender(clock) as sender:
        host = SandboxHost(config, clock, RealRandom(), sender.send)
        async with HttpServer(host.serve, "127.0.0.1", 0) as server:
            address = f"http://127.0.0.1:{server.port}"
            tasks.spawn("sandbox", host.run())
            _say(f"A sandbox stands in for {' and '.join(missing)}. Its page, with the phone that asks for the PIN:")
            _say(f"{address}/")
            try:
                yield practice.practised(settings, config, address)
            finally:
                host.changes.close()
                await tasks.stop()


def sandbox_config() -> SandboxConfig:
    """The sandbox's own settings, BILI_SANDBOX_…; SettingsError where one is wrong."""
    from integrations.sandbox.host import SandboxConfig

    try:
        return SandboxConfig.from_environment()
    except ValueError as problem:
        raise SettingsError(str(problem)) from None


async def run_sandbox(*, with_parent: bool = False) -> None:
    """`bili sandbox`: the far sides alone, until SIGINT or SIGTERM."""
    from integrations.sandbox.host import run_sandbox as run

    loop = asyncio.get_running_loop()
    with suppress(TimeoutError):
        async with asyncio.timeout(None) as limit:
            at_end(lambda: limit.reschedule(loop.time()), with_parent=with_parent)
            await run(sandbox_config(), RealClock(), RealRandom())


async def chat(url: str) -> None:
    """`bili chat`: the sandbox's phone in a terminal."""
    from integrations.sandbox.terminal import chat as talk

    clock = RealClock()
    async with HttpSender(clock) as sender:
        await talk(url, sender.send, clock)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
