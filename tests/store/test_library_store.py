"""The database of the library: files and jobs."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from grokdesk.core.accounts import AccountId
from grokdesk.core.conversation import Media
from grokdesk.core.errors import InvalidRequest, NotFound
from grokdesk.core.library import Change, Page, Placed, Sought, Used
from grokdesk.core.media import (
    Film,
    ImageRequest,
    Kept,
    Kind,
    Origin,
    Preset,
    Resolution,
    Trace,
    VideoRequest,
)
from grokdesk.core.media_jobs import JobState, MediaJob
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import KeySource, Vault
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.database import DatabaseTrouble
from grokdesk.store.library_file import LibraryStores, opened_library

TRACE = Trace(AccountId("id-a"), "conversation-1", "response-1", "post-1", "parent-1", "asset-1")


@pytest.fixture
async def stores(paths: Paths, vault: Vault, supervisor: Supervisor) -> AsyncIterator[LibraryStores]:
    async with opened(paths, vault, supervisor) as made:
        yield made


def opened(paths: Paths, vault: Vault, supervisor: Supervisor) -> AbstractAsyncContextManager[LibraryStores]:
    return opened_library(paths, vault, spawn=supervisor.spawn, on_trouble=lambda _message, _hint: None)


def kept(name: str, *, at: float = 1_000.0, prompt: str = "", **more: object) -> Kept:
    plain = Kept(
        id=name,
        kind=Kind.IMAGE,
        digest=f"digest-of-{name}",
        media_type="image/png",
        size=100,
        created_at=at,
        width=20,
        height=10,
        origin=Origin(prompt=prompt, model="grok-imagine-image", account_name="mine", client="editor"),
        trace=TRACE,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


async def ids(stores: LibraryStores, **sought: object) -> list[str]:
    return [one.id for one in (await stores.files.page(Sought(**sought))).files]  # type: ignore[arg-type]


# --- files --------------------------------------------------------------------------------------------------


async def test_a_file_comes_back_as_it_was(stores: LibraryStores) -> None:
    """
    Every field survives, also a prompt in any script.
    """
    file = kept(
        "a",
        prompt="猫 on a roof \ud83d",
        kind=Kind.VIDEO,
        media_type="video/mp4",
        seconds=6.04,
        adult=True,
        favourite=True,
        tags=("über", "two words"),
        thumbnail=True,
        removed_at=5_000.5,
    )

    await stores.files.add([file])

    assert await stores.files.get("a") == file
    assert await stores.files.get("b") is None


async def test_what_was_asked_stands_nowhere_in_clear(
    paths: Paths, vault: Vault, supervisor: Supervisor
) -> None:
    """
    No prompt, account name or trace can be read in the file of the database.
    """
    request = VideoRequest("grok-imagine-video", "a secret prompt")
    async with opened(paths, vault, supervisor) as stores:
        await stores.files.add([kept("a", prompt="a secret prompt")])
        await stores.jobs.add(MediaJob("j", Kind.VIDEO, request, 1_000.0, trace=TRACE))

    content = b"".join(path.read_bytes() for path in paths.data.glob("library.db*"))
    assert b"digest-of-a" in content
    assert all(word not in content for word in (b"secret prompt", b"mine", b"conversation-1", b"asset-1"))


async def test_with_another_key_files_are_there_without_their_origin(
    paths: Paths, vault: Vault, supervisor: Supervisor
) -> None:
    """
    A lost master key costs the prompts, not the pictures.
    """
    async with opened(paths, vault, supervisor) as stores:
        await stores.files.add([kept("a", prompt="x")])

    async with opened(paths, Vault(bytes(32), KeySource.KEY_FILE), supervisor) as stores:
        found = await stores.files.get("a")

    assert found == kept("a", origin=Origin(), trace=Trace())


async def test_files_are_listed_page_by_page_the_newest_first(stores: LibraryStores) -> None:
    """
    Each once, also those of the same moment, until there are no more.
    """
    await stores.files.add([kept(f"f{number}", at=1_000.0 + number // 3) for number in range(10)])

    pages: list[Page] = []
    after = ""
    while not pages or after:
        pages.append(await stores.files.page(Sought(), after=after, limit=4))
        after = pages[-1].after

    assert [[one.id for one in page.files] for page in pages] == [
        ["f9", "f8", "f7", "f6"],
        ["f5", "f4", "f3", "f2"],
        ["f1", "f0"],
    ]


@pytest.mark.parametrize("after", ["nonsense", "1.0", "a:b", "1:"])
async def test_an_unknown_place_in_the_list_is_refused(stores: LibraryStores, after: str) -> None:
    """
    What no page has named is no place to go on from.
    """
    with pytest.raises(InvalidRequest):
        await stores.files.page(Sought(), after=after)


async def test_files_are_found_by_what_they_are(stores: LibraryStores) -> None:
    """
    By kind, by being a favourite, by a whole tag, and not while they are removed.
    """
    await stores.files.add(
        [
            kept("plain", at=1),
            kept("film", at=2, kind=Kind.VIDEO),
            kept("loved", at=3, favourite=True),
            kept("tagged", at=4, tags=("red car", "ümlaut")),
            kept("gone", at=5, removed_at=9.0),
        ]
    )

    assert await ids(stores) == ["tagged", "loved", "film", "plain"]
    assert await ids(stores, kind=Kind.VIDEO) == ["film"]
    assert await ids(stores, favourite=True) == ["loved"]
    assert await ids(stores, tag="red car") == ["tagged"]
    assert await ids(stores, tag="ümlaut") == ["tagged"]
    assert await ids(stores, tag="red") == []
    assert await ids(stores, removed=True) == ["gone"]
    assert await stores.files.count(Sought(favourite=False)) == 3


async def test_files_are_found_by_words(stores: LibraryStores) -> None:
    """
    All words, in any order and case, in prompt, model, tags or account; also in what came since.
    """
    await stores.files.add([kept("cat", at=1, prompt="A cat on the ROOF"), kept("dog", at=2, prompt="a dog")])

    assert await ids(stores, text="roof CAT") == ["cat"]
    assert await ids(stores, text="mine a") == ["dog", "cat"]
    assert await ids(stores, text="cat dog") == []

    await stores.files.add([kept("late", at=3, prompt="another Cat")])
    await stores.files.change(["dog"], Change(tag=("catlike",)))
    await stores.files.rename("cat", "renamed")
    assert await ids(stores, text="cat") == ["late", "dog", "renamed"]

    await stores.files.change(["dog"], Change(untag=("catlike",)))
    await stores.files.forget(["late"])
    assert await ids(stores, text="cat") == ["renamed"]


async def test_changes_are_made_to_the_files_there_are(stores: LibraryStores) -> None:
    """
    Favourites and tags change, each tag is there once, and the others stay as they are.
    """
    await stores.files.add([kept("a", tags=("old",)), kept("b")])

    done = await stores.files.change(
        ["a", "nobody"], Change(favourite=True, tag=("new", "old"), untag=("none",))
    )

    assert done == ["a"]
    assert await stores.files.get("a") == kept("a", favourite=True, tags=("old", "new"))
    assert await stores.files.get("b") == kept("b")


async def test_a_new_id_is_known_to_the_jobs(stores: LibraryStores) -> None:
    """
    What a job has made is found under its new name.
    """
    await stores.files.add([kept("a" * 32, prompt="x")])
    job = MediaJob("j", Kind.IMAGE, ImageRequest("m", "p"), 1.0, files=("a" * 32, "c" * 32))
    await stores.jobs.add(job)

    renamed = await stores.files.rename("a" * 32, "b" * 32)

    assert renamed == kept("b" * 32, prompt="x", digest="digest-of-" + "a" * 32)
    assert await stores.files.get("b" * 32) == renamed
    assert await stores.files.get("a" * 32) is None
    assert await stores.jobs.get("j") == replace(job, files=("b" * 32, "c" * 32))


async def test_a_content_counts_once(stores: LibraryStores) -> None:
    """
    Two files of one content take its size once; each kind is counted for itself.
    """
    await stores.files.add(
        [kept("a", digest="x"), kept("b", digest="x"), kept("c"), kept("d", kind=Kind.VIDEO, size=7)]
    )

    assert await stores.files.used() == {Kind.IMAGE: Used(3, 200), Kind.VIDEO: Used(1, 7)}


async def test_the_oldest_that_may_go(stores: LibraryStores) -> None:
    """
    One file of each content, by its youngest; none that a favourite has, and not the last added.
    """
    await stores.files.add(
        [
            kept("young", at=50),
            kept("old", at=10),
            kept("twice", at=1, digest="t"),
            kept("again", at=20, digest="t"),
            kept("loved", at=2, favourite=True, digest="l"),
            kept("like loved", at=3, digest="l"),
            kept("film", at=1, kind=Kind.VIDEO),
            kept("last", at=0),
        ]
    )

    assert [one.digest for one in await stores.files.oldest(Kind.IMAGE, 10)] == [
        "digest-of-old",
        "t",
        "digest-of-young",
    ]


async def test_every_content_is_told(stores: LibraryStores) -> None:
    """
    Also of removed files, however many there are.
    """
    await stores.files.add([kept(f"f{number}", removed_at=1.0) for number in range(1_001)])

    parts = [part async for part in stores.files.placed()]

    assert len(parts) == 2
    assert parts[1] == [Placed("f1000", Kind.IMAGE, "digest-of-f1000")]


# --- jobs ---------------------------------------------------------------------------------------------------

FILM = VideoRequest(
    "grok-imagine-video",
    "a dog",
    seconds=10,
    ratio="16:9",
    resolution=Resolution.P480,
    preset=Preset.FUN,
    references=(
        Media(data=b"bytes", media_type="image/png", name="a.png"),
        Media(url="data:image/png;base64,AAAA"),
        Media(url="https://example.test/b.png"),
    ),
    continues=Film(TRACE, 6.0, "a puppy"),
)


def job(name: str, **more: object) -> MediaJob:
    return replace(MediaJob(name, Kind.VIDEO, FILM, 1_000.0), **more)  # type: ignore[arg-type]


async def test_a_job_comes_back_without_the_bytes_of_its_references(stores: LibraryStores) -> None:
    """
    Every other field survives; what an address holds as data is bytes as well.
    """
    full = job(
        "a",
        client="editor",
        state=JobState.FAILED,
        fraction=0.5,
        started_at=1_001.0,
        ended_at=1_002.0,
        failure="It failed.",
        hint="Try again.",
        code="upstream_error",
        files=("f" * 32,),
        trace=TRACE,
        remix_of="b",
    )
    await stores.jobs.add(full)

    bare = (Media(media_type="image/png", name="a.png"), Media(), Media(url="https://example.test/b.png"))
    assert await stores.jobs.get("a") == replace(full, request=replace(FILM, references=bare))


async def test_a_change_is_there_when_it_is_asked_for(stores: LibraryStores) -> None:
    """
    Soon or now, the newest is what is read.
    """
    pictures = MediaJob("a", Kind.IMAGE, ImageRequest("m", "p", 4, "1:1", previews=True), 1.0)
    await stores.jobs.add(pictures)

    stores.jobs.save(replace(pictures, fraction=0.2))
    assert await stores.jobs.get("a") == replace(pictures, fraction=0.2)
    await stores.jobs.write(replace(pictures, state=JobState.DONE))
    assert await stores.jobs.get("a") == replace(pictures, state=JobState.DONE)


async def test_a_deleted_job_does_not_come_back(stores: LibraryStores) -> None:
    """
    A change that arrives after the deletion changes nothing.
    """
    await stores.jobs.add(job("a"))

    assert await stores.jobs.delete("a")
    stores.jobs.save(job("a", fraction=0.5))

    assert await stores.jobs.get("a") is None
    assert not await stores.jobs.delete("a")


async def test_jobs_are_listed_in_the_order_of_their_start(stores: LibraryStores) -> None:
    """
    From either end, from behind any of them, and of one kind.
    """
    for name in "abcd":
        await stores.jobs.add(job(name))
    await stores.jobs.add(MediaJob("picture", Kind.IMAGE, ImageRequest("m", "p"), 1.0))

    async def names(**how: object) -> str:
        return "".join(one.id for one in await stores.jobs.page(kind=Kind.VIDEO, **how))  # type: ignore[arg-type]

    assert await names() == "dcba"
    assert await names(newest_first=False, limit=2) == "ab"
    assert await names(after="c") == "ba"
    assert await names(after="b", newest_first=False) == "cd"
    assert len(await stores.jobs.page()) == 5
    with pytest.raises(NotFound):
        await names(after="nobody")


async def test_unfinished_jobs_are_found(stores: LibraryStores) -> None:
    """
    Those that wait or run, and those that were interrupted lately.
    """
    for state in JobState:
        await stores.jobs.add(job(state.value, state=state, ended_at=50.0))
    await stores.jobs.add(job("long ago", state=JobState.INTERRUPTED, ended_at=9.0))

    found = [one.id for one in await stores.jobs.unfinished(10.0)]

    assert found == ["queued", "running", "interrupted"]


async def test_jobs_of_long_ago_are_forgotten(stores: LibraryStores) -> None:
    """
    Unless they still run.
    """
    await stores.jobs.add(job("old", created_at=1.0, state=JobState.DONE))
    await stores.jobs.add(job("runs", created_at=1.0, state=JobState.RUNNING))
    await stores.jobs.add(job("young", created_at=99.0, state=JobState.DONE))

    assert await stores.jobs.forget_before(50.0) == 1
    assert [one.id for one in await stores.jobs.page()] == ["young", "runs"]


async def test_the_database_of_a_newer_version_is_left_alone(tmp_path: Path, vault: Vault) -> None:
    """
    It is not put aside as if it were damaged.
    """
    paths = Paths.under(tmp_path).create()
    async with Supervisor() as supervisor:
        async with opened(paths, vault, supervisor) as stores:
            await stores.files.add([kept("a")])
        with sqlite3.connect(paths.data / "library.db") as raw:
            raw.execute("INSERT INTO migrations VALUES ('m999_later')")
        raw.close()

        with pytest.raises(DatabaseTrouble, match="newer"):
            async with opened(paths, vault, supervisor):
                pass
    assert not (paths.data / "library-damaged.db").exists()
