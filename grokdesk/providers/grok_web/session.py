"""One account on one way out: what every call to Grok goes through."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from random import Random
from typing import Final

from grokdesk.core.accounts import Account
from grokdesk.core.egress import Egress
from grokdesk.core.errors import Challenged, UpstreamError
from grokdesk.core.ports import Clock
from grokdesk.core.settings import ChatForm, MediaForm, StatsigMode
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.wire import IMPERSONATIONS, MAX_MESSAGE, Limits, Reply, Socket, Wire
from grokdesk.platform.wire import Call as WireCall
from grokdesk.providers.grok_web.protocol import headers
from grokdesk.providers.grok_web.protocol.failures import http_failure
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.pictures import Places
from grokdesk.providers.grok_web.signer import Signer

log = logging.getLogger(__name__)

# As much of an answer as a refusal, or a small one, may take.
SMALL_BYTES: Final = 64 << 10
# Sent twice, these would make, and count, something twice.
_ONCE: Final = {Call.GENERATE, Call.UPSCALE}


@dataclass(frozen=True, slots=True)
class WebOptions:
    """What the owner's settings say about Grok web, as one value."""

    api_url: str
    assets_url: str
    accounts_url: str
    chat_form: ChatForm = ChatForm.AUTO
    statsig: StatsigMode = StatsigMode.IMITATION
    statsig_value: str = ""
    signer_url: str = ""
    temporary: bool = True
    memory: bool = False
    custom_instruction: str = ""
    fetch_private_addresses: bool = False
    continue_conversations: bool = True
    limits: Limits = field(default_factory=Limits)
    probe_s: float = 25.0
    public_images_url: str = "https://imagine-public.x.ai"
    livekit_url: str = "wss://livekit.grok.com"
    adult: bool = False
    media_form: MediaForm = MediaForm.AUTO
    image_s: float = 180.0
    video_s: float = 900.0
    download_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Means:
    """What all sessions work with."""

    wire: Wire
    clock: Clock
    deadlines: Deadlines
    rng: Random
    signer: Signer


class Session:
    """One account on one way out, with the settings as they were when it began."""

    def __init__(
        self, means: Means, options: WebOptions, account: Account, egress: Egress, limits: Limits
    ) -> None:
        self.means = means
        self.options = options
        self.account = account
        self.places = Places(options.assets_url, options.public_images_url)
        self._egress = egress
        self._limits = limits
        self._impersonate = _impersonation(egress.user_agent)

    @asynccontextmanager
    async def request(
        self,
        method: str,
        call: Call,
        path: str,
        body: bytes = b"",
        *,
        query: str = "",
        boundary: str = "",
        referer: str = "",
    ) -> AsyncIterator[Reply]:
        """Send a call; enter when it was accepted with any 2xx. Raises what the answer means otherwise.

        `referer` is the path of another page to come from than the usual one of the call.

        One that was stopped with a signature made earlier is sent once more with a fresh one (§15.1, §18.4).
        """
        async with AsyncExitStack() as held:
            kept = headers.is_signed(call) and self._has_signature(method, path)
            try:
                reply = await held.enter_async_context(
                    self._sent(method, call, path, body, query=query, boundary=boundary, referer=referer)
                )
            except Challenged as error:
                if not kept:
                    raise
                log.info("signature refused, asking once more call=%s detail=%s", call.value, error.detail)
                reply = await held.enter_async_context(
                    self._sent(method, call, path, body, query=query, boundary=boundary, referer=referer)
                )
            yield reply

    def within(self, limits: Limits) -> Session:
        """The same account on the same way, with other limits."""
        return Session(self.means, self.options, self.account, self._egress, limits)

    @asynccontextmanager
    async def fetch(self, url: str, *, owned: bool) -> AsyncIterator[Reply]:
        """Get a file from `url`; enter when anything was answered. `owned`: only its owner may have it."""
        built = headers.download_headers(
            token=self.account.token.reveal() if owned else "",
            user_agent=self._egress.user_agent,
            cf_cookies=self._egress.cookies.reveal() if owned else "",
            request_id=str(uuid.uuid4()),
        )
        async with self.means.wire.stream(self._wire_call("GET", url, built)) as reply:
            yield reply

    @asynccontextmanager
    async def connect(
        self, path: str, user_id: str = "", *, call: Call = Call.CHAT, max_message: int = MAX_MESSAGE
    ) -> AsyncIterator[Socket]:
        """Open a WebSocket; that of chat needs the `user_id`. Raises what the answer means when refused."""
        built = headers.handshake_headers(
            token=self.account.token.reveal(),
            user_agent=self._egress.user_agent,
            cf_cookies=self._egress.cookies.reveal(),
            user_id=user_id,
            origin=self.options.api_url,
        )
        address = f"{self.options.api_url.replace('http', 'ws', 1)}{path}"
        handshake = self._wire_call("GET", address, built)
        async with self.means.wire.connect(handshake, max_message=max_message) as socket:
            if not socket.is_open:
                raise await self._failure(call, socket)
            yield socket

    @asynccontextmanager
    async def _sent(
        self, method: str, call: Call, path: str, body: bytes, *, query: str, boundary: str, referer: str
    ) -> AsyncIterator[Reply]:
        options = self.options
        base = options.accounts_url if call is Call.ACCOUNT_TERMS else options.api_url
        built = headers.rest_headers(
            call=call,
            token=self.account.token.reveal(),
            user_agent=self._egress.user_agent,
            cf_cookies=self._egress.cookies.reveal(),
            request_id=str(uuid.uuid4()),
            statsig=await self._statsig(method, path) if headers.is_signed(call) else "",
            origin=base,
            boundary=boundary,
            referer=referer,
        )
        address = f"{base}{path}?{query}" if query else f"{base}{path}"
        wired = self._wire_call(method, address, built, body, once=call in _ONCE)
        async with self.means.wire.stream(wired) as reply:
            if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
                failure = await self._failure(call, reply)
                if isinstance(failure, Challenged):
                    self.means.signer.forget(options.api_url, options.signer_url, method, path)
                raise failure
            yield reply

    async def _statsig(self, method: str, path: str) -> str:
        """The x-statsig-id of a call to `path`, or nothing (decision 13)."""
        options = self.options
        match options.statsig:
            case StatsigMode.IMITATION:
                return headers.imitation_statsig(self.means.rng)
            case StatsigMode.MANUAL:
                return options.statsig_value
            case StatsigMode.SIGNER:
                return await self.means.signer.value(
                    options.api_url, options.signer_url, method, path, self._page
                )
            case StatsigMode.OFF:
                return ""

    def _has_signature(self, method: str, path: str) -> bool:
        options = self.options
        return options.statsig is StatsigMode.SIGNER and self.means.signer.knows(
            options.api_url, options.signer_url, method, path
        )

    async def _page(self, path: str) -> tuple[int, bytes]:
        page_headers = headers.page_headers(
            token=self.account.token.reveal(),
            user_agent=self._egress.user_agent,
            cf_cookies=self._egress.cookies.reveal(),
        )
        call = self._wire_call("GET", f"{self.options.api_url}{path}", page_headers)
        async with self.means.wire.stream(call) as reply:
            return reply.status, await reply.body()

    def _wire_call(
        self, method: str, url: str, built: list[tuple[str, str]], body: bytes = b"", *, once: bool = False
    ) -> WireCall:
        return WireCall(
            method,
            url,
            built,
            body,
            impersonate=self._impersonate,
            proxy=self._egress.proxy.reveal(),
            verify_proxy=self._egress.verify,
            limits=self._limits,
            once=once,
        )

    async def _failure(self, call: Call, reply: Reply) -> UpstreamError:
        body = await reply.body(SMALL_BYTES)
        return http_failure(reply.status, reply.headers, body, call=call, now=self.means.clock.now())


@lru_cache(maxsize=256)
def _impersonation(user_agent: str) -> str:
    """The TLS profile for a user agent. There are few of them, and each request needs one."""
    return headers.impersonation(user_agent, IMPERSONATIONS)
