"""MAPPING.md, the wire files and the code tell the same, row by row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import integrations.channels.twilio
from integrations.channels.twilio.adapter import WhatsApp
from integrations.channels.twilio.mail import CLOCK_SKEW_SECONDS, LOOK_NEWEST_MAX, SETTLE_MARGIN_SECONDS
from integrations.channels.twilio.wire.codes import CODES, No, Refused, is_about_form, sending_of
from integrations.channels.twilio.wire.text import LOOK_ALIKES, LOOK_ALIKES_AT_START
from integrations.contract.message import BAD_TOKEN, Malformed, Received
from tests.channels.twilio.stage import (
    CONFIG,
    FIXTURES,
    PHONE,
    REPORTS,
    SOON,
    FakeClock,
    Script,
    answer,
    fixture,
    hello,
    signed,
)

MAPPING = (Path(integrations.channels.twilio.__file__).parent / "MAPPING.md").read_text()
_ROW = re.compile(r"^\| ((?:inbound|created|error|report)_\w+) \|.*?([^|]+) \|$", re.MULTILINE)
ROWS = dict(_ROW.findall(MAPPING))
CODE_ROWS = {
    int(code): rest for code, *rest in re.findall(r"^\| (\d{5}) \| (.*?) \| (.*?) \| (\w+) \|$", MAPPING, re.MULTILINE)
}


def names(kind: str) -> list[str]:
    return sorted(name for name in ROWS if name.startswith(kind))


def first_word(cell: str) -> str:
    return re.split(r"[^A-Za-z]", cell.strip())[0]


def test_each_wire_file_has_its_row_and_each_row_its_file() -> None:
    coded = {f"{kind}_{code}" for kind in ("error", "report") for code in CODES}
    assert {path.stem for path in FIXTURES.iterdir()} == set(ROWS) | coded


@pytest.mark.parametrize("name", names("inbound"))
def test_each_message_becomes_what_its_row_says(name: str) -> None:
    read = WhatsApp(CONFIG, Script(), FakeClock()).receive(signed(fixture(f"{name}.form")))
    assert isinstance(read, list)
    became = type(read[0].content if isinstance(read[0], Received) else read[0]).__name__
    assert first_word(ROWS[name]) == became


@pytest.mark.parametrize("name", names("report"))
def test_each_report_becomes_what_its_row_says(name: str) -> None:
    read = WhatsApp(CONFIG, Script(), FakeClock()).report(signed(fixture(f"{name}.form"), f"{REPORTS}?m=o1"))
    assert first_word(ROWS[name]) == type(read).__name__
    assert getattr(read, "unlisted", False) is ("unlisted" in ROWS[name])


@pytest.mark.parametrize("name", [*names("created"), *names("error")])
async def test_each_answer_is_the_outcome_its_row_says(name: str) -> None:
    (file,) = FIXTURES.glob(f"{name}.*")
    sent = await WhatsApp(CONFIG, Script(answer(file.name)), FakeClock()).send(PHONE, hello(), SOON)
    assert first_word(ROWS[name]) == type(sent).__name__


@pytest.mark.parametrize("code", sorted(CODES | CODE_ROWS))
def test_each_code_has_its_row(code: int) -> None:
    words, refusal, report = CODE_ROWS[code]
    told, no, obstacle = CODES[code]
    assert (words, report) == (told, obstacle.name)
    outcome = sending_of(Refused(400, code))
    if no is No.FORM:
        assert refusal == "numbered text, else Malformed"
        assert is_about_form(Refused(400, code))
    else:
        assert first_word(refusal) == type(outcome).__name__
        assert ("token" in refusal) is (outcome == Malformed(BAD_TOKEN))


def test_the_figures_in_the_text_are_those_of_the_code() -> None:
    for number, words in (
        (CLOCK_SKEW_SECONDS, "less {:.0f} seconds"),
        (LOOK_NEWEST_MAX, "the newest {:.0f}"),
        (SETTLE_MARGIN_SECONDS, "only {:.0f} seconds"),
    ):
        assert words.format(number) in MAPPING


def test_the_look_alikes_are_named() -> None:
    for alike in (*LOOK_ALIKES.values(), *LOOK_ALIKES_AT_START.values()):
        assert alike in MAPPING
