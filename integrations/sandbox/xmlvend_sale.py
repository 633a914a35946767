"""A sale as the sandbox utility remembers it, and as it writes it into an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import quoteattr

from integrations.contract.money import Money
from integrations.contract.seams import Random
from integrations.sandbox.xmlvend_meters import FREE_UNITS, SandboxMeter, Split
from integrations.sandbox.xmlvend_wire import Writer

#: What a trial shows instead of a token.
TRIAL_TOKEN = "0" * 20


@dataclass(frozen=True)
class Sale:
    """What was sold, in the utility's own books. Tokens are 20 digits; `key_change` holds none or two of them."""

    message_id: str
    terminal_id: str
    meter: SandboxMeter
    amount: Money
    split: Split
    receipt_number: str
    credit_token: str
    free_token: str
    key_change: tuple[str, ...]
    sold_at: datetime
    #: When it was sold on the clock's monotonic scale, in seconds.
    sold_at_monotonic: float

    @property
    def tokens(self) -> tuple[str, ...]:
        """All tokens in the order they are typed in."""
        return tuple(token for token in (*self.key_change, self.free_token, self.credit_token) if token)


def unloadable_token(random: Random) -> str:
    """Twenty random digits from 74 upwards: beyond the 66 bits of a genuine token, so no meter can take it."""
    return f"{74 + int(random.digits(2)) % 26}{random.digits(18)}"


def sale_inside(writer: Writer, sale: Sale, float_left: Money) -> str:
    """What stands inside a creditVendResp, a trialCreditVendResp or the last response of an advice."""
    customer = "Type the key change tokens first, in order." if sale.key_change else ""
    return (
        writer.frame("CREDIT VEND - TAX INVOICE", customer)
        + f"<b:clientStatus>{writer.money('b:availCredit', float_left)}</b:clientStatus>"
        + '<b:utility name="Umoja Power" address="Sandbox Street 1" taxRef="P000000000X"/>'
        + '<b:vendor name="Bili" address="-"/>'
        + customer_detail(sale.meter)
        + f"<r:creditVendReceipt receiptNo={quoteattr(sale.receipt_number)}><r:transactions>"
        + _transactions(writer, sale)
        + writer.money("r:tenderAmt", sale.amount)
        + writer.money("r:change", Money(0, sale.amount.currency))
        + "</r:transactions></r:creditVendReceipt>"
    )


def customer_detail(meter: SandboxMeter) -> str:
    """The owner, as lookups and sales show it."""
    return (
        f"<b:custVendDetail name={quoteattr(meter.owner)} address={quoteattr(meter.address)} accNo={_account(meter)}/>"
    )


def meter_detail(meter: SandboxMeter) -> str:
    """The meter with invented key data."""
    key_data = 'sgc="300601" krn="1" ti="01"'
    return f'<b:meterDetail msno="{meter.number}" {key_data}><b:meterType at="07" tt="02"/></b:meterDetail>'


def _account(meter: SandboxMeter) -> str:
    return quoteattr(f"A{meter.number[-6:]}")


def _transactions(writer: Writer, sale: Sale) -> str:
    split, nothing = sale.split, Money(0, sale.amount.currency)
    lines = ""
    if sale.free_token:
        issue = _credit_issue(sale.meter, "FreeCredTokenIssue", sale.free_token, FREE_UNITS)
        lines += _transaction("CreditVendTx", writer.money("r:amt", nothing) + issue + _TARIFF)
    vat = f'<r:tax xsi:type="b:VAT" rate="0.1600">{writer.money("b:amt", split.vat)}</r:tax>'
    issue = _credit_issue(sale.meter, "SaleCredTokenIssue", sale.credit_token, split.units_text)
    issue += _key_change_issue(sale.meter, sale.key_change) if sale.key_change else ""
    lines += _transaction("CreditVendTx", writer.money("r:amt", split.energy) + vat + issue + _TARIFF)
    if split.fee.minor:
        lines += _transaction("ServiceChrgTx", writer.money("r:amt", split.fee) + _account_lines(sale, "Service fee"))
    if split.debt.minor:
        balance = writer.money("r:balance", split.debt_left)
        lines += _transaction(
            "DebtRecoveryTx", writer.money("r:amt", split.debt) + _account_lines(sale, "Arrears") + balance
        )
    return lines


_TARIFF = "<r:tariff><b:name>Domestic</b:name></r:tariff>"


def _transaction(kind: str, inside: str) -> str:
    return f'<r:tx xsi:type="r:{kind}">{inside}</r:tx>'


def _account_lines(sale: Sale, label: str) -> str:
    return f"<r:accDesc>{label}</r:accDesc><r:accNo>A{sale.meter.number[-6:]}</r:accNo>"


def _credit_issue(meter: SandboxMeter, kind: str, token: str, units: str) -> str:
    return (
        f'<r:creditTokenIssue xsi:type="b:{kind}"><b:desc>Credit token</b:desc>{meter_detail(meter)}'
        f'<b:token xsi:type="b:STS1Token"><b:stsCipher>{token}</b:stsCipher></b:token>'
        f'<b:units value="{units}" siUnit="kWh"/><b:resource xsi:type="b:Electricity"/></r:creditTokenIssue>'
    )


def _key_change_issue(meter: SandboxMeter, pair: tuple[str, ...]) -> str:
    first, second = pair
    return (
        f"<r:kcTokenIssue><b:desc>Key change</b:desc>{meter_detail(meter)}"
        '<b:token xsi:type="b:KCToken">'
        f"<b:set1stMeterKey><b:stsCipher>{first}</b:stsCipher></b:set1stMeterKey>"
        f"<b:set2ndMeterKey><b:stsCipher>{second}</b:stsCipher></b:set2ndMeterKey></b:token>"
        '<b:kctData fromSGC="300601" fromKRN="1" fromTI="01" toSGC="300601" toKRN="2" toTI="01"/></r:kcTokenIssue>'
    )
