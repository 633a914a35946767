"""The composition root: what is wrong is said before anything starts, and what is set reaches who needs it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot import app
from bot.app.telegram import hear
from bot.clock import RealClock
from bot.demo import free_port
from bot.i18n import Languages
from bot.service import Service
from bot.settings import FeeBand, Settings, SettingsError, load_settings
from integrations.channels.telegram.adapter import Telegram
from integrations.contract.exchange import NotSent, Request, Response, Sent, json_response
from integrations.contract.money import Money
from integrations.contract.outcomes import VendReason
from integrations.http import HttpSender
from integrations.money.mpesa.config import PRODUCTION_URL
from tests.seams import HandClock
from tests.town import MORNING

KEY = "a-test-key-that-opens-nothing-at-all"
PRODUCTION: dict[str, Any] = {
    "secret_key": KEY,
    "public_url": "https://pay.example.org",
    "telegram_token": "1:made-up",
    "mpesa_consumer_key": "test-key",
    "mpesa_consumer_secret": "test-secret",
    "mpesa_shortcode": "600000",
    "mpesa_passkey": "test-passkey",
    "xmlvend_url": "https://utility.example.org/vend",
    "xmlvend_client_id": "0000000000001",
    "xmlvend_terminal_ids": "0000000000001,0000000000002",
    "xmlvend_operator_name": "test-operator",
    "xmlvend_password": "test-password",
}
WHATSAPP: dict[str, Any] = {
    "twilio_account_sid": "AC" + "0" * 32,
    "twilio_auth_token": "test-auth-token",
    "twilio_whatsapp_from": "+14155238886",
}


@pytest.fixture(autouse=True)
def _nobodys_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def settings(**changed: Any) -> Settings:
    """Complete settings, but for what is changed; None takes one away."""
    return load_settings(**{name: value for name, value in {**PRODUCTION, **changed}.items() if value is not None})


def told(given: Settings, faults: tuple[str, ...] = (), *, practising: bool = False) -> list[str]:
    """The lines of what `check` has to say; none when it is content."""
    try:
        app.check(given, faults, practising=practising)
    except SettingsError as error:
        return str(error).splitlines()
    return []


# --- what is missing or wrong


def test_complete_settings_are_fine() -> None:
    assert told(settings()) == []


def test_F149_S02_everything_that_is_missing_is_named_at_once() -> None:
    names = [line.split()[0].rstrip(":") for line in told(load_settings())]
    assert sorted(names) == [
        "BILI_MPESA_CONSUMER_KEY",
        "BILI_MPESA_CONSUMER_SECRET",
        "BILI_MPESA_PASSKEY",
        "BILI_MPESA_SHORTCODE",
        "BILI_PUBLIC_URL",
        "BILI_SECRET_KEY",
        "BILI_TELEGRAM_TOKEN",
        "BILI_XMLVEND_CLIENT_ID",
        "BILI_XMLVEND_OPERATOR_NAME",
        "BILI_XMLVEND_PASSWORD",
        "BILI_XMLVEND_TERMINAL_IDS",
        "BILI_XMLVEND_URL",
    ]


def test_what_was_wrong_when_read_is_not_called_missing_too() -> None:
    lines = told(settings(secret_key=None, amounts_minimum=50_000), ("BILI_SECRET_KEY: too short", "bili.toml: no x"))
    assert lines == [
        "BILI_SECRET_KEY: too short", "bili.toml: no x", "BILI_AMOUNTS_MINIMUM is more than BILI_AMOUNTS_MAXIMUM.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"public_url": None}, "BILI_PUBLIC_URL is missing: M-Pesa must be given an https address"),
        (
            {"public_url": "https://mpesa.example.org"},
            "BILI_PUBLIC_URL: Daraja refuses callback addresses with 'mpesa'",
        ),
        ({"mpesa_transaction_type": "hunter2"}, "BILI_MPESA_TRANSACTION_TYPE is one of CustomerPayBillOnline"),
        ({"mpesa_minimum": 9, "mpesa_maximum": 8}, "BILI_MPESA_MINIMUM is at least 1 shilling and at most maximum"),
        ({"mpesa_maximum": 49}, "BILI_AMOUNTS_MAXIMUM: with our fee, M-Pesa takes no amount that may be ordered."),
        ({"mpesa_api_url": "http://api.safaricom.co.ke"}, "BILI_MPESA_API_URL is an http address, https where"),
        ({"xmlvend_terminal_ids": "1,1"}, "BILI_XMLVEND_TERMINAL_IDS names a terminal twice"),
        ({"xmlvend_settle_seconds": 1}, "BILI_XMLVEND_SETTLE_SECONDS is shorter than one call"),
        ({"xmlvend_known_texts": {"Asleep": "hunter2"}}, "BILI_XMLVEND_KNOWN_TEXTS gives a reason that is none of"),
        ({"business_currency": "TZS"}, "BILI_BUSINESS_CURRENCY: M-Pesa collects KES only."),
        ({"limits_quiet_from_hour": 3}, "BILI_LIMITS_QUIET_FROM_HOUR is not later than"),
    ],
)
def test_one_wrong_setting_is_one_sentence_under_its_name(wrong: dict[str, Any], sentence: str) -> None:
    [line] = told(settings(**wrong))
    assert line.startswith(sentence)
    assert "hunter2" not in line


def test_every_wrong_setting_of_the_bot_is_named_and_none_is_shown() -> None:
    wrong = settings(
        telegram_token="hunter2", telegram_webhook_secret="hunter2", telegram_previous_webhook_secret="hunter2"
    )  # fmt: skip
    assert [line.split()[0] for line in told(wrong)] == [
        "BILI_TELEGRAM_TOKEN:", "BILI_TELEGRAM_WEBHOOK_SECRET:", "BILI_TELEGRAM_PREVIOUS_WEBHOOK_SECRET:",
    ]  # fmt: skip
    assert "hunter2" not in "".join(told(wrong))


def test_a_public_address_without_tls_serves_neither_telegram_nor_mpesa() -> None:
    [line] = told(settings(public_url="http://pay.example.org"))
    assert line == "BILI_PUBLIC_URL begins http:, and Telegram delivers to https only."
    simulators = {"telegram_api_url": "http://127.0.0.1:1", "mpesa_api_url": "http://127.0.0.1:2"}
    assert told(settings(public_url="http://127.0.0.1:8080", **simulators)) == []


def test_no_public_address_is_needed_while_the_operator_is_on_this_machine() -> None:
    assert told(settings(public_url=None, mpesa_api_url="http://127.0.0.1:8090")) == []
    assert told(settings(public_url=None, mpesa_api_url="http://[::1]:8090")) == []
    assert told(settings(public_url=None, mpesa_api_url="https://sandbox.safaricom.co.ke")) != []


# --- practice


def test_practice_needs_a_key_and_nothing_else() -> None:
    assert told(load_settings(secret_key=KEY), practising=True) == []
    assert told(load_settings(secret_key=KEY, telegram_token="1:made-up"), practising=True) == []


def test_a_party_with_half_of_its_settings_is_completed_not_replaced() -> None:
    half = load_settings(secret_key=KEY, mpesa_shortcode="600000", mpesa_api_url="http://127.0.0.1:1")
    assert [line.split()[0] for line in told(half, practising=True)] == [
        "BILI_MPESA_CONSUMER_KEY", "BILI_MPESA_CONSUMER_SECRET", "BILI_MPESA_PASSKEY",
    ]  # fmt: skip


def test_practice_is_refused_where_real_money_would_move() -> None:
    [line] = told(settings(), practising=True)
    assert line.startswith("BILI_MPESA_API_URL is M-Pesa itself: --sandbox would take real money")
    assert told(settings(mpesa_api_url="https://sandbox.safaricom.co.ke"), practising=True) == []


def test_a_wrong_setting_of_the_sandbox_itself_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILI_SANDBOX_PORT", "hunter2")
    assert told(load_settings(secret_key=KEY), practising=True) == ["BILI_SANDBOX_PORT should be a number"]


# --- the parties


def test_what_is_set_for_mpesa_reaches_it() -> None:
    config = app.mpesa_config(
        settings(
            mpesa_minimum=10, mpesa_maximum=150_000, mpesa_timeout_seconds=8, mpesa_settle_seconds=200,
            mpesa_polls_seconds="5,10", mpesa_doubtful_codes="17", mpesa_banned_words=[], mpesa_party_b="700000",
            mpesa_merchant="UMOJA",
        )
    )  # fmt: skip
    assert (config.minimum, config.maximum) == (10, 150_000)
    assert (config.timeout_seconds, config.token_timeout_seconds, config.settle_seconds) == (8, 8, 200)
    assert list(config.polls_seconds) == [5, 10]
    assert config.doubtful_codes == {"17"}
    assert not config.banned_words
    assert (config.payee, config.merchant, config.api_url) == ("700000", "UMOJA", PRODUCTION_URL)
    assert config.passkey.reveal() == "test-passkey"


def test_what_is_set_for_the_utility_reaches_it() -> None:
    config = app.xmlvend_config(
        settings(
            xmlvend_terminal_ids="11, 12", xmlvend_symbols="Sh", xmlvend_meter_lengths="11", xmlvend_luhn=False,
            xmlvend_polls_seconds="1,2", xmlvend_keeps_every_response=True, amounts_minimum=20, amounts_maximum=900,
            xmlvend_known_texts={"Asleep": "blocked"},
        )
    )  # fmt: skip
    assert (config.question_terminal, config.sale_terminals) == ("11", ("12",))
    assert (config.symbols, config.meter_lengths, config.luhn) == (("Sh",), (11,), False)
    assert list(config.polls) == [1, 2]
    assert config.keeps_every_response
    assert not app.xmlvend_config(settings()).keeps_every_response
    assert (config.minimum, config.maximum) == (Money.of(20, "KES"), Money.of(900, "KES"))
    assert config.known_texts == {"Asleep": VendReason.BLOCKED}


def test_another_currency_is_written_by_its_code_unless_symbols_are_set() -> None:
    assert app.xmlvend_config(settings()).symbols == ("KES", "KSh")
    assert app.xmlvend_config(settings(business_currency="TZS")).symbols == ("TZS",)
    assert app.xmlvend_config(settings(business_currency="TZS", xmlvend_symbols="TSh")).symbols == ("TSh",)


def test_the_menu_of_commands_is_there_in_every_language_and_for_everybody_else() -> None:
    languages = Languages()
    menus = app.commands(languages)
    assert set(menus) == {"", *dict(languages.available())}
    assert menus[""] == menus["en"]
    assert ("buy", "Buy electricity") in menus["en"]
    assert all(len(pairs) == len(menus["en"]) for pairs in menus.values())


# --- a running service


@pytest.fixture
def runnable(tmp_path: Path) -> Settings:
    """Settings of a service whose parties are not there."""
    names = ("telegram_api_url", "twilio_api_url", "mpesa_api_url", "xmlvend_url")
    nobody = dict.fromkeys(names, "http://127.0.0.1:9") | WHATSAPP
    return settings(
        **nobody, public_url=None, port=free_port(), database_url=f"sqlite:///{tmp_path}/deep/bili.db",
        limits_own_hour=3, fee_bands=[FeeBand(up_to=100, fee=1)],
    )  # fmt: skip


async def ask(url: str, method: str = "GET") -> Response:
    clock = RealClock()
    async with HttpSender(clock) as sender:
        answer = await sender.send(Request(method, url), clock.monotonic() + 5)
    assert isinstance(answer, Response)
    return answer


async def test_a_service_runs_without_its_parties_and_comes_up_again_on_its_database(runnable: Settings) -> None:
    for _ in range(2):
        async with app.running(runnable, practising=False) as address:
            assert (await ask(f"{address}/readyz")).status == 200
            assert (await ask(f"{address}/c/unknown")).status == 404
            for path in ("telegram", "twilio/whatsapp", "twilio/status"):
                assert (await ask(f"{address}/webhooks/{path}", "POST")).status in {401, 403}, path


@pytest.mark.parametrize(
    ("changed", "practising", "why"),
    [
        ({}, True, "This database is for real payments"),
        ({"secret_key": KEY[::-1]}, False, "BILI_SECRET_KEY does not open this database"),
        ({"database_url": "sqlite:////proc/bili.db"}, False, "BILI_DATABASE_URL: the database cannot be opened"),
        (
            {"database_url": "postgresql://bili:hunter2@[::1"},
            False,
            "BILI_DATABASE_URL: PostgreSQL cannot make anything",
        ),
        ({"mpesa_api_url": PRODUCTION_URL}, False, "BILI_PUBLIC_URL is missing"),
    ],
)
async def test_a_service_that_must_not_run_says_why(
    runnable: Settings,
    changed: dict[str, Any],
    practising: bool,
    why: str,
) -> None:
    async with app.running(runnable, practising=False):
        pass
    different = load_settings(**{**runnable.model_dump(), **changed})
    with pytest.raises(SettingsError, match=why) as refused:
        async with app.running(different, practising=practising):
            raise AssertionError("it runs")
    assert "hunter2" not in str(refused.value)


async def test_F123_a_port_that_is_taken_is_told_and_everything_let_go(runnable: Settings) -> None:
    async with app.running(runnable, practising=False):
        second = runnable.model_copy(update={"database_url": runnable.database_url.replace("bili.db", "2.db")})
        for _ in range(2):  # the second time tells that the first let go of its database
            with pytest.raises(SettingsError, match=r"BILI_HOST, BILI_PORT: nobody can listen there"):
                async with app.running(second, practising=False):
                    raise AssertionError("it runs")


async def test_limits_fees_and_keys_reach_the_service(runnable: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Service] = []

    def start(service: Service) -> None:
        made.append(service)

    monkeypatch.setattr(Service, "start", start)
    rotated = runnable.model_copy(update={"previous_secret_keys": (runnable.secret_key,)})
    async with app.running(runnable, practising=False):
        pass
    async with app.running(rotated.model_copy(update={"secret_key": settings(secret_key=KEY[::-1]).secret_key}),
                           practising=False):  # fmt: skip
        pass
    outfit = made[-1].outfit
    assert outfit.parties.caps.own_hour == 3
    assert outfit.fees.of(Money.of(5, "KES")) == Money.of(1, "KES")
    assert outfit.parties.callback_base == f"http://127.0.0.1:{runnable.port}"
    assert not outfit.practice


# --- meeting Telegram


class Met(BaseException):
    """Telegram has been told where we listen, or was asked for news."""


class Bot:
    """Telegram's answers to set-up calls; the first `away` of them never come, and `last` is the end of it."""

    def __init__(self, away: int, last: str) -> None:
        self.away = away
        self.last = last
        self.called: list[str] = []

    async def send(self, request: Request, _deadline: float) -> Sent:
        if self.away:
            self.away -= 1
            return NotSent("away")
        self.called.append(request.url.rpartition("/")[2])
        if self.called[-1] == self.last:
            raise Met
        user = b'{"ok":true,"result":{"id":1,"is_bot":true,"first_name":"B","username":"b"}}'
        return json_response(user if self.called[-1] == "getMe" else b'{"ok":true,"result":true}')


async def heard(bot: Bot, given: Settings) -> float:
    """Until Telegram is met; how long was waited."""
    clock = HandClock(MORNING)
    telegram = Telegram(app.telegram_config(given), bot.send, clock)
    service = SimpleNamespace(outfit=SimpleNamespace(languages=Languages()), ingress=None)
    with pytest.raises(Met):
        await hear(given, telegram, cast("Service", service), bot.send, clock)
    return clock.monotonic()


async def test_with_a_public_address_telegram_is_told_where_to_deliver() -> None:
    bot = Bot(away=0, last="setWebhook")
    assert await heard(bot, settings()) == 0
    assert bot.called[0] == "getMe"
    assert bot.called.count("setMyCommands") == len(Languages().available()) + 1


async def test_without_one_telegram_is_polled_from_the_beginning() -> None:
    bot = Bot(away=0, last="getUpdates")
    await heard(bot, settings(public_url=None, mpesa_api_url="http://127.0.0.1:9"))
    assert bot.called[-2:] == ["deleteWebhook", "getUpdates"]


async def test_telegram_is_tried_again_ever_more_slowly_until_it_is_there() -> None:
    waits = [3, 6, 12, 24, 48, 60, 60]
    assert await heard(Bot(away=len(waits), last="setWebhook"), settings()) == sum(waits)
