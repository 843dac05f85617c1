"""A simulated Grok that understands what it is asked well enough for other people's test suites.

It calls the tools it is given, fills schemas with what the question contains, and otherwise answers in a
sentence.
It reads the prompt as Grok would: one flattened text (protocol/grok-web-chat.md §12, §13).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from grokdesk.sim import Script, text, thinking, tool_text

Json = dict[str, Any]  # schemas of whoever asks

_PIECE: Final = re.compile(r"(?:\A|\n\n)\[(system|user|assistant|tool)\]\n")
_TOOL: Final = re.compile(
    r"^Tool: (?P<name>\S+)\n(?:Description: (?P<about>(?:.|\n)*?)\n)?Parameters: (?P<schema>.*)$",
    re.MULTILINE,
)
_MUST: Final = re.compile(r"you must call (?:the tool (?P<name>\S+)|at least one tool) now")
_ONE_CALL: Final = "Make at most one call"
_FORM: Final = re.compile(
    r"Answer with JSON and nothing else.*?(?:JSON schema:\n\n(?P<schema>\{.*?\})\n\n|\Z|\n\n)", re.DOTALL
)
_QUOTED: Final = re.compile(r"'([^'\n]+)'|\"([^\"\n]+)\"|“([^”\n]+)”")
_NAME: Final = re.compile(r"\b[A-Z][a-z]+(?: [A-Z][a-z]+)*(?:, [A-Z]{2}\b)?")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_DULL: Final = frozenset(
    re.findall(
        r"\w+",
        "a about an and any are as call do does for from get give given how i in input is it me now of on or "
        "please return returns s some tell that the this to tool tools use using value what when where which "
        "with you your",
    )
)
_LONGEST_NEST: Final = 6


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    about: str
    schema: Json


def answer(prompt: str, mode: str, rng: random.Random) -> Script:
    """What this Grok says to `prompt`; `World.improvise` takes it."""
    said = list(_said(prompt))
    question = next((words for role, words in reversed(said) if role == "user"), prompt)
    reasons = thinking(raw=["Reading the question. ", "Choosing an answer."])
    results = _results(said)
    tools, must = _tools(said), _MUST.search(prompt)
    wanted = [tool for tool in tools if must and must["name"] in {None, tool.name}]
    calls = [] if results and not must else _calls(wanted or tools, question, is_forced=bool(must))
    if calls:
        return reasons + tool_text(*(calls[:1] if _ONE_CALL in prompt else calls))
    form = _FORM.search(prompt)
    if form:
        return reasons + text(orjson.dumps(_in_form(form["schema"], question)).decode())
    if results:
        return reasons + text(f"The tools say: {'; '.join(results)}")
    return reasons + text(_plain(question))


def _in_form(schema: str | None, question: str) -> Any:  # noqa: ANN401 - JSON
    """The JSON asked for; without a schema it has the keys that the question quotes."""
    if schema:
        form = orjson.loads(schema)
        return _filled(form, form, question)
    return {next(key for key in found.groups() if key): "a word" for found in _QUOTED.finditer(question)}


def _said(prompt: str) -> Iterator[tuple[str, str]]:
    parts = _PIECE.split(prompt)
    yield from zip(parts[1::2], parts[2::2], strict=True)


def _results(said: list[tuple[str, str]]) -> list[str]:
    """The results of tools that came after the last question."""
    found: list[str] = []
    for role, words in reversed(said):
        if role == "tool":
            found.insert(0, words.partition(": ")[2] or words)
        elif role == "user":
            break
    return found


def _tools(said: list[tuple[str, str]]) -> list[Tool]:
    listed = "\n".join(words for role, words in said if role == "system" and "AVAILABLE TOOLS:" in words)
    return [
        Tool(found["name"], found["about"] or "", orjson.loads(found["schema"]))
        for found in _TOOL.finditer(listed)
        if found["schema"].startswith("{")
    ]


def _calls(tools: list[Tool], question: str, *, is_forced: bool) -> list[tuple[str, Json]]:
    """One call of each tool that the question is about; of the first one if there has to be a call."""
    about = [tool for tool in tools if _words(f"{tool.name} {tool.about}") & _words(question)]
    called = about[:1] or (tools[:1] if is_forced else [])
    return [(tool.name, _filled(tool.schema, tool.schema, question)) for tool in called]


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"[^\W_]+", text.lower()) if word not in _DULL and not word.isdigit()}


def _plain(question: str) -> str:
    lowered = question.lower()
    if "image" in lowered or "picture" in lowered:
        return "The picture is mostly blue and green, under a clear sky."
    named = re.search(r"[Mm]y name is (\w+)", question)
    return f"Hello{' ' + named[1] if named else ''}, here is an answer to that: one, two, three, four, five."


# --- filling schemas ----------------------------------------------------------------------------------------


def _filled(schema: Json, root: Json, question: str, name: str = "", depth: int = 0) -> Any:  # noqa: ANN401 - JSON
    """A value that fits `schema`, taken from the question where there is something fitting."""
    schema = _resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return next(
            (one for one in schema["enum"] if str(one).lower() in question.lower()), schema["enum"][0]
        )
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = next((one for one in kind if one != "null"), "null") if isinstance(kind, list) else kind
    match kind:
        case "object":
            required = schema.get("required", [])
            return (
                {
                    key: _filled(inner, root, question, key, depth + 1)
                    for key, inner in schema.get("properties", {}).items()
                    if key in required
                }
                if depth < _LONGEST_NEST
                else {}
            )
        case "array":
            return [_filled(schema.get("items", {}), root, question, name, depth + 1)]
        case "integer" | "number":
            return _number(schema, question, name)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _string(question, name)


def _resolved(schema: Json, root: Json) -> Json:
    for _ in range(_LONGEST_NEST):
        if "$ref" in schema:
            target: Any = root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            schema = target
            continue
        options = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if not options:
            break
        schema = next((one for one in options if one.get("type") != "null"), options[0])
    return schema


def _number(schema: Json, question: str, name: str) -> float:
    near = re.search(rf"\b{re.escape(name)}\b\D{{0,12}}(-?\d+(?:\.\d+)?)", question) if name else None
    found = near[1] if near else next(iter(_NUMBER.findall(question)), str(schema.get("minimum", 1)))
    return int(float(found)) if schema.get("type") == "integer" or float(found).is_integer() else float(found)


def _string(question: str, name: str) -> str:
    for quoted in _QUOTED.finditer(question):
        return next(group for group in quoted.groups() if group)
    names = [one for one in _NAME.findall(question)[1:] if one.lower() not in _DULL]
    return max(names, key=len, default="") or f"a {name or 'word'}"
