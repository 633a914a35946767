"""One payment alone: its plans, answers and callbacks over rows in memory, and a clock in the test's hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from bot import orders
from bot.notices import Notice
from bot.payments.finish import Finish
from bot.payments.limits import Counts
from bot.payments.machine import State
from bot.payments.parties import Parties
from bot.payments.plan import Enquire, Plan, Rest, Send, make_plan
from bot.payments.rows import AttemptRow, AttemptState, Kind, PaymentRow
from bot.payments.worker import Outcome
from bot.store.change import Change, Done, Lost, Refused, Update
from bot.store.seal import Seal
from bot.web.ingress import hint
from flows.customer import Trade
from flows.lookups import money_to_json
from flows.text import body_from_json
from flows.turn import Order
from integrations.contract.exchange import NotSent, Request, Sent, Unknown
from integrations.contract.money import Money
from integrations.contract.outcomes import (
    CallbackSeen,
    Collected,
    Declined,
    Expired,
    Pending,
    Prompted,
    Reason,
    Token,
    TokenKind,
    Vended,
    VendReason,
    VendRefused,
)
from integrations.contract.parties import AfterNotFound, MobileMoney, Pace, Utility
from integrations.contract.people import MeterNumber, Secret, TokenNumber
from integrations.money.mpesa.adapter import Mpesa
from integrations.money.mpesa.config import MpesaConfig
from integrations.utilities.xmlvend.adapter import XmlVend
from integrations.utilities.xmlvend.config import XmlVendConfig
from tests.payments.memory import Tables
from tests.seams import HandClock, SeededRandom

#: Two in the afternoon in Nairobi.
NOON = datetime(2026, 3, 1, 11, 0, tzinfo=UTC)

AMOUNT, FEE, TOTAL = Money.of(500, "KES"), Money.of(10, "KES"), Money.of(510, "KES")
OWN, OTHER = "+254711000001", "+254733000003"
METER = "14123456783"

NOTHING_SENT = Counts(live=0, hour=0, day=0, targets=0, blocked=False)
PAID = Collected("SK00000001", None)
CANCELLED = Declined(Reason.CANCELLED, "1032")
SOLD = Vended(
    proof="000000000000001",
    meter=MeterNumber(METER),
    tokens=(Token(TokenKind.CREDIT, TokenNumber("74" + "1" * 18), "16.3", "kWh"),),
    amount=AMOUNT,
    units_text="16.3",
    unit="kWh",
)
BLOCKED = VendRefused(VendReason.BLOCKED, "BlockedMeterEx", "Meter is blocked")


async def nobody(_request: Request, _deadline: float) -> Sent:
    """Nothing is sent in these tests."""
    return NotSent("there is no network here")


def parties_of(clock: HandClock, after_not_found: AfterNotFound | None = None, seed: int = 3) -> Parties:
    """The usual parties with a network that is not there; `after_not_found` for an operator of another kind."""
    random = SeededRandom(seed)
    mpesa = MpesaConfig(
        consumer_key=Secret("test-key"), consumer_secret=Secret("test-secret"), shortcode="174379",
        passkey=Secret("test-passkey"), api_url="http://127.0.0.1:1",
    )  # fmt: skip
    xmlvend = XmlVendConfig(
        url="http://127.0.0.1:1", client_id="1", terminal_ids=("1", "2"), operator_name="test",
        password=Secret("test-password"), keeps_every_response=True,
    )  # fmt: skip
    money = Mpesa(mpesa, nobody, clock)
    if after_not_found:
        money.pace = dataclasses.replace(money.pace, after_not_found=after_not_found)
    utility = XmlVend(xmlvend, nobody, clock, random)
    moneys: dict[str, MobileMoney] = {money.name: money}
    utilities: dict[str, Utility] = {utility.name: utility}
    trade = Trade(
        utility=utility.name, utility_title=utility.title, meter_lengths=(11, 13), meter_luhn=True,
        operator=money.name, operator_title=money.title, merchant="BILI", currency="KES", country="KE",
        minimum=utility.minimum, maximum=utility.maximum, step=Money.of(1, "KES"), zone="Africa/Nairobi",
        support_contact="0800 000 000", languages=(("en", "English"),),
    )  # fmt: skip
    seal = Seal(Secret("a-test-key-that-opens-nothing-at-all"))
    return Parties(moneys, utilities, trade, seal, clock, random, "http://127.0.0.1:8080")


@dataclass
class Alone:
    """A confirmed payment in memory. `claim` plans, `answer` finishes, `hint` is a callback."""

    clock: HandClock = field(default_factory=lambda: HandClock(NOON))
    payer: str = OWN
    after_not_found: AfterNotFound | None = None
    counts: Counts = NOTHING_SENT
    tables: Tables = field(default_factory=Tables)
    name: str = "order"

    def __post_init__(self) -> None:
        self.parties = parties_of(self.clock, self.after_not_found, sum(self.name.encode()))
        seal = self.parties.seal
        args = {"amount": money_to_json(AMOUNT), "fee": money_to_json(FEE), "meter": METER, "owner": "P••••",
                "payer": self.payer}  # fmt: skip
        chat = orders.Chat("v1", "c1", 0, seal.hashed(OWN, "phone"), self.now)
        opened = orders.change_of(Order(self.name, "open_payment", args), chat, self.parties)
        assert self.tables.write(Change(inserts=opened.inserts)) == Done()
        self.id = orders.payment_id_of(self.name)

    # --- what happens

    def claim(self) -> Plan:
        """Take the payment as the worker does: under a lease, a fence and the plan of the rows as they are."""
        row = self.tables.row("payment", self.id)
        row["fence"], row["lease_until"] = self.payment.fence + 1, self.now + self.parties.lease.length_ms
        plan, change = make_plan(self.payment, self.attempts, self.counts, self.parties)
        assert self.tables.write(change) == Done()
        return plan

    def answer(self, plan: Plan, outcome: Outcome) -> Done | Lost | Refused:
        """The call of a plan ended so."""
        assert isinstance(plan, Send | Enquire)
        current = dataclasses.replace(self.payment, due_at=plan.payment.due_at)
        finish = Finish(current, self.attempts, plan.attempt, self.now, self.parties)
        return self.tables.write(finish.made_of(outcome, sent=isinstance(plan, Send)))

    def goes(self, *outcomes: Outcome) -> Plan:
        """Each of these is the answer to what the payment asks next; the last plan."""
        plan: Plan = Rest(self.payment)
        for outcome in outcomes:
            plan = self.claim()
            assert self.answer(plan, outcome) == Done()
        return plan

    def hint(self, *, success: bool = True, proof: str | None = "SK00000001", amount: Money | None = TOTAL,
             theirs: str = "", number: int = 0) -> None:  # fmt: skip
        """A callback claims something about the newest prompt, or about another."""
        prompts = [each for each in self.attempts if each.kind is Kind.PROMPT]
        prompt = prompts[number - 1]
        seen = CallbackSeen(theirs or prompt.theirs or "ws_CO_1", success, *((proof, amount) if success else ()))
        assert self.tables.write(hint(prompt, seen, self.now)) == Done()

    def waits(self, seconds: float) -> None:
        """So much time goes on in which every enquiry that falls due finds nobody."""
        end = self.clock.seconds + seconds
        while self.due_in is not None and self.clock.seconds + self.due_in < end:
            self.pass_(self.due_in)
            self.goes(LOST)
        self.pass_(end - self.clock.seconds)

    def wish(self, after: int) -> None:
        """The customer wants another prompt after this one."""
        assert (
            self.tables.write(Change(updates=(Update("payment", self.id, {"wish": after, "due_at": self.now}),)))
            == Done()
        )

    def pass_(self, seconds: float) -> None:
        """Time goes on."""
        self.clock.seconds += seconds

    # --- what is so

    @property
    def now(self) -> int:
        return int(self.clock.now().timestamp() * 1000)

    @property
    def payment(self) -> PaymentRow:
        return PaymentRow.of(dict(self.tables.row("payment", self.id)))

    @property
    def state(self) -> State:
        return self.payment.state

    @property
    def attempts(self) -> list[AttemptRow]:
        return [AttemptRow.of(dict(row)) for row in self.tables["attempt"] if row["payment_id"] == self.id]

    def attempt(self, name: str) -> AttemptRow:
        """An attempt by the end of its id: "prompt1", "vend2"."""
        return next(each for each in self.attempts if each.id.endswith(f".{name}"))

    def attempt_state(self, name: str) -> AttemptState:
        return self.attempt(name).state

    @property
    def due_in(self) -> float | None:
        """Seconds until it is looked at again."""
        due = self.payment.due_at
        return None if due is None else (due - self.now) / 1000

    @property
    def locked(self) -> bool:
        """Whether its payer's phone counts as taken."""
        return self.tables.row("payment", self.id)["live_payer"] is not None

    @property
    def events(self) -> list[str]:
        return [str(row["event"]) for row in self.tables["payment_event"]]

    @property
    def cases(self) -> list[str]:
        return [str(row["reason"]) for row in self.tables["trouble_case"]]

    @property
    def accounts(self) -> dict[str, int]:
        """Balances that are not zero, in whole shillings."""
        sums: dict[str, int] = {}
        for row in self.tables["posting"]:
            account, minor = str(row["account"]).replace(self.id, "it"), row["minor"]
            assert isinstance(minor, int)
            sums[account] = sums.get(account, 0) + minor // 100
        return {account: sum_ for account, sum_ in sums.items() if sum_}

    @property
    def told(self) -> list[str]:
        """The first line of each message about it, as it is before translation."""
        return [body_from_json(message["body"])[0].msgid for message in self._messages()]

    @property
    def offered(self) -> list[str]:
        """What the buttons under the last message carry."""
        return [data for data, _ in self._messages()[-1]["buttons"]]

    @property
    def last_words(self) -> str:
        """All that the last message about it is made of."""
        return str(self._messages()[-1]["body"])

    def _messages(self) -> list[Any]:
        rows = self.tables["outbox"]
        return [orjson.loads(self.parties.seal.open(str(row["body_sealed"]), "outbox.body")) for row in rows]


def first(notice: Notice) -> str:
    """The first line of a notice, as `told` has it."""
    return notice.body[0].msgid


def pace_of(one: Alone) -> Pace:
    """The operator's."""
    return one.parties.money["mpesa"].pace


PROMPTED, PENDING = Prompted("ws_CO_1"), Pending()


def settled_seconds(one: Alone, kind: Kind = Kind.PROMPT) -> float:
    """After this long since its last sending, "not found" is proof."""
    party: MobileMoney | Utility = one.parties.money["mpesa"]
    if kind is Kind.VEND:
        party = one.parties.utilities["xmlvend"]
    return party.pace.settle + one.parties.lease.length_seconds


LOST, DOWN, EXPIRED = Unknown("timeout"), NotSent("refused"), Expired("1037")

#: How a payment comes into each state that can be reached without a person.
WAYS: Mapping[State, tuple[Outcome, ...]] = {
    State.CONFIRMED: (),
    State.PROMPTING: (LOST,),
    State.PROMPTED: (PROMPTED,),
    State.DECLINED: (PROMPTED, CANCELLED),
    State.EXPIRED: (PROMPTED, EXPIRED),
    State.PAID: (PROMPTED, PAID),
    State.VENDING: (PROMPTED, PAID, LOST),
    State.VENDED: (PROMPTED, PAID, SOLD),
    State.REFUND_DUE: (PROMPTED, PAID, BLOCKED),
}


def in_state(state: State, **others: object) -> Alone:
    """A payment that came into a state by the usual way."""
    one = Alone(**others)  # type: ignore[arg-type]  # fields of Alone, as tests name them
    one.goes(*WAYS[state])
    assert one.state is state
    return one
