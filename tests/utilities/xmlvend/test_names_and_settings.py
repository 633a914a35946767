"""Message ids, sale references and the settings they come from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.contract.money import Money
from integrations.contract.outcomes import VendReason
from integrations.contract.parties import AfterNotFound, Quotes
from integrations.contract.people import Secret
from integrations.utilities.xmlvend.adapter import XmlVend
from integrations.utilities.xmlvend.config import XmlVendConfig
from integrations.utilities.xmlvend.ids import MessageId, SaleReference, question_id, sale_reference
from tests.utilities.xmlvend.fakes import CONFIG, FakeClock, FakeRandom, bench, unreachable

NAIROBI = ZoneInfo("Africa/Nairobi")
NOW = datetime(2026, 1, 31, 7, 15, tzinfo=UTC)
DIGITS = st.text("0123456789", min_size=6, max_size=6)


def test_a_reference_is_local_time_and_number_and_terminal() -> None:
    assert str(sale_reference(NOW, NAIROBI, "000102", ("T1", "T2"))) == "20260131101500-000102-T1"
    assert str(sale_reference(NOW, NAIROBI, "000103", ("T1", "T2"))) == "20260131101500-000103-T2"


def test_midnight_is_the_servers_midnight() -> None:
    late = datetime(2026, 1, 31, 21, 30, tzinfo=UTC)
    assert question_id(late, NAIROBI, "000000").date_time == "20260201003000"
    assert question_id(late, ZoneInfo("UTC"), "000000").date_time == "20260131213000"


@given(DIGITS, DIGITS)
def test_a_question_never_has_the_id_of_a_sale(sale: str, question: str) -> None:
    reference = sale_reference(NOW, NAIROBI, sale, ("T1",))
    assert not reference.message_id.same(question_id(NOW, NAIROBI, question))


@given(DIGITS, DIGITS, st.lists(st.text("T0123-", min_size=1), min_size=1, unique=True))
def test_two_sales_with_one_message_id_have_one_reference(one: str, other: str, pool: list[str]) -> None:
    first, second = (sale_reference(NOW, NAIROBI, digits, tuple(pool)) for digits in (one, other))
    assert first.message_id.same(second.message_id) == (str(first) == str(second))


@given(DIGITS, st.text(min_size=1))
def test_a_reference_reads_back_whatever_the_terminal_is_called(digits: str, terminal: str) -> None:
    reference = sale_reference(NOW, NAIROBI, digits, (terminal,))
    assert SaleReference.read(str(reference)) == reference


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (MessageId("20260131101500", "000102"), True),
        (MessageId("20260131101500", "102"), True),
        (MessageId("20260131101500", "103"), False),
        (MessageId("20260131101501", "000102"), False),
        (MessageId("20260131101500", ""), False),
        (MessageId("", ""), False),
        (None, False),
    ],
)
def test_leading_zeros_of_the_number_are_all_that_may_differ(other: MessageId | None, same: bool) -> None:
    assert MessageId("20260131101500", "000102").same(other) is same


def test_a_number_of_zeros_is_not_the_same_as_none() -> None:
    zeros = MessageId("20260131101500", "000000")
    assert zeros.same(MessageId("20260131101500", "0"))
    assert not zeros.same(MessageId("20260131101500", ""))


def test_a_new_reference_uses_the_clock_and_the_randomness_it_is_given() -> None:
    utility = bench().utility
    first = utility.new_reference(FakeClock(), FakeRandom(1))
    assert first.startswith("20260131101500-")
    assert first == utility.new_reference(FakeClock(), FakeRandom(1))
    assert first != utility.new_reference(FakeClock(), FakeRandom(2))


def test_the_first_terminal_asks_and_the_others_sell() -> None:
    three = replace(CONFIG, terminal_ids=("ask", "sell1", "sell2"))
    assert (three.question_terminal, three.sale_terminals) == ("ask", ("sell1", "sell2"))
    one = replace(CONFIG, terminal_ids=("only",))
    assert (one.question_terminal, one.sale_terminals) == ("only", ("only",))


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(ValueError, match="url is not") as raised:
        XmlVendConfig(
            url="vending.test", client_id=" ", terminal_ids=("1", "1"), operator_name="", password=Secret(""),
            symbols=(), meter_lengths=(), minimum=Money.of(100, "KES"), maximum=Money.of(50, "KES"),
            time_zone="Africa/Atlantis", timeout_seconds=60, settle_seconds=10, polls=(),
        )  # fmt: skip
    problems = str(raised.value).split("; ")
    assert len(problems) == 11
    assert "time_zone is unknown on this machine" in problems


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"terminal_ids": ()}, "terminal_ids names no terminal"),
        ({"currency": "XXX"}, "currency is not in the table"),
        ({"maximum": Money.of(500, "TZS")}, "limits are in another currency"),
        ({"timeout_seconds": 0}, "timeout_seconds is not positive"),
        ({"polls": (5.0, 0.0)}, "polls is empty or not positive"),
        ({"time_zone": "../etc/passwd"}, "time_zone is unknown"),
        ({"url": "file:///etc/passwd"}, "url is not an absolute http address"),
    ],
)
def test_a_wrong_setting_is_refused_at_start(change: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        replace(CONFIG, **change)  # type: ignore[arg-type]  # wrong types are the point of some rows


def test_printing_the_settings_prints_no_password() -> None:
    assert "test-password" not in repr(CONFIG)


def test_the_adapter_declares_what_its_settings_say() -> None:
    utility = bench().utility
    assert isinstance(utility, Quotes)
    assert (utility.name, utility.title, utility.currency) == ("xmlvend", "Umoja Power", "KES")
    assert (utility.shape.lengths, utility.shape.luhn) == ((11, 13), True)
    assert (utility.minimum, utility.maximum) == (Money.of(50, "KES"), Money.of(35_000, "KES"))
    assert (utility.pace.timeout, utility.pace.settle) == (60, 180)
    # Nobody has promised that every response is kept, so a not-found may mean "overwritten".
    assert utility.pace.after_not_found is AfterNotFound.A_PERSON


def test_F054_where_every_response_is_kept_a_not_found_permits_a_fresh_sale() -> None:
    config = replace(CONFIG, keeps_every_response=True, known_texts={"x": VendReason.OTHER})
    utility = XmlVend(config, unreachable, FakeClock(), FakeRandom())
    assert utility.pace.after_not_found is AfterNotFound.FRESH_REFERENCE
