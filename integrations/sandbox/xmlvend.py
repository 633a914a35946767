"""The far side of the XMLVend adapter: a utility with meters, a tariff, a seller's float and its own books."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from integrations.contract.exchange import NoAnswer, Request, Response
from integrations.contract.money import Money
from integrations.contract.people import Secret
from integrations.sandbox.far_side import DueList, World
from integrations.sandbox.xmlvend_meters import (
    FLOAT_EMPTY,
    SEED_METERS,
    Refusal,
    SandboxMeter,
    no_such_meter,
    refusal,
    split,
)
from integrations.sandbox.xmlvend_sale import (
    TRIAL_TOKEN,
    Sale,
    customer_detail,
    meter_detail,
    sale_inside,
    unloadable_token,
)
from integrations.sandbox.xmlvend_wire import (
    Asked,
    Broken,
    Unsupported,
    Writer,
    message_id_element,
    read_request,
)

__all__ = ["FAULTS", "PATH", "SEED_METERS", "Sale", "SandboxMeter", "XmlVendSide", "XmlVendSideConfig"]

PATH = "/xmlvend"

#: What can be made to go wrong, in words for the page.
FAULTS: Mapping[str, str] = {
    "sell_then_timeout": "The utility sells, and its answer is lost.",
    "utility_down": "The utility does not answer at all, and sells nothing.",
    "busy": "The utility says it is too busy, and sells nothing.",
    "answer_garbled_after_sale": "The utility sells, and a proxy's error page comes instead of its answer.",
    "float_empty": "The seller's float at the utility is empty.",
    "blocked_after_quote": "The meter is blocked between the quote and the sale.",
    "advice_not_yet": "Asked about a fresh sale, the utility does not know it yet.",
    "crossed_reply": "The utility sells, and answers with the sale of another meter.",
    "refuse_after_money": "The utility refuses after the money was taken: the meter's key data is out of date.",
}


@dataclass(frozen=True)
class XmlVendSideConfig:
    """What this utility agreed with its seller, and how strict it is."""

    client_id: str
    operator_name: str
    password: Secret
    #: Also the symbol it writes and wants to read.
    currency: str = "KES"
    #: The seller's float at the start, in minor units.
    float_minor: int = 1_000_000_000
    time_zone: str = "Africa/Nairobi"
    #: Whether a second sale under one message id is a fault; else it gets the first answer again.
    duplicate_is_fault: bool = False
    #: Whether a terminal's next answer pushes its last one out of the memory that advices ask.
    keeps_only_last: bool = False
    #: How old a sale must be before `advice_not_yet` no longer strikes, in seconds.
    advice_delay_seconds: float = 30.0


@dataclass(frozen=True)
class _Answered:
    """An answer to a sale request, kept for repeats and advices. `kind` is its type inside a last response."""

    asked: Asked
    response: Response
    inside: str
    kind: str
    at_monotonic: float


@dataclass
class XmlVendSide:
    """Serves `POST /xmlvend`. `revision` grows whenever its books change."""

    world: World
    config: XmlVendSideConfig
    name: str = "xmlvend"
    meters: dict[str, SandboxMeter] = field(default_factory=lambda: {meter.number: meter for meter in SEED_METERS})
    sales: list[Sale] = field(default_factory=list)
    revision: int = 0
    float_left: Money = field(init=False)
    due: DueList = field(init=False)
    _answers: dict[str, _Answered] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.float_left = Money(self.config.float_minor, self.config.currency)
        self.due = DueList(self.world.clock)

    async def serve(self, request: Request) -> Response:
        """Answer one request as the real server would; NoAnswer where it would not."""
        if request.url.partition("?")[0] != PATH:
            return Response(404)
        if request.method != "POST":
            return Response(405, {"allow": "POST"})
        if not request.headers.get("content-type", "").startswith("text/xml"):
            return Response(415)
        if self.world.faults.takes("utility_down"):
            raise NoAnswer
        try:
            asked = read_request(request.body, self.config.currency)
        except Broken as problem:
            return self._fault(_NOBODY, "XMLVendSchemaEx", str(problem))
        except Unsupported as problem:
            return self._fault(_NOBODY, "UseCaseSupportEx", f"Use case {problem} is not supported")
        return self._answer(asked)

    def restore_float(self, amount: Money) -> None:
        """Pay into the seller's float; meters whose sales failed for want of it sell again."""
        self.float_left += amount
        for number, meter in self.meters.items():
            self.meters[number] = dataclasses.replace(meter, float_empty=False)
        self.revision += 1

    # --- the use cases

    def _answer(self, asked: Asked) -> Response:
        if asked.client_id != self.config.client_id:
            return self._fault(asked, "ClientIDAuthorisationEx", "Client is not authorised")
        if (asked.operator_name, asked.password) != (self.config.operator_name, self.config.password.reveal()):
            return self._fault(asked, "RequestAuthorisationEx", "Operator or password is wrong")
        match asked.kind:
            case "b:adviceReq":
                return self._advise(asked)
            case "r:confirmCustomerReq":
                return self._confirm(asked)
            case "r:trialCreditVendReq":
                return self._try(asked)
            case _:
                return self._sell(asked)

    def _confirm(self, asked: Asked) -> Response:
        meter = self.meters.get(asked.meter)
        if meter is None:
            return self._fault(asked, *no_such_meter(asked.meter))
        writer = self._writer(asked)
        inside = (
            f"{writer.frame('CONFIRM CUSTOMER')}<r:confirmCustResult>{customer_detail(meter)}<r:custVendConfig>"
            f"<r:canVend>{'false' if meter.blocked else 'true'}</r:canVend>"
            f"{writer.money('r:maxVendAmt', self._money(meter.maximum_minor))}"
            f"{writer.money('r:minVendAmt', self._money(meter.minimum_minor))}"
            f"</r:custVendConfig>{meter_detail(meter)}</r:confirmCustResult>"
        )
        return writer.response("r:confirmCustomerResp", inside)

    def _try(self, asked: Asked) -> Response:
        if why_not := self._refusal(asked):
            return self._fault(asked, *why_not)
        trial = self._sale(asked, credit_token=TRIAL_TOKEN)
        writer = self._writer(asked)
        return writer.response("r:trialCreditVendResp", sale_inside(writer, trial, self.float_left))

    def _sell(self, asked: Asked) -> Response:
        if self.world.faults.takes("busy"):
            return self._fault(asked, "SystemEx", "System busy processing orders", "VD.17020008")
        if first := self._answers.get(asked.message_id):
            return self._again(asked, first)
        if why_not := self._sale_refusal(asked) or self._refusal(asked):
            return self._refuse(asked, *why_not)
        sale = self._book(asked)
        writer = self._writer(asked)
        inside = sale_inside(writer, sale, self.float_left)
        response = writer.response("r:creditVendResp", inside)
        self._remember(asked, _Answered(asked, response, inside, "r:CreditVendResp", sale.sold_at_monotonic))
        return self._deliver(sale, response)

    def _deliver(self, sale: Sale, response: Response) -> Response:
        """Hand the answer over, unless a fault strikes now that the sale is in the books."""
        faults = self.world.faults
        if faults.takes("sell_then_timeout"):
            raise NoAnswer
        if faults.takes("answer_garbled_after_sale"):
            return Response(200, {"content-type": "text/html"}, b"<html><body>502 Bad Gateway</body>")
        if faults.takes("crossed_reply"):
            return self._crossed(sale)
        return response

    def _advise(self, asked: Asked) -> Response:
        answered = self._answers.get(asked.about)
        if answered is None or answered.asked.terminal_id != asked.terminal_id or self._not_yet(answered):
            return self._fault(asked, "LastResponseEx", "No response for that message")
        writer = self._writer(asked)
        inside = (
            writer.frame("LAST RESPONSE")
            + message_id_element("b:adviceReqMsgID", asked.about)
            + f'<b:lastResponse xsi:type="{answered.kind}">{answered.inside}</b:lastResponse>'
        )
        return writer.response("b:adviceResp", inside, kind="b:LastRespAdviceResp")

    # --- the books

    def _book(self, asked: Asked) -> Sale:
        meter = self.meters[asked.meter]
        random = self.world.random
        sale = self._sale(
            asked,
            credit_token=unloadable_token(random),
            free_token=unloadable_token(random) if meter.free_due else "",
            key_change=(unloadable_token(random), unloadable_token(random)) if meter.key_change_due else (),
        )
        self.sales.append(sale)
        self.float_left -= sale.amount
        self.meters[asked.meter] = dataclasses.replace(
            meter, key_change_due=False, free_due=False,
            fee_minor=meter.fee_minor - sale.split.fee.minor, debt_minor=sale.split.debt_left.minor,
        )  # fmt: skip
        self.revision += 1
        return sale

    def _sale(self, asked: Asked, *, credit_token: str, free_token: str = "", key_change: tuple[str, ...] = ()) -> Sale:
        meter, tender = self.meters[asked.meter], self._tender(asked)
        clock = self.world.clock
        return Sale(
            asked.message_id, asked.terminal_id, meter, tender, split(tender, meter), self._number(),
            credit_token, free_token, key_change, clock.now(), clock.monotonic(),
        )  # fmt: skip

    def _number(self) -> str:
        """A receipt number that no earlier run of this sandbox has used."""
        return f"{int(self.world.clock.now().timestamp())}{len(self.sales) % 100_000:05}"

    def _again(self, asked: Asked, first: _Answered) -> Response:
        """A message id names one sale for ever: the first answer again, or a fault."""
        same = (first.asked.meter, first.asked.amount) == (asked.meter, asked.amount)
        if self.config.duplicate_is_fault or not same:
            return self._fault(asked, "DuplicateMsgIDEx", "Message id was used before")
        return first.response

    def _remember(self, asked: Asked, answered: _Answered) -> None:
        if self.config.keeps_only_last:
            for message_id, old in list(self._answers.items()):
                if old.asked.terminal_id == asked.terminal_id:
                    del self._answers[message_id]
        self._answers[asked.message_id] = answered

    def _not_yet(self, answered: _Answered) -> bool:
        age = self.world.clock.monotonic() - answered.at_monotonic
        return age < self.config.advice_delay_seconds and self.world.faults.takes("advice_not_yet")

    # --- refusals

    def _refusal(self, asked: Asked) -> Refusal | None:
        """Why a quote, and a sale, cannot be."""
        meter = self.meters.get(asked.meter)
        return no_such_meter(asked.meter) if meter is None else refusal(meter, self._tender(asked), self.float_left)

    def _sale_refusal(self, asked: Asked) -> Refusal | None:
        """What stops a sale that was quoted."""
        faults, meter = self.world.faults, self.meters.get(asked.meter)
        if faults.takes("float_empty") or (meter is not None and meter.float_empty):
            return FLOAT_EMPTY
        if faults.takes("blocked_after_quote"):
            return "BlockedMeterEx", "Meter is blocked"
        if faults.takes("refuse_after_money"):
            return "LatestKRNEx", "Meter key is out of date"
        return None

    def _refuse(self, asked: Asked, kind: str, words: str) -> Response:
        """Refuse a sale, and remember that we did: an advice about it finds this answer."""
        inside = self._writer(asked).fault_inside(kind, words)
        response = self._writer(asked).fault(inside, words)
        at = self.world.clock.monotonic()
        self._remember(asked, _Answered(asked, response, inside, "b:XMLVendFaultResp", at))
        return response

    def _fault(self, asked: Asked, kind: str, words: str, code: str = "") -> Response:
        writer = self._writer(asked)
        return writer.fault(writer.fault_inside(kind, words, code), words)

    def _crossed(self, sale: Sale) -> Response:
        other = next(meter for meter in self.meters.values() if meter.number != sale.meter.number)
        crossed = dataclasses.replace(sale, meter=other, credit_token=unloadable_token(self.world.random))
        date_time, _, number = sale.message_id.partition("-")
        writer = dataclasses.replace(
            self._writer_for(sale.terminal_id, sale.message_id),
            message_id=f"{date_time}-{(int(number) + 1) % 1_000_000:06}",
        )
        return writer.response("r:creditVendResp", sale_inside(writer, crossed, self.float_left))

    # --- small things

    def _tender(self, asked: Asked) -> Money:
        return asked.amount if asked.amount is not None else self._money(0)

    def _money(self, minor: int) -> Money:
        return Money(minor, self.config.currency)

    def _writer(self, asked: Asked) -> Writer:
        return self._writer_for(asked.terminal_id, asked.message_id)

    def _writer_for(self, terminal_id: str, message_id: str) -> Writer:
        at = self.world.clock.now().astimezone(ZoneInfo(self.config.time_zone))
        return Writer(self.config.currency, self.config.client_id, terminal_id, message_id, at)


#: What a fault echoes when the request could not be read.
_NOBODY = Asked("", "", "0", "00000000000000-0", "", "")
