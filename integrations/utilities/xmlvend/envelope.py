"""Opening a SOAP envelope from a stranger: a hardened parser, and reading by local name.

Servers differ in prefixes, in SOAP 1.1 and 1.2, and in which namespace a child sits; local names do not (MAPPING.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from lxml import etree
from lxml.etree import _Element

from integrations.utilities.xmlvend.ids import MessageId

Element: TypeAlias = _Element

#: A real answer has 2 to 10 kB.
ANSWER_BYTES_MAX = 256 * 1024

#: The longest name, label or message of a server that we keep, in characters.
WORDS_LENGTH_MAX = 160

_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

_LONG_NUMBER = re.compile(r"[0-9]{7,}")


class Unreadable(ValueError):
    """The answer is not what was asked for, so it proves nothing. The text says why, without personal data."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An XMLVend fault: its class ("BlockedMeterEx"), the server's code and words, and the message it answers."""

    kind: str
    code: str
    desc: str
    echo: MessageId | None

    def __str__(self) -> str:
        return " ".join(part for part in (self.kind or "fault without a class", self.code, self.desc) if part)


def open_answer(body: bytes, expected: str) -> Element | Fault:
    """The element named `expected` in the body of a SOAP envelope, or the fault in its place; else Unreadable."""
    payload = _payload(parse(body))
    name = local_name(payload)
    if name == "Fault" or name.lower() == "xmlvendfaultresp":
        return read_fault(_fault_detail(payload))
    if name != expected:
        raise Unreadable(f"the answer is {name[:40]}, not {expected}")
    return payload


def parse(body: bytes) -> Element:
    """Parse without DTD, entities, network or large trees. Anything with a DOCTYPE is refused."""
    if len(body) > ANSWER_BYTES_MAX:
        raise Unreadable("the answer is too large")
    if b"<!DOCTYPE" in body.replace(b"\0", b"").upper():
        raise Unreadable("the answer has a DOCTYPE")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, dtd_validation=False, no_network=True, huge_tree=False,
        remove_comments=True, remove_pis=True, recover=False,
    )  # fmt: skip
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Unreadable("the answer is not XML") from None
    # An encoding such as UTF-7 hides a DOCTYPE from the search above, not from the parser.
    docinfo: Any = root.getroottree().docinfo  # the stubs do not know `doctype`
    if docinfo.doctype:
        raise Unreadable("the answer has a DOCTYPE")
    return root


def read_fault(detail: Element) -> Fault:
    """The fault of an xmlvendFaultResp element, or of a last response that was one."""
    fault = child(detail, "fault")
    if fault is None:
        raise Unreadable("a fault response without a fault")
    desc = _LONG_NUMBER.sub("•••", words(child(fault, "desc")))
    return Fault(kind_of(fault), words(child(fault, "faultCode")), desc, message_id(detail, "reqMsgID"))


def _payload(root: Element) -> Element:
    if local_name(root) != "Envelope":
        raise Unreadable("the answer is no SOAP envelope")
    body = child(root, "Body")
    payload = next(body.iterchildren("*"), None) if body is not None else None
    if payload is None:
        raise Unreadable("the envelope is empty")
    return payload


def _fault_detail(payload: Element) -> Element:
    for element in payload.iter("*"):
        if local_name(element).lower() == "xmlvendfaultresp":
            return element
    raise Unreadable("a SOAP fault without XMLVend's detail")


def local_name(element: Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def kind_of(element: Element) -> str:
    """An element's xsi:type without its prefix; empty when it has none."""
    return tidy(attribute(element, _XSI_TYPE).rpartition(":")[2])


def children(element: Element | None, name: str) -> Iterator[Element]:
    """The direct children with this local name."""
    if element is not None:
        yield from (found for found in element.iterchildren("*") if local_name(found) == name)


def child(element: Element | None, name: str) -> Element | None:
    """The first direct child with this local name."""
    return next(children(element, name), None)


def attribute(element: Element | None, name: str) -> str:
    """An attribute's value without surrounding space; empty when it is missing."""
    value = element.get(name) if element is not None else None
    return str(value).strip() if value is not None else ""


def words(element: Element | None) -> str:
    """An element's own text on one line, cut to a sane length."""
    return tidy(element.text or "") if element is not None else ""


def tidy(text: str) -> str:
    """A server's text on one line, cut to a sane length."""
    return " ".join(text.split())[:WORDS_LENGTH_MAX]


def message_id(element: Element, name: str) -> MessageId | None:
    """The message id in the child of this name, if it is there."""
    found = child(element, name)
    return MessageId(attribute(found, "dateTime"), attribute(found, "uniqueNumber")) if found is not None else None
