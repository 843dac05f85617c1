"""Recorded stories of several calls: the media samples, line by line (`samples/media/README.md`).

A recording is a row of exchanges: a request and its reply, or a socket from its handshake to its close. They
are met in order; calls that are not in the story go their usual way. What a client sends is compared with
what was recorded, by the names of its members.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import orjson

from grokdesk.sim.script import Framing, Json

CHAT = "/rest/app-chat/conversations/new"
DONE = "data: [DONE]"

_IGNORED = frozenset({"timestamp", "requestId", "event_id", "client_message_id"})
_GENERATED = re.compile(r"users/[\w-]+/generated/[\w-]+/[\w.]+")
_PUBLIC = re.compile(r"imagine-public/images/[\w-]+\.\w+")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a story. `after_s` counts from the line before it."""

    direction: Literal["c2s", "s2c"]
    kind: str
    after_s: float
    json: Json | None = None
    text: str | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its reply, or one socket. Without `path` any chat request will do."""

    method: str
    path: str
    request: Json | None
    parts: tuple[str, ...]
    """Names of the parts of a form."""
    status: int
    headers: Mapping[str, str]
    lines: tuple[Line, ...]
    """The reply: one line for a whole body, many for a stream or a socket."""

    @property
    def is_stream(self) -> bool:
        return any(line.kind in {"http.chunk", "http.end"} for line in self.lines)

    def fits(self, method: str, path: str) -> bool:
        if not self.path:
            return (method, path) == ("POST", CHAT)
        return (method, path) == (self.method, self.path)


@dataclass(slots=True, eq=False)
class Recording:
    """A story, and how far it was told."""

    exchanges: tuple[Exchange, ...]
    files: Mapping[str, bytes]
    """What downloads of the story gave, by path."""
    framing: Framing = "lines"
    chunk_bytes: int | None = None
    speed: float = 0.0
    """1 plays at the recorded pace, 0 without any pause."""
    met: int = 0
    differences: list[str] = field(default_factory=list)
    """Members that one side had and the other had not, where the real client spoke."""

    @property
    def is_over(self) -> bool:
        return self.met == len(self.exchanges)

    def take(self, method: str, path: str) -> Exchange | None:
        """The next exchange, if this call begins it."""
        if self.is_over or not self.exchanges[self.met].fits(method, path):
            return None
        self.met += 1
        return self.exchanges[self.met - 1]

    def compare(self, recorded: object, said: object, where: str) -> None:
        """Note which members differ."""
        had, has = set(_members(recorded)), set(_members(said))
        self.differences += [f"{where}: {name} is missing" for name in sorted(had - has)]
        self.differences += [f"{where}: {name} is not in the recording" for name in sorted(has - had)]


def recording(
    source: str | Path | Iterable[Json],
    *,
    case: int | None = None,
    framing: Framing = "lines",
    chunk_bytes: int | None = None,
    speed: float = 0.0,
) -> Recording:
    """The story of an NDJSON file or of its lines; `case` (from 1) takes one of its exchanges alone.

    Raises `ValueError` for a line nobody knows or a case that is not there.
    """
    if isinstance(source, str | Path):
        lines = [orjson.loads(line) for line in Path(source).read_bytes().splitlines() if line.strip()]
    else:
        lines = list(source)
    exchanges = list(_exchanges(lines))
    files = {
        one.path.lstrip("/"): data
        for one in exchanges
        if one.method == "GET" and one.path.startswith("/users/")
        for data in [line.data for line in one.lines]
        if data is not None
    }
    # Downloads come as often and as late as a client likes; the files are simply there.
    exchanges = [one for one in exchanges if one.path.lstrip("/") not in files]
    if case is not None:
        if not 1 <= case <= len(exchanges):
            raise ValueError(f"the recording has {len(exchanges)} exchanges, no number {case}")
        exchanges = [exchanges[case - 1]]
    return Recording(tuple(exchanges), files, framing, chunk_bytes, speed)


def generated_paths(text: str) -> list[str]:
    """The paths of generated files that a reply names, each once."""
    return list(dict.fromkeys(_GENERATED.findall(text)))


def public_paths(text: str) -> list[str]:
    """The paths of public pictures that a reply names, each once."""
    return list(dict.fromkeys(_PUBLIC.findall(text)))


def _exchanges(lines: Sequence[Json]) -> Iterator[Exchange]:
    request: Json = {}
    reply: list[Line] = []
    opened: Json | None = None
    before = 0.0
    for line in lines:
        at = line.get("t")
        at_s = at / 1000 if isinstance(at, int | float) else before
        entry, before = _line(line, max(at_s - before, 0.0)), at_s
        match entry.kind:
            case "note":
                continue
            case "http.request" | "ws.open":
                if opened is not None:
                    yield _exchange(request, opened, reply)
                request, reply, opened = line, [], None
            case "http.response" | "ws.accept" | "ws.refuse":
                if opened is not None:
                    yield _exchange(request, opened, reply)
                    request, reply = {}, []
                opened = line
                if line.keys() & {"json", "text", "base64"}:
                    reply.append(entry)
            case "http.chunk" | "http.end" | "ws.text" | "ws.close":
                reply.append(entry)
                if entry.kind == "http.end" and opened is not None:
                    yield _exchange(request, opened, reply)
                    request, reply, opened = {}, [], None
            case other:
                raise ValueError(f"line {line.get('n')} has the kind {other!r}")
    if opened is not None:
        yield _exchange(request, opened, reply)


def _line(line: Json, after_s: float) -> Line:
    content, text, data = line.get("json"), line.get("text"), line.get("base64")
    return Line(
        direction="c2s" if line.get("dir") == "c2s" else "s2c",
        kind=str(line.get("kind")),
        after_s=after_s,
        json=content if isinstance(content, dict) else None,
        text=text if isinstance(text, str) else None,
        data=base64.b64decode(data) if isinstance(data, str) else None,
    )


def _exchange(request: Json, reply: Json, lines: Sequence[Line]) -> Exchange:
    status, headers, sent, parts = (
        reply.get("status"),
        reply.get("headers"),
        request.get("json"),
        request.get("multipart"),
    )
    named = [part.get("name") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return Exchange(
        method=str(request.get("method", "GET" if request else "")),
        path=urlsplit(str(request.get("url", ""))).path,
        request=sent if isinstance(sent, dict) else None,
        parts=tuple(str(name) for name in named),
        status=status if isinstance(status, int) else 200,
        headers={str(k): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {},
        lines=tuple(lines),
    )


def _members(value: object, where: str = "") -> Iterator[str]:
    """The names of all members, as paths; entries of lists by their number."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in _IGNORED:
                yield f"{where}.{name}" if where else name
                yield from _members(inner, f"{where}.{name}" if where else name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _members(inner, f"{where}[{number}]")
