"""A send whose end nobody knows is looked up before anything else, and what people wrote is read from the same list."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from integrations.channels.twilio import mail
from integrations.channels.twilio.adapter import INBOX_MAX, Sms, WhatsApp
from integrations.channels.twilio.mail import CLOCK_SKEW_SECONDS, LOOK_MAX, LOOK_NEWEST_MAX, SETTLE_MARGIN_SECONDS
from integrations.channels.twilio.rest import PAGE_SIZE
from integrations.contract.channel import Waybill
from integrations.contract.exchange import RESPONSE_BYTES_MAX, NotSent, Response, Unknown
from integrations.contract.message import Delivered, Message, Received, Sending, Typed, Unreadable
from integrations.contract.people import Phone
from tests.channels.twilio.stage import (
    ACCOUNT,
    API,
    CONFIG,
    CONTENT_API,
    HIDDEN,
    OURS,
    PHONE,
    SOON,
    START,
    WITH_CONTENT,
    Answer,
    FakeClock,
    Script,
    Store,
    answer,
    hello,
    listed,
    page,
    sent_as,
)

SETTLED = timedelta(seconds=CONFIG.timeout_seconds + SETTLE_MARGIN_SECONDS)
LONG_AGO = Waybill("o1", tried_at=START - SETTLED)
JUST_NOW = Waybill("o1", tried_at=START - SETTLED + timedelta(seconds=1))
LIST, CREATE = "GET /Messages.json", "POST /Messages.json"
NONE = page()
TWO = hello("x" * 1000 + "\n" + "y" * 1000)


async def send(
    waybill: Waybill, *answers: Answer, message: Message | None = None, address: str = PHONE
) -> tuple[Sending, Script]:
    script = Script(*answers)
    channel = WhatsApp(CONFIG, script, FakeClock())
    return await channel.send(address, message or hello(), SOON, waybill), script


# --- before a send


async def test_a_first_try_looks_for_nothing() -> None:
    _, script = await send(Waybill("o1"), answer("created_text.json"))
    assert script.calls() == [CREATE]


async def test_what_an_earlier_try_sent_is_found_and_not_sent_again() -> None:
    for waybill in (LONG_AGO, JUST_NOW):
        outcome, script = await send(waybill, page(listed("SM7", "Hello")), NONE)
        assert outcome == Delivered("SM7")
        assert script.calls() == [LIST, LIST]


async def test_it_is_looked_for_by_recipient_sender_and_date_and_once_more_among_the_newest() -> None:
    _, script = await send(LONG_AGO, NONE, NONE, answer("created_text.json"))
    dated, newest = script.query(0), script.query(1)
    who = {"To": [f"whatsapp:{PHONE}"], "From": [OURS]}
    since = LONG_AGO.tried_at
    assert since is not None
    date = (since - timedelta(seconds=CLOCK_SKEW_SECONDS)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert dated == {**who, "DateSent>": [date], "PageSize": [str(PAGE_SIZE)]}
    assert newest == {**who, "PageSize": [str(PAGE_SIZE)]}
    assert script.deadlines == [SOON] * 3


async def test_what_is_not_there_after_the_settle_time_is_sent() -> None:
    outcome, script = await send(LONG_AGO, NONE, NONE, sent_as("SM8"))
    assert outcome == Delivered("SM8")
    assert script.calls() == [LIST, LIST, CREATE]


async def test_sooner_than_that_nothing_is_proved_and_nothing_sent() -> None:
    outcome, script = await send(JUST_NOW, NONE, NONE)
    assert outcome == Unknown("too soon to tell whether an earlier try was sent")
    assert script.calls() == [LIST, LIST]


async def test_each_try_has_to_settle_also_where_only_the_first_is_told_of() -> None:
    script, clock = Script(NONE, NONE, Unknown("timeout"), NONE, NONE, NONE, NONE, sent_as("SM8")), FakeClock()
    channel = WhatsApp(CONFIG, script, clock)
    assert await channel.send(PHONE, hello(), SOON, LONG_AGO) == Unknown("timeout")
    clock.seconds = SETTLED.total_seconds() - 1
    assert isinstance(await channel.send(PHONE, hello(), SOON + 100, LONG_AGO), Unknown)
    assert script.calls().count(CREATE) == 1
    # Having looked was no try: the wait is not begun anew.
    clock.seconds += 1
    assert await channel.send(PHONE, hello(), SOON + 100, LONG_AGO) == Delivered("SM8")


async def test_what_is_remembered_of_tries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "UNSETTLED_MAX", 2)
    channel = WhatsApp(CONFIG, Script(*[Unknown("timeout")] * 4, sent_as("SM8")), FakeClock())
    for own in ("o1", "o2", "o3", ""):
        await channel.send(PHONE, hello(), SOON, Waybill(own))
    assert list(channel._mail._unsettled) == ["o2", "o3"]
    await channel.send(PHONE, hello(), SOON, Waybill("o3"))
    assert list(channel._mail._unsettled) == ["o2"]


async def test_one_that_still_waits_in_a_queue_without_a_date_is_found_too() -> None:
    waiting = listed("SM9", "Hello", date_sent=None, status="queued")
    outcome, _ = await send(LONG_AGO, NONE, page(waiting))
    assert outcome == Delivered("SM9")


@pytest.mark.parametrize(
    "other",
    [
        listed("SM1", "Hello!"),
        listed("SM1", "Hello", direction="inbound"),
        listed("SM1", "Hello", direction="outbound-reply"),
        listed("SM1", "Hello", to="whatsapp:+254712000556"),
        listed("SM1", "Hello", START - SETTLED - timedelta(seconds=CLOCK_SKEW_SECONDS + 1)),
        listed("SM1", "Hello", date_created=None, date_sent=None),
        listed("known", "Hello"),
        listed("SM1", None),  # type: ignore[arg-type]  # a field the list may leave out
    ],
)
async def test_another_message_is_not_taken_for_it(other: dict[str, object]) -> None:
    waybill = replace(LONG_AGO, known=frozenset({"known"}))
    outcome, _ = await send(waybill, page(other), page(other), sent_as("SM8"))
    assert outcome == Delivered("SM8")


async def test_clocks_may_differ_and_the_list_may_trim_lines() -> None:
    early = START - SETTLED - timedelta(seconds=CLOCK_SKEW_SECONDS)
    message = hello("one  \ntwo\n\nthree")
    outcome, _ = await send(LONG_AGO, page(listed("SM7", "one\ntwo\n\nthree ", early)), NONE, message=message)
    assert outcome == Delivered("SM7")


async def test_the_same_text_sent_before_is_another_message_where_it_is_known() -> None:
    waybill = replace(LONG_AGO, known=frozenset({"SM1"}))
    outcome, _ = await send(waybill, page(listed("SM2", "Hello"), listed("SM1", "Hello")), NONE)
    assert outcome == Delivered("SM2")


@pytest.mark.parametrize(
    "failure",
    [
        NotSent("refused"),
        Unknown("timeout"),
        answer("error_20003.json"),
        answer("error_20429.json"),
        answer("error_500.json"),
        answer("error_502.html"),
        answer("error_429.html"),
        Response(200, {}, b"{}"),
        Response(200, {}, b'{"messages": 1}'),
        Response(200, {}, b'{"messages": [1]}'),
        Response(200, {}, b'{"messages": [{"date_sent": 5}], "next_page_uri": null}'),
        Response(200, {}, b'{"a": [], "b": []}'),
        Response(204, {}, b""),
    ],
)
@pytest.mark.parametrize("which", [0, 1])
async def test_a_look_that_fails_is_unknown_and_nothing_is_sent_blindly(failure: Answer, which: int) -> None:
    outcome, script = await send(LONG_AGO, *[NONE] * which, failure)
    assert isinstance(outcome, Unknown)
    assert outcome.cause.startswith("an earlier try could not be looked for")
    assert CREATE not in script.calls()


async def test_all_pages_are_read_at_our_address_of_the_api() -> None:
    following = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json?PageSize=20&Page=1&PageToken=PASM1"
    first = page(listed("SM1", "other"), following=following)
    outcome, script = await send(LONG_AGO, first, page(listed("SM7", "Hello")), NONE)
    assert outcome == Delivered("SM7")
    assert script.requests[1].url == f"{API}{following}"
    assert "authorization" in script.requests[1].headers


async def test_more_messages_than_can_be_looked_through_prove_nothing() -> None:
    def endless(_: object) -> Response:
        more = (listed(f"SM{number}", "other") for number in range(PAGE_SIZE))
        return page(*more, following="/2010-04-01/Accounts/x/Messages.json?Page=1")

    outcome, script = await send(LONG_AGO, *[endless] * 40)
    assert outcome == Unknown("more messages than can be looked through")
    assert len(script.requests) == LOOK_MAX // PAGE_SIZE + 1


def test_the_newest_are_one_page() -> None:
    assert LOOK_NEWEST_MAX <= PAGE_SIZE


# --- several parts


async def test_parts_already_there_are_not_sent_again() -> None:
    outcome, script = await send(LONG_AGO, page(listed("SM1", "x" * 1000)), NONE, sent_as("SM2"), message=TWO)
    assert outcome == Delivered("SM2")
    assert script.form()["Body"] == "y" * 1000
    assert script.calls().count(CREATE) == 1


async def test_all_parts_there_is_delivered_by_the_last() -> None:
    both = page(listed("SM2", "y" * 1000), listed("SM1", "x" * 1000))
    outcome, script = await send(JUST_NOW, both, NONE, message=TWO)
    assert outcome == Delivered("SM2")
    assert CREATE not in script.calls()


async def test_a_part_missing_is_not_sent_before_it_is_sure_to_be_missing() -> None:
    outcome, script = await send(JUST_NOW, page(listed("SM1", "x" * 1000)), NONE, message=TWO)
    assert isinstance(outcome, Unknown)
    assert CREATE not in script.calls()


async def test_a_missing_part_that_fails_leaves_the_end_unknown() -> None:
    outcome, _ = await send(
        LONG_AGO, page(listed("SM1", "x" * 1000)), NONE, NotSent("the deadline had passed"), message=TWO
    )
    assert isinstance(outcome, Unknown)


async def test_one_listed_message_stands_for_one_part_only() -> None:
    twice = hello("z" * 1000 + "\n" + "z" * 1000)
    outcome, script = await send(LONG_AGO, page(listed("SM1", "z" * 1000)), NONE, sent_as("SM2"), message=twice)
    assert outcome == Delivered("SM2")
    assert script.calls().count(CREATE) == 1


# --- and a Content


ASK = hello("Pay KES 500?", ("y", "Yes"), ("n", "No"))
NUMBERED = "Pay KES 500?\n\nAnswer with a number:\n1. Yes\n2. No"


@pytest.mark.parametrize("body", ["Pay KES 500?", NUMBERED, ""])
async def test_an_earlier_try_is_known_by_its_text_or_by_the_body_of_its_content(body: str) -> None:
    outcome, script = await send(JUST_NOW, page(listed("MM7", body)), NONE, message=ASK)
    assert outcome == Delivered("MM7")
    assert CREATE not in script.calls()
    store = Store(page(listed("MM7", body)), NONE)
    channel = WhatsApp(WITH_CONTENT, store, FakeClock())
    assert await channel.send(PHONE, ASK, SOON, JUST_NOW) == Delivered("MM7")


async def test_a_message_without_words_is_no_text_of_ours() -> None:
    outcome, script = await send(LONG_AGO, page(listed("MM7", "")), NONE, sent_as("SM8"))
    assert outcome == Delivered("SM8")
    assert script.form()["Body"] == "Hello"


async def test_what_is_only_looked_for_is_never_sent() -> None:
    outcome, script = await send(LONG_AGO, NONE, NONE, answer("error_63021.json"), message=ASK)
    assert not isinstance(outcome, Delivered)
    assert script.calls() == [LIST, LIST, CREATE]
    assert script.form()["Body"] == NUMBERED


async def test_text_messages_are_looked_for_too() -> None:
    for config, sender in (
        (CONFIG, ["+254700000100"]),
        (replace(CONFIG, sms_from="", messaging_service_sid="MG" + "0" * 32), None),
    ):
        script = Script(page(listed("SM7", "Hello", to=PHONE)), NONE)
        assert await Sms(config, script, FakeClock()).send(PHONE, hello(), SOON, LONG_AGO) == Delivered("SM7")
        assert script.query(0)["To"] == [PHONE]
        assert script.query(0).get("From") == sender


# --- the inbox


def wrote(sid: str, body: str, minutes: int, sender: str = f"whatsapp:{PHONE}", **fields: object) -> dict[str, object]:
    at = START + timedelta(minutes=minutes)
    return listed(sid, body, at, **{"from": sender, "to": OURS, "direction": "inbound", "status": "received", **fields})


async def inbox(*answers: Answer) -> tuple[list[Received] | NotSent | Unknown, Script]:
    script = Script(*answers)
    return await WhatsApp(CONFIG, script, FakeClock()).written_since(START, SOON), script


async def test_the_inbox_has_what_people_wrote_the_oldest_first() -> None:
    found, script = await inbox(
        page(
            wrote("SM3", "", 3, num_media="1"),
            wrote("SM2", "Confirm", 2, sender=f"whatsapp:{HIDDEN}"),
            listed("SM9", "from us", START),
            wrote("SM1", "500 14123456789", 1),
        )
    )
    assert found == [
        Received("SM1", PHONE, Typed("500 14123456789"), START + timedelta(minutes=1), phone=Phone(PHONE)),
        Received("SM2", HIDDEN, Typed("Confirm"), START + timedelta(minutes=2), person=HIDDEN),
        Received("SM3", PHONE, Unreadable("media"), START + timedelta(minutes=3), phone=Phone(PHONE)),
    ]
    since = (START - timedelta(seconds=CLOCK_SKEW_SECONDS)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert script.query() == {"To": [OURS], "DateSent>": [since], "PageSize": [str(PAGE_SIZE)]}


async def test_within_one_second_the_order_of_the_list_decides() -> None:
    found, _ = await inbox(page(wrote("SM3", "c", 1), wrote("SM2", "b", 1), wrote("SM1", "a", 1)))
    assert isinstance(found, list)
    assert [one.external_id for one in found] == ["SM1", "SM2", "SM3"]


async def test_an_inbox_without_news_is_empty() -> None:
    assert (await inbox(NONE))[0] == []


async def test_what_is_older_or_for_another_sender_is_left_out_where_the_list_does_not_filter() -> None:
    others = (wrote("SM1", "old", -3), wrote("SM2", "hi", 1, to="whatsapp:+14155238887"), wrote("", "hi", 1))
    assert (await inbox(page(*others, wrote("SM4", "hi", 1, sender="messenger:7"))))[0] == []


async def test_all_pages_of_the_inbox_are_read() -> None:
    first = page(*(wrote(f"SM{n:03d}", "hi", 100 - n) for n in range(PAGE_SIZE)), following="/2010-04-01/next?Page=1")
    found, script = await inbox(first, page(wrote("SM999", "first", 0)))
    assert isinstance(found, list)
    assert len(found) == PAGE_SIZE + 1
    assert found[0].external_id == "SM999"
    assert script.requests[1].url == f"{API}/2010-04-01/next?Page=1"


async def test_an_inbox_that_is_too_full_is_unknown_rather_than_cut() -> None:
    def endless(_: object) -> Response:
        return page(*(wrote(f"SM{n}", "hi", n) for n in range(PAGE_SIZE)), following="/2010-04-01/next?Page=1")

    found, script = await inbox(*[endless] * (INBOX_MAX // PAGE_SIZE + 1))
    assert isinstance(found, Unknown)
    assert len(script.requests) == INBOX_MAX // PAGE_SIZE + 1


@pytest.mark.parametrize("failure", [NotSent("refused"), Unknown("timeout")])
async def test_an_inbox_that_does_not_answer_says_so(failure: NotSent | Unknown) -> None:
    assert (await inbox(failure))[0] == failure


@pytest.mark.parametrize("name", ["error_20003.json", "error_20429.json", "error_500.json", "error_502.html"])
async def test_an_inbox_that_is_refused_is_unknown(name: str) -> None:
    assert isinstance((await inbox(answer(name)))[0], Unknown)


def test_a_page_of_the_longest_messages_can_be_read() -> None:
    longest = len(Response(200, {}, b"").body) + 4096 * len("\\ud83d\\ude00") + 1500
    assert PAGE_SIZE * longest < RESPONSE_BYTES_MAX
    assert CONTENT_API != API
