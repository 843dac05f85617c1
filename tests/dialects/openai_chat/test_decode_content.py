"""Images, recordings, files, the form of the answer, and answers that are to be kept."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.conversation import AnswerForm, Media, Text
from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.dialects.openai_chat.asked import ChatAsked
from grokdesk.dialects.openai_chat.decode import decode


def asked(**changes: object) -> ChatAsked:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **changes}
    return decode(orjson.dumps(body))


def only_part(part: dict[str, Any]) -> object:
    message = {"role": "user", "content": [{"type": "text", "text": "See:"}, part]}
    text, media = asked(messages=[message]).request.messages[0].parts
    assert text == Text("See:")
    return media


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, "detail": "high"}}


def audio(data: str, kind: str = "wav") -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": data, "format": kind}}


def file(**members: str) -> dict[str, Any]:
    return {"type": "file", "file": members}


@pytest.mark.parametrize(
    ("part", "media"),
    [
        (image("https://a.example/b.png?c=d"), Media(url="https://a.example/b.png?c=d")),
        (image("HTTP://a.example/b.png"), Media(url="HTTP://a.example/b.png")),
        (image("data:image/PNG;base64,AQID"), Media(b"\1\2\3", media_type="image/png")),
        (image("DATA:image/svg+xml,%3Csvg/%3E"), Media(b"<svg/>", media_type="image/svg+xml")),
        (image("data:text/plain;charset=utf-8;base64,AQ"), Media(b"\1", media_type="text/plain")),
        (image("data:;base64,AQ=="), Media(b"\1")),
        (image("data:image/gif;base64,A\r\nQI D"), Media(b"\1\2\3", media_type="image/gif")),
        ({"type": "image_url", "image_url": "https://a.example/"}, Media(url="https://a.example/")),
        ({"type": "input_image", "image_url": "https://a.example/"}, Media(url="https://a.example/")),
        (audio("AQID"), Media(b"\1\2\3", media_type="audio/wav")),
        (audio("AQID", "mp3"), Media(b"\1\2\3", media_type="audio/mpeg")),
        (audio("AQID", "FLAC"), Media(b"\1\2\3", media_type="audio/flac")),
        (audio("data:audio/ogg;base64,AQID"), Media(b"\1\2\3", media_type="audio/ogg")),
        (
            file(file_data="data:application/pdf;base64,AQID", filename="ä.pdf"),
            Media(b"\1\2\3", media_type="application/pdf", name="ä.pdf"),
        ),
        (file(file_data="AQID", filename="a.pdf"), Media(b"\1\2\3", name="a.pdf")),
        (file(file_data="AQID", file_id="file-1"), Media(b"\1\2\3")),
    ],
)
def test_what_comes_with_a_message_is_read(part: dict[str, Any], media: Media) -> None:
    """
    As bytes with their type, or as the address they can be fetched from.
    """
    assert only_part(part) == media


@pytest.mark.parametrize(
    ("part", "member", "says"),
    [
        ({"type": "image_url"}, "image_url", "is required"),
        ({"type": "image_url", "image_url": {}}, "image_url.url", "is required"),
        (image("AQID"), "image_url.url", "an http(s) address or a data: URI"),
        (image("file:///etc/passwd"), "image_url.url", "an http(s) address"),
        (image("http://"), "image_url.url", "an http(s) address"),
        (image("http://[::1/x"), "image_url.url", "an http(s) address"),
        (image("data:image/png;base64"), "image_url.url", "no comma"),
        (image("data:image/png;base64,"), "image_url.url", "is empty"),
        (image("data:image/png;base64,A?=="), "image_url.url", "not valid base64"),
        (image("data:image/png;base64,ü"), "image_url.url", "not valid base64"),
        (image("data:image/png,"), "image_url.url", "is empty"),
        ({"type": "input_audio"}, "input_audio", "is required"),
        ({"type": "input_audio", "input_audio": {"data": "AQ"}}, "input_audio.format", "is required"),
        (audio("!"), "input_audio.data", "not valid base64"),
        (audio(""), "input_audio.data", "is empty"),
        ({"type": "file"}, "file", "is required"),
        (file(filename="a.pdf"), "file.file_data", "is required"),
        (file(file_data="A"), "file.file_data", "not valid base64"),
    ],
)
def test_what_cannot_be_read_is_named(part: dict[str, Any], member: str, says: str) -> None:
    """
    By the path of the member that is wrong.
    """
    with pytest.raises(InvalidRequest) as caught:
        only_part(part)

    assert caught.value.param == f"messages.0.content.1.{member}"
    assert says in caught.value.message


def test_a_file_that_lies_elsewhere_is_refused() -> None:
    """
    With what to do instead.
    """
    with pytest.raises(Unsupported) as caught:
        only_part(file(file_id="file-1"))

    assert caught.value.param == "messages.0.content.1.file.file_id"
    assert "file_data" in caught.value.hint


def test_an_image_alone_is_a_message() -> None:
    """
    It needs no words.
    """
    request = asked(messages=[{"role": "user", "content": [image("https://a.example/")]}]).request

    assert request.messages[0].parts == (Media(url="https://a.example/"),)


@given(st.text(max_size=30), st.sampled_from(["", "data:", "data:image/png;base64,", "https://", "http://["]))
def test_any_address_is_read_or_refused(text: str, start: str) -> None:
    """
    Nothing a client sends is a fault of ours.
    """
    for part in (image(start + text), audio(start + text), file(file_data=start + text)):
        with contextlib.suppress(InvalidRequest):
            only_part(part)


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("wanted", "form"),
    [
        ({"type": "text"}, AnswerForm()),
        ({"type": "json_object"}, AnswerForm(json=True)),
        (
            {"type": "json_schema", "json_schema": {"name": "r", "schema": SCHEMA, "strict": True}},
            AnswerForm(json=True, schema=orjson.dumps(SCHEMA).decode(), name="r"),
        ),
        ({"type": "json_schema", "json_schema": {"name": "r"}}, AnswerForm(json=True, name="r")),
    ],
)
def test_the_form_of_the_answer(wanted: dict[str, Any], form: AnswerForm) -> None:
    """
    Free text, any JSON, or JSON that fits a schema.
    """
    assert asked(response_format=wanted).request.answer == form


@pytest.mark.parametrize(
    ("wanted", "param"),
    [
        ({"type": "json_schema"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {}}, "response_format.json_schema.name"),
        ({"type": "json_schema", "json_schema": {"name": "a b"}}, "response_format.json_schema.name"),
        (
            {"type": "json_schema", "json_schema": {"name": "a", "schema": "{}"}},
            "response_format.json_schema.schema",
        ),
    ],
)
def test_a_wrong_form_is_named(wanted: dict[str, Any], param: str) -> None:
    """
    By its path.
    """
    with pytest.raises(InvalidRequest) as caught:
        asked(response_format=wanted)

    assert caught.value.param == param


@pytest.mark.parametrize(
    ("changes", "keep"),
    [
        ({}, None),
        ({"store": False, "metadata": {"a": 1}}, None),
        ({"metadata": {"a": 1}}, None),
        ({"store": True}, {}),
        ({"store": True, "metadata": None}, {}),
        ({"store": True, "metadata": {"a": "b"}}, {"a": "b"}),
    ],
)
def test_an_answer_is_kept_when_the_client_says_so(changes: dict[str, Any], keep: object) -> None:
    """
    Otherwise its metadata is nobody's business.
    """
    assert asked(**changes).keep == keep


@pytest.mark.parametrize(
    ("metadata", "param", "says"),
    [
        ("x", "metadata", "must be"),
        ({"a": 1}, "metadata.a", "must be a valid string"),
        ({"a": "x" * 513}, "metadata.a", "at most 512 characters"),
        ({"k" * 65: "x"}, "metadata." + "k" * 65, "at most 64 characters"),
        ({str(at): "x" for at in range(17)}, "metadata", "at most 16"),
    ],
)
def test_wrong_metadata_of_a_kept_answer_is_named(metadata: object, param: str, says: str) -> None:
    """
    OpenAI's own limits.
    """
    with pytest.raises(InvalidRequest) as caught:
        asked(store=True, metadata=metadata)

    assert caught.value.param == param
    assert says in caught.value.message
