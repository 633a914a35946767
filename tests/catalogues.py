"""The catalogues of `locales/`: `check` says what is missing or broken in them, `update` brings them up to the source.

Messages are taken from the source anew each time, so a catalogue can't be whole for yesterday's program. A message
names the files it is used in without line numbers: moving code is no change for a translator.
"""

from __future__ import annotations

import ast
import copy
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.plurals import get_plural
from babel.messages.pofile import PoFileError, read_po, write_po

from bot.i18n import ENGLISH, template_parts

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS = {"T": None, "TN": (1, 2)}
HEADER = "# Messages of Bili. Written by `make messages`; see locales/glossary.md for the words of payments."
#: Header lines that say nothing or change with each run; git knows better.
NOISE = tuple(
    f'"{name}'.encode() for name in ("POT-", "PO-Rev", "Last-T", "Language-T", "Generated-", "Report-", "Project-")
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found at `where` ("locales/sw/LC_MESSAGES/messages.po:12"); only a `grave` one fails the check."""

    where: str
    what: str
    grave: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.grave else f"{self.where}: (only a note) {self.what}"


def extract(root: Path, visited: list[Path] | None = None) -> Catalog:
    """Every message of the source, as Babel finds it; the files looked at are added to `visited`."""
    with (root / "locales" / "babel.cfg").open(encoding="utf-8") as mapping:
        method_map, options_map = parse_mapping_cfg(mapping)  # type: ignore[no-untyped-call]  # Babel leaves it untyped

    def visit(file: str, _method: str, _options: object) -> None:
        if visited is not None:
            visited.append(root / file)

    template = Catalog(header_comment=HEADER, fuzzy=False)
    found = extract_from_dir(root, method_map, options_map, KEYWORDS, ("Translators:",), callback=visit)
    for file, line, msgid, comments, _ in found:
        template.add(msgid, locations=[(Path(file).as_posix(), line)], auto_comments=comments)
    return template


def check(root: Path) -> list[Finding]:
    """All that is wrong with the source's messages, the template and each language."""
    visited: list[Path] = []
    template = extract(root, visited)
    findings = [finding for path in visited for finding in _check_source(root, path)]
    findings += _check_template(root, template)
    for code in languages(root):
        findings += _check_language(root, code, template)
    return findings


def update(root: Path) -> None:
    """Write the template anew and bring each language up to it; English is filled in from the message ids."""
    template = extract(root)
    _write(root / "locales" / "messages.pot", template)
    for code in languages(root) or [ENGLISH]:
        path = _catalogue_path(root, code)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        catalogue = _read(path, code)
        catalogue.header_comment, catalogue.fuzzy = HEADER, False
        # A copy, because Babel puts the template's own messages into the catalogue, where English fills them in.
        catalogue.update(copy.deepcopy(template), no_fuzzy_matching=code == ENGLISH)
        if code == ENGLISH:
            _say_the_ids(catalogue)
        _write(path, catalogue)


def languages(root: Path) -> list[str]:
    """The codes of the languages that have a catalogue, in order."""
    return sorted(path.parent.parent.name for path in root.glob("locales/*/LC_MESSAGES/messages.po"))


# --- the source


def _check_source(root: Path, path: Path) -> Iterator[Finding]:
    """A message that is not a literal is never extracted; a value under another name is never shown."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for what in _check_call(node.func.id, node):
                yield Finding(f"{path.relative_to(root).as_posix()}:{node.lineno}", what)


def _check_call(name: str, call: ast.Call) -> Iterator[str]:
    literals = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    match name, literals:
        case "T", [msgid]:
            yield from _check_values(call, msgid)
        case "TN", [msgid, plural]:
            yield from _check_values(call, msgid, plural)
        case "T" | "TN", _:
            yield f"{name}(…) needs its words as a literal: what is computed is never translated"
        case "Text", [msgid, *_] if any(part.words for part in template_parts(msgid)):
            yield "Text(…) with words in it is never translated: write T(…)"
        case _:
            pass


def _check_values(call: ast.Call, *forms: str) -> Iterator[str]:
    """The values a sentence names are those it is given; a plural is given its count by itself."""
    for form in forms:
        yield from _check_marks(form)
    given = {keyword.arg for keyword in call.keywords if keyword.arg}
    by_mapping = len(given) < len(call.keywords)
    spare = {"count"} if len(forms) > 1 else set()
    wanted = set().union(*map(_names, forms))
    if not by_mapping and given | spare != wanted | spare:
        yield f"{_quoted(forms[0])} names {_listed(wanted)} but is given {_listed(given | spare)}"


# --- the template and the languages


def _check_template(root: Path, template: Catalog) -> Iterator[Finding]:
    path = root / "locales" / "messages.pot"
    written = _read(path, None) if path.exists() else Catalog()
    lacking = [message.id for message in _messages(template) if not _same(written.get(message.id), message)]
    spare = [message.id for message in _messages(written) if template.get(message.id) is None]
    for what, ids in (("lacks", lacking), ("still has", spare)):
        if ids:
            more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
            yield Finding("locales/messages.pot", f"stale, {what} {_quoted(ids[0])}{more}; run make messages")


def _check_language(root: Path, code: str, template: Catalog) -> Iterator[Finding]:
    path = _catalogue_path(root, code)
    file = path.relative_to(root).as_posix()
    try:
        catalogue = _read(path, code)
    except PoFileError as error:
        yield Finding(f"{file}:{error.lineno + 1}", str(error))
        return
    plurals = get_plural(code).num_plurals
    if catalogue.num_plurals != plurals:
        yield Finding(file, f"the header says nplurals={catalogue.num_plurals}; {code} has {plurals} plural forms")
    for message in _messages(template):
        entry = catalogue.get(message.id)
        if entry is None:
            yield Finding(file, f"missing {_quoted(message.id)} of {_used_at(message)}")
        else:
            for what in _check_entry(message, entry, plurals):
                yield Finding(f"{file}:{entry.lineno}", what)
    for message in [*_messages(catalogue), *catalogue.obsolete.values()]:
        if template.get(message.id) is None:
            yield Finding(file, f"no longer used: {_quoted(message.id)}", grave=False)


def _check_entry(message: Message, entry: Message, plurals: int) -> Iterator[str]:
    if entry.fuzzy:
        yield f"fuzzy, so not used: {_quoted(message.id)}; check it and take the mark away"
    if entry.pluralizable != message.pluralizable:
        yield f"{_quoted(message.id)} has {'a' if message.pluralizable else 'no'} plural in the source"
        return
    forms = _forms(entry.string)
    if not any(forms):
        yield f"not translated: {_quoted(message.id)}"
        return
    if message.pluralizable and (len(forms) != plurals or not all(forms)):
        yield f"{_quoted(message.id)} needs {plurals} plural forms and has {sum(map(bool, forms))}"
    for form in forms:
        yield from _check_form(message, form)


def _check_form(message: Message, form: str) -> Iterator[str]:
    """The same values as in English. A plural form may leave out the count ("one minute")."""
    if not form:
        return
    yield from _check_marks(form)
    spare = {"count"} if message.pluralizable else set()
    wanted = set().union(*map(_names, _forms(message.id)))
    if _names(form) | spare != wanted | spare:
        yield f"{_quoted(form)} names {_listed(_names(form))}; {_quoted(message.id)} names {_listed(wanted)}"


def _check_marks(template: str) -> Iterator[str]:
    if template.count("*") % 2:
        yield f"{_quoted(template)} has a * without its partner"
    if any(brace in part.words for part in template_parts(template) for brace in "{}"):
        yield f"{_quoted(template)} has a brace that names no value"


# --- small things


def _messages(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def _same(one: Message | None, other: Message) -> bool:
    return one is not None and one.id == other.id


def _forms(string: object) -> tuple[str, ...]:
    match string:
        case str():
            return (string,)
        case list() | tuple():
            return tuple(map(str, string))
        case _:
            return ()


def _names(template: str) -> set[str]:
    return {part.name for part in template_parts(template) if part.name}


def _used_at(message: Message) -> str:
    file, line = message.locations[0]
    return f"{file}:{line}"


def _quoted(msgid: object) -> str:
    words = _forms(msgid)[0]
    return f'"{words}"' if len(words) <= 60 else f'"{words[:59]}…"'


def _listed(names: set[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names)) or "nothing"


def _catalogue_path(root: Path, code: str) -> Path:
    return root / "locales" / code / "LC_MESSAGES" / "messages.po"


def _read(path: Path, code: str | None) -> Catalog:
    with path.open("rb") as source:
        return read_po(source, locale=code, abort_invalid=True)


def _write(path: Path, catalogue: Catalog) -> None:
    written = io.BytesIO()
    write_po(written, catalogue, sort_by_file=True, include_lineno=False)
    kept = [line for line in written.getvalue().splitlines(keepends=True) if not line.startswith(NOISE)]
    path.write_bytes(b"".join(kept).rstrip() + b"\n")


def _say_the_ids(catalogue: Catalog) -> None:
    catalogue.obsolete.clear()
    for message in _messages(catalogue):
        if not any(_forms(message.string)):
            message.string = message.id


def main(arguments: list[str], root: Path = ROOT, say: Callable[[str], object] = print) -> int:
    """`check`, or `update` and say what is left for translators; the exit code."""
    if arguments == ["update"]:
        update(root)
    findings = check(root)
    for finding in findings:
        say(str(finding))
    grave = sum(finding.grave for finding in findings)
    say(f"{len(_messages(extract(root)))} messages, languages {', '.join(languages(root))}; {grave} findings")
    return 1 if grave and arguments == ["check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
