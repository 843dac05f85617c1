"""Files of pictures and films: fetched, found, made larger, shared."""

from __future__ import annotations

import pytest

from grokdesk.core.accounts import Account
from grokdesk.core.errors import (
    Challenged,
    Garbled,
    InvalidRequest,
    Overloaded,
    Undelivered,
    Unreachable,
    Unsupported,
    UpstreamError,
    UpstreamTimeout,
)
from grokdesk.core.media import Artifact, Kind, Trace, VideoRequest
from grokdesk.platform.wire import Limits
from grokdesk.sim import (
    DOWNLOADS,
    PUBLIC,
    Script,
    World,
    challenge,
    cut_after,
    hang_up,
    limited,
    media,
    page_instead,
    refused,
    server_error,
    stall,
)
from grokdesk.sim import world as sim_world
from tests.providers.grok_web.stage import EGRESS, Stage


async def got(stage: Stage, url: str, account: Account) -> tuple[str, int | None, bytes]:
    """Type, declared size and content of the file at `url`."""
    async with stage.provider.download(url, account, EGRESS) as arriving:
        content = b"".join([chunk async for chunk in arriving.chunks])
        return arriving.media_type, arriving.size, content


def picture(stage: Stage, theirs: sim_world.Account) -> tuple[str, bytes]:
    """A picture that lies with the account: its address and content."""
    file = stage.world.media.picture(theirs, "7e210000-0000-4000-8000-000000000001", (64, 64))
    return f"{stage.sim.url}/{file.path}", file.content()


async def film(stage: Stage, mine: Account) -> Artifact:
    told, _, failure = await stage.asked(VideoRequest("grok-imagine-video", "waves"), mine)
    assert failure is None
    return told.made[0].artifact


# --- files --------------------------------------------------------------------------------------------------


async def test_a_file_is_fetched_by_its_owner(stage: Stage) -> None:
    """
    Whole, with its type and size.
    """
    mine, theirs = stage.account("super")
    url, content = picture(stage, theirs)

    media_type, size, data = await got(stage, url, mine)

    assert (media_type, size, data) == ("image/jpeg", len(content), content)


async def test_a_public_file_is_fetched_without_cookies(stage: Stage, world: World) -> None:
    """
    Whoever keeps it learns nothing of the account.
    """
    mine, _ = stage.account("super")
    public = stage.sim.url.replace("127.0.0.1", "localhost")
    stage.set(public_images_url=public)

    with pytest.raises(UpstreamError):
        await got(stage, f"{public}/imagine-public/images/none.jpg", mine)

    [seen] = [one for one in stage.sim.received if one.path.startswith("/imagine-public/")]
    assert "cookie" not in {name.lower() for name in seen.headers}
    assert world.media.trail("public")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/users/u/f/content",
        "{base}.evil.example/users/u",
        "http://user:secret@{host}/users/u",
        "ftp://{host}/users/u",
        "//{host}/users/u",
        "users/u/f/content",
        "{base}\\@evil.example/",
        "http://{host}:1/users/u",
        "",
    ],
)
async def test_nothing_is_fetched_from_elsewhere(stage: Stage, url: str) -> None:
    """
    The cookie would go along.
    """
    mine, _ = stage.account("super")
    host = stage.sim.url.removeprefix("http://")

    with pytest.raises(InvalidRequest):
        await got(stage, url.format(base=stage.sim.url, host=host), mine)

    assert stage.sim.received == []


async def test_a_redirect_leads_only_to_places_for_files(stage: Stage, world: World) -> None:
    """
    Within them it is followed, each hop looked at anew.
    """
    mine, theirs = stage.account("super")
    url, content = picture(stage, theirs)
    world.next_on(DOWNLOADS, refused(302, b"", {"Location": url}))
    assert (await got(stage, f"{stage.sim.url}/users/x/y/image.jpg", mine))[2] == content

    world.next_on(DOWNLOADS, refused(302, b"", {"Location": "https://evil.example/"}))
    with pytest.raises(InvalidRequest):
        await got(stage, url, mine)


@pytest.mark.parametrize(
    ("trouble", "expected", "is_final"),
    [
        (refused(403, {"error": "no"}), Undelivered, True),
        (refused(404), Undelivered, True),
        (page_instead(), Undelivered, True),
        (media(declared_bytes=10**12), Undelivered, True),
        (server_error(503), Overloaded, False),
        (server_error(500), Overloaded, False),
        (limited(), Overloaded, False),
        (refused(408), Overloaded, False),
        (challenge(), Challenged, False),
        (cut_after(size_bytes=500), Unreachable, False),
        (hang_up(), Unreachable, False),
        (stall(at="open"), UpstreamTimeout, False),
    ],
)
async def test_a_file_that_does_not_come_says_whether_to_try_again(
    stage: Stage, world: World, trouble: Script, expected: type[UpstreamError], is_final: bool
) -> None:
    """
    `Undelivered` is final, everything else may pass; a sentence in any case.
    """
    mine, theirs = stage.account("super")
    url, _ = picture(stage, theirs)
    stage.set(limits=Limits(2, 0.5, 0.5, 5), download_s=1.0)
    world.next_on(DOWNLOADS, trouble)

    with pytest.raises(expected) as caught:
        await got(stage, url, mine)

    assert isinstance(caught.value, Undelivered) is is_final
    assert caught.value.message


async def test_a_file_of_another_account_is_not_given(stage: Stage, world: World) -> None:
    """
    That is said, with what to do.
    """
    mine, _ = stage.account("super")
    url, _ = picture(stage, world.add("invented-sso-token-of-b", "super"))

    with pytest.raises(Undelivered, match="does not give this file") as caught:
        await got(stage, url, mine)

    assert "account that made it" in caught.value.hint


async def test_a_fetch_that_fails_twice_succeeds_when_tried_again(stage: Stage, world: World) -> None:
    """
    Trying again is up to the library; nothing stays behind.
    """
    mine, theirs = stage.account("super")
    url, content = picture(stage, theirs)
    world.next_on(DOWNLOADS, server_error(503), server_error(503))

    for _ in range(2):
        with pytest.raises(Overloaded):
            await got(stage, url, mine)

    assert (await got(stage, url, mine))[2] == content


async def test_a_page_instead_of_a_public_picture_is_no_picture(stage: Stage, world: World) -> None:
    """
    Whatever the status says.
    """
    mine, _ = stage.account("super")
    world.next_on(PUBLIC, page_instead())

    with pytest.raises(Undelivered, match="a page instead"):
        await got(stage, f"{stage.sim.url}/imagine-public/images/x.jpg", mine)


# --- looking for what was lost ------------------------------------------------------------------------------


async def test_a_film_is_found_by_its_conversation(stage: Stage) -> None:
    """
    With its picture and size, as if its stream had told.
    """
    mine, _ = stage.account("super")
    made = await film(stage, mine)

    found = await stage.provider.find(
        Trace(mine.id, conversation_id=made.trace.conversation_id), mine, EGRESS
    )

    assert found is not None
    assert (found.kind, found.url) == (Kind.VIDEO, made.url)


@pytest.mark.parametrize("known", ["asset_id", "conversation_id"])
async def test_a_film_is_found_among_the_files(stage: Stage, world: World, known: str) -> None:
    """
    When its conversation is not known any more.
    """
    mine, _ = stage.account("super")
    made = await film(stage, mine)
    await film(stage, mine)
    world.media.works.clear()
    trace = Trace(mine.id, **{known: getattr(made.trace, known)})

    found = await stage.provider.find(trace, mine, EGRESS)

    assert found is not None
    assert found.url == made.url


async def test_what_is_not_there_is_not_found(stage: Stage) -> None:
    """
    Neither an unknown job nor one without any name.
    """
    mine, _ = stage.account("super")
    await film(stage, mine)

    assert await stage.provider.find(Trace(mine.id, conversation_id="none"), mine, EGRESS) is None
    assert await stage.provider.find(Trace(mine.id), mine, EGRESS) is None


async def test_a_film_that_was_withheld_is_not_found(stage: Stage) -> None:
    """
    Though its conversation is there.
    """
    mine, theirs = stage.account("super")
    theirs.next(media(moderated="all"))
    _, events, _ = await stage.asked(VideoRequest("grok-imagine-video", "waves"), mine)
    traces = [trace for event in events if (trace := getattr(event, "trace", None)) is not None]

    assert await stage.provider.find(traces[-1], mine, EGRESS) is None


# --- larger, and open to everybody --------------------------------------------------------------------------


async def test_a_film_is_made_larger(stage: Stage) -> None:
    """
    The larger one lies beside it.
    """
    mine, _ = stage.account("super")
    made = await film(stage, mine)

    larger = await stage.provider.upscale(made.trace, mine, EGRESS)

    assert larger.url.endswith("_hd.mp4")
    assert (await got(stage, larger.url, mine))[2]
    assert stage.sim.violations == []


async def test_a_film_is_shared(stage: Stage) -> None:
    """
    By the address of a page.
    """
    mine, _ = stage.account("super")
    made = await film(stage, mine)

    link = await stage.provider.share(made.trace, mine, EGRESS)

    assert made.trace.post_id in link
    assert stage.sim.violations == []


async def test_a_film_without_a_name_can_be_neither_made_larger_nor_shared(stage: Stage) -> None:
    """
    Nothing is asked for it.
    """
    mine, _ = stage.account("super")

    with pytest.raises(Unsupported):
        await stage.provider.upscale(Trace(mine.id), mine, EGRESS)
    with pytest.raises(Unsupported):
        await stage.provider.share(Trace(mine.id), mine, EGRESS)

    assert stage.paths() == []


async def test_a_share_without_an_address_is_no_share(stage: Stage, world: World) -> None:
    """
    Nor is one that leads elsewhere than to the web.
    """
    mine, _ = stage.account("super")
    world.next_on("/rest/media/post/create-link", refused(200, {"shareLink": "javascript:alert(1)"}))

    with pytest.raises(Garbled):
        await stage.provider.share(Trace(mine.id, post_id="p"), mine, EGRESS)
