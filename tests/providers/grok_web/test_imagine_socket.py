"""Pictures by the imagine socket, against a simulated Grok."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from grokdesk.core.accounts import Limited
from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    MayBeMade,
    RateLimited,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
    Withdrawn,
)
from grokdesk.core.events import Event, Finished, Made, Previewed, Progressed
from grokdesk.core.media import ImageRequest, Kind
from grokdesk.core.ports import Lease
from grokdesk.core.settings import MediaForm
from grokdesk.platform.wire import Limits
from grokdesk.providers.grok_web import imagine
from grokdesk.sim import (
    Script,
    World,
    blocked,
    challenge,
    content_moderated,
    cut_after,
    expired,
    garbage,
    image_limit,
    limited,
    media,
    server_error,
    stall,
)
from grokdesk.sim.script import Wire as SimWire
from tests.providers.grok_web.stage import EGRESS, Stage
from tests.providers.grok_web.transcripts import grammatical

FORMS = list(MediaForm)


def asking(count: int = 1, model: str = "grok-imagine-image", *, previews: bool = False) -> ImageRequest:
    return ImageRequest(model, "a paper boat", count, "2:3", previews=previews)


def only_forward(events: list[Event]) -> bool:
    """Whether no slot's progress goes back, and nothing is told of one that is finished."""
    reached: dict[int, float] = {}
    for event in events:
        if isinstance(event, Progressed):
            if not reached.get(event.slot, 0) < event.fraction < 1:
                return False
            reached[event.slot] = event.fraction
        elif isinstance(event, Made):
            if reached.get(event.slot) == 1:
                return False
            reached[event.slot] = 1
    return True


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for out of courtesy to a slow server is not waited for here."""
    monkeypatch.setattr(imagine, "QUIET_S", 0.05)
    monkeypatch.setattr(imagine, "LONG_QUIET_S", 0.3)


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("count", [1, 4, 7, 10])
@pytest.mark.parametrize("model", ["grok-imagine-image", "grok-imagine-image-pro"])
async def test_as_many_pictures_are_made_as_are_wanted(
    stage: Stage, form: MediaForm, count: int, model: str
) -> None:
    """
    In each form, with either model, by as many rounds as it takes.
    """
    mine, _ = stage.account("super")
    stage.set(media_form=form)

    told, events, failure = await stage.asked(asking(count, model), mine)

    assert failure is None
    assert grammatical(events, finished=True)
    assert only_forward(events)
    assert sorted(made.slot for made in told.made) == list(range(count))
    assert all(made.artifact.data and made.artifact.kind is Kind.IMAGE for made in told.made)
    assert len({made.artifact.url for made in told.made}) == count
    assert stage.sim.violations == []


async def test_what_is_asked_is_what_upstream_hears(stage: Stage, world: World) -> None:
    """
    Ratio, quality, number, and whether adult pictures may be shown.
    """
    mine, _ = stage.account("super")
    stage.set(adult=True)

    await stage.asked(asking(3, "grok-imagine-image-pro"), mine)

    [batch] = world.media.batches
    assert (batch.prompt, batch.ratio, batch.pro, batch.nsfw, batch.wanted) == (
        "a paper boat",
        "2:3",
        True,
        True,
        3,
    )


async def test_previews_come_only_when_they_are_wanted(stage: Stage) -> None:
    """
    They are pictures, and come before what they become.
    """
    mine, _ = stage.account("super")

    without, events, _ = await stage.asked(asking(2), mine)
    _, seen, _ = await stage.asked(asking(2, previews=True), mine)

    assert not [event for event in events if isinstance(event, Previewed)]
    assert len(without.made) == 2
    previews = [event for event in seen if isinstance(event, Previewed)]
    assert {one.slot for one in previews} == {0, 1}
    assert all(one.media_type.startswith("image/") and one.data for one in previews)


@pytest.mark.parametrize(
    "odd",
    [
        media(completed_first="all"),
        media(blob="unpadded"),
        media(blob="data_uri"),
        media(url="missing"),
        media(url="relative"),
        media(null_image_id=True),
        media(no_percentage=True),
        media(previews=3),
        media(url_on_completed=True),
        Script(wire=SimWire(unknown=True)),
        garbage() + media(),
    ],
)
async def test_pictures_are_understood_however_they_are_told(stage: Stage, odd: Script) -> None:
    """
    Order, encoding and members that upstream may or may not send do not matter.
    """
    mine, theirs = stage.account("super")
    theirs.next(odd)

    told, events, failure = await stage.asked(asking(2), mine)

    assert failure is None
    assert sorted(made.slot for made in told.made) == [0, 1]
    assert only_forward(events)


@pytest.mark.parametrize("blob", ["garbage", "empty", "missing"])
async def test_a_picture_that_cannot_be_decoded_is_left_at_its_address(
    stage: Stage, blob: Literal["garbage", "empty", "missing"]
) -> None:
    """
    It is fetched from there.
    """
    mine, theirs = stage.account("super")
    theirs.next(media(blob=blob))

    told, _, failure = await stage.asked(asking(), mine)

    assert failure is None
    assert [(made.artifact.data, bool(made.artifact.url)) for made in told.made] == [(b"", True)]


async def test_a_withheld_picture_is_told_and_the_others_are_made(stage: Stage) -> None:
    """
    In the current form nothing is made up for.
    """
    mine, theirs = stage.account("super")
    theirs.next(media(moderated=(1,)))

    told, events, failure = await stage.asked(asking(3), mine)

    assert failure is None
    assert sorted(made.slot for made in told.made) == [0, 2]
    assert [(one.slot, bool(one.reason)) for one in told.withheld] == [(1, True)]
    assert isinstance(events[-1], Finished)


@pytest.mark.usefixtures("_hurried")
async def test_the_older_form_makes_up_for_what_is_withheld(stage: Stage, world: World) -> None:
    """
    By the spare pictures of its round, or by another round.
    """
    mine, theirs = stage.account("super")
    stage.set(media_form=MediaForm.OLDER)
    theirs.next(media(moderated=(0, 1, 2, 3)))

    told, _, failure = await stage.asked(asking(3), mine)

    assert failure is None
    assert sorted(made.slot for made in told.made) == [0, 1, 2]
    assert told.withheld == []
    assert len(world.media.batches) == 2


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("closes", [True, False])
async def test_a_prompt_of_which_everything_is_withheld_ends(
    stage: Stage, world: World, closes: bool
) -> None:
    """
    After two rounds of the older form that brought nothing.
    """
    mine, theirs = stage.account("super")
    stage.set(media_form=MediaForm.OLDER)
    theirs.always(media(moderated="all", closes=closes))

    told, events, failure = await stage.asked(asking(2), mine)

    assert failure is None
    assert (told.made, [one.slot for one in told.withheld]) == ([], [0, 1])
    assert isinstance(events[-1], Finished)
    assert len(world.media.batches) == 2


async def test_a_socket_that_closes_after_a_round_is_opened_again(stage: Stage, world: World) -> None:
    """
    On the same account, for what is missing.
    """
    mine, theirs = stage.account("super")
    stage.set(media_form=MediaForm.OLDER)
    theirs.always(media(closes=True))

    told, _, failure = await stage.asked(asking(8), mine)

    assert failure is None
    assert len(told.made) == 8
    assert len(world.media.trail("handshake")) == 2


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (limited(retry_after=60), RateLimited),
        (image_limit(), RateLimited),
        (challenge(), Challenged),
        (content_moderated(), Withdrawn),
        (expired(), AccountRejected),
        (blocked(), AccountRejected),
    ],
)
async def test_a_refusal_says_whose_fault_it_is(
    stage: Stage, refusal: Script, expected: type[UpstreamError]
) -> None:
    """
    At the handshake or in the stream, and never as one of which nobody knows what became of it.
    """
    mine, theirs = stage.account("super")
    theirs.next(refusal)

    _, _, failure = await stage.asked(asking(), mine)

    assert isinstance(failure, expected)
    assert failure.message
    assert failure.hint
    if expected is RateLimited:
        assert isinstance(failure.outcome, Limited)
        assert "pictures" in failure.message


async def test_a_server_in_trouble_at_the_handshake_has_made_nothing(stage: Stage) -> None:
    """
    So another account may be asked.
    """
    mine, theirs = stage.account("super")
    theirs.next(server_error(502))

    _, _, failure = await stage.asked(asking(), mine)

    assert type(failure) is UpstreamError


async def test_a_limit_in_the_middle_is_told_behind_what_was_made(stage: Stage) -> None:
    """
    The pictures are not lost, and the account is known to be out of them.
    """
    mine, theirs = stage.account("super")
    theirs.next(image_limit(after=16))

    told, _, failure = await stage.asked(asking(6), mine)

    assert isinstance(failure, RateLimited)
    assert 0 < len(told.made) < 6


@pytest.mark.parametrize("cut", [cut_after(2), cut_after(2, politely=True), stall(after=2), stall(after=0)])
async def test_a_job_that_was_lost_is_not_repeated(stage: Stage, cut: Script) -> None:
    """
    The prompt has been sent, so pictures may have been made.
    """
    mine, theirs = stage.account("super")
    stage.set(image_s=1.0)
    theirs.next(cut)

    told, _, failure = await stage.asked(asking(4), mine)

    assert isinstance(failure, MayBeMade)
    assert isinstance(failure.cause, (Unreachable, UpstreamTimeout))
    assert told.made == []


@pytest.mark.parametrize("cut", [cut_after(14), cut_after(14, politely=True), stall(after=14)])
async def test_what_was_made_before_the_connection_was_lost_is_handed_on(stage: Stage, cut: Script) -> None:
    """
    The answer ends with it; what is missing is seen by the count.
    """
    mine, theirs = stage.account("super")
    stage.set(image_s=1.0)
    theirs.next(cut)

    told, events, failure = await stage.asked(asking(4), mine)

    assert failure is None
    assert 0 < len(told.made) < 4
    assert isinstance(events[-1], Finished)


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("form", FORMS)
async def test_a_final_that_never_comes_is_not_waited_for_without_end(stage: Stage, form: MediaForm) -> None:
    """
    A preview does not become the picture.
    """
    mine, theirs = stage.account("super")
    stage.set(image_s=3.0, media_form=form)
    theirs.always(media(no_final=(0,), count=2))

    told, _, failure = await stage.asked(asking(2), mine)

    assert failure is None
    assert all(made.artifact.data for made in told.made)
    assert form is not MediaForm.CURRENT or [made.slot for made in told.made] == [1]


@pytest.mark.parametrize("at", ["open", "first_byte"])
async def test_silence_before_the_answer_ends_in_time(stage: Stage, at: str) -> None:
    """
    The limit counts from the connection on.
    """
    mine, theirs = stage.account("super")
    stage.set(image_s=0.8, limits=Limits(2, 5, 5, 5))
    theirs.next(stall(at=at))  # type: ignore[arg-type] # one of its words

    _, _, failure = await stage.asked(asking(), mine)

    assert isinstance(failure, (UpstreamTimeout, MayBeMade))


async def test_leaving_ends_the_call_at_once(stage: Stage, world: World) -> None:
    """
    Upstream sees the connection close while it is still drawing.
    """
    mine, theirs = stage.account("super")
    theirs.next(stall(after=3))
    meter = Lease(mine, next(iter(mine.windows)))

    async with stage.provider.open(asking(2), meter, EGRESS) as batches:
        async for _ in batches:
            break

    [turn] = world.turns
    async with asyncio.timeout(2):
        await turn.over.wait()
    assert turn.outcome == "left"
