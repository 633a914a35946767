"""Whose chat a message belongs to. A channel names a person by an address, and some also by an id that lasts.

A phone number can come to belong to somebody else, and a person can hide theirs: where the channel tells a lasting id,
that decides. Then a number with a new owner begins a new chat that sees nothing of the old one, and an old customer who
hides the number goes on in theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.store.change import Change, Insert, Row, Sql, Update
from bot.store.seal import Seal
from integrations.contract.message import Received

ADDRESS, PERSON = "address", "person"


@dataclass(frozen=True, slots=True)
class Name:
    """One way a channel names somebody. `id` is its keyed hash."""

    id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Whose:
    """The conversation of a sender, whether it is new, and what must be written for the next message to find it."""

    conversation_id: str
    new: bool
    change: Change


def names_of(seal: Seal, channel: str, message: Received) -> tuple[Name, ...]:
    """Every name in a message, the lasting one first."""
    address = Name(seal.hashed(f"{channel}:{message.address}", "conversation"), ADDRESS)
    if not message.person:
        return (address,)
    person = Name(seal.hashed(f"{channel}:{message.person}", "conversation"), PERSON)
    # Where nothing but the lasting id is told, it is the address.
    return (person,) if person.id == address.id else (person, address)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some names: whose conversation each is, and of these the lasting name and the address."""

    owners: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)


_OWNERS = "SELECT id, conversation_id FROM identity WHERE id IN {ids}"
_CHATS = """
SELECT c.id, c.address, (SELECT i.id FROM identity i WHERE i.conversation_id = c.id AND i.kind = 'person') AS person
FROM conversation c WHERE c.id IN {ids}
"""


def read_known(sql: Sql, names: tuple[Name, ...]) -> Known:
    """What is known of these names."""
    owners = {row["id"]: row["conversation_id"] for row in sql.rows_in(_OWNERS, [name.id for name in names])}
    chats = sql.rows_in(_CHATS, sorted(set(owners.values()))) if owners else []
    people = {row["id"]: row["person"] for row in chats if row["person"] is not None}
    return Known(owners, people, {row["id"]: row["address"] for row in chats})


def whose(names: tuple[Name, ...], known: Known, address: str, now: int) -> Whose:
    """Whose chat it is. `address` is where answers go from now on."""
    conversation = _known_chat(names, known)
    chat = conversation or "v" + names[0].id[:24]
    change = Change()
    for name in names:
        owner = known.owners.get(name.id)
        if owner is None:
            row: Row = {"id": name.id, "conversation_id": chat, "kind": name.kind, "created_at": now}
            change += Change(inserts=(Insert("identity", row, or_ignore=True),))
        elif owner != chat:
            change += _passed_on(name, owner, chat, address)
    if conversation and known.addresses.get(conversation) != address:
        change += Change(updates=(Update("conversation", conversation, {"address": address}),))
    return Whose(chat, conversation is None, change)


def _known_chat(names: tuple[Name, ...], known: Known) -> str | None:
    """The chat of the lasting name; else that of the address, unless it is somebody's whose lasting name is another."""
    lasting, address = names[0], names[-1]
    by_address = known.owners.get(address.id)
    if lasting is not address and by_address in known.people:
        by_address = None
    return known.owners.get(lasting.id) or by_address


def _passed_on(name: Name, owner: str, chat: str, address: str) -> Change:
    """An address has a new owner. What waits for the old one must never be sent there, nor by SMS to that number.

    Where the old one writes from elsewhere by now, answers go on going there.
    """
    return Change(
        updates=(
            Update("identity", name.id, {"conversation_id": chat}),
            Update("conversation", owner, {"reachable": 0, "address": ""}, only_if={"address": address}),
            Update("customer", customer_of(owner), {"phone_sealed": None, "phone_hash": None}),
        )
    )


def customer_of(conversation_id: str) -> str:
    """The customer a conversation began with."""
    return "c" + conversation_id[1:]
