"""Double entry: every entry sums to zero, and what came is always somewhere."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.payments import ledger
from bot.payments.machine import State
from bot.payments.rows import AttemptRow, PaymentRow
from bot.store.change import Insert
from integrations.contract.money import Money
from tests.payments.alone import Alone, in_state

ORDER = in_state(State.VENDING)
PROMPT, VEND = ORDER.attempt("prompt1"), ORDER.attempt("vend1")

minors = st.integers(1, 10**9)


def legs(entry: tuple[Insert, ...]) -> dict[str, int]:
    return {str(insert.row["account"]): int(str(insert.row["minor"])) for insert in entry}


def order(amount: int, fee: int) -> PaymentRow:
    return dataclasses.replace(ORDER.payment, amount=Money(amount, "KES"), fee=Money(fee, "KES"))


@given(minors, st.integers(0, 10**6), minors)
def test_I11_every_entry_sums_to_zero(amount: int, fee: int, sold: int) -> None:
    payment = order(amount, fee)
    entries = [
        ledger.collected(payment, PROMPT, 0),
        ledger.surplus(payment, PROMPT, 0),
        ledger.vended(payment, VEND, Money(sold, "KES"), 0),
    ]
    assert [sum(legs(entry).values()) for entry in entries] == [0, 0, 0]
    assert all(insert.row["minor"] for entry in entries for insert in entry), "a leg of nothing says nothing"


@given(minors, st.integers(0, 10**6), minors)
def test_I10_what_came_is_sold_earned_or_in_suspense_and_nothing_stays_held(amount: int, fee: int, sold: int) -> None:
    payment = order(amount, fee)
    books: dict[str, int] = {}
    for entry in (ledger.collected(payment, PROMPT, 0), ledger.vended(payment, VEND, Money(sold, "KES"), 0)):
        for account, minor in legs(entry).items():
            books[account] = books.get(account, 0) + minor
    assert books.pop(f"customer_held:{payment.id}") == 0
    assert books.pop("operator_clearing:mpesa") == amount + fee
    assert books.pop("utility_float:xmlvend") == -sold
    assert books.pop("fees", 0) == -fee
    assert books.pop("suspense:change", 0) == sold - amount
    assert books == {}


def test_a_surplus_is_never_held_for_the_payment_it_came_by() -> None:
    assert set(legs(ledger.surplus(ORDER.payment, PROMPT, 0))) == {"operator_clearing:mpesa", "suspense:surplus"}


@pytest.mark.parametrize("attempt", [PROMPT, VEND])
def test_an_entry_is_named_by_its_attempt_so_that_it_is_written_once(attempt: AttemptRow) -> None:
    [name] = {insert.row["entry"] for insert in ledger.collected(ORDER.payment, attempt, 0)}
    assert name == f"{attempt.id}:collected"


def test_every_leg_names_its_currency_its_payment_and_its_time() -> None:
    for insert in ledger.vended(ORDER.payment, VEND, Money.of(500, "KES"), 77):
        assert (insert.row["currency"], insert.row["payment_id"], insert.row["at"]) == ("KES", ORDER.id, 77)


def test_balances_are_kept_apart_by_currency() -> None:
    rows = [(5, "KES"), (7, "UGX"), (-2, "KES")]
    assert ledger.balance(rows) == {"KES": Money(3, "KES"), "UGX": Money(7, "UGX")}


def test_legs_that_do_not_sum_to_zero_are_a_bug_and_are_not_written() -> None:
    with pytest.raises(AssertionError, match="do not sum to zero"):
        ledger._entry("wrong", Alone().payment, [("one", 1)], 0)
