"""What a lost webhook did not bring: asked for at the start and every night, stored once, dated when it was written."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.catch_up import FIRST_LOOK, LOOK_SECONDS, NIGHT_HOUR, OVERLAP, TROUBLE_SECONDS, CatchUp
from bot.clock import RealRandom
from bot.payments.parties import Parties
from bot.store.change import Change, CommitUnknown, StoreUnavailable, Written
from bot.store.store import Store
from bot.web.ingress import Ingress
from integrations.contract.channel import NO_WAYBILL, Inbox, Limits, Waybill
from integrations.contract.exchange import NotSent, Request, Response, Unknown
from integrations.contract.message import Ignored, Message, Received, Rejected, Sending, Tapped, Typed
from tests.databases import SetClock, Tasks
from tests.flows.chat import TRADE
from tests.turns.stage import LANGUAGES, SEAL

NAIROBI = "Africa/Nairobi"
AMINA, OTIENO = "+254711000001", "+254722000002"


@dataclass
class Post:
    """A channel that can be asked for what people wrote."""

    name: str = "whatsapp"
    path: str = "twilio/whatsapp"
    limits: Limits = field(default_factory=lambda: Limits(1600, 3, 20, can_edit=False, can_share_phone=False))
    timeout_seconds: float = 10.0
    written: list[Received] = field(default_factory=list)
    trouble: list[NotSent | Unknown] = field(default_factory=list)
    asked: list[tuple[datetime, float]] = field(default_factory=list)

    def receive(self, request: Request) -> list[Received | Ignored] | Rejected:
        return [one for one in self.written if one.external_id == request.body.decode()]

    def acknowledge(self, received: list[Received | Ignored]) -> Response:
        return Response(200, {}, str(len(received)).encode())

    async def send(self, address: str, message: Message, deadline: float, waybill: Waybill = NO_WAYBILL) -> Sending:
        raise AssertionError(f"nothing is sent here: {address}, {message}, {deadline}, {waybill}")

    async def working(self, address: str, deadline: float) -> None:
        raise AssertionError(f"nobody waits here: {address}, {deadline}")

    async def written_since(self, at: datetime, deadline: float) -> list[Received] | NotSent | Unknown:
        self.asked.append((at, deadline))
        if self.trouble:
            return self.trouble.pop(0)
        return [one for one in self.written if one.at >= at]


class Office:
    """A service's ingress and its look at one inbox."""

    def __init__(self, store: Store, clock: SetClock, zone: str = NAIROBI) -> None:
        self.store = store
        self.clock = clock
        self.post = Post()
        self.ingress = Ingress(
            {"whatsapp": self.post}, Parties({}, {}, TRADE, SEAL, clock, RealRandom()), LANGUAGES, store
        )
        self.catch_up = CatchUp(self.post, self.ingress, store, clock, zone)

    def write(self, name: str, text: str = "hi", *, ago: float = 600, by: str = AMINA) -> None:
        """Somebody wrote, and no webhook told us."""
        at = self.clock.now() - timedelta(seconds=ago)
        self.post.written.append(Received(name, by, Typed(text), at))

    async def webhook(self, name: str) -> int:
        answer = await self.ingress.serve(Request("POST", "/webhooks/twilio/whatsapp", {}, name.encode()))
        return answer.status

    async def rows(self, statement: str) -> list[dict[str, Any]]:
        return await self.store.read(lambda sql: sql.rows(statement))

    async def stored(self) -> list[str]:
        return [row["external_id"] for row in await self.rows("SELECT external_id FROM input ORDER BY id")]


@pytest.fixture
async def office(sqlite_url: str, set_clock: SetClock, tasks: Tasks) -> Any:
    """On SQLite: nothing here is said to a database in a way of its own."""
    store = await Store.open(sqlite_url, set_clock, tasks)
    yield Office(store, set_clock)
    await store.close()


def test_only_a_channel_that_can_be_asked_is() -> None:
    assert isinstance(Post(), Inbox)


# --- one look


async def test_what_no_webhook_brought_is_stored_in_order_and_as_of_when_it_was_written(office: Office) -> None:
    for name, ago, by in (("1", 900, AMINA), ("2", 800, OTIENO), ("3", 700, AMINA)):
        office.write(name, ago=ago, by=by)
    assert await office.catch_up.look()
    assert await office.stored() == ["1", "2", "3"]
    now = int(office.clock.now().timestamp() * 1000)
    ages = await office.rows("SELECT stored_at FROM input ORDER BY id")
    assert [(now - row["stored_at"]) / 1000 for row in ages] == [900, 800, 700]
    assert len(await office.rows("SELECT id FROM conversation")) == 2


async def test_what_is_here_is_passed_over(office: Office) -> None:
    office.write("1", ago=1)
    office.write("2", ago=1)
    assert await office.webhook("1") == 200
    for _ in range(3):
        assert await office.catch_up.look()
    assert await office.stored() == ["1", "2"]


async def test_a_webhook_that_comes_after_all_is_no_news(office: Office) -> None:
    office.write("1", "21")
    await office.catch_up.look()
    office.post.written = [Received("1", AMINA, Tapped("0:1.yes", "m1"), office.clock.now())]
    assert await office.webhook("1") == 200
    assert await office.stored() == ["1"]


async def test_a_webhook_in_the_middle_of_a_look_is_stored_once(office: Office) -> None:
    for name in map(str, range(20)):
        office.write(name)
    await asyncio.gather(office.catch_up.look(), *(office.webhook(str(name)) for name in range(20)))
    assert sorted(await office.stored(), key=int) == [str(name) for name in range(20)]


async def test_many_at_once_are_one_look(office: Office) -> None:
    for number in range(500):
        office.write(f"{number:03}", by=f"+2547110{number % 50:05}", ago=1000 - number)
    assert await office.catch_up.look()
    assert len(await office.stored()) == 500
    assert len(await office.rows("SELECT id FROM conversation")) == 50


async def test_nothing_written_is_a_look_too(office: Office) -> None:
    assert await office.catch_up.look()
    assert await office.rows("SELECT name FROM house WHERE name LIKE 'looked%'") == [{"name": "looked at whatsapp"}]


# --- since when


async def test_the_first_look_goes_back_a_day_and_the_next_to_a_little_before_the_last(office: Office) -> None:
    first = office.clock.now()
    await office.catch_up.look()
    office.clock.pass_by(86_400)
    second = office.clock.now()
    await office.catch_up.look()
    office.clock.pass_by(60)
    await office.catch_up.look()
    assert [at for at, _ in office.post.asked] == [first - FIRST_LOOK, first - OVERLAP, second - OVERLAP]


async def test_it_has_time_but_not_for_ever(office: Office) -> None:
    await office.catch_up.look()
    [(_, deadline)] = office.post.asked
    assert deadline == office.clock.monotonic() + LOOK_SECONDS


async def test_a_second_start_goes_on_where_the_first_ended(office: Office) -> None:
    first = office.clock.now()
    await office.catch_up.look()
    office.clock.pass_by(3 * 86_400)
    again = CatchUp(office.post, office.ingress, office.store, office.clock, NAIROBI)
    await again.look()
    assert office.post.asked[-1][0] == first - OVERLAP


@pytest.mark.parametrize("trouble", [NotSent("no network"), Unknown("no answer")])
async def test_without_an_answer_the_next_look_goes_as_far_back(office: Office, trouble: NotSent | Unknown) -> None:
    began = office.clock.now()
    office.write("1")
    office.post.trouble = [trouble]
    assert not await office.catch_up.look()
    assert await office.stored() == []
    office.clock.pass_by(3600)
    assert await office.catch_up.look()
    assert office.post.asked[-1][0] == began + timedelta(hours=1) - FIRST_LOOK
    assert await office.stored() == ["1"]


async def test_what_could_not_be_stored_is_asked_for_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(_change: Change) -> Written:
        return CommitUnknown()

    office.write("1")
    with monkeypatch.context() as patch:
        patch.setattr(office.store, "write", unknown)
        assert not await office.catch_up.look()
    assert await office.rows("SELECT name FROM house WHERE name LIKE 'looked%'") == []
    assert await office.catch_up.look()
    assert await office.stored() == ["1"]


# --- every night


@pytest.mark.parametrize(
    ("zone", "now", "hours"),
    [
        (NAIROBI, "2026-03-01 02:00", 1),
        (NAIROBI, "2026-03-01 02:59", 1 / 60),
        (NAIROBI, "2026-03-01 03:00", 24),
        (NAIROBI, "2026-03-01 12:30", 14.5),
        # Clocks are put forward in the night of the 24th, and back on the 30th of October.
        ("Africa/Cairo", "2026-04-23 12:00", 14),
        ("Africa/Cairo", "2026-10-29 12:00", 16),
        ("Africa/Johannesburg", "2026-12-31 23:00", 4),
    ],
)
def test_the_next_night_is_by_the_clock_of_the_business(zone: str, now: str, hours: float) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    nothing: Any = None
    catch_up = CatchUp(Post(), nothing, nothing, SetClock(at=at), zone)
    assert catch_up.until_night() == pytest.approx(hours * 3600)
    woken = (at + timedelta(seconds=catch_up.until_night())).astimezone(ZoneInfo(zone))
    assert (woken.hour, woken.minute) == (NIGHT_HOUR, 0)


class Enough(BaseException):
    """The test has seen enough."""


async def slept(office: Office, times: int, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of so many rounds."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        office.clock.pass_by(seconds)
        if len(waits) == times:
            raise Enough

    monkeypatch.setattr(office.clock, "sleep", sleep)
    with pytest.raises(Enough):
        await office.catch_up.run()
    return waits


async def test_it_looks_at_once_and_then_every_night(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first = office.catch_up.until_night()
    assert await slept(office, 3, monkeypatch) == [first, 86_400, 86_400]
    assert len(office.post.asked) == 3


async def test_after_trouble_it_looks_again_soon(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.post.trouble = [NotSent("no network"), Unknown("no answer")]
    assert (await slept(office, 3, monkeypatch))[:2] == [TROUBLE_SECONDS, TROUBLE_SECONDS]


async def test_a_store_that_is_away_is_trouble_and_not_the_end(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_query: object) -> object:
        raise StoreUnavailable("away")

    monkeypatch.setattr(office.store, "read", away)
    assert await slept(office, 2, monkeypatch) == [TROUBLE_SECONDS, TROUBLE_SECONDS]
