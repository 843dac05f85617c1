"""Files on their way to Grok, in either form: attachments of chat, pictures for edits and films."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec

from grokdesk.platform.tasks import offload
from grokdesk.providers.grok_web.protocol import uploads
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.uploads import File
from grokdesk.providers.grok_web.session import Session

P = ParamSpec("P")

# From here on packing is noticed by others.
_LARGE: Final = 1 << 20


async def upload(session: Session, call: Call, file: File, *, source: str = "") -> bytes:
    """Send `file` in the current form; returns what Grok answers. For a chat attachment there is no `source`.

    Raises `UpstreamError`.
    """
    boundary = f"----WebKitFormBoundary{uuid.uuid4().hex[:16]}"
    body = await _packed(uploads.multipart, file, boundary, source=source)
    async with session.request("POST", call, uploads.PATH, body, boundary=boundary) as reply:
        return await reply.body()


async def upload_older(session: Session, file: File) -> bytes:
    """Send `file` in the older form; returns what Grok answers. Raises `UpstreamError`."""
    body = await _packed(uploads.json_body, file)
    async with session.request("POST", Call.UPLOAD_OLDER, uploads.OLDER_PATH, body) as reply:
        return await reply.body()


async def _packed(
    pack: Callable[Concatenate[File, P], bytes], file: File, *args: P.args, **kwargs: P.kwargs
) -> bytes:
    """What `pack` makes of `file`; a large one does not hold up the loop."""
    if len(file.data) > _LARGE:
        return await offload(pack, file, *args, **kwargs)
    return pack(file, *args, **kwargs)
