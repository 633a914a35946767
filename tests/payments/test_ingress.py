"""What comes in over HTTP: routes, sizes, what is kept of a callback, and a store that is away."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from bot.store.change import Change, CommitUnknown, StoreUnavailable, Written
from integrations.contract.exchange import REQUEST_BYTES_MAX, Request, Response
from integrations.http import HttpServer
from tests.payments.scene import Scene, scene
from tests.payments.test_callbacks import body
from tests.town import SERVICE


async def post(one: Scene, path: str, content: bytes = b"{}", /, method: str = "POST", **headers: str) -> Response:
    return await one.service.serve(Request(method, path, headers, content, "203.0.113.9"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"), ("POST", "/webhooks/unknown"), ("POST", "/webhooks/telegram/more"),
        ("GET", "/webhooks/telegram"), ("POST", "//webhooks//telegram"), ("POST", "/c"), ("POST", "/c/"),
        ("POST", "/c/one/two"), ("GET", "/c/" + "0" * 32), ("DELETE", "/c/" + "0" * 32), ("POST", "/C/" + "0" * 32),
        ("POST", "/../c/x"), ("GET", "/.env"),
    ],
)  # fmt: skip
async def test_an_unknown_path_or_method_is_not_found_and_nothing_is_kept(
    method: str, path: str, sqlite_url: str
) -> None:
    async with scene(sqlite_url) as one:
        assert (await post(one, path, method=method)).status == 404
        assert await one.all("SELECT id FROM callback") == []


async def test_I21_a_callback_is_kept_as_it_came_sealed_and_without_its_address(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.order()
        url = one.prompts[0].asked.callback_url
        headers = {"content-type": "application/json", "x-one": "two", "x-bytes": "caf\udce9"}
        sent = body(one.prompts[0].id)
        answer = await one.service.serve(Request("POST", url.removeprefix(SERVICE), headers, sent, "203.0.113.9"))
        assert answer.status == 200
        row = await one.one("SELECT * FROM callback")
        assert row["remote"] == "203.0.113.9"
        stored = orjson.loads(one.parties.seal.open(row["raw_sealed"], "callback.raw"))
        assert stored == ["POST", {**headers, "x-bytes": "caf\\xe9"}, sent.decode()]
        everything = str([row, *await one.all("SELECT * FROM attempt"), *await one.all("SELECT * FROM payment_event")])
        assert url.rpartition("/")[2] not in everything
        assert "SKF0RGED99" not in str(row)


async def test_F038_an_address_that_is_no_text_is_an_unknown_one(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        assert (await post(one, "/c/caf\udce9")).status == 200
        assert (await one.one("SELECT verdict FROM callback"))["verdict"] == "unknown"


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_F038_a_callback_is_read_by_its_bytes_and_only_when_it_is_posted(method: str, sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.order()
        path = one.prompts[0].asked.callback_url.removeprefix(SERVICE)
        await post(one, path, body(one.prompts[0].id), method, **{"content-type": "text/plain"})
        assert (await one.one("SELECT verdict FROM callback"))["verdict"] == (
            "seen" if method == "POST" else "malformed"
        )


@pytest.mark.parametrize(("size", "status"), [(REQUEST_BYTES_MAX, 200), (REQUEST_BYTES_MAX + 1, 413)])
async def test_S12_F037_a_callback_of_64_KiB_is_kept_and_a_larger_one_refused(
    size: int, status: int, sqlite_url: str
) -> None:
    async with scene(sqlite_url) as one, HttpServer(one.service.serve, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"POST /c/{'0' * 32} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n"
        writer.write(head.encode() + b" " * size)
        line = await reader.readline()
        writer.close()
        assert int(line.split()[1]) == status
        assert len(await one.all("SELECT id FROM callback")) == int(status == 200)


class Away:
    """A store that cannot be written, or read, or of which nobody knows what it did."""

    def __init__(self, *, reads: bool, outcome: Written | Exception) -> None:
        self._reads, self._outcome = reads, outcome

    async def read(self, _query: Any) -> None:
        if not self._reads:
            raise OSError("no database")

    async def write(self, _change: Change) -> Written:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


@pytest.mark.parametrize("path", ["callback", "webhook"])
@pytest.mark.parametrize(
    "store",
    [
        Away(reads=True, outcome=StoreUnavailable("away")),
        Away(reads=True, outcome=CommitUnknown()),
        Away(reads=False, outcome=StoreUnavailable("away")),
        Away(reads=True, outcome=RuntimeError("a bug")),
    ],
    ids=["cannot be written", "commit unknown", "cannot be read", "a bug"],
)
async def test_I21_I25_nothing_is_acknowledged_that_is_not_stored(path: str, store: Away, sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.service.ingress.store = store  # type: ignore[assignment]  # what ingress uses of a Store
        secret = one.town.settings.webhook_secret().reveal()
        update = orjson.dumps({
            "update_id": 9, "message": {"message_id": 9, "date": 1, "text": "hi", "chat": {"id": 1, "type": "private"},
                                        "from": {"id": 1, "is_bot": False, "first_name": "A"}},
        })  # fmt: skip
        if path == "callback":
            answer = await post(one, "/c/" + "0" * 32, body("ws_CO_1"))
        else:
            answer = await post(one, "/webhooks/telegram", update, **{"x-telegram-bot-api-secret-token": secret})
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")


async def test_I25_what_was_refused_while_the_store_was_away_is_taken_when_it_comes_again(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        store, one.service.ingress.store = (
            one.service.ingress.store,
            Away(  # type: ignore[assignment]  # as above
                reads=False, outcome=StoreUnavailable("away")
            ),
        )
        one.faults.arm("lose_callback")
        await one.town.sandbox.daraja.enter_pin(one.prompts[0].id, "1234")
        told = body(one.prompts[0].id, receipt=one.prompts[0].receipt)
        assert (await one.call_back(told)).status == 503
        one.service.ingress.store = store
        assert (await one.call_back(told)).status == 200
        await one.pass_(5)
        assert await one.state(payment) == "vended"


@pytest.mark.parametrize("secret", ["", "wrong", "caf\udce9"])
async def test_S01_a_webhook_without_its_secret_is_refused_and_not_kept(secret: str, sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        inputs = await one.all("SELECT id FROM input")
        answer = await post(one, "/webhooks/telegram", b"{}", **{"x-telegram-bot-api-secret-token": secret})
        assert answer.status == 401
        assert await one.all("SELECT id FROM input") == inputs
