"""Plays a story in a town, in one of five modes: the customer's lines in the chat, the world's at the far sides."""

from __future__ import annotations

import re
from contextlib import suppress
from enum import Enum
from typing import Any

import orjson

from bot.app.templates import practise
from bot.catch_up import CatchUp
from bot.store.change import Sql
from flows.turn import state_from_json
from integrations.contract.channel import Inbox
from integrations.contract.exchange import Request, Response
from integrations.contract.money import Money
from integrations.sandbox.daraja import PinPrompt
from tests.town import SANDBOX, SERVICE, Town
from tests.transcripts.chats import PHONE, chat_of
from tests.transcripts.doorway import Crash, Doorway
from tests.transcripts.transcript import Beat, Story

#: A PIN, an operator and a utility take a little longer than the customer.
WORLD_SECONDS = 5.0

#: Beyond every lease, so that what a dead worker held is taken up by another.
LEASES_SECONDS = 150.0
PATIENCE_SECONDS = 1800.0
DAY_SECONDS = 24 * 3600.0

#: Time passes in steps of so much, and however long it is, in no more than so many.
STEP_SECONDS, STEPS_MAX = 1.0, 20

_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_AT_ONCE = " (at once) "
_TAP = re.compile(r"\[(?P<label>.+)\](?P<old> old)?")
_ACT = re.compile(r"\((?P<what>[a-z].*?)\)(?: (?P<words>.+))?")
_PASS = re.compile(r"(?P<count>[0-9]+) (?P<unit>second|minute|hour)s? pass(?:es)?")
_BOUGHT = re.compile(r"yesterday (?P<amount>[0-9]+) for (?P<meter>[0-9]+)")

_BACK = {"English": "back", "Kiswahili": "rudi"}
#: How an order is written and agreed to.
_ORDER = {"English": ("{} {}", "yes"), "Kiswahili": ("nunua {} mita {}", "ndiyo")}


class Mode(Enum):
    """How a story is played."""

    STRAIGHT = "straight"
    RESTARTED = "the service restarted after every line, and before every answer"
    TWICE = "everything delivered twice, and once more when it was answered"
    CRASHED = "one worker dies between its call and its record"
    BACK = "back, and the same answer again, at every question"


class Performance:
    """One story in one town. `told` holds the lines of each beat, as they came."""

    def __init__(self, town: Town, story: Story, mode: Mode = Mode.STRAIGHT, crash_at: int = 0) -> None:
        self.town = town
        self.story = story
        self.mode = mode
        self.chat = chat_of(story, town)
        self.doorway = Doorway(town.sandbox, self.chat, crash_at)
        self.told: list[list[str]] = []
        self.repeated = 0
        self.crashed = False
        self._waited = True
        self._faults = town.sandbox.xmlvend.world.faults
        self._handset = town.sandbox.daraja.handset(PHONE.removeprefix("+"))
        self._since = (0, 0, 0)
        self._delivered: list[Request] = []

    async def play(self) -> None:
        """All of it. AssertionError where the story asks for a button or a prompt that is not there."""
        if self.story.channel == "WhatsApp":
            await practise(self.town.settings, self.town.network.send, self.town.clock)
        self.town.network.hosts[SANDBOX] = self.doorway.serve
        if self.mode is Mode.TWICE:
            self._faults.arm("double_callback", -1)
            self._keep_what_is_delivered()
        for beat in self.story.beats:
            try:
                await self._beat(beat)
            except AssertionError as error:
                error.add_note("\n".join(["The story so far:", *self._so_far(), beat.cue]))
                raise
            self.told.append([*self.doorway.take(), *[await self.fact(kind) for kind in beat.facts]])

    def _so_far(self) -> list[str]:
        return [line for beat, told in zip(self.story.beats, self.told, strict=False) for line in (beat.cue, *told)]

    async def rest(self) -> None:
        """Let a town that saw a crash come to rest."""
        await self._let(LEASES_SECONDS * 3)

    async def _beat(self, beat: Beat) -> None:
        if not beat.cue:
            return
        if beat.cue.startswith("~"):
            await self._world(beat.cue.removeprefix("~").strip())
        else:
            await self._customer(beat.cue.removeprefix(">").strip())
        if self.mode is Mode.RESTARTED:
            await self.town.reboot()

    # --- the customer

    async def _customer(self, cue: str) -> None:
        await self._recovered()
        before = await self._answers()
        await self._does(cue)
        if self.mode is Mode.BACK and await self._answers() > before:
            self.repeated += 1
            await self._does(_BACK[self.story.language])
            await self._does(cue)

    async def _does(self, cue: str) -> None:
        if self.mode is Mode.TWICE:
            for fault, times in self.chat.doubles:
                self._faults.arm(fault, times)
        for each in cue.split(_AT_ONCE):
            await self._act(each)
        if self.mode is Mode.RESTARTED:
            await self.chat.due.drain()
            await self.town.reboot()
        await self._let(self.chat.seconds, self.chat.seconds / 2)
        await self._deliver_again()

    async def _act(self, cue: str) -> None:
        if tap := _TAP.fullmatch(cue):
            await self._tap(tap["label"], oldest=bool(tap["old"]))
        elif cue == "(forward sms)":
            await self.chat.forward(self._handset.sms[-1])
        elif act := _ACT.fullmatch(cue):
            await self.chat.act(act["what"], act["words"] or "")
        else:
            await self.chat.say(cue)

    async def _tap(self, label: str, *, oldest: bool) -> None:
        waited = 0.0
        while not await self.chat.tap(label, oldest=oldest):
            assert self.crashed, f"there is no button [{label}]"
            assert waited < PATIENCE_SECONDS, f"there is no button [{label}], and none comes after the crash"
            await self._let(LEASES_SECONDS)
            waited += LEASES_SECONDS

    async def _answers(self) -> int:
        """How many answers the open conversations have taken."""
        rows = await self._read("SELECT state_sealed FROM conversation WHERE state_sealed <> ''")
        assert self.town.service is not None
        seal = self.town.service.outfit.parties.seal
        states = [orjson.loads(seal.open(row["state_sealed"], "conversation.state"))[0] for row in rows]
        journals = [state_from_json(state).journal for state in states if state]
        return sum(entry.kind == "ask" for journal in journals for entry in journal)

    # --- the world

    async def _world(self, cue: str) -> None:
        if passing := _PASS.fullmatch(cue):
            await self._let(int(passing["count"]) * _UNITS[passing["unit"]])
        elif bought := _BOUGHT.fullmatch(cue):
            await self._bought(bought["amount"], bought["meter"])
        else:
            await self._event(*cue.split())
            await self._let(WORLD_SECONDS)
        await self._deliver_again()

    async def _event(self, name: str, *words: str) -> None:
        daraja = self.town.sandbox.daraja
        match name, words:
            case "pin", (pin,):
                await daraja.enter_pin((await self._prompt()).id, pin)
            case "cancel", ():
                await daraja.cancel((await self._prompt()).id)
            case "balance", (units,):
                self._handset.balance = Money.of(int(units), "KES")
            case "fault", (fault, *times):
                self._faults.arm(fault, {"always": -1, "off": 0}[times[0]] if times else 1)
            case "restart", ():
                await self.town.reboot()
            case "night", ():
                await self._night()
            case (("number" | "blocked" | "unblocked" | "read"), _):
                await self.chat.befall(" ".join((name, *words)))
            case _:
                raise AssertionError(f"the world knows no {name!r} with {words}")

    async def _night(self) -> None:
        """The hour in which channels are asked for what no webhook brought. After a crash the service asks at once."""
        with suppress(Crash):
            await self._catch_up()
            return
        await self._let(WORLD_SECONDS)
        await self._catch_up()

    async def _catch_up(self) -> None:
        assert self.town.service is not None
        outfit, ingress = self.town.service.outfit, self.town.service.ingress
        for channel in outfit.channels.values():
            if isinstance(channel, Inbox):
                look = CatchUp(channel, ingress, outfit.store, self.town.clock, outfit.parties.trade.zone)
                assert await look.look()

    async def _prompt(self) -> PinPrompt:
        """The newest prompt on a phone."""
        waited = 0.0
        while not self._prompts() and self.crashed and waited < PATIENCE_SECONDS:
            await self._let(LEASES_SECONDS / 5)
            waited += LEASES_SECONDS / 5
        assert self._prompts(), "there is no prompt on any phone"
        return self._prompts()[-1]

    def _prompts(self) -> list[PinPrompt]:
        return [prompt for prompt in self.town.sandbox.daraja.prompts() if prompt.state == "shown"]

    async def _bought(self, amount: str, meter: str) -> None:
        """A purchase before the story, of which nothing is told or counted."""
        (mode, self.mode), (crash_at, self.doorway.crash_at) = (self.mode, Mode.STRAIGHT), (self.doorway.crash_at, 0)
        order, agreed = _ORDER[self.story.language]
        shared = [] if self.chat.tells_phone else ["(share phone)"]
        for cue in (order.format(amount, meter), *shared, agreed):
            await self._does(cue)
        await self._event("pin", "1234")
        await self._let(WORLD_SECONDS)
        self.town.clock.pass_(DAY_SECONDS - self.town.clock.monotonic())
        await self.town.settle()
        self.mode, self.doorway.crash_at = mode, crash_at
        self.doorway.take()
        self.doorway.calls = self.doorway.messages = 0
        sandbox = self.town.sandbox
        paid = len(await self._read("SELECT id FROM payment"))
        self._since = (paid, len(sandbox.daraja.transactions), len(sandbox.xmlvend.sales))

    # --- what is true

    async def fact(self, kind: str) -> str:
        """One `=` line: payments and cases by our own rows, money and tokens by the sandbox's truth."""
        payments, transactions, sales = self._since
        sold = self.town.sandbox.xmlvend.sales[sales:]
        match kind:
            case "tokens":
                return f"= tokens {sum(len(sale.tokens) for sale in sold)}"
            case "money":
                taken = sum(each.amount.minor for each in self.town.sandbox.daraja.transactions[transactions:]) // 100
                return f"= money {taken} taken, {len(sold)} {'sale' if len(sold) == 1 else 'sales'}"
            case "case":
                rows = await self._read("SELECT reason FROM trouble_case WHERE open_key IS NOT NULL ORDER BY opened_at")
                return f"= case {', '.join(row['reason'] for row in rows) or 'none'}"
            case _:
                rows = await self._read("SELECT state FROM payment ORDER BY confirmed_at, id")
                return f"= {', '.join(row['state'] for row in rows[payments:]) or 'no payment'}"

    # --- time, and what befalls the service in it

    async def _let(self, seconds: float, step: float = STEP_SECONDS) -> None:
        """Let time pass, in steps. When a worker dies, its whole process does, and begins again."""
        end = self.town.clock.monotonic() + seconds
        while (left := end - self.town.clock.monotonic()) > 0:
            self.town.clock.pass_(min(left, max(step, seconds / STEPS_MAX)))
            # The town hears of a dead worker only where it was still waiting for it; the doorway always knows.
            with suppress(Crash):
                await self.town.settle()
            if self.doorway.crashed and not self.crashed:
                self.crashed, self._waited = True, False
                await self.town.reboot()

    async def _recovered(self) -> None:
        """After a crash a customer waits for the bot, as long as a lease may last; but no prompt waits for anybody."""
        if not self._waited and not self._prompts():
            self._waited = True
            await self._let(LEASES_SECONDS)

    def _keep_what_is_delivered(self) -> None:
        serve = self.town.network.hosts[SERVICE]

        async def kept(request: Request) -> Response:
            self._delivered.append(request)
            return await serve(request)

        self.town.network.hosts[SERVICE] = kept

    async def _deliver_again(self) -> None:
        """Every request of the far sides once more, now that it was answered."""
        again, self._delivered = self._delivered, []
        for request in again:
            await self.town.network.hosts[SERVICE](request)
        self._delivered.clear()
        await self.town.settle()

    async def _read(self, statement: str) -> list[dict[str, Any]]:
        assert self.town.store is not None

        def read(sql: Sql) -> list[dict[str, Any]]:
            return sql.rows(statement)

        return await self.town.store.read(read)
