"""The library: pictures and films that were made, or that the owner brought, and what is known of them.

A content lies on disk under its hash (platform/media_files.py); each time it was made there is a row about it
(core/library.py). A file gets its name before its row, and loses it before its row: a crash between the two
leaves a file that is listed again at the next start, or a row that is dropped then.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from weakref import WeakValueDictionary

from grokdesk.core import mp4
from grokdesk.core.errors import (
    AccountRejected,
    Broken,
    Challenged,
    Garbled,
    InvalidRequest,
    NotFound,
    Refused,
    Undelivered,
    UpstreamError,
)
from grokdesk.core.library import PAGE, Change, MediaStore, Page, Sought, Used
from grokdesk.core.media import Artifact, Kept, Kind, Origin, Trace
from grokdesk.core.notices import Bus, LibraryChanged
from grokdesk.core.ports import Clock, Download, OpenDownload
from grokdesk.core.settings import Live
from grokdesk.platform import media_files, pictures
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.media_files import Incoming, MediaFiles, Stored
from grokdesk.platform.tasks import Uncancelled, offload, owned

log = logging.getLogger(__name__)

T = TypeVar("T")

PAUSES_S: Final = (0.2, 0.75)
_EVERYTHING: Final = Sought()
_UNKNOWN: Final = Origin()
_MB: Final = 1 << 20
# What a trimmed library is brought down to, of its limit (protocol/grok-web-media.md §7.1).
_TRIMMED: Final = 0.6
_DAY_S: Final = 86_400
_LOOK_S: Final = 3_600.0
_AT_ONCE: Final = 200
_EVERY_ONE: Final = 1_000_000
# A disk is asked to write so much at a time, whatever the pieces of the network.
_PIECE: Final = 1 << 17
_LARGEST: Final = {Kind.IMAGE: 64 * _MB, Kind.VIDEO: 2_048 * _MB}
_LARGEST_THUMBNAIL: Final = 8 * _MB
_THUMBNAIL_S: Final = 10.0
# Decoded, a large picture takes 200 MB.
_DECODED_AT_ONCE: Final = 2
_LONGEST_TAG: Final = 40
# Windows has no calendar behind the year 3000, and a time that cannot be written as a date breaks every list.
LAST_MOMENT: Final = 32_503_000_000.0
_MOST_TAGS: Final = 20
# Fetching again with the same account and way out would end the same.
_FINAL: Final = (AccountRejected, Challenged, Refused)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a content is."""

    kind: Kind
    media_type: str
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    thumbnail: bytes = b""


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A content that is on the disk and has no name yet."""

    incoming: Incoming
    digest: str
    found: _Found


class Library:
    """Keeps files, finds them, and lets the oldest go. A `Keeps` (core/ports.py).

    Enter it before use; `upkeep` runs as long as the program does. Every method may raise `Broken`.
    """

    def __init__(
        self,
        store: MediaStore,
        files: MediaFiles,
        live: Live,
        bus: Bus,
        clock: Clock,
        deadlines: Deadlines,
        *,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._store = store
        self._files = files
        self._live = live
        self._bus = bus
        self._clock = clock
        self._deadlines = deadlines
        self._pauses_s = pauses_s
        self._decoding = asyncio.Semaphore(_DECODED_AT_ONCE)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._readers: Counter[str] = Counter()
        self._uncancelled = Uncancelled("library")
        self._wake = asyncio.Event()

    async def __aenter__(self) -> Self:
        await offload(self._files.prepare)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._uncancelled.ended()

    # -- keeping

    async def keep(self, artifact: Artifact, origin: Origin, download: OpenDownload) -> Kept:
        """Put what was made into the library, fetching what did not come with the answer by `download`.

        What fails or ends early is fetched again twice. Raises `Undelivered` when the file cannot be had,
        `Broken` when it cannot be stored. Once all of it is here it is kept, also when nobody waits any more.
        """
        arrived = await self._delivered(artifact, download)
        found = arrived.found
        kept = self._new(arrived, origin, artifact.trace, self._clock.now(), adult=artifact.adult)
        kept = replace(
            kept,
            width=found.width or artifact.width,
            height=found.height or artifact.height,
            seconds=found.seconds or artifact.seconds,
        )
        kept = await self._to_its_end(self._placed(arrived, kept))
        if artifact.thumbnail_url and not kept.thumbnail:
            kept = await self._with_thumbnail(kept, artifact.thumbnail_url, download)
        return kept

    async def add_file(
        self, content: bytes | Path, origin: Origin = _UNKNOWN, *, created_at: float | None = None
    ) -> Kept:
        """Put a file of the owner into the library; a path is copied.

        Raises `InvalidRequest` for what is no picture or film, or cannot be read.
        """
        arrived = await self._taken_in(content)
        at = self._clock.now() if created_at is None else created_at
        return await self._to_its_end(self._placed(arrived, self._new(arrived, origin, Trace(), at)))

    async def bring(
        self,
        path: Path,
        origin: Origin,
        *,
        created_at: float,
        adult: bool = False,
        favourite: bool = False,
        tags: Iterable[str] = (),
    ) -> Kept | None:
        """The same for one file of many: None when this content is here already."""
        its_tags = _tags(tags)
        arrived = await self._taken_in(path)
        kept = self._new(arrived, origin, Trace(), created_at, adult=adult)
        kept = replace(kept, favourite=favourite, tags=its_tags)
        return await self._to_its_end(self._placed_once(arrived, kept))

    async def fetch(
        self, artifact: Artifact, origin: Origin, download: OpenDownload, *, created_at: float
    ) -> Kept | None:
        """As `keep`, for what was made at another time: None when this content is here already."""
        arrived = await self._delivered(artifact, download)
        kept = self._new(arrived, origin, artifact.trace, created_at)
        return await self._to_its_end(self._placed_once(arrived, kept))

    async def _taken_in(self, content: bytes | Path) -> _Arrived:
        incoming = self._files.incoming()
        try:
            if isinstance(content, Path):
                await offload(incoming.add_all, content)
            else:
                await offload(incoming.add, content)
        except OSError as error:
            incoming.discard()
            raise InvalidRequest(
                "The file cannot be read.",
                hint="Check that it exists and that you may read it.",
                detail=str(error),
            ) from error
        except BaseException:
            incoming.discard()
            raise
        return await self._examined(incoming)

    def _new(
        self, arrived: _Arrived, origin: Origin, trace: Trace, at: float, *, adult: bool = False
    ) -> Kept:
        found = arrived.found
        return Kept(
            id=secrets.token_hex(16),
            kind=found.kind,
            digest=arrived.digest,
            media_type=found.media_type,
            size=arrived.incoming.size,
            created_at=min(max(at, 0.0), LAST_MOMENT),
            width=found.width,
            height=found.height,
            seconds=found.seconds,
            origin=origin,
            trace=trace,
            adult=adult,
            thumbnail=bool(found.thumbnail),
        )

    async def _placed(self, arrived: _Arrived, kept: Kept) -> Kept:
        async with self._alone(kept.digest):
            await self._written_down(arrived, kept)
        return kept

    async def _placed_once(self, arrived: _Arrived, kept: Kept) -> Kept | None:
        """The same, unless this content is here already."""
        async with self._alone(kept.digest):
            try:
                known = await self._store.alike(kept.digest)
            except Broken:
                arrived.incoming.discard()
                raise
            if known:
                arrived.incoming.discard()
                return None
            await self._written_down(arrived, kept)
        return kept

    async def _written_down(self, arrived: _Arrived, kept: Kept) -> None:
        fresh = False
        try:
            fresh = await offload(self._files.put, arrived.incoming, kept)
            if arrived.found.thumbnail:
                await offload(self._files.put_thumbnail, kept.digest, arrived.found.thumbnail)
            await self._store.add([kept])
        except Broken:
            arrived.incoming.discard()
            if fresh:
                await offload(self._files.remove, kept)
            raise
        log.info(
            "file kept id=%s kind=%s size=%d request=%s", kept.id, kept.kind, kept.size, kept.origin.request
        )
        self._changed([kept.id])
        self._wake.set()

    # -- fetching

    async def _delivered(self, artifact: Artifact, download: OpenDownload) -> _Arrived:
        if artifact.data:
            try:
                arrived = await self._taken_in(artifact.data)
            except InvalidRequest as error:
                if not artifact.url:
                    raise _undelivered(artifact.kind, error) from error
                log.warning("what came with the answer cannot be read, fetching it reason=%s", error.detail)
            else:
                return arrived
        for pause_s in (*self._pauses_s, None):
            try:
                return await self._fetched(artifact.kind, artifact.url, download)
            except (UpstreamError, InvalidRequest) as error:
                if pause_s is None or isinstance(error, (*_FINAL, InvalidRequest)):
                    raise _undelivered(artifact.kind, error) from error
                log.info("download failed, once more why=%s detail=%s", error.message, error.detail)
            await self._deadlines.sleep(pause_s)
        raise AssertionError("the last try returns or raises")

    async def _fetched(self, kind: Kind, url: str, download: OpenDownload) -> _Arrived:
        incoming = self._files.incoming()
        try:
            async with download(url) as arriving:
                await _written(arriving, incoming, _LARGEST[kind])
        except BaseException:
            incoming.discard()
            raise
        try:
            arrived = await self._examined(incoming)
        except InvalidRequest as error:
            raise Garbled(
                f"What came is no whole {_WORDS[kind]}.", detail=error.detail or error.message
            ) from error
        if arrived.found.kind is not kind:
            incoming.discard()
            raise Garbled(f"What came is no {_WORDS[kind]}.", detail=arrived.found.media_type)
        return arrived

    async def _examined(self, incoming: Incoming) -> _Arrived:
        """Bring a content to the disk and find out what it is. Raises `InvalidRequest`."""
        try:
            digest = await offload(incoming.finish)
            return _Arrived(incoming, digest, await self._found(incoming.path, incoming.size))
        except BaseException:
            incoming.discard()
            raise

    async def _found(self, path: Path, size: int) -> _Found:
        return await self._decoded(lambda: _found(path, size))

    async def _decoded(self, work: Callable[[], T]) -> T:
        """Do `work`, which decodes a picture, in its turn.

        A thread cannot be stopped: its turn lasts until it has ended, also when nobody waits any more.
        """
        await self._decoding.acquire()

        async def turn() -> T:
            try:
                return await offload(work)
            finally:
                self._decoding.release()

        return await self._to_its_end(turn())

    async def _with_thumbnail(self, kept: Kept, url: str, download: OpenDownload) -> Kept:
        """The file with the small picture upstream has of it; as it is when that cannot be had in time."""
        fetching = owned(self._small(url, download), name="thumbnail")
        try:
            await self._deadlines.wait(fetching, _THUMBNAIL_S)
        finally:
            if not fetching.done():
                fetching.cancel()
                await asyncio.gather(fetching, return_exceptions=True)
        try:
            small = fetching.result()
        except (UpstreamError, InvalidRequest) as error:
            log.info("no thumbnail id=%s why=%s", kept.id, error.message)
            return kept
        except asyncio.CancelledError:
            log.info("no thumbnail in time id=%s", kept.id)
            return kept
        return await self._to_its_end(self._shown_by(kept, small))

    async def _small(self, url: str, download: OpenDownload) -> bytes:
        data = bytearray()
        async with download(url) as arriving:
            async for piece in arriving.chunks:
                data += piece
                if len(data) > _LARGEST_THUMBNAIL:
                    raise Garbled("The small picture is too large.")
        return await self._decoded(lambda: pictures.thumbnail(bytes(data)))

    async def _shown_by(self, kept: Kept, small: bytes) -> Kept:
        async with self._alone(kept.digest):
            if await self._store.get(kept.id) is None:
                return kept
            await offload(self._files.put_thumbnail, kept.digest, small)
            await self._store.has_thumbnail(kept.id, is_there=True)
        self._changed([kept.id])
        return replace(kept, thumbnail=True)

    # -- finding and reading

    async def find(self, file_id: str) -> Kept | None:
        """The file that a link names; None when there is none, or it was removed."""
        kept = await self._store.get(file_id)
        return kept if kept is not None and kept.removed_at is None else None

    async def page(self, sought: Sought = _EVERYTHING, *, after: str = "", limit: int = PAGE) -> Page:
        """The next files of the list, the newest first. Raises `InvalidRequest` for an unknown `after`."""
        return await self._store.page(sought, after=after, limit=limit)

    async def each(self, sought: Sought = _EVERYTHING) -> AsyncIterator[Kept]:
        """All files that are sought, the newest first, read page by page."""
        after = ""
        while True:
            page = await self.page(sought, after=after)
            for kept in page.files:
                yield kept
            after = page.after
            if not after:
                return

    async def count(self, sought: Sought = _EVERYTHING) -> int:
        """How many files are sought."""
        return await self._store.count(sought)

    async def used(self) -> dict[Kind, Used]:
        """What each kind takes on the disk."""
        return await self._store.used()

    def path(self, kept: Kept) -> Path:
        """Where the content is. Whoever opens it does so inside `reading`."""
        return self._files.path(kept)

    @contextmanager
    def reading(self, kept: Kept) -> Iterator[Path]:
        """Hold a file while it is read, so that it is not deleted meanwhile. It may be gone already."""
        self._readers[kept.digest] += 1
        try:
            yield self._files.path(kept)
        finally:
            self._readers[kept.digest] -= 1
            if not self._readers[kept.digest]:
                del self._readers[kept.digest]

    async def read(self, kept: Kept) -> bytes:
        """The content. Raises `NotFound` when it is gone."""
        with self.reading(kept) as path:
            try:
                return await offload(path.read_bytes)
            except FileNotFoundError as error:
                raise _gone() from error
            except OSError as error:
                raise _unreadable(error) from error

    @asynccontextmanager
    async def open_range(
        self, kept: Kept, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The content from byte `start` up to but without `stop`, in pieces of at most 128 KiB.

        Raises `NotFound` when it is gone.
        """
        with self.reading(kept) as path:
            try:
                file = await offload(path.open, "rb")
            except FileNotFoundError as error:
                raise _gone() from error
            except OSError as error:
                raise _unreadable(error) from error

            async def pieces() -> AsyncIterator[bytes]:
                left = (kept.size if stop is None else stop) - start
                while left > 0 and (piece := await offload(file.read, min(_PIECE, left))):
                    left -= len(piece)
                    yield piece

            try:
                file.seek(start)
                yield pieces()
            finally:
                file.close()

    async def thumbnail(self, kept: Kept) -> bytes | None:
        """A small JPEG of a file; made again when it got lost. None for a film that has none."""
        small = (await self.thumbnails([kept]))[kept.id]
        if small is not None or kept.kind is not Kind.IMAGE:
            return small
        try:
            data = await self.read(kept)
            small = await self._decoded(lambda: pictures.thumbnail(data))
        except (NotFound, InvalidRequest):
            return None
        await self._to_its_end(self._shown_by(kept, small))
        return small

    async def thumbnails(self, files: Iterable[Kept]) -> dict[str, bytes | None]:
        """The small JPEGs there are, by id."""
        wanted = [(one.id, self._files.thumbnail_path(one.digest)) for one in files]
        return await offload(lambda: {file_id: _content(path) for file_id, path in wanted})

    async def converted(self, data: bytes, kind: pictures.Form, *, quality: int = 90) -> bytes:
        """A picture as `png`, `jpeg` or `webp`. Raises `InvalidRequest` when it cannot be read."""
        return await self._decoded(lambda: pictures.converted(data, kind, quality))

    # -- what the owner does

    async def change(self, ids: Collection[str], change: Change) -> list[str]:
        """Mark as favourite, tag; returns the ids of the files there are.

        Raises `InvalidRequest` for a tag that cannot be one.
        """
        change = replace(change, tag=_tags(change.tag), untag=_tags(change.untag))
        changed = await self._store.change(ids, change)
        self._changed(changed)
        return changed

    async def remove(self, ids: Collection[str]) -> list[str]:
        """Take files out; `restore` undoes it for `media.keep_removed_days`. Returns which were there."""
        removed = await self._store.remove(ids, self._clock.now())
        self._changed(removed)
        self._wake.set()
        return removed

    async def restore(self, ids: Collection[str]) -> list[str]:
        """Take removals back; returns which could be."""
        restored = await self._store.restore(ids)
        self._changed(restored)
        return restored

    async def revoke(self, file_id: str) -> Kept:
        """Give a file a new id, so that its old link opens nothing any more. Raises `NotFound`."""
        renamed = await self._store.rename(file_id, secrets.token_hex(16))
        if renamed is None:
            raise NotFound("There is no such file.")
        self._changed([file_id, renamed.id])
        return renamed

    # -- letting go

    async def upkeep(self) -> None:
        """Put right what a crash left, then delete what is due, for ever."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None

        def look_again() -> None:
            nonlocal timer
            self._wake.set()
            timer = loop.call_later(_LOOK_S, look_again)

        look_again()
        self._live.subscribe(lambda _old, _new: self._wake.set())
        try:
            await self._guarded(self.put_right)
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._guarded(self.purge)
                await self._guarded(self.trim)
        finally:
            if timer is not None:
                timer.cancel()

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        try:
            await work()
        except Broken as error:
            log.warning("upkeep of the library failed why=%s detail=%s", error.message, error.detail)
        except OSError as error:
            log.warning("upkeep of the library failed errno=%s path=%s", error.errno, error.filename)

    async def trim(self) -> int:
        """Delete the oldest files of a kind that is above its limit, down to 60 % of it; returns how many.

        Never favourites, what is being read, and what was added last.
        """
        gone: list[str] = []
        for kind, too_much in (await self._too_much()).items():
            freed = await self._trimmed(kind, too_much)
            log.info("library trimmed kind=%s files=%d", kind, len(freed))
            gone += freed
        return len(gone)

    async def excess(self) -> dict[Kind, Used]:
        """What `trim` would delete now, as far as nobody reads it."""
        found: dict[Kind, Used] = {}
        for kind, too_much in (await self._too_much()).items():
            files = size = 0
            for kept in await self._store.oldest(kind, _EVERY_ONE):
                if size >= too_much:
                    break
                files, size = files + 1, size + kept.size
            found[kind] = Used(files, size)
        return found

    async def _too_much(self) -> dict[Kind, int]:
        """How many bytes have to go, of the kinds that are above their limit."""
        media = self._live.now.media
        limits = {Kind.IMAGE: media.images_max_mb * _MB, Kind.VIDEO: media.videos_max_mb * _MB}
        return {
            kind: used.size - int(limits[kind] * _TRIMMED)
            for kind, used in (await self._store.used()).items()
            if limits[kind] and used.size > limits[kind]
        }

    async def _trimmed(self, kind: Kind, too_much: int) -> list[str]:
        gone: list[str] = []
        while too_much > 0:
            before = too_much
            round_: list[str] = []
            for kept in await self._store.oldest(kind, _AT_ONCE):
                if too_much <= 0:
                    break
                ids = await self._to_its_end(self._let_go(kept))
                if ids:
                    round_ += ids
                    too_much -= kept.size
            self._changed(round_)
            gone += round_
            if too_much == before:  # what is left may not go
                break
        return gone

    async def _let_go(self, kept: Kept) -> list[str]:
        """Delete a content and every row about it; returns their ids, or nothing when it has to stay."""
        async with self._alone(kept.digest):
            alike = await self._store.alike(kept.digest)
            if self._readers[kept.digest] or any(one.favourite for one in alike):
                return []
            if not await offload(self._files.remove, kept):
                return []
            ids = [one.id for one in alike]
            await self._store.forget(ids)
            return ids

    async def purge(self, *, everything: bool = False) -> int:
        """Delete what was removed longer ago than `media.keep_removed_days`; returns how many files.

        With `everything`, also what was removed since.
        """
        gone: list[str] = []
        while True:
            kept_s = -_DAY_S if everything else self._live.now.media.keep_removed_days * _DAY_S
            due = self._clock.now() - kept_s
            found = await self._store.removed_before(due, _AT_ONCE)
            deleted = [kept.id for kept in found if await self._to_its_end(self._purged(kept))]
            self._changed(deleted)
            gone += deleted
            if len(deleted) < _AT_ONCE:
                break
        if gone:
            log.info("removed files deleted for good files=%d", len(gone))
        return len(gone)

    async def _purged(self, kept: Kept) -> bool:
        async with self._alone(kept.digest):
            alike = await self._store.alike(kept.digest)
            if not any(one.id == kept.id and one.removed_at is not None for one in alike):
                return False  # restored meanwhile
            if len(alike) == 1 and (
                self._readers[kept.digest] or not await offload(self._files.remove, kept)
            ):
                return False
            await self._store.forget([kept.id])
            return True

    # -- after a crash

    async def put_right(self) -> None:
        """Drop rows without a file, list files without a row, delete small pictures of nothing."""
        known = {(one.kind, one.digest) async for part in self._store.placed() for one in part}
        compared = await offload(self._files.compared, known)
        dropped = [
            file_id
            for _, digest in compared.missing
            for file_id in await self._to_its_end(self._dropped(digest))
        ]
        found = [file_id for one in compared.unknown for file_id in await self._to_its_end(self._listed(one))]
        for digest, path in compared.stray:
            await self._to_its_end(self._swept(digest, path))
        if dropped or found:
            log.warning("library put right dropped=%d found=%d", len(dropped), len(found))
            self._changed([*dropped, *found])

    async def _dropped(self, digest: str) -> list[str]:
        async with self._alone(digest):
            alike = await self._store.alike(digest)
            lost = [one for one in alike if not await offload(self._files.path(one).exists)]
            await self._store.forget([one.id for one in lost])
            return [one.id for one in lost]

    async def _listed(self, stored: Stored) -> list[str]:
        async with self._alone(stored.digest):
            if await self._store.alike(stored.digest):
                return []  # it has just been kept
            try:
                kept, small = await offload(_described, stored)
            except InvalidRequest as error:
                # Only what is not the content that its name says, or none of ours.
                log.warning("file without a row deleted digest=%s why=%s", stored.digest, error.message)
                await offload(stored.path.unlink, missing_ok=True)
                return []
            except FileNotFoundError:
                return []
            if small:
                await offload(self._files.put_thumbnail, kept.digest, small)
            await self._store.add([kept])
            return [kept.id]

    async def _swept(self, digest: str, thumbnail: Path) -> None:
        async with self._alone(digest):
            if not await self._store.alike(digest):
                await offload(thumbnail.unlink, missing_ok=True)

    # -- order

    def _changed(self, ids: Collection[str]) -> None:
        if ids:
            self._bus.publish(LibraryChanged(frozenset(ids)))

    @asynccontextmanager
    async def _alone(self, digest: str) -> AsyncIterator[None]:
        """Let nobody else give this content its name, or take it, or write its rows."""
        turn = self._turns.get(digest)
        if turn is None:
            turn = self._turns[digest] = asyncio.Lock()
        async with turn:
            yield

    async def _to_its_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` whole, also when whoever waits for it is cancelled: a name and its row go together."""
        return await self._uncancelled.done(work)


# --- what a content is. In a thread. ------------------------------------------------------------------------

_WEBM: Final = b"\x1aE\xdf\xa3"


def _found(path: Path, size: int) -> _Found:
    """Find out what a file is by its bytes. Raises `InvalidRequest`."""
    try:
        with path.open("rb") as file:

            def read(at: int, most: int) -> bytes:
                file.seek(at)
                return file.read(most)

            film = mp4.described(read, size)
            if film is None and read(0, len(_WEBM)) == _WEBM:
                return _Found(Kind.VIDEO, "video/webm")
            if film is None and size <= _LARGEST[Kind.IMAGE]:
                picture = pictures.examined(read(0, size))
                return _Found(
                    Kind.IMAGE, picture.media_type, picture.width, picture.height, 0.0, picture.thumbnail
                )
    except FileNotFoundError:
        raise
    except OSError as error:
        raise media_files.unstorable(error) from error
    if film is None:
        raise InvalidRequest("This is neither a picture nor a film.")
    if not film.whole:
        raise InvalidRequest(
            "The film is damaged, or ends early.", detail=f"{film.media_type} of {size} bytes"
        )
    return _Found(Kind.VIDEO, film.media_type, film.width, film.height, film.seconds)


def _described(stored: Stored) -> tuple[Kept, bytes]:
    """What can be known of a file whose row is lost, and its small picture."""
    said = stored.path.stat()
    if media_files.digest_of(stored.path) != stored.digest:
        raise InvalidRequest("The content is not the one that its name says.")
    found = _found(stored.path, said.st_size)
    kept = Kept(
        id=secrets.token_hex(16),
        kind=found.kind,
        digest=stored.digest,
        media_type=found.media_type,
        size=said.st_size,
        created_at=said.st_mtime,
        width=found.width,
        height=found.height,
        seconds=found.seconds,
        thumbnail=bool(found.thumbnail),
    )
    if found.kind is not stored.kind or stored.path.suffix != kept.suffix:
        raise InvalidRequest("The content is not of the kind that its name says.")
    return kept, found.thumbnail


async def _written(arriving: Download, incoming: Incoming, most: int) -> None:
    """Write what arrives. Raises `Garbled` when it is more than `most` bytes, or not what was declared."""
    if arriving.size is not None and arriving.size > most:
        raise Garbled("The file is too large.", detail=f"{arriving.size} bytes")
    piece = bytearray()
    async for chunk in arriving.chunks:
        piece += chunk
        if incoming.size + len(piece) > most:
            raise Garbled("The file is too large.", detail=f"more than {most} bytes")
        if len(piece) >= _PIECE:
            await offload(incoming.add, bytes(piece))
            piece.clear()
    await offload(incoming.add, bytes(piece))
    if arriving.size is not None and incoming.size != arriving.size:
        raise Garbled(
            "The file ended early.", detail=f"{incoming.size} of {arriving.size} bytes {arriving.media_type}"
        )


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


# --- words --------------------------------------------------------------------------------------------------

_WORDS: Final = {Kind.IMAGE: "picture", Kind.VIDEO: "film"}


def _undelivered(kind: Kind, cause: UpstreamError | InvalidRequest) -> Undelivered:
    return Undelivered(
        f"Grok made the {_WORDS[kind]}, but it could not be fetched: {cause.message}",
        hint=cause.hint or "It may still be among the files of the account.",
        detail=cause.detail,
    )


def _gone() -> NotFound:
    return NotFound("This file has been deleted.")


def _unreadable(error: OSError) -> Broken:
    return Broken(
        "The file cannot be read.",
        hint="Check the disk and the folder `media` of the data folder.",
        detail=f"{type(error).__name__} errno={error.errno} path={error.filename}",
    )


def fit_tags(words: Iterable[str]) -> tuple[str, ...]:
    """Those of the words that a file can be tagged with."""
    return tuple(filter(_is_tag, _tidied(words)))[:_MOST_TAGS]


def _tidied(words: Iterable[str]) -> tuple[str, ...]:
    """Words without blanks around them, each once."""
    return tuple(dict.fromkeys(" ".join(word.split()) for word in words))


def _is_tag(word: str) -> bool:
    return 0 < len(word) <= _LONGEST_TAG and word.isprintable() and "," not in word


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags without blanks around them, each once. Raises `InvalidRequest`."""
    found = _tidied(tags)
    if len(found) > _MOST_TAGS or not all(map(_is_tag, found)):
        raise InvalidRequest(
            f"A tag has 1 to {_LONGEST_TAG} characters and no comma, and a file at most {_MOST_TAGS}.",
            param="tags",
        )
    return found
