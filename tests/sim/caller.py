"""A plain client of the simulator: headers as the protocol document has them, and nothing clever."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from grokdesk.sim import Account, Simulator

# The payloads of a wire protocol: their shapes are what the tests look at.
Value = Any
Json = dict[str, Value]

AGENT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/136.0.0.0 Safari/537.36"
)
IMITATION = "ZTpUeXBlRXJyb3I6IENhbm5vdCByZWFkIHByb3BlcnRpZXMgb2YgdW5kZWZpbmVkIChyZWFkaW5nICdjaGlsZE5vZGVzJyk="
HINTS = {
    "Sec-Ch-Ua": '"Google Chrome";v="136", "Chromium";v="136", "Not(A:Brand";v="24"',
    "Sec-Ch-Ua-Mobile": "?0",
    "Sec-Ch-Ua-Model": "",
    "Sec-Ch-Ua-Platform": '"macOS"',
    "Sec-Ch-Ua-Arch": "x86",
    "Sec-Ch-Ua-Bitness": "64",
}
BASE = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8",
    "User-Agent": AGENT,
}
FETCH = {
    "Origin": "https://grok.com",
    "Priority": "u=1, i",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
}
QUIET = {"Cache-Control": "no-cache", "Pragma": "no-cache"}
GRPC = {
    "Content-Type": "application/grpc-web+proto",
    "x-grpc-web": "1",
    "x-user-agent": "connect-es/2.1.1",
}


def older(token: str, more: dict[str, str] | None = None, *, referer: str = "/") -> dict[str, str]:
    """The older form's headers of any call (§4.1)."""
    return (
        BASE
        | FETCH
        | HINTS
        | {
            "Baggage": "sentry-environment=production,sentry-release=d6add6fb,sentry-public_key=b311e0f2",
            "Content-Type": "application/json",
            "Referer": f"https://grok.com{referer}",
            "x-statsig-id": IMITATION,
            "x-xai-request-id": str(uuid.uuid4()),
            "Cookie": f"sso={token}; sso-rw={token}",
        }
        | (more or {})
    )


def current(
    token: str,
    more: dict[str, str] | None = None,
    *,
    referer: str = "/",
    statsig: bool = True,
    request_id: bool = True,
) -> dict[str, str]:
    """The current form's headers (§4.2)."""
    headers = BASE | FETCH | QUIET
    headers |= {"Content-Type": "application/json", "Referer": f"https://grok.com{referer}"}
    headers |= {"Cookie": f"sso={token}; sso-rw={token}"}
    if statsig:
        headers["x-statsig-id"] = IMITATION
    if request_id:
        headers["x-xai-request-id"] = str(uuid.uuid4())
    return headers | (more or {})


def page(token: str) -> dict[str, str]:
    """A page navigation (§5.2)."""
    return {
        "Accept": "text/html,application/xhtml+xml",
        "User-Agent": AGENT,
        "Sec-Fetch-Dest": "document",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Site": "same-origin",
        "Upgrade-Insecure-Requests": "1",
        "Cookie": f"sso={token}; sso-rw={token}",
    }


def session_headers(token: str) -> dict[str, str]:
    """`GET /api/auth/session`: no origin, no content type, no request id, but hints."""
    headers = current(token, statsig=False, request_id=False) | HINTS
    return {name: value for name, value in headers.items() if name not in {"Origin", "Content-Type"}}


def handshake(account: Account, **extra: str) -> dict[str, str]:
    """The gateway handshake (§4.4)."""
    cookie = f"sso={account.token}; sso-rw={account.token}; x-userid={account.user_id}"
    return (
        QUIET
        | {
            "Origin": "https://grok.com",
            "User-Agent": AGENT,
            "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8",
            "Cookie": cookie,
        }
        | extra
    )


def body(message: str = "[user]: Name three moons of Jupiter.", mode: str = "fast", **extra: Value) -> Json:
    """A chat request of the older form, as in §7.1."""
    flags = dict.fromkeys(
        (
            "disableSearch",
            "disableSelfHarmShortCircuit",
            "disableTextFollowUps",
            "forceConcise",
            "forceSideBySide",
            "isAsyncChat",
            "returnImageBytes",
            "returnRawGrokInXaiRequest",
            "searchAllConnectors",
        ),
        False,
    )
    flags |= dict.fromkeys(
        (
            "disableMemory",
            "enableImageGeneration",
            "enableImageStreaming",
            "enableSideBySide",
            "sendFinalMetadata",
            "temporary",
        ),
        True,
    )
    device = {
        "darkModeEnabled": False,
        "devicePixelRatio": 2,
        "screenHeight": 1329,
        "screenWidth": 2056,
        "viewportHeight": 1083,
        "viewportWidth": 2056,
    }
    return {
        "collectionIds": [],
        "connectors": [],
        "deviceEnvInfo": device,
        "fileAttachments": [],
        "imageAttachments": [],
        "imageGenerationCount": 2,
        "message": message,
        "modeId": mode,
        "responseMetadata": {},
        "toolOverrides": {"gmailSearch": False},
        **flags,
        **extra,
    }


class Caller:
    """One client of one simulator."""

    def __init__(self, sim: Simulator, http: aiohttp.ClientSession) -> None:
        self.sim = sim
        self.http = http

    async def post(self, path: str, headers: dict[str, str], payload: Value = None) -> tuple[int, Value]:
        """Status and JSON (else bytes) of a call."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        async with self.http.post(self.sim.url + path, headers=headers, data=data) as answer:
            return answer.status, _read(await answer.read())

    async def get(self, path: str, headers: dict[str, str], method: str = "GET") -> tuple[int, Value]:
        """Status and JSON (else bytes) of a call without a body."""
        async with self.http.request(method, self.sim.url + path, headers=headers) as answer:
            return answer.status, _read(await answer.read())

    async def chat(self, token: str, **request: Value) -> tuple[int, bytes]:
        """A turn in the older form, read to its end."""
        async with self.chatting(token, **request) as answer:
            return answer.status, await answer.read()

    @asynccontextmanager
    async def chatting(self, token: str, **request: Value) -> AsyncIterator[aiohttp.ClientResponse]:
        """A turn in the older form, left at the end of the block."""
        url = self.sim.url + "/rest/app-chat/conversations/new"
        async with self.http.post(url, headers=older(token), json=body(**request)) as answer:
            yield answer

    @asynccontextmanager
    async def chatting_raw(self, url: str, headers: dict[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """A turn in the older form with headers of one's own."""
        async with self.http.post(url, headers=headers, json=body()) as answer:
            yield answer

    @asynccontextmanager
    async def gateway(
        self, account: Account, uid: str | None = None, **headers: str
    ) -> AsyncIterator["GatewayTurn"]:
        """A gateway connection."""
        url = f"{self.sim.url}/ws/mgw/?uid={uid or account.user_id}"
        async with self.http.ws_connect(url, headers=handshake(account, **headers)) as socket:
            yield GatewayTurn(socket)

    async def ask(self, account: Account, **request: Value) -> list[Json]:
        """A whole turn in the current form: every event the server sent, up to the terminal one."""
        async with self.gateway(account) as turn:
            await turn.open(**request)
            await turn.say()
            return await turn.rest()


class GatewayTurn:
    """The client's side of one gateway connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.session_id = ""
        self.events: list[Json] = []
        self.binary: list[bytes] = []

    async def create(
        self, mode: str = "fast", conversation: str | None = None, message: str = "", **x_grok: Value
    ) -> str:
        """Send `session.create`."""
        event_id = f"evt_init_{uuid.uuid4()}"
        grok = {
            "protocol_capabilities": ["conversation_attached", "custom_methods_v1"],
            "use_chunk": True,
            "enable_side_by_side": True,
            "force_side_by_side": False,
            "enable_image_generation": True,
            "image_generation_count": 2,
            "disable_text_follow_ups": False,
            "disable_artifact": True,
            "force_concise": False,
        }
        if conversation:
            grok |= {"conversation_id": conversation, "load_existing": True, "needs_history": False}
        else:
            grok |= {"keep_context": False, "is_temporary": True, "disable_memory": True}
        frame: Json = {"session_id": conversation} if conversation else {}
        frame["event"] = {
            "type": "session.create",
            "event_id": event_id,
            "session": {"model": mode, "x_grok": grok | x_grok},
        }
        await self.socket.send_json(frame)
        return event_id

    async def open(self, mode: str = "fast", conversation: str | None = None) -> None:
        """Send `session.create` and wait for both acknowledgements."""
        mine = await self.create(mode, conversation)
        missing = {"session.created", "conversation.attached"}
        while missing:
            frame = await self.read()
            event = frame["event"]
            if event["type"] == "session.created" and event["client_event_id"] not in {"", mine}:
                continue
            missing.discard(event["type"])
            self.session_id = frame["session_id"]

    async def say(
        self,
        message: str = "[user]\nName three moons.",
        parent: str | None = None,
        files: tuple[str, ...] = (),
    ) -> None:
        """Send the message and the request to answer."""
        chunks: list[Json] = [{"mention": {"target": {"file_mention": {"file_id": name}}}} for name in files]
        chunks.append({"text": {"text": message}})
        item: Json = {
            "type": "message",
            "role": "user",
            "x_grok": {"client_message_id": str(uuid.uuid4()), "input_chunks": chunks},
        }
        event: Json = {"type": "conversation.item.create", "event_id": "evt_msg_1795392000123", "item": item}
        if files:
            item["file_attachment_ids"] = list(files)
            event["file_attachment_ids"] = list(files)
        if parent:
            event["parent_response_id"] = parent
        await self.socket.send_json({"session_id": self.session_id, "event": event})
        wanted = {"type": "response.create", "event_id": "evt_resp_1795392000123"}
        await self.socket.send_json({"session_id": self.session_id, "event": wanted})

    async def read(self) -> Json:
        """The next event; an exception when the connection is over."""
        while True:
            message = await self.socket.receive()
            if message.type == aiohttp.WSMsgType.TEXT:
                frame: Json = json.loads(message.data)
                self.events.append(frame)
                return frame
            if message.type != aiohttp.WSMsgType.BINARY:
                raise ConnectionError(message)
            self.binary.append(message.data)

    async def rest(self) -> list[Json]:
        """Everything up to the terminal event or the end of the connection."""
        try:
            while (await self.read())["event"]["type"] not in {"response.done", "error", "session.ended"}:
                pass
        except ConnectionError:
            pass
        return [frame["event"] for frame in self.events]


def said(events: list[Json]) -> str:
    """The visible text of gateway events, by chunks."""
    texts = [event["chunk"]["text"] for event in events if "text" in event.get("chunk", {})]
    return "".join(text["text"] for text in texts if text["channel"] == "CHANNEL_ASSISTANT_RESPONSE")


def frames(raw: bytes) -> list[Json]:
    """The frames of a line-wise body."""
    return [json.loads(line) for line in raw.splitlines() if line.startswith(b"{")]


def tokens(raw: bytes, *, is_thinking: bool = False) -> str:
    """The visible text of a line-wise body, or its thinking."""
    found = [frame.get("result", {}).get("response", {}) for frame in frames(raw)]
    return "".join(one["token"] for one in found if one.get("isThinking") is is_thinking and "token" in one)


def _read(raw: bytes) -> Value:
    try:
        return json.loads(raw)
    except ValueError:
        return raw
