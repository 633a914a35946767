"""The two shells over real loopback sockets: limits at intake, and what proves that nothing was sent."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.clock import RealClock
from integrations import http
from integrations.contract.exchange import (
    REQUEST_BYTES_MAX,
    RESPONSE_BYTES_MAX,
    NotSent,
    Request,
    Response,
    Sent,
    Unknown,
)
from integrations.http import HttpSender, HttpServer
from integrations.sandbox.far_side import NoAnswer

CLOCK = RealClock()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def soon(seconds: float = 5.0) -> float:
    return CLOCK.monotonic() + seconds


async def echo(request: Request) -> Response:
    return Response(200, {"content-type": "text/plain", "x-method": request.method}, request.body)


class Recorder:
    """A Serve that keeps what it is asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        return Response(200)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server of bare sockets; `talk` has each connection."""
    talking: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        server.close()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


async def raw_exchange(port: int, sent: bytes) -> bytes:
    """Write bytes to our server and read until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        await writer.drain()
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def post(body: bytes, *headers: str) -> bytes:
    lines = ["POST /hook HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


# --- the server


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


# --- the sender


async def test_an_exchange_there_and_back() -> None:
    async with HttpServer(echo, "127.0.0.1", 0) as server, HttpSender(CLOCK) as sender:
        sent = await sender.send(Request("PUT", f"http://127.0.0.1:{server.port}/x", {}, b"body"), soon())
    assert isinstance(sent, Response)
    assert (sent.status, sent.body) == (200, b"body")
    assert sent.headers["x-method"] == "PUT"


async def test_a_passed_deadline_means_nothing_was_sent() -> None:
    seen = Recorder()
    async with HttpServer(seen, "127.0.0.1", 0) as server, HttpSender(CLOCK) as sender:
        sent = await sender.send(Request("POST", f"http://127.0.0.1:{server.port}/", {}, b"x"), soon(-0.001))
    assert isinstance(sent, NotSent)
    assert seen.requests == []


async def test_F155_a_refused_connection_is_proof_that_nothing_was_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = taken.getsockname()[1]
        async with HttpSender(CLOCK) as sender:
            sent = await sender.send(Request("POST", f"http://127.0.0.1:{port}/secret-path", {}, b"x"), soon())
    assert sent == NotSent("ClientConnectorError")


async def test_F155_a_name_that_does_not_resolve_is_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere(*_args: object, **_options: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nowhere)
    async with HttpSender(CLOCK) as sender:
        sent = await sender.send(Request("POST", "http://nowhere.invalid/", {}, b"x"), soon())
    assert sent == NotSent("ClientConnectorDNSError")


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_F155_a_certificate_nobody_vouches_for_is_proof(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read())

    async with raw_server(talk, self_signed(tmp_path)) as address, HttpSender(CLOCK) as sender:
        sent = await sender.send(Request("POST", address, {}, b"x"), soon())
    assert sent == NotSent("ClientConnectorCertificateError")
    assert asked in ([], [b""])


async def test_F155_a_connection_that_never_comes_about_is_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    async def black_hole(*_args: object, **_options: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", black_hole)
    async with HttpSender(CLOCK) as sender:
        sent = await sender.send(Request("POST", "http://127.0.0.1:9/", {}, b"x"), soon(0.02))
    assert sent == NotSent("TimeoutError")


async def exchanges(talk: Talk, method: str = "POST", seconds: float = 5.0) -> Sent:
    async with raw_server(talk) as address, HttpSender(CLOCK) as sender:
        return await sender.send(Request(method, f"{address}/x", {}, b"x"), soon(seconds))


async def test_F155_silence_after_the_request_is_unknown() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.Event().wait()

    assert await exchanges(silent, seconds=0.05) == Unknown("TimeoutError")


async def test_a_connection_closed_instead_of_an_answer_is_unknown() -> None:
    async def hangs_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)

    assert await exchanges(hangs_up) == Unknown("ServerDisconnectedError")


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
)
async def test_an_answer_that_cannot_be_read_is_unknown(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()

    assert isinstance(await exchanges(talk), Unknown)


@pytest.mark.parametrize("packed", [False, True])
async def test_S14_an_answer_above_the_limit_is_unknown_also_when_it_grows_only_here(packed: bool) -> None:
    plain = b"0" * (RESPONSE_BYTES_MAX + 1)

    async def huge(_request: Request) -> Response:
        return Response(200, {"content-encoding": "gzip"} if packed else {}, gzip.compress(plain) if packed else plain)

    async with HttpServer(huge, "127.0.0.1", 0) as server, HttpSender(CLOCK) as sender:
        sent = await sender.send(Request("GET", f"http://127.0.0.1:{server.port}/"), soon())
    assert sent == Unknown("the answer is too large")


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE"])
async def test_a_pooled_connection_that_died_is_never_a_reason_to_send_again(method: str) -> None:
    arrived: list[bytes] = []

    async def dies_at_the_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await read_request(reader))
        writer.write(OK)
        await writer.drain()
        arrived.append(await read_request(reader))
        writer.transport.abort()

    async with raw_server(dies_at_the_second) as address, HttpSender(CLOCK) as sender:
        first = await sender.send(Request(method, address, {}, b"1"), soon())
        second = await sender.send(Request(method, address, {}, b"2"), soon())
        await asyncio.sleep(0.02)
    assert isinstance(first, Response)
    assert isinstance(second, Unknown)
    assert [request[-1:] for request in arrived] == [b"1", b"2"]


async def test_an_idle_connection_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "IDLE_SECONDS_MAX", 0.01)
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while not reader.at_eof():
            await read_request(reader)
            writer.write(OK)

    async with raw_server(talk) as address, HttpSender(CLOCK) as sender:
        for wait in (0.0, 0.0, 0.03):
            await asyncio.sleep(wait)
            assert isinstance(await sender.send(Request("POST", address, {}, b"x"), soon()), Response)
    assert connections == 2


async def test_S14_a_redirect_is_an_answer_and_not_an_order() -> None:
    seen = Recorder()

    async def elsewhere(request: Request) -> Response:
        await seen(request)
        return Response(302, {"location": "/other"})

    async with HttpServer(elsewhere, "127.0.0.1", 0) as server, HttpSender(CLOCK) as sender:
        sent = await sender.send(Request("GET", f"http://127.0.0.1:{server.port}/"), soon())
    assert isinstance(sent, Response)
    assert sent.status == 302
    assert len(seen.requests) == 1


async def test_S14_a_host_that_is_not_listed_is_not_called() -> None:
    seen = Recorder()
    async with HttpServer(seen, "127.0.0.1", 0) as server:
        async with HttpSender(CLOCK, hosts=frozenset({"api.example"})) as sender:
            sent = await sender.send(Request("GET", f"http://127.0.0.1:{server.port}/"), soon())
        assert isinstance(sent, NotSent)
        async with HttpSender(CLOCK, hosts=frozenset({"127.0.0.1"})) as sender:
            assert isinstance(await sender.send(Request("GET", f"http://127.0.0.1:{server.port}/"), soon()), Response)
    assert len(seen.requests) == 1


async def test_S14_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    async with HttpServer(echo, "127.0.0.1", 0) as server, HttpSender(CLOCK) as sender:
        assert isinstance(await sender.send(Request("GET", f"http://127.0.0.1:{server.port}/"), soon()), Response)


async def test_the_target_leaves_letter_by_letter_and_cookies_are_not_kept() -> None:
    seen = Recorder()

    async def cookie(request: Request) -> Response:
        await seen(request)
        return Response(200, {"set-cookie": "a=b"})

    async with HttpServer(cookie, "127.0.0.1", 0) as server, HttpSender(CLOCK) as sender:
        for _ in range(2):
            await sender.send(Request("GET", f"http://127.0.0.1:{server.port}/a%2Fb?q=%7e+1"), soon())
    assert [request.url for request in seen.requests] == ["/a%2Fb?q=%7e+1"] * 2
    assert "cookie" not in seen.requests[1].headers
    assert "accept-encoding" not in seen.requests[1].headers


async def test_a_header_cannot_smuggle_a_second_one() -> None:
    seen = Recorder()
    async with HttpServer(seen, "127.0.0.1", 0) as server, HttpSender(CLOCK) as sender:
        sent = await sender.send(Request("GET", f"http://127.0.0.1:{server.port}/", {"x": "a\r\nb: c"}), soon())
    assert isinstance(sent, Unknown)
    assert seen.requests == []


async def test_a_sender_that_was_not_started_says_so() -> None:
    with pytest.raises(RuntimeError, match="not started"):
        await HttpSender(CLOCK).send(Request("GET", "http://127.0.0.1:9/"), soon())


async def test_an_address_that_is_none_is_not_sent() -> None:
    async with HttpSender(CLOCK) as sender:
        assert isinstance(await sender.send(Request("GET", "http:///nowhere"), soon()), NotSent)
