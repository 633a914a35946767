"""`bili serve` and `bili sandbox` as two processes: a purchase from the first word to the token."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from bot.demo import free_port
from tests.processes.programs import AMINA, KEY, METER, OTIENO, PHONES, PIN, TOKEN, Person, Stage, parties

pytestmark = pytest.mark.processes

#: What must stand in no log: who pays for what, and what opens what.
SECRETS = (TOKEN, KEY, METER, *PHONES.values(), *(phone[3:] for phone in PHONES.values()), "test-passkey", "test-pass")
PRACTICE = "(Practice: no real money moves.)"


async def test_S45_a_purchase_by_webhook_with_every_party_a_simulator_and_nothing_of_it_in_a_log(here: Stage) -> None:
    sandbox, port = await here.sandbox(), str(free_port())
    public = {"BILI_PORT": port, "BILI_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    service, url = await here.serve(**parties(sandbox), **public, BILI_LOG_LEVEL="debug")
    amina = Person(here.web, sandbox)
    await amina.enters()
    receipt = await amina.buys()
    assert PRACTICE not in receipt["text"]
    assert await amina.balance() == "KES 4,500.00"
    await amina.say(PIN)
    await amina.sees("PIN")
    metrics = await here.web.ask("GET", f"{url}/metrics")
    assert metrics is not None
    assert b"\nbili_" in metrics.body
    assert await here.stop(service) == 0
    assert '"by": "webhook"' in service.said
    logs = "".join(program.said for program in here.programs)
    assert "payment.answer" in logs
    assert [secret for secret in (*SECRETS, "/c/") if secret in logs] == []
    with closing(sqlite3.connect(here.folder / "var/bili.db")) as database:
        assert database.execute("SELECT verdict FROM callback").fetchall() == [("seen",)]


async def test_two_people_buy_by_polling_and_practice_is_kept_off_their_real_payments(here: Stage) -> None:
    sandbox = await here.sandbox()
    settings = {"BILI_DATABASE_URL": "sqlite:///real.db", **parties(sandbox)}
    service, _ = await here.serve(**settings)
    for user in (AMINA, OTIENO):
        person = Person(here.web, sandbox, user)
        await person.enters()
        await person.buys()
    assert '"by": "polling"' in service.said
    assert await here.stop(service) == 0
    practice = here.start("serve", "--sandbox", BILI_SECRET_KEY=KEY, **settings)
    assert await practice.ended() == 2
    assert "This database is for real payments" in practice.said
    assert "Traceback" not in practice.said


@pytest.mark.postgres
async def test_a_purchase_on_postgresql_before_and_after_a_restart(here: Stage, empty_postgresql_url: str) -> None:
    sandbox = await here.sandbox()
    settings = {"BILI_DATABASE_URL": empty_postgresql_url, **parties(sandbox)}
    service, _ = await here.serve(**settings)
    amina = Person(here.web, sandbox)
    await amina.enters()
    await amina.buys()
    assert await here.stop(service) == 0
    await here.serve(**settings)
    await amina.buys()
    assert await amina.balance() == "KES 4,000.00"


async def test_with_a_telegram_token_alone_the_real_telegram_is_polled_and_the_rest_is_practice(here: Stage) -> None:
    telegram = await here.sandbox()  # its Telegram stands in for the real one; nobody asks its other sides for anything
    service, _ = await here.serve("--sandbox", BILI_TELEGRAM_TOKEN=TOKEN, BILI_TELEGRAM_API_URL=telegram)
    assert "A sandbox stands in for WhatsApp and M-Pesa and the utility." in service.said
    [page] = [line for line in service.said.splitlines() if line.startswith("http://")]
    amina = Person(here.web, telegram, phone_url=page.rstrip("/"))
    await amina.enters()
    await amina.buys()
    said = await amina.messages()
    assert len(said) > 3
    assert [text for text in said if PRACTICE not in text] == []
    assert await amina.balance() == "KES 4,500.00"
    assert (here.folder / "var/practice/bili.db").exists()
    assert await here.stop(service) == 0
