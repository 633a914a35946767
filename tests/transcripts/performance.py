"""Plays a story in a town, in one of five modes: the customer's lines in the chat, the world's at the far sides."""

from __future__ import annotations

import re
from contextlib import suppress
from enum import Enum
from typing import Any

import orjson

from bot.store.change import Sql
from flows.turn import state_from_json
from integrations.contract.exchange import Request, Response
from integrations.contract.money import Money
from integrations.sandbox.daraja import PinPrompt
from tests.town import AMINA, SANDBOX, SERVICE, Town
from tests.transcripts.doorway import Crash, Doorway
from tests.transcripts.transcript import Beat, Story, same_label

#: Unlike her chat's address, so that it is found in a database only where her number was written.
PHONE = "+254712000555"

#: People take a moment to read and to type; a PIN, an operator and a utility take a little longer.
CUSTOMER_SECONDS, WORLD_SECONDS = 2.0, 5.0

#: Beyond every lease, so that what a dead worker held is taken up by another.
LEASES_SECONDS = 150.0
PATIENCE_SECONDS = 1800.0
DAY_SECONDS = 24 * 3600.0

#: Time passes in steps of so much, and however long it is, in no more than so many.
STEP_SECONDS, STEPS_MAX = 1.0, 20

_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_AT_ONCE = " (at once) "
_TAP = re.compile(r"\[(?P<label>.+)\](?P<old> old)?")
_PASS = re.compile(r"(?P<count>[0-9]+) (?P<unit>second|minute|hour)s? pass(?:es)?")
_BOUGHT = re.compile(r"yesterday (?P<amount>[0-9]+) for (?P<meter>[0-9]+)")


class Mode(Enum):
    """How a story is played."""

    STRAIGHT = "straight"
    RESTARTED = "the service restarted after every line, and before every answer"
    TWICE = "everything delivered twice, and once more when it was answered"
    CRASHED = "one worker dies between its call and its record"
    BACK = "back, and the same answer again, at every question"


class Performance:
    """One story in one town. `told` holds the lines of each beat, as they came."""

    def __init__(self, town: Town, mode: Mode = Mode.STRAIGHT, crash_at: int = 0) -> None:
        self.town = town
        self.mode = mode
        self.doorway = Doorway(town.sandbox, crash_at)
        self.told: list[list[str]] = []
        self.repeated = 0
        self.crashed = False
        self._waited = True
        self._telegram = town.sandbox.telegram
        self._faults = town.sandbox.xmlvend.world.faults
        self._handset = town.sandbox.daraja.handset(PHONE.removeprefix("+"))
        self._since = (0, 0, 0)
        self._delivered: list[Request] = []
        self._telegram.add_user(AMINA, "Amina", PHONE)
        town.network.hosts[SANDBOX] = self.doorway.serve

    async def play(self, story: Story) -> None:
        """All of it. AssertionError where the story asks for a button or a prompt that is not there."""
        if self.mode is Mode.TWICE:
            self._faults.arm("double_callback", -1)
            self._keep_what_is_delivered()
        for beat in story.beats:
            try:
                await self._beat(beat)
            except AssertionError as error:
                error.add_note("\n".join(["The story so far:", *self._so_far(story), beat.cue]))
                raise
            self.told.append([*self.doorway.take(), *[await self.fact(kind) for kind in beat.facts]])

    def _so_far(self, story: Story) -> list[str]:
        return [line for beat, told in zip(story.beats, self.told, strict=False) for line in (beat.cue, *told)]

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
            await self._does("back")
            await self._does(cue)

    async def _does(self, cue: str) -> None:
        if self.mode is Mode.TWICE:
            self._faults.arm("telegram_double_delivery", 1)
        for each in cue.split(_AT_ONCE):
            await self._act(each)
        if self.mode is Mode.RESTARTED:
            await self._telegram.due.drain()
            await self.town.reboot()
        await self._let(CUSTOMER_SECONDS)
        await self._deliver_again()

    async def _act(self, cue: str) -> None:
        if tap := _TAP.fullmatch(cue):
            await self._tap(tap["label"], 0 if tap["old"] else -1)
            return
        match cue:
            case "(photo)" | "(voice)":
                await self._telegram.send_other(AMINA, cue[1:-1])
            case "(share phone)" | "(share contact)":
                await self._telegram.share_contact(AMINA, own=cue == "(share phone)")
            case "(edit)":
                mine = [message for message in self._telegram.chat(AMINA) if not message.from_bot]
                await self._telegram.edit(AMINA, mine[-1].message_id, mine[-1].text + "0")
            case "(forward sms)":
                await self._telegram.say(AMINA, self._handset.sms[-1])
            case _:
                await self._telegram.say(AMINA, cue)

    async def _tap(self, label: str, place: int) -> None:
        found = self._buttons(label)
        waited = 0.0
        while not found and self.crashed and waited < PATIENCE_SECONDS:
            await self._let(LEASES_SECONDS)
            found, waited = self._buttons(label), waited + LEASES_SECONDS
        assert found, f"there is no button [{label}]"
        message_id, data = found[place]
        if message_id:
            await self._telegram.tap(AMINA, message_id, data)
        else:
            await self._telegram.say(AMINA, data)

    def _buttons(self, label: str) -> list[tuple[int, str]]:
        """Where buttons of this name are, oldest first, with their data; keys, which type their own name, are at 0."""
        found = []
        for message in self._telegram.chat(AMINA):
            inline = [button for row in message.buttons for button in row]
            found += [(message.message_id, data) for name, data in inline if same_label(label, name)]
            found += [(0, name) for name in message.keys if same_label(label, name)]
        return found

    async def _answers(self) -> int:
        """How many answers the open conversation has taken."""
        rows = await self._read("SELECT state_sealed FROM conversation")
        if not rows or not rows[0]["state_sealed"]:
            return 0
        assert self.town.service is not None
        seal = self.town.service.outfit.parties.seal
        state, _ = orjson.loads(seal.open(rows[0]["state_sealed"], "conversation.state"))
        return sum(entry.kind == "ask" for entry in state_from_json(state).journal) if state else 0

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
            case _:
                raise AssertionError(f"the world knows no {name!r} with {words}")

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
        for cue in (f"{amount} {meter}", "yes", "(share phone)", "yes"):
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

    async def _let(self, seconds: float) -> None:
        """Let time pass, in steps. When a worker dies, its whole process does, and begins again."""
        end = self.town.clock.monotonic() + seconds
        while (left := end - self.town.clock.monotonic()) > 0:
            self.town.clock.pass_(min(left, max(STEP_SECONDS, seconds / STEPS_MAX)))
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
