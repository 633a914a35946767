"""The terminal's words: what a change of state prints, and what a typed line asks for."""

from __future__ import annotations

from copy import deepcopy
from typing import cast

import pytest

from integrations.sandbox.terminal_lines import (
    HELP,
    Act,
    Become,
    Leave,
    Show,
    lines_for,
    meaning,
    ringing,
)
from integrations.sandbox.views import ButtonView, HandsetView, MessageView, PromptView, SmsView, StateView

AMINA, OTIENO = 1, 2


def message(number: int, text: str, *labels: str, from_bot: bool = True, edited: bool = False) -> MessageView:
    buttons = [[ButtonView(label=label, data=label.lower()) for label in labels]] if labels else []
    at = "2026-01-05T09:00:00+00:00"
    return MessageView(id=number, from_bot=from_bot, html=text, text=text, buttons=buttons, at=at, edited=edited)


def handset(msisdn: str, person: int | None, name: str) -> HandsetView:
    return HandsetView(
        msisdn=msisdn, person=person, name=name, balance="KES 5,000.00", pin="1234", locked=False, sms=[], prompt=None
    )


def sms(sender: str, text: str) -> SmsView:
    return SmsView(sender=sender, text=text)


def state(*messages: MessageView) -> StateView:
    return {
        "revision": 1,
        "people": [
            {"id": AMINA, "name": "Amina", "phone": "+254711000001", "language": "en"},
            {"id": OTIENO, "name": "Otieno", "phone": "+254722000002", "language": "en"},
        ],
        "telegram": {"person": AMINA, "typing": False, "ask_contact": None, "keys": [], "messages": list(messages)},
        "whatsapp": {"person": AMINA, "hidden": False, "messages": []},
        "handsets": [handset("254711000001", AMINA, "Amina"), handset("254722000002", OTIENO, "Otieno")],
        "meters": [{"number": "14123456783", "about": "Plain: sells and sends one token."}],
        "faults": [
            {"party": "M-Pesa", "name": "lose_callback", "sentence": "The outcome is never called back.", "left": 0},
            {"party": "M-Pesa", "name": "late_callback", "sentence": "The callback comes late.", "left": -1},
            {"party": "Telegram", "name": "telegram_down", "sentence": "An error page.", "left": 2},
        ],
    }


def rung(place: int = 0, prompt_id: str = "ws_CO_1") -> StateView:
    """A state in which one handset shows a prompt."""
    shown = state()
    sentence = "Pay KES 500.00 to BILI account 6789? Enter M-PESA PIN"
    shown["handsets"][place]["prompt"] = PromptView(id=prompt_id, sentence=sentence, seconds_left=60.0)
    return shown


# --- what is printed


def test_a_fresh_look_prints_the_bots_messages_and_not_ones_own() -> None:
    shown = state(message(1, "/start", from_bot=False), message(2, "Hello!\n\nWhich meter?", "Home", "Shop"))
    assert lines_for(None, shown) == ["< Hello!", "", "  Which meter?", "  [1] Home   [2] Shop"]


def test_only_what_is_new_is_printed() -> None:
    before = state(message(1, "Hello"))
    after = state(message(1, "Hello"), message(2, "And?"))
    assert lines_for(before, after) == ["< And?"]
    assert lines_for(after, after) == []


def test_an_edited_message_is_printed_again_and_says_so() -> None:
    before, after = state(message(1, "Pay?", "Yes")), state(message(1, "Paid", edited=True))
    assert lines_for(before, after) == ["< (edited) Paid"]


def test_long_lines_are_wrapped_within_the_width() -> None:
    lines = lines_for(None, state(message(1, "word " * 40, *["A button with a long label"] * 4)), width=40)
    assert len(lines) > 5
    assert all(len(line) <= 40 for line in lines)
    assert lines[0].startswith("< ")
    assert all(line.startswith("  ") for line in lines[1:])


def test_an_open_reply_keyboard_is_offered_below_the_message() -> None:
    shown = state(message(1, "Who pays?"))
    shown["telegram"]["ask_contact"], shown["telegram"]["keys"] = "Share my number", ["Another phone"]
    assert lines_for(None, shown) == ["< Who pays?", "  [:share] Share my number   [Another phone]"]


def test_a_prompt_is_told_once_with_the_pin_and_its_end_too() -> None:
    told = " ".join(line.strip() for line in lines_for(state(), rung()))
    question = "Pay KES 500.00 to BILI account 6789? Enter M-PESA PIN."
    assert told == f"~ Amina’s handset: {question} The demo PIN is 1234; :cancel dismisses the prompt."
    assert lines_for(rung(), rung()) == []
    assert lines_for(rung(), state()) == ["~ Amina’s handset: the prompt has closed."]


def test_a_second_prompt_in_place_of_the_first_is_told() -> None:
    assert len(lines_for(rung(), rung(prompt_id="ws_CO_2"), width=200)) == 1


def test_an_sms_of_each_sender_is_told_once_wherever_it_stands_in_the_list() -> None:
    before, after = state(), state()
    ours, theirs, new = sms("+1555", "Your token"), sms("MPESA", "SK1 Confirmed."), sms("MPESA", "SK2 Confirmed.")
    before["handsets"][0]["sms"] = [theirs, ours]
    after["handsets"][0]["sms"] = [theirs, new, ours]
    assert lines_for(before, after) == ["~ Amina’s handset, SMS from MPESA: SK2 Confirmed."]


def test_a_new_sms_is_told_and_old_ones_are_not() -> None:
    before, after = state(), state()
    first, second = sms("MPESA", "SK1 Confirmed."), sms("MPESA", "SK2 Confirmed.")
    before["handsets"][1]["sms"] = [first]
    after["handsets"][1]["sms"] = [first, second]
    assert lines_for(before, after) == ["~ Otieno’s handset, SMS from MPESA: SK2 Confirmed."]


def test_going_on_as_somebody_else_tells_their_whole_chat() -> None:
    before, after = state(message(1, "Hello")), state(message(1, "Hello"))
    after["telegram"]["person"] = OTIENO
    assert lines_for(before, after) == ["< Hello"]


def test_the_own_handset_rings_before_others() -> None:
    both = rung()
    both["handsets"].reverse()
    both["handsets"][0]["prompt"] = deepcopy(both["handsets"][1]["prompt"])
    shown = ringing(both)
    assert shown is not None
    assert shown["name"] == "Amina"
    assert ringing(state()) is None


# --- what a line means


def test_words_go_to_the_bot_as_typed() -> None:
    assert meaning("  500  14123456789 \n", state()) == Act("say", {"user": AMINA, "text": "500  14123456789"})
    assert meaning("/start", state()) == Act("say", {"user": AMINA, "text": "/start"})
    assert meaning("2", state(message(1, "Which?", "A", "B"))) == Act("say", {"user": AMINA, "text": "2"})


def test_an_empty_line_is_nothing() -> None:
    assert meaning("  ", state()) == Show([])


def test_digits_are_the_pin_while_a_prompt_stands_and_words_still_go_to_the_bot() -> None:
    assert meaning("1234", rung()) == Act("pin", {"prompt": "ws_CO_1", "pin": "1234"})
    assert meaning("12", rung(1)) == Act("pin", {"prompt": "ws_CO_1", "pin": "12"})
    assert meaning("status", rung()) == Act("say", {"user": AMINA, "text": "status"})
    assert meaning("1234", state()) == Act("say", {"user": AMINA, "text": "1234"})


def test_a_tap_takes_the_newest_message_that_has_buttons() -> None:
    shown = state(message(1, "Old", "A"), message(2, "New", "B", "C"), message(3, "No buttons"))
    assert meaning("/tap 2", shown) == Act("tap", {"user": AMINA, "message": 2, "data": "c"})


@pytest.mark.parametrize("line", ["/tap", "/tap 0", "/tap 3", "/tap B", "/tap 1 2", "/tap -1"])
def test_a_tap_beside_the_buttons_is_explained(line: str) -> None:
    assert meaning(line, state(message(1, "Which?", "A", "B"))) == Show(["  /tap takes a number from 1 to 2."])


def test_a_tap_where_nothing_hangs_is_explained() -> None:
    assert meaning("/tap 1", state(message(1, "Hello"))) == Show(["  There is no button to tap."])


def test_a_prompt_is_cancelled_where_one_stands() -> None:
    assert meaning(":cancel", rung(1)) == Act("cancel", {"prompt": "ws_CO_1"})
    assert meaning(":cancel", state()) == Show(["  No handset shows a prompt."])


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (":fault lose_callback", {"name": "lose_callback", "times": 1}),
        (":fault lose_callback 3", {"name": "lose_callback", "times": 3}),
        (":fault lose_callback -1", {"name": "lose_callback", "times": -1}),
    ],
)
def test_faults_are_armed_by_name(line: str, body: dict[str, object]) -> None:
    assert meaning(line, state()) == Act("fault", body)


def test_the_other_commands() -> None:
    assert meaning(":share", state()) == Act("share", {"user": AMINA})
    assert meaning(":refill", state()) == Act("refill", {"msisdn": "254711000001"})
    assert meaning(":as otieno", state()) == Become(OTIENO)
    assert meaning(":as Juma", state()) == Show(["  People here: Amina, Otieno."])
    assert meaning(":quit", state()) == Leave()
    assert meaning(":help", state()) == Show(HELP.split("\n"))


def test_handsets_meters_and_faults_are_listed() -> None:
    shown = state()
    shown["handsets"][0]["locked"], shown["handsets"][0]["sms"] = True, [sms("MPESA", "SK1 Confirmed.")]
    assert cast("Show", meaning(":handset", shown)).lines == [
        "~ Amina, +254711000001: KES 5,000.00, PIN locked",
        "  SK1 Confirmed.",
        "~ Otieno, +254722000002: KES 5,000.00",
    ]
    assert cast("Show", meaning(":meters", shown)).lines == ["  14123456783  Plain: sells and sends one token."]
    assert cast("Show", meaning(":faults", shown)).lines == [
        "    lose_callback: The outcome is never called back.",
        "  ∞ late_callback: The callback comes late.",
        "  2 telegram_down: An error page.",
    ]


@pytest.mark.parametrize("line", [":", ":dance", ":as", ":share now", ":fault", ":fault a b", ":fault a 1 2"])
def test_what_is_no_command_is_not_sent_to_the_bot(line: str) -> None:
    assert meaning(line, state()) == Show(["  That is not a command. :help lists them."])


def test_every_command_of_the_help_is_understood() -> None:
    unknown = Show(["  That is not a command. :help lists them."])
    for line in HELP.split("\n"):
        command = " ".join(line.split("  ")[1].split())
        if command.startswith(":"):
            assert meaning(command, state()) != unknown, command
