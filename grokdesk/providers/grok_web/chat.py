"""Asking Grok in either form of chat: the message gateway, a WebSocket, or the older REST stream.

See decision 12.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Final, Self

from grokdesk.core.accounts import Mode
from grokdesk.core.conversation import ChatRequest, Message
from grokdesk.core.errors import FormGone, Garbled
from grokdesk.core.events import Batch
from grokdesk.core.settings import ChatForm
from grokdesk.providers.attachments import fetch
from grokdesk.providers.grok_web.chat_events import GatewayEvents, RestEvents
from grokdesk.providers.grok_web.protocol import payload, uploads
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.message_gateway import GatewayDecoder
from grokdesk.providers.grok_web.protocol.stream import RestDecoder
from grokdesk.providers.grok_web.rounds import Asking, block_for
from grokdesk.providers.grok_web.session import Session, WebOptions
from grokdesk.providers.grok_web.threads import Thread
from grokdesk.providers.grok_web.uploading import upload, upload_older

log = logging.getLogger(__name__)

_REMEMBER_S: Final = 3_600.0


class NoUserId(Garbled):
    """The gateway needs a user id that upstream does not give for this account."""


class Forms:
    """Which form of chat to begin with, remembering for an hour that the gateway is gone."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._rest_until = 0.0

    def first(self, options: WebOptions) -> ChatForm:
        """The form to begin with."""
        if options.chat_form is ChatForm.AUTO and self._now() < self._rest_until:
            return ChatForm.REST
        return options.chat_form

    def gateway_gone(self, why: FormGone) -> None:
        """Upstream does not know the gateway: leave it alone for an hour."""
        log.warning("message gateway is gone, using the older form detail=%s", why.detail)
        self._rest_until = self._now() + _REMEMBER_S


class Chat:
    """The upstream turn of a request, one at a time: asking again ends the one before.

    In a `drawing` pictures are handed on as they are finished, not at the end.
    """

    def __init__(
        self,
        session: Session,
        mode: Mode,
        forms: Forms,
        user_id: Callable[[Session], Awaitable[str]],
        *,
        drawing: bool = False,
    ) -> None:
        self._drawing = drawing
        self._session = session
        self._mode = mode
        self._forms = forms
        self._user_id = user_id
        self._open = AsyncExitStack()
        self._decoder: GatewayDecoder | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._open.__aexit__(kind, error, trace)

    @property
    def thread(self) -> Thread | None:
        """Where the conversation of the last turn can be continued, once that turn is over."""
        if self._decoder is None:
            return None
        account = self._session.account.id
        return Thread(account, self._decoder.conversation_id, self._decoder.response_id)

    async def asking(
        self, request: ChatRequest, messages: Sequence[Message], thread: Thread | None = None
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
                    self._session.means.wire,
                    media.url,
                    allow_private=self._session.options.fetch_private_addresses,
                )
                data, media_type, name = fetched.data, media_type or fetched.media_type, name or fetched.name
            files.append(uploads.prepared(data, media_type, name, number))
        return Asking(tuple(messages), block_for(request), tuple(uploads.checked(files)), thread)

    async def ask(self, asking: Asking) -> AsyncIterator[Batch]:
        """Open a turn in the form that fits, falling back once (decision 12)."""
        await self._open.aclose()
        form = self._forms.first(self._session.options)
        if form is not ChatForm.REST:
            try:
                return await self._open.enter_async_context(self._gateway(asking))
            except FormGone as gone:
                # The other form does not know the conversation: there it has to be told in full.
                if form is ChatForm.GATEWAY or asking.thread is not None:
                    raise
                self._forms.gateway_gone(gone)
            except NoUserId:
                if form is ChatForm.GATEWAY or asking.thread is not None:
                    raise
        return await self._open.enter_async_context(self._rest(asking))

    # -- older form

    @asynccontextmanager
    async def _rest(self, asking: Asking) -> AsyncIterator[AsyncIterator[Batch]]:
        options = self._session.options
        file_ids = [uploads.file_id(await upload_older(self._session, file)) for file in asking.files]
        body = payload.rest_body(
            message=asking.text(),
            mode_id=self._mode.value,
            temporary=options.temporary,
            memory=options.memory,
            custom_instruction=options.custom_instruction,
            file_ids=file_ids,
        )
        async with self._session.request("POST", Call.CHAT, payload.CHAT_PATH, body) as reply:
            yield RestEvents(reply, RestDecoder(assets_url=options.assets_url, drawing=self._drawing))

    # -- current form

    @asynccontextmanager
    async def _gateway(self, asking: Asking) -> AsyncIterator[AsyncIterator[Batch]]:
        session, thread = self._session, asking.thread
        options, means = session.options, session.means
        message = asking.text("" if thread else options.custom_instruction)
        user_id = await self._user_id(session)
        file_ids = [uploads.file_id(await upload(session, Call.UPLOAD, file)) for file in asking.files]
        init_id = f"evt_init_{uuid.uuid4()}"
        async with session.connect(f"/ws/mgw/?uid={user_id}", user_id) as socket:
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
                drawing=self._drawing,
            )
            self._decoder = decoder
            events = GatewayEvents(socket, decoder, means.deadlines, means.clock)
            with events.pinging():
                await events.until_ready()
                now_ms = int(means.clock.now() * 1000)
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
