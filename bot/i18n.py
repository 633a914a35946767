"""Says a `Text` in its reader's language: the catalogues of `locales/`, CLDR's ways to write money and time.

Catalogues are read from their `.po` files when the service starts; there is nothing to compile or to forget to compile.
A message that a language lacks is said in English. Values are shown as they are and can never carry markup.
"""

from __future__ import annotations

import io
import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import DateTimePattern, get_datetime_format, parse_pattern
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import NumberPattern, get_currency_symbol
from babel.numbers import parse_pattern as parse_number_pattern
from babel.support import Translations

from flows.text import TN, Body, Code, Minutes, Text, Value
from integrations.contract.message import Rich, Span, Style
from integrations.contract.money import EXPONENTS, Money

LOCALES = Path(__file__).resolve().parent.parent / "locales"

#: The language of the message ids, and of whatever another language does not say.
ENGLISH = "en"

#: Where CLDR's default for a language is not how its readers here write: "24 Nov 2026, 22:05", not "Nov 24, 10:05 PM".
#: Swahili has no entry: CLDR's default is Tanzania's, and Kenya writes money, numbers and times the same way
#: ("Ksh 1,250.50", "TSh 5,000", "24 Nov 2026 22:05"). Uganda's shilling and Rwanda's franc go by their codes, since the
#: "USh" that Uganda's own variant has is read there only. Congo's "1.250,50" would be a catalogue of its own, `sw_CD`.
REGIONAL = {ENGLISH: "en_GB"}

_MARK = re.compile(r"\*|\{([a-z][a-z0-9_]*)\}")
_NOT_PRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_LINE_BREAKS = re.compile(r"\s*\n\s*")
_NO_BREAK = str.maketrans({"\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " "})
_TEMPLATES_MAX = 4096
_AMOUNTS_MAX = 4096


class Part(NamedTuple):
    """A stretch of a template: literal words, or the name of a value."""

    words: str
    name: str
    style: Style


class Languages:
    """Every language in the folder of catalogues. Made once at start: it reads and checks the syntax of them all."""

    def __init__(self, folder: Path = LOCALES) -> None:
        codes = sorted(path.parent.parent.name for path in folder.glob("*/LC_MESSAGES/messages.po"))
        self._english = _Language(ENGLISH, _translations(folder, ENGLISH) if ENGLISH in codes else Translations())
        self._languages = {code: _Language(code, _translations(folder, code)) for code in codes if code != ENGLISH}
        for language in self._languages.values():
            language.translations.add_fallback(self._english.translations)
        self._languages[ENGLISH] = self._english

    def available(self) -> list[tuple[str, str]]:
        """Each language's code and its own name for itself, in order of code."""
        return [(code, language.own_name) for code, language in sorted(self._languages.items())]

    def match(self, code: str | None) -> str:
        """The language we have for a BCP 47 code as channels report it ("en-GB"); English when there is none."""
        wanted = (code or "").replace("_", "-").split("-")
        exact = "_".join([wanted[0].lower(), *(part.upper() for part in wanted[1:])])
        return next((code for code in (exact, wanted[0].lower()) if code in self._languages), ENGLISH)

    def render(self, body: Body, language: str, zone: str) -> Rich:
        """A whole message, its texts on lines of their own. `zone` is the reader's, by its IANA name."""
        page = _Page(self._languages.get(language, self._english), zone)
        for number, text in enumerate(body):
            if number:
                page.add("\n", Style.PLAIN)
            page.say(text)
        return page.rich()

    def label(self, text: Text, language: str, zone: str = "UTC") -> str:
        """A text without styles on one line, for a button."""
        return "".join(span.text for span in self.render((text,), language, zone))


class _Language:
    """One language: its sentences, and how it writes money and time."""

    def __init__(self, code: str, translations: Translations) -> None:
        self.translations = translations
        self._locale = Locale.parse(REGIONAL.get(code, code))
        self.own_name = _own_name(Locale.parse(code))
        self._moment = _moment_pattern(self._locale)
        self._amounts = {currency: _amount_patterns(self._locale, currency) for currency in EXPONENTS}
        self.money = lru_cache(_AMOUNTS_MAX)(self._money)

    def template(self, text: Text) -> str:
        """The sentence in this language, still with its marks."""
        if not text.plural:
            return self.translations.gettext(text.msgid) if text.msgid else ""
        return self.translations.ngettext(text.msgid, text.plural, text.count)

    def moment(self, at: datetime, zone: str) -> str:
        """A date and a time of day in the reader's zone."""
        return self._moment.apply(at.astimezone(ZoneInfo(zone)), self._locale).translate(_NO_BREAK)

    def _money(self, amount: Money) -> str:
        whole, broken = self._amounts[amount.currency]
        pattern = broken if amount.whole is None else whole
        number = Decimal(amount.minor).scaleb(-EXPONENTS[amount.currency])
        words: str = pattern.apply(number, self._locale, currency=amount.currency, currency_digits=False)
        return words.translate(_NO_BREAK)


class _Page:
    """A message being put together; neighbours in the same style become one span."""

    def __init__(self, language: _Language, zone: str) -> None:
        self._language = language
        self._zone = zone
        self._spans: list[tuple[Style, list[str]]] = []

    def add(self, words: str, style: Style) -> None:
        """Put words at the end."""
        if self._spans and self._spans[-1][0] is style:
            self._spans[-1][1].append(words)
        elif words:
            self._spans.append((style, [words]))

    def say(self, text: Text, around: Style = Style.PLAIN, inside: bool = False) -> None:
        """Put a text at the end. `around` is the style of the sentence it stands `inside` of."""
        parts = template_parts(self._language.template(text))
        # Only words that are a whole line of ours may have lines of their own; within a sentence a line break in a
        # name could pass for a line that we said.
        one_line = inside or len(parts) > 1
        for words, name, style in parts:
            shown = style if around is Style.PLAIN else around
            if not name:
                self.add(words, shown)
            elif name in text.values:
                self._value(text.values[name], shown, one_line)
            else:
                self.add(f"{{{name}}}", shown)

    def _value(self, value: Value, style: Style, one_line: bool) -> None:
        match value:
            case str():
                self.add(_clean(value, one_line), style)
            case int():
                self.add(str(value), style)
            case Money():
                self.add(self._language.money(value), style)
            case Code():
                self.add(_clean(value.value, one_line=True), Style.CODE)
            case datetime():
                self.add(self._language.moment(value, self._zone), style)
            case Minutes():
                self.say(_length(value.count), style, inside=True)
            case Text():
                self.say(value, style, inside=True)

    def rich(self) -> Rich:
        """What was put together."""
        return tuple(Span("".join(words), style) for style, words in self._spans)


@lru_cache(_TEMPLATES_MAX)
def template_parts(template: str) -> tuple[Part, ...]:
    """A template cut at its marks: `*` turns bold on and off, `{name}` is where a value stands."""
    parts: list[Part] = []
    style, end = Style.PLAIN, 0
    for mark in _MARK.finditer(template):
        if mark.start() > end:
            parts.append(Part(template[end : mark.start()], "", style))
        if name := mark[1]:
            parts.append(Part("", name, style))
        else:
            style = Style.PLAIN if style is Style.BOLD else Style.BOLD
        end = mark.end()
    if end < len(template):
        parts.append(Part(template[end:], "", style))
    return tuple(parts)


def _clean(words: str, one_line: bool) -> str:
    """Words of others without what a reader cannot see: control characters, and marks that turn the direction."""
    if words.isascii() and words.isprintable():
        return words
    words = _NOT_PRINTABLE.sub("", words.replace("\t", " "))
    return _LINE_BREAKS.sub(" ", words.strip()) if one_line else words


def _length(minutes: int) -> Text:
    """A length of time in the largest unit that says it exactly. CLDR lacks these words for many languages we serve."""
    if minutes and minutes % (24 * 60) == 0:
        return TN("{count} day", "{count} days", minutes // (24 * 60))
    if minutes and minutes % 60 == 0:
        return TN("{count} hour", "{count} hours", minutes // 60)
    return TN("{count} minute", "{count} minutes", minutes)


def _translations(folder: Path, code: str) -> Translations:
    """A catalogue as gettext wants it. Fuzzy and empty entries are left out, so English speaks for them."""
    with (folder / code / "LC_MESSAGES" / "messages.po").open("rb") as source:
        catalogue = read_po(source, locale=code, ignore_obsolete=True, abort_invalid=True)
    for message in catalogue:
        if not all(message.string or ()):
            message.string = ""
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def _own_name(locale: Locale) -> str:
    name = locale.get_display_name(locale) or str(locale)
    return name[0].upper() + name[1:]


def _moment_pattern(locale: Locale) -> DateTimePattern:
    """CLDR's medium date with its short time, as one pattern."""
    both = str(get_datetime_format("medium", locale)).replace("'", "")
    time, date = locale.time_formats["short"].pattern, locale.date_formats["medium"].pattern
    return parse_pattern(both.replace("{0}", time).replace("{1}", date))


def _amount_patterns(locale: Locale, currency: str) -> tuple[NumberPattern, NumberPattern]:
    """CLDR's pattern for whole amounts and for amounts with cents.

    Where the symbol is letters ("KES") CLDR's rule of currency spacing puts a space before the digits; Babel does not
    apply that rule, so it is done here.
    """
    pattern = locale.currency_formats["standard"].pattern.partition(";")[0]
    if get_currency_symbol(currency, locale)[-1].isalpha():
        pattern = pattern.replace("¤#", "¤ #").replace("0¤", "0 ¤")
    cents = "." + "0" * EXPONENTS[currency] if EXPONENTS[currency] else ""
    return parse_number_pattern(pattern.replace(".00", "")), parse_number_pattern(pattern.replace(".00", cents))
