"""The house rules hold in this repository, and each catches a planted sample."""

from __future__ import annotations

import socket
import textwrap
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import PurePosixPath

import pytest
from babel.messages.pofile import read_po

from tests import tidy
from tests.catalogues import extract, languages
from tests.no_network import NetworkRefused, refuse_outside, stays_here

Rule = Callable[[PurePosixPath, str], Iterator[str]]

EVERY_MODULE: tuple[Rule, ...] = (tidy.long_file, tidy.long_functions, tidy.name_says_nothing)
EVERY_PRODUCT_MODULE: tuple[Rule, ...] = (tidy.float_money, tidy.own_clock)

FILES = tidy.files()
MODULES = [path for path in FILES if path.suffix == ".py"]
FLOW = PurePosixPath("flows/planted.py")


def source(path: PurePosixPath) -> str:
    return (tidy.ROOT / path).read_text(encoding="utf-8")


def caught(rule: Rule, words: str, path: PurePosixPath = FLOW) -> list[str]:
    return list(rule(path, textwrap.dedent(words)))


def test_the_repository_is_found() -> None:
    assert PurePosixPath("flows/text.py") in MODULES
    assert PurePosixPath("Makefile") in FILES
    assert not any(path.parts[0] in {".venv", ".git", "var"} for path in FILES)


@pytest.mark.parametrize("rule", EVERY_MODULE)
def test_every_module_keeps_the_rule(rule: Rule) -> None:
    assert [found for path in MODULES for found in rule(path, source(path))] == []


@pytest.mark.parametrize("rule", EVERY_PRODUCT_MODULE)
def test_every_module_of_the_product_keeps_the_rule(rule: Rule) -> None:
    product = [path for path in MODULES if tidy.is_product(path)]
    assert [found for path in product for found in rule(path, source(path))] == []


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found: list[str] = []
    for path in FILES:
        content = (tidy.ROOT / path).read_bytes()
        if b"\0" not in content:
            found += tidy.only_here(path, content.decode("utf-8"))
    assert found == []


def test_every_outside_party_has_its_four_files() -> None:
    assert list(tidy.missing_adapter_files(FILES)) == []


def test_S45_no_message_asks_for_a_pin() -> None:
    sentences = [words for message in extract(tidy.ROOT) for words in ids(message.id)]
    assert [found for words in sentences for found in tidy.asks_for_secret(words)] == []


@pytest.mark.parametrize("code", languages(tidy.ROOT))
def test_S45_no_translation_mentions_a_pin_that_the_source_does_not(code: str) -> None:
    with (tidy.ROOT / "locales" / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    for message in catalogue:
        if not any(map(tidy.SECRET_WORDS.search, ids(message.id))):
            assert not any(map(tidy.SECRET_WORDS.search, ids(message.string))), message.id


def ids(words: object) -> list[str]:
    return [words] if isinstance(words, str) else [str(form) for form in words] if isinstance(words, tuple) else []


# --- each rule on samples


def test_a_long_file_is_caught_and_a_migration_is_not() -> None:
    long = "x = 1\n" * (tidy.FILE_LINES_MAX + 1)
    assert caught(tidy.long_file, long) == ["flows/planted.py: 401 lines, more than 400"]
    assert caught(tidy.long_file, long, PurePosixPath("bot/store/migrations/v1.py")) == []
    assert caught(tidy.long_file, "x = 1\n" * tidy.FILE_LINES_MAX) == []


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_a_long_function_is_caught_and_its_docstring_does_not_count(keyword: str) -> None:
    body = "    x = 1\n" * tidy.FUNCTION_LINES_MAX
    assert caught(tidy.long_functions, f"{keyword} f():\n{body}") == [
        "flows/planted.py:1: f has 71 lines, more than 70"
    ]
    documented = f'{keyword} f():\n    """One.\n\n    Two.\n    """\n' + body.removesuffix("    x = 1\n")
    assert caught(tidy.long_functions, documented) == []


@pytest.mark.parametrize("name", ["bot/utils.py", "bot/helpers/money.py", "flows/manager.py", "tests/common.py"])
def test_a_name_that_says_nothing_is_caught(name: str) -> None:
    assert len(list(tidy.name_says_nothing(PurePosixPath(name)))) == 1


@pytest.mark.parametrize(
    "sample",
    [
        "amount = float(text)",
        "x = float(row.minor)",
        "def pay(amount: float) -> None: ...",
        "def pay(fee: int | float) -> None: ...",
        "class Row:\n    amount_minor: float",
        "self.total: float = 0",
        "def total() -> float: ...",
        "def pay(*, balance: list[float]) -> None: ...",
    ],
)
def test_money_as_a_float_is_caught(sample: str) -> None:
    assert caught(tidy.float_money, sample)


@pytest.mark.parametrize(
    "sample",
    ["timeout: float = 5.0", "def restore_float(amount: Money) -> None: ...", "wait = float(header)", "feeling: float"],
)
def test_what_is_not_money_may_be_a_float(sample: str) -> None:
    assert caught(tidy.float_money, sample) == []


@pytest.mark.parametrize(
    "sample",
    [
        "import time",
        "import random",
        "from secrets import token_hex",
        "from uuid import uuid4",
        "datetime.now(UTC)",
        "dt.datetime.now()",
        "datetime.utcnow()",
        "date.today()",
        "uuid.uuid4()",
        "asyncio.create_task(work())",
        "group.create_task(work())",
        "asyncio.ensure_future(work())",
        "await asyncio.sleep(1)",
    ],
)
def test_time_and_chance_from_elsewhere_are_caught(sample: str) -> None:
    assert len(caught(tidy.own_clock, sample)) == 1
    assert caught(tidy.own_clock, sample, PurePosixPath("bot/clock.py")) == []


@pytest.mark.parametrize(
    "sample", ["clock.now()", "self._clock.now()", "await world.clock.sleep(1)", "sql.now()", "row.now", "uuid.UUID(x)"]
)
def test_time_from_the_clock_is_fine(sample: str) -> None:
    assert caught(tidy.own_clock, sample) == []


@pytest.mark.parametrize(
    "sample",
    [
        "--index-url https://" + "pypi" + ".org/simple",
        "files.python" + "hosted.org",
        "resolved https://registry.npm" + "js.org/x",
        "deb http://deb." + "debian.org/debian",
        "cd /ro" + "ot/project",
        'PATH="/home' + '/jane/bin"',
        "open('/wo" + "rk/main')",
    ],
)
def test_what_belongs_to_one_machine_is_caught(sample: str) -> None:
    assert len(caught(tidy.only_here, f"fine\n{sample}\n")) == 1


@pytest.mark.parametrize("sample", ["/var/lib/bili", "https://example.org/home/", "network/"])
def test_other_paths_are_fine(sample: str) -> None:
    assert caught(tidy.only_here, sample) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Enter your PIN:",
        "Please send your PIN here.",
        "Look at your phone and send us the PIN.",
        "Thanks! What is your M-Pesa PIN?",
        "We never share it. Type the OTP you got.",
        "Andika namba ya siri.",
        "Entrez votre code secret ici.",
        "Type your PIN in this chat, not on your phone.",
    ],
)
def test_S45_a_sentence_that_asks_for_a_pin_is_caught(sentence: str) -> None:
    assert len(list(tidy.asks_for_secret(sentence))) == 1


@pytest.mark.parametrize(
    "sentence",
    [
        "Enter your PIN on your phone. We never ask for your PIN here.",
        "The PIN was wrong.",
        "The phone is asking for the PIN.",
        "No PIN was typed in time.",
        "That looks like a PIN. Please delete your message.",
        "Opinions and shopping are spinning.",
        "How much electricity?",
    ],
)
def test_S45_a_warning_about_the_pin_is_fine(sentence: str) -> None:
    assert list(tidy.asks_for_secret(sentence)) == []


def test_an_adapter_without_its_mapping_is_caught() -> None:
    names = ["adapter.py", "config.py", "wire/sending.py", "wire/__init__.py"]
    paths = [PurePosixPath("integrations/channels/pigeon", name) for name in names]
    assert list(tidy.missing_adapter_files(paths)) == ["integrations/channels/pigeon lacks MAPPING.md"]
    assert list(tidy.missing_adapter_files([PurePosixPath("integrations/money/__init__.py")])) == []


# --- the network


def test_a_connection_to_the_outside_is_refused() -> None:
    with socket.socket() as outside, pytest.raises(NetworkRefused):
        outside.connect(("192.0.2.1", 80))


def test_a_datagram_to_the_outside_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as outside, pytest.raises(NetworkRefused):
        outside.sendto(b"?", ("192.0.2.1", 53))


def test_a_name_is_not_looked_up() -> None:
    with pytest.raises(NetworkRefused):
        socket.getaddrinfo("example.org", 443)


def test_the_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 1) as here:
        assert here.getpeername() == server.getsockname()
    assert socket.getaddrinfo("localhost", 80)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", b"localhost", "", None, str(IPv4Address(0)), "::1%lo"]
)
def test_this_machine_is_known_by_its_names(host: object) -> None:
    assert stays_here(host)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "169.254.169.254", "localhost.example.org", "127.0.0.1.example.org", "::2"]
)
def test_others_are_not_taken_for_this_machine(host: object) -> None:
    assert not stays_here(host)


def test_sockets_in_the_file_system_are_open() -> None:
    refuse_outside("socket.connect", (None, "/run/postgresql"))
    refuse_outside("open", ("192.0.2.1",))
