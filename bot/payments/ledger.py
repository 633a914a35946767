"""Double entry in integer minor units. Rows are never updated or deleted; a correction is an opposite entry (I-12).

Accounts, per currency: `operator_clearing:<operator>` what an operator holds for us, `customer_held:<payment>` what we
hold for one payment, `utility_float:<utility>` what a utility holds for us, `fees` what we earned, `suspense:<reason>`
money that is nobody's yet. A positive leg is a debit; the legs of an entry sum to zero (I-11).
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.payments.rows import AttemptRow, PaymentRow
from bot.store.change import Insert
from integrations.contract.money import Money


def collected(payment: PaymentRow, attempt: AttemptRow, at: int) -> tuple[Insert, ...]:
    """Money proved to have come for this payment: it is now held for the customer."""
    legs = [
        (f"operator_clearing:{payment.money}", payment.total.minor),
        (f"customer_held:{payment.id}", -payment.total.minor),
    ]
    return _entry(f"{attempt.id}:collected", payment, legs, at)


def surplus(payment: PaymentRow, attempt: AttemptRow, at: int) -> tuple[Insert, ...]:
    """A second collection for one payment: it is the payer's, and never part of this payment."""
    legs = [
        (f"operator_clearing:{payment.money}", payment.total.minor),
        ("suspense:surplus", -payment.total.minor),
    ]
    return _entry(f"{attempt.id}:surplus", payment, legs, at)


def vended(payment: PaymentRow, attempt: AttemptRow, sold: Money, at: int) -> tuple[Insert, ...]:
    """The utility sold: what it took leaves our float there, the fee is earned, nothing is held any more.

    Where it took less than the order, the rest is the customer's and waits for a person (F-065).
    """
    legs = [
        (f"customer_held:{payment.id}", payment.total.minor),
        (f"utility_float:{payment.utility}", -sold.minor),
        ("suspense:change", sold.minor - payment.amount.minor),
        ("fees", -payment.fee.minor),
    ]
    return _entry(f"{attempt.id}:vended", payment, legs, at)


def _entry(name: str, payment: PaymentRow, legs: Iterable[tuple[str, int]], at: int) -> tuple[Insert, ...]:
    """One entry; a zero leg says nothing and is left out."""
    shown = [(account, minor) for account, minor in legs if minor]
    if sum(minor for _, minor in shown):
        raise AssertionError(f"the legs of {name} do not sum to zero")
    currency = payment.total.currency
    return tuple(
        Insert(
            "posting",
            {
                "entry": name,
                "account": account,
                "minor": minor,
                "currency": currency,
                "payment_id": payment.id,
                "at": at,
            },
        )
        for account, minor in shown
    )


def balance(rows: Iterable[tuple[int, str]]) -> dict[str, Money]:
    """Legs (minor, currency) summed per currency."""
    sums: dict[str, int] = {}
    for minor, currency in rows:
        sums[currency] = sums.get(currency, 0) + minor
    return {currency: Money(minor, currency) for currency, minor in sums.items()}
