"""Small real proxies on 127.0.0.1: HTTP with and without TLS, SOCKS4a and SOCKS5, with passwords if wanted.

They look every name up as this machine, and remember who came and where to. A proxy that is `dead` breaks
every connection.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Kind = Literal["http", "https", "socks4", "socks5"]


@dataclass(frozen=True, slots=True)
class Visit:
    """What a proxy was asked: how, where to, and by whom."""

    how: str
    host: str
    port: int
    user: str = ""
    password: str = ""


@dataclass
class Proxy:
    """A running proxy. With `user` set it lets nobody else in."""

    kind: Kind
    user: str = ""
    password: str = ""
    port: int = 0
    dead: bool = False
    visits: list[Visit] = field(default_factory=list)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def address(self) -> str:
        """Without user name and password."""
        return f"{self.kind}://127.0.0.1:{self.port}"

    def die(self) -> None:
        """Break every connection, and accept no other."""
        self.dead = True
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.dead:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            match self.kind:
                case "socks4":
                    await self._socks4(reader, writer)
                case "socks5":
                    await self._socks5(reader, writer)
                case _:
                    await self._http(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def _admits(self, visit: Visit) -> bool:
        self.visits.append(visit)
        return not self.user or (visit.user, visit.password) == (self.user, self.password)

    # -- HTTP

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        scheme, _, said = headers.get("proxy-authorization", "").partition(" ")
        user, _, password = (base64.b64decode(said).decode() if scheme == "Basic" else "").partition(":")
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        host, port = parts.hostname or "", parts.port or 80
        if not self._admits(Visit(method, host, port, user, password)):
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        if method == "CONNECT":
            await self._lead(reader, writer, host, port, b"HTTP/1.1 200 Connection established\r\n\r\n")
            return
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        kept = [line for line in lines if not line.lower().startswith("proxy-")]
        request = "\r\n".join([f"{method} {path or '/'} {version}", *kept]).encode("latin-1")
        await self._lead(reader, writer, host, port, b"", request)

    # -- SOCKS

    async def _socks4(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        version, command, *place = await reader.readexactly(8)
        port = int.from_bytes(place[:2], "big")
        user = (await reader.readuntil(b"\0"))[:-1].decode()
        is_name = place[2:5] == [0, 0, 0] and place[5] != 0
        name = (await reader.readuntil(b"\0"))[:-1].decode() if is_name else str(ip_address(bytes(place[2:])))
        fits = (version, command) == (4, 1)
        if not fits or not self._admits(Visit("SOCKS4A" if is_name else "SOCKS4", name, port, user)):
            writer.write(b"\0\x5b" + bytes(6))
            await writer.drain()
            return
        await self._lead(reader, writer, name, port, b"\0\x5a" + bytes(6))

    async def _socks5(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        user = password = ""
        if 2 in methods:
            writer.write(b"\x05\x02")
            _, size = await reader.readexactly(2)
            user = (await reader.readexactly(size)).decode()
            [size] = await reader.readexactly(1)
            password = (await reader.readexactly(size)).decode()
            allowed = not self.user or (user, password) == (self.user, self.password)
            writer.write(b"\x01\x00" if allowed else b"\x01\x01")
        elif self.user:
            writer.write(b"\x05\xff")
            await writer.drain()
            return
        else:
            writer.write(b"\x05\x00")
        *_, kind = await reader.readexactly(4)
        if kind == 3:
            [size] = await reader.readexactly(1)
            name = (await reader.readexactly(size)).decode()
        else:
            name = str(ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self._admits(Visit("SOCKS5H" if kind == 3 else "SOCKS5", name, port, user, password))
        await self._lead(reader, writer, name, port, b"\x05\x00\x00\x01" + bytes(6))

    async def _lead(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str,
        port: int,
        welcome: bytes,
        request: bytes = b"",
    ) -> None:
        # Names are resolved here, and every one of them is this machine.
        upstream, out = await asyncio.open_connection("127.0.0.1", port)
        self._open.add(out)
        writer.write(welcome)
        out.write(request)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copied(reader, out))
                group.create_task(_copied(upstream, writer))
        finally:
            self._open.discard(out)
            out.close()


async def _copied(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    target.close()


@asynccontextmanager
async def running(
    kind: Kind, *, user: str = "", password: str = "", folder: Path | None = None
) -> AsyncIterator[Proxy]:
    """Run a proxy while inside. An https one makes itself a certificate in `folder` that nobody trusts."""
    proxy = Proxy(kind, unquote(user), unquote(password))
    context = _context(folder) if kind == "https" and folder is not None else None
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(proxy.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _context(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "proxy.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
