"""PINs, codes and card numbers that people type though nobody asks: found in 300 ways, and 2,000 times not (S-45)."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import understand
from flows.understand import looks_like_pin, operator_sms
from integrations.contract.people import luhn_fits
from tests.flows.understand.corpus import Case, cases

PINS = ("0000", "1234", "2580", "9173", "41067", "55555", "123456", "904417")
CODES = ("12345678", "123-456", "123 456", "1 2 3 4", "4-3-2-1", "12 34")

LONE = ("{}", " {} ", "{}.", "*{}*", "{} 🙏", "{}!")
NAMED = (
    "pin {}", "PIN: {}", "Pin={}", "pin{}", "my pin is {}", "My PIN: {}.", "mpesa pin {}", "my m-pesa pin is {}",
    "{} is my pin", "{} ni pin yangu", "pin yangu ni {}", "siri {}", "nambari ya siri {}",
    "nambari yangu ya siri ni {}",
    "namba ya siri: {}", "neno la siri ni {}", "{} ni nambari ya siri", "otp {}", "OTP is {}", "your otp: {}",
    "code {}", "my code is {}", "the verification code is {}", "code secret: {}", "mon code est {}", "mot de passe {}",
    "Mot de passe : {}", "password {}", "password is {}", "passcode {}", "ok pin {} sasa nunua", "{} pin",
    "nataka umeme, pin yangu {}", "pin \u0661\u0662\u0663\u0664",
)  # fmt: skip

#: Numbers that card companies publish for testing.
CARDS = (
    "4111111111111111", "4242424242424242", "4012888888881881", "5555555555554444", "5105105105105100",
    "2223003122003222", "378282246310005", "371449635398431", "6011111111111117", "3530111333300000",
    "30569309025904", "4222222222222",
)  # fmt: skip
CARD_LINES = ("{}", "card {}", "my card is {} exp 12/26", "{} 123")


def grouped(card: str, mark: str) -> str:
    sizes = (4, 6, 5) if len(card) == 15 else (4, 4, 4, 4)
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    return mark.join(card[start : start + size] for start, size in zip(starts, sizes, strict=True) if card[start:])


POSITIVES = [
    *(line.format(pin) for line, pin in product(LONE, PINS)),
    *(line.format(pin) for line, pin in product(NAMED, PINS)),
    *(line.format(code) for line, code in product(NAMED, CODES)),
    *(line.format(card) for line, card in product(CARD_LINES, CARDS)),
    *(
        line.format(grouped(card, mark))
        for line, card, mark in product(CARD_LINES, CARDS, " -")
        if len(card) in (15, 16)
    ),
]  # fmt: skip

COUNT = 50
AMOUNTS = [
    *map(str, range(50, 1050, 50)),
    *(f"{thousands},{hundreds}00" for thousands, hundreds in product((1, 2, 15), range(5))),
    *(f"{thousands}000" for thousands in range(1, 11)),
    "2k", "1.5k", "10k", "2 000", "150,000",
]  # fmt: skip


def with_check_digit(digits: str) -> str:
    return next(digits + check for check in "0123456789" if luhn_fits(digits + check))


METERS = [
    *(with_check_digit(f"{3714028519 + place * 7919}") for place in range(20)),
    *(with_check_digit(f"60{5123456700 + place * 7919}") for place in range(20)),
    *(f"1412 {3456 + place} {789 - place}" for place in range(10)),
]
PHONES = [form.format(12345678 + place * 7919) for place, form in product(range(10), (
    "07{}", "2547{}", "+2547{}", "002547{}", "+254 7{}",
))]  # fmt: skip
DATES = [form.format(day) for day, form in product(range(10, 20), (
    "{}/05/2024", "2024-05-{}", "{}.05.24", "{}/11/24 at 8:30 AM", "{} May 2024",
))]  # fmt: skip
TOKENS = [form.format(1000 + place) for place, form in product(range(17), (
    "7400000000000000{}", "7400 0000 0000 0000 {}", "7400-0000-0000-0000-{}",
))][:COUNT]  # fmt: skip

#: What people write here, with an amount, a meter, a phone, a date and a token to fill in.
LINES = (
    "{0} {1}", "{1} {0}", "buy {0} for {1}", "nunua stima ya {0} mita {1}", "{0} {1} from {2}", "KES {0}", "Ksh{0}",
    "{0} bob", "{0}/=", "ksh {0} kwa mama", "elec {0} mama", "i paid {0} on {3}", "nimelipa {0} tarehe {3}",
    "i sent {0} to {1} at {3} and no token", "paid {0} from {2} and got nothing", "change amount to {0}",
    "what is the fee for {0}", "meter {1}", "mita yangu ni {1}", "{1}", "{2}", "my phone is {2}", "simu {2}", "{3}",
    "on {3} i bought {0}", "token {4}", "my token is {4}", "token code {4} does not work", "{4}",
    "meter says error {4}",
    "no pin prompt came for {0}", "i never got the pin for {0}", "pin prompt did not show, amount {0}",
    "the PIN request for ksh {0} on {2} expired", "nambari ya mita {1}", "meter code {1}", "account {1} amount {0}",
    "receipt SKP4T7XYZ1 for {0}",
    "SKP4T7XYZ1 Confirmed. Ksh{0}.00 sent to KPLC for account {1} on {3}. PIN YAKO SIRI YAKO",
    "my payment code is BL-7Q2K for {0}", "call me on {2} at 10:30", "i have {0} and {0}", "{0} or {0}?",
    "tafadhali nisaidie, {0} haijafika kwa {1}", "achat {0} compteur {1}", "i want to pay {0} with {2} not {2}",
)  # fmt: skip


def negatives() -> list[str]:
    """Each line with each value of its lists; the lists are turned against each other so that pairs differ."""
    lists = (AMOUNTS, METERS, PHONES, DATES, TOKENS)
    return [
        line.format(*(values[(place * (7 + turn)) % COUNT] for turn, values in enumerate(lists)))
        for line in LINES
        for place in range(COUNT)
    ]


NEGATIVES = sorted({*negatives()})


def test_S45_no_pin_code_or_card_gets_through() -> None:
    assert len(set(POSITIVES)) >= 300
    assert [text for text in POSITIVES if not looks_like_pin(text, expects_number=False)] == []


def test_S45_fewer_than_one_in_a_hundred_ordinary_messages_is_taken_for_a_secret() -> None:
    taken = [text for text in NEGATIVES if looks_like_pin(text, expects_number=False, lengths=(11, 13))]
    assert len(NEGATIVES) >= 2000
    assert len(taken) < len(NEGATIVES) / 100, taken


def test_S45_where_a_number_is_asked_for_a_lone_one_is_the_answer_but_a_named_pin_is_still_a_pin() -> None:
    for pin in PINS:
        assert not looks_like_pin(pin, expects_number=True)
        assert looks_like_pin(pin, expects_number=False)
        assert looks_like_pin(f"pin {pin}", expects_number=True)
    for amount in ("500", "2000", "10000", "2 000", "KES 2000"):
        assert not looks_like_pin(amount, expects_number=True)


def test_S45_a_meter_of_thirteen_digits_is_a_card_only_where_no_such_meter_is_expected() -> None:
    assert luhn_fits("6005123456785")
    assert looks_like_pin("6005123456785", expects_number=True)
    assert not looks_like_pin("6005123456785", expects_number=True, lengths=(11, 13))
    assert looks_like_pin("4111111111111111", expects_number=True, lengths=(11, 13))


def test_S45_a_card_number_with_a_wrong_digit_is_no_card() -> None:
    for card in CARDS:
        wrong = card[:-1] + str((int(card[-1]) + 1) % 10)
        assert not looks_like_pin(wrong, expects_number=True)


@given(st.text("0123456789", min_size=4, max_size=6), st.sampled_from(NAMED))
def test_S45_any_four_to_six_digits_beside_any_word_for_a_secret_are_found(pin: str, line: str) -> None:
    assert looks_like_pin(line.format(pin), expects_number=True)


@given(st.text("0123456789", min_size=4, max_size=6))
def test_F105_S45_a_pin_in_another_script_or_with_invisible_characters_is_found(pin: str) -> None:
    bengali = "".join(chr(0x09E6 + int(digit)) for digit in pin)
    for text in (bengali, "\u200b".join(pin), f"\u202e{pin}", "\ufe0f\u20e3".join(pin)):
        assert looks_like_pin(text, expects_number=False)


@given(st.text(st.characters(exclude_categories=()), max_size=200), st.booleans())
def test_F110_no_text_makes_them_fail(text: str, expects_number: bool) -> None:
    looks_like_pin(text, expects_number=expects_number)
    code = operator_sms(text)
    assert code is None or code.isascii()


SMS = cases("operator_sms.txt")


@pytest.mark.parametrize("case", SMS, ids=lambda case: case.where)
def test_the_corpus_of_operator_sms_is_read_as_written(case: Case) -> None:
    assert (operator_sms(case.typed) or "none") == case.expected


def test_F109_the_patterns_that_search_whole_texts_repeat_nothing_without_a_bound() -> None:
    """A bounded pattern looks at each character a fixed number of times, so a long text can only take linear time."""
    patterns = [value.pattern for value in vars(understand).values() if isinstance(value, re.Pattern)]
    assert len(patterns) >= 5
    for pattern in patterns:
        outside_classes = re.sub(r"\\.|\[[^\]]*\]", "", pattern)
        assert not re.search(r"[*+]|\{\d*,\}", outside_classes), pattern


def test_F109_texts_made_to_be_slow_are_read_to_their_cap_and_no_further() -> None:
    for piece in ("pin ", "1 ", "1-", "pin:::", "pin is ", "1234 ni ", "4111 ", "SKP4T7XYZ1 ", "\u0661"):
        text = piece * 100_000
        assert looks_like_pin(text, expects_number=True) == looks_like_pin(text[:4096], expects_number=True)
        assert operator_sms(text) is None
