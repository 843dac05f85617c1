"""A client that asks and reads, and does as little else as possible."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

_MESSAGES = b'"messages":[{"role":"user","content":"Say something."}]}'
_START = b'{"model":"grok-4.20-fast","stream":true,'
# What each public format calls a chat: its path and a body.
FORMATS = {
    "chat": ("/v1/chat/completions", _START + _MESSAGES),
    "responses": ("/v1/responses", _START + b'"store":false,"input":"Say something."}'),
    "messages": ("/v1/messages", _START + b'"max_tokens":100000,' + _MESSAGES),
}


# How a piece of the answer begins: in chat, in Grok's two forms, in responses, in messages.
_PIECE = (b'"content":" ', b'"token":" ', b'{"text":" ', b'"delta":" ', b'"text_delta","text":" ')


@dataclass(frozen=True, slots=True)
class Target:
    """Something that answers chats on a port of this machine."""

    name: str
    port: int
    key: str = "none"
    format: str = "chat"

    @property
    def request(self) -> bytes:
        """The bytes of one request."""
        path, body = FORMATS[self.format]
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + body


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
