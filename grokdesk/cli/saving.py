"""Writing what was made to where the person who asked wants it."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from mimetypes import guess_type
from pathlib import Path
from typing import IO, Any, Final, Self

from grokdesk.cli.talk import Ask
from grokdesk.core.errors import GrokDeskError, InvalidRequest
from grokdesk.platform.tasks import offload

_FORMATS: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
}
_MOST_NAMES: Final = 10_000

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """Where files go: into `folder`, under `name` if there is one, else under names for people."""

    folder: Path
    name: str = ""

    @classmethod
    def of(cls, out: Path | None, count: int, kind: str) -> Self:
        """What `--out` means for `count` files of a kind.

        A path that ends like a picture or film names the file, unless it is a folder already. Raises
        `InvalidRequest` when that cannot be.
        """
        if out is None:
            return cls(Path.cwd())
        out = Path(os.path.abspath(out.expanduser()))  # noqa: PTH100 - `resolve` would follow a link to a file
        said = guess_type(out.name)[0] or ""
        if out.is_dir() or not said.startswith(("image/", "video/")):
            return cls(out)
        if count > 1:
            raise InvalidRequest(
                f"{out.name} is the name of one file, and {count} were asked for.",
                hint="Name a folder with --out.",
            )
        if not _FORMATS.get(out.suffix.lower(), "").startswith(f"{kind}/"):
            endings = ", ".join(end for end, media_type in _FORMATS.items() if media_type.startswith(kind))
            raise InvalidRequest(
                f"It cannot be written as {out.name}; possible are names that end in {endings}.",
                hint="Choose another name, or a folder, with --out.",
            )
        return cls(out.parent, out.name)

    def check(self) -> None:
        """See that something can be written there, before anything is asked for. Raises `GrokDeskError`."""
        there = next((one for one in (self.folder, *self.folder.parents) if one.exists()), self.folder)
        probe = there / f".{secrets.token_hex(8)}.part"
        try:
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    async def save_all(self, answer: Json, ask: Ask) -> Json:
        """Write the files of `answer`; each then says as `saved` where it is, `problems` what went wrong."""
        problems = []
        for file in answer["files"]:
            file["saved"] = ""
            try:
                file["saved"] = str(await self._save(file, ask))
            except GrokDeskError as error:
                problems.append(f"{error.message} It is kept in the library as {file['id']}.")
        return {**answer, "problems": problems}

    async def _save(self, file: Json, ask: Ask) -> Path:
        """Write a file that the program keeps, beside what is there already."""
        await offload(self._make_folder)
        name = Path(self.name or file["name"])
        wanted = _FORMATS.get(name.suffix.lower(), "") if self.name else ""
        if wanted and wanted != file["media_type"] and wanted.startswith("image/"):
            part = await ask({"do": "library.read", "id": file["id"], "as": wanted.partition("/")[2]})
            return await offload(self._written, name, base64.b64decode(part["data"]))
        copied = await offload(self._copied, name, Path(file["path"]))
        return copied or await self._fetched(name, file, ask)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def _copied(self, name: Path, source: Path) -> Path | None:
        """Where the file was copied to; None when it cannot be read from here."""
        try:
            content = source.open("rb")
        except OSError:
            return None
        with content, self._new(name) as (path, file):
            shutil.copyfileobj(content, file, 1 << 20)
        return path

    def _written(self, name: Path, data: bytes) -> Path:
        with self._new(name) as (path, file):
            file.write(data)
        return path

    async def _fetched(self, name: Path, file: Json, ask: Ask) -> Path:
        """Have the program read the file, part by part."""
        unfinished = self.folder / f".{secrets.token_hex(8)}.part"
        try:
            offset = 0
            while offset < file["bytes"]:
                part = await ask({"do": "library.read", "id": file["id"], "offset": offset})
                data = base64.b64decode(part["data"])
                if not data:
                    raise GrokDeskError("The file ended early.", hint="Export it from the library again.")
                await offload(self._appended, unfinished, data)
                offset += len(data)
            path = await offload(self._copied, name, unfinished)
            if path is None:
                raise GrokDeskError(f"Nothing can be written into {self.folder}.")
            return path
        finally:
            unfinished.unlink(missing_ok=True)

    def _appended(self, path: Path, data: bytes) -> None:
        try:
            with path.open("ab") as file:
                file.write(data)
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    @contextlib.contextmanager
    def _new(self, name: Path) -> Iterator[tuple[Path, IO[bytes]]]:
        """A new file called `name`, or like it when there is one; none is left when it cannot be finished."""
        try:
            path, file = self._made(name)
            try:
                with file:
                    yield path, file
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def _made(self, name: Path) -> tuple[Path, IO[bytes]]:
        for number in range(1, _MOST_NAMES):
            path = self.folder / (name.name if number == 1 else f"{name.stem} ({number}){name.suffix}")
            with contextlib.suppress(FileExistsError):
                return path, path.open("xb")
        raise GrokDeskError(f"There are {_MOST_NAMES:,} files called {name.name} already.")


def _unwritable(folder: Path, error: OSError) -> GrokDeskError:
    return GrokDeskError(
        f"Nothing can be written into {folder}: {error.strerror or error}.",
        hint="Choose another place with --out.",
    )
