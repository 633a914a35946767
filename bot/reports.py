"""What a channel says later of a message it took: how far it came, or that it did not arrive, and what follows.

Reports come in any order, twice, and before the answer to the send they are about. How far a message came only grows;
a failure counts only while nothing better is known, and only of the send the row was last about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, assert_never

import structlog

from bot.delivery import KNOCK
from bot.metrics import REPORTS
from bot.store.change import Change, CommitUnknown, Done, Guard, Insert, Lost, Refused, Sql, Update
from bot.store.store import Store
from bot.undelivered import MONEY, case_of, sms_row
from integrations.contract.channel import Arrival, Arrived, Obstacle, Report, Undelivered
from integrations.contract.seams import Clock

log = structlog.get_logger()

#: A failure that waiting or another form may mend is tried again so often.
TIMES: dict[Obstacle, int] = {
    Obstacle.WINDOW: 3, Obstacle.SLOW_DOWN: 6, Obstacle.PROVIDER: 1, Obstacle.FORM: 1,
    Obstacle.PERSON: 0, Obstacle.OURS: 0,
}  # fmt: skip
#: The wait before that, doubling.
WAIT_MS = 60_000

#: Somebody else may write the row between our reading and our writing, so often at the most.
READINGS_MAX = 5

_MESSAGE = """
SELECT o.id, o.customer_id, o.conversation_id, o.kind, o.body_sealed, o.payment_id, o.place, o.via, o.done, o.fence,
  o.external_id, o.arrival, o.bounces, o.tried_at, o.knocked_at, c.address, c.heard_at, p.phone_sealed,
  (SELECT count(*) FROM outbox s WHERE s.stands_for = o.id) AS stood_in,
  (SELECT count(*) FROM message_report r WHERE r.external_id = :external_id AND r.status = 'undelivered') AS failed
FROM outbox o JOIN conversation c ON c.id = o.conversation_id JOIN customer p ON p.id = o.customer_id
WHERE o.id = :id
"""

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Reports:
    """Keeps what channels report. `sms` says whether a message can go by SMS instead."""

    store: Store
    clock: Clock
    sms: bool

    async def keep(self, report: Report) -> bool:
        """Whether it is stored, or was before, or is about nothing of ours. Only then may the channel be told so."""
        number = report.own.removeprefix(KNOCK)
        if not (number.isascii() and number.isdecimal() and len(number) < len(str(2**63))):
            return True
        for _ in range(READINGS_MAX):
            row = await self._message(int(number), report.external_id)
            if row is None:
                log.warning("report.of_nothing")
                return True
            change = change_of(row, report, int(self.clock.now().timestamp() * 1000), sms=self.sms)
            match await self.store.write(change):
                case Done():
                    REPORTS.labels(status_of(report)).inc()
                    return True
                case Refused("one_report"):
                    return True
                case Refused(constraint):
                    log.warning("report.refused", constraint=constraint)
                    return True
                case Lost():
                    continue
                case CommitUnknown():
                    return False
        return False

    async def _message(self, number: int, external_id: str) -> Row | None:
        def read(sql: Sql) -> Row | None:
            rows = sql.rows(_MESSAGE, id=number, external_id=external_id)
            return rows[0] if rows else None

        return await self.store.read(read)


def status_of(report: Report) -> str:
    """A report's kind in one word."""
    match report:
        case Arrived(how_far=how_far):
            return how_far.name.lower()
        case Undelivered():
            return "undelivered"


def change_of(row: Row, report: Report, now: int, *, sms: bool) -> Change:
    """What a report writes: that it came, and what follows from it."""
    code = report.code if isinstance(report, Undelivered) else ""
    noted = {"outbox_id": row["id"], "external_id": report.external_id, "status": status_of(report), "code": code}
    change = Change(inserts=(Insert("message_report", {**noted, "stored_at": now}),))
    if isinstance(report, Undelivered):
        if report.unlisted:
            change += _case(row, "message_unlisted", report.code, now)
        return change + (
            _not_knocked(row, now, sms=sms) if _is_knock(report) else _undelivered(row, report, now, sms=sms)
        )
    if _is_knock(report) or row["failed"]:
        return change
    return change + _arrived(row, report, now)


def _is_knock(report: Report) -> bool:
    return report.own.startswith(KNOCK)


def _arrived(row: Row, report: Arrived, now: int) -> Change:
    columns: dict[str, int | str] = {"arrival": max(row["arrival"], report.how_far.value)}
    shown = Change()
    if not row["done"]:
        # The answer to the send was lost, or is still on its way: here is the proof that it was sent.
        columns |= {"done": 1, "lease_until": 0, "outcome": "delivered", "external_id": report.external_id}
        if row["place"] is not None:
            still = {"asked": row["place"], "shown_at": 0}
            shown = Change(updates=(Update("conversation", row["conversation_id"], {"shown_at": now}, only_if=still),))
    return Change((_guard(row, columns),)) + shown


def _undelivered(row: Row, report: Undelivered, now: int, *, sms: bool) -> Change:
    other = row["external_id"] is not None and row["external_id"] != report.external_id
    if other or row["arrival"] >= Arrival.DELIVERED.value or row["stood_in"]:
        return Change()
    if row["kind"] != "say" and not row["via"] and row["bounces"] < TIMES[report.obstacle]:
        return _once_more(row, report, now)
    if row["kind"] not in MONEY:
        return _ended(row, report)
    return _ended(row, report) + _by_sms(row, now, report.code, sms=sms)


def _once_more(row: Row, report: Undelivered, now: int) -> Change:
    """Open the row again. The fence grows, so that a send whose answer is still awaited cannot close it."""
    opened: dict[str, int | str | None] = {
        "done": 0, "lease_until": 0, "tried_at": 0, "external_id": None, "arrival": 0, "fence": row["fence"] + 1,
        "bounces": row["bounces"] + 1, "outcome": f"undelivered {report.code}", "due_at": now,
    }  # fmt: skip
    beside = Change()
    match report.obstacle:
        case Obstacle.WINDOW:
            opened["knocked_at"] = 0
            if row["heard_at"] <= row["tried_at"]:  # else they wrote after it was sent, and the window is open
                same = {"heard_at": row["heard_at"]}
                beside = Change(
                    updates=(Update("conversation", row["conversation_id"], {"heard_at": 0}, only_if=same),)
                )
        case Obstacle.FORM:
            opened["text_only"] = 1
        case Obstacle.SLOW_DOWN | Obstacle.PROVIDER:
            opened["due_at"] = now + WAIT_MS * 2 ** row["bounces"]
        case Obstacle.PERSON | Obstacle.OURS:
            raise AssertionError("waiting mends neither")
        case other:
            assert_never(other)
    return Change((_guard(row, opened),)) + beside


def _ended(row: Row, report: Undelivered) -> Change:
    # The fence grows, so that the answer to the send, should it come after this, writes nothing.
    columns = {
        "done": 1, "lease_until": 0, "fence": row["fence"] + 1,
        "outcome": f"undelivered {report.code}", "external_id": report.external_id,
    }  # fmt: skip
    change = Change((_guard(row, columns),))
    if report.obstacle is Obstacle.PERSON and not row["via"]:
        change += Change(updates=(Update("conversation", row["conversation_id"], {"reachable": 0}),))
    return change


def _by_sms(row: Row, now: int, code: str, *, sms: bool) -> Change:
    """The same by SMS, once; where that cannot be, a person."""
    has_phone = row["address"].startswith("+") or row["phone_sealed"] is not None
    if row["via"] or not sms or not has_phone:
        return _case(row, "message_undelivered", code, now)
    same = ("customer_id", "conversation_id", "kind", "body_sealed", "payment_id")
    return sms_row({name: row[name] for name in same}, row["id"], now)


def _not_knocked(row: Row, now: int, *, sms: bool) -> Change:
    """The knock did not arrive either. While the message still waits, it goes another way."""
    they_wrote = row["knocked_at"] < 0 or (row["knocked_at"] > 0 and row["heard_at"] > 0)
    if row["done"] or they_wrote:
        return Change()
    instead = _by_sms(row, now, "knock", sms=sms)
    by_sms = any(insert.table == "outbox" for insert in instead.inserts)
    return (
        Change((_guard(row, {"done": 1, "outcome": "by SMS: the knock did not arrive"} if by_sms else {}),)) + instead
    )


def _guard(row: Row, columns: dict[str, Any]) -> Guard:
    return Guard("outbox", row["id"], {name: row[name] for name in ("fence", "arrival", "done")}, columns)


def _case(row: Row, reason: str, detail: str, now: int) -> Change:
    return case_of(row["id"], row["payment_id"], row["conversation_id"], reason, now, detail)
