"""Edits and films: media posts, the chat streams that make them, and what became of those nobody waited for.

A chat request with a `modelName` is one of them (media chapters 4 and 5). What it orders is a `Work` of the
gallery, which is finished at its time whatever happens to the stream.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from aiohttp import web

from grokdesk.platform.tasks import offload
from grokdesk.sim import faults, films, frames, media_checks, pictures
from grokdesk.sim.assets import PUBLIC, asset
from grokdesk.sim.checks import member
from grokdesk.sim.desk import Desk, answer, as_list, as_object, dropped, owner
from grokdesk.sim.frames import Scene
from grokdesk.sim.gallery import File, Film, Kind, MediaPost, Product, Work
from grokdesk.sim.script import (
    Cut,
    ImageChunk,
    ImageProgress,
    Json,
    Media,
    Refusal,
    Script,
    StreamError,
    chosen,
)
from grokdesk.sim.script import Step as ScriptStep
from grokdesk.sim.stage import BodyStage, CutOff, Watch, play, silence
from grokdesk.sim.whims import whims
from grokdesk.sim.world import Account, Received, Turn, Upload, stamp

_PROGRESS = (1, 18, 37, 52, 74, 91, 100)
_EDIT_PROGRESS = (10, 50, 100)
_DONE = 100
_FREE_SECONDS = 6
_BATCH = 2
_HD_SIDE = 1080
_SAID = "I generated a video"


@dataclass(frozen=True, slots=True)
class _Order:
    """What a request wants made."""

    kind: Kind
    prompt: str
    product: Product
    size: tuple[int, int]
    count: int = 1
    seconds: float = 0.0
    """Of the whole film, earlier segments included."""
    resolution: str = ""
    mode: str = "custom"
    parent: MediaPost | None = None
    before: Film | None = None
    references: tuple[str, ...] = ()
    made_from: Json | None = None


class Studio:
    """The handlers of posts, edits and films."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._world = desk.world

    # ---------------------------------------------------------------------------------------- posts

    async def create_post(self, request: web.Request, seen: Received) -> web.StreamResponse:
        """A new media post (§5.1)."""
        account = owner(seen)
        bad = self._desk.bad(seen, media_checks.post_create(seen.json, account, self._world))
        if bad:
            return bad
        body = as_object(seen.json)
        is_film = body.get("mediaType") == "MEDIA_POST_TYPE_VIDEO"
        post = self._world.media.post(
            account,
            "MEDIA_POST_TYPE_VIDEO" if is_film else "MEDIA_POST_TYPE_IMAGE",
            str(body.get("prompt", "")),
            media_checks.path_of(str(body.get("mediaUrl", ""))),
        )
        return web.json_response({"post": self._post(post, str(body.get("mediaUrl", "")))})

    async def share(self, request: web.Request, seen: Received) -> web.StreamResponse:
        """A link to a post, whose film everybody may then fetch (§6.7)."""
        bad = self._desk.bad(seen, media_checks.share(seen.json))
        if bad:
            return bad
        gallery, post_id = self._world.media, str(as_object(seen.json).get("postId"))
        post = gallery.posts.get(post_id)
        refusal = self._not_yours(post, owner(seen))
        if refusal or not post:
            return answer(refusal or faults.NOT_FOUND, seen)
        post.is_shared = True
        if post.film:
            gallery.publish(post.film.file, f"{PUBLIC.lstrip('/')}share-videos/{post.id}.mp4")
        return web.json_response(
            {"shareLink": f"https://grok.com/imagine/post/{post.id}?source=post-page&platform=web"}
        )

    async def upscale(self, request: web.Request, seen: Received) -> web.StreamResponse:
        """A sharper copy of a film (§5.9). It blocks until it is done."""
        bad = self._desk.bad(seen, media_checks.upscale(seen.json))
        if bad:
            return bad
        gallery, video_id = self._world.media, str(as_object(seen.json).get("videoId"))
        found = next((file for file in gallery.files.values() if file.id == video_id and file.seconds), None)
        refusal = self._not_yours(found, owner(seen))
        if refusal or not found:
            return answer(refusal or faults.NOT_FOUND, seen)
        await silence(gallery.upscale_s)
        scale = _HD_SIDE / (min(found.width, found.height) / gallery.picture_scale)
        sharp = gallery.sharpened(found, pictures.scaled((found.width, found.height), scale))
        base = gallery.assets_url or f"http://{request.host}"
        return web.json_response({"hdMediaUrl": f"{base}/{sharp.path}"})

    def _not_yours(self, found: MediaPost | File | None, account: Account) -> Refusal | None:
        if not found:
            return faults.status_refusal(faults.CODE_INVALID, "No such id", status=400)
        if found.account is not account:
            return faults.status_refusal(faults.CODE_DENIED, "Permission denied", status=403)
        return None

    def _post(self, post: MediaPost, url: str) -> Json:
        is_film = post.media_type == "MEDIA_POST_TYPE_VIDEO"
        empty: Json = {
            name: [] for name in ("audioUrls", "childPosts", "images", "videos", "inputMediaItems")
        }
        return {
            "id": post.id,
            "userId": post.account.user_id,
            "createTime": stamp(post.at),
            "prompt": post.prompt,
            "originalPrompt": post.prompt,
            "mediaType": post.media_type,
            "mediaUrl": url,
            "mimeType": "video/mp4" if is_film else "image/jpeg",
            **empty,
            "mode": "text",
            "thumbnailImageUrl": "",
            "availableActions": [],
        }

    # ------------------------------------------------------------------------------ edits and films

    async def generate(self, request: web.Request, seen: Received, watch: Watch) -> web.StreamResponse:
        """A chat request that is an edit or a film; `watch` tells how its turn ended when nobody did."""
        account = owner(seen)
        bad = self._desk.bad(seen, media_checks.generation(seen, account, self._world))
        if bad:
            return bad
        body = as_object(seen.json)
        order = await self._order(body, account)
        turn = self._world.open_turn("rest", account, body)
        turn.kind, turn.mode, turn.prompt = order.kind, order.product, order.prompt
        with watch(turn):
            return await self._turn(request, seen, turn, order)

    async def _turn(
        self, request: web.Request, seen: Received, turn: Turn, order: _Order
    ) -> web.StreamResponse:
        world, account = self._world, turn.account
        stop = self._no(order, account)
        taken = Script() if stop else world.take(account)
        script = stop or self._with_whims(taken, order)
        for stall in script.stalls_before("open", "first_byte"):
            await silence(stall.seconds)
        if script.refusal:
            turn.status = script.refusal.status
            turn.finish("refused")
            return answer(script.refusal, seen)
        if script.hang_up and not script.hang_up.accepted:
            return self._hung_up(request, turn)
        work = self._begin(order, account, turn, script)
        work.has_failed = any(isinstance(one, StreamError) for one in script.incidents)
        self._make(work, order, script)
        if not work.has_failed:
            world.media.spend(account, order.product)
        if script.hang_up:
            return self._hung_up(request, turn)
        scene = self._scene(work, turn)
        head, pieces, tail = self._frames(work, order, script)
        # The last frame tells of the result, so it waits for it.
        last_s = work.ready_at - world.monotonic() - self._pace_s(script) * (len(pieces) - 1)
        plays = frames.body(head, pieces, tail, script, scene, last_delay_s=last_s)
        response = web.StreamResponse(headers={"Content-Type": script.wire.content_type})
        turn.status = seen.status = response.status
        await response.prepare(request)
        for stall in script.stalls_before("acks"):
            await silence(stall.seconds)
        stage = BodyStage(response, turn, chunk_bytes=script.wire.chunk_bytes, cut_bytes=script.cut_bytes)
        try:
            regular = await play(plays, stage, turn)
            turn.finish("answered" if regular else "failed")
            await silence(script.media.lingers_s)
            await response.write_eof()
        except CutOff as end:
            turn.finish("cut")
            if not end.politely and request.transport:
                request.transport.close()
        return response

    def _hung_up(self, request: web.Request, turn: Turn) -> web.StreamResponse:
        turn.finish("cut")
        return dropped(request)

    def _with_whims(self, script: Script, order: _Order) -> Script:
        limit = faults.limited(in_stream=True)
        script = replace(script, wire=script.wire.over(self._world.wire))
        return script + whims(order.prompt, slow_s=self._world.media.slow_s, limit=limit)

    def _no(self, order: _Order, account: Account) -> Script | None:
        """Why the account may not have this made (§5.10, §11.1)."""
        gallery = self._world.media
        if gallery.lacks(account, order.product):
            return Script(refusal=faults.ABOVE_TIER)
        if order.kind == "video" and account.tier == "basic" and order.seconds > _FREE_SECONDS:
            return faults.limited()
        if gallery.has_left(account, order.product):
            return None
        in_stream = self._world.quota_refusal == "in_stream"
        return faults.limited(in_stream=in_stream, usage_limit=in_stream)

    # --------------------------------------------------------------------------------------- orders

    async def _order(self, body: Json, account: Account) -> _Order:
        if body.get("modelName") == media_checks.EDIT:
            return await self._edit(body, account)
        return self._film(body, account)

    async def _edit(self, body: Json, account: Account) -> _Order:
        wish = as_object(member(body, "mediaGenInput", "imageToImage"))
        prompt = str(body.get("message", ""))
        if wish:
            ids = [str(one) for one in as_list(wish.get("inputAssets"))]
            ratio = str(wish.get("aspectRatio", "auto"))
            size = await self._size(
                ratio, media_checks.input_of(ids[0], account, self._world) if ids else None
            )
            return _Order(
                "edit", prompt, "imageEdit", size, references=tuple(ids), made_from={"imageToImage": wish}
            )
        path = ("responseMetadata", "modelConfigOverride", "modelMap", "imageEditModelConfig")
        config = as_object(member(body, *path))
        references = tuple(str(one) for one in as_list(config.get("imageReferences")))
        parent = self._world.media.post_of(account, str(config.get("parentPostId")))
        made_from: Json = {"imageToImage": {"prompt": prompt, "inputAssets": list(references)}}
        size = await self._size("1:1", None)
        return _Order(
            "edit",
            prompt,
            "imageEdit",
            size,
            _BATCH,
            parent=parent,
            references=references,
            made_from=made_from,
        )

    async def _size(self, ratio: str, first: Upload | File | None) -> tuple[int, int]:
        """Pixels of an edit: of the ratio, or without one of the proportions of the first input."""
        gallery = self._world.media
        if ratio in pictures.SIZES:
            return gallery.size(*pictures.SIZES[ratio])
        size = (first.width, first.height) if isinstance(first, File) else None
        if isinstance(first, Upload):
            size = await offload(pictures.size_of, first.data)
        return gallery.size(*(pictures.like(*size) if size else pictures.SIZES["1:1"]))

    def _film(self, body: Json, account: Account) -> _Order:
        message = str(body.get("message", ""))
        prompt, mode = media_checks.said_of(message), media_checks.mode_of(message)
        wishes = as_object(body.get("mediaGenInput"))
        if wishes:
            wish = as_object(next(iter(wishes.values())))
            length, made_from = wish.get("duration"), wishes
            references = tuple(str(one) for one in as_list(wish.get("inputAssets")))
            parent = before = None
        else:
            path = ("responseMetadata", "modelConfigOverride", "modelMap", "videoGenModelConfig")
            wish = as_object(member(body, *path))
            length = wish.get("videoLength")
            references = tuple(str(one) for one in as_list(wish.get("imageReferences")))
            parent = self._world.media.post_of(account, str(wish.get("parentPostId")))
            is_extension = wish.get("isVideoExtension") is True
            before = media_checks.film_before(wish, account, self._world) if is_extension else None
            made_from = _as_current(prompt, wish, references)
        resolution = str(wish.get("resolutionName", "720p"))
        ratio = str(wish.get("aspectRatio", "16:9"))
        size = films.size_of(
            ratio if ratio in films.RATIOS else "16:9",
            resolution if resolution in films.SHORTER_SIDE else "720p",
        )
        seconds = float(length) if isinstance(length, int) else 6.0
        return _Order(
            "video",
            prompt,
            "video720p" if resolution == "720p" else "video",
            self._world.media.size(*size),
            seconds=seconds + (before.seconds if before else 0.0),
            resolution=resolution,
            mode=mode or "custom",
            parent=parent,
            before=before,
            references=references,
            made_from=made_from,
        )

    # ----------------------------------------------------------------------------------------- work

    def _begin(self, order: _Order, account: Account, turn: Turn, script: Script) -> Work:
        """The conversation of the order, and when its work will be done."""
        world = self._world
        conversation = world.converse(account, temporary=True)
        turn.conversation_id, turn.response_id = conversation.id, world.new_id()
        conversation.response_ids.append(turn.response_id)
        conversation.turns.append((order.prompt, turn.response_id))
        progress = _PROGRESS if order.kind == "video" else _EDIT_PROGRESS
        pace = self._pace_s(script)
        # Half a frame before the last one is due: who is told of it can fetch it.
        lasts = world.media.work_s if world.media.work_s is not None else pace * (len(progress) - 0.5)
        work = Work(
            kind=order.kind,
            account=account,
            prompt=order.prompt,
            product=order.product,
            conversation_id=conversation.id,
            request_id=world.new_id(),
            response_id=turn.response_id,
            request=turn.request,
            ready_at=world.monotonic() + lasts,
            moderated=chosen(script.media.moderated, order.count),
        )
        world.media.begin(work)
        return work

    def _pace_s(self, script: Script) -> float:
        return self._world.media.pace_s if script.wire.delay_s is None else script.wire.delay_s

    def _make(self, work: Work, order: _Order, script: Script) -> None:
        """The files that will be there when the work is done; none of what is withheld."""
        gallery, account, ready = self._world.media, work.account, work.ready_at
        if order.kind == "video":
            film_id = self._world.new_id()
            post = gallery.post(account, "MEDIA_POST_TYPE_VIDEO", order.prompt)
            file = gallery.film(account, film_id, order.size, order.seconds, ready)
            work.film = Film(film_id, post, order.parent, file, order.seconds, 0 in work.moderated)
            post.film, post.media_path = work.film, file.path
            work.files = [file]
        else:
            for _ in range(order.count):
                file = gallery.picture(account, self._world.new_id(), order.size, ready)
                gallery.preview(account, file.id, 0, pictures.scaled(order.size, 0.5))
                work.files.append(file)
        for number, file in enumerate(work.files):
            file.conversation_id, file.response_id = work.conversation_id, work.response_id
            file.made_from, file.references = order.made_from or {}, order.references
            file.is_extension = order.before is not None
            if work.has_failed or number in work.moderated or script.media.lost:
                for path in [path for path, one in gallery.files.items() if one.id == file.id]:
                    del gallery.files[path]

    def _scene(self, work: Work, turn: Turn) -> Scene:
        return Scene(
            conversation_id=work.conversation_id,
            request_id=work.request_id,
            response_id=work.response_id,
            prompt=work.prompt,
            mode=turn.mode,
            temporary=True,
            parent_response_id="",
            stamp=self._world.stamp(),
            pace_s=self._world.media.pace_s,
        )

    # --------------------------------------------------------------------------------------- frames

    def _frames(self, work: Work, order: _Order, script: Script) -> tuple[list[Json], list[Json], list[Json]]:
        """The frames that open the stream, the ones that count, and the ones that close it."""
        head: list[Json] = [
            {"result": {"conversation": {"conversationId": work.conversation_id}}},
            _response({"userResponse": {"responseId": work.request_id}}),
        ]
        if order.kind == "edit":
            return head, list(self._edit_frames(work, script.media)), [_response(_edited(work, script.media))]
        pieces = [_response({_VIDEO: one}) for one in _film_frames(work, order, script.media)]
        whole: Json = {
            "responseId": work.response_id,
            "message": _SAID,
            "fileAttachments": [work.files[0].id],
        }
        if work.moderated:
            return head, pieces, []
        said: Json = {"token": _SAID, "isThinking": False, "isSoftStop": False}
        return head, pieces, [_response(said), _response({"modelResponse": whole})]

    def _edit_frames(self, work: Work, media: Media) -> Iterable[Json]:
        for progress in _EDIT_PROGRESS:
            for number, file in enumerate(work.files):
                is_last = progress == _DONE
                path = file.path if is_last else file.path.replace(file.id, f"{file.id}-part-0")
                frame: Json = {
                    "imageIndex": number,
                    "progress": progress,
                    "imageUrl": path,
                    "moderated": is_last and number in work.moderated,
                }
                if is_last:
                    frame["assetId"] = file.id
                    if media.no_percentage:
                        del frame["progress"]
                        frame["isFinal"] = True
                if not (is_last and number in chosen(media.no_final, len(work.files))):
                    yield _response({"streamingImageGenerationResponse": frame})

    # ------------------------------------------------------------------------------------ in a chat

    def chat_whims(self, prompt: str) -> Script:
        """What the words of a wish for a drawing in a chat do."""
        limit = faults.limited(in_stream=True, usage_limit=True)
        script = whims(prompt, slow_s=self._world.media.slow_s, limit=limit)
        # Cards are no pieces of text, so the connection is lost before the first word.
        cuts = any(isinstance(one, Cut) for one in script.incidents)
        return replace(script, incidents=(Cut(0),)) if cuts else script

    def illustrated(self, script: Script, account: Account) -> Script:
        """The script with its generated pictures made: they are the account's, and their files are there."""
        drawn = {step.uuid for step in script.steps if isinstance(step, ImageChunk | ImageProgress)}
        if not drawn:
            return script
        withheld = chosen(script.media.moderated, len(drawn))
        fails = any(isinstance(one, StreamError) for one in script.incidents)
        media = replace(script.media, lost=True) if fails else script.media
        steps = tuple(self._owned(step, account, withheld, media) for step in script.steps)
        slower = self._world.media.pace_s > self._world.pace_s and script.wire.delay_s is None
        wire = replace(script.wire, delay_s=self._world.media.pace_s) if slower else script.wire
        return replace(script, steps=steps, wire=wire)

    def _owned(
        self, step: ScriptStep, account: Account, withheld: frozenset[int], media: Media
    ) -> ScriptStep:
        if not isinstance(step, ImageChunk | ImageProgress):
            return step
        gallery = self._world.media
        if isinstance(step, ImageChunk) and step.progress == _DONE and step.index in withheld:
            return replace(step, url="", moderated=True, error="ERR_CHECK_FINAL_IMAGE")
        step = replace(step, url=step.url.replace("users/demo/", f"users/{account.user_id}/"))
        size = gallery.size(*pictures.SIZES[pictures.USUAL_RATIO])
        part = re.search(r"-part-(\d+)/", step.url)
        if part:
            gallery.preview(account, step.uuid, int(part[1]), pictures.scaled(size, 0.5))
        elif step.url and not step.moderated and not media.lost:
            gallery.picture(account, step.uuid, size)
        return step

    # -------------------------------------------------------------------------------------- polling

    async def responses(self, request: web.Request, seen: Received) -> web.StreamResponse:
        """What became of a conversation (§5.6): its responses, with the files once they are there."""
        bad = self._desk.bad(seen, media_checks.responses(seen))
        if bad:
            return bad
        work = self._world.media.works.get(request.match_info["id"])
        if not work or work.account is not owner(seen):
            return answer(faults.NOT_FOUND, seen)
        question: Json = {"responseId": work.request_id, "sender": "human", "message": work.prompt}
        told: Json = {
            "responseId": work.response_id,
            "sender": "assistant",
            "parentResponseId": work.request_id,
            "message": "",
            "partial": True,
            "fileAttachments": [],
            "fileAttachmentAssetMetadata": [],
        }
        if self._world.media.is_ready(work):
            told |= {
                "partial": False,
                "message": _SAID if work.kind == "video" and not work.has_failed else "",
            }
            told |= {} if work.has_failed else await self._result(work)
        return web.json_response({"responses": [question, told]})

    async def _result(self, work: Work) -> Json:
        """The finished files of a work; one that was withheld has no key and says so."""
        about: list[Json] = []
        for number, file in enumerate(work.files):
            one = await asset(file)
            if number in work.moderated:
                one |= {"key": "", "previewImageKey": "", "auxKeys": {"moderated": "true"}}
            about.append(one)
        shown = [file.id for number, file in enumerate(work.files) if number not in work.moderated]
        return {"fileAttachments": shown, "fileAttachmentAssetMetadata": about}


_VIDEO = "streamingVideoGenerationResponse"


def _film_frames(work: Work, order: _Order, media: Media) -> Iterable[Json]:
    film = work.film
    assert film, "a film was begun"
    for number, progress in enumerate(_PROGRESS):
        frame: Json = {
            "videoId": film.id,
            "progress": progress,
            "videoPostId": film.post.id,
            "moderated": False,
        }
        if number == 0:
            frame |= {
                "parentPostId": film.parent.id if film.parent else "",
                "imageReference": order.references[0] if order.references else "",
                "videoPrompt": "",
                "mode": order.mode,
                "modelName": media_checks.VIDEO,
                "resolutionName": order.resolution,
            }
        if progress == _DONE and film.is_moderated:
            frame |= {"assetId": film.id, "videoUrl": "", "moderated": True}
        elif progress == _DONE:
            if chosen(media.no_final, 1):
                return
            frame |= {
                "assetId": film.id,
                "thumbnailImageUrl": film.file.preview,
                "width": film.file.width,
                "height": film.file.height,
                "resolutionName": order.resolution,
            }
            if media.video_url != "missing":
                frame[media.video_url] = film.file.path
        yield frame


def _edited(work: Work, media: Media) -> Json:
    shown = [file for number, file in enumerate(work.files) if number not in work.moderated]
    told = work.files if media.echoes_moderated else shown
    whole: Json = {
        "responseId": work.response_id,
        "message": "",
        "generatedImageUrls": [file.path for file in told],
        "fileAttachments": [file.id for file in shown],
    }
    if chosen(media.no_final, len(work.files)):
        whole |= {"generatedImageUrls": [], "fileAttachments": []}
    return {"modelResponse": whole}


def _response(content: Json) -> Json:
    return {"result": {"response": content}}


def _as_current(prompt: str, wish: Json, references: tuple[str, ...]) -> Json:
    """How the list records a film that was ordered in the older form."""
    common: Json = {
        "prompt": prompt,
        "aspectRatio": wish.get("aspectRatio"),
        "duration": wish.get("videoLength"),
        "resolutionName": wish.get("resolutionName"),
    }
    if references:
        return {"referenceToVideo": {**common, "inputAssets": list(references)}}
    return {"textToVideo": common}
