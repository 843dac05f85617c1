"""What a second process may ask about pictures, films and the library, as wishes and answers in JSON."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final

from grokdesk.core.commissions import preset, resolution
from grokdesk.core.conversation import Media
from grokdesk.core.errors import InvalidRequest, NotFound
from grokdesk.core.library import Change, Sought
from grokdesk.core.media import (
    AUTO,
    MOST_IMAGES,
    MOST_REFERENCES,
    ImageRequest,
    Kept,
    Kind,
    VideoRequest,
    film_ratio,
    film_seconds,
    image_ratio,
)
from grokdesk.core.media_jobs import MediaJob
from grokdesk.engine.commands import Command, Json
from grokdesk.engine.errands import Errand, Errands
from grokdesk.engine.library import Library
from grokdesk.engine.library_exchange import Moving, export, import_folder, name_for_people
from grokdesk.engine.media_jobs import MediaJobs
from grokdesk.platform import pictures
from grokdesk.platform.tasks import offload

CLIENT: Final = "command line"
USUAL_MODEL: Final = "grok-imagine-image"
USUAL_EDIT_MODEL: Final = "grok-imagine-image-edit"
USUAL_FILM_MODEL: Final = "grok-imagine-video"

_ID: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_PART: Final = 4 << 20
_LONGEST_PROMPT: Final = 32_000
_MOST_LISTED: Final = 100_000
_FORMS: Final[dict[str, pictures.Form]] = {"png": "png", "jpeg": "jpeg", "webp": "webp"}


class MediaCommands:
    """Carries out wishes about pictures and films. What takes long is a job or errand; the answer names it.

    `check` raises what is wrong with a request before anything is begun. `link` is the address by which this
    machine reaches a file; empty while nothing serves it.
    """

    def __init__(
        self,
        *,
        library: Library,
        jobs: MediaJobs,
        errands: Errands,
        check: Callable[[ImageRequest | VideoRequest], None],
        link: Callable[[Kept], str],
    ) -> None:
        self._library = library
        self._jobs = jobs
        self._errands = errands
        self._check = check
        self._link = link

    def table(self) -> dict[str, Command]:
        """The wishes by name."""
        return {
            "media.make": self._make,
            "media.show": self._show_job,
            "media.list": self._list_jobs,
            "media.cancel": self._cancel_job,
            "media.remove": self._remove_job,
            "library.list": self._list,
            "library.show": self._show,
            "library.read": self._read,
            "library.export": self._export,
            "library.import": self._import,
            "library.errand": self._show_errand,
            "library.stop": self._stop_errand,
            "library.change": self._change,
            "library.remove": self._remove,
            "library.restore": self._restore,
            "library.revoke": self._revoke,
            "library.tidy": self._tidy,
        }

    # -- making

    async def _make(self, wish: Mapping[str, Any]) -> Json:
        request = await _request(wish)
        self._check(request)
        return await self._job_told(await self._jobs.start(request, client=CLIENT))

    async def _show_job(self, wish: Mapping[str, Any]) -> Json:
        return await self._job_told(await self._job(wish))

    async def _list_jobs(self, wish: Mapping[str, Any]) -> Json:
        limit = min(_number(wish, "limit", 50) or _MOST_LISTED, _MOST_LISTED)
        jobs = await self._jobs.list(kind=_kind(wish), after="", limit=limit, newest_first=True)
        return {"jobs": [self._media_json(job) for job in jobs]}

    async def _cancel_job(self, wish: Mapping[str, Any]) -> Json:
        job = await self._job(wish)
        await self._jobs.cancel(job.id)
        return await self._job_told(await self._job(wish))

    async def _remove_job(self, wish: Mapping[str, Any]) -> Json:
        job = await self._job(wish)
        await self._jobs.delete(job.id)
        return {"media": self._media_json(job)}

    async def _job(self, wish: Mapping[str, Any]) -> MediaJob:
        said = str(wish.get("id", ""))
        job = await self._jobs.get(_id(said))
        if job is None:
            raise NotFound(f"There is no job '{said[:80]}'.", hint="`grokdesk media list` shows them.")
        return job

    def _media_json(self, job: MediaJob) -> Json:
        return {**media_job_json(job), "is_looked_for": self._jobs.looks_for(job.id)}

    async def _job_told(self, job: MediaJob) -> Json:
        """A job with the files of it that are still there."""
        found = [await self._library.find(file_id) for file_id in job.files]
        return {
            "media": self._media_json(job),
            "files": [self._file_json(kept) for kept in found if kept is not None],
        }

    # -- the library

    async def _list(self, wish: Mapping[str, Any]) -> Json:
        """The newest files that are sought, at most `limit`; all of them when that is 0."""
        limit = min(_number(wish, "limit", 0) or _MOST_LISTED, _MOST_LISTED)
        files: list[Json] = []
        async for kept in self._library.each(_sought(wish)):
            files.append(self._file_json(kept))
            if len(files) == limit:
                break
        return {"files": files}

    async def _show(self, wish: Mapping[str, Any]) -> Json:
        return {"file": self._file_json(await self._file(str(wish.get("id", ""))))}

    async def _read(self, wish: Mapping[str, Any]) -> Json:
        """A part of a file from `offset` on; all of a picture that is to be in another format, `as`."""
        kept = await self._file(str(wish.get("id", "")))
        form = _FORMS.get(str(wish.get("as") or ""))
        if form is not None:
            data = await self._library.converted(await self._library.read(kept), form)
            return {"data": base64.b64encode(data).decode(), "size": len(data)}
        start = _number(wish, "offset", 0)
        async with self._library.open_range(kept, start, min(start + _PART, kept.size)) as pieces:
            part = b"".join([piece async for piece in pieces])
        return {"data": base64.b64encode(part).decode(), "size": kept.size}

    async def _file(self, said: str) -> Kept:
        kept = await self._library.find(_id(said))
        if kept is None:
            raise NotFound(f"There is no file '{said[:80]}'.", hint="`grokdesk library list` shows them.")
        return kept

    async def _change(self, wish: Mapping[str, Any]) -> Json:
        favourite = wish.get("favourite")
        change = Change(
            favourite=None if favourite is None else bool(favourite),
            tag=_words(wish, "tag"),
            untag=_words(wish, "untag"),
        )
        ids = _ids(wish)
        return _done_to(ids, await self._library.change(list(ids.values()), change))

    async def _remove(self, wish: Mapping[str, Any]) -> Json:
        ids = _ids(wish)
        return _done_to(ids, await self._library.remove(list(ids.values())))

    async def _restore(self, wish: Mapping[str, Any]) -> Json:
        ids = _ids(wish)
        return _done_to(ids, await self._library.restore(list(ids.values())))

    async def _revoke(self, wish: Mapping[str, Any]) -> Json:
        """Files with their new links; those that are not there in `missing`."""
        files, missing = [], []
        for said in _words(wish, "ids"):
            try:
                files.append({"before": _id(said), **self._file_json(await self._library.revoke(_id(said)))})
            except NotFound:
                missing.append(said)
        return {"files": files, "missing": missing}

    async def _tidy(self, _: Mapping[str, Any]) -> Json:
        purged = await self._library.purge()
        trimmed = await self._library.trim()
        used = await self._library.used()
        return {
            "purged": purged,
            "trimmed": trimmed,
            "used": {kind.value: {"files": one.files, "bytes": one.size} for kind, one in used.items()},
        }

    def _file_json(self, kept: Kept) -> Json:
        """A file as scripts see it. `path` is where it lies, `name` what an export calls it."""
        return {
            "id": kept.id,
            "kind": kept.kind.value,
            "media_type": kept.media_type,
            "bytes": kept.size,
            "width": kept.width,
            "height": kept.height,
            "seconds": kept.seconds,
            "created_at": kept.created_at,
            "removed_at": kept.removed_at,
            "prompt": kept.origin.prompt,
            "model": kept.origin.model,
            "account": kept.origin.account_name,
            "client": kept.origin.client,
            "adult": kept.adult,
            "favourite": kept.favourite,
            "tags": list(kept.tags),
            "link": self._link(kept) if kept.removed_at is None else "",
            "path": str(self._library.path(kept)),
            "name": name_for_people(kept),
        }

    # -- errands

    async def _export(self, wish: Mapping[str, Any]) -> Json:
        """Copy files into `folder`: those of `ids`, or those that pass the filters, or `all`."""
        folder, ids, sought = _folder(wish), _words(wish, "ids"), _sought(wish)
        if not (ids or sought != Sought() or wish.get("all")):
            raise InvalidRequest(
                "Which files are meant was not said.",
                hint="Name them, filter them by kind, tag or words, or say --all.",
            )
        wanted = [_id(one) for one in ids]
        if not ids and sought != Sought():
            wanted = [kept.id async for kept in self._library.each(sought)]
        if not wanted and not wish.get("all"):
            raise NotFound("No file is meant by that.", hint="`grokdesk library list` shows them.")
        return self._begun("Export", export(self._library, folder, wanted or None))

    async def _import(self, wish: Mapping[str, Any]) -> Json:
        return self._begun("Import", import_folder(self._library, _folder(wish)))

    def _begun(self, title: str, moving: AsyncIterator[Moving]) -> Json:
        async def work(errand: Errand) -> None:
            async for moved in moving:
                errand.done, errand.total = moved.done, moved.total
                errand.counts = {"added": moved.added, "known": moved.known, "refused": moved.refused}

        return errand_json(self._errands.start(title, work))

    async def _show_errand(self, wish: Mapping[str, Any]) -> Json:
        return errand_json(self._errand(wish))

    async def _stop_errand(self, wish: Mapping[str, Any]) -> Json:
        errand = self._errand(wish)
        await self._errands.stop(errand.id)
        return errand_json(errand)

    def _errand(self, wish: Mapping[str, Any]) -> Errand:
        errand = self._errands.get(str(wish.get("errand", "")))
        if errand is None:
            raise NotFound("What was begun is not known any more.")
        return errand


# --- what is wished for -------------------------------------------------------------------------------------


async def _request(wish: Mapping[str, Any]) -> ImageRequest | VideoRequest:
    """What is to be made. Raises `InvalidRequest` for the first wrong value."""
    prompt = str(wish.get("prompt") or "")
    if not prompt.strip():
        raise InvalidRequest("The prompt must say what is to be made.", param="prompt")
    if len(prompt) > _LONGEST_PROMPT:
        raise InvalidRequest(f"The prompt is longer than {_LONGEST_PROMPT:,} characters.", param="prompt")
    references = await _references(wish)
    model, size = str(wish.get("model") or ""), str(wish.get("size") or "")
    if _kind(wish) is Kind.VIDEO:
        return VideoRequest(
            model or USUAL_FILM_MODEL,
            prompt,
            film_seconds(wish.get("seconds")),
            film_ratio(size),
            resolution(str(wish.get("resolution") or ""), param="resolution"),
            preset(str(wish.get("preset") or ""), param="preset"),
            references,
        )
    count = _number(wish, "n", 1)
    if not 1 <= count <= MOST_IMAGES:
        raise InvalidRequest(f"'n' is {count}; it must be 1 to {MOST_IMAGES}.", param="n")
    if references:
        return ImageRequest(model or USUAL_EDIT_MODEL, prompt, count, image_ratio(size), references)
    return ImageRequest(model or USUAL_MODEL, prompt, count, image_ratio(size, usual=AUTO))


async def _references(wish: Mapping[str, Any]) -> tuple[Media, ...]:
    said = list(wish.get("references") or ())
    if len(said) > MOST_REFERENCES:
        raise InvalidRequest(
            f"{len(said)} pictures were given to begin with; Grok takes at most {MOST_REFERENCES}.",
            param="references",
        )
    return tuple([await offload(_reference, one) for one in said])


def _reference(said: Mapping[str, Any]) -> Media:
    name = str(said.get("name") or "picture")
    try:
        data = base64.b64decode(str(said.get("data") or ""), validate=True)
    except binascii.Error as error:
        raise InvalidRequest("The file did not arrive whole.", param="references") from error
    try:
        media_type, _, _ = pictures.describe(data)
    except InvalidRequest as error:
        raise InvalidRequest(
            f"{name}: {error.message}", param="references", hint=error.hint, detail=error.detail
        ) from error
    return Media(data=data, media_type=media_type, name=name)


def _folder(wish: Mapping[str, Any]) -> Path:
    folder = Path(str(wish.get("folder") or ""))
    if not folder.is_absolute():
        raise InvalidRequest("The folder must be said with its whole path.", param="folder")
    return folder


def _kind(wish: Mapping[str, Any]) -> Kind | None:
    said = wish.get("kind")
    try:
        return Kind(str(said)) if said else None
    except ValueError:
        words = " or ".join(Kind)
        raise InvalidRequest(f"'{said}' is not {words}.", param="kind") from None


def _sought(wish: Mapping[str, Any]) -> Sought:
    return Sought(
        kind=_kind(wish),
        favourite=True if wish.get("favourite") else None,
        tag=str(wish.get("tag") or ""),
        text=str(wish.get("text") or ""),
        removed=bool(wish.get("removed")),
    )


def _number(wish: Mapping[str, Any], name: str, unsaid: int) -> int:
    said = wish.get(name)
    if said is None:
        return unsaid
    if not isinstance(said, int) or said < 0:
        raise InvalidRequest(f"'{name}' must be a whole number.", param=name)
    return said


def _words(wish: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(one) for one in wish.get(name) or ()))


def _ids(wish: Mapping[str, Any]) -> dict[str, str]:
    """The ids of a wish by what was written for them."""
    said = _words(wish, "ids")
    if not said:
        raise InvalidRequest(
            "Which files are meant was not said.", hint="`grokdesk library list` shows their ids."
        )
    return {one: _id(one) for one in said}


def _id(said: str) -> str:
    """The id in what a person wrote: the id itself, a link, or the name of an exported file."""
    found = _ID.search(said.strip().lower())
    return found[0] if found else said.strip()


# --- answers ------------------------------------------------------------------------------------------------


def _done_to(ids: Mapping[str, str], found: Collection[str]) -> Json:
    there = set(found)
    return {
        "files": [file_id for file_id in dict.fromkeys(ids.values()) if file_id in there],
        "missing": [said for said, file_id in ids.items() if file_id not in there],
    }


def media_job_json(job: MediaJob) -> Json:
    """A job as scripts see it."""
    request = job.request
    return {
        "id": job.id,
        "kind": job.kind.value,
        "state": job.state.value,
        "is_over": job.state.is_over,
        "fraction": job.fraction,
        "prompt": request.prompt,
        "model": request.model,
        "count": request.count if isinstance(request, ImageRequest) else 1,
        "seconds": request.seconds if isinstance(request, VideoRequest) else None,
        "ratio": request.ratio,
        "client": job.client,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "failure": job.failure,
        "hint": job.hint,
        "code": job.code,
        "files": list(job.files),
    }


def errand_json(errand: Errand) -> Json:
    """How far an errand is."""
    failure = errand.failure
    return {
        "errand": {
            "id": errand.id,
            "title": errand.title,
            "state": errand.state.value,
            "total": errand.total,
            "done": errand.done,
            "counts": dict(errand.counts),
            "failure": failure.message if failure else "",
            "hint": failure.hint if failure else "",
            "started_at": errand.started_at,
            "ended_at": errand.ended_at,
        }
    }
