"""The imagine socket (media chapter 2): resets and prompts in, batches of pictures out.

A turn is one prompt. The script of the first one is taken at the handshake, which it may refuse; later
rounds on the same socket take their own. Prompts that come while a batch is under way wait for its end.
"""

import asyncio
import base64
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

import orjson
from aiohttp import WSMsgType, web

from grokdesk.platform.tasks import offload
from grokdesk.sim import checks, faults, frames, media_checks, pictures
from grokdesk.sim.assets import PUBLIC
from grokdesk.sim.checks import member
from grokdesk.sim.desk import Desk, answer, as_object, dropped, json_object, owner
from grokdesk.sim.frames import Scene
from grokdesk.sim.gallery import Batch, File, Product
from grokdesk.sim.player import Player
from grokdesk.sim.script import Ended, Json, Media, Script, StreamError, chosen
from grokdesk.sim.stage import CutOff, SocketStage, Watch, play, silence
from grokdesk.sim.whims import whims
from grokdesk.sim.world import Account, Received, Turn

PATH = "/ws/imagine/listen"

_PRODUCT: Product = "imagePro"
_LARGEST_MESSAGE = 1024 * 1024
_BATCH_SPEED = 6
_BATCH_QUALITY = 4
_FINAL = 100.0


@dataclass(frozen=True, slots=True)
class _Slot:
    """One picture of a batch, drawn."""

    number: int
    id: str
    size: tuple[int, int]
    previews: tuple[bytes, ...]
    final: bytes
    is_moderated: bool


class Imagine:
    """The handler of the socket."""

    def __init__(self, desk: Desk, player: Player) -> None:
        self._desk = desk
        self._world = desk.world
        self._player = player

    async def listen(self, request: web.Request, watch: Watch) -> web.StreamResponse:
        """Hold one connection. `watch` tells how a turn ended when its handler did not."""
        seen = await self._desk.receive(request)
        world = self._world
        problems = media_checks.imagine_handshake(seen)
        socket = web.WebSocketResponse(compress=False, max_msg_size=_LARGEST_MESSAGE, timeout=0.1)
        can_prepare = bool(socket.can_prepare(request))
        if not can_prepare:
            problems.append("no WebSocket handshake")
        refusal = self._desk.turned_away(
            seen, problems, cleared=checks.is_cleared(seen, world)
        ) or self._desk.status_refusal(seen)
        if refusal:
            return answer(refusal, seen)
        if not can_prepare:
            return answer(faults.status_refusal(faults.CODE_INVALID, "Upgrade required", status=426), seen)
        recorded = await self._player.socket(request, seen, socket, watch)
        if recorded is not None:
            return recorded
        account = owner(seen)
        script = world.take(account)
        turn = self._turn(account)
        with watch(turn):
            for stall in script.stalls_before("open"):
                await silence(stall.seconds)
            if script.refusal:
                turn.status = script.refusal.status
                turn.finish("refused")
                return answer(script.refusal, seen)
            if script.hang_up:
                turn.finish("cut")
                return dropped(request)
            turn.status = seen.status = int(HTTPStatus.SWITCHING_PROTOCOLS)
            await socket.prepare(request)
            await _Rounds(self._desk, request, seen, socket, watch, turn).hold(script)
        return socket

    def _turn(self, account: Account) -> Turn:
        turn = self._world.open_turn("imagine", account, {})
        turn.kind, turn.mode = "imagine", _PRODUCT
        return turn


class _Rounds:
    """One connection: what the client says, and a batch for every prompt."""

    def __init__(
        self,
        desk: Desk,
        request: web.Request,
        seen: Received,
        socket: web.WebSocketResponse,
        watch: Watch,
        turn: Turn,
    ) -> None:
        self._desk = desk
        self._world = desk.world
        self._request = request
        self._seen = seen
        self._socket = socket
        self._watch = watch
        self._account = owner(seen)
        self._prompts: asyncio.Queue[Json] = asyncio.Queue()
        self._is_reset = False
        self._turn = turn
        """The prompt under way, or the last one."""

    async def hold(self, script: Script) -> None:
        """Talk until the client leaves or the script ends it."""
        async with asyncio.TaskGroup() as group:
            speaker = group.create_task(self._speak(script))
            await self._listen()
            self._turn.finish("left")
            speaker.cancel()

    async def _listen(self) -> None:
        async for message in self._socket:
            frame = json_object(message.data) if message.type == WSMsgType.TEXT else None
            if frame is None:
                await self._broken(["not one JSON object in a text message"])
            elif media_checks.is_reset(frame):
                self._is_reset = not await self._broken(media_checks.reset(frame))
            elif not self._is_reset:
                await self._broken(["a prompt without a reset before it"])
            else:
                self._is_reset = False
                if not await self._broken(media_checks.prompt(frame)):
                    self._prompts.put_nowait(frame)

    async def _broken(self, problems: list[str]) -> bool:
        """Record what is wrong with a message; whether it is refused for it."""
        if not problems:
            return False
        self._world.violate("imagine socket", problems)
        without_reset = "a prompt without a reset before it" in problems
        if not (self._world.strict or without_reset):
            return False
        await self._error("invalid_request", "; ".join(problems))
        return True

    async def _error(self, code: str, message: str) -> None:
        frame = {"type": "error", "err_code": code, "err_msg": message}
        await self._socket.send_frame(orjson.dumps(frame), WSMsgType.TEXT)

    # ------------------------------------------------------------------------------------- speaking

    async def _speak(self, script: Script) -> None:
        try:
            frame = await self._first(script)
            while await self._round(self._turn, script, frame):
                frame = await self._prompts.get()
                script = self._world.take(self._account)
                turn = self._world.open_turn("imagine", self._account, {})
                turn.kind, turn.mode, turn.status = "imagine", _PRODUCT, self._seen.status
                self._turn = turn
        except ConnectionError:
            self._turn.finish("left")

    async def _first(self, script: Script) -> Json:
        """The first prompt. A client that never sends one leaves the script to whoever comes next."""
        try:
            return await self._prompts.get()
        except asyncio.CancelledError:
            self._world.put_back(self._account, script)
            raise

    async def _round(self, turn: Turn, script: Script, frame: Json) -> bool:
        """Play one batch; whether another may follow on this socket."""
        with self._watch(turn):
            media = self._world.media
            turn.request = frame
            wish = as_object(member(_content(frame), "properties"))
            turn.prompt = str(member(_content(frame), "text"))
            taken = script
            script = replace(script, wire=script.wire.over(self._world.wire))
            script += whims(turn.prompt, slow_s=media.slow_s, limit=faults.image_limit())
            for stall in script.stalls_before("acks", "first_byte"):
                await silence(stall.seconds)
            refused = self._no()
            if refused:
                self._world.put_back(self._account, taken)
                turn.finish("refused")
                await self._error(*refused)
                return True
            media.spend(self._account, _PRODUCT)
            batch = self._batch(turn.prompt, wish, script.media)
            slots = await self._draw(batch, script.media)
            scene = _scene(turn, media.pace_s)
            pieces = list(_told(slots, script.media, batch, frame, self._host, self._world.rng))
            stage = SocketStage(self._socket, turn, cut_bytes=script.cut_bytes)
            try:
                regular = await play(frames.messages(pieces, script, scene), stage, turn)
            except CutOff as end:
                turn.finish("cut")
                await self._cut(politely=end.politely)
                return False
            if any(isinstance(one, StreamError) for one in script.incidents):
                media.spend(self._account, _PRODUCT, -1)
            turn.finish("answered" if regular else "failed")
            ends = script.media.closes or any(isinstance(one, Ended) for one in script.incidents)
            if ends:
                await self._socket.close()
            return not ends

    async def _cut(self, *, politely: bool) -> None:
        if politely:
            await self._socket.close()
        elif self._request.transport:
            self._request.transport.close()

    def _no(self) -> tuple[str, str] | None:
        """Why the account gets nothing drawn, as code and message."""
        media = self._world.media
        if media.lacks(self._account, _PRODUCT):
            return "permission_denied", "Image generation needs a higher subscription."
        if not media.has_left(self._account, _PRODUCT):
            return "rate_limit_exceeded", "Image rate limit exceeded. Try again later."
        return None

    def _batch(self, prompt: str, wish: Json, media: Media) -> Batch:
        wanted = wish.get("num_generations")
        is_pro = wish.get("enable_pro") is True
        usual = _BATCH_QUALITY if is_pro else _BATCH_SPEED
        asked = max(1, min(wanted, media_checks.MOST_IMAGES)) if isinstance(wanted, int) else usual
        count = media.count or asked
        batch = Batch(
            account=self._account,
            prompt=prompt,
            ratio=str(wish.get("aspect_ratio", "auto")),
            pro=is_pro,
            nsfw=wish.get("enable_nsfw") is True,
            wanted=wanted if isinstance(wanted, int) else None,
            ids=tuple(self._world.new_id() for _ in range(count)),
            moderated=chosen(media.moderated, count),
        )
        self._world.media.batches.append(batch)
        return batch

    async def _draw(self, batch: Batch, media: Media) -> list[_Slot]:
        """Every picture of the batch, and the files of those that are not withheld."""
        gallery = self._world.media
        size = gallery.size(*pictures.SIZES.get(batch.ratio, pictures.SIZES[pictures.USUAL_RATIO]))
        for number, picture_id in enumerate(batch.ids):
            if number not in batch.moderated and not media.lost:
                file = gallery.picture(self._account, picture_id, size)
                file.made_from = _made_from(batch)
                gallery.publish(file, _public_path(picture_id, "jpg"))
                small = pictures.scaled(size, 0.5)
                preview = File(picture_id, self._account, "", "image/png", *small, file.at, picture_id)
                gallery.publish(preview, _public_path(picture_id, "png"))
        return await offload(_drawn, batch, size, media.previews)

    @property
    def _host(self) -> str:
        return self._world.media.public_url or f"http://{self._request.host}"


def _drawn(batch: Batch, size: tuple[int, int], previews: int) -> list[_Slot]:
    small = pictures.scaled(size, 0.5)
    return [
        _Slot(
            number,
            picture_id,
            size,
            (pictures.drawn(picture_id, *small, "png"),) * previews,
            pictures.drawn(picture_id, *size),
            number in batch.moderated,
        )
        for number, picture_id in enumerate(batch.ids)
    ]


# ----------------------------------------------------------------------------------------- frames


def _told(
    slots: Sequence[_Slot], media: Media, batch: Batch, frame: Json, host: str, rng: random.Random
) -> Iterator[Json]:
    """The frames of a batch (§2.4, §2.5): all slots begin in order, then go their ways side by side."""
    count = len(slots)
    first = chosen(media.completed_first, count)
    endless, unfinal = chosen(media.no_completed, count), chosen(media.no_final, count)
    for slot in slots:
        yield _stage(slot, "start_stage", 0.0) | ({"image_id": None} if media.null_image_id else {})
    mixed = rng.sample(slots, count)
    for number in range(media.previews):
        for slot in mixed:
            part = _FINAL * (number + 1) / (media.previews + 1)
            yield _preview(slot, slot.previews[number], part, host)
    for slot in rng.sample(slots, count):
        completed = _stage(slot, "completed", _FINAL) | {
            "moderated": slot.is_moderated,
            "r_rated": slot.is_moderated,
        }
        has_final = not slot.is_moderated and slot.number not in unfinal
        if has_final and media.url_on_completed:
            yield completed | {"url": f"{host}/{_public_path(slot.id, 'jpg')}"}
            continue
        last = [_final(slot, media, batch, frame, host)] if has_final else []
        if slot.number not in endless:
            last.append(completed)
        yield from reversed(last) if slot.number in first else last


def _stage(slot: _Slot, status: str, percentage: float) -> Json:
    return {
        "type": "json",
        "current_status": status,
        "image_id": slot.id,
        "job_id": slot.id,
        "order": slot.number,
        "width": slot.size[0],
        "height": slot.size[1],
        "percentage_complete": percentage,
    }


def _preview(slot: _Slot, data: bytes, percentage: float, host: str) -> Json:
    return {
        "type": "image",
        "blob": base64.b64encode(data).decode(),
        "url": f"{host}/{_public_path(slot.id, 'png')}",
        "id": slot.id,
        "job_id": slot.id,
        "order": slot.number,
        "grid_index": slot.number,
        "percentage_complete": percentage,
    }


def _final(slot: _Slot, media: Media, batch: Batch, frame: Json, host: str) -> Json:
    told: Json = {
        "type": "image",
        "blob": _blob(slot.final, media),
        "url": f"{host}/{_public_path(slot.id, 'jpg')}",
        "id": slot.id,
        "job_id": slot.id,
        "order": slot.number,
        "grid_index": slot.number,
        "side_by_side_index": slot.number,
        "percentage_complete": _FINAL,
        "width": slot.size[0],
        "height": slot.size[1],
        "request_id": member(_content(frame), "requestId"),
        "section_id": 0,
        "is_alteration": False,
        "prompt": batch.prompt,
        "full_prompt": f"{batch.prompt}, soft light",
        "model_name": "imagine_h_1" if batch.pro else "imagine_x_1",
        "suggested_moderation_rule": "MODERATION_RULE_DEFAULT",
        "r_rated": False,
    }
    match media.url:
        case "relative":
            told["url"] = f"users/{batch.account.user_id}/generated/{slot.id}/image.jpg"
        case "missing":
            del told["url"]
        case _:
            pass
    if media.blob == "missing":
        del told["blob"]
    if media.no_percentage:
        del told["percentage_complete"]
    return told


def _blob(data: bytes, media: Media) -> str:
    whole = base64.b64encode(data).decode()
    match media.blob:
        case "unpadded":
            return whole.rstrip("=")
        case "data_uri":
            return f"data:image/jpeg;base64,{whole}"
        case "garbage":
            return f"%%%{whole[:40]}***"
        case "empty":
            return ""
        case _:
            return whole


def _public_path(picture_id: str, suffix: str) -> str:
    return f"{PUBLIC.lstrip('/')}images/{picture_id}.{suffix}"


def _made_from(batch: Batch) -> Json:
    """How the list says that a prompt made it (§4.2)."""
    return {
        "textToImage": {
            "prompt": batch.prompt,
            "numOfImages": len(batch.ids),
            "aspectRatio": batch.ratio,
            "modelName": "imagine-image-gen",
            "mode": "quality" if batch.pro else "speed",
        }
    }


def _content(frame: Json) -> object:
    content = member(frame, "item", "content")
    return content[0] if isinstance(content, list) and content else None


def _scene(turn: Turn, pace_s: float) -> Scene:
    return Scene(
        "", "", "", turn.prompt, turn.mode, temporary=True, parent_response_id="", stamp="", pace_s=pace_s
    )
