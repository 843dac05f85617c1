"""The pictures that an edit or a film is made from: had, checked, and put where Grok finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from grokdesk.core.conversation import Media
from grokdesk.core.errors import InvalidRequest, TooLarge
from grokdesk.core.file_types import sniffed
from grokdesk.providers.attachments import fetch
from grokdesk.providers.grok_web.protocol import uploads
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.pictures import Place
from grokdesk.providers.grok_web.protocol.uploads import File
from grokdesk.providers.grok_web.session import Session
from grokdesk.providers.grok_web.submitting import Patience
from grokdesk.providers.grok_web.uploading import upload, upload_older

EDIT_BYTES: Final = 32 << 20
FILM_BYTES: Final = 20 << 20
MOST: Final = 8
MOST_OLDER: Final = 7

_KINDS: Final = {"image/jpeg", "image/png", "image/webp", "image/gif"}
_SOURCE: Final = "IMAGINE_SELF_UPLOAD_FILE_SOURCE"


@dataclass(frozen=True, slots=True)
class Reference:
    """One picture. `url` is set when it lies with the account already and need not be uploaded."""

    file: File
    url: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a picture lies at Grok: the id of the file, its address, and the id the current form takes."""

    id: str
    url: str
    asset: str = ""


async def had(
    session: Session, patience: Patience, references: Sequence[Media], *, most: int, most_bytes: int
) -> list[Reference]:
    """The pictures that `references` are, those named by address fetched.

    Raises `InvalidRequest` for one that cannot be had or is no JPEG, PNG, WebP or GIF, and for too many;
    `TooLarge` for one above `most_bytes`. Both say which.
    """
    if len(references) > most:
        raise InvalidRequest(
            f"{len(references)} pictures to start from; at most {most} are possible.", param="image"
        )
    return [
        _checked(await _had(session, patience, media, number), number, most_bytes)
        for number, media in enumerate(references, 1)
    ]


async def _had(session: Session, patience: Patience, media: Media, number: int) -> Reference:
    if not media.url:
        return Reference(File(media.data, media.media_type, media.name))
    if session.places.of(media.url) is Place.OWNER:
        data = await _own(patience.of(session), media.url, number)
        is_stable = urlsplit(media.url).path.endswith("/content")
        return Reference(File(data, "", ""), media.url if is_stable else "")
    try:
        fetched = await fetch(
            session.means.wire, media.url, allow_private=session.options.fetch_private_addresses
        )
    except InvalidRequest as error:
        raise type(error)(
            f"Picture {number}: {error.message}", param="image", hint=error.hint, detail=error.detail
        ) from error
    return Reference(File(fetched.data, media.media_type or fetched.media_type, media.name or fetched.name))


async def _own(session: Session, url: str, number: int) -> bytes:
    """A file that lies with the account."""
    async with session.fetch(url, owned=True) as reply:
        if reply.status != HTTPStatus.OK:
            raise InvalidRequest(
                f"Picture {number} is a file at Grok that this account cannot open.",
                param="image",
                hint="Send the picture itself.",
                detail=f"status={reply.status}",
            )
        return await reply.body(EDIT_BYTES + 1)


def _checked(reference: Reference, number: int, most_bytes: int) -> Reference:
    data = reference.file.data
    if len(data) > most_bytes:
        raise TooLarge(
            f"Picture {number} is larger than {most_bytes >> 20} MB, which is the most that is possible.",
            param="image",
        )
    if sniffed(data) not in _KINDS:
        what = "is no JPEG, PNG, WebP or GIF" if data else "is empty"
        raise InvalidRequest(f"Picture {number} {what}.", param="image", hint="Send another picture.")
    file = reference.file
    return Reference(uploads.prepared(data, file.media_type, file.name, number), reference.url)


async def placed(session: Session, patience: Patience, reference: Reference, *, older: bool) -> Placed:
    """Upload a picture, in either form, unless it lies with the account already.

    Raises `Garbled` when upstream does not say where it is; an address is made from the id where the owner
    is known.
    """
    if older and reference.url:
        return Placed("", reference.url)
    limited = patience.of(session)
    if older:
        answer = await upload_older(limited, reference.file)
    else:
        answer = await upload(limited, Call.MEDIA_UPLOAD, reference.file, source=_SOURCE)
    found = uploads.uploaded(answer)
    user_id = session.account.user_id
    uri = found.uri or (f"users/{user_id}/{found.id}/content" if user_id and found.id else "")
    return Placed(found.id, session.places.absolute(uri), found.asset)
