"""The sender over real loopback sockets: what proves that nothing was sent, and what stays unknown."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.clock import RealClock
from integrations import http
from integrations.contract.exchange import RESPONSE_BYTES_MAX, NotSent, Request, Response, Sent, Unknown
from integrations.http import HttpSender, HttpServer
from tests.loopback import Recorder, Talk, raw_server, read_request

CLOCK = RealClock()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def soon(seconds: float = 5.0) -> float:
    return CLOCK.monotonic() + seconds


async def echo(request: Request) -> Response:
    return Response(200, {"content-type": "text/plain", "x-method": request.method}, request.body)


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
