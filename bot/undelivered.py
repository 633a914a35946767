"""What is written of a message that was sent, waits, or goes by SMS because its channel cannot deliver it."""

from __future__ import annotations

from bot.delivery import Parcel
from bot.store.change import Change, Guard, Insert, Row, Update

#: About money: never given up in silence.
MONEY = frozenset({"receipt", "fact"})

SMS = "sms"
_OUTCOME_LENGTH_MAX = 200


def done(parcel: Parcel, outcome: str, **columns: str) -> Change:
    """Nothing more is to be sent for this row."""
    return _written(parcel, outcome, done=1, **columns)


def again(parcel: Parcel, why: str, due_at: int, **columns: int) -> Change:
    """It is tried again at `due_at`."""
    return _written(parcel, why, due_at=due_at, **columns)


def waits(parcel: Parcel, why: str, now: int) -> Change:
    """It is kept until the person writes.

    From now on the window counts as shut, whatever another clock says; but not where they wrote in the meantime.
    """
    shut = Update("conversation", parcel.conversation_id, {"heard_at": 0}, only_if={"heard_at": parcel.heard_at})
    return _written(parcel, why, knocked_at=now, tried_at=0) + Change(updates=(shut,))


def _written(parcel: Parcel, outcome: str, **columns: int | str) -> Change:
    settled = {"lease_until": 0, "outcome": outcome[:_OUTCOME_LENGTH_MAX], **columns}
    return Change((Guard("outbox", parcel.id, {"fence": parcel.fence}, settled),))


def stand_in(parcel: Parcel, now: int) -> Change | None:
    """The same by SMS, once however often its channel says no. None when it need not, or cannot, go that way."""
    if parcel.kind not in MONEY or parcel.via or not parcel.has_phone:
        return None
    return sms_row(
        {
            "customer_id": parcel.customer_id,
            "conversation_id": parcel.conversation_id,
            "kind": parcel.kind,
            "body_sealed": parcel.body_sealed,
            "payment_id": parcel.payment_id,
        },
        parcel.id,
        now,
    )


def sms_row(same: Row, stands_for: int, now: int) -> Change:
    """An SMS in the place of message `stands_for`, of which it has the columns `same`."""
    row = {**same, "rank": 0, "via": SMS, "stands_for": stands_for, "created_at": now, "due_at": now}
    return Change(inserts=(Insert("outbox", row, or_ignore=True),))


def case(parcel: Parcel, reason: str, now: int) -> Change:
    """A person is told of it."""
    return case_of(parcel.id, parcel.payment_id, parcel.conversation_id, reason, now)


def case_of(
    outbox_id: int, payment_id: str | None, conversation_id: str, reason: str, now: int, detail: str = ""
) -> Change:
    """A case about one message, one for each reason."""
    key = f"outbox:{outbox_id}:{reason}"
    row = {"id": key, "payment_id": payment_id, "conversation_id": conversation_id, "reason": reason}
    rest = {
        "queue": "operations",
        "owner": None,
        "detail": detail,
        "open_key": key,
        "opened_at": now,
        "closed_at": None,
    }
    return Change(inserts=(Insert("trouble_case", {**row, **rest}, or_ignore=True),))
