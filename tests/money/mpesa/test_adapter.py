"""The adapter against the sandbox's Daraja: every way a prompt can go, and one push for each."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bot.clock import CROCKFORD
from integrations.contract.exchange import NotSent
from integrations.contract.money import Money
from integrations.contract.outcomes import (
    CallbackSeen,
    CannotAsk,
    Collected,
    Declined,
    Expired,
    NotFound,
    Pending,
    Reason,
    Refused,
)
from integrations.contract.parties import AfterNotFound, MobileMoney
from integrations.contract.people import Phone, Secret
from integrations.sandbox.daraja import DarajaSide
from integrations.sandbox.far_side import FarSide
from tests.money.mpesa.world import (
    MSISDN,
    PAYER,
    Bench,
    FakeClock,
    collection,
    config,
    side_config,
)
from tests.seams import SeededRandom

PUSH = "/stkpush/"


# --- the declared facts


def test_the_adapter_and_the_far_side_have_the_shapes_of_the_contract() -> None:
    bench = Bench()
    adapter: MobileMoney = bench.mpesa
    side: FarSide = bench.side
    assert (adapter.name, adapter.currency, side.name) == ("mpesa", "KES", "daraja")
    assert not adapter.callbacks_proved


def test_S49_the_limits_are_those_of_the_settings_in_whole_shillings() -> None:
    rules = Bench(settings=config(minimum=10, maximum=150_000)).mpesa.rules
    assert (rules.minimum, rules.maximum, rules.step) == (
        Money.of(10, "KES"),
        Money.of(150_000, "KES"),
        Money.of(1, "KES"),
    )


def test_F014_a_prompt_that_is_not_found_is_a_matter_for_a_person() -> None:
    pace = Bench().mpesa.pace
    assert pace.after_not_found is AfterNotFound.A_PERSON
    assert pace.settle >= 180
    assert pace.polls[0] == 10.0
    assert sum(pace.polls[:10]) == 90.0


def test_references_are_twelve_letters_and_digits_and_differ() -> None:
    bench, luck = Bench(), SeededRandom()
    references = [bench.mpesa.new_reference(FakeClock(), luck) for _ in range(200)]
    assert len(set(references)) == 200
    assert all(len(reference) == 12 and set(reference) <= set(CROCKFORD) for reference in references)


@pytest.mark.parametrize("number", ["+254712345678", "+254722345678", "+254110345678", "+254757345678"])
def test_F020_a_safaricom_number_is_recognised(number: str) -> None:
    assert Bench().mpesa.serves(Phone(number))


@pytest.mark.parametrize("number", ["+254733345678", "+254100345678", "+254756345678", "+255712345678"])
def test_F020_another_networks_number_is_not(number: str) -> None:
    assert not Bench().mpesa.serves(Phone(number))


# --- the ways of a prompt


async def test_a_payer_who_enters_the_pin_has_paid() -> None:
    bench = Bench()
    prompt = await bench.prompted()
    assert (prompt.amount, prompt.account, prompt.merchant) == (Money.of(500, "KES"), "BILI4412", "BILI")
    assert await bench.enquire(prompt.id) == Pending()

    await bench.side.enter_pin(prompt.id, "1234")
    assert await bench.enquire(prompt.id) == Collected(None, None)
    assert bench.callbacks == []
    await bench.pass_time(1.0)
    assert bench.callbacks == [CallbackSeen(prompt.id, True, prompt.receipt, Money.of(500, "KES"), MSISDN)]
    assert bench.side.handset(MSISDN).balance == Money.of(4_500, "KES")


async def test_I02_our_reference_travels_with_the_push() -> None:
    bench = Bench()
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "1234")
    assert [transaction.description for transaction in bench.side.transactions] == [collection().reference]


async def test_F010_a_wrong_pin_is_declined() -> None:
    bench = Bench()
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "9999")
    assert await bench.enquire(prompt.id) == Declined(Reason.WRONG_PIN, "2001")
    await bench.pass_time(1.0)
    assert bench.callbacks == [CallbackSeen(prompt.id, claims_success=False)]


async def test_a_locked_pin_is_declined() -> None:
    bench = Bench()
    bench.side.handset(MSISDN).wrong_pins = 3
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "1234")
    assert await bench.enquire(prompt.id) == Declined(Reason.WRONG_PIN, "8006")


async def test_a_cancelled_prompt_is_declined() -> None:
    bench = Bench()
    prompt = await bench.prompted()
    await bench.side.cancel(prompt.id)
    assert await bench.enquire(prompt.id) == Declined(Reason.CANCELLED, "1032")


async def test_an_empty_account_is_declined() -> None:
    bench = Bench()
    bench.side.handset(MSISDN).balance = Money.of(499, "KES")
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "1234")
    assert await bench.enquire(prompt.id) == Declined(Reason.NO_BALANCE, "1")
    assert bench.side.handset(MSISDN).balance == Money.of(499, "KES")


async def test_F012_a_prompt_nobody_answers_expires_by_darajas_word_and_not_before() -> None:
    bench = Bench()
    prompt = await bench.prompted()
    await bench.pass_time(59.9)
    assert await bench.enquire(prompt.id) == Pending()
    await bench.pass_time(0.2)
    assert await bench.enquire(prompt.id) == Expired("1037")
    await bench.pass_time(1.0)
    assert bench.callbacks == [CallbackSeen(prompt.id, claims_success=False)]


async def test_F042_both_ways_of_saying_pending_are_pending() -> None:
    bench = Bench(side_settings=side_config(pending_style="500"))
    assert await bench.enquire((await bench.prompted()).id) == Pending()


async def test_F014_without_the_operators_id_there_is_no_asking() -> None:
    bench = Bench()
    assert await bench.enquire(None) == CannotAsk()
    assert bench.requests == []


async def test_an_id_daraja_does_not_know_is_not_found() -> None:
    assert await Bench().enquire("ws_CO_050120260900017712345678") == NotFound("400.002.02")


async def test_F011_a_second_prompt_on_one_phone_is_refused_as_busy() -> None:
    bench = Bench()
    await bench.prompted()
    refused = await bench.prompt(reference="8Q2MX4T9KD3V")
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.code) == (Reason.BUSY, "500.001.1001")
    assert len(bench.side.prompts()) == 1


async def test_the_same_again_too_soon_is_declined_as_busy() -> None:
    bench = Bench(side_settings=side_config(repeat_guard_seconds=120.0))
    await bench.side.cancel((await bench.prompted()).id)
    prompt = await bench.prompted(reference="8Q2MX4T9KD3V")
    assert await bench.enquire(prompt.id) == Declined(Reason.BUSY, "17")


async def test_what_is_unfit_is_refused_without_a_request() -> None:
    bench = Bench()
    refused = await bench.prompt(amount=Money(50_050, "KES"))
    assert isinstance(refused, Refused)
    assert bench.requests == []


async def test_a_passed_deadline_means_nothing_was_sent() -> None:
    bench = Bench()
    await bench.prompted(payer=Phone("+254722345678"))
    assert isinstance(await bench.mpesa.prompt(collection(), bench.clock.monotonic()), NotSent)
    assert len(bench.side.prompts()) == 1


# --- settings that are wrong (F-022)


async def test_F022_a_wrong_key_is_our_fault_and_pushes_nothing() -> None:
    bench = Bench(settings=config(consumer_secret=Secret("test-other-secret")))
    assert await bench.prompt() == Refused(Reason.OUR_FAULT, "400.008.01")
    assert bench.sent_to(PUSH) == []


@pytest.mark.parametrize(
    "change", [{"passkey": Secret("test-other-passkey")}, {"shortcode": "600000", "party_b": "174379"}]
)
async def test_F022_a_wrong_passkey_or_short_code_is_our_fault(change: dict[str, object]) -> None:
    refused = await Bench(settings=config(**change)).prompt()
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.code) == (Reason.OUR_FAULT, "500.001.1001")


async def test_a_till_that_is_not_ours_is_declined_as_our_fault() -> None:
    bench = Bench(settings=config(party_b="555123", transaction_type="CustomerBuyGoodsOnline"))
    prompt = await bench.prompted()
    assert await bench.enquire(prompt.id) == Declined(Reason.OUR_FAULT, "2028")


async def test_a_till_that_is_ours_is_paid() -> None:
    bench = Bench(
        settings=config(party_b="555123", transaction_type="CustomerBuyGoodsOnline"),
        side_settings=side_config(till="555123"),
    )
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "1234")
    assert await bench.enquire(prompt.id) == Collected(None, None)


async def test_F016_a_server_with_the_wrong_time_zone_is_not_a_problem() -> None:
    bench = Bench(side_settings=side_config(nairobi_timestamps=True))
    assert bench.clock.now() == datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
    await bench.prompted()


async def test_S08_a_banned_word_in_the_callback_address_is_our_fault() -> None:
    bench = Bench()
    refused = await bench.prompt(callback_url="https://bili.test/c/aaSQLaa")
    assert isinstance(refused, Refused)
    assert (refused.reason, bench.requests) == (Reason.OUR_FAULT, [])


async def test_S08_and_daraja_refuses_it_too_where_we_leave_it_to_them() -> None:
    bench = Bench(settings=config(banned_words=()))
    refused = await bench.prompt(callback_url="https://bili.test/c/aaSQLaa")
    assert refused == Refused(Reason.OUR_FAULT, "400.002.02", "Bad Request - Invalid CallBackURL")


# --- what is said about people


async def test_S20_no_number_or_secret_stands_in_an_outcome() -> None:
    bench = Bench(settings=config(passkey=Secret("test-other-passkey")))
    texts = [repr(await bench.prompt()), repr(await bench.enquire("ws_CO_1")), repr(bench.settings)]
    for secret in (MSISDN, PAYER.reveal(), "test-other-passkey", "test-consumer-secret", "test-consumer-key"):
        assert not any(secret in text for text in texts)


async def test_the_far_side_takes_what_the_adapter_sends_byte_by_byte() -> None:
    bench = Bench()
    await bench.prompted()
    fields = json.loads(bench.sent_to(PUSH)[0].body)
    assert isinstance(fields["Amount"], int)
    assert all(isinstance(value, str) for name, value in fields.items() if name != "Amount")
    assert isinstance(bench.side, DarajaSide)
