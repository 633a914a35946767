"""What a turn commits beside its journal: the rows behind a flow's `Commit` and behind global words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot import notices
from bot.clock import CROCKFORD
from bot.outbox import message_row
from bot.payments.parties import Parties
from bot.payments.rows import PaymentRow
from bot.payments.transition import progress_thread
from bot.store.change import Change, Guard, Insert, Update
from flows.lookups import money_from_json
from flows.turn import Order
from integrations.contract.people import Phone


@dataclass(frozen=True, slots=True)
class Chat:
    """Who orders: the conversation, and the customer row as it was read."""

    conversation_id: str
    customer_id: str
    customer_version: int
    phone_hash: str | None
    now: int

    def after(self, written: Change) -> Chat:
        """The same for the next order of this turn, whose guard will see what this one wrote."""
        steps = sum(guard.table == "customer" for guard in written.guards)
        return replace(self, customer_version=self.customer_version + steps)


def change_of(order: Order, chat: Chat, parties: Parties) -> Change:
    """The rows of one order. Its id is derived from the conversation, so an order thought again is the same rows."""
    return _ORDERS[order.key](order, chat, parties)


def payment_id_of(order_id: str) -> str:
    """The payment an order opens, the same however often the turn is thought."""
    return "p" + hashlib.sha256(order_id.encode()).hexdigest()[:24]


def payment_code_of(payment_id: str) -> str:
    """The code people read aloud: eight letters and digits that cannot be mistaken for one another."""
    number = int.from_bytes(hashlib.sha256(f"code:{payment_id}".encode()).digest()[:5])
    letters = "".join(CROCKFORD[(number >> shift) & 31] for shift in range(0, 40, 5))
    return f"{letters[:4]}-{letters[4:]}"


def _customer(chat: Chat, **columns: str | int | None) -> Guard:
    expect = {"version": chat.customer_version}
    return Guard("customer", chat.customer_id, expect, {"version": chat.customer_version + 1, **columns})


def _open_payment(order: Order, chat: Chat, parties: Parties) -> Change:
    args, seal, trade = order.args, parties.seal, parties.trade
    amount, fee = money_from_json(args["amount"]), money_from_json(args["fee"])
    payment_id, payer_hash = payment_id_of(order.id), seal.hashed(args["payer"], "phone")
    own = payer_hash == chat.phone_hash
    row: dict[str, str | int | None] = {
        "id": payment_id,
        "code": payment_code_of(payment_id),
        "customer_id": chat.customer_id,
        "conversation_id": chat.conversation_id,
        "version": 0,
        "state": "confirmed",
        "money": trade.operator,
        "utility": trade.utility,
        "amount_minor": amount.minor,
        "fee_minor": fee.minor,
        "currency": amount.currency,
        "meter_sealed": seal.seal(args["meter"], "meter"),
        "meter_hash": seal.hashed(args["meter"], "meter"),
        "owner_masked": args["owner"],
        "payer_sealed": seal.seal(args["payer"], "phone"),
        "payer_hash": payer_hash,
        "payer_own": int(own),
        "wish": 0,
        "live_payer": None,
        "confirmed_at": chat.now,
        "changed_at": chat.now,
        "due_at": chat.now,
        "lease_until": 0,
        "fence": 0,
        "tries": 0,
    }
    event = {
        "payment_id": payment_id, "key": "confirmed", "event": "confirmed", "before": "", "after": "confirmed",
        "source": "customer", "attempt_id": None, "detail": order.id, "at": chat.now,
    }  # fmt: skip
    payment = PaymentRow.of(dict(row))
    shown = Phone(args["payer"]).masked() if own else args["payer"]
    notice = notices.opened(payment, trade, shown)
    message = message_row(
        seal, customer_id=chat.customer_id, conversation_id=chat.conversation_id, kind="fact", body=notice.body,
        now=chat.now, thread=progress_thread(payment_id, 1), payment_id=payment_id,
    )  # fmt: skip
    return Change((_customer(chat),), (Insert("payment", row), Insert("payment_event", event), message))


def _retry_payment(order: Order, chat: Chat, parties: Parties) -> Change:
    payment, after = order.args["payment"], order.args["after"]
    message = message_row(
        parties.seal, customer_id=chat.customer_id, conversation_id=chat.conversation_id, kind="fact",
        body=notices.retrying(payment_code_of(payment)), now=chat.now, thread=progress_thread(payment, after + 1),
        payment_id=payment,
    )  # fmt: skip
    wish = Update("payment", payment, {"wish": after, "due_at": chat.now}, only_if={"customer_id": chat.customer_id})
    return Change(inserts=(message,), updates=(wish,))


def _prove_phone(order: Order, chat: Chat, parties: Parties) -> Change:
    phone = order.args["phone"]
    columns: dict[str, str | int | None] = {
        "phone_sealed": parties.seal.seal(phone, "phone"),
        "phone_hash": parties.seal.hashed(phone, "phone"),
        "phone_proven_at": chat.now,
    }
    return Change((_customer(chat, **columns),))


def _set_language(order: Order, chat: Chat, _parties: Parties) -> Change:
    return Change(updates=(Update("customer", chat.customer_id, {"language": order.args["language"]}),))


def _hear_from_us(order: Order, chat: Chat, _parties: Parties) -> Change:
    return Change(updates=(Update("customer", chat.customer_id, {"stopped": order.args["stopped"]}),))


def _name_meter(order: Order, chat: Chat, parties: Parties) -> Change:
    nickname = order.args["nickname"]
    columns = {"nickname": nickname, "nickname_folded": nickname.casefold()}
    return Change(updates=(Update("saved_meter", _meter_row(order, chat, parties), columns),))


def _forget_meter(order: Order, chat: Chat, parties: Parties) -> Change:
    columns = {"forgotten": 1, "nickname": None, "nickname_folded": None}
    return Change(updates=(Update("saved_meter", _meter_row(order, chat, parties), columns),))


def _meter_row(order: Order, chat: Chat, parties: Parties) -> str:
    return f"{chat.customer_id}:{parties.seal.hashed(order.args['meter'], 'meter')[:24]}"


def _ask_for_person(order: Order, chat: Chat, _parties: Parties) -> Change:
    row = {
        "id": order.id, "payment_id": None, "conversation_id": chat.conversation_id, "reason": "asked_for_person",
        "queue": "support", "owner": None, "detail": "", "open_key": f"{chat.conversation_id}:person",
        "opened_at": chat.now, "closed_at": None,
    }  # fmt: skip
    return Change(inserts=(Insert("trouble_case", row, or_ignore=True),))


_ORDERS: Final[Mapping[str, Callable[[Order, Chat, Parties], Change]]] = {
    "open_payment": _open_payment,
    "retry_payment": _retry_payment,
    "prove_phone": _prove_phone,
    "set_language": _set_language,
    "hear_from_us": _hear_from_us,
    "name_meter": _name_meter,
    "forget_meter": _forget_meter,
    "ask_for_person": _ask_for_person,
}
