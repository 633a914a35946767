"""A town seen from its payments: orders are written as a turn writes them, and then the world does what it does.

The chat is left out where a story is not about words: `order` stores what a confirmed offer stores, through the same
code. Everything after that is the running service against the sandbox.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bot import orders
from bot.payments.parties import Parties
from bot.service import Service
from bot.store.change import Change, Done, Sql, Value
from bot.store.store import Store
from flows.lookups import money_to_json
from flows.text import Json
from flows.turn import Order
from integrations.contract.exchange import Request, Response
from integrations.contract.money import Money
from integrations.sandbox.daraja import PinPrompt
from integrations.sandbox.far_side import FaultPlan
from tests.invariants import violations
from tests.town import AMINA, OTIENO, SERVICE, Town, town

PLAIN, EMPTY_FLOAT = "14123456783", "14120000063"

#: The phones of the sandbox's two people, and one that is nobody's here.
PHONES = {AMINA: "+254711000001", OTIENO: "+254722000002"}
STRANGER = "+254733000003"

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0

Row = dict[str, Any]

#: When rows of each kind can next be taken. What is due now and not taken waits for something else.
_NEXT = """
SELECT
  (SELECT min(max(due_at, lease_until)) FROM payment WHERE max(due_at, lease_until) > :now) AS payments,
  (SELECT min(max(due_at, lease_until)) FROM outbox WHERE done = 0 AND max(due_at, lease_until) > :now) AS messages,
  (SELECT min(max(due_at, lease_until)) FROM work WHERE done = 0 AND max(due_at, lease_until) > :now) AS lookups
"""


@dataclass
class Scene:
    """One town, with what a test wants to do to it and to know of it."""

    town: Town
    _orders: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def service(self) -> Service:
        assert self.town.service is not None
        return self.town.service

    @property
    def store(self) -> Store:
        assert self.town.store is not None
        return self.town.store

    @property
    def parties(self) -> Parties:
        return self.service.outfit.parties

    @property
    def faults(self) -> FaultPlan:
        return self.town.sandbox.xmlvend.world.faults

    # --- what people do

    async def meet(self, user: int = AMINA) -> None:
        """This person writes for the first time, and shares their own phone."""
        await self.town.sandbox.telegram.say(user, "hi")
        await self.town.settle()
        await self._ordered(user, "prove_phone", {"phone": PHONES[user]})

    async def order(
        self, user: int = AMINA, *, units: int = 500, meter: str = PLAIN, payer: str = "", settle: bool = True
    ) -> str:
        """A confirmed offer of so many shillings; the id of its payment. Without a payer it is their own phone."""
        amount = Money.of(units, "KES")
        args = {
            "amount": money_to_json(amount),
            "fee": money_to_json(self.service.lookups.worker.fees.of(amount)),  # type: ignore[attr-defined]  # a WorkLoop knows its worker as the protocol
            "meter": meter,
            "owner": "P••••",
            "payer": payer or PHONES[user],
        }
        order_id = await self._ordered(user, "open_payment", args)
        if settle:
            await self.town.settle()
        return orders.payment_id_of(order_id)

    async def retry(self, payment_id: str, after: int, user: int = AMINA) -> None:
        """The customer taps "Try again" under the message about attempt number `after`."""
        await self._ordered(user, "retry_payment", {"payment": payment_id, "after": after})
        await self.town.settle()

    async def _ordered(self, user: int, key: str, args: Mapping[str, Json]) -> str:
        conversation = await self.one(
            "SELECT v.id, v.customer_id, c.version, c.phone_hash FROM conversation v"
            " JOIN customer c ON c.id = v.customer_id WHERE v.address = :address", address=str(user),
        )  # fmt: skip
        now = int(self.town.clock.now().timestamp() * 1000)
        chat = orders.Chat(
            conversation["id"], conversation["customer_id"], conversation["version"], conversation["phone_hash"], now
        )
        order = Order(f"test:{next(self._orders)}", key, args)
        await self.write(orders.change_of(order, chat, self.parties))
        return order.id

    async def pin(self, pin: str = "1234", *, prompt: int = -1, settle: bool = True) -> PinPrompt:
        """The payer types a PIN on the newest prompt, or on another."""
        done = await self.town.sandbox.daraja.enter_pin(self.prompts[prompt].id, pin)
        if settle:
            await self.pass_(5)
        return done

    async def cancel(self, *, prompt: int = -1) -> None:
        """The payer dismisses a prompt."""
        await self.town.sandbox.daraja.cancel(self.prompts[prompt].id)
        await self.pass_(5)

    # --- what the world does

    async def pass_(self, seconds: float) -> None:
        """Time passes, straight from one thing that falls due to the next."""
        clock = self.town.clock
        end = clock.monotonic() + seconds
        await self.town.settle()
        while clock.monotonic() < end:
            clock.pass_(min(end - clock.monotonic(), max(await self._idle(), 0.001)))
            await self.town.settle()

    async def _idle(self) -> float:
        """Seconds until something falls due, in the service or at a far side."""
        sandbox, clock = self.town.sandbox, self.town.clock
        now = int(clock.now().timestamp() * 1000)
        row = await self.one(_NEXT, now=now)
        sides = (side.due.next_at for side in (sandbox.telegram, sandbox.daraja, sandbox.xmlvend))
        waits = [at - clock.monotonic() for at in sides if at is not None]
        waits += [(at - now) / 1000 for at in row.values() if at is not None]
        # An order that waits for its payer's phone is due all the time.
        waiting = await self.all("SELECT 1 AS one FROM payment WHERE state = 'confirmed' AND due_at <= :now", now=now)
        return min([*waits, 5.0] if waiting else waits, default=DAY)

    async def call_back(self, body: bytes, *, prompt: int = -1, url: str = "") -> Response:
        """A callback arrives at the address of this prompt, from whomever."""
        address = url or self.prompts[prompt].asked.callback_url
        request = Request(
            "POST", address.removeprefix(SERVICE), {"content-type": "application/json"}, body, "203.0.113.9"
        )
        return await self.service.serve(request)

    # --- what is true

    @property
    def prompts(self) -> list[PinPrompt]:
        """Every prompt the operator has shown, the oldest first."""
        return self.town.sandbox.daraja.prompts()

    @property
    def shown(self) -> list[PinPrompt]:
        """Those that stand on a phone now."""
        return [prompt for prompt in self.prompts if prompt.state == "shown"]

    @property
    def taken(self) -> int:
        """What the operator took from payers, in whole shillings."""
        return sum(each.amount.minor for each in self.town.sandbox.daraja.transactions) // 100

    @property
    def sales(self) -> int:
        """How often the utility sold."""
        return len(self.town.sandbox.xmlvend.sales)

    @property
    def pushes(self) -> int:
        """How many requests to prompt left us."""
        return sum(path.endswith("processrequest") for _, path in self.town.network.seen)

    @property
    def enquiries(self) -> int:
        """How many enquiries about prompts left us."""
        return sum(path.endswith("stkpushquery/v1/query") for _, path in self.town.network.seen)

    def texts(self, user: int = AMINA) -> list[str]:
        """What the bot's messages in this chat say now."""
        return [message.text for message in self.town.sandbox.telegram.chat(user) if message.from_bot]

    async def all(self, statement: str, **params: Value) -> list[Row]:
        """Rows of our own."""

        def read(sql: Sql) -> list[Row]:
            return sql.rows(statement, **params)

        return await self.store.read(read)

    async def one(self, statement: str, **params: Value) -> Row:
        """Exactly one row."""
        [row] = await self.all(statement, **params)
        return row

    async def write(self, change: Change) -> None:
        """Store something behind the service's back."""
        assert await self.store.write(change) == Done()

    async def state(self, payment_id: str) -> str:
        """Where a payment stands."""
        return str((await self.one("SELECT state FROM payment WHERE id = :id", id=payment_id))["state"])

    async def attempts(self, payment_id: str) -> list[Row]:
        """The attempts of a payment in the order they were begun."""
        return await self.all("SELECT * FROM attempt WHERE payment_id = :id ORDER BY created_at, id", id=payment_id)

    async def cases(self, payment_id: str) -> list[str]:
        """Why people look at this payment."""
        rows = await self.all(
            "SELECT reason FROM trouble_case WHERE payment_id = :id AND open_key IS NOT NULL ORDER BY reason",
            id=payment_id,
        )
        return [row["reason"] for row in rows]

    async def balance(self, account: str) -> int:
        """What stands in an account, in whole shillings."""
        row = await self.one("SELECT coalesce(sum(minor), 0) AS sum FROM posting WHERE account = :name", name=account)
        return int(row["sum"]) // 100

    async def sound_but_for_open_prompts(self) -> None:
        """As `sound`, while somebody may still type a PIN."""
        found = await violations(self.store, self.town.sandbox)
        assert [sentence for sentence in found if "rests in prompt" not in sentence] == []

    async def sound(self) -> None:
        """Nothing is wrong with money, sales, answers and messages, by the sandbox's truth."""
        assert await violations(self.store, self.town.sandbox) == []


@asynccontextmanager
async def scene(url: str) -> AsyncIterator[Scene]:
    """A town in which Amina has said hello."""
    async with town(url) as place:
        one = Scene(place)
        await one.meet()
        yield one
