"""The ways in which models bend the form of a call."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from grokdesk.providers.text_tools.grammar import Found
from grokdesk.providers.text_tools.parse import Parsed, parse_calls
from tests.providers.text_tools.samples import BLOCK, ELEMENT, NEARLY_CALLS, OSLO, TOOLS, pieces, sifted

WEATHER = Found("get_weather", OSLO)


def named(arguments: str, name: str = "get_weather") -> str:
    """A call in our form with these arguments."""
    return f"<tool_call><tool_name>{name}</tool_name><parameters>{arguments}</parameters></tool_call>"


NAME = "<tool_name>get_weather</tool_name>"
# A call as models were trained to write it.
JSON = f'{{"name":"get_weather","arguments":{OSLO}}}'
AS_TEXT = f'{{"name":"get_weather","arguments":{json.dumps(OSLO)}}}'
INVOKE = '<invoke name="get_weather">\n<parameter name="city">Oslo</parameter>\n</invoke>'

FORMS = {
    "as asked": BLOCK,
    "one element": ELEMENT,
    "other letters": BLOCK.upper().replace("GET_WEATHER", "get_weather").replace(OSLO.upper(), OSLO),
    "blanks in tags": f"<tool_calls ><tool_call\n><tool_name >get_weather</tool_name ><parameters >{OSLO}"
    "</parameters ></tool_call ></tool_calls >",
    "lines": f"<tool_calls>\n<tool_call>\n<tool_name>\nget_weather\n</tool_name>\n<parameters>\n{OSLO}\n"
    "</parameters>\n</tool_call>\n</tool_calls>",
    "arguments first": f"<tool_call><parameters>{OSLO}</parameters>{NAME}</tool_call>",
    "other names": f"<tool_use><name>get_weather</name><input>{OSLO}</input></tool_use>",
    "attribute": f'<tool_call name="get_weather">{OSLO}</tool_call>',
    "attribute, single quotes": f"<tool_call name='get_weather'><arguments>{OSLO}</arguments></tool_call>",
    "attribute, bare": f"<invoke name=get_weather>{OSLO}</invoke>",
    "function_call": f"<function_call><name>get_weather</name><arguments>{OSLO}</arguments></function_call>",
    "invoke": f'<invoke name="get_weather">{OSLO}</invoke>',
    "invoke with children": '<invoke name="get_weather"><parameter name="city">Oslo</parameter></invoke>',
    "children in parameters": '<invoke name="get_weather"><parameters><parameter name="city">Oslo</parameter>'
    "</parameters></invoke>",
    "function_calls": f"<function_calls>\n{INVOKE}\n</function_calls>",
    "namespace": '<xai:function_call name="get_weather"><parameter name="city">Oslo</parameter>'
    "</xai:function_call>",
    "function= and parameter=": "<tool_call>\n<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n"
    "</function>\n</tool_call>",
    "call in call": f'<tool_call><invoke name="get_weather">{OSLO}</invoke></tool_call>',
    "elements as arguments": named("<city>Oslo</city>"),
    "child in CDATA": INVOKE.replace("Oslo", "<![CDATA[Oslo]]>"),
    "fence": f"```xml\n{BLOCK}\n```",
    "fence without language": f"```\n{BLOCK}\n```",
    "fence inside": f"<tool_calls>\n```xml\n{ELEMENT}\n```\n</tool_calls>",
    "fenced arguments": named(f"```json\n{OSLO}\n```"),
    "fenced JSON in a call": f"<tool_call>\n```json\n{JSON}\n```\n</tool_call>",
    "fenced arguments before the name": f"<tool_call>```json\n{OSLO}```<name>get_weather</name></tool_call>",
    "CDATA": named(f"<![CDATA[{OSLO}]]>"),
    "CDATA without its end": named(f"<![CDATA[{OSLO}"),
    "CDATA without parameters": f'<invoke name="get_weather"><![CDATA[{OSLO}]]></invoke>',
    "CDATA around broken JSON": named("<![CDATA[{'city': 'Oslo' // where\n]]>"),
    "JSON in a string": named(json.dumps(OSLO)),
    "JSON in JSON": f"<tool_call>{JSON}</tool_call>",
    "JSON in JSON, as a string": f"<tool_call>{AS_TEXT}</tool_call>",
    "list in an element": f"<tool_call>[{JSON}]</tool_call>",
    "list in the wrapper": f"<tool_calls>[{JSON}]</tool_calls>",
    "object in the wrapper": f'<tool_calls>{{"tool_calls":[{JSON}]}}</tool_calls>',
    "object in the wrapper, broken off": f'<tool_calls>{{"name":"get_weather","input":{OSLO}',
    "tool_calls as JSON": f'{{"tool_calls":[{JSON}]}}',
    "tool_calls as JSON, with more": f'{{"tool_calls":[{JSON}],"content":null}}',
    "as an API says it": '{"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather",'
    f'"arguments":{json.dumps(OSLO)}}}}}]}}',
    "list": f'[{{"tool_name":"get_weather","parameters":{OSLO}}}]',
    "list, id first": f'[{{"id":"call_1","name":"get_weather","parameters":{OSLO}}}]',
    "list, type first": f'[{{"type":"tool_use","name":"get_weather","input":{OSLO}}}]',
    "list, function first": f'[{{"function":{{"name":"get_weather","arguments":{OSLO}}}}}]',
    "list, function by name": f'[{{"function":"get_weather","arguments":{OSLO}}}]',
    "list, not closed": f"[{JSON}",
    "list, broken off": '[{"name":"get_weather","arguments":{"city":"Oslo"',
    "tool_calls as JSON, broken off": f'{{"tool_calls":[{JSON}],',
    "fenced list": f"```json\n[{JSON}]\n```",
    "single object": f'{{"name": "get_weather", "arguments": {OSLO}}}',
    "single fenced object": f"```json\n{JSON}\n```",
    "single fenced object, broken": """```json\n{"name": "get_weather", 'input': {'city': 'Oslo',}}\n```""",
    "prefix": BLOCK.replace("get_weather", "functions.get_weather"),
    "case of the name": BLOCK.replace("get_weather", "Get_Weather"),
    "quoted name": BLOCK.replace("get_weather", " `get_weather` "),
    "wrapper not closed": f"<tool_calls>{ELEMENT}",
    "call not closed": f"<tool_calls>{ELEMENT.removesuffix('</tool_call>')}</tool_calls>",
    "closed twice": f"<tool_calls>{ELEMENT}</tool_call></tool_calls>",
    "parameters not closed": ELEMENT.replace("</parameters>", ""),
    "nothing closed": ELEMENT.replace("</parameters></tool_call>", ""),
    "closing tag cut off": ELEMENT[:-5],
    "braces missing at the end": ELEMENT[: ELEMENT.index("}")],
    "brace missing": named('{"city":"Oslo"'),
    "brace too many": named(f"{OSLO}}}"),
    "text behind the arguments": ELEMENT.replace("</tool_call>", "") + " and then",
    "trailing comma": named('{"city":"Oslo",}'),
    "single quotes": named("{'city':'Oslo'}"),
    "no quotes around names": named('{city: "Oslo"}'),
    "comments": named('{/* where */"city":"Oslo" // "Bergen"\n}'),
    "entities": named("{&quot;city&quot;:&quot;Oslo&quot;}"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_bent_form_is_understood(form: str) -> None:
    """
    Each gives the same call, at once or letter by letter.
    """
    text = FORMS[form]

    assert parse_calls(text, TOOLS).calls == (WEATHER,)
    assert [item for item in sifted(pieces(text, [1])) if not isinstance(item, str)] == [
        ("get_weather", OSLO)
    ]


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ("", {}),
        ("{}", {}),
        ('{"a":"line\nline"}', {"a": "line\nline"}),
        ('{"a":"echo "hi" && ls"}', {"a": 'echo "hi" && ls'}),
        ('{"a":"</parameters>"}', {"a": "</parameters>"}),
        ('{"a":"x &lt; y"}', {"a": "x < y"}),
        ('{"a":["&amp;"],"&lt;":1}', {"a": ["&"], "<": 1}),
        ('{"a":"<p>&lt;</p>"}', {"a": "<p>&lt;</p>"}),
        ('{"a":"&nbsp;&lt;"}', {"a": "&nbsp;&lt;"}),
        ('<![CDATA[{"a":"&lt;"}]]>', {"a": "&lt;"}),
        ('{"a":[1,2}', {"a": [1, 2]}),
        ('{"a":1.50,"b":123456789012345678901234567890}', {"a": 1.5, "b": 123456789012345678901234567890}),
        (r'{"a":"\d+ \u0041 C:\Work \'"}', {"a": r"\d+ A C:\Work '"}),
        ('{"a":True,"b":None}', {"a": True, "b": None}),
        ('{"a":"\\ud800"}', {"a": "\ud800"}),
        ("<a>1</a>\n<b></b>", {"a": "1", "b": ""}),
    ],
)
def test_arguments_mean_what_the_model_meant(arguments: str, meant: dict[str, object]) -> None:
    """
    Repaired where there is one meaning; text of pages and code keeps its entities.
    """
    [found] = parse_calls(named(arguments, "Bash"), TOOLS).calls

    assert json.loads(found.arguments) == meant
    assert found.arguments.encode()


@pytest.mark.parametrize(
    ("text", "given_text"),
    [
        (named("*** Begin\n+x\n", "apply_patch"), "*** Begin\n+x\n"),
        (named('{"input": "*** Begin"}', "apply_patch"), "*** Begin"),
        (named('"*** Begin"', "apply_patch"), "*** Begin"),
        (named('{"other": 1}', "apply_patch"), '{"other": 1}'),
        (named("<![CDATA[*** <Begin>]]>", "apply_patch"), "*** <Begin>"),
        ('<invoke name="apply_patch">*** Begin</invoke>', "*** Begin"),
        ('[{"name":"apply_patch","input":"*** Begin"}]', "*** Begin"),
    ],
)
def test_a_custom_tool_takes_free_text(text: str, given_text: str) -> None:
    """
    As `{"input": …}`, or as it stands.
    """
    [found] = parse_calls(text, TOOLS).calls

    assert found.name == "apply_patch"
    assert json.loads(found.arguments) == {"input": given_text}


def test_missing_arguments_are_none_at_all() -> None:
    """
    A call without parameters is a call with `{}` (§13.3), also with an empty element or `null`.
    """
    for text in (
        "<tool_call><tool_name>Bash</tool_name></tool_call>",
        "<tool_call><tool_name>Bash</tool_name><parameters/></tool_call>",
        '<invoke name="Bash"></invoke>',
        '[{"name":"Bash"}]',
        '[{"name":"Bash","arguments":null}]',
    ):
        assert parse_calls(text, TOOLS).calls == (Found("Bash", "{}"),)
    assert parse_calls('<invoke name="Bash"><parameter name="a"/></invoke>', TOOLS).calls == (
        Found("Bash", '{"a":""}'),
    )


def test_several_calls_keep_their_order() -> None:
    """
    In one wrapper, as objects, as elements without end tags.
    """
    bash = Found("Bash", "{}")
    for text in (
        f"<tool_calls>{ELEMENT}{named('{}', 'Bash')}</tool_calls>",
        f'<tool_calls>{{"name":"get_weather","input":{OSLO}}},\n{{"name":"Bash"}}</tool_calls>',
        f"{ELEMENT.removesuffix('</tool_call>')}{named('{}', 'Bash')}",
        f'{{"tool_calls":[{{"name":"get_weather","args":{OSLO}}}, {{"name":"Bash"}}]}}',
    ):
        assert parse_calls(text, TOOLS).calls == (WEATHER, bash)


def test_a_broken_call_in_a_list_does_not_cost_the_others() -> None:
    """
    Quotes that were not escaped are repaired when the list ends; what is no call is left out.
    """
    text = '{"tool_calls":[{"name":"Bash","arguments":{"command":"echo "hi""}},{"name":"nope"},2]}'

    assert parse_calls(text, TOOLS).calls == (Found("Bash", '{"command":"echo \\"hi\\""}'),)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("Nothing.", Parsed((), "Nothing.")),
        (f"a {ELEMENT} b", Parsed((WEATHER,), "a ", " b")),
        (f"a {BLOCK} b", Parsed((WEATHER,), "a ", "", " b")),
        (f'So: [{{"name":"get_weather","input":{OSLO}}}], yes', Parsed((WEATHER,), "So: ", ", yes")),
        (
            f'A set {{"a"}} and {{"name":"get_weather","input":{OSLO}}}',
            Parsed((WEATHER,), 'A set {"a"} and '),
        ),
    ],
)
def test_text_around_calls_is_kept_apart(text: str, parsed: Parsed) -> None:
    """
    Before, after, and what nobody is to hear; a complete text may hold JSON in its middle.
    """
    assert parse_calls(text, TOOLS) == parsed
    assert parsed.text == parsed.text_before + parsed.text_after


def test_a_name_that_fits_two_tools_means_neither() -> None:
    """
    Letters count as soon as they are needed; the exact name wins.
    """
    tools = [*TOOLS, *(type(TOOLS[1])(name) for name in ("bash", "x.y"))]

    assert parse_calls(named("{}", "BASH"), tools).calls == ()
    assert parse_calls(named("{}", "bash"), tools).calls == (Found("bash", "{}"),)
    assert parse_calls(named("{}", "functions.X.Y"), tools).calls == (Found("x.y", "{}"),)


@given(NEARLY_CALLS)
def test_a_second_look_finds_at_least_what_the_sieve_found(text: str) -> None:
    """
    The same calls, or none and then perhaps JSON in prose; without calls all is text.
    """
    streamed = [item for item in sifted([text]) if not isinstance(item, str)]
    parsed = parse_calls(text, TOOLS)

    assert not streamed or [(call.name, call.arguments) for call in parsed.calls] == streamed
    assert parsed.calls or parsed == Parsed((), text)
