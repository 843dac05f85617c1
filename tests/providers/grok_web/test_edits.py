"""Pictures made from others, and drawn in a conversation, against a simulated Grok."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import Literal

import pytest

from grokdesk.core.accounts import Mode, Noted
from grokdesk.core.conversation import Media
from grokdesk.core.errors import (
    AccountRejected,
    Again,
    Challenged,
    FormGone,
    Garbled,
    InvalidRequest,
    MayBeMade,
    RateLimited,
    UpstreamError,
    Withdrawn,
)
from grokdesk.core.events import Event, Finished, Progressed
from grokdesk.core.media import ImageRequest
from grokdesk.core.ports import Lease
from grokdesk.core.settings import ChatForm, MediaForm
from grokdesk.platform.wire import Limits
from grokdesk.providers.grok_web.protocol.failures import NotMade
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
from grokdesk.sim.script import Say
from grokdesk.sim.script import Wire as SimWire
from tests.providers.grok_web.stage import EGRESS, Stage
from tests.providers.grok_web.transcripts import grammatical

CHAT = "/rest/app-chat/conversations/new"
UPLOAD = "/http/upload-file-v2/direct"
PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE = Media(PNG, name="boat.png")


def asking(count: int = 1, *pictures: Media, prompt: str = "make it blue", ratio: str = "") -> ImageRequest:
    return ImageRequest("grok-imagine-image-edit", prompt, count, ratio, references=pictures or (PICTURE,))


def only_forward(events: list[Event]) -> bool:
    reached: dict[int, float] = {}
    for event in events:
        if isinstance(event, Progressed):
            if not reached.get(event.slot, 0) < event.fraction < 1:
                return False
            reached[event.slot] = event.fraction
    return True


@pytest.mark.parametrize("form", list(MediaForm))
@pytest.mark.parametrize("count", [1, 2, 3])
async def test_as_many_pictures_are_made_as_are_wanted(
    stage: Stage, world: World, form: MediaForm, count: int
) -> None:
    """
    In each form, by one account.
    """
    mine, _ = stage.account("super")
    stage.set(media_form=form)

    told, events, failure = await stage.asked(asking(count, PICTURE, Media(PNG + b"2")), mine)

    assert failure is None
    assert grammatical(events, finished=True)
    assert only_forward(events)
    assert [made.slot for made in told.made] == list(range(count))
    assert len({made.artifact.url for made in told.made}) == count
    assert all(made.artifact.trace.conversation_id for made in told.made)
    assert len({step.token for step in world.media.trail("upload", "post", "chat")}) == 1
    assert stage.sim.violations == []


async def test_the_picture_keeps_its_ratio_unless_another_is_wanted(stage: Stage) -> None:
    """
    Then nothing is said about it.
    """
    mine, _ = stage.account("super")

    await stage.asked(asking(), mine)
    await stage.asked(asking(ratio="3:2"), mine)

    said = [body["mediaGenInput"]["imageToImage"].get("aspectRatio") for body in stage.bodies()]
    assert said == [None, "3:2"]


async def test_the_older_form_names_pictures_in_the_prompt(stage: Stage) -> None:
    """
    `@IMAGE2` becomes the second upload; what there is no picture for stays.
    """
    mine, _ = stage.account("super")
    stage.set(media_form=MediaForm.OLDER)

    await stage.asked(asking(1, PICTURE, Media(PNG + b"2"), prompt="put @image2 and @IMAGE9 on it"), mine)

    [body] = stage.bodies()
    message = body["message"]
    assert "@image2" not in message
    assert message.endswith("and @IMAGE9 on it")


async def test_a_withheld_picture_is_not_delivered_under_any_address(stage: Stage) -> None:
    """
    Though the answer names it once more at its end.
    """
    mine, theirs = stage.account("super")
    theirs.next(media(moderated="all"))

    told, events, failure = await stage.asked(asking(), mine)

    assert failure is None
    assert told.made == []
    assert [(one.slot, bool(one.reason)) for one in told.withheld] == [(0, True)]
    assert isinstance(events[-1], Finished)


async def test_the_older_form_asks_once_more_for_what_was_withheld(stage: Stage, world: World) -> None:
    """
    One of the two was, and two are wanted.
    """
    mine, theirs = stage.account("super")
    stage.set(media_form=MediaForm.OLDER)
    theirs.next(media(moderated=(0,)))

    told, events, failure = await stage.asked(asking(2), mine)

    assert failure is None
    assert [made.slot for made in told.made] == [0, 1]
    assert only_forward(events)
    assert len(world.turns) == 2


@pytest.mark.parametrize(
    "odd",
    [
        Script(wire=SimWire(framing="glued", chunk_bytes=7)),
        Script(wire=SimWire(framing="sse_done", chunk_bytes=13)),
        Script(wire=SimWire(unknown=True)),
        media(lingers_s=None),
        media(url="absolute"),
    ],
)
async def test_an_edit_is_understood_however_it_is_told(stage: Stage, odd: Script) -> None:
    """
    And a body that stays open behind it is not waited for.
    """
    mine, theirs = stage.account("super")
    theirs.next(odd)

    told, _, failure = await stage.asked(asking(), mine)

    assert failure is None
    assert len(told.made) == 1


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


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (server_error(502), UpstreamError),
        (limited(), RateLimited),
        (content_moderated(), Withdrawn),
        (challenge(), Challenged),
    ],
)
async def test_an_upload_that_fails_leaves_the_job_to_others(
    stage: Stage, world: World, refusal: Script, expected: type[UpstreamError]
) -> None:
    """
    Nothing can have been made by then.
    """
    mine, _ = stage.account("super")
    world.next_on(UPLOAD, refusal)

    _, _, failure = await stage.asked(asking(), mine)

    assert type(failure) is expected
    assert world.turns == []


@pytest.mark.parametrize(
    "lost",
    [
        cut_after(1),
        cut_after(1, politely=True),
        stall(after=1),
        hang_up(),
        hang_up(accepted=True),
        server_error(502),
    ],
)
async def test_a_job_that_was_lost_is_not_repeated(stage: Stage, lost: Script) -> None:
    """
    Neither by another account nor by ourselves, nor by the connection that was kept open.
    """
    mine, theirs = stage.account("super")
    stage.set(limits=Limits(2, 1, 1, 5))
    theirs.next(lost)

    told, _, failure = await stage.asked(asking(), mine)

    assert isinstance(failure, MayBeMade)
    assert told.made == []
    assert stage.paths().count(CHAT) == 1


async def test_what_was_made_before_a_later_call_was_lost_is_handed_on(stage: Stage) -> None:
    """
    The answer ends with it; what is missing is seen by the count.
    """
    mine, theirs = stage.account("super")
    theirs.next(media(), cut_after(1))

    told, events, failure = await stage.asked(asking(3), mine)

    assert failure is None
    assert [made.slot for made in told.made] == [0]
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize(
    ("form", "frames", "slots"), [(MediaForm.CURRENT, 4, [0, 1]), (MediaForm.OLDER, 5, [0])]
)
async def test_a_picture_that_came_before_its_call_was_lost_is_handed_on(
    stage: Stage, form: MediaForm, frames: int, slots: list[int]
) -> None:
    """
    In the current form it is all that the call makes, so that the next one follows; in the older one the
    answer ends with it.
    """
    mine, theirs = stage.account("super")
    stage.set(media_form=form)
    theirs.next(cut_after(frames))

    told, events, failure = await stage.asked(asking(2), mine)

    assert failure is None
    assert grammatical(events, finished=True)
    assert [made.slot for made in told.made] == slots


async def test_auto_goes_over_to_the_form_that_upstream_knows(stage: Stage) -> None:
    """
    And stays with it for the next one.
    """
    mine, theirs = stage.account("super")
    theirs.next(refused(400, {"error": {"message": "Unknown field: mediaGenInput"}}))

    first, _, failure = await stage.asked(asking(), mine)
    second, _, _ = await stage.asked(asking(), mine)

    assert failure is None
    assert len(first.made) == len(second.made) == 1
    assert stage.paths().count(UPLOAD) == 1


async def test_a_form_that_the_owner_wants_is_kept_to(stage: Stage) -> None:
    """
    Its being gone is said, with what to do.
    """
    mine, theirs = stage.account("super")
    stage.set(media_form=MediaForm.CURRENT)
    theirs.next(refused(404, {"error": {"message": "Not Found"}}))

    _, _, failure = await stage.asked(asking(), mine)

    assert isinstance(failure, FormGone)
    assert "media.form" in failure.hint


async def test_an_edit_without_a_picture_is_refused(stage: Stage) -> None:
    """
    With what is missing.
    """
    mine, _ = stage.account("super")

    with pytest.raises(InvalidRequest, match="no picture to edit"):
        await stage.asked(ImageRequest("grok-imagine-image-edit", "make it blue"), mine)


async def test_another_id_than_that_of_the_file_is_no_substitute(stage: Stage, world: World) -> None:
    """
    The current form takes one kind only (§4.2).
    """
    mine, _ = stage.account("super")
    stage.set(media_form=MediaForm.CURRENT)
    only_another = {
        "fileMetadata": {"fileId": "0f3c1d9e-1111-4222-8333-444455556666", "fileUri": "users/u/f/content"}
    }
    world.next_on(UPLOAD, refused(200, only_another))

    _, _, failure = await stage.asked(asking(), mine)

    assert isinstance(failure, Garbled)
    assert world.turns == []


@pytest.mark.parametrize("reply", ["terminal_error", "id_only", "no_id"])
async def test_an_upload_without_the_id_of_a_file_cannot_be_used(
    stage: Stage, world: World, reply: Literal["terminal_error", "id_only", "no_id"]
) -> None:
    """
    The id of an upload is no substitute (§4.2).
    """
    mine, _ = stage.account("super")
    world.next_on(UPLOAD, media(upload=reply))

    if reply == "terminal_error":
        with pytest.raises(InvalidRequest, match="does not accept this picture"):
            await stage.asked(asking(), mine)
    else:
        _, _, failure = await stage.asked(asking(), mine)
        assert failure is not None
        assert "did not say where" in failure.message
    assert world.turns == []


async def test_leaving_ends_the_call_at_once(stage: Stage, world: World) -> None:
    """
    Upstream sees the connection close while it is still at work.
    """
    mine, theirs = stage.account("super")
    theirs.next(stall(after=2))

    async with stage.provider.open(asking(), Lease(mine, Mode.AUTO), EGRESS) as batches:
        async for _ in batches:
            break

    [turn] = world.turns
    async with asyncio.timeout(2):
        await turn.over.wait()
    assert turn.outcome == "left"


# --- drawn in a conversation --------------------------------------------------------------------------------


def drawing(count: int = 1) -> ImageRequest:
    return ImageRequest("grok-imagine-image-lite", "a paper boat", count)


@pytest.mark.parametrize("form", [ChatForm.GATEWAY, ChatForm.REST])
@pytest.mark.parametrize("count", [1, 2, 5])
async def test_a_drawing_takes_as_many_turns_as_it_needs(
    stage: Stage, world: World, form: ChatForm, count: int
) -> None:
    """
    Two pictures a turn, in both forms of chat, asked for word for word.
    """
    mine, _ = stage.account("basic")
    stage.set(chat_form=form, custom_instruction="Be brief.")

    told, events, failure = await stage.asked(drawing(count), mine)

    assert failure is None
    assert grammatical(events, finished=True)
    assert only_forward(events)
    assert [made.slot for made in told.made] == list(range(count))
    assert told.text == ""
    assert [turn.prompt for turn in world.turns] == ["Drawing: a paper boat"] * (-(-count // 2))
    assert {turn.mode for turn in world.turns} == {"fast"}
    assert stage.sim.violations == []


@pytest.mark.parametrize("form", [ChatForm.GATEWAY, ChatForm.REST])
async def test_a_drawing_that_is_withheld_is_told(stage: Stage, form: ChatForm) -> None:
    """
    And is not asked for again.
    """
    mine, theirs = stage.account("basic")
    stage.set(chat_form=form)
    theirs.next(media(moderated="all"))

    told, events, failure = await stage.asked(drawing(2), mine)

    assert failure is None
    assert told.made == []
    assert [one.slot for one in told.withheld] == [0, 1]
    assert isinstance(events[-1], Finished)


async def test_one_withheld_drawing_of_a_turn_is_made_up_for_by_the_other(stage: Stage) -> None:
    """
    One was wanted, and one of the two can be had.
    """
    mine, theirs = stage.account("basic")
    theirs.next(media(moderated=(0,)))

    told, _, failure = await stage.asked(drawing(1), mine)

    assert failure is None
    assert [made.slot for made in told.made] == [0]
    assert told.withheld == []


@pytest.mark.parametrize("form", [ChatForm.GATEWAY, ChatForm.REST])
async def test_the_end_of_the_questions_wins_over_an_empty_picture(stage: Stage, form: ChatForm) -> None:
    """
    It comes inside an answer that looks accepted (§3.2).
    """
    mine, theirs = stage.account("basic")
    stage.set(chat_form=form)
    theirs.next(stream_error(8, "You've reached your usage limit for now.", place="response"))

    _, _, failure = await stage.asked(drawing(), mine)

    assert isinstance(failure, RateLimited)


@pytest.mark.parametrize("form", [ChatForm.GATEWAY, ChatForm.REST])
async def test_an_answer_in_words_is_no_drawing(stage: Stage, form: ChatForm) -> None:
    """
    Nobody else is asked for it: it is not the account's doing.
    """
    mine, theirs = stage.account("basic")
    stage.set(chat_form=form)
    theirs.next(Script((Say("I would rather not draw that."),)))

    told, _, failure = await stage.asked(drawing(2), mine)

    assert isinstance(failure, NotMade)
    assert (failure.again, failure.outcome) == (Again.NEVER, Noted(failure.message))
    assert told.made == []
