"""Twilio in `bili sandbox`: its paths, its settings, and its due list in the host's loop."""

from __future__ import annotations

import re
from dataclasses import asdict

import orjson
import pytest

from integrations.contract.exchange import Request
from integrations.sandbox.host import SandboxConfig, SandboxHost, twilio_config
from integrations.sandbox.twilio import FAULTS
from tests.channels.twilio.sandbox_stage import JANE, basic
from tests.sandbox.live import running, soon
from tests.sandbox.stages import Counting, Receiver, StageClock
from tests.tidy import ROOT

HOOK = "http://127.0.0.1:1/webhooks/twilio/whatsapp"
CONFIG = SandboxConfig(twilio_webhook_url=HOOK)


def host(config: SandboxConfig = CONFIG) -> tuple[SandboxHost, Receiver]:
    receiver = Receiver()
    return SandboxHost(config, StageClock(), Counting(), receiver.send), receiver


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/2010-04-01/Accounts/{CONFIG.twilio_account_sid}/Messages.json", 200),
        ("/v1/Content", 200),
        ("/v1/ContentAndApprovals", 200),
        ("/media/none", 404),
    ],
)
async def test_each_path_of_twilio_leads_to_it(path: str, status: int) -> None:
    here, _ = host()
    headers = basic(CONFIG.twilio_account_sid, CONFIG.twilio_auth_token)
    assert (await here.serve(Request("GET", path, headers))).status == status
    unknown = await here.serve(Request("GET", path))
    assert (unknown.status, orjson.loads(unknown.body)["code"]) == (401, 20003)


def test_its_settings_are_read_from_the_environment() -> None:
    names = ("ACCOUNT_SID", "AUTH_TOKEN", "WHATSAPP_FROM", "SMS_FROM", "WEBHOOK_URL", "FALLBACK_URL")
    config = SandboxConfig.from_environment({f"BILI_SANDBOX_TWILIO_{name}": name.lower() for name in names})
    given = {f"twilio_{name.lower()}": name.lower() for name in names}
    assert asdict(config) == {**asdict(SandboxConfig()), **given}
    told = twilio_config(config)
    assert (told.account_sid, told.auth_token.reveal()) == ("account_sid", "auth_token")
    assert (told.whatsapp_from, told.sms_from) == ("whatsapp_from", "sms_from")
    assert (told.webhook_url, told.fallback_url) == ("webhook_url", "fallback_url")


def test_the_defaults_are_visibly_nobodys() -> None:
    config = SandboxConfig()
    assert config.twilio_account_sid == "AC" + "0" * 32
    assert config.twilio_whatsapp_from.startswith("+1555000")
    assert config.twilio_sms_from.startswith("+1555000")


async def test_the_hosts_loop_delivers_what_people_do() -> None:
    here, receiver = host()
    here.twilio.add_user(JANE, "Jane")
    async with running(here):
        await here.twilio.say(JANE, "hello")
        here.changes.notify()
        await soon(lambda: bool(receiver.requests))
    assert receiver.requests[0].url == HOOK
    assert b"Body=hello" in receiver.requests[0].body


def test_the_page_about_it_lists_every_fault_with_its_sentence() -> None:
    page = (ROOT / "docs" / "sandbox-twilio.md").read_text()
    rows = dict(re.findall(r"^\| (twilio_\w+) \| (.+) \|$", page, re.MULTILINE))
    assert rows == dict(FAULTS)
