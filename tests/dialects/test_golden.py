"""Golden transcripts, downstream half: what each kind of client hears of the events in a case.

A case is a folder in `tests/golden` with `events.txt`, one event a line: its name and its fields as JSON;
fields with their usual value may be missing. Where it matters what a client had asked, `DIALECT.request.json`
is the body it sent. `pytest --accept` rewrites the rest; the difference is reviewed like code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from grokdesk.core import events
from grokdesk.core.conversation import ChatRequest, ToolCall
from grokdesk.core.events import Event, Source, SourceKind, Stop, Transcript, Usage
from grokdesk.core.shaping import Tally, shaped
from grokdesk.dialects.anthropic import Anthropic
from grokdesk.dialects.base import Asked, Dialect, Stamp
from grokdesk.dialects.openai_chat import OpenAIChat
from grokdesk.dialects.openai_responses import OpenAIResponses

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/events.txt"))
DIALECTS: dict[str, Dialect] = {
    "openai_chat": OpenAIChat(),
    "anthropic": Anthropic(),
    "openai_responses": OpenAIResponses(),
}

STAMP = Stamp("0123456789abcdef", 1_790_000_000)
MODEL = "grok-4.20-fast"
PROMPT_TOKENS = 12

_READERS: dict[str, Callable[[Any], object]] = {
    "source": lambda value: Source(**{**value, "kind": SourceKind(value.get("kind", "web"))}),
    "call": lambda value: ToolCall(**value),
    "stop": Stop,
    "usage": lambda value: Usage(**value),
}


def read(line: str) -> Event:
    """Return the event that a line of `events.txt` stands for."""
    name, _, rest = line.partition(" ")
    kind = getattr(events, name)
    given = json.loads(rest or "{}")
    unknown = given.keys() - {field.name for field in fields(kind)}
    assert not unknown, f"{name} has no {unknown}"
    event: Event = kind(
        **{key: _READERS[key](value) if key in _READERS else value for key, value in given.items()}
    )
    return event


def run(case: str) -> tuple[list[Event], Transcript]:
    """Return the events of a case as a client's run has them, with usage, and their fold."""
    lines = (GOLDEN / case / "events.txt").read_text("utf-8").splitlines()
    transcript = Transcript()
    found = [read(line) for line in lines if line.strip()]
    return shaped([Tally(PROMPT_TOKENS, transcript)], found), transcript


def asked(case: str, name: str) -> Asked:
    """Return what the client wants that hears a case in a dialect."""
    sent = GOLDEN / case / f"{name}.request.json"
    return DIALECTS[name].decode(sent.read_bytes(), {}) if sent.is_file() else Asked(ChatRequest(MODEL, ()))


def compare(path: Path, heard: bytes, *, accept: bool) -> None:
    if accept:
        path.write_bytes(heard)
    assert path.is_file(), "no such golden file yet; look at the answer with --accept"
    assert heard.decode() == path.read_bytes().decode()


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("case", CASES)
def test_a_streaming_client_hears(case: str, name: str, accept: bool) -> None:
    """
    The frames of the whole run, with usage.
    """
    dialect = DIALECTS[name]
    encoder = dialect.encoder(replace(asked(case, name), stream=True, include_usage=True), STAMP)
    shaped_events, _ = run(case)

    heard = b"".join(encoder.feed(event) for event in shaped_events) + encoder.end()

    compare(GOLDEN / case / f"{name}.sse", heard, accept=accept)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("case", CASES)
def test_a_waiting_client_hears(case: str, name: str, accept: bool) -> None:
    """
    The same run as one body, indented for reading.
    """
    _, transcript = run(case)

    body = DIALECTS[name].render(asked(case, name), STAMP, [transcript])

    heard = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    compare(GOLDEN / case / f"{name}.json", heard, accept=accept)
