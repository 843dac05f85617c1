"""`image_config` and `video_config` in each format of conversations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from grokdesk.core.conversation import ChatRequest, ImageWishes, VideoWishes
from grokdesk.core.errors import InvalidRequest
from grokdesk.dialects.anthropic import Anthropic
from grokdesk.dialects.openai_chat import OpenAIChat
from grokdesk.dialects.openai_completions import OpenAICompletions
from grokdesk.dialects.openai_responses import OpenAIResponses

Read = Callable[[dict[str, Any]], ChatRequest]


def by_chat(more: dict[str, Any]) -> ChatRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **more}
    return OpenAIChat().decode(orjson.dumps(body), {}).request


def by_responses(more: dict[str, Any]) -> ChatRequest:
    return OpenAIResponses().decode(orjson.dumps({"model": "m", "input": "Hi", **more}), {}).request


def by_messages(more: dict[str, Any]) -> ChatRequest:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], **more}
    return Anthropic().decode(orjson.dumps(body), {}).request


def by_completions(more: dict[str, Any]) -> ChatRequest:
    return OpenAICompletions().decode(orjson.dumps({"model": "m", "prompt": "Hi", **more}), {}).request


FORMATS = pytest.mark.parametrize("read", [by_chat, by_responses, by_messages, by_completions])


@FORMATS
@pytest.mark.parametrize("more", [{}, {"image_config": None, "video_config": None}])
def test_nothing_need_be_said(read: Read, more: dict[str, Any]) -> None:
    """
    Then everything is as usual.
    """
    request = read(more)

    assert (request.image, request.video) == (ImageWishes(), VideoWishes())


@FORMATS
@pytest.mark.parametrize(
    ("config", "wishes"),
    [
        ({}, ImageWishes()),
        (dict.fromkeys(("n", "size", "aspect_ratio", "response_format")), ImageWishes()),
        ({"n": 10}, ImageWishes(10)),
        ({"size": "1024x1024", "response_format": "b64_json"}, ImageWishes(1, "1024x1024", "", "b64_json")),
        ({"aspect_ratio": "16:9", "other": 1}, ImageWishes(1, "", "16:9")),
    ],
)
def test_pictures_are_wished_for(read: Read, config: dict[str, Any], wishes: ImageWishes) -> None:
    """
    The same in each format.
    """
    assert read({"image_config": config}).image == wishes


@FORMATS
@pytest.mark.parametrize(
    ("config", "wishes"),
    [
        ({}, VideoWishes()),
        ({"seconds": None, "size": None, "preset": None}, VideoWishes()),
        ({"seconds": 10}, VideoWishes(10)),
        ({"seconds": "12", "size": "1280x720"}, VideoWishes(12, "1280x720")),
        ({"seconds": ""}, VideoWishes()),
        (
            {"aspect_ratio": "1:1", "resolution_name": "480p", "preset": "fun"},
            VideoWishes(None, "", "1:1", "480p", "fun"),
        ),
    ],
)
def test_films_are_wished_for(read: Read, config: dict[str, Any], wishes: VideoWishes) -> None:
    """
    The same in each format.
    """
    assert read({"video_config": config}).video == wishes


@FORMATS
@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"image_config": 7}, "image_config"),
        ({"image_config": {"n": 0}}, "image_config.n"),
        ({"image_config": {"n": 11}}, "image_config.n"),
        ({"image_config": {"n": "2"}}, "image_config.n"),
        ({"image_config": {"size": "big"}}, "image_config.size"),
        ({"image_config": {"aspect_ratio": "a:b"}}, "image_config.aspect_ratio"),
        ({"image_config": {"response_format": "file"}}, "image_config.response_format"),
        ({"video_config": {"seconds": 21}}, "video_config.seconds"),
        ({"video_config": {"seconds": []}}, "video_config.seconds"),
        ({"video_config": {"size": "0x0"}}, "video_config.size"),
        ({"video_config": {"aspect_ratio": "wide"}}, "video_config.aspect_ratio"),
        ({"video_config": {"resolution_name": "8k"}}, "video_config.resolution_name"),
        ({"video_config": {"preset": "wild"}}, "video_config.preset"),
    ],
)
def test_what_cannot_be_is_named_by_its_path(read: Read, more: dict[str, Any], param: str) -> None:
    """
    Whatever the model: a wrong wish never waits for the answer.
    """
    with pytest.raises(InvalidRequest) as caught:
        read(more)

    assert caught.value.param == param
