"""Grok web as an upstream: opens the chat in either form and asks accounts what they are.

Two forms of one thing (decision 12): the message gateway, a WebSocket that needs the account's user id, and
the older REST stream. Both decode to the same events; `auto` starts with the gateway, falls back once when
upstream does not know it, and remembers that for an hour.
"""

from __future__ import annotations

import logging
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from types import TracebackType
from typing import Final, Self

from grokdesk.core.accounts import (
    Account,
    AccountId,
    Credits,
    MediaQuota,
    Mode,
    Product,
    Report,
    Tier,
    Window,
)
from grokdesk.core.conversation import Message, Request
from grokdesk.core.egress import Egress
from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    FormGone,
    Garbled,
    Overloaded,
    RateLimited,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)
from grokdesk.core.events import Batch, Event
from grokdesk.core.ports import Clock, Lease
from grokdesk.core.settings import ChatForm, StatsigMode
from grokdesk.platform.deadlines import Deadline, Deadlines
from grokdesk.platform.wire import IMPERSONATIONS, Limits, Reply, Socket, Wire
from grokdesk.platform.wire import Call as WireCall
from grokdesk.providers.attachments import fetch
from grokdesk.providers.grok_web.protocol import headers, identity, payload, quota, uploads
from grokdesk.providers.grok_web.protocol.failures import http_failure
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.message_gateway import GatewayDecoder
from grokdesk.providers.grok_web.protocol.stream import RestDecoder
from grokdesk.providers.grok_web.protocol.uploads import File
from grokdesk.providers.grok_web.rounds import Asking, Rounds, block_for, messages_for, needs_rounds
from grokdesk.providers.grok_web.signer import FetchPage, Signer
from grokdesk.providers.grok_web.threads import Further, Kept, Thread, Threads

log = logging.getLogger(__name__)

_REMEMBER_S: Final = 3_600.0
_PING_S: Final = 25.0  # protocol/grok-web-chat.md §9.1
_OK: Final = 200
_LAST_WORDS_S: Final = 2.0
_CHAT_PATH: Final = "/rest/app-chat/conversations/new"
_FAILURE_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class WebOptions:
    """What the owner's settings say about Grok web, as one value."""

    api_url: str
    assets_url: str
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


class GrokWeb:
    """The provider of Grok's web chat.

    `learned` hears the user id and mail address of an account when upstream tells.
    """

    key = "grok_web"

    def __init__(
        self,
        wire: Wire,
        *,
        options: Callable[[], WebOptions],
        clock: Clock,
        deadlines: Deadlines,
        rng: Random,
        learned: Callable[[AccountId, Report], None],
    ) -> None:
        self._wire = wire
        self._options = options
        self._clock = clock
        self._deadlines = deadlines
        self._rng = rng
        self._learned = learned
        self._signer = Signer(wire, clock)
        self._rest_until = 0.0
        self._user_ids: dict[AccountId, str] = {}
        self._threads = Threads(clock.now)

    # -- chat

    @asynccontextmanager
    async def open(
        self, request: Request, lease: Lease, egress: Egress
    ) -> AsyncIterator[AsyncIterator[Batch]]:
        """See `core.ports.Provider.open`."""
        session = _Session(self, self._options(), lease, egress)
        messages = messages_for(request)
        further = self._further(messages, lease, session.options)
        async with _Chat(self, session) as chat:
            if further is not None:
                try:
                    asking = await session.asking(request, messages[further.start :], further.thread)
                    events = await chat.ask(asking)
                except (*_TELLING, RateLimited):
                    raise
                except UpstreamError as error:
                    # Whatever is wrong with an old conversation, a new one with the whole history may work.
                    log.info("conversation not continued why=%s detail=%s", error.message, error.detail)
                    self._threads.refused()
                    further = None
            if further is None:
                asking = await session.asking(request, messages)
                events = await chat.ask(asking)
            read = events
            if needs_rounds(request):
                read = Rounds(request, asking, chat.ask, events, lambda: session.thread)
            if session.thread is not None:
                read = Kept(read, lambda answer: self._keep(messages, answer, session))
            yield read

    def account_for(self, request: Request) -> AccountId | None:
        """The account whose conversation `request` continues; see `core.ports.Remembers`."""
        options = self._options()
        if not options.continue_conversations or self.form(options) is ChatForm.REST:
            return None
        further = self._threads.find(messages_for(request))
        return None if further is None else further.thread.account

    def _further(self, messages: Sequence[Message], lease: Lease, options: WebOptions) -> Further | None:
        if not options.continue_conversations or self.form(options) is ChatForm.REST:
            return None
        further = self._threads.find(messages)
        return further if further is not None and further.thread.account == lease.account.id else None

    def _keep(self, messages: Sequence[Message], answer: Message, session: _Session) -> None:
        if session.thread is not None:
            self._threads.keep(messages, answer, session.thread)

    def form(self, options: WebOptions) -> ChatForm:
        """The form to begin with."""
        if options.chat_form is ChatForm.AUTO and self._clock.now() < self._rest_until:
            return ChatForm.REST
        return options.chat_form

    def gateway_gone(self, why: FormGone) -> None:
        """Upstream does not know the gateway: leave it alone for an hour."""
        log.warning("message gateway is gone, using the older form detail=%s", why.detail)
        self._rest_until = self._clock.now() + _REMEMBER_S

    # -- accounts

    async def probe(self, account: Account, egress: Egress, *, modes: Collection[Mode] = ()) -> Report:
        """See `core.ports.Provider.probe`: who it is, windows, weekly pool, what it may draw (§16, §17).

        What one call does not tell is left out, unless it says something about the account or the way there.
        """
        session = _Session(self, self._options(), Lease(account, Mode.FAST), egress, probing=True)
        windows: dict[Mode, Window] = {}
        if modes and account.credits is None:
            for mode in modes:
                await session.ask_window(mode, windows)
            return Report(windows=windows)
        who = identity.Identity()
        try:
            who = await session.identity()
        except FormGone:
            log.info("identity cannot be asked account=%s", account.id)
        for mode in (Mode.AUTO, Mode.FAST):
            await session.ask_window(mode, windows)
        tier = quota.infer_tier(windows)
        for mode in _FURTHER_MODES.get(tier or account.tier, ()):
            await session.ask_window(mode, windows)
        tier = quota.infer_tier(windows)
        pool = await session.ask_credits() if (tier or account.tier) in _PAID else _NO_POOL
        return Report(
            user_id=who.user_id,
            email=who.email,
            tier=tier,
            windows={} if pool.credits is not None else windows,
            credits=pool.credits,
            metered=pool.metered,
            media=await session.ask_media(),
        )

    # -- what a session needs of its provider

    async def user_id(self, session: _Session, account: Account) -> str:
        """The account's user id, asked once."""
        known = account.user_id or self._user_ids.get(account.id, "")
        if known:
            return known
        who = await session.identity()
        if not identity.is_uuid(who.user_id):
            raise _NoUserId(
                "Grok did not tell the user id of this account, "
                "without which its current chat cannot be opened.",
                hint="Set grok_web.chat_form to rest or auto.",
            )
        self._user_ids[account.id] = who.user_id
        self._learned(account.id, Report(user_id=who.user_id, email=who.email))
        return who.user_id

    async def statsig(self, options: WebOptions, path: str, fetch_page: FetchPage) -> str:
        """The x-statsig-id for a POST to `path`, or nothing (decision 13)."""
        match options.statsig:
            case StatsigMode.IMITATION:
                return headers.imitation_statsig(self._rng)
            case StatsigMode.MANUAL:
                return options.statsig_value
            case StatsigMode.SIGNER:
                return await self._signer.value(options.api_url, options.signer_url, "POST", path, fetch_page)
            case StatsigMode.OFF:
                return ""

    def statsig_refused(self, options: WebOptions, path: str) -> None:
        """Upstream did not like a call's fingerprint."""
        self._signer.forget(options.api_url, options.signer_url, "POST", path)

    @property
    def wire(self) -> Wire:
        """The door outside."""
        return self._wire

    @property
    def deadlines(self) -> Deadlines:
        """The keeper of time limits."""
        return self._deadlines

    @property
    def clock(self) -> Clock:
        """The time."""
        return self._clock


_FURTHER_MODES: Final[dict[Tier, tuple[Mode, ...]]] = {
    Tier.SUPER: (Mode.EXPERT, Mode.GROK_4_3),
    Tier.HEAVY: (Mode.EXPERT, Mode.HEAVY, Mode.GROK_4_3),
}


_PAID: Final = (Tier.SUPER, Tier.HEAVY)


@dataclass(frozen=True, slots=True)
class _Pool:
    """The weekly pool of an account; `metered` says that it has none and its windows count."""

    credits: Credits | None = None
    metered: bool = False


_NO_POOL: Final = _Pool(metered=True)

# What says something about the account or the way there, and so ends a check; anything else is one mode's own
# affair.
_TELLING: Final = (AccountRejected, Challenged, Overloaded, Unreachable, UpstreamTimeout)


class _NoUserId(Garbled):
    """The gateway needs a user id that upstream does not give for this account."""


@lru_cache(maxsize=256)
def _impersonation(user_agent: str) -> str:
    """The TLS profile for a user agent. There are few of them, and each request needs one."""
    return headers.impersonation(user_agent, IMPERSONATIONS)


class _Chat:
    """The upstream turn of a request, one at a time: asking again ends the one before."""

    def __init__(self, provider: GrokWeb, session: _Session) -> None:
        self._provider = provider
        self._session = session
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._open.__aexit__(kind, error, trace)

    async def ask(self, asking: Asking) -> AsyncIterator[Batch]:
        """Open a turn in the form that fits, falling back once (decision 12)."""
        await self._open.aclose()
        options = self._session.options
        form = self._provider.form(options)
        if form is not ChatForm.REST:
            try:
                return await self._open.enter_async_context(self._session.gateway(asking))
            except FormGone as gone:
                # The other form does not know the conversation: there it has to be told in full.
                if form is ChatForm.GATEWAY or asking.thread is not None:
                    raise
                self._provider.gateway_gone(gone)
            except _NoUserId:
                if form is ChatForm.GATEWAY or asking.thread is not None:
                    raise
        return await self._open.enter_async_context(self._session.rest(asking))


class _Session:
    """One account on one way out: everything a call to Grok needs."""

    def __init__(
        self, provider: GrokWeb, options: WebOptions, lease: Lease, egress: Egress, *, probing: bool = False
    ) -> None:
        self._provider = provider
        self.options = options
        self._account = lease.account
        self._mode = lease.mode
        self._egress = egress
        self._limits = (
            Limits(options.limits.connect_s, options.probe_s, options.probe_s, options.probe_s)
            if probing
            else options.limits
        )
        self._impersonate = _impersonation(egress.user_agent)
        self._decoder: GatewayDecoder | None = None

    # -- what is asked

    @property
    def thread(self) -> Thread | None:
        """Where the conversation of the last turn can be continued, once that turn is over."""
        if self._decoder is None:
            return None
        return Thread(self._account.id, self._decoder.conversation_id, self._decoder.response_id)

    async def asking(
        self, request: Request, messages: Sequence[Message], thread: Thread | None = None
    ) -> Asking:
        """What to ask, with the files of `messages`, those named by address fetched (decision 15).

        Raises `InvalidRequest` when there is nothing to ask, or a file cannot be had.
        """
        found = payload.files_of(messages)
        files = []
        for number, media in enumerate(found, 1):
            data, media_type, name = media.data, media.media_type, media.name
            if media.url:
                fetched = await fetch(
                    self._provider.wire, media.url, allow_private=self.options.fetch_private_addresses
                )
                data, media_type, name = fetched.data, media_type or fetched.media_type, name or fetched.name
            files.append(uploads.prepared(data, media_type, name, number))
        return Asking(tuple(messages), block_for(request), tuple(uploads.checked(files)), thread)

    # -- chat, older form

    @asynccontextmanager
    async def rest(self, asking: Asking) -> AsyncIterator[AsyncIterator[Batch]]:
        options = self.options
        file_ids = [await self._uploaded_older(file) for file in asking.files]
        body = payload.rest_body(
            message=asking.text(),
            mode_id=self._mode.value,
            temporary=options.temporary,
            memory=options.memory,
            custom_instruction=options.custom_instruction,
            file_ids=file_ids,
        )
        async with self._post(Call.CHAT, _CHAT_PATH, body) as reply:
            yield _RestEvents(reply, RestDecoder(assets_url=options.assets_url))

    async def _uploaded_older(self, file: File) -> str:
        body = uploads.json_body(file)
        async with self._post(Call.UPLOAD_OLDER, "/rest/app-chat/upload-file", body) as reply:
            return uploads.file_id(await reply.body())

    # -- chat, current form

    @asynccontextmanager
    async def gateway(self, asking: Asking) -> AsyncIterator[AsyncIterator[Batch]]:
        options, thread = self.options, asking.thread
        message = asking.text("" if thread else options.custom_instruction)
        user_id = await self._provider.user_id(self, self._account)
        file_ids = [await self._uploaded(file) for file in asking.files]
        init_id = f"evt_init_{uuid.uuid4()}"
        async with self._provider.wire.connect(self._handshake(user_id)) as socket:
            if not socket.is_open:
                raise await self._failure(Call.CHAT, socket)
            socket.send(
                payload.session_create(
                    event_id=init_id,
                    mode_id=self._mode.value,
                    temporary=options.temporary,
                    memory=options.memory,
                    conversation_id=thread.conversation_id if thread else "",
                )
            )
            decoder = GatewayDecoder(
                event_init_id=init_id,
                conversation_id=thread.conversation_id if thread else "",
                assets_url=options.assets_url,
            )
            self._decoder = decoder
            events = _GatewayEvents(socket, decoder, self._provider)
            with events.pinging():
                await events.until_ready()
                now_ms = int(self._provider.clock.now() * 1000)
                socket.send(
                    payload.item_create(
                        session_id=decoder.session_id,
                        event_id=f"evt_msg_{now_ms}",
                        message_id=str(uuid.uuid4()),
                        text=message,
                        file_ids=file_ids,
                        parent_response_id=thread.response_id if thread else None,
                    )
                )
                socket.send(
                    payload.response_create(session_id=decoder.session_id, event_id=f"evt_resp_{now_ms}")
                )
                yield events
                if events.over:
                    socket.close()

    async def _uploaded(self, file: File) -> str:
        boundary = f"----WebKitFormBoundary{uuid.uuid4().hex[:16]}"
        call = self._rest_call(
            "POST",
            Call.UPLOAD,
            "/http/upload-file-v2/direct",
            uploads.multipart(file, boundary),
            boundary=boundary,
        )
        async with self._provider.wire.stream(call) as reply:
            if reply.status != _OK:
                raise await self._failure(Call.UPLOAD, reply)
            return uploads.file_id(await reply.body())

    def _handshake(self, user_id: str) -> WireCall:
        base = self.options.api_url.replace("http", "ws", 1)
        return self._wire_call(
            "GET",
            f"{base}/ws/mgw/?uid={user_id}",
            headers.handshake_headers(
                token=self._account.token.reveal(),
                user_agent=self._egress.user_agent,
                cf_cookies=self._egress.cookies.reveal(),
                user_id=user_id,
                origin=self.options.api_url,
            ),
        )

    # -- what an account is

    async def identity(self) -> identity.Identity:
        async with self._get(Call.SESSION, "/api/auth/session") as reply:
            return identity.read(await reply.body(_FAILURE_BYTES))

    async def ask_window(self, mode: Mode, windows: dict[Mode, Window]) -> None:
        """Put what upstream tells about `mode` into `windows`; a mode it does not tell about is left out."""
        try:
            async with self._post(
                Call.RATE_LIMITS, "/rest/rate-limits", quota.rate_limits_body(mode)
            ) as reply:
                window = quota.window(await reply.body(), mode, self._provider.clock.now())
        except _TELLING:
            raise
        except UpstreamError as error:
            log.info("no quota account=%s mode=%s why=%s", self._account.id, mode, error.detail)
            return
        if window is not None:
            windows[mode] = window

    async def ask_credits(self) -> _Pool:
        """The weekly pool; nothing is known of it when upstream does not tell (§16.5)."""
        path = "/grok_api_v2.GrokBuildBilling/GetGrokCreditsConfig"
        try:
            async with self._post(Call.CREDITS, path, quota.EMPTY_MESSAGE) as reply:
                body, said = await reply.body(_FAILURE_BYTES), reply.headers
        except _TELLING:
            raise
        except UpstreamError as error:
            log.info("no weekly pool account=%s why=%s", self._account.id, error.detail)
            return _Pool()
        try:
            pool = quota.weekly_credits(body, said)
        except AccountRejected:
            raise
        except UpstreamError as error:  # a refusal of this one question, whatever its code
            log.info("no weekly pool account=%s why=%s", self._account.id, error.detail)
            return _Pool()
        return _Pool(pool, metered=pool is None)

    async def ask_media(self) -> dict[Product, MediaQuota]:
        """What is left of pictures and videos; empty when upstream does not tell (§16.6)."""
        path = "/rest/media/imagine/quota_info"
        try:
            async with self._post(Call.IMAGINE_QUOTA, path, quota.IMAGINE_QUOTA_BODY) as reply:
                return quota.imagine_quotas(await reply.body(_FAILURE_BYTES), self._provider.clock.now())
        except _TELLING:
            raise
        except UpstreamError as error:
            log.info("no picture quotas account=%s why=%s", self._account.id, error.detail)
            return {}

    # -- calls

    @asynccontextmanager
    async def _post(self, call: Call, path: str, body: bytes) -> AsyncIterator[Reply]:
        statsig = await self._provider.statsig(self.options, path, self._page)
        async with self._provider.wire.stream(self._rest_call("POST", call, path, body, statsig)) as reply:
            if reply.status != _OK:
                failure = await self._failure(call, reply)
                if isinstance(failure, Challenged):
                    self._provider.statsig_refused(self.options, path)
                raise failure
            yield reply

    @asynccontextmanager
    async def _get(self, call: Call, path: str) -> AsyncIterator[Reply]:
        async with self._provider.wire.stream(self._rest_call("GET", call, path)) as reply:
            if reply.status != _OK:
                raise await self._failure(call, reply)
            yield reply

    async def _page(self, path: str) -> tuple[int, bytes]:
        page_headers = headers.page_headers(
            token=self._account.token.reveal(),
            user_agent=self._egress.user_agent,
            cf_cookies=self._egress.cookies.reveal(),
        )
        call = self._wire_call("GET", f"{self.options.api_url}{path}", page_headers)
        async with self._provider.wire.stream(call) as reply:
            return reply.status, await reply.body()

    def _rest_call(
        self, method: str, call: Call, path: str, body: bytes = b"", statsig: str = "", boundary: str = ""
    ) -> WireCall:
        built = headers.rest_headers(
            call=call,
            token=self._account.token.reveal(),
            user_agent=self._egress.user_agent,
            cf_cookies=self._egress.cookies.reveal(),
            request_id=str(uuid.uuid4()),
            statsig=statsig,
            origin=self.options.api_url,
            boundary=boundary,
        )
        return self._wire_call(method, f"{self.options.api_url}{path}", built, body)

    def _wire_call(self, method: str, url: str, built: list[tuple[str, str]], body: bytes = b"") -> WireCall:
        return WireCall(
            method,
            url,
            built,
            body,
            impersonate=self._impersonate,
            proxy=self._egress.proxy.reveal(),
            verify_proxy=self._egress.verify,
            limits=self._limits,
        )

    async def _failure(self, call: Call, reply: Reply) -> UpstreamError:
        body = await reply.body(_FAILURE_BYTES)
        return http_failure(reply.status, reply.headers, body, call=call, now=self._provider.clock.now())


class _RestEvents:
    """The events of a REST answer, everything that has arrived at a time.

    After the soft stop the answer is whole, and the body only has a little more to tell (§8.8): it gets a
    moment for that, and a break then is not a failure.
    """

    def __init__(self, reply: Reply, decoder: RestDecoder) -> None:
        self._reply = reply
        self._decoder = decoder
        self._hurried = False
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        while not self._over:
            if self._decoder.done or not (data := await self._data()):
                self._over = True
                return self._decoder.end()
            events = self._decoder.feed(data)
            if self._decoder.complete and not self._hurried:
                self._hurried = True
                self._reply.patience(_LAST_WORDS_S)
            if events:
                return events
        raise StopAsyncIteration

    async def _data(self) -> bytes:
        try:
            return await self._reply.chunk()
        except (Unreachable, UpstreamTimeout):
            if self._decoder.complete:
                return b""
            raise


class _GatewayEvents:
    """The events of a gateway turn, everything that has arrived at a time."""

    def __init__(self, socket: Socket, decoder: GatewayDecoder, provider: GrokWeb) -> None:
        self._socket = socket
        self._decoder = decoder
        self._provider = provider
        self._messages: deque[bytes] = deque()
        self._ping: Deadline | None = None
        self.over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        while not self.over:
            if self._decoder.done or not await self._has_message():
                self.over = True
                return self._decoder.end()
            events: list[Event] = []
            # What came in one go with a failure is not told: before the first piece another account can then
            # answer in full.
            while self._messages and not self._decoder.done:
                events += self._decoder.feed(self._messages.popleft())
            if events:
                return events
        raise StopAsyncIteration

    async def until_ready(self) -> None:
        """Wait for both acknowledgements (§9.6).

        Raises what `GatewayDecoder` raises when the turn ends before them.
        """
        while not self._decoder.ready:
            if self._decoder.done or not await self._has_message():
                self.over = True
                self._decoder.end()
                raise Garbled("Grok ended the conversation before it began.", detail="no acknowledgement")
            self._decoder.feed(self._messages.popleft())

    @contextmanager
    def pinging(self) -> Iterator[None]:
        """Send the browser's heartbeat while inside (§9.1)."""
        self._ping = self._provider.deadlines.after(_PING_S, self._beat)
        try:
            yield
        finally:
            self._ping.cancel()

    def _beat(self) -> None:
        now_ms = int(self._provider.clock.now() * 1000)
        self._socket.send(payload.ping(f"evt_hb_{now_ms}"))
        if self._ping is not None:
            self._ping.extend(_PING_S)

    async def _has_message(self) -> bool:
        if not self._messages:
            self._messages.extend(await self._socket.messages())
        return bool(self._messages)
