"""Orders in one line: the corpus, and that no generated line is ever guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.one_line import BUYING, JOINING, ONE_LINE_LENGTH_MAX, TOWARDS
from flows.understand import Ambiguous, OneLine, amount_in, meter_in, one_line, phone_in
from integrations.contract.money import Money
from integrations.contract.people import MeterNumber, Phone
from tests.flows.understand.corpus import Case, cases, numberish

CASES = cases("one_line.txt")
NICKNAMES = ("Mama", "Bob", "Shop 2", "Mama Njeri's", "Nyumba ya Mama")

AMOUNTS = {"50": 50, "500": 500, "1,200": 1200, "2k": 2000, "KES 750": 750, "300/=": 300}
METERS = ("14123456789", "04257670465", "0100123456780", "1412-3456-789")
PHONES = {"0712345678": "+254712345678", "254722000111": "+254722000111", "+254110123456": "+254110123456"}


def read(text: str, lengths: tuple[int, ...] = (11, 13), country: str = "KE") -> OneLine | Ambiguous | None:
    return one_line(text, lengths=lengths, currency="KES", nicknames=NICKNAMES, country=country)


def said(order: OneLine | Ambiguous | None) -> str:
    match order:
        case None:
            return "none"
        case Ambiguous():
            return order.value
        case OneLine(amount, meter, nickname, payer):
            parts = {
                "amount": amount.decimal_text() if amount else "",
                "meter": meter.reveal() if meter else "",
                "name": nickname or "",
                "payer": payer.reveal() if payer else "",
            }
            return ", ".join(f"{name} {value}" for name, value in parts.items() if value)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.where)
def test_the_corpus_is_read_as_written(case: Case) -> None:
    assert said(read(case.typed)) == case.expected


@given(
    st.sampled_from(sorted(AMOUNTS)),
    st.sampled_from(METERS),
    st.none() | st.sampled_from(sorted(PHONES)),
    st.sampled_from(["{0} {1} {2}", "{1} {0} {2}", "buy {0} for {1} from {2}", "nunua {1} ya {0} kutoka {2}"]),
)
def test_an_order_says_the_same_in_any_order_and_language(
    amount: str, meter: str, phone: str | None, line: str
) -> None:
    expected = OneLine(
        Money.of(AMOUNTS[amount], "KES"),
        MeterNumber(meter.replace("-", "")),
        payer=Phone(PHONES[phone]) if phone else None,
    )
    assert read(line.format(amount, meter, phone or "")) == expected


# Bob is left out: `50 bob` is fifty shillings.
NAMES = [name for name in NICKNAMES if name != "Bob"]
PIECES = st.lists(
    st.sampled_from([*AMOUNTS, *METERS, *PHONES, *NAMES, "buy", "to", "kwa", "from", "na", ",", "please"]),
    max_size=9,
)


@given(PIECES)
def test_F111_nothing_is_guessed_when_a_kind_of_number_is_said_twice(pieces: list[str]) -> None:
    text = " ".join(pieces)
    order = read(text)
    if meter := meter_in(text, (11, 13)):
        # Groups of digits that are a meter's together, and nothing else, are one.
        assert order == OneLine(meter=meter)
    elif isinstance(order, OneLine):
        amounts = [f"{AMOUNTS[piece]}.00" for piece in pieces if piece in AMOUNTS]
        targets = [piece.replace("-", "") for piece in pieces if piece in METERS or piece in NAMES]
        phones = [PHONES[piece] for piece in pieces if piece in PHONES]
        assert amounts == ([order.amount.decimal_text()] if order.amount else [])
        assert targets == [target for target in (order.meter and order.meter.reveal(), order.nickname) if target]
        assert phones == ([order.payer.reveal()] if order.payer else [])


@given(
    PIECES, st.sampled_from(["paid", "nimelipa", "not", "cancel", "where", "jane", "units", "usd"]), st.integers(0, 9)
)
def test_a_word_that_orders_are_not_made_of_makes_it_ordinary_text(pieces: list[str], word: str, place: int) -> None:
    pieces.insert(place, word)
    assert not isinstance(read(" ".join(pieces)), OneLine)


@given(numberish())
def test_what_one_kind_alone_can_be_is_left_to_the_open_question(text: str) -> None:
    alone = [amount_in(text, "KES"), phone_in(text)]
    if any(isinstance(value, Money | Phone) for value in alone) and meter_in(text, (11, 13)) is None:
        order = read(text)
        assert not isinstance(order, OneLine) or [order.meter, order.nickname] == [None, None]


@given(numberish())
def test_F111_no_text_is_two_kinds_of_number(text: str) -> None:
    kinds = [amount_in(text, "KES"), meter_in(text, (11,)), phone_in(text)]
    assert sum(isinstance(kind, Money | MeterNumber | Phone) for kind in kinds) <= 1


@pytest.mark.parametrize("phone", ["0027821234567", "2540712345678"])
def test_F111_a_phone_as_long_as_a_meter_is_asked_about(phone: str) -> None:
    for line in ("500 {}", "buy 500 {}", "{}"):
        assert read(line.format(phone)) is Ambiguous.READINGS
        assert read(line.format(phone), (11,)) is not Ambiguous.READINGS


def test_F111_a_nigerian_phone_is_as_long_as_a_meter_so_it_is_asked_about() -> None:
    assert read("500 08031234567", country="NG") is Ambiguous.READINGS
    assert read("500 08031234567 14123456789", country="NG") == OneLine(
        Money.of(500, "KES"), MeterNumber("14123456789"), payer=Phone("+2348031234567")
    )
    assert read("500 08031234567") == OneLine(Money.of(500, "KES"), MeterNumber("08031234567"))


def test_F111_account_numbers_that_could_be_amounts_or_phones_are_asked_about() -> None:
    assert read("1234567 7654321", (7,)) is Ambiguous.READINGS
    assert read("500 1234567", (7,)) == OneLine(Money.of(500, "KES"), MeterNumber("1234567"))
    assert read("500 712345678", (9,)) is Ambiguous.READINGS


def test_F111_shillings_are_money_even_where_a_meter_is_called_bob() -> None:
    assert read("2000 bob") is Ambiguous.READINGS
    assert read("2000 for bob") == OneLine(Money.of(2000, "KES"), nickname="Bob")
    assert read("2000 bob 14123456789") == OneLine(Money.of(2000, "KES"), MeterNumber("14123456789"))


def test_two_meters_called_alike_are_asked_about() -> None:
    order = one_line("500 mama", lengths=(11,), currency="KES", nicknames=["Mama", "mama"])
    assert order is Ambiguous.READINGS


def test_a_name_that_is_also_a_number_or_a_word_never_wins_by_itself() -> None:
    assert one_line("500 14123456789", lengths=(11,), currency="KES", nicknames=["500"]) == OneLine(
        Money.of(500, "KES"), MeterNumber("14123456789")
    )
    assert one_line("buy 500", lengths=(11,), currency="KES", nicknames=["500"]) is Ambiguous.READINGS
    assert one_line("   ", lengths=(11,), currency="KES", nicknames=["", " "]) is None


def test_the_answer_never_prints_a_meter_or_a_phone() -> None:
    assert "14123456789" not in repr(read("500 14123456789 0712345678"))
    assert "712345678" not in repr(read("500 14123456789 0712345678"))


def test_the_tables_of_words_are_folded_and_a_word_is_in_one_of_them() -> None:
    buying, joining = " ".join(BUYING.values()).split(), " ".join(JOINING.values()).split()
    towards = TOWARDS.split()
    assert len(buying + joining) == len({*buying, *joining})
    assert {*towards} <= {*joining}
    assert [word for word in buying + joining if word != word.casefold() or not word.strip()] == []


@given(st.text(st.characters(exclude_categories=()), max_size=ONE_LINE_LENGTH_MAX + 5))
def test_F110_no_text_makes_it_fail(text: str) -> None:
    assert isinstance(read(text), OneLine | Ambiguous | None)


def test_F109_a_long_text_is_no_line_and_a_crowded_one_has_few_readings() -> None:
    assert read("500 14123456789" + " " * 100_000) is None
    assert read("to " * 50_000) is None
    assert read("mama " * 30) is None
    assert read("5 mama bob 0712345678 " * 5) is Ambiguous.NUMBERS
