"""Films against a simulated Grok: from words and pictures, in parts, made longer, and lost."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import Any, Literal

import pytest

from grokdesk.core.accounts import Product
from grokdesk.core.conversation import Media
from grokdesk.core.errors import (
    AccountRejected,
    Again,
    Challenged,
    FormGone,
    InvalidRequest,
    MayBeMade,
    RateLimited,
    TooLarge,
    Unreachable,
    UpstreamError,
    Withdrawn,
)
from grokdesk.core.events import Event, Finished, Made, Progressed, Submitted
from grokdesk.core.media import Film, Kind, Preset, Resolution, Trace, VideoRequest
from grokdesk.core.ports import Lease
from grokdesk.core.settings import MediaForm
from grokdesk.platform.wire import Limits
from grokdesk.providers.grok_web import films
from grokdesk.sim import (
    Script,
    World,
    challenge,
    content_moderated,
    cut_after,
    expired,
    hang_up,
    limited,
    media,
    refused,
    server_error,
    stall,
    stream_error,
)
from grokdesk.sim.script import Wire as SimWire
from tests.providers.grok_web.stage import EGRESS, Stage
from tests.providers.grok_web.transcripts import grammatical

CHAT = "/rest/app-chat/conversations/new"
POST = "/rest/media/post/create"
PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE = Media(PNG, name="boat.png")
LOST = [cut_after(2), cut_after(2, politely=True), hang_up(accepted=True), stall(after=2), server_error(502)]


def asking(seconds: int = 6, *pictures: Media, **more: object) -> VideoRequest:
    return VideoRequest("grok-imagine-video", "waves at dawn", seconds, references=pictures, **more)  # type: ignore[arg-type] # any field


def older(body: Any) -> Any:  # noqa: ANN401 - JSON
    """What the older form says of a film."""
    return body["responseMetadata"]["modelConfigOverride"]["modelMap"]["videoGenModelConfig"]


def only_forward(events: list[Event]) -> bool:
    """Whether progress only grows, ends below 1, and only `Made` or `Withheld` ends it."""
    reached = [event.fraction for event in events if isinstance(event, Progressed)]
    return all(0 < one < 1 for one in reached) and reached == sorted(set(reached))


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost film is looked for without long pauses."""
    monkeypatch.setattr(films, "LOOKS_S", (0.0, 0.25, 0.25))


@pytest.mark.parametrize("form", list(MediaForm))
@pytest.mark.parametrize("pictures", [(), (PICTURE,), (PICTURE, PICTURE, PICTURE)])
async def test_a_film_is_made(
    stage: Stage, world: World, form: MediaForm, pictures: tuple[Media, ...]
) -> None:
    """
    In each form, from words, from one picture and from several, all by one account.
    """
    mine, _ = stage.account("super")
    stage.set(media_form=form)

    told, events, failure = await stage.asked(asking(6, *pictures), mine)

    assert failure is None
    assert grammatical(events, finished=True)
    assert only_forward(events)
    [made] = told.made
    assert (made.slot, made.artifact.kind, made.artifact.seconds) == (0, Kind.VIDEO, 6)
    assert made.artifact.url.endswith("generated_video.mp4")
    assert made.artifact.thumbnail_url
    trace = made.artifact.trace
    assert (trace.account, bool(trace.conversation_id), bool(trace.asset_id)) == (mine.id, True, True)
    assert bool(trace.post_id)
    assert len({step.token for step in world.media.trail("upload", "post", "chat")}) == 1
    assert stage.sim.violations == []


@pytest.mark.parametrize(
    ("form", "seconds", "calls", "length"),
    [
        (MediaForm.AUTO, 1, 1, 1),
        (MediaForm.AUTO, 15, 1, 15),
        (MediaForm.AUTO, 16, 2, 16),
        (MediaForm.AUTO, 17, 2, 20),
        (MediaForm.OLDER, 7, 1, 10),
        (MediaForm.OLDER, 12, 2, 12),
        (MediaForm.OLDER, 16, 2, 16),
        (MediaForm.OLDER, 20, 2, 20),
        (MediaForm.CURRENT, 8, 1, 8),
        (MediaForm.CURRENT, 20, 2, 20),
    ],
)
async def test_a_film_is_as_long_as_was_asked_or_the_next_length_there_is(
    stage: Stage, world: World, form: MediaForm, seconds: int, calls: int, length: int
) -> None:
    """
    What one call cannot make is extended; the whole is one film, and its real length is told.
    """
    mine, _ = stage.account("super")
    stage.set(media_form=form)

    told, events, failure = await stage.asked(asking(seconds), mine)

    assert failure is None
    assert only_forward(events)
    assert [made.artifact.seconds for made in told.made] == [length]
    assert len(world.turns) == calls
    assert stage.sim.violations == []


async def test_what_is_asked_is_what_upstream_hears(stage: Stage) -> None:
    """
    Ratio, resolution and the preset as a flag behind the prompt.
    """
    mine, _ = stage.account("super")

    await stage.asked(asking(6, ratio="9:16", resolution=Resolution.P480, preset=Preset.FUN), mine)

    [body] = stage.bodies()
    assert body["message"] == "waves at dawn --mode=extremely-crazy"
    config = older(body)
    assert (config["aspectRatio"], config["resolutionName"], config["videoLength"]) == ("9:16", "480p", 6)


async def test_a_film_from_a_picture_has_its_ratio(stage: Stage) -> None:
    """
    Unless another one was asked for.
    """
    mine, _ = stage.account("super")

    await stage.asked(asking(6, PICTURE), mine)

    [body] = stage.bodies()
    assert older(body)["aspectRatio"] == "1:1"


async def test_a_film_is_made_longer(stage: Stage) -> None:
    """
    By its own account, from where it ended.
    """
    mine, _ = stage.account("super")
    first, _, _ = await stage.asked(asking(6), mine)
    film = Film(first.made[0].artifact.trace, 6, "waves at dawn")

    told, events, failure = await stage.asked(asking(10, continues=film), mine)

    assert failure is None
    assert [made.artifact.seconds for made in told.made] == [16]
    assert only_forward(events)
    config = older(stage.bodies()[-1])
    assert (config["isVideoExtension"], config["videoExtensionStartTime"]) == (True, 6.041667)
    assert stage.sim.violations == []


async def test_a_film_of_which_no_name_is_known_cannot_be_made_longer(stage: Stage) -> None:
    """
    That is said before anything is asked.
    """
    mine, _ = stage.account("super")

    with pytest.raises(InvalidRequest, match="cannot be made longer"):
        await stage.asked(asking(6, continues=Film(Trace(mine.id), 6, "")), mine)

    assert stage.paths() == []


async def test_a_job_is_traced_as_soon_as_it_has_a_name(stage: Stage) -> None:
    """
    Before there is any progress; what gets known later is told again.
    """
    mine, _ = stage.account("super")

    told, events, _ = await stage.asked(asking(), mine)

    traces = [event.trace for event in events if isinstance(event, Submitted)]
    kinds = [type(event) for event in events]
    assert traces[0].conversation_id
    assert kinds.index(Submitted) < kinds.index(Progressed)
    assert traces[-1].asset_id == told.made[0].artifact.trace.asset_id
    assert kinds[-2:] == [Made, Finished]


@pytest.mark.parametrize(
    "odd",
    [
        media(video_url="contentUrl"),
        media(video_url="assetUrl"),
        media(video_url="fileUri"),
        media(lingers_s=None),
        media(url="absolute"),
        Script(wire=SimWire(framing="glued", chunk_bytes=7)),
        Script(wire=SimWire(framing="sse_done", chunk_bytes=11)),
        Script(wire=SimWire(unknown=True)),
    ],
)
async def test_a_film_is_understood_however_it_is_told(stage: Stage, odd: Script) -> None:
    """
    And a body that stays open behind it is not waited for.
    """
    mine, theirs = stage.account("super")
    theirs.next(odd)

    told, _, failure = await stage.asked(asking(), mine)

    assert failure is None
    assert len(told.made) == 1


async def test_a_withheld_film_is_told(stage: Stage) -> None:
    """
    With a sentence, and no film.
    """
    mine, theirs = stage.account("super")
    theirs.next(media(moderated="all"))

    told, events, failure = await stage.asked(asking(16), mine)

    assert failure is None
    assert told.made == []
    assert [(one.slot, bool(one.reason)) for one in told.withheld] == [(0, True)]
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (limited(retry_after=60), RateLimited),
        (challenge(), Challenged),
        (content_moderated(), Withdrawn),
        (expired(), AccountRejected),
        (stream_error(8, "Too many requests"), RateLimited),
        (stream_error(8, "Too many requests", after=2), RateLimited),
    ],
)
async def test_a_refusal_says_whose_fault_it_is(
    stage: Stage, refusal: Script, expected: type[UpstreamError]
) -> None:
    """
    And is not taken for a job of which nobody knows what became of it.
    """
    mine, theirs = stage.account("super")
    theirs.next(refusal)

    told, _, failure = await stage.asked(asking(), mine)

    assert isinstance(failure, expected)
    assert told.made == []
    assert failure.message
    assert failure.hint


@pytest.mark.parametrize("path", [POST, "/http/upload-file-v2/direct"])
@pytest.mark.parametrize(
    ("refusal", "expected"),
    [(server_error(502), UpstreamError), (limited(), RateLimited), (content_moderated(), Withdrawn)],
)
async def test_what_fails_before_the_job_was_sent_may_be_tried_elsewhere(
    stage: Stage, world: World, path: str, refusal: Script, expected: type[UpstreamError]
) -> None:
    """
    Nothing can have been made by then.
    """
    mine, _ = stage.account("super")
    world.next_on(path, refusal)

    _, _, failure = await stage.asked(asking(6, PICTURE), mine)

    assert type(failure) is expected
    assert world.turns == []


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("lost", LOST)
async def test_a_job_that_was_lost_is_not_repeated(stage: Stage, world: World, lost: Script) -> None:
    """
    What became of it is not known, and it is not ready soon.
    """
    mine, theirs = stage.account("super")
    world.media.work_s = 60
    stage.set(limits=Limits(2, 1, 1, 5))
    theirs.next(lost)

    told, _, failure = await stage.asked(asking(), mine)

    assert isinstance(failure, MayBeMade)
    assert told.made == []
    assert stage.paths().count(CHAT) == 1


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("lost", [cut_after(3), cut_after(3, politely=True), stall(after=3)])
async def test_a_film_whose_stream_was_lost_is_found(stage: Stage, world: World, lost: Script) -> None:
    """
    Upstream goes on without us, and tells by the conversation what it has made.
    """
    mine, theirs = stage.account("super")
    world.media.work_s = 0.1
    stage.set(limits=Limits(2, 1, 1, 5))
    theirs.next(lost)

    told, events, failure = await stage.asked(asking(), mine)

    assert failure is None
    assert [made.artifact.seconds for made in told.made] == [6]
    assert grammatical(events, finished=True)


async def test_a_lost_film_is_not_looked_for_forever(
    stage: Stage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Also where nobody answers: whoever waits hears of it soon, however long a film may take.
    """
    monkeypatch.setattr(films, "LOOKED_FOR_S", 0.4)
    mine, theirs = stage.account("super")
    theirs.next(cut_after(3))
    heard: list[Event] = []

    async def asked() -> None:
        async with stage.provider.open(asking(), Lease(mine, Product.VIDEO_720P), EGRESS) as batches:
            async for batch in batches:
                heard.extend(batch)
                for event in batch:
                    if isinstance(event, Submitted):
                        path = f"/rest/app-chat/conversations/{event.trace.conversation_id}/responses"
                        world.always_on(path, stall(at="open"))

    async with asyncio.timeout(5):
        with pytest.raises(MayBeMade):
            await asked()
    assert any(isinstance(event, Submitted) for event in heard)


async def test_what_was_never_sent_may_be_tried_elsewhere(stage: Stage) -> None:
    """
    There was nobody to take it.
    """
    mine, _ = stage.account("super")
    stage.set(media_form=MediaForm.CURRENT, api_url="http://127.0.0.1:9")

    _, _, failure = await stage.asked(asking(), mine)

    assert isinstance(failure, Unreachable)
    assert failure.again is not Again.NEVER


async def test_silence_in_any_phase_ends_in_time(stage: Stage) -> None:
    """
    One limit over all calls of the film.
    """
    mine, theirs = stage.account("super")
    stage.set(video_s=0.8)
    theirs.next(stall(at="open"))

    _, _, failure = await stage.asked(asking(), mine)

    assert isinstance(failure, MayBeMade)


async def test_leaving_ends_the_call_at_once(stage: Stage, world: World) -> None:
    """
    Upstream sees the connection close while it is still at work.
    """
    mine, theirs = stage.account("super")
    theirs.next(stall(after=3))

    async with stage.provider.open(asking(), Lease(mine, next(iter(mine.windows))), EGRESS) as batches:
        async for _ in batches:
            break

    [turn] = world.turns
    async with asyncio.timeout(2):
        await turn.over.wait()
    assert turn.outcome == "left"


# --- forms --------------------------------------------------------------------------------------------------


async def test_auto_goes_over_to_the_form_that_upstream_knows(stage: Stage, world: World) -> None:
    """
    And stays with it for the next film.
    """
    mine, _ = stage.account("super")
    world.next_on(POST, refused(404, {"error": {"message": "Not Found"}}))

    first, _, failure = await stage.asked(asking(), mine)
    second, _, _ = await stage.asked(asking(), mine)

    assert failure is None
    assert len(first.made) == len(second.made) == 1
    assert stage.paths().count(POST) == 1


async def test_a_form_that_the_owner_wants_is_kept_to(stage: Stage, world: World) -> None:
    """
    Its being gone is said, with what to do.
    """
    mine, _ = stage.account("super")
    stage.set(media_form=MediaForm.OLDER)
    world.next_on(POST, refused(404, {"error": {"message": "Not Found"}}))

    _, _, failure = await stage.asked(asking(), mine)

    assert isinstance(failure, FormGone)
    assert "media.form" in failure.hint


# --- pictures to start from ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pictures", "words", "kind"),
    [
        ((PICTURE, Media(b"%PDF-1.7")), "Picture 2 is no JPEG", InvalidRequest),
        ((Media(b""),), "Picture 1 is empty", InvalidRequest),
        ((Media(PNG + bytes(20 << 20)),), "Picture 1 is larger than 20 MB", TooLarge),
        ((PICTURE,) * 8, "8 pictures", InvalidRequest),
        ((Media(url="ftp://a/b.png"),), "Picture 1: .* cannot be fetched", InvalidRequest),
        ((Media(url="http://127.0.0.1:9/b.png"),), "Picture 1: .* private", InvalidRequest),
    ],
)
async def test_a_picture_that_cannot_be_used_is_named(
    stage: Stage, pictures: tuple[Media, ...], words: str, kind: type[InvalidRequest]
) -> None:
    """
    Before anything is asked of upstream.
    """
    mine, _ = stage.account("super")

    with pytest.raises(kind, match=words):
        await stage.asked(asking(6, *pictures), mine)

    assert stage.paths() == []


async def test_a_picture_that_lies_with_the_account_is_not_sent_again(stage: Stage, world: World) -> None:
    """
    Its address is enough for the older form.
    """
    mine, theirs = stage.account("super")
    await stage.asked(asking(6, PICTURE), mine)
    [url] = older(stage.bodies()[0])["imageReferences"]

    told, _, failure = await stage.asked(asking(6, Media(url=url)), mine)

    assert failure is None
    assert len(told.made) == 1
    assert stage.paths().count("/http/upload-file-v2/direct") == 1
    assert theirs.token in {step.token for step in world.media.trail("download")}


@pytest.mark.parametrize("reply", ["terminal_error", "no_id", "no_uri"])
async def test_an_upload_that_upstream_does_not_keep_is_an_error(
    stage: Stage, world: World, reply: Literal["terminal_error", "no_id", "no_uri"]
) -> None:
    """
    A refused picture is the request's fault; one that is nowhere is not.
    """
    mine, _ = stage.account("super")
    world.next_on("/http/upload-file-v2/direct", media(upload=reply))

    if reply == "terminal_error":
        with pytest.raises(InvalidRequest, match="does not accept this picture"):
            await stage.asked(asking(6, PICTURE), mine)
    else:
        _, _, failure = await stage.asked(asking(6, PICTURE), mine)
        assert failure is None or "did not say where" in failure.message
