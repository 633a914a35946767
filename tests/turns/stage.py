"""A database, one or two replicas that take turns on it, and what a test looks at afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import orjson

from bot import inputs
from bot.clock import RealRandom
from bot.conversations import Thinker, Turns
from bot.i18n import Languages
from bot.payments.parties import Parties
from bot.store.change import Change, Done, Guard, Insert, Sql, Update, Written
from bot.store.seal import Seal
from bot.store.store import Store
from flows.catalogue import FLOWS
from flows.customer import Customer
from flows.talk import Answer, Ask, Call, Invalid, Say
from flows.text import Body, Json, Text, body_from_json
from flows.turn import Flows, Script, State, state_from_json
from integrations.contract.message import Content, Typed
from integrations.contract.people import Secret
from tests.databases import SetClock
from tests.flows.chat import TRADE

SEAL = Seal(Secret("a-test-key-that-opens-nothing"))
LANGUAGES = Languages()

#: What a conversation in the flow `counts` answers with a message, so that what was answered can be counted.
POISON = "13"
#: What the parser itself breaks on, with words of the customer in its message.
FRAGILE = "thirteen"


def number(answer: Answer) -> int:
    if answer.text == FRAGILE:
        return int(answer.text)
    if not answer.text.isdecimal():
        raise Invalid(Text("no number"))
    return int(answer.text)


async def counts(_who: Customer, _args: Mapping[str, Json]) -> None:
    """Says every number back, once."""
    while True:
        value = await Ask("n", (Text("?"),), number, expects_number=True)
        if str(value) == POISON:
            raise ZeroDivisionError
        await Say((Text("said {value}", {"value": value}),))


async def looks(_who: Customer, _args: Mapping[str, Json]) -> None:
    """Asks the world about each number and says its answer."""
    while True:
        value = await Ask("n", (Text("?"),), number, expects_number=True)
        answer = await Call("look", {"n": value}, int)
        await Say((Text("said {value}", {"value": answer}),))


def flows(begin: Callable[[Customer, Mapping[str, Json]], Any]) -> Flows:
    """The service's flows with `buy` replaced."""
    return {**FLOWS, "buy_power": Script(1, begin)}


Way: TypeAlias = Callable[[Store, Change], Awaitable[Written]]


async def plainly(store: Store, change: Change) -> Written:
    """The way a Change is written when nothing goes wrong."""
    return await store.write(change)


@dataclass
class Watched:
    """A store whose way to write and to read a test can change."""

    inner: Store
    way: Way = plainly
    reads: Callable[[Callable[[Sql], Any]], Awaitable[Any]] | None = None
    written: list[Written] = field(default_factory=list)

    async def write(self, change: Change) -> Written:
        outcome = await self.way(self.inner, change)
        self.written.append(outcome)
        return outcome

    async def read(self, query: Callable[[Sql], Any]) -> Any:
        return await (self.reads or self.inner.read)(query)


@dataclass
class Stage:
    """One replica on a database, and what people and the world do to its conversations."""

    store: Store
    clock: SetClock
    flows: Flows = field(default_factory=lambda: FLOWS)
    numbers: int = 0

    def __post_init__(self) -> None:
        self.parties = Parties({}, {}, TRADE, SEAL, self.clock, RealRandom())
        self.watched = Watched(self.store)
        self.turns = Turns(Thinker(self.flows, self.parties, LANGUAGES), cast("Store", self.watched))

    @property
    def now(self) -> int:
        return int(self.clock.now().timestamp() * 1000)

    # --- what happens

    async def meet(self, *names: str) -> None:
        """Customers with a conversation each: `v1` is the conversation of `c1`."""
        for name in names:
            await self.add_chat(f"c{name[1:]}", name)

    async def add_chat(self, customer: str, conversation: str) -> None:
        chat: dict[str, Any] = {"id": conversation, "customer_id": customer, "channel": "test", "address": conversation}
        person: dict[str, Any] = {"id": customer, "language": "en", "created_at": self.now}
        await self.wrote(
            Insert("customer", person, or_ignore=True), Insert("conversation", {**chat, "created_at": self.now})
        )

    async def type(self, *texts: str, to: str = "v1") -> None:
        """Messages that come in one after another."""
        for text in texts:
            await self.put(Typed(text), to=to)

    async def put(self, content: Content, *, to: str = "v1", sort: int = 0, external_id: str = "") -> None:
        self.clock.pass_by(0.01)
        body = orjson.dumps(inputs.content_to_json(content)).decode()
        await self.store_input(body, to=to, sort=sort, external_id=external_id, kind="message")

    async def store_input(self, body: str, *, to: str, kind: str, sort: int = 0, external_id: str = "") -> None:
        self.numbers += 1
        row = inputs.input_row(
            SEAL, conversation_id=to, channel="test", external_id=external_id or f"{id(self)}:{self.numbers}",
            kind=kind, body=body, now=self.now, sort=sort,
        )  # fmt: skip
        await self.wrote(row)

    async def finish(self, work_id: str, value: Json) -> Written:
        """What a worker stores when the world has answered."""
        self.clock.pass_by(0.01)
        [work] = await self.rows("SELECT * FROM work WHERE id = :id", id=work_id)
        guard = Guard("work", work_id, {"fence": work["fence"], "done": 0}, {"done": 1, "lease_until": 0})
        answer = inputs.answer_input(SEAL, work["conversation_id"], work_id, value, self.now)
        return await self.store.write(Change((guard,), (answer,)))

    async def own(self, owner: str, conversation: str = "v1") -> None:
        """Somebody takes a conversation, or gives it back."""
        change = Change(updates=(Update("conversation", conversation, {"owner": owner}),))
        assert await self.store.write(change) == Done()

    async def wrote(self, *inserts: Insert) -> None:
        assert await self.store.write(Change(inserts=inserts)) == Done()

    async def settle(self, rounds: int = 200) -> int:
        """Turns until nothing is new; how many were written."""
        count = 0
        for _ in range(rounds):
            self.clock.pass_by(0.01)
            step = await self.turns.step()
            await self.deliver()
            count += step
            if not step and not await self.rows("SELECT 1 AS one FROM input WHERE state = 0"):
                return count
        raise AssertionError("the conversations never come to rest")

    async def deliver(self) -> None:
        """Every question that is out reaches its person, as the outbox notes it."""
        for row in await self.rows("SELECT id FROM conversation WHERE asked <> '' AND shown_at = 0"):
            await self.store.write(Change(updates=(Update("conversation", row["id"], {"shown_at": self.now}),)))

    # --- what is there afterwards

    async def rows(self, statement: str, **params: Any) -> list[dict[str, Any]]:
        return await self.store.read(lambda sql: sql.rows(statement, **params))

    async def dispositions(self, conversation: str = "v1") -> list[str]:
        rows = await self.rows(
            "SELECT state, disposition FROM input WHERE conversation_id = :id ORDER BY sort, id", id=conversation
        )
        return [{0: "new", 1: "held"}.get(row["state"], row["disposition"]) for row in rows]

    async def bodies(self, conversation: str = "v1") -> list[Body]:
        """The messages to go out, in their order."""
        rows = await self.rows(
            "SELECT body_sealed FROM outbox WHERE conversation_id = :id ORDER BY id", id=conversation
        )
        return [body_from_json(orjson.loads(SEAL.open(row["body_sealed"], "outbox.body"))["body"]) for row in rows]

    async def said(self, conversation: str = "v1") -> list[Any]:
        """The numbers a counting flow said back, in the order they go out."""
        return [
            text.values["value"] for body in await self.bodies(conversation) for text in body if "value" in text.values
        ]

    async def version(self, conversation: str = "v1") -> int:
        """How many turns this conversation has had."""
        [row] = await self.rows("SELECT version FROM conversation WHERE id = :id", id=conversation)
        return int(row["version"])

    async def state(self, conversation: str = "v1") -> State | None:
        [row] = await self.rows("SELECT state_sealed FROM conversation WHERE id = :id", id=conversation)
        if not row["state_sealed"]:
            return None
        state, _ = orjson.loads(SEAL.open(row["state_sealed"], "conversation.state"))
        return state_from_json(state) if state else None

    async def pending(self, conversation: str = "v1") -> str:
        [row] = await self.rows("SELECT id FROM work WHERE conversation_id = :id AND done = 0", id=conversation)
        return str(row["id"])

    async def contents(self, conversation: str = "v1") -> list[Content]:
        rows = await self.rows(
            "SELECT body_sealed FROM input WHERE conversation_id = :id AND kind = 'message' ORDER BY id",
            id=conversation,
        )
        return [inputs.content_from_json(orjson.loads(SEAL.open(row["body_sealed"], "input.body"))) for row in rows]


def numbers(first: int, count: int) -> Sequence[str]:
    """So many numbers as people type them, none of which breaks a flow or means something elsewhere."""
    return [str(number) for number in range(first, first + count)]
