"""Backups: a sealed file with everything, made when the owner asks, and a copy of the database every day.

A sealed backup opens with its passphrase anywhere. A daily copy is the database as it is, its secrets sealed
with the master key, so it is of use where that key is (`platform/database_file.py` puts it back).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from grokdesk.core.errors import Broken, GrokDeskError
from grokdesk.core.notices import Bus, Trouble
from grokdesk.core.ports import Clock, Contents, Portion
from grokdesk.core.secret import Secret
from grokdesk.core.settings import Live, Settings
from grokdesk.platform.paths import restrict, sync_folder
from grokdesk.platform.sealed_file import SealedFile, check_passphrase, sealing, unsealed
from grokdesk.platform.secrets import COST, Cost
from grokdesk.platform.tasks import offload, owned

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_FORMAT: Final = "grokdesk-backup"
_VERSION: Final = 1
_SETTINGS: Final = "settings"
# Where the store is and what seals it is no content of it.
_NOT_CONTENT: Final = frozenset({"storage.url", "storage.team_key"})
_MOST_ROWS: Final = 500
_MOST_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Summary:
    """What is in a backup: how many rows of each kind, when it was made and by which version."""

    made_at: float
    program: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back from a backup and what was there already, by kind. `problems` are sentences."""

    summary: Summary
    added: Mapping[str, int]
    known: Mapping[str, int]
    problems: tuple[str, ...] = ()


class Backups:
    """Sealed backups of `contents` and of the settings.

    `settings` gives what the owner has set, by dotted name; `change` sets more and raises `GrokDeskError` for
    what is not possible; `restored` is called when rows have come back, so that what is in memory follows.
    `cost` is that of guessing a passphrase.
    """

    def __init__(
        self,
        contents: Contents,
        clock: Clock,
        *,
        program: str,
        settings: Callable[[], Mapping[str, object]],
        change: Callable[[Mapping[str, Any]], Awaitable[None]],
        restored: Callable[[], Awaitable[None]],
        cost: Cost = COST,
    ) -> None:
        self._contents = contents
        self._clock = clock
        self._program = program
        self._settings = settings
        self._change = change
        self._restored = restored
        self._cost = cost

    async def write(self, path: Path, passphrase: Secret) -> Summary:
        """Write everything into a sealed file.

        A crash or an error leaves what was at `path`. Raises `WeakPassphrase`, and `Broken` when reading or
        writing fails.
        """
        check_passphrase(passphrase)
        made_at = self._clock.now()
        head = {"format": _FORMAT, "version": _VERSION, "made_at": made_at, "program": self._program}
        counts: Counter[str] = Counter()
        async with _sealing(path, passphrase, self._cost) as file:
            await _carried_out(file.write, _line(head))
            async for portion in self._portions():
                await _carried_out(_write, file, portion)
                counts[portion.kind] += len(portion.rows)
        log.info("backup written rows=%d kinds=%d", counts.total(), len(counts))
        return Summary(made_at, self._program, counts)

    async def _portions(self) -> AsyncIterator[Portion]:
        values = {name: value for name, value in self._settings().items() if name not in _NOT_CONTENT}
        yield Portion(_SETTINGS, [{"name": name, "value": value} for name, value in values.items()])
        async for portion in self._contents.portions():
            yield portion

    async def read(self, path: Path, passphrase: Secret) -> Summary:
        """Say what is in a backup; changes nothing, and reads all of it.

        Raises `NotSealed`, `WrongPassphrase`, `Damaged`, and `Broken` for a file that is no backup.
        """
        return await offload(_summary, path, passphrase)

    async def restore(self, path: Path, passphrase: Secret) -> Restored:
        """Add what is missing here and in the backup; what is here stays, and doing it again adds nothing.

        Nothing is added from a file that is not whole. Raises what `read` raises, and `Broken` when the store
        fails; then the same can be done again.
        """
        summary = await self.read(path, passphrase)
        added: Counter[str] = Counter()
        known: Counter[str] = Counter()
        values: dict[str, Any] = {}
        portions = _portions(path, passphrase)
        try:
            while (portion := await _carried_out(next, portions, None)) is not None:
                if portion.kind == _SETTINGS:
                    values |= {str(row["name"]): row["value"] for row in portion.rows}
                    continue
                put = await self._contents.put(portion)
                added[portion.kind] += put.added
                known[portion.kind] += put.known
        finally:
            portions.close()
            if added.total():
                await self._restored()
        taken, problems = await self._take_settings(values)
        added[_SETTINGS] += taken
        known[_SETTINGS] += len(values) - taken - len(problems)
        log.info("backup restored added=%d known=%d", added.total(), known.total())
        return Restored(summary, +added, +known, problems)

    async def _take_settings(self, values: Mapping[str, Any]) -> tuple[int, tuple[str, ...]]:
        """Set what is not set here; one that is not possible here does not cost the others."""
        here = _NOT_CONTENT | self._settings().keys()
        missing = {name: value for name, value in values.items() if name not in here}
        if not missing:
            return 0, ()
        # Some are only right together, such as an address and what it needs.
        with suppress(GrokDeskError):
            await self._change(missing)
            return len(missing), ()
        problems: list[str] = []
        for name, value in missing.items():
            try:
                await self._change({name: value})
            except GrokDeskError as error:
                problems.append(f"{name} was not restored: {error.message}")
        return len(missing) - len(problems), tuple(problems)


def set_by_owner(settings: Settings) -> dict[str, object]:
    """The settings that differ from their defaults, by dotted name, as JSON has them."""
    default = Settings().model_dump(mode="json")
    return {
        f"{section}.{name}": value
        for section, values in settings.model_dump(mode="json").items()
        for name, value in values.items()
        if value != default[section][name]
    }


# --- the file -----------------------------------------------------------------------------------------------


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _write(file: SealedFile, portion: Portion) -> None:
    for row in portion.rows:
        file.write(_line({"kind": portion.kind, "row": row}))


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of a backup and how long it is."""

    kind: str
    row: dict[str, Any] = field(repr=False)
    size_bytes: int


def _opened(path: Path, passphrase: Secret) -> tuple[Summary, Generator[_Row, None, None]]:
    """What the head of a backup says, without counts, and the rows behind it."""
    lines = _lines(unsealed(path, passphrase))
    head = _parsed(next(lines, b""))
    try:
        known, newer = head["format"] == _FORMAT, int(head["version"]) > _VERSION
        summary = Summary(float(head["made_at"]), str(head["program"]), {})
    except (ValueError, KeyError, TypeError) as error:
        raise _no_backup() from error
    if not known:
        raise _no_backup()
    if newer:
        raise Broken("The backup was made by a newer GrokDesk.", hint="Update GrokDesk, then try again.")
    return summary, _rows(lines)


def _rows(lines: Iterator[bytes]) -> Generator[_Row, None, None]:
    for line in lines:
        value = _parsed(line)
        kind, row = value.get("kind"), value.get("row")
        if not isinstance(kind, str) or not isinstance(row, dict):
            raise _no_backup()
        yield _Row(kind, row, len(line))


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _no_backup() from error
    if not isinstance(value, dict):
        raise _no_backup()
    return value


def _no_backup() -> Broken:
    return Broken("This sealed file is not a backup of GrokDesk.", hint="Choose another file.")


def _lines(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    waiting: list[bytes] = []
    for piece in pieces:
        first, *rest = piece.split(b"\n")
        waiting.append(first)
        for following in rest:
            yield b"".join(waiting)
            waiting = [following]
    if any(waiting):
        yield b"".join(waiting)


def _summary(path: Path, passphrase: Secret) -> Summary:
    summary, rows = _opened(path, passphrase)
    return replace(summary, counts=Counter(row.kind for row in rows))


def _portions(path: Path, passphrase: Secret) -> Generator[Portion, None, None]:
    """The rows of a backup in portions of one kind, neither many nor large."""
    _, rows = _opened(path, passphrase)
    for kind, run in groupby(rows, key=lambda row: row.kind):
        gathered: list[dict[str, Any]] = []
        size_bytes = 0
        for row in run:
            gathered.append(row.row)
            size_bytes += row.size_bytes
            if len(gathered) == _MOST_ROWS or size_bytes > _MOST_BYTES:
                yield Portion(kind, gathered)
                gathered, size_bytes = [], 0
        if gathered:
            yield Portion(kind, gathered)


@asynccontextmanager
async def _sealing(path: Path, passphrase: Secret, cost: Cost) -> AsyncIterator[SealedFile]:
    """`sealing`, entered and left off the loop."""
    block = ExitStack()
    try:
        yield await _carried_out(block.enter_context, sealing(path, passphrase, cost=cost))
    except BaseException as error:
        await _carried_out(block.__exit__, type(error), error, error.__traceback__)
        raise
    await _carried_out(block.close)


async def _carried_out(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Offload `work`; when cancelled, wait until it has ended, so that nothing else touches its file."""
    task = owned(offload(work, *args, **kwargs), name="backup")
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


# --- every day ----------------------------------------------------------------------------------------------

_DAILY: Final = re.compile(r"daily-\d{4}-\d{2}-\d{2}\.db")
_UNFINISHED: Final = ".new"
_LOOK_S: Final = 300.0
_AGAIN_S: Final = 3_600.0
_TROUBLE: Final = "backups"


class Daily:
    """Copies the database once a day and keeps the newest copies, as the settings say.

    `copy_to` writes a copy, whole or not at all. The day is that of the calendar here, looked
    at every few minutes: a timer for a day would stand still while the machine sleeps.
    """

    def __init__(
        self, copy_to: Callable[[Path], Awaitable[None]], folder: Path, live: Live, bus: Bus, clock: Clock
    ) -> None:
        self._copy_to = copy_to
        self._folder = folder
        self._live = live
        self._bus = bus
        self._clock = clock
        self._failed_at: float | None = None

    async def run(self) -> None:
        """Make copies until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_S)

    async def look(self) -> Path | None:
        """Make today's copy if it is due; returns it when one was made.

        What fails is told as a trouble, taken back with the next copy, and tried again after an hour.
        """
        keep = self._live.now.storage.daily_backups
        failed_at = self._failed_at
        if not keep or (failed_at is not None and self._clock.monotonic() < failed_at + _AGAIN_S):
            return None
        today = datetime.fromtimestamp(self._clock.now()).astimezone().date()
        target = self._folder / f"daily-{today.isoformat()}.db"
        try:
            if await offload(target.exists):
                return None
            await self._make(target)
            await offload(_prune, self._folder, target, keep)
        except (GrokDeskError, OSError) as error:
            self._failed(error)
            return None
        if failed_at is not None:
            self._failed_at = None
            self._bus.publish(Trouble(_TROUBLE, ""))
        log.info("daily backup made name=%s", target.name)
        return target

    async def _make(self, target: Path) -> None:
        part = target.with_suffix(_UNFINISHED)
        await offload(_clear_unfinished, self._folder)
        try:
            await self._copy_to(part)
            await offload(_put_in_place, part, target)
        finally:
            await offload(part.unlink, missing_ok=True)

    def _failed(self, error: GrokDeskError | OSError) -> None:
        hint, detail = "", str(error)
        if isinstance(error, GrokDeskError):
            hint, detail = error.hint, error.detail or error.message
        log.error("daily backup failed reason=%s", detail)
        self._failed_at = self._clock.monotonic()
        hint = hint or "Check that the disk is not full. It is tried again in an hour."
        self._bus.publish(Trouble(_TROUBLE, "Today's backup could not be made.", hint))


def _clear_unfinished(folder: Path) -> None:
    # What a crash left: of ours, and of `copy_to`.
    for end in (_UNFINISHED, ".part"):
        for left in folder.glob(f"daily-*{end}"):
            left.unlink(missing_ok=True)


def _put_in_place(part: Path, target: Path) -> None:
    restrict(part)
    handle = os.open(part, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    part.replace(target)
    sync_folder(target.parent)


def _prune(folder: Path, made: Path, keep: int) -> None:
    """Remove all but the newest copies; the one just made stays, whatever a wrong clock dated others."""
    copies = sorted((one for one in folder.iterdir() if _DAILY.fullmatch(one.name)), reverse=True)
    others = [one for one in copies if one != made]
    for old in others[keep - 1 :]:
        old.unlink(missing_ok=True)
