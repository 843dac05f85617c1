"""Images, recordings and files in messages → `Media`."""

from __future__ import annotations

from typing import Final

from grokdesk.core.conversation import Media
from grokdesk.core.errors import Unsupported
from grokdesk.dialects.media import embedded, linked, recording
from grokdesk.dialects.openai_chat import schema
from grokdesk.dialects.reading import required

KINDS: Final = frozenset({"image_url", "input_image", "input_audio", "file"})


def media(part: schema.Part, path: str) -> Media:
    """Return what a part of one of `KINDS` carries.

    Raises `InvalidRequest` for what cannot be read and `Unsupported` for files that are only referred to,
    with the path of the member.
    """
    match part.type:
        case "input_audio":
            return recording(part.input_audio, f"{path}.input_audio")
        case "file":
            return _file(part.file, f"{path}.file")
        case _:
            return _image(part.image_url, f"{path}.image_url")


def _image(image: schema.ImageUrl | None, path: str) -> Media:
    if image is None:
        raise required(path)
    return linked(image.url, f"{path}.url")


def _file(file: schema.File | None, path: str) -> Media:
    if file is None:
        raise required(path)
    if file.file_data is None and file.file_id is not None:
        raise Unsupported(
            "This gateway keeps no uploaded files.",
            param=f"{path}.file_id",
            hint="Send the file itself in 'file_data'.",
        )
    if file.file_data is None:
        raise required(f"{path}.file_data")
    # The reference speaks of base64 alone, all of its examples are URIs.
    return embedded(file.file_data, f"{path}.file_data", name=file.filename or "")
