"""Files: sent in both forms, listed with all that is told of them, deleted once, fetched by their owner."""

from __future__ import annotations

import aiohttp
import pytest

from grokdesk.sim import (
    DOWNLOADS,
    PUBLIC,
    Account,
    Script,
    Wire,
    World,
    challenge,
    content_moderated,
    cut_after,
    hang_up,
    media,
    page_instead,
    pictures,
    server_error,
    stall,
)
from tests.sim.caller import Caller, current, older
from tests.sim.media_caller import (
    IMAGE,
    UPLOAD,
    VIDEO,
    draw,
    edit,
    fetch,
    film_current,
    order,
    told,
    upload,
    upload_older,
)

PNG = pictures.drawn("input", 32, 16, "png")
ID = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def world(world: World) -> World:
    """Small pictures are drawn faster."""
    world.media.picture_scale = 0.1
    return world


# ----------------------------------------------------------------------------------------- sending


async def test_both_forms_keep_the_bytes_for_their_owner(caller: Caller, ada: Account, world: World) -> None:
    """
    At the told address, with the type of the bytes and not of their name.
    """
    jpeg = pictures.drawn("input", 32, 16)
    _, first = await upload_older(caller, ada, jpeg)
    _, second = await upload(caller, ada, jpeg)
    uris = [first["fileUri"], second["fileMetadata"]["fileUri"]]

    got = [await fetch(caller, ada, uri) for uri in uris]

    assert uris == [f"users/{ada.user_id}/{one}/content" for one in world.uploads]
    assert [(status, data, headers["Content-Type"]) for status, data, headers in got] == [
        (200, jpeg, "image/jpeg")
    ] * 2
    assert (first["fileMimeType"], first["fileName"]) == ("image/png", "file.png")
    assert second["terminalError"] is None
    assert world.violations == []


@pytest.mark.parametrize("imagine", [True, False])
async def test_where_a_file_is_from_goes_with_the_page(
    caller: Caller, ada: Account, *, imagine: bool
) -> None:
    """
    The imagine page says so in a part of its own, the chat page does not.
    """
    status, _ = await upload(caller, ada, PNG, imagine=imagine)

    assert status == 200


async def test_a_source_without_its_page_is_named(caller: Caller, ada: Account, world: World) -> None:
    """
    And a page without the source.
    """
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nx\r\n'
    source = b'--x\r\nContent-Disposition: form-data; name="file_source"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    headers = [
        current(ada.token, kind, referer=page, statsig=False, request_id=False)
        for page in ("/imagine", "/", "/")
    ]

    statuses = [
        (await caller.post(UPLOAD, headers[0], form + b"--x--\r\n"))[0],
        (
            await caller.post(
                UPLOAD, headers[1], form + source + b"IMAGINE_SELF_UPLOAD_FILE_SOURCE\r\n--x--\r\n"
            )
        )[0],
        (await caller.post(UPLOAD, headers[2], form + source + b"ELSEWHERE\r\n--x--\r\n"))[0],
    ]

    assert statuses == [400] * 3
    assert world.uploads == {}


async def test_an_upload_may_be_rejected_in_its_reply(caller: Caller, ada: Account, world: World) -> None:
    """
    With status 200; the file is not kept.
    """
    world.next_on(UPLOAD, media(upload="terminal_error"))

    status, answer = await upload(caller, ada, PNG)

    assert (status, answer["terminalError"]) == (200, {"message": "unsupported file"})
    assert world.uploads == {}


@pytest.mark.parametrize(
    ("lack", "reply", "about"),
    [
        ("id_only", {"uploadId"}, set()),
        ("no_uri", {"uploadId"}, {"fileMetadataId", "fileId"}),
        ("no_id", set(), set()),
    ],
)
async def test_a_reply_may_lack_something(
    caller: Caller, ada: Account, world: World, lack: str, reply: set[str], about: set[str]
) -> None:
    """
    All but the upload id, the address, or everything.
    """
    world.next_on(UPLOAD, media(upload=lack))  # type: ignore[arg-type]  # parametrised over the literal

    _, answer = await upload(caller, ada, PNG)

    assert {name for name in answer if answer[name] and name != "fileMetadata"} == reply
    assert {name for name, value in answer["fileMetadata"].items() if value} == about


async def test_an_upload_may_be_refused(caller: Caller, ada: Account, world: World) -> None:
    """
    For what it shows.
    """
    world.next_on(UPLOAD, content_moderated())

    status, answer = await upload(caller, ada, PNG)

    assert (status, answer["error"]["code"]) == (403, "content-moderated")


# ------------------------------------------------------------------------------- listing, deleting


async def test_the_list_tells_what_was_made(caller: Caller, ada: Account, world: World) -> None:
    """
    Uploads, pictures, edits and films, each with its size, its thumbnail and what made it.
    """
    _, uploaded = await upload(caller, ada, PNG)
    await draw(caller, ada, "a paper boat", 1)
    await order(caller, ada, edit(uploaded["fileMetadata"]["fileMetadataId"]))
    _, answers = await order(caller, ada, film_current(text="waves"))

    _, listed = await caller.get("/rest/assets", current(ada.token, referer="/files"))

    sent, drawn, edited, filmed = listed["assets"]
    assert [one["isModelGenerated"] for one in listed["assets"]] == [False, True, True, True]
    assert sent["sizeBytes"] == str(len(PNG))
    assert "textToImage" in drawn["mediaGenInput"]
    assert edited["mediaGenInput"]["imageToImage"]["prompt"] == "a watercolour"
    final = told(answers, VIDEO)[-1]
    assert (filmed["assetId"], filmed["key"]) == (final["assetId"], final["videoUrl"])
    assert filmed["previewImageKey"] == filmed["auxKeys"]["preview-image"] == final["thumbnailImageUrl"]
    assert (filmed["width"], filmed["height"], filmed["mimeType"]) == (128, 72, "video/mp4")
    assert filmed["mediaGenInput"]["textToVideo"]["prompt"] == "waves"
    assert filmed["sourceConversationId"] in world.media.works
    assert filmed["responseId"] == told(answers, "modelResponse")[0]["responseId"]
    for one in listed["assets"]:
        _, data, _ = await fetch(caller, ada, one["key"])
        assert one["sizeBytes"] == str(len(data))
    assert world.violations == []


async def test_generated_files_come_in_pages_too(caller: Caller, ada: Account, world: World) -> None:
    """
    Under either set of names.
    """
    for number in range(3):
        world.media.picture(ada, f"{number}", (8, 8))
    ada.assets_shape = "items"

    _, first = await caller.get("/rest/assets?pageSize=2", current(ada.token, referer="/files"))
    _, second = await caller.get(
        f"/rest/assets?pageSize=2&pageToken={first['nextPageToken'].replace('=', '%3D')}",
        current(ada.token, referer="/files"),
    )

    assert [one["id"] for one in first["items"] + second["items"]] == ["0", "1", "2"]
    assert second["nextPageToken"] == ""


async def test_a_deleted_file_is_gone_with_all_that_belongs_to_it(
    caller: Caller, ada: Account, world: World
) -> None:
    """
    A second time there is nothing to delete, and others never could.
    """
    bob = world.add("tok-bob")
    _, answers = await order(caller, ada, film_current())
    final = told(answers, VIDEO)[-1]
    path = f"/rest/assets-metadata/{final['assetId']}"

    foreign, _ = await caller.get(path, current(bob.token, referer="/files"), "DELETE")
    first, _ = await caller.get(path, current(ada.token, referer="/files"), "DELETE")
    second, _ = await caller.get(path, current(ada.token, referer="/files"), "DELETE")

    assert (foreign, first, second) == (404, 200, 404)
    assert [(await fetch(caller, ada, final[key]))[0] for key in ("videoUrl", "thumbnailImageUrl")] == [
        404,
        404,
    ]
    assert world.media.deleted == [final["assetId"]]


# ---------------------------------------------------------------------------------------- fetching


async def test_only_the_owner_gets_a_file(caller: Caller, ada: Account, world: World) -> None:
    """
    Others and nobody are refused; what is not there is not there.
    """
    bob = world.add("tok-bob")
    path = world.media.picture(ada, ID, (32, 32)).path

    statuses = [(await fetch(caller, who, path))[0] for who in (ada, bob, None)]
    missing, _, _ = await fetch(caller, ada, path.replace("image.jpg", "other.jpg"))

    assert (statuses, missing) == ([200, 403, 403], 404)
    assert world.violations == []


async def test_every_file_has_a_stable_address(caller: Caller, ada: Account, world: World) -> None:
    """
    By its id, whatever it is called.
    """
    file = world.media.film(ada, ID, (32, 32), 1)

    status, data, headers = await fetch(caller, ada, f"users/{ada.user_id}/{ID}/content")

    assert (status, headers["Content-Type"]) == (200, "video/mp4")
    assert data == file.content()


@pytest.mark.parametrize(("status", "code"), [("unauthenticated", 401), ("blocked", 403)])
async def test_an_account_that_is_gone_gets_nothing(
    caller: Caller, ada: Account, world: World, status: str, code: int
) -> None:
    """
    Not even its own.
    """
    path = world.media.picture(ada, ID, (32, 32)).path
    ada.status = status  # type: ignore[assignment]  # parametrised over the literal

    assert (await fetch(caller, ada, path))[0] == code


@pytest.mark.parametrize(
    ("asked", "status", "part", "told_range"),
    [
        ("bytes=0-9", 206, slice(0, 10), "bytes 0-9/{}"),
        ("bytes=10-", 206, slice(10, None), "bytes 10-{last}/{}"),
        ("bytes=-5", 206, slice(-5, None), "bytes {fifth}-{last}/{}"),
        ("bytes=0-", 206, slice(None), "bytes 0-{last}/{}"),
        ("bytes=99999-", 416, slice(0, 0), "bytes */{}"),
        ("lines=1-2", 200, slice(None), None),
    ],
)
async def test_parts_of_a_file(
    caller: Caller, ada: Account, world: World, asked: str, status: int, part: slice, told_range: str | None
) -> None:
    """
    From, from to, the last ones; past the end there is none.
    """
    file = world.media.picture(ada, ID, (32, 32))
    whole = file.content()

    got, data, headers = await fetch(caller, ada, file.path, Range=asked)

    size = len(whole)
    expected = told_range.format(size, last=size - 1, fifth=size - 5) if told_range else None
    assert (got, data) == (status, whole[part])
    assert headers.get("Content-Range") == expected


async def test_a_head_has_no_body(caller: Caller, ada: Account, world: World) -> None:
    """
    But the length.
    """
    file = world.media.picture(ada, ID, (32, 32))

    status, data, headers = await fetch(caller, ada, file.path, "HEAD")

    assert (status, data, headers["Content-Length"]) == (200, b"", str(len(file.content())))


@pytest.mark.parametrize(
    ("headers", "complaint"),
    [
        ({"Authorization": "Bearer x"}, "authorization"),
        ({"x-statsig-id": "x"}, "x-statsig-id"),
        ({"Sec-Fetch-Mode": "cors"}, "sec-fetch-dest"),
        ({"Origin": "https://example.org"}, "origin"),
    ],
)
async def test_a_wrong_download_is_named(
    caller: Caller, ada: Account, world: World, headers: dict[str, str], complaint: str
) -> None:
    """
    It is bare, or a navigation.
    """
    path = world.media.picture(ada, ID, (32, 32)).path

    await fetch(caller, ada, path, **headers)

    assert complaint in world.violations[0]


async def test_the_navigation_of_the_older_form_is_welcome(
    caller: Caller, ada: Account, world: World
) -> None:
    """
    As a browser opens a file in a tab.
    """
    path = world.media.picture(ada, ID, (32, 32)).path
    navigation = {
        "Sec-Fetch-Dest": "document",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Site": "none",
        "Sec-Fetch-User": "?1",
        "Upgrade-Insecure-Requests": "1",
    }

    status, _, _ = await fetch(caller, ada, path, **navigation)

    assert (status, world.violations) == (200, [])


async def test_cloudflare_stands_before_the_files_too(caller: Caller, ada: Account, world: World) -> None:
    """
    Of an account that has to be cleared.
    """
    path = world.media.picture(ada, ID, (32, 32)).path
    ada.clearance_required = {"cookie": "x", "user_agent": "y"}

    status, page, _ = await fetch(caller, ada, path)

    assert status == 403
    assert b"challenge-platform" in page


# --------------------------------------------------------------------------------- what goes wrong


async def test_a_download_fails_twice_and_then_does_not(caller: Caller, ada: Account, world: World) -> None:
    """
    By scripts for all files of the host.
    """
    path = world.media.picture(ada, ID, (32, 32)).path
    world.next_on(DOWNLOADS, server_error(503), challenge())

    statuses = [(await fetch(caller, ada, path))[0] for _ in range(3)]

    assert statuses == [503, 403, 200]


async def test_a_page_instead_of_a_file(caller: Caller, ada: Account, world: World) -> None:
    """
    With status 200, on either host.
    """
    told_ = await draw(caller, ada, count=1)
    [batch] = world.media.batches
    path = f"users/{ada.user_id}/generated/{batch.ids[0]}/image.jpg"
    world.next_on(DOWNLOADS, page_instead())
    world.next_on(PUBLIC, page_instead())

    got = [await fetch(caller, ada, one) for one in (path, f"imagine-public/images/{batch.ids[0]}.jpg")]

    assert told_
    assert [(status, headers["Content-Type"]) for status, _, headers in got] == [
        (200, "text/html; charset=utf-8")
    ] * 2
    assert all(data.startswith(b"<!DOCTYPE") for _, data, _ in got)


@pytest.mark.parametrize(
    "script", [cut_after(size_bytes=100), cut_after(2) + Script(wire=Wire(chunk_bytes=50)), hang_up()]
)
async def test_a_download_is_cut(caller: Caller, ada: Account, world: World, script: Script) -> None:
    """
    After so many bytes or chunks, or before any answer.
    """
    path = world.media.picture(ada, ID, (64, 64)).path
    world.next_on(DOWNLOADS, script, script)

    with pytest.raises(aiohttp.ClientError):
        await fetch(caller, ada, path)


async def test_a_download_says_it_is_huge(caller: Caller, ada: Account, world: World) -> None:
    """
    And breaks off where it really ends.
    """
    path = world.media.picture(ada, ID, (32, 32)).path
    world.next_on(f"/{path}", media(declared_bytes=10**12))
    url, cookie = f"{caller.sim.url}/{path}", f"sso={ada.token}; sso-rw={ada.token}"
    headers = {"Cookie": cookie, "User-Agent": "x", "Accept": "*/*"}

    async with caller.http.get(url, headers=headers) as answer:
        assert answer.headers["Content-Length"] == str(10**12)
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


@pytest.mark.parametrize(("kind", "shown"), [("text/plain", "text/plain"), ("", "application/octet-stream")])
async def test_a_download_tells_another_type(
    caller: Caller, ada: Account, world: World, kind: str, shown: str
) -> None:
    """
    Or none.
    """
    path = world.media.picture(ada, ID, (32, 32)).path
    world.next_on(DOWNLOADS, media(content_type=kind))

    _, _, headers = await fetch(caller, ada, path)

    assert headers["Content-Type"] == shown


@pytest.mark.parametrize("script", [stall(at="open"), stall(after=1) + Script(wire=Wire(chunk_bytes=100))])
async def test_a_download_is_silent(caller: Caller, ada: Account, world: World, script: Script) -> None:
    """
    Before its first byte, or in the middle.
    """
    path = world.media.picture(ada, ID, (64, 64)).path
    world.next_on(DOWNLOADS, script)

    with pytest.raises(TimeoutError):
        async with caller.http.get(
            f"{caller.sim.url}/{path}",
            headers={"Cookie": f"sso={ada.token}; sso-rw={ada.token}", "User-Agent": "x", "Accept": "*/*"},
            timeout=aiohttp.ClientTimeout(total=0.05),
        ) as answer:
            await answer.read()


async def test_previews_of_an_edit_can_be_fetched(caller: Caller, ada: Account) -> None:
    """
    They are smaller than the picture and marked in their address.
    """
    _, uploaded = await upload(caller, ada, PNG)
    _, answers = await order(caller, ada, edit(uploaded["fileMetadata"]["fileMetadataId"]))
    shown = told(answers, IMAGE)

    sizes = [pictures.size_of((await fetch(caller, ada, one["imageUrl"]))[1]) for one in shown]

    assert None not in sizes
    assert sizes[0] == sizes[1] != sizes[2]


async def test_a_public_picture_needs_no_account(caller: Caller, ada: Account, world: World) -> None:
    """
    Its preview is there as well, and nothing else.
    """
    await draw(caller, ada, count=1)
    [batch] = world.media.batches

    got = [
        (await fetch(caller, None, f"imagine-public/images/{name}"))[0]
        for name in (f"{batch.ids[0]}.jpg", f"{batch.ids[0]}.png", f"{ID}.jpg", "../../etc/passwd")
    ]

    assert got == [200, 200, 404, 404]


async def test_chat_takes_what_was_made_here_as_an_attachment(
    caller: Caller, ada: Account, world: World
) -> None:
    """
    The id of a generated file is as good as that of an upload.
    """
    world.media.picture(ada, ID, (32, 32))

    status, _ = await caller.chat(ada.token, fileAttachments=[ID])

    assert (status, world.violations) == (200, [])


async def test_a_prefetched_list_in_the_older_form(caller: Caller, ada: Account, world: World) -> None:
    """
    Its headers are as good as the current ones.
    """
    world.media.picture(ada, ID, (32, 32))

    status, listed = await caller.get("/rest/assets", older(ada.token, referer="/files"))

    assert (status, listed["assets"][0]["assetId"]) == (200, ID)
