"""The way out to upstreams: HTTP and WebSocket with a browser's TLS. The only import of curl_cffi.

`Wire.stream` and `Wire.connect` promise: the status comes before the body; *leaving the block, for any
reason, ends the upstream request at once*; memory is bounded by bytes (the transfer pauses above
`HIGH_WATER`).

curl_cffi 0.16's own stream API breaks the first two: `aclose()` waits for the upstream to finish, and
cancelling before the first byte leaves the request running. So each exchange is one easy handle on one shared
multi handle: body and status arrive through callbacks, and removing the handle is the abort.
tests/platform/test_wire.py holds the promises.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self, get_args
from urllib.parse import urlsplit

from curl_cffi import AsyncCurl, Curl, CurlError, CurlHttpVersion, CurlOpt
from curl_cffi.requests.impersonate import BrowserTypeLiteral

from grokdesk.core.errors import Garbled, Unreachable, UpstreamError, UpstreamTimeout
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.websocket import FrameReader, Opcode, WebSocketFault, accept_value, encode

HIGH_WATER: Final = 1 << 20
MAX_MESSAGE: Final = 16 << 20  # protocol/grok-web-chat.md §9.1
_PAUSE: Final = 0x10000001  # CURL_WRITEFUNC_PAUSE and CURL_READFUNC_PAUSE
_CONTINUE: Final = 0
_SWITCHING: Final = 101
_WATCH_S: Final = 0.1

# libcurl's error numbers that mean the proxy, the name, or the certificate; the rest is "the connection".
_PROXY_CODES: Final = frozenset({5, 97})
_NAME_CODES: Final = frozenset({6})
_TLS_CODES: Final = frozenset({35, 51, 53, 58, 60, 77, 83})
_TIMEOUT_CODE: Final = 28
_REFUSED_CODE: Final = 7

# What libcurl says when a proxy answers and does not let us through.
_SIGN_IN: Final = re.compile(
    r"response 407|rejected by the SOCKS5 server|authentication method was acceptable"
)
_NO_TUNNEL: Final = re.compile(r"CONNECT tunnel failed, response (\d{3})")

IMPERSONATIONS: Final[frozenset[str]] = frozenset(get_args(BrowserTypeLiteral))


class NotConnected(Unreachable):
    """There was no connection, so nothing of the call was sent."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: to connect, to the first byte, of silence after it, and in all.

    `setting` is the name of the setting, among `timeouts`, by which an owner can raise the last one.
    """

    connect_s: float = 20
    first_s: float = 120
    idle_s: float = 120
    total_s: float = 1800
    setting: str = "total_s"


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `resolve` is the network address to connect to, instead of looking the name up.

    `headers` go out in order and unchanged; `impersonate` is one of `IMPERSONATIONS`. `once`: it is never
    sent a second time, which libcurl does by itself when a connection that was kept open turns out to be
    dead before the answer began. So it gets a new connection.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    impersonate: str = "chrome"
    proxy: str = ""
    verify_proxy: bool = True
    limits: Limits = field(default_factory=Limits)
    resolve: str = ""
    once: bool = False

    @property
    def host(self) -> str:
        """The name people know the other side by."""
        return urlsplit(self.url).hostname or ""


class Reply:
    """The answer to a call. `headers` have lower-case names; a repeated one is joined with a comma."""

    def __init__(self, exchange: _Exchange, status: int, headers: Mapping[str, str]) -> None:
        self._exchange = exchange
        self.status = status
        self.headers = headers

    async def chunk(self) -> bytes:
        """The next bytes of the body, everything that has arrived; empty at its end.

        Raises `Unreachable` when the connection breaks and `UpstreamTimeout` when nothing comes in time.
        """
        return await self._exchange.chunk()

    def patience(self, idle_s: float) -> None:
        """Accept at most `idle_s` of silence from now on."""
        self._exchange.patience(idle_s)

    async def body(self, limit: int = 4 << 20) -> bytes:
        """The whole body, or its first `limit` bytes."""
        collected = bytearray()
        while len(collected) < limit:
            piece = await self._exchange.chunk()
            if not piece:
                break
            collected += piece
        return bytes(collected[:limit])


class Socket(Reply):
    """A WebSocket, or the HTTP answer to a refused handshake: check `is_open` first."""

    def __init__(
        self, exchange: _Exchange, status: int, headers: Mapping[str, str], max_message: int = MAX_MESSAGE
    ) -> None:
        super().__init__(exchange, status, headers)
        self._reader = FrameReader(max_message=max_message)
        self._messages: deque[bytes] = deque()
        self._ended = False

    @property
    def is_open(self) -> bool:
        """Whether the handshake succeeded."""
        return self.status == _SWITCHING

    def send(self, text: bytes) -> None:
        """Send a text message. Queued at once, on the wire with the next turn of the loop."""
        self._exchange.send(encode(Opcode.TEXT, text, os.urandom(4)))

    def ping(self) -> None:
        """Ask for a sign of life, so that nobody on the way takes the connection for unused."""
        self._exchange.send(encode(Opcode.PING, b"", os.urandom(4)))

    async def messages(self) -> Sequence[bytes]:
        """The text messages that have arrived, at least one; empty when the other side closed.

        Binary messages are skipped (protocol/grok-web-chat.md §9.1). Raises `Garbled` for broken framing.
        """
        while not self._messages and not self._ended:
            data = await self._exchange.chunk()
            if not data:
                self._ended = True
                break
            self._take(data)
        taken = tuple(self._messages)
        self._messages.clear()
        return taken

    def _take(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed(data):
                match frame.opcode:
                    case Opcode.TEXT:
                        self._messages.append(frame.payload)
                    case Opcode.PING:
                        self._exchange.send(encode(Opcode.PONG, frame.payload, os.urandom(4)))
                    case Opcode.CLOSE:
                        self._ended = True
                        return
                    case _:
                        pass
        except WebSocketFault as fault:
            raise Garbled("Grok's connection sent something unreadable.", detail=str(fault)) from fault

    def close(self) -> None:
        """Say goodbye; leaving the block right after ends the connection whatever the other side does."""
        self._exchange.send(encode(Opcode.CLOSE, (1000).to_bytes(2, "big"), os.urandom(4)))
        self._exchange.flush()


class Wire:
    """Opens exchanges. An async context manager; leaving it ends whatever still runs."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._multi: _Multi | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._multi is not None:
            multi, self._multi = self._multi, None
            await multi.close()  # type: ignore[no-untyped-call] # curl_cffi types only what it returns

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[Reply]:
        """Send `call`; enter when the status has arrived. Raises `Unreachable` or `UpstreamTimeout`."""
        exchange = _Exchange(call, self._multi_handle(), self._deadlines, duplex=False)
        try:
            status, headers = await exchange.head()
            yield Reply(exchange, status, headers)
        finally:
            exchange.end()

    @asynccontextmanager
    async def connect(self, call: Call, *, max_message: int = MAX_MESSAGE) -> AsyncIterator[Socket]:
        """Open a WebSocket; enter when the handshake was answered, either way.

        A message of more than `max_message` bytes is `Garbled`.
        """
        key = base64.b64encode(os.urandom(16)).decode()
        exchange = _Exchange(_upgrade(call, key), self._multi_handle(), self._deadlines, duplex=True)
        try:
            status, headers = await exchange.head()
            if status == _SWITCHING and headers.get("sec-websocket-accept") != accept_value(key):
                raise Garbled("Grok answered the WebSocket handshake wrongly.")
            yield Socket(exchange, status, headers, max_message)
        finally:
            exchange.end()

    def _multi_handle(self) -> _Multi:
        if self._multi is None:
            self._multi = _Multi()
        return self._multi


def _upgrade(call: Call, key: str) -> Call:
    scheme, _, rest = call.url.partition("://")
    headers = [
        *call.headers,
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key),
        # Off, because the open end of the connection is our upload.
        ("Transfer-Encoding", ""),
    ]
    return Call(
        "GET",
        f"{'https' if scheme in {'wss', 'https'} else 'http'}://{rest}",
        headers,
        impersonate=call.impersonate,
        proxy=call.proxy,
        verify_proxy=call.verify_proxy,
        limits=call.limits,
    )


class _Multi(AsyncCurl):
    """libcurl's multi handle.

    curl_cffi's own looks at it ten times a second for ever; this one only if it has work.
    """

    def __init__(self) -> None:
        self._work = asyncio.Event()
        super().__init__()

    async def _force_timeout(self) -> None:
        while self._curlm:
            if not self._curl2future:
                self._work.clear()
                await self._work.wait()
            self.socket_action(-1, 0)
            await asyncio.sleep(_WATCH_S)

    def add_handle(self, curl: Curl) -> asyncio.Future[None]:
        self._work.set()
        future: asyncio.Future[None] = super().add_handle(curl)
        return future


class _Exchange:
    """One request in flight."""

    def __init__(self, call: Call, multi: _Multi, deadlines: Deadlines, *, duplex: bool) -> None:
        self._call = call
        self._multi = multi
        self._outbox = bytearray()
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._paused = False
        self._begun = False
        self._lines: list[bytes] = []
        self._head: tuple[int, dict[str, str]] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._error: UpstreamError | None = None
        self._complete = False
        self._duplex = duplex
        self._refused = False
        on_read = self._on_read if duplex else None
        self._curl: Curl | None = _easy(call, self._on_header, self._on_data, on_read)
        self._future = multi.add_handle(self._curl)
        self._future.add_done_callback(self._on_end)
        limits = call.limits
        self._idle_s = limits.idle_s
        self._silence = deadlines.after(limits.first_s, self._on_silence)
        self._total = deadlines.after(limits.total_s, self._on_overdue)

    # -- what the owner of the exchange calls

    async def head(self) -> tuple[int, dict[str, str]]:
        while self._head is None:
            if self._error is not None:
                raise self._error
            if self._complete:
                raise Unreachable(f"{self._call.host} closed the connection without an answer.")
            await self._wait()
        return self._head

    async def chunk(self) -> bytes:
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self._complete:
                return b""
            await self._wait()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        if self._paused:
            self._paused = False
            self._silence.extend(self._idle_s)
            self._go_on()
        return data

    def patience(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._silence.extend(idle_s)

    def send(self, data: bytes) -> None:
        self._outbox += data
        self._go_on()

    def flush(self) -> None:
        if self._curl is not None and not self._complete:
            self._multi.socket_action(-1, 0)

    def end(self) -> None:
        """Abort what still runs. Synchronous, so that nothing can come between."""
        self._silence.cancel()
        self._total.cancel()
        curl, self._curl = self._curl, None
        if curl is None:
            return
        self._future.remove_done_callback(self._on_end)
        if not self._future.done():
            self._multi.remove_handle(curl)
        elif not self._future.cancelled():
            self._future.exception()
        curl.close()
        self._chunks.clear()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _go_on(self) -> None:
        if self._curl is not None and not self._future.done():
            self._curl.pause(_CONTINUE)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: UpstreamError) -> None:
        if self._error is None and not self._complete:
            self._error = error
            self._wake()

    # -- what libcurl calls; none of these may raise

    def _on_header(self, line: bytes) -> int:
        if self._head is None:
            if line in {b"\r\n", b"\n"}:
                self._head = _parse_head(self._lines)
                self._lines = []
                if self._head is not None:
                    self._wake()
                    if self._duplex and self._head[0] != _SWITCHING:
                        # Our upload has no end of its own, and after a 2xx libcurl would wait for one.
                        self._refused = True
                        asyncio.get_running_loop().call_soon(self._go_on)
            else:
                self._lines.append(line)
        return len(line)

    def _on_data(self, data: bytes) -> int:
        if self._held >= HIGH_WATER:
            # The reader is slow, not Grok: silence is not counted while paused.
            self._paused = True
            self._silence.extend(self._call.limits.total_s)
            return _PAUSE
        self._begun = True
        self._chunks.append(data)
        self._held += len(data)
        self._silence.extend(self._idle_s)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        return len(data)

    def _on_read(self, size: int) -> bytes | int:
        if self._refused:
            return b""
        if not self._outbox:
            return _PAUSE
        data = bytes(self._outbox[:size])
        del self._outbox[:size]
        return data

    def _on_end(self, future: asyncio.Future[None]) -> None:
        if future.cancelled():
            self._fail(Unreachable("The connection was closed because GrokDesk is stopping."))
            return
        error = future.exception()
        if isinstance(error, CurlError):
            self._fail(_unreachable(error, self._call, begun=self._head is not None))
        elif error is not None:
            self._fail(Unreachable(f"The connection to {self._call.host} failed.", detail=repr(error)))
        else:
            self._complete = True
            self._wake()

    def _on_silence(self) -> None:
        limits = self._call.limits
        begun = self._begun
        seconds = self._idle_s if begun else limits.first_s
        what = "stopped in the middle of its answer" if begun else "did not begin to answer"
        self._fail(
            UpstreamTimeout(
                f"Grok {what}: nothing came for {seconds:.0f} seconds.",
                hint="Try again; if it repeats, test the connection under Network.",
                detail=f"host={self._call.host} begun={begun}",
            )
        )

    def _on_overdue(self) -> None:
        limits = self._call.limits
        self._fail(
            UpstreamTimeout(
                f"Grok's answer took longer than {limits.total_s:.0f} seconds in all.",
                hint=f"Raise timeouts.{limits.setting} if answers may take that long.",
            )
        )


def _easy(
    call: Call,
    on_header: Callable[[bytes], int],
    on_data: Callable[[bytes], int],
    on_read: Callable[[int], bytes | int] | None,
) -> Curl:
    curl = Curl()
    curl.impersonate(call.impersonate, default_headers=False)
    curl.setopt(CurlOpt.URL, call.url)
    curl.setopt(CurlOpt.HTTPHEADER, [*(_header_line(*header) for header in call.headers), b"Expect:"])
    encodings = next((value for name, value in call.headers if name.lower() == "accept-encoding"), None)
    if encodings:
        curl.setopt(CurlOpt.ACCEPT_ENCODING, encodings)
    if on_read is not None or call.url.startswith("http:"):
        # A browser speaks WebSocket over HTTP/1.1; and without TLS libcurl would ask every server to switch
        # to h2c.
        curl.setopt(CurlOpt.HTTP_VERSION, CurlHttpVersion.V1_1)
    if on_read is not None:
        curl.setopt(CurlOpt.UPLOAD, 1)
        curl.setopt(CurlOpt.READFUNCTION, on_read)
        curl.setopt(CurlOpt.HTTPPROXYTUNNEL, 1)
    elif call.body or call.method in {"POST", "PUT", "PATCH"}:
        curl.setopt(CurlOpt.POST, 1)
        curl.setopt(CurlOpt.POSTFIELDSIZE_LARGE, len(call.body))
        curl.setopt(CurlOpt.POSTFIELDS, call.body)
    curl.setopt(CurlOpt.CUSTOMREQUEST, call.method)
    if call.once:
        curl.setopt(CurlOpt.FRESH_CONNECT, 1)
    if call.proxy:
        curl.setopt(CurlOpt.PROXY, call.proxy)
        curl.setopt(CurlOpt.SUPPRESS_CONNECT_HEADERS, 1)
        if not call.verify_proxy:
            curl.setopt(CurlOpt.PROXY_SSL_VERIFYPEER, 0)
            curl.setopt(CurlOpt.PROXY_SSL_VERIFYHOST, 0)
    else:
        # The owner's settings decide, not http_proxy in the environment.
        curl.setopt(CurlOpt.PROXY, "")
    if call.resolve:
        parts = urlsplit(call.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = f"[{call.resolve}]" if ":" in call.resolve else call.resolve
        curl.setopt(CurlOpt.RESOLVE, [f"{parts.hostname}:{port}:{address}"])
    curl.setopt(CurlOpt.CONNECTTIMEOUT_MS, int(call.limits.connect_s * 1000))
    curl.setopt(CurlOpt.TCP_NODELAY, 1)
    curl.setopt(CurlOpt.HEADERFUNCTION, on_header)
    curl.setopt(CurlOpt.WRITEFUNCTION, on_data)
    return curl


def _header_line(name: str, value: str) -> bytes:
    # libcurl: `Name:` switches a header off, `Name;` sends it empty. Only Transfer-Encoding is switched off.
    if value:
        return f"{name}: {value}".encode("latin-1", "ignore")
    return f"{name}:".encode() if name == "Transfer-Encoding" else f"{name};".encode()


def _parse_head(lines: list[bytes]) -> tuple[int, dict[str, str]] | None:
    """The status and headers of the final answer; None for an interim one (1xx other than 101)."""
    parts = lines[0].split(None, 2) if lines else []
    status = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
    if 100 <= status < 200 and status != _SWITCHING:  # noqa: PLR2004 - the class of interim answers
        return None
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.decode("latin-1").partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return status, headers


def _unreachable(error: CurlError, call: Call, *, begun: bool) -> UpstreamError:
    code: Any = error.code
    detail = str(error)
    if begun:
        return Unreachable(
            f"The connection to {call.host} broke in the middle of the answer.",
            hint="Try again; if it repeats, test the connection under Network.",
            detail=detail,
        )
    if call.proxy and _SIGN_IN.search(detail):
        return NotConnected(
            "The proxy does not accept the user name and password.",
            hint="Correct them under Network.",
            detail=detail,
        )
    if call.proxy and (tunnel := _NO_TUNNEL.search(detail)):
        return NotConnected(
            f"The proxy did not let the connection to {call.host} through: it answered {tunnel[1]}.",
            hint="Test the proxy under Network, or choose another one.",
            detail=detail,
        )
    # Through a proxy libcurl itself connects to nobody else.
    if code in _PROXY_CODES or (call.proxy and code == _REFUSED_CODE):
        return NotConnected(
            "The proxy cannot be reached.", hint="Check the proxy's address under Network.", detail=detail
        )
    if code in _NAME_CODES:
        return NotConnected(
            f"The name {call.host} cannot be found.",
            hint="Check the internet connection or choose a proxy under Network.",
            detail=detail,
        )
    if code in _TLS_CODES:
        return NotConnected(
            f"No safe connection to {call.host} is possible.",
            hint="Something on the way (a proxy or a firewall) may be changing the connection.",
            detail=detail,
        )
    if code == _TIMEOUT_CODE:
        return NotConnected(
            f"{call.host} did not accept a connection within {call.limits.connect_s:.0f} seconds.",
            hint="Check the internet connection or choose another proxy under Network.",
            detail=detail,
        )
    way = "through the proxy" if call.proxy else "directly"
    kind = NotConnected if code == _REFUSED_CODE else Unreachable
    return kind(
        f"{call.host} cannot be reached {way}.",
        hint="Check the internet connection or choose another way under Network.",
        detail=detail,
    )
