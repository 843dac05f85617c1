"""Files from a 2.0.4 folder into the library, and out of it."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from grokdesk.core.errors import Broken, InvalidRequest
from grokdesk.core.library import Change
from grokdesk.core.media import Kept, Kind, Origin
from grokdesk.engine.library_exchange import Moving, export, import_folder, name_for_people
from tests.engine.libraries import Shelf, Upstream, asked, drawn, film, picture, shelf

WHEN = 1_700_000_000.0


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Shelf]:
    async with shelf(tmp_path / "data") as made:
        yield made


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A data folder of 2.0.4 with two pictures, a film, and what is neither."""
    folder = tmp_path / "grok2api"
    for name, content in (
        ("images/0b57f5e2-5f0a-4c1e-9b0e-1f2d3c4b5a69.jpg", picture("one")),
        ("images/1b57f5e2-5f0a-4c1e-9b0e-1f2d3c4b5a69.jpg", picture("two")),
        ("videos/0123456789abcdef0123456789abcdef.mp4", film()),
        ("videos/broken.mp4", film()[:-9]),
        ("images/.index", b"none"),
    ):
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (WHEN, WHEN))
    return folder


async def end(steps: AsyncIterator[Moving]) -> Moving:
    """The last step, after seeing that each went one on."""
    told = [step async for step in steps]
    assert [step.done for step in told] == list(range(1, len(told) + 1))
    return told[-1]


async def test_a_folder_of_the_predecessor_is_copied_in(here: Shelf, old: Path) -> None:
    """
    Pictures and films come with the time they were made and their old id; what is damaged stays outside.
    """
    moved = await end(import_folder(here.library, old))

    files = (await here.library.page()).files
    assert moved == Moving(4, 4, added=3, refused=1)
    assert {one.created_at for one in files} == {WHEN}
    assert "0123456789abcdef0123456789abcdef" in {one.origin.request for one in files}
    assert len(list((old / "files").rglob("*.*"))) == 5


async def test_importing_again_adds_nothing(here: Shelf, old: Path) -> None:
    """
    Also from the folder `files` itself, and of what was removed since.
    """
    await end(import_folder(here.library, old))
    files = (await here.library.page()).files
    await here.library.remove([files[0].id])

    assert await end(import_folder(here.library, old / "files")) == Moving(4, 4, known=3, refused=1)
    assert len((await here.library.page()).files) == 2


async def test_a_file_that_comes_twice_at_once_is_added_once(here: Shelf, old: Path) -> None:
    """
    Two imports of one folder take turns with each content.
    """
    first, second = await asyncio.gather(
        end(import_folder(here.library, old)), end(import_folder(here.library, old))
    )

    assert (first.added + second.added, first.known + second.known) == (3, 3)
    assert len((await here.library.page()).files) == 3


async def test_a_folder_without_media_is_refused(here: Shelf, tmp_path: Path) -> None:
    """
    It says which folder is meant.
    """
    with pytest.raises(InvalidRequest, match="no pictures or films"):
        await end(import_folder(here.library, tmp_path / "nowhere"))


async def test_a_file_goes_out_with_what_is_known_of_it(here: Shelf, tmp_path: Path) -> None:
    """
    Under a name for people, with a JSON beside it.
    """
    kept = await here.library.keep(drawn(), asked("A cat / on: the roof?"), Upstream())
    await here.library.change([kept.id], Change(favourite=True, tag=("cats",)))

    moved = await end(export(here.library, tmp_path / "out"))

    assert moved == Moving(1, 1, added=1)
    (path,) = (tmp_path / "out").glob("*.jpg")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d A cat on the roof\.jpg", path.name)
    assert path.read_bytes() == picture()
    told = json.loads(path.with_name(f"{path.name}.json").read_text("utf-8"))
    assert (told["prompt"], told["model"], told["account"]) == (
        "A cat / on: the roof?",
        "grok-imagine-image",
        "mine",
    )
    assert (told["favourite"], told["tags"], told["size_bytes"]) == (True, ["cats"], len(picture()))


async def test_a_file_that_goes_out_has_the_time_at_which_it_was_made(here: Shelf, tmp_path: Path) -> None:
    """
    Not that of the copy: folders are sorted by it.
    """
    await here.library.add_file(picture(), asked(), created_at=WHEN)

    await end(export(here.library, tmp_path / "out"))

    (path,) = (tmp_path / "out").glob("*.jpg")
    assert path.stat().st_mtime == WHEN


async def test_what_went_out_comes_in_on_another_machine_as_it_was(here: Shelf, tmp_path: Path) -> None:
    """
    The JSON beside a file gives back what was asked, by whom, when, and what the owner thought of it.
    """
    there = Origin("A cat", "grok-imagine-image", account_name="mine", client="editor", request="run-1")
    for seed, at in (("a", WHEN), ("b", WHEN + 0.5)):
        await here.library.add_file(picture(seed), there, created_at=at)
    newest = (await here.library.page()).files[0]
    await here.library.change([newest.id], Change(favourite=True, tag=("cats", "grün")))
    await end(export(here.library, tmp_path / "out"))

    async with shelf(tmp_path / "other") as other:
        moved = await end(import_folder(other.library, tmp_path / "out"))

        files = (await other.library.page()).files
        assert moved == Moving(2, 2, added=2)
        assert [one.origin for one in files] == [there, there]
        assert [one.digest for one in files] == [one.digest for one in (await here.library.page()).files]
        assert [one.created_at for one in files] == [WHEN + 0.5, WHEN]
        assert [(one.favourite, one.tags) for one in files] == [(True, ("cats", "grün")), (False, ())]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"prompt": 7, "model": ["x"], "created": "soon", "favourite": "no", "tags": "cats"}',
        b'{"created": "0001-01-01T00:00:00+14:00", "tags": [1, "", "a,b", null]}',
        b'{"created": "9999-12-31T23:59:59", "tags": null, "prompt": null}',
        b'{"created": 1e999, "client": {}}',
        b'{"prompt": "' + b"x" * 2_000_000 + b'"}',
    ],
)
async def test_a_json_of_anybody_else_is_left_aside(here: Shelf, tmp_path: Path, said: bytes) -> None:
    """
    The file itself comes in all the same, with the time of the file.
    """
    path = tmp_path / "cat.jpg"
    path.write_bytes(picture())
    os.utime(path, (WHEN, WHEN))
    (tmp_path / "cat.jpg.json").write_bytes(said)

    assert await end(import_folder(here.library, tmp_path)) == Moving(1, 1, added=1)

    (kept,) = (await here.library.page()).files
    assert (kept.origin, kept.created_at) == (Origin(request="cat"), WHEN)
    assert (kept.favourite, kept.tags) == (False, ())


async def test_exporting_again_brings_what_is_said_up_to_date(here: Shelf, tmp_path: Path) -> None:
    """
    A tag that was given since stands in the JSON; the picture is not written again.
    """
    kept = await here.library.keep(drawn(), asked(), Upstream())
    await end(export(here.library, tmp_path / "out"))
    (path,) = (tmp_path / "out").glob("*.jpg")
    before = path.stat().st_ino
    await here.library.change([kept.id], Change(tag=("cats",)))

    assert await end(export(here.library, tmp_path / "out")) == Moving(1, 1, known=1)

    assert json.loads(path.with_name(f"{path.name}.json").read_text("utf-8"))["tags"] == ["cats"]
    assert path.stat().st_ino == before


async def test_exporting_again_writes_nothing(here: Shelf, tmp_path: Path) -> None:
    """
    Two files of one moment and prompt get two names; done again, both are known.
    """
    for seed in "ab":
        await here.library.keep(drawn(seed), asked("same"), Upstream())

    first = await end(export(here.library, tmp_path / "out"))
    again = await end(export(here.library, tmp_path / "out"))

    assert (first, again) == (Moving(2, 2, added=2), Moving(2, 2, known=2))
    assert len(list((tmp_path / "out").iterdir())) == 4


async def test_only_chosen_files_go_out(here: Shelf, tmp_path: Path) -> None:
    """
    One that is not there is counted, not missed.
    """
    kept = await here.library.keep(drawn("a"), asked(), Upstream())
    await here.library.keep(drawn("b"), asked(), Upstream())

    assert await end(export(here.library, tmp_path, [kept.id, "nobody"])) == Moving(2, 2, added=1, refused=1)


async def test_a_folder_that_takes_no_files_is_explained(here: Shelf, tmp_path: Path) -> None:
    """
    A file in its place is the simplest reason.
    """
    await here.library.keep(drawn(), asked(), Upstream())
    (tmp_path / "out").write_text("in the way")

    with pytest.raises(Broken, match="does not take"):
        await end(export(here.library, tmp_path / "out"))


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", ""),
        ("../../etc/passwd", " etc passwd"),
        ("con\0tains\ncontrol\tcharacters", " con tains control characters"),
        ("ends with dots...", " ends with dots"),
        ('<all>:"of"/them\\|?*', " all of them"),
        ("word " * 40, " " + ("word " * 12).strip()),
        ("x" * 300, " " + "x" * 60),
        ("猫" * 300, " " + "猫" * 50),
    ],
)
def test_a_name_is_safe_on_every_system(prompt: str, words: str) -> None:
    """
    No separators, control characters or reserved signs, no dot or blank at the end, and not too long.
    """
    kept = Kept("id", Kind.IMAGE, "d", "image/png", 1, WHEN, origin=Origin(prompt=prompt))

    name = name_for_people(kept)

    assert name[19:] == f"{words}.png"
    assert len(name.encode()) < 200
    assert name_for_people(replace(kept, media_type="video/mp4")).endswith(".mp4")
