"""What requests for pictures and films come down to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grokdesk.core.accounts import AccountId, Mode, Product, Tier
from grokdesk.core.commissions import commissioned, need_of
from grokdesk.core.conversation import (
    ChatRequest,
    ImageWishes,
    Media,
    Message,
    Role,
    Text,
    VideoWishes,
)
from grokdesk.core.errors import InvalidRequest
from grokdesk.core.media import Film, ImageRequest, Preset, Request, Resolution, Trace, VideoRequest
from grokdesk.core.offer import EVERYTHING

DRAW, EDIT, FILM = "grok-imagine-image", "grok-imagine-image-edit", "grok-imagine-video"
PICTURE = Media(data=b"\xff\xd8\xff", media_type="image/jpeg")


def made_of(request: Request) -> Request:
    """What the model that the request names makes of it."""
    return commissioned(request, EVERYTHING.named(request.model))


def chat(model: str, *messages: Message) -> ChatRequest:
    """A conversation with `model`."""
    return ChatRequest(model, messages)


def user(*parts: Text | Media) -> Message:
    """What a user says."""
    return Message(Role.USER, parts)


# --- conversations ------------------------------------------------------------------------------------------


def test_a_conversation_with_one_that_talks_stays_one() -> None:
    """
    Nothing is changed.
    """
    request = chat("grok-4.20-fast", user(Text("hi")))

    assert made_of(request) is request


def test_the_last_words_of_the_user_are_the_prompt() -> None:
    """
    Also when they come in blocks; what was drawn before does not count.
    """
    request = chat(
        DRAW,
        user(Text("a house")),
        Message(Role.ASSISTANT, (Text("![image](x)"),)),
        user(Text("a boat"), Text("on a river")),
    )
    request = replace(request, image=ImageWishes(count=3, size="1280x720"))

    assert made_of(request) == ImageRequest(DRAW, "a boat\non a river", 3, "16:9")


def test_what_is_wished_of_a_film_is_read() -> None:
    """
    Length, size, resolution and preset, and the pictures that came with the words.
    """
    request = chat(FILM, user(Text("it moves"), PICTURE))
    wishes = VideoWishes(seconds=10, size="720x1280", resolution="480p", preset="fun")

    assert made_of(replace(request, video=wishes)) == VideoRequest(
        FILM, "it moves", 10, "9:16", Resolution.P480, Preset.FUN, (PICTURE,)
    )


def test_an_edit_takes_every_picture_of_the_conversation_but_seven_at_most() -> None:
    """
    The last ones, whichever message they came with.
    """
    pictures = [Media(data=bytes([number])) for number in range(9)]
    request = chat(EDIT, user(Text("look"), *pictures[:5]), user(Text("make it blue"), *pictures[5:]))
    made = made_of(request)

    assert isinstance(made, ImageRequest)
    assert made.references == tuple(pictures[2:])
    assert made.prompt == "make it blue"


@pytest.mark.parametrize(
    ("request_", "param", "says"),
    [
        (chat(DRAW, user(PICTURE)), "messages", "no prompt"),
        (chat(DRAW, user(Text("a"), PICTURE)), "model", "grok-imagine-image-edit"),
        (chat(EDIT, user(Text("a"))), "messages", "there is none"),
        (chat(EDIT, user(Text("a"), Media(data=b"x", media_type="application/pdf"))), "messages", "pdf"),
        (replace(chat(DRAW, user(Text("a"))), image=ImageWishes(count=11)), "image_config.n", "1 to 10"),
        (replace(chat(DRAW, user(Text("a"))), image=ImageWishes(size="big")), "image_config.size", "'big'"),
        (
            replace(chat(DRAW, user(Text("a"))), image=ImageWishes(form="file")),
            "image_config.response_format",
            "b64_json",
        ),
        (replace(chat(FILM, user(Text("a"))), video=VideoWishes(seconds=21)), "video_config.seconds", "20"),
        (
            replace(chat(FILM, user(Text("a"))), video=VideoWishes(resolution="4k")),
            "video_config.resolution_name",
            "480p",
        ),
        (
            replace(chat(FILM, user(Text("a"))), video=VideoWishes(preset="wild")),
            "video_config.preset",
            "fun",
        ),
        (ImageRequest(DRAW, "a", count=0), "n", "1 to 10"),
        (ImageRequest(DRAW, "a", references=(PICTURE,)), "model", "grok-imagine-image-edit"),
        (ImageRequest(EDIT, "a"), "image", "none came"),
        (ImageRequest("grok-4.20-fast", "a"), "model", "grok-imagine-image-lite"),
        (ImageRequest(FILM, "a"), "model", "does not make pictures"),
        (VideoRequest(DRAW, "a"), "model", "grok-imagine-video"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_spent(request_: Request, param: str, says: str) -> None:
    """
    The member that is wrong is named, and the sentence says what would do.
    """
    with pytest.raises(InvalidRequest) as caught:
        made_of(request_)

    assert caught.value.param == param
    assert says in f"{caught.value.message} {caught.value.hint}"


# --- who may make it ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "tiers", "meter"),
    [
        (ImageRequest(DRAW, "a"), "super heavy basic", Product.IMAGE_PRO),
        (ImageRequest(EDIT, "a", references=(PICTURE,)), "super heavy basic", Product.IMAGE_EDIT),
        (ImageRequest("grok-imagine-image-lite", "a"), "basic super heavy", Mode.FAST),
        (VideoRequest(FILM, "a"), "super heavy basic", Product.VIDEO_720P),
        (VideoRequest(FILM, "a", 7), "super heavy", Product.VIDEO_720P),
        (VideoRequest(FILM, "a", 7, resolution=Resolution.P480), "super heavy", Product.VIDEO),
        (VideoRequest(FILM, "a", resolution=Resolution.P480), "super heavy", Product.VIDEO),
    ],
)
def test_only_accounts_that_may_have_it_are_asked(
    request_: Request, tiers: str, meter: Mode | Product
) -> None:
    """
    A free account makes no films longer than six seconds, and none in another resolution than 720p.
    """
    need = need_of(request_, EVERYTHING.named(request_.model), fallback=True)

    assert (" ".join(tier.value for tier in need.tiers), need.meters) == (tiers, (meter,))


@pytest.mark.parametrize(
    ("request_", "because"),
    [
        (VideoRequest(FILM, "a"), ""),
        (VideoRequest(FILM, "a", 7), "video_config.seconds"),
        (VideoRequest(FILM, "a", 7, resolution=Resolution.P480), "video_config.seconds"),
        (VideoRequest(FILM, "a", resolution=Resolution.P480), "video_config.resolution_name"),
    ],
)
def test_what_leaves_free_accounts_out_has_a_name(request_: VideoRequest, because: str) -> None:
    """
    Where the request has it, so that its author knows what to change.
    """
    need = need_of(request_, EVERYTHING.named(FILM), fallback=True, path="video_config.")

    assert need.because == because


def test_a_film_is_continued_by_the_account_that_made_it() -> None:
    """
    No other one has it.
    """
    film = Film(Trace(account=AccountId("a")), 6, "waves")
    need = need_of(VideoRequest(FILM, "more", continues=film), EVERYTHING.named(FILM), fallback=True)

    assert need.only == "a"
    assert Tier.BASIC in need.tiers
