"""A utility that sells through an XMLVend 2.1 server (NRS 009-6-10), generic profile. All reading is in wire.py."""

from __future__ import annotations

from integrations.contract.exchange import NotSent, Send, Unknown
from integrations.contract.money import Money
from integrations.contract.outcomes import FindOutcome, QuoteOutcome, VendEnquiry, VendOutcome
from integrations.contract.parties import AfterNotFound, MeterShape, Pace, VendOrder
from integrations.contract.people import MeterNumber
from integrations.contract.seams import Clock, Random
from integrations.utilities.xmlvend import wire
from integrations.utilities.xmlvend.config import XmlVendConfig
from integrations.utilities.xmlvend.ids import MessageId, question_id, sale_reference


class XmlVend:
    """Finds, quotes, sells and asks again. Holds no state: what must be remembered is in the sale's reference."""

    name = "xmlvend"

    def __init__(self, config: XmlVendConfig, send: Send, clock: Clock, random: Random) -> None:
        self._config = config
        self._send = send
        self._clock = clock
        self._random = random
        self.title = config.title
        self.currency = config.currency
        self.shape = MeterShape(config.meter_lengths, config.luhn)
        self.minimum = config.minimum
        self.maximum = config.maximum
        self.pace = Pace(
            timeout=config.timeout_seconds,
            polls=config.polls,
            settle=config.settle_seconds,
            after_not_found=(
                AfterNotFound.FRESH_REFERENCE if config.keeps_every_response else AfterNotFound.A_PERSON
            ),
        )  # fmt: skip

    def new_reference(self, clock: Clock, random: Random) -> str:
        """The message id and the terminal of one sale: `20260131101500-000102-0000000000002`."""
        config = self._config
        return str(sale_reference(clock.now(), config.zone, random.digits(6), config.sale_terminals))

    async def find(self, meter: MeterNumber, deadline: float) -> FindOutcome:
        """Confirm the customer. Money: none moves."""
        asking = self._question_id()
        sent = await self._send(wire.confirm_customer(self._config, asking, meter), deadline)
        if isinstance(sent, NotSent | Unknown):
            return sent
        return wire.found(sent, asking, meter, self._config)

    async def quote(self, meter: MeterNumber, amount: Money, deadline: float) -> QuoteOutcome:
        """Try a sale. Money: none moves; the server checks the meter and our float as for a real one."""
        asking = self._question_id()
        sent = await self._send(wire.trial_vend(self._config, asking, meter, amount), deadline)
        if isinstance(sent, NotSent | Unknown):
            return sent
        return wire.quoted(sent, asking, meter, amount, self._config)

    async def vend(self, order: VendOrder, deadline: float) -> VendOutcome:
        """Sell once. Money: irreversible at the server once it has made a token, whether or not we hear of it."""
        sent = await self._send(wire.credit_vend(self._config, order), deadline)
        if isinstance(sent, NotSent | Unknown):
            return sent
        return wire.vended(sent, order, self._config)

    async def enquire(self, order: VendOrder, deadline: float) -> VendEnquiry:
        """Ask for the last response to this order. Money: none moves."""
        asking = self._question_id()
        sent = await self._send(wire.last_response(self._config, asking, order), deadline)
        if isinstance(sent, NotSent | Unknown):
            return sent
        return wire.last_answered(sent, asking, order, self._config)

    def _question_id(self) -> MessageId:
        return question_id(self._clock.now(), self._config.zone, self._random.digits(6))
