"""What is sealed opens with the key, in its place, unchanged; and nowhere else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.store.seal import BrokenSeal, Seal
from integrations.contract.people import Secret

KEY, NEXT_KEY, OTHER_KEY = (Secret(f"test-secret-key-{n}") for n in (1, 2, 3))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
PLACES = st.sampled_from(["input.body", "outbox.body", "customer.phone"])

seal = Seal(KEY)


@given(TEXTS, PLACES)
def test_what_is_sealed_opens(text: str, where: str) -> None:
    assert seal.open(seal.seal(text, where), where) == text


@given(TEXTS, PLACES, PLACES)
def test_S19_it_opens_only_where_it_belongs(text: str, where: str, elsewhere: str) -> None:
    if where == elsewhere:
        return
    with pytest.raises(BrokenSeal, match=elsewhere):
        seal.open(seal.seal(text, where), elsewhere)


@given(TEXTS, st.data())
def test_S19_damaged_text_does_not_open_as_another(text: str, data: st.DataObject) -> None:
    sealed = seal.seal(text, "input.body")
    place = data.draw(st.integers(0, len(sealed) - 1))
    damaged = sealed[:place] + data.draw(st.characters(max_codepoint=127)) + sealed[place + 1 :]
    try:
        opened = seal.open(damaged, "input.body")
    except BrokenSeal:
        return
    assert opened == text


@pytest.mark.parametrize("sealed", ["", "1", "1..", "1.00000000.QUJD", "2.x.y", "hello", "1.{name}.", "1.{name}.QUJD"])
def test_what_was_never_sealed_does_not_open(sealed: str) -> None:
    name = seal.seal("", "x").split(".")[1]
    with pytest.raises(BrokenSeal):
        seal.open(sealed.format(name=name), "input.body")


@given(TEXTS)
def test_the_sealed_text_shows_nothing_and_differs_each_time(text: str) -> None:
    first, second = seal.seal(text, "input.body"), seal.seal(text, "input.body")
    assert first != second
    assert re.fullmatch(r"1\.[0-9a-f]{8}\.[A-Za-z0-9+/]+=*", first)
    assert len(text) < 8 or text not in first


def test_another_key_opens_nothing() -> None:
    with pytest.raises(BrokenSeal, match="a key that is not given"):
        Seal(OTHER_KEY).open(seal.seal("hello", "input.body"), "input.body")


def test_a_broken_seal_does_not_say_what_is_inside() -> None:
    with pytest.raises(BrokenSeal) as caught:
        seal.open(seal.seal("canary", "input.body"), "outbox.body")
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(TEXTS)
def test_after_a_rotation_old_texts_open_and_new_ones_need_the_new_key(text: str) -> None:
    rotated = Seal(NEXT_KEY, old_keys=[KEY])
    assert rotated.open(seal.seal(text, "a"), "a") == text
    with pytest.raises(BrokenSeal):
        seal.open(rotated.seal(text, "a"), "a")
    assert Seal(NEXT_KEY).open(rotated.seal(text, "a"), "a") == text


def test_a_rotation_leaves_hashes_as_they_are() -> None:
    rotated = Seal(OTHER_KEY, old_keys=[NEXT_KEY, KEY])
    assert rotated.hashed("+254712345678", "phone") == seal.hashed("+254712345678", "phone")


@given(TEXTS, TEXTS)
def test_hashes_are_equal_for_equal_texts_only(one: str, other: str) -> None:
    assert (seal.hashed(one, "phone") == seal.hashed(other, "phone")) is (one == other)


def test_hashes_of_different_things_differ() -> None:
    hashes = {seal.hashed("14123456789", what) for what in ("phone", "meter")}
    hashes.add(Seal(OTHER_KEY).hashed("14123456789", "phone"))
    assert len(hashes) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in hashes)


def test_the_same_bytes_for_nonces_make_the_same_seals() -> None:
    one, other = (Seal(KEY, random_bytes=bytes) for _ in range(2))
    assert one.seal("hello", "a") == other.seal("hello", "a")


def test_a_short_key_is_not_taken() -> None:
    with pytest.raises(ValueError, match="at least 16 characters"):
        Seal(Secret("test"))


def test_keys_are_not_shown() -> None:
    assert "test-secret" not in repr(vars(seal))
