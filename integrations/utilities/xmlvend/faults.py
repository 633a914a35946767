"""What each fault class proves. The table in MAPPING.md says the same in words; a test keeps the two together."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.contract.exchange import Unknown
from integrations.contract.outcomes import CannotAsk, CannotVend, NoSuchMeter, NotFound, VendReason, VendRefused
from integrations.utilities.xmlvend.envelope import Fault
from integrations.utilities.xmlvend.ids import MessageId

#: Faults that come instead of a sale: proof that nothing was sold for this message.
REFUSALS: Mapping[str, VendReason] = {
    "UnknownMeterEx": VendReason.UNKNOWN_METER,
    "UnknownMeterFBEEx": VendReason.UNKNOWN_METER,
    "ConfirmCustomerEx": VendReason.UNKNOWN_METER,
    "MSNOCheckDigitEx": VendReason.UNKNOWN_METER,
    "BlockedMeterEx": VendReason.BLOCKED,
    "InsufficientMeterDataEx": VendReason.METER_DATA,
    "RequireMeterCardEx": VendReason.METER_DATA,
    "STSDataEx": VendReason.METER_DATA,
    "LatestKRNEx": VendReason.METER_DATA,
    "IncorrectSGC": VendReason.METER_DATA,
    "IncorrectTI": VendReason.METER_DATA,
    "UpdateMtrKeySameEx": VendReason.METER_DATA,
    "UnknownMeterUpdateMtrKeyEx": VendReason.METER_DATA,
    "MeterDataMisMatchEx": VendReason.METER_DATA,
    "AccNumEx": VendReason.METER_DATA,
    "AccTypeEx": VendReason.METER_DATA,
    "AccNumMeterLinkEx": VendReason.METER_DATA,
    "DebtEx": VendReason.NOT_DUE,
    "ServiceChrgEx": VendReason.NOT_DUE,
    "FBEEx": VendReason.NOT_DUE,
    "VendorCreditEx": VendReason.NO_FLOAT,
    "SGCAuthorisationEx": VendReason.NOT_ALLOWED,
    "RequestAuthorisationEx": VendReason.NOT_ALLOWED,
    "ClientIDAuthorisationEx": VendReason.NOT_ALLOWED,
    "ClientIDSSLEx": VendReason.NOT_ALLOWED,
    "UseCaseSupportEx": VendReason.NOT_ALLOWED,
    "XMLVendSchemaEx": VendReason.OTHER,
    "BusinessRuleEx": VendReason.OTHER,
}

#: Listed faults that prove nothing about a sale: the server may have sold, or the class answers another question.
NO_PROOF = frozenset({
    "SystemEx", "XMLVendFaultEx", "ServeryBusyEx", "DuplicateMsgIDEx", "ExpiredMessageEx", "GracePurchaseEx",
    "LastResponseEx", "IndeterminantLastResponseEx", "ConfirmationEx", "ReversalEx", "CancelEx", "ReprintEx",
    "VerifyTokenEx", "StartBatchEx", "EndBatchEx", "CheckBatchTotalEx", "ReprintEndBatchEx", "ReprintDepositSlipEx",
    "EngParameterEx", "OtherDataEx",
})  # fmt: skip

#: Classes so general that a server's own code or text says more than the class.
_GENERAL = frozenset({"SystemEx", "XMLVendFaultEx", "BusinessRuleEx"})

#: Codes and texts seen behind a general class (Hexing, Eskom and Conlog servers), folded.
_KNOWN: Mapping[str, VendReason] = {
    "vd.01010001": VendReason.UNKNOWN_METER,
    "vd.01010004": VendReason.UNKNOWN_METER,
    "vd.010032": VendReason.NOT_ALLOWED,
    "vd.17020006": VendReason.NO_FLOAT,
    "vd.17020012": VendReason.NOT_DUE,
    "meter not found": VendReason.UNKNOWN_METER,
    "010038 meter information not found": VendReason.UNKNOWN_METER,
}

#: Reasons that are about the meter; the others are about us and would mislead its owner at a lookup.
_ABOUT_THE_METER = frozenset({VendReason.BLOCKED, VendReason.METER_DATA, VendReason.NOT_DUE, VendReason.AMOUNT})


def reason_of(fault: Fault, known_texts: Mapping[str, VendReason]) -> VendReason | None:
    """Why nothing was sold, or None when the fault does not prove that."""
    if fault.kind in _GENERAL:
        known = {**_KNOWN, **{text.casefold(): reason for text, reason in known_texts.items()}}
        for said in filter(None, (fault.code, fault.desc)):
            if reason := known.get(said.casefold()):
                return reason
    return REFUSALS.get(fault.kind)


def refusal(fault: Fault, asked: MessageId, known_texts: Mapping[str, VendReason]) -> VendRefused | Unknown:
    """What a fault in place of a sale or a quote proves. It must name the message it answers (F-063)."""
    if not asked.same(fault.echo):
        return Unknown(f"a fault that does not name our message: {fault}")
    if reason := reason_of(fault, known_texts):
        return VendRefused(reason, fault.kind, f"{fault.code} {fault.desc}".strip())
    return _unknown(fault)


def lookup_refusal(
    fault: Fault, asked: MessageId, known_texts: Mapping[str, VendReason]
) -> NoSuchMeter | CannotVend | Unknown:
    """What a fault in place of an account means. No money hangs on it, so it need not name the message it answers."""
    if fault.echo is not None and not asked.same(fault.echo):
        return Unknown(f"a fault that answers another message: {fault}")
    reason = reason_of(fault, known_texts)
    if reason is VendReason.UNKNOWN_METER:
        return NoSuchMeter()
    if reason in _ABOUT_THE_METER:
        return CannotVend(reason.value, str(fault))
    return _unknown(fault)


def advice_refusal(fault: Fault, asked: MessageId) -> NotFound | CannotAsk | Unknown:
    """What a fault in place of a last response means for the sale asked about."""
    if not asked.same(fault.echo):
        return Unknown(f"a fault that does not name our message: {fault}")
    match fault.kind:
        case "LastResponseEx":
            return NotFound(fault.kind)
        case "UseCaseSupportEx":
            return CannotAsk()
        case _:
            return _unknown(fault)


def _unknown(fault: Fault) -> Unknown:
    listed = fault.kind in REFUSALS or fault.kind in NO_PROOF
    return Unknown(f"fault {fault}" if listed else f"unlisted fault {fault}", unlisted=not listed)
