"""What can be told of a customer's payments when they ask: status, last tokens, whether one more try is possible."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from bot import notices
from bot.outbox import Buttons
from bot.payments.machine import State
from bot.payments.parties import Parties
from bot.payments.rows import AttemptRow, PaymentRow
from bot.sales import sale_from_json
from bot.store.change import Sql
from flows.questions import OFFER_SECONDS
from flows.text import BLANK, Body, Code, Minutes, T, Text
from flows.words import BUY, MENU_BUTTONS
from integrations.contract.money import Money


@dataclass(frozen=True, slots=True)
class Telling:
    """An answer made of stored rows."""

    body: Body
    buttons: Buttons = ()
    receipt: bool = False


_STATES: dict[State, Text] = {
    State.CONFIRMED: T("The request is being sent to the phone."),
    State.PROMPTING: T("The request was sent to the operator; its answer is awaited."),
    State.PROMPTED: T("The request was sent to the phone. The operator has not said yet whether it was paid."),
    State.DECLINED: T("Declined. No money was taken."),
    State.EXPIRED: T("No PIN was typed in time. If the money is taken later after all, the token is bought at once."),
    State.PAID: T("Paid. The token is being bought."),
    State.VENDING: T("Paid. The utility was asked for the token; its answer is awaited."),
    State.VENDED: T("Paid, and the token was sent. Write *token* to get it again."),
    State.REFUND_DUE: T("Paid, but no token could be bought. The money goes back to the phone that paid."),
    State.REFUNDING: T("The money is on its way back."),
    State.REFUNDED: T("The money was returned."),
}


#: What is still open is told first, at most so many: a newer, settled order must not hide it.
OPEN_TOLD_MAX = 3
_STILL_OPEN = """
SELECT * FROM payment WHERE customer_id = :id
  AND state IN ('confirmed', 'prompting', 'prompted', 'paid', 'vending', 'refund_due', 'refunding')
ORDER BY confirmed_at DESC, id LIMIT :most
"""

_NOTHING_YET = Telling((T("You have not bought anything here yet."),), ((f"go:{BUY.id}", BUY.label),))


def status(sql: Sql, customer_id: str, receipt: str, parties: Parties) -> Telling:
    """Where everything that is still open stands, else the last payment; or the one a receipt number names."""
    if receipt:
        named = _by_receipt(sql, customer_id, receipt)
        return _stands(sql, [named], parties) if named else _unknown_receipt(receipt, parties)
    newest = last_payment(sql, customer_id, bought=False)
    if newest is None:
        return _NOTHING_YET
    rows = sql.rows(_STILL_OPEN, id=customer_id, most=OPEN_TOLD_MAX)
    return _stands(sql, [PaymentRow.of(row) for row in rows] or [newest], parties)


def _unknown_receipt(receipt: str, parties: Parties) -> Telling:
    return Telling(
        (
            T("I know no payment of yours with the receipt number {receipt}.", receipt=Code(receipt)),
            T(
                "If you paid through me, wait a minute and write *status*; else contact {contact}.",
                contact=parties.trade.support_contact,
            ),
        ),
        MENU_BUTTONS,
    )


def _stands(sql: Sql, payments: list[PaymentRow], parties: Parties) -> Telling:
    """Where each of these payments stands, one below the other."""
    lines: list[Text] = []
    for payment in payments:
        lines += [*([BLANK] if lines else []), *_one_stands(sql, payment, parties)]
    return Telling(tuple(lines))


def _one_stands(sql: Sql, payment: PaymentRow, parties: Parties) -> list[Text]:
    meter = parties.seal.open(payment.meter_sealed, "meter")
    lines = [
        T("*{total}* for meter {meter}, {owner}", total=payment.total, meter=meter, owner=payment.owner_masked),
        _STATES[payment.state],
        T("Code {code}", code=Code(payment.code)),
    ]
    if sql.rows("SELECT 1 AS one FROM trouble_case WHERE payment_id = :id AND open_key IS NOT NULL", id=payment.id):
        lines.append(T("A person of ours has this case. Questions: {contact}", contact=parties.trade.support_contact))
    return lines


def last_tokens(sql: Sql, customer_id: str, parties: Parties) -> Telling:
    """The tokens of the last sale once more, free and at once."""
    payment = last_payment(sql, customer_id, bought=True)
    if payment is None:
        return _NOTHING_YET
    sealed = sql.rows("SELECT sale_sealed FROM receipt WHERE payment_id = :id", id=payment.id)[0]["sale_sealed"]
    paid = sql.rows(
        "SELECT * FROM attempt WHERE payment_id = :id AND kind = 'prompt' AND success_key IS NOT NULL", id=payment.id
    )
    number = AttemptRow.of(paid[0]).receipt_number if paid else ""
    sale = sale_from_json(orjson.loads(parties.seal.open(sealed, "receipt.sale")))
    notice = notices.receipt(payment, parties.trade, sale, number, again=True)
    return Telling(notice.body, notice.buttons, receipt=True)


def last_payment(sql: Sql, customer_id: str, *, bought: bool) -> PaymentRow | None:
    """The customer's newest payment; with `bought` the newest that brought a token."""
    only = "AND state = 'vended'" if bought else ""
    rows = sql.rows(
        f"SELECT * FROM payment WHERE customer_id = :id {only} ORDER BY confirmed_at DESC, id LIMIT 1",  # noqa: S608  no input
        id=customer_id,
    )
    return PaymentRow.of(rows[0]) if rows else None


def why_no_retry(sql: Sql, customer_id: str, payment_id: str, after: int, now: int) -> Body:
    """Why attempt number `after` of this payment may not be followed by another; empty when it may."""
    rows = sql.rows(
        "SELECT * FROM payment WHERE id = :id AND customer_id = :customer", id=payment_id, customer=customer_id
    )
    payment = PaymentRow.of(rows[0]) if rows else None
    if payment is None:
        return (T("I do not find that payment any more."),)
    if payment.state not in {State.DECLINED, State.EXPIRED}:
        return (_STATES[payment.state],)
    newest = sql.rows(
        "SELECT max(number) AS number FROM attempt WHERE payment_id = :id AND kind = 'prompt'", id=payment_id
    )[0]["number"]  # fmt: skip
    if newest != after or payment.wish:
        return (T("You have already tried that again."),)
    if now > payment.confirmed_at + OFFER_SECONDS * 1000:
        return (T("That order is more than {time} old. Please order again.", time=Minutes(OFFER_SECONDS // 60)),)
    return ()


def same_order(sql: Sql, customer_id: str, meter_hash: str, amount: Money, since: int) -> Body:
    """A word of warning when the same was ordered a moment ago and not declined."""
    rows = sql.rows(
        "SELECT code FROM payment WHERE customer_id = :customer AND meter_hash = :meter AND amount_minor = :amount"
        " AND confirmed_at > :since AND state NOT IN ('declined', 'expired') ORDER BY confirmed_at DESC LIMIT 1",
        customer=customer_id, meter=meter_hash, amount=amount.minor, since=since,
    )  # fmt: skip
    if not rows:
        return ()
    return (
        T(
            "You ordered exactly this a moment ago (code {code}). This would be *another order*.",
            code=Code(rows[0]["code"]),
        ),
    )


def _by_receipt(sql: Sql, customer_id: str, receipt: str) -> PaymentRow | None:
    rows = sql.rows(
        "SELECT p.* FROM payment p JOIN attempt a ON a.payment_id = p.id"
        " WHERE a.proof = :proof AND p.customer_id = :id",
        proof=receipt, id=customer_id,
    )  # fmt: skip
    return PaymentRow.of(rows[0]) if rows else None
