"""What a purchase costs in messages of the bot: each is read by a person, and on WhatsApp each is paid for."""

from __future__ import annotations

import pytest

from tests.invariants import spaced
from tests.transcripts.performance import Mode
from tests.transcripts.theatre import Theatre, named

RETURNING_MAX = 3
FIRST_PURCHASE_MAX = 6

#: Messages after the customer's first line, edits not counted. WhatsApp tells the number, Telegram has it shared.
COSTS = {
    "returning": 3,
    "swahili/returning": 3,
    "whatsapp/returning": 3,
    "whatsapp/swahili/returning": 3,
    "first_purchase": 6,
    "swahili/first_purchase": 6,
    "whatsapp/first_purchase": 5,
    "whatsapp/swahili/first_purchase": 5,
    "one_line": 4,
    "whatsapp/one_line": 3,
}
SMALLEST_FIRST = sorted(COSTS, key=COSTS.__getitem__)


@pytest.mark.parametrize("name", SMALLEST_FIRST)
async def test_the_cost_of_a_purchase_in_messages_stays_what_it_is(name: str, theatre: Theatre) -> None:
    async with theatre.performance(named(name), Mode.STRAIGHT) as played:
        assert played.doorway.messages == COSTS[name]


def test_no_purchase_costs_more_than_was_promised() -> None:
    assert max(cost for name, cost in COSTS.items() if name.endswith("returning")) <= RETURNING_MAX
    assert max(COSTS.values()) <= FIRST_PURCHASE_MAX


@pytest.mark.parametrize("name", SMALLEST_FIRST)
async def test_receipt_and_token_are_one_message(name: str, theatre: Theatre) -> None:
    async with theatre.performance(named(name), Mode.STRAIGHT) as played:
        sandbox = played.town.sandbox
        sale = sandbox.xmlvend.sales[-1]
        shown = [message.text for message in played.chat.shown() if spaced(sale.tokens[0]) in message.text]
        assert len(shown) == 1
        for value in (sale.meter.number, sandbox.daraja.transactions[-1].receipt, f"{sale.amount.minor // 100:,}"):
            assert value in shown[0]
