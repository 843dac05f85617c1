"""Files: sent, listed, deleted, and fetched from the owner's host or the public one (media chapter 6).

All hosts are one port here. `/users/…` is the assets host, which wants the owner's cookie;
`/imagine-public/…` is the public one, which wants nothing. Scripts for downloads are written for the paths
`DOWNLOADS` and `PUBLIC`, or for one exact path.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final, TypeVar

from aiohttp import web

from grokdesk.platform.tasks import offload
from grokdesk.sim import checks, faults, media_checks
from grokdesk.sim.desk import Desk, answer, as_object, dropped, owner
from grokdesk.sim.gallery import File
from grokdesk.sim.script import Cut, Json, Media, Script, Stall
from grokdesk.sim.stage import silence
from grokdesk.sim.world import Received, Upload, stamp

DOWNLOADS: Final = "/users/"
PUBLIC: Final = "/imagine-public/"

_A_PAGE = 50
_CHUNK_BYTES = 16 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_Listed = TypeVar("_Listed")


class Assets:
    """The handlers of files."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._world = desk.world

    # -------------------------------------------------------------------------------------- sending

    async def upload_json(self, request: web.Request, seen: Received) -> web.StreamResponse:
        """The older form (§6.1)."""
        want: checks.Want = {
            "fileName": str,
            "fileMimeType": str,
            "content": str,
            "fileSource?": ("SELF_UPLOAD_FILE_SOURCE",),
        }
        bad = self._desk.bad(seen, checks.shape(seen.json, want, "body"))
        if bad:
            return bad
        body = as_object(seen.json)
        try:
            data = base64.b64decode(str(body.get("content", "")), validate=True)
        except binascii.Error:
            return answer(
                faults.status_refusal(faults.CODE_INVALID, "content is no base64", status=400), seen
            )
        name, mime = str(body.get("fileName", "")), str(body.get("fileMimeType", ""))
        upload = self._world.keep(owner(seen), name, mime, data, "json")
        told: Json = {
            "fileMetadataId": upload.id,
            "fileId": upload.id,
            "fileMimeType": upload.mime,
            "fileName": upload.name,
            "fileUri": upload.path,
            "createTime": stamp(upload.at),
        }
        return web.json_response(_lacking(told, seen.media))

    async def upload_multipart(self, request: web.Request, seen: Received) -> web.StreamResponse:
        """The current form (§6.2)."""
        fields = await request.post()
        part, source = fields.get("file"), fields.get("file_source")
        told_source = source if isinstance(source, str) else None
        bad = self._desk.bad(seen, media_checks.form_fields(list(fields), told_source, seen))
        if bad:
            return bad
        if not isinstance(part, web.FileField):
            self._desk.violate(seen, ["the part file has no file name"])
            return answer(faults.status_refusal(faults.CODE_INVALID, "file is missing", status=400), seen)
        with part.file as file:
            data = file.read()
        upload = self._world.keep(owner(seen), part.filename, part.content_type, data, "multipart")
        if seen.media.upload == "terminal_error":
            del self._world.uploads[upload.id]
            rejected: Json = {"message": "unsupported file"}
            return web.json_response({"uploadId": upload.id, "terminalError": rejected, "fileMetadata": {}})
        told: Json = {"fileMetadataId": upload.id, "fileId": upload.id, "fileUri": upload.path}
        about = _lacking(told, seen.media)
        upload_id = {} if seen.media.upload == "no_id" else {"uploadId": upload.id}
        return web.json_response({**upload_id, "terminalError": None, "fileMetadata": about})

    # ---------------------------------------------------------------------------- listing, deleting

    async def listed(self, request: web.Request, seen: Received) -> web.StreamResponse:
        """A page of the account's files (§6.3), oldest first."""
        bad = self._desk.bad(seen, checks.listing(seen, checks.ASSETS_QUERY))
        if bad:
            return bad
        account = owner(seen)
        sent = [upload for upload in self._world.uploads.values() if upload.account is account]
        everything: list[Upload | File] = [*sent, *self._world.media.of(account)]
        everything.sort(key=lambda one: one.at)
        shown, more = paged(seen, everything, _A_PAGE)
        if account.assets_shape == "items":
            return web.json_response({"items": [_older(one) for one in await _told(shown)], **more})
        return web.json_response({"assets": await _told(shown), **more})

    async def delete(self, request: web.Request, seen: Received) -> web.StreamResponse:
        """Delete one file of the account's (§6.4), once."""
        account, asset_id = owner(seen), request.match_info["id"]
        upload = self._world.uploads.get(asset_id)
        if upload and upload.account is account:
            del self._world.uploads[upload.id]
            return web.json_response({})
        if self._world.media.delete(account, asset_id):
            return web.json_response({})
        return answer(faults.NOT_FOUND, seen)

    # ------------------------------------------------------------------------------------- fetching

    async def download(self, request: web.Request) -> web.StreamResponse:
        """A file of the assets host, for its owner alone (§6.5)."""
        seen = await self._desk.receive(request)
        problems = media_checks.download(seen)
        self._desk.violate(seen, problems)
        if not checks.is_cleared(seen, self._world):
            return answer(faults.CHALLENGE, seen)
        file = self._world.media.find(seen.path.lstrip("/"))
        refusal = faults.status_refusal(faults.CODE_DENIED, "Access denied", status=403)
        if not seen.account:
            return answer(refusal, seen)
        status_refusal = self._desk.status_refusal(seen)
        if status_refusal:
            return answer(status_refusal, seen)
        script = self._script(seen, DOWNLOADS)
        if not file:
            return await self._refused(script) or answer(faults.NOT_FOUND, seen)
        if file.account is not seen.account:
            return answer(refusal, seen)
        return await self._serve(request, seen, file, script)

    async def fetch_public(self, request: web.Request) -> web.StreamResponse:
        """A file of the public host, for everybody (§6.6)."""
        seen = await self._desk.receive(request)
        self._desk.violate(seen, checks.absent(seen, "authorization", "x-statsig-id"))
        file = self._world.media.find_public(seen.path.lstrip("/"))
        script = self._script(seen, PUBLIC)
        if not file:
            return await self._refused(script) or answer(faults.NOT_FOUND, seen)
        return await self._serve(request, seen, file, script)

    def _script(self, seen: Received, host: str) -> Script:
        world, account = self._world, seen.account
        return world.take_on(seen.path, account) or world.take_on(host, account) or Script()

    async def _refused(self, script: Script) -> web.Response | None:
        for stall in script.stalls_before("open", "acks", "first_byte"):
            await silence(stall.seconds)
        refusal = script.refusal
        return (
            web.Response(status=refusal.status, body=refusal.body, headers=refusal.headers)
            if refusal
            else None
        )

    async def _serve(
        self, request: web.Request, seen: Received, file: File, script: Script
    ) -> web.StreamResponse:
        refused = await self._refused(script)
        if refused:
            seen.status = refused.status
            return refused
        if script.hang_up:
            return dropped(request)
        data = await offload(file.content)
        wanted = _wanted(request.headers.get("Range", ""), len(data))
        if wanted is None:
            seen.status = 416
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
        start, end = wanted
        headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=3600"}
        kind = script.media.content_type
        if kind != "":
            headers["Content-Type"] = kind or file.mime
        is_part = _RANGE.fullmatch(request.headers.get("Range", "").strip()) is not None
        if is_part:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        length = script.media.declared_bytes
        headers["Content-Length"] = str(end - start if length is None else length)
        response = web.StreamResponse(status=206 if is_part else 200, headers=headers)
        seen.status = response.status
        await response.prepare(request)
        if request.method != "HEAD":
            await self._send(request, response, data[start:end], script)
        return response

    async def _send(
        self, request: web.Request, response: web.StreamResponse, data: bytes, script: Script
    ) -> None:
        """The bytes, in chunks: `Stall.after` and `Cut.after` count them, `Cut.size_bytes` counts bytes."""
        size = script.wire.chunk_bytes or _CHUNK_BYTES
        cut = next((one for one in script.incidents if isinstance(one, Cut)), None)
        stalls = {one.after: one.seconds for one in script.incidents if isinstance(one, Stall) and one.after}
        delay = script.wire.delay_s or 0.0
        for number, at in enumerate(range(0, len(data), size)):
            if number in stalls:
                await silence(stalls[number])
            part = data[at : at + size]
            if cut and cut.size_bytes is not None:
                part = part[: max(cut.size_bytes - at, 0)]
            if cut and cut.after is not None and number >= cut.after:
                part = b""
            if part:
                await response.write(part)
            if delay:
                await asyncio.sleep(delay)
            if cut and (
                (cut.size_bytes is not None and at + size >= cut.size_bytes)
                or (cut.after is not None and number + 1 >= cut.after)
            ):
                break
        whole = cut is None and script.media.declared_bytes in {None, len(data)}
        if not whole and request.transport:
            request.transport.close()


def paged(seen: Received, everything: Sequence[_Listed], usual: int) -> tuple[list[_Listed], Json]:
    """One page, and where the next one is, under the names both documents know (chat §19.1, media §6.3)."""
    size = int(seen.query.get("pageSize") or seen.query.get("limit") or usual)
    token = seen.query.get("pageToken") or seen.query.get("cursor") or ""
    start = int(base64.b64decode(token).removeprefix(b"after-")) if token else 0
    end = start + size
    if end >= len(everything):
        return list(everything[start:]), {"nextPageToken": ""}
    return list(everything[start:end]), {"nextPageToken": base64.b64encode(b"after-%d" % end).decode()}


async def asset(one: Upload | File) -> Json:
    """A file as the list tells it (§6.3)."""
    return (await _told([one]))[0]


async def _told(files: Sequence[Upload | File]) -> list[Json]:
    if any(isinstance(one, File) for one in files):
        # Their sizes are known once they are drawn.
        return await offload(lambda: [_asset(one) for one in files])
    return [_asset(one) for one in files]


def _asset(one: Upload | File) -> Json:
    at = stamp(one.at)
    told: Json = {
        "assetId": one.id,
        "mimeType": one.type if isinstance(one, Upload) else one.mime,
        "name": one.name,
        "sizeBytes": str(len(one.data if isinstance(one, Upload) else one.content())),
        "createTime": at,
        "lastUseTime": at,
        "updateTime": at,
        "summary": "",
        "key": one.path,
        "isDeleted": False,
        "isLatest": True,
        "isModelGenerated": isinstance(one, File),
        "isRootAssetCreatedByModel": isinstance(one, File),
        "inlineStatus": "DEFAULT_ARTIFACT_INLINE_STATUS",
        "sharedWithTeam": False,
        "sharedWithUserIds": [],
        "isPublic": False,
        "rRated": False,
        "thumbhash": "",
        "ownerUserId": one.account.user_id,
    }
    if isinstance(one, Upload):
        return told | {"fileSource": "SELF_UPLOAD_FILE_SOURCE"}
    references = ",".join(f'"{path}"' for path in one.references)
    return told | {
        "previewImageKey": one.preview,
        "auxKeys": {
            "preview-image": one.preview,
            "moderated": "false",
            "is_ext": "true" if one.is_extension else "false",
            "image_references": f"[{references}]",
        },
        "responseId": one.response_id,
        "sourceConversationId": one.conversation_id,
        "rootAssetSourceConversationId": one.conversation_id,
        "fileSource": "IMAGINE_GENERATED_FILE_SOURCE",
        "width": one.width,
        "height": one.height,
        "mediaGenInput": one.made_from,
    }


def _older(told: Json) -> Json:
    """The same under the other names a reader has to know (§6.3)."""
    return {
        "id": told["assetId"],
        "contentType": told["mimeType"],
        "fileName": told["name"],
        "size": int(str(told["sizeBytes"])),
        "createdAt": told["createTime"],
        "filePath": told["key"],
    }


def _lacking(told: Json, media: Media) -> Json:
    """The reply to an upload without what the script takes from it."""
    match media.upload:
        case "id_only" | "no_id":
            return {}
        case "no_uri":
            return {**told, "fileUri": ""}
        case _:
            return told


def _wanted(header: str, size: int) -> tuple[int, int] | None:
    """First byte of a `Range` and the one after its last; all if it is unreadable, `None` if outside."""
    found = _RANGE.fullmatch(header.strip())
    if not found or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        return (max(size - int(found[2]), 0), size) if int(found[2]) else None
    start = int(found[1])
    end = min(int(found[2]) + 1, size) if found[2] else size
    return (start, end) if start < end else None
