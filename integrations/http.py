"""The two shells around sockets: `HttpServer` puts a Serve behind a port, `HttpSender` is a Send over the network.

aiohttp appears here and nowhere else. What goes through here is never logged: paths carry bearer tokens, bodies carry
people's words.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from integrations.contract.exchange import (
    REQUEST_BYTES_MAX,
    RESPONSE_BYTES_MAX,
    NoAnswer,
    NotSent,
    Request,
    Response,
    Sent,
    Serve,
    Unknown,
)
from integrations.contract.seams import Clock

_log = logging.getLogger(__name__)

#: Limits at intake (S-12): all headers of one request, and how long its sender may take over the body.
HEADER_BYTES_MAX = 16 * 1024
REQUEST_SECONDS_MAX = 15.0

#: How long the rest of a refused body is read and thrown away, so that its sender gets to see the refusal.
LINGER_SECONDS = 2.0

#: How long `stop` waits for requests that are being worked on.
STOP_SECONDS_MAX = 20.0

#: An idle connection is dropped before the other end may have dropped it, because a request written into a dying
#: connection ends in Unknown. Five seconds is the shortest usual limit of servers (Apache, Node).
IDLE_SECONDS_MAX = 4.0
CONNECT_SECONDS_MAX = 10.0

#: Connections to one host, so that one slow party cannot use up the sockets of the others.
CONNECTIONS_PER_HOST_MAX = 32


class HttpServer:
    """Answers HTTP on `host` and `port` (0: any free one) with `serve`.

    Bodies above REQUEST_BYTES_MAX get 413, compressed ones 415, an exception of `serve` 500, `NoAnswer` a connection
    cut without a word. Work begun is finished even when the client hangs up (F-131). `trusted_hops` is how many of
    our own proxies add an `X-Forwarded-For` entry; with 0 the header is ignored (S-09).
    """

    def __init__(self, serve: Serve, host: str, port: int, *, trusted_hops: int = 0) -> None:
        self._serve = serve
        self._host = host
        self._port = port
        self._trusted_hops = trusted_hops
        self._runner: web.ServerRunner | None = None
        self._working: set[asyncio.Future[Response]] = set()

    async def start(self) -> None:
        """Begin to listen; OSError when the port is taken."""
        # Nothing is ever inflated: a compressed body is refused by its header (F-037).
        server = web.Server(self._answer, access_log=None, auto_decompress=False, lingering_time=LINGER_SECONDS)
        self._runner = web.ServerRunner(server, shutdown_timeout=STOP_SECONDS_MAX)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def stop(self) -> None:
        """Take no more connections, then wait for work begun, at most STOP_SECONDS_MAX."""
        if self._runner is None:
            return
        for site in self._runner.sites:
            await site.stop()
        if self._working:
            await asyncio.wait(self._working, timeout=STOP_SECONDS_MAX)
        await self._runner.cleanup()
        self._runner = None

    async def __aenter__(self) -> HttpServer:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The port listened on, once started."""
        if self._runner is None:
            return self._port
        return int(self._runner.addresses[0][1])

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        refused = _refusal(request)
        if refused is not None:
            return web.Response(status=refused)
        try:
            async with asyncio.timeout(REQUEST_SECONDS_MAX):
                body = await _read(request.content, REQUEST_BYTES_MAX)
        except TimeoutError:
            return web.Response(status=408)
        except web.RequestPayloadError:
            return web.Response(status=400)
        if body is None:
            return web.Response(status=413)
        return await self._worked(request, self._plain(request, body))

    def _plain(self, request: web.BaseRequest, body: bytes) -> Request:
        headers = _lowered(request.headers.items())
        remote = self._remote(request.remote or "", headers.get("x-forwarded-for", ""))
        return Request(request.method, request.raw_path, headers, body, remote)

    def _remote(self, peer: str, forwarded: str) -> str:
        # Our own proxies append on the right; whatever stands further left was written by the client.
        hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
        if not self._trusted_hops or len(hops) < self._trusted_hops:
            return peer
        return hops[-self._trusted_hops]

    async def _worked(self, request: web.BaseRequest, plain: Request) -> web.StreamResponse:
        work = asyncio.ensure_future(self._serve(plain))
        self._working.add(work)
        work.add_done_callback(self._finished)
        await asyncio.wait({work})  # cancelling a wait leaves what it waits for alone
        error = work.exception()
        if isinstance(error, NoAnswer):
            return _cut(request)
        if error is not None:
            return web.Response(status=500)
        response = work.result()
        return web.Response(
            status=response.status, headers={"server": "bili", **response.headers}, body=response.body or None
        )

    def _finished(self, work: asyncio.Future[Response]) -> None:
        self._working.discard(work)
        error = None if work.cancelled() else work.exception()
        if error is not None and not isinstance(error, NoAnswer):
            # An exception's own words may quote a body, so only its kind and place are written down.
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.error("request failed: %s at %s:%s", type(error).__name__, place.name, place.lineno)


def _refusal(request: web.BaseRequest) -> int | None:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        return 415
    if sum(len(name) + len(value) for name, value in request.raw_headers) > HEADER_BYTES_MAX:
        return 431
    if request.content_length is not None and request.content_length > REQUEST_BYTES_MAX:
        return 413
    return None if request.raw_path.startswith("/") else 400


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()  # never written: the connection is gone


class HttpSender:
    """Sends requests over one pooled session. `send` is of type Send.

    `hosts` is the allow-list of host names (S-14); None allows any. Redirects are not followed, the environment's
    proxies not used, cookies not kept, and nothing is ever sent twice.
    """

    def __init__(self, clock: Clock, *, hosts: frozenset[str] | None = None) -> None:
        self._clock = clock
        self._hosts = hosts
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the session; needs the running loop."""
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(_mark_connected)
        trace.on_connection_reuseconn.append(_mark_connected)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, limit_per_host=CONNECTIONS_PER_HOST_MAX, keepalive_timeout=IDLE_SECONDS_MAX
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": "bili"},
            # Answers here are small: not asking for compression saves work and keeps bombs away.
            skip_auto_headers={"accept-encoding", "content-type"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS_MAX),
            middlewares=(_once_only,),
            trace_configs=[trace],
            trust_env=False,
        )

    async def stop(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> HttpSender:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def send(self, request: Request, deadline: float) -> Sent:
        """One exchange. NotSent is proved by there having been no connection to write to; the rest is Unknown."""
        seconds = deadline - self._clock.monotonic()
        if seconds <= 0:
            return NotSent("the deadline had passed")
        if self._hosts is not None and urlsplit(request.url).hostname not in self._hosts:
            return NotSent("the host is not on the allow-list")
        attempt = _Attempt()
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(request, attempt)
        except Exception as error:
            if attempt.connected:
                return Unknown(_cause(error))
            if isinstance(error, (aiohttp.ClientError, OSError)):
                return NotSent(_cause(error))
            raise

    async def _exchange(self, request: Request, attempt: _Attempt) -> Sent:
        if self._session is None:
            raise RuntimeError("HttpSender is not started")
        async with self._session.request(
            request.method,
            URL(request.url, encoded=True),  # exactly as given: signatures are over these characters
            headers=dict(request.headers),
            data=request.body or None,
            allow_redirects=False,
            trace_request_ctx=attempt,
        ) as answer:
            body = await _read(answer.content, RESPONSE_BYTES_MAX)
            if body is None:
                return Unknown("the answer is too large")
            return Response(answer.status, _lowered(answer.headers.items()), body)


@dataclass(slots=True)
class _Attempt:
    """One exchange. Until it has a connection, none of its bytes can have left."""

    connected: bool = False


class _Broken(aiohttp.ClientError):
    """A connection broke after it had been made. `args` hold the kind of the first error."""


async def _once_only(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    # aiohttp silently repeats GET, PUT and DELETE when a pooled connection turns out to be dead. It does so on these
    # two errors, so they are given another name: whether to ask again is decided above, where outcomes are known.
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Broken(type(error).__name__) from error


async def _mark_connected(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    attempt: _Attempt = context.trace_request_ctx
    attempt.connected = True


def _cause(error: Exception) -> str:
    # The words of the error are left out: they may carry the address, and an address may carry a token.
    return str(error) if isinstance(error, _Broken) else type(error).__name__


async def _read(content: aiohttp.StreamReader, bytes_max: int) -> bytes | None:
    """The whole body, or None when it is longer."""
    parts: list[bytes] = []
    size = 0
    async for part in content.iter_any():
        size += len(part)
        if size > bytes_max:
            return None
        parts.append(part)
    return b"".join(parts)


def _lowered(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Lower-case names; repeated headers are joined with commas (RFC 9110, 5.2)."""
    headers: dict[str, str] = {}
    for name, value in items:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers
