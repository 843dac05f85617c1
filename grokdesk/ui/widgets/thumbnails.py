"""Small pictures of the library: read and decoded off the loop, kept in one cache counted in bytes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Final

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageReader, QPixmap

from grokdesk.core.errors import GrokDeskError
from grokdesk.core.media import Kept
from grokdesk.engine.library import Library
from grokdesk.platform.tasks import offload
from grokdesk.ui.work import Work

CACHE_BYTES: Final = 256 << 20
CACHE_BYTES_DENSE: Final = 384 << 20
_WORKERS: Final = 2
# So many are read at once: enough for a thread to be worth its start, few enough to stop in time.
_BATCH: Final = 6


@dataclass(frozen=True, slots=True)
class _Held:
    """A decoded picture; `wanted` is the size that was asked for."""

    pixmap: QPixmap
    wanted: QSize
    size: int


class Thumbnails(QObject):
    """The cache. `find` gives at once what there is; `ready` tells that more has come.

    `want` says what can be seen now: anything else that waits is forgotten.
    """

    ready = Signal(object)
    """frozenset of the digests of contents."""

    def __init__(self, library: Library, work: Work, *, most: int = CACHE_BYTES) -> None:
        super().__init__()
        self._library = library
        self._work = work
        self._most = most
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._taken = 0
        self._wanted: dict[str, tuple[Kept, QSize]] = {}
        self._busy: set[str] = set()
        self._none: set[str] = set()
        self._workers = 0

    @property
    def size_bytes(self) -> int:
        """What the decoded pictures take."""
        return self._taken

    @property
    def idle(self) -> bool:
        """Whether nothing is being read."""
        return not self._workers

    def find(self, kept: Kept) -> QPixmap | None:
        """The small picture, maybe of another size than wanted last."""
        held = self._held.get(kept.digest)
        if held is None:
            return None
        self._held.move_to_end(kept.digest)
        return held.pixmap

    def has_none(self, kept: Kept) -> bool:
        """Whether it is known that there is no small picture."""
        return kept.digest in self._none

    def want(self, wanted: list[tuple[Kept, QSize]]) -> None:
        """Read these, sizes in device pixels; what was wanted before and is not among them is left out."""
        self._wanted = {}
        for kept, size in wanted:
            digest = kept.digest
            if digest in self._busy or digest in self._none:
                continue
            held = self._held.get(digest)
            if held is None or held.wanted != size:
                self._wanted[digest] = (kept, size)
        while self._wanted and self._workers < min(_WORKERS, ceil(len(self._wanted) / _BATCH)):
            self._workers += 1
            if self._work.start(self._read()) is None:
                self._workers -= 1
                return

    def forget(self, digests: frozenset[str]) -> None:
        """Look again for what had no small picture."""
        self._none -= digests

    def limit(self, most: int) -> None:
        """Take at most so many bytes from now on."""
        self._most = most
        self._trim()

    async def _read(self) -> None:
        try:
            while self._wanted:
                first = list(self._wanted)[:_BATCH]
                batch = [self._wanted.pop(digest) for digest in first]
                self._busy.update(first)
                try:
                    await self._take(batch)
                finally:
                    self._busy.difference_update(first)
        finally:
            self._workers -= 1

    async def _take(self, batch: list[tuple[Kept, QSize]]) -> None:
        found = await self._library.thumbnails(kept for kept, _ in batch)
        pairs: list[tuple[Kept, QSize, bytes]] = []
        for kept, size in batch:
            small = found[kept.id]
            if small is None:
                small = await self._again(kept)
            if small is None:
                self._none.add(kept.digest)
            else:
                pairs.append((kept, size, small))
        images = await offload(lambda: [decoded(small, size) for _, size, small in pairs])
        for (kept, size, _), image in zip(pairs, images, strict=True):
            if image.isNull():
                self._none.add(kept.digest)
            else:
                self._hold(kept.digest, QPixmap.fromImage(image), size)
        self.ready.emit(frozenset(kept.digest for kept, _ in batch))

    async def _again(self, kept: Kept) -> bytes | None:
        """Have a small picture made that got lost; None when that does not work."""
        try:
            return await self._library.thumbnail(kept)
        except GrokDeskError:
            return None

    def _hold(self, digest: str, pixmap: QPixmap, wanted: QSize) -> None:
        old = self._held.pop(digest, None)
        if old is not None:
            self._taken -= old.size
        size = pixmap.width() * pixmap.height() * 4
        self._held[digest] = _Held(pixmap, wanted, size)
        self._taken += size
        self._trim()

    def _trim(self) -> None:
        while self._taken > self._most and len(self._held) > 1:
            _, gone = self._held.popitem(last=False)
            self._taken -= gone.size


def decoded(data: bytes, cover: QSize) -> QImage:
    """A picture cut to the shape of `cover` and not larger than that; null when it cannot be read.

    For a thread.
    """
    source = QBuffer()
    source.setData(QByteArray(data))
    source.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(source)
    reader.setAutoTransform(True)
    whole = reader.size()
    if whole.isValid() and not whole.isEmpty() and not cover.isEmpty():
        factor = min(1.0, max(cover.width() / whole.width(), cover.height() / whole.height()))
        reader.setScaledSize(
            QSize(max(1, round(whole.width() * factor)), max(1, round(whole.height() * factor)))
        )
    image = reader.read()
    if image.isNull() or cover.isEmpty():
        return image
    shown = image.rect().size()
    part = cover.scaled(shown, Qt.AspectRatioMode.KeepAspectRatio)
    corner = QRect(0, 0, max(1, part.width()), max(1, part.height()))
    corner.moveCenter(image.rect().center())
    if corner.size() != shown:
        image = image.copy(corner & image.rect())
    return image.convertToFormat(QImage.Format.Format_RGB32) if not image.hasAlphaChannel() else image
