"""The recorded calls around pictures and films, played to the real provider: quotas, lists, uploads."""

from __future__ import annotations

from grokdesk.core.accounts import Product
from grokdesk.core.conversation import ChatRequest, Media, Message, Role, Text
from grokdesk.core.errors import InvalidRequest, UpstreamError, Withdrawn
from grokdesk.core.media import Trace
from grokdesk.core.settings import ChatForm, MediaForm
from grokdesk.core.voice import Speaker, VoiceWish
from grokdesk.sim import World, recording
from tests.providers.grok_web.stage import EGRESS, Stage
from tests.providers.grok_web.test_recordings import EDIT, MEDIA, PNG


async def test_recorded_quotas_are_read(stage: Stage, world: World) -> None:
    """
    One product is used up until it says, and one is not there.
    """
    mine, _ = stage.account("super")
    world.play(recording(MEDIA / "imagine-quota-info.ndjson"))

    report = await stage.provider.probe(mine, EGRESS, meters=(Product.IMAGE_PRO,))

    assert {product.value: (one.available, one.remaining) for product, one in report.media.items()} == {
        "image": (True, 20),
        "imagePro": (True, 8),
        "imageEdit": (False, 0),
        "video720p": (True, 2),
    }
    assert report.media[Product.IMAGE_EDIT].reset_at is not None


async def test_recorded_files_are_listed_and_deleted(stage: Stage, world: World) -> None:
    """
    Both pages of them.
    """
    mine, _ = stage.account("super")
    story = recording(MEDIA / "asset-list-page.ndjson")
    world.play(story)

    listing = await stage.provider.assets(mine, EGRESS)
    deleted = await stage.provider.delete_asset(mine, EGRESS, "e1e1e1e1-0000-4000-8000-000000000002")

    assert [one.id[-4:] for one in listing.items] == ["0001", "0001", "0002"]
    assert deleted
    assert story.is_over


async def test_a_recorded_film_is_shared_and_made_larger(stage: Stage, world: World) -> None:
    """
    The link of its page, and the address of the larger file.
    """
    mine, _ = stage.account("super")
    story = recording(MEDIA / "media-share-and-upscale.ndjson")
    world.play(story)
    trace = Trace(
        mine.id,
        post_id="c5d00000-0000-4000-8000-000000000001",
        asset_id="f00d0000-0000-4000-8000-000000000001",
    )

    link = await stage.provider.share(trace, mine, EGRESS)
    larger = await stage.provider.upscale(trace, mine, EGRESS)

    assert (
        link
        == "https://grok.com/imagine/post/c5d00000-0000-4000-8000-000000000001?source=post-page&platform=web"
    )
    assert larger.url.endswith("/generated_video_hd.mp4")
    assert story.is_over
    assert story.differences == []


async def test_recorded_uploads_are_told_apart(stage: Stage, world: World) -> None:
    """
    One that is refused in words, one that only has an upload id, and one that policy refuses.
    """
    mine, _ = stage.account("super")
    world.strict = False  # the recorded ids are of files that this world does not have
    stage.set(chat_form=ChatForm.REST, media_form=MediaForm.CURRENT)
    story = recording(MEDIA / "upload-replies.ndjson")
    world.play(story)
    picture = Media(PNG, media_type="image/png", name="file.png")
    told = ChatRequest("grok-4.20-fast", (Message(Role.USER, (Text("Look."), picture)),))

    heard: list[type[object]] = []
    for request in (told, EDIT, EDIT, EDIT, EDIT):
        try:
            _, _, failure = await stage.asked(request, mine)
        except InvalidRequest as error:
            heard.append(type(error))
        else:
            heard.append(type(failure))

    assert stage.bodies()[0]["fileAttachments"] == ["0f3c1d9e-1111-4222-8333-444455556666"]
    assert stage.bodies()[1]["mediaGenInput"]["imageToImage"]["inputAssets"] == [
        "0f3c1d9e-1111-4222-8333-444455556666"
    ]
    assert heard[2] is InvalidRequest
    assert issubclass(heard[3], UpstreamError | InvalidRequest)
    assert heard[4] is Withdrawn
    assert story.is_over


async def test_recorded_voice_tokens_are_read(stage: Stage, world: World) -> None:
    """
    One for a personality, one for the owner's own words in its place.
    """
    mine, _ = stage.account("super")
    story = recording(MEDIA / "livekit-token-reply.ndjson")
    world.play(story)

    first = await stage.provider.open_voice(VoiceWish(), mine, EGRESS)
    second = await stage.provider.open_voice(
        VoiceWish(Speaker.EVE, speed=1.25, instructions="Answer like a lighthouse keeper."), mine, EGRESS
    )

    assert (first.participant, first.room, first.url) == ("user-1", "room-1", "wss://livekit.grok.com")
    assert (second.participant, second.room) == ("user-2", "room-2")
    assert first.token.reveal().startswith("eyJ")
    assert story.is_over
    assert story.differences == []
