"""A utility's sale as JSON, kept sealed with the payment, for the receipt and for sending tokens again."""

from __future__ import annotations

from datetime import UTC, datetime

from flows.text import Json
from integrations.contract.money import Money
from integrations.contract.outcomes import Charge, Token, TokenKind, Vended
from integrations.contract.people import MeterNumber, TokenNumber

#: A note of a sale that begins so is for us and not for the customer.
STAFF_NOTE = "check: "


def sale_to_json(sale: Vended) -> Json:
    """A sale as plain JSON; tokens stay strings, in the order they are typed."""
    return {
        "proof": sale.proof,
        "meter": sale.meter.reveal(),
        "tokens": [[token.kind.value, token.number.reveal(), token.units_text, token.unit] for token in sale.tokens],
        "amount": [sale.amount.minor, sale.amount.currency],
        "units": [sale.units_text, sale.unit],
        "charges": [[charge.label, charge.amount.minor, charge.amount.currency] for charge in sale.charges],
        "notes": list(sale.notes),
        "sold_at": int(sale.sold_at.timestamp()) if sale.sold_at else None,
    }


def sale_from_json(data: Json) -> Vended:
    """The sale that `sale_to_json` wrote."""
    return Vended(
        proof=data["proof"],
        meter=MeterNumber(data["meter"]),
        tokens=tuple(
            Token(TokenKind(k), TokenNumber(number), units, unit) for k, number, units, unit in data["tokens"]
        ),
        amount=Money(*data["amount"]),
        units_text=data["units"][0],
        unit=data["units"][1],
        charges=tuple(Charge(label, Money(minor, currency)) for label, minor, currency in data["charges"]),
        notes=tuple(data["notes"]),
        sold_at=datetime.fromtimestamp(data["sold_at"], UTC) if data["sold_at"] is not None else None,
    )
