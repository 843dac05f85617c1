"""The Videos API over real sockets with the official client; the jobs stand as the test says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import aiohttp
import openai
import pytest

from grokdesk.core.conversation import Media
from grokdesk.core.errors import GrokDeskError, InvalidRequest, NoAccount
from grokdesk.core.media import ImageRequest, Kept, Kind, Preset, Resolution, VideoRequest
from grokdesk.core.media_jobs import JobState, MediaJob
from tests.gateway.conftest import World
from tests.gateway.fakes import CREATED
from tests.gateway.test_images import JPEG, PNG, data_uri

MODEL = "grok-imagine-video"
FILM = bytes(range(256))

# The makers of the official client have given up on films; the format lives on.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


async def order(world: World, client: openai.AsyncOpenAI, **changes: Any) -> VideoRequest:  # noqa: ANN401 - the client's
    """What is asked of the jobs when a client wants this."""
    await client.videos.create(prompt="A boat", **changes)
    request = list(world.jobs.jobs.values())[-1].request
    assert isinstance(request, VideoRequest)
    return request


async def finished_job(world: World, client: openai.AsyncOpenAI, **more: Any) -> tuple[str, Kept]:  # noqa: ANN401 - fields of the file
    """A job that has made a film; gives the name clients know it by, and the film."""
    video = await client.videos.create(prompt="A boat", seconds="8", size="1280x720")
    known: dict[str, Any] = {"kind": Kind.VIDEO, "media_type": "video/mp4", "width": 848, "height": 480}
    kept = world.library.add(FILM, **{**known, "seconds": 10.04, **more})
    world.jobs.becomes(
        video.id.removeprefix("video_"),
        state=JobState.DONE,
        fraction=1.0,
        ended_at=CREATED + 60.5,
        files=(kept.id,),
    )
    return video.id, kept


async def test_a_film_is_a_job(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Which is queued at once, and says what was asked for.
    """
    video = await client.videos.create(model=MODEL, prompt="A boat", seconds="4", size="1280x720")

    assert video.id == "video_" + "1".rjust(32, "0")
    assert (video.object, video.status, video.progress) == ("video", "queued", 0)
    assert (video.seconds, video.size, video.model, video.prompt) == ("4", "1280x720", MODEL, "A boat")
    assert (video.created_at, video.completed_at, video.expires_at) == (CREATED + 1, None, None)
    assert (video.error, video.remixed_from_video_id) == (None, None)
    assert (video.model_extra or {})["quality"] == "standard"


async def test_the_jobs_hear_what_is_wanted(world: World, client: openai.AsyncOpenAI) -> None:
    """
    With the members that are ours, and without any.
    """
    plain = await order(world, client)
    full = await order(
        world,
        client,
        seconds="12",
        size="1024x1792",
        extra_body={"resolution_name": "480p", "preset": "fun"},
    )
    ratio = await order(world, client, extra_body={"seconds": 20, "aspect_ratio": "3:2"})

    assert plain == VideoRequest(MODEL, "A boat")
    assert full == VideoRequest(MODEL, "A boat", 12, "9:16", Resolution.P480, Preset.FUN)
    assert (ratio.seconds, ratio.ratio) == (20, "3:2")
    assert {job.client for job in world.jobs.jobs.values()} == {"Editor"}


async def test_a_film_begins_with_a_picture(world: World, client: openai.AsyncOpenAI) -> None:
    """
    A file, as the official client sends it, or an object that refers to one.
    """
    kept = world.library.add(b"kept here")

    file = await order(world, client, input_reference=("a.png", PNG, "image/png"))
    # The official client has the type and refuses to send it.
    uri = await order(world, client, extra_body={"input_reference": {"image_url": data_uri()}})
    ours = await order(world, client, extra_body={"input_reference": {"file_id": kept.id}})

    assert file.references == (Media(data=PNG, media_type="image/png", name="a.png"),)
    assert uri.references == (Media(data=PNG, media_type="image/png"),)
    assert [one.data for one in ours.references] == [b"kept here"]


@pytest.mark.parametrize("as_json", [True, False])
async def test_a_film_begins_with_several_pictures(
    world: World, http: aiohttp.ClientSession, as_json: bool
) -> None:
    """
    As 2.0.4 called them in forms, and as a list in JSON.
    """
    form = aiohttp.FormData({"prompt": "A boat", "seconds": "6"})
    for data in (PNG, JPEG):
        form.add_field("input_reference[]", data, filename="a.bin")
    told = [{"image_url": data_uri()}, {"image_url": data_uri(JPEG, "image/jpeg")}]
    body: Any = {"json": {"prompt": "A boat", "seconds": 6, "input_reference": told}}

    async with http.post("/v1/videos", **(body if as_json else {"data": form})) as response:
        assert response.status == 200, await response.text()

    (job,) = world.jobs.jobs.values()
    assert isinstance(job.request, VideoRequest)
    assert [one.data for one in job.request.references] == [PNG, JPEG]


async def test_a_plain_form_will_do(world: World, http: aiohttp.ClientSession) -> None:
    """
    Without files a form may be of the simpler kind.
    """
    async with http.post("/v1/videos", data={"prompt": "A boat", "seconds": "8"}) as response:
        assert (await response.json())["seconds"] == "8"


async def test_progress_is_told_until_the_film_is_there(world: World, client: openai.AsyncOpenAI) -> None:
    """
    With the time after which to ask again, and then with what it has really become.
    """
    name, _ = await finished_job(world, client)
    job_id = name.removeprefix("video_")
    done = world.jobs.jobs[job_id]
    world.jobs.becomes(job_id, state=JobState.RUNNING, fraction=0.426, files=(), ended_at=None)

    raw = await client.videos.with_raw_response.retrieve(name)
    world.jobs.jobs[job_id] = done
    ready = await client.videos.with_raw_response.retrieve(name)

    running, film = raw.parse(), ready.parse()
    assert (running.status, running.progress, running.seconds, running.size) == (
        "in_progress",
        42,
        "8",
        "1280x720",
    )
    assert int(raw.headers["openai-poll-after-ms"]) >= 500
    assert (film.status, film.progress, film.seconds, film.size) == ("completed", 100, "10", "848x480")
    assert film.completed_at == CREATED + 60
    assert "openai-poll-after-ms" not in ready.headers


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"state": JobState.FAILED}, "video_generation_failed", "The film was not made."),
        (
            {"state": JobState.FAILED, "code": "moderation_blocked", "failure": "Withheld.", "hint": "Ask."},
            "moderation_blocked",
            "Withheld. Ask.",
        ),
        ({"state": JobState.INTERRUPTED}, "interrupted", "GrokDesk was closed"),
        ({"state": JobState.CANCELLED}, "cancelled", "cancelled"),
    ],
)
async def test_a_job_that_made_nothing_says_why(
    world: World, client: openai.AsyncOpenAI, changes: dict[str, Any], code: str, message: str
) -> None:
    """
    In the object, and to whoever asks for the film.
    """
    video = await client.videos.create(prompt="A boat")
    world.jobs.becomes(video.id.removeprefix("video_"), fraction=0.3, **changes)

    failed = await client.videos.retrieve(video.id)
    with pytest.raises(openai.APIStatusError) as caught:
        await client.videos.download_content(video.id)

    assert (failed.status, failed.progress, failed.completed_at) == ("failed", 30, None)
    assert failed.error is not None
    assert failed.error.code == code
    assert message in failed.error.message
    assert (caught.value.code, caught.value.status_code) == (code, 400 if "moder" in code else 409)
    assert message in caught.value.message
    assert caught.value.response.headers["x-should-retry"] == "false"


async def test_the_film_can_be_had(
    world: World, client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    """
    All of it, a part, or its headers alone.
    """
    name, _ = await finished_job(world, client)

    content = await client.videos.download_content(name)
    async with http.get(f"/v1/videos/{name}/content", headers={"Range": "bytes=5-9"}) as part:
        assert (part.status, await part.read()) == (206, FILM[5:10])
    async with http.head(f"/v1/videos/{name}/content") as head:
        assert (head.status, head.headers["Content-Length"]) == (200, "256")

    assert content.content == FILM
    assert content.response.headers["Content-Type"] == "video/mp4"
    assert content.response.headers["Content-Disposition"] == f'attachment; filename="{name}.mp4"'


async def test_the_thumbnail_can_be_had(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Of a film that has one; sprite sheets have none.
    """
    name, kept = await finished_job(world, client, thumbnail=True)
    world.library.thumbnails[kept.id] = b"small"

    content = await client.videos.download_content(name, variant="thumbnail")
    with pytest.raises(openai.BadRequestError, match="sprite sheets") as caught:
        await client.videos.download_content(name, variant="spritesheet")
    bare, _ = await finished_job(world, client)
    with pytest.raises(openai.NotFoundError, match="no thumbnail"):
        await client.videos.download_content(bare, variant="thumbnail")
    other: Any = "poster"
    with pytest.raises(openai.BadRequestError, match="'variant' must be"):
        await client.videos.download_content(name, variant=other)

    assert (content.content, content.response.headers["Content-Type"]) == (b"small", "image/jpeg")
    assert caught.value.param == "variant"


async def test_a_film_that_is_not_finished_cannot_be_had(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The official client raises `ConflictError`.
    """
    video = await client.videos.create(prompt="A boat")

    with pytest.raises(openai.ConflictError, match="not finished") as caught:
        await client.videos.download_content(video.id)

    assert caught.value.code == "video_not_ready"


async def test_a_film_that_is_gone_cannot_be_had(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The job is still there, with what is known of it.
    """
    name, kept = await finished_job(world, client)
    world.library.files[kept.id] = replace(kept, removed_at=1.0)

    assert (await client.videos.retrieve(name)).status == "completed"
    with pytest.raises(openai.NotFoundError, match="not kept any more"):
        await client.videos.download_content(name)


async def test_jobs_are_listed_page_by_page(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The newest first unless asked otherwise; pictures are no videos.
    """
    names = [(await client.videos.create(prompt=f"{number}")).id for number in range(5)]
    world.jobs.jobs["f" * 32] = MediaJob("f" * 32, Kind.IMAGE, ImageRequest("m", "p"), CREATED)

    newest = [video.id async for video in client.videos.list(limit=2)]
    oldest = [video.prompt async for video in client.videos.list(order="asc")]
    page = await client.videos.list(limit=2, after=names[3])

    assert newest == names[::-1]
    assert oldest == ["0", "1", "2", "3", "4"]
    assert [video.id for video in page.data] == [names[2], names[1]]
    assert page.has_more


@pytest.mark.parametrize(
    ("query", "param"), [("limit=0", "limit"), ("limit=101", "limit"), ("order=x", "order")]
)
async def test_a_page_that_cannot_be(
    world: World, http: aiohttp.ClientSession, query: str, param: str
) -> None:
    """
    Is refused with the name of the parameter.
    """
    async with http.get(f"/v1/videos?{query}") as response:
        assert (response.status, (await response.json())["error"]["param"]) == (400, param)


async def test_a_job_is_deleted(world: World, client: openai.AsyncOpenAI) -> None:
    """
    And not there afterwards.
    """
    video = await client.videos.create(prompt="A boat")

    gone = await client.videos.delete(video.id)

    assert (gone.id, gone.deleted, gone.object) == (video.id, True, "video.deleted")
    with pytest.raises(openai.NotFoundError):
        await client.videos.delete(video.id)


async def test_a_remix_begins_with_a_picture_of_the_film(world: World, client: openai.AsyncOpenAI) -> None:
    """
    It is as long and as wide, and says what it came from.
    """
    name, kept = await finished_job(world, client, thumbnail=True)
    world.library.thumbnails[kept.id] = JPEG

    video = await client.videos.remix(name, prompt="At night")

    request = world.jobs.jobs[video.id.removeprefix("video_")].request
    first = Media(data=JPEG, media_type="image/jpeg", name=f"{kept.id}.jpg")
    assert request == VideoRequest(MODEL, "At night", 8, "16:9", references=(first,))
    assert video.remixed_from_video_id == name


async def test_a_film_without_a_picture_cannot_be_made_anew(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Which is said, with what to do instead.
    """
    name, _ = await finished_job(world, client)

    with pytest.raises(openai.BadRequestError, match="no picture of it") as caught:
        await client.videos.remix(name, prompt="At night")

    assert caught.value.code == "unsupported"


async def test_a_film_in_the_making_cannot_be_made_anew(world: World, client: openai.AsyncOpenAI) -> None:
    """
    It has to be there first.
    """
    video = await client.videos.create(prompt="A boat")

    with pytest.raises(openai.ConflictError):
        await client.videos.remix(video.id, prompt="At night")


# --- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["video_" + "f" * 32, "nothing", "f" * 32, "video_", "video_.."])
async def test_an_unknown_job_is_not_found(world: World, client: openai.AsyncOpenAI, name: str) -> None:
    """
    Whatever is asked of it.
    """
    for ask in (
        client.videos.retrieve(name),
        client.videos.download_content(name),
        client.videos.delete(name),
        client.videos.remix(name, prompt="x"),
        client.videos.list(after=name),
    ):
        with pytest.raises(openai.NotFoundError):
            await ask


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({"prompt": " "}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"seconds": 21}, "seconds"),
        ({"seconds": "0"}, "seconds"),
        ({"seconds": "six"}, "seconds"),
        ({"seconds": 6.5}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"seconds": [6]}, "seconds"),
        ({"size": "large"}, "size"),
        ({"aspect_ratio": "x"}, "aspect_ratio"),
        ({"resolution_name": "1080p"}, "resolution_name"),
        ({"preset": "wild"}, "preset"),
        ({"input_reference": {"image_url": "ftp://x/y"}}, "input_reference.image_url"),
        ({"input_reference": {"image_url": "data:text/plain,hello"}}, "input_reference.image_url"),
        ({"input_reference": {"file_id": "file-abc"}}, "input_reference.file_id"),
        ({"input_reference": 7}, "input_reference"),
        ({"input_reference": [{"image_url": "https://x/y"}] * 8}, "input_reference"),
    ],
)
async def test_a_wrong_wish_is_refused_before_there_is_a_job(
    world: World, http: aiohttp.ClientSession, wish: dict[str, Any], param: str
) -> None:
    """
    With the name of the member, and a sentence.
    """
    async with http.post("/v1/videos", json={"prompt": "A boat", **wish}) as response:
        error = (await response.json())["error"]

    assert (response.status, error["param"]) == (400, param)
    assert len(error["message"]) > 15
    assert not world.jobs.jobs


async def test_a_file_that_is_no_picture_is_named(world: World, client: openai.AsyncOpenAI) -> None:
    """
    2.0.4 ignored it, and made a film without it.
    """
    with pytest.raises(openai.BadRequestError, match="not a picture") as caught:
        await client.videos.create(prompt="A boat", input_reference=b"%PDF-1.4")

    assert caught.value.param == "input_reference"


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (NoAccount("No account may make films of 20 seconds."), openai.RateLimitError),
        (InvalidRequest("The model does not make films."), openai.BadRequestError),
    ],
)
async def test_what_is_bound_to_fail_is_no_job(
    world: World,
    client: openai.AsyncOpenAI,
    refusal: GrokDeskError,
    kind: type[Exception],
) -> None:
    """
    Limits that are known are told at once, before anything is spent.
    """
    world.engine.refusal = refusal

    with pytest.raises(kind, match="films"):
        await client.videos.create(prompt="A boat", seconds="12")

    assert not world.jobs.jobs


async def test_names_of_other_services_are_not_ours(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The answer names the model to take.
    """
    with pytest.raises(openai.NotFoundError, match=MODEL):
        await client.videos.create(model="sora-2", prompt="A boat")


@pytest.mark.parametrize("what", ["edits", "extensions", "characters"])
async def test_what_grok_cannot_do_with_films_is_said(
    world: World, http: aiohttp.ClientSession, what: str
) -> None:
    """
    With what can be done.
    """
    async with http.post(f"/v1/videos/{what}", json={"prompt": "x"}) as response:
        error = (await response.json())["error"]

    assert (response.status, error["code"]) == (400, "unsupported")
    assert "remix" in error["message"]


# --- forms --------------------------------------------------------------------------------------------------


async def test_a_form_that_is_too_large_is_refused(world: World, http: aiohttp.ClientSession) -> None:
    """
    Whether it says so at the beginning or not; all its parts count.
    """
    world.set_gateway(max_body_mb=1)
    for content_length in (True, False):
        form = aiohttp.FormData({"prompt": "x"})
        for _ in range(2):
            form.add_field("input_reference[]", PNG + b"x" * 600_000, filename="a.png")
        payload = form()
        headers = {"Content-Type": payload.headers["Content-Type"]}

        async def pieces(payload: Any = payload) -> Any:  # noqa: ANN401 - aiohttp's
            yield await payload.as_bytes()

        body = payload if content_length else pieces()
        async with http.post("/v1/videos", data=body, headers=headers) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n--x--"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"no form at all"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\ncut',
        ),
        ("multipart/form-data; boundary=" + "y" * 80, b"--y\r\n\r\n--y--"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n\r\n\r\n--z--\r\n--x--\r\n",
        ),
        (
            "multipart/form-data; boundary=x",
            (
                b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n'
                b"Content-Transfer-Encoding: rot13\r\n\r\nhi\r\n--x--\r\n"
            ),
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 101 + b"--x--\r\n",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\nX: '
            + b"y" * 100_000
            + b"\r\n\r\n1\r\n--x--\r\n",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"'
            + b"\r\nX: 1" * 500
            + b"\r\n\r\n1\r\n--x--\r\n",
        ),
        ("multipart/form-data; boundary=x", b"--x\r\nno header at all\r\n\r\n1\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a\x00b"\r\n\r\n1\r\n--x--\r\n',
        ),
        ("application/x-www-form-urlencoded", b"a=1&" * 101),
        ("application/json", b"[]"),
        ("application/json", b"{"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    world: World, http: aiohttp.ClientSession, content_type: str, body: bytes
) -> None:
    """
    Whatever is wrong with it, in the envelope, and nothing is begun.
    """
    async with http.post("/v1/videos", data=body, headers={"Content-Type": content_type}) as response:
        error = (await response.json())["error"]

    assert (response.status, error["type"]) == (400, "invalid_request_error")
    assert not world.jobs.jobs


async def test_texts_in_forms_are_texts(world: World, http: aiohttp.ClientSession) -> None:
    """
    Also in other characters, and when a part is packed.
    """
    body = (
        b'--x\r\nContent-Disposition: form-data; name="prompt"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        b"Wm/DqydzIGJvYXQ=\r\n--x\r\n"
        b'Content-Disposition: form-data; name="size"\r\n\r\n\xe7\x84\xa1\r\n--x--\r\n'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}

    async with http.post("/v1/videos", data=body, headers=headers) as response:
        error = (await response.json())["error"]
    async with http.post(
        "/v1/videos", data=body.replace(b"\xe7\x84\xa1", b"1:1"), headers=headers
    ) as response:
        told = await response.json()

    assert "無" in error["message"]
    assert (told["prompt"], told["size"]) == ("Zoë's boat", "720x720")


@pytest.mark.parametrize(
    "head",
    [
        b'; filename="a.png"',
        b'; filename="a.txt"\r\nContent-Type: text/plain',
        b"\r\nContent-Type: image/png",
        b"\r\nContent-Type: application/octet-stream",
    ],
)
async def test_a_file_is_known_as_one(world: World, http: aiohttp.ClientSession, head: bytes) -> None:
    """
    By its name or its type, which may be wrong: what it is shows its content.
    """
    begin = b"--x\r\nContent-Disposition: form-data; name="
    fields = begin + b'"prompt"\r\n\r\nwaves\r\n' + begin + b'"input_reference"' + head
    body = fields + b"\r\n\r\n" + PNG + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}

    async with http.post("/v1/videos", data=body, headers=headers) as response:
        assert response.status == 200, await response.text()

    (job,) = world.jobs.jobs.values()
    assert isinstance(job.request, VideoRequest)
    assert [(one.data, one.media_type) for one in job.request.references] == [(PNG, "image/png")]


async def test_a_browser_that_sends_no_file_has_sent_none(world: World, http: aiohttp.ClientSession) -> None:
    """
    An empty part without a name is a field that nobody filled in; a picture without a name is one.
    """
    body = (
        b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nA boat\r\n--x\r\n'
        b'Content-Disposition: form-data; name="input_reference"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n--x\r\n"
        b'Content-Disposition: form-data; name="input_reference[]"\r\nContent-Type: image/png\r\n\r\n'
        + PNG
        + b"\r\n--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}

    async with http.post("/v1/videos", data=body, headers=headers) as response:
        assert response.status == 200, await response.text()

    (job,) = world.jobs.jobs.values()
    assert isinstance(job.request, VideoRequest)
    assert [one.data for one in job.request.references] == [PNG]
