"""What requests for films mean, and how jobs are told."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Video, VideoDeleteResponse

from grokdesk.core.conversation import Media
from grokdesk.core.errors import InvalidRequest
from grokdesk.core.media import ImageRequest, Kept, Kind, Preset, Resolution, VideoRequest
from grokdesk.core.media_jobs import JobState, MediaJob
from grokdesk.dialects import openai_videos
from grokdesk.dialects.form_fields import Field
from grokdesk.dialects.openai_media import OpenAIMedia
from grokdesk.dialects.openai_videos import (
    VideoAsked,
    creation,
    deleted,
    failure,
    job_id,
    listed,
    remix,
    shown,
)

MODEL = "grok-imagine-video"
ID = "ab" * 16
THUMBNAIL = Media(data=b"\xff\xd8\xff", media_type="image/jpeg")
REFERENCE = Media(url="https://example.com/a.png")


def job(request: VideoRequest | ImageRequest | None = None, **more: Any) -> MediaJob:  # noqa: ANN401 - any field of it
    return MediaJob(ID, Kind.VIDEO, request or VideoRequest(MODEL, "A boat"), 100.9, **more)


def film(**more: Any) -> Kept:  # noqa: ANN401 - any field of it
    return Kept("f" * 32, Kind.VIDEO, "", "video/mp4", 9, 1.0, **more)


def video(told: bytes) -> Video:
    return Video.model_validate(orjson.loads(told))


def test_the_smallest_request() -> None:
    """
    Six seconds, as wide as Grok likes.
    """
    assert creation(b'{"prompt":"A boat"}') == VideoAsked(VideoRequest(MODEL, "A boat"))


def test_json_and_forms_mean_the_same() -> None:
    """
    In a form everything is text.
    """
    wish = {
        "prompt": "A boat",
        "seconds": "12",
        "size": "720x1280",
        "resolution_name": "480p",
        "preset": "Normal",
        "input_reference": {"image_url": "https://example.com/a.png"},
    }
    fields = [Field(name, value) for name, value in wish.items() if isinstance(value, str)]
    fields.append(Field("input_reference[image_url]", "https://example.com/a.png"))

    asked = creation(orjson.dumps(wish))

    assert asked == creation(fields)
    assert asked.request == VideoRequest(MODEL, "A boat", 12, "9:16", Resolution.P480, Preset.NORMAL)
    assert [source.media for source in asked.sources] == [REFERENCE]


def test_a_remix_is_like_the_film_it_came_from() -> None:
    """
    But for the prompt, and it begins with a picture of it.
    """
    before = VideoRequest(MODEL, "A boat", 10, "3:2", Resolution.P480, Preset.FUN, (REFERENCE,))

    request = remix(b'{"prompt":"At night"}', job(before), THUMBNAIL)

    assert request == replace(before, prompt="At night", references=(THUMBNAIL,))


@pytest.mark.parametrize("body", [b"{}", b'{"prompt":""}', b'{"prompt":7}', b"[]"])
def test_a_remix_says_what_is_to_change(body: bytes) -> None:
    """
    Without that there is nothing to do.
    """
    with pytest.raises(InvalidRequest):
        remix(body, job(), THUMBNAIL)


def test_pictures_are_not_remixed() -> None:
    """
    A job of pictures is none of films.
    """
    with pytest.raises(InvalidRequest, match="Only films"):
        remix(b'{"prompt":"x"}', job(ImageRequest("m", "p")), THUMBNAIL)


@pytest.mark.parametrize(
    ("state", "fraction", "status", "progress"),
    [
        (JobState.QUEUED, 0.0, "queued", 0),
        (JobState.RUNNING, 0.0, "in_progress", 1),
        (JobState.RUNNING, 0.5, "in_progress", 50),
        (JobState.RUNNING, 1.0, "in_progress", 99),
        (JobState.DONE, 0.7, "completed", 100),
        (JobState.FAILED, 0.7, "failed", 70),
        (JobState.INTERRUPTED, 0.0, "failed", 0),
        (JobState.CANCELLED, 0.2, "failed", 20),
    ],
)
def test_a_job_tells_how_far_it_is(state: JobState, fraction: float, status: str, progress: int) -> None:
    """
    Only what is done is complete; what has ended otherwise says why.
    """
    told = video(shown(job(state=state, fraction=fraction, ended_at=200.9)))

    assert (told.status, told.progress) == (status, progress)
    assert (told.error is not None) is (status == "failed")
    assert told.completed_at == (200 if state is JobState.DONE else None)


@pytest.mark.parametrize(
    ("request_", "kept", "size", "seconds"),
    [
        (VideoRequest(MODEL, "p"), None, "1280x720", "6"),
        (VideoRequest(MODEL, "p", 20, "9:16"), None, "720x1280", "20"),
        (VideoRequest(MODEL, "p", ratio="1:1", resolution=Resolution.P480), None, "480x480", "6"),
        (VideoRequest(MODEL, "p", ratio="2:3", resolution=Resolution.P480), None, "480x720", "6"),
        (VideoRequest(MODEL, "p", references=(REFERENCE,)), None, "auto", "6"),
        (VideoRequest(MODEL, "p", references=(REFERENCE,), ratio="16:9"), None, "1280x720", "6"),
        (VideoRequest(MODEL, "p"), film(), "1280x720", "6"),
        (VideoRequest(MODEL, "p"), film(width=848, height=480, seconds=6.04), "848x480", "6"),
        (VideoRequest(MODEL, "p"), film(width=848, height=480, seconds=6.5), "848x480", "6.5"),
        (ImageRequest("m", "p"), None, "auto", ""),
    ],
)
def test_what_a_film_has_become_is_told_once_it_is_there(
    request_: VideoRequest | ImageRequest, kept: Kept | None, size: str, seconds: str
) -> None:
    """
    Before that, what was asked for. Grok has other sizes than those the official type lists.
    """
    told = orjson.loads(shown(job(request_), kept))

    assert (told["size"], told["seconds"]) == (size, seconds)


def test_a_remix_names_what_it_came_from() -> None:
    """
    By the name clients know.
    """
    assert video(shown(job(remix_of=ID))).remixed_from_video_id == f"video_{ID}"


def test_a_page_says_whether_there_is_more() -> None:
    """
    And an empty one has no ends.
    """
    page = orjson.loads(listed([(job(), None), (replace(job(), id="cd" * 16), film())], more=True))

    assert (page["object"], page["has_more"]) == ("list", True)
    assert (page["first_id"], page["last_id"]) == (f"video_{ID}", "video_" + "cd" * 16)
    empty = orjson.loads(listed([], more=False))
    assert (empty["first_id"], empty["last_id"], empty["data"]) == (None, None, [])


def test_a_deletion_reads_back() -> None:
    """
    By the official client's type.
    """
    assert VideoDeleteResponse.model_validate(orjson.loads(deleted("video_x"))).deleted


@pytest.mark.parametrize(("name", "found"), [(f"video_{ID}", ID), (ID, ""), ("video_", ""), ("", "")])
def test_jobs_have_a_name_of_their_own(name: str, found: str) -> None:
    """
    Which begins as clients expect it.
    """
    assert job_id(name) == found


def test_the_failure_of_a_job_is_told_again() -> None:
    """
    With its own code; only moderation is about what was asked.
    """
    blocked = job(state=JobState.FAILED, failure="Withheld.", hint="Ask anew.", code="moderation_blocked")
    limited = job(state=JobState.FAILED, failure="Used up.", code="rate_limit_exceeded")

    answers = [OpenAIMedia().failure(failure(one), "req_1") for one in (blocked, limited)]

    errors = [orjson.loads(answer.body)["error"] for answer in answers]
    assert [answer.status for answer in answers] == [400, 409]
    assert [error["code"] for error in errors] == ["moderation_blocked", "rate_limit_exceeded"]
    assert [error["message"] for error in errors] == ["Withheld. Ask anew.", "Used up."]
    assert {answer.headers["x-should-retry"] for answer in answers} == {"false"}


NAMES = ["prompt", "model", "seconds", "size", "aspect_ratio", "resolution_name", "preset", "input_reference"]
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.just([{}]))


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_any_body_is_a_wish_or_an_error(members: dict[str, Any]) -> None:
    """
    Nothing else comes out, of JSON or of a form.
    """
    fields = [Field(name, value) for name, value in members.items() if isinstance(value, str)]
    for body in (json.dumps(members).encode(), fields):
        with contextlib.suppress(InvalidRequest):
            assert 1 <= openai_videos.creation(body).request.seconds <= 20
