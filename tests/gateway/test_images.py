"""The Images API over real sockets with the official client; the engine follows a script."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import aiohttp
import openai
import pytest
from openai.types import ImageEditCompletedEvent, ImageGenCompletedEvent, ImageGenPartialImageEvent

from grokdesk.core.conversation import Media
from grokdesk.core.errors import Broken, GrokDeskError, Incomplete, NoAccount, Refused, Unsupported, Withdrawn
from grokdesk.core.events import Made, Previewed, Progressed
from grokdesk.core.media import Artifact, ImageRequest, Kept, Kind
from grokdesk.dialects import sse
from grokdesk.platform.tasks import Supervisor
from tests.gateway.conftest import World
from tests.gateway.fakes import CREATED, KEY, Step, finished, settle, started

MODEL = "grok-imagine-image"
EDITS = "grok-imagine-image-edit"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
JPEG = b"\xff\xd8\xff\xe0 a small picture"


def made(world: World, content: bytes = JPEG, slot: int = 0, *, prompt: str = "", **more: Any) -> Made:  # noqa: ANN401 - any field of it
    """A picture that is ready and kept."""
    kept = world.library.add(content, **more)
    return Made(Artifact(Kind.IMAGE, prompt=prompt), slot, kept)


def link_to(world: World, kept: Kept, suffix: str = ".jpg") -> str:
    return f"{world.root}/v1/files/image/{kept.id}{suffix}"


def data_uri(data: bytes = PNG, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


async def test_a_picture_is_a_link_that_opens(
    world: World, client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    """
    Without `response_format` the answer has an address at this gateway, under the name the client used.
    """
    picture = made(world, prompt="A red apple, in oil")
    world.engine.says([started()], [picture, finished()])

    answer = await client.images.generate(model=MODEL, prompt="An apple")

    assert answer.data is not None
    assert picture.kept is not None
    assert answer.data[0].url == link_to(world, picture.kept)
    assert answer.data[0].revised_prompt == "A red apple, in oil"
    async with aiohttp.request("GET", answer.data[0].url) as file:
        assert (file.content_type, await file.read()) == ("image/jpeg", JPEG)


async def test_an_answer_says_how_the_pictures_are(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The real size, not the one that was asked for, and every member that clients rely on.
    """
    world.engine.says([started()], [made(world), finished()])

    answer = await client.images.generate(model=MODEL, prompt="An apple", size="1024x1024")

    assert (answer.size, answer.output_format, answer.background) == ("784x1168", "jpeg", "opaque")
    assert (answer.created, answer.quality) == (CREATED, "medium")
    assert answer.usage is not None
    assert answer.usage.output_tokens_details is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.usage.input_tokens_details.text_tokens == 2


async def test_pictures_come_in_their_order(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Whichever was ready first; embedded ones are the files themselves.
    """
    pictures = [made(world, f"picture {slot}".encode(), slot) for slot in (2, 0, 1)]
    world.engine.says([started()], *[[one] for one in pictures], [finished()])

    answer = await client.images.generate(model=MODEL, prompt="Apples", n=3, response_format="b64_json")

    assert answer.data is not None
    contents = [base64.b64decode(one.b64_json or "") for one in answer.data]
    assert contents == [b"picture 0", b"picture 1", b"picture 2"]
    assert [one.url for one in answer.data] == [None] * 3


async def test_the_engine_hears_what_is_wanted(world: World, client: openai.AsyncOpenAI) -> None:
    """
    In neutral words, under the name of the key. High quality is another model.
    """
    world.engine.says([started()], [made(world), finished()])

    await client.images.generate(model=MODEL, prompt="An apple", n=4, size="1536x1024", quality="high")

    assert world.engine.pictures == [ImageRequest("grok-imagine-image-pro", "An apple", 4, "3:2")]
    assert world.engine.clients == ["Editor"]


async def test_a_model_need_not_be_named(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Neither for pictures from words nor for those from pictures.
    """
    world.engine.says([started()], [made(world), finished()])

    await client.images.generate(prompt="An apple")
    await client.images.edit(image=PNG, prompt="Bluer")

    assert [one.model for one in world.engine.pictures] == [MODEL, EDITS]


async def test_other_formats_are_made_here(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Of embedded pictures, and of those behind links: the link itself says the form.
    """
    picture = made(world)
    world.engine.says([started()], [picture, finished()])

    packed = await client.images.generate(
        prompt="An apple", output_format="webp", output_compression=40, response_format="b64_json"
    )
    linked = await client.images.generate(prompt="An apple", output_format="webp", output_compression=40)

    assert packed.data is not None
    assert linked.data is not None
    assert packed.output_format == linked.output_format == "webp"
    assert base64.b64decode(packed.data[0].b64_json or "") == b"webp 40 " + JPEG
    assert picture.kept is not None
    assert linked.data[0].url == link_to(world, picture.kept, ".webp?compression=40")
    async with aiohttp.request("GET", linked.data[0].url) as file:
        assert (file.content_type, await file.read()) == ("image/webp", b"webp 40 " + JPEG)


# --- streams ------------------------------------------------------------------------------------------------


async def test_a_stream_shows_pictures_as_they_become(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Previews as many as were asked for, then the finished pictures, each with the number of its picture.
    """
    previews = [Previewed(f"draft {at}".encode(), "image/png", 0) for at in range(3)]
    world.engine.says(
        [started()],
        *[[one] for one in previews],
        [Progressed(0.5)],
        [Previewed(b"other", "image/png", 1)],
        [made(world, b"second", 1), made(world, b"first", 0)],
        [finished()],
    )

    stream = await client.images.generate(prompt="Apples", n=2, stream=True, partial_images=2)
    heard = [event async for event in stream]

    drafts = [one for one in heard if isinstance(one, ImageGenPartialImageEvent)]
    assert [base64.b64decode(one.b64_json) for one in drafts] == [b"draft 0", b"draft 1", b"other"]
    assert [one.partial_image_index for one in drafts] == [0, 1, 0]
    done = [one for one in heard if isinstance(one, ImageGenCompletedEvent)]
    assert [base64.b64decode(one.b64_json) for one in done] == [b"second", b"first"]
    assert [(one.model_extra or {})["index"] for one in heard] == [0, 0, 1, 1, 0]
    assert (done[0].size, done[0].output_format, done[0].created_at) == ("784x1168", "jpeg", CREATED)
    assert done[0].usage.total_tokens > 0
    assert world.engine.pictures[0].previews


async def test_without_partial_images_only_finished_ones_are_streamed(
    world: World, client: openai.AsyncOpenAI
) -> None:
    """
    And upstream is not asked for previews. Edits have events of their own.
    """
    world.engine.says([started()], [Previewed(b"draft", "image/png")], [made(world)], [finished()])

    stream = await client.images.edit(image=PNG, prompt="Bluer", stream=True)
    heard = [event async for event in stream]

    assert [type(event) for event in heard] == [ImageEditCompletedEvent]
    assert not world.engine.pictures[0].previews


async def test_a_stream_in_another_format_is_converted_throughout(
    world: World, client: openai.AsyncOpenAI
) -> None:
    """
    Previews too.
    """
    world.engine.says([started()], [Previewed(b"draft", "image/png")], [made(world)], [finished()])

    stream = await client.images.generate(prompt="x", stream=True, partial_images=1, output_format="webp")
    heard = [event async for event in stream]

    assert [one.output_format for one in heard] == ["webp", "webp"]
    assert [base64.b64decode(one.b64_json) for one in heard] == [b"webp 92 draft", b"webp 92 " + JPEG]


async def test_a_stream_that_breaks_off_says_so(world: World, client: openai.AsyncOpenAI) -> None:
    """
    What was finished has arrived; then the official client raises with the sentence.
    """
    failure = Incomplete("1 of 2 pictures were made.", made=1, wanted=2)
    world.engine.says([started()], [made(world)], failure)

    stream = await client.images.generate(prompt="Apples", n=2, stream=True)
    heard = await anext(aiter(stream))
    with pytest.raises(openai.APIError, match="1 of 2 pictures") as caught:
        await anext(aiter(stream))

    assert isinstance(heard, ImageGenCompletedEvent)
    assert caught.value.code == "image_generation_incomplete"


async def test_silence_is_filled(world: World, http: aiohttp.ClientSession) -> None:
    """
    While Grok draws, the connection is kept alive.
    """
    drawn = asyncio.Event()
    world.engine.says([started()], drawn, [made(world)], [finished()])
    body = {"prompt": "An apple", "stream": True}

    async with http.post("/v1/images/generations", json=body) as response:
        await settle()
        world.deadlines.advance(world.settings.now.gateway.heartbeat_s)
        assert await response.content.readuntil(b"\n\n") == sse.HEARTBEAT
        drawn.set()
        assert b"image_generation.completed" in await response.content.read()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_ends_the_call(
    world: World, http: aiohttp.ClientSession, supervisor: Supervisor, stream: bool
) -> None:
    """
    Nothing is drawn for nobody.
    """
    world.engine.says([started()], asyncio.Event())
    body = {"prompt": "An apple", "stream": stream}

    async def ask() -> None:
        async with http.post("/v1/images/generations", json=body) as response:
            await response.read()

    asking = supervisor.spawn(ask(), name="a client")
    await world.engine.entered.wait()
    asking.cancel()

    await world.until_nothing_in_flight()


# --- edits --------------------------------------------------------------------------------------------------


async def test_one_picture_is_edited(world: World, client: openai.AsyncOpenAI) -> None:
    """
    As the official client sends it: a form with one file.
    """
    world.engine.says([started()], [made(world), finished()])

    answer = await client.images.edit(
        image=("apple.png", PNG, "image/png"), prompt="Make it blue", n=2, size="auto", input_fidelity="high"
    )

    (order,) = world.engine.pictures
    picture = Media(data=PNG, media_type="image/png", name="apple.png")
    assert order == ImageRequest(EDITS, "Make it blue", 2, "", (picture,))
    assert answer.data is not None
    assert answer.data[0].url


async def test_several_pictures_are_edited_in_their_order(world: World, client: openai.AsyncOpenAI) -> None:
    """
    `@IMAGE1` in the prompt is the first of them.
    """
    world.engine.says([started()], [made(world), finished()])

    await client.images.edit(model=EDITS, image=[PNG, JPEG], prompt="Put @IMAGE1 onto @IMAGE2")

    (order,) = world.engine.pictures
    assert [one.data for one in order.references] == [PNG, JPEG]
    assert [one.media_type for one in order.references] == ["image/png", "image/jpeg"]


@pytest.mark.parametrize("field", ["image", "image[]", "image[0]", "images", "images[]"])
async def test_clients_call_the_file_in_different_ways(
    world: World, http: aiohttp.ClientSession, field: str
) -> None:
    """
    All of them are understood.
    """
    world.engine.says([started()], [made(world), finished()])
    form = aiohttp.FormData({"prompt": "Bluer", "n": "1"})
    form.add_field(field, PNG, filename="a.png", content_type="application/octet-stream")

    async with http.post("/v1/images/edits", data=form) as response:
        assert response.status == 200, await response.text()

    assert [one.data for one in world.engine.pictures[0].references] == [PNG]


async def test_pictures_may_be_named_in_json(world: World, http: aiohttp.ClientSession) -> None:
    """
    As a data: URI, by an address, by a link to this gateway, by the id of a file: ours are read here.
    """
    world.engine.says([started()], [made(world), finished()])
    kept = world.library.add(b"kept here")
    images = [
        {"image_url": data_uri()},
        {"image_url": "https://example.com/a.png"},
        {"image_url": {"url": link_to(world, kept)}},
        link_to(world, kept, ""),
        f"http://gateway.example/v1/files/image?id={kept.id}",
        {"file_id": f"file-{kept.id}"},
    ]

    async with http.post("/v1/images/edits", json={"prompt": "Bluer", "images": images}) as response:
        assert response.status == 200, await response.text()

    ours = Media(data=b"kept here", media_type="image/jpeg", name=f"{kept.id}.jpg")
    assert world.engine.pictures[0].references == (
        Media(data=PNG, media_type="image/png"),
        Media(url="https://example.com/a.png"),
        ours,
        ours,
        ours,
        ours,
    )


async def test_a_link_of_another_gateway_is_an_address(world: World, http: aiohttp.ClientSession) -> None:
    """
    Its files are not ours.
    """
    world.engine.says([started()], [made(world), finished()])
    address = f"https://gateway.example/v1/files/image/{'f' * 32}.jpg"

    async with http.post("/v1/images/edits", json={"prompt": "x", "image": address}) as response:
        assert response.status == 200, await response.text()

    assert world.engine.pictures[0].references == (Media(url=address),)


async def test_a_picture_that_could_not_be_kept_is_a_failure(
    world: World, client: openai.AsyncOpenAI
) -> None:
    """
    There would be nothing to show.
    """
    world.engine.says([started()], [Made(Artifact(Kind.IMAGE, "https://example.com")), finished()])

    with pytest.raises(openai.InternalServerError) as caught:
        await client.images.generate(prompt="x")

    assert caught.value.code == "upstream_undelivered"


async def test_a_variation_is_an_edit(world: World, client: openai.AsyncOpenAI) -> None:
    """
    With a prompt of ours.
    """
    world.engine.says([started()], [made(world), finished()])

    with pytest.warns(DeprecationWarning, match="deprecated"):
        await client.images.create_variation(image=PNG, n=2, size="512x512")

    (order,) = world.engine.pictures
    assert (order.model, order.count, order.ratio) == (EDITS, 2, "1:1")
    assert "variation" in order.prompt


# --- refusals -----------------------------------------------------------------------------------------------


def wrong(why: str, param: str | None, wish: dict[str, Any], code: str = "invalid_value") -> Any:  # noqa: ANN401 - pytest's
    return pytest.param(wish, param, code, id=why)


@pytest.mark.parametrize(
    ("wish", "param", "code"),
    [
        wrong("blank prompt", "prompt", {"prompt": "  "}),
        wrong("no picture", "prompt", {"prompt": None}),
        wrong("too long", "prompt", {"prompt": "x" * 32_001}),
        wrong("too many", "n", {"n": 11}),
        wrong("none", "n", {"n": 0}),
        wrong("bad size", "size", {"size": "huge"}),
        wrong("no area", "size", {"size": "00x00"}),
        wrong("bad ratio", "aspect_ratio", {"aspect_ratio": "7:x"}),
        wrong("bad format", "output_format", {"output_format": "gif"}),
        wrong("bad compression", "output_compression", {"output_compression": 101}),
        wrong("bad form", "response_format", {"response_format": "file"}),
        wrong("too many previews", "partial_images", {"partial_images": 4, "stream": True}),
        wrong("transparent", "background", {"background": "transparent"}, "unsupported"),
    ],
)
async def test_a_wrong_wish_is_refused_before_anything_is_spent(
    world: World, http: aiohttp.ClientSession, wish: dict[str, Any], param: str, code: str
) -> None:
    """
    With the name of the member, and a sentence.
    """
    async with http.post("/v1/images/generations", json={"prompt": "An apple", **wish}) as response:
        error = (await response.json())["error"]

    assert (response.status, error["param"], error["code"]) == (400, param, code)
    assert len(error["message"]) > 20
    assert not world.engine.pictures


@pytest.mark.parametrize("name", ["dall-e-3", "gpt-image-1"])
async def test_names_of_other_services_are_not_ours(
    world: World, client: openai.AsyncOpenAI, name: str
) -> None:
    """
    The answer names the model to take.
    """
    with pytest.raises(openai.NotFoundError, match="grok-imagine-image") as caught:
        await client.images.generate(model=name, prompt="An apple")

    assert caught.value.code == "model_not_found"


async def test_a_picture_is_not_edited_by_a_model_that_draws(
    world: World, client: openai.AsyncOpenAI
) -> None:
    """
    Which one does is said.
    """
    with pytest.raises(openai.BadRequestError, match="grok-imagine-image-edit") as caught:
        await client.images.edit(model=MODEL, image=PNG, prompt="Bluer")

    assert caught.value.param == "model"


@pytest.mark.parametrize(
    ("image", "param"), [(b"%PDF-1.4", "image"), (b"", "image"), ([PNG, b"text"], "image.1")]
)
async def test_a_file_that_is_no_picture_is_named(
    world: World,
    client: openai.AsyncOpenAI,
    image: Any,  # noqa: ANN401 - a file, or several
    param: str,
) -> None:
    """
    Also one of several, and an empty one.
    """
    with pytest.raises(openai.BadRequestError) as caught:
        await client.images.edit(image=image, prompt="Bluer")

    assert caught.value.param == param
    assert not world.engine.pictures


async def test_a_mask_is_refused_with_the_reason(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Rather than ignored: the result would not be what was asked for.
    """
    with pytest.raises(openai.BadRequestError, match="takes no mask") as caught:
        await client.images.edit(image=PNG, mask=PNG, prompt="Bluer")

    assert caught.value.param == "mask"


async def test_more_pictures_than_grok_takes_are_refused(world: World, client: openai.AsyncOpenAI) -> None:
    """
    2.0.4 used the last seven without a word.
    """
    with pytest.raises(openai.BadRequestError, match="at most 7"):
        await client.images.edit(image=[PNG] * 8, prompt="Bluer")


@pytest.mark.parametrize("kind", ["removed", "unknown", "film"])
async def test_a_picture_that_is_not_here_is_not_fetched_from_here(
    world: World, http: aiohttp.ClientSession, kind: str
) -> None:
    """
    Nothing goes over the network to ourselves.
    """
    kept = world.library.add(
        b"x", removed_at=1.0 if kind == "removed" else None, kind=Kind.VIDEO if kind == "film" else Kind.IMAGE
    )
    address = link_to(world, kept) if kind != "unknown" else f"{world.root}/v1/files/image/{'f' * 32}.jpg"

    async with http.post(
        "/v1/images/edits", json={"prompt": "x", "image": {"image_url": address}}
    ) as response:
        error = (await response.json())["error"]

    assert (response.status, error["param"]) == (400, "image.image_url")
    assert not world.engine.pictures


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("failure", [Refused("Grok refuses this."), Withdrawn("Grok withheld it.")])
async def test_moderation_is_an_error_of_its_own(
    world: World, client: openai.AsyncOpenAI, failure: GrokDeskError, stream: bool
) -> None:
    """
    Before the first byte it is a 400 with its own code.
    """
    world.engine.before = [failure]

    with pytest.raises(openai.BadRequestError, match=failure.message) as caught:
        await client.images.generate(prompt="x", stream=stream)

    assert caught.value.code == "moderation_blocked"


async def test_moderation_within_a_stream_has_the_same_code(world: World, client: openai.AsyncOpenAI) -> None:
    """
    When all pictures were withheld in the end.
    """
    world.engine.says([started()], Withdrawn("Grok withheld it."))

    stream = await client.images.generate(prompt="x", stream=True)
    with pytest.raises(openai.APIError) as caught:
        _ = [event async for event in stream]

    assert caught.value.code == "moderation_blocked"


async def test_a_picture_that_cannot_be_stored_is_not_ordered_again(world: World) -> None:
    """
    Official clients repeat what ends with a 500 unless they are told not to, and each picture is spent.
    """
    world.engine.says([started()], Broken("The disk is full."))

    async with openai.AsyncOpenAI(base_url=world.gateway.state.base_url, api_key=KEY) as client:
        with pytest.raises(openai.InternalServerError, match="The disk is full"):
            await client.images.generate(prompt="x")

    assert len(world.engine.pictures) == 1


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (NoAccount("No account has pictures left.", retry_after=9), openai.RateLimitError),
        (Incomplete("3 of 4 pictures were made.", made=3, wanted=4), openai.InternalServerError),
        (Unsupported("No."), openai.BadRequestError),
    ],
)
async def test_failures_are_the_exceptions_people_expect(
    world: World, client: openai.AsyncOpenAI, failure: GrokDeskError, kind: type[openai.APIStatusError]
) -> None:
    """
    With the sentence; fewer pictures than asked for are a failure.
    """
    steps: list[Step] = [[started()], failure]
    world.engine.says(*steps)

    with pytest.raises(kind, match=failure.message):
        await client.images.generate(prompt="x", n=4)
