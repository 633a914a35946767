"""What a payment tells people as money moves. A transition writes its notice in its own transaction.

Progress replaces the progress message before it where the channel can edit; a receipt, and anything a person must act
on, is a message of its own. Every notice carries the payment's code, so that a repeat reads as a repeat (I-28). None
says "failed, try again" while an outcome is open (I-29).
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.payments.limits import Held
from bot.payments.rows import PaymentRow
from bot.sales import STAFF_NOTE
from flows.customer import Trade
from flows.text import BLANK, Body, Code, T, Text, verbatim
from flows.words import AGAIN, BUY, MENU_CHOICE, STATUS
from integrations.contract.outcomes import Reason, Token, TokenKind, Vended, VendReason


@dataclass(frozen=True, slots=True)
class Notice:
    """A message about money. `progress` replaces the payment's last progress message; a `receipt` has the tokens."""

    body: Body
    buttons: tuple[tuple[str, Text], ...] = ()
    progress: bool = False
    receipt: bool = False


_GO_STATUS = (f"go:{STATUS.id}", STATUS.label)
_GO_BUY = (f"go:{BUY.id}", BUY.label)
_GO_AGAIN = (f"go:{AGAIN.id}", AGAIN.label)
_GO_MENU = (f"go:{MENU_CHOICE.id}", MENU_CHOICE.label)


def retrying(code: str) -> Body:
    """Said in the turn that wishes for another prompt; what comes of it takes this message's place."""
    return (T("Sending a new request to the phone …"), T("Code {code}", code=Code(code)))


def opened(payment: PaymentRow, trade: Trade, phone: str) -> Notice:
    """Said in the turn that opens a payment: a request is on its way to this phone."""
    return Notice(
        (
            T("Sending the {operator} request to {phone} …", operator=trade.operator_title, phone=phone),
            T("Approve *{total}* with the PIN on that phone. We never ask for it here.", total=payment.total),
            _code(payment),
        ),
        progress=True,
    )


def prompted(payment: PaymentRow, trade: Trade, phone: str) -> Notice:
    """The operator is showing the prompt."""
    operator = trade.operator_title
    look = (
        T("Look at your phone {phone}: {operator} is asking for your PIN.", phone=phone, operator=operator)
        if payment.payer_own
        else T("{operator} is asking for the PIN on that phone, {phone}.", operator=operator, phone=phone)
    )
    approve = T("Approve *{total}* there. We never ask for a PIN here.", total=payment.total)
    return Notice((look, approve, _code(payment)), progress=True)


def paid(payment: PaymentRow, trade: Trade, *, late: bool) -> Notice:
    """Money is proved; the token is being bought."""
    first = (
        T("Your payment of *{total}* arrived after all.", total=payment.total)
        if late
        else T("Paid: *{total}*.", total=payment.total)
    )
    return Notice(
        (first, T("Buying your token from {utility} …", utility=trade.utility_title), _code(payment)), progress=not late
    )


_DECLINED: dict[Reason, Text] = {
    Reason.CANCELLED: T("The request was cancelled on the phone."),
    Reason.WRONG_PIN: T("The PIN was wrong."),
    Reason.NO_BALANCE: T("There is not enough money on that phone for this."),
    Reason.TIMED_OUT: T("No PIN was typed in time."),
    Reason.LIMIT: T("The operator's limit for this phone does not allow it."),
    Reason.BAD_NUMBER: T("That number cannot pay with this operator."),
    Reason.BUSY: T("The phone is busy with another payment request. Wait two minutes."),
    Reason.UNAVAILABLE: T("The operator did not take the request just now."),
    Reason.OUR_FAULT: T("The operator did not accept our request. This is our fault; we are looking at it."),
    Reason.OTHER: T("The operator declined it."),
}

_HELD: dict[Held, Text] = {
    Held.LIVE: T("Another payment request is open on that phone. Finish it there first, or wait three minutes."),
    Held.HOUR: T("That phone got several requests within the hour. Please wait an hour."),
    Held.DAY: T("That phone got its share of requests for today. Please try tomorrow."),
    Held.TARGETS: T("You sent requests to several phones today. Please use your own, or try tomorrow."),
    Held.QUIET: T("At night I send requests only to your own phone. Pay from your own, or try in the morning."),
    Held.BLOCKED: T("The owner of that phone does not want requests from others."),
}


def declined(payment: PaymentRow, reason: Reason, attempt_number: int) -> Notice:
    """The operator's own no: no money was taken for this prompt."""
    return Notice(
        (_DECLINED[reason], T("No money was taken."), _code(payment)),
        ((f"retry:{payment.id}:{attempt_number}", T("Try again")), _GO_MENU),
    )


def expired(payment: PaymentRow, attempt_number: int) -> Notice:
    """The operator says the prompt ran out. Late money is still heard, so nothing final is said."""
    return Notice(
        (
            T("No PIN was typed in time."),
            T("If the money is taken later after all, your token is bought at once."),
            _code(payment),
        ),
        ((f"retry:{payment.id}:{attempt_number}", T("Try again")), _GO_MENU),
    )


def held(payment: PaymentRow, why: Held) -> Notice:
    """Our own limits stopped the first prompt before it was sent."""
    return Notice((held_text(why), T("Nothing was sent and no money was taken."), _code(payment)), (_GO_MENU,))


def not_again(payment: PaymentRow, why: Held | None) -> Notice:
    """No further prompt for a payment that had one: our limits, or its time is over. Nothing is said of the earlier."""
    first = held_text(why) if why else T("That order waited too long. Please order again.")
    return Notice((first, T("No new request was sent."), _code(payment)), (_GO_MENU,))


def held_text(why: Held) -> Text:
    """Why a phone may not be prompted now."""
    return _HELD[why]


def too_old(payment: PaymentRow) -> Notice:
    """A confirmed payment that could not be sent while its price held."""
    return Notice(
        (T("This order waited too long and was not sent. No money was taken."), _code(payment)), (_GO_BUY, _GO_MENU)
    )


def still_open(payment: PaymentRow) -> Notice:
    """No verdict for long: what we know, and what not to do."""
    return Notice(
        (
            T("The operator has not told us yet whether *{total}* was paid. We keep asking.", total=payment.total),
            T("Please do not pay again for this. You will hear from me, and nothing is lost."),
            _code(payment),
        ),
        (_GO_STATUS,),
    )


def vend_slow(payment: PaymentRow, trade: Trade) -> Notice:
    """Paid, and the utility has not said whether it sold."""
    return Notice(
        (
            T(
                "Your *{total}* is safe. {utility} is slow to answer; we keep asking.",
                total=payment.total,
                utility=trade.utility_title,
            ),
            T("The token comes here by itself. Please do not pay again."),
            _code(payment),
        ),
        (_GO_STATUS,),
    )


_VEND_REFUSED: dict[VendReason, Text] = {
    VendReason.UNKNOWN_METER: T("the utility no longer knows this meter"),
    VendReason.BLOCKED: T("the utility has blocked this meter"),
    VendReason.METER_DATA: T("the utility must update this meter first"),
    VendReason.NOT_DUE: T("the utility says nothing may be sold to this meter now"),
    VendReason.NO_FLOAT: T("we cannot buy from the utility just now; that is our fault"),
    VendReason.NOT_ALLOWED: T("the utility does not let us sell to this meter; that is our fault"),
    VendReason.AMOUNT: T("the utility does not sell this amount"),
    VendReason.OTHER: T("the utility refused the sale"),
}


def vend_refused_text(reason: VendReason) -> Text:
    """Why the utility sells nothing here, as the end of a sentence."""
    return _VEND_REFUSED[reason]


def refund_due(payment: PaymentRow, trade: Trade, reason: VendReason) -> Notice:
    """Paid, and proved not sold: a person returns the money or buys again."""
    return Notice(
        (
            T("No token could be bought: {reason}.", reason=vend_refused_text(reason)),
            T(
                "Your *{total}* is not lost. A person of ours has your case and returns it to the phone that paid.",
                total=payment.total,
            ),
            T("Questions: {contact}", contact=trade.support_contact),
            _code(payment),
        ),
        (_GO_STATUS,),
    )


def surplus(payment: PaymentRow, trade: Trade) -> Notice:
    """Money came twice for one order."""
    return Notice(
        (
            T("A second payment of *{total}* arrived for an order that is paid already.", total=payment.total),
            T("It is yours. A person of ours has your case and returns it to the phone that paid."),
            T("Questions: {contact}", contact=trade.support_contact),
            _code(payment),
        )
    )


def receipt(payment: PaymentRow, trade: Trade, sale: Vended, money_proof: str, *, again: bool = False) -> Notice:
    """The sale: tokens in the order they are typed, what they bring, what was paid, and both parties' proof numbers."""
    lines: list[Text] = [T("*Here are your last tokens*") if again else T("*Paid. Here is your electricity.*")]
    if len(sale.tokens) > 1:
        lines.append(T("Type these tokens one after another, in this order:"))
    for token in sale.tokens:
        lines += [BLANK, _token_line(token, sale.tokens), Text("{token}", {"token": Code(token.number.grouped)})]
    lines += [BLANK, T("Meter {meter}, {owner}", meter=sale.meter.reveal(), owner=payment.owner_masked)]
    if sale.units_text and [token.units_text for token in sale.tokens] != [sale.units_text]:
        lines.append(T("Units: *{units}*", units=f"{sale.units_text} {sale.unit}".strip()))
    lines += [T("{label}: {amount}", label=charge.label, amount=charge.amount) for charge in sale.charges]
    lines.append(
        T(
            "Electricity {amount}, fee {fee}, paid *{total}*",
            amount=payment.amount,
            fee=payment.fee,
            total=payment.total,
        )
    )
    if sale.sold_at:
        lines.append(T("{at}", at=sale.sold_at))
    lines.append(_receipt_numbers(trade, money_proof, sale.proof))
    lines += [verbatim(note) for note in sale.notes if not note.startswith(STAFF_NOTE)]
    lines.append(_code(payment))
    return Notice(tuple(lines), (_GO_AGAIN, _GO_MENU), receipt=True)


def _receipt_numbers(trade: Trade, money: str, sale: str) -> Text:
    """The operator's number comes by its callback; where that was lost, its SMS to the payer has it."""
    operator, utility = trade.operator_title, trade.utility_title
    if not money:
        return T(
            "Receipt number: {utility} {sale}. {operator} sends its own by SMS.",
            utility=utility,
            sale=sale,
            operator=operator,
        )
    return T(
        "Receipt numbers: {operator} {proof}, {utility} {sale}",
        operator=operator,
        proof=money,
        utility=utility,
        sale=sale,
    )


def _token_line(token: Token, tokens: tuple[Token, ...]) -> Text:
    """What this token does; key changes are counted, since their order matters."""
    units = f"{token.units_text} {token.unit}".strip()
    match token.kind:
        case TokenKind.KEY_CHANGE:
            changes = [each for each in tokens if each.kind is TokenKind.KEY_CHANGE]
            place = changes.index(token) + 1
            return T("Key change token {place} of {count}:", place=place, count=len(changes))
        case TokenKind.FREE:
            return T("Free units ({units}):", units=units) if units else T("Free units:")
        case TokenKind.CREDIT:
            return T("Token ({units}):", units=units) if units else T("Token:")


def _code(payment: PaymentRow) -> Text:
    return T("Code {code}", code=Code(payment.code))
