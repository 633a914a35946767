"""What is true at the sandbox's M-PESA: handsets with PIN and balance, prompts on them, money that moved.

The adapter's tests and the simulator compare the service's ledger with this, so it shares no code with the adapter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Literal, TypeAlias

from integrations.contract.money import Money
from integrations.sandbox.daraja_config import LATE_SUCCESS_SECONDS, DarajaSideConfig
from integrations.sandbox.far_side import DueList, World

NAIROBI = timezone(timedelta(hours=3), "EAT")
CURRENCY = "KES"
TRANSACTION_MAXIMUM = Money.of(250_000, CURRENCY)
WRONG_PINS_MAX = 3

#: Invented names, so that the page shows people and not numbers.
FIRST_NAMES = ("AMINA", "BARAKA", "CHERONO", "DALMAS", "ESTHER", "FARAH", "GRACE", "HASSAN", "IMANI", "JUMA")
LAST_NAMES = ("ABDI", "BARASA", "CHEGE", "ETYANG", "KAMAU", "KIPROTICH", "MUTISO", "NJERI", "OTIENO", "WANJIKU")

#: "blocked" never reached the phone: M-PESA ended it by a rule of its own (codes 3, 17, 2028).
PromptState: TypeAlias = Literal["shown", "paid", "cancelled", "wrong_pin", "timed_out", "no_balance", "blocked"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a prompt ends, in Daraja's words."""

    code: str
    text: str
    state: PromptState


PAID = Verdict("0", "The service request is processed successfully.", "paid")
NO_BALANCE = Verdict("1", "The balance is insufficient for the transaction.", "no_balance")
OVER_LIMIT = Verdict("3", "Declined due to limit rule: greater than the maximum transaction amount.", "blocked")
REPEATED = Verdict("17", "Rule limited.", "blocked")
CANCELLED = Verdict("1032", "Request cancelled by user.", "cancelled")
TIMED_OUT = Verdict("1037", "DS timeout user cannot be reached.", "timed_out")
WRONG_PIN = Verdict("2001", "The initiator information is invalid.", "wrong_pin")
WRONG_PRODUCT = Verdict("2028", "The request is not permitted according to product assignment.", "blocked")
PIN_LOCKED = Verdict("8006", "The security credential is locked.", "wrong_pin")


@dataclass(slots=True)
class Handset:
    """A phone with an M-PESA account. `wrong_pins` counts in a row; at three the PIN is locked until set back to 0."""

    msisdn: str
    name: str
    balance: Money = field(default_factory=lambda: Money.of(5_000, CURRENCY))
    pin: str = "1234"
    wrong_pins: int = 0
    sms: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a push asked for, after every check."""

    msisdn: str
    amount: Money
    account: str
    description: str
    callback_url: str
    transaction_type: str
    party_b: str


@dataclass(slots=True)
class PinPrompt:
    """One prompt. `id` is its CheckoutRequestID; `verdict` is None while it waits on the phone."""

    id: str
    merchant_request_id: str
    asked: Asked
    merchant: str
    shown_at: datetime
    expires_at: datetime
    state: PromptState = "shown"
    verdict: Verdict | None = None
    receipt: str = ""
    paid_at: datetime | None = None

    @property
    def msisdn(self) -> str:
        """The phone it stands on, 12 digits."""
        return self.asked.msisdn

    @property
    def amount(self) -> Money:
        """What the payer is asked for."""
        return self.asked.amount

    @property
    def account(self) -> str:
        """The account the prompt names."""
        return self.asked.account


@dataclass(frozen=True, slots=True)
class Transaction:
    """Money that moved, once and for good."""

    receipt: str
    prompt_id: str
    msisdn: str
    amount: Money
    account: str
    description: str
    at: datetime


class DarajaTruth:
    """Handsets, prompts and money. `decided` is told of every prompt that has got a verdict, or a new one."""

    def __init__(self, world: World, config: DarajaSideConfig, due: DueList, decided: Callable[[PinPrompt], None]):
        self._world = world
        self._config = config
        self._due = due
        self._decided = decided
        self._prompts: dict[str, PinPrompt] = {}
        self._live: dict[str, PinPrompt] = {}
        self._receipts: set[str] = set()
        self._last_asked: dict[tuple[str, Money], datetime] = {}
        self.handsets: dict[str, Handset] = {}
        self.transactions: list[Transaction] = []
        self.revision = 0

    def handset(self, msisdn: str) -> Handset:
        """The phone with this number, made on first use."""
        if msisdn not in self.handsets:
            name = f"{FIRST_NAMES[int(msisdn[-1])]} {LAST_NAMES[int(msisdn[-2])]}"
            self.handsets[msisdn] = Handset(msisdn, name)
            self.revision += 1
        return self.handsets[msisdn]

    def prompts(self) -> list[PinPrompt]:
        """Every prompt so far, the oldest first."""
        return list(self._prompts.values())

    def prompt(self, prompt_id: str) -> PinPrompt | None:
        """One prompt by its CheckoutRequestID."""
        return self._prompts.get(prompt_id)

    def is_locked(self, msisdn: str) -> bool:
        """Whether a prompt stands on this phone, so that no second one can."""
        return msisdn in self._live

    def ask(self, asked: Asked) -> PinPrompt:
        """Put a prompt on the phone, or end it at once by a rule of M-PESA's own."""
        now = self._world.clock.now()
        prompt = PinPrompt(
            id=self._checkout_request_id(asked.msisdn, now),
            merchant_request_id=f"{self._world.random.digits(5)}-{self._world.random.digits(8)}-1",
            asked=asked,
            merchant=self._config.merchant,
            shown_at=now,
            expires_at=now + timedelta(seconds=self._config.prompt_seconds),
        )
        self._prompts[prompt.id] = prompt
        self.handset(asked.msisdn)
        barred = self._barred(asked, now)
        self._last_asked[asked.msisdn, asked.amount] = now
        if barred:
            self._end(prompt, barred)
        else:
            self._live[asked.msisdn] = prompt
            self._due.after(self._config.prompt_seconds, lambda: self._time_out(prompt))
        self.revision += 1
        return prompt

    async def enter_pin(self, prompt_id: str, pin: str) -> PinPrompt:
        """The payer types a PIN. Of a prompt that is over nothing more becomes; KeyError when there was none."""
        prompt = await self._open(prompt_id)
        if prompt.state == "shown":
            self._end(prompt, self._judge(prompt, pin))
        return prompt

    async def cancel(self, prompt_id: str) -> PinPrompt:
        """The payer dismisses the prompt."""
        prompt = await self._open(prompt_id)
        if prompt.state == "shown":
            self._end(prompt, CANCELLED)
        return prompt

    async def _open(self, prompt_id: str) -> PinPrompt:
        prompt = self._prompts[prompt_id]
        if self._world.clock.now() >= prompt.expires_at:
            await self._time_out(prompt)
        return prompt

    def _judge(self, prompt: PinPrompt, pin: str) -> Verdict:
        handset = self.handset(prompt.msisdn)
        if handset.wrong_pins >= WRONG_PINS_MAX:
            return PIN_LOCKED
        if pin != handset.pin:
            handset.wrong_pins += 1
            return WRONG_PIN
        handset.wrong_pins = 0
        return PAID if handset.balance >= prompt.amount else NO_BALANCE

    def _end(self, prompt: PinPrompt, verdict: Verdict) -> None:
        if self._live.get(prompt.msisdn) is prompt:
            del self._live[prompt.msisdn]
        prompt.verdict, prompt.state = verdict, verdict.state
        if verdict is PAID:
            self._move_money(prompt)
        elif verdict is NO_BALANCE:
            self.handset(prompt.msisdn).sms.append(_no_balance_sms(prompt))
        self.revision += 1
        self._decided(prompt)

    async def _time_out(self, prompt: PinPrompt) -> None:
        if prompt.state != "shown":
            return
        self._end(prompt, TIMED_OUT)
        if self._world.faults.takes("success_after_expiry"):
            self._due.after(LATE_SUCCESS_SECONDS, lambda: self._pay_late(prompt))

    async def _pay_late(self, prompt: PinPrompt) -> None:
        handset = self.handset(prompt.msisdn)
        if handset.balance >= prompt.amount:
            self._end(prompt, PAID)

    def _move_money(self, prompt: PinPrompt) -> None:
        handset, asked = self.handset(prompt.msisdn), prompt.asked
        handset.balance -= asked.amount
        prompt.receipt, prompt.paid_at = self._receipt(), self._world.clock.now()
        self.transactions.append(
            Transaction(
                prompt.receipt,
                prompt.id,
                asked.msisdn,
                asked.amount,
                asked.account,
                asked.description,
                prompt.paid_at,
            )
        )
        handset.sms.append(_paid_sms(prompt, prompt.paid_at, handset.balance))

    def _barred(self, asked: Asked, now: datetime) -> Verdict | None:
        paybill = asked.transaction_type == "CustomerPayBillOnline"
        if asked.party_b != (self._config.shortcode if paybill else self._config.till):
            return WRONG_PRODUCT
        if asked.amount > TRANSACTION_MAXIMUM:
            return OVER_LIMIT
        before = self._last_asked.get((asked.msisdn, asked.amount))
        guard = timedelta(seconds=self._config.repeat_guard_seconds)
        return REPEATED if before is not None and now - before < guard else None

    def _checkout_request_id(self, msisdn: str, now: datetime) -> str:
        stamp = now.astimezone(NAIROBI).strftime("%d%m%Y%H%M%S")
        found = f"ws_CO_{stamp}{self._world.random.digits(1)}{msisdn[3:]}"
        while found in self._prompts:
            found += self._world.random.digits(1)
        return found

    def _receipt(self) -> str:
        receipt = f"SK{self._world.random.letters(8)}"
        while receipt in self._receipts:
            receipt = f"SK{self._world.random.letters(8)}"
        self._receipts.add(receipt)
        return receipt


def shillings(amount: Money) -> str:
    """`Ksh1,250.00`, as M-PESA's texts write it."""
    units, cents = divmod(amount.minor, 100)
    return f"Ksh{units:,}.{cents:02}"


def _paid_sms(prompt: PinPrompt, paid_at: datetime, balance: Money) -> str:
    at = paid_at.astimezone(NAIROBI)
    day = f"{at.day}/{at.month}/{at:%y}"
    clock = f"{at.hour % 12 or 12}:{at:%M} {'AM' if at.hour < 12 else 'PM'}"
    return (
        f"{prompt.receipt} Confirmed. {shillings(prompt.amount)} sent to {prompt.merchant} for account "
        f"{prompt.account} on {day} at {clock} New M-PESA balance is {shillings(balance)}. "
        "Transaction cost, Ksh0.00."
    )


def _no_balance_sms(prompt: PinPrompt) -> str:
    return (
        f"Failed. There is not enough money in your M-PESA account to pay {shillings(prompt.amount)} to "
        f"{prompt.merchant}."
    )
