"""`image_config` and `video_config`: what a conversation says about the pictures or the film it asks for.

They are extra members of all conversational formats and the same in each (spec/public-api.md §4 to §6).
Everything in them is checked, whatever the model.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from grokdesk.core.commissions import preset, resolution
from grokdesk.core.conversation import ImageWishes, VideoWishes
from grokdesk.core.media import MOST_IMAGES, film_ratio, film_seconds, image_ratio
from grokdesk.dialects.body import Body, Count, Seconds


class ImageConfig(Body):
    """How many pictures, of which form, and how they stand in the answer."""

    n: Annotated[Count, Field(ge=1, le=MOST_IMAGES)] | None = None
    size: str | None = None
    aspect_ratio: str | None = None
    response_format: Literal["url", "b64_json"] | None = None


class VideoConfig(Body):
    """How long a film is, of which form, and how freely it treats its prompt."""

    seconds: Seconds = None
    size: str | None = None
    aspect_ratio: str | None = None
    resolution_name: str | None = None
    preset: str | None = None


class Wishing(Body):
    """The members that bodies of all these formats have."""

    image_config: ImageConfig | None = None
    video_config: VideoConfig | None = None


def image(wishing: Wishing) -> ImageWishes:
    """Return what is said about pictures. Raises `InvalidRequest` with the path of what is wrong."""
    config = wishing.image_config
    if config is None:
        return ImageWishes()
    size, ratio = config.size or "", config.aspect_ratio or ""
    image_ratio(size, ratio, param=f"image_config.{'aspect_ratio' if ratio else 'size'}")
    return ImageWishes(config.n or 1, size, ratio, config.response_format or "")


def video(wishing: Wishing) -> VideoWishes:
    """Return what is said about a film. Raises `InvalidRequest` with the path of what is wrong."""
    config = wishing.video_config
    if config is None:
        return VideoWishes()
    size, ratio = config.size or "", config.aspect_ratio or ""
    film_ratio(size, ratio, param=f"video_config.{'aspect_ratio' if ratio else 'size'}")
    resolution(config.resolution_name or "", param="video_config.resolution_name")
    preset(config.preset or "", param="video_config.preset")
    seconds = config.seconds
    return VideoWishes(
        film_seconds(seconds, param="video_config.seconds") if seconds not in (None, "") else None,
        size,
        ratio,
        config.resolution_name or "",
        config.preset or "",
    )
