"""Pictures and films on disk, named by their content.

```
media/
    images/ab/<sha256>.jpg       videos/ab/<sha256>.mp4       thumbnails/ab/<sha256>.jpg
    incoming/                    what is being written; emptied at start
```
A file gets its name when all of it is on the disk, so that a crash leaves nothing or a whole file. Only the
owner may read them. Everything here waits for the disk and belongs into a thread, unless it says otherwise.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final

from grokdesk.core.errors import Broken
from grokdesk.core.media import Kept, Kind
from grokdesk.platform.paths import OWNER_ONLY, sync_folder, write_private

log = logging.getLogger(__name__)

PIECE: Final = 1 << 20
_OWNER_ONLY_FOLDER: Final = 0o700
_FOLDERS: Final = {Kind.IMAGE: "images", Kind.VIDEO: "videos"}
_THUMBNAILS: Final = "thumbnails"
_NAME: Final = re.compile(r"([0-9a-f]{64})(\.[a-z0-9]{2,4})")


@dataclass(frozen=True, slots=True)
class Stored:
    """A content as it lies on the disk."""

    kind: Kind
    digest: str
    path: Path


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of it: contents nobody knows of, known ones that are gone, and small pictures of none."""

    unknown: list[Stored]
    missing: set[tuple[Kind, str]]
    stray: list[tuple[str, Path]]


class Incoming:
    """A file that is being written, under a name that does not count; it is made with the first piece.

    `add` and `finish` raise `Broken` when the disk does not take it. `discard` may come from another thread
    in the middle of them, when whoever waited has left; after it they do nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = None
        self._discarded = False
        self._turn = Lock()

    def add(self, data: bytes) -> None:
        """Write the next piece."""
        with self._turn:
            if self._discarded:
                return
            try:
                self._opened().write(data)
            except OSError as error:
                raise unstorable(error) from error
            self._hash.update(data)
            self.size += len(data)

    def add_all(self, source: Path) -> None:
        """Write all of another file. Raises `OSError` when that cannot be read."""
        with source.open("rb") as file:
            while piece := file.read(PIECE):
                self.add(piece)

    def finish(self) -> str:
        """Bring all of it to the disk; returns the SHA-256 of the content in hex."""
        with self._turn:
            if not self._discarded:
                try:
                    with self._opened() as file:
                        file.flush()
                        os.fsync(file.fileno())
                except OSError as error:
                    raise unstorable(error) from error
            return self._hash.hexdigest()

    def discard(self) -> None:
        """Close it and throw away what has not got its name. Quick, and never fails."""
        with self._turn:
            self._discarded = True
            # On a full disk closing fails as well, because there is more to write.
            with contextlib.suppress(OSError):
                if self._file is not None:
                    self._file.close()
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._file = os.fdopen(os.open(self.path, flags, OWNER_ONLY), "wb")
        return self._file


class MediaFiles:
    """The folder `media`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._incoming = folder / "incoming"

    def prepare(self) -> None:
        """Make the folders and throw away what a crash left half written. Raises `Broken`."""
        try:
            for folder in (self.folder, self._incoming):
                folder.mkdir(mode=_OWNER_ONLY_FOLDER, exist_ok=True)
            lefts = list(self._incoming.iterdir())
        except OSError as error:
            raise unstorable(error) from error
        for left in lefts:
            try:
                left.unlink()
            except OSError as error:
                # A virus scanner may be reading it. It is in nobody's way, and goes at another start.
                log.warning("half a file of before cannot be deleted errno=%s", error.errno)
            else:
                log.info("half a file of before was thrown away")

    def incoming(self) -> Incoming:
        """Begin a new file. Does not wait for the disk."""
        return Incoming(self._incoming / secrets.token_hex(16))

    # -- names. Nothing waits for the disk.

    def path(self, kept: Kept) -> Path:
        """Where the content of a file is."""
        return self._place(_FOLDERS[kept.kind], kept.digest, kept.suffix)

    def thumbnail_path(self, digest: str) -> Path:
        """Where the small picture of a content is, if there is one."""
        return self._place(_THUMBNAILS, digest, ".jpg")

    def _place(self, folder: str, digest: str, suffix: str) -> Path:
        return self.folder / folder / digest[:2] / f"{digest}{suffix}"

    # -- writing

    def put(self, incoming: Incoming, kept: Kept) -> bool:
        """Give a finished file its name; False when that content was there already. Raises `Broken`."""
        target = self.path(kept)
        try:
            # A disk that lost its power may have kept a name without all of its content.
            if target.exists() and target.stat().st_size == incoming.size:
                incoming.discard()
                return False
            _make_folder(target.parent)
            incoming.path.replace(target)
            sync_folder(target.parent)
        except OSError as error:
            raise unstorable(error) from error
        return True

    def put_thumbnail(self, digest: str, data: bytes) -> None:
        """Write a small picture, whole or not at all. Raises `Broken`."""
        target = self.thumbnail_path(digest)
        try:
            if not target.exists():
                _make_folder(target.parent)
                self._written(target, data)
        except OSError as error:
            raise unstorable(error) from error

    def _written(self, target: Path, data: bytes) -> None:
        incoming = self.incoming()
        try:
            incoming.add(data)
            incoming.finish()
            incoming.path.replace(target)
        finally:
            incoming.discard()

    def remove(self, kept: Kept) -> bool:
        """Delete a content and its small picture; False when the system does not let go of it just now."""
        target = self.path(kept)
        try:
            target.unlink(missing_ok=True)
            self.thumbnail_path(kept.digest).unlink(missing_ok=True)
            if target.parent.exists():
                sync_folder(target.parent)
        except OSError as error:
            log.warning("file cannot be deleted id=%s errno=%s", kept.id, error.errno)
            return False
        return True

    # -- what lies there

    def compared(self, known: AbstractSet[tuple[Kind, str]]) -> Compared:
        """What lies there against what is known to. Files of anybody else are left alone.

        Where a folder is gone with all that was in it, such as with a disk that is not there just now,
        nothing of it counts as missing.

        In one go, and without an object for each of what may be 20,000 files: a thread that makes them holds
        up all the others.
        """
        missing = set(known)
        unknown: list[Stored] = []
        for kind, name in _FOLDERS.items():
            if not (self.folder / name).is_dir():
                away = {one for one in missing if one[0] is kind}
                missing -= away
                if away:
                    log.warning("folder of the library is not there name=%s files=%d", name, len(away))
                continue
            for digest, path in _named(self.folder / name):
                if (kind, digest) in known:
                    missing.discard((kind, digest))
                else:
                    unknown.append(Stored(kind, digest, Path(path)))
        shown = {digest for _, digest in known - missing}
        small = _named(self.folder / _THUMBNAILS)
        stray = [(digest, Path(path)) for digest, path in small if digest not in shown]
        return Compared(unknown, missing, stray)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file in hex. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def export(source: Path, target: Path, made_at: float) -> None:
    """Copy a file to where its owner wants it, whole or not at all, with the time it was made.

    `made_at` is Unix seconds. Raises `OSError`.
    """
    unfinished = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        shutil.copyfile(source, unfinished)
        os.utime(unfinished, (made_at, made_at))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def write_beside(path: Path, content: bytes) -> None:
    """Write what goes with an exported file, whole or not at all. Raises `OSError`."""
    write_private(path, content)


def unstorable(error: OSError) -> Broken:
    """What it means when the folder does not take a file."""
    full = (
        error.errno in {errno.ENOSPC, errno.EDQUOT}
        if hasattr(errno, "EDQUOT")
        else error.errno == errno.ENOSPC
    )
    return Broken(
        "The disk is full." if full else "The file cannot be stored.",
        hint=(
            "Make room on the disk that holds the data folder."
            if full
            else "Check that the folder `media` of the data folder can be written."
        ),
        detail=f"{type(error).__name__} errno={error.errno} path={error.filename}",
    )


def _make_folder(folder: Path) -> None:
    for one in (folder.parent, folder):
        if not one.exists():
            one.mkdir(mode=_OWNER_ONLY_FOLDER, exist_ok=True)
            sync_folder(one.parent)


def _named(folder: Path) -> Iterator[tuple[str, str]]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as parts:
        for part in parts:
            if not part.is_dir(follow_symlinks=False):
                continue
            with os.scandir(part.path) as entries:
                for entry in entries:
                    said = _NAME.fullmatch(entry.name)
                    if said and said[1].startswith(part.name) and entry.is_file(follow_symlinks=False):
                        yield said[1], entry.path
