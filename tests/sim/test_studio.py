"""Edits and films: what is accepted, what comes of it, and what was made while nobody listened."""

from __future__ import annotations

import time
from contextlib import suppress

import aiohttp
import pytest

from grokdesk.sim import (
    Account,
    Script,
    Wire,
    World,
    challenge,
    content_moderated,
    cut_after,
    hang_up,
    limited,
    media,
    pictures,
    refused,
    stall,
    stream_error,
)
from grokdesk.sim.script import Framing
from grokdesk.sim.world import Tier
from tests.sim.caller import Caller, Json, body, current, said
from tests.sim.media_caller import (
    CHAT,
    IMAGE,
    POST,
    VIDEO,
    edit,
    edit_older,
    extension,
    fetch,
    film,
    film_current,
    order,
    ordering,
    post,
    responses,
    told,
    upload,
    upload_older,
)

PNG = pictures.drawn("input", 32, 16, "png")


@pytest.fixture
def world(world: World) -> World:
    """Small films are drawn faster."""
    world.media.picture_scale = 0.1
    return world


async def sent(caller: Caller, account: Account) -> str:
    """The id of a picture the account has uploaded."""
    _, answer = await upload(caller, account, PNG)
    return str(answer["fileMetadata"]["fileMetadataId"])


async def filmed(caller: Caller, account: Account, seconds: int = 6) -> tuple[str, Json]:
    """A film in the older form: its first post, and its last frame."""
    parent = await post(caller, account, prompt="waves")
    status, answers = await order(caller, account, film(parent, seconds=seconds))
    assert status == 200, answers
    return parent, told(answers, VIDEO)[-1]


# ------------------------------------------------------------------------------------------ posts


async def test_a_post_repeats_its_prompt(caller: Caller, ada: Account, world: World) -> None:
    """
    As the prompt and as the original one, references untouched.
    """
    wish = {"mediaType": "MEDIA_POST_TYPE_IMAGE", "prompt": "turn @0f3c into a watercolour"}

    status, answer = await caller.post(POST, current(ada.token, referer="/imagine"), wish)

    assert status == 200
    assert answer["post"]["originalPrompt"] == answer["post"]["prompt"] == wish["prompt"]
    assert answer["post"]["userId"] == ada.user_id
    assert world.violations == []


@pytest.mark.parametrize(
    ("wish", "referer", "complaint"),
    [
        ({"mediaType": "MEDIA_POST_TYPE_FILM", "prompt": "x"}, "/imagine", "mediaType"),
        ({"mediaType": "MEDIA_POST_TYPE_VIDEO", "prompt": " "}, "/imagine", "prompt"),
        ({"mediaType": "MEDIA_POST_TYPE_IMAGE", "mediaUrl": "users/x/y/content"}, "/imagine", "no file"),
        ({"mediaType": "MEDIA_POST_TYPE_VIDEO", "prompt": "x"}, "/", "Referer"),
    ],
)
async def test_a_wrong_post_is_named(
    caller: Caller, ada: Account, world: World, wish: Json, referer: str, complaint: str
) -> None:
    """
    And refused with 400.
    """
    status, _ = await caller.post(POST, current(ada.token, referer=referer), wish)

    assert status == 400
    assert complaint in world.violations[0]


async def test_a_post_may_be_refused(caller: Caller, ada: Account, world: World) -> None:
    """
    By a script for its path.
    """
    world.next_on(POST, content_moderated())

    status, answer = await caller.post(
        POST, current(ada.token, referer="/imagine"), {"mediaType": "MEDIA_POST_TYPE_VIDEO", "prompt": "x"}
    )

    assert (status, answer["error"]["code"]) == (403, "content-moderated")


# ------------------------------------------------------------------------------------------ edits


async def test_an_edit_in_the_current_form(caller: Caller, ada: Account, world: World) -> None:
    """
    Progress, then one picture that only its owner can fetch, for one use.
    """
    status, answers = await order(caller, ada, edit(await sent(caller, ada), aspectRatio="3:2"))

    shown = told(answers, IMAGE)
    assert status == 200
    assert [one["progress"] for one in shown] == [10, 50, 100]
    assert ["-part-" in one["imageUrl"] for one in shown] == [True, True, False]
    final = shown[-1]["imageUrl"]
    assert told(answers, "modelResponse")[0]["generatedImageUrls"] == [final]
    assert told(answers, "modelResponse")[0]["fileAttachments"] == [shown[-1]["assetId"]]
    status, data, headers = await fetch(caller, ada, final)
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    assert pictures.size_of(data) == pictures.scaled(pictures.SIZES["3:2"], 0.1)
    left = ada.imagine["imageEdit"]
    assert left is not None
    assert left["remainingQueries"] == 199
    assert (world.turns[0].kind, world.turns[0].mode, world.violations) == ("edit", "imageEdit", [])


async def test_without_a_ratio_an_edit_is_like_its_input(caller: Caller, ada: Account) -> None:
    """
    Twice as wide as high, as the picture sent.
    """
    _, answers = await order(caller, ada, edit(await sent(caller, ada)))

    _, data, _ = await fetch(caller, ada, told(answers, IMAGE)[-1]["imageUrl"])
    size = pictures.size_of(data)
    assert size is not None
    assert size[0] / size[1] == pytest.approx(2, rel=0.05)


async def test_an_edit_of_something_made_here(caller: Caller, ada: Account, world: World) -> None:
    """
    Its asset id is as good as that of an upload.
    """
    made = world.media.picture(ada, "11111111-1111-4111-8111-111111111111", (32, 32))

    status, _ = await order(caller, ada, edit(made.id))

    assert status == 200


async def test_an_edit_in_the_older_form(caller: Caller, ada: Account, world: World) -> None:
    """
    A post, a reference by its address, two pictures.
    """
    _, uploaded = await upload_older(caller, ada, PNG)
    text = f"turn @{uploaded['fileMetadataId']} into a watercolour"
    parent = await post(caller, ada, mediaType="MEDIA_POST_TYPE_IMAGE", prompt=text)
    wish = edit_older(parent, f"https://assets.grok.com/{uploaded['fileUri']}", text=text)

    status, answers = await order(caller, ada, wish, f"/imagine/post/{parent}")

    assert status == 200
    assert [(one["imageIndex"], one["progress"]) for one in told(answers, IMAGE)][-2:] == [(0, 100), (1, 100)]
    assert len(set(told(answers, "modelResponse")[0]["generatedImageUrls"])) == 2
    assert world.violations == []


async def test_only_own_files_can_be_edited(caller: Caller, ada: Account, world: World) -> None:
    """
    Neither unknown ids nor those of others, in either form.
    """
    bob = world.add("tok-bob", "super")
    theirs = await sent(caller, bob)
    parent = await post(caller, ada, mediaType="MEDIA_POST_TYPE_IMAGE", prompt="x")
    foreign = await post(caller, bob, mediaType="MEDIA_POST_TYPE_IMAGE", prompt="x")
    mine = f"users/{ada.user_id}/{await sent(caller, ada)}/content"

    statuses = [
        (await order(caller, ada, edit(theirs)))[0],
        (await order(caller, ada, edit("0f3c1d9e-1111-4222-8333-444455556666")))[0],
        (
            await order(
                caller,
                ada,
                edit_older(parent, f"users/{bob.user_id}/{theirs}/content", text="x"),
                f"/imagine/post/{parent}",
            )
        )[0],
        (await order(caller, ada, edit_older(foreign, mine, text="x"), f"/imagine/post/{foreign}"))[0],
    ]

    assert statuses == [400] * 4
    assert len(world.violations) == 4
    assert world.turns == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"temporary": True}, "temporary is not known"),
        ({"message": "another"}, "not the prompt"),
        ({"enableSideBySide": False}, "enableSideBySide"),
        ({"modelName": "imagine-other"}, "modelName"),
    ],
)
async def test_a_wrong_edit_is_named(
    caller: Caller, ada: Account, world: World, change: Json, complaint: str
) -> None:
    """
    The body has exactly its six members.
    """
    wish = edit(await sent(caller, ada)) | change

    status, _ = await order(caller, ada, wish)

    assert status == 400
    assert complaint in world.violations[0]


async def test_a_withheld_edit_comes_back_in_the_summary(caller: Caller, ada: Account, world: World) -> None:
    """
    Its address, that is; there is nothing at it.
    """
    picture = await sent(caller, ada)
    ada.next(media(moderated=(0,)), media(moderated="all", echoes_moderated=False))

    _, first = await order(caller, ada, edit(picture))
    _, second = await order(caller, ada, edit(picture))

    final = told(first, IMAGE)[-1]
    assert (final["progress"], final["moderated"]) == (100, True)
    assert told(first, "modelResponse")[0]["generatedImageUrls"] == [final["imageUrl"]]
    assert told(second, "modelResponse")[0]["generatedImageUrls"] == []
    assert (await fetch(caller, ada, final["imageUrl"]))[0] == 404


# ------------------------------------------------------------------------------------------ films


async def test_a_film_in_the_older_form(caller: Caller, ada: Account, world: World) -> None:
    """
    Rising progress, an address only at the end, and a film with its thumbnail at it.
    """
    parent, final = await filmed(caller, ada)

    assert final["progress"] == 100
    assert (final["width"], final["height"], final["resolutionName"]) == (128, 72, "720p")
    status, data, headers = await fetch(caller, ada, final["videoUrl"])
    assert (status, headers["Content-Type"], data[4:8]) == (200, "video/mp4", b"ftyp")
    _, thumbnail, _ = await fetch(caller, ada, final["thumbnailImageUrl"])
    assert pictures.type_of(thumbnail, "") == "image/jpeg"
    found = world.media.film_of(ada, final["videoPostId"])
    assert found is not None
    assert (found.seconds, found.parent.id if found.parent else "") == (6.0, parent)
    assert (world.turns[0].kind, world.turns[0].mode, world.violations) == ("video", "video720p", [])


async def test_only_the_last_frame_has_an_address(caller: Caller, ada: Account) -> None:
    """
    A reader takes the first one it meets for the result.
    """
    _, answers = await order(caller, ada, film_current())

    shown = told(answers, VIDEO)
    assert [one["progress"] for one in shown] == [1, 18, 37, 52, 74, 91, 100]
    assert ["videoUrl" in one for one in shown] == [False] * 6 + [True]
    assert answers[-1]["modelResponse"]["fileAttachments"] == [shown[-1]["assetId"]]


async def test_a_film_with_references(caller: Caller, ada: Account, world: World) -> None:
    """
    The post is the image post of the first one.
    """
    urls = [
        f"https://assets.grok.com/users/{ada.user_id}/{await sent(caller, ada)}/content" for _ in range(2)
    ]
    parent = await post(caller, ada, mediaType="MEDIA_POST_TYPE_IMAGE", mediaUrl=urls[0])
    wish = film(
        parent, isVideoEdit=False, isReferenceToVideo=True, imageReferences=urls, resolutionName="480p"
    )

    status, answers = await order(caller, ada, wish)
    wrong, _ = await order(
        caller, ada, film(parent, isVideoEdit=False, isReferenceToVideo=True, imageReferences=urls[1:])
    )

    assert status == 200
    assert told(answers, VIDEO)[0]["imageReference"] == urls[0]
    assert wrong == 400
    assert "image post of the first reference" in world.violations[0]


@pytest.mark.parametrize(
    ("kind", "text", "more"),
    [
        ("textToVideo", "waves", {}),
        ("imageToVideo", "waves", {"mode": "custom"}),
        ("imageToVideo", "", {"mode": "normal", "skipAudio": True}),
        ("referenceToVideo", "waves", {}),
    ],
)
async def test_films_in_the_current_form(
    caller: Caller, ada: Account, world: World, kind: str, text: str, more: Json
) -> None:
    """
    Each kind with its members; no post.
    """
    if kind != "textToVideo":
        more = {**more, "inputAssets": [await sent(caller, ada)]}

    status, answers = await order(caller, ada, film_current(kind, text, **more))

    assert status == 200, answers
    assert told(answers, VIDEO)[-1]["videoUrl"]
    assert world.violations == []


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        (film_current(seconds=16), "duration"),
        (film_current(aspectRatio="2:1"), "aspectRatio"),
        (film_current(resolutionName="4k"), "resolutionName"),
        (film_current(kind="imageToVideo", mode="normal", inputAssets=["x"]), "no file"),
        (film_current(kind="imageToVideo", mode="custom", inputAssets=[]), "0 entries"),
        (film_current() | {"kind": "CHAT"}, "kind"),
        (film_current() | {"message": "waves"}, "message"),
        (film_current(kind="videoToVideo"), "mediaGenInput"),
        (film("0f3c1d9e-1111-4222-8333-444455556666"), "no video post"),
    ],
)
async def test_a_wrong_film_is_named(
    caller: Caller, ada: Account, world: World, wish: Json, complaint: str
) -> None:
    """
    And costs nothing.
    """
    status, _ = await order(caller, ada, wish)

    assert status == 400
    assert any(complaint in one for one in world.violations)


@pytest.mark.parametrize(("seconds", "start", "whole"), [(6, 6.041667, 12.0), (10, 10.041667, 16.0)])
async def test_an_extension_makes_the_whole_film(
    caller: Caller, ada: Account, world: World, seconds: int, start: float, whole: float
) -> None:
    """
    It begins a 24th of a second after what there is, and its address is that of all of it.
    """
    parent, first = await filmed(caller, ada, seconds)
    wish = extension(parent, first["videoPostId"], start)

    status, answers = await order(caller, ada, wish, f"/imagine/post/{parent}")

    assert status == 200, answers
    last = told(answers, VIDEO)[-1]
    found = world.media.film_of(ada, last["videoPostId"])
    assert found is not None
    assert (found.seconds, found.file.seconds) == (whole, whole)
    assert last["videoUrl"] != first["videoUrl"]
    assert world.violations == []


@pytest.mark.parametrize(
    ("start", "change", "complaint"),
    [
        (6.0, {}, "videoExtensionStartTime"),
        (6.0418, {}, "videoExtensionStartTime"),
        (6.041667, {"extendPostId": "x"}, "extendPostId"),
        (6.041667, {"originalPostId": "x"}, "originalPostId"),
        (6.041667, {"mode": "fun"}, "flag"),
        (6.041667, {"originalPrompt": "sand"}, "originalPrompt"),
        (6.041667, {"imageReferences": []}, "imageReferences"),
    ],
)
async def test_a_wrong_extension_is_named(
    caller: Caller, ada: Account, world: World, start: float, change: Json, complaint: str
) -> None:
    """
    Its start is checked to the hundred thousandth of a second.
    """
    parent, first = await filmed(caller, ada)
    wish = extension(parent, first["videoPostId"], start)
    wish["responseMetadata"]["modelConfigOverride"]["modelMap"]["videoGenModelConfig"] |= change

    status, _ = await order(caller, ada, wish, f"/imagine/post/{parent}")

    assert status == 400
    assert any(complaint in one for one in world.violations)


async def test_an_extension_comes_from_the_page_of_its_post(
    caller: Caller, ada: Account, world: World
) -> None:
    """
    Not from the page of all.
    """
    parent, first = await filmed(caller, ada)

    status, _ = await order(caller, ada, extension(parent, first["videoPostId"], 6.041667))

    assert status == 400
    assert "Referer" in world.violations[0]


# ------------------------------------------------------------------------------------------ quota


@pytest.mark.parametrize(
    ("tier", "wish", "status"),
    [
        ("basic", film_current(), 200),
        ("basic", film_current(seconds=7), 429),
        ("basic", film_current(resolutionName="480p"), 403),
        ("super", film_current(seconds=15, resolutionName="1080p"), 200),
    ],
)
async def test_what_a_tier_may_film(
    caller: Caller, world: World, tier: Tier, wish: Json, status: int
) -> None:
    """
    Free accounts: six seconds in 720p.
    """
    account = world.add("tok-eve", tier)

    got, _ = await order(caller, account, wish)

    assert got == status


async def test_the_last_use_is_the_last(caller: Caller, ada: Account, world: World) -> None:
    """
    Then the quota says when there will be more, and there is.
    """
    world.media.leave(ada, "video720p", 1)

    first, _ = await order(caller, ada, film_current())
    second, answer = await order(caller, ada, film_current())
    headers = [current(ada.token, referer="/imagine") for _ in range(2)]
    _, empty = await caller.post("/rest/media/imagine/quota_info", headers[0], {})
    world.now.now += 86_400  # type: ignore[attr-defined] # the tests' clock
    _, full = await caller.post("/rest/media/imagine/quota_info", headers[1], {})

    assert (first, second, answer[0]["code"]) == (200, 429, 8)
    assert empty["video720p"] == {
        "available": False,
        "remainingQueries": 0,
        "windowSizeSeconds": 86400,
        "nextAvailableAt": "2026-11-24T00:00:00.000000789Z",
    }
    assert full["video720p"]["remainingQueries"] == 40
    assert world.violations == []


async def test_an_empty_quota_may_be_told_in_the_stream(caller: Caller, ada: Account, world: World) -> None:
    """
    As a usage limit inside a 200.
    """
    world.quota_refusal = "in_stream"
    world.media.leave(ada, "video720p", 0)

    status, answers = await order(caller, ada, film_current())

    assert (status, len(answers)) == (200, 1)
    assert "usage limit" in answers[0]["error"]["message"]
    assert world.turns[0].outcome == "failed"


@pytest.mark.parametrize(("tier", "lacks"), [("basic", ["video"]), ("super", []), ("heavy", [])])
async def test_all_five_products_are_told(caller: Caller, world: World, tier: Tier, lacks: list[str]) -> None:
    """
    Null is what a tier lacks.
    """
    account = world.add("tok-eve", tier)

    _, answer = await caller.post(
        "/rest/media/imagine/quota_info", current(account.token, referer="/imagine"), {}
    )

    assert set(answer) == {"image", "imagePro", "imageEdit", "video", "video720p"}
    assert [name for name, one in answer.items() if one is None] == lacks


# --------------------------------------------------------------------------- while nobody listens


async def test_a_film_goes_on_when_the_client_leaves(caller: Caller, ada: Account, world: World) -> None:
    """
    Nothing at first, then its file in the answer to a poll and among the assets.
    """
    world.media.work_s = 3600
    ada.next(stall(after=2))
    async with ordering(caller, ada, film_current()) as answer:
        await answer.content.readline()
    [conversation] = world.media.works

    _, early = await responses(caller, ada, conversation)
    world.monotonic = lambda: time.monotonic() + 3601
    _, late = await responses(caller, ada, conversation)

    assert world.turns[0].outcome == "left"
    assert early["responses"][1]["partial"] is True
    assert early["responses"][1]["fileAttachmentAssetMetadata"] == []
    question, reply = late["responses"]
    assert (question["sender"], question["message"]) == ("human", "waves")
    assert reply["partial"] is False
    [about] = reply["fileAttachmentAssetMetadata"]
    assert (about["mimeType"], about["width"], about["height"]) == ("video/mp4", 128, 72)
    assert (await fetch(caller, ada, about["key"]))[0] == 200
    assert about["sourceConversationId"] == conversation
    assert world.violations == []


@pytest.mark.parametrize(
    ("script", "is_made"),
    [(hang_up(), False), (hang_up(accepted=True), True), (cut_after(2), True), (refused(502), False)],
)
async def test_what_was_accepted_is_made(
    caller: Caller, ada: Account, world: World, script: Script, *, is_made: bool
) -> None:
    """
    And charged; what was not is neither.
    """
    ada.next(script)

    with suppress(aiohttp.ClientError):
        await order(caller, ada, film_current())

    left = ada.imagine["video720p"]
    assert left is not None
    assert left["remainingQueries"] == (39 if is_made else 40)
    assert len(list(world.media.of(ada))) == is_made


async def test_a_film_is_not_there_before_it_is_ready(caller: Caller, ada: Account, world: World) -> None:
    """
    Though its path could be guessed from the first frame.
    """
    world.media.work_s = 60
    ada.next(cut_after(2))
    with pytest.raises(aiohttp.ClientError):
        await order(caller, ada, film_current())
    [path] = [path for path in world.media.files if path.endswith(".mp4")]

    status, _, _ = await fetch(caller, ada, path)

    assert status == 404
    assert list(world.media.of(ada)) == []


async def test_a_stream_ends_when_the_work_does(caller: Caller, ada: Account, world: World) -> None:
    """
    Who is told of a film can fetch it.
    """
    world.media.work_s = 0.05

    _, answers = await order(caller, ada, film_current())
    status, _, _ = await fetch(caller, ada, told(answers, VIDEO)[-1]["videoUrl"])

    turn = world.turns[0]
    assert turn.ended_at is not None
    assert turn.ended_at - turn.started_at >= 0.05
    assert status == 200


async def test_a_poll_has_its_own_rules(caller: Caller, ada: Account, world: World) -> None:
    """
    The conversation's owner asks, with the kind in the query.
    """
    bob = world.add("tok-bob", "super")
    await order(caller, ada, film_current())
    [conversation] = world.media.works

    foreign, _ = await responses(caller, bob, conversation)
    unknown, _ = await responses(caller, ada, "d0d00000-0000-4000-8000-000000000001")
    wrong, _ = await caller.get(
        f"/rest/app-chat/conversations/{conversation}/responses", current(ada.token, referer="/imagine")
    )

    assert (foreign, unknown, wrong) == (404, 404, 400)


async def test_a_withheld_film_is_told_in_the_stream_and_later(
    caller: Caller, ada: Account, world: World
) -> None:
    """
    Done, moderated and without an address.
    """
    ada.next(media(moderated=(0,)))

    _, answers = await order(caller, ada, film_current())
    [conversation] = world.media.works
    _, late = await responses(caller, ada, conversation)

    final = told(answers, VIDEO)[-1]
    assert (final["progress"], final["moderated"], final["videoUrl"]) == (100, True, "")
    assert VIDEO in answers[-1]
    [about] = late["responses"][1]["fileAttachmentAssetMetadata"]
    assert (about["key"], about["auxKeys"]["moderated"]) == ("", "true")
    assert late["responses"][1]["fileAttachments"] == []


# --------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("script", "status"),
    [(limited(60), 429), (challenge(), 403), (content_moderated(), 403), (refused(500), 500)],
)
async def test_a_script_may_refuse_an_order(
    caller: Caller, ada: Account, world: World, script: Script, status: int
) -> None:
    """
    Before anything is made.
    """
    ada.next(script)

    got, _ = await order(caller, ada, film_current())

    assert got == status
    assert world.media.works == {}


@pytest.mark.parametrize(
    ("script", "members", "frames"),
    [
        (stream_error(8, "Too many requests"), ["error"], 1),
        (stream_error(8, "Too many requests", place="response", after=2), ["error"], 5),
        (stream_error(13, "generation failed", place="model_response", after=1), ["modelResponse"], 4),
    ],
)
async def test_an_error_in_the_stream_makes_nothing(
    caller: Caller, ada: Account, world: World, script: Script, members: list[str], frames: int
) -> None:
    """
    And costs nothing, at each of its places.
    """
    ada.next(script)

    status, answers = await order(caller, ada, film_current())
    [conversation] = world.media.works
    _, late = await responses(caller, ada, conversation)

    assert (status, len(answers)) == (200, frames)
    assert set(members) <= set(answers[-1])
    assert list(world.media.of(ada)) == []
    assert late["responses"][1]["fileAttachmentAssetMetadata"] == []
    left = ada.imagine["video720p"]
    assert left is not None
    assert left["remainingQueries"] == 40


async def test_a_stream_may_stay_open_after_its_end(caller: Caller, ada: Account, world: World) -> None:
    """
    Until the client has had enough.
    """
    ada.next(media(lingers_s=None))

    async with ordering(caller, ada, film_current()) as answer:
        async for line in answer.content:
            if b"modelResponse" in line:
                break

    assert world.turns[0].outcome == "answered"


@pytest.mark.parametrize(
    ("script", "key"), [(media(video_url="contentUrl"), "contentUrl"), (media(video_url="missing"), None)]
)
async def test_the_address_may_stand_elsewhere(
    caller: Caller, ada: Account, script: Script, key: str | None
) -> None:
    """
    Or nowhere: then there is an asset id alone.
    """
    ada.next(script)

    _, answers = await order(caller, ada, film_current())

    final = told(answers, VIDEO)[-1]
    assert {name for name in final if name.endswith(("Url", "Uri"))} == {
        "thumbnailImageUrl",
        *([key] if key else []),
    }
    assert final["assetId"]


async def test_a_film_may_be_lost(caller: Caller, ada: Account) -> None:
    """
    Its address leads nowhere.
    """
    ada.next(media(lost=True))

    _, answers = await order(caller, ada, film_current())

    assert (await fetch(caller, ada, told(answers, VIDEO)[-1]["videoUrl"]))[0] == 404


async def test_a_film_may_never_end(caller: Caller, ada: Account) -> None:
    """
    The stream closes in good order at 91 percent.
    """
    ada.next(media(no_final=(0,)))

    _, answers = await order(caller, ada, film_current())

    assert told(answers, VIDEO)[-1]["progress"] == 91


@pytest.mark.parametrize("framing", ["lines", "glued", "sse", "sse_done"])
async def test_a_stream_comes_in_every_framing(
    caller: Caller, ada: Account, world: World, framing: Framing
) -> None:
    """
    Cut anywhere.
    """
    ada.next(Script(wire=Wire(framing=framing, chunk_bytes=7)))

    status, data = await caller.post(CHAT, current(ada.token, referer="/imagine"), film_current())

    assert status == 200
    assert data.count(b'"streamingVideoGenerationResponse"') == 7
    assert (b"data: " in data) is framing.startswith("sse")
    assert (b"\n" in data) is (framing != "glued")


@pytest.mark.parametrize(
    ("word", "outcome"), [("[[ratelimit]]", "failed"), ("[[drop]]", "cut"), ("[[moderate]]", "answered")]
)
async def test_words_in_a_prompt_do_the_same(
    caller: Caller, ada: Account, world: World, word: str, outcome: str
) -> None:
    """
    For people who try what happens.
    """
    with suppress(aiohttp.ClientError):
        await order(caller, ada, film_current(text=f"waves {word}"))

    assert world.turns[0].outcome == outcome


@pytest.mark.parametrize(
    "wish",
    [
        {"modelName": "imagine-video-gen"},
        {"modelName": 5},
        {"modelName": "imagine-image-edit", "mediaGenInput": []},
        {"modelName": "imagine-image-edit", "mediaGenInput": {"imageToImage": {"inputAssets": [7]}}},
        film_current(seconds=99) | {"message": 3},
        film_current(aspectRatio="x", resolutionName="y"),
    ],
)
async def test_a_forgiving_world_makes_something_of_anything(
    caller: Caller, ada: Account, world: World, wish: Json
) -> None:
    """
    What is wrong is written down all the same.
    """
    world.strict = False

    status, _ = await order(caller, ada, wish)

    assert status == 200
    assert world.violations


# ---------------------------------------------------------------------------- upscale, share, lite


async def test_a_film_can_be_sharpened_by_its_owner(caller: Caller, ada: Account, world: World) -> None:
    """
    The copy has 1080 lines; others get a 403, unknown ids a 400.
    """
    bob = world.add("tok-bob", "super")
    _, final = await filmed(caller, ada)
    path, wish = "/rest/media/video/upscale", {"videoId": final["videoId"]}

    status, answer = await caller.post(path, current(ada.token, referer=""), wish)
    foreign, _ = await caller.post(path, current(bob.token, referer=""), wish)
    unknown, _ = await caller.post(path, current(ada.token, referer=""), {"videoId": "x"})

    assert (status, foreign, unknown) == (200, 403, 400)
    assert answer["hdMediaUrl"].endswith("generated_video_hd.mp4")
    assert (await fetch(caller, ada, answer["hdMediaUrl"]))[0] == 200
    assert world.media.files[answer["hdMediaUrl"].split("/", 3)[3]].height == 108
    assert world.violations == []


async def test_a_shared_film_is_everybodys(caller: Caller, ada: Account, world: World) -> None:
    """
    Once there is a link.
    """
    _, final = await filmed(caller, ada)
    public = f"imagine-public/share-videos/{final['videoPostId']}.mp4"
    wish = {"postId": final["videoPostId"], "source": "post-page", "platform": "web"}

    before, _, _ = await fetch(caller, None, public)
    status, answer = await caller.post("/rest/media/post/create-link", current(ada.token, referer=""), wish)
    after, _, _ = await fetch(caller, None, f"{public}?dl=1")

    assert (before, status, after) == (404, 200, 200)
    assert final["videoPostId"] in answer["shareLink"]
    assert world.violations == []


async def test_two_pictures_of_a_chat_cost_one_query(caller: Caller, ada: Account, world: World) -> None:
    """
    In the older form; both are the account's own files.
    """
    _, raw = await caller.chat(ada.token, message="Drawing: a paper boat")

    files = list(world.media.of(ada))
    assert len(files) == 2
    assert all(file.path.encode() in raw for file in files)
    assert ada.quota["fast"].remaining == 399
    assert (await fetch(caller, ada, files[0].path))[0] == 200


async def test_a_gateway_chat_draws_for_one_query(caller: Caller, ada: Account, world: World) -> None:
    """
    The same in the current form.
    """
    async with caller.gateway(ada) as turn:
        await turn.open()
        await turn.say("Drawing: a paper boat")
        events = await turn.rest()

    cards = [one for one in events if "card_attachment" in one.get("output", {})]
    assert len(cards) == 6
    assert len(list(world.media.of(ada))) == 2
    assert ada.quota["fast"].remaining == 399


async def test_a_chat_that_may_not_draw_answers_in_words(caller: Caller, ada: Account, world: World) -> None:
    """
    Where generation is switched off.
    """
    status, raw = await caller.post(
        CHAT, current(ada.token), body(message="Drawing: a boat", enableImageGeneration=False)
    )
    async with caller.gateway(ada) as turn:
        await turn.create(enable_image_generation=False)
        while len(turn.events) < 2:
            await turn.read()
        turn.session_id = turn.events[0]["session_id"]
        await turn.say("Drawing: a boat")
        events = await turn.rest()

    assert (status, b"generated_image_card" in raw) == (200, False)
    assert said(events)
    assert list(world.media.of(ada)) == []


async def test_words_in_a_wish_of_a_chat(caller: Caller, ada: Account, world: World) -> None:
    """
    One withheld picture has no file.
    """
    _, raw = await caller.chat(ada.token, message="Drawing: a boat [[moderate:0]]")
    _, limit = await caller.chat(ada.token, message="Drawing: a boat [[ratelimit]]")

    assert len(list(world.media.of(ada))) == 1
    assert b'\\"moderated\\":true' in raw
    assert b"usage limit" in limit


async def test_a_dropped_wish_of_a_chat(caller: Caller, ada: Account, world: World) -> None:
    """
    The connection is lost before the first word.
    """
    with pytest.raises(aiohttp.ClientError):
        await caller.chat(ada.token, message="Drawing: a boat [[drop]]")

    assert world.turns[0].outcome == "cut"


async def test_a_withheld_film_costs_a_use(caller: Caller, ada: Account, world: World) -> None:
    """
    As one that is shown.
    """
    ada.next(media(moderated="all"))

    await order(caller, ada, film_current())

    assert world.media.left(ada, "video720p") == 39


async def test_the_way_of_a_job_can_be_looked_at(caller: Caller, ada: Account, world: World) -> None:
    """
    Every call in order, with its account and the way it came.
    """
    _, final = await filmed(caller, ada)
    await fetch(caller, ada, final["videoUrl"])

    steps = world.media.trail()

    assert [step.kind for step in steps] == ["post", "chat", "download"]
    assert {step.token for step in steps} == {"tok-ada"}
    assert all(step.peer.startswith("127.0.0.1:") and step.status == 200 for step in steps)
    assert [step.kind for step in world.media.trail("download")] == ["download"]
