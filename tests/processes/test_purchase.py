"""`bili serve` and `bili sandbox` as two processes: a purchase from the first word to the token."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing

import pytest

from bot.demo import free_port
from tests.processes.programs import AMINA, KEY, METER, OTIENO, PHONES, PIN, TOKEN, Person, Stage, parties

pytestmark = pytest.mark.processes

#: What must stand in no log: whose it is, and what opens what.
SECRETS = (
    TOKEN,
    KEY,
    METER,
    *PHONES.values(),
    PHONES[AMINA].removeprefix("254"),
    "test-passkey",
    "test-consumer-secret",
)


async def test_a_purchase_by_webhook_with_every_party_pointed_at_simulators(here: Stage) -> None:
    sandbox, port = await here.sandbox(), str(free_port())
    service, url = await here.serve(
        **parties(sandbox), BILI_PORT=port, BILI_PUBLIC_URL=f"http://127.0.0.1:{port}"
    )  # fmt: skip
    amina = Person(here.web, sandbox)
    await amina.enters()
    receipt = await amina.buys()
    assert "KES 500" in receipt["text"]
    assert "Practice" not in receipt["text"]
    assert await amina.balance() == "KES 4,500.00"
    assert "telegram.met" in service.said
    assert '"by": "webhook"' in service.said
    metrics = await here.web.ask("GET", f"{url}/metrics")
    assert metrics is not None
    assert b"bili_" in metrics.body


async def test_a_purchase_by_polling_where_nobody_can_reach_us(here: Stage) -> None:
    sandbox = await here.sandbox()
    service, _ = await here.serve(**parties(sandbox))
    for user in (AMINA, OTIENO):
        person = Person(here.web, sandbox, user)
        await person.enters()
        await person.buys()
    assert '"by": "polling"' in service.said


@pytest.mark.postgres
async def test_a_purchase_on_postgresql(here: Stage, empty_postgresql_url: str) -> None:
    sandbox = await here.sandbox()
    settings = {"BILI_DATABASE_URL": empty_postgresql_url, **parties(sandbox)}
    service, _ = await here.serve(**settings)
    amina = Person(here.web, sandbox)
    await amina.enters()
    await amina.buys()
    service.process.send_signal(signal.SIGTERM)
    assert await service.ended() == 0
    await here.serve(**settings)
    await amina.buys()
    assert await amina.balance() == "KES 4,000.00"


async def test_with_a_telegram_token_alone_the_real_telegram_is_polled_and_the_rest_is_practice(here: Stage) -> None:
    telegram = await here.sandbox()  # its Telegram stands in for the real one; nobody asks its other sides for anything
    settings = {"BILI_TELEGRAM_TOKEN": TOKEN, "BILI_TELEGRAM_API_URL": telegram}
    service, _ = await here.serve("--sandbox", **settings)
    [line] = [line for line in service.said.splitlines() if line.startswith("http://")]
    amina = Person(here.web, telegram, phone_url=line.rstrip("/"))
    await amina.enters()
    await amina.buys()
    said = await amina.messages()
    assert len(said) > 3
    assert [text for text in said if "(Practice: no real money moves.)" not in text] == []
    assert await amina.balance() == "KES 4,500.00"
    assert (here.folder / "var/practice/bili.db").exists()


async def test_practice_refuses_a_database_of_real_payments(here: Stage) -> None:
    sandbox = await here.sandbox()
    settings = {"BILI_DATABASE_URL": "sqlite:///real.db", **parties(sandbox)}
    service, _ = await here.serve(**settings)
    amina = Person(here.web, sandbox)
    await amina.enters()
    await amina.buys()
    service.process.send_signal(signal.SIGTERM)
    assert await service.ended() == 0
    practice = here.start("serve", "--sandbox", BILI_SECRET_KEY=KEY, **settings)
    assert await practice.ended() == 2
    assert "real payments; --sandbox takes one of its own" in practice.said
    assert "Traceback" not in practice.said


async def test_S45_no_log_says_who_pays_or_what_opens_anything(here: Stage) -> None:
    sandbox = await here.sandbox()
    settings = {**parties(sandbox), "BILI_LOG_LEVEL": "debug", "BILI_DATABASE_URL": "sqlite:///bili.db"}
    service, _ = await here.serve(**settings)
    amina = Person(here.web, sandbox)
    await amina.enters()
    await amina.buys()
    await amina.say(PIN)
    await amina.sees("PIN")
    service.process.send_signal(signal.SIGTERM)
    assert await service.ended() == 0
    logs = "".join(program.said for program in here.programs)
    assert "payment.answer" in logs
    assert [secret for secret in SECRETS if secret in logs] == []
    with closing(sqlite3.connect(here.folder / "bili.db")) as database:
        callbacks = database.execute("SELECT count(*) FROM callback").fetchone()
    assert callbacks[0] > 0
    assert "/c/" not in logs
