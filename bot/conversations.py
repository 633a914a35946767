"""One turn: read, think, write. Thinking is pure, so losing a race is free and no lock is held while we think.

Many conversations are read in one batch, each conversation row before its inputs, so that what is read later can only
be newer; then each is thought and written under a guard on its version and owner. A loser's Change is thrown away and
the conversation is read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from bot import faults, inputs, orders
from bot.i18n import Languages
from bot.metrics import TURNS
from bot.outbox import Buttons, message_row
from bot.payments.parties import Parties
from bot.store.change import Change, CommitUnknown, Done, Guard, Insert, Lost, Refused, Sql, StoreUnavailable, Update
from bot.store.store import Store
from bot.work import SCAN_SECONDS, TROUBLE_SECONDS, Bell
from flows import words
from flows.customer import Customer, KnownMeter
from flows.driver import take_turn
from flows.text import T, from_json
from flows.turn import CallAnswered, Fact, Flows, Heard, Said, Turn, View, state_from_json, state_to_json
from integrations.contract.message import Reachable
from integrations.contract.people import MeterNumber, Phone

log = structlog.get_logger()

#: Conversations thought in one batch.
BATCH_MAX = 128
#: Inputs of one conversation taken in one turn; the rest follow in the next.
INPUTS_A_TURN_MAX = 50
#: Saved meters a flow is told of.
METERS_MAX = 20

_READY = """
SELECT DISTINCT i.conversation_id AS id FROM input i JOIN conversation c ON c.id = i.conversation_id
WHERE i.state = 0 AND c.owner = 'bot' LIMIT :batch
"""
_CONVERSATIONS = """
SELECT c.id, c.customer_id, c.channel, c.version, c.epoch, c.state_sealed, c.asked, c.asked_at, c.shown_at, c.heard_at,
  p.version AS customer_version, p.language, p.phone_sealed, p.phone_hash
FROM conversation c JOIN customer p ON p.id = c.customer_id WHERE c.id IN {ids}
"""
_INPUTS = """
SELECT id, conversation_id, kind, body_sealed, state, stored_at FROM input
WHERE conversation_id IN {ids} AND state < 2 ORDER BY sort, id
"""
_PENDING = "SELECT id, conversation_id FROM work WHERE conversation_id IN {ids} AND done = 0"
_OFFERED = """
SELECT o.conversation_id, o.body_sealed FROM outbox o WHERE o.id IN
  (SELECT max(m.id) FROM outbox m WHERE m.conversation_id IN {ids} AND m.offers = 1 GROUP BY m.conversation_id)
"""
_METERS = """
SELECT customer_id, meter_sealed, owner_masked, nickname FROM saved_meter
WHERE customer_id IN {ids} AND forgotten = 0 ORDER BY used_at DESC, id
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """One conversation with what there is to answer."""

    row: dict[str, Any]
    inputs: list[dict[str, Any]]
    pending: list[str]
    meters: list[dict[str, Any]]
    #: The newest message with choices, sealed, where its channel may have shown them as numbered lines.
    offered: str = ""


def read_ready(sql: Sql, numbering: frozenset[str] = frozenset()) -> list[Reading]:
    """The conversations with something new, each with all that a turn is thought from.

    `numbering` are the channels that show choices as numbered lines, for which it matters what was offered last.
    """
    ids = [row["id"] for row in sql.rows(_READY, batch=BATCH_MAX)]
    if not ids:
        return []
    conversations = sql.rows_in(_CONVERSATIONS, ids)
    stored = _grouped(sql.rows_in(_INPUTS, ids), "conversation_id")
    pending = _grouped(sql.rows_in(_PENDING, ids), "conversation_id")
    meters = _grouped(sql.rows_in(_METERS, [row["customer_id"] for row in conversations]), "customer_id")
    numbered = [row["id"] for row in conversations if row["channel"] in numbering]
    offers = sql.rows_in(_OFFERED, numbered) if numbered else []
    offered = {row["conversation_id"]: row["body_sealed"] for row in offers}
    return [
        Reading(
            row,
            stored[row["id"]][:INPUTS_A_TURN_MAX],
            [work["id"] for work in pending.get(row["id"], [])],
            meters.get(row["customer_id"], [])[:METERS_MAX],
            offered.get(row["id"], ""),
        )
        for row in conversations
        if row["id"] in stored  # else another replica has answered it meanwhile
    ]


def _present(heard: Sequence[Heard], heard_at: int) -> dict[str, int]:
    """Whoever does something can be reached, unless it was blocking us; answers and facts say nothing of that."""
    acts = [item for item in heard if not isinstance(item.what, CallAnswered | Fact)]
    if not acts:
        return {}
    reachable = {"reachable": int(acts[-1].what != Reachable(False))}
    latest = max(item.stored_at for item in acts)
    # What was lost on its way, or held, is heard after what was written later.
    return reachable | ({"heard_at": latest} if latest > heard_at else {})


def _grouped(rows: list[dict[str, Any]], by: str) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[by], []).append(row)
    return groups


class Thinker:
    """Turns a reading into a Change. Pure but for the clock and the cipher."""

    def __init__(self, flows: Flows, parties: Parties, languages: Languages) -> None:
        self.flows = flows
        self.parties = parties
        self.languages = languages

    def think(self, reading: Reading) -> Change:
        """What this turn writes."""
        now = self._now()
        state, last_tap = self._state(reading)
        heard = [inputs.heard(self.parties.seal, row) for row in reading.inputs]
        view = View(
            conversation_id=reading.row["id"],
            epoch=reading.row["epoch"],
            state=state,
            who=self._customer(reading),
            asked_at=reading.row["asked_at"],
            shown_at=reading.row["shown_at"],
            now=now,
            pending=self._pending(reading),
            last_tap=last_tap,
            label=lambda text: self.languages.label(text, reading.row["language"]),
            language=reading.row["language"],
            first=reading.row["version"] == 0,
            offered=lambda: self._offered(reading),
        )
        turn = take_turn(self.flows, view, heard)
        return self._change(reading, turn, now, _present(heard, reading.row["heard_at"]))

    def give_up(self, reading: Reading, why: str) -> Change:
        """Park what cannot be answered: the flow ends, the inputs are kept as parked, the person is told (I-26)."""
        turn = Turn(None, reading.row["epoch"] + 1, reading.row["asked_at"], "")
        turn.answered = {row["id"]: f"parked: {why}"[:200] for row in reading.inputs}
        turn.blanked = [row["id"] for row in reading.inputs if row["kind"] == "message"]  # nobody looked for a PIN
        change = self._change(reading, turn, self._now(), {})
        body = (
            T("Something went wrong on our side, and I could not answer you."),
            T("Write *status* to see where a payment stands, or begin again:"),
        )
        return change + Change(inserts=(self._message(reading, Said(body, words.MENU_BUTTONS), self._now()),))

    def _change(self, reading: Reading, turn: Turn, now: int, more: dict[str, int]) -> Change:
        row = reading.row
        chat = orders.Chat(row["id"], row["customer_id"], row["customer_version"], row["phone_hash"], now)
        change = Change(
            (self._guard(reading, turn, more),), self._inserts(reading, turn, now), self._marks(reading, turn)
        )
        for order in turn.orders:
            written = orders.change_of(order, chat, self.parties)
            change, chat = change + written, chat.after(written)
        return change

    def _guard(self, reading: Reading, turn: Turn, more: dict[str, int]) -> Guard:
        state = state_to_json(turn.state) if turn.state else None
        sealed = self.parties.seal.seal(orjson.dumps([state, turn.last_tap]).decode(), "conversation.state")
        # A question that is still the same one keeps the stamp of its delivery, which may be written at this moment.
        anew: dict[str, str | int] = {"asked": turn.place, "shown_at": 0} if turn.place != reading.row["asked"] else {}
        return Guard(
            "conversation",
            reading.row["id"],
            {"version": reading.row["version"], "owner": "bot"},
            {
                "version": reading.row["version"] + 1,
                "epoch": turn.epoch,
                "state_sealed": sealed,
                "asked_at": turn.asked_at,
                **anew,
                **more,
            },
        )

    def _inserts(self, reading: Reading, turn: Turn, now: int) -> tuple[Insert, ...]:
        said = [self._message(reading, each, now) for each in turn.said]
        work = [
            Insert(
                "work",
                {
                    "id": errand.id,
                    "conversation_id": reading.row["id"],
                    "name": errand.name,
                    "args_sealed": self.parties.seal.seal(orjson.dumps(dict(errand.args)).decode(), "work.args"),
                    "created_at": now,
                    "due_at": now,
                },
                or_ignore=True,
            )
            for errand in turn.errands
        ]
        return (*said, *work)

    def _message(self, reading: Reading, said: Said, now: int) -> Insert:
        return message_row(
            self.parties.seal, customer_id=reading.row["customer_id"], conversation_id=reading.row["id"],
            kind="question" if said.question else "say", body=said.body, buttons=said.buttons,
            share_phone=said.share_phone, place=said.place or None, now=now,
        )  # fmt: skip

    def _marks(self, reading: Reading, turn: Turn) -> tuple[Update, ...]:
        states = {row["id"]: row["state"] for row in reading.inputs}
        answered = [
            Update(
                "input", input_id, {"state": inputs.ANSWERED, "disposition": disposition, **self._blank(input_id, turn)}
            )
            for input_id, disposition in turn.answered.items()
        ]
        held = [
            Update("input", input_id, {"state": inputs.HELD})
            for input_id in turn.held
            if states[input_id] == inputs.NEW
        ]
        return (*answered, *held)

    def _blank(self, input_id: int, turn: Turn) -> dict[str, str]:
        if input_id not in turn.blanked:
            return {}
        return {"body_sealed": inputs.sealed_content(self.parties.seal, inputs.BLANKED)}

    def _state(self, reading: Reading) -> tuple[Any, str]:
        sealed = reading.row["state_sealed"]
        if not sealed:
            return None, ""
        state, last_tap = orjson.loads(self.parties.seal.open(sealed, "conversation.state"))
        return (state_from_json(state) if state else None), last_tap

    def _offered(self, reading: Reading) -> Buttons:
        if not reading.offered:
            return ()
        content = orjson.loads(self.parties.seal.open(reading.offered, "outbox.body"))
        return tuple((data, from_json(label)) for data, label in content["buttons"])

    def _pending(self, reading: Reading) -> str | None:
        """The question being asked for the flow: ids of errands have a word in the place of the epoch."""
        prefix = f"{reading.row['id']}:{reading.row['epoch']}:"
        return next((work for work in reading.pending if work.startswith(prefix)), None)

    def _customer(self, reading: Reading) -> Customer:
        seal, sealed = self.parties.seal, reading.row["phone_sealed"]
        meters = tuple(
            KnownMeter(MeterNumber(seal.open(row["meter_sealed"], "meter")), row["owner_masked"], row["nickname"] or "")
            for row in reading.meters
        )
        return Customer(self.parties.trade, Phone(seal.open(sealed, "phone")) if sealed else None, meters)

    def _now(self) -> int:
        return int(self.parties.clock.now().timestamp() * 1000)


class Turns:
    """The loop of turns: what is new is read in a batch, thought, and written side by side."""

    def __init__(self, thinker: Thinker, store: Store, numbering: frozenset[str] = frozenset()) -> None:
        self.thinker = thinker
        self.store = store
        self.numbering = numbering
        self.bell = Bell()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                progress = await self.step()
            except StoreUnavailable:
                log.warning("turns.store_unavailable")
                await self.thinker.parties.clock.sleep(TROUBLE_SECONDS)
                continue
            if not progress:
                await self.bell.wait(SCAN_SECONDS)

    async def step(self) -> int:
        """One batch; how many turns were written."""
        readings = await self.store.read(lambda sql: read_ready(sql, self.numbering))
        written = await asyncio.gather(*(self._turn(reading) for reading in readings))
        return sum(written)

    async def _turn(self, reading: Reading) -> bool:
        try:
            change = self.thinker.think(reading)
        except Exception as error:  # noqa: BLE001  whatever it is, it must not stand at the head of the queue
            faults.note("turn.failed", error, conversation=reading.row["id"])
            change = self.thinker.give_up(reading, "failed")
        written = await self.store.write(change)
        TURNS.labels(type(written).__name__.lower()).inc()
        match written:
            case Done():
                return True
            case Lost():
                return False
            case Refused(constraint):
                # A name just taken in another chat, say. Thinking again would propose the same, so it is parked.
                log.warning("turn.refused", constraint=constraint, conversation=reading.row["id"])
                return isinstance(await self.store.write(self.thinker.give_up(reading, constraint)), Done)
            case CommitUnknown():
                return False
