"""The house rules a machine can check, each a function from a source file to what breaks the rule.

`tests/test_tidy.py` applies them to the repository, and to planted samples that must be caught.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "manager", "managers", "misc", "common"}
ADAPTER_FILES = {"adapter.py", "wire.py", "config.py", "MAPPING.md"}

#: Time, ids, randomness and tasks come from here and nowhere else in the product.
OWNERS_OF_THE_CLOCK = {"bot/clock.py", "integrations/http.py"}
_MODULES_BANNED = {"time", "random", "secrets"}
_NAMES_BANNED = {"uuid1", "uuid4", "create_task", "ensure_future"}
_CALLS_BANNED = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "asyncio.sleep"}

_MONEY_NAME = re.compile(r"amount|minor|money|shilling|balance|(^|_)(fee|price|total|charge)s?($|_)", re.IGNORECASE)
_TO_FLOAT = re.compile(r"(?<![\w.])float\(")

# The brackets keep these rules from finding themselves.
_ONLY_HERE = re.compile(
    r"py[p]i\.org|python[h]osted\.org|registry\.np[m]js|registry\.yarn[p]kg|deb\.[d]ebian\.org|archive\.[u]buntu\.com"
    r"|(?<![\w.])/ro[o]t/|(?<![\w.])/ho[m]e/\w|(?<![\w.])/Use[r]s/\w|(?<![\w.])/wo[r]k/",
    re.IGNORECASE,
)

#: Words for what is typed to approve a payment, in languages people pay in.
SECRET_WORDS = re.compile(
    r"\b(PIN|PINs|OTP|passcode|password|nywila|siri|namba ya siri|mot de passe|code secret)\b", re.IGNORECASE
)
#: A sentence may mention a PIN to warn, to name the phone as the place where it is typed, or to repeat the operator's
#: reason for a no. "Here" is never that place.
_WARNING = re.compile(r"\bnever\b|\bnot here\b|\bnobody\b|\b(do not|don't) (write|send|share)\b", re.IGNORECASE)
_HERE = re.compile(r"\bhere\b|\bin this chat\b|\b(send|tell|give) (me|us)\b", re.IGNORECASE)
_ELSEWHERE_OR_OVER = re.compile(
    r"\b(on|at) (your|the|that) phone\b|\blooks? like a PIN\b|\bwrong PIN\b|\bno PIN was\b|\bwithout a PIN\b"
    r"|\bPIN was (wrong|not)\b|\bphone is asking\b",
    re.IGNORECASE,
)


def files(root: Path = ROOT) -> list[PurePosixPath]:
    """What is in the repository or about to be: tracked files and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
    )
    names = listed.stdout.decode().split("\0")
    return sorted(PurePosixPath(name) for name in names if name and (root / name).is_file())


def is_product(path: PurePosixPath) -> bool:
    """Whether a file is part of the running service."""
    return path.suffix == ".py" and path.parts[0] in {"bot", "flows", "integrations"}


def long_file(path: PurePosixPath, source: str) -> Iterator[str]:
    """A file that wants another door."""
    lines = source.count("\n")
    if lines > FILE_LINES_MAX and "migrations" not in path.parts:
        yield f"{path}: {lines} lines, more than {FILE_LINES_MAX}"


def long_functions(path: PurePosixPath, source: str) -> Iterator[str]:
    """Functions that do not fit on a screen; their docstrings do not count."""
    for node in ast.walk(ast.parse(source, str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            lines = (node.end_lineno or 0) - node.lineno + 1 - docstring
            if lines > FUNCTION_LINES_MAX:
                yield f"{path}:{node.lineno}: {node.name} has {lines} lines, more than {FUNCTION_LINES_MAX}"


def name_says_nothing(path: PurePosixPath, _source: str = "") -> Iterator[str]:
    """A module named after no thing of the field."""
    for part in (*path.parts[:-1], path.stem):
        if part in SAYS_NOTHING:
            yield f"{path}: {part!r} says nothing about what is inside"


def float_money(path: PurePosixPath, source: str) -> Iterator[str]:
    """Money that is, or passes through, a float."""
    for number, line in enumerate(source.splitlines(), 1):
        if _TO_FLOAT.search(line) and _MONEY_NAME.search(line):
            yield f"{path}:{number}: float(…) beside money"
    for node in ast.walk(ast.parse(source, str(path))):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), annotation=annotation):
                pass
            case ast.arg(arg=name, annotation=ast.expr() as annotation):
                pass
            case ast.FunctionDef(name=name, returns=ast.expr() as annotation):
                pass
            case _:
                continue
        if _MONEY_NAME.search(name) and any(isinstance(n, ast.Name) and n.id == "float" for n in ast.walk(annotation)):
            yield f"{path}:{annotation.lineno}: {name} is money and a float"


def own_clock(path: PurePosixPath, source: str) -> Iterator[str]:
    """Time, ids, randomness or tasks that a simulated run could not control."""
    if path.as_posix() in OWNERS_OF_THE_CLOCK:
        return
    for node in ast.walk(ast.parse(source, str(path))):
        match node:
            case ast.Import(names=names):
                found = {alias.name for alias in names} & _MODULES_BANNED
            case ast.ImportFrom(module=str() as module, names=names):
                found = {module} & _MODULES_BANNED | {alias.name for alias in names} & _NAMES_BANNED
            case ast.Call(func=ast.Attribute(value=value, attr=attr)):
                # The last name before the dot says whose it is: `datetime.now` and `dt.datetime.now` are the machine's.
                owner = ast.unparse(value).rpartition(".")[2]
                found = {attr} & _NAMES_BANNED | {f"{owner}.{attr}"} & _CALLS_BANNED
            case _:
                continue
        for name in sorted(found):
            yield f"{path}:{node.lineno}: {name} comes from the Clock, Random or Spawn of the contract"


def only_here(path: PurePosixPath, source: str) -> Iterator[str]:
    """A package registry's address or a path of one machine: both are somebody's configuration."""
    for number, line in enumerate(source.splitlines(), 1):
        if found := _ONLY_HERE.search(line):
            yield f"{path}:{number}: {found[0]!r} belongs to one machine, not to the repository"


def asks_for_secret(words: str) -> Iterator[str]:
    """Sentences that mention a PIN for another purpose than to warn (S-45)."""
    for sentence in re.split(r"(?<=[.!?;])\s+", words):
        fine = _WARNING.search(sentence) or (_ELSEWHERE_OR_OVER.search(sentence) and not _HERE.search(sentence))
        if SECRET_WORDS.search(sentence) and not fine:
            yield f"reads as if a PIN were asked for: {sentence!r}"


def missing_adapter_files(names: list[PurePosixPath]) -> Iterator[str]:
    """Folders of outside parties that lack one of the four files."""
    folders: dict[PurePosixPath, set[str]] = {}
    for name in names:
        match name.parts:
            case ("integrations", "channels" | "money" | "utilities" as kind, party, file, *_):
                # A long wire.py may be a package; the rule is about its purity, not its size.
                plain = "wire.py" if file == "wire" else file
                folders.setdefault(PurePosixPath("integrations", kind, party), set()).add(plain)
            case _:
                pass
    for folder, present in folders.items():
        if lacking := sorted(ADAPTER_FILES - present):
            yield f"{folder} lacks {', '.join(lacking)}"
