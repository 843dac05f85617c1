"""Tools to call, the two ways of reading an answer, and what models might write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count

from hypothesis import strategies as st

from grokdesk.core.conversation import ToolCall
from grokdesk.core.tools import Tool, ToolChoice, ToolKind
from grokdesk.providers.text_tools.sieve import Sieve

WEATHER = Tool(
    "get_weather",
    "Says how the weather is.",
    '{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}',
)
BASH = Tool("Bash")
PATCH = Tool("apply_patch", kind=ToolKind.CUSTOM)
TOOLS = (WEATHER, BASH, PATCH)

OSLO = '{"city":"Oslo"}'
ELEMENT = f"<tool_call><tool_name>get_weather</tool_name><parameters>{OSLO}</parameters></tool_call>"
BLOCK = f"<tool_calls>{ELEMENT}</tool_calls>"

# Pieces of markup, of JSON and of what is neither: joined at random they come near to calls in every way.
SCRAPS = st.sampled_from(
    [
        *("<tool_calls>", "</tool_calls>", "<tool_call>", "</tool_call>", "<tool_name>", "</tool_name>"),
        *("<parameters>", "</parameters>", "<function_call>", "</function_call>", "<name>", "</name>"),
        *('<invoke name="Bash">', "</invoke>", '<parameter name="city">', "</parameter>", "<function=Bash>"),
        *("<![CDATA[", "]]>", "```", "```json\n", "```xml\n", "`", "<", "</", ">", "<tool_calls", "<invoke "),
        *("get_weather", "Bash", "apply_patch", "nope", OSLO, '{"tool_calls":[', '[{"name":"Bash"', ELEMENT),
        *('{"name":"Bash","arguments":{}}', '"arguments":', "{", "}", "[", "]", '"', "'", ",", ":", "\\"),
        *("//", "/*", "*/", "/", "\n", " ", "x", "tru", "1", "&lt;", "&amp;", "\u017f", "\u0130", "\ud800"),
    ]
)
NEARLY_CALLS = st.lists(SCRAPS, max_size=25).map("".join)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
# How a text is cut: the lengths of its pieces, over and over.
CUTS = st.lists(st.integers(1, 9), min_size=1, max_size=5)


def pieces(text: str, cuts: Sequence[int]) -> list[str]:
    """`text` in pieces of these lengths."""
    out: list[str] = []
    at = 0
    while at < len(text):
        size = cuts[len(out) % len(cuts)]
        out.append(text[at : at + size])
        at += size
    return out


def sieve(tools: Sequence[Tool] = TOOLS, choice: ToolChoice | None = None) -> Sieve:
    """A sieve that counts its calls."""
    number = count(1)
    return Sieve(tools, choice or ToolChoice(), lambda: f"call_{next(number)}")


def sifted(
    texts: Iterable[str], tools: Sequence[Tool] = TOOLS, choice: ToolChoice | None = None
) -> list[str | tuple[str, str]]:
    """What a sieve gives for an answer in pieces: texts joined, calls as name and arguments."""
    with_ids = sieve(tools, choice)
    given = [item for text in texts for item in with_ids.feed(text)] + with_ids.end()
    out: list[str | tuple[str, str]] = []
    for item in given:
        if isinstance(item, ToolCall):
            out.append((item.name, item.arguments))
        elif out and isinstance(last := out[-1], str):
            out[-1] = last + item
        else:
            out.append(item)
    return out
