"""What a request for pictures, films and files must look like: media chapters 1 to 6, deviation by deviation.

Shapes are exact: the documents' bodies have these members and no others.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from grokdesk.sim.checks import (
    GROK,
    HINT_HEADERS,
    Want,
    absent,
    cookies,
    filled,
    fixed,
    hints,
    member,
    present,
    referer_is,
    shape,
    short,
)
from grokdesk.sim.films import RATIOS, SHORTER_SIDE
from grokdesk.sim.gallery import File, Film
from grokdesk.sim.pictures import SIZES
from grokdesk.sim.script import Json
from grokdesk.sim.world import Account, Received, Upload, World

EDIT = "imagine-image-edit"
VIDEO = "imagine-video-gen"
EXTENSION_GAP_S = 1 / 24
"""An extension starts so much after what there is already (§5.5)."""

MODES = {
    "fun": "extremely-crazy",
    "normal": "normal",
    "spicy": "extremely-spicy-or-crazy",
    "custom": "custom",
}
"""Presets and the flags that stand for them (§5.3)."""

_GAP_TOLERANCE_S = 0.00001
MOST_IMAGES = 10
_MOST_SECONDS = 15
_MOST_INPUTS = 8
_MOST_REFERENCES = 7
_RESOLUTIONS = tuple(SHORTER_SIDE)
_FLAGGED = re.compile(rf"(?:(?P<prompt>.*) )?--mode=(?P<flag>{'|'.join(MODES.values())})", re.DOTALL)


# ------------------------------------------------------------------------------ the imagine socket


def imagine_handshake(seen: Received) -> list[str]:
    """Deviations of the handshake (§2.1). Signature, client hints and a referer are allowed."""
    problems = cookies(seen, mgw=False, bare=False)
    problems += absent(seen, "authorization", "x-xai-request-id", "baggage", "content-type")
    problems += present(seen, "user-agent", "accept-language")
    problems += fixed(seen, {"cache-control": "no-cache", "pragma": "no-cache"})
    bases = {GROK, f"http://{seen.host}"}
    if seen.headers.get("origin") not in bases:
        problems.append(f"Origin is {seen.headers.get('origin')!r}")
    if "referer" in seen.headers:
        problems += referer_is(seen, bases, ("/imagine",))
    if "sec-websocket-protocol" in seen.headers:
        problems.append("a subprotocol is offered")
    if seen.query:
        problems.append(f"query has {sorted(seen.query)}")
    if any(name in seen.headers for name in HINT_HEADERS):
        problems += hints(seen.headers)
    return problems


_RESET: Want = {
    "type": ("conversation.item.create",),
    "timestamp": int,
    "item": {"type": ("message",), "content": [{"type": ("reset",)}]},
}
_PROMPT: Want = {
    "type": ("conversation.item.create",),
    "timestamp": int,
    "item": {
        "type": ("message",),
        "content": [
            {
                "requestId": filled,
                "text": filled,
                "type": ("input_text",),
                "properties": {
                    "section_count": (0,),
                    "is_kids_mode": (False,),
                    "enable_nsfw": bool,
                    "skip_upsampler": (False,),
                    "enable_side_by_side": (True,),
                    "is_initial": (False,),
                    "aspect_ratio": (*SIZES, "auto"),
                    "enable_pro": bool,
                    "num_generations?": tuple(range(1, MOST_IMAGES + 1)),
                },
            }
        ],
    },
}


def is_reset(frame: Json) -> bool:
    content = member(frame, "item", "content")
    return isinstance(content, list) and bool(content) and member(content[0], "type") == "reset"


def reset(frame: Json) -> list[str]:
    """Deviations of the message before every prompt (§2.2a)."""
    return shape(frame, _RESET, "message") + _one_part(frame)


def prompt(frame: Json) -> list[str]:
    """Deviations of a prompt (§2.2b)."""
    return shape(frame, _PROMPT, "message") + _one_part(frame)


def _one_part(frame: Json) -> list[str]:
    content = member(frame, "item", "content")
    return [] if isinstance(content, list) and len(content) == 1 else ["message has not one part"]


# ----------------------------------------------------------------------------------- media posts


def post_create(body: object, account: Account, world: World) -> list[str]:
    """Deviations of a new post (§5.1): a prompt, or for a reference the file it is of."""
    if isinstance(body, dict) and "mediaUrl" in body:
        problems = shape(body, {"mediaType": ("MEDIA_POST_TYPE_IMAGE",), "mediaUrl": filled}, "body")
        if not problems and not file_at(str(body["mediaUrl"]), account, world):
            problems.append(f"body.mediaUrl is no file of this account: {short(body['mediaUrl'])}")
        return problems
    kinds = ("MEDIA_POST_TYPE_IMAGE", "MEDIA_POST_TYPE_VIDEO")
    return shape(body, {"mediaType": kinds, "prompt": filled}, "body")


def share(body: object) -> list[str]:
    """Deviations of the wish for a share link (§6.7)."""
    return shape(body, {"postId": filled, "source": ("post-page",), "platform": ("web",)}, "body")


def upscale(body: object) -> list[str]:
    """Deviations of the wish for a sharper film (§5.9)."""
    return shape(body, {"videoId": filled}, "body")


def responses(seen: Received) -> list[str]:
    """Deviations of the question what became of a conversation (§5.6)."""
    wanted = {"conversationKind": "CONVERSATION_KIND_IMAGINE"}
    return [] if dict(seen.query) == wanted else [f"query is {dict(seen.query)!r}, not {wanted!r}"]


# ------------------------------------------------------------------------------- edits and films


def generation(seen: Received, account: Account, world: World) -> list[str]:
    """Deviations of a chat request that is an edit or a film (§4.1, §4.2, §5.2, §5.5, §5.6)."""
    body = seen.json if isinstance(seen.json, dict) else {}
    match body.get("modelName"):
        case "imagine-image-edit":
            problems = _edit(body, account, world)
        case "imagine-video-gen":
            problems = _video(body, account, world)
        case other:
            return [f"body.modelName is {short(other)}"]
    return problems + referer_is(seen, {GROK, f"http://{seen.host}"}, (_page(body),))


def _page(body: Json) -> str:
    """The page such a request comes from: the older edit and the extension come from their post's."""
    edit, film = member(body, *_EDIT_CONFIG), member(body, *_VIDEO_CONFIG)
    if edit is None and member(film, "isVideoExtension") is not True:
        return "/imagine"
    return f"/imagine/post/{member(edit or film, 'parentPostId')}"


_EDIT_CONFIG = ("responseMetadata", "modelConfigOverride", "modelMap", "imageEditModelConfig")
_VIDEO_CONFIG = ("responseMetadata", "modelConfigOverride", "modelMap", "videoGenModelConfig")

_EDIT_OLDER: Want = {
    "temporary": (True,),
    "modelName": (EDIT,),
    "message": filled,
    "enableImageGeneration": (True,),
    "returnImageBytes": (False,),
    "returnRawGrokInXaiRequest": (False,),
    "enableImageStreaming": (True,),
    "imageGenerationCount": (2,),
    "forceConcise": (False,),
    "enableSideBySide": (True,),
    "sendFinalMetadata": (True,),
    "isReasoning": (False,),
    "disableTextFollowUps": (True,),
    "responseMetadata": {
        "modelConfigOverride": {
            "modelMap": {
                "imageEditModel": ("imagine",),
                "imageEditModelConfig": {"imageReferences": [filled], "parentPostId": filled},
            }
        }
    },
    "disableMemory": (True,),
    "forceSideBySide": (False,),
}
_EDIT_CURRENT: Want = {
    "modelName": (EDIT,),
    "message": filled,
    "enableImageStreaming": (True,),
    "enableSideBySide": (True,),
    "sendFinalMetadata": (True,),
    "mediaGenInput": {
        "imageToImage": {"prompt": filled, "inputAssets": [filled], "aspectRatio?": (*SIZES, "auto")}
    },
}


def _edit(body: Json, account: Account, world: World) -> list[str]:
    if "mediaGenInput" not in body:
        problems = shape(body, _EDIT_OLDER, "body")
        config = member(body, *_EDIT_CONFIG)
        problems += _references(member(config, "imageReferences"), account, world, _MOST_REFERENCES)
        post = world.media.post_of(account, str(member(config, "parentPostId")))
        if not post or post.media_type != "MEDIA_POST_TYPE_IMAGE":
            problems.append("parentPostId is no image post of this account")
        elif body.get("message") != post.prompt:
            problems.append("body.message is not the prompt of the post")
        return problems
    problems = shape(body, _EDIT_CURRENT, "body")
    wish = member(body, "mediaGenInput", "imageToImage")
    problems += _inputs(member(wish, "inputAssets"), account, world, _MOST_INPUTS)
    if member(wish, "prompt") != body.get("message"):
        problems.append("body.message is not the prompt")
    return problems


def _video_older(config: Want) -> Want:
    return {
        "temporary": (True,),
        "modelName": (VIDEO,),
        "message": _FLAGGED,
        "enableSideBySide": (True,),
        "responseMetadata": {
            "experiments": lambda value: value == [],
            "modelConfigOverride": {"modelMap": {"videoGenModelConfig": config}},
        },
    }


_LENGTH = tuple(range(1, _MOST_SECONDS + 1))
_FILM: dict[str, Want] = {
    "parentPostId": filled,
    "aspectRatio": RATIOS,
    "videoLength": _LENGTH,
    "resolutionName": _RESOLUTIONS,
}
_WITH_REFERENCES: dict[str, Want] = {
    **_FILM,
    "isVideoEdit": (False,),
    "isReferenceToVideo": (True,),
    "imageReferences": [filled],
}
_EXTENSION: dict[str, Want] = {
    **_FILM,
    "isVideoExtension": (True,),
    "videoExtensionStartTime": float,
    "extendPostId": filled,
    "stitchWithExtendPostId": (True,),
    "originalPrompt": filled,
    "originalPostId": filled,
    "originalRefType": ("ORIGINAL_REF_TYPE_VIDEO_EXTENSION",),
    "mode": tuple(MODES),
    "isVideoEdit": (False,),
}


def _video(body: Json, account: Account, world: World) -> list[str]:
    if "mediaGenInput" in body:
        return _video_current(body, account, world)
    config = member(body, *_VIDEO_CONFIG)
    if member(config, "isVideoExtension") is not None:
        return _extension(body, config, account, world)
    with_references = member(config, "imageReferences") is not None
    problems = shape(body, _video_older(_WITH_REFERENCES if with_references else _FILM), "body")
    post = world.media.post_of(account, str(member(config, "parentPostId")))
    if not with_references:
        if not post or post.media_type != "MEDIA_POST_TYPE_VIDEO":
            problems.append("parentPostId is no video post of this account")
        return problems
    references = member(config, "imageReferences")
    problems += _references(references, account, world, _MOST_INPUTS)
    first = references[0] if isinstance(references, list) and references else ""
    if not post or post.media_type != "MEDIA_POST_TYPE_IMAGE" or post.media_path != path_of(str(first)):
        problems.append("parentPostId is not the image post of the first reference")
    return problems


def _extension(body: Json, config: object, account: Account, world: World) -> list[str]:
    problems = shape(body, _video_older(_EXTENSION), "body")
    if problems or not isinstance(config, dict):
        return problems
    first = world.media.post_of(account, str(config["parentPostId"]))
    before = world.media.film_of(account, str(config["extendPostId"]))
    if not first or config["originalPostId"] != first.id:
        problems.append("originalPostId and parentPostId are not one post of this account")
    elif first.prompt and config["originalPrompt"] != first.prompt:
        problems.append("originalPrompt is not the prompt of the first post")
    if not before:
        problems.append("extendPostId is no film of this account")
    elif abs(config["videoExtensionStartTime"] - before.seconds - EXTENSION_GAP_S) > _GAP_TOLERANCE_S:
        problems.append(
            f"videoExtensionStartTime is {config['videoExtensionStartTime']}, after {before.seconds:g} s"
        )
    if mode_of(str(body["message"])) != config["mode"]:
        problems.append("body.message has the flag of another mode")
    return problems


_GENERATED: dict[str, Want] = {
    "aspectRatio": RATIOS,
    "duration": _LENGTH,
    "resolutionName": _RESOLUTIONS,
}
_KINDS: dict[str, dict[str, Want]] = {
    "textToVideo": {"prompt": filled, **_GENERATED},
    "imageToVideo": {
        "prompt?": filled,
        "inputAssets": [filled],
        **_GENERATED,
        "mode": ("custom", "normal"),
        "skipAudio?": bool,
    },
    "referenceToVideo": {"prompt": filled, "inputAssets": [filled], **_GENERATED},
}


def _video_current(body: Json, account: Account, world: World) -> list[str]:
    wishes = body["mediaGenInput"]
    kind = next(iter(wishes), "") if isinstance(wishes, dict) else ""
    if not isinstance(wishes, dict) or kind not in _KINDS:
        return [f"body.mediaGenInput is {short(wishes)}"]
    problems = shape(
        body,
        {
            "modelName": (VIDEO,),
            "message": _FLAGGED,
            "enableImageStreaming": (True,),
            "enableSideBySide": (True,),
            "sendFinalMetadata": (True,),
            "responseMetadata": {
                "experiments": lambda value: value == [],
                "modelConfigOverride": {"modelMap": {}},
            },
            "mediaGenInput": {kind: _KINDS[kind]},
            "kind": ("CONVERSATION_KIND_IMAGINE",),
        },
        "body",
    )
    wish = wishes[kind]
    if "inputAssets" in _KINDS[kind]:
        most = 1 if kind == "imageToVideo" else _MOST_REFERENCES
        problems += _inputs(member(wish, "inputAssets"), account, world, most)
    said = member(wish, "prompt") or ""
    if said_of(str(body.get("message"))) != said:
        problems.append("body.message is not the prompt")
    if kind == "imageToVideo" and (member(wish, "mode") == "custom") != bool(said):
        problems.append("mode is custom with a prompt and normal without")
    return problems


def said_of(message: str) -> str:
    """The prompt of a message without the flag at its end."""
    found = _FLAGGED.fullmatch(message)
    return (found["prompt"] or "") if found else message


def mode_of(message: str) -> str:
    """The preset whose flag stands at the end of a message."""
    found = _FLAGGED.fullmatch(message)
    flag = found["flag"] if found else ""
    return next((name for name, one in MODES.items() if one == flag), "")


# ----------------------------------------------------------------------------------------- files


def path_of(url: str) -> str:
    """The path a reference names on the assets host, whether it is absolute or not (§1.5)."""
    return urlsplit(url).path.lstrip("/")


def file_at(url: str, account: Account, world: World) -> File | None:
    """The account's own file at this address."""
    found = world.media.find(path_of(url))
    return found if found and found.account is account else None


def input_of(asset_id: str, account: Account, world: World) -> Upload | File | None:
    """The account's own file with this id: an upload or something made here."""
    upload = world.uploads.get(asset_id)
    if upload:
        return upload if upload.account is account else None
    return world.media.by_id(account, asset_id)


def film_before(config: Json, account: Account, world: World) -> Film | None:
    """The film an extension goes on from."""
    return world.media.film_of(account, str(config.get("extendPostId")))


def _references(value: object, account: Account, world: World, most: int) -> list[str]:
    if not isinstance(value, list):
        return []
    problems = _amount(value, most, "imageReferences")
    return problems + [
        f"imageReferences: {short(one)} is no file of this account"
        for one in value
        if not file_at(str(one), account, world)
    ]


def _inputs(value: object, account: Account, world: World, most: int) -> list[str]:
    if not isinstance(value, list):
        return []
    problems = _amount(value, most, "inputAssets")
    return problems + [
        f"inputAssets: {short(one)} is no file of this account"
        for one in value
        if not input_of(str(one), account, world)
    ]


def _amount(value: Sequence[object], most: int, where: str) -> list[str]:
    return [] if 1 <= len(value) <= most else [f"{where} has {len(value)} entries, not 1 to {most}"]


def form_fields(names: Sequence[str], source: str | None, seen: Received) -> list[str]:
    """Deviations of the parts of an upload (§6.2): the file, and for the imagine page where it is from."""
    if names[:1] != ["file"] or len(names) > 2 or (len(names) > 1 and names[1] != "file_source"):  # noqa: PLR2004
        return [f"the form has the parts {list(names)}"]
    on_imagine = urlsplit(seen.headers.get("referer", "")).path == "/imagine"
    if source not in {None, "IMAGINE_SELF_UPLOAD_FILE_SOURCE"}:
        return [f"file_source is {short(source)}"]
    if on_imagine != (source is not None):
        return ["file_source and the referer /imagine come together or not at all"]
    return []


def download(seen: Received) -> list[str]:
    """Deviations of a download (§6.5): bare, or a navigation of a browser."""
    problems = cookies(seen, mgw=False, bare=False) if seen.cookie_names else []
    problems += absent(seen, "authorization", "x-statsig-id", "content-type", "baggage")
    problems += present(seen, "user-agent", "accept")
    if "sec-fetch-mode" in seen.headers:
        navigation = {"sec-fetch-dest": "document", "sec-fetch-mode": "navigate", "sec-fetch-site": "none"}
        problems += fixed(seen, {**navigation, "sec-fetch-user": "?1", "upgrade-insecure-requests": "1"})
        problems += absent(seen, "origin")
    elif "origin" in seen.headers or "referer" in seen.headers:
        problems += [
            f"{name} is {seen.headers[name]!r}"
            for name in ("origin", "referer")
            if not seen.headers.get(name, GROK).startswith((GROK, f"http://{seen.host}"))
        ]
    return problems
