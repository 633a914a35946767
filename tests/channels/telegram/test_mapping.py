"""MAPPING.md and the wire files tell the same, row by row."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

import integrations.channels.telegram
from integrations.channels.telegram.wire.answers import Conflict, NotEditable, edit_outcome, outcome, polled
from integrations.channels.telegram.wire.updates import read_update
from integrations.contract.message import Received
from integrations.sandbox.telegram import FAULTS
from tests.channels.telegram.stage import START, WIRE, Stage, answer, wire

MAPPING = (Path(integrations.channels.telegram.__file__).parent / "MAPPING.md").read_text()
ROW = re.compile(r"^\| ((?:update|answer)_\w+) \| (.*?) ?\| (.*) \|$", re.MULTILINE)
ROWS = {name: (about, becomes) for name, about, becomes in ROW.findall(MAPPING)}
UPDATES = sorted(name for name in ROWS if name.startswith("update_"))
ANSWERS = sorted(name for name in ROWS if name.startswith("answer_"))


def first_word(cell: str) -> str:
    return re.split(r"[^A-Za-z]", cell)[0]


def test_each_wire_file_has_its_row_and_each_row_its_file() -> None:
    assert {path.stem for path in WIRE.iterdir()} == set(ROWS)


@pytest.mark.parametrize("name", UPDATES)
def test_each_update_becomes_what_its_row_says(name: str) -> None:
    read = read_update(orjson.loads(wire(f"{name}.json")), START)
    assert read is not None
    one = read[1]
    became = type(one.content if isinstance(one, Received) else one).__name__
    assert first_word(ROWS[name][1]) == became


@pytest.mark.parametrize("name", ANSWERS)
def test_each_answer_is_the_outcome_its_row_says(name: str) -> None:
    to, says = ROWS[name]
    sent = answer(name.removeprefix("answer_") + (".html" if name == "answer_502" else ""))
    match to:
        case "getUpdates":
            seen = polled(sent, START)
            assert isinstance(seen, Conflict if says == "Conflict" else list)
        case "editMessageText":
            edited = edit_outcome(sent, "40")
            anew = says == "a new message is sent"
            assert isinstance(edited, NotEditable) is anew
            assert anew or type(edited).__name__ == first_word(says)
        case "answerCallbackQuery":
            assert says.startswith("nothing")
        case _:
            assert type(outcome(sent)).__name__ == first_word(says)


DOCS = (Path(integrations.channels.telegram.__file__).parents[3] / "docs" / "sandbox-telegram.md").read_text()


def test_the_page_about_the_sandbox_lists_its_faults_word_for_word() -> None:
    assert dict(re.findall(r"^\| (telegram_\w+) \| (.*) \|$", DOCS, re.MULTILINE)) == dict(FAULTS)


def test_the_page_about_the_sandbox_lists_its_methods() -> None:
    listed = DOCS.partition("## Methods")[2].partition(";")[0]
    stage = Stage()
    assert {name.lower() for name in re.findall(r"\w+", listed)} == set(stage.side._api._methods)
