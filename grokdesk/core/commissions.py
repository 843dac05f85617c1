"""What a request for a picture or a film comes down to, also when it comes as a conversation.

Pure. The rules for conversations are those of spec/public-api.md §4 to §6, without their defects: a prompt in
blocks counts, every wrong value is refused before anything is spent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from grokdesk.core.accounts import Mode, Product, Tier
from grokdesk.core.catalog import MODELS, Does, Model, modes_for
from grokdesk.core.conversation import ChatRequest, Media, Message, Role, Text
from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.core.media import (
    MOST_IMAGES,
    MOST_REFERENCES,
    ImageRequest,
    Preset,
    Request,
    Resolution,
    VideoRequest,
    film_ratio,
    film_seconds,
    image_ratio,
)
from grokdesk.core.pool import Need

DRAWS: Final = frozenset({Does.SKETCH, Does.IMAGE, Does.QUALITY})

_PAID: Final = (Tier.SUPER, Tier.HEAVY)
# What a free account may have made (grok-web-media.md §5.10).
_LONGEST_FREE_S: Final = 6
_FORMS: Final = ("url", "b64_json")


def commissioned(request: Request, model: Model) -> Request:
    """`request` as what `model` makes, by the name of the catalogue.

    A conversation with one that draws or films becomes that.
    Raises `InvalidRequest` when the two do not go together.
    """
    match request:
        case ChatRequest():
            if model.does is Does.CHAT:
                return request
            return _film_of(request, model) if model.does is Does.VIDEO else _picture_of(request, model)
        case ImageRequest():
            return replace(_checked(request, model), model=model.name)
        case VideoRequest():
            if model.does is not Does.VIDEO:
                raise _not_made(model, "films", {Does.VIDEO})
            return replace(request, model=model.name)


def need_of(request: Request, model: Model, *, fallback: bool, path: str = "") -> Need:
    """The accounts that can serve `request`, as `commissioned` returned it.

    `path` is where what was asked for has the wishes for a film, with a dot at its end.
    """
    match request:
        case VideoRequest(continues=film) if film is not None:
            return Need(model.tiers, (_product(request),), only=film.trace.account)
        case VideoRequest():
            because = _beyond_free(request)
            meters = (_product(request),)
            return Need(_PAID, meters, because=path + because) if because else Need(model.tiers, meters)
        case ImageRequest() if model.product is not None:
            return Need(model.tiers, (model.product,))
        case ImageRequest():
            return Need(model.tiers, (Mode.FAST,))
        case ChatRequest():
            return Need(model.tiers, modes_for(model, fallback=fallback))


def _beyond_free(request: VideoRequest) -> str:
    """The member of `request` that a free account may not have so; empty when there is none."""
    if request.seconds > _LONGEST_FREE_S:
        return "seconds"
    return "resolution_name" if request.resolution is not Resolution.P720 else ""


def _product(request: VideoRequest) -> Product:
    return Product.VIDEO_720P if request.resolution is Resolution.P720 else Product.VIDEO


def _checked(request: ImageRequest, model: Model) -> ImageRequest:
    if request.references:
        if model.does is not Does.EDIT:
            raise _not_made(model, "changed pictures", {Does.EDIT})
    elif model.does is Does.EDIT:
        raise InvalidRequest(
            f"The model '{model.name}' changes pictures, and none came with the request.",
            param="image",
            hint="Send at least one picture, or use grok-imagine-image to make one from words.",
        )
    elif model.does not in DRAWS:
        raise _not_made(model, "pictures", DRAWS)
    if not 1 <= request.count <= MOST_IMAGES:
        raise InvalidRequest(f"'n' is {request.count}; it must be 1 to {MOST_IMAGES}.", param="n")
    return request


def _not_made(model: Model, what: str, does: frozenset[Does] | set[Does]) -> InvalidRequest:
    names = ", ".join(one.name for one in MODELS if one.does in does)
    return InvalidRequest(
        f"The model '{model.name}' does not make {what}.", param="model", hint=f"These do: {names}."
    )


# --- from a conversation ------------------------------------------------------------------------------------


def _picture_of(request: ChatRequest, model: Model) -> ImageRequest:
    prompt, pictures = _asked(request)
    wishes = request.image
    if not 1 <= wishes.count <= MOST_IMAGES:
        raise InvalidRequest(
            f"'image_config.n' is {wishes.count}; it must be 1 to {MOST_IMAGES}.", param="image_config.n"
        )
    if wishes.form and wishes.form not in _FORMS:
        raise InvalidRequest(
            f"'image_config.response_format' is {wishes.form[:40]!r}; it must be url or b64_json.",
            param="image_config.response_format",
        )
    ratio = image_ratio(wishes.size, wishes.ratio, param="image_config.size")
    if model.does is Does.EDIT:
        pictures = _all_pictures(request)
        if not pictures:
            raise InvalidRequest(
                f"The model '{model.name}' changes pictures, and there is none in the conversation.",
                param="messages",
                hint="Attach a picture, or use grok-imagine-image to make one from words.",
            )
    elif pictures:
        raise _not_made(model, "pictures from pictures", {Does.EDIT})
    return ImageRequest(model.name, prompt, wishes.count, ratio, pictures[-MOST_REFERENCES:])


def _film_of(request: ChatRequest, model: Model) -> VideoRequest:
    prompt, pictures = _asked(request)
    wishes = request.video
    return VideoRequest(
        model.name,
        prompt,
        film_seconds(wishes.seconds, param="video_config.seconds"),
        film_ratio(wishes.size, wishes.ratio, param="video_config.size"),
        resolution(wishes.resolution, param="video_config.resolution_name"),
        preset(wishes.preset, param="video_config.preset"),
        pictures[:MOST_REFERENCES],
    )


def resolution(said: str, *, param: str) -> Resolution:
    """The resolution that `said` names, empty for the usual one. Raises `InvalidRequest` naming `param`."""
    try:
        return Resolution(said.strip().lower() or Resolution.P720)
    except ValueError:
        names = ", ".join(Resolution)
        raise InvalidRequest(f"'{param}' is {said[:40]!r}; it must be one of {names}.", param=param) from None


def preset(said: str, *, param: str) -> Preset:
    """The preset that `said` names, empty for the usual one. Raises `InvalidRequest` naming `param`."""
    try:
        return Preset(said.strip().lower() or Preset.CUSTOM)
    except ValueError:
        names = ", ".join(Preset)
        raise InvalidRequest(f"'{param}' is {said[:40]!r}; it must be one of {names}.", param=param) from None


def _asked(request: ChatRequest) -> tuple[str, tuple[Media, ...]]:
    """The words of the last user message that has any, and the pictures that came with it."""
    for message in reversed(request.messages):
        if message.role is not Role.USER:
            continue
        words = "\n".join(part.text for part in message.parts if isinstance(part, Text)).strip()
        if words:
            return words, _pictures(message)
    raise InvalidRequest(
        "There is no prompt: no message of the user has text.",
        param="messages",
        hint="Say in words what is to be made.",
    )


def _all_pictures(request: ChatRequest) -> tuple[Media, ...]:
    return tuple(
        picture for message in request.messages if message.role is Role.USER for picture in _pictures(message)
    )


def _pictures(message: Message) -> tuple[Media, ...]:
    found = tuple(part for part in message.parts if isinstance(part, Media))
    for media in found:
        if media.media_type and not media.media_type.startswith(("image/", "application/octet-stream")):
            raise Unsupported(
                f"A picture or film cannot be made from a file of the type {media.media_type[:40]}.",
                param="messages",
            )
    return found
