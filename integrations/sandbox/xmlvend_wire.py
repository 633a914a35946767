"""The server's end of XMLVend 2.1: requests read as strictly as a schema would, answers written out.

It shares no code with the adapter: a mistake in one must not be agreed with by the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from lxml import etree
from lxml.etree import _Element

from integrations.contract.exchange import Response
from integrations.contract.money import Money

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
BASE = "http://www.nrs.eskom.co.za/xmlvend/base/2.1/schema"
REVENUE = "http://www.nrs.eskom.co.za/xmlvend/revenue/2.1/schema"

_COMMON = ("b:clientID", "b:terminalID", "b:msgID", "b:authCred")
_VEND = (*_COMMON, "b:resource", "b:idMethod", "r:purchaseValue")

#: The requests this server knows, each with its children in the schema's order.
_REQUESTS = {
    "r:confirmCustomerReq": (*_COMMON, "r:idMethod"),
    "r:trialCreditVendReq": _VEND,
    "r:creditVendReq": _VEND,
    "b:adviceReq": (*_COMMON, "b:adviceReqMsgID"),
}

_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")


class Broken(ValueError):
    """The request does not follow the schema; the sentence says where."""


class Unsupported(ValueError):
    """A use case this server does not have."""


@dataclass(frozen=True)
class Asked:
    """One request. Message ids are `dateTime-uniqueNumber`; `about` is the one an advice asks about."""

    kind: str
    client_id: str
    terminal_id: str
    message_id: str
    operator_name: str
    password: str
    meter: str = ""
    amount: Money | None = None
    about: str = ""


# --- reading


def read_request(body: bytes, currency: str) -> Asked:
    """Read a request; Broken or Unsupported when this server would not take it."""
    message = _only_child(_named(_parse(body), "soap:Envelope"), "soap:Body")
    message = _only_child(message, "")
    kind = _name(message)
    if kind not in _REQUESTS:
        raise Unsupported(kind)
    parts = {_name(part): part for part in message.iterchildren("*")}
    if tuple(_name(part) for part in message.iterchildren("*")) != _REQUESTS[kind]:
        raise Broken(f"{kind} has {', '.join(parts)}")
    operator_name, password = _credentials(parts["b:authCred"])
    return Asked(
        kind,
        _device(parts["b:clientID"]),
        _device(parts["b:terminalID"]),
        _message_id(parts["b:msgID"]),
        operator_name,
        password,
        meter=_meter(parts.get("r:idMethod", parts.get("b:idMethod"))),
        amount=_amount(parts, currency),
        about=_about(message, parts),
    )


def _parse(body: bytes) -> _Element:
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Broken("not XML") from None
    if b"<!DOCTYPE" in body:
        raise Broken("a DOCTYPE")
    return root


def _name(element: _Element) -> str:
    """A name with the prefix this module uses for its namespace."""
    namespace, _, name = str(element.tag).lstrip("{").rpartition("}")
    prefix = {SOAP: "soap", BASE: "b", REVENUE: "r"}.get(namespace, namespace)
    return f"{prefix}:{name}"


def _named(element: _Element, name: str) -> _Element:
    if _name(element) != name:
        raise Broken(f"{_name(element)} instead of {name}")
    return element


def _only_child(element: _Element, name: str) -> _Element:
    inside = list(element.iterchildren("*"))
    if len(inside) != 1:
        raise Broken(f"{_name(element)} has {len(inside)} children")
    return _named(inside[0], name) if name else inside[0]


def _kind(element: _Element) -> str:
    """An xsi:type with its prefix resolved, as `b:EANDeviceID`."""
    prefix, _, name = str(element.get(f"{{{XSI}}}type") or "").rpartition(":")
    namespace = element.nsmap.get(prefix or None, "")
    return f"{ {BASE: 'b', REVENUE: 'r'}.get(namespace, '?') }:{name}"


def _device(element: _Element) -> str:
    attribute = {"b:EANDeviceID": "ean", "b:GenericDeviceID": "id"}.get(_kind(element))
    if not attribute or not (value := element.get(attribute)):
        raise Broken(f"{_name(element)} is no device")
    return str(value)


def _message_id(element: _Element) -> str:
    date_time, number = str(element.get("dateTime") or ""), str(element.get("uniqueNumber") or "")
    try:
        datetime.strptime(date_time, "%Y%m%d%H%M%S")  # noqa: DTZ007  only the shape is checked
    except ValueError:
        raise Broken(f"{_name(element)} has no dateTime") from None
    if not re.fullmatch(r"[0-9]{14}", date_time) or not re.fullmatch(r"[0-9]{1,6}", number):
        raise Broken(f"{_name(element)} has no uniqueNumber")
    return f"{date_time}-{number}"


def _credentials(element: _Element) -> tuple[str, str]:
    inside = [(_name(part), part.text or "") for part in element.iterchildren("*")]
    if [name for name, _ in inside] != ["b:opName", "b:password"]:
        raise Broken("authCred is not opName and password")
    return inside[0][1], inside[1][1]


def _meter(method: _Element | None) -> str:
    if method is None:
        return ""
    identifier = _only_child(method, "b:meterIdentifier")
    if _kind(method) != "b:VendIDMethod" or _kind(identifier) != "b:MeterNumber":
        raise Broken("idMethod is not by meter number")
    return str(identifier.get("msno") or "")


def _amount(parts: dict[str, _Element], currency: str) -> Money | None:
    if (purchase := parts.get("r:purchaseValue")) is None:
        return None
    if _kind(parts["b:resource"]) != "b:Electricity" or _kind(purchase) != "r:PurchaseValueCurrency":
        raise Broken("not a purchase of electricity by amount")
    amount = _only_child(purchase, "r:amt")
    value = str(amount.get("value") or "")
    if amount.get("symbol") != currency or not _AMOUNT.fullmatch(value):
        raise Broken(f"amt is not an amount in {currency}")
    try:
        money = Money.from_decimal_text(value, currency)
    except ValueError:
        raise Broken(f"amt is finer than {currency}") from None
    if money.decimal_text() != value:
        raise Broken("amt does not have the currency's digits")
    return money


def _about(message: _Element, parts: dict[str, _Element]) -> str:
    if (about := parts.get("b:adviceReqMsgID")) is None:
        return ""
    if _kind(message) != "b:LastRespAdviceReq":
        raise Unsupported(_kind(message))
    return _message_id(about)


# --- writing


@dataclass(frozen=True)
class Writer:
    """Writes answers to one request; `frame` is what every answer begins with."""

    symbol: str
    client_id: str
    terminal_id: str
    message_id: str
    at: datetime

    def response(self, name: str, inside: str, kind: str = "") -> Response:
        """An answer with HTTP 200."""
        xsi_type = f" xsi:type={quoteattr(kind)}" if kind else ""
        return _envelope(200, f"<{name}{xsi_type}>{inside}</{name}>")

    def fault(self, inside: str, words: str) -> Response:
        """A SOAP 1.1 fault, which comes with HTTP 500."""
        return _envelope(
            500,
            f"<soap:Fault><faultcode>soap:Server</faultcode><faultstring>{escape(words)}</faultstring>"
            f"<detail><b:xmlvendFaultResp>{inside}</b:xmlvendFaultResp></detail></soap:Fault>",
        )

    def frame(self, header: str = "", customer: str = "") -> str:
        """Who answers whom, and the header and the message for the customer where there are any."""
        return (
            f'<b:clientID xsi:type="b:EANDeviceID" ean={quoteattr(self.client_id)}/>'
            '<b:serverID xsi:type="b:GenericDeviceID" id="1"/>'
            f'<b:terminalID xsi:type="b:GenericDeviceID" id={quoteattr(self.terminal_id)}/>'
            + message_id_element("b:reqMsgID", self.message_id)
            + f"<b:respDateTime>{self.at.isoformat(timespec='seconds')}</b:respDateTime>"
            + (f"<b:dispHeader>{escape(header)}</b:dispHeader>" if header else "")
            + (f"<b:custMsg>{escape(customer)}</b:custMsg>" if customer else "")
        )

    def money(self, name: str, amount: Money) -> str:
        """An amount as an element of this name."""
        return f'<{name} value="{amount.decimal_text()}" symbol={quoteattr(self.symbol)}/>'

    def fault_inside(self, kind: str, words: str, code: str = "") -> str:
        """The inside of a fault response: the frame and the fault."""
        code = f"<b:faultCode>{escape(code)}</b:faultCode>" if code else ""
        return f'{self.frame()}<b:fault xsi:type="b:{kind}"><b:desc>{escape(words)}</b:desc>{code}</b:fault>'


def message_id_element(name: str, message_id: str) -> str:
    """A message id as an element of this name."""
    date_time, _, number = message_id.partition("-")
    return f'<{name} dateTime="{date_time}" uniqueNumber="{number}"/>'


def _envelope(status: int, inside: str) -> Response:
    body = (
        f'<soap:Envelope xmlns:soap="{SOAP}" xmlns:xsi="{XSI}" xmlns:b="{BASE}" xmlns:r="{REVENUE}">'
        f"<soap:Body>{inside}</soap:Body></soap:Envelope>"
    )
    return Response(status, {"content-type": "text/xml; charset=utf-8"}, body.encode())
