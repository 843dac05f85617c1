"""What is sent for edits and films, in both forms (grok-web-media.md §4, §5)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from grokdesk.core.errors import Garbled
from grokdesk.core.media import Preset, Resolution
from grokdesk.core.settings import MediaForm
from grokdesk.providers.grok_web.protocol import loose

POST_PATH: Final = "/rest/media/post/create"
UPSCALE_PATH: Final = "/rest/media/video/upscale"
SHARE_PATH: Final = "/rest/media/post/create-link"

# How many pictures one call of the older form makes, whatever was asked (§4.1).
OLDER_BATCH: Final = 2

_PLACEHOLDER: Final = re.compile(r"@IMAGE(\d{1,3})", re.IGNORECASE)
_FLAGS: Final = {
    Preset.FUN: "extremely-crazy",
    Preset.NORMAL: "normal",
    Preset.SPICY: "extremely-spicy-or-crazy",
    Preset.CUSTOM: "custom",
}
_FRAME_S: Final = 1 / 24
_USUAL_RATIO: Final = "16:9"
_LONGEST_SINGLE_S: Final = 15


# --- posts --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Post:
    """A media post: its id, and the prompt as upstream wrote it, if it did."""

    id: str
    prompt: str = ""


def post_body(kind: str, *, prompt: str = "", url: str = "") -> bytes:
    """The body that makes a post; `kind` is IMAGE or VIDEO. Empty members are left out (§5.1)."""
    body = {"mediaType": f"MEDIA_POST_TYPE_{kind}", "prompt": prompt, "mediaUrl": url}
    return orjson.dumps({name: value for name, value in body.items() if value})


def post_in(body: bytes) -> Post:
    """The post that was made. Raises `Garbled` when there is none in the answer."""
    post = loose.member(loose.parsed(body) or {}, "post")
    post_id = loose.text(post, "id")
    if not post_id:
        raise Garbled(
            "Grok did not say where it put the draft of this job.",
            hint="Try again.",
            detail=f"post: {len(body)} bytes without an id",
        )
    return Post(post_id, loose.text(post, "originalPrompt", "prompt"))


# --- edits --------------------------------------------------------------------------------------------------


def with_references(prompt: str, file_ids: Sequence[str]) -> str:
    """`prompt` with `@IMAGE1`, `@IMAGE2` … replaced by the files they stand for (§4.1)."""

    def named(match: re.Match[str]) -> str:
        number = int(match[1])
        return f"@{file_ids[number - 1]}" if 1 <= number <= len(file_ids) else match[0]

    return _PLACEHOLDER.sub(named, prompt)


def edit_body(prompt: str, file_ids: Sequence[str], ratio: str) -> bytes:
    """The current form; without `ratio` the picture gets that of the first reference (§4.2)."""
    made_from: dict[str, object] = {"prompt": prompt, "inputAssets": list(file_ids)}
    if ratio:
        made_from["aspectRatio"] = ratio
    return orjson.dumps(
        {
            "modelName": "imagine-image-edit",
            "message": prompt,
            "enableImageStreaming": True,
            "enableSideBySide": True,
            "sendFinalMetadata": True,
            "mediaGenInput": {"imageToImage": made_from},
        }
    )


def edit_body_older(prompt: str, urls: Sequence[str], post_id: str) -> bytes:
    """The older form, which makes `OLDER_BATCH` pictures (§4.1)."""
    config = {"imageReferences": list(urls), "parentPostId": post_id}
    return orjson.dumps(
        {
            "temporary": True,
            "modelName": "imagine-image-edit",
            "message": prompt,
            "enableImageGeneration": True,
            "returnImageBytes": False,
            "returnRawGrokInXaiRequest": False,
            "enableImageStreaming": True,
            "imageGenerationCount": OLDER_BATCH,
            "forceConcise": False,
            "enableSideBySide": True,
            "sendFinalMetadata": True,
            "isReasoning": False,
            "disableTextFollowUps": True,
            "responseMetadata": {
                "modelConfigOverride": {
                    "modelMap": {"imageEditModel": "imagine", "imageEditModelConfig": config}
                }
            },
            "disableMemory": True,
            "forceSideBySide": False,
        }
    )


# --- films --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """What all parts of a film have in common. An empty `ratio` is the usual one."""

    prompt: str
    ratio: str
    resolution: Resolution
    preset: Preset

    @property
    def message(self) -> str:
        """The prompt with the flag that stands for the preset (§5.3)."""
        flag = f"--mode={_FLAGS[self.preset]}"
        return f"{self.prompt} {flag}" if self.prompt.strip() else flag

    @property
    def frame(self) -> dict[str, object]:
        """Ratio and resolution as the older form has them."""
        return {"aspectRatio": self.ratio or _USUAL_RATIO, "resolutionName": self.resolution.value}


def parts(seconds: int, form: MediaForm) -> tuple[int, ...]:
    """How long the calls are, in seconds, that make a film of at least `seconds`, 1 to 20 (§5.4, §5.5).

    Up to 15 seconds are made in one go; what is longer, and in the older form what is not 6 or 10, by
    extensions.
    """
    if form is not MediaForm.OLDER and seconds <= _LONGEST_SINGLE_S:
        return (seconds,)
    return more_parts(seconds)


def more_parts(seconds: int) -> tuple[int, ...]:
    """The same in calls of 6 and 10 seconds, which is how long extensions can be."""
    ways = ((6,), (10,), (6, 6), (10, 6), (10, 10))
    return next(way for way in ways if sum(way) >= seconds or way == ways[-1])


def film_body(look: Look, seconds: int, post_id: str, urls: Sequence[str] = ()) -> bytes:
    """The first part of a film, older form; `urls` are the reference pictures (§5.2)."""
    config: dict[str, object] = {"parentPostId": post_id, **look.frame, "videoLength": seconds}
    if urls:
        config |= {"isVideoEdit": False, "isReferenceToVideo": True, "imageReferences": list(urls)}
    return _older(look, config)


def extension_body(
    look: Look, seconds: int, *, made_s: float, extend_post: str, post_id: str, prompt: str
) -> bytes:
    """A further part, of `seconds`, of a film that has `made_s` seconds (§5.5).

    `post_id` is the post the film began with, `prompt` what it was made from, `extend_post` the post of its
    last part.
    """
    config: dict[str, object] = {
        "isVideoExtension": True,
        "videoExtensionStartTime": round(made_s + _FRAME_S, 6),
        "extendPostId": extend_post,
        "stitchWithExtendPostId": True,
        "originalPrompt": prompt,
        "originalPostId": post_id,
        "originalRefType": "ORIGINAL_REF_TYPE_VIDEO_EXTENSION",
        "mode": look.preset.value,
        **look.frame,
        "videoLength": seconds,
        "parentPostId": post_id,
        "isVideoEdit": False,
    }
    return _older(look, config)


def _older(look: Look, config: dict[str, object]) -> bytes:
    return orjson.dumps(
        {
            "temporary": True,
            "modelName": "imagine-video-gen",
            "message": look.message,
            "enableSideBySide": True,
            "responseMetadata": {
                "experiments": [],
                "modelConfigOverride": {"modelMap": {"videoGenModelConfig": config}},
            },
        }
    )


def film_body_current(look: Look, seconds: int, file_ids: Sequence[str] = ()) -> bytes:
    """A film of up to 15 seconds, current form; from one picture it begins with that (§5.6)."""
    made_from: dict[str, object] = {
        "prompt": look.prompt,
        "aspectRatio": look.ratio or _USUAL_RATIO,
        "duration": seconds,
        "resolutionName": look.resolution.value,
    }
    kind = "textToVideo"
    if file_ids:
        kind = "imageToVideo" if len(file_ids) == 1 else "referenceToVideo"
        made_from["inputAssets"] = list(file_ids)
    if kind == "imageToVideo":
        made_from["mode"] = "custom" if look.prompt.strip() else "normal"
        if not look.prompt.strip():
            del made_from["prompt"]
    message = look.message if look.prompt.strip() else "--mode=normal"
    return orjson.dumps(
        {
            "modelName": "imagine-video-gen",
            "message": message,
            "enableImageStreaming": True,
            "enableSideBySide": True,
            "sendFinalMetadata": True,
            "responseMetadata": {"experiments": [], "modelConfigOverride": {"modelMap": {}}},
            "mediaGenInput": {kind: made_from},
            "kind": "CONVERSATION_KIND_IMAGINE",
        }
    )


def referer(post_id: str) -> str:
    """The page of a post."""
    return f"/imagine/post/{post_id}"


# --- what can be done with a film ---------------------------------------------------------------------------


def upscale_body(video_id: str) -> bytes:
    """Have a film made larger (§5.9)."""
    return orjson.dumps({"videoId": video_id})


def share_body(post_id: str) -> bytes:
    """Make a film open to everybody (§6.7)."""
    return orjson.dumps({"postId": post_id, "source": "post-page", "platform": "web"})
