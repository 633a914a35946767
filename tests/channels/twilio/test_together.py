"""The adapter and the sandbox's Twilio, each as strict as it is: conversations and their reports."""

from __future__ import annotations

import pytest

from integrations.contract.channel import Arrival, Arrived, Obstacle, Undelivered, Waybill
from integrations.contract.message import (
    Delivered,
    Message,
    Span,
    Style,
    Tapped,
    Typed,
    Unreadable,
)
from integrations.contract.people import Phone
from tests.channels.twilio.reading import strictly
from tests.channels.twilio.stage import hello
from tests.channels.twilio.town import ASK, JANE, JANES_ID, MANY, OTHER, Town


async def test_what_jane_does_arrives_as_what_it_is() -> None:
    town = await Town().opened()
    await town.side.say(JANE, "500 14123456789 ✅ & = +")
    await town.side.forward(JANE, "TJ12AB34CD Confirmed.")
    for kind in ("photo", "voice", "sticker", "location", "contact", "document"):
        await town.side.send_other(JANE, kind)
    await town.side.send_media(JANE, "photo", "pay this")
    await town.pass_time(1)
    said = [Typed("500 14123456789 ✅ & = +"), Typed("TJ12AB34CD Confirmed.")]
    others = [Unreadable(kind) for kind in ("photo", "voice", "sticker", "location", "contact", "document")]
    assert town.contents() == [*said, *others, Typed("pay this")]
    assert {(one.address, one.person, one.phone) for one in town.received} == {(JANE, JANES_ID, Phone(JANE))}
    assert len({one.external_id for one in town.received}) == len(town.received)
    assert town.side.alerts == []
    # Nothing of ours is taken for a text to Jane.
    assert town.bubbles() == []


@pytest.mark.parametrize("signer", ["token", "shared_key"])
async def test_webhooks_are_proved_by_either_scheme_behind_a_prefix_and_a_port(signer: str) -> None:
    for public in ("https://bili.test", "https://bili.test:8443/prefix"):
        town = Town(public=public, signer=signer, repeat_names=True)
        await town.side.say(JANE, "hi")
        await town.pass_time()
        assert town.contents() == [Typed("hi")]


async def test_a_stranger_who_signs_is_told_nothing() -> None:
    town = Town(signer="wrong")
    await town.side.say(JANE, "hi")
    await town.pass_time()
    assert town.received == []


async def test_a_double_delivery_has_one_id() -> None:
    town = Town()
    town.faults.arm("twilio_double_delivery")
    await town.side.say(JANE, "hi")
    await town.pass_time()
    assert len(town.received) == 2
    assert len({one.external_id for one in town.received}) == 1


async def test_jane_without_a_number_can_be_read_and_written_to() -> None:
    town = await Town().opened()
    await town.side.hide_number(JANE)
    await town.side.say(JANE, "hi")
    await town.pass_time()
    (one,) = town.received
    assert (one.address, one.person, one.phone) == (JANES_ID, JANES_ID, None)
    sent = await town.whatsapp.send(one.address, ASK, town.soon)
    assert isinstance(sent, Delivered)
    await town.pass_time(1)
    await town.side.tap(JANE, sent.external_id, "3:7:yes")
    await town.pass_time()
    assert town.contents()[-1] == Tapped("3:7:yes", sent.external_id)


async def test_a_new_number_is_a_new_person_by_the_id() -> None:
    town = await Town().opened()
    await town.side.change_number(JANE, OTHER)
    await town.side.say(OTHER, "hi")
    await town.pass_time()
    (one,) = town.received
    assert one.address == OTHER
    assert one.person not in {"", JANES_ID}


# --- out


async def test_buttons_are_made_shown_and_tapped() -> None:
    town = await Town().opened()
    sid = await town.says(ASK)
    (bubble,) = town.bubbles()
    assert bubble.buttons == (("Yes", "3:7:yes"), ("No", "3:7:no"))
    assert strictly(bubble.text).text == "Pay ∗KES∗ 500?\nNow?"
    await town.side.tap(JANE, sid, "3:7:no")
    await town.pass_time()
    assert town.contents() == [Tapped("3:7:no", sid)]
    assert town.received[0].address == JANE


async def test_a_list_is_made_opened_and_picked() -> None:
    town = await Town().opened()
    sid = await town.says(MANY)
    (bubble,) = town.bubbles()
    assert bubble.list_label == "Choose"
    assert [(item.title, item.payload) for item in bubble.items] == [
        (f"Meter number {n}", f"3:8:{n}") for n in range(4)
    ]
    await town.side.pick(JANE, sid, "3:8:2")
    await town.pass_time()
    assert town.contents() == [Tapped("3:8:2", sid)]


@pytest.mark.parametrize("count", range(1, 11))
async def test_every_shape_is_taken_by_whatsapp(count: int) -> None:
    town = await Town().opened()
    short = hello("Which?", *((f"d{n}", f"A {n}") for n in range(count)))
    longer = hello("Which?", *((f"d{n}", f"The meter of the shop number {n}") for n in range(count)))
    for message in (short, longer):
        await town.says(message)
    assert [report.how_far for report in town.reports if isinstance(report, Arrived)] != []
    assert not any(isinstance(report, Undelivered) for report in town.reports)
    shown = [len(bubble.buttons) + len(bubble.items) for bubble in town.bubbles()]
    assert shown == [count, count]


async def test_styles_arrive_as_they_were_said() -> None:
    town = await Town(content=False).opened()
    await town.says(Message((Span("Token "), Span("1234 5678", Style.CODE), Span(" for "), Span("J*ne", Style.BOLD))))
    shown = strictly(town.bubbles()[0].text)
    assert (shown.styled("code"), shown.styled("bold")) == ("12345678", "J∗ne")


async def test_without_the_content_store_choices_are_numbered() -> None:
    for town in (await Town(content=False).opened(), await Town().opened()):
        town.faults.arm("twilio_no_content", 3)
        await town.says(ASK)
        (bubble,) = town.bubbles()
        assert bubble.buttons == ()
        assert bubble.text.endswith("1. Yes\n2. No")


async def test_what_the_create_call_refuses_as_a_form_goes_as_text_in_the_same_send() -> None:
    town = await Town(form_refused="create", session_line_breaks=False).opened()
    await town.says(ASK)
    assert [(bubble.buttons, bubble.text.splitlines()[-1]) for bubble in town.bubbles()] == [((), "2. No")]
    assert town.creates == 2


async def test_a_content_deleted_behind_our_back_goes_as_text_and_is_made_again() -> None:
    town = await Town().opened()
    await town.says(ASK)
    for sid in list(town.side.contents._by_sid):
        del town.side.contents._by_sid[sid]
    await town.pass_time(60)
    await town.says(ASK, "o2")
    await town.says(ASK, "o3")
    assert [bool(bubble.buttons) for bubble in town.bubbles()] == [True, False, True]


async def test_a_long_text_arrives_whole_and_in_order() -> None:
    town = await Town().opened()
    lines = [f"{n:03d} " + "x" * 90 for n in range(40)]
    await town.says(hello("\n".join(lines)))
    assert "\n".join(bubble.text for bubble in town.bubbles()) == "\n".join(lines)


# --- reports


async def test_reports_come_by_our_own_id_and_end_with_read() -> None:
    town = await Town().opened()
    sid = await town.says(hello(), "o/7 7")
    await town.side.read(JANE)
    await town.pass_time(1)
    assert {report.own for report in town.reports} == {"o/7 7"}
    assert {report.external_id for report in town.reports} == {sid}
    arrived = {report.how_far for report in town.reports if isinstance(report, Arrived)}
    assert arrived == {Arrival.SENT, Arrival.DELIVERED, Arrival.READ}


@pytest.mark.parametrize("fault", ["twilio_report_first", "twilio_reports_shuffled", "twilio_reports_doubled"])
async def test_reports_in_any_order_are_read(fault: str) -> None:
    town = await Town().opened()
    town.faults.arm(fault)
    await town.says(hello())
    furthest = max(report.how_far.value for report in town.reports if isinstance(report, Arrived))
    assert furthest == Arrival.DELIVERED.value


@pytest.mark.parametrize(
    ("fault", "obstacle", "code"),
    [
        ("twilio_undelivered_window", Obstacle.WINDOW, "63016"),
        ("twilio_undelivered_person", Obstacle.PERSON, "63024"),
        ("twilio_undelivered_slow", Obstacle.SLOW_DOWN, "63018"),
        ("twilio_undelivered_form", Obstacle.FORM, "63021"),
        ("twilio_undelivered_provider", Obstacle.PROVIDER, "63009"),
    ],
)
async def test_each_way_not_to_arrive_is_its_obstacle(fault: str, obstacle: Obstacle, code: str) -> None:
    town = await Town().opened()
    town.faults.arm(fault)
    sid = await town.says(ASK)
    failures = [report for report in town.reports if isinstance(report, Undelivered)]
    assert failures == [Undelivered("o1", sid, obstacle, code)]


async def test_outside_the_window_a_text_is_taken_and_reported_lost() -> None:
    town = Town()
    await town.says(hello())
    assert [type(report) for report in town.reports] == [Undelivered]
    assert town.reports[0] == Undelivered("o1", town.reports[0].external_id, Obstacle.WINDOW, "63016")


async def test_a_text_message_goes_and_reports_to_the_same_address() -> None:
    town = Town()
    message = Message((Span("Token 1234 5678"),))
    sent = await town.sms.send(JANE, message, town.soon, Waybill("o5"))
    assert isinstance(sent, Delivered)
    await town.pass_time(1)
    assert town.side.sms(JANE) == ["Token 1234 5678"]
    assert Arrived("o5", sent.external_id, Arrival.DELIVERED) in town.reports
