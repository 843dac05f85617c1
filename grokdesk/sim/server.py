"""The wire: every endpoint of the service on one port, whatever host the client believes it talks to.

A request is recorded, meets Cloudflare, is checked against the protocol document, then against the account
table, and only then answered. Chat turns are watched all the time: a client that leaves is noticed at once,
also while the script is silent.
"""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Self
from urllib.parse import quote, urlsplit

import orjson
from aiohttp import WSMsgType, web

from grokdesk.sim import answers, checks, faults, frames, grpc_web, imagine
from grokdesk.sim.assets import DOWNLOADS, PUBLIC, Assets, paged
from grokdesk.sim.checks import Call
from grokdesk.sim.desk import Desk, answer, as_list, as_object, dropped, json_object, owner
from grokdesk.sim.frames import Scene
from grokdesk.sim.imagine import Imagine
from grokdesk.sim.player import Player
from grokdesk.sim.script import Ended, Json, Refusal, Script
from grokdesk.sim.stage import BodyStage, CutOff, SocketStage, play, silence
from grokdesk.sim.studio import Studio
from grokdesk.sim.voice import Voice
from grokdesk.sim.world import Account, Conversation, Received, Turn, World, stamp

Handler = Callable[[web.Request, Received], Awaitable[web.StreamResponse]]

_LARGEST_BODY = 96 * 1024 * 1024
_LARGEST_MESSAGE = 16 * 1024 * 1024
_POLL_S = 0.002
_SIGNER_EPOCH = 1_682_924_400
_SOLVER_VERSION = "3.3.21"
_CHAT = "/rest/app-chat/conversations/new"
_GATEWAY = "/ws/mgw/"
_DEMO_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)


class Simulator:
    """A world on a port. `port=0` takes a free one; `url` is known once it is started."""

    def __init__(self, world: World, port: int = 0, host: str = "127.0.0.1") -> None:
        self.world = world
        self.host = host
        self.port = port
        self._desk = Desk(world)
        self._assets = Assets(self._desk)
        self._player = Player(self._desk)
        self._imagine = Imagine(self._desk, self._player)
        self._studio = Studio(self._desk)
        self._voice = Voice(self._desk)
        self._runner: web.AppRunner | None = None
        self._live: set[asyncio.Task[object]] = set()
        self._stopping = False

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def received(self) -> list[Received]:
        return self.world.received

    @property
    def turns(self) -> list[Turn]:
        return self.world.turns

    @property
    def violations(self) -> list[str]:
        return self.world.violations

    @property
    def open_connections(self) -> int:
        return self.world.open_connections

    async def until(self, is_so: Callable[[], object], within_s: float = 2.0) -> None:
        """Wait until `is_so()`. Raises `TimeoutError` when that takes too long."""
        deadline = self.world.monotonic() + within_s
        while not is_so():
            if self.world.monotonic() > deadline:
                raise TimeoutError(f"not so within {within_s:g} s")
            await asyncio.sleep(_POLL_S)

    @asynccontextmanager
    async def started(self) -> AsyncIterator[Self]:
        """Serve while the block runs."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        """Listen. Raises `OSError` when the port is taken."""
        self._stopping = False
        self._runner = web.AppRunner(
            self._app(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=0.1,
            handle_signals=False,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """End at once; turns in flight are broken off, also silent ones."""
        self._stopping = True
        for task in list(self._live):
            task.cancel()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    # -------------------------------------------------------------------------------------- the app

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=_LARGEST_BODY)
        route = app.router.add_route

        def serve(method: str, path: str, call: Call, handler: Handler) -> None:
            route(method, path, self._guarded(call, handler))

        route("GET", _GATEWAY, self._tracked(self._gateway))
        route("GET", imagine.PATH, self._tracked(self._listen))
        serve("POST", _CHAT, checks.CHAT, self._chat)
        serve("POST", "/rest/app-chat/conversations/{id}/responses", checks.CHAT, self._chat)
        polled = "/rest/app-chat/conversations/{id}/responses"
        serve("GET", polled, checks.RESPONSES, self._studio.responses)
        serve("POST", "/rest/media/post/create", checks.MEDIA_POST, self._studio.create_post)
        serve("POST", "/rest/media/post/create-link", checks.SHARE, self._studio.share)
        serve("POST", "/rest/media/video/upscale", checks.UPSCALE, self._studio.upscale)
        serve("POST", "/rest/livekit/tokens", checks.VOICE, self._voice.token)
        serve("GET", "/rest/app-chat/conversations", checks.CONVERSATION, self._history)
        serve("DELETE", "/rest/app-chat/conversations/soft/{id}", checks.CONVERSATION, self._forget)
        serve("POST", "/rest/app-chat/upload-file", checks.UPLOAD_JSON, self._assets.upload_json)
        serve("POST", "/http/upload-file-v2/direct", checks.UPLOAD_MULTIPART, self._assets.upload_multipart)
        serve("POST", "/rest/rate-limits", checks.RATE_LIMITS, self._rate_limits)
        serve("POST", "/rest/media/imagine/quota_info", checks.IMAGINE_QUOTA, self._imagine_quota)
        serve("POST", "/grok_api_v2.GrokBuildBilling/GetGrokCreditsConfig", checks.CREDITS, self._credits)
        serve("GET", "/api/auth/session", checks.SESSION, self._session)
        serve("POST", "/rest/auth/set-tos-accepted", checks.PRODUCT_TERMS, self._accept_terms)
        serve("POST", "/rest/auth/set-birth-date", checks.BIRTH_DATE, self._birth_date)
        features = "/auth_mgmt.AuthManagement/UpdateUserFeatureControls"
        serve("POST", features, checks.FEATURES, self._features)
        terms = "/auth_mgmt.AuthManagement/SetTosAcceptedVersion"
        serve("POST", terms, checks.ACCOUNT_TERMS, self._accept_account_terms)
        serve("GET", "/rest/assets", checks.ASSETS, self._assets.listed)
        serve("DELETE", "/rest/assets-metadata/{id}", checks.ASSETS, self._assets.delete)
        serve("GET", "/index", checks.PAGE, self._index)
        serve("GET", "/", checks.PAGE, self._index)
        route("GET", f"{DOWNLOADS}{{path:.+}}", self._tracked(self._assets.download))
        route("HEAD", f"{DOWNLOADS}{{path:.+}}", self._tracked(self._assets.download))
        route("GET", f"{PUBLIC}{{path:.+}}", self._tracked(self._assets.fetch_public))
        route("HEAD", f"{PUBLIC}{{path:.+}}", self._tracked(self._assets.fetch_public))
        route("GET", "/cdn-cgi/trace", self._tracked(self._trace))
        route("POST", "/sign", self._tracked(self._sign))
        route("POST", "/v1", self._tracked(self._solve))
        route("*", "/{path:.*}", self._unknown)
        return app

    def _tracked(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The same handler, known to `stop`."""

        async def tracked(request: web.Request) -> web.StreamResponse:
            task = asyncio.current_task()
            assert task
            self._live.add(task)
            try:
                return await handler(request)
            finally:
                self._live.discard(task)

        return tracked

    def _guarded(
        self, call: Call, handler: Handler
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler behind everything that may turn a request away."""
        is_chat = call is checks.CHAT

        async def guarded(request: web.Request) -> web.StreamResponse:
            seen = await self._desk.receive(request)
            is_order = is_chat and "modelName" in as_object(seen.json)
            if is_chat and not is_order and not self.world.rest:
                return answer(faults.NOT_FOUND, seen)
            if call is checks.PAGE and "sso" not in seen.cookies:
                # A visitor without an account, who may look at the door.
                cleared = checks.is_cleared(seen, self.world)
                return await handler(request, seen) if cleared else answer(faults.CHALLENGE, seen)
            problems = checks.page(seen) if call is checks.PAGE else checks.http(call, seen, self.world)
            refusal = self._desk.turned_away(
                seen, problems, cleared=call.accounts_host or checks.is_cleared(seen, self.world)
            )
            if not refusal and call is not checks.SESSION:
                refusal = self._desk.status_refusal(seen)
            if refusal and call.grpc and seen.account and self.world.grpc_errors != "http":
                return _grpc_refusal(refusal, seen, in_headers=self.world.grpc_errors == "headers")
            if refusal:
                return answer(refusal, seen)
            recorded = await self._player.answer(request, seen, self._watched)
            if recorded:
                return recorded
            script = None if is_chat else self.world.take_on(seen.path, seen.account)
            if script:
                for stall in script.stalls_before("open", "acks", "first_byte"):
                    await silence(stall.seconds)
            if script and script.refusal:
                return answer(script.refusal, seen)
            if script and script.hang_up:
                return dropped(request)
            seen.media = script.media if script else seen.media
            response = await handler(request, seen)
            seen.status = response.status
            return response

        return self._tracked(guarded)

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        seen = await self._desk.receive(request)
        self._desk.violate(seen, ["nobody knows this call"])
        return answer(faults.NOT_FOUND, seen)

    # ----------------------------------------------------------------------------- chat, older form

    async def _chat(self, request: web.Request, seen: Received) -> web.StreamResponse:
        account = owner(seen)
        body = seen.json if isinstance(seen.json, dict) else {}
        if "modelName" in body and "id" not in request.match_info:
            return await self._studio.generate(request, seen, self._watched)
        bad = self._desk.bad(seen, checks.chat_body(seen.json, account, self.world))
        if bad:
            return bad
        turn = self.world.open_turn("rest", account, body)
        turn.mode = str(body.get("modeId", "fast"))
        turn.may_draw = body.get("enableImageGeneration") is not False
        turn.prompt = str(body.get("message", ""))
        turn.attachments = tuple(str(name) for name in as_list(body.get("fileAttachments")))
        turn.parent_response_id = str(body.get("parentResponseId", ""))
        with self._watched(turn):
            return await self._rest_turn(request, seen, turn)

    async def _rest_turn(self, request: web.Request, seen: Received, turn: Turn) -> web.StreamResponse:
        account, world = turn.account, self.world
        conversation = self._continued(request, account)
        if conversation is None and "id" in request.match_info:
            return self._refused(turn, faults.NOT_FOUND, seen)
        script, taken = self._script_for(turn)
        for stall in script.stalls_before("open", "first_byte"):
            await silence(stall.seconds)
        if script.refusal:
            return self._refused(turn, script.refusal, seen)
        if script.hang_up:
            return self._hung_up(request, turn)
        if taken:
            account.quota[turn.mode].remaining -= 1
        temporary = bool(turn.request.get("temporary", True))
        conversation = conversation or world.converse(
            account, temporary=temporary, conversation_id=_recorded_conversation(script)
        )
        script, scene = self._set(script, turn, conversation)
        response = web.StreamResponse(headers={"Content-Type": script.wire.content_type})
        turn.status = seen.status = response.status
        await response.prepare(request)
        for stall in script.stalls_before("acks"):
            await silence(stall.seconds)
        cut = script.cut_bytes
        stage = BodyStage(response, turn, chunk_bytes=script.wire.chunk_bytes, cut_bytes=cut)
        try:
            regular = await play(frames.rest(script, scene), stage, turn)
            await response.write_eof()
        except CutOff as end:
            turn.finish("cut")
            if not end.politely and request.transport:
                request.transport.close()
            return response
        turn.finish("answered" if regular else "failed")
        return response

    def _continued(self, request: web.Request, account: Account) -> Conversation | None:
        return self.world.conversation_of(account, request.match_info.get("id", ""))

    def _refused(self, turn: Turn, refusal: Refusal, seen: Received) -> web.Response:
        turn.status = refusal.status
        turn.finish("refused")
        return answer(refusal, seen)

    def _hung_up(self, request: web.Request, turn: Turn) -> web.Response:
        turn.finish("cut")
        return dropped(request)

    def _script_for(self, turn: Turn) -> tuple[Script, bool]:
        """What this turn plays, and whether it costs the account. Quota and tier go before any script."""
        stop = self._quota_script(turn)
        if stop:
            return stop, False
        script = self._playable(self.world.take(turn.account), turn)
        return script, not script.refusal

    def _playable(self, script: Script, turn: Turn) -> Script:
        recorded = script.transcript
        if recorded is None or recorded.form == turn.form:
            return script
        self.world.violate("script", [f"a {recorded.form} transcript cannot play in the {turn.form} form"])
        return faults.server_error(500)

    def stage_gateway(self, script: Script, turn: Turn, conversation: Conversation) -> tuple[Script, Scene]:
        """What the gateway plays in answer to `response.create`. An empty quota takes the script's place."""
        stop = self._quota_script(turn)
        if stop:
            self.world.put_back(turn.account, script)
            script = stop
        else:
            turn.account.quota[turn.mode].remaining -= 1
        return self._set(script, turn, conversation)

    def _quota_script(self, turn: Turn) -> Script | None:
        """The refusal of a turn the account has no right to, or no more."""
        account, in_gateway = turn.account, turn.form == "gateway"
        if not account.may_use(turn.mode):
            message = "This mode needs a higher subscription."
            return (
                faults.stream_error(faults.CODE_DENIED, message)
                if in_gateway
                else Script(refusal=faults.ABOVE_TIER)
            )
        if account.quota[turn.mode].remaining > 0:
            return None
        if self.world.quota_refusal == "in_stream":
            return faults.limited(in_stream=True, usage_limit=in_gateway)
        return faults.limited(in_stream=in_gateway)

    def _set(self, script: Script, turn: Turn, conversation: Conversation) -> tuple[Script, Scene]:
        """The script with all its content, and the scene it plays in."""
        world = self.world
        script = replace(script, wire=script.wire.over(world.wire))
        if script.needs_content:
            prompt = turn.prompt if turn.may_draw else turn.prompt.removeprefix(answers.DRAWING)
            script = world.improvise(prompt, turn.mode, world.rng) + script
            if prompt.startswith(answers.DRAWING):
                script += self._studio.chat_whims(prompt)
        script = self._studio.illustrated(script, turn.account)
        turn.conversation_id = conversation.id
        turn.response_id = _recorded_response(script) or world.new_id()
        conversation.response_ids.append(turn.response_id)
        conversation.turns.append((turn.prompt, turn.response_id))
        scene = Scene(
            conversation_id=conversation.id,
            request_id=world.new_id(),
            response_id=turn.response_id,
            prompt=turn.prompt,
            mode=turn.mode,
            temporary=conversation.temporary,
            parent_response_id=turn.parent_response_id,
            stamp=world.stamp(),
            pace_s=world.pace_s,
            file_ids=turn.attachments,
        )
        return script, scene

    @contextmanager
    def _watched(self, turn: Turn) -> Iterator[None]:
        """Tell how the turn ended when its handler did not."""
        try:
            yield
        except asyncio.CancelledError:
            turn.finish("shutdown" if self._stopping else "left")
            raise
        except ConnectionError:
            turn.finish("left")
            raise
        finally:
            turn.finish("failed")

    # ---------------------------------------------------------------------------------- the gateway

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        seen = await self._desk.receive(request)
        world = self.world
        if not world.gateway:
            return answer(replace(faults.NOT_FOUND, status=world.gateway_gone_status), seen)
        problems = checks.handshake(seen)
        socket = web.WebSocketResponse(
            compress=False, max_msg_size=_LARGEST_MESSAGE, protocols=("json",), timeout=0.1
        )
        if not socket.can_prepare(request):
            problems.append("no WebSocket handshake")
        if seen.account:
            problems += checks.owner(seen, seen.account)
        refusal = self._desk.turned_away(
            seen, problems, cleared=checks.is_cleared(seen, world)
        ) or self._desk.status_refusal(seen)
        if refusal:
            return answer(refusal, seen)
        if not socket.can_prepare(request):
            return answer(faults.status_refusal(faults.CODE_INVALID, "Upgrade required", status=426), seen)
        turn = world.open_turn("gateway", owner(seen), {})
        with self._watched(turn):
            return await self._gateway_turn(request, seen, turn, socket)

    async def _gateway_turn(
        self, request: web.Request, seen: Received, turn: Turn, socket: web.WebSocketResponse
    ) -> web.StreamResponse:
        if self.world.handshake_status is not None:
            return self._refused(turn, _handshake_refusal(self.world.handshake_status), seen)
        recorded = self._player.gateway(turn.account)
        script = Script(transcript=recorded) if recorded else self.world.take(turn.account)
        script = self._playable(script, turn)
        for stall in script.stalls_before("open"):
            await silence(stall.seconds)
        if script.refusal:
            return self._refused(turn, script.refusal, seen)
        if script.hang_up:
            return self._hung_up(request, turn)
        turn.status = seen.status = int(HTTPStatus.SWITCHING_PROTOCOLS)
        await socket.prepare(request)
        await _Dialogue(self, request, socket, turn, script).hold()
        return socket

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        return await self._imagine.listen(request, self._watched)

    # ---------------------------------------------------------------------------------- the account

    async def _session(self, request: web.Request, seen: Received) -> web.StreamResponse:
        account = owner(seen)
        if account.status == "unauthenticated":
            return web.json_response({"status": "unauthenticated"})
        if account.status == "blocked":
            return web.json_response({"status": "blocked", "session": {"userId": account.user_id}})
        match account.session_shape:
            case "session":
                about = {"userId": account.user_id, "email": account.email, "organizationId": account.team_id}
                return web.json_response({"status": "authenticated", "session": about})
            case "user":
                about = {"id": account.user_id, "email": account.email, "teamId": account.team_id}
                return web.json_response({"user": about})
            case "flat":
                about = {"userId": account.user_id, "email": account.email, "teamId": account.team_id}
                return web.json_response(about)

    async def _rate_limits(self, request: web.Request, seen: Received) -> web.StreamResponse:
        bad = self._desk.bad(seen, checks.shape(seen.json, {"modelName": str}, "body"))
        if bad:
            return bad
        mode = str(seen.json.get("modelName", "")) if isinstance(seen.json, dict) else ""
        if not checks.known_mode("rest", mode):
            return answer(faults.status_refusal(faults.CODE_INVALID, "Unknown model", status=400), seen)
        quota = owner(seen).quota.get(mode)
        return web.json_response(
            {
                "windowSizeSeconds": quota.window_s if quota else _USUAL_WINDOW_S,
                "remainingQueries": max(quota.remaining, 0) if quota else 0,
                "totalQueries": quota.total if quota else 0,
                "lowEffortRateLimits": None,
                "highEffortRateLimits": None,
            }
        )

    async def _imagine_quota(self, request: web.Request, seen: Received) -> web.StreamResponse:
        bad = self._desk.bad(seen, checks.shape(seen.json, {}, "body"))
        return bad or web.json_response(self.world.media.quotas(owner(seen)))

    async def _credits(self, request: web.Request, seen: Received) -> web.StreamResponse:
        bad = self._desk.bad(
            seen, [] if seen.body == grpc_web.EMPTY_MESSAGE else ["body is not an empty message"]
        )
        if bad:
            return bad
        pool = owner(seen).credits
        if pool is None:
            return _grpc(grpc_web.trailers(faults.CODE_NOT_FOUND, "no credits"))
        return _grpc(
            grpc_web.credits_message(
                used_percent=pool.used_percent,
                start=pool.start,
                end=pool.end,
                products=pool.products,
                paid=pool.paid,
            )
        )

    async def _accept_account_terms(self, request: web.Request, seen: Received) -> web.StreamResponse:
        bad = self._desk.bad(
            seen, [] if seen.body == grpc_web.ACCEPT_TERMS else ["body is not the acceptance of terms"]
        )
        if bad:
            return bad
        owner(seen).accounts_terms = True
        return _grpc(grpc_web.message(b"") + grpc_web.trailers())

    async def _accept_terms(self, request: web.Request, seen: Received) -> web.StreamResponse:
        bad = self._desk.bad(seen, checks.shape(seen.json, {"tosVersion": int}, "body"))
        if bad:
            return bad
        if isinstance(seen.json, dict):
            owner(seen).tos_version = int(seen.json.get("tosVersion", 0))
        return web.json_response({})

    async def _birth_date(self, request: web.Request, seen: Received) -> web.StreamResponse:
        bad = self._desk.bad(seen, checks.shape(seen.json, {"birthDate": checks.TIMESTAMP}, "body"))
        if bad:
            return bad
        account = owner(seen)
        if account.birth_date:
            return answer(faults.BIRTH_DATE_SET, seen)
        if isinstance(seen.json, dict):
            account.birth_date = str(seen.json.get("birthDate", ""))
        return web.json_response({})

    async def _features(self, request: web.Request, seen: Received) -> web.StreamResponse:
        known = seen.body in {grpc_web.NSFW_ON, grpc_web.NSFW_OFF}
        bad = self._desk.bad(seen, [] if known else ["body is not the NSFW switch"])
        if bad:
            return bad
        owner(seen).nsfw = seen.body == grpc_web.NSFW_ON
        return _grpc(grpc_web.message(b"") + grpc_web.trailers())

    # ---------------------------------------------------------------------- files and conversations

    async def _history(self, request: web.Request, seen: Received) -> web.StreamResponse:
        bad = self._desk.bad(seen, checks.listing(seen, checks.CONVERSATIONS_QUERY))
        if bad:
            return bad
        account, kept = owner(seen), self.world.conversations.values()
        mine = [one for one in kept if one.account is account and not one.temporary]
        shown, more = paged(seen, mine, _CONVERSATIONS_A_PAGE)
        return web.json_response({"conversations": [_entry(one) for one in shown], **more})

    async def _forget(self, request: web.Request, seen: Received) -> web.StreamResponse:
        conversation = self.world.conversation_of(owner(seen), request.match_info["id"])
        if not conversation:
            return answer(faults.NOT_FOUND, seen)
        del self.world.conversations[conversation.id]
        return web.json_response({})

    # ------------------------------------------------------------------------- page, signer, solver

    async def _index(self, request: web.Request, seen: Received) -> web.StreamResponse:
        tag = f'<meta name="grok-site-verification" content="{self.world.meta_content}">'
        if self.world.index_gone and seen.path == "/index":
            return web.Response(status=404, text="<!DOCTYPE html><html></html>", content_type="text/html")
        page = f"<!DOCTYPE html><html><head>{tag}<title>Grok</title></head><body></body></html>"
        return web.Response(text=page, content_type="text/html")

    async def _trace(self, request: web.Request) -> web.StreamResponse:
        """What Cloudflare tells anybody about their connection, check or no check."""
        seen = await self._desk.receive(request)
        seen.status = HTTPStatus.OK
        lines = {
            "fl": "8f00demo",
            "h": request.url.host,
            "ip": request.remote,
            "ts": f"{self.world.now():.3f}",
            "visit_scheme": request.scheme,
            "uag": request.headers.get("User-Agent", ""),
            "colo": "FRA",
            "http": "http/1.1",
            "loc": "DE",
            "tls": "off",
            "warp": "off",
        }
        return web.Response(text="".join(f"{name}={value}\n" for name, value in lines.items()))

    async def _sign(self, request: web.Request) -> web.StreamResponse:
        seen = await self._desk.receive(request)
        problems = checks.sign_body(seen.json, self.world)
        if seen.cookie_names:
            problems.append("a signer must not see cookies")
        script = self.world.take_on(seen.path, None)
        self._desk.violate(seen, problems)
        if script and script.refusal:
            return answer(script.refusal, seen)
        if problems:
            return answer(faults.status_refusal(faults.CODE_INVALID, "; ".join(problems), status=400), seen)
        assert isinstance(seen.json, dict)
        method, path = str(seen.json["method"]), str(seen.json["path"])
        value = self._signature(method, path)
        self.world.signed[value] = (method, path)
        seen.status = HTTPStatus.OK
        return web.json_response({"x-statsig-id": value})

    def _signature(self, method: str, path: str) -> str:
        """70 bytes in the layout of §5.3; the part that depends on the site's scripts is invented."""
        seconds = int(self.world.now()) - _SIGNER_EPOCH
        proof = hashlib.sha256(f"{method}!{path}!{seconds}obfiowerehiringdemo".encode()).digest()[:16]
        plain = base64.b64decode(self.world.meta_content) + (seconds & 0xFFFFFFFF).to_bytes(4, "little")
        key = self.world.rng.randrange(256)
        value = bytes([key]) + bytes(byte ^ key for byte in plain + proof + b"\x03")
        return base64.b64encode(value).decode().rstrip("=")

    async def _solve(self, request: web.Request) -> web.StreamResponse:
        seen = await self._desk.receive(request)
        solver = self.world.solver
        problems = checks.solver_body(seen.json)
        self._desk.violate(seen, problems)
        if problems or not isinstance(seen.json, dict):
            return web.json_response({"status": "error", "message": "; ".join(problems)}, status=500)
        wish, name = seen.json, str(seen.json.get("session", ""))
        seen.status = HTTPStatus.OK
        if wish["cmd"] == "sessions.create":
            known = name in solver.sessions
            solver.sessions.setdefault(name, wish.get("proxy"))
            message = "Session already exists." if known else "Session created successfully."
            return web.json_response({"status": "ok", "message": message, "session": name})
        if wish["cmd"] == "sessions.list":
            return web.json_response(
                {"status": "ok", "message": "", "sessions": list(solver.sessions), "version": _SOLVER_VERSION}
            )
        if wish["cmd"] == "sessions.destroy":
            if name not in solver.sessions:
                message = "Error: The session doesn't exist."
                return web.json_response({"status": "error", "message": message}, status=500)
            del solver.sessions[name]
            return web.json_response({"status": "ok", "message": "The session has been removed."})
        if name:
            solver.sessions.setdefault(name, None)
        await silence(solver.delay_s)
        if solver.status == "error":
            return web.json_response({"status": "error", "message": solver.message}, status=500)
        solver.solved += 1
        return web.json_response(self._solution(str(wish["url"])))

    def _solution(self, url: str) -> Json:
        world, solver = self.world, self.world.solver
        wanted = world.clearance_required
        cookie = solver.cookie or (wanted["cookie"] if wanted else "Zk3demo")
        agent = solver.user_agent or (wanted["user_agent"] if wanted else _DEMO_AGENT)
        now_ms = int(world.now() * 1000)
        place = {"domain": f".{_host_of(url)}", "path": "/"}
        ends = int(world.now() + solver.lasts_s)
        clearance = {"name": "cf_clearance", "value": cookie, **place, "expires": ends}
        cookies = [clearance, {"name": "__cf_bm", "value": "demoBm", **place}] if solver.with_cookies else []
        return {
            "status": "ok",
            "message": "Challenge solved!" if cookies else "Challenge not detected!",
            "startTimestamp": now_ms,
            "endTimestamp": now_ms + int(solver.delay_s * 1000),
            "version": _SOLVER_VERSION,
            "solution": {
                "url": url,
                "status": 200,
                **({"userAgent": agent} if solver.with_user_agent else {}),
                "cookies": cookies,
            },
        }


class _Dialogue:
    """One gateway connection: what the client says, checked in its order (§9.6), and the answer to it.

    The listener notices at once when the client leaves, whatever the speaker is doing.
    """

    def __init__(
        self,
        simulator: Simulator,
        request: web.Request,
        socket: web.WebSocketResponse,
        turn: Turn,
        script: Script,
    ) -> None:
        self._simulator = simulator
        self._world = simulator.world
        self._request = request
        self._socket = socket
        self._turn = turn
        self._script = replace(script, wire=script.wire.over(self._world.wire))
        self._conversation: Conversation | None = None
        self._expected = "session.create"
        self._heard: asyncio.Queue[Json] = asyncio.Queue()
        self._item_event_id = ""

    async def hold(self) -> None:
        """Talk until the client leaves, the script ends it, or the client breaks the rules."""
        async with asyncio.TaskGroup() as group:
            speaker = group.create_task(self._speak())
            await self._listen()
            self._turn.finish("left")
            speaker.cancel()

    # ------------------------------------------------------------------------------------ listening

    async def _listen(self) -> None:
        async for message in self._socket:
            frame = json_object(message.data) if message.type == WSMsgType.TEXT else None
            if frame is None:
                if await self._broken("message", ["not one JSON object in a text message"], is_fatal=True):
                    return
                continue
            self._turn.events.append(frame)
            kind = frames.kind_of(frame)
            if kind == "ping":
                if await self._broken(kind, checks.ping(frame)):
                    return
                if self._script.wire.pong:
                    await self._socket.send_frame(_PONG, WSMsgType.TEXT)
            elif kind != self._expected:
                await self._broken(kind, [f"not the time for it, expected: {self._expected}"], is_fatal=True)
                return
            elif await self._broken(kind, self._problems(kind, frame)):
                return
            else:
                self._expected = _NEXT[kind]
                self._heard.put_nowait(frame)

    def _problems(self, kind: str, frame: Json) -> list[str]:
        account = self._turn.account
        if kind == "session.create":
            return checks.session_create(frame)
        assert self._conversation
        session_id = self._conversation.id
        if kind == "response.create":
            return checks.response_create(frame, session_id=session_id, item_event_id=self._item_event_id)
        problems = checks.item_create(frame, session_id=session_id, account=account, world=self._world)
        event = _event(frame)
        self._item_event_id = str(event.get("event_id", ""))
        parent, known = event.get("parent_response_id"), self._conversation.response_ids
        if parent is not None and parent not in known:
            problems.append("parent_response_id is no response of this conversation")
        if parent is None and known:
            problems.append("a continuation without parent_response_id")
        return problems

    async def _broken(self, kind: str, problems: list[str], *, is_fatal: bool = False) -> bool:
        """Record what is wrong; whether the dialogue ends with it."""
        if not problems:
            return False
        self._world.violate(f"gateway {kind}", problems)
        if not (self._world.strict or is_fatal):
            return False
        await self._tell({"code": faults.CODE_INVALID, "message": "; ".join(problems)})
        self._turn.finish("refused")
        return True

    async def _tell(self, error: Json) -> None:
        frame: Json = {"event": {"type": "error", "error": error}}
        if self._conversation:
            frame["session_id"] = self._conversation.id
        await self._socket.send_frame(orjson.dumps(frame), WSMsgType.TEXT)

    # ------------------------------------------------------------------------------------- speaking

    async def _speak(self) -> None:
        try:
            await self._answer()
        except CutOff as end:
            self._turn.finish("cut")
            if end.politely:
                await self._socket.close()
            elif self._request.transport:
                self._request.transport.close()
        except ConnectionError:
            self._turn.finish("left")

    async def _answer(self) -> None:
        turn, script = self._turn, self._script
        session = await self._heard.get()
        for stall in script.stalls_before("acks"):
            await silence(stall.seconds)
        self._conversation = await self._attach(session)
        if not self._conversation:
            return
        # An item that came in the same breath as session.create is heard here, before the acknowledgement.
        await asyncio.sleep(0)
        stage = SocketStage(self._socket, turn, cut_bytes=script.cut_bytes)
        acknowledgement = frames.acknowledge(script, self._greeting(session))
        await play(acknowledgement[:-1], stage, turn)
        self._expected = "conversation.item.create"
        await play(acknowledgement[-1:], stage, turn)

        item, wanted = await self._heard.get(), await self._heard.get()
        self._read(item)
        script, scene = self._simulator.stage_gateway(script, turn, self._conversation)
        scene = replace(scene, client_event_id=str(_event(wanted).get("event_id", "")))
        for stall in script.stalls_before("first_byte"):
            await silence(stall.seconds)
        regular = await play(frames.gateway(script, scene), stage, turn)
        turn.finish("answered" if regular else "failed")
        if any(isinstance(incident, Ended) for incident in script.incidents):
            await self._socket.close()

    async def _attach(self, frame: Json) -> Conversation | None:
        """The conversation the client asks for; `None` after telling that there is no such."""
        turn, world = self._turn, self._world
        session = as_object(_event(frame).get("session"))
        x_grok = as_object(session.get("x_grok"))
        turn.mode = str(session.get("model", "fast"))
        turn.may_draw = x_grok.get("enable_image_generation") is not False
        turn.request = frame
        asked = str(frame.get("session_id", ""))
        if asked:
            found = world.conversation_of(turn.account, asked)
            if not found:
                missing = {"code": faults.CODE_NOT_FOUND, "message": "Conversation not found"}
                await self._tell({**missing, "kind": "conversation_not_found"})
                turn.finish("failed")
            return found
        recorded = _recorded_conversation(self._script)
        temporary = bool(x_grok.get("is_temporary", True))
        return world.converse(turn.account, temporary=temporary, conversation_id=recorded)

    def _greeting(self, session: Json) -> Scene:
        assert self._conversation
        return Scene(
            conversation_id=self._conversation.id,
            request_id="",
            response_id="",
            prompt="",
            mode=self._turn.mode,
            temporary=self._conversation.temporary,
            parent_response_id="",
            stamp=self._world.stamp(),
            client_event_id=str(_event(session).get("event_id", "")),
        )

    def _read(self, frame: Json) -> None:
        turn, event = self._turn, _event(frame)
        chunks = as_list(as_object(as_object(event.get("item")).get("x_grok")).get("input_chunks"))
        said = [as_object(as_object(chunk).get("text")).get("text") for chunk in chunks]
        turn.request = frame
        turn.prompt = "".join(text for text in said if isinstance(text, str))
        turn.parent_response_id = str(event.get("parent_response_id", ""))
        turn.attachments = tuple(str(name) for name in as_list(event.get("file_attachment_ids")))


_NEXT = {
    "session.create": "nothing before session.created and conversation.attached",
    "conversation.item.create": "response.create",
    "response.create": "nothing but pings",
}
_PONG = b'{"event":{"type":"pong"}}'
_USUAL_WINDOW_S = 7200
_CONVERSATIONS_A_PAGE = 60


# -------------------------------------------------------------------------------------- small parts


def _entry(conversation: Conversation) -> Json:
    at = stamp(conversation.created_at)
    return {
        "conversationId": conversation.id,
        "title": conversation.title,
        "starred": False,
        "createTime": at,
        "modifyTime": at,
        "systemPromptName": "",
        "temporary": conversation.temporary,
        "mediaTypes": [],
    }


def _grpc(body: bytes) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": grpc_web.CONTENT_TYPE})


def _grpc_refusal(refusal: Refusal, seen: Received, *, in_headers: bool) -> web.Response:
    """The same refusal as a gRPC status of a 200, in its trailers or its headers (§18.4)."""
    code = {401: 16, 403: 7, 404: 5, 429: 8, 503: 14}.get(refusal.status, 2)
    seen.status = HTTPStatus.OK
    if not in_headers:
        return _grpc(grpc_web.trailers(code, _message_of(refusal)))
    answer = _grpc(b"")
    answer.headers["grpc-status"] = str(code)
    answer.headers["grpc-message"] = quote(_message_of(refusal))
    return answer


def _message_of(refusal: Refusal) -> str:
    told = json_object(refusal.body) or {}
    return str(told.get("message") or as_object(told.get("error")).get("message") or "refused")


def _handshake_refusal(status: int) -> Refusal:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return faults.DEAD_SESSION
        case HTTPStatus.TOO_MANY_REQUESTS:
            return faults.TOO_MANY
        case (
            HTTPStatus.NOT_FOUND
            | HTTPStatus.METHOD_NOT_ALLOWED
            | HTTPStatus.GONE
            | HTTPStatus.UPGRADE_REQUIRED
        ):
            return replace(faults.NOT_FOUND, status=status)
        case HTTPStatus.FORBIDDEN:
            return faults.status_refusal(faults.CODE_DENIED, "Permission denied", status=status)
        case _:
            return faults.status_refusal(faults.CODE_INTERNAL, "The handshake was refused", status=status)


def _event(frame: Json) -> Json:
    return as_object(frame.get("event"))


def _recorded_conversation(script: Script) -> str:
    """The conversation id of a recording; nothing for other scripts."""
    if not script.transcript:
        return ""
    for frame in script.transcript.frames:
        recorded = frame.get("session_id")
        conversation = as_object(as_object(frame.get("result")).get("conversation")).get("conversationId")
        if isinstance(recorded or conversation, str):
            return str(recorded or conversation)
    return ""


def _recorded_response(script: Script) -> str:
    """The id of the recorded answer; nothing for other scripts."""
    for frame in script.transcript.frames if script.transcript else ():
        whole = as_object(as_object(as_object(frame.get("result")).get("response")).get("modelResponse"))
        event = _event(frame)
        done = as_object(event.get("response")) if event.get("type") == "response.done" else {}
        found = whole.get("responseId") or done.get("id")
        if isinstance(found, str):
            return found
    return ""


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ""
