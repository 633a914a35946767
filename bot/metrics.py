"""Counters for `/metrics`. Labels are closed sets; never a phone, a meter, a payment or a path (O-01)."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

REGISTRY = CollectorRegistry()

INPUTS = Counter(
    "bili_inputs", "Inputs from channels, by what became of them.", ["channel", "result"], registry=REGISTRY
)
CALLBACKS = Counter("bili_callbacks", "Operators' callbacks, by verdict.", ["party", "verdict"], registry=REGISTRY)
ANSWERS = Counter(
    "bili_party_answers",
    "Answers of operators and utilities, by kind of outcome.",
    ["party", "outcome"],
    registry=REGISTRY,
)
SENDS = Counter("bili_messages", "Messages handed to channels, by outcome.", ["channel", "outcome"], registry=REGISTRY)
REPORTS = Counter("bili_message_reports", "What channels report of messages.", ["status"], registry=REGISTRY)
TURNS = Counter("bili_turns", "Turns thought, by what became of them.", ["result"], registry=REGISTRY)
PAYMENTS = Gauge("bili_payments_in_state", "Payments by state.", ["state"], registry=REGISTRY)
OLDEST = Gauge("bili_payment_oldest_age_seconds", "Age of the oldest payment that is not settled.", registry=REGISTRY)
CASES = Gauge("bili_cases_open", "Open cases by queue.", ["queue"], registry=REGISTRY)
RESTARTS = Gauge("bili_loop_restarts", "How often each loop failed and was begun again.", ["loop"], registry=REGISTRY)


def exposition() -> bytes:
    """The text format."""
    return generate_latest(REGISTRY)
