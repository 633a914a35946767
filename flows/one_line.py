"""An order said in one line: an amount, a meter or one's own name for it, a paying phone, in any order and language.

Every reading of the words is found, and only a single one counts: where numbers could change places and money would
follow, nothing is guessed (F-111).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from flows.characters import clean, fold
from flows.numbers import amount_in, meter_in, money_words, phone_in, spelled_amount
from integrations.contract.money import Money
from integrations.contract.people import MeterNumber, Phone

#: An order in one line is short; longer texts are not looked through for one.
ONE_LINE_LENGTH_MAX = 160
ONE_LINE_WORDS_MAX = 20
#: Words that one amount can take: `ksh 2 000 000` has its currency and three groups.
AMOUNT_WORDS_MAX = 4
#: A number of so many digits was meant as a meter or a phone, even when it is neither.
LONG_NUMBER_DIGITS = 9

#: Words that say something is bought, and words that orders may have besides, by the language they tell of; those
#: under COMMON are said in all of them. For translators to add to.
COMMON = ""
BUYING: Mapping[str, str] = {
    COMMON: "elec luku kplc power topup",
    "en": "buy purchase get pay electricity recharge",
    "sw": "nunua kununua ninunulie niuzie lipa kulipa stima umeme weka",
    "fr": "achat acheter payer electricite",
}
JOINING: Mapping[str, str] = {
    COMMON: "pls plz please only amount meter account acc a/c number no token tokens phone mpesa m-pesa - -> → @",
    "en": "to for on in of from with using by via and worth the a my i want",
    "sw": "kwa ya za wa na kutoka kwenye yangu nataka naomba tafadhali tu kiasi mita namba nambari tokeni simu",
    "fr": "pour sur de le la avec depuis compteur numero jeton",
}
#: After these a phone number would be where the electricity goes, which it can't be.
TOWARDS = "to for kwa kwenye pour sur"

_BUYING, _JOINING, _TOWARDS = (
    frozenset(" ".join(rows).split()) for rows in (BUYING.values(), JOINING.values(), (TOWARDS,))
)
_DIGIT = re.compile(r"[0-9]")
_PAUSE = re.compile(r"[,;:](?: |$)")
_DIGIT_GROUPS = re.compile(r"[0-9]+(?:-[0-9]+)*")


@dataclass(frozen=True, slots=True)
class OneLine:
    """An order said in one line, as far as it was said. `nickname` is one of those asked for, spelled as there."""

    amount: Money | None = None
    meter: MeterNumber | None = None
    nickname: str | None = None
    payer: Phone | None = None

    def joined_with(self, other: OneLine) -> OneLine | None:
        """Both together; None when both say the same thing, or between them name two meters."""
        mine = (self.amount, self.meter or self.nickname, self.payer)
        theirs = (other.amount, other.meter or other.nickname, other.payer)
        if any(left is not None and right is not None for left, right in zip(mine, theirs, strict=True)):
            return None
        return OneLine(
            self.amount or other.amount,
            self.meter or other.meter,
            self.nickname or other.nickname,
            self.payer or other.payer,
        )


class Ambiguous(Enum):
    """An order whose numbers can't be told apart: NUMBERS fit no place, READINGS fit several."""

    NUMBERS = "numbers"
    READINGS = "readings"


def one_line(
    text: str, *, lengths: tuple[int, ...], currency: str, nicknames: Sequence[str], country: str = "KE"
) -> OneLine | Ambiguous | None:
    """The order this whole message is: `500 14123456789`, `elec 2k mama`, `nunua stima 500 mita 14123456789`.

    A meter is a word of exactly one of `lengths` digits, a payer a phone number as dialled in `country`, an amount
    what `amount_in` reads, a nickname one of `nicknames`; every other word must be one that orders are made of. Any
    order names a meter or nickname, or says "buy" with an amount. None is ordinary text, a lone amount included.
    """
    words = _words(text)
    if not words:
        return None
    line = _Line(words, lengths, currency, country, [(name, _words(name)) for name in nicknames])
    readings = set(line.readings())
    if not any(map(line.is_order, readings)):
        return _no_reading(text, line)
    # A reading that is no order counts too: `2000 bob` is money, even where somebody's meter is called Bob.
    return readings.pop() if len(readings) == 1 else Ambiguous.READINGS


def order_language(text: str, codes: Collection[str]) -> str | None:
    """Which of these languages an order is in: `nunua 500 14123456783` is Swahili, `500 14123456783` may be any."""
    words = set(_words(text))
    found = [code for code in codes if not words.isdisjoint(f"{BUYING.get(code, '')} {JOINING.get(code, '')}".split())]
    return found[0] if len(found) == 1 else None


def _words(text: str) -> list[str]:
    if len(text) > ONE_LINE_LENGTH_MAX:
        return []
    # A new line or a comma parts two numbers, as the joining `-` does.
    line = _PAUSE.sub(" - ", " - ".join(clean(text).splitlines()))
    words = fold(line).split()
    return words if len(words) <= ONE_LINE_WORDS_MAX else []


def _no_reading(text: str, line: _Line) -> OneLine | Ambiguous | None:
    if not any(map(_DIGIT.search, line.words)):
        return None
    if meter := meter_in(text, line.lengths):
        return OneLine(meter=meter)
    if isinstance(amount_in(text, line.currency), Money) or phone_in(text, line.country):
        return None
    return Ambiguous.NUMBERS if line.is_muddled() else None


@dataclass(frozen=True, slots=True)
class _Line:
    """The words of one message and all ways to read them as one order."""

    words: list[str]
    lengths: tuple[int, ...]
    currency: str
    country: str
    names: list[tuple[str, list[str]]]

    def readings(self, at: int = 0, found: OneLine = OneLine()) -> Iterator[OneLine]:
        """Every way to give each word from `at` on a place. Each place is filled once, so there are few."""
        if at == len(self.words):
            yield found
            return
        if self.words[at] in _JOINING or self.words[at] in _BUYING:
            yield from self.readings(at + 1, found)
        for taken, part in self._parts(at):
            if (grown := found.joined_with(part)) is not None:
                yield from self.readings(at + taken, grown)

    def _parts(self, at: int) -> Iterator[tuple[int, OneLine]]:
        for name, words in self.names:
            if words and self.words[at : at + len(words)] == words:
                yield len(words), OneLine(nickname=name)
        word = self.words[at]
        if _DIGIT_GROUPS.fullmatch(word) and len(digits := word.replace("-", "")) in self.lengths:
            yield 1, OneLine(meter=MeterNumber(digits))
        if word[0] in "+0123456789" and not self._goes_to(at) and (phone := phone_in(word, self.country)):
            yield 1, OneLine(payer=phone)
        yield from self._amounts(at)

    def _goes_to(self, at: int) -> bool:
        return at > 0 and self.words[at - 1] in _TOWARDS

    def _amounts(self, at: int) -> Iterator[tuple[int, OneLine]]:
        for end in range(at + 1, min(at + AMOUNT_WORDS_MAX, len(self.words)) + 1):
            if self.words[end - 1] in _JOINING or _is_long(self.words[end - 1]):
                return
            words = self.words[at:end]
            numbers = list(filter(_DIGIT.search, words))
            # Two words are enough for an amount without digits: `elfu mbili`.
            if (numbers or len(words) == 2) and _one_number(numbers):
                amount = spelled_amount(" ".join(words), self.currency)
                if isinstance(amount, Money):
                    yield len(words), OneLine(amount=amount)

    def is_order(self, order: OneLine) -> bool:
        """Whether enough was said: a meter by number or name, or that something is bought and for how much."""
        return bool(order.meter or order.nickname or (order.amount and self._buys()))

    def is_muddled(self) -> bool:
        """Whether this can only be an order, though no reading of it is one."""
        numbers = list(filter(_DIGIT.search, self.words))
        known = _JOINING.union(_BUYING, money_words(self.currency), *(words for _, words in self.names), numbers)
        if not known.issuperset(self.words):
            return False
        return self._buys() or (len(numbers) > 1 and any(map(_is_long, numbers)))

    def _buys(self) -> bool:
        return not _BUYING.isdisjoint(self.words)


def _is_long(word: str) -> bool:
    return len(_DIGIT.findall(word)) >= LONG_NUMBER_DIGITS


def _one_number(numbers: list[str]) -> bool:
    """Whether numbers side by side can only be the groups of one, as `2 000`; `500 200` may be two amounts."""
    return len(numbers) < 2 or len(numbers[0]) == 1 or any(number.startswith("0") for number in numbers[1:])
