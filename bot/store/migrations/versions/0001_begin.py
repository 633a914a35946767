"""The tables Bili begins with.

One function a table, parents before children. Until the first release this file is edited together with `tables.py`;
a test names what differs. From then on a change of the tables is a step of its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: 64 bits; SQLite numbers rows by itself only when they are called INTEGER (F-132).
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

#: What is written here stays as it is: corrections are new rows (I-12, I-39).
APPEND_ONLY = ("posting", "payment_event")


def upgrade() -> None:
    """Take this step."""
    _callback()
    _customer()
    _house()
    _message_report()
    _posting()
    _receipt()
    _trouble_case()
    _writer_batch()
    _conversation()
    _saved_meter()
    _identity()
    _input()
    _outbox()
    _payment()
    _work()
    _attempt()
    _payment_event()
    for table in APPEND_ONLY:
        _refuse_change(table)


def _refuse_change(table: str) -> None:
    """The database itself says no; the name it says it by is the same on both."""
    name = f"{table}_append_only"
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {name}_{act.lower()} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, '{name}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{name}' USING ERRCODE = 'restrict_violation', CONSTRAINT = '{name}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


def _callback() -> None:
    op.create_table(
        "callback",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("attempt_id", sa.String(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("raw_sealed", sa.Text(), nullable=False),
        sa.Column("remote", sa.String(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_callback_address_hash", "callback", ["address_hash"], unique=False)
    op.create_index("ix_callback_attempt_id", "callback", ["attempt_id"], unique=False)


def _customer() -> None:
    op.create_table(
        "customer",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("stopped", sa.Integer(), nullable=False),
        sa.Column("phone_sealed", sa.String(), nullable=True),
        sa.Column("phone_hash", sa.String(), nullable=True),
        sa.Column("phone_proven_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_customer_phone_hash", "customer", ["phone_hash"], unique=False)


def _house() -> None:
    op.create_table(
        "house",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _posting() -> None:
    op.create_table(
        "posting",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("entry", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_posting_entry", "posting", ["entry"], unique=False)
    op.create_index("ix_posting_payment_id", "posting", ["payment_id"], unique=False)
    op.create_index("posting_of_account", "posting", ["account", "currency", "id"], unique=False)


def _receipt() -> None:
    op.create_table(
        "receipt",
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("sale_sealed", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("payment_id"),
    )
    op.create_index("ix_receipt_customer_id", "receipt", ["customer_id"], unique=False)


def _message_report() -> None:
    op.create_table(
        "message_report",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("outbox_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("external_id", "status", name="one_report"),
    )
    op.create_index("report_of_message", "message_report", ["outbox_id"], unique=False)


def _trouble_case() -> None:
    op.create_table(
        "trouble_case",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.Column("conversation_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("open_key", name="one_open_case_per_reason"),
    )
    op.create_index("ix_trouble_case_payment_id", "trouble_case", ["payment_id"], unique=False)


def _writer_batch() -> None:
    op.create_table(
        "writer_batch",
        sa.Column("writer", NUMBER, autoincrement=True, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("writer"),
    )


def _conversation() -> None:
    op.create_table(
        "conversation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("reachable", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("state_sealed", sa.Text(), nullable=False),
        sa.Column("asked", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("shown_at", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("paced_until", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_conversation_customer_id", "conversation", ["customer_id"], unique=False)


def _identity() -> None:
    op.create_table(
        "identity",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_identity_conversation_id", "identity", ["conversation_id"], unique=False)


def _saved_meter() -> None:
    op.create_table(
        "saved_meter",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("utility", sa.String(), nullable=False),
        sa.Column("meter_sealed", sa.String(), nullable=False),
        sa.Column("meter_hash", sa.String(), nullable=False),
        sa.Column("owner_masked", sa.String(), nullable=False),
        sa.Column("nickname", sa.String(), nullable=True),
        sa.Column("nickname_folded", sa.String(), nullable=True),
        sa.Column("forgotten", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("customer_id", "nickname_folded", name="one_nickname"),
        sa.UniqueConstraint("customer_id", "utility", "meter_hash", name="one_saved_meter"),
    )


def _input() -> None:
    op.create_table(
        "input",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body_sealed", sa.Text(), nullable=False),
        sa.Column("sort", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("disposition", sa.String(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel", "external_id", name="one_input_per_external_id"),
    )
    op.create_index(
        "input_new",
        "input",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state = 0"),
        postgresql_where=sa.text("state = 0"),
    )
    op.create_index(
        "input_open",
        "input",
        ["conversation_id"],
        unique=False,
        sqlite_where=sa.text("state < 2"),
        postgresql_where=sa.text("state < 2"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body_sealed", sa.Text(), nullable=False),
        sa.Column("thread", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.Column("offers", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("via", sa.String(), nullable=False),
        sa.Column("stands_for", sa.BigInteger(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("tried_at", sa.BigInteger(), nullable=False),
        sa.Column("knocked_at", sa.BigInteger(), nullable=False),
        sa.Column("arrival", sa.Integer(), nullable=False),
        sa.Column("bounces", sa.Integer(), nullable=False),
        sa.Column("text_only", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("one_stand_in_per_message", "outbox", ["stands_for"], unique=True)
    op.create_index(
        "outbox_due",
        "outbox",
        ["rank", "due_at"],
        unique=False,
        sqlite_where=sa.text("done = 0 AND knocked_at <= 0"),
        postgresql_where=sa.text("done = 0 AND knocked_at <= 0"),
    )
    op.create_index(
        "outbox_waiting",
        "outbox",
        ["conversation_id"],
        unique=False,
        sqlite_where=sa.text("done = 0 AND knocked_at > 0"),
        postgresql_where=sa.text("done = 0 AND knocked_at > 0"),
    )
    op.create_index(
        "outbox_offers",
        "outbox",
        ["conversation_id", "id"],
        unique=False,
        sqlite_where=sa.text("offers = 1"),
        postgresql_where=sa.text("offers = 1"),
    )
    op.create_index("outbox_thread", "outbox", ["conversation_id", "thread"], unique=False)
    op.create_index(
        "outbox_unsent",
        "outbox",
        ["customer_id", "id"],
        unique=False,
        sqlite_where=sa.text("done = 0"),
        postgresql_where=sa.text("done = 0"),
    )


def _payment() -> None:
    op.create_table(
        "payment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("money", sa.String(), nullable=False),
        sa.Column("utility", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("meter_sealed", sa.String(), nullable=False),
        sa.Column("meter_hash", sa.String(), nullable=False),
        sa.Column("owner_masked", sa.String(), nullable=False),
        sa.Column("payer_sealed", sa.String(), nullable=False),
        sa.Column("payer_hash", sa.String(), nullable=False),
        sa.Column("payer_own", sa.Integer(), nullable=False),
        sa.Column("wish", sa.Integer(), nullable=False),
        sa.Column("live_payer", sa.String(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", name="one_payment_per_code"),
        sa.UniqueConstraint("live_payer", name="one_live_prompt_per_payer"),
    )
    op.create_index("ix_payment_meter_hash", "payment", ["meter_hash"], unique=False)
    op.create_index("ix_payment_payer_hash", "payment", ["payer_hash"], unique=False)
    op.create_index("payment_due", "payment", ["due_at"], unique=False)
    op.create_index("payment_of_customer", "payment", ["customer_id", "confirmed_at"], unique=False)


def _work() -> None:
    op.create_table(
        "work",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("args_sealed", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_work_conversation_id", "work", ["conversation_id"], unique=False)
    op.create_index(
        "work_due",
        "work",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("done = 0"),
        postgresql_where=sa.text("done = 0"),
    )


def _attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("theirs", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("undecided_key", sa.String(), nullable=True),
        sa.Column("success_key", sa.String(), nullable=True),
        sa.Column("proof", sa.String(), nullable=True),
        sa.Column("proof_key", sa.String(), nullable=True),
        sa.Column("callback_hash", sa.String(), nullable=True),
        sa.Column("payer_hash", sa.String(), nullable=True),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("slow_told", sa.Integer(), nullable=False),
        sa.Column("hinted", sa.Integer(), nullable=False),
        sa.Column("claim", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["payment.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("callback_hash", name="one_attempt_per_callback_address"),
        sa.UniqueConstraint("party", "reference", name="one_attempt_per_reference"),
        sa.UniqueConstraint("proof_key", name="one_payment_per_proof"),
        sa.UniqueConstraint("success_key", name="one_success"),
        sa.UniqueConstraint("undecided_key", name="one_undecided_attempt"),
    )
    op.create_index("attempt_of_payer", "attempt", ["payer_hash", "created_at"], unique=False)
    op.create_index("attempt_of_theirs", "attempt", ["party", "theirs"], unique=False)
    op.create_index("ix_attempt_payment_id", "attempt", ["payment_id"], unique=False)


def _payment_event() -> None:
    op.create_table(
        "payment_event",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("attempt_id", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["payment.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("payment_id", "key", name="one_event_per_key"),
    )
    op.create_index("ix_payment_event_payment_id", "payment_event", ["payment_id"], unique=False)
