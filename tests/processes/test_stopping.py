"""How a service begins and ends: on SIGTERM, beside another on its database, where its port is taken."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing

import pytest

from bot.demo import free_port
from tests.processes.gate import gated_sandbox
from tests.processes.programs import CLOCK, KEY, Person, Stage, parties

pytestmark = pytest.mark.processes

#: Starting, measured on two busy cores; the aim on idle ones is three seconds.
START_SECONDS_MAX = 10.0
STOP_SECONDS_MAX = 5.0
MEMORY_MB_MAX = 160


async def test_F140_a_service_is_small_and_stops_within_seconds_with_status_0(here: Stage) -> None:
    sandbox = await here.sandbox()
    began = CLOCK.monotonic()
    service, _ = await here.serve(**parties(sandbox))
    assert CLOCK.monotonic() - began < START_SECONDS_MAX
    amina = Person(here.web, sandbox)
    await amina.enters()
    await amina.buys()
    assert service.resident_mb() < MEMORY_MB_MAX
    began = CLOCK.monotonic()
    assert await here.stop(service) == 0
    assert CLOCK.monotonic() - began < STOP_SECONDS_MAX
    assert "Traceback" not in service.said


async def test_F140_a_sale_that_is_under_way_at_sigterm_is_heard_to_its_end(here: Stage) -> None:
    async with gated_sandbox(seed=3) as sandbox:
        settings = {"BILI_DATABASE_URL": "sqlite:///bili.db", **parties(sandbox.url)}
        service, _ = await here.serve(**settings)
        amina = Person(here.web, sandbox.url)
        await amina.enters()
        await amina.orders()
        await amina.tap("Pay")
        await amina.prompt()
        sandbox.gate.arm("vend", "after", service.process.terminate, cuts=False)
        await amina.type_pin()
        assert await service.ended() == 0
        with closing(sqlite3.connect(here.folder / "bili.db")) as database:
            assert database.execute("SELECT state, lease_until FROM payment").fetchall() == [("vended", 0)]
        await here.serve(**settings)
        await amina.sees("Here is your electricity")
        assert len(sandbox.host.xmlvend.sales) == 1


async def test_F123_F149_a_second_service_on_the_database_or_the_port_is_refused_with_a_sentence(here: Stage) -> None:
    settings = {"BILI_DATABASE_URL": "sqlite:///bili.db", **parties("http://127.0.0.1:9"), "BILI_SECRET_KEY": KEY}
    service, url = await here.serve(**settings)
    port = url.rpartition(":")[2]
    cases = {
        "another process is using bili.db": {"BILI_PORT": str(free_port())},
        "nobody can listen there (Address already in use)": {"BILI_PORT": port, "BILI_DATABASE_URL": "sqlite:///2.db"},
    }
    for sentence, different in cases.items():
        await refused(here, sentence, {**settings, **different})
    assert await here.stop(service) == 0
    await refused(here, "BILI_SECRET_KEY does not open this database", {**settings, "BILI_SECRET_KEY": KEY[::-1]})


async def refused(here: Stage, sentence: str, settings: dict[str, str]) -> None:
    """The service ends at once with status 2, and says why without a traceback."""
    before = len(here.programs[0].said)
    assert await here.start("serve", **settings).ended() == 2
    said = here.programs[0].said[before:]
    assert sentence in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_sandbox_ends_at_once_with_status_0(here: Stage, number: signal.Signals) -> None:
    await here.sandbox()
    [sandbox] = here.programs
    sandbox.process.send_signal(number)
    assert await sandbox.ended() == 0
    assert "Traceback" not in sandbox.said
