"""Texts said in their reader's language."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.pofile import PoFileError
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from bot.i18n import Languages, template_parts
from flows.text import BLANK, TN, Code, Minutes, T, Text, verbatim
from integrations.contract.message import Message, Span, Style, plain
from integrations.contract.money import EXPONENTS, Money

NAIROBI = "Africa/Nairobi"
EVENING = datetime(2026, 11, 24, 19, 5, tzinfo=UTC)

#: The catalogues of the repository.
SHIPPED = Languages()

SWAHILI = """
    msgid ""
    msgstr ""
    "Content-Type: text/plain; charset=utf-8\\n"
    "Plural-Forms: nplurals=2; plural=(n != 1);\\n"

    msgid "Pay *{amount}* to {who}"
    msgstr "Mlipe {who} *{amount}*"

    msgid "{count} meter"
    msgid_plural "{count} meters"
    msgstr[0] "mita {count}"
    msgstr[1] "mita {count} zote"

    msgid "{count} hour"
    msgid_plural "{count} hours"
    msgstr[0] "saa {count}"
    msgstr[1] "masaa {count}"

    #, fuzzy
    msgid "Change phone"
    msgstr "Badilisha kiasi"

    msgid "Not yet"
    msgstr ""

    msgid "{count} day"
    msgid_plural "{count} days"
    msgstr[0] "siku {count}"
    msgstr[1] ""
"""

ENGLISH = """
    msgid ""
    msgstr ""
    "Content-Type: text/plain; charset=utf-8\\n"

    msgid "Change phone"
    msgstr "Another phone"
"""


def write_catalogue(folder: Path, code: str, words: str) -> None:
    path = folder / code / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.write_text(textwrap.dedent(words), encoding="utf-8")


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Languages:
    folder = tmp_path_factory.mktemp("locales")
    write_catalogue(folder, "sw", SWAHILI)
    write_catalogue(folder, "en", ENGLISH)
    return Languages(folder)


def said(languages: Languages, *texts: Text, language: str = "en") -> str:
    return plain(Message(languages.render(texts, language, NAIROBI)))


def test_stars_in_the_sentence_make_bold_and_the_value_keeps_its_place(languages: Languages) -> None:
    text = T("Pay *{amount}* to {who}", amount=Money.of(500, "KES"), who="Jane")
    assert languages.render((text,), "en", NAIROBI) == (
        Span("Pay "),
        Span("KES 500", Style.BOLD),
        Span(" to Jane"),
    )
    assert languages.render((text,), "sw", NAIROBI) == (Span("Mlipe Jane "), Span("Ksh 500", Style.BOLD))


@given(st.text(alphabet="ab*{}_`<&who amount", max_size=20))
def test_a_value_never_carries_markup(words: str) -> None:
    spans = Languages(Path("nowhere")).render((T("{who} *pays*", who=words),), "en", NAIROBI)
    assert spans == (Span(f"{words.strip() if not words.isprintable() else words} "), Span("pays", Style.BOLD))


def test_texts_stand_on_lines_of_their_own_and_blank_is_an_empty_line(languages: Languages) -> None:
    assert said(languages, T("One."), BLANK, T("Two.")) == "One.\n\nTwo."
    assert languages.render((), "en", NAIROBI) == ()
    assert languages.render((T("One."), T("Two.")), "en", NAIROBI) == (Span("One.\nTwo."),)


@pytest.mark.parametrize(
    ("amount", "english"),
    [
        (Money.of(500, "KES"), "KES 500"),
        (Money(125050, "KES"), "KES 1,250.50"),
        (Money(125005, "KES"), "KES 1,250.05"),
        (Money.of(-20, "KES"), "-KES 20"),
        (Money(0, "KES"), "KES 0"),
        (Money(1_000_000, "UGX"), "UGX 1,000,000"),
        (Money(999, "TZS"), "TZS 9.99"),
    ],
)
def test_money_is_written_as_payers_know_it(languages: Languages, amount: Money, english: str) -> None:
    assert said(languages, T("{amount}", amount=amount)) == english


@given(st.integers(-(10**12), 10**12), st.sampled_from(sorted(EXPONENTS)))
def test_no_digit_of_an_amount_is_lost(minor: int, currency: str) -> None:
    shown = said(Languages(Path("nowhere")), T("{amount}", amount=Money(minor, currency)))
    assert shown.removeprefix("-").startswith(f"{currency} ")
    number = shown.replace(f"{currency} ", "").replace(",", "")
    assert Money.from_decimal_text(number, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("amount", "swahili"),
    [
        (Money.of(500, "KES"), "Ksh 500"),
        (Money.of(12_010, "KES"), "Ksh 12,010"),
        (Money(125050, "KES"), "Ksh 1,250.50"),
        (Money(125005, "KES"), "Ksh 1,250.05"),
        (Money.of(-20, "KES"), "-Ksh 20"),
        (Money(0, "KES"), "Ksh 0"),
        (Money.of(5_000, "TZS"), "TSh 5,000"),
        (Money(999, "TZS"), "TSh 9.99"),
        (Money(1_000_000, "UGX"), "UGX 1,000,000"),
        (Money(2_500, "RWF"), "RWF 2,500"),
    ],
)
def test_money_in_swahili(languages: Languages, amount: Money, swahili: str) -> None:
    assert said(languages, T("{amount}", amount=amount), language="sw") == swahili


@given(st.integers(-(10**12), 10**12), st.sampled_from(sorted(EXPONENTS)))
def test_no_digit_of_an_amount_is_lost_in_swahili(minor: int, currency: str) -> None:
    shown = said(SHIPPED, T("{amount}", amount=Money(minor, currency)), language="sw")
    _, number = shown.removeprefix("-").split(" ")
    assert Money.from_decimal_text(number.replace(",", ""), currency) == Money(abs(minor), currency)
    assert shown.startswith("-") == (minor < 0)


@pytest.mark.parametrize("country", ["KE", "TZ", "UG"])
def test_one_swahili_serves_the_countries_of_east_africa(country: str) -> None:
    """When CLDR begins to part them, somebody has to decide: see REGIONAL."""
    plain_one, theirs = Locale.parse("sw"), Locale.parse(f"sw_{country}")
    for of in (plain_one, theirs):
        assert of.currency_formats["standard"].pattern == "¤\N{NO-BREAK SPACE}#,##0.00"
        assert of.currency_symbols["KES"] == "Ksh"
        assert of.currency_symbols["TZS"] == "TSh"
        assert (of.date_formats["medium"].pattern, of.time_formats["short"].pattern) == ("d MMM y", "HH:mm")
        assert format_decimal(12345.6, locale=of) == "12,345.6"
    months = plain_one.months["format"]["abbreviated"]
    assert dict(months) == dict(theirs.months["format"]["abbreviated"])


def test_no_space_is_one_that_a_search_would_miss(tmp_path: Path) -> None:
    write_catalogue(tmp_path, "fr", ENGLISH)
    french = said(Languages(tmp_path), T("{a} {b}", a=Money(125050, "KES"), b=Money.of(5000, "UGX")), language="fr")
    assert french == "1 250,50 KES 5 000 UGX"


def test_a_moment_is_told_in_the_readers_zone(languages: Languages) -> None:
    at = T("{at}", at=EVENING)
    assert said(languages, at) == "24 Nov 2026, 22:05"
    assert said(languages, at, language="sw") == "24 Nov 2026 22:05"
    assert plain(Message(languages.render((at,), "en", "Africa/Lagos"))) == "24 Nov 2026, 20:05"
    assert plain(Message(languages.render((at,), "en", "Asia/Tokyo"))) == "25 Nov 2026, 04:05"


@pytest.mark.parametrize(
    ("month", "swahili"),
    [(1, "9 Jan 2026 10:30"), (3, "9 Mac 2026 10:30"), (5, "9 Mei 2026 10:30"), (8, "9 Ago 2026 10:30"),
     (10, "9 Okt 2026 10:30"), (12, "9 Des 2026 10:30")],
)  # fmt: skip
def test_months_have_their_swahili_names(languages: Languages, month: int, swahili: str) -> None:
    at = datetime(2026, month, 9, 7, 30, tzinfo=UTC)
    assert said(languages, T("{at}", at=at), language="sw") == swahili


@pytest.mark.parametrize(
    ("at", "swahili"),
    [
        (datetime(2026, 11, 24, 20, 59, tzinfo=UTC), "24 Nov 2026 23:59"),
        (datetime(2026, 11, 24, 21, 0, tzinfo=UTC), "25 Nov 2026 00:00"),
        (datetime(2026, 12, 31, 21, 5, tzinfo=UTC), "1 Jan 2027 00:05"),
    ],
)
def test_in_swahili_the_day_begins_at_midnight_in_nairobi(languages: Languages, at: datetime, swahili: str) -> None:
    assert said(languages, T("{at}", at=at), language="sw") == swahili


@pytest.mark.parametrize(
    ("minutes", "english"),
    [(0, "0 minutes"), (1, "1 minute"), (60, "1 hour"), (90, "90 minutes"), (1440, "1 day"), (2880, "2 days")],
)
def test_a_length_of_time_is_told_in_the_largest_unit_that_fits(
    languages: Languages, minutes: int, english: str
) -> None:
    assert said(languages, T("{time}", time=Minutes(minutes))) == english


def test_a_length_of_time_is_translated_as_well(languages: Languages) -> None:
    assert said(languages, T("{time}", time=Minutes(120)), language="sw") == "masaa 2"


@pytest.mark.parametrize(
    ("minutes", "swahili"),
    [(0, "dakika 0"), (1, "dakika 1"), (10, "dakika 10"), (90, "dakika 90"), (60, "saa 1"), (120, "saa 2"),
     (1440, "siku 1"), (2880, "siku 2")],
)  # fmt: skip
def test_a_length_of_time_in_the_swahili_that_is_shipped(minutes: int, swahili: str) -> None:
    assert said(SHIPPED, T("{time}", time=Minutes(minutes)), language="sw") == swahili


def test_a_code_is_a_span_that_can_be_copied_even_in_bold(languages: Languages) -> None:
    spans = languages.render((T("*Token {token}*", token=Code("7400 0000")),), "en", NAIROBI)
    assert spans == (Span("Token ", Style.BOLD), Span("7400 0000", Style.CODE))


def test_a_text_inside_a_text_is_rendered_and_takes_its_style(languages: Languages) -> None:
    inner = TN("{count} meter", "{count} meters", 2)
    assert languages.render((T("*{what}*!", what=inner),), "sw", NAIROBI) == (
        Span("mita 2 zote", Style.BOLD),
        Span("!"),
    )


def test_the_plural_is_the_readers(languages: Languages) -> None:
    one, two = (TN("{count} meter", "{count} meters", count) for count in (1, 2))
    assert [said(languages, text) for text in (one, two)] == ["1 meter", "2 meters"]
    assert [said(languages, text, language="sw") for text in (one, two)] == ["mita 1", "mita 2 zote"]


def test_what_a_language_lacks_is_said_in_english(languages: Languages) -> None:
    assert said(languages, T("Nobody translated this"), language="sw") == "Nobody translated this"
    assert said(languages, T("Not yet"), language="sw") == "Not yet"
    assert said(languages, TN("{count} day", "{count} days", 2), language="sw") == "2 days"


def test_a_fuzzy_translation_is_not_trusted_and_english_words_may_be_edited(languages: Languages) -> None:
    assert said(languages, T("Change phone"), language="sw") == "Another phone"


def test_an_unknown_language_is_english(languages: Languages) -> None:
    assert said(languages, T("Change phone"), language="xx") == "Another phone"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("JANE\x00 \x1b[31mW", "JANE [31mW"),
        ("abc\u202edef\u2066", "abcdef"),
        ("JANE\nPaid: KES 500", "JANE Paid: KES 500"),
        ("two\r\n\r\nlines\t.", "two lines ."),
        ("Ŵanjikũ 🙂", "Ŵanjikũ 🙂"),
    ],
)
def test_words_of_others_cannot_hide_turn_or_pass_for_a_line_of_ours(
    languages: Languages, words: str, shown: str
) -> None:
    assert said(languages, T("Owner: {owner}", owner=words)) == f"Owner: {shown}"
    assert said(languages, T("Owner: {owner}", owner=verbatim(words))) == f"Owner: {shown}"


def test_words_that_are_the_whole_text_keep_their_lines(languages: Languages) -> None:
    assert said(languages, verbatim("Dear customer,\r\nwe are *on* it.\x07")) == "Dear customer,\nwe are *on* it."


def test_a_value_nobody_gave_leaves_its_name_and_stops_nothing(languages: Languages) -> None:
    assert said(languages, T("Fee: {fee}")) == "Fee: {fee}"


def test_a_label_is_plain(languages: Languages) -> None:
    assert languages.label(T("Pay *{amount}*", amount=Money.of(500, "KES")), "en") == "Pay KES 500"


def test_languages_name_themselves(languages: Languages) -> None:
    assert languages.available() == [("en", "English"), ("sw", "Kiswahili")]


def test_english_is_there_without_any_catalogue(tmp_path: Path) -> None:
    assert Languages(tmp_path).available() == [("en", "English")]


@pytest.mark.parametrize(
    ("code", "language"),
    [("en-GB", "en"), ("sw", "sw"), ("sw-KE", "sw"), ("SW_tz", "sw"), ("fr", "en"), ("", "en"), (None, "en")],
)
def test_the_apps_language_finds_ours(languages: Languages, code: str | None, language: str) -> None:
    assert languages.match(code) == language


def test_a_regional_catalogue_is_preferred_where_there_is_one(tmp_path: Path) -> None:
    for code in ("pt", "pt_BR"):
        write_catalogue(tmp_path, code, ENGLISH)
    languages = Languages(tmp_path)
    assert [languages.match(code) for code in ("pt-br", "pt-PT", "pt")] == ["pt_BR", "pt", "pt"]


def test_a_catalogue_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    write_catalogue(tmp_path, "sw", '<<<<<<< ours\nmsgid "a"\nmsgstr "b"\n')
    with pytest.raises(PoFileError):
        Languages(tmp_path)


def test_the_catalogues_of_the_repository_load() -> None:
    assert {("en", "English"), ("sw", "Kiswahili")} <= set(SHIPPED.available())


def test_templates_are_cut_at_their_marks() -> None:
    assert [(part.words, part.name, part.style.value) for part in template_parts("a *b {c}* {D} {e}")] == [
        ("a ", "", "plain"),
        ("b ", "", "bold"),
        ("", "c", "bold"),
        (" {D} ", "", "plain"),
        ("", "e", "plain"),
    ]
