"""Who is sent to next: order for each customer, fairness between them, receipts first, and only what is ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.outbox import RANKS, OutboxClaim
from bot.store.change import Change, Done, Key, Sql, Value
from bot.work import Lease
from integrations.contract.channel import Limits
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.message import Delivered, Gone, Malformed, Sending, Throttled
from tests.outbox.post import DAY, HOUR, MINUTE, OPEN, SEAL, WINDOW, Line, Post


async def test_messages_of_one_customer_leave_one_after_another_in_the_order_of_their_rows(post: Post) -> None:
    for kind, words in (("say", "one"), ("receipt", "two"), ("question", "three"), ("fact", "four")):
        await post.tell(kind, words)
    assert await post.step(post.whatsapp) == 1
    await post.settle()
    assert post.whatsapp.texts == ["one", "two", "three", "four"]


@pytest.mark.parametrize("first", [Throttled(30), NotSent("no network"), Unknown("no answer")])
async def test_what_waits_to_be_tried_again_keeps_its_place(post: Post, first: Sending) -> None:
    post.whatsapp.outcomes = [first]
    await post.tell("fact", "one")
    await post.tell("receipt", "two")
    await post.settle()
    assert post.whatsapp.texts == ["one"]
    await post.pass_(MINUTE)
    assert post.whatsapp.texts == ["one", "one", "two"]


@pytest.mark.parametrize("end", [Gone("blocked"), Malformed("empty"), Delivered("1")])
async def test_what_is_over_lets_the_next_go(post: Post, end: Sending) -> None:
    post.whatsapp.outcomes = [end]
    await post.tell("fact", "one")
    await post.tell("fact", "two")
    await post.settle()
    assert post.whatsapp.texts == ["one", "two"]


async def test_I36_what_cannot_be_rendered_is_nobodys_wall(post: Post) -> None:
    await post.tell("receipt", "one", body_sealed=SEAL.seal("no message", "outbox.body"))
    await post.tell("receipt", "two")
    await post.settle()
    assert post.whatsapp.texts == ["two"]
    assert await post.cases() == ["message_malformed"]


async def test_while_one_is_in_flight_the_next_is_not_taken(post: Post) -> None:
    await post.tell("fact", "one")
    await post.tell("fact", "two")
    assert len(await post.claim(post.whatsapp)) == 1
    assert await post.claim(post.whatsapp) == []
    assert not await post.due(post.whatsapp)


async def test_a_crowd_of_one_customer_keeps_nobody_waiting(post: Post) -> None:
    await post.meet("otieno", address="+254722000002")
    for number in range(50):
        await post.tell("say", f"amina {number}")
    await post.tell("say", "otieno", to="otieno")
    await post.step(post.whatsapp, slots=2)
    assert post.whatsapp.texts == ["amina 0", "otieno"]


async def test_between_customers_who_waits_longest_is_next(post: Post) -> None:
    for number in range(3):
        await post.meet(f"p{number}", address=f"+25471100010{number}")
    for number in (2, 0, 1):
        await post.tell("say", f"{number}", to=f"p{number}")
        post.clock.pass_by(1)
    for _ in range(3):
        await post.step(post.whatsapp, slots=1)
    assert post.whatsapp.texts == ["2", "0", "1"]


async def test_receipts_go_before_facts_and_questions_and_those_before_chat(post: Post) -> None:
    kinds = ["say", "question", "fact", "receipt"]
    for kind in kinds:
        await post.meet(kind, address="+254711000009")
        await post.tell(kind, kind, to=kind)
        post.clock.pass_by(1)
    for _ in kinds:
        await post.step(post.whatsapp, slots=1)
    assert post.whatsapp.texts == ["receipt", "question", "fact", "say"]


# --- channels


async def test_a_channel_takes_what_is_its_own(post: Post) -> None:
    await post.meet("otieno", channel="telegram", address="722000002")
    await post.tell("say", "by WhatsApp")
    await post.tell("say", "by Telegram", to="otieno")
    await post.settle()
    assert (post.whatsapp.texts, post.telegram.texts) == (["by WhatsApp"], ["by Telegram"])
    assert (post.whatsapp.letters[0].address, post.telegram.letters[0].address) == ("+254711000001", "722000002")


async def test_what_is_for_a_channel_that_is_not_set_up_waits_and_is_in_nobodys_way(post: Post) -> None:
    await post.meet("wanjiru", channel="signal", address="7")
    number = await post.tell("receipt", "by Signal", to="wanjiru")
    await post.tell("say", "by WhatsApp")
    await post.pass_(MINUTE)
    assert post.whatsapp.texts == ["by WhatsApp"]
    row = await post.row(number)
    assert (row["done"], row["tries"]) == (0, 0)
    signal = Line("signal")
    assert await post.due(signal)
    await post.step(signal)
    assert signal.texts == ["by Signal"]


async def test_an_sms_is_in_no_order_with_the_chat_it_comes_from(post: Post) -> None:
    sms = post.with_sms()
    post.whatsapp.outcomes = [Throttled(600)]
    await post.tell("fact", "one")
    await post.settle()
    await post.tell("receipt", "two", via="sms")
    await post.settle()
    assert (post.whatsapp.texts, sms.texts) == (["one"], ["two"])


# --- leases


async def test_a_lease_that_ran_out_lets_another_try_and_the_late_answer_write_nothing(post: Post) -> None:
    number = await post.tell("receipt", "token")
    late = await post.claim(post.whatsapp)
    post.clock.pass_by(post.worker(post.whatsapp).lease.length_seconds)
    early = await post.claim(post.whatsapp)
    assert [parcel.fence for parcel in (*late, *early)] == [1, 2]
    await post.work(post.whatsapp, *early)
    post.whatsapp.outcomes = [Malformed("it was empty")]
    await post.work(post.whatsapp, *late)
    row = await post.row(number)
    assert (row["outcome"], row["external_id"]) == ("delivered", "whatsapp-1")
    assert await post.cases() == []


async def test_a_worker_that_wakes_too_late_does_not_send(post: Post) -> None:
    await post.tell("receipt", "token")
    worker = post.worker(post.whatsapp)
    deadline = worker.lease.deadline(post.clock)
    [parcel] = await post.claim(post.whatsapp)
    post.clock.pass_by(worker.lease.length_seconds - worker.channel.timeout_seconds + 1)
    await worker.work(parcel, deadline)
    assert post.whatsapp.letters == []
    await post.pass_(MINUTE)
    assert post.whatsapp.texts == ["token"]
    assert post.whatsapp.letters[0].waybill.tried_at is None, "nothing was sent before"


async def test_a_row_that_cannot_be_claimed_alone_is_pushed_back(post: Post) -> None:
    number = await post.tell("receipt", "token")
    claim = post.worker(post.whatsapp).claim(1)
    change = claim.push_back({"id": number, "now": post.now, "tries": 4})
    assert await post.store.write(change) == Done()
    row = await post.row(number)
    assert (row["tries"], row["due_at"] > post.now) == (5, True)
    assert claim.plan({**row, **_places(post)})[1] == Change()


def _places(post: Post) -> dict[str, object]:
    return {
        "channel": "whatsapp", "address": "+254711000001", "phone_sealed": None, "language": "en", "edits": None,
        "code": None, "heard_at": 0, "paced_until": 0, "known": frozenset(), "newer": 0, "now": post.now,
    }  # fmt: skip


# --- looking and taking agree

HOURS = int(HOUR * 1000)
PACED = Limits(
    1600, 3, 20, can_edit=False, can_share_phone=False, window_seconds=int(DAY), recipient_seconds=6, recipient_burst=3
)  # fmt: skip
TIMES = st.sampled_from([0, -1, 1, -HOURS, HOURS])
ROWS = st.fixed_dictionaries(
    {
        "customer": st.sampled_from(["a", "b"]),
        "kind": st.sampled_from(sorted(RANKS)),
        "due": TIMES,
        "lease": TIMES,
        "knocked": st.sampled_from([0, -HOURS, HOURS]),
        "via": st.sampled_from(["", "", "sms"]),
        "done": st.sampled_from([0, 0, 0, 1]),
    }
)
CHATS = st.fixed_dictionaries(
    {
        "heard": st.sampled_from([0, -HOURS, -24 * HOURS, -24 * HOURS + 1, -25 * HOURS]),
        "paced": st.sampled_from([0, 12_000, 12_001, 24_000, 24_001]),
        "channel": st.sampled_from(["whatsapp", "telegram"]),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, max_size=6), chats=st.tuples(CHATS, CHATS))
async def test_something_is_due_exactly_where_a_claim_would_take_something(
    post: Post, rows: list[dict[str, object]], chats: tuple[dict[str, int], dict[str, int]]
) -> None:
    await _empty(post)
    now = post.now
    for name, chat in zip("ab", chats, strict=True):
        await post.meet(name, channel=str(chat["channel"]), heard=-chat["heard"] / 1000)
        await post.hint("conversation", f"v{name}", paced_until=now + chat["paced"])
    for row in rows:
        await post.tell(
            str(row["kind"]), "words", to=str(row["customer"]), via=row["via"], done=row["done"],
            due_at=now + int(str(row["due"])), lease_until=max(0, now + int(str(row["lease"])) if row["lease"] else 0),
            knocked_at=now + int(str(row["knocked"])) if row["knocked"] == HOURS else int(str(row["knocked"])),
        )  # fmt: skip
    for line in (Line("whatsapp", PACED), Line("telegram", OPEN), Line("sms", OPEN)):
        due = await post.due(line)
        claim = OutboxClaim(Lease(30), 1, line.name, line.limits)
        taken = await post.store.claim(claim)
        assert due == bool(taken), line.name
        post._workers.clear()


async def _empty(post: Post) -> None:
    def delete(sql: Sql) -> None:
        for table in ("outbox", "conversation", "customer"):
            sql.rows(f"DELETE FROM {table}")  # noqa: S608  the names are above

    await post.store._writing.call(lambda: delete(post.store._database))


# --- a backlog


async def test_a_backlog_that_waits_is_not_read_by_every_claim(post: Post) -> None:
    await _backlog(post, 600)
    await post.store._writing.call(lambda: post.store._database.rows("ANALYZE outbox"))
    await post.meet("otieno", address="+254722000002")
    await post.tell("receipt", "token", to="otieno")
    counted = Counting()
    claim = OutboxClaim(Lease(30), 1, "whatsapp", WINDOW, waiting=False)
    plan = await post.store._writing.call(lambda: counted.plan(post.store._database, claim))
    assert "outbox_due" in plan, plan
    assert "outbox_waiting" not in plan, plan
    assert len(await post.claim(post.whatsapp, slots=1)) == 1


async def _backlog(post: Post, count: int) -> None:
    for number in range(count):
        await post.meet(f"w{number}", heard=2 * DAY)
    for number in range(count):
        await post.tell("receipt", "token", to=f"w{number}", knocked_at=post.now)


class Counting:
    """Stands in for a connection: asks how a statement would be run instead of running it."""

    def plan(self, sql: Sql, claim: OutboxClaim) -> str:
        self.sql = sql
        self.plans: list[str] = []
        assert claim.take(self) == []
        return "\n".join(self.plans)

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        return self.sql.dialect

    @property
    def skip_locked(self) -> str:
        return self.sql.skip_locked

    def now(self) -> int:
        return self.sql.now()

    def rows(self, statement: str, **params: Value) -> list[dict[str, Any]]:
        explain = "EXPLAIN QUERY PLAN " if self.sql.dialect == "sqlite" else "EXPLAIN "
        self.plans += [str(list(row.values())[-1]) for row in self.sql.rows(explain + statement, **params)]
        return []

    def rows_in(self, statement: str, ids: Sequence[Key], **params: Value) -> list[dict[str, Any]]:
        raise AssertionError(f"nothing was taken: {statement}, {ids}, {params}")
