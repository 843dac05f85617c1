"""Files out of the library to where their owner wants them, and in from there or a folder of grok2api."""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from grokdesk.core.errors import Broken, InvalidRequest
from grokdesk.core.media import Kept, Kind, Origin
from grokdesk.engine.library import LAST_MOMENT, Library, fit_tags
from grokdesk.platform import media_files
from grokdesk.platform.tasks import offload

log = logging.getLogger(__name__)

# protocol/grok-web-media.md §7.1.
_FOLDERS: Final = ("images", "videos")
_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp", ".mp4", ".mov", ".m4v", ".webm"})
_LONGEST_WORDS: Final = 60
# File systems take 255 bytes for a name; a Chinese character has three of them.
_LONGEST_BYTES: Final = 150
# What is known of a file is a few lines; a prompt may have 32,000 characters.
_LARGEST_SIDECAR: Final = 1 << 20
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Moving:
    """How far an import or export is. `known` were there already, `refused` could not be taken."""

    done: int
    total: int
    added: int = 0
    known: int = 0
    refused: int = 0


async def import_folder(library: Library, folder: Path) -> AsyncIterator[Moving]:
    """Copy the pictures and films of a folder in; tells after each how far it is.

    `folder` is the data folder of 2.0.4, or its `files`, or any folder that holds pictures and films itself.
    What is in the library already is passed over, so it can be done again. What `export` wrote beside a file
    is known of it again; of another one only the time at which it was made. Raises `InvalidRequest` when
    there are none.
    """
    found = await offload(lambda: sorted(_importable(folder)))
    if not found:
        raise InvalidRequest(
            "There are no pictures or films in this folder.",
            hint="Choose the data folder of grok2api: it has a folder `files` with `images` and `videos`.",
        )
    added = known = refused = 0
    for path in found:
        try:
            told = await offload(_told, path)
            kept = await library.bring(
                path,
                told.origin,
                created_at=told.created_at,
                adult=told.adult,
                favourite=told.favourite,
                tags=told.tags,
            )
        except (InvalidRequest, OSError) as error:
            refused += 1
            log.warning("file not imported name=%s why=%s", path.name, type(error).__name__)
        else:
            added += kept is not None
            known += kept is None
        yield Moving(added + known + refused, len(found), added, known, refused)
    log.info("folder imported added=%d known=%d refused=%d", added, known, refused)


async def export(library: Library, target: Path, ids: Collection[str] | None = None) -> AsyncIterator[Moving]:
    """Copy files, or all of them, to the folder `target`; tells after each how far it is.

    Each gets a name that says when and what, and beside it a `.json` with what is known of it. What is there
    already, with the same content, is not written again, only what is known of it. Raises `Broken` when the
    folder does not take a file.
    """
    total = len(ids) if ids is not None else await library.count()
    added = known = refused = 0
    try:
        await offload(lambda: target.mkdir(parents=True, exist_ok=True))
        async for kept in _chosen(library, ids):
            if kept is None:
                refused += 1
            else:
                try:
                    with library.reading(kept) as source:
                        fresh = await offload(_exported, kept, source, target)
                    added += fresh
                    known += not fresh
                except FileNotFoundError:
                    refused += 1
            done = added + known + refused
            yield Moving(done, max(done, total), added, known, refused)
    except OSError as error:
        raise Broken(
            "The folder does not take the files.",
            hint="Check that it can be written and the disk is not full.",
            detail=f"{type(error).__name__} errno={error.errno} path={error.filename}",
        ) from error
    log.info("files exported added=%d known=%d refused=%d", added, known, refused)


def name_for_people(kept: Kept) -> str:
    """A file name such as `2026-01-31 14.05.09 a cat on the roof.jpg`, local time, safe on every system."""
    moment = datetime.fromtimestamp(kept.created_at).astimezone().strftime("%Y-%m-%d %H.%M.%S")
    words = _words(kept.origin.prompt)
    return f"{moment} {words}{kept.suffix}" if words else f"{moment}{kept.suffix}"


def sidecar(kept: Kept) -> bytes:
    """What is known of a file, as JSON."""
    origin = kept.origin
    told = {
        "id": kept.id,
        "kind": kept.kind.value,
        "media_type": kept.media_type,
        "sha256": kept.digest,
        "size_bytes": kept.size,
        "width": kept.width,
        "height": kept.height,
        **({"seconds": kept.seconds} if kept.kind is Kind.VIDEO else {}),
        "created": datetime.fromtimestamp(kept.created_at).astimezone().isoformat(),
        "prompt": origin.prompt,
        "model": origin.model,
        "account": origin.account_name,
        "client": origin.client,
        "request": origin.request,
        "adult": kept.adult,
        "favourite": kept.favourite,
        "tags": list(kept.tags),
    }
    return json.dumps(told, ensure_ascii=False, indent=2).encode(errors="replace")


async def _chosen(library: Library, ids: Collection[str] | None) -> AsyncIterator[Kept | None]:
    if ids is None:
        async for kept in library.each():
            yield kept
        return
    for one in ids:
        yield await library.find(one)


def _importable(folder: Path) -> Iterator[Path]:
    places = [root / name for root in (folder / "files", folder) for name in _FOLDERS]
    for place in [one for one in places if one.is_dir()] or [folder]:
        if place.is_dir():
            yield from (
                path
                for path in place.iterdir()
                if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.is_symlink()
            )


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of a file that comes in."""

    origin: Origin
    created_at: float
    adult: bool = False
    favourite: bool = False
    tags: tuple[str, ...] = ()


def _told(path: Path) -> _Told:
    """What stands beside a file, as `sidecar` wrote it; what cannot be read of that is not known.

    Raises `OSError` when the file itself is gone.
    """
    said = _read_sidecar(_sidecar_of(path))
    created_at = _moment(said.get("created"))
    prompt = said.get("prompt")
    tags = said.get("tags")
    return _Told(
        Origin(
            prompt=prompt if isinstance(prompt, str) else "",
            model=_name(said, "model"),
            account_name=_name(said, "account"),
            client=_name(said, "client"),
            request=_name(said, "request") or path.stem[:64],
        ),
        path.stat().st_mtime if created_at is None else created_at,
        adult=said.get("adult") is True,
        favourite=said.get("favourite") is True,
        tags=fit_tags(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )


def _read_sidecar(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_SIDECAR + 1)
        said = json.loads(data) if len(data) <= _LARGEST_SIDECAR else None
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _name(said: Mapping[str, object], key: str) -> str:
    name = said.get(key)
    return name[:_LONGEST_NAME] if isinstance(name, str) else ""


def _moment(said: object) -> float | None:
    """Unix seconds of a time as `sidecar` writes it, if it is one."""
    try:
        at = datetime.fromisoformat(said).timestamp() if isinstance(said, str) else -1.0
    except (ValueError, OverflowError, OSError):
        return None
    return at if 0 <= at <= LAST_MOMENT else None


def _exported(kept: Kept, source: Path, folder: Path) -> bool:
    """Copy one file; False when it is there already."""
    name = name_for_people(kept)
    stem = name.removesuffix(kept.suffix)
    number = 1
    while (place := folder / name).exists():
        if place.stat().st_size == kept.size and media_files.digest_of(place) == kept.digest:
            _brought_up_to_date(_sidecar_of(place), kept)
            return False
        number += 1
        name = f"{stem} ({number}){kept.suffix}"
    media_files.write_beside(_sidecar_of(place), sidecar(kept))
    media_files.export(source, place, kept.created_at)
    return True


def _sidecar_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _brought_up_to_date(path: Path, kept: Kept) -> None:
    """Write what is known by now; not what belongs to another file with the same content and name."""
    said = _read_sidecar(path)
    if not said or (said.get("id") == kept.id and said != json.loads(sidecar(kept))):
        media_files.write_beside(path, sidecar(kept))


def _words(prompt: str) -> str:
    """The first words of a prompt, of characters that every file system takes."""
    plain = unicodedata.normalize("NFC", prompt)
    plain = "".join(one if one.isprintable() else " " for one in plain)
    plain = " ".join(re.sub(r'[<>:"/\\|?*]', " ", plain).split())
    if len(plain) > _LONGEST_WORDS:
        plain = plain[: _LONGEST_WORDS + 1].rsplit(" ", 1)[0][:_LONGEST_WORDS]
    plain = plain.encode(errors="ignore")[:_LONGEST_BYTES].decode(errors="ignore")
    return plain.strip(" .")
