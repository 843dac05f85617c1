"""The media side of the plain client: bodies as the protocol document has them."""

import base64
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from grokdesk.sim import Account
from tests.sim.caller import AGENT, QUIET, Caller, Json, Value, current, frames, older

CHAT = "/rest/app-chat/conversations/new"
POST = "/rest/media/post/create"
UPLOAD = "/http/upload-file-v2/direct"


def cookie(account: Account) -> str:
    return f"sso={account.token}; sso-rw={account.token}"


def handshake(account: Account, **extra: str) -> dict[str, str]:
    """The handshake of the imagine socket (media §2.1)."""
    headers = QUIET | {"Origin": "https://grok.com", "User-Agent": AGENT, "Accept-Language": "en"}
    return headers | {"Cookie": cookie(account)} | extra


RESET: Json = {
    "type": "conversation.item.create",
    "timestamp": 1_795_392_000_000,
    "item": {"type": "message", "content": [{"type": "reset"}]},
}


def prompt(text: str = "a paper boat", count: int | None = 2, **properties: Value) -> Json:
    """A prompt (media §2.2); `count=None` is the older form."""
    usual: Json = {
        "section_count": 0,
        "is_kids_mode": False,
        "enable_nsfw": True,
        "skip_upsampler": False,
        "enable_side_by_side": True,
        "is_initial": False,
        "aspect_ratio": "2:3",
        "enable_pro": False,
    }
    if count is not None:
        usual["num_generations"] = count
    part = {"requestId": f"img_{uuid.uuid4().hex}", "text": text, "type": "input_text"}
    item = {"type": "message", "content": [{**part, "properties": usual | properties}]}
    return {**RESET, "item": item}


class Easel:
    """The client's side of one imagine socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.closed = False

    async def ask(self, text: str = "a paper boat", count: int | None = 2, **properties: Value) -> None:
        await self.socket.send_json(RESET)
        await self.socket.send_json(prompt(text, count, **properties))

    async def read(self, seconds: float = 2.0) -> Json | None:
        """The next readable frame; nothing when the connection is over."""
        while True:
            message = await self.socket.receive(seconds)
            if message.type == aiohttp.WSMsgType.TEXT:
                try:
                    frame = json.loads(message.data)
                except ValueError:
                    continue
                if isinstance(frame, dict):
                    return frame
            elif message.type != aiohttp.WSMsgType.BINARY:
                self.closed = True
                return None

    async def batch(self, slots: int = 2) -> list[Json]:
        """All frames until so many slots are completed, an error comes or the connection ends."""
        told: list[Json] = []
        done = 0
        while done < slots:
            frame = await self.read()
            if frame is None:
                break
            told.append(frame)
            done += frame.get("current_status") == "completed"
            if frame["type"] == "error":
                break
        return told


@asynccontextmanager
async def easel(caller: Caller, account: Account, **headers: str) -> AsyncIterator[Easel]:
    """An imagine socket."""
    url = f"{caller.sim.url}/ws/imagine/listen"
    async with caller.http.ws_connect(url, headers=handshake(account, **headers)) as socket:
        yield Easel(socket)


async def draw(caller: Caller, account: Account, text: str = "a paper boat", count: int = 2) -> list[Json]:
    """One prompt on a socket of its own."""
    async with easel(caller, account) as socket:
        await socket.ask(text, count)
        return await socket.batch(count)


def finals(told: list[Json]) -> list[Json]:
    return [one for one in told if one["type"] == "image" and one.get("percentage_complete", 100) >= 100]


# ----------------------------------------------------------------------------------------- files


async def fetch(
    caller: Caller, account: Account | None, path: str, method: str = "GET", **headers: str
) -> tuple[int, bytes, Mapping[str, str]]:
    """A file of either host, as its status, bytes and headers."""
    sent = {"Accept": "*/*", "User-Agent": AGENT} | ({"Cookie": cookie(account)} if account else {})
    url = path if path.startswith("http") else f"{caller.sim.url}/{path}"
    async with caller.http.request(method, url, headers=sent | headers) as answer:
        return answer.status, await answer.read(), answer.headers


async def upload(caller: Caller, account: Account, data: bytes, *, imagine: bool = True) -> tuple[int, Json]:
    """The current form (media §6.2)."""
    form = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="boat.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + data + b"\r\n"
    )
    if imagine:
        form += (
            b'--x\r\nContent-Disposition: form-data; name="file_source"\r\n\r\n'
            b"IMAGINE_SELF_UPLOAD_FILE_SOURCE\r\n"
        )
    headers = current(
        account.token,
        {"Content-Type": "multipart/form-data; boundary=x"},
        referer="/imagine" if imagine else "/",
        statsig=False,
        request_id=False,
    )
    return await caller.post(UPLOAD, headers, form + b"--x--\r\n")


async def upload_older(caller: Caller, account: Account, data: bytes) -> tuple[int, Json]:
    """The older form (media §6.1)."""
    sent = {
        "fileName": "file.png",
        "fileMimeType": "image/png",
        "content": base64.b64encode(data).decode(),
    }
    return await caller.post("/rest/app-chat/upload-file", older(account.token), sent)


# ------------------------------------------------------------------------------- edits and films


async def post(caller: Caller, account: Account, **body: Value) -> str:
    """The id of a new media post, a film's unless said otherwise."""
    sent = {"mediaType": "MEDIA_POST_TYPE_VIDEO"} | body
    status, told = await caller.post(POST, current(account.token, referer="/imagine"), sent)
    assert status == 200, told
    return str(told["post"]["id"])


def edit(*inputs: str, text: str = "a watercolour", **wish: Value) -> Json:
    """The current form of an edit (media §4.2)."""
    return {
        "modelName": "imagine-image-edit",
        "message": text,
        "enableImageStreaming": True,
        "enableSideBySide": True,
        "sendFinalMetadata": True,
        "mediaGenInput": {"imageToImage": {"prompt": text, "inputAssets": list(inputs), **wish}},
    }


def edit_older(parent: str, *references: str, text: str = "a watercolour") -> Json:
    """The older form of an edit (media §4.1)."""
    config = {"imageReferences": list(references), "parentPostId": parent}
    models = {"imageEditModel": "imagine", "imageEditModelConfig": config}
    return {
        "temporary": True,
        "modelName": "imagine-image-edit",
        "message": text,
        "enableImageGeneration": True,
        "returnImageBytes": False,
        "returnRawGrokInXaiRequest": False,
        "enableImageStreaming": True,
        "imageGenerationCount": 2,
        "forceConcise": False,
        "enableSideBySide": True,
        "sendFinalMetadata": True,
        "isReasoning": False,
        "disableTextFollowUps": True,
        "responseMetadata": {"modelConfigOverride": {"modelMap": models}},
        "disableMemory": True,
        "forceSideBySide": False,
    }


def film(parent: str, text: str = "waves", seconds: int = 6, **config: Value) -> Json:
    """The older form of a film (media §5.2)."""
    usual = {"parentPostId": parent, "aspectRatio": "16:9", "videoLength": seconds, "resolutionName": "720p"}
    models = {"videoGenModelConfig": usual | config}
    return {
        "temporary": True,
        "modelName": "imagine-video-gen",
        "message": f"{text} --mode=custom",
        "enableSideBySide": True,
        "responseMetadata": {"experiments": [], "modelConfigOverride": {"modelMap": models}},
    }


def extension(parent: str, before: str, start: float, seconds: int = 6, text: str = "waves") -> Json:
    """The extension of a film (media §5.5)."""
    return film(
        parent,
        text,
        seconds,
        isVideoExtension=True,
        videoExtensionStartTime=start,
        extendPostId=before,
        stitchWithExtendPostId=True,
        originalPrompt=text,
        originalPostId=parent,
        originalRefType="ORIGINAL_REF_TYPE_VIDEO_EXTENSION",
        mode="custom",
        isVideoEdit=False,
    )


def film_current(kind: str = "textToVideo", text: str = "waves", seconds: int = 6, **wish: Value) -> Json:
    """The current form of a film (media §5.6)."""
    usual: Json = {"aspectRatio": "16:9", "duration": seconds, "resolutionName": "720p"}
    if text:
        usual["prompt"] = text
    return {
        "modelName": "imagine-video-gen",
        "message": f"{text} --mode=custom" if text else "--mode=normal",
        "enableImageStreaming": True,
        "enableSideBySide": True,
        "sendFinalMetadata": True,
        "responseMetadata": {"experiments": [], "modelConfigOverride": {"modelMap": {}}},
        "mediaGenInput": {kind: usual | wish},
        "kind": "CONVERSATION_KIND_IMAGINE",
    }


async def order(
    caller: Caller, account: Account, body: Json, referer: str = "/imagine"
) -> tuple[int, list[Json]]:
    """An edit or a film in line-wise framing: its status and the `result.response` of every frame."""
    status, told = await caller.post(CHAT, current(account.token, referer=referer), body)
    if status != 200:
        return status, [told]
    read = [told] if isinstance(told, dict) else frames(told)
    return status, [one.get("result", {}).get("response", one) for one in read]


@asynccontextmanager
async def ordering(
    caller: Caller, account: Account, body: Json, referer: str = "/imagine"
) -> AsyncIterator[aiohttp.ClientResponse]:
    """An edit or a film whose stream is left at the end of the block."""
    headers = current(account.token, referer=referer)
    async with caller.http.post(caller.sim.url + CHAT, headers=headers, json=body) as answer:
        yield answer


async def responses(caller: Caller, account: Account, conversation: str) -> tuple[int, Value]:
    """What became of a conversation (media §5.6)."""
    path = f"/rest/app-chat/conversations/{conversation}/responses"
    headers = current(account.token, referer="/imagine")
    return await caller.get(f"{path}?conversationKind=CONVERSATION_KIND_IMAGINE", headers)


def told(answers: list[Json], name: str) -> list[Json]:
    """The members called `name` of the frames that have one."""
    return [one[name] for one in answers if name in one]


VIDEO = "streamingVideoGenerationResponse"
IMAGE = "streamingImageGenerationResponse"
