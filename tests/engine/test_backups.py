"""Sealed backups of everything, and a copy of the database every day."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from grokdesk.core.errors import Broken, GrokDeskError
from grokdesk.core.notices import Bus, Notice, Trouble
from grokdesk.core.ports import Portion, Put
from grokdesk.core.secret import Secret
from grokdesk.core.settings import Live, Settings, Theme
from grokdesk.engine.backups import Backups, Daily, set_by_owner
from grokdesk.platform.sealed_file import Damaged, WeakPassphrase, sealing, unsealed
from grokdesk.platform.secrets import Cost, WrongPassphrase
from tests import make

WORDS = Secret("correct horse")
# Guessing is not what these tests are about.
CHEAP = Cost(n=16, r=1, p=1)


class ContentsInMemory:
    """A `Contents`: rows by kind and id. `fail` is raised after so many portions."""

    def __init__(self, **rows: list[dict[str, Any]]) -> None:
        self.rows = {kind: {row["id"]: row for row in kept} for kind, kept in rows.items()}
        self.fail_after: int | None = None
        self.largest = 0
        self.gate: asyncio.Event | None = None
        self.asked = asyncio.Event()

    async def portions(self) -> AsyncIterator[Portion]:
        for kind, rows in self.rows.items():
            listed = list(rows.values())
            for start in range(0, len(listed), 3):
                await self._next()
                yield Portion(kind, listed[start : start + 3])

    async def put(self, portion: Portion) -> Put:
        await self._next()
        here = self.rows.setdefault(portion.kind, {})
        self.largest = max(self.largest, len(portion.rows))
        missing = {row["id"]: row for row in portion.rows if row["id"] not in here}
        here.update(missing)
        return Put(len(missing), len(portion.rows) - len(missing))

    async def _next(self) -> None:
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fail_after == 0:
            raise Broken("The disk is full.", hint="Make room.")
        if self.fail_after:
            self.fail_after -= 1


@dataclass
class World:
    """Backups of some contents and settings."""

    contents: ContentsInMemory
    settings: dict[str, object] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    restored: int = 0
    clock: make.Clock = field(default_factory=make.Clock)

    @property
    def backups(self) -> Backups:
        return Backups(
            self.contents,
            self.clock,
            program="1.2.3",
            settings=lambda: self.settings,
            change=self.change,
            restored=self.came_back,
            cost=CHEAP,
        )

    async def change(self, changes: Mapping[str, Any]) -> None:
        if self.refused & changes.keys():
            raise Broken("gateway.port: too large")
        self.settings.update(changes)

    async def came_back(self) -> None:
        self.restored += 1


def rows(count: int, prefix: str = "a", **more: object) -> list[dict[str, Any]]:
    return [
        {"id": f"{prefix}{number}", "token": f"secret-{prefix}{number}", **more} for number in range(count)
    ]


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def full() -> World:
    """A world with something of everything."""
    return World(
        ContentsInMemory(
            accounts=rows(7), keys=rows(2, "k"), runs=[], responses=rows(4, "r", text="你好 \ud800")
        ),
        {
            "gateway.port": 4800,
            "grok_web.signer_url": "http://s",
            "storage.url": "postgres://x",
            "storage.team_key": "t",
        },
    )


async def test_a_backup_brings_everything_to_an_empty_place(tmp_path: Path) -> None:
    """
    All rows and settings; where the store is and what seals it belong to the place.
    """
    path, there = tmp_path / "all.backup", World(ContentsInMemory())
    source = full()

    written = await source.backups.write(path, WORDS)
    restored = await there.backups.restore(path, WORDS)

    assert there.contents.rows == {kind: kept for kind, kept in source.contents.rows.items() if kept}
    assert there.settings == {"gateway.port": 4800, "grok_web.signer_url": "http://s"}
    assert written.counts == {"accounts": 7, "keys": 2, "responses": 4, "settings": 2}
    assert (restored.summary.counts, restored.added, restored.known, restored.problems) == (
        written.counts,
        written.counts,
        {},
        (),
    )
    assert there.restored == 1


async def test_what_is_in_a_backup_is_told_before_anything_changes(tmp_path: Path) -> None:
    """
    How much of what, from when, and by which version.
    """
    path = tmp_path / "all.backup"
    source = full()
    await source.backups.write(path, WORDS)
    there = World(ContentsInMemory(), clock=make.Clock(make.NOW + 99))

    summary = await there.backups.read(path, WORDS)

    assert (summary.made_at, summary.program, summary.counts["accounts"]) == (make.NOW, "1.2.3", 7)
    assert (there.contents.rows, there.settings, there.restored) == ({}, {}, 0)


async def test_nothing_in_a_backup_is_in_clear(tmp_path: Path) -> None:
    """
    Neither secrets nor names, and only its owner may read it.
    """
    path = tmp_path / "all.backup"
    await full().backups.write(path, WORDS)

    assert not any(word in path.read_bytes() for word in (b"secret", b"accounts", b"port", b"1.2.3"))
    assert path.stat().st_mode & 0o777 == 0o600


async def test_restoring_erases_nothing_and_twice_adds_nothing(tmp_path: Path) -> None:
    """
    Rows and settings that are here stay as they are.
    """
    path = tmp_path / "all.backup"
    await full().backups.write(path, WORDS)
    mine = {"id": "a1", "token": "mine"}
    there = World(ContentsInMemory(accounts=[mine, {"id": "z"}]), {"gateway.port": 5000})

    first = await there.backups.restore(path, WORDS)
    second = await there.backups.restore(path, WORDS)

    assert (there.contents.rows["accounts"]["a1"], "z" in there.contents.rows["accounts"]) == (mine, True)
    assert (first.added["accounts"], first.known["accounts"]) == (6, 1)
    assert there.settings["gateway.port"] == 5000
    assert (second.added, second.known) == ({}, {"accounts": 7, "keys": 2, "responses": 4, "settings": 2})
    assert there.restored == 1


async def test_a_setting_that_is_not_possible_here_does_not_cost_the_others(tmp_path: Path) -> None:
    """
    It is named.
    """
    path, there = tmp_path / "all.backup", World(ContentsInMemory(), refused=frozenset({"gateway.port"}))
    await full().backups.write(path, WORDS)

    restored = await there.backups.restore(path, WORDS)

    assert there.settings == {"grok_web.signer_url": "http://s"}
    assert restored.problems == ("gateway.port was not restored: gateway.port: too large",)
    assert restored.added["settings"] == 1


async def test_a_backup_that_is_not_whole_restores_nothing(tmp_path: Path) -> None:
    """
    Its end is looked at before its beginning is taken.
    """
    path, there = tmp_path / "all.backup", World(ContentsInMemory())
    await World(ContentsInMemory(accounts=rows(30, text="x" * 100_000))).backups.write(path, WORDS)
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(Damaged):
        await there.backups.restore(path, WORDS)
    with pytest.raises(WrongPassphrase):
        await there.backups.restore(path, Secret("wrong horse"))

    assert (there.contents.rows, there.restored) == ({}, 0)


async def test_a_weak_passphrase_is_refused(tmp_path: Path) -> None:
    """
    Before anything is read.
    """
    world = full()
    world.contents.fail_after = 0

    with pytest.raises(WeakPassphrase):
        await world.backups.write(tmp_path / "all.backup", Secret("short"))


async def test_a_store_that_fails_leaves_the_old_backup(tmp_path: Path) -> None:
    """
    And no unfinished file.
    """
    path, world = tmp_path / "all.backup", full()
    path.write_bytes(b"old")
    world.contents.fail_after = 2

    with pytest.raises(Broken, match="disk is full"):
        await world.backups.write(path, WORDS)

    assert (path.read_bytes(), names_in(tmp_path)) == (b"old", [path.name])


async def test_a_backup_that_is_cancelled_leaves_nothing_behind(tmp_path: Path) -> None:
    """
    Wherever it was.
    """
    world = full()
    world.contents.gate = asyncio.Event()
    task = asyncio.get_running_loop().create_task(world.backups.write(tmp_path / "all.backup", WORDS))
    await world.contents.asked.wait()
    begun = names_in(tmp_path)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (len(begun), names_in(tmp_path)) == (1, [])


async def test_a_backup_that_is_cancelled_while_a_thread_works_waits_for_it(tmp_path: Path) -> None:
    """
    The key is being made then, and the file it is for is not left open or lying around.
    """
    world = full()
    slow = Backups(
        world.contents,
        world.clock,
        program="1",
        settings=dict,
        change=world.change,
        restored=world.came_back,
        cost=Cost(n=2**15, r=8, p=1),
    )
    task = asyncio.get_running_loop().create_task(slow.write(tmp_path / "all.backup", WORDS))
    for _ in range(5):
        await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (names_in(tmp_path), world.contents.asked.is_set()) == ([], False)


async def test_a_restore_that_fails_half_way_can_be_done_again(tmp_path: Path) -> None:
    """
    What came in stays and is taken up; the rest comes with the next try.
    """
    path, there = tmp_path / "all.backup", World(ContentsInMemory())
    await full().backups.write(path, WORDS)
    there.contents.fail_after = 1

    with pytest.raises(Broken):
        await there.backups.restore(path, WORDS)
    half = there.restored
    there.contents.fail_after = None
    await there.backups.restore(path, WORDS)

    assert (half, there.restored) == (1, 2)
    assert there.contents.rows.keys() == {"accounts", "keys", "responses"}


async def test_a_large_backup_comes_in_portions(tmp_path: Path) -> None:
    """
    Neither many rows nor large ones are in memory at once.
    """
    path, there = tmp_path / "all.backup", World(ContentsInMemory())
    big = rows(6, "r", text="x" * (2 << 20))
    await World(ContentsInMemory(accounts=rows(1_200), responses=big)).backups.write(path, WORDS)

    await there.backups.restore(path, WORDS)
    many = there.contents.largest
    there.contents = ContentsInMemory(accounts=rows(1_200))
    there.contents.rows["runs"] = {}
    await there.backups.restore(path, WORDS)

    assert (many, len(there.contents.rows["responses"])) == (500, 6)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "not a backup"),
        ([{"format": "something"}], "not a backup"),
        (["text"], "not a backup"),
        ([{"format": "grokdesk-backup", "version": 2, "made_at": 1, "program": "9"}], "newer"),
        (
            [{"format": "grokdesk-backup", "version": 1, "made_at": 1, "program": "1"}, {"kind": 5}],
            "not a backup",
        ),
    ],
)
async def test_another_sealed_file_is_not_restored(tmp_path: Path, lines: list[object], words: str) -> None:
    """
    It has the right passphrase and the wrong content.
    """
    path = tmp_path / "other"
    with sealing(path, WORDS, cost=CHEAP) as file:
        file.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))

    with pytest.raises(Broken, match=words):
        await full().backups.read(path, WORDS)
    with pytest.raises(Broken, match=words):
        await full().backups.restore(path, WORDS)


async def test_a_backup_is_lines_of_json(tmp_path: Path) -> None:
    """
    The form on disk: a head, then a row a line.
    """
    path = tmp_path / "all.backup"
    await World(ContentsInMemory(keys=rows(1, "k")), {"gateway.port": 1}).backups.write(path, WORDS)

    lines = [json.loads(line) for line in b"".join(unsealed(path, WORDS)).splitlines()]

    assert lines == [
        {"format": "grokdesk-backup", "version": 1, "made_at": make.NOW, "program": "1.2.3"},
        {"kind": "settings", "row": {"name": "gateway.port", "value": 1}},
        {"kind": "keys", "row": {"id": "k0", "token": "secret-k0"}},
    ]


def test_what_the_owner_has_set_is_what_differs() -> None:
    """
    As JSON has it.
    """
    settings = Settings.model_validate({"gateway": {"port": 5000}, "appearance": {"theme": Theme.DARK}})

    assert set_by_owner(settings) == {"gateway.port": 5000, "appearance.theme": "dark"}
    assert set_by_owner(Settings()) == {}


# --- every day ----------------------------------------------------------------------------------------------

DAY_S = 86_400.0


class Copier:
    """Copies a database that is one word. `fail` is raised after half of it is written."""

    def __init__(self) -> None:
        self.made = 0
        self.fail: BaseException | None = None

    async def __call__(self, path: Path) -> None:
        self.write(path, "half")
        if self.fail is not None:
            raise self.fail
        self.made += 1
        self.write(path, f"copy {self.made}")

    def write(self, path: Path, text: str) -> None:
        path.write_text(text)


@dataclass
class Days:
    """A folder with daily copies."""

    folder: Path
    keep: int = 7
    clock: make.Clock = field(default_factory=make.Clock)
    copier: Copier = field(default_factory=Copier)
    told: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bus = Bus()
        self.bus.subscribe(self.told.append)
        self.live = Live(Settings.model_validate({"storage": {"daily_backups": self.keep}}))
        self.daily = Daily(self.copier, self.folder, self.live, self.bus, self.clock)

    @property
    def names(self) -> list[str]:
        return names_in(self.folder)

    def name(self, days: float = 0) -> str:
        date = datetime.fromtimestamp(make.NOW + days * DAY_S).astimezone().date()
        return f"daily-{date.isoformat()}.db"


async def test_a_copy_is_made_at_start_and_then_once_a_day(tmp_path: Path) -> None:
    """
    However often it is looked, and also when the machine slept for days.
    """
    days = Days(tmp_path)

    made = [await days.daily.look(), await days.daily.look()]
    days.clock.advance(DAY_S)
    made += [await days.daily.look(), await days.daily.look()]
    days.clock.advance(5 * DAY_S)
    made += [await days.daily.look()]

    assert [one and one.name for one in made] == [days.name(), None, days.name(1), None, days.name(6)]
    assert (days.names, days.told) == ([days.name(), days.name(1), days.name(6)], [])


async def test_another_start_on_the_same_day_makes_no_second_copy(tmp_path: Path) -> None:
    """
    The file says that it was made.
    """
    await Days(tmp_path).daily.look()

    assert await Days(tmp_path).daily.look() is None


async def test_only_the_newest_copies_are_kept(tmp_path: Path) -> None:
    """
    Other files in the folder are not ours to remove.
    """
    days = Days(tmp_path, keep=3)
    for name in ("grokdesk-before-m002.db", "daily-mine.db", "notes.txt"):
        (tmp_path / name).write_text("x")

    for _ in range(6):
        await days.daily.look()
        days.clock.advance(DAY_S)

    assert days.names == sorted(
        [days.name(3), days.name(4), days.name(5), "grokdesk-before-m002.db", "daily-mine.db", "notes.txt"]
    )


async def test_a_clock_that_was_wrong_does_not_cost_todays_copy(tmp_path: Path) -> None:
    """
    Copies dated in the future count among those that are kept, and today's stays.
    """
    days = Days(tmp_path, keep=2)
    for year in (2090, 2091, 2092):
        (tmp_path / f"daily-{year}-01-01.db").write_text("x")

    await days.daily.look()

    assert days.names == sorted([days.name(), "daily-2092-01-01.db"])


async def test_no_copies_are_made_when_none_are_wanted(tmp_path: Path) -> None:
    """
    Those that are there stay.
    """
    days = Days(tmp_path, keep=0)
    (tmp_path / "daily-2020-01-01.db").write_text("x")

    assert await days.daily.look() is None
    assert days.names == ["daily-2020-01-01.db"]


@pytest.mark.parametrize(
    ("failure", "hint"),
    [
        (Broken("The disk is full.", hint="Make room."), "Make room."),
        (OSError(28, "No space left"), "Check that the disk is not full. It is tried again in an hour."),
    ],
)
async def test_a_copy_that_fails_is_told_and_tried_again(
    tmp_path: Path, failure: GrokDeskError | OSError, hint: str, caplog: pytest.LogCaptureFixture
) -> None:
    """
    After an hour, not at every look; nothing half is left, older copies stay, and success takes it back.
    """
    days = Days(tmp_path, keep=1)
    await days.daily.look()
    days.clock.advance(DAY_S)
    days.copier.fail = failure

    await days.daily.look()
    days.clock.advance(3_000)
    days.copier.fail = None
    early = await days.daily.look()
    names = days.names
    days.clock.advance(700)
    late = await days.daily.look()

    assert (early, names, late and late.name, days.names) == (
        None,
        [days.name()],
        days.name(1),
        [days.name(1)],
    )
    assert days.told == [
        Trouble("backups", "Today's backup could not be made.", hint),
        Trouble("backups", ""),
    ]
    assert [record.levelname for record in caplog.records if "daily" in record.message] == ["ERROR"]
    caplog.clear()


async def test_what_a_crash_left_is_cleared_away(tmp_path: Path) -> None:
    """
    An unfinished copy is no copy.
    """
    days = Days(tmp_path)
    for name in ("daily-2026-09-01.part", "daily-2026-09-02.new"):
        (tmp_path / name).write_text("half")

    await days.daily.look()

    assert days.names == [days.name()]


async def test_a_copy_that_is_cancelled_leaves_nothing_half(tmp_path: Path) -> None:
    """
    The next start makes it.
    """
    days = Days(tmp_path)
    days.copier.fail = asyncio.CancelledError()

    with pytest.raises(asyncio.CancelledError):
        await days.daily.look()

    assert days.names == []


async def test_a_daily_copy_is_for_its_owner_only(tmp_path: Path) -> None:
    """
    Whoever made the file.
    """
    days = Days(tmp_path)

    made = await days.daily.look()

    assert made is not None
    assert (made.stat().st_mode & 0o777, made.read_text()) == (0o600, "copy 1")


async def test_copies_are_made_while_the_program_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Beginning at once; one that fails does not end it.
    """
    days = Days(tmp_path)
    days.copier.fail = Broken("The disk is full.")
    told = asyncio.Event()
    days.bus.subscribe(lambda _: told.set())
    task = asyncio.get_running_loop().create_task(days.daily.run())

    await told.wait()
    await asyncio.sleep(0)
    running = not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (running, days.names) == (True, [])
    caplog.clear()
