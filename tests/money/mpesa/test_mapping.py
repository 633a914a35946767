"""MAPPING.md, codes.py and the fixtures say the same, row by row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import integrations.money.mpesa
from integrations.contract.exchange import Response, Unknown
from integrations.contract.outcomes import (
    CallbackRejected,
    Collected,
    Declined,
    Expired,
    NotFound,
    Pending,
    Prompted,
    Reason,
    Refused,
)
from integrations.money.mpesa.callbacks import read_callback
from integrations.money.mpesa.codes import PUSH_ERRORS, QUERY_ERRORS, RESULTS, TOKEN_ERRORS, Row
from integrations.money.mpesa.wire import Token, TokenRefused, push_answer, query_answer, token_answer
from tests.money.mpesa.world import WIRE, config, wire_bytes

MAPPING = (Path(integrations.money.mpesa.__file__).parent / "MAPPING.md").read_text()
ASKED = "ws_CO_050120260900017712345678"
TABLES = {"token": TOKEN_ERRORS, "push": PUSH_ERRORS, "query": QUERY_ERRORS}
READERS: dict[str, Callable[[Response], object]] = {
    "token": token_answer,
    "push": push_answer,
    "query": lambda response: query_answer(config(), response, ASKED),
}


@dataclass(frozen=True)
class Line:
    """One line of a table of errors."""

    endpoint: str
    status: int
    code: str
    text: str
    outcome: str
    fixture: str


def cells_under(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, its head left out."""
    section = MAPPING.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"
    ]
    return rows[2:]


def lines_of(endpoint: str) -> list[Line]:
    """The documented errors of one endpoint."""
    return [
        Line(endpoint, int(status), code, text, outcome, fixture)
        for status, code, text, outcome, fixture in cells_under(f"Errors of the {endpoint}")
    ]


LINES = [line for endpoint in TABLES for line in lines_of(endpoint)]
RESULT_ROWS = [(code, outcome) for code, _, outcome in cells_under("Result codes")]


def said(outcome: object) -> str:
    """An outcome in the words of MAPPING.md."""
    match outcome:
        case Refused(reason) | Declined(reason):
            return f"{type(outcome).__name__} {reason.value}"
        case TokenRefused():
            return "token refused"
        case _:
            return type(outcome).__name__


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.fixture)
def test_F009_each_documented_error_reads_as_the_mapping_says(line: Line) -> None:
    body = wire_bytes(line.fixture)
    outcome = READERS[line.endpoint](Response(line.status, {}, body))
    assert said(outcome) == line.outcome
    assert line.text in body.decode().lower()
    if not line.code.startswith("HTTP "):
        assert f'"{line.code}"' in body.decode()


@pytest.mark.parametrize("endpoint", TABLES)
def test_the_mapping_and_the_table_have_the_same_rows_in_the_same_order(endpoint: str) -> None:
    documented = [(line.code, line.text) for line in lines_of(endpoint)]
    assert documented == [(row.code, row.text) for row in TABLES[endpoint]]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.fixture)
def test_a_refusal_names_the_code_it_rests_on(line: Line) -> None:
    outcome = READERS[line.endpoint](Response(line.status, {}, wire_bytes(line.fixture)))
    if isinstance(outcome, Refused | TokenRefused | NotFound):
        assert outcome.code == line.code
    elif isinstance(outcome, Unknown):
        assert line.code in outcome.cause


@pytest.mark.parametrize(("code", "documented"), RESULT_ROWS)
def test_each_result_code_of_a_query_reads_as_the_mapping_says(code: str, documented: str) -> None:
    outcome = query_answer(config(), Response(200, {}, wire_bytes(f"query.result.{code}.json")), ASKED)
    assert said(outcome) == documented
    if isinstance(outcome, Declined | Expired):
        assert outcome.code == code


@pytest.mark.parametrize("code", [code for code, outcome in RESULT_ROWS if outcome != "Pending"])
def test_each_result_code_of_a_callback_claims_success_only_when_it_is_nought(code: str) -> None:
    seen = read_callback(wire_bytes(f"callback.{code}.json"))
    assert not isinstance(seen, CallbackRejected)
    assert seen.theirs == ASKED
    assert seen.claims_success is (code == "0")


def test_the_mapping_and_the_table_have_the_same_result_codes() -> None:
    assert [code for code, _ in RESULT_ROWS] == list(RESULTS)


def test_every_fixture_is_used() -> None:
    used = {line.fixture for line in LINES} | {"token.200.json", "push.200.json"}
    used |= {f"query.result.{code}.json" for code in RESULTS}
    used |= {f"callback.{code}.json" for code in RESULTS if code != "4999"}
    assert used == {path.name for path in WIRE.iterdir()}


def test_the_accepted_answers_read_as_documented() -> None:
    assert push_answer(Response(200, {}, wire_bytes("push.200.json"))) == Prompted(ASKED)
    token = token_answer(Response(200, {}, wire_bytes("token.200.json")))
    assert isinstance(token, Token)
    assert token.lifetime_seconds == 3599


def test_F009_one_code_means_four_things_and_a_fifth_text_is_unknown() -> None:
    def push(text: str) -> object:
        body = json.dumps({"requestId": "1-2-3", "errorCode": "500.001.1001", "errorMessage": text}).encode()
        return push_answer(Response(500, {}, body))

    assert push("Wrong credentials") == Refused(Reason.OUR_FAULT, "500.001.1001", "Wrong credentials")
    assert said(push("Unable to lock subscriber, a transaction is already in process")) == "Refused busy"
    assert said(push("The transaction is being processed")) == "Unknown"
    assert said(push("Something new")) == "Unknown"


def test_F010_a_wrong_pin_is_the_payers_and_no_fault_of_our_credentials() -> None:
    outcome = query_answer(config(), Response(200, {}, wire_bytes("query.result.2001.json")), ASKED)
    assert outcome == Declined(Reason.WRONG_PIN, "2001")


def test_retired_soap_codes_are_nowhere_in_the_table() -> None:
    assert not RESULTS.keys() & {"03", "05", "06", "09", "10", "12", "35", "43", "99"}


def test_no_row_is_hidden_behind_a_wider_one_before_it() -> None:
    def hidden(rows: tuple[Row, ...]) -> list[Row]:
        return [
            later
            for place, later in enumerate(rows)
            if any(row.code == later.code and row.text in later.text for row in rows[:place])
        ]

    assert [hidden(rows) for rows in TABLES.values()] == [[], [], []]


def test_texts_to_look_for_are_lower_case() -> None:
    assert all(row.text == row.text.lower() for rows in TABLES.values() for row in rows)


def test_collected_by_query_states_neither_receipt_nor_amount() -> None:
    outcome = query_answer(config(), Response(200, {}, wire_bytes("query.result.0.json")), ASKED)
    assert outcome == Collected(None, None)


def test_a_code_can_be_declared_doubtful_by_setting() -> None:
    response = Response(200, {}, wire_bytes("query.result.17.json"))
    assert query_answer(config(), response, ASKED) == Declined(Reason.BUSY, "17")
    doubting = query_answer(config(doubtful_codes=frozenset({"17"})), response, ASKED)
    assert doubting == Unknown("query: 17")


def test_the_mapping_names_every_setting_it_settles_by() -> None:
    named = set(re.findall(r"`([a-z_]+)`", MAPPING.split("## What we settle by setting")[1].split("\n##")[0]))
    assert named == {
        "transaction_type",
        "party_b",
        "maximum",
        "doubtful_codes",
        "banned_words",
        "settle_seconds",
    }
    assert all(hasattr(config(), name) for name in named)


def test_pending_in_both_styles() -> None:
    older = Response(500, {}, wire_bytes("query.500.001.1001.pending.json"))
    newer = Response(200, {}, wire_bytes("query.result.4999.json"))
    assert query_answer(config(), older, ASKED) == query_answer(config(), newer, ASKED) == Pending()
