"""Plays recordings: replies, streams and sockets as they were recorded, to whoever makes their calls.

What the recorded replies name can be fetched: a picture or a film of the recorded size is drawn for every
path, unless the story has its bytes. Addresses of the files' hosts become addresses of this one.
"""

import base64
import binascii
from http import HTTPStatus
from typing import Literal

import orjson
from aiohttp import WSMsgType, web

from grokdesk.sim import frames, media_checks, pictures
from grokdesk.sim.checks import member
from grokdesk.sim.desk import Desk, as_object, json_object, owner
from grokdesk.sim.frames import Out
from grokdesk.sim.gallery import File, Film, Gallery, MediaPost
from grokdesk.sim.recordings import DONE, Exchange, Line, Recording, generated_paths, public_paths
from grokdesk.sim.script import Json, Transcript, Wire
from grokdesk.sim.stage import BodyStage, Watch, play, silence
from grokdesk.sim.world import Account, Received, Turn

_USUAL_SECONDS = 6.0
_ASSETS = b"https://assets.grok.com"
_PUBLIC = b"https://imagine-public.x.ai"


class Player:
    """The recorded side of a world."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._world = desk.world

    # ----------------------------------------------------------------------------------------- HTTP

    async def answer(self, request: web.Request, seen: Received, watch: Watch) -> web.StreamResponse | None:
        """The recorded answer to this call, or nothing when no story goes on with it."""
        found = self._world.recorded(seen.method, seen.path)
        if not found:
            return None
        recording, exchange = found
        await self._compare(request, seen, recording, exchange)
        self._adopt(recording, exchange, owner(seen), seen.json)
        seen.status = exchange.status
        if not exchange.is_stream:
            await silence(sum(line.after_s for line in exchange.lines) * recording.speed)
            data = b"".join(self._bytes(line, request) for line in exchange.lines)
            return web.Response(status=exchange.status, headers=dict(exchange.headers), body=data)
        body = as_object(seen.json)
        turn = self._world.open_turn("rest", owner(seen), body)
        turn.kind = _KINDS.get(str(body.get("modelName", "")), "chat")
        turn.prompt, turn.status = str(body.get("message", "")), exchange.status
        with watch(turn):
            return await self._stream(request, turn, recording, exchange)

    async def _stream(
        self, request: web.Request, turn: Turn, recording: Recording, exchange: Exchange
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=exchange.status, headers=dict(exchange.headers))
        await response.prepare(request)
        stage = BodyStage(response, turn, chunk_bytes=recording.chunk_bytes, cut_bytes=None)
        shown = [
            Out(self._bytes(line, request), line.after_s * recording.speed, is_piece=True)
            for line in exchange.lines
            if line.kind == "http.chunk" and line.text != DONE
        ]
        plays = frames.framed(shown, Wire(framing=recording.framing))
        if any(line.text == DONE for line in exchange.lines) and recording.framing == "sse":
            plays.append(Out(f"{DONE}\n\n".encode()))
        regular = await play(plays, stage, turn)
        turn.finish("answered" if regular else "failed")
        await silence(exchange.lines[-1].after_s * recording.speed)
        await response.write_eof()
        return response

    async def _compare(
        self, request: web.Request, seen: Received, recording: Recording, exchange: Exchange
    ) -> None:
        where = f"{seen.method} {seen.path}"
        if exchange.request is not None:
            recording.compare(exchange.request, seen.json, where)
        if exchange.parts and request.content_type == "multipart/form-data":
            sent = await request.post()
            recording.compare(dict.fromkeys(exchange.parts), dict.fromkeys(sent), where)

    def _bytes(self, line: Line, request: web.Request) -> bytes:
        """A line as it is sent, with this host in place of the files' hosts."""
        if line.data is not None:
            return line.data
        raw = orjson.dumps(line.json) if line.json is not None else (line.text or "").encode()
        media, here = self._world.media, f"http://{request.host}"
        raw = raw.replace(_ASSETS, (media.assets_url or here).encode())
        return raw.replace(_PUBLIC, (media.public_url or here).encode())

    # -------------------------------------------------------------------------------------- sockets

    async def socket(
        self,
        request: web.Request,
        seen: Received,
        socket: web.WebSocketResponse,
        watch: Watch,
    ) -> web.StreamResponse | None:
        """The recorded course of an imagine socket, or nothing when no story goes on with one."""
        found = self._world.recorded("GET", seen.path)
        if not found:
            return None
        recording, exchange = found
        turn = self._world.open_turn("imagine", owner(seen), {})
        turn.kind, turn.status = "imagine", exchange.status
        seen.status = exchange.status
        with watch(turn):
            if exchange.status != HTTPStatus.SWITCHING_PROTOCOLS:
                turn.finish("refused")
                data = b"".join(self._bytes(line, request) for line in exchange.lines)
                return web.Response(status=exchange.status, headers=dict(exchange.headers), body=data)
            self._adopt(recording, exchange, owner(seen), None)
            await socket.prepare(request)
            await self._converse(request, socket, turn, recording, exchange)
        return socket

    async def _converse(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        turn: Turn,
        recording: Recording,
        exchange: Exchange,
    ) -> None:
        """Line by line; a client that leaves early has heard what it wanted."""
        for line in exchange.lines:
            if line.kind == "ws.text" and line.direction == "s2c":
                await silence(line.after_s * recording.speed)
                await socket.send_frame(self._bytes(line, request), WSMsgType.TEXT)
                turn.pieces_sent += 1
            elif line.kind == "ws.text":
                message = await socket.receive()
                if message.type != WSMsgType.TEXT:
                    turn.finish("left")
                    return
                said = json_object(message.data) or {}
                turn.events.append(said)
                recording.compare(line.json, said, "imagine socket")
        turn.finish("answered")
        async for _ in socket:
            # The story is told; whatever else the client says has no answer.
            pass

    def gateway(self, account: Account) -> Transcript | None:
        """The recorded course of the next chat gateway connection, as a transcript."""
        found = self._world.recorded("GET", "/ws/mgw/")
        if not found:
            return None
        recording, exchange = found
        self._adopt(recording, exchange, account, None)
        said = [as_object(member(line.json, "event")) for line in exchange.lines if line.direction == "c2s"]
        told = tuple(line.json for line in exchange.lines if line.direction == "s2c" and line.json)
        ids = frozenset(str(event["event_id"]) for event in said if "event_id" in event)
        return Transcript("gateway", told, ids)

    # ---------------------------------------------------------------------------------------- files

    def _adopt(self, recording: Recording, exchange: Exchange, account: Account, request: object) -> None:
        """Put every file that the reply names where it says, as the account's."""
        gallery = self._world.media
        for line in exchange.lines:
            if line.json is None or line.direction == "c2s":
                continue
            text = orjson.dumps(line.json).decode()
            for path in generated_paths(text):
                if path not in gallery.files and not path.endswith("preview_image.jpg"):
                    self._hang(gallery, recording, path, account, line.json, request)
            for path in public_paths(text):
                self._publish(gallery, path, account, line.json)

    def _hang(
        self,
        gallery: Gallery,
        recording: Recording,
        path: str,
        account: Account,
        told: Json,
        request: object,
    ) -> None:
        file_id = path.split("/")[3].partition("-part-")[0]
        about = as_object(member(told, "result", "response", _VIDEO))
        size = _size(about) or _size(told) or pictures.SIZES[pictures.USUAL_RATIO]
        file = gallery.place(account, file_id, path, gallery.size(*size))
        file.data, file.is_listed = recording.files.get(path), "-part-" not in path
        if path.endswith(".mp4"):
            file.seconds = _seconds(request)
            post_id = str(about.get("videoPostId", file_id))
            post = MediaPost(post_id, account, "MEDIA_POST_TYPE_VIDEO", "", path, file.at)
            post.film = Film(file_id, post, None, file, file.seconds)
            gallery.posts[post_id] = post

    def _publish(self, gallery: Gallery, path: str, account: Account, told: Json) -> None:
        try:
            data = base64.b64decode(str(told.get("blob", "")), validate=True)
        except binascii.Error:
            return
        size = pictures.size_of(data) or (0, 0)
        mime = pictures.type_of(data, "image/jpeg")
        file = File(str(told.get("id")), account, path, mime, *size, self._world.now(), "", data=data)
        gallery.publish(file, path)


_VIDEO = "streamingVideoGenerationResponse"
_KINDS: dict[str, Literal["edit", "video"]] = {media_checks.EDIT: "edit", media_checks.VIDEO: "video"}


def _size(about: Json) -> tuple[int, int] | None:
    width, height = about.get("width"), about.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None


def _seconds(request: object) -> float:
    """How long a film the request wants, with what there is before it."""
    config = as_object(
        member(request, "responseMetadata", "modelConfigOverride", "modelMap", "videoGenModelConfig")
    )
    before, length = config.get("videoExtensionStartTime", 0), config.get("videoLength", _USUAL_SECONDS)
    if isinstance(before, int | float) and isinstance(length, int | float):
        return float(int(before) + length)
    return _USUAL_SECONDS
