"""Whose chat a message is, decided from what is known of its names alone."""

from __future__ import annotations

from bot.identities import Known, Name, names_of, whose
from bot.store.change import Change, Insert, Row, Update
from tests.turns.stage import SEAL
from tests.turns.test_identities import AMINA, ONE, TWO, received


def test_names_are_keyed_hashes_and_tell_nothing() -> None:
    names = names_of(SEAL, "whatsapp", received(ONE, AMINA))
    assert [name.kind for name in names] == ["person", "address"]
    assert not any(text in str(names) for text in (ONE, AMINA, ONE[1:]))


def test_a_sender_told_by_the_lasting_id_alone_has_one_name() -> None:
    [name] = names_of(SEAL, "whatsapp", received(AMINA, AMINA))
    assert name.kind == "person"
    [address] = names_of(SEAL, "whatsapp", received(AMINA))
    assert address.id == name.id


def test_nothing_is_written_of_who_is_known_and_where_they_were() -> None:
    person, address = Name("p", "person"), Name("a", "address")
    known = Known({"p": "v1", "a": "v1"}, {"v1": "p"}, {"v1": ONE})
    found = whose((person, address), known, ONE, 5)
    assert (found.conversation_id, found.new, found.change) == ("v1", False, Change())


def test_an_address_of_nobody_is_added_to_the_known_chat() -> None:
    person, address = Name("p", "person"), Name("b", "address")
    found = whose((person, address), Known({"p": "v1"}, {"v1": "p"}, {"v1": ONE}), TWO, 5)
    row: Row = {"id": "b", "conversation_id": "v1", "kind": "address", "created_at": 5}
    assert found.change.inserts == (Insert("identity", row, or_ignore=True),)
    assert found.change.updates == (Update("conversation", "v1", {"address": TWO}),)


def test_people_on_two_channels_are_strangers() -> None:
    names = {channel: names_of(SEAL, channel, received(ONE, AMINA)) for channel in ("whatsapp", "telegram")}
    assert {name.id for name in names["whatsapp"]}.isdisjoint(name.id for name in names["telegram"])
