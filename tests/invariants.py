"""What must be true of a service at rest, whatever was done to it, judged by the sandbox's truth and never by our own.

At rest: nothing is due, and nobody is in the middle of approving a prompt. Used after every story in every mode, and
by whoever else has a store and a sandbox.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from bot.store.change import Sql
from bot.store.store import Store
from integrations.sandbox.host import SandboxHost

#: Money is with us for these: proved to have come, and neither sold nor returned.
HOLDING = {"paid", "vending", "refund_due", "refunding"}
#: These may rest without anybody looking after them.
MAY_REST = {"vended", "refunded", "declined", "expired"}

#: M-Pesa's own name for a prompt ends in the phone's digits, and we must keep it to ask about the prompt.
_CHECKOUT_ID = re.compile(rb"ws_CO_[0-9]+")

Rows = list[dict[str, Any]]

_TABLES = {
    "entries": "SELECT entry, currency, sum(minor) AS sum FROM posting GROUP BY entry, currency",
    "accounts": "SELECT account, sum(minor) AS sum FROM posting GROUP BY account",
    "payments": "SELECT id, code, state, amount_minor, fee_minor, live_payer FROM payment",
    "vends": "SELECT payment_id, reference FROM attempt WHERE kind = 'vend'",
    "cases": "SELECT payment_id FROM trouble_case WHERE open_key IS NOT NULL",
    "receipts": "SELECT payment_id FROM receipt",
    "inputs": "SELECT kind, disposition FROM input WHERE state < 2",
    "work": "SELECT name FROM work WHERE done = 0",
    # What waits behind a knock waits for the person, and nothing of it is due.
    "outbox": "SELECT kind, outcome FROM outbox WHERE done = 0 AND knocked_at <= 0",
}

_ARRIVALS = {
    "vends": _TABLES["vends"],
    "cases": _TABLES["cases"],
    "waiting": "SELECT payment_id FROM outbox WHERE done = 0 AND knocked_at > 0 AND kind = 'receipt'",
    "telegram": "SELECT address FROM conversation WHERE channel = 'telegram'",
}

#: How far a message of Twilio's has come when it is on a phone.
_ON_A_PHONE = {"sent", "delivered", "read"}


async def violations(store: Store, sandbox: SandboxHost) -> list[str]:
    """A sentence for each thing that is not as it must be; none when all is well."""

    def read(sql: Sql) -> dict[str, Rows]:
        return {name: sql.rows(statement) for name, statement in _TABLES.items()}

    rows = await store.read(read)
    return [*_ledger(rows), *_money(rows, sandbox), *_sales(rows, sandbox), *_ends(rows), *_answers(rows)]


def _ledger(rows: dict[str, Rows]) -> Iterable[str]:
    """I-11: every entry sums to zero. I-10: a payment's total is held while we owe for it, and nothing after."""
    for entry in rows["entries"]:
        if entry["sum"]:
            yield f"entry {entry['entry']} sums to {entry['sum']} {entry['currency']}"
    sums = {row["account"]: row["sum"] for row in rows["accounts"]}
    for payment in rows["payments"]:
        total = payment["amount_minor"] + payment["fee_minor"]
        owed = -total if payment["state"] in HOLDING else 0
        held = sums.get(f"customer_held:{payment['id']}", 0)
        if held != owed:
            yield f"{payment['code']} is {payment['state']} and {held} are held for it instead of {owed}"


def _money(rows: dict[str, Rows], sandbox: SandboxHost) -> Iterable[str]:
    """What the operator took from payers is what we say it holds for us."""
    taken = sum(transaction.amount.minor for transaction in sandbox.daraja.transactions)
    cleared = sum(row["sum"] for row in rows["accounts"] if row["account"].startswith("operator_clearing:"))
    if taken != cleared:
        yield f"payers paid {taken} and the ledger knows of {cleared}"


def _sales(rows: dict[str, Rows], sandbox: SandboxHost) -> Iterable[str]:
    """I-08: one sale at most for a payment, of its amount; each with its receipt, and none that nobody ordered."""
    payments = {payment["id"]: payment for payment in rows["payments"]}
    payment_of = {vend["reference"]: vend["payment_id"] for vend in rows["vends"]}
    sold: Counter[str] = Counter()
    for sale in sandbox.xmlvend.sales:
        payment = payments.get(payment_of.get(f"{sale.message_id}-{sale.terminal_id}", ""))
        if payment is None:
            yield f"sale {sale.message_id} belongs to no payment"
            continue
        sold[payment["id"]] += 1
        if sale.amount.minor != payment["amount_minor"]:
            yield f"{payment['code']} is of {payment['amount_minor']} and {sale.amount.minor} were sold"
    receipts = {receipt["payment_id"] for receipt in rows["receipts"]}
    for payment in payments.values():
        count, vended = sold[payment["id"]], payment["state"] == "vended"
        if count > 1:
            yield f"{payment['code']} was sold {count} times"
        if vended != (count > 0) or vended != (payment["id"] in receipts):
            yield f"{payment['code']} is {payment['state']} with {count} sales, receipt: {payment['id'] in receipts}"


def _ends(rows: dict[str, Rows]) -> Iterable[str]:
    """I-35: a payment that is not over has a person who looks after it, and no phone stays locked for one that is."""
    cared_for = {case["payment_id"] for case in rows["cases"]}
    for payment in rows["payments"]:
        if payment["state"] not in MAY_REST and payment["id"] not in cared_for:
            yield f"{payment['code']} rests in {payment['state']} and nobody looks after it"
        if payment["state"] in MAY_REST and payment["live_payer"]:
            yield f"{payment['code']} is {payment['state']} and keeps its payer's phone locked"


def _answers(rows: dict[str, Rows]) -> Iterable[str]:
    """I-25, I-26: everything said to us is answered, and everything we had to say is sent."""
    yield from (f"an input ({row['kind']}) is not answered" for row in rows["inputs"])
    yield from (f"a question to the world ({row['name']}) is not answered" for row in rows["work"])
    yield from (f"a message ({row['kind']}) is not sent: {row['outcome']}" for row in rows["outbox"])


async def never_arrived(store: Store, sandbox: SandboxHost) -> list[str]:
    """The tokens on no phone, in no receipt that waits for its reader, and in no person's hands."""

    def read(sql: Sql) -> dict[str, Rows]:
        return {name: sql.rows(statement) for name, statement in _ARRIVALS.items()}

    rows = await store.read(read)
    payment_of = {vend["reference"]: vend["payment_id"] for vend in rows["vends"]}
    cared_for = {row["payment_id"] for row in (*rows["waiting"], *rows["cases"])}
    seen = "\n".join((*_on_telegram(rows, sandbox), *by_twilio(sandbox)))
    return [
        f"token {spaced(token)} reached nobody"
        for sale in sandbox.xmlvend.sales
        for token in sale.tokens
        if spaced(token) not in seen
        if payment_of.get(f"{sale.message_id}-{sale.terminal_id}") not in cared_for
    ]


def _on_telegram(rows: dict[str, Rows], sandbox: SandboxHost) -> Iterator[str]:
    for row in rows["telegram"]:
        yield from (message.text for message in sandbox.telegram.chat(int(row["address"])) if message.from_bot)


def by_twilio(sandbox: SandboxHost) -> list[str]:
    """The words of every message of ours that Twilio brought to a phone, the oldest first."""
    listed = sandbox.twilio.messages.page("PageSize=1000")["messages"]
    ours = [one for one in reversed(listed) if one["direction"] != "inbound" and one["status"] in _ON_A_PHONE]
    return [one["body"] for one in ours]


def spaced(token: str) -> str:
    """A token as receipts write it, in groups of four digits."""
    return " ".join(token[start : start + 4] for start in range(0, 20, 4))


def secrets_of(sandbox: SandboxHost) -> set[str]:
    """What must stand nowhere in plain digits or letters: phones, meters with their owners, and tokens (S-19)."""
    phones = {prompt.msisdn for prompt in sandbox.daraja.prompts()}
    found = phones | {msisdn.removeprefix("254") for msisdn in phones}
    for meter in sandbox.xmlvend.meters.values():
        found |= {meter.number, meter.owner}
    for token in (token for sale in sandbox.xmlvend.sales for token in sale.tokens):
        found |= {token, spaced(token)}
    return found


def addresses_of(sandbox: SandboxHost) -> set[str]:
    """The phone numbers that WhatsApp told us as addresses. We must read them to write there."""
    listed = sandbox.twilio.messages.page("PageSize=1000")["messages"]
    senders = [one["from"] for one in listed if one["direction"] == "inbound"]
    return {sender.removeprefix("whatsapp:+") for sender in senders if sender.startswith("whatsapp:+")}


def readable_in(database: Path, planted: Iterable[str], addresses: Iterable[str] = ()) -> list[str]:
    """Which of these values can be read in a SQLite file or its log by whoever holds the disk.

    A phone number that is an address may stand where messages are sent to, and in no other column.
    """
    files = (database, database.with_name(f"{database.name}-wal"))
    everything = b"\0".join(file.read_bytes() for file in files if file.exists())
    elsewhere = "\0".join(_cells(database)).encode()
    known = tuple(addresses)
    found = []
    for value in sorted(planted):
        content = elsewhere if any(value in address for address in known) else everything
        if value.encode() in _CHECKOUT_ID.sub(b"", content):
            found.append(f"{value} stands in the database")
    return found


def _cells(database: Path) -> Iterator[str]:
    """Every value in every table but the addresses of conversations."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            cursor = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608  the names are the database's own
            names = [(table, column[0]) for column in cursor.description]
            for row in cursor:
                kept = zip(names, row, strict=True)
                yield from (str(value) for name, value in kept if name != ("conversation", "address"))
