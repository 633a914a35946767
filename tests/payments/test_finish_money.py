"""What money makes of a payment: once, twice, late, of another amount, and with whose receipt number."""

from __future__ import annotations

import pytest

from bot import notices
from bot.payments.machine import State
from bot.payments.plan import Enquire
from bot.payments.rows import AttemptState
from bot.payments.schedule import SLOW_AFTER_MS
from bot.payments.worker import Outcome
from bot.store.change import Change, Done, Insert
from bot.store.change import Refused as RefusedByStore
from integrations.contract.money import Money
from integrations.contract.outcomes import (
    Collected,
    Declined,
    Expired,
    NotFound,
)
from integrations.contract.parties import AfterNotFound
from tests.payments.alone import (
    AMOUNT,
    CANCELLED,
    EXPIRED,
    LOST,
    PAID,
    PENDING,
    PROMPTED,
    SOLD,
    TOTAL,
    Alone,
    first,
    settled_seconds,
)

# --- money


WAYS: list[tuple[tuple[Outcome, ...], bool]] = [
    ((LOST,), False),
    ((PROMPTED,), False),
    ((PROMPTED, CANCELLED), True),
    ((PROMPTED, EXPIRED), True),
]


@pytest.mark.parametrize(("way", "late"), WAYS)
def test_F030_collected_money_is_booked_told_and_vended_at_once(way: tuple[Outcome, ...], late: bool) -> None:
    one = Alone()
    one.goes(*way)
    one.hint()
    one.goes(PAID)
    assert (one.state, one.attempt_state("prompt1"), one.due_in) == (State.PAID, AttemptState.YES, 0)
    assert one.accounts == {"operator_clearing:mpesa": 510, "customer_held:it": -510}
    assert one.told[-1] == first(notices.paid(one.payment, one.parties.trade, late=late))
    assert [row["kind"] for row in one.tables["input"]] == ["fact"]
    assert not one.locked


def test_the_receipt_number_comes_from_the_enquiry_or_else_from_the_callback() -> None:
    asked, called, neither = Alone(), Alone(), Alone()
    for one in (asked, called, neither):
        one.goes(PROMPTED)
    called.hint(proof="SKCALLED01")
    asked.goes(Collected("SKASKED001", None))
    called.goes(Collected(None, None))
    neither.goes(Collected(None, None))
    proofs = [one.attempt("prompt1").proof for one in (asked, called, neither)]
    assert proofs == ["SKASKED001", "SKCALLED01", "ws_CO_1"]


def test_a_receipt_number_that_comes_later_replaces_what_stood_in_for_it() -> None:
    one = Alone()
    one.goes(PROMPTED, Collected(None, None))
    one.hint(proof="SK00000007")
    one.goes(Collected(None, None))
    assert (one.attempt("prompt1").proof, one.tables["attempt"][0]["proof_key"]) == ("SK00000007", "mpesa:SK00000007")
    assert (one.cases, one.due_in, one.events.count("collected")) == ([], 0, 1)


def test_F040_a_forged_receipt_number_replaces_no_true_one() -> None:
    one = Alone()
    one.goes(PROMPTED)
    one.hint(proof="SK00000001")
    one.goes(Collected(None, None), SOLD)
    one.hint(proof="SKF0RGED99")
    one.goes(Collected(None, None))
    assert (one.attempt("prompt1").proof, one.cases) == ("SK00000001", ["two_receipts"])
    assert one.accounts == {"operator_clearing:mpesa": 510, "utility_float:xmlvend": -500, "fees": -10}


@pytest.mark.parametrize("wrong", [TOTAL - Money(1, "KES"), TOTAL + Money(1, "KES"), AMOUNT, Money(-51_000, "KES")])
def test_F031_another_amount_than_was_asked_never_vends(wrong: Money) -> None:
    by_enquiry, by_callback = Alone(), Alone()
    for one in (by_enquiry, by_callback):
        one.goes(PROMPTED)
    by_enquiry.goes(Collected("SK00000001", wrong))
    by_callback.hint(amount=wrong)
    by_callback.goes(Collected(None, None))
    for one in (by_enquiry, by_callback):
        assert (one.state, one.cases, one.accounts) == (State.PROMPTED, ["amount_mismatch"], {})
        assert not one.locked, "the prompt is answered, so its phone is free"
        assert isinstance(one.claim(), Enquire)


def test_F031_money_of_another_currency_never_vends() -> None:
    one = Alone()
    one.goes(PROMPTED, Collected("SK00000001", Money(51_000, "TZS")))
    assert (one.state, one.cases) == (State.PROMPTED, ["amount_mismatch"])


def test_what_a_failed_callback_says_of_an_amount_is_no_amount() -> None:
    one = Alone()
    one.goes(PROMPTED)
    one.hint(success=False)
    one.goes(Collected(None, None))
    assert one.state is State.PAID


def test_F029_a_true_claim_of_success_survives_a_failure_claimed_after_it() -> None:
    one = Alone()
    one.goes(PROMPTED)
    one.hint(proof="SK00000001")
    one.hint(success=False)
    one.goes(Collected(None, None))
    assert one.attempt("prompt1").proof == "SK00000001"


@pytest.mark.parametrize("no", [CANCELLED, EXPIRED])
def test_F029_a_no_after_the_yes_changes_nothing_and_opens_a_case(no: Declined | Expired) -> None:
    one = Alone()
    one.goes(PROMPTED, PAID, SOLD)
    one.hint(success=False)
    one.goes(no)
    assert (one.state, one.attempt_state("prompt1"), one.cases) == (State.VENDED, AttemptState.YES, ["contradiction"])
    assert one.tables["payment_event"][-1]["detail"] == f"contradiction {no.code}"
    assert len(one.tables["posting"]) == 5


def test_F032_I07_a_receipt_number_that_paid_another_order_is_refused_by_the_store() -> None:
    one = Alone()
    one.goes(PROMPTED)
    another = {"id": "p2.prompt1", "payment_id": "p2", "reference": "another", "proof_key": "mpesa:SK00000001"}
    mine = {**one.tables.row("attempt", one.attempt("prompt1").id), "undecided_key": None, "callback_hash": None}
    assert one.tables.write(Change(inserts=(Insert("attempt", {**mine, **another}),))) == Done()
    assert one.answer(one.claim(), PAID) == RefusedByStore("one_payment_per_proof")
    assert (one.state, one.accounts) == (State.PROMPTED, {})


# --- a second prompt of one order


def paid_late(one: Alone) -> None:
    """The first prompt ran out, a second one is shown, and the first is paid after all."""
    one.goes(PROMPTED, EXPIRED)
    one.wish(1)
    one.goes(PROMPTED)
    one.hint(number=1)
    one.goes(PAID)


def test_I01_money_by_an_earlier_prompt_leaves_the_phone_taken_while_the_later_one_stands() -> None:
    one = Alone()
    paid_late(one)
    locked = [one.locked]
    for outcome in (LOST, SOLD):
        one.goes(outcome)
        locked.append(one.locked)
    one.pass_(60)
    one.goes(EXPIRED)
    locked.append(one.locked)
    assert (one.state, locked) == (State.VENDED, [True, True, True, False])
    assert one.attempt_state("prompt2") is AttemptState.NO


def test_a_second_collection_is_a_surplus_and_never_an_event_of_the_payment() -> None:
    one = Alone()
    paid_late(one)
    one.goes(SOLD)
    one.pass_(60)
    one.goes(Collected("SK00000002", None))
    assert (one.state, one.cases, one.events.count("collected")) == (State.VENDED, ["surplus"], 1)
    assert one.accounts["suspense:surplus"] == -510
    assert one.accounts["operator_clearing:mpesa"] == 1020
    assert one.told[-1] == first(notices.surplus(one.payment, one.parties.trade))
    assert not one.locked


def test_the_receipt_names_the_money_that_bought_it_and_not_a_surplus() -> None:
    one = Alone()
    one.goes(PROMPTED, EXPIRED)
    one.wish(1)
    one.goes(PROMPTED, Collected("SK00000002", None), LOST)
    one.hint(number=1)
    one.goes(Collected("SK00000001", None), SOLD)
    body = one.last_words
    assert "SK00000002" in body
    assert "SK00000001" not in body


def test_a_second_prompt_without_an_answer_is_no_question_to_who_has_paid() -> None:
    one = Alone()
    paid_late(one)
    one.goes(SOLD)
    told = len(one.told)
    one.pass_(SLOW_AFTER_MS / 1000)
    one.goes(PENDING)
    assert (one.cases, len(one.told)) == (["prompt_slow"], told)


@pytest.mark.parametrize("kind", [AfterNotFound.SAME_REFERENCE, AfterNotFound.FRESH_REFERENCE])
def test_a_second_prompt_that_is_proved_not_there_is_over_once_the_order_is_paid(kind: AfterNotFound) -> None:
    one = Alone(after_not_found=kind)
    one.goes(PROMPTED, EXPIRED)
    one.wish(1)
    one.goes(LOST)
    one.hint(theirs="ws_CO_1", number=1)
    one.goes(PAID, SOLD)
    one.waits(settled_seconds(one))
    one.pass_(one.due_in or 0)
    one.goes(NotFound())
    assert (one.state, one.attempt_state("prompt2"), one.cases) == (State.VENDED, AttemptState.NO, [])
    assert not one.locked
