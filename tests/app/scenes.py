"""What Grok does, and what a client must hear of it, whichever of the three APIs it speaks.

A scene is one question. Each client's tests translate what is wanted into their own request, and what came
into `Heard`, so that all of them have to agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from grokdesk.sim import Script, heavy, text, thinking, tool_text

Json = dict[str, Any]  # what goes through the clients unread
End = Literal["end", "stop", "length", "calls"]

CITY: Final[Json] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}
CODE: Final[Json] = {
    "type": "object",
    "properties": {"source": {"type": "string"}},
    "required": ["source"],
    "additionalProperties": False,
}
TOOLS: Final[Mapping[str, tuple[str, Json]]] = {
    "weather": ("Tells the weather of a city.", CITY),
    "run_code": ("Runs a program.", CODE),
}
"""By name: description and schema."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as any client can tell it."""

    text: str = ""
    thought: str = ""
    calls: tuple[tuple[str, Json], ...] = ()
    end: End = "end"


@dataclass(frozen=True, slots=True)
class Scene:
    """The turns of Grok for one question, and what is asked and heard."""

    turns: tuple[Script, ...]
    heard: Heard
    tools: bool = False
    must: str = ""
    """`any`, the name of a tool, or nothing."""
    parallel: bool = True
    stop: str = ""
    max_tokens: int = 1024


WEATHER: Final = ("weather", {"city": "Bern"})
CITIES: Final = tuple(("weather", {"city": city, "days": 3}) for city in ("Bern", "Zürich", "Genève"))
PROGRAM: Final = 'if a < b && c > d:\n\tprint("</tool_call> &amp; {}")  # 😀 \\n\n'
PROSE: Final = 'Zoë: "a < b" && {"x": [1, 2]} — <tool> is no call.\n\n```py\nprint("😀")\n```\n\tEnd <'

SCENES: Final[Mapping[str, Scene]] = {
    "text": Scene((text("Io, Europa and Ganymede."),), Heard("Io, Europa and Ganymede.")),
    "difficult text": Scene((text(PROSE, chunk_bytes=3),), Heard(PROSE)),
    "difficult text beside tools": Scene((text(PROSE, chunk_bytes=5),), Heard(PROSE), tools=True),
    "thinking": Scene(
        (thinking(raw=["Let me ", "think."]) + text("Said."),), Heard("Said.", "Let me think.")
    ),
    "agents": Scene((heavy("Sixteen metres.", agents=2),), Heard("Sixteen metres.", "The reports agree.")),
    "one tool": Scene((tool_text(WEATHER),), Heard(calls=(WEATHER,), end="calls"), tools=True),
    "three tools at once": Scene((tool_text(*CITIES),), Heard(calls=CITIES, end="calls"), tools=True),
    "two different tools": Scene(
        (tool_text(WEATHER, ("run_code", {"source": "1"})),),
        Heard(calls=(WEATHER, ("run_code", {"source": "1"})), end="calls"),
        tools=True,
    ),
    "text, then a tool": Scene(
        (tool_text(WEATHER, before="Let me look.\n\n"),),
        Heard("Let me look.\n\n", calls=(WEATHER,), end="calls"),
        tools=True,
    ),
    "thinking, then a tool": Scene(
        (thinking(raw=["A city, then."]) + tool_text(WEATHER),),
        Heard("", "A city, then.", (WEATHER,), "calls"),
        tools=True,
    ),
    "a tool with difficult arguments": Scene(
        (tool_text(("run_code", {"source": PROGRAM}), largest_piece=3),),
        Heard(calls=(("run_code", {"source": PROGRAM}),), end="calls"),
        tools=True,
    ),
    "a call that is not closed": Scene(
        (tool_text(WEATHER, broken=True),), Heard(calls=(WEATHER,), end="calls"), tools=True
    ),
    "a call in another form": Scene(
        (tool_text(WEATHER, form="json", fenced=True),), Heard(calls=(WEATHER,), end="calls"), tools=True
    ),
    "tools, and none called": Scene((text("No need to look."),), Heard("No need to look."), tools=True),
    "one call at most": Scene(
        (tool_text(*CITIES),), Heard(calls=CITIES[:1], end="calls"), tools=True, parallel=False
    ),
    "forced, at once": Scene(
        (tool_text(WEATHER),), Heard(calls=(WEATHER,), end="calls"), tools=True, must="any"
    ),
    "forced, when asked again": Scene(
        (text("It is sunny in Bern."), tool_text(WEATHER)),
        Heard(calls=(WEATHER,), end="calls"),
        tools=True,
        must="any",
    ),
    "forced by name, when asked again": Scene(
        (text("It is sunny in Bern."), tool_text(WEATHER)),
        Heard(calls=(WEATHER,), end="calls"),
        tools=True,
        must="weather",
    ),
    "forced, and never called": Scene(
        (text("It is sunny in Bern."), text("It really is sunny.")),
        Heard(
            "It really is sunny.\n\n"
            "(A tool call was required, but the model answered with text instead, twice.)"
        ),
        tools=True,
        must="any",
    ),
    "stopped at a sequence": Scene(
        (text(pieces=["one tw", "o thr", "ee fo", "ur"], delay_s=0.001),),
        Heard("one two ", end="stop"),
        stop="three",
    ),
    "cut at a length": Scene(
        (text("one two three four five six seven eight nine ten"),),
        Heard("one two three ", end="length"),
        max_tokens=3,
    ),
}


def agree(heard: Heard, wanted: Heard) -> None:
    """Assert that a client heard what it should. Thinking may have more around it than was wanted."""
    assert replace(heard, thought="") == replace(wanted, thought="")
    assert wanted.thought in heard.thought
    assert bool(heard.thought) == bool(wanted.thought)
