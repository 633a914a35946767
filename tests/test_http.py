"""The server over real loopback sockets: limits at intake, errors that say nothing, work that is finished."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from bot.clock import RealClock
from integrations import http
from integrations.contract.exchange import REQUEST_BYTES_MAX, NoAnswer, Request, Response, Unknown
from integrations.http import HttpSender, HttpServer
from tests.loopback import Recorder, post, raw_exchange

CLOCK = RealClock()


def soon(seconds: float = 5.0) -> float:
    return CLOCK.monotonic() + seconds


async def test_a_request_reaches_serve_as_plain_values() -> None:
    seen = Recorder()
    async with HttpServer(seen, "127.0.0.1", 0) as server:
        await raw_exchange(server.port, post(b"hello", "X-Secret: one", "X-Secret: two"))
    (request,) = seen.requests
    assert (request.method, request.url, request.body) == ("POST", "/hook", b"hello")
    assert request.headers["x-secret"] == "one, two"
    assert request.remote == "127.0.0.1"


async def test_the_target_of_a_request_is_passed_on_letter_by_letter() -> None:
    seen = Recorder()
    async with HttpServer(seen, "127.0.0.1", 0) as server:
        await raw_exchange(server.port, b"GET /a%2Fb?q=%C3%A9+1&x= HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert seen.requests[0].url == "/a%2Fb?q=%C3%A9+1&x="


async def test_S12_a_body_at_the_limit_passes_and_one_byte_more_is_413() -> None:
    seen = Recorder()
    async with HttpServer(seen, "127.0.0.1", 0) as server:
        passed = await raw_exchange(server.port, post(b"x" * REQUEST_BYTES_MAX))
        refused = await raw_exchange(server.port, post(b"x" * (REQUEST_BYTES_MAX + 1)))
    assert passed.startswith(b"HTTP/1.1 200")
    assert refused.startswith(b"HTTP/1.1 413")
    assert len(seen.requests) == 1


async def test_F037_a_chunked_body_cannot_dodge_the_limit() -> None:
    seen = Recorder()
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with HttpServer(seen, "127.0.0.1", 0) as server:
        answer = await raw_exchange(server.port, head + chunk * 5 + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert seen.requests == []


async def test_F037_a_compressed_body_is_refused_unread() -> None:
    seen = Recorder()
    async with HttpServer(seen, "127.0.0.1", 0) as server:
        answer = await raw_exchange(server.port, post(gzip.compress(b"0" * 100_000), "Content-Encoding: gzip"))
    assert answer.startswith(b"HTTP/1.1 415")
    assert seen.requests == []


async def test_S12_headers_beyond_their_limit_are_431() -> None:
    async with HttpServer(Recorder(), "127.0.0.1", 0) as server:
        answer = await raw_exchange(server.port, post(b"", *(f"X-{n}: {'y' * 4000}" for n in range(5))))
    assert answer.startswith(b"HTTP/1.1 431")


async def test_S12_a_sender_that_dawdles_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_SECONDS_MAX", 0.02)
    monkeypatch.setattr(http, "LINGER_SECONDS", 0.0)
    seen = Recorder()
    async with HttpServer(seen, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 408")
        writer.close()
    assert seen.requests == []


async def test_an_error_answers_500_and_the_log_has_none_of_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: Request) -> Response:
        raise ValueError(request.body.decode())

    async with HttpServer(broken, "127.0.0.1", 0) as server:
        answer = await raw_exchange(server.port, post(b"meter 14123456789"))
    assert answer.startswith(b"HTTP/1.1 500")
    assert "ValueError at broken" in caplog.text
    assert "14123456789" not in caplog.text + answer.decode()
    assert "/hook" not in caplog.text


async def test_no_answer_cuts_the_connection_without_a_byte(caplog: pytest.LogCaptureFixture) -> None:
    async def silent(_request: Request) -> Response:
        raise NoAnswer

    async with HttpServer(silent, "127.0.0.1", 0) as server, HttpSender(CLOCK) as sender:
        assert await raw_exchange(server.port, post(b"x")) == b""
        sent = await sender.send(Request("POST", f"http://127.0.0.1:{server.port}/", {}, b"x"), soon())
    assert isinstance(sent, Unknown)
    assert caplog.text == ""


async def test_F131_work_goes_on_when_the_client_hangs_up() -> None:
    begun, stored = asyncio.Event(), asyncio.Event()
    release = asyncio.Event()

    async def store(_request: Request) -> Response:
        begun.set()
        await release.wait()
        stored.set()
        return Response(200)

    async with HttpServer(store, "127.0.0.1", 0) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(post(b"x"))
        await begun.wait()
        writer.transport.abort()
        await asyncio.sleep(0.005)
        release.set()
        await asyncio.wait_for(stored.wait(), 1)


async def test_stopping_waits_for_work_begun_and_answers_it() -> None:
    begun = asyncio.Event()

    async def slow(_request: Request) -> Response:
        begun.set()
        await asyncio.sleep(0.02)
        return Response(200, {}, b"done")

    server = HttpServer(slow, "127.0.0.1", 0)
    await server.start()
    exchange = asyncio.ensure_future(raw_exchange(server.port, post(b"x")))
    await begun.wait()
    await server.stop()
    assert (await exchange).endswith(b"done")


@pytest.mark.parametrize(
    ("hops", "header", "remote"),
    [
        (0, "10.0.0.1", "127.0.0.1"),
        (1, "10.0.0.1, 41.90.1.2", "41.90.1.2"),
        (2, "10.0.0.1, 41.90.1.2, 172.16.0.9", "41.90.1.2"),
        (2, "41.90.1.2", "127.0.0.1"),
    ],
)
async def test_S09_the_address_comes_only_from_our_own_proxies(hops: int, header: str, remote: str) -> None:
    seen = Recorder()
    async with HttpServer(seen, "127.0.0.1", 0, trusted_hops=hops) as server:
        await raw_exchange(server.port, post(b"", f"X-Forwarded-For: {header}"))
    assert seen.requests[0].remote == remote


async def test_the_server_does_not_tell_what_it_runs_on() -> None:
    async with HttpServer(Recorder(), "127.0.0.1", 0) as server:
        answer = await raw_exchange(server.port, post(b""))
    assert b"aiohttp" not in answer
    assert b"Python" not in answer
