"""The host: one port for three parties and a page, long polls that wait, due lists that run."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from bot.clock import RealRandom
from integrations.contract.exchange import NoAnswer, NotSent, Request, Response, Unknown
from integrations.http import HttpSender
from integrations.sandbox.host import (
    CONTENT_TYPES,
    PAGE_FOLDER,
    POLL_SECONDS_MAX,
    SandboxConfig,
    SandboxHost,
    page_files,
    poll_seconds,
    run_sandbox,
)
from tests.sandbox.live import CLOCK, JSON, bought, running, soon, town
from tests.sandbox.stages import AMINA, CONFIG, Sandbox

# --- routing


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


@pytest.mark.parametrize(
    ("method", "path", "answered_by"),
    [
        ("GET", "/bot1:wrong/getMe", b"Unauthorized"),
        ("GET", "/oauth/v1/generate", b"400.008.01"),
        ("POST", "/mpesa/nothing/v1/here", b"404.001.01"),
        ("GET", "/control/state", b'"revision"'),
        ("GET", "/", b"<title>Bili sandbox</title>"),
    ],
)
async def test_a_path_prefix_leads_to_its_party(sandbox: Sandbox, method: str, path: str, answered_by: bytes) -> None:
    assert answered_by in (await sandbox.host.serve(Request(method, path))).body


async def test_the_electricity_company_answers_at_its_path(sandbox: Sandbox) -> None:
    request = Request("POST", "/xmlvend", {"content-type": "text/xml"}, b"<nonsense/>")
    response = await sandbox.host.serve(request)
    assert b"XMLVendSchemaEx" in response.body


async def test_a_lost_answer_passes_through_for_the_shell_to_cut(sandbox: Sandbox) -> None:
    await sandbox.post("fault", name="utility_down", times=1)
    with pytest.raises(NoAnswer):
        await sandbox.host.serve(Request("POST", "/xmlvend", {"content-type": "text/xml"}, b"<nonsense/>"))


@pytest.mark.parametrize("path", ["/nothing", "/page/", "/page/../host.py", "/page/%2e%2e/host.py", "/page/none.js"])
async def test_no_file_but_the_pages_own_is_served(sandbox: Sandbox, path: str) -> None:
    assert (await sandbox.host.serve(Request("GET", path))).status == 404


async def test_the_page_is_only_read(sandbox: Sandbox) -> None:
    response = await sandbox.host.serve(Request("DELETE", "/"))
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")


# --- the page's files


def test_every_file_of_the_page_is_served_with_its_type_and_kept_to_this_sandbox() -> None:
    served = page_files()
    assert set(served) == {"/", *(f"/page/{file.name}" for file in PAGE_FOLDER.iterdir())}
    for path, response in served.items():
        suffix = ".html" if path == "/" else f".{path.rpartition('.')[2]}"
        assert response.headers["content-type"] == CONTENT_TYPES[suffix]
        assert response.headers["content-security-policy"].startswith("default-src 'self';")
        assert response.headers["x-content-type-options"] == "nosniff"


def test_nothing_on_the_page_parses_markup_or_leaves_the_sandbox() -> None:
    for file in PAGE_FOLDER.iterdir():
        source = file.read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://"):
            assert word not in source, f"{file.name} uses {word}"
        assert source.count("http://") == source.count('"http://www.w3.org/2000/svg"'), file.name


def test_every_element_a_script_asks_for_is_on_the_page() -> None:
    page = (PAGE_FOLDER / "index.html").read_text()
    for script in PAGE_FOLDER.glob("*.js"):
        for piece in script.read_text().split('byId("')[1:]:
            assert f'id="{piece.partition(chr(34))[0]}"' in page


# --- settings


def test_every_setting_is_read_from_the_environment_by_its_name() -> None:
    config = SandboxConfig.from_environment(
        {
            "BILI_SANDBOX_HOST": "127.0.0.2",
            "BILI_SANDBOX_PORT": "9000",
            "BILI_SANDBOX_TELEGRAM_TOKEN": "8:test-token",
            "BILI_SANDBOX_DARAJA_PROMPT_SECONDS": "2.5",
            "BILI_SANDBOX_XMLVEND_PASSWORD": "test-password",
            "BILI_SANDBOX_DARAJA_PASSKEY": "",
            "BILI_PORT": "1",
        }
    )
    assert config == replace(
        SandboxConfig(),
        host="127.0.0.2",
        port=9000,
        telegram_token="8:test-token",
        daraja_prompt_seconds=2.5,
        xmlvend_password="test-password",
    )


def test_nothing_set_is_a_sandbox_on_loopback() -> None:
    assert SandboxConfig.from_environment({}) == SandboxConfig()
    assert SandboxConfig().host == "127.0.0.1"


@pytest.mark.parametrize("name", ["BILI_SANDBOX_PORT", "BILI_SANDBOX_DARAJA_PROMPT_SECONDS"])
def test_a_number_that_is_none_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        SandboxConfig.from_environment({name: "soon"})


def test_the_far_sides_are_given_these_credentials() -> None:
    host = SandboxHost(replace(CONFIG, daraja_passkey="test-passkey"), CLOCK, RealRandom(), Sandbox().receiver.send)
    assert host.daraja.config.passkey == "test-passkey"
    assert host.xmlvend.config.password.reveal() == CONFIG.xmlvend_password


# --- long polls


async def test_a_long_poll_waits_for_what_a_person_does(sandbox: Sandbox) -> None:
    polling = asyncio.create_task(sandbox.bot("getUpdates", timeout=30))
    await asyncio.sleep(0.005)
    assert not polling.done()
    await sandbox.post("say", user=AMINA, text="/start")
    updates = await asyncio.wait_for(polling, 0.1)
    assert [update["message"]["text"] for update in updates] == ["/start"]


async def test_a_long_poll_without_news_ends_at_its_own_timeout(sandbox: Sandbox) -> None:
    polling = asyncio.create_task(sandbox.bot("getUpdates", timeout=3))
    await asyncio.sleep(0.005)
    sandbox.clock.seconds += 2.9
    sandbox.host.changes.notify()
    await asyncio.sleep(0.005)
    assert not polling.done()
    sandbox.clock.seconds += 0.2
    sandbox.host.changes.notify()
    assert await asyncio.wait_for(polling, 0.1) == []


async def test_a_short_poll_and_any_other_method_do_not_wait(sandbox: Sandbox) -> None:
    assert await asyncio.wait_for(sandbox.bot("getUpdates"), 0.1) == []
    assert await asyncio.wait_for(sandbox.bot("getMyCommands", timeout=30), 0.1) == []


async def test_a_refused_poll_is_refused_at_once(sandbox: Sandbox) -> None:
    await sandbox.bot("setWebhook", url="http://127.0.0.1:9/webhooks/telegram")
    path = f"/bot{CONFIG.telegram_token}/getUpdates"
    response = await asyncio.wait_for(sandbox.host.serve(Request("GET", f"{path}?timeout=30")), 0.1)
    assert response.status == 409


def form(**values: object) -> Request:
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    return Request("POST", "/bot1:x/getUpdates?timeout=4", headers, urlencode(values).encode())


@pytest.mark.parametrize(
    ("request_", "seconds"),
    [
        (Request("GET", "/bot1:x/getUpdates"), 0),
        (Request("GET", "/bot1:x/getUpdates?timeout=7&offset=1"), 7),
        (Request("GET", "/bot1:x/getUpdates?timeout=9999"), POLL_SECONDS_MAX),
        (Request("GET", "/bot1:x/getUpdates?timeout=-7"), 0),
        (Request("GET", "/bot1:x/getUpdates?timeout=soon"), 0),
        (form(timeout=12), 12),
        (form(offset=1), 4),
        (Request("POST", "/bot1:x/getUpdates", JSON, b'{"timeout": 8}'), 8),
        (Request("POST", "/bot1:x/getUpdates", JSON, b'{"timeout": "8"}'), 8),
        (Request("POST", "/bot1:x/getUpdates", JSON, b'{"timeout": null}'), 0),
        (Request("POST", "/bot1:x/getUpdates", JSON, b"[]"), 0),
        (Request("POST", "/bot1:x/getUpdates", JSON, b"{"), 0),
    ],
)
def test_the_timeout_is_found_wherever_telegram_takes_it(request_: Request, seconds: int) -> None:
    assert poll_seconds(request_) == seconds


# --- due lists


async def test_what_falls_due_is_done_and_wakes_who_waits(sandbox: Sandbox) -> None:
    async with running(sandbox.host):
        await sandbox.bot("setWebhook", url="http://127.0.0.1:9/webhooks/telegram")
        await sandbox.post("say", user=AMINA, text="/start")
        await soon(lambda: len(sandbox.receiver.requests) == 1)
    assert sandbox.receiver.requests[0].url == "http://127.0.0.1:9/webhooks/telegram"


async def test_nothing_is_done_before_its_time(sandbox: Sandbox) -> None:
    done: list[str] = []

    async def later() -> None:
        done.append("later")

    async with running(sandbox.host):
        sandbox.host.daraja.due.after(5, later)
        sandbox.host.changes.notify()
        await asyncio.sleep(0.01)
        assert done == []
        sandbox.clock.seconds += 5
        sandbox.host.changes.notify()
        await soon(lambda: done == ["later"])


async def test_a_slow_webhook_does_not_hold_up_a_callback(sandbox: Sandbox) -> None:
    let_go = asyncio.Event()
    called: list[str] = []

    async def slow() -> None:
        await let_go.wait()

    async def quick() -> None:
        called.append("callback")

    async with running(sandbox.host):
        sandbox.host.telegram.due.after(0, slow)
        sandbox.host.daraja.due.after(0, quick)
        sandbox.host.changes.notify()
        await soon(lambda: called == ["callback"])
        let_go.set()


# --- over real HTTP


async def test_a_bot_sells_a_token_through_the_sandbox() -> None:
    async with town() as here:
        prompt = await bought(here)
        answer = await here.ask("POST", "/control/pin", {"prompt": prompt, "pin": "1234"})
        assert isinstance(answer, Response)
        assert answer.status == 200
        await soon(lambda: "token" in here.host.telegram.chat(AMINA)[-1].text)
        assert (await here.state())["handsets"][0]["balance"] == "KES 4,500.00"


async def test_a_prompt_nobody_answers_times_out_by_itself() -> None:
    async with town(prompt_seconds=0.05) as here:
        await bought(here)
        await soon(lambda: "Time ran out" in here.host.telegram.chat(AMINA)[-1].text)
        assert (await here.state())["handsets"][0]["prompt"] is None


async def test_a_lost_answer_is_a_cut_connection() -> None:
    async with town() as here:
        here.host.stage.faults.arm("utility_down")
        assert isinstance(await here.ask("POST", "/xmlvend", {}), Response)  # not even XML: refused before the fault
        request = Request("POST", f"{here.url}/xmlvend", {"content-type": "text/xml"}, b"<nonsense/>")
        assert isinstance(await here.sender.send(request, CLOCK.monotonic() + 5), Unknown)


async def test_running_prints_its_address_and_stops_without_waiting_for_long_polls(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = asyncio.create_task(run_sandbox(replace(CONFIG, port=0), CLOCK, RealRandom()))
    printed = ""
    async with asyncio.timeout(2):
        while "\n" not in printed:
            await asyncio.sleep(0.002)
            printed += capsys.readouterr().out
    url = printed.removeprefix("Bili sandbox: ").strip().rstrip("/")
    async with HttpSender(CLOCK) as sender:
        path = f"{url}/bot{CONFIG.telegram_token}/getUpdates?timeout=30"
        polling = asyncio.create_task(sender.send(Request("GET", path), CLOCK.monotonic() + 30))
        await asyncio.sleep(0.02)
        before = CLOCK.monotonic()
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run
        assert CLOCK.monotonic() - before < 2
        assert isinstance(await polling, Response)
        assert isinstance(await sender.send(Request("GET", url + "/"), CLOCK.monotonic() + 1), NotSent)
