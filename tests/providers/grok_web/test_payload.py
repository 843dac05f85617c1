"""A conversation as one text, and the bodies that carry it."""

from __future__ import annotations

import orjson
import pytest

from grokdesk.core.conversation import Media, Message, Part, Role, Text, Thought, ToolCall, ToolResult
from grokdesk.core.errors import InvalidRequest
from grokdesk.providers.grok_web.protocol import payload
from tests.providers.grok_web.transcripts import lines


def said(role: Role, *parts: Part | str) -> Message:
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def clients() -> list[object]:
    """What the client sent in the recorded dialogue."""
    entries = [orjson.loads(line) for line in lines("mgw-dialogue.ndjson")]
    return [entry["frame"] for entry in entries if entry["dir"] == "client"]


# --- flattening ---


def test_a_conversation_with_tools_reads_as_documented() -> None:
    """
    The example of §12, current form.
    """
    messages = [
        said(Role.SYSTEM, "Answer briefly."),
        said(Role.USER, "Weather in Oslo?"),
        said(Role.ASSISTANT, ToolCall("call_1", "get_weather", '{ "city" : "Oslo" }')),
        said(Role.USER, ToolResult("call_1", (Text("4 degrees, rain"),))),
    ]

    assert payload.flatten(messages) == (
        "[system]\nAnswer briefly.\n\n"
        "[user]\nWeather in Oslo?\n\n"
        "[assistant]\n"
        "<tool_calls>\n"
        "  <tool_call>\n"
        "    <tool_name>get_weather</tool_name>\n"
        '    <parameters>{"city":"Oslo"}</parameters>\n'
        "  </tool_call>\n"
        "</tool_calls>\n\n"
        "[tool]\nTool result (call_1): 4 degrees, rain"
    )


def test_parts_are_lines_of_one_piece_and_thinking_is_left_out() -> None:
    """
    Several text parts are joined by a line break; empty messages are skipped.
    """
    messages = [
        said(Role.SYSTEM, " \n"),
        said(Role.USER, "a", "", "b"),
        said(Role.ASSISTANT, Thought("hm"), "c", ToolCall("1", "f", "")),
        said(Role.ASSISTANT, Thought("only")),
    ]

    assert payload.flatten(messages) == (
        "[user]\na\nb\n\n[assistant]\nc\n<tool_calls>\n  <tool_call>\n    <tool_name>f</tool_name>\n"
        "    <parameters>{}</parameters>\n  </tool_call>\n</tool_calls>"
    )


def test_text_beside_results_keeps_its_place() -> None:
    """
    Results are pieces of their own, in the client's order; a failed one says so, one without id has none.
    """
    message = said(
        Role.USER,
        ToolResult("1", (Text("x"), Text("y"))),
        ToolResult("", (Text("z"),), is_error=True),
        "And now?",
    )

    assert payload.flatten([message]) == (
        "[tool]\nTool result (1): x\ny\n\n[tool]\nTool error: z\n\n[user]\nAnd now?"
    )


def test_the_instruction_goes_first_where_the_form_has_no_place_for_it() -> None:
    """
    As a system piece.
    """
    assert (
        payload.flatten([said(Role.USER, "Hi")], instruction=" Be brief. ")
        == "[system]\nBe brief.\n\n[user]\nHi"
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"n": 12345678901234567890123, "x": 1.0}', '{"n":12345678901234567890123,"x":1.0}'),
        ('{"city":\n  "T\u00f8nsberg"}', '{"city":"T\u00f8nsberg"}'),
        ("not\n json", "not json"),
        ("[" * 100_000, "[" * 100_000),
        ('"\\ud83d"', '"\\ud83d"'),
        ('"\\ud83d\\ude00"', '"\U0001f600"'),
    ],
)
def test_arguments_stand_on_one_line(arguments: str, expected: str) -> None:
    """
    Numbers keep every digit, half characters stay escaped, what is not JSON stays as it is.
    """
    text = payload.flatten([said(Role.ASSISTANT, ToolCall("1", "f", arguments))])

    assert f"<parameters>{expected}</parameters>" in text
    assert text.encode()


def test_files_travel_beside_the_text() -> None:
    """
    Those of messages and of tool results are found in order, and leave no trace in the text.
    """
    first, second = Media(url="https://a.example/b.png"), Media(data=b"x")
    messages = [said(Role.USER, "look", first), said(Role.USER, ToolResult("1", (Text("here"), second)))]

    assert payload.files_of(messages) == [first, second]
    assert payload.flatten(messages) == "[user]\nlook\n\n[tool]\nTool result (1): here"


def test_a_file_alone_is_enough() -> None:
    """
    Somebody may send a picture and no word.
    """
    assert payload.flatten([said(Role.USER, Media(data=b"x"))], has_files=True) == ""


def test_the_block_of_the_tools_goes_in_front_of_everything() -> None:
    """
    Before the owner's instruction and before the conversation.
    """
    text = payload.flatten([said(Role.USER, "Hi")], "Be brief.", "AVAILABLE TOOLS: none")

    assert text.index("AVAILABLE") < text.index("Be brief.") < text.index("Hi")


@pytest.mark.parametrize("messages", [[], [said(Role.USER, " ")], [said(Role.ASSISTANT, Thought("hm"))]])
def test_a_conversation_without_text_is_refused(messages: list[Message]) -> None:
    """
    An instruction alone asks nothing.
    """
    with pytest.raises(InvalidRequest) as caught:
        payload.flatten(messages, instruction="Be brief.")

    assert caught.value.param == "messages"


# --- older form ---

REST_BODY = {
    "collectionIds": [],
    "connectors": [],
    "deviceEnvInfo": {
        "darkModeEnabled": False,
        "devicePixelRatio": 2,
        "screenHeight": 1329,
        "screenWidth": 2056,
        "viewportHeight": 1083,
        "viewportWidth": 2056,
    },
    "disableMemory": True,
    "disableSearch": False,
    "disableSelfHarmShortCircuit": False,
    "disableTextFollowUps": False,
    "enableImageGeneration": True,
    "enableImageStreaming": True,
    "enableSideBySide": True,
    "fileAttachments": [],
    "forceConcise": False,
    "forceSideBySide": False,
    "imageAttachments": [],
    "imageGenerationCount": 2,
    "isAsyncChat": False,
    "message": "[user]\nName three moons of Jupiter.",
    "modeId": "fast",
    "responseMetadata": {},
    "returnImageBytes": False,
    "returnRawGrokInXaiRequest": False,
    "searchAllConnectors": False,
    "sendFinalMetadata": True,
    "temporary": True,
    "toolOverrides": {
        "gmailSearch": False,
        "googleCalendarSearch": False,
        "outlookSearch": False,
        "outlookCalendarSearch": False,
        "googleDriveSearch": False,
    },
}


def test_the_older_body_is_as_documented() -> None:
    """
    The full body of §7.1.
    """
    body = payload.rest_body(
        message="[user]\nName three moons of Jupiter.",
        mode_id="fast",
        temporary=True,
        memory=False,
        custom_instruction="  ",
    )

    assert orjson.loads(body) == REST_BODY


def test_the_owners_choices_are_in_the_older_body() -> None:
    """
    Memory, lasting conversations and an instruction.
    """
    body = payload.rest_body(
        message="x", mode_id="auto", temporary=False, memory=True, custom_instruction="Be brief."
    )

    changed = {
        "message": "x",
        "modeId": "auto",
        "temporary": False,
        "disableMemory": False,
        "customPersonality": "Be brief.",
    }
    assert orjson.loads(body) == REST_BODY | changed


# --- message gateway ---


def test_the_events_of_a_dialogue_are_the_recorded_ones() -> None:
    """
    New conversation, continuation with a file, and the heartbeat.
    """
    first, second = "d00f7b11-205f-42f7-88c1-d781b972e776", "adff32f5-35dd-4954-a7f8-022a4eedef2a"

    sent = [
        payload.session_create(
            event_id="evt_init_b21b1c2e-1f61-41bc-acb7-0dd842762334",
            mode_id="fast",
            temporary=True,
            memory=False,
        ),
        payload.item_create(
            session_id=first,
            event_id="evt_msg_1795392000123",
            message_id="3ceb0831-8744-4e92-ad93-36c0f9c4b930",
            text="[user]\nName three moons of Jupiter.",
        ),
        payload.response_create(session_id=first, event_id="evt_resp_1795392000123"),
        payload.session_create(
            event_id="evt_init_670c1cd3-5555-4e31-84be-37c1dfe6c55b",
            mode_id="fast",
            temporary=True,
            memory=False,
            conversation_id=first,
        ),
        payload.item_create(
            session_id=first,
            event_id="evt_msg_1795392061123",
            message_id="396dfa33-6763-4f9c-8484-f9d69de18a44",
            text="[user]\nWhich of them is in this picture?",
            parent_response_id="b338afd6-b776-4568-a9ca-4bb956e78ec7",
            file_ids=[second],
        ),
        payload.response_create(session_id=first, event_id="evt_resp_1795392061123"),
        payload.ping("evt_hb_1795392086123"),
    ]

    assert [orjson.loads(event) for event in sent] == clients()


def test_the_owners_choices_are_in_the_first_event() -> None:
    """
    Memory and lasting conversations.
    """
    event = orjson.loads(payload.session_create(event_id="e", mode_id="heavy", temporary=False, memory=True))

    session = event["event"]["session"]
    assert session["model"] == "heavy"
    assert (session["x_grok"]["is_temporary"], session["x_grok"]["disable_memory"]) == (False, False)
