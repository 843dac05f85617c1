"""What a second process may ask about pictures, films and the library."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from grokdesk.core.accounts import Account
from grokdesk.core.egress import Egress
from grokdesk.core.errors import GrokDeskError, Incomplete, InvalidRequest, NotFound
from grokdesk.core.events import Batch, Finished, Made, Progressed
from grokdesk.core.media import Artifact, ImageRequest, Kept, Preset, Resolution, Trace, VideoRequest
from grokdesk.core.runs import NOBODY, Caller
from grokdesk.engine.errands import Errand, Errands
from grokdesk.engine.media_commands import MediaCommands, errand_json
from grokdesk.engine.media_jobs import MediaJobs
from grokdesk.platform.tasks import Supervisor
from tests import make
from tests.engine.libraries import Shelf, Upstream, asked, drawn, picture, shelf
from tests.engine.stage import stage, until
from tests.make import Ids


class Answer:
    """What a scripted request brings."""

    id = "run-1"

    def __init__(self, engine: Drawing, request: ImageRequest | VideoRequest) -> None:
        self._engine = engine
        self._request = request

    async def __aiter__(self) -> AsyncIterator[Batch]:
        count = self._request.count if isinstance(self._request, ImageRequest) else 1
        for slot in range(count):
            yield [Progressed(0.5, slot)]
            if slot == self._engine.stops_at:
                self._engine.reached.set()
                await self._engine.gate.wait()
                raise self._engine.failure
            artifact = drawn(str(slot))
            kept = await self._engine.shelf.library.keep(artifact, asked(self._request.prompt), Upstream())
            yield [Made(artifact, slot, kept)]
        yield [Finished()]


@dataclass
class Drawing:
    """An engine that draws small pictures, and may stop before one of them."""

    shelf: Shelf
    stops_at: int | None = None
    failure: GrokDeskError = field(
        default_factory=lambda: Incomplete("Grok made 1 of 2 pictures.", made=1, wanted=2, hint="Ask again.")
    )
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[ImageRequest | VideoRequest] = field(default_factory=list)

    @asynccontextmanager
    async def run(
        self,
        request: ImageRequest | VideoRequest,
        *,
        client: str = "",
        wait_s: float | None = None,
        caller: Caller = NOBODY,
    ) -> AsyncIterator[Answer]:
        assert client
        self.asked.append(request)
        yield Answer(self, request)


class NoCalls:
    """Nothing is looked for upstream here."""

    def download(self, url: str, account: Account, egress: Egress) -> Any:  # noqa: ANN401 - never returns
        raise NotImplementedError

    async def find(self, trace: Trace, account: Account, egress: Egress) -> Artifact | None:
        raise NotImplementedError

    async def upscale(self, trace: Trace, account: Account, egress: Egress) -> Artifact:
        raise NotImplementedError

    async def share(self, trace: Trace, account: Account, egress: Egress) -> str:
        raise NotImplementedError


@dataclass
class World:
    """The commands, and what they work on."""

    shelf: Shelf
    engine: Drawing
    tasks: Supervisor
    errands: Errands
    folder: Path
    refusal: GrokDeskError | None = None
    commands: MediaCommands = field(init=False)

    async def do(self, wish: str, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        return await self.commands.table()[wish]({"do": wish, **said})

    async def made(self, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Make something and wait for its end."""
        answer = await self.do("media.make", **{"kind": "image", "prompt": "a cat", **said})
        while not answer["media"]["is_over"]:
            await asyncio.sleep(0)
            answer = await self.do("media.show", id=answer["media"]["id"])
        return answer

    async def ended(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The end of an errand."""
        errand_id = answer["errand"]["id"]
        await self.errands.ended(errand_id)
        told = await self.do("library.errand", errand=errand_id)
        return dict(told["errand"])

    async def keep(self, *seeds: str, prompt: str = "a cat") -> list[Kept]:
        kept = []
        for seed in seeds:
            self.shelf.clock.advance(1)
            kept.append(await self.shelf.library.keep(drawn(seed), asked(prompt), Upstream()))
        return kept

    def check(self, request: ImageRequest | VideoRequest) -> None:
        if self.refusal is not None:
            raise self.refusal


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await stage(make.account("a"))
    async with Supervisor() as tasks, shelf(tmp_path / "data") as opened:
        engine = Drawing(opened)
        async with MediaJobs(
            engine=engine,
            store=opened.stores.jobs,
            library=opened.library,
            calls=NoCalls(),
            pool=made.pool,
            egress=made.egress,
            bus=opened.bus,
            clock=opened.clock,
            deadlines=opened.deadlines,
            tasks=tasks,
            new_id=Ids(""),
            code=lambda _: "failed",
        ) as jobs:
            errands = Errands(opened.clock, tasks, new_id=Ids("errand"))
            world = World(opened, engine, tasks, errands, tmp_path)
            world.commands = MediaCommands(
                library=opened.library,
                jobs=jobs,
                errands=errands,
                check=world.check,
                link=lambda kept: f"http://127.0.0.1:1{kept.path}",
            )
            yield world


def contents(file: dict[str, Any]) -> bytes:
    return Path(file["path"]).read_bytes()


def as_reference(data: bytes, name: str = "cat.jpg") -> dict[str, str]:
    return {"name": name, "data": base64.b64encode(data).decode()}


# --- making -------------------------------------------------------------------------------------------------


async def test_pictures_are_made_and_told_with_their_files(world: World) -> None:
    """
    Where each lies, what it is, and under which name people would want it.
    """
    answer = await world.made(n=2, size="1024x1792")

    assert (answer["media"]["state"], answer["media"]["fraction"]) == ("done", 1.0)
    assert [contents(file) for file in answer["files"]] == [picture("0"), picture("1")]
    assert answer["files"][0]["name"].endswith(" a cat.jpg")
    assert (answer["files"][0]["width"], answer["files"][0]["prompt"]) == (48, "a cat")
    assert world.engine.asked == [ImageRequest("grok-imagine-image", "a cat", 2, "2:3")]


async def test_pictures_to_begin_with_make_it_an_edit(world: World) -> None:
    """
    They are sent with their type, to the model that edits.
    """
    await world.made(references=[as_reference(picture("x"))])

    (request,) = world.engine.asked
    assert request.model == "grok-imagine-image-edit"
    assert [(one.data, one.media_type) for one in request.references] == [(picture("x"), "image/jpeg")]


async def test_a_film_is_asked_for_as_wished(world: World) -> None:
    """
    Length, shape, height and preset; what is not said is as everywhere.
    """
    await world.made(kind="video", seconds=10, size="9:16", resolution="480p", preset="fun")
    await world.made(kind="video")

    assert world.engine.asked == [
        VideoRequest("grok-imagine-video", "a cat", 10, "9:16", Resolution.P480, Preset.FUN),
        VideoRequest("grok-imagine-video", "a cat", 6, "", Resolution.P720, Preset.CUSTOM),
    ]


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"prompt": " "}, "prompt"),
        ({"prompt": "x" * 32_001}, "prompt"),
        ({"n": 11}, "n"),
        ({"n": "two"}, "n"),
        ({"size": "large"}, "size"),
        ({"kind": "song"}, "kind"),
        ({"kind": "video", "seconds": 21}, "seconds"),
        ({"kind": "video", "resolution": "4k"}, "resolution"),
        ({"kind": "video", "preset": "wild"}, "preset"),
        ({"references": [{"name": "a.txt", "data": "bm90aGluZw=="}]}, "references"),
        ({"references": [{"name": "a.jpg", "data": "!"}]}, "references"),
        ({"references": [as_reference(picture())] * 8}, "references"),
    ],
)
async def test_what_cannot_be_is_refused_before_a_job_begins(
    world: World, said: dict[str, Any], param: str
) -> None:
    """
    The value is named, and there is no row.
    """
    with pytest.raises(InvalidRequest) as refused:
        await world.made(**said)

    assert refused.value.param == param
    assert (await world.do("media.list"))["jobs"] == []


async def test_what_the_engine_refuses_is_no_job(world: World) -> None:
    """
    A model that makes no pictures, a length no account may have: said at once, before anything is spent.
    """
    world.refusal = InvalidRequest("The model 'grok-4.20-fast' does not make pictures.", param="model")

    with pytest.raises(InvalidRequest, match="does not make pictures"):
        await world.made(model="grok-4.20-fast")

    assert (await world.do("media.list"))["jobs"] == []


async def test_a_failure_tells_what_was_made_nevertheless(world: World) -> None:
    """
    Why it ended, what to do, and the files there are.
    """
    world.engine.stops_at = 1
    world.engine.gate.set()

    answer = await world.made(n=2)

    assert (answer["media"]["state"], answer["media"]["failure"]) == ("failed", "Grok made 1 of 2 pictures.")
    assert answer["media"]["hint"] == "Ask again."
    assert [contents(file) for file in answer["files"]] == [picture("0")]


async def test_a_job_is_cancelled_and_removed(world: World) -> None:
    """
    What it made stays until the job is removed, and can be brought back after that.
    """
    world.engine.stops_at = 1
    begun = await world.do("media.make", kind="image", prompt="a cat", n=2)
    job_id = begun["media"]["id"]

    await world.engine.reached.wait()
    cancelled = await world.do("media.cancel", id=job_id)
    await world.do("media.remove", id=job_id)
    listed = await world.do("library.list")
    removed = await world.do("library.list", removed=True)
    restored = await world.do("library.restore", ids=cancelled["media"]["files"])

    assert (cancelled["media"]["state"], len(cancelled["files"])) == ("cancelled", 1)
    assert listed["files"] == []
    assert [file["id"] for file in removed["files"]] == cancelled["media"]["files"] == restored["files"]
    with pytest.raises(NotFound, match="no job"):
        await world.do("media.show", id=job_id)


# --- the library --------------------------------------------------------------------------------------------


async def test_files_are_listed_as_sought(world: World) -> None:
    """
    The newest first: by kind, favourite, tag and words, as many as wanted, over the end of a page.
    """
    first, second, third = await world.keep("1", "2", "3")
    await world.do("library.change", ids=[first.id, third.id], favourite=True)
    await world.do("library.change", ids=[second.id], tag=["work"])

    async def ids(**said: Any) -> list[str]:  # noqa: ANN401 - JSON
        return [file["id"] for file in (await world.do("library.list", **said))["files"]]

    assert await ids() == [third.id, second.id, first.id]
    assert await ids(limit=1) == [third.id]
    assert await ids(favourite=True) == [third.id, first.id]
    assert await ids(tag="work") == [second.id]
    assert await ids(text="cat") == [third.id, second.id, first.id]
    assert await ids(text="dog") == await ids(kind="video") == []


async def test_everything_is_listed_whatever_a_page_holds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A list longer than a page is told to its end, each file once.
    """
    kept = [one.id for one in await world.keep(*(str(number) for number in range(5)))]
    whole = world.shelf.library.page
    monkeypatch.setattr(
        world.shelf.library, "page", lambda sought, *, after="": whole(sought, after=after, limit=2)
    )

    listed = await world.do("library.list", limit=0)

    assert [file["id"] for file in listed["files"]] == kept[::-1]


async def test_a_file_is_found_by_its_id_its_link_and_its_name(world: World) -> None:
    """
    Whatever a person has at hand; what is none of them is said to be so.
    """
    (kept,) = await world.keep("1")

    found = [
        (await world.do("library.show", id=said))["file"]["id"]
        for said in (kept.id, f"http://127.0.0.1:1{kept.path}", f" {kept.id.upper()}.jpg")
    ]

    assert found == [kept.id] * 3
    with pytest.raises(NotFound, match="no file"):
        await world.do("library.show", id="f" * 32)


async def test_changes_say_which_files_are_missing(world: World) -> None:
    """
    Those there are changed; the others are named as they were written.
    """
    (kept,) = await world.keep("1")

    tagged = await world.do("library.change", ids=[kept.id, "nonsense"], tag=["work"])
    removed = await world.do("library.remove", ids=[kept.id, "nonsense"])
    again = await world.do("library.remove", ids=[kept.id])
    restored = await world.do("library.restore", ids=[kept.id])

    assert tagged == removed == {"files": [kept.id], "missing": ["nonsense"]}
    assert again == {"files": [], "missing": [kept.id]}
    assert restored == {"files": [kept.id], "missing": []}
    assert (await world.do("library.show", id=kept.id))["file"]["tags"] == ["work"]
    with pytest.raises(InvalidRequest, match="not said"):
        await world.do("library.remove", ids=[])


async def test_a_new_link_makes_the_old_one_useless(world: World) -> None:
    """
    The answer has both ids; a file that is not there is named.
    """
    (kept,) = await world.keep("1")

    revoked = await world.do("library.revoke", ids=[kept.id, "nonsense"])

    (file,) = revoked["files"]
    assert (file["before"], revoked["missing"]) == (kept.id, ["nonsense"])
    assert file["id"] in file["link"] != f"http://127.0.0.1:1{kept.path}"
    assert await world.shelf.library.find(kept.id) is None


async def test_a_file_is_read_in_parts_and_in_another_format(world: World) -> None:
    """
    For who cannot read the folder: bytes from an offset on, or the whole picture as PNG.
    """
    (kept,) = await world.keep("1")

    whole = await world.do("library.read", id=kept.id)
    rest = await world.do("library.read", id=kept.id, offset=100)
    png = await world.do("library.read", id=kept.id, **{"as": "png"})

    assert base64.b64decode(whole["data"]) == picture("1")
    assert base64.b64decode(rest["data"]) == picture("1")[100:]
    assert whole["size"] == rest["size"] == kept.size
    assert base64.b64decode(png["data"]).startswith(b"\x89PNG")


async def test_tidying_says_what_went(world: World) -> None:
    """
    Files removed long ago and those above a limit; what is left is told by kind.
    """
    (kept,) = await world.keep("1")
    await world.keep("2")
    await world.do("library.remove", ids=[kept.id])
    world.shelf.clock.advance(365 * 86_400)

    told = await world.do("library.tidy")

    assert (told["purged"], told["trimmed"]) == (1, 0)
    assert told["used"]["image"]["files"] == 1


# --- in and out ---------------------------------------------------------------------------------------------


async def test_files_are_exported_with_what_is_known_of_them(world: World) -> None:
    """
    By id, by filter or all; done again, nothing is written twice.
    """
    first, _ = await world.keep("1", "2")
    target = world.folder / "out"

    one = await world.ended(await world.do("library.export", folder=str(target), ids=[first.id]))
    rest = await world.ended(await world.do("library.export", folder=str(target), all=True))
    none = world.do("library.export", folder=str(target), tag="work")

    assert (one["state"], one["counts"]["added"]) == ("done", 1)
    assert (rest["done"], rest["total"], rest["counts"]) == (2, 2, {"added": 1, "known": 1, "refused": 0})
    assert sorted(path.read_bytes() for path in target.glob("*.jpg")) == sorted([picture("1"), picture("2")])
    assert len(list(target.glob("*.json"))) == 2
    with pytest.raises(NotFound):
        await none


async def test_an_export_without_saying_what_is_refused(world: World) -> None:
    """
    Nobody gets thousands of files by a slip; a folder has to be said with its whole path.
    """
    with pytest.raises(InvalidRequest, match="not said"):
        await world.do("library.export", folder=str(world.folder))
    with pytest.raises(InvalidRequest, match="whole path"):
        await world.do("library.export", folder="out", all=True)


async def test_a_folder_of_2_0_4_is_imported(world: World) -> None:
    """
    With counts of what is new, known and no picture; one without pictures says so.
    """
    folder = world.folder / "old" / "files" / "images"
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(picture("a"))
    (folder / "b.jpg").write_bytes(b"nothing")

    first = await world.ended(await world.do("library.import", folder=str(world.folder / "old")))
    again = await world.ended(await world.do("library.import", folder=str(world.folder / "old")))
    none = await world.ended(await world.do("library.import", folder=str(world.folder / "missing")))

    assert first["counts"] == {"added": 1, "known": 0, "refused": 1}
    assert again["counts"] == {"added": 0, "known": 1, "refused": 1}
    assert (none["state"], bool(none["failure"]), bool(none["hint"])) == ("failed", True, True)


async def test_an_errand_can_be_stopped(world: World) -> None:
    """
    Also before its first step; one that nobody knows is said to be so.
    """

    async def work(_: Errand) -> None:
        await asyncio.Event().wait()

    errand = world.errands.start("Export", work)

    stopped = await world.do("library.stop", errand=errand.id)

    assert (stopped["errand"]["state"], stopped["errand"]["ended_at"] is None) == ("stopped", False)
    with pytest.raises(NotFound):
        await world.do("library.errand", errand="nonsense")


async def test_errands_end_before_what_they_work_on(world: World) -> None:
    """
    When the program quits, none goes on with a library that is closed.
    """
    ended: list[str] = []

    async def work(errand: Errand) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(errand.title)

    async with world.errands:
        running = [world.errands.start(title, work) for title in ("Export", "Import")]
        await asyncio.sleep(0)

    assert ended == ["Export", "Import"]
    assert {one.state.value for one in running} == {"stopped"}


async def test_only_the_last_errands_are_remembered(world: World) -> None:
    """
    Twenty that are over; those that run are never forgotten.
    """

    async def work(_: Errand) -> None:
        await asyncio.sleep(0)

    async def lasts(_: Errand) -> None:
        await asyncio.Event().wait()

    running = world.errands.start("Export", lasts)
    errands = [world.errands.start("Import", work) for _ in range(25)]
    await until(lambda: errands[-1].ended_at is not None)

    assert [world.errands.get(one.id) is not None for one in errands] == [False] * 5 + [True] * 20
    assert world.errands.get(running.id) is running


async def test_a_mistake_of_ours_ends_an_errand(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """
    It is told as a failure, with where to look; nobody waits for ever.
    """

    async def work(_: Errand) -> None:
        raise RuntimeError("a bug")

    told = await world.ended(errand_json(world.errands.start("Import", work)))

    assert (told["state"], told["failure"]) == ("failed", "GrokDesk made a mistake.")
    assert "a bug" in caplog.text


async def test_any_folder_of_pictures_is_imported(world: World) -> None:
    """
    Without the folders of the predecessor, what lies in it itself is taken.
    """
    folder = world.folder / "holidays"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(picture("a"))
    (folder / "notes.txt").write_text("none")

    told = await world.ended(await world.do("library.import", folder=str(folder)))

    assert (told["state"], told["counts"]) == ("done", {"added": 1, "known": 0, "refused": 0})
