"""A client that asks and reads, and does as little else as possible."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

_BODY = b'{"model":"grok-4.20-fast","stream":true,"messages":[{"role":"user","content":"Say something."}]}'


# How a piece of the answer begins: as OpenAI clients hear it, in Grok's older form, and in its gateway.
_PIECE = (b'"content":" ', b'"token":" ', b'{"text":" ')


@dataclass(frozen=True, slots=True)
class Target:
    """Something that answers chats on a port of this machine."""

    name: str
    port: int
    key: str = "none"

    @property
    def request(self) -> bytes:
        """The bytes of one request."""
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(_BODY)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + _BODY


@dataclass(frozen=True, slots=True)
class Answer:
    """Seconds to the first bytes of the answer's text and to its end; how many pieces were in it."""

    first_s: float
    total_s: float
    pieces: int


async def ask(target: Target) -> Answer:
    """One chat, read to its end. Raises `ValueError` when it is not a whole answer."""
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port, limit=1 << 24)
    writer.write(target.request)
    first = 0.0
    whole = bytearray()
    while data := await reader.read(1 << 18):
        whole += data
        if not first and any(mark in whole for mark in _PIECE):
            first = time.perf_counter() - started
    writer.close()
    if b" 200 " not in whole[:40] or not first:
        raise ValueError(f"{target.name}: {bytes(whole[:400])!r}")
    pieces = sum(whole.count(mark) for mark in _PIECE)
    return Answer(first, time.perf_counter() - started, pieces)


async def burst(target: Target, streams: int) -> tuple[float, int]:
    """Ask `streams` times at once; returns the seconds until all have ended, and the pieces that came."""
    started = time.perf_counter()
    answers = await asyncio.gather(*(ask(target) for _ in range(streams)))
    return time.perf_counter() - started, sum(answer.pieces for answer in answers)
