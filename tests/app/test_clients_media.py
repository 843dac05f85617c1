"""Pictures and films for the official clients, through the whole program against the simulator."""

from __future__ import annotations

import base64
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
import openai
import pytest
from openai.types import Completion, ImageGenCompletedEvent, ImageGenPartialImageEvent, Video
from openai.types.responses import Response

from grokdesk.core.accounts import Tier
from grokdesk.core.secret import Secret
from grokdesk.engine.reading import NewAccount
from grokdesk.sim import Simulator, World, image_limit, limited, media
from tests.rig import Rig, running, token

# The makers of the official client have given up on films; the format lives on.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")

Form = Literal["url", "b64_json"]
Format = Literal["png", "jpeg", "webp"]
Ask = Callable[..., Awaitable[str]]

DRAW = "grok-imagine-image"
FILM = "grok-imagine-video"


@pytest.fixture
async def world() -> World:
    return World(time.time, Random(1), picture_scale=0.1)  # noqa: TID251 - the clock the simulator is given


@pytest.fixture
async def rig(tmp_path: Path, sim: Simulator, world: World) -> AsyncIterator[Rig]:
    """The program with one paid account."""
    async with running(tmp_path / "data", sim, world) as rig:
        await paid(rig)
        yield rig


async def paid(rig: Rig) -> None:
    """Give the program an account that may have everything."""
    rig.world.add(token("a"), "super")
    await rig.app.pool.add([NewAccount(token=Secret(token("a")), tier=Tier.SUPER)])


async def opened(address: str | None, **headers: str) -> tuple[str, bytes]:
    """What a plain HTTP client finds at a link, without any key: type and content."""
    assert address is not None
    async with aiohttp.request("GET", address, headers=headers) as response:
        assert response.status in {200, 206}, await response.text()
        return response.content_type, await response.read()


def size_of(picture: bytes) -> str:
    """The size that the head of a PNG or JPEG says."""
    if picture.startswith(b"\x89PNG"):
        width, height = struct.unpack(">II", picture[16:24])
        return f"{width}x{height}"
    at = 2
    while picture[at + 1] not in range(0xC0, 0xC3):
        at += 2 + int.from_bytes(picture[at + 2 : at + 4], "big")
    height, width = struct.unpack(">HH", picture[at + 5 : at + 9])
    return f"{width}x{height}"


async def a_picture(rig: Rig) -> bytes:
    answer = await rig.client.images.generate(prompt="An apple", response_format="b64_json")
    assert answer.data is not None
    return base64.b64decode(answer.data[0].b64_json or "")


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 4, 10])
@pytest.mark.parametrize("form", ["url", "b64_json"])
async def test_pictures_are_made(rig: Rig, n: int, form: Form) -> None:
    """
    As many as are asked for, each another one, of the size that is told.
    """
    answer = await rig.client.images.generate(model=DRAW, prompt="Apples", n=n, response_format=form)

    assert answer.data is not None
    if form == "url":
        pictures = [(await opened(one.url))[1] for one in answer.data]
    else:
        pictures = [base64.b64decode(one.b64_json or "") for one in answer.data]
    assert len(set(pictures)) == n
    assert {size_of(one) for one in pictures} == {answer.size}
    assert answer.output_format == "jpeg"
    assert not rig.world.violations


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        ("1024x1024", "1:1"),
        ("1280x720", "16:9"),
        ("720x1280", "9:16"),
        ("1792x1024", "3:2"),
        ("1024x1792", "2:3"),
        ("1536x1024", "3:2"),
        ("1024x1536", "2:3"),
        ("512x512", "1:1"),
        ("256x256", "1:1"),
        ("16:9", "16:9"),
        ("4:3", "4:3"),
        ("1000x1300", "3:4"),
    ],
)
async def test_sizes_become_ratios(rig: Rig, size: str, ratio: str) -> None:
    """
    The nearest that Grok knows; what is told is the real size.
    """
    answer = await rig.client.images.generate(model=DRAW, prompt="An apple", size=size)

    assert answer.data is not None
    assert rig.world.media.batches[-1].ratio == ratio
    assert size_of((await opened(answer.data[0].url))[1]) == answer.size


async def test_a_size_may_be_left_to_grok(rig: Rig) -> None:
    """
    By `auto`, and by saying nothing.
    """
    for size in ("auto", None):
        answer = await rig.client.images.generate(model=DRAW, prompt="An apple", size=size)
        assert answer.data is not None
        assert answer.data[0].url


@pytest.mark.parametrize("model", ["grok-imagine-image-lite", "grok-imagine-image-pro"])
async def test_other_models_draw_too(rig: Rig, model: str) -> None:
    """
    The simple one within a conversation, the other with more care.
    """
    answer = await rig.client.images.generate(model=model, prompt="An apple", n=2)

    assert answer.data is not None
    kinds = [(await opened(one.url))[0] for one in answer.data]
    assert kinds == ["image/jpeg"] * 2
    assert answer.quality == ("low" if "lite" in model else "high")


@pytest.mark.parametrize(("form", "head"), [("png", b"\x89PNG"), ("webp", b"RIFF"), ("jpeg", b"\xff\xd8")])
async def test_pictures_come_in_any_format(rig: Rig, form: Format, head: bytes) -> None:
    """
    Embedded or behind a link.
    """
    packed = await rig.client.images.generate(prompt="x", output_format=form, response_format="b64_json")
    linked = await rig.client.images.generate(prompt="x", output_format=form)

    assert packed.data is not None
    assert linked.data is not None
    assert base64.b64decode(packed.data[0].b64_json or "").startswith(head)
    kind, content = await opened(linked.data[0].url)
    assert (kind, content[: len(head)]) == (f"image/{form}", head)


async def test_a_picture_appears_step_by_step(rig: Rig) -> None:
    """
    A preview of each, then each finished.
    """
    stream = await rig.client.images.generate(prompt="Apples", n=2, stream=True, partial_images=1)
    heard = [event async for event in stream]

    assert sum(isinstance(one, ImageGenPartialImageEvent) for one in heard) == 2
    done = [one for one in heard if isinstance(one, ImageGenCompletedEvent)]
    assert [size_of(base64.b64decode(one.b64_json)) for one in done] == [one.size for one in done]
    assert len(done) == 2


async def test_a_picture_is_changed(rig: Rig) -> None:
    """
    One file, several of them, or one that was made here before, by its link.
    """
    first = await rig.client.images.generate(prompt="An apple")
    assert first.data is not None
    file = (await opened(first.data[0].url))[1]

    one = await rig.client.images.edit(image=file, prompt="Bluer", n=2)
    several = await rig.client.images.edit(image=[file, file], prompt="Put @IMAGE1 beside @IMAGE2")
    body = {"prompt": "Redder", "image": {"image_url": first.data[0].url}}
    linked = await rig.client.post("/images/edits", body=body, cast_to=openai.types.ImagesResponse)

    for answer, count in ((one, 2), (several, 1), (linked, 1)):
        assert answer.data is not None
        assert [(await opened(picture.url))[0] for picture in answer.data] == ["image/jpeg"] * count
    assert not rig.world.violations


async def test_a_picture_is_varied(rig: Rig) -> None:
    """
    By an edit with words of ours.
    """
    with pytest.warns(DeprecationWarning, match="deprecated"):
        answer = await rig.client.images.create_variation(image=await a_picture(rig))

    assert answer.data is not None
    assert (await opened(answer.data[0].url))[0] == "image/jpeg"


# --- failures -----------------------------------------------------------------------------------------------


async def test_moderation_has_its_own_code(rig: Rig) -> None:
    """
    When all was withheld. When some was, the failure says how many there are, and they are kept.
    """
    rig.world.next(media(moderated="all"))
    with pytest.raises(openai.BadRequestError) as withheld:
        await rig.client.images.generate(prompt="Apples", n=2)

    rig.world.next(media(moderated=(1,)), media(moderated="all"), media(moderated="all"))
    with pytest.raises(openai.InternalServerError, match="1 of 2") as incomplete:
        await rig.client.images.generate(prompt="Apples", n=2)

    assert withheld.value.code == "moderation_blocked"
    assert incomplete.value.code == "image_generation_incomplete"


async def test_a_limit_is_a_limit(rig: Rig) -> None:
    """
    Grok says so in the stream of pictures; nothing is tried again on the same account.
    """
    rig.world.next(image_limit())

    with pytest.raises(openai.RateLimitError) as caught:
        await rig.client.images.generate(prompt="An apple")

    assert len(caught.value.message) > 20


async def test_a_film_that_no_account_may_make_is_refused_at_once(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    A free account makes six seconds: nothing is spent to find that out.
    """
    async with running(tmp_path / "data", sim, world) as rig:
        world.add(token("b"), "basic")
        await rig.add(token("b"))

        with pytest.raises(openai.BadRequestError, match="super or heavy accounts") as caught:
            await rig.client.videos.create(prompt="A boat", extra_body={"seconds": 20})

    assert caught.value.param == "seconds"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert not world.turns
    assert not world.media.posts


async def test_wrong_wishes_never_reach_grok(rig: Rig) -> None:
    """
    A bad size, too many seconds, a file that is no picture.
    """
    for ask, param in (
        (rig.client.images.generate(prompt="x", size="huge"), "size"),
        (rig.client.videos.create(prompt="x", extra_body={"seconds": 60}), "seconds"),
        (rig.client.images.edit(image=b"%PDF-1.4", prompt="x"), "image"),
        (rig.client.videos.create(prompt="x", input_reference=b"text"), "input_reference"),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            await ask
        assert caught.value.param == param

    assert not rig.sim.received


# --- films --------------------------------------------------------------------------------------------------


async def made_film(rig: Rig, **wish: Any) -> Video:  # noqa: ANN401 - the client's
    return await rig.client.videos.create_and_poll(prompt="A boat", poll_interval_ms=20, **wish)


async def test_a_film_is_made(rig: Rig) -> None:
    """
    The job is followed to its end, the film can be had, and what it has become is told.
    """
    video = await made_film(rig, seconds="8", size="1280x720")

    content = await rig.client.videos.download_content(video.id)
    assert (video.status, video.progress, video.seconds, video.error) == ("completed", 100, "8", None)
    assert content.content[4:8] == b"ftyp"
    assert content.response.headers["Content-Type"] == "video/mp4"
    width, height = map(int, video.size.split("x"))
    assert width > height
    assert not rig.world.violations


async def test_a_film_begins_with_a_picture(rig: Rig) -> None:
    """
    Sent as a file.
    """
    video = await made_film(rig, input_reference=await a_picture(rig))

    assert video.status == "completed"
    assert not rig.world.violations


async def test_films_are_listed_and_deleted(rig: Rig) -> None:
    """
    With all that belongs to them: the link is dead afterwards.
    """
    first, second = await made_film(rig), await made_film(rig)

    listed = [video.id async for video in rig.client.videos.list(limit=1)]
    gone = await rig.client.videos.delete(first.id)

    assert listed == [second.id, first.id]
    assert gone.deleted
    assert [video.id async for video in rig.client.videos.list()] == [second.id]
    for ask in (rig.client.videos.retrieve(first.id), rig.client.videos.download_content(first.id)):
        with pytest.raises(openai.NotFoundError):
            await ask


async def test_a_film_is_made_anew(rig: Rig) -> None:
    """
    From a picture of it.
    """
    video = await made_film(rig)

    again = await rig.client.videos.remix(video.id, prompt="At night")
    done = await rig.client.videos.poll(again.id, poll_interval_ms=20)

    assert (done.status, done.remixed_from_video_id) == ("completed", video.id)
    thumbnail = await rig.client.videos.download_content(video.id, variant="thumbnail")
    assert thumbnail.content.startswith(b"\xff\xd8")


async def test_a_film_that_is_withheld_says_so(rig: Rig) -> None:
    """
    In the job, with the code of moderation.
    """
    rig.world.next(media(moderated="all"))

    video = await made_film(rig)

    assert video.status == "failed"
    assert video.error is not None
    assert video.error.code == "moderation_blocked"
    assert len(video.error.message) > 20


async def test_a_film_over_the_limit_says_so(rig: Rig) -> None:
    """
    A job that began and was refused has failed with the reason.
    """
    rig.world.next(limited(retry_after=600))

    video = await made_film(rig)

    assert video.status == "failed"
    assert video.error is not None
    assert video.error.code in {"rate_limit_exceeded", "no_account"}


# --- links --------------------------------------------------------------------------------------------------


async def test_links_still_open_after_a_restart(tmp_path: Path, sim: Simulator, world: World) -> None:
    """
    Under the host name the client used, in whole and in part; guesses find nothing.
    """
    folder = tmp_path / "data"
    async with running(folder, sim, world) as rig:
        await paid(rig)
        port = urlsplit(rig.url).port
        named = rig.client.with_options(base_url=f"http://localhost:{port}/v1")
        answer = await named.images.generate(prompt="An apple")
        assert answer.data is not None
        address = answer.data[0].url or ""
        _, content = await opened(address)
    assert address.startswith(f"http://localhost:{port}/v1/files/image/")

    async with running(folder, sim, world) as rig:
        again = rig.url + urlsplit(address).path
        assert await opened(again) == ("image/jpeg", content)
        assert (await opened(again, Range="bytes=2-9"))[1] == content[2:10]
        async with aiohttp.request("GET", again.replace(again[-12:-4], "00000000")) as guessed:
            assert guessed.status == 404


# --- conversations ------------------------------------------------------------------------------------------


async def by_chat(rig: Rig, **more: Any) -> str:  # noqa: ANN401 - the client's
    said: Any = [{"role": "user", "content": [{"type": "text", "text": "Apples"}]}]
    answer = await rig.client.chat.completions.create(messages=said, **more)
    return answer.choices[0].message.content or ""


async def by_responses(rig: Rig, **more: Any) -> str:  # noqa: ANN401 - the client's
    answer: Response = await rig.client.responses.create(input="Apples", **more)
    return answer.output_text


async def by_messages(rig: Rig, **more: Any) -> str:  # noqa: ANN401 - the client's
    said: Any = [{"role": "user", "content": "Apples"}]
    answer = await rig.claude.messages.create(max_tokens=99, messages=said, **more)
    return "".join(block.text for block in answer.content if block.type == "text")


async def by_completions(rig: Rig, **more: Any) -> str:  # noqa: ANN401 - the client's
    answer: Completion = await rig.client.completions.create(prompt="Apples", **more)
    return answer.choices[0].text


async def in_the_background(rig: Rig, **more: Any) -> str:  # noqa: ANN401 - the client's
    answer = await rig.client.responses.create(input="Apples", background=True, stream=True, **more)
    told = [event async for event in answer]
    assert told[-1].type == "response.completed"
    return (await rig.client.responses.retrieve(told[-1].response.id)).output_text


@pytest.mark.parametrize("ask", [by_chat, by_responses, by_messages, by_completions, in_the_background])
async def test_conversations_can_ask_for_pictures(rig: Rig, ask: Ask) -> None:
    """
    In each format, with `image_config`; the answer has links that open.
    """
    config = {"n": 2, "aspect_ratio": "16:9"}

    text = await ask(rig, model=DRAW, extra_body={"image_config": config})

    links = [part.partition(")")[0] for part in text.split("![image](")[1:]]
    assert [(await opened(link))[0] for link in links] == ["image/jpeg"] * 2
    assert rig.world.media.batches[-1].ratio == "16:9"


@pytest.mark.parametrize("ask", [by_chat, by_responses, by_messages])
async def test_conversations_can_ask_for_films(rig: Rig, ask: Ask) -> None:
    """
    In each format, with `video_config`.
    """
    config = {"seconds": 10, "size": "720x1280", "resolution_name": "480p"}

    text = await ask(rig, model=FILM, extra_body={"video_config": config})

    kind, content = await opened(text.strip())
    assert (kind, content[4:8]) == ("video/mp4", b"ftyp")


async def test_a_conversation_can_go_on_about_a_picture(rig: Rig) -> None:
    """
    A link to this gateway is read here, although nobody may fetch from this machine.
    """
    first = await by_chat(rig, model=DRAW)
    link = first.split("![image](")[1].partition(")")[0]
    said: Any = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Bluer"},
                {"type": "image_url", "image_url": {"url": link}},
            ],
        }
    ]

    answer = await rig.client.chat.completions.create(model="grok-imagine-image-edit", messages=said)

    assert "![image](" in (answer.choices[0].message.content or "")


@pytest.mark.parametrize(
    ("config", "param"),
    [
        ({"image_config": {"n": 11}}, "image_config.n"),
        ({"image_config": {"size": "huge"}}, "image_config.size"),
        ({"video_config": {"seconds": 99}}, "video_config.seconds"),
        ({"video_config": {"preset": "wild"}}, "video_config.preset"),
    ],
)
async def test_what_a_conversation_wishes_wrongly_is_named(
    rig: Rig, config: dict[str, Any], param: str
) -> None:
    """
    By its path, before anything is asked of Grok.
    """
    with pytest.raises(openai.BadRequestError) as caught:
        await by_chat(rig, model=DRAW, extra_body=config)

    assert caught.value.param == param
    assert not rig.sim.received
