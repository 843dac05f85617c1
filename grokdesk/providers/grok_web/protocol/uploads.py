"""Files that go with a message, and their two uploads (grok-web-chat.md §14, grok-web-media.md §6)."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Final

import orjson

from grokdesk.core.errors import Garbled, InvalidRequest, TooLarge
from grokdesk.core.file_types import sniffed
from grokdesk.providers.grok_web.protocol import loose

PATH: Final = "/http/upload-file-v2/direct"
OLDER_PATH: Final = "/rest/app-chat/upload-file"
MAX_FILES: Final = 8
MAX_FILE: Final = 32 << 20
MAX_TOGETHER: Final = 64 << 20

_SUFFIX: Final = {
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "application/pdf": "pdf",
    "application/json": "json",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/csv": "csv",
    "text/html": "html",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
}
_OCTETS: Final = "application/octet-stream"
_GIVEN_NAME: Final = re.compile(r"file-\d+\.\w+")


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent: bytes, MIME type and a name that fits it."""

    data: bytes
    media_type: str
    name: str


def prepared(data: bytes, media_type: str, name: str, number: int) -> File:
    """A file ready to be sent. The type of pictures, PDFs and sound is read from the bytes.

    Raises `InvalidRequest` for an empty file and `TooLarge` above `MAX_FILE`, both naming it by `number` from
    1.
    """
    if not data:
        raise InvalidRequest(f"Attachment {number} is empty.", param="messages")
    if len(data) > MAX_FILE:
        raise TooLarge(
            f"Attachment {number} has {len(data) >> 20} MB; at most {MAX_FILE >> 20} MB are possible.",
            param="messages",
        )
    kind = sniffed(data) or media_type.partition(";")[0].strip().lower() or _guessed_text(data)
    subtype = kind.rpartition("/")[2].removeprefix("x-")
    suffix = _SUFFIX.get(kind) or re.sub(r"[^a-z0-9]", "", subtype)[:8] or "bin"
    return File(data, kind, _safe_name(name) or f"file-{number}.{suffix}")


def checked(files: list[File]) -> list[File]:
    """The files of one message, identical ones once. Raises `TooLarge` when they are too many or too big."""
    unique: dict[tuple[bytes, str, str], File] = {}
    for file in files:
        # A name that was only given to tell the files apart does not.
        unique.setdefault((file.data, file.media_type, _GIVEN_NAME.sub("", file.name)), file)
    if len(unique) > MAX_FILES:
        raise TooLarge(f"{len(unique)} attachments; at most {MAX_FILES} are possible.", param="messages")
    total = sum(len(file.data) for file in unique.values())
    if total > MAX_TOGETHER:
        raise TooLarge(
            f"The attachments have {total >> 20} MB together; at most {MAX_TOGETHER >> 20} MB are possible.",
            param="messages",
        )
    return list(unique.values())


def _guessed_text(data: bytes) -> str:
    try:
        data[:4096].decode("utf-8", "strict" if len(data) <= 4096 else "ignore")  # noqa: PLR2004 - a look is enough
    except UnicodeDecodeError:
        return _OCTETS
    return _OCTETS if b"\0" in data[:4096] else "text/plain"


def _safe_name(name: str) -> str:
    """A file name as a browser sends it: no path, no control characters."""
    last = re.split(r"[\\/]", name)[-1]
    return re.sub(r"[\x00-\x1f\x7f]", "_", last.replace("\r", "").replace("\n", "")).strip()[:200]


# --- older form ----


def json_body(file: File) -> bytes:
    """The body of `POST` to `OLDER_PATH`."""
    return orjson.dumps(
        {"fileName": file.name, "fileMimeType": file.media_type, "content": b64encode(file.data).decode()}
    )


# --- current form ----


def multipart(file: File, boundary: str, *, source: str = "") -> bytes:
    """The body of `POST` to `PATH`; for a chat attachment there is no `source`."""
    name = file.name.replace("\\", "\\\\").replace('"', '\\"')
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {file.media_type}\r\n\r\n"
    )
    tail = f"\r\n--{boundary}--\r\n"
    if source:
        tail = f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="file_source"\r\n\r\n{source}{tail}'
    return head.encode() + file.data + tail.encode()


# --- answers ----


def file_id(body: bytes) -> str:
    """The id by which a message names the uploaded file, from the answer of either form.

    Raises `Garbled` when there is none, `InvalidRequest` when upstream took the call but refused the file.
    """
    answer = loose.parsed(body) or {}
    if answer.get("terminalError"):
        raise InvalidRequest(
            "Grok does not accept this attachment.",
            param="messages",
            hint="Send another file format.",
            detail=str(answer.get("terminalError"))[:300],
        )
    metadata = loose.member(answer, "fileMetadata")
    found = (
        loose.text(metadata, "fileMetadataId", "fileId")
        or loose.text(answer, "fileMetadataId", "fileId")
        or loose.text(answer, "uploadId")
    )
    if not found:
        raise Garbled(
            "Grok did not say where it put the attachment.", detail=f"upload: {len(body)} bytes without an id"
        )
    return found


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Where an uploaded picture is: its id, and its address, relative or absolute. Any may be empty.

    `asset` is the one kind of id by which the current form of a job can name it (grok-web-media.md §4.2).
    """

    id: str
    uri: str
    asset: str = ""


def uploaded(body: bytes) -> Uploaded:
    """Where a picture for an edit or a film was put, from the answer of either form (grok-web-media.md §6).

    Raises `Garbled` when that was not said, `InvalidRequest` when upstream refused it.
    """
    answer = loose.parsed(body) or {}
    if answer.get("terminalError"):
        raise InvalidRequest(
            "Grok does not accept this picture.",
            param="image",
            hint="Send another picture, or another format of it.",
            detail=str(answer.get("terminalError"))[:300],
        )
    places = [loose.member(answer, "fileMetadata"), answer]

    def said(name: str) -> str:
        return next((text for place in places if (text := loose.text(place, name))), "")

    asset = said("fileMetadataId")
    found = Uploaded(asset or said("fileId"), said("fileUri"), asset)
    if not (found.id or found.uri):
        raise unplaced(len(body))
    return found


def unplaced(size: int) -> Garbled:
    """Upstream did not say what is needed to use an upload. `size` is that of its answer, in bytes."""
    return Garbled(
        "Grok did not say where it put the picture.", hint="Try again.", detail=f"upload: {size} bytes"
    )
