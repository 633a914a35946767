"""Reading a sale: its tokens in typing order, its lines and units, and whether it is the sale we ordered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from integrations.contract.money import Money
from integrations.contract.outcomes import Charge, Quote, Token, TokenKind, Vended
from integrations.contract.parties import VendOrder
from integrations.contract.people import MeterNumber, TokenNumber
from integrations.utilities.xmlvend.config import XmlVendConfig
from integrations.utilities.xmlvend.envelope import (
    Element,
    Unreadable,
    attribute,
    child,
    children,
    kind_of,
    local_name,
    message_id,
    tidy,
    words,
)
from integrations.utilities.xmlvend.ids import MessageId

#: Notes that begin so are for staff: a sale stands, and something about it should be looked at.
CHECK = "check: "

#: xs:decimal has no exponent; more digits than this is no bill.
_DECIMAL = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,6})?")

_TOKEN = re.compile(r"[0-9]{20}")

_SEPARATORS = re.compile(r"[\s.\-]")

_ORDINAL = re.compile(r"set(\d)")

#: Which kind of token an xsi:type of creditTokenIssue is. One that is not listed is credit, with a note.
_CREDIT_KINDS = {
    "SaleCredTokenIssue": TokenKind.CREDIT,
    "MCTCredTokenIssue": TokenKind.CREDIT,
    "OverRecCredTokenIssue": TokenKind.CREDIT,
    "FBECredTokenIssue": TokenKind.FREE,
    "FreeCredTokenIssue": TokenKind.FREE,
}

_TYPING_ORDER = (TokenKind.KEY_CHANGE, TokenKind.FREE, TokenKind.CREDIT)

#: The class bits a genuine token carries in the clear (IEC 62055-41): 0 is credit, 2 manages one meter.
_CLASS = {TokenKind.KEY_CHANGE: 2, TokenKind.FREE: 0, TokenKind.CREDIT: 0}


def read_sale(response: Element, order: VendOrder, asked: MessageId, config: XmlVendConfig) -> Vended:
    """The sale of this order; Unreadable when the answer is another's, or carries no token that could be typed."""
    if not asked.same(message_id(response, "reqMsgID")):
        raise Unreadable("the sale answers another message")
    receipt, transactions = _receipt(response)
    _require_meter(transactions, order.meter)
    tokens, strange = _tokens(transactions)
    charges, unread = _charges(transactions, config)
    sold, differences = _sold(transactions, order.amount, charges, config)
    units_text, unit = _units(transactions)
    return Vended(
        proof=receipt or order.reference,
        meter=order.meter,
        tokens=tokens,
        amount=sold,
        units_text=units_text,
        unit=unit,
        charges=charges,
        notes=(*_customer_notes(response, transactions), *strange, *unread, *differences, *_class_notes(tokens)),
        sold_at=_time(words(child(response, "respDateTime")), config),
    )


def read_quote(response: Element, meter: MeterNumber, amount: Money, asked: MessageId, config: XmlVendConfig) -> Quote:
    """What a trial would sell; its tokens are zeros and are not read."""
    if not asked.same(message_id(response, "reqMsgID")):
        raise Unreadable("the quote answers another message")
    _, transactions = _receipt(response)
    _require_meter(transactions, meter)
    charges, _ = _charges(transactions, config)
    _sold(transactions, amount, charges, config)
    units_text, unit = _units(transactions)
    return Quote(units_text, unit, charges)


def money(element: Element | None, config: XmlVendConfig) -> Money:
    """An amount in the agreed currency. A missing symbol is accepted, a foreign one is not."""
    symbol = attribute(element, "symbol")
    if symbol and symbol.casefold() not in {ours.casefold() for ours in config.symbols}:
        raise Unreadable(f"an amount in {symbol[:8]}")
    value = attribute(element, "value")
    if not _DECIMAL.fullmatch(value):
        raise Unreadable("an amount is not a plain decimal")
    try:
        return Money.from_decimal_text(value, config.currency)
    except ValueError:
        raise Unreadable("an amount is finer than the currency, or beyond any bill") from None


def _receipt(response: Element) -> tuple[str, Element]:
    receipt = child(response, "creditVendReceipt")
    transactions = child(receipt, "transactions")
    if transactions is None:
        raise Unreadable("no transactions in the answer")
    numbers = [attribute(receipt, "receiptNo"), *(attribute(tx, "receiptNo") for tx in children(transactions, "tx"))]
    return tidy(next(filter(None, numbers), "")), transactions


def _require_meter(transactions: Element, meter: MeterNumber) -> None:
    named = {
        attribute(element, "msno") for element in transactions.iter("*") if local_name(element) == "meterDetail"
    } - {""}
    if named != {meter.reveal()}:
        raise Unreadable("the answer names another meter" if named else "the answer names no meter")


# --- tokens


@dataclass(frozen=True, slots=True)
class _Issue:
    """One creditTokenIssue with what it brings."""

    kind: TokenKind
    listed: bool
    element: Element

    @property
    def units(self) -> tuple[str, str]:
        units = child(self.element, "units")
        value, unit = attribute(units, "value"), tidy(attribute(units, "siUnit"))
        return value if _DECIMAL.fullmatch(value) else "", "kWh" if unit.lower() == "kwh" else unit


def _issues(transactions: Element) -> Iterator[_Issue]:
    for tx in children(transactions, "tx"):
        for element in children(tx, "creditTokenIssue"):
            kind = _CREDIT_KINDS.get(kind_of(element))
            yield _Issue(kind or TokenKind.CREDIT, kind is not None, element)


def _tokens(transactions: Element) -> tuple[tuple[Token, ...], tuple[str, ...]]:
    """The tokens as they must be typed, each once, and notes about kinds that are not listed."""
    found = [Token(TokenKind.KEY_CHANGE, number) for number in _key_changes(transactions)]
    strange = []
    for issue in _issues(transactions):
        token = child(issue.element, "token")
        found += [Token(issue.kind, _number(cipher), *issue.units) for cipher in children(token, "stsCipher")]
        if not issue.listed:
            strange.append(f"{CHECK}a token of the kind {kind_of(issue.element) or '(none)'}")
    if not any(token.kind is not TokenKind.KEY_CHANGE for token in found):
        raise Unreadable("the sale carries no credit token")
    once = {token.number: token for token in sorted(found, key=lambda token: _TYPING_ORDER.index(token.kind))}
    return tuple(once.values()), tuple(strange)


def _key_changes(transactions: Element) -> Iterator[TokenNumber]:
    """Key-change tokens by their ordinal (set1stMeterKey, set2ndMeterKey …), then a power limit that rides along."""
    for tx in children(transactions, "tx"):
        for issue in children(tx, "kcTokenIssue"):
            sections = [section for token in children(issue, "token") for section in token.iterchildren("*")]
            for section in sorted(sections, key=_ordinal):
                yield from (_number(cipher) for cipher in children(section, "stsCipher"))
            limit = child(child(issue, "pwrLmtToken"), "token")
            yield from (_number(cipher) for cipher in children(limit, "stsCipher"))


def _ordinal(section: Element) -> int:
    found = _ORDINAL.match(local_name(section))
    return int(found[1]) if found else 9


def _number(cipher: Element) -> TokenNumber:
    digits = _SEPARATORS.sub("", cipher.text or "")
    if not _TOKEN.fullmatch(digits):
        raise Unreadable("a token is not 20 digits")
    if not digits.strip("0"):
        raise Unreadable("a token is all zeros, as in a trial")
    return TokenNumber(digits)


def _class_notes(tokens: tuple[Token, ...]) -> Iterator[str]:
    """A genuine token shows its class without any key. A misfit is told to staff and never holds a sale back."""
    for token in tokens:
        bits = int(token.number.reveal()) >> 27 & 3
        if token.number.loadable and bits != _CLASS[token.kind]:
            yield f"{CHECK}a {token.kind.value} token has class {bits}"


def _units(transactions: Element) -> tuple[str, str]:
    """The units bought (free ones are on their own token), as the server wrote them."""
    bought = [issue.units for issue in _issues(transactions) if issue.kind is TokenKind.CREDIT]
    return " + ".join(value for value, _ in bought if value), next((unit for _, unit in bought if unit), "")


# --- money


def _charges(transactions: Element, config: XmlVendConfig) -> tuple[tuple[Charge, ...], tuple[str, ...]]:
    """The lines of a sale in the server's own words, without those of 0.00, and notes about unreadable ones."""
    charges, unread = [], []
    for tx in children(transactions, "tx"):
        for label, line in _lines(tx):
            try:
                charges.append(Charge(label, money(child(line, "amt"), config)))
            except Unreadable as problem:
                unread.append(f"{CHECK}the line {label}: {problem}")
    return tuple(charge for charge in charges if charge.amount.minor), tuple(unread)


def _lines(tx: Element) -> Iterator[tuple[str, Element]]:
    """A transaction's own line, which is without tax, and its taxes."""
    account, tariff = words(child(tx, "accDesc")), words(child(child(tx, "tariff"), "name"))
    issue = words(child(child(tx, "creditTokenIssue"), "desc"))
    yield account or tariff or issue or kind_of(tx), tx
    yield from ((kind_of(tax) or "tax", tax) for tax in children(tx, "tax"))


def _sold(
    transactions: Element, ordered: Money, charges: tuple[Charge, ...], config: XmlVendConfig
) -> tuple[Money, tuple[str, ...]]:
    """What the server took of the ordered amount, and notes where its figures do not agree (F-065)."""
    nothing = Money(0, config.currency)
    change, lines = _optional(transactions, "change", config) or nothing, nothing
    for charge in charges:
        lines += charge.amount
    tender = _optional(transactions, "tenderAmt", config) or lines + change
    # Without a tender, lines may each be rounded by one minor unit; with one, it is the amount we wrote or not ours.
    slack = 0 if child(transactions, "tenderAmt") is not None else len(charges)
    if abs(tender.minor - ordered.minor) > slack:
        raise Unreadable(f"the answer is about {tender.decimal_text()}, not {ordered.decimal_text()}")
    if not 0 <= change.minor < ordered.minor:
        raise Unreadable(f"change of {change.decimal_text()}")
    sold, notes = ordered - change, []
    if change.minor:
        notes.append(f"{CHECK}sold {sold.decimal_text()} of {ordered.decimal_text()}")
    if lines != sold:
        notes.append(f"{CHECK}the lines add up to {lines.decimal_text()}, not {sold.decimal_text()}")
    return sold, tuple(notes)


def _optional(transactions: Element, name: str, config: XmlVendConfig) -> Money | None:
    element = child(transactions, name)
    return money(element, config) if element is not None else None


def _customer_notes(response: Element, transactions: Element) -> Iterator[str]:
    """The server's message for the customer, and what is left of each debt."""
    if message := words(child(response, "custMsg")):
        yield message
    for tx in children(transactions, "tx"):
        if (balance := child(tx, "balance")) is not None and (left := attribute(balance, "value")):
            yield f"{words(child(tx, 'accDesc')) or kind_of(tx)}: {tidy(left)} {attribute(balance, 'symbol')}".strip()


def _time(text: str, config: XmlVendConfig) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=config.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
