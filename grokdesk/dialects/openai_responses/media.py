"""Images, recordings and files → `Media`."""

from __future__ import annotations

from typing import Final

from grokdesk.core.conversation import Media
from grokdesk.core.errors import Unsupported
from grokdesk.dialects.media import embedded, from_address, linked, recording
from grokdesk.dialects.openai_responses import schema
from grokdesk.dialects.reading import required

KINDS: Final = frozenset({"input_image", "input_file", "input_audio"})


def media(part: schema.Part, path: str) -> Media:
    """Return what a part of one of `KINDS` carries.

    Raises `InvalidRequest` for what cannot be read and `Unsupported` for files that are only referred to,
    with the path of the member.
    """
    match part.type:
        case "input_audio":
            return recording(part.input_audio, f"{path}.input_audio")
        case "input_file":
            return _file(part, path)
        case _:
            return _image(part, path)


def _image(part: schema.Part, path: str) -> Media:
    if part.image_url is None:
        _refuse_id(part, path, "Send the image itself in 'image_url', as an address or a data: URI.")
        raise required(f"{path}.image_url")
    return linked(part.image_url, f"{path}.image_url")


def _file(part: schema.Part, path: str) -> Media:
    name = part.filename or ""
    if part.file_data is not None:
        # The reference speaks of base64 alone, all of its examples are URIs.
        return embedded(part.file_data, f"{path}.file_data", name=name)
    if part.file_url is not None:
        return from_address(part.file_url, f"{path}.file_url", name)
    _refuse_id(part, path, "Send the file itself in 'file_data', or its address in 'file_url'.")
    raise required(f"{path}.file_data")


def _refuse_id(part: schema.Part, path: str, hint: str) -> None:
    if part.file_id is not None:
        raise Unsupported("This gateway keeps no uploaded files.", param=f"{path}.file_id", hint=hint)
