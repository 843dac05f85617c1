"""The library: what is kept, found, trimmed, and put right after a crash."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from random import Random
from threading import Event, Lock

import pytest
from PIL import Image

from grokdesk.core.accounts import Status
from grokdesk.core.errors import (
    AccountRejected,
    Broken,
    InvalidRequest,
    NotFound,
    Undelivered,
    Unreachable,
)
from grokdesk.core.library import Change, Sought, Used
from grokdesk.core.media import Artifact, Kept, Kind
from grokdesk.core.notices import LibraryChanged
from grokdesk.core.ports import Download
from grokdesk.engine.library_exchange import name_for_people
from grokdesk.platform import pictures
from grokdesk.platform.media_files import MediaFiles
from grokdesk.platform.tasks import owned
from tests.engine.libraries import Shelf, Upstream, asked, drawn, film, picture, shelf

URL = "https://assets.test/a.jpg"
DAY_S = 86_400


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Shelf]:
    async with shelf(tmp_path) as made:
        yield made


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


async def keep(here: Shelf, seed: str, prompt: str = "a cat") -> Kept:
    here.clock.advance(1)
    return await here.library.keep(drawn(seed), asked(prompt), Upstream())


def at(url: str = URL, kind: Kind = Kind.IMAGE, **more: str) -> Artifact:
    return Artifact(kind, url=url, **more)  # type: ignore[arg-type]


def with_thumbnails(*files: Kept) -> set[str]:
    """Where files and their small pictures lie."""
    return {f"{one.kind.value}s/{one.digest[:2]}/{one.digest}{one.suffix}" for one in files} | {
        f"thumbnails/{one.digest[:2]}/{one.digest}.jpg" for one in files
    }


def lose_list(data: Path) -> None:
    for path in data.glob("library.db*"):
        path.unlink()


# --- keeping ------------------------------------------------------------------------------------------------


async def test_a_picture_that_came_with_the_answer_is_kept(here: Shelf, upstream: Upstream) -> None:
    """
    It lies on the disk under its hash, with its size, its origin and a small picture, and is told of.
    """
    kept = await here.library.keep(drawn(), asked("a cat"), upstream)

    assert await here.library.find(kept.id) == kept
    assert await here.library.read(kept) == picture()
    assert (kept.media_type, kept.width, kept.height, kept.size) == ("image/jpeg", 48, 32, len(picture()))
    assert kept.origin == asked("a cat")
    assert here.lying() == with_thumbnails(kept)
    assert here.notices == [LibraryChanged(frozenset({kept.id}))]
    assert upstream.asked == []


async def test_an_id_is_32_hex_digits_of_its_own(here: Shelf) -> None:
    """
    The same content kept twice has two ids and lies on the disk once.
    """
    first, second = await keep(here, "a"), await keep(here, "a")

    assert len({first.id, second.id}) == 2
    assert all(len(one.id) == 32 and int(one.id, 16) >= 0 for one in (first, second))
    assert here.lying() == with_thumbnails(first)


async def test_only_the_owner_may_read_it(here: Shelf) -> None:
    """
    Files and folders have no rights for anybody else.
    """
    await keep(here, "a")

    rights = {path.stat().st_mode & 0o777 for path in here.folder.rglob("*") if path.is_file()}
    folders = {path.stat().st_mode & 0o777 for path in here.folder.rglob("*") if path.is_dir()}
    assert (rights, folders) == ({0o600}, {0o700})


async def test_a_film_is_fetched_with_its_small_picture(here: Shelf, upstream: Upstream) -> None:
    """
    Size and length are what the film says, the small picture what upstream has of it.
    """
    upstream.has("film", film())
    upstream.has("small", picture("small", 640, 480))

    kept = await here.library.keep(at("film", Kind.VIDEO, thumbnail_url="small"), asked(), upstream)

    assert (kept.media_type, kept.width, kept.height, kept.seconds) == ("video/mp4", 64, 48, 6.0)
    small = await here.library.thumbnail(kept)
    assert small is not None
    assert pictures.describe(small) == ("image/jpeg", 320, 240)


async def test_a_film_is_kept_although_its_small_picture_cannot_be_had(
    here: Shelf, upstream: Upstream
) -> None:
    """
    The small picture is an extra: its failure is not the film's.
    """
    upstream.has("film", film())
    upstream.has("small", Unreachable("The connection broke."))

    kept = await here.library.keep(at("film", Kind.VIDEO, thumbnail_url="small"), asked(), upstream)

    assert not kept.thumbnail
    assert await here.library.read(kept) == film()
    assert await here.library.thumbnail(kept) is None


async def test_a_small_picture_that_does_not_come_is_not_waited_for(here: Shelf, upstream: Upstream) -> None:
    """
    After ten seconds the film is handed on without it.
    """
    upstream.has("film", film())
    asked_for, never = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def stalled(url: str) -> AsyncIterator[Download]:
        if url == "film":
            async with upstream(url) as arriving:
                yield arriving
            return
        asked_for.set()
        await never.wait()

    artifact = at("film", Kind.VIDEO, thumbnail_url="small")
    waiting = owned(here.library.keep(artifact, asked(), stalled), name="keep")
    await asked_for.wait()
    here.clock.advance(11)

    assert not (await waiting).thumbnail


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(Unreachable("The connection broke."), id="no connection"),
        pytest.param([picture()[:300], Unreachable("It broke.")], id="broke in the middle"),
        pytest.param([picture()[:300]], id="ended early"),
        pytest.param(b"<html>Just a moment...</html>", id="a page"),
        pytest.param(b"", id="nothing"),
        pytest.param(film(), id="a film"),
    ],
)
async def test_a_failed_download_is_tried_again(here: Shelf, upstream: Upstream, bad: object) -> None:
    """
    What breaks, ends early or is no picture is fetched again, and nothing of it stays.
    """
    upstream.has(URL, bad, bad, picture())  # type: ignore[arg-type]

    kept = await here.library.keep(at(), asked(), upstream)

    assert len(upstream.asked) == 3
    assert here.lying() == with_thumbnails(kept)


async def test_less_than_was_declared_is_not_kept(here: Shelf, upstream: Upstream) -> None:
    """
    Bytes that are a whole picture, but fewer than declared, are not believed.
    """
    upstream.has(URL, picture())
    upstream.declared[URL] = len(picture()) + 1

    with pytest.raises(Undelivered, match="ended early"):
        await here.library.keep(at(), asked(), upstream)

    assert here.lying() == set()


async def test_the_third_failure_is_the_last(here: Shelf, upstream: Upstream) -> None:
    """
    After three failures it is undelivered, says why, and nothing is left behind.
    """
    upstream.has(URL, Unreachable("The connection broke."))

    with pytest.raises(Undelivered, match="The connection broke"):
        await here.library.keep(at(), asked(), upstream)

    assert len(upstream.asked) == 3
    assert (here.lying(), here.notices) == (set(), [])


@pytest.mark.parametrize(
    "final",
    [
        AccountRejected("Signed out.", status=Status.EXPIRED),
        InvalidRequest("That is not one of Grok's addresses."),
    ],
)
async def test_what_would_fail_again_is_not_tried_again(
    here: Shelf, upstream: Upstream, final: AccountRejected | InvalidRequest
) -> None:
    """
    A refused account and an address that is none of upstream's are asked for once.
    """
    upstream.has(URL, final)

    with pytest.raises(Undelivered):
        await here.library.keep(at(), asked(), upstream)

    assert len(upstream.asked) == 1


async def test_bytes_that_cannot_be_read_are_fetched_instead(here: Shelf, upstream: Upstream) -> None:
    """
    When what came with the answer is garbled, the address that came with it is used.
    """
    upstream.has(URL, picture())

    kept = await here.library.keep(Artifact(Kind.IMAGE, url=URL, data=b"garbled"), asked(), upstream)

    assert await here.library.read(kept) == picture()


async def test_a_download_that_nobody_waits_for_leaves_nothing(here: Shelf) -> None:
    """
    Leaving in the middle of a download deletes what has come of it.
    """
    arrived, never = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def stalled(url: str) -> AsyncIterator[Download]:
        async def chunks() -> AsyncIterator[bytes]:
            yield picture()[:200]
            arrived.set()
            await never.wait()

        yield Download("image/jpeg", None, chunks())

    waiting = owned(here.library.keep(at(), asked(), stalled), name="keep")
    await arrived.wait()
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting

    assert here.lying() == set()


async def test_a_full_disk_is_said_and_leaves_nothing(
    here: Shelf, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A disk that takes no more is ours, not upstream's: nothing is fetched again.
    """
    upstream.has(URL, picture())

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(Broken, match="disk is full"):
        await here.library.keep(at(), asked(), upstream)

    assert len(upstream.asked) == 1
    assert here.lying() == set()


async def test_a_file_of_the_owner_is_added(here: Shelf, tmp_path: Path) -> None:
    """
    By its bytes or its path; the path stays where it is.
    """
    mine = tmp_path / "mine.mp4"
    mine.write_bytes(film())

    by_path = await here.library.add_file(mine)
    by_bytes = await here.library.add_file(picture())

    assert (by_path.kind, by_bytes.kind) == (Kind.VIDEO, Kind.IMAGE)
    assert mine.read_bytes() == film()


@pytest.mark.parametrize("content", [b"", b"hello", film()[:-10], Path("/nowhere/at/all.png")])
async def test_a_file_that_is_neither_is_refused(here: Shelf, content: bytes | Path) -> None:
    """
    What is no whole picture or film is refused and not kept.
    """
    with pytest.raises(InvalidRequest):
        await here.library.add_file(content)

    assert here.lying() == set()


# --- reading ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [1e18, -1e18])
async def test_a_time_that_no_calendar_has_breaks_no_list(here: Shelf, at: float) -> None:
    """
    Whatever an upstream or a file system says, it can be written as a date everywhere.
    """
    kept = await here.library.add_file(picture(), created_at=at)

    assert name_for_people(kept)[:2] in {"29", "30", "19"}


async def test_never_more_than_two_pictures_are_decoded_at_once(
    here: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Also when those who asked for the first have left: what a thread decodes takes its memory all the same.
    """
    loop, full = asyncio.get_running_loop(), asyncio.Event()
    go, turn = Event(), Lock()
    now: list[bytes] = []
    most: list[int] = []

    def converted(data: bytes, *_: object) -> bytes:
        with turn:
            now.append(data)
            most.append(len(now))
            if len(now) == 2:
                loop.call_soon_threadsafe(full.set)
        go.wait(10)
        with turn:
            now.remove(data)
        return data

    monkeypatch.setattr(pictures, "converted", converted)
    left = [loop.create_task(here.library.converted(data, "png")) for data in (b"a", b"b")]
    await full.wait()
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    stayed = [loop.create_task(here.library.converted(data, "png")) for data in (b"c", b"d")]
    for _ in range(20):
        await asyncio.sleep(0.001)
    go.set()

    assert await asyncio.gather(*stayed) == [b"c", b"d"]
    assert max(most) == 2


async def test_a_part_of_a_file_is_read(here: Shelf) -> None:
    """
    From one byte up to another, or to the end.
    """
    kept = await here.library.add_file(film())

    async with here.library.open_range(kept, 10, 1_000) as pieces:
        part = b"".join([piece async for piece in pieces])
    async with here.library.open_range(kept, 5_000) as pieces:
        rest = b"".join([piece async for piece in pieces])

    assert (part, rest) == (film()[10:1_000], film()[5_000:])


async def test_a_file_that_is_gone_is_not_found(here: Shelf) -> None:
    """
    Reading what somebody deleted by hand says so.
    """
    kept = await keep(here, "a")
    here.library.path(kept).unlink()

    with pytest.raises(NotFound):
        await here.library.read(kept)
    with pytest.raises(NotFound):
        async with here.library.open_range(kept):
            pass


async def test_a_lost_small_picture_is_made_again(here: Shelf) -> None:
    """
    It is as it was, and lies on the disk again.
    """
    kept = await keep(here, "a")
    before = await here.library.thumbnail(kept)
    MediaFiles(here.folder).thumbnail_path(kept.digest).unlink()

    assert await here.library.thumbnail(kept) == before
    assert here.lying() == with_thumbnails(kept)


# --- what the owner does ------------------------------------------------------------------------------------


async def test_a_removed_file_is_not_served_and_can_come_back(here: Shelf) -> None:
    """
    Its link opens nothing, it is not listed, and `restore` undoes both.
    """
    kept = await keep(here, "a")

    assert await here.library.remove([kept.id, "nobody"]) == [kept.id]
    assert await here.library.find(kept.id) is None
    assert (await here.library.page()).files == ()
    assert [one.id for one in (await here.library.page(Sought(removed=True))).files] == [kept.id]

    assert await here.library.restore([kept.id]) == [kept.id]
    assert await here.library.find(kept.id) == kept


async def test_a_removed_file_is_deleted_when_its_time_is_over(here: Shelf) -> None:
    """
    After the days of the setting, not before; the bytes go with it.
    """
    kept = await keep(here, "a")
    await here.library.remove([kept.id])

    here.clock.advance(2.9 * DAY_S)
    early = await here.library.purge()
    here.clock.advance(0.2 * DAY_S)
    late = await here.library.purge()

    assert (early, late) == (0, 1)
    assert here.lying() == set()
    assert await here.library.restore([kept.id]) == []


async def test_everything_removed_can_go_at_once(here: Shelf) -> None:
    """
    When its owner says so, a removed file is deleted long before its time; what was not removed stays.
    """
    kept, other = await keep(here, "a"), await keep(here, "b")
    await here.library.remove([kept.id])

    assert await here.library.purge(everything=True) == 1

    assert await here.library.restore([kept.id]) == []
    assert await here.library.find(other.id) == other


async def test_a_content_stays_as_long_as_one_file_has_it(here: Shelf) -> None:
    """
    Of two files with the same content one can be deleted without the other.
    """
    first, second = await keep(here, "a"), await keep(here, "a")
    await here.library.remove([first.id])
    here.clock.advance(4 * DAY_S)

    assert await here.library.purge() == 1
    assert await here.library.find(first.id) is None
    assert await here.library.read(second) == picture("a")


async def test_a_revoked_link_opens_nothing(here: Shelf) -> None:
    """
    The file has a new id; everything else about it is as it was.
    """
    kept = await keep(here, "a")

    renamed = await here.library.revoke(kept.id)

    assert await here.library.find(kept.id) is None
    assert await here.library.find(renamed.id) == replace(kept, id=renamed.id)


async def test_a_link_of_nothing_cannot_be_revoked(here: Shelf) -> None:
    """
    There is no such file.
    """
    with pytest.raises(NotFound):
        await here.library.revoke("0" * 32)


@pytest.mark.parametrize("tag", ["", "a,b", "x" * 41, "a\nb\0"])
async def test_an_odd_tag_is_refused(here: Shelf, tag: str) -> None:
    """
    A tag has 1 to 40 characters and no comma.
    """
    kept = await keep(here, "a")

    with pytest.raises(InvalidRequest):
        await here.library.change([kept.id], Change(tag=(tag,)))


# --- trimming -----------------------------------------------------------------------------------------------


async def filled(here: Shelf, count: int) -> list[Kept]:
    """Pictures of some 250 KB each, the oldest first."""
    made = []
    for number in range(count):
        here.clock.advance(1)
        made.append(await here.library.add_file(noise(number)))
    return made


def noise(number: int) -> bytes:
    """A PNG that cannot be made smaller, of 250 KB."""
    out = BytesIO()
    Image.frombytes("RGB", (300, 290), Random(number).randbytes(300 * 290 * 3)).save(out, "PNG")
    return out.getvalue()


async def left(here: Shelf) -> list[str]:
    return [one.id for one in (await here.library.page()).files][::-1]


async def test_below_its_limit_nothing_goes(here: Shelf) -> None:
    """
    A library that is not full is left alone, and so is one without a limit.
    """
    await filled(here, 3)

    here.limit(images_max_mb=1)
    assert await here.library.trim() == 0
    here.limit(images_max_mb=0)
    assert await here.library.trim() == 0


async def test_above_its_limit_the_oldest_go(here: Shelf) -> None:
    """
    Of 1.25 MB with a limit of 1 MB, the oldest go until 60 % are left, with their small pictures.
    """
    made = await filled(here, 5)
    here.limit(images_max_mb=1)

    assert await here.library.trim() == 3

    assert await left(here) == [one.id for one in made[3:]]
    assert here.lying() == with_thumbnails(*made[3:])


async def test_what_would_go_is_told_before(here: Shelf) -> None:
    """
    As many files and bytes as `trim` then deletes; nothing where there is room.
    """
    made = await filled(here, 5)
    before = await here.library.excess()
    here.limit(images_max_mb=1)

    told = await here.library.excess()

    assert before == {}
    assert told == {Kind.IMAGE: Used(3, sum(one.size for one in made[:3]))}
    assert await here.library.trim() == 3


async def test_favourites_never_go(here: Shelf) -> None:
    """
    A favourite stays, and so does whatever has its content; younger ones go instead.
    """
    made = await filled(here, 5)
    await here.library.change([made[0].id], Change(favourite=True))
    here.limit(images_max_mb=1)

    await here.library.trim()

    assert await left(here) == [made[0].id, made[4].id]


async def test_what_is_being_read_does_not_go(here: Shelf) -> None:
    """
    A file that is on its way to somebody stays until it has got there.
    """
    made = await filled(here, 5)
    here.limit(images_max_mb=1)

    with here.library.reading(made[0]):
        await here.library.trim()
        during = await left(here)

    assert during == [made[0].id, made[4].id]


async def test_what_was_written_last_does_not_go(here: Shelf) -> None:
    """
    Even when it is the oldest by its date, as with an import, and alone above the limit.
    """
    await filled(here, 4)
    last = await here.library.add_file(noise(99), created_at=1.0)
    here.limit(images_max_mb=1)

    await here.library.trim()

    assert last.id in await left(here)


async def test_films_have_a_limit_of_their_own(here: Shelf) -> None:
    """
    Full of pictures, the library keeps its films.
    """
    await filled(here, 5)
    kept = await here.library.add_file(film())
    here.limit(images_max_mb=1, videos_max_mb=1)

    await here.library.trim()

    assert await here.library.find(kept.id) == kept


async def test_the_library_trims_itself(here: Shelf) -> None:
    """
    While `upkeep` runs, keeping one too many is enough.
    """
    here.limit(images_max_mb=1)
    running = owned(here.library.upkeep(), name="upkeep")
    try:
        made = await filled(here, 5)
        async with asyncio.timeout(10):
            while len(await left(here)) > 2:  # noqa: ASYNC110 - the library tells nobody that it is done
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert made[-1].id in await left(here)


# --- after a crash ------------------------------------------------------------------------------------------


async def test_half_a_file_is_thrown_away_at_start(tmp_path: Path) -> None:
    """
    What was being written when the program was killed does not stay.
    """
    async with shelf(tmp_path) as here:
        kept = await keep(here, "a")
        (here.folder / "incoming" / "half").write_bytes(b"half")

    async with shelf(tmp_path) as here:
        assert here.lying() == with_thumbnails(kept)


async def test_a_row_without_a_file_is_dropped(tmp_path: Path) -> None:
    """
    What the owner deleted by hand is not listed for ever.
    """
    async with shelf(tmp_path) as here:
        gone, kept = await keep(here, "a"), await keep(here, "b")
        MediaFiles(here.folder).path(gone).unlink()

        await here.library.put_right()

        assert await left(here) == [kept.id]
        assert here.lying() == with_thumbnails(kept)


async def test_a_disk_that_is_not_there_just_now_costs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    When all files are away at once, what is known of them stays until they are back.
    """
    async with shelf(tmp_path) as here:
        kept = await keep(here, "a")
        here.folder.rename(tmp_path / "unmounted")
        here.folder.mkdir()
        await here.library.put_right()

        assert await left(here) == [kept.id]
        assert "is not there" in caplog.text
        caplog.clear()

        here.folder.rmdir()
        (tmp_path / "unmounted").rename(here.folder)
        await here.library.put_right()

        assert await here.library.read(kept) == picture("a")


async def test_a_lost_list_is_made_again_from_the_files(tmp_path: Path) -> None:
    """
    When the database is gone, pictures and films are listed again with what their bytes tell.
    """
    async with shelf(tmp_path) as here:
        one, two = await keep(here, "a"), await here.library.add_file(film())
    lose_list(tmp_path)

    async with shelf(tmp_path) as here:
        await here.library.put_right()
        found = {one.digest: one for one in (await here.library.page()).files}

        assert found.keys() == {one.digest, two.digest}
        assert (found[two.digest].seconds, found[two.digest].width) == (6.0, 64)
        assert found[one.digest].thumbnail
        assert here.lying() == with_thumbnails(one) | {f"videos/{two.digest[:2]}/{two.digest}.mp4"}


async def test_a_damaged_list_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """
    A database that is none any more is put aside, and does not keep the program from starting.
    """
    async with shelf(tmp_path) as here:
        kept = await keep(here, "a")
    (tmp_path / "library.db").write_bytes(b"no database" * 1_000)

    async with shelf(tmp_path) as here:
        await here.library.put_right()

        assert [one.digest for one in (await here.library.page()).files] == [kept.digest]
    assert (tmp_path / "library-damaged.db").exists()


async def test_a_damaged_file_without_a_row_is_deleted(here: Shelf) -> None:
    """
    A file that is not what its name says is not listed; files that are none of ours are left alone.
    """
    kept = await keep(here, "a")
    path = here.library.path(kept)
    path.with_name("00" * 32 + ".jpg").write_bytes(picture("b"))
    wrong = here.folder / "images" / "00"
    wrong.mkdir()
    (wrong / f"{'00' * 32}.jpg").write_bytes(picture("b"))
    (here.folder / "images" / "notes.txt").write_text("mine")

    await here.library.put_right()

    assert await left(here) == [kept.id]
    assert not (wrong / f"{'00' * 32}.jpg").exists()
    assert (here.folder / "images" / "notes.txt").exists()


async def test_a_small_picture_of_nothing_is_deleted(here: Shelf) -> None:
    """
    One whose content is gone goes as well.
    """
    files = MediaFiles(here.folder)
    files.put_thumbnail("ab" * 32, picture())

    await here.library.put_right()

    assert here.lying() == set()


async def test_what_is_kept_meanwhile_is_not_listed_twice(here: Shelf) -> None:
    """
    Keeping and putting right at the same time leave one row for each file.
    """
    seeds = [f"meanwhile-{number}" for number in range(20)]

    async with asyncio.TaskGroup() as group:
        for seed in seeds:
            group.create_task(here.library.keep(drawn(seed), asked(), Upstream()))
            group.create_task(here.library.put_right())

    assert len(await left(here)) == len(seeds)


async def test_a_place_and_its_row_go_together_when_the_asker_leaves(tmp_path: Path) -> None:
    """
    Whoever is cancelled while his file gets its name leaves a file with a row, or nothing.
    """
    async with shelf(tmp_path) as here:
        for turns in range(0, 60, 3):
            artifact = drawn(f"left-{turns}")
            waiting = owned(here.library.keep(artifact, asked(), Upstream()), name="keep")
            for _ in range(turns):
                await asyncio.sleep(0.0002)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    # Leaving waits for what is still being written.
    async with shelf(tmp_path) as here:
        files = (await here.library.page()).files
        assert here.lying() == with_thumbnails(*files)
