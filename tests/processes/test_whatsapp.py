"""`bili serve` with WhatsApp: at somebody else's Twilio, at our sandbox as a process, and wrongly set."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any, Literal

import pytest

from bot.demo import free_port
from tests.processes import other_twilio
from tests.processes.other_twilio import Letter, OtherTwilio
from tests.processes.programs import AMINA, KEY, METER, PHONES, SANDBOX, Person, Program, Stage, parties, until
from tests.processes.whatsapp import (
    SANDBOX_TOKEN,
    WEBHOOK,
    OtherPerson,
    WhatsAppPerson,
    of_the_other,
    of_the_sandbox,
    without_telegram,
)

pytestmark = pytest.mark.processes

RECEIPT = "Here is your electricity"


async def serves(here: Stage, twilio: OtherTwilio, settings: dict[str, str]) -> Program:
    """A service that the other Twilio knows the address of."""
    program, url = await here.serve(**settings)
    twilio.webhook = f"{url}{WEBHOOK}"
    return program


def rows(here: Stage, statement: str) -> list[tuple[Any, ...]]:
    """What stands in the database."""
    with closing(sqlite3.connect(here.folder / "var/bili.db")) as database:
        return database.execute(statement).fetchall()


async def at_rest(here: Stage, twilio: OtherTwilio) -> None:
    """Wait until everything is sent, read, and reported to us."""
    done = "SELECT count(*) FROM outbox WHERE done = 0"
    reported = "SELECT count(*) FROM message_report WHERE status = 'read'"
    out = [letter for letter in twilio.letters if letter.sender == other_twilio.NUMBER]
    await until(lambda: rows(here, done) == [(0,)] and rows(here, reported) == [(len(out),)], "all is told and read")


async def buys(amina: OtherPerson, twilio: OtherTwilio, *, by_number: bool) -> Letter:
    """A whole purchase with its answers tapped, or typed as the numbers of lines; the receipt."""
    await amina.says("hi")
    await amina.sees("Welcome")
    await amina.says(METER)
    amount = await amina.sees("How much")
    if by_number:
        assert "1. KES 200\n2. KES 500" in amount.body
        await amina.says("2")
    else:
        await amina.taps(amount, "KES 500")
    check = await amina.sees("Please check")
    assert bool(check.buttons) is not by_number
    if by_number:
        await amina.says("1")
    else:
        await amina.taps(check, "Pay")
    await amina.handset.type_pin()
    receipt = await amina.sees(RECEIPT)
    assert twilio.refusals == []
    assert [letter.body for letter in twilio.to(amina.phone) if RECEIPT in letter.body] == [receipt.body]
    return receipt


async def test_a_purchase_through_somebody_elses_twilio_with_taps(here: Stage) -> None:
    sandbox = await here.sandbox()
    async with OtherTwilio().listening() as twilio:
        settings = {**without_telegram(parties(sandbox)), **of_the_other(twilio), "BILI_LOG_LEVEL": "debug"}
        service = await serves(here, twilio, settings)
        amina = OtherPerson(twilio, Person(here.web, sandbox))
        await buys(amina, twilio, by_number=False)
        await at_rest(here, twilio)
        assert await amina.handset.balance() == "KES 4,500.00"
        assert {status for _, path, status in twilio.asked if "/v1/" in path} == {200, 201}
        assert await here.stop(service) == 0
        secrets = (other_twilio.TOKEN, PHONES[AMINA], METER, "A. *N*")
        assert [secret for secret in secrets if secret in service.said] == []
        assert "Traceback" not in service.said


@pytest.mark.parametrize("content", ["absent", "404", "500"])
async def test_choices_are_numbered_lines_where_there_is_no_content_api(
    here: Stage, content: Literal["absent", "404", "500"]
) -> None:
    sandbox = await here.sandbox()
    other = OtherTwilio() if content == "absent" else OtherTwilio(content)
    async with other.listening() as twilio:
        chosen = of_the_other(twilio, content=content != "absent")
        service = await serves(here, twilio, {**without_telegram(parties(sandbox)), **chosen})
        amina = OtherPerson(twilio, Person(here.web, sandbox))
        await buys(amina, twilio, by_number=True)
        await at_rest(here, twilio)
        asked = {status for _, path, status in twilio.asked if "/v1/" in path}
        assert asked == (set() if content == "absent" else {int(content)})
        assert ("Content store is not to be had" in service.said) is (content != "absent")


async def test_webhooks_signed_with_another_token_are_refused_and_nothing_is_kept(here: Stage) -> None:
    async with OtherTwilio().listening() as twilio:
        settings = {**without_telegram(parties("http://127.0.0.1:9")), **of_the_other(twilio)}
        service = await serves(here, twilio, {**settings, "BILI_TWILIO_AUTH_TOKEN": "not-this-one"})
        await twilio.hears(f"+{PHONES[AMINA]}", "hi")
        await twilio.hears(f"+{PHONES[AMINA]}", "Pay", ButtonText="Pay", ButtonPayload="0.1.pay")
        assert twilio.refusals == [403, 403]
        assert rows(here, "SELECT (SELECT count(*) FROM input) + (SELECT count(*) FROM conversation)") == [(0,)]
        assert await here.stop(service) == 0


async def test_what_a_wrong_token_cannot_send_is_sent_once_the_right_one_is_set(here: Stage) -> None:
    async with OtherTwilio().listening() as twilio:
        settings = {**without_telegram(parties("http://127.0.0.1:9")), **of_the_other(twilio)}
        # In the middle of a rotation gone wrong: Twilio still signs with the token that was.
        wrong = {"BILI_TWILIO_AUTH_TOKEN": "a-slip-of-the-pen", "BILI_TWILIO_PREVIOUS_AUTH_TOKEN": other_twilio.TOKEN}
        service = await serves(here, twilio, {**settings, **wrong})
        amina = OtherPerson(twilio, Person(here.web, ""))
        await amina.says("hi")
        await until(lambda: any(status == 401 for method, _, status in twilio.asked if method == "POST"), "it is tried")
        assert await here.stop(service) == 0
        assert rows(here, "SELECT done FROM outbox") == [(0,)]
        await serves(here, twilio, settings)
        await amina.sees("Welcome")


async def test_a_purchase_at_our_sandbox_with_whatsapp_alone(here: Stage) -> None:
    sandbox, service = await beside_the_sandbox(here, without_telegram)
    amina = WhatsAppPerson(here.web, sandbox)
    await amina.enters()
    await amina.buys()
    assert await amina.balance() == "KES 4,500.00"
    assert await here.stop(service) == 0
    assert SANDBOX_TOKEN not in service.said
    assert rows(here, "SELECT channel FROM conversation") == [("whatsapp",)]


async def test_one_person_buys_on_both_phones(here: Stage) -> None:
    sandbox, service = await beside_the_sandbox(here, dict)
    on_telegram, on_whatsapp = Person(here.web, sandbox), WhatsAppPerson(here.web, sandbox)
    for amina in (on_telegram, on_whatsapp):
        await amina.enters()
        await amina.buys()
    assert await on_whatsapp.balance() == "KES 4,000.00"
    for amina in (on_telegram, on_whatsapp):
        assert sum(RECEIPT in text for text in await amina.messages()) == 1
    assert await here.stop(service) == 0


async def beside_the_sandbox(here: Stage, chosen: Any) -> tuple[str, Program]:
    """A sandbox that knows where the service is; the settings are those of both chats, or what is `chosen` of them."""
    port, url = free_port(), f"http://127.0.0.1:{free_port()}"
    settings = {"BILI_SANDBOX_TWILIO_WEBHOOK_URL": f"{url}{WEBHOOK}", "BILI_SANDBOX_PORT": str(port), **SANDBOX}
    sandbox = f"http://127.0.0.1:{port}"
    await here.web.serves(f"{sandbox}/", here.start("sandbox", **settings))
    public = {"BILI_PORT": url.rpartition(":")[2], "BILI_PUBLIC_URL": url}
    service, _ = await here.serve(**chosen(parties(sandbox)), **of_the_sandbox(sandbox), **public)
    return sandbox, service


async def test_practice_with_nothing_set_has_whatsapp_on_its_page(here: Stage) -> None:
    service, _ = await here.serve("--sandbox")
    [page] = [line for line in service.said.splitlines() if line.startswith("http://")]
    amina = WhatsAppPerson(here.web, page.rstrip("/"))
    await amina.enters()
    await amina.orders()
    await amina.tap("Pay")
    await amina.type_pin()
    await amina.sees(RECEIPT)
    assert [text for text in await amina.messages() if "(Practice: no real money moves.)" not in text] == []
    assert await here.stop(service) == 0


# --- the other commands


@pytest.mark.parametrize("given", ["ACCOUNT_SID", "AUTH_TOKEN", "WHATSAPP_FROM"])
async def test_half_a_twilio_is_named_as_everything_that_is_missing_of_it(here: Stage, given: str) -> None:
    whole = of_the_sandbox("http://127.0.0.1:9")
    settings = {**without_telegram(parties("http://127.0.0.1:9")), "BILI_SECRET_KEY": KEY}
    one = here.start("check", **settings, **{f"BILI_TWILIO_{given}": whole[f"BILI_TWILIO_{given}"]})
    assert await one.ended() == 2
    named = {line.split()[0].rstrip(":") for line in one.said.splitlines()}
    others = {"ACCOUNT_SID", "AUTH_TOKEN", "WHATSAPP_FROM"} - {given}
    assert named == {f"BILI_TWILIO_{name}" for name in others} | {"BILI_PUBLIC_URL"}


async def test_templates_are_looked_at_and_made_and_then_all_there(here: Stage) -> None:
    sandbox = await here.sandbox()
    settings = {"BILI_SECRET_KEY": KEY, **of_the_sandbox(sandbox)}
    said = []
    for number, (act, status) in enumerate((("check", 1), ("create", 0), ("create", 0), ("check", 0))):
        folder = here.folder / str(number)
        folder.mkdir()
        program = Program(folder, "templates", act, **settings)
        here.programs.append(program)
        assert await program.ended() == status, program.said
        said.append(program.said)
    assert "bili templates create" in said[0]
    assert said[0].count(" missing") > 10
    assert said[1] == said[2] == said[3]
    assert said[1].endswith("All can be used.\n")
    assert sum(line.endswith("approved") for line in said[1].splitlines()) == 2


async def test_templates_say_in_a_sentence_why_they_cannot_be_asked_for(here: Stage) -> None:
    nobody = of_the_sandbox(f"http://127.0.0.1:{free_port()}")
    sandbox = await here.sandbox()
    cases = {
        "BILI_TWILIO_ACCOUNT_SID is missing": {},
        "Twilio's Content API: ": nobody,
        "status 401, code 20003": {**of_the_sandbox(sandbox), "BILI_TWILIO_AUTH_TOKEN": "not-this-one"},
    }
    for number, (sentence, settings) in enumerate(cases.items()):
        folder = here.folder / str(number)
        folder.mkdir()
        program = Program(folder, "templates", "create", **settings)
        here.programs.append(program)
        assert await program.ended() == 2
        assert sentence in program.said
        assert "Traceback" not in program.said
        assert program.said.count("\n") == 1
