"""The adapter in front of its far side: whole purchases, and each fault the far side can be told to make."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.money import Money
from integrations.contract.outcomes import (
    Account,
    CannotVend,
    NoSuchMeter,
    NotFound,
    Quote,
    TokenKind,
    Vended,
    VendReason,
    VendRefused,
)
from integrations.contract.parties import VendOrder
from integrations.contract.people import MeterNumber
from integrations.sandbox.xmlvend import FAULTS, SEED_METERS, SandboxMeter, XmlVendSideConfig
from tests.utilities.xmlvend.fakes import CONFIG, METER, Bench, bench

SELLING = [meter for meter in SEED_METERS if not (meter.blocked or meter.float_empty)]
STRICT = XmlVendSideConfig(CONFIG.client_id, CONFIG.operator_name, CONFIG.password, keeps_only_last=True)


async def vend(party: Bench, order: VendOrder) -> object:
    return await party.utility.vend(order, party.deadline)


async def enquire(party: Bench, order: VendOrder) -> object:
    return await party.utility.enquire(order, party.deadline)


def books(party: Bench) -> list[tuple[str, Money]]:
    return [(sale.meter.number, sale.amount) for sale in party.side.sales]


# --- without faults


@pytest.mark.parametrize("meter", SELLING, ids=lambda meter: meter.number)
async def test_a_whole_purchase_of_each_selling_meter(meter: SandboxMeter) -> None:
    party, number = bench(), MeterNumber(meter.number)
    account = await party.utility.find(number, party.deadline)
    assert isinstance(account, Account)
    assert (account.owner, account.minimum) == (meter.owner, Money(meter.minimum_minor, "KES"))
    quote = await party.utility.quote(number, Money.of(1000, "KES"), party.deadline)
    order = party.order(meter.number, 1000)
    vended = await vend(party, order)
    assert isinstance(quote, Quote)
    assert isinstance(vended, Vended)
    assert (quote.units_text, quote.unit, quote.charges) == (vended.units_text, vended.unit, vended.charges)
    assert [token.number.reveal() for token in vended.tokens] == list(party.side.sales[0].tokens)
    assert sum(charge.amount.minor for charge in vended.charges) == order.amount.minor
    assert not [note for note in vended.notes if note.startswith("check: ")]
    assert not any(token.number.loadable for token in vended.tokens)


async def test_F053_asked_again_the_utility_tells_the_same_sale() -> None:
    party = bench()
    order = party.order()
    assert await vend(party, order) == await enquire(party, order)
    assert books(party) == [(METER.reveal(), Money.of(500, "KES"))]


async def test_the_key_change_meter_brings_three_tokens_once() -> None:
    party = bench()
    first = await vend(party, party.order("14120000022"))
    second = await vend(party, party.order("14120000022"))
    assert isinstance(first, Vended)
    assert isinstance(second, Vended)
    assert [token.kind for token in first.tokens] == [TokenKind.KEY_CHANGE, TokenKind.KEY_CHANGE, TokenKind.CREDIT]
    assert first.notes == ("Type the key change tokens first, in order.",)
    assert [token.kind for token in second.tokens] == [TokenKind.CREDIT]


async def test_the_meter_with_free_units_brings_them_once_and_first() -> None:
    party = bench()
    first = await vend(party, party.order("14120000048"))
    assert isinstance(first, Vended)
    assert [(token.kind, token.units_text) for token in first.tokens] == [
        (TokenKind.FREE, "10.0"),
        (TokenKind.CREDIT, first.units_text),
    ]
    assert not party.side.meters["14120000048"].free_due


async def test_F059_the_meter_in_arrears_pays_its_fee_once_and_its_debt_step_by_step() -> None:
    party = bench()
    first = await vend(party, party.order("14120000030", 1000))
    second = await vend(party, party.order("14120000030", 1000))
    assert isinstance(first, Vended)
    assert isinstance(second, Vended)
    assert [charge.label for charge in first.charges] == ["Domestic", "VAT", "Service fee", "Arrears"]
    assert first.notes == ("Arrears: 915.00 KES",)
    assert [charge.label for charge in second.charges] == ["Domestic", "VAT", "Arrears"]
    assert second.notes == ("Arrears: 615.00 KES",)


async def test_F060_a_blocked_meter_is_caught_before_money() -> None:
    party, number = bench(), MeterNumber("14120000014")
    assert await party.utility.find(number, party.deadline) == CannotVend("blocked", "canVend is false")
    quote = await party.utility.quote(number, Money.of(500, "KES"), party.deadline)
    assert quote == VendRefused(VendReason.BLOCKED, "BlockedMeterEx", "Meter is blocked")


@pytest.mark.parametrize("number", ["04257670465", "04257670456", "1111111111111", "6745548846"])
async def test_a_meter_nobody_has_is_no_such_meter(number: str) -> None:
    party = bench()
    assert await party.utility.find(MeterNumber(number), party.deadline) == NoSuchMeter()
    refused = await vend(party, party.order(number))
    assert isinstance(refused, VendRefused)
    assert refused.reason is VendReason.UNKNOWN_METER


@pytest.mark.parametrize(("shillings", "words"), [(999, "below the minimum"), (35_001, "above the maximum")])
async def test_F060_an_amount_outside_the_meters_limits_is_refused(shillings: int, words: str) -> None:
    party = bench()
    outcome = await party.utility.quote(MeterNumber("14120000055"), Money.of(shillings, "KES"), party.deadline)
    assert outcome == VendRefused(VendReason.OTHER, "BusinessRuleEx", f"Amount is {words}")


async def test_F064_the_meter_without_float_is_quoted_and_refused_until_the_float_is_restored() -> None:
    party = bench()
    order = party.order("14120000063")
    assert isinstance(await party.utility.quote(order.meter, order.amount, party.deadline), Quote)
    refused = VendRefused(VendReason.NO_FLOAT, "VendorCreditEx", "Vendor credit is too low")
    assert await vend(party, order) == refused
    assert await enquire(party, order) == refused
    party.side.restore_float(Money.of(10, "KES"))
    assert isinstance(await vend(party, party.order("14120000063")), Vended)


async def test_F064_the_float_falls_with_each_sale_and_a_quote_sees_the_end_of_it() -> None:
    party = bench(side=replace(STRICT, float_minor=90_000))
    assert isinstance(await vend(party, party.order()), Vended)
    assert party.side.float_left == Money.of(400, "KES")
    outcome = await party.utility.quote(METER, Money.of(500, "KES"), party.deadline)
    assert outcome == VendRefused(VendReason.NO_FLOAT, "VendorCreditEx", "Vendor credit is too low")


async def test_nothing_is_sent_when_the_deadline_has_passed() -> None:
    party = bench()
    order = party.order()
    for outcome in (
        await party.utility.find(METER, 0.0),
        await party.utility.quote(METER, order.amount, 0.0),
        await party.utility.vend(order, 0.0),
        await party.utility.enquire(order, 0.0),
    ):
        assert isinstance(outcome, NotSent)
    assert not party.network.sent


async def test_each_call_is_one_request_and_nothing_is_repeated() -> None:
    party = bench()
    party.faults.arm("busy", -1)
    await party.utility.find(METER, party.deadline)
    await party.utility.quote(METER, Money.of(500, "KES"), party.deadline)
    await vend(party, party.order())
    await enquire(party, party.order())
    assert len(party.network.sent) == 4


async def test_questions_and_sales_use_their_own_terminals_and_an_enquiry_the_sales() -> None:
    party = bench(replace(CONFIG, terminal_ids=("ask", "sell")), side=STRICT)
    order = party.order()
    await vend(party, order)
    await party.utility.find(METER, party.deadline)
    await party.utility.quote(METER, order.amount, party.deadline)
    assert isinstance(await enquire(party, order), Vended)
    used = [b'id="ask"' in request.body for request in party.network.sent]
    assert used == [False, True, True, False]


async def test_an_enquiry_finds_a_sale_although_the_terminals_were_changed_meanwhile() -> None:
    before, after = bench(), bench(replace(CONFIG, terminal_ids=("new",)))
    order = before.order()
    after.side._answers = before.side._answers
    await vend(before, order)
    assert isinstance(await enquire(after, order), Vended)


# --- faults


async def test_F053_sold_and_lost_is_unknown_and_found_by_asking() -> None:
    party = bench()
    party.faults.arm("sell_then_timeout")
    order = party.order()
    assert await vend(party, order) == Unknown("timeout")
    assert isinstance(await enquire(party, order), Vended)
    assert len(books(party)) == 1


async def test_F056_a_utility_that_is_down_sold_nothing_and_says_so_when_it_is_back() -> None:
    party = bench()
    party.faults.arm("utility_down", 2)
    order = party.order()
    assert await vend(party, order) == Unknown("timeout")
    assert await enquire(party, order) == Unknown("timeout")
    assert await enquire(party, order) == NotFound("LastResponseEx")
    assert isinstance(await vend(party, party.order()), Vended)
    assert len(books(party)) == 1


async def test_a_busy_utility_is_unknown_and_then_not_found() -> None:
    party = bench()
    party.faults.arm("busy")
    order = party.order()
    assert await vend(party, order) == Unknown("fault SystemEx VD.17020008 System busy processing orders")
    assert await enquire(party, order) == NotFound("LastResponseEx")
    assert not books(party)


async def test_an_error_page_after_the_sale_is_unknown_and_found_by_asking() -> None:
    party = bench()
    party.faults.arm("answer_garbled_after_sale")
    order = party.order()
    assert await vend(party, order) == Unknown("http 200: the answer is not XML")
    assert isinstance(await enquire(party, order), Vended)


@pytest.mark.parametrize(
    ("fault", "reason", "kind"),
    [
        ("float_empty", VendReason.NO_FLOAT, "VendorCreditEx"),
        ("blocked_after_quote", VendReason.BLOCKED, "BlockedMeterEx"),
        ("refuse_after_money", VendReason.METER_DATA, "LatestKRNEx"),
    ],
)
async def test_a_refusal_after_the_quote_is_proof_and_stays_so(fault: str, reason: VendReason, kind: str) -> None:
    party = bench()
    party.faults.arm(fault)
    order = party.order()
    assert isinstance(await party.utility.quote(order.meter, order.amount, party.deadline), Quote)
    refused = await vend(party, order)
    assert isinstance(refused, VendRefused)
    assert (refused.reason, refused.code) == (reason, kind)
    assert await enquire(party, order) == refused
    assert not books(party)


async def test_F054_a_fresh_sale_may_be_not_found_before_the_settle_time_and_not_after() -> None:
    party = bench()
    party.faults.arm("sell_then_timeout")
    party.faults.arm("advice_not_yet", -1)
    order = party.order()
    await party.utility.vend(order, party.clock.monotonic() + 1)
    assert await enquire(party, order) == NotFound("LastResponseEx")
    await party.clock.sleep(party.utility.pace.settle)
    assert isinstance(await enquire(party, order), Vended)


async def test_F063_a_crossed_reply_is_not_believed_and_ours_is_found_by_asking() -> None:
    party = bench()
    party.faults.arm("crossed_reply")
    order = party.order()
    assert await vend(party, order) == Unknown("http 200: the sale answers another message")
    vended = await enquire(party, order)
    assert isinstance(vended, Vended)
    assert [token.number.reveal() for token in vended.tokens] == list(party.side.sales[0].tokens)
    assert books(party) == [(METER.reveal(), Money.of(500, "KES"))]


def test_every_fault_has_a_test_here_and_a_sentence_for_the_page() -> None:
    tests = Path(__file__).read_text()
    assert all(f'"{name}"' in tests for name in FAULTS)
    assert all(sentence.endswith(".") for sentence in FAULTS.values())


# --- repeats


async def test_F058_the_same_sale_sent_twice_is_sold_once() -> None:
    party = bench()
    order = party.order()
    assert await vend(party, order) == await vend(party, order)
    assert len(books(party)) == 1


async def test_F058_where_a_repeat_is_a_fault_it_is_unknown_and_found_by_asking() -> None:
    party = bench(side=replace(STRICT, duplicate_is_fault=True))
    order = party.order()
    first = await vend(party, order)
    assert await vend(party, order) == Unknown("fault DuplicateMsgIDEx Message id was used before")
    assert await enquire(party, order) == first


async def test_a_reference_bound_to_other_values_is_refused_and_sells_nothing() -> None:
    party = bench()
    order = party.order()
    await vend(party, order)
    again = await vend(party, replace(order, amount=Money.of(600, "KES")))
    assert again == Unknown("fault DuplicateMsgIDEx Message id was used before")
    assert len(books(party)) == 1


async def test_where_only_the_last_response_is_kept_an_older_sale_is_not_found() -> None:
    party = bench(replace(CONFIG, terminal_ids=("only",)), side=STRICT)
    first, second = party.order(), party.order()
    await vend(party, first)
    await vend(party, second)
    assert await enquire(party, first) == NotFound("LastResponseEx")
    assert isinstance(await enquire(party, second), Vended)
