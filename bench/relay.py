"""The yardsticks: bare aiohttp + curl_cffi relays that pass the upstream's bytes on.

python -m bench.relay UPSTREAM PORT rest|gateway
"""

from __future__ import annotations

import sys
import uuid
from base64 import b64encode

import orjson
from aiohttp import web
from curl_cffi.requests import AsyncSession, Response

from bench.world import TOKEN, USER, rest_body

_STATSIG = b64encode(b"e:TypeError: Cannot read properties of undefined (reading 'childNodes')").decode()
_AGENT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/146.0.0.0 Safari/537.36"
)
_LANGUAGE = "zh-CN,zh;q=0.9,en;q=0.8"


class Relay:
    """One upstream chat for every POST."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: AsyncSession[Response] | None = None

    def _ready(self) -> AsyncSession[Response]:
        if self._session is None:
            self._session = AsyncSession(max_clients=400)
        return self._session

    async def rest(self, request: web.Request) -> web.StreamResponse:
        """The older form."""
        asked = orjson.loads(await request.read())
        answer = await self._ready().post(
            f"{self._upstream}/rest/app-chat/conversations/new",
            data=rest_body(asked["messages"][-1]["content"]),
            headers={
                "Accept": "*/*",
                "Accept-Language": _LANGUAGE,
                "Content-Type": "application/json",
                "Origin": self._upstream,
                "Referer": f"{self._upstream}/",
                "User-Agent": _AGENT,
                "x-statsig-id": _STATSIG,
                "x-xai-request-id": str(uuid.uuid4()),
                "Cookie": f"sso={TOKEN}; sso-rw={TOKEN}",
            },
            impersonate="chrome",
            default_headers=False,
            stream=True,
        )
        response = await self._begin(request)
        async for chunk in answer.aiter_content():  # type: ignore[no-untyped-call] # curl_cffi's own
            await response.write(chunk)
        await answer.aclose()  # type: ignore[no-untyped-call] # same
        await response.write_eof()
        return response

    async def gateway(self, request: web.Request) -> web.StreamResponse:
        """The message gateway."""
        asked = orjson.loads(await request.read())
        socket = await self._ready().ws_connect(
            f"{self._upstream.replace('http', 'ws')}/ws/mgw/?uid={USER}",
            headers={
                "Origin": self._upstream,
                "User-Agent": _AGENT,
                "Accept-Language": _LANGUAGE,
                "Cache-Control": "no-cache",
                "Pragma": "no-cache",
                "Cookie": f"sso={TOKEN}; sso-rw={TOKEN}; x-userid={USER}",
            },
            impersonate="chrome",
            default_headers=False,
        )
        init = f"evt_init_{uuid.uuid4()}"
        await socket.send_json({"event": {"type": "session.create", "event_id": init, "session": _SESSION}})
        session = ""
        waiting = {"session.created", "conversation.attached"}
        while waiting:
            told = orjson.loads((await socket.recv())[0])
            waiting.discard(told["event"]["type"])
            session = told.get("session_id") or session
        item = {
            "type": "message",
            "role": "user",
            "x_grok": {
                "client_message_id": str(uuid.uuid4()),
                "input_chunks": [{"text": {"text": asked["messages"][-1]["content"]}}],
            },
        }
        create = {"type": "conversation.item.create", "event_id": "evt_msg_1795392000123", "item": item}
        await socket.send_json({"session_id": session, "event": create})
        go = {"type": "response.create", "event_id": "evt_resp_1795392000123"}
        await socket.send_json({"session_id": session, "event": go})
        response = await self._begin(request)
        while True:
            message = (await socket.recv())[0]
            await response.write(message)
            if b'"response.done"' in message:
                break
        await socket.close()
        await response.write_eof()
        return response

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        return response


_SESSION = {
    "model": "fast",
    "x_grok": {
        "protocol_capabilities": ["conversation_attached", "custom_methods_v1"],
        "use_chunk": True,
        "enable_side_by_side": True,
        "force_side_by_side": False,
        "enable_image_generation": True,
        "image_generation_count": 2,
        "disable_text_follow_ups": False,
        "disable_artifact": True,
        "force_concise": False,
        "keep_context": False,
        "is_temporary": True,
        "disable_memory": True,
    },
}


async def _ready(_request: web.Request) -> web.Response:
    return web.Response(text="ready")


if __name__ == "__main__":
    relay = Relay(sys.argv[1])
    app = web.Application()
    app.router.add_post("/v1/chat/completions", relay.gateway if sys.argv[3] == "gateway" else relay.rest)
    app.router.add_get("/readyz", _ready)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), print=None, access_log=None)
