"""The imagine socket: who may open it, what a batch looks like, and what goes wrong on it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import BytesIO

import aiohttp
import pytest
from PIL import Image

from grokdesk.sim import (
    Account,
    Media,
    Script,
    Wire,
    World,
    blocked,
    challenge,
    content_moderated,
    cut_after,
    expired,
    garbage,
    hang_up,
    image_limit,
    limited,
    media,
    stall,
)
from tests.sim.caller import HINTS, IMITATION, Caller, Json
from tests.sim.media_caller import RESET, Easel, draw, easel, fetch, finals, handshake, prompt


@pytest.fixture
def world(world: World) -> World:
    """Small pictures are drawn faster."""
    world.media.picture_scale = 0.1
    return world


def stages(told: list[Json], status: str) -> list[int]:
    """The positions of the slots in this state, in order."""
    return [one["order"] for one in told if one.get("current_status") == status]


def opened(data: bytes) -> tuple[str | None, tuple[int, int]]:
    with Image.open(BytesIO(data)) as image:
        image.load()
        return image.format, image.size


# ------------------------------------------------------------------------------------- handshakes


@pytest.mark.parametrize(
    "extra",
    [{}, HINTS, {"x-statsig-id": IMITATION, "Referer": "https://grok.com/imagine"}],
)
async def test_the_older_and_the_current_handshake_are_welcome(
    caller: Caller, ada: Account, world: World, extra: dict[str, str]
) -> None:
    """
    With client hints or without, with a signature and a referer or without.
    """
    async with easel(caller, ada, **extra):
        pass

    assert world.violations == []


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        ({"Cookie": "sso=tok-ada; sso-rw=tok-ada; x-userid=1"}, "cookie x-userid"),
        ({"Cookie": "sso=tok-ada"}, "sso-rw"),
        ({"Authorization": "Bearer x"}, "authorization"),
        ({"Origin": "https://example.org"}, "Origin"),
        ({"Cache-Control": "max-age=0"}, "cache-control"),
        ({"Referer": "https://grok.com/"}, "Referer"),
        ({"Sec-WebSocket-Protocol": "json"}, "subprotocol"),
    ],
)
async def test_a_wrong_handshake_is_named(
    caller: Caller, ada: Account, world: World, extra: dict[str, str], complaint: str
) -> None:
    """
    And refused with 400.
    """
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with easel(caller, ada, **extra):
            pass

    assert refused.value.status == 400
    assert complaint in world.violations[0]


async def test_the_address_has_no_query(caller: Caller, ada: Account, world: World) -> None:
    """
    Unlike that of the chat gateway.
    """
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await caller.http.ws_connect(f"{caller.sim.url}/ws/imagine/listen?uid=1", headers=handshake(ada))

    assert "query" in world.violations[0]


@pytest.mark.parametrize(
    ("script", "status"),
    [(limited(60), 429), (challenge(), 403), (content_moderated(), 403), (expired(), 401), (blocked(), 403)],
)
async def test_a_script_may_refuse_the_handshake(
    caller: Caller, ada: Account, world: World, script: Script, status: int
) -> None:
    """
    Nothing is drawn and nothing is spent.
    """
    ada.next(script)

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await draw(caller, ada)

    assert refused.value.status == status
    assert (world.turns[0].kind, world.turns[0].outcome) == ("imagine", "refused")
    assert world.media.batches == []


@pytest.mark.parametrize(("status", "code"), [("unauthenticated", 401), ("blocked", 403)])
async def test_an_account_that_is_gone_gets_no_socket(
    caller: Caller, ada: Account, status: str, code: int
) -> None:
    """
    As everywhere else.
    """
    ada.status = status  # type: ignore[assignment]  # parametrised over the literal

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await draw(caller, ada)

    assert refused.value.status == code


async def test_a_script_waits_for_a_prompt(caller: Caller, ada: Account, world: World) -> None:
    """
    A client that opens the socket and leaves does not use it up.
    """
    ada.next(media(count=1))
    async with easel(caller, ada):
        pass
    await caller.sim.until(lambda: world.turns[0].outcome == "left")

    told = await draw(caller, ada, count=1)

    assert len(stages(told, "completed")) == 1
    assert world.turns[1].outcome == "answered"


# ----------------------------------------------------------------------------------------- batches


async def test_a_slot_begins_shows_a_preview_then_its_picture_and_is_completed(
    caller: Caller, ada: Account, world: World
) -> None:
    """
    All slots side by side; the preview is a PNG at 50 percent, the picture a JPEG at 100.
    """
    told = await draw(caller, ada, count=4)

    assert stages(told, "start_stage") == [0, 1, 2, 3]
    assert sorted(stages(told, "completed")) == [0, 1, 2, 3]
    for order in range(4):
        mine = [one for one in told if one["order"] == order]
        assert [one.get("current_status", one["percentage_complete"]) for one in mine] == [
            "start_stage",
            50.0,
            100.0,
            "completed",
        ]
        assert opened(base64.b64decode(mine[1]["blob"]))[0] == "PNG"
        assert opened(base64.b64decode(mine[2]["blob"]))[0] == "JPEG"
        assert len({one.get("image_id", one.get("id")) for one in mine}) == 1
    assert world.violations == []


@pytest.mark.parametrize(
    ("ratio", "is_wide"), [("2:3", False), ("16:9", True), ("20:9", True), ("auto", False)]
)
async def test_the_told_size_is_the_real_one(
    caller: Caller, ada: Account, ratio: str, *, is_wide: bool
) -> None:
    """
    And follows the ratio.
    """
    async with easel(caller, ada) as socket:
        await socket.ask(count=1, aspect_ratio=ratio)
        [final] = finals(await socket.batch(1))

    size = (final["width"], final["height"])
    assert opened(base64.b64decode(final["blob"])) == ("JPEG", size)
    assert (size[0] > size[1]) is is_wide


@pytest.mark.parametrize(("pro", "count", "model"), [(False, 6, "imagine_x_1"), (True, 4, "imagine_h_1")])
async def test_the_older_form_gets_a_fixed_batch(
    caller: Caller, ada: Account, world: World, *, pro: bool, count: int, model: str
) -> None:
    """
    Six in speed, four in quality.
    """
    async with easel(caller, ada) as socket:
        await socket.ask(count=None, enable_pro=pro)
        told = await socket.batch(count)

    assert len(stages(told, "start_stage")) == count
    assert {one["model_name"] for one in finals(told)} == {model}
    assert (world.media.batches[0].pro, world.media.batches[0].wanted) == (pro, None)


async def test_several_rounds_share_a_socket(caller: Caller, ada: Account, world: World) -> None:
    """
    Each with its own reset, its own script and its own turn.
    """
    ada.next(media(moderated="all"), Script())

    async with easel(caller, ada) as socket:
        await socket.ask("first", 1)
        first = await socket.batch(1)
        await socket.ask("second", 1)
        second = await socket.batch(1)

    assert (len(finals(first)), len(finals(second))) == (0, 1)
    assert [turn.prompt for turn in world.turns] == ["first", "second"]
    assert [turn.outcome for turn in world.turns] == ["answered", "answered"]
    assert world.violations == []


async def test_a_prompt_without_a_reset_is_refused(caller: Caller, ada: Account, world: World) -> None:
    """
    Also the second one after one reset; the socket stays.
    """
    async with easel(caller, ada) as socket:
        await socket.ask(count=1)
        await socket.batch(1)
        await socket.socket.send_json(prompt())
        refused = await socket.read()
        await socket.ask(count=1)
        again = await socket.batch(1)

    assert refused is not None
    assert refused["type"] == "error"
    assert len(finals(again)) == 1
    assert world.violations == ["imagine socket: a prompt without a reset before it"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"num_generations": 11}, "num_generations"),
        ({"num_generations": "2"}, "num_generations"),
        ({"aspect_ratio": "1024x1024"}, "aspect_ratio"),
        ({"is_kids_mode": True}, "is_kids_mode"),
        ({"resolution": "2k"}, "resolution"),
    ],
)
async def test_a_wrong_prompt_is_named(
    caller: Caller, ada: Account, world: World, change: Json, complaint: str
) -> None:
    """
    And answered with an error frame.
    """
    async with easel(caller, ada) as socket:
        await socket.ask(**change)
        frame = await socket.read()

    assert frame is not None
    assert frame["type"] == "error"
    assert complaint in world.violations[0]


async def test_noise_on_the_socket_is_a_violation(caller: Caller, ada: Account, world: World) -> None:
    """
    Text that is no object, and anything binary.
    """
    async with easel(caller, ada) as socket:
        await socket.socket.send_str("[]")
        await socket.read()
        await socket.socket.send_bytes(b"{}")
        await socket.read()

    assert len(world.violations) == 2


async def test_what_was_asked_for_is_written_down(caller: Caller, ada: Account, world: World) -> None:
    """
    The prompt, its ratio, the number wanted, and whether adult pictures are.
    """
    async with easel(caller, ada) as socket:
        await socket.ask("a boat", 3, aspect_ratio="16:9", enable_nsfw=False)
        await socket.batch(3)

    [batch] = world.media.batches
    assert (batch.account, batch.prompt, batch.ratio, batch.nsfw, batch.wanted) == (
        ada,
        "a boat",
        "16:9",
        False,
        3,
    )
    assert len(set(batch.ids)) == 3


async def test_the_pictures_can_be_fetched(caller: Caller, ada: Account) -> None:
    """
    By everybody on the public host, by the owner on the other one; both have the bytes of the frame.
    """
    told = await draw(caller, ada, count=1)
    [final] = finals(told)
    path = f"users/{ada.user_id}/generated/{final['id']}/image.jpg"

    public, owned = await fetch(caller, None, final["url"]), await fetch(caller, ada, path)

    assert public[:2] == owned[:2] == (200, base64.b64decode(final["blob"]))
    assert final["url"].endswith(f"/imagine-public/images/{final['id']}.jpg")


async def test_addresses_may_be_those_of_the_real_hosts(caller: Caller, ada: Account, world: World) -> None:
    """
    For clients that know them.
    """
    world.media.public_url = "https://imagine-public.x.ai"

    told = await draw(caller, ada, count=1)

    assert finals(told)[0]["url"].startswith("https://imagine-public.x.ai/imagine-public/images/")


# ------------------------------------------------------------------------------------------ quota


async def test_a_prompt_costs_one_use(caller: Caller, ada: Account, world: World) -> None:
    """
    However many pictures it gives; an error in the stream costs nothing.
    """
    world.media.leave(ada, "imagePro", 5)
    ada.next(Script(), image_limit(after=2))

    await draw(caller, ada, count=4)
    after_pictures = ada.imagine["imagePro"]
    await draw(caller, ada, count=4)

    assert after_pictures == ada.imagine["imagePro"]
    assert after_pictures is not None
    assert after_pictures["remainingQueries"] == 4


@pytest.mark.parametrize(("left", "code"), [(0, "rate_limit_exceeded"), (None, "permission_denied")])
async def test_who_has_no_use_left_is_told_so(
    caller: Caller, ada: Account, world: World, left: int | None, code: str
) -> None:
    """
    In a frame, as is who never had any; the script stays for later.
    """
    world.media.leave(ada, "imagePro", left)
    ada.next(media(url="missing"))

    told = await draw(caller, ada)
    world.media.leave(ada, "imagePro", 1)
    later = await draw(caller, ada, count=1)

    assert [(one["type"], one["err_code"]) for one in told] == [("error", code)]
    assert ["url" in one for one in finals(later)] == [False]


async def test_prompts_at_once_cannot_use_more_than_there_is(
    caller: Caller, ada: Account, world: World
) -> None:
    """
    The uses are taken before the first picture is drawn.
    """
    world.media.leave(ada, "imagePro", 3)
    sockets: list[Easel] = []

    async with easel(caller, ada) as first, easel(caller, ada) as second:
        sockets = [first, second]
        for socket in sockets:
            for _ in range(3):
                await socket.ask(count=1)
        told = [one for socket in sockets for _ in range(3) for one in await socket.batch(1)]

    assert len(finals(told)) == 3
    assert [one["err_code"] for one in told if one["type"] == "error"] == ["rate_limit_exceeded"] * 3


# --------------------------------------------------------------------------------- what goes wrong


async def test_a_withheld_slot_has_only_a_preview(caller: Caller, ada: Account, world: World) -> None:
    """
    It is completed as moderated, and nobody can fetch it.
    """
    ada.next(media(moderated=(1,)))

    told = await draw(caller, ada, count=3)

    assert sorted(one["order"] for one in finals(told)) == [0, 2]
    assert {one["order"]: one["moderated"] for one in told if one.get("current_status") == "completed"} == {
        0: False,
        1: True,
        2: False,
    }
    withheld = world.media.batches[0].ids[1]
    assert (await fetch(caller, None, f"imagine-public/images/{withheld}.jpg"))[0] == 404


async def test_completed_may_come_first(caller: Caller, ada: Account) -> None:
    """
    Before the picture it speaks of.
    """
    ada.next(media(completed_first="all"))
    async with easel(caller, ada) as socket:
        await socket.ask(count=1)
        told = await socket.batch(1)
        last = await socket.read()

    assert finals(told) == []
    assert last is not None
    assert last["percentage_complete"] == 100.0


@pytest.mark.parametrize(
    ("script", "is_so"),
    [
        (media(no_final=(0,)), lambda told: [one["order"] for one in finals(told)] == [1]),
        (media(null_image_id=True), lambda told: told[0]["image_id"] is None and told[0]["job_id"]),
        (media(previews=3), lambda told: [one.get("percentage_complete") for one in told].count(25.0) == 2),
        (media(previews=0), lambda told: len([one for one in told if one["type"] == "image"]) == 2),
        (media(count=1), lambda told: stages(told, "start_stage") == [0]),
        (media(no_percentage=True), lambda told: len(finals(told)) == 2),
        (media(blob="garbage"), lambda told: all("%" in one["blob"] for one in finals(told))),
        (media(blob="empty"), lambda told: all(one["blob"] == "" for one in finals(told))),
        (media(blob="missing"), lambda told: all("blob" not in one for one in finals(told))),
        (media(blob="data_uri"), lambda told: all(one["blob"].startswith("data:") for one in finals(told))),
        (media(url="missing"), lambda told: all("url" not in one for one in finals(told))),
        (media(url="relative"), lambda told: all(one["url"].startswith("users/") for one in finals(told))),
        (
            media(url_on_completed=True),
            lambda told: finals(told) == [] and all("url" in one for one in told[-2:]),
        ),
    ],
)
async def test_batches_may_be_told_in_other_ways(
    caller: Caller, ada: Account, script: Script, is_so: Callable[[list[Json]], bool]
) -> None:
    """
    Every deviation a reader has to bear.
    """
    ada.next(script + media(closes=True))

    async with easel(caller, ada) as socket:
        await socket.ask()
        told = await socket.batch(99)

    assert is_so(told)
    assert socket.closed


async def test_a_slot_may_never_be_completed(caller: Caller, ada: Account) -> None:
    """
    Though its picture came.
    """
    ada.next(media(no_completed=(0,), closes=True))

    told = await draw(caller, ada)

    assert len(finals(told)) == 2
    assert stages(told, "completed") == [1]


async def test_pictures_may_be_lost(caller: Caller, ada: Account) -> None:
    """
    Told and nowhere to be found.
    """
    ada.next(media(lost=True))

    [final] = finals(await draw(caller, ada, count=1))

    assert (await fetch(caller, None, final["url"]))[0] == 404


async def test_the_limit_may_come_in_the_middle(caller: Caller, ada: Account) -> None:
    """
    After so many frames, and ends the batch.
    """
    ada.next(image_limit(after=3))

    told = await draw(caller, ada)

    assert len(told) == 4
    assert (told[-1]["type"], told[-1]["err_code"]) == ("error", "rate_limit_exceeded")


@pytest.mark.parametrize("politely", [True, False])
async def test_the_connection_may_end_in_the_middle(caller: Caller, ada: Account, *, politely: bool) -> None:
    """
    With a close frame or without.
    """
    ada.next(cut_after(3, politely=politely))

    async with easel(caller, ada) as socket:
        await socket.ask()
        told = await socket.batch()

    assert (len(told), socket.closed) == (3, True)
    assert caller.sim.turns[0].outcome == "cut"


async def test_the_connection_may_drop_before_any_answer(caller: Caller, ada: Account) -> None:
    """
    Not even a status comes; this client tries a second time by itself.
    """
    ada.next(hang_up(), hang_up())

    with pytest.raises(aiohttp.ClientError):
        await draw(caller, ada)


@pytest.mark.parametrize("after", [0, 1, 4])
async def test_a_silent_socket_is_left(caller: Caller, ada: Account, after: int) -> None:
    """
    After so many frames nothing comes any more; that the client leaves is noticed at once.
    """
    ada.next(stall(after=after))

    async with easel(caller, ada) as socket:
        await socket.ask()
        for _ in range(after):
            assert await socket.read()
        with pytest.raises(TimeoutError):
            await socket.read(0.05)
    await caller.sim.until(lambda: caller.sim.turns[0].outcome == "left")

    assert caller.sim.turns[0].pieces_sent == after


async def test_noise_between_the_frames(caller: Caller, ada: Account) -> None:
    """
    Binary messages, text that is no JSON, types nobody knows: the pictures still come.
    """
    ada.next(garbage() + Script(media=Media(), wire=Wire(unknown=True)))

    async with easel(caller, ada) as socket:
        await socket.ask()
        told = await socket.batch()

    assert len(finals(told)) == 2
    assert any(one["type"] == "session.notice" for one in told)


@pytest.mark.parametrize(
    ("word", "left", "completed"),
    [("[[moderate:0]]", 1, 2), ("[[moderate]]", 0, 2), ("[[ratelimit]]", 0, 0), ("[[drop]]", 0, 0)],
)
async def test_words_in_a_prompt_do_the_same(
    caller: Caller, ada: Account, word: str, left: int, completed: int
) -> None:
    """
    For people who try what happens.
    """
    told = await draw(caller, ada, f"a boat {word}")

    assert (len(finals(told)), len(stages(told, "completed"))) == (left, completed)


@pytest.mark.parametrize("change", [{"num_generations": 10_000}, {"aspect_ratio": "x"}, {"enable_pro": "y"}])
async def test_a_forgiving_world_draws_no_more_than_ten(
    caller: Caller, ada: Account, world: World, change: Json
) -> None:
    """
    Whatever is asked for; it is written down all the same.
    """
    world.strict = False

    async with easel(caller, ada) as socket:
        await socket.ask(**change)
        told = await socket.batch(2)

    assert len(stages(told, "start_stage")) <= 10
    assert len(stages(told, "completed")) == 2
    assert world.violations


async def test_a_slow_prompt_takes_its_time(caller: Caller, ada: Account, world: World) -> None:
    """
    Seconds of the world's choice before each frame.
    """
    world.media.slow_s = 0.02

    await draw(caller, ada, "[[slow]]", 1)

    turn = world.turns[0]
    assert turn.ended_at is not None
    assert turn.ended_at - turn.started_at >= 4 * 0.02


async def test_a_reset_may_come_twice(caller: Caller, ada: Account, world: World) -> None:
    """
    It is the prompt that needs one, not the other way round.
    """
    async with easel(caller, ada) as socket:
        await socket.socket.send_json(RESET)
        await socket.ask(count=1)
        told = await socket.batch(1)

    assert len(finals(told)) == 1
    assert world.violations == []
