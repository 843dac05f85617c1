"""Links to pictures and films, as a browser or any other program opens them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from grokdesk.core.media import Kept, Kind
from grokdesk.gateway.server import Gateway
from tests.gateway.conftest import World
from tests.gateway.fakes import KEY, settle

FILM = bytes(range(256)) * 4


@pytest.fixture
def film(world: World) -> Kept:
    """A film of 1,024 bytes."""
    return world.library.add(FILM, kind=Kind.VIDEO, media_type="video/mp4", seconds=6.0)


@pytest.fixture
async def anybody(world: World) -> Any:  # noqa: ANN401 - a fixture that yields
    """A plain HTTP client without a key."""
    async with aiohttp.ClientSession(world.root) as session:
        yield session


def path(kept: Kept) -> str:
    return f"/v1/files/{kept.kind.value}/{kept.id}{kept.suffix}"


async def raw(world: World, target: str) -> tuple[int, bytes]:
    """Ask for an address exactly as it is written; gives status and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.gateway.state.port)
    host = world.gateway.state.address
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def test_a_link_opens_without_a_key(world: World, anybody: aiohttp.ClientSession, film: Kept) -> None:
    """
    With what a browser needs to show it, and keep it.
    """
    async with anybody.get(path(film)) as response:
        content = await response.read()

    assert (response.status, content) == (200, FILM)
    headers = response.headers
    assert headers["Content-Type"] == "video/mp4"
    assert headers["Content-Length"] == "1024"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["ETag"] == f'"{film.digest}"'
    assert headers["Last-Modified"] == "Mon, 21 Sep 2026 14:13:20 GMT"
    assert headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert headers["Content-Disposition"] == f'inline; filename="{film.id}.mp4"'
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("form", ["{path}", "/v1/files/video/{id}", "/v1/files/video?id={id}"])
async def test_a_file_has_several_names(
    world: World, anybody: aiohttp.ClientSession, film: Kept, form: str
) -> None:
    """
    With its suffix, without it, and as 2.0.4 wrote it.
    """
    async with anybody.get(form.format(path=path(film), id=film.id)) as response:
        assert await response.read() == FILM


async def test_a_head_has_no_body(world: World, anybody: aiohttp.ClientSession, film: Kept) -> None:
    """
    And the same headers.
    """
    async with anybody.head(path(film)) as response:
        assert (response.status, response.headers["Content-Length"]) == (200, "1024")
        assert await response.read() == b""


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=10-19", (10, 19)),
        ("bytes=1000-", (1000, 1023)),
        ("bytes=1000-999999999", (1000, 1023)),
        ("bytes=-24", (1000, 1023)),
        ("bytes=-999999", (0, 1023)),
    ],
)
async def test_parts_can_be_had(
    world: World, anybody: aiohttp.ClientSession, film: Kept, asked: str, part: tuple[int, int]
) -> None:
    """
    As players ask for them when somebody jumps.
    """
    first, last = part

    async with anybody.get(path(film), headers={"Range": asked}) as response:
        content = await response.read()

    assert response.status == 206
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/1024"
    assert content == FILM[first : last + 1]


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
async def test_a_part_that_is_not_there(
    world: World, anybody: aiohttp.ClientSession, film: Kept, asked: str
) -> None:
    """
    The answer says how large the file is.
    """
    async with anybody.get(path(film), headers={"Range": asked}) as response:
        assert (response.status, response.headers["Content-Range"]) == (416, "bytes */1024")


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=5-1", "bytes=-", "lines=1-2", "bytes=a-b", "x"])
async def test_what_is_no_range_is_answered_with_all_of_it(
    world: World, anybody: aiohttp.ClientSession, film: Kept, asked: str
) -> None:
    """
    Several parts at once too: that is allowed, and simpler than the alternative.
    """
    async with anybody.get(path(film), headers={"Range": asked}) as response:
        assert (response.status, await response.read()) == (200, FILM)


async def test_a_download_goes_on_only_with_the_same_content(
    world: World, anybody: aiohttp.ClientSession, film: Kept
) -> None:
    """
    `If-Range` names the content, or its date; with another one all of it is sent.
    """
    statuses = []
    for condition in (
        f'"{film.digest}"',
        "Mon, 21 Sep 2026 14:13:20 GMT",
        '"other"',
        "Mon, 21 Sep 2026 14:13:21 GMT",
    ):
        headers = {"Range": "bytes=10-", "If-Range": condition}
        async with anybody.get(path(film), headers=headers) as response:
            statuses.append(response.status)

    assert statuses == [206, 206, 200, 200]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": '"{digest}"'}, 304),
        ({"If-None-Match": 'W/"{digest}"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Modified-Since": "Mon, 21 Sep 2026 14:13:20 GMT"}, 304),
        ({"If-Modified-Since": "Mon, 21 Sep 2026 14:13:19 GMT"}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": "Mon, 21 Sep 2027 14:13:19 GMT"}, 200),
    ],
)
async def test_what_a_client_has_is_not_sent_again(
    world: World, anybody: aiohttp.ClientSession, film: Kept, headers: dict[str, str], status: int
) -> None:
    """
    By its tag, or by its date when it says no tag.
    """
    told = {name: value.format(digest=film.digest) for name, value in headers.items()}

    async with anybody.get(path(film), headers=told) as response:
        assert response.status == status
        assert (await response.read() == b"") is (status == 304)


async def test_a_file_can_be_saved(world: World, anybody: aiohttp.ClientSession, film: Kept) -> None:
    """
    `?download=1` makes the browser offer that.
    """
    async with anybody.get(path(film), params={"download": "1"}) as response:
        assert response.headers["Content-Disposition"] == f'attachment; filename="{film.id}.mp4"'


async def test_a_thumbnail_is_a_small_picture(
    world: World, anybody: aiohttp.ClientSession, film: Kept
) -> None:
    """
    Where there is one.
    """
    async with anybody.get(path(film), params={"thumbnail": "1"}) as response:
        assert response.status == 404
    world.library.thumbnails[film.id] = b"small"
    async with anybody.get(path(film), params={"thumbnail": "1"}) as response:
        assert (response.content_type, await response.read()) == ("image/jpeg", b"small")


async def test_a_picture_comes_in_the_form_its_link_asks_for(
    world: World, anybody: aiohttp.ClientSession
) -> None:
    """
    Each form is a content of its own; a film has only one.
    """
    kept = world.library.add(b"picture")
    tags = set()
    for name, content in (
        (f"{kept.id}.jpg", b"picture"),
        (f"{kept.id}.jpeg", b"picture"),
        (f"{kept.id}.png", b"png 92 picture"),
        (f"{kept.id}.webp?compression=50", b"webp 50 picture"),
        (f"{kept.id}?compression=50", b"jpeg 50 picture"),
    ):
        async with anybody.get(f"/v1/files/image/{name}") as response:
            assert await response.read() == content
            tags.add(response.headers["ETag"])

    assert len(tags) == 4


async def test_only_pictures_that_can_be_converted_are(world: World, anybody: aiohttp.ClientSession) -> None:
    """
    Of another kind, only as it is, unless its link says another form; PNG has no quality.
    """
    gif = world.library.add(b"gif", media_type="image/gif")
    png = world.library.add(b"png", media_type="image/png")
    for name, content in (
        (f"{gif.id}?compression=50", b"gif"),
        (f"{gif.id}.png", b"png 92 gif"),
        (f"{png.id}.png?compression=50", b"png"),
        (f"{png.id}.jpg?compression=0", b"jpeg 1 png"),
        (f"{png.id}.jpg?compression=100", b"jpeg 100 png"),
    ):
        async with anybody.get(f"/v1/files/image/{name}") as response:
            assert await response.read() == content

    for query in ("101", "-1", "x", ""):
        async with anybody.get(f"/v1/files/image/{png.id}.jpg?compression={query}") as response:
            assert response.status == 404


async def test_a_file_that_breaks_off_is_not_taken_for_whole(world: World) -> None:
    """
    The connection ends before all that was promised has come.
    """
    large = world.library.add(b"x" * 40_000_000, kind=Kind.VIDEO, media_type="video/mp4")
    reader, writer = await asyncio.open_connection("127.0.0.1", world.gateway.state.port)
    writer.write(f"GET {path(large)} HTTP/1.1\r\nHost: {world.gateway.state.address}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")

    os.truncate(world.library.folder / large.id, 0)

    size = 0
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(1_000_000):
            size += len(piece)
    assert size < large.size
    writer.close()


async def test_without_a_library_there_are_no_files(idle: World) -> None:
    """
    And nothing is made that could not be kept; everything else goes on.
    """
    gateway = Gateway(replace(idle.services, library=None, media_jobs=None))
    await gateway.start()
    root, key = f"http://{gateway.state.address}", {"Authorization": f"Bearer {KEY}"}
    picture = {"type": "image_url", "image_url": {"url": f"{root}/v1/files/image/{'f' * 32}"}}
    said = [{"role": "user", "content": [picture]}]

    async with aiohttp.ClientSession(root, headers=key) as http:
        answers = [
            (await http.get(f"/v1/files/image/{'f' * 32}")).status,
            (await http.post("/v1/images/generations", json={"prompt": "x"})).status,
            (await http.post("/v1/videos", json={"prompt": "x"})).status,
            (
                await http.post("/v1/chat/completions", json={"model": "grok-4.20-fast", "messages": said})
            ).status,
        ]

    await gateway.stop(grace_s=0)
    assert answers == [404, 400, 400, 200]


@pytest.mark.parametrize(
    "target",
    [
        "/v1/files/video/{unknown}.mp4",
        "/v1/files/video/{unknown}",
        "/v1/files/video?id={unknown}",
        "/v1/files/video",
        "/v1/files/video/",
        "/v1/files/image/{id}.mp4",
        "/v1/files/image?id={id}",
        "/v1/files/video/{id}.jpg",
        "/v1/files/video/{id}.",
        "/v1/files/video/{id}.mp4/",
        "/v1/files/video/{id}.mp4%00",
        "/v1/files/video/{id}%0a",
        "/v1/files/video/{id}.mp4?compression=10",
        "/v1/files/video/{upper}",
        "/v1/files/video/{id}0",
        "/v1/files/video/..",
        "/v1/files/video/../video/{id}",
        "/v1/files/video/%2e%2e/video/{id}",
        "/v1/files/video/..%2f..%2f{id}",
        "/v1/files/video/%252e%252e%252f{id}",
        "/v1/files/video/..%5c{id}",
        "/v1/files/video//{id}",
        "/v1/files/video/C:%5Cwindows",
        "/v1/files/video/%ff%fe",
        "/v1/files/video?id=../{id}",
    ],
)
async def test_every_wrong_name_is_answered_alike(world: World, film: Kept, target: str) -> None:
    """
    Nobody learns whether it was near, and nothing leads out of the library.
    """
    names = {"id": "ab" * 16, "unknown": "f" * 32, "upper": ("ab" * 16).upper()}
    world.library.files = {names["id"]: replace(film, id=names["id"])}

    status, body = await raw(world, target.format(**names))

    assert status == 404
    assert body == (await raw(world, f"/v1/files/video/{'e' * 32}.mp4"))[1]
    # The index is asked in each case, so that the time tells nothing either.
    assert len(world.library.asked) == 2


async def test_a_removed_file_is_not_there(world: World, anybody: aiohttp.ClientSession, film: Kept) -> None:
    """
    Although its removal can still be undone.
    """
    world.library.files[film.id] = replace(film, removed_at=1.0)

    async with anybody.get(path(film)) as response:
        assert response.status == 404


@pytest.mark.parametrize("content", [None, b"too short"])
async def test_a_file_that_is_not_whole_is_not_sent(
    world: World, anybody: aiohttp.ClientSession, film: Kept, content: bytes | None
) -> None:
    """
    Gone from the disk, or another than was kept.
    """
    where = world.library.folder / film.id
    where.unlink()
    if content is not None:
        where.write_bytes(content)

    async with anybody.get(path(film)) as response:
        assert response.status == 404


async def test_a_file_is_held_while_it_is_sent(world: World, film: Kept) -> None:
    """
    Making room takes other files; a client that leaves lets go of it.
    """
    large = world.library.add(b"x" * 40_000_000, kind=Kind.VIDEO, media_type="video/mp4")
    reader, writer = await asyncio.open_connection("127.0.0.1", world.gateway.state.port)
    writer.write(f"GET {path(large)} HTTP/1.1\r\nHost: {world.gateway.state.address}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    assert world.library.being_read == [large.id]

    writer.transport.abort()

    async with asyncio.timeout(10):
        while world.library.being_read:
            await settle()


async def test_a_link_survives_a_restart(world: World, film: Kept) -> None:
    """
    It names the file and not the run of the program.
    """
    again = Gateway(world.services)
    await world.gateway.stop(grace_s=0)
    await again.start()

    async with aiohttp.request("GET", f"http://{again.state.address}{path(film)}") as response:
        assert await response.read() == FILM
    await again.stop(grace_s=0)


@pytest.mark.parametrize(
    ("headers", "root"),
    [
        ({"Host": "localhost:4765"}, "http://localhost:4765"),
        ({"Host": "[::1]:4765"}, "http://[::1]:4765"),
        ({"Host": "desk.example"}, "http://desk.example"),
        ({"Host": "desk.example", "X-Forwarded-Proto": "https"}, "https://desk.example"),
        ({"Host": "Desk.Example:8443", "X-Forwarded-Proto": "HTTPS, http"}, "https://Desk.Example:8443"),
        (
            {"X-Forwarded-Host": "desk.example:8443, inner", "X-Forwarded-Proto": "https"},
            "https://desk.example:8443",
        ),
        # Nothing else can be put into a link.
        ({"Host": "localhost", "X-Forwarded-Proto": "https"}, "http://localhost"),
        ({"Host": "desk.example", "X-Forwarded-Proto": "javascript"}, "http://desk.example"),
        ({"Host": "localhost", "X-Forwarded-Host": "evil.example"}, "http://localhost"),
        (
            {"Host": "localhost", "X-Forwarded-Host": "desk.example:80@evil.example"},
            "http://localhost",
        ),
        ({"Host": "desk.example", "X-Forwarded-Host": "evil.example"}, "http://desk.example"),
    ],
)
async def test_a_link_is_at_the_address_the_client_used(
    world: World, http: aiohttp.ClientSession, film: Kept, headers: dict[str, str], root: str
) -> None:
    """
    Also behind a proxy of the owner's, which tells how it was reached; nobody else is believed.
    """
    world.set_gateway(allowed_hosts=["desk.example"])
    said = {"model": "grok-4.20-fast", "messages": [{"role": "user", "content": "Hi"}]}

    async with http.post("/v1/chat/completions", json=said, headers=headers) as response:
        assert response.status == 200

    link = world.engine.links[-1]
    assert link is not None
    assert link(film) == root + film.path


async def test_a_picture_that_a_client_has_is_not_converted_again(
    world: World, anybody: aiohttp.ClientSession
) -> None:
    """
    Nor even read: by its tag it is known to be the same.
    """
    kept = world.library.add(b"picture")
    address = f"/v1/files/image/{kept.id}.png"
    async with anybody.get(address) as response:
        tag = response.headers["ETag"]
    (world.library.folder / kept.id).unlink()

    async with anybody.get(address, headers={"If-None-Match": tag}) as response:
        assert (response.status, response.headers["ETag"]) == (304, tag)


async def test_a_strange_host_name_opens_nothing(
    world: World, anybody: aiohttp.ClientSession, film: Kept
) -> None:
    """
    The check of host names stands here too.
    """
    async with anybody.get(path(film), headers={"Host": "evil.example"}) as response:
        assert response.status == 403


async def test_an_allowed_page_may_read_files(
    world: World, anybody: aiohttp.ClientSession, film: Kept
) -> None:
    """
    By the same list as everything else.
    """
    world.set_gateway(allowed_origins=["https://app.example"])

    async with anybody.get(path(film), headers={"Origin": "https://app.example"}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"


async def test_names_of_files_are_not_in_the_log(
    world: World, anybody: aiohttp.ClientSession, film: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Whoever is shown a log cannot open them.
    """
    caplog.set_level(logging.DEBUG, "grokdesk")

    async with anybody.get(path(film)) as response:
        await response.read()

    assert "path=/v1/files/video/….mp4" in caplog.text
    assert film.id not in caplog.text
