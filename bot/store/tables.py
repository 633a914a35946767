"""The rows. Tables carry no behaviour; every time is milliseconds since 1970 in UTC, every amount is minor units.

Columns named `…_sealed` hold AES-GCM ciphertext (`bot/store/seal.py`); `…_hash` columns are keyed hashes of the
normalised value, for looking up what is sealed. Two columns keep work: `due_at` is when it is wanted (a hint writes
only this), `lease_until` is until when it is taken (only a claim or a finish writes this, with a growing `fence`).
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Column, Index, Integer, String, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel


def _key() -> Column[str]:
    return Column(String, primary_key=True)


def _serial() -> Column[int]:
    # SQLite numbers rows by itself only for INTEGER; elsewhere 64 bits never run out (F-132).
    return Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _at(*, null: bool = False) -> Column[int]:
    return Column(BigInteger, nullable=null)


class House(SQLModel, table=True):
    """Facts about this database: its mode ("sandbox" or "real"), so that play money never meets real money."""

    __tablename__: ClassVar[str] = "house"
    name: str = Field(sa_column=_key())
    value: str


class Customer(SQLModel, table=True):
    """A person, under an id of ours. A phone number is never the key."""

    __tablename__: ClassVar[str] = "customer"
    id: str = Field(sa_column=_key())
    version: int = 0
    language: str
    stopped: int = 0
    phone_sealed: str | None = None
    phone_hash: str | None = Field(default=None, index=True)
    phone_proven_at: int | None = Field(default=None, sa_column=_at(null=True))
    created_at: int = Field(sa_column=_at())


class Conversation(SQLModel, table=True):
    """One chat of one customer: where to answer, who speaks, and the journal of what was agreed so far."""

    __tablename__: ClassVar[str] = "conversation"
    id: str = Field(sa_column=_key())
    customer_id: str = Field(foreign_key="customer.id", index=True)
    channel: str
    address: str
    reachable: int = 1
    owner: str = "bot"
    version: int = 0
    epoch: int = 0
    state_sealed: str = Field(default="", sa_column=Column(Text, nullable=False))
    #: The question that is open, by its place; when it was first asked, and when it reached the person (0: not yet).
    asked: str = ""
    asked_at: int = Field(default=0, sa_column=_at())
    shown_at: int = Field(default=0, sa_column=_at())
    #: When the person last wrote: a channel with a window carries free text only so long after it.
    heard_at: int = Field(default=0, sa_column=_at())
    #: When the next message would be sent if all went out at the pace the channel allows to one person.
    paced_until: int = Field(default=0, sa_column=_at())
    created_at: int = Field(sa_column=_at())


class Identity(SQLModel, table=True):
    """By what a channel names a person: the keyed hash of an address, or of a lasting id, and whose chat that is.

    `kind`: "address" or "person". An address can come to belong to somebody else; a person's own id cannot.
    """

    __tablename__: ClassVar[str] = "identity"
    id: str = Field(sa_column=_key())
    conversation_id: str = Field(foreign_key="conversation.id", index=True)
    kind: str
    created_at: int = Field(sa_column=_at())


class Input(SQLModel, table=True):
    """Something that happened to a conversation, stored before it is acknowledged and answered once.

    `state`: 0 new, 1 held (a Call is pending), 2 answered; `disposition` says how it was answered.
    """

    __tablename__: ClassVar[str] = "input"
    __table_args__ = (
        UniqueConstraint("channel", "external_id", name="one_input_per_external_id"),
        Index("input_open", "conversation_id", sqlite_where=text("state < 2"), postgresql_where=text("state < 2")),
        Index("input_new", "state", sqlite_where=text("state = 0"), postgresql_where=text("state = 0")),
    )
    id: int | None = Field(default=None, sa_column=_serial())
    conversation_id: str = Field(foreign_key="conversation.id")
    channel: str
    external_id: str
    kind: str
    body_sealed: str = Field(sa_column=Column(Text, nullable=False))
    sort: int = Field(default=0, sa_column=_at())
    state: int = 0
    disposition: str = ""
    stored_at: int = Field(sa_column=_at())


class Work(SQLModel, table=True):
    """A question asked of the world for a conversation. Its id is derived from (conversation, epoch, position)."""

    __tablename__: ClassVar[str] = "work"
    __table_args__ = (Index("work_due", "due_at", sqlite_where=text("done = 0"), postgresql_where=text("done = 0")),)
    id: str = Field(sa_column=_key())
    conversation_id: str = Field(foreign_key="conversation.id", index=True)
    name: str
    args_sealed: str = Field(sa_column=Column(Text, nullable=False))
    done: int = 0
    created_at: int = Field(sa_column=_at())
    due_at: int = Field(sa_column=_at())
    lease_until: int = Field(default=0, sa_column=_at())
    fence: int = 0
    tries: int = 0


class SavedMeter(SQLModel, table=True):
    """A meter a customer has used, with the name they gave it."""

    __tablename__: ClassVar[str] = "saved_meter"
    __table_args__ = (
        UniqueConstraint("customer_id", "utility", "meter_hash", name="one_saved_meter"),
        UniqueConstraint("customer_id", "nickname_folded", name="one_nickname"),
    )
    id: str = Field(sa_column=_key())
    customer_id: str = Field(foreign_key="customer.id")
    utility: str
    meter_sealed: str
    meter_hash: str
    owner_masked: str
    nickname: str | None = None
    nickname_folded: str | None = None
    forgotten: int = 0
    used_at: int = Field(sa_column=_at())


class Payment(SQLModel, table=True):
    """One confirmed intent. `state` follows `payments/machine.py`; the events of a payment are its history.

    `live_payer` is the payer's hash while a prompt may be on that phone, else null: unique, so one live prompt a payer.
    """

    __tablename__: ClassVar[str] = "payment"
    __table_args__ = (
        UniqueConstraint("code", name="one_payment_per_code"),
        UniqueConstraint("live_payer", name="one_live_prompt_per_payer"),
        Index("payment_due", "due_at"),
        Index("payment_of_customer", "customer_id", "confirmed_at"),
    )
    id: str = Field(sa_column=_key())
    code: str
    customer_id: str = Field(foreign_key="customer.id")
    conversation_id: str = Field(foreign_key="conversation.id")
    version: int = 0
    state: str
    money: str
    utility: str
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    fee_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str
    meter_sealed: str
    meter_hash: str = Field(index=True)
    owner_masked: str
    payer_sealed: str
    payer_hash: str = Field(index=True)
    payer_own: int
    #: The number of the ended attempt after which the customer wishes for another; 0 for none.
    wish: int = 0
    live_payer: str | None = None
    confirmed_at: int = Field(sa_column=_at())
    changed_at: int = Field(sa_column=_at())
    due_at: int | None = Field(default=None, sa_column=_at(null=True))
    lease_until: int = Field(default=0, sa_column=_at())
    fence: int = 0
    tries: int = 0


class Attempt(SQLModel, table=True):
    """One request that may move money or make a token, committed with its own reference before it is sent (I-02).

    `state`: sending (committed, may have been sent), open (the other side has it), unsent (proved never sent: the same
    reference may go out), absent (proved not there: only a fresh reference may), yes, no.
    The three key columns are null or unique: one undecided attempt of a kind per payment (I-01), one success (I-08),
    one payment per proof of a party (I-07).
    """

    __tablename__: ClassVar[str] = "attempt"
    __table_args__ = (
        UniqueConstraint("party", "reference", name="one_attempt_per_reference"),
        UniqueConstraint("undecided_key", name="one_undecided_attempt"),
        UniqueConstraint("success_key", name="one_success"),
        UniqueConstraint("proof_key", name="one_payment_per_proof"),
        UniqueConstraint("callback_hash", name="one_attempt_per_callback_address"),
        Index("attempt_of_payer", "payer_hash", "created_at"),
        Index("attempt_of_theirs", "party", "theirs"),
    )
    id: str = Field(sa_column=_key())
    payment_id: str = Field(foreign_key="payment.id", index=True)
    kind: str
    number: int
    party: str
    reference: str
    theirs: str | None = None
    state: str
    undecided_key: str | None = None
    success_key: str | None = None
    proof: str | None = None
    proof_key: str | None = None
    callback_hash: str | None = None
    payer_hash: str | None = None
    customer_id: str
    #: How often it was asked about since it was sent, or since it was decided.
    asks: int = 0
    asked_at: int = Field(default=0, sa_column=_at())
    #: Who was told that no answer comes: nobody (0), the customer (1), a person of ours too (2).
    slow_told: int = 0
    #: 1 while a callback about this attempt waits to be looked into; `claim` is what that callback said.
    hinted: int = 0
    claim: str = Field(default="", sa_column=Column(Text, nullable=False))
    outcome: str = ""
    created_at: int = Field(sa_column=_at())
    decided_at: int | None = Field(default=None, sa_column=_at(null=True))


class PaymentEvent(SQLModel, table=True):
    """What happened to a payment and why: append-only, the audit of every transition (I-39)."""

    __tablename__: ClassVar[str] = "payment_event"
    __table_args__ = (UniqueConstraint("payment_id", "key", name="one_event_per_key"),)
    id: int | None = Field(default=None, sa_column=_serial())
    payment_id: str = Field(foreign_key="payment.id", index=True)
    key: str
    event: str
    before: str
    after: str
    source: str
    attempt_id: str | None = None
    detail: str = ""
    at: int = Field(sa_column=_at())


class Posting(SQLModel, table=True):
    """One leg of a double entry; rows are never updated or deleted (I-12). `minor` is positive for debit."""

    __tablename__: ClassVar[str] = "posting"
    __table_args__ = (Index("posting_of_account", "account", "currency", "id"),)
    id: int | None = Field(default=None, sa_column=_serial())
    entry: str = Field(index=True)
    account: str
    minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str
    payment_id: str | None = Field(default=None, index=True)
    at: int = Field(sa_column=_at())


class Receipt(SQLModel, table=True):
    """What the utility sold for a payment: the whole sale, sealed, for the receipt and for sending tokens again."""

    __tablename__: ClassVar[str] = "receipt"
    payment_id: str = Field(sa_column=Column(String, primary_key=True))
    customer_id: str = Field(index=True)
    sale_sealed: str = Field(sa_column=Column(Text, nullable=False))
    at: int = Field(sa_column=_at())


class Callback(SQLModel, table=True):
    """A callback as it came, kept before it is acknowledged (I-21), whether or not anyone knows its attempt."""

    __tablename__: ClassVar[str] = "callback"
    id: int | None = Field(default=None, sa_column=_serial())
    address_hash: str = Field(index=True)
    attempt_id: str | None = Field(default=None, index=True)
    verdict: str
    raw_sealed: str = Field(sa_column=Column(Text, nullable=False))
    remote: str
    stored_at: int = Field(sa_column=_at())


class Outbox(SQLModel, table=True):
    """A message to send. Order per customer is the id; a row is claimed only when no lower unsent one exists.

    `kind`: receipt, fact (about money), question or say; `rank` is who goes first when there is more to send than may
    be sent. `thread` names messages of which the newest replaces the last in place. `via` is empty, or the channel that
    carries this instead of the conversation's own.
    """

    __tablename__: ClassVar[str] = "outbox"
    __table_args__ = (
        # An index and no constraint: rows of a Change are put in the order of a constraint, and here order is meaning.
        Index("one_stand_in_per_message", "stands_for", unique=True),
        Index(
            "outbox_unsent", "customer_id", "id",
            sqlite_where=text("done = 0"), postgresql_where=text("done = 0"),
        ),
        Index(
            "outbox_due", "rank", "due_at",
            sqlite_where=text("done = 0 AND knocked_at <= 0"), postgresql_where=text("done = 0 AND knocked_at <= 0"),
        ),
        Index(
            "outbox_waiting", "conversation_id",
            sqlite_where=text("done = 0 AND knocked_at > 0"), postgresql_where=text("done = 0 AND knocked_at > 0"),
        ),
        Index("outbox_thread", "conversation_id", "thread"),
        Index(
            "outbox_offers", "conversation_id", "id",
            sqlite_where=text("offers = 1"), postgresql_where=text("offers = 1"),
        ),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=_serial())
    customer_id: str
    conversation_id: str = Field(foreign_key="conversation.id")
    kind: str
    body_sealed: str = Field(sa_column=Column(Text, nullable=False))
    thread: str | None = None
    #: The place of the question this message asks; null for any other message.
    place: str | None = None
    payment_id: str | None = None
    #: 1 when it has choices.
    offers: int = 0
    rank: int = 1
    via: str = ""
    #: The message this one is sent in place of, which its channel could not deliver.
    stands_for: int | None = Field(default=None, sa_column=_at(null=True))
    done: int = 0
    outcome: str = ""
    external_id: str | None = None
    #: When a try began whose end nobody knows (0: there is none), and since when it waits for the person because the
    #: window was shut: below zero once they wrote.
    tried_at: int = Field(default=0, sa_column=_at())
    knocked_at: int = Field(default=0, sa_column=_at())
    #: How far the channel says it came (0: nothing yet, then as `Arrival`), and how often it came back undelivered.
    arrival: int = 0
    bounces: int = 0
    #: 1 when nothing but text is to be sent, because a richer form was not shown.
    text_only: int = 0
    created_at: int = Field(sa_column=_at())
    due_at: int = Field(sa_column=_at())
    lease_until: int = Field(default=0, sa_column=_at())
    fence: int = 0
    tries: int = 0


class MessageReport(SQLModel, table=True):
    """What a channel reported of a message we sent, each thing once."""

    __tablename__: ClassVar[str] = "message_report"
    __table_args__ = (
        UniqueConstraint("external_id", "status", name="one_report"),
        Index("report_of_message", "outbox_id"),
    )
    id: int | None = Field(default=None, sa_column=_serial())
    outbox_id: int = Field(sa_column=_at())
    external_id: str
    status: str
    code: str = ""
    stored_at: int = Field(sa_column=_at())


class Case(SQLModel, table=True):
    """Trouble that a person owns: a reason, a queue and an age. `open_key` is null once closed; unique while open."""

    __tablename__: ClassVar[str] = "trouble_case"
    __table_args__ = (UniqueConstraint("open_key", name="one_open_case_per_reason"),)
    id: str = Field(sa_column=_key())
    payment_id: str | None = Field(default=None, index=True)
    conversation_id: str | None = None
    reason: str
    queue: str
    owner: str | None = None
    detail: str = ""
    open_key: str | None = None
    opened_at: int = Field(sa_column=_at())
    closed_at: int | None = Field(default=None, sa_column=_at(null=True))


class WriterBatch(SQLModel, table=True):
    """The number of the last batch each writer committed, read back when a commit's outcome is unknown (F-128).

    A writer is one start of one process; its rows stay, one a start.
    """

    __tablename__: ClassVar[str] = "writer_batch"
    writer: int | None = Field(default=None, sa_column=_serial())
    number: int = Field(sa_column=_at())
