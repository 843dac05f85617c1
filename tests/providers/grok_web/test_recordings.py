"""Every recorded story of pictures and films, played by a simulated Grok to the real provider."""

from __future__ import annotations

from base64 import b64decode

import pytest

from grokdesk.core.conversation import Media
from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    RateLimited,
    TakenForRobot,
    UpstreamError,
    Withdrawn,
)
from grokdesk.core.media import ImageRequest, Request, Resolution, VideoRequest
from grokdesk.core.settings import ChatForm, MediaForm
from grokdesk.providers.grok_web import imagine
from grokdesk.providers.grok_web.protocol.failures import NotMade
from grokdesk.sim import World, recording
from tests.providers.grok_web.stage import Stage
from tests.providers.grok_web.transcripts import SAMPLES

MEDIA = SAMPLES.parent / "media"
PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE = Media(PNG, name="boat.png")
BOAT = "a paper boat on a green river"


def image(count: int = 1) -> ImageRequest:
    return ImageRequest("grok-imagine-image", BOAT, count, "2:3")


EDIT = ImageRequest("grok-imagine-image-edit", "turn it into a watercolour", 1, "3:2", references=(PICTURE,))
EDITS = ImageRequest("grok-imagine-image-edit", "turn @IMAGE1 into a watercolour", 2, references=(PICTURE,))
LITE = ImageRequest("grok-imagine-image-lite", BOAT)
FILM = VideoRequest("grok-imagine-video", "waves at dawn", 6, "16:9")
LONG = VideoRequest("grok-imagine-video", "waves at dawn", 16, "16:9")
MOVED = VideoRequest(
    "grok-imagine-video", "the boat drifts away", 6, "9:16", Resolution.P480, references=(PICTURE,)
)

# sample, what is asked, in which form, how many are made and withheld
STORIES = [
    ("imagine-ws-4-images", image(4), MediaForm.CURRENT, 4, 0),
    ("imagine-ws-older-two-rounds", image(3), MediaForm.OLDER, 3, 0),
    ("imagine-ws-moderated", image(2), MediaForm.CURRENT, 1, 1),
    ("imagine-ws-all-moderated", image(1), MediaForm.CURRENT, 0, 1),
    ("image-edit-stream", EDIT, MediaForm.CURRENT, 1, 0),
    ("image-edit-stream-older", EDITS, MediaForm.OLDER, 2, 0),
    ("image-edit-moderated", EDIT, MediaForm.CURRENT, 0, 1),
    ("lite-image-mgw", LITE, MediaForm.AUTO, 1, 0),
    ("lite-image-chat-older", LITE, MediaForm.AUTO, 1, 0),
    ("video-stream", FILM, MediaForm.AUTO, 1, 0),
    ("video-stream-current-form", FILM, MediaForm.CURRENT, 1, 0),
    ("video-with-reference", MOVED, MediaForm.AUTO, 1, 0),
    ("video-extension-16s", LONG, MediaForm.AUTO, 1, 0),
    ("video-moderated", FILM, MediaForm.AUTO, 0, 1),
]


@pytest.mark.parametrize(
    ("name", "request_", "form", "made", "withheld", "framing"),
    [
        (*story, framing)
        for story in STORIES
        for framing in (["lines"] if "ws" in story[0] else ["lines", "glued", "sse_done"])
    ],
)
async def test_a_story_ends_as_its_readme_says(
    stage: Stage,
    world: World,
    name: str,
    request_: Request,
    form: MediaForm,
    made: int,
    withheld: int,
    framing: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Whatever the framing of its bodies.
    """
    monkeypatch.setattr(imagine, "QUIET_S", 0.05)
    mine, _ = stage.account("super")
    chat_form = ChatForm.REST if name == "lite-image-chat-older" else ChatForm.GATEWAY
    stage.set(media_form=form, chat_form=chat_form, adult=True)
    story = recording(MEDIA / f"{name}.ndjson", framing=framing, chunk_bytes=9)  # type: ignore[arg-type] # one of them
    world.play(story)

    told, _, failure = await stage.asked(request_, mine)

    assert failure is None
    assert (len(told.made), len(told.withheld)) == (made, withheld)
    assert story.differences == []


@pytest.mark.parametrize(
    ("name", "case", "asked", "expected"),
    [
        ("imagine-ws-rate-limited", None, image(4), RateLimited),
        ("imagine-ws-refused-handshakes", 1, image(), RateLimited),
        ("imagine-ws-refused-handshakes", 2, image(), Challenged),
        ("imagine-ws-refused-handshakes", 3, image(), Withdrawn),
        ("imagine-ws-refused-handshakes", 4, image(), AccountRejected),
    ],
)
async def test_a_refusal_that_was_recorded_is_understood(
    stage: Stage, world: World, name: str, case: int | None, asked: Request, expected: type[UpstreamError]
) -> None:
    """
    With its own class each.
    """
    mine, _ = stage.account("super")
    stage.set(media_form=MediaForm.CURRENT)
    world.play(recording(MEDIA / f"{name}.ndjson", case=case))

    _, _, failure = await stage.asked(asked, mine)

    assert isinstance(failure, expected)


@pytest.mark.parametrize(
    ("case", "asked", "expected"),
    [(1, FILM, RateLimited), (2, FILM, TakenForRobot), (3, LITE, RateLimited), (4, FILM, NotMade)],
)
async def test_a_failure_inside_an_accepted_answer_is_understood(
    stage: Stage, world: World, case: int, asked: Request, expected: type[UpstreamError]
) -> None:
    """
    None of the recorded ones is an empty success.
    """
    mine, _ = stage.account("super")
    stage.set(media_form=MediaForm.OLDER, chat_form=ChatForm.REST)
    world.play(recording(MEDIA / "stream-errors.ndjson", case=case))

    _, _, failure = await stage.asked(asked, mine)

    assert isinstance(failure, expected)
