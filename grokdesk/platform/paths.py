"""Where GrokDesk keeps its files, and how it writes one that only its owner may read."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

from platformdirs import PlatformDirs

from grokdesk.core.errors import Broken

APP: Final = "GrokDesk"
OWNER_ONLY: Final = 0o600
_OWNER_ONLY_FOLDER: Final = 0o700


@dataclass(frozen=True, slots=True)
class Paths:
    """Every place GrokDesk writes to. Nothing exists until `create`."""

    data: Path
    logs: Path
    config_file: Path
    database: Path
    key_file: Path
    backups: Path
    media: Path

    @classmethod
    def default(cls) -> Self:
        """The folders this system gives to programs of the current user."""
        dirs = PlatformDirs(APP, appauthor=False)
        return cls._in(dirs.user_data_path, dirs.user_log_path, dirs.user_config_path)

    @classmethod
    def under(cls, folder: Path) -> Self:
        """Everything in `folder` (`--data-dir`)."""
        folder = folder.expanduser().absolute()
        return cls._in(folder, folder / "logs", folder)

    @classmethod
    def _in(cls, data: Path, logs: Path, config: Path) -> Self:
        return cls(
            data=data,
            logs=logs,
            config_file=config / "config.toml",
            database=data / "grokdesk.db",
            key_file=data / "master.key",
            backups=data / "backups",
            media=data / "media",
        )

    @property
    def vault_file(self) -> Path:
        """Says where the master key of this data folder is; holds no secret in clear."""
        return self.data / "vault.json"

    @property
    def updates_file(self) -> Path:
        """Remembers when a new version was last looked for."""
        return self.data / "updates.json"

    def create(self) -> Self:
        """Make the folders that are missing, for their owner only. Raises `Broken` when that is not possible.

        A folder that is already there keeps its rights: it is the owner's, and every file in it has its own.
        """
        for folder in (self.data, self.logs, self.config_file.parent, self.backups):
            try:
                # mkdir(parents=True) would give the parents the default rights.
                for missing in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
                    missing.mkdir(mode=_OWNER_ONLY_FOLDER, exist_ok=True)
                if not folder.is_dir():
                    raise NotADirectoryError(folder)
            except OSError as error:
                raise Broken(
                    "The data folder cannot be made.",
                    hint="Check that the folder can be written, or choose another one with --data-dir.",
                    detail=f"{folder}: {error}",
                ) from error
        return self


def restrict(path: Path) -> bool:
    """Take away everybody else's rights to `path`; tells whether there were any. Does nothing on Windows."""
    if os.name != "posix" or not path.stat().st_mode & 0o077:
        return False
    path.chmod(OWNER_ONLY)
    return True


def write_private(path: Path, content: bytes) -> None:
    """Put `content` at `path` for its owner only, so that a crash leaves the old file or the new one.

    A symbolic link stays one: its target is replaced. Raises `OSError`.
    """
    with private_file(path) as file:
        file.write(content)


@contextlib.contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """The same for a content written piece by piece; an exception in the block leaves the old file."""
    target = path.resolve()
    # mkstemp makes the file with mode 0600.
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)  # noqa: PTH105 - `name` is text, and Path.replace is the same call
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - same
        raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make a new name in `folder` survive a power cut.

    Windows cannot open folders, and journals names by itself.
    """
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
