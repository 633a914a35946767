"""Each way a catalogue can be wrong is caught, and named by its file and line."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.catalogues import check, languages, main, update

MAPPING = "[python: flows/**.py]\n"
FLOW = """
    from flows.text import T, TN

    GREETING = T("Good morning, *{name}*", name="Jane")
    COUNT = TN("{count} meter", "{count} meters", 2)
    LATER = T("Not yet")
"""

PLURAL = """
    msgid "{count} meter"
    msgid_plural "{count} meters"
    msgstr[0] "mita {count}"
    msgstr[1] "mita {count}"
"""
WHOLE = f"""
    msgid ""
    msgstr ""
    "Language: sw\\n"
    "Plural-Forms: nplurals=2; plural=(n != 1);\\n"
    "Content-Type: text/plain; charset=utf-8\\n"

    msgid "Good morning, *{{name}}*"
    msgstr "Habari *{{name}}*"
    {PLURAL}
    msgid "Not yet"
    msgstr "Bado"
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small repository whose template and English are up to date, and whose Swahili is whole."""
    (tmp_path / "locales").mkdir()
    (tmp_path / "locales" / "babel.cfg").write_text(MAPPING)
    write_flow(tmp_path, FLOW)
    update(tmp_path)
    write_swahili(tmp_path, WHOLE)
    return tmp_path


def write_flow(root: Path, source: str) -> None:
    (root / "flows").mkdir(exist_ok=True)
    (root / "flows" / "greet.py").write_text(textwrap.dedent(source))


def write_swahili(root: Path, words: str) -> None:
    path = root / "locales" / "sw" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(words))


def grave(root: Path) -> list[str]:
    return [str(finding) for finding in check(root) if finding.grave]


def swahili_with(root: Path, right: str, wrong: str) -> list[str]:
    assert textwrap.dedent(right) in textwrap.dedent(WHOLE), "the sample has moved on"
    write_swahili(root, textwrap.dedent(WHOLE).replace(textwrap.dedent(right), textwrap.dedent(wrong)))
    return grave(root)


def test_a_whole_repository_has_no_findings(repository: Path) -> None:
    assert check(repository) == []
    assert languages(repository) == ["en", "sw"]


def test_english_is_filled_in_from_the_source(repository: Path) -> None:
    english = (repository / "locales" / "en" / "LC_MESSAGES" / "messages.po").read_text()
    assert 'msgid "Not yet"\nmsgstr "Not yet"' in english
    assert 'msgstr[1] "{count} meters"' in english
    assert "flows/greet.py" in english


def test_a_second_update_changes_nothing(repository: Path) -> None:
    files = sorted(repository.glob("locales/**/*.po*"))
    update(repository)
    first = [path.read_bytes() for path in files]
    update(repository)
    assert [path.read_bytes() for path in files] == first


def test_moving_code_changes_no_catalogue(repository: Path) -> None:
    template = (repository / "locales" / "messages.pot").read_bytes()
    write_flow(repository, "\n\n" + textwrap.dedent(FLOW))
    update(repository)
    assert (repository / "locales" / "messages.pot").read_bytes() == template
    assert grave(repository) == []


def test_a_new_sentence_is_missed_in_template_and_languages(repository: Path) -> None:
    write_flow(repository, textwrap.dedent(FLOW) + 'BYE = T("Good night")\n')
    findings = grave(repository)
    assert 'locales/messages.pot: stale, lacks "Good night"; run make messages' in findings
    assert 'locales/sw/LC_MESSAGES/messages.po: missing "Good night" of flows/greet.py:7' in findings
    assert 'locales/en/LC_MESSAGES/messages.po: missing "Good night" of flows/greet.py:7' in findings


def test_update_brings_a_new_sentence_everywhere_and_leaves_it_to_the_translator(repository: Path) -> None:
    write_flow(repository, textwrap.dedent(FLOW) + 'BYE = T("Zebra")\n')
    update(repository)
    assert [finding.partition(": ")[2] for finding in grave(repository)] == ['not translated: "Zebra"']


def test_a_reworded_sentence_stays_fuzzy_until_somebody_looks(repository: Path) -> None:
    write_flow(repository, FLOW.replace("Good morning, *{name}*", "Good morning *{name}*!"))
    update(repository)
    [finding] = grave(repository)
    assert "fuzzy, so not used" in finding
    assert finding.startswith("locales/sw/LC_MESSAGES/messages.po:")


def test_a_sentence_gone_from_the_source_makes_the_template_stale_and_is_noted(repository: Path) -> None:
    write_flow(repository, FLOW.replace('LATER = T("Not yet")', ""))
    assert grave(repository) == ['locales/messages.pot: stale, still has "Not yet"; run make messages']
    notes = [str(finding) for finding in check(repository) if not finding.grave]
    assert 'locales/sw/LC_MESSAGES/messages.po: (only a note) no longer used: "Not yet"' in notes
    update(repository)
    assert grave(repository) == []


@pytest.mark.parametrize(
    ("right", "wrong", "finding"),
    [
        ('msgstr "Bado"', 'msgstr ""', 'not translated: "Not yet"'),
        ('msgid "Not yet"', '#, fuzzy\nmsgid "Not yet"', 'fuzzy, so not used: "Not yet"'),
        ('"Habari *{name}*"', '"Habari *{jina}*"', 'names {jina}; "Good morning, *{name}*" names {name}'),
        ('"Habari *{name}*"', '"Habari *Jane*"', '"Habari *Jane*" names nothing'),
        ('"Habari *{name}*"', '"Habari {name}*"', "has a * without its partner"),
        ('"Habari *{name}*"', '"Habari *{name}* { name}"', "has a brace that names no value"),
        ('msgstr[1] "mita {count}"', 'msgstr[1] "mita {idadi}"', "names {idadi}"),
        ('msgstr[1] "mita {count}"', 'msgstr[1] ""', "needs 2 plural forms and has 1"),
        ("nplurals=2; plural=(n != 1)", "nplurals=1; plural=0", "more translations than num_plurals"),
        ("nplurals=2; plural=(n != 1)", "nplurals=3; plural=(n != 1)", "sw has 2 plural forms"),
        (PLURAL, '\nmsgid "{count} meter"\nmsgstr "mita {count}"\n', "has a plural in the source"),
        (PLURAL, "", 'missing "{count} meter" of flows/greet.py:5'),
        ('msgid "Not yet"', '>>>>>>> theirs\nmsgid "Not yet"', "Unknown or misformatted keyword"),
    ],
)  # fmt: skip
def test_a_broken_entry_is_found(repository: Path, right: str, wrong: str, finding: str) -> None:
    findings = swahili_with(repository, right, wrong)
    assert any(finding in found for found in findings), findings
    assert all(found.startswith("locales/sw/LC_MESSAGES/messages.po") for found in findings)


def test_a_finding_names_the_line_of_the_entry(repository: Path) -> None:
    [finding] = swahili_with(repository, 'msgstr "Bado"', 'msgstr ""')
    path, line, _ = finding.split(":", 2)
    assert (repository / path).read_text().splitlines()[int(line) - 1] == 'msgid "Not yet"'


def test_the_singular_may_leave_the_count_out(repository: Path) -> None:
    assert swahili_with(repository, 'msgstr[0] "mita {count}"', 'msgstr[0] "mita moja"') == []


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("word = 'x'\nT(word)", "T(…) needs its words as a literal"),
        ("T(f'Pay {1}')", "T(…) needs its words as a literal"),
        ("TN('{count} meter', str(2), 2)", "TN(…) needs its words as a literal"),
        ("T('Pay {amount}')", '"Pay {amount}" names {amount} but is given nothing'),
        ("T('Pay', amount=1)", '"Pay" names nothing but is given {amount}'),
        ("T('Pay {sum}', amount=1)", "names {sum} but is given {amount}"),
        ("TN('{count} of {all}', '{count} of {all}', 2)", "but is given {count}"),
        ("T('*Pay')", "has a * without its partner"),
        ("T('Pay {}')", "has a brace that names no value"),
        ("Text('Pay now')", "Text(…) with words in it is never translated"),
    ],
)
def test_a_message_that_cannot_be_translated_is_found_in_the_source(
    repository: Path, source: str, finding: str
) -> None:
    write_flow(repository, textwrap.dedent(FLOW) + f"\n{source}\n")
    found = [found for found in grave(repository) if found.startswith("flows/greet.py:")]
    assert len(found) == 1
    assert finding in found[0]


def test_words_of_others_and_values_by_mapping_are_left_alone(repository: Path) -> None:
    update_with = "\nText('{words}', {})\nText('')\nT('Pay {amount}', **values)\n"
    write_flow(repository, textwrap.dedent(FLOW) + update_with)
    assert [found for found in grave(repository) if found.startswith("flows/")] == []


def test_a_new_language_begins_with_an_empty_file(repository: Path) -> None:
    path = repository / "locales" / "fr" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.touch()
    update(repository)
    assert "nplurals=2; plural=(n > 1);" in path.read_text()
    assert len(grave(repository)) == 3


def test_the_command_fails_when_something_is_grave(repository: Path) -> None:
    said: list[str] = []
    assert main(["check"], repository, said.append) == 0
    assert said == ["3 messages, languages en, sw; 0 findings"]
    swahili_with(repository, 'msgstr "Bado"', 'msgstr ""')
    assert main(["check"], repository, said.append) == 1
    assert said[-1] == "3 messages, languages en, sw; 1 findings"
    assert main(["update"], repository, said.append) == 0
    assert said[-2].endswith('not translated: "Not yet"')
