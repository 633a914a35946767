"""What we write to an XMLVend 2.1 server and how its answers read. Pure; every fact is in MAPPING.md."""

from __future__ import annotations

from lxml import etree

from integrations.contract.exchange import Request, Response, Unknown
from integrations.contract.money import Money
from integrations.contract.outcomes import (
    Account,
    CannotAsk,
    CannotVend,
    NoSuchMeter,
    NotFound,
    Quote,
    Vended,
    VendRefused,
)
from integrations.contract.parties import VendOrder
from integrations.contract.people import MeterNumber
from integrations.utilities.xmlvend.config import XmlVendConfig
from integrations.utilities.xmlvend.envelope import (
    Element,
    Fault,
    Unreadable,
    attribute,
    child,
    children,
    kind_of,
    message_id,
    open_answer,
    read_fault,
    tidy,
    words,
)
from integrations.utilities.xmlvend.faults import advice_refusal, lookup_refusal, refusal
from integrations.utilities.xmlvend.ids import MessageId, SaleReference
from integrations.utilities.xmlvend.sale import money, read_quote, read_sale

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
BASE = "http://www.nrs.eskom.co.za/xmlvend/base/2.1/schema"
REVENUE = "http://www.nrs.eskom.co.za/xmlvend/revenue/2.1/schema"

_PREFIXES = {"soap": SOAP, "xsi": XSI, "b": BASE, "r": REVENUE}

_YES = frozenset({"true", "1"})
_NO = frozenset({"false", "0"})


# --- requests


def confirm_customer(config: XmlVendConfig, asking: MessageId, meter: MeterNumber) -> Request:
    """Whose is this meter, and may it buy?"""
    envelope, message = _message(config, f"{{{REVENUE}}}confirmCustomerReq", asking, config.question_terminal)
    _add_meter(message, REVENUE, meter)
    return _request(config, envelope)


def trial_vend(config: XmlVendConfig, asking: MessageId, meter: MeterNumber, amount: Money) -> Request:
    """What would this amount buy?"""
    envelope, message = _message(config, f"{{{REVENUE}}}trialCreditVendReq", asking, config.question_terminal)
    _add_purchase(message, config, meter, amount)
    return _request(config, envelope)


def credit_vend(config: XmlVendConfig, order: VendOrder) -> Request:
    """Sell. The message id and the terminal are the order's reference."""
    sale = SaleReference.read(order.reference)
    envelope, message = _message(config, f"{{{REVENUE}}}creditVendReq", sale.message_id, sale.terminal)
    _add_purchase(message, config, order.meter, order.amount)
    return _request(config, envelope)


def last_response(config: XmlVendConfig, asking: MessageId, order: VendOrder) -> Request:
    """What did you answer to this order? Asked under a message id of its own, from the order's terminal."""
    sale = SaleReference.read(order.reference)
    envelope, message = _message(config, f"{{{BASE}}}adviceReq", asking, sale.terminal)
    message.set(f"{{{XSI}}}type", "b:LastRespAdviceReq")
    _add_message_id(message, "adviceReqMsgID", sale.message_id)
    return _request(config, envelope)


def _message(config: XmlVendConfig, name: str, asking: MessageId, terminal: str) -> tuple[Element, Element]:
    """An envelope around a request with the four parts every request begins with, in the schema's order."""
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap=_PREFIXES)
    message = etree.SubElement(etree.SubElement(envelope, f"{{{SOAP}}}Body"), name)
    _add(message, BASE, "clientID", "b:EANDeviceID", ean=config.client_id)
    _add(message, BASE, "terminalID", "b:GenericDeviceID", id=terminal)
    _add_message_id(message, "msgID", asking)
    credentials = _add(message, BASE, "authCred")
    _add(credentials, BASE, "opName").text = config.operator_name
    _add(credentials, BASE, "password").text = config.password.reveal()
    return envelope, message


def _add(parent: Element, namespace: str, name: str, kind: str = "", **attributes: str) -> Element:
    element = etree.SubElement(parent, f"{{{namespace}}}{name}")
    if kind:
        element.set(f"{{{XSI}}}type", kind)
    for key, value in attributes.items():
        element.set(key, value)
    return element


def _add_message_id(parent: Element, name: str, value: MessageId) -> None:
    _add(parent, BASE, name, dateTime=value.date_time, uniqueNumber=value.number)


def _add_meter(message: Element, namespace: str, meter: MeterNumber) -> None:
    method = _add(message, namespace, "idMethod", "b:VendIDMethod")
    _add(method, BASE, "meterIdentifier", "b:MeterNumber", msno=meter.reveal())


def _add_purchase(message: Element, config: XmlVendConfig, meter: MeterNumber, amount: Money) -> None:
    if amount.currency != config.currency:
        raise ValueError(f"this utility sells in {config.currency}, not in {amount.currency}")
    _add(message, BASE, "resource", "b:Electricity")
    _add_meter(message, BASE, meter)
    purchase = _add(message, REVENUE, "purchaseValue", "r:PurchaseValueCurrency")
    _add(purchase, REVENUE, "amt", value=amount.decimal_text(), symbol=config.symbols[0])


def _request(config: XmlVendConfig, envelope: Element) -> Request:
    body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    return Request("POST", config.url, {"content-type": "text/xml; charset=utf-8", "soapaction": '""'}, body)


# --- answers


def found(
    response: Response, asking: MessageId, meter: MeterNumber, config: XmlVendConfig
) -> Account | NoSuchMeter | CannotVend | Unknown:
    """The answer to `confirm_customer`."""
    try:
        answer = open_answer(response.body, "confirmCustomerResp")
        if isinstance(answer, Fault):
            return lookup_refusal(answer, asking, config.known_texts)
        return _account(answer, asking, meter, config)
    except Unreadable as problem:
        return _unknown(response, problem)


def quoted(
    response: Response, asking: MessageId, meter: MeterNumber, amount: Money, config: XmlVendConfig
) -> Quote | VendRefused | Unknown:
    """The answer to `trial_vend`."""
    try:
        answer = open_answer(response.body, "trialCreditVendResp")
        if isinstance(answer, Fault):
            return refusal(answer, asking, config.known_texts)
        return read_quote(answer, meter, amount, asking, config)
    except Unreadable as problem:
        return _unknown(response, problem)


def vended(response: Response, order: VendOrder, config: XmlVendConfig) -> Vended | VendRefused | Unknown:
    """The answer to `credit_vend`. The HTTP status is no proof either way: faults come with 500, and with 200."""
    asked = SaleReference.read(order.reference).message_id
    try:
        answer = open_answer(response.body, "creditVendResp")
        if isinstance(answer, Fault):
            return refusal(answer, asked, config.known_texts)
        return read_sale(answer, order, asked, config)
    except Unreadable as problem:
        return _unknown(response, problem)


def last_answered(
    response: Response, asking: MessageId, order: VendOrder, config: XmlVendConfig
) -> Vended | VendRefused | NotFound | CannotAsk | Unknown:
    """The answer to `last_response`: the whole original answer, which may have been a fault."""
    try:
        answer = open_answer(response.body, "adviceResp")
        if isinstance(answer, Fault):
            return advice_refusal(answer, asking)
        return _original(answer, asking, order, config)
    except Unreadable as problem:
        return _unknown(response, problem)


def _original(
    advice: Element, asking: MessageId, order: VendOrder, config: XmlVendConfig
) -> Vended | VendRefused | Unknown:
    # A public sample of a real server answers with the response to another message, so the frame and the
    # response inside are both checked (F-063).
    asked = SaleReference.read(order.reference).message_id
    if not asking.same(message_id(advice, "reqMsgID")):
        raise Unreadable("the advice answers another message")
    if not asked.same(message_id(advice, "adviceReqMsgID")):
        raise Unreadable("the advice is about another sale")
    last = child(advice, "lastResponse")
    if last is None:
        raise Unreadable("the advice carries no response")
    if child(last, "fault") is not None:
        return refusal(read_fault(last), asked, config.known_texts)
    if kind_of(last).lower() not in {"creditvendresp", ""}:
        raise Unreadable(f"the last response is a {kind_of(last)[:40]}")
    return read_sale(last, order, asked, config)


def _account(
    answer: Element, asking: MessageId, meter: MeterNumber, config: XmlVendConfig
) -> Account | CannotVend | Unknown:
    if not asking.same(message_id(answer, "reqMsgID")):
        raise Unreadable("the account answers another message")
    result = _only_result(answer, meter)
    detail, rules = child(result, "custVendDetail"), child(result, "custVendConfig")
    may = words(child(rules, "canVend")).lower()
    if may in _NO:
        return CannotVend("blocked", "canVend is false")
    if may not in _YES:
        raise Unreadable("canVend says neither yes nor no")
    return Account(
        meter,
        owner=tidy(attribute(detail, "name")),
        address=tidy(attribute(detail, "address")),
        minimum=_bound(child(rules, "minVendAmt"), config),
        maximum=_bound(child(rules, "maxVendAmt"), config),
    )


def _only_result(answer: Element, meter: MeterNumber) -> Element:
    """The one customer of this meter; a meter of another number, or two customers, is no answer."""
    ours = [
        result
        for result in children(answer, "confirmCustResult")
        if attribute(child(result, "meterDetail"), "msno") in {"", meter.reveal()}
    ]
    if len(ours) != 1:
        raise Unreadable(f"{len(ours)} customers for one meter")
    return ours[0]


def _bound(element: Element | None, config: XmlVendConfig) -> Money | None:
    """A limit; servers write nothing, "null" or zero where there is none."""
    try:
        limit = money(element, config)
    except Unreadable:
        return None
    return limit if limit.minor > 0 else None


def _unknown(response: Response, problem: Unreadable) -> Unknown:
    return Unknown(f"http {response.status}: {problem}")
