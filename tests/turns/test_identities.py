"""Whose chat a message is: numbers that change hands, numbers that are hidden, and two replicas that remember."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.payments.parties import Parties
from bot.store.change import Change, Done, Update
from bot.web.ingress import KNOWN_SECONDS, LATE_MS, Ingress
from flows.customer import Customer
from flows.talk import Ask, Say
from flows.text import Json, Text
from flows.turn import Flows
from integrations.contract.channel import NO_WAYBILL, Limits, Waybill
from integrations.contract.exchange import Request, Response
from integrations.contract.message import Ignored, Message, Received, Rejected, Sending, Typed
from integrations.contract.people import Phone
from tests.turns.stage import LANGUAGES, SEAL, Stage, flows, number

ONE, TWO, THREE = "+254711000001", "+254722000002", "+254733000003"
AMINA, OTIENO = "KE.1502576394655843", "KE.9902576394655899"


@dataclass
class Chats:
    """A channel whose webhooks are made by the test."""

    name: str = "whatsapp"
    path: str = "twilio/whatsapp"
    limits: Limits = field(default_factory=lambda: Limits(1600, 3, 20, can_edit=False, can_share_phone=False))
    timeout_seconds: float = 10.0
    news: list[Received | Ignored] = field(default_factory=list)

    def receive(self, request: Request) -> list[Received | Ignored] | Rejected:
        return self.news if request.body == b"genuine" else Rejected("no proof", 403)

    def acknowledge(self, received: list[Received | Ignored]) -> Response:
        return Response(200, {}, str(len(received)).encode())

    async def send(self, address: str, message: Message, deadline: float, waybill: Waybill = NO_WAYBILL) -> Sending:
        raise AssertionError(f"nothing is sent here: {address}, {message}, {deadline}, {waybill}")

    async def working(self, address: str, deadline: float) -> None:
        raise AssertionError(f"nobody waits here: {address}, {deadline}")


class Operator:
    """Knows the numbers that begin so."""

    def __init__(self, *prefixes: str) -> None:
        self.prefixes = prefixes

    def serves(self, phone: Phone) -> bool:
        return phone.reveal().startswith(self.prefixes)


class Door:
    """The ingress of one replica, and who writes at it."""

    def __init__(self, stage: Stage, *served: str) -> None:
        self.stage = stage
        money: Any = {"mpesa": Operator(*(served or ("+2547",)))}
        parties = Parties(money, {}, stage.parties.trade, SEAL, stage.clock, stage.parties.random)
        self.chats = Chats()
        self.ingress = Ingress({"whatsapp": self.chats}, parties, LANGUAGES, stage.store)

    async def hear(self, address: str, person: str = "", text: str = "hi", **more: Any) -> str:
        """A message comes in; the conversation it is stored in."""
        self.stage.numbers += 1
        external_id = str(more.pop("external_id", f"{id(self)}:{self.stage.numbers}"))
        phone = Phone(address) if address.startswith("+") else None
        at = more.pop("at", self.stage.clock.now())
        one = Received(external_id, address, Typed(text), at, person=person, phone=phone, **more)
        self.chats.news = [one]
        answer = await self.ingress.serve(Request("POST", "/webhooks/twilio/whatsapp", {}, b"genuine"))
        assert answer.status == 200
        rows = await self.stage.rows("SELECT conversation_id FROM input WHERE external_id = :id", id=external_id)
        return str(rows[0]["conversation_id"])

    async def chat(self, conversation: str) -> dict[str, Any]:
        [row] = await self.stage.rows(
            "SELECT c.*, p.phone_sealed, p.phone_hash FROM conversation c JOIN customer p ON p.id = c.customer_id"
            " WHERE c.id = :id",
            id=conversation,
        )
        return row


@pytest.fixture
def door(stage: Stage) -> Door:
    return Door(stage)


@pytest.fixture
def other_door(second: Stage) -> Door:
    return Door(second)


def received(address: str, person: str = "") -> Received:
    return Received("1", address, Typed("hi"), datetime(2026, 3, 1, tzinfo=UTC), person=person)


def phone_of(chat: dict[str, Any]) -> str | None:
    return SEAL.open(chat["phone_sealed"], "phone") if chat["phone_sealed"] else None


# --- the same person


async def test_one_person_is_one_chat(door: Door) -> None:
    first = await door.hear(ONE, AMINA)
    assert {await door.hear(ONE, AMINA) for _ in range(3)} == {first}
    assert (await door.chat(first))["address"] == ONE


async def test_a_lasting_id_first_seen_later_is_of_the_chat_that_was_there(door: Door) -> None:
    before = await door.hear(ONE)
    assert await door.hear(ONE, AMINA) == before
    assert await door.hear(TWO, AMINA) == before, "and from then on it decides"


async def test_who_hides_the_number_goes_on_in_their_chat_and_is_answered_there(door: Door) -> None:
    before = await door.hear(ONE, AMINA)
    assert await door.hear(AMINA, AMINA) == before
    chat = await door.chat(before)
    assert (chat["address"], phone_of(chat)) == (AMINA, ONE)
    assert await door.hear(ONE, AMINA) == before
    assert (await door.chat(before))["address"] == ONE, "and back again"


async def test_who_was_always_hidden_is_known_by_the_id_alone_and_has_no_phone(door: Door) -> None:
    chat = await door.hear(AMINA, AMINA)
    assert phone_of(await door.chat(chat)) is None
    assert await door.hear(ONE, AMINA) == chat
    assert (await door.chat(chat))["address"] == ONE
    kinds = await door.stage.rows("SELECT kind FROM identity ORDER BY kind")
    assert [row["kind"] for row in kinds] == ["address", "person"]


async def test_who_changes_the_number_is_answered_at_the_new_one(door: Door) -> None:
    chat = await door.hear(ONE, AMINA)
    assert await door.hear(TWO, AMINA) == chat
    assert (await door.chat(chat))["address"] == TWO


async def test_a_caught_up_message_that_tells_the_number_alone_is_of_the_same_chat(door: Door) -> None:
    chat = await door.hear(ONE, AMINA)
    assert await door.hear(ONE) == chat
    assert await door.hear(AMINA) == chat, "or the lasting id alone, in the place of the number"


# --- a number that belongs to somebody else now


async def test_a_number_with_a_new_owner_begins_a_chat_that_sees_nothing_of_the_old(door: Door) -> None:
    old = await door.hear(ONE, AMINA)
    new = await door.hear(ONE, OTIENO)
    assert new != old
    before, after = await door.chat(old), await door.chat(new)
    assert before["customer_id"] != after["customer_id"]
    assert (before["address"], before["reachable"], phone_of(before), before["phone_hash"]) == ("", 0, None, None)
    assert (after["address"], phone_of(after)) == (ONE, ONE)
    assert await door.hear(ONE, OTIENO) == new
    assert await door.hear(ONE) == new, "the number alone is the new owner's"


async def test_the_old_owner_goes_on_at_another_number(door: Door) -> None:
    old = await door.hear(ONE, AMINA)
    await door.hear(ONE, OTIENO)
    assert await door.hear(TWO, AMINA) == old
    assert (await door.chat(old))["address"] == TWO
    assert (await door.chat(await door.hear(ONE, OTIENO)))["address"] == ONE


@pytest.mark.parametrize("elsewhere", [TWO, AMINA])
async def test_an_old_owner_who_left_the_number_before_keeps_being_answered(door: Door, elsewhere: str) -> None:
    old = await door.hear(ONE, AMINA)
    await door.hear(elsewhere, AMINA)
    new = await door.hear(ONE, OTIENO)
    assert new != old
    chat = await door.chat(old)
    assert (chat["address"], chat["reachable"]) == (elsewhere, 1)
    assert phone_of(chat) is None, "an SMS would go to the new owner"


async def test_a_number_that_comes_back_is_the_first_owners_again(door: Door) -> None:
    first = await door.hear(ONE, AMINA)
    second = await door.hear(ONE, OTIENO)
    assert await door.hear(ONE, AMINA) == first
    assert (await door.chat(first))["address"] == ONE
    assert (await door.chat(second))["address"] == ""


async def test_two_people_who_swap_numbers_keep_their_chats(door: Door) -> None:
    amina, otieno = await door.hear(ONE, AMINA), await door.hear(TWO, OTIENO)
    assert await door.hear(TWO, AMINA) == amina
    assert await door.hear(ONE, OTIENO) == otieno
    assert (await door.chat(amina))["address"] == TWO
    assert (await door.chat(otieno))["address"] == ONE


async def test_where_no_lasting_id_is_told_the_number_decides(door: Door) -> None:
    assert await door.hear(ONE) == await door.hear(ONE)
    assert await door.hear(ONE) != await door.hear(TWO)


# --- two replicas


async def test_first_messages_at_two_doors_at_once_are_one_chat(door: Door, other_door: Door) -> None:
    chats = await asyncio.gather(*(one.hear(ONE, AMINA) for one in (door, other_door)))
    assert len(set(chats)) == 1
    assert len(await door.stage.rows("SELECT id FROM conversation WHERE channel = 'whatsapp'")) == 1
    assert len(await door.stage.rows("SELECT id FROM identity")) == 2


async def test_a_new_owner_at_two_doors_at_once_is_one_chat(door: Door, other_door: Door) -> None:
    old = await door.hear(ONE, AMINA)
    new = await asyncio.gather(*(one.hear(ONE, OTIENO) for one in (door, other_door)))
    assert len(set(new)) == 1
    assert old not in new
    assert (await door.chat(old))["address"] == ""


async def test_a_replica_that_remembers_the_old_owner_gives_nobody_their_chat(door: Door, other_door: Door) -> None:
    old = await door.hear(ONE, AMINA)
    new = await other_door.hear(ONE, OTIENO)
    assert await door.hear(ONE, OTIENO) == new
    assert await door.hear(ONE) == new
    assert (await door.chat(old))["address"] == ""


async def test_a_replica_that_remembers_a_number_alone_learns_of_its_new_owner_within_the_hour(
    door: Door, other_door: Door
) -> None:
    old = await door.hear(ONE)
    assert await other_door.hear(ONE, AMINA) == old
    new = await other_door.hear(ONE, OTIENO)
    door.stage.clock.pass_by(KNOWN_SECONDS)
    assert await door.hear(ONE) == new != old


async def test_a_replica_that_missed_a_move_answers_where_the_person_is_within_the_hour(
    door: Door, other_door: Door
) -> None:
    chat = await door.hear(ONE, AMINA)
    await other_door.hear(TWO, AMINA)
    door.stage.clock.pass_by(KNOWN_SECONDS)
    assert await door.hear(ONE, AMINA) == chat
    assert (await door.chat(chat))["address"] == ONE


async def test_who_is_known_costs_no_reading(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = await door.hear(ONE, AMINA)
    reads: list[object] = []
    read = door.stage.store.read

    async def counted(query: Any) -> Any:
        reads.append(query)
        return await read(query)

    monkeypatch.setattr(door.stage.store, "read", counted)
    assert await door.hear(ONE, AMINA) == chat
    assert len(reads) == 1, "the test's own"


async def test_a_message_that_was_not_stored_leaves_nobody_known(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(_change: Change) -> object:
        return None

    door.chats.news = [received(ONE, AMINA)]
    monkeypatch.setattr(door.stage.store, "write", lost)
    answer = await door.ingress.serve(Request("POST", "/webhooks/twilio/whatsapp", {}, b"genuine"))
    assert answer.status == 503
    monkeypatch.undo()
    chat = await door.hear(ONE, AMINA)
    assert (await door.chat(chat))["address"] == ONE


# --- the own phone


async def test_a_number_the_channel_vouches_for_is_the_own_where_an_operator_knows_it(stage: Stage) -> None:
    door = Door(stage, "+2547")
    known, unknown = await door.chat(await door.hear(ONE)), await door.chat(await door.hear("+15550000001"))
    assert (phone_of(known), known["phone_hash"]) == (ONE, SEAL.hashed(ONE, "phone"))
    assert (phone_of(unknown), unknown["phone_hash"]) == (None, None)


async def test_a_number_shared_later_is_not_written_over_by_the_one_written_from(door: Door) -> None:
    chat = await door.hear(ONE, AMINA)
    customer = (await door.chat(chat))["customer_id"]
    shared = Update("customer", customer, {"phone_sealed": SEAL.seal(THREE, "phone"), "phone_hash": "h"})
    assert await door.stage.store.write(Change(updates=(shared,))) == Done()
    door.stage.clock.pass_by(KNOWN_SECONDS)
    await door.hear(ONE, AMINA)
    assert phone_of(await door.chat(chat)) == THREE


# --- late messages


async def test_what_comes_late_is_stored_as_of_when_it_was_written(door: Door) -> None:
    now = door.stage.clock.now()
    for external_id, seconds in (("late", LATE_MS / 1000 + 1), ("slow", LATE_MS / 1000), ("ahead", -3600)):
        await door.hear(ONE, AMINA, at=now - timedelta(seconds=seconds), external_id=external_id)
    rows = await door.stage.rows("SELECT external_id, stored_at FROM input")
    stored = {row["external_id"]: (row["stored_at"] - door.stage.now) / 1000 for row in rows}
    assert stored == {"late": -(LATE_MS / 1000 + 1), "slow": 0, "ahead": 0}


async def confirms(_who: Customer, _args: Mapping[str, Json]) -> None:
    """Says a number back that was typed after it was asked for."""
    value = await Ask("n", (Text("?"),), number, fresh=True)
    await Say((Text("said {value}", {"value": value}),))


class TestAQuestionThatCommits:
    @pytest.fixture
    def played(self) -> Flows:
        return flows(confirms)

    @pytest.mark.parametrize(("minutes", "taken"), [(0, True), (1, True), (10, False)])
    async def test_is_not_answered_by_a_late_message_that_was_written_before_it(
        self, door: Door, minutes: int, taken: bool
    ) -> None:
        stage = door.stage
        chat = await door.hear(ONE, AMINA, text="buy")
        await stage.settle()
        written = stage.clock.now() - timedelta(minutes=minutes)
        await door.hear(ONE, AMINA, text="21", at=written)
        await stage.settle()
        assert (await stage.said(chat) == [21]) == taken
        await door.hear(ONE, AMINA, text="22")
        await stage.settle()
        assert await stage.said(chat) == ([21] if taken else [22])

    async def test_is_answered_by_a_late_message_that_was_written_after_it(self, door: Door) -> None:
        stage = door.stage
        chat = await door.hear(ONE, AMINA, text="buy")
        await stage.settle()
        written = stage.clock.now()
        stage.clock.pass_by(600)
        await door.hear(ONE, AMINA, text="21", at=written)
        await stage.settle()
        assert await stage.said(chat) == [21]


async def test_a_late_message_does_not_set_back_when_the_person_was_last_heard(door: Door) -> None:
    chat = await door.hear(ONE, AMINA)
    await door.stage.settle()
    heard = (await door.chat(chat))["heard_at"]
    assert heard > 0
    await door.hear(ONE, AMINA, at=door.stage.clock.now() - timedelta(hours=30))
    await door.stage.settle()
    assert (await door.chat(chat))["heard_at"] == heard
    await door.hear(ONE, AMINA)
    await door.stage.settle()
    assert (await door.chat(chat))["heard_at"] > heard
