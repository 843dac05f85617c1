"""Recorded stories, and everything that goes wrong with pictures and films, as the official client hears it.

The account and what it has left are looked at afterwards: what was not its fault leaves it as it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import openai
import pytest

from grokdesk.core.accounts import Account, Product, Status, Tier
from grokdesk.core.media import Kept
from grokdesk.core.secret import Secret
from grokdesk.core.settings import ChatForm, MediaForm
from grokdesk.engine.reading import NewAccount
from grokdesk.providers.grok_web import imagine
from grokdesk.sim import (
    Simulator,
    World,
    expired,
    limited,
    media,
    recording,
)
from tests.app.media_failures import (
    EDIT,
    FILM,
    LITE,
    PNG,
    ROWS,
    Asked,
    Heard,
    Row,
    edit,
    film,
    pictures,
)
from tests.rig import Rig, running, token

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "protocol" / "samples" / "media"


@pytest.fixture
async def world() -> World:
    return World(time.time, Random(1), picture_scale=0.1)  # noqa: TID251 - the clock the simulator is given


@pytest.fixture
async def rig(tmp_path: Path, sim: Simulator, world: World) -> AsyncIterator[Rig]:
    """The program with two paid accounts, of which "a" is asked first; it soon loses patience."""
    async with running(tmp_path / "data", sim, world) as rig:
        for name in ("a", "b"):
            rig.world.add(token(name), "super")
        await rig.app.pool.add([NewAccount(token=Secret(token("a")), tier=Tier.SUPER)])
        impatient = {"first_s": 0.3, "idle_s": 0.3, "image_s": 1.0, "video_s": 1.0, "download_s": 1.0}
        usual = rig.app.live.now
        timeouts = usual.timeouts.model_copy(update=impatient)
        rig.app.live.set(usual.model_copy(update={"timeouts": timeouts}))
        yield rig


def use(rig: Rig, section: str, **values: object) -> None:
    """Set settings as no owner could, also below their ranges."""
    now = rig.app.live.now
    rig.app.live.set(now.model_copy(update={section: getattr(now, section).model_copy(update=values)}))


async def heard(rig: Rig, asked: Asked) -> Heard:
    """Ask through the official client, and wait for the end."""
    try:
        if asked.model == FILM:
            return await _filmed(rig, asked)
        images = rig.client.images
        make = images.edit if asked.model == EDIT else images.generate
        answer = await make(model=asked.model, prompt=asked.prompt, **asked.more)
    except openai.APIStatusError as error:
        return Heard(0, error.status_code, str(error.code), error.message)
    assert answer.data is not None
    return Heard(len(answer.data))


async def _filmed(rig: Rig, asked: Asked) -> Heard:
    job = await rig.client.videos.create(model=FILM, prompt=asked.prompt, **asked.more)
    async with asyncio.timeout(8):
        while job.status in {"queued", "in_progress"}:
            await asyncio.sleep(0.02)
            job = await rig.client.videos.retrieve(job.id)
    if job.error is not None:
        return Heard(0, 200, job.error.code, job.error.message)
    content = await rig.client.videos.download_content(job.id)
    assert content.content[4:8] == b"ftyp"
    return Heard(1)


# --- recorded stories ---------------------------------------------------------------------------------------

CURRENT, OLDER, AUTO = MediaForm.CURRENT, MediaForm.OLDER, MediaForm.AUTO
MOVED = film(
    6,
    "the boat drifts away",
    size="720x1280",
    input_reference=("boat.png", PNG, "image/png"),
    extra_body={"resolution_name": "480p"},
)

STORIES: list[tuple[str, int | None, Asked, MediaForm, Heard]] = [
    ("imagine-ws-4-images", None, pictures(4), CURRENT, Heard(4)),
    ("imagine-ws-older-two-rounds", None, pictures(3), OLDER, Heard(3)),
    (
        "imagine-ws-moderated",
        None,
        pictures(2),
        CURRENT,
        Heard(0, 502, "image_generation_incomplete", "1 of 2"),
    ),
    (
        "imagine-ws-all-moderated",
        None,
        pictures(),
        CURRENT,
        Heard(0, 400, "moderation_blocked", "withheld"),
    ),
    ("imagine-ws-rate-limited", None, pictures(4), CURRENT, Heard(0, 429, "rate_limit_exceeded")),
    ("imagine-ws-refused-handshakes", 1, pictures(), CURRENT, Heard(0, 429, "rate_limit_exceeded")),
    ("imagine-ws-refused-handshakes", 2, pictures(), CURRENT, Heard(0, 503, "upstream_challenge")),
    ("imagine-ws-refused-handshakes", 3, pictures(), CURRENT, Heard(0, 400, "moderation_blocked")),
    ("imagine-ws-refused-handshakes", 4, pictures(), CURRENT, Heard(0, 502, "upstream_account_rejected")),
    ("image-edit-stream", None, edit(size="1536x1024"), CURRENT, Heard(1)),
    ("image-edit-stream-older", None, edit("turn @IMAGE1 into a watercolour", 2), OLDER, Heard(2)),
    ("image-edit-moderated", None, edit(), CURRENT, Heard(0, 400, "moderation_blocked")),
    ("lite-image-mgw", None, Asked(LITE), AUTO, Heard(1)),
    ("lite-image-chat-older", None, Asked(LITE), AUTO, Heard(1)),
    ("video-stream", None, film(), AUTO, Heard(1)),
    ("video-stream-current-form", None, film(), CURRENT, Heard(1)),
    ("video-with-reference", None, MOVED, AUTO, Heard(1)),
    ("video-extension-16s", None, film(16), AUTO, Heard(1)),
    ("video-moderated", None, film(), AUTO, Heard(0, 200, "moderation_blocked")),
    ("stream-errors", 1, film(), OLDER, Heard(0, 200, "rate_limit_exceeded")),
    ("stream-errors", 2, film(), OLDER, Heard(0, 200, "upstream_challenge")),
    ("stream-errors", 3, Asked(LITE), OLDER, Heard(0, 429, "rate_limit_exceeded")),
    ("stream-errors", 4, film(), OLDER, Heard(0, 200, "upstream_error")),
]


@pytest.mark.parametrize(
    ("name", "case", "asked", "form", "expected"), STORIES, ids=[f"{row[0]}-{row[1] or 0}" for row in STORIES]
)
async def test_a_recorded_story_ends_as_its_readme_says(
    rig: Rig,
    name: str,
    case: int | None,
    asked: Asked,
    form: MediaForm,
    expected: Heard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    For a client of the public format as well.
    """
    monkeypatch.setattr(imagine, "QUIET_S", 0.05)
    rest = name in {"lite-image-chat-older", "stream-errors"}
    use(rig, "timeouts", first_s=5, idle_s=5, image_s=9, video_s=9)
    use(rig, "media", form=form)
    use(rig, "grok_web", chat_form=ChatForm.REST if rest else ChatForm.GATEWAY)
    rig.world.play(recording(SAMPLES / f"{name}.ndjson", case=case))

    told = await heard(rig, asked)

    assert (told.made, told.status, told.code) == (expected.made, expected.status, expected.code), told
    assert expected.words in told.words


# --- what goes wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_what_goes_wrong_is_told_and_costs_what_it_should(rig: Rig, row: Row) -> None:
    """
    In every phase, within its limit; the account and its quota are right, and nothing is left under way.
    """
    account = rig.world.accounts[token("a")]
    first, *later = row.scripts
    account.next(*([first] if row.at else row.scripts))
    if row.at:
        rig.world.next_on(row.at, *later)
    began = time.monotonic()

    told = await heard(rig, row.asked)

    assert (told.made, told.status, told.code) == (row.told.made, row.told.status, row.told.code), told
    assert row.told.words in told.words
    assert time.monotonic() - began < 6
    ours = rig.account(token("a"))
    assert ours.status is row.status
    assert _rests(ours) is row.rests
    assert rig.app.pool.counts().in_flight == 0
    assert not rig.world.violations


def _rests(account: Account) -> bool:
    now = time.time()  # noqa: TID251 - the clock of the whole program
    return any(account.free_at(product) > now for product in Product if account.status is Status.ACTIVE)


async def test_another_account_makes_what_one_was_refused(rig: Rig) -> None:
    """
    As long as nothing can have been made: a limit, a sign-out and a fault before the order.
    """
    await rig.app.pool.add([NewAccount(token=Secret(token("b")), tier=Tier.SUPER)])
    for script in (limited(retry_after=60), expired()):
        rig.world.accounts[token("a")].next(script)
        rig.world.accounts[token("b")].next(media())
        assert (await heard(rig, pictures(2))).made == 2

    files = await rig.app.library.page()
    assert {file.origin.account_name for file in files.files} <= {one.name for one in rig.app.pool.accounts()}
    assert all(isinstance(file, Kept) for file in files.files)
