"""What must be true of a service at rest, whatever was done to it, judged by the sandbox's truth and never by our own.

At rest: nothing is due, and nobody is in the middle of approving a prompt. Used after every story in every mode, and
by whoever else has a store and a sandbox.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
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
    "outbox": "SELECT kind, outcome FROM outbox WHERE done = 0",
}


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


def secrets_of(sandbox: SandboxHost) -> set[str]:
    """What must stand nowhere in plain digits or letters: phones, meters with their owners, and tokens (S-19)."""
    phones = {prompt.msisdn for prompt in sandbox.daraja.prompts()}
    found = phones | {msisdn.removeprefix("254") for msisdn in phones}
    for meter in sandbox.xmlvend.meters.values():
        found |= {meter.number, meter.owner}
    for token in (token for sale in sandbox.xmlvend.sales for token in sale.tokens):
        found |= {token, " ".join(token[start : start + 4] for start in range(0, 20, 4))}
    return found


def readable_in(database: Path, planted: Iterable[str]) -> list[str]:
    """Which of these values can be read in a SQLite file or its log by whoever holds the disk."""
    files = (database, database.with_name(f"{database.name}-wal"))
    content = b"\0".join(_CHECKOUT_ID.sub(b"", file.read_bytes()) for file in files if file.exists())
    return [f"{value} stands in the database" for value in sorted(planted) if value.encode() in content]
