"""The controls: they press what a person could press, see what a person could see, and refuse in plain sentences."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from integrations.contract.exchange import Request
from integrations.contract.money import Money
from integrations.sandbox import daraja, telegram, twilio, xmlvend
from integrations.sandbox.acts import ACTS
from integrations.sandbox.control import Changes
from integrations.sandbox.stage import FAULTS
from tests.sandbox.stages import AMINA, AMINAS_PHONE, OTIENO, OTIENOS_PHONE, ZAWADI, Sandbox, StageClock


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


# --- seeing


async def test_the_first_person_is_seen_when_none_is_named(sandbox: Sandbox) -> None:
    state = await sandbox.state(user=0)
    assert state["telegram"] == {"person": AMINA, "typing": False, "ask_contact": None, "keys": [], "messages": []}
    assert [person["name"] for person in state["people"]] == ["Amina", "Otieno", "Zawadi"]


async def test_all_three_have_a_handset_with_money_on_it(sandbox: Sandbox) -> None:
    handsets = (await sandbox.state())["handsets"]
    assert [(one["msisdn"], one["person"], one["name"]) for one in handsets] == [
        (AMINAS_PHONE, AMINA, "Amina"),
        (OTIENOS_PHONE, OTIENO, "Otieno"),
        ("254790000003", ZAWADI, "Zawadi"),
    ]
    assert {(one["balance"], one["pin"], one["locked"], one["prompt"]) for one in handsets} == {
        ("KES 5,000.00", "1234", False, None)
    }


async def test_every_meter_of_the_utility_is_offered_with_what_to_expect(sandbox: Sandbox) -> None:
    meters = (await sandbox.state())["meters"]
    assert [meter["number"] for meter in meters] == list(sandbox.host.xmlvend.meters)
    assert all(meter["about"] for meter in meters)


async def test_every_fault_of_every_party_is_listed_once_with_its_sentence(sandbox: Sandbox) -> None:
    listed = [(fault["name"], fault["sentence"], fault["left"]) for fault in (await sandbox.state())["faults"]]
    known = [*twilio.FAULTS.items(), *telegram.FAULTS.items(), *daraja.FAULTS.items(), *xmlvend.FAULTS.items()]
    assert listed == [(name, sentence, 0) for name, sentence in known]
    assert len({name for name, _, _ in listed}) == len(listed)


async def test_a_message_shows_markup_text_buttons_and_whether_it_was_edited(sandbox: Sandbox) -> None:
    await sandbox.post("say", user=AMINA, text="/start <b>")
    markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}], [{"text": "No", "callback_data": "n"}]]}
    sent = await sandbox.bot("sendMessage", chat_id=AMINA, text="<b>Well</b>?", parse_mode="HTML", reply_markup=markup)
    typed, shown = (await sandbox.state())["telegram"]["messages"]
    assert (typed["from_bot"], typed["text"], typed["html"]) == (False, "/start <b>", "/start &lt;b&gt;")
    assert (shown["from_bot"], shown["text"], shown["html"]) == (True, "Well?", "<b>Well</b>?")
    assert shown["buttons"] == [[{"label": "Yes", "data": "y"}], [{"label": "No", "data": "n"}]]
    assert (shown["at"], shown["edited"]) == ("2026-01-05T09:00:00+00:00", False)
    await sandbox.bot("editMessageText", chat_id=AMINA, message_id=sent["message_id"], text="Done")
    edited = (await sandbox.state())["telegram"]["messages"][1]
    assert (edited["text"], edited["edited"], edited["buttons"]) == ("Done", True, [])


async def test_chats_of_two_people_are_apart(sandbox: Sandbox) -> None:
    await sandbox.post("say", user=OTIENO, text="/start")
    assert (await sandbox.state(AMINA))["telegram"]["messages"] == []
    assert len((await sandbox.state(OTIENO))["telegram"]["messages"]) == 1


async def test_typing_is_seen_until_it_wears_off(sandbox: Sandbox) -> None:
    await sandbox.post("say", user=AMINA, text="/start")
    await sandbox.bot("sendChatAction", chat_id=AMINA, action="typing")
    assert (await sandbox.state())["telegram"]["typing"] is True
    sandbox.clock.seconds += 6
    assert (await sandbox.state())["telegram"]["typing"] is False


async def test_a_prompt_is_seen_on_its_handset_with_the_time_it_has_left(sandbox: Sandbox) -> None:
    prompt = sandbox.prompt(OTIENOS_PHONE, 1250)
    sandbox.clock.seconds += 12.5
    amina, otieno, _ = (await sandbox.state())["handsets"]
    assert amina["prompt"] is None
    assert otieno["prompt"] == {
        "id": prompt,
        "sentence": "Pay KES 1,250.00 to BILI account 6789? Enter M-PESA PIN",
        "seconds_left": 47.5,
    }


async def test_a_payer_from_outside_gets_a_handset_of_their_own(sandbox: Sandbox) -> None:
    sandbox.prompt("254733000099")
    stranger = (await sandbox.state())["handsets"][3]
    assert (stranger["person"], bool(stranger["prompt"])) == (None, True)
    assert stranger["name"] == stranger["name"].title()


# --- waiting for news


async def ask(sandbox: Sandbox, since: object, user: object = AMINA) -> tuple[int, object]:
    response = await sandbox.host.serve(Request("GET", f"/control/state?since={since}&user={user}"))
    return response.status, orjson.loads(response.body)


async def test_news_waits_for_a_change_and_then_comes_at_once(sandbox: Sandbox) -> None:
    revision = (await sandbox.state())["revision"]
    waiting = asyncio.create_task(ask(sandbox, revision))
    await asyncio.sleep(0.005)
    assert not waiting.done()
    await sandbox.post("say", user=AMINA, text="hello")
    _, state = await asyncio.wait_for(waiting, 0.1)
    assert isinstance(state, dict)
    assert state["telegram"]["messages"][0]["text"] == "hello"


async def test_news_comes_unchanged_when_nothing_happens_for_long(sandbox: Sandbox) -> None:
    revision = (await sandbox.state())["revision"]
    waiting = asyncio.create_task(ask(sandbox, revision))
    await asyncio.sleep(0.005)
    sandbox.clock.seconds += 20
    sandbox.host.changes.notify()
    status, state = await asyncio.wait_for(waiting, 0.1)
    assert isinstance(state, dict)
    assert (status, state["revision"]) == (200, revision)


async def test_a_change_made_past_the_host_is_noticed_too(sandbox: Sandbox) -> None:
    revision = (await sandbox.state())["revision"]
    waiting = asyncio.create_task(ask(sandbox, revision))
    await asyncio.sleep(0.005)
    await sandbox.host.telegram.say(AMINA, "hello")
    _, state = await asyncio.wait_for(waiting, 1)
    assert isinstance(state, dict)
    assert state["revision"] > revision


async def test_a_client_of_an_earlier_sandbox_is_answered_at_once(sandbox: Sandbox) -> None:
    status, _ = await asyncio.wait_for(ask(sandbox, 10_000), 0.1)
    assert status == 200


async def test_closing_lets_everyone_who_waits_go(sandbox: Sandbox) -> None:
    revision = (await sandbox.state())["revision"]
    waiting = asyncio.create_task(ask(sandbox, revision))
    await asyncio.sleep(0.005)
    sandbox.host.changes.close()
    assert (await asyncio.wait_for(waiting, 0.1))[0] == 200


async def test_waiting_ends_by_itself_when_nobody_notifies() -> None:
    clock = StageClock()
    changes = Changes(clock)
    assert await changes.until(lambda: True, 0)
    assert not await changes.until(lambda: False, 0)


@pytest.mark.parametrize(("since", "user"), [("soon", AMINA), (-1, "Amina"), (-1, 5), ("", AMINA)])
async def test_a_strange_question_for_news_is_refused(sandbox: Sandbox, since: object, user: object) -> None:
    status, answer = await ask(sandbox, since, user)
    if since == "":  # an empty value is no value
        assert status == 200
    else:
        assert status == 400
        assert isinstance(answer, dict)
        assert answer["error"].endswith(".")


# --- doing


async def test_a_tap_reaches_the_bot_with_the_buttons_data(sandbox: Sandbox) -> None:
    message = await sandbox.say_with_buttons("Yes", "No")
    assert await sandbox.post("tap", user=AMINA, message=message, data="no") == (200, {"ok": True})
    tapped = (await sandbox.bot("getUpdates", timeout=0))[-1]["callback_query"]
    assert (tapped["from"]["id"], tapped["data"], tapped["message"]["message_id"]) == (AMINA, "no", message)


async def test_sharing_hands_over_the_own_number_and_closes_the_keyboard(sandbox: Sandbox) -> None:
    await sandbox.post("say", user=AMINA, text="/start")
    keys = [[{"text": "Share my number", "request_contact": True}], [{"text": "Another phone"}]]
    markup = {"keyboard": keys, "one_time_keyboard": True}
    await sandbox.bot("sendMessage", chat_id=AMINA, text="Who pays?", reply_markup=markup)
    chat = (await sandbox.state())["telegram"]
    assert (chat["ask_contact"], chat["keys"]) == ("Share my number", ["Another phone"])
    assert (await sandbox.post("share", user=AMINA))[0] == 200
    contact = (await sandbox.bot("getUpdates", timeout=0))[-1]["message"]["contact"]
    assert (contact["phone_number"], contact["user_id"]) == (AMINAS_PHONE, AMINA)
    chat = (await sandbox.state())["telegram"]
    assert (chat["ask_contact"], chat["keys"]) == (None, [])


async def test_the_language_of_an_app_is_told_to_the_bot_from_then_on(sandbox: Sandbox) -> None:
    before = await sandbox.state()
    assert (await sandbox.post("language", user=AMINA, language="sw"))[0] == 200
    after = await sandbox.state()
    assert [person["language"] for person in after["people"]] == ["sw", "en", "sw"]
    assert after["revision"] > before["revision"]
    await sandbox.post("say", user=AMINA, text="habari")
    assert (await sandbox.bot("getUpdates"))[-1]["message"]["from"]["language_code"] == "sw"


async def test_what_one_sandbox_is_told_another_does_not_know(sandbox: Sandbox) -> None:
    await sandbox.post("language", user=AMINA, language="sw")
    assert (await Sandbox().state())["people"][0]["language"] == "en"


@pytest.mark.parametrize("kind", ["photo", "voice", "sticker", "location"])
async def test_what_is_not_text_can_be_sent(sandbox: Sandbox, kind: str) -> None:
    assert (await sandbox.post("other", user=AMINA, kind=kind))[0] == 200
    assert kind in (await sandbox.bot("getUpdates", timeout=0))[-1]["message"]


async def test_the_right_pin_pays_and_the_sms_says_so(sandbox: Sandbox) -> None:
    prompt = sandbox.prompt()
    assert (await sandbox.post("pin", prompt=prompt, pin="1234"))[0] == 200
    handset = (await sandbox.state())["handsets"][0]
    assert (handset["balance"], handset["prompt"]) == ("KES 4,500.00", None)
    assert handset["sms"][0]["sender"] == "MPESA"
    assert "Ksh500.00 sent to BILI for account 6789" in handset["sms"][0]["text"]


async def test_a_wrong_pin_is_the_operators_to_judge(sandbox: Sandbox) -> None:
    prompt = sandbox.prompt()
    assert (await sandbox.post("pin", prompt=prompt, pin="9999"))[0] == 200
    handset = (await sandbox.state())["handsets"][0]
    assert (handset["balance"], handset["prompt"]) == ("KES 5,000.00", None)
    assert sandbox.host.daraja.prompts()[0].state == "wrong_pin"


async def test_cancel_closes_the_prompt_without_money(sandbox: Sandbox) -> None:
    prompt = sandbox.prompt()
    assert (await sandbox.post("cancel", prompt=prompt))[0] == 200
    assert sandbox.host.daraja.prompts()[0].state == "cancelled"
    assert sandbox.host.daraja.transactions == []


async def test_refilling_unlocks_a_locked_pin_and_brings_money(sandbox: Sandbox) -> None:
    handset = sandbox.host.daraja.handset(AMINAS_PHONE)
    handset.balance, handset.wrong_pins = Money.of(3, "KES"), 3
    before = await sandbox.state()
    assert before["handsets"][0]["locked"] is True
    assert (await sandbox.post("refill", msisdn=AMINAS_PHONE))[0] == 200
    after = await sandbox.state()
    assert (after["handsets"][0]["locked"], after["handsets"][0]["balance"]) == (False, "KES 5,000.00")
    assert after["revision"] > before["revision"]


@pytest.mark.parametrize("times", [1, 3, -1])
async def test_a_fault_is_armed_seen_and_switched_off(sandbox: Sandbox, times: int) -> None:
    before = (await sandbox.state())["revision"]
    assert (await sandbox.post("fault", name="lose_callback", times=times))[0] == 200
    armed = await sandbox.state()
    assert [fault["left"] for fault in armed["faults"] if fault["name"] == "lose_callback"] == [times]
    assert armed["revision"] > before
    await sandbox.post("fault", name="lose_callback", times=0)
    assert all(fault["left"] == 0 for fault in (await sandbox.state())["faults"])


async def test_a_fault_that_strikes_is_news(sandbox: Sandbox) -> None:
    await sandbox.post("fault", name="telegram_down", times=1)
    before = (await sandbox.state())["revision"]
    await sandbox.host.serve(Request("POST", "/bot700000007:sandbox-telegram-token/getMe"))
    assert (await sandbox.state())["revision"] == before + 1


# --- refusing


LONG = "x" * 4097
BAD: list[tuple[str, dict[str, object]]] = [
    ("say", {}),
    ("say", {"user": AMINA}),
    ("say", {"user": AMINA, "text": ""}),
    ("say", {"user": AMINA, "text": "  \n"}),
    ("say", {"user": AMINA, "text": 500}),
    ("say", {"user": AMINA, "text": LONG}),
    ("say", {"user": AMINA, "text": "😀" * 2049}),
    ("say", {"user": str(AMINA), "text": "hi"}),
    ("say", {"user": True, "text": "hi"}),
    ("say", {"user": 5, "text": "hi"}),
    ("say", {"user": AMINA, "text": "hi", "channel": "pigeon"}),
    ("say", {"user": AMINA, "text": "hi", "channel": None}),
    ("tap", {"user": AMINA, "message": 1}),
    ("tap", {"user": AMINA, "message": 1, "data": "made-up"}),
    ("tap", {"user": AMINA, "message": 99, "data": "yes"}),
    ("tap", {"user": OTIENO, "message": 2, "data": "yes"}),
    ("share", {"user": 5}),
    ("other", {"user": AMINA}),
    ("other", {"user": AMINA, "kind": "song"}),
    ("other", {"user": AMINA, "kind": "contact"}),
    ("other", {"user": AMINA, "kind": "photo", "caption": "this one"}),
    ("language", {"user": AMINA}),
    ("language", {"user": AMINA, "language": "la"}),
    ("language", {"user": 5, "language": "sw"}),
    ("pick", {"user": AMINA, "message": "SM1", "data": "x"}),
    ("reply", {"user": AMINA, "message": "SM1", "text": "hi"}),
    ("forward", {"user": AMINA, "text": "hi"}),
    ("read", {"user": AMINA}),
    ("close_window", {"user": AMINA}),
    ("pin", {"prompt": "ws_CO_nothing", "pin": "1234"}),
    ("cancel", {"prompt": "ws_CO_nothing"}),
    ("cancel", {}),
    ("refill", {"msisdn": "254700000000"}),
    ("fault", {"name": "earthquake", "times": 1}),
    ("fault", {"name": "lose_callback"}),
    ("fault", {"name": "lose_callback", "times": -2}),
    ("fault", {"name": "lose_callback", "times": 1001}),
    ("fault", {"name": "lose_callback", "times": 1.5}),
]


@pytest.mark.parametrize(("name", "body"), BAD)
async def test_bad_input_is_refused_in_a_sentence_and_changes_nothing(
    sandbox: Sandbox, name: str, body: dict[str, object]
) -> None:
    await sandbox.say_with_buttons("Yes")
    before = await sandbox.state()
    status, answer = await sandbox.post(name, **body)
    assert status == 400
    assert answer["error"][0].isupper() or answer["error"][0] == "“"
    assert answer["error"].endswith(".")
    assert await sandbox.state() == before


@pytest.mark.parametrize("pin", ["", "123", "12345", "12a4", "１２３４", "-123"])
async def test_a_pin_that_no_keypad_can_type_leaves_the_prompt_open(sandbox: Sandbox, pin: str) -> None:
    prompt = sandbox.prompt()
    assert (await sandbox.post("pin", prompt=prompt, pin=pin))[0] == 400
    assert sandbox.host.daraja.prompts()[0].state == "shown"


@pytest.mark.parametrize("name", ["pin", "cancel"])
async def test_a_prompt_that_is_over_takes_nothing_more(sandbox: Sandbox, name: str) -> None:
    prompt = sandbox.prompt()
    await sandbox.post("pin", prompt=prompt, pin="1234")
    status, answer = await sandbox.post(name, prompt=prompt, pin="1234")
    assert (status, answer["error"]) == (400, "That prompt has closed.")
    assert len(sandbox.host.daraja.transactions) == 1


async def test_a_button_that_an_edit_took_away_cannot_be_tapped(sandbox: Sandbox) -> None:
    message = await sandbox.say_with_buttons("Yes")
    await sandbox.bot("editMessageText", chat_id=AMINA, message_id=message, text="Too late")
    status, answer = await sandbox.post("tap", user=AMINA, message=message, data="yes")
    assert (status, answer["error"]) == (400, "That button is not there any more.")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b""),
        # What a form of a foreign web page could send without being asked for permission.
        ("text/plain", b'{"user": 711000001, "text": "hi"}'),
        ("", b'{"user": 711000001, "text": "hi"}'),
    ],
)
async def test_only_json_that_says_so_is_read(sandbox: Sandbox, content_type: str, body: bytes) -> None:
    response = await sandbox.host.serve(Request("POST", "/control/say", {"content-type": content_type}, body))
    assert response.status == 400
    assert (await sandbox.state())["telegram"]["messages"] == []


@pytest.mark.parametrize("name", ACTS)
async def test_doing_takes_a_post(sandbox: Sandbox, name: str) -> None:
    response = await sandbox.host.serve(Request("GET", f"/control/{name}"))
    assert (response.status, response.headers["allow"]) == (405, "POST")


async def test_seeing_takes_a_get_and_unknown_controls_are_not_found(sandbox: Sandbox) -> None:
    assert (await sandbox.host.serve(Request("POST", "/control/state"))).status == 405
    assert (await sandbox.host.serve(Request("POST", "/control/win"))).status == 404
    assert (await sandbox.host.serve(Request("GET", "/control/"))).status == 404


def test_no_two_parties_share_a_fault_name() -> None:
    names = [name for faults in FAULTS.values() for name in faults]
    assert len(set(names)) == len(names)
